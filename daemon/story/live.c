
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "story/live_private.h"

#define HEAT_ONE  256
#define HEAT_HALF (6 * 3600) /* seconds in which heat halves */
#define SUM_MOST  (1u << 30) /* a sum is halved with its story's others when it passes this */

struct live *live_new(size_t max_stories)
{
    struct live *l = xcalloc(1, sizeof *l);
    l->max = max_stories;
    l->stories = xpages(max_stories, sizeof *l->stories);
    l->links = xpages(max_stories * STORY_LINKS, sizeof *l->links);
    l->oldest = l->newest = LIVE_NONE;
    l->unused = LIVE_NONE;
    live_index_init(&l->words);
    live_index_init(&l->ids);
    return l;
}

void live_story_fini(struct story *s)
{
    free(s->centroid);
    free(s->titles);
    for (size_t i = 0; i < STORY_REPS; i++)
        free(s->reps[i]);
}

void live_free(struct live *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->fresh; i++)
        live_story_fini(&l->stories[i]);
    live_index_fini(&l->words);
    live_index_fini(&l->ids);
    xpages_free(l->stories, l->max, sizeof *l->stories);
    xpages_free(l->links, l->max * STORY_LINKS, sizeof *l->links);
    free(l);
}

static uint32_t fold_id(int64_t id)
{
    uint32_t h = (uint32_t)id ^ (uint32_t)((uint64_t)id >> 32);
    return h ? h : UINT32_MAX;
}

uint32_t live_find(const struct live *l, int64_t id)
{
    uint32_t slot = live_index_get(&l->ids, fold_id(id));
    return slot != LIVE_NONE && l->stories[slot].id == id ? slot : LIVE_NONE;
}

struct story *live_story(const struct live *l, uint32_t slot)
{
    return &l->stories[slot];
}

#define LINE 64 /* bytes that the processor fetches at once */

void live_expect(const struct live *l, uint32_t slot)
{
    const char *p = (const char *)&l->stories[slot];
    for (size_t i = 0; i < sizeof *l->stories; i += LINE)
        __builtin_prefetch(p + i);
}

void live_expect_items(const struct live *l, uint32_t slot)
{
    const struct story *s = &l->stories[slot];
    for (size_t i = 0; i < STORY_REPS && s->reps[i]; i++)
        for (size_t at = 0; at < 6 * LINE; at += LINE)
            __builtin_prefetch((const char *)s->reps[i] + at);
    for (size_t at = 0; s->centroid && at < s->n_centroid * sizeof *s->centroid; at += LINE)
        __builtin_prefetch((const char *)s->centroid + at);
}

size_t live_count(const struct live *l)
{
    return l->count;
}

uint32_t live_oldest(const struct live *l)
{
    return l->oldest;
}

uint32_t live_list(const struct live *l, uint32_t hash)
{
    return live_index_get(&l->words, hash);
}

const struct live_link *live_link(const struct live *l, uint32_t index)
{
    return &l->links[index];
}

void live_on_gone(struct live *l, live_gone_fn *gone, void *ctx)
{
    l->gone = gone;
    l->gone_ctx = ctx;
}

/* ---- lists of words -------------------------------------------------------------------------- */

/* An exact key as a word of the lists; equality is checked in the story. */
static uint32_t key_word(uint64_t key, bool address)
{
    uint64_t h = (key ^ (address ? 0xA5A5A5A5A5A5A5A5u : 0)) * 0xD6E8FEB86659FD93u;
    uint32_t r = (uint32_t)(h >> 32);
    return r ? r : 1;
}

static void unlink_all(struct live *l, uint32_t slot)
{
    struct live_link *link = &l->links[slot * STORY_LINKS];
    for (size_t k = 0; k < STORY_LINKS; k++, link++) {
        if (!link->hash)
            continue;
        if (link->older != LIVE_NONE)
            l->links[link->older].newer = link->newer;
        if (link->newer != LIVE_NONE)
            l->links[link->newer].older = link->older;
        else if (link->older != LIVE_NONE)
            live_index_put(&l->words, link->hash, link->older);
        else
            live_index_remove(&l->words, link->hash);
        link->hash = 0;
    }
}

