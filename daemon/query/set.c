#include "query/set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/mem.h"
#include "query/doc.h"

#define SKETCH       65536     /* counters of how many items had a key, by hash */
#define FORGET_ITEMS (1 << 20) /* then all counts are halved: the news change */
#define KEYS_MAX     64   /* alternatives of one query; with more it is asked about every item */
#define REVIEWED     4    /* queries whose keys are chosen anew with each item */
#define PRIOR_ITEMS  20.0 /* how much a guess from the kind of key weighs */
#define PREFIX_MAX   63   /* longer beginnings are kept by their first so many bytes */

/* What an item can be known to need. */
enum key_kind { KEY_WORD, KEY_PREFIX, KEY_FEED, KEY_TAG, KEY_SITE, KEY_LANG, N_KEYS };

struct key {
    enum key_kind kind;
    const char *p; /* borrowed from the query, or from `text` */
    uint32_t n, hash;
};

struct entry;

struct posting { /* the queries under one key */
    UT_hash_handle hh;
    char *key;
    uint32_t n, cap;
    struct entry **entries;
};

struct entry {
    UT_hash_handle hh;
    uint64_t id;
    const struct query *q;
    uint64_t stamp; /* the item it was last a candidate of */
    struct key keys[KEYS_MAX];
    size_t n_keys; /* 0 = asked about every item */
    double cost;   /* part of the items that lead here, as estimated */
};

struct query_set {
    struct posting *by_kind[N_KEYS];
    struct entry *entries; /* by id */
    struct entry *review;  /* whose keys are looked at next; NULL = the first */
    struct posting unkeyed;
    uint64_t prefix_lengths[PREFIX_MAX + 1]; /* how many postings have it */
    uint32_t *sketch;
    double items; /* counted in the sketch */
    struct query_set_counts counts;

    /* of query_set_match */
    struct matcher *m;
    int64_t now;
    query_set_fn *cb;
    void *ctx;
};

struct query_set *query_set_new(void)
{
    struct query_set *s = xcalloc(1, sizeof *s);
    s->sketch = xcalloc(SKETCH, sizeof *s->sketch);
    return s;
}

/* ---- how rare a key is --------------------------------------------------------------------- */

static uint32_t *counter(const struct query_set *s, enum key_kind kind, uint32_t hash)
{
    uint32_t h = (hash ^ ((uint32_t)kind * 0x9e3779b9u)) * 2654435761u;
    return &s->sketch[h >> 16];
}

static double guess(const struct key *k)
{
    switch (k->kind) {
    case KEY_WORD:
        return k->n <= 3 ? 0.2 : k->n <= 5 ? 0.05 : 0.01;
    case KEY_PREFIX:
        return k->n <= 1 ? 1 : k->n <= 3 ? 0.5 : k->n <= 5 ? 0.1 : 0.02;
    case KEY_LANG:
        return 0.5;
    default:
        return 0.01;
    }
}

/* The part of items that have it. A beginning that nobody asks for is not counted: its guess. */
static double cost_of(const struct query_set *s, const struct key *k)
{
    if (k->kind == KEY_PREFIX && !s->prefix_lengths[k->n])
        return guess(k);
    double seen = *counter(s, k->kind, k->hash);
    return (seen + PRIOR_ITEMS * guess(k)) / (s->items + PRIOR_ITEMS);
}

static void count_key(struct query_set *s, enum key_kind kind, uint32_t hash)
{
    uint32_t *c = counter(s, kind, hash);
    *c += *c < UINT32_MAX;
}

static void count_item(struct query_set *s)
{
    s->counts.items++;
    s->items++;
    if (s->items < FORGET_ITEMS)
        return;
    for (size_t i = 0; i < SKETCH; i++)
        s->sketch[i] /= 2;
    s->items /= 2;
}

/* ---- the keys of a query ------------------------------------------------------------------- */

struct choice {
    struct key keys[KEYS_MAX];
    size_t n;
    double cost;
};

static void choose(const struct query_set *s, const struct node *n, struct choice *ret);

static void one_key(const struct query_set *s, struct choice *ret, enum key_kind kind,
                    const char *p, size_t n, uint32_t hash)
{
    struct key k = {kind, p, (uint32_t)n, hash};
    double cost = cost_of(s, &k);
    if (ret->n && ret->cost <= cost)
        return;
    ret->keys[0] = k;
    ret->n = 1;
    ret->cost = cost;
}

static void choose_phrase(const struct query_set *s, const struct node *n, struct choice *ret)
{
    for (uint32_t i = 0; i < n->n_tokens; i++) {
        const struct token *t = &n->tokens[i];
        size_t len = MIN((size_t)t->n, (size_t)PREFIX_MAX);
        if (n->prefix && i + 1 == n->n_tokens)
            one_key(s, ret, KEY_PREFIX, t->p, len, token_hash(t->p, len));
        else
            one_key(s, ret, KEY_WORD, t->p, t->n, t->hash);
    }
}