static void link_word(struct live *l, uint32_t index, uint32_t hash, uint32_t weight)
{
    uint32_t head = live_index_get(&l->words, hash);
    l->links[index] = (struct live_link){hash, head, LIVE_NONE, weight};
    if (head != LIVE_NONE)
        l->links[head].newer = index;
    live_index_put(&l->words, hash, index);
}

static int by_sum(const void *a, const void *b)
{
    const struct story_sum *x = a, *y = b;
    if (x->sum != y->sum)
        return x->sum > y->sum ? -1 : 1;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int by_hash(const void *a, const void *b)
{
    const struct story_sum *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Puts the story at the newest end of every order it is in. */
static void link_all(struct live *l, uint32_t slot)
{
    struct story *s = &l->stories[slot];
    struct story_sum buf[STORY_CENTROID], sorted[STORY_CENTROID];
    const struct story_sum *c;
    size_t n = live_centroid(s, buf, &c);
    uint32_t at = slot * STORY_LINKS;
    memcpy(sorted, c, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_sum);
    n = MIN(n, (size_t)STORY_KEYS);
    for (size_t k = 0; k < n; k++)
        link_word(l, at++, sorted[k].hash,
                  (uint32_t)(((uint64_t)sorted[k].sum << 14) / MAX(s->norm, (uint64_t)1)));
    size_t articles = MIN(s->n_exact, (uint32_t)STORY_EXACT);
    at = slot * STORY_LINKS + STORY_KEYS;
    for (size_t k = 0; k < articles; k++) {
        if (s->exact[k].key)
            link_word(l, at++, key_word(s->exact[k].key, false), 0);
        if (s->exact[k].address)
            link_word(l, at++, key_word(s->exact[k].address, true), 0);
    }
}

static void leave_order(struct live *l, uint32_t slot)
{
    struct story *s = &l->stories[slot];
    if (s->older != LIVE_NONE)
        l->stories[s->older].newer = s->newer;
    else
        l->oldest = s->newer;
    if (s->newer != LIVE_NONE)
        l->stories[s->newer].older = s->older;
    else
        l->newest = s->older;
}

static void join_order(struct live *l, uint32_t slot)
{
    struct story *s = &l->stories[slot];
    s->older = l->newest;
    s->newer = LIVE_NONE;
    s->touch = ++l->touch;
    if (l->newest != LIVE_NONE)
        l->stories[l->newest].newer = slot;
    else
        l->oldest = slot;
    l->newest = slot;
}

/* ---- what a story is made of ----------------------------------------------------------------- */

size_t live_centroid(const struct story *s, struct story_sum buf[STORY_CENTROID],
                     const struct story_sum **ret)
{
    *ret = s->centroid ? s->centroid : buf;
    if (s->centroid)
        return s->n_centroid;
    const struct story_rep *r = s->reps[0];
    for (size_t i = 0; i < r->n_terms; i++)
        buf[i] = (struct story_sum){r->terms[i].hash, r->terms[i].weight, 1};
    return r->n_terms;
}

size_t live_titles(const struct story *s, struct story_sum buf[STORY_CENTROID],
                   const struct story_sum **ret)
{
    *ret = s->titles ? s->titles : buf;
    if (s->titles)
        return s->n_titles;
    const struct story_rep *r = s->reps[0];
    for (size_t i = 0; i < r->n_set; i++)
        buf[i] = (struct story_sum){r->set[i].hash, r->set[i].weight, 1};
    return r->n_set;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

uint32_t story_pair_hash(uint32_t a, uint32_t b)
{
    uint64_t h = ((uint64_t)a << 32 | b) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(h >> 32);
}

struct story_rep *live_rep_alloc(const struct story_rep *sizes)
{
    size_t n = sizeof(struct story_rep) + sizes->n_terms * sizeof *sizes->terms +
               sizes->n_set * sizeof *sizes->set +
               (sizes->n_numbers + (size_t)sizes->n_pairs) * sizeof(uint32_t);
    struct story_rep *r = xmalloc(n);
    *r = *sizes;
    r->terms = (struct story_term *)(r + 1);
    r->set = (struct story_title_word *)(r->terms + r->n_terms);
    r->numbers = (uint32_t *)(r->set + r->n_set);
    r->pairs = r->numbers + r->n_numbers;
    return r;
}

static struct story_rep *rep_new(const struct story_item *x)
{
    struct story_rep sizes = {.outlet = x->outlet,
                              .n_terms = (uint8_t)x->n_terms,
                              .n_set = (uint8_t)x->n_set,
                              .n_numbers = (uint8_t)x->n_numbers,
                              .n_pairs = (uint8_t)(x->n_words ? x->n_words - 1 : 0),
                              .has_text = x->has_text};
    struct story_rep *r = live_rep_alloc(&sizes);
    memcpy(r->terms, x->terms, x->n_terms * sizeof *x->terms);
    memcpy(r->set, x->set, x->n_set * sizeof *x->set);
    memcpy(r->numbers, x->numbers, x->n_numbers * sizeof *x->numbers);
    for (size_t i = 0; i < r->n_pairs; i++)
        r->pairs[i] = story_pair_hash(x->words[i].hash, x->words[i + 1].hash);
    qsort(r->pairs, r->n_pairs, sizeof *r->pairs, by_value);
    return r;
}

/* Adds vector ADD (by hash, unit) to *SUMS: the new array, and its norm. */
static void add_vector(struct story_sum **sums, uint32_t *n, uint64_t *norm,
                       const struct story_sum *add, size_t n_add)
{
    struct story_sum *out = xmalloc((*n + n_add) * sizeof *out);
    size_t i = 0, j = 0, k = 0;
    while (i < *n || j < n_add)
        if (j == n_add || (i < *n && (*sums)[i].hash < add[j].hash)) {
            out[k++] = (*sums)[i++];
        } else if (i == *n || add[j].hash < (*sums)[i].hash) {
            out[k++] = add[j++];
        } else {
            out[k] = (*sums)[i++];
            out[k].sum += add[j].sum;
            out[k++].items += add[j++].items;
        }
    if (k > STORY_CENTROID) {
        qsort(out, k, sizeof *out, by_sum);
        k = STORY_CENTROID_KEEP;
        qsort(out, k, sizeof *out, by_hash);
    }
    uint64_t squares = 0;
    unsigned shift = 0;
    for (i = 0; i < k; i++)
        shift = out[i].sum > SUM_MOST ? 1 : shift;
    for (i = 0; i < k; i++) {
        out[i].sum >>= shift;
        uint64_t w = out[i].sum >> 6; /* 2^24 squared, 128 times: fits */
        squares += w * w;
    }
    *norm = squares < 1u << 20 ? 0 : fixed_sqrt(squares) << 6;
    if (!*norm) { /* small sums: exactly */
        for (squares = 0, i = 0; i < k; i++)
            squares += (uint64_t)out[i].sum * out[i].sum;
        *norm = fixed_sqrt(squares);
    }
    free(*sums);
    *sums = xreallocarray(out, MAX(k, (size_t)1), sizeof *out);
    *n = (uint32_t)k;
}

static void add_vectors(struct story *s, const struct story_item *x)
{
    struct story_sum buf[STORY_CENTROID], add[STORY_CENTROID];
    const struct story_sum *c;
    if (!s->centroid) { /* the opener becomes the first sum */
        size_t n = live_centroid(s, buf, &c);
        add_vector(&s->centroid, &s->n_centroid, &s->norm, buf, n);
        n = live_titles(s, buf, &c);
        add_vector(&s->titles, &s->n_titles, &s->title_norm, buf, n);
    }
    for (size_t i = 0; i < x->n_terms; i++)
        add[i] = (struct story_sum){x->terms[i].hash, x->terms[i].weight, 1};
    add_vector(&s->centroid, &s->n_centroid, &s->norm, add, x->n_terms);
    for (size_t i = 0; i < x->n_set; i++)
        add[i] = (struct story_sum){x->set[i].hash, x->set[i].weight, 1};
    add_vector(&s->titles, &s->n_titles, &s->title_norm, add, x->n_set);
}

uint32_t live_heat(const struct story *s, int64_t now_s)
{
    int64_t halves = MAX(now_s - s->heat_s, (int64_t)0) / HEAT_HALF;
    int64_t rest = MAX(now_s - s->heat_s, (int64_t)0) % HEAT_HALF;
    if (halves >= 31)
        return 0;
    uint32_t heat = s->heat >> halves;
    return heat - (uint32_t)(heat * rest / HEAT_HALF / 2);
}

static void add_exact(struct story *s, const struct story_item *x)
{
    if (!x->key && !x->address)
        return;
    size_t n = MIN(s->n_exact, (uint32_t)STORY_EXACT);
    for (size_t i = 0; i < n; i++)
        if (s->exact[i].key == x->key && s->exact[i].address == x->address)
            return;
    s->exact[s->n_exact++ % STORY_EXACT] = (struct story_exact){x->key, x->address, x->item,
                                                                x->outlet};
}

/* ---- changes --------------------------------------------------------------------------------- */

void live_remove(struct live *l, uint32_t slot)
{
    struct story *s = &l->stories[slot];
    unlink_all(l, slot);
    leave_order(l, slot);
    live_index_remove(&l->ids, fold_id(s->id));
    live_story_fini(s);
    *s = (struct story){.newer = l->unused};
    l->unused = slot;
    l->count--;
}

static void let_go(struct live *l, uint32_t slot)
{
    if (l->gone)
        l->gone(l->gone_ctx, l->stories[slot].id);
    live_remove(l, slot);
}

void live_expire(struct live *l, int64_t now_s)
{
    while (l->oldest != LIVE_NONE && l->stories[l->oldest].last_s < now_s - STORY_WINDOW_S)
        let_go(l, l->oldest);
}

static uint32_t take_slot(struct live *l, int64_t id)
{
    uint32_t slot = l->fresh;
    if (l->unused == LIVE_NONE && l->fresh == l->max)
        let_go(l, l->oldest);
    if (l->unused != LIVE_NONE) {
        slot = l->unused;
        l->unused = l->stories[slot].newer;
    } else {
        l->fresh++;
    }
    l->stories[slot] = (struct story){.id = id};
    live_index_put(&l->ids, fold_id(id), slot);
    l->count++;
    return slot;
}

void live_put(struct live *l, const struct story *s)
{
    uint32_t slot = take_slot(l, s->id);
    l->stories[slot] = *s;
    join_order(l, slot);
    l->stories[slot].touch = s->touch;
    l->touch = MAX(l->touch - 1, s->touch);
    link_all(l, slot);
}

uint32_t live_open(struct live *l, int64_t id, const struct story_item *x)
{
    uint32_t slot = take_slot(l, id);
    struct story *s = &l->stories[slot];
    s->first_s = s->last_s = s->heat_s = x->time_s;
    s->n = 1;
    s->heat = HEAT_ONE;
    s->reps[0] = rep_new(x);
    s->norm = s->title_norm = Q14;
    add_exact(s, x);
    join_order(l, slot);
    link_all(l, slot);
    return slot;
}

void live_add(struct live *l, uint32_t slot, const struct story_item *x)
{
    struct story *s = &l->stories[slot];
    unlink_all(l, slot);
    leave_order(l, slot);
    add_vectors(s, x);
    size_t at = 1 + (s->n - 1) % (STORY_REPS - 1);
    free(s->reps[at]);
    s->reps[at] = rep_new(x);
    s->heat = live_heat(s, x->time_s) + HEAT_ONE;
    s->heat_s = MAX(s->heat_s, x->time_s);
    s->last_s = MAX(s->last_s, x->time_s);
    s->first_s = MIN(s->first_s, x->time_s);
    s->n++;
    add_exact(s, x);
    join_order(l, slot);
    link_all(l, slot);
}

uint32_t live_exact(const struct live *l, uint64_t key, bool address, uint32_t source, int64_t *ret)
{
    if (!key)
        return LIVE_NONE;
    uint32_t i = live_list(l, key_word(key, address));
    for (int left = STORY_LIST; i != LIVE_NONE && left > 0; i = l->links[i].older, left--) {
        uint32_t slot = i / STORY_LINKS;
        const struct story *s = &l->stories[slot];
        size_t n = MIN(s->n_exact, (uint32_t)STORY_EXACT);
        for (size_t k = 0; k < n; k++)
            if ((address ? s->exact[k].address : s->exact[k].key) == key &&
                (!source || s->exact[k].source != source)) {
                *ret = s->exact[k].item;
                return slot;
            }
    }
    return LIVE_NONE;
}