/* Of what must all hold the rarest. */
static void choose_rarest(const struct query_set *s, const struct node *n, struct choice *ret)
{
    for (size_t i = 0; i < n->n_children; i++) {
        struct choice c = {.n = 0};
        choose(s, n->children[i], &c);
        if (c.n && (!ret->n || c.cost < ret->cost))
            *ret = c;
    }
}

/* Of what need not all hold, something of each. */
static void choose_each(const struct query_set *s, const struct node *n, struct choice *ret)
{
    struct choice all = {.n = 0};
    for (size_t i = 0; i < n->n_children; i++) {
        struct choice c = {.n = 0};
        choose(s, n->children[i], &c);
        if (!c.n || all.n + c.n > KEYS_MAX)
            return;
        memcpy(all.keys + all.n, c.keys, c.n * sizeof *c.keys);
        all.n += c.n;
        all.cost += c.cost;
    }
    *ret = all;
}

/* What an item must have to match N; n = 0: nothing that is indexed. */
static void choose(const struct query_set *s, const struct node *n, struct choice *ret)
{
    switch (n->kind) {
    case N_PHRASE:
        choose_phrase(s, n, ret);
        break;
    case N_AND:
    case N_NEAR:
        choose_rarest(s, n, ret);
        break;
    case N_OR:
        choose_each(s, n, ret);
        break;
    case N_FEED:
    case N_TAG:
        if (n->prefix)
            break;
        one_key(s, ret, n->kind == N_FEED ? KEY_FEED : KEY_TAG, n->folded, n->value_n,
                token_hash(n->folded, n->value_n));
        break;
    case N_SITE:
    case N_LANG:
        one_key(s, ret, n->kind == N_SITE ? KEY_SITE : KEY_LANG, n->value, n->value_n,
                token_hash(n->value, n->value_n));
        break;
    default:
        break;
    }
}

/* ---- postings ------------------------------------------------------------------------------ */

static struct posting *find(const struct query_set *s, enum key_kind kind, const char *p, size_t n,
                            uint32_t hash)
{
    struct posting *post;
    HASH_FIND_BYHASHVALUE(hh, s->by_kind[kind], p, n, hash, post);
    return post;
}

static void posting_add(struct posting *post, struct entry *e)
{
    if (post->n == post->cap) {
        post->cap = post->cap ? post->cap * 2 : 2;
        post->entries = xreallocarray(post->entries, post->cap, sizeof(struct entry *));
    }
    post->entries[post->n++] = e;
}

static void posting_remove(struct posting *post, const struct entry *e)
{
    for (uint32_t i = 0; i < post->n; i++)
        if (post->entries[i] == e) {
            post->entries[i] = post->entries[--post->n];
            return;
        }
}

static void key_add(struct query_set *s, const struct key *k, struct entry *e)
{
    struct posting *post = find(s, k->kind, k->p, k->n, k->hash);
    if (!post) {
        post = xcalloc(1, sizeof *post);
        post->key = xstrndup(k->p, k->n);
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, s->by_kind[k->kind], post->key, k->n, k->hash, post);
        s->prefix_lengths[k->n <= PREFIX_MAX ? k->n : 0] += k->kind == KEY_PREFIX;
    }
    posting_add(post, e);
}

static void key_remove(struct query_set *s, const struct key *k, const struct entry *e)
{
    struct posting *post = find(s, k->kind, k->p, k->n, k->hash);
    posting_remove(post, e);
    if (post->n)
        return;
    HASH_DEL(s->by_kind[k->kind], post);
    s->prefix_lengths[k->n <= PREFIX_MAX ? k->n : 0] -= k->kind == KEY_PREFIX;
    free(post->entries);
    free(post->key);
    free(post);
}

static void put_keys(struct query_set *s, struct entry *e, const struct choice *c)
{
    memcpy(e->keys, c->keys, c->n * sizeof *c->keys);
    e->n_keys = c->n;
    e->cost = c->cost;
    for (size_t i = 0; i < e->n_keys; i++)
        key_add(s, &e->keys[i], e);
    if (!e->n_keys)
        posting_add(&s->unkeyed, e);
}

static void take_keys(struct query_set *s, struct entry *e)
{
    for (size_t i = 0; i < e->n_keys; i++)
        key_remove(s, &e->keys[i], e);
    if (!e->n_keys)
        posting_remove(&s->unkeyed, e);
    e->n_keys = 0;
}

/* A key that was rare when the query came may not be so any more. */
static void review(struct query_set *s)
{
    struct entry *e = s->review ? s->review : s->entries;
    if (!e)
        return;
    s->review = e->hh.next;
    if (!e->n_keys)
        return;
    double cost = 0;
    for (size_t i = 0; i < e->n_keys; i++)
        cost += cost_of(s, &e->keys[i]);
    struct choice c = {.n = 0};
    choose(s, e->q->root, &c);
    e->cost = cost;
    if (c.cost < cost / 2) {
        take_keys(s, e);
        put_keys(s, e, &c);
    }
}

/* ---- from outside -------------------------------------------------------------------------- */

void query_set_add(struct query_set *s, uint64_t id, const struct query *q)
{
    struct entry *e = xcalloc(1, sizeof *e);
    struct choice c = {.n = 0};
    e->id = id;
    e->q = q;
    HASH_ADD(hh, s->entries, id, sizeof e->id, e);
    choose(s, q->root, &c);
    put_keys(s, e, &c);
}

void query_set_remove(struct query_set *s, uint64_t id)
{
    struct entry *e;
    HASH_FIND(hh, s->entries, &id, sizeof id, e);
    if (!e)
        return;
    if (s->review == e)
        s->review = e->hh.next;
    take_keys(s, e);
    HASH_DEL(s->entries, e);
    free(e);
}

size_t query_set_size(const struct query_set *s)
{
    return HASH_COUNT(s->entries);
}

void query_set_free(struct query_set *s)
{
    struct entry *e, *next;
    if (!s)
        return;
    HASH_ITER (hh, s->entries, e, next)
        query_set_remove(s, e->id);
    free(s->unkeyed.entries);
    free(s->sketch);
    free(s);
}

void query_set_count(const struct query_set *s, struct query_set_counts *ret)
{
    *ret = s->counts;
    ret->unkeyed = s->unkeyed.n;
}

/* ---- an item ------------------------------------------------------------------------------- */

static void candidate(struct query_set *s, struct entry *e)
{
    if (e->stamp == s->counts.items)
        return;
    e->stamp = s->counts.items;
    s->counts.candidates++;
    if (!matcher_matches(s->m, e->q, s->now))
        return;
    s->counts.matches++;
    s->cb(s->ctx, e->id);
}

/* The item has this key. */
static void has_key(struct query_set *s, enum key_kind kind, const char *p, size_t n, uint32_t hash)
{
    count_key(s, kind, hash);
    const struct posting *post = find(s, kind, p, n, hash);
    for (uint32_t i = 0; post && i < post->n; i++)
        candidate(s, post->entries[i]);
}

static void has_text(struct query_set *s, enum key_kind kind, const char *p, size_t n)
{
    if (s->by_kind[kind] && n)
        has_key(s, kind, p, n, token_hash(p, n));
}

static void walk_words(struct query_set *s)
{
    struct matcher *m = s->m;
    for (uint32_t w = 0; w < m->n_words; w++)
        has_key(s, KEY_WORD, doc_bytes(m, w), m->list[w].n, m->list[w].hash);
}

/* The beginnings of words that some query asks for; one that several words share counts for each.
 */
static void walk_beginnings(struct query_set *s)
{
    struct matcher *m = s->m;
    if (!s->by_kind[KEY_PREFIX])
        return;
    for (uint32_t w = 0; w < m->n_words; w++) {
        const char *p = doc_bytes(m, w);
        uint32_t hash = TOKEN_HASH;
        for (uint32_t n = 1; n <= MIN(m->list[w].n, (uint32_t)PREFIX_MAX); n++) {
            hash = token_hash_more(hash, p[n - 1]);
            if (s->prefix_lengths[n])
                has_key(s, KEY_PREFIX, p, n, hash);
        }
    }
}

static void walk_feed(struct query_set *s)
{
    struct matcher *m = s->m;
    char id[24];
    has_text(s, KEY_FEED, buf_str(&m->feed), m->feed.len);
    has_text(s, KEY_FEED, buf_str(&m->feed_url), m->feed_url.len);
    has_text(s, KEY_FEED, id, (size_t)snprintf(id, sizeof id, "%lld", (long long)m->doc->feed_id));
}

static void walk_values(struct query_set *s)
{
    struct matcher *m = s->m;
    const char *p = buf_str(&m->tags), *end = p + m->tags.len;
    for (const char *next; p < end; p = next + 1) {
        next = memchr(p, '\n', (size_t)(end - p));
        has_text(s, KEY_TAG, p, (size_t)(next - p));
    }
    p = buf_str(&m->site);
    end = p + m->site.len;
    for (const char *at = p; at; at = memchr(at, '.', (size_t)(end - at))) {
        at += *at == '.';
        has_text(s, KEY_SITE, at, (size_t)(end - at));
    }
    p = buf_str(&m->lang);
    for (size_t n = strcspn(p, "-"); n;) {
        has_text(s, KEY_LANG, p, n);
        n = p[n] ? n + 1 + strcspn(p + n + 1, "-") : 0;
    }
}

void query_set_match(struct query_set *s, struct matcher *m, int64_t now, query_set_fn *cb,
                     void *ctx)
{
    s->m = m;
    s->now = now;
    s->cb = cb;
    s->ctx = ctx;
    if (!s->entries)
        return;
    doc_split(m);
    doc_fold(m);
    count_item(s);
    for (int i = 0; i < REVIEWED; i++)
        review(s);
    walk_words(s);
    walk_beginnings(s);
    walk_feed(s);
    walk_values(s);
    for (uint32_t i = 0; i < s->unkeyed.n; i++)
        candidate(s, s->unkeyed.entries[i]);
}
