/*
 * One document's way: bytes -> UTF-8 (encoding.h) -> JSON, or a tree by the first of three
 * readers that takes it (xml.h) -> the reader of its format -> batch.
 */
#include "parse/parse.h"

#include <errno.h>
#include <pthread.h>

#include <jansson.h>
#include <libxml/parser.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/encoding.h"
#include "parse/finish.h"
#include "parse/json_repair.h"
#include "parse/text.h"
#include "parse/url.h"
#include "parse/xml.h"

static xmlParserInput *load_nothing(const char *url, const char *id, xmlParserCtxt *ctxt)
{
    return NULL;
}

static void init_once(void)
{
    xmlSetExternalEntityLoader(load_nothing); /* none is asked for (xml_strict.c); a second lock */
    xmlInitParser();
    json_object_seed(0);
    rules_find(NS_RSS, "item");
}

void parse_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_once);
}

/* ---- which format ------------------------------------------------------------------------- */

typedef void read_fn(struct reader *r, const struct node *root);

static bool has_child(const struct node *n, const char *name)
{
    for (const struct node *c = n->first; c; c = c->next)
        if (c->sym && str_eq(c->sym->name, name) && (c->sym->ns == NS_RSS || c->sym->ns == NS_NONE))
            return true;
    return false;
}

static const char *rss_format(const struct node *root)
{
    static const char *const names[][2] = {{"0.90", "rss090"},
                                           {"0.91", "rss091"},
                                           {"0.92", "rss092"},
                                           {"0.93", "rss093"},
                                           {"0.94", "rss094"}};
    const char *v = node_attr(root, "version");
    if (!v)
        return "rss";
    size_t n = str_trim(&v, strlen(v));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strncmp(v, names[i][0], n) == 0 && n == strlen(names[i][0]))
            return names[i][1];
    return n && v[0] == '2' && (n == 1 || v[1] == '.') ? "rss20" : "rss";
}

static bool is_cdf(const struct node *root)
{
    if (node_attr(root, "href") || node_attr(root, "lastmod") || has_child(root, "abstract"))
        return true;
    for (const struct node *c = root->first; c; c = c->next)
        if (c->sym && str_eq(c->sym->name, "item") &&
            (node_attr(c, "href") || node_attr(c, "lastmod") || has_child(c, "abstract")))
            return true;
    return false;
}

static const char *atom_format(const struct node *root)
{
    const char *v = node_attr(root, "version");
    if (root->sym->ns == NS_ATOM)
        return "atom10";
    if (v && str_eq(v, "0.3"))
        return "atom03";
    return root->sym->ns == NS_ATOM03 && !v ? "atom03" : "atom";
}

/* What the element is the root of; NULL: nothing we know. */
static read_fn *recognise(struct reader *r, const struct node *root)
{
    const char *name = root->sym->name;
    enum ns ns = root->sym->ns;
    bool atom_ns = ns == NS_ATOM || ns == NS_ATOM03, rss_ns = ns == NS_RSS || ns == NS_NONE;
    r->native = NS_RSS;
    if (str_eq(name, "rss") && (rss_ns || ns == NS_OTHER)) {
        r->b->format = rss_format(root);
        return read_rss;
    }
    if (str_eq(name, "rdf") && (ns == NS_RDF || rss_ns) &&
        (r->t->seen & (1u << NS_RSS | 1u << NS_RSS090) || has_child(root, "channel"))) {
        r->b->format = r->t->seen & 1u << NS_RSS090 ? "rss090" : "rss10";
        return read_rss;
    }
    if (str_eq(name, "channel") && rss_ns) {
        bool cdf = ns == NS_NONE && is_cdf(root);
        r->b->format = cdf ? "cdf" : r->t->seen & 1u << NS_RSS11 ? "rss11" : "rss";
        return cdf ? read_cdf : read_rss;
    }
    if ((str_eq(name, "feed") || str_eq(name, "entry")) && (atom_ns || ns == NS_NONE)) {
        r->native = NS_ATOM;
        r->b->format = atom_format(root);
        return read_atom;
    }
    return NULL;
}

/* Inside of something else only what cannot be anything but a feed counts. */
static bool is_unmistakable(const struct node *n)
{
    return (str_eq(n->sym->name, "rss") && has_child(n, "channel")) || n->sym->ns == NS_RDF ||
           (n->sym->ns == NS_ATOM && str_eq(n->sym->name, "feed"));
}

/* The first element that is a feed: at the top, else a little below (a wrapper around it). */
static const struct node *find_root(struct reader *r, const struct node *n, int depth,
                                    read_fn **ret)
{
    for (const struct node *c = n->first; c; c = c->next)
        if (c->sym && (n == &r->t->root || is_unmistakable(c)) && (*ret = recognise(r, c)))
            return c;
    for (const struct node *c = n->first; depth > 0 && c; c = c->next) {
        const struct node *found = c->sym ? find_root(r, c, depth - 1, ret) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

static const char *absolute(struct reader *r, const char *s, size_t n)
{
    const char *u = s ? url_clean(r->work, s, n) : NULL;
    return u && url_has_scheme(u, strlen(u)) ? u : NULL;
}

/* Without an address the document's own is its base: feed_url, else home_page_url. */
static void find_base(struct reader *r, const struct node *root)
{
    const char *self = NULL, *home = NULL;
    const struct node *channel = str_eq(root->sym->name, "channel") ? root : NULL;
    for (const struct node *c = root->first; c && !channel; c = c->next)
        if (c->sym && str_eq(c->sym->name, "channel"))
            channel = c;
    if (!channel)
        channel = root; /* Atom */
    for (const struct node *c = channel->first; c; c = c->next) {
        if (!c->sym || !str_eq(c->sym->name, "link"))
            continue;
        const char *rel = node_attr(c, "rel"), *href = node_attr(c, "href");
        size_t n;
        const char *text = href ? href : node_text(r->work, c, &n);
        const char *url = text ? absolute(r, text, strlen(text)) : NULL;
        if (rel && str_caseeq(rel, "self") && !self)
            self = url;
        else if ((!rel || str_caseeq(rel, "alternate")) && !home)
            home = url;
    }
    const char *href = node_attr(channel, "href"); /* CDF */
    if (!home && href)
        home = absolute(r, href, strlen(href));
    r->base = self ? self : home;
}

/* ---- reading ------------------------------------------------------------------------------ */

static const struct {
    unsigned bit;
    const char *words;
} repair_words[] = {
    {REPAIR_WRAPPED, "taken out of an HTML page"},
    {REPAIR_JUNK, "text before the document"},
    {REPAIR_AMPERSAND, "bare & or <"},
    {REPAIR_ENTITY, "HTML entities without a DTD"},
    {REPAIR_CONTROL, "control characters"},
    {REPAIR_BYTES, "bytes invalid in the encoding"},
    {REPAIR_PREFIX, "undeclared prefixes"},
    {REPAIR_TAG, "crossed, unclosed or broken tags"},
    {REPAIR_ROOTS, "several roots"},
    {REPAIR_EXPANSION, "entity expansion cut"},
    {REPAIR_TRUNCATED, "ends in the middle"},
    {REPAIR_OTHER, "not well-formed"},
};

static const char *repaired(struct arena *a, unsigned repairs)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1024);
    for (size_t i = 0; i < ARRAY_SIZE(repair_words); i++)
        if (repairs & repair_words[i].bit)
            buf_addf(&b, "%s%s", b.len ? ", " : "", repair_words[i].words);
    return b.len ? arena_strndup(a, b.data, b.len) : NULL;
}

/* HTML around a <pre>, as browsers and careless proxies save feeds: the text of the <pre>. */
static bool unwrap_pre(const char *s, size_t n, struct buf *out)
{
    const char *pre = memmem(s, n, "<pre", 4);
    const char *open = pre ? memchr(pre, '>', n - (size_t)(pre - s)) : NULL;
    if (!open)
        return false;
    open++;
    size_t left = n - (size_t)(open - s);
    const char *end = memmem(open, left, "</pre", 5);
    text_add_decoded(out, open, end ? (size_t)(end - open) : left, false);
    const char *p = out->data;
    size_t k = p ? str_trim(&p, out->len) : 0;
    if (k == 0 || *p != '<')
        return false;
    buf_consume(out, (size_t)(p - out->data));
    return true;
}

struct text {
    const char *s;
    size_t n;
};

/* Forgets the tree, so that a second reading has all the memory that one may take. */
static void read_anew(struct reader *r)
{
    tree_fini(r->t);
    arena_free(&r->tree_arena);
    tree_init(r->t, &r->tree_arena);
}

static const struct node *read_tree(struct reader *r, struct text in, unsigned *repairs,
                                    bool strict, read_fn **ret)
{
    if (strict && xml_read_plain(r->t, in.s, in.n) == 0)
        return find_root(r, &r->t->root, LIMIT_WRAPPER_DEPTH, ret);
    read_anew(r);
    if (strict && xml_read_strict(r->t, in.s, in.n, repairs) == 0)
        return find_root(r, &r->t->root, LIMIT_WRAPPER_DEPTH, ret);
    read_anew(r);
    *repairs |= xml_read_soup(r->t, in.s, in.n);
    return find_root(r, &r->t->root, LIMIT_WRAPPER_DEPTH, ret);
}

static void free_tree(struct tree *t)
{
    tree_fini(t);
}

static const char *first_name(const struct tree *t)
{
    for (const struct node *c = t->root.first; c; c = c->next)
        if (c->sym)
            return c->sym->name;
    return NULL;
}

static int read_xml(struct reader *r, struct text in, unsigned *repairs, bool strict,
                    struct td_err *err)
{
    CLEANUP(free_tree) struct tree t;
    CLEANUP_BUF struct buf inner = BUF_INIT(LIMIT_BODY_MAX_BYTES);
    read_fn *read = NULL;
    tree_init(&t, &r->tree_arena);
    r->t = &t;
    const struct node *root = read_tree(r, in, repairs, strict, &read);
    if (!root && unwrap_pre(in.s, in.n, &inner)) {
        *repairs = REPAIR_WRAPPED;
        read_anew(r);
        root = read_tree(r, (struct text){inner.data, inner.len}, repairs, true, &read);
    }
    if (!root) {
        const char *name = first_name(&t);
        if (name)
            return td_err(err, -ENOMSG, "not a feed: the document is <%.60s>", name);
        return td_err(err, -ENOMSG, "not a feed: no XML or JSON in it");
    }
    r->b->dropped |= t.dropped;
    if (!r->base)
        find_base(r, root);
    read(r, root);
    return 0;
}

static void free_reader(struct reader *r)
{
    reader_fini(r);
}

static void free_batch(struct td_batch **b)
{
    td_batch_free(*b);
}

int parse_feed(const struct parse_in *in, struct td_batch **ret, struct td_err *err)
{
    CLEANUP(arena_free) struct arena work = {0};
    CLEANUP_BUF struct buf utf8 = BUF_INIT(2u * LIMIT_BODY_MAX_BYTES);
    CLEANUP(free_batch) struct td_batch *b = td_batch_new();
    CLEANUP(free_reader) struct reader r;
    struct encoding_result enc;
    unsigned repairs = 0;
    parse_init();
    reader_init(&r, b, &work);
    int e = encoding_to_utf8(in->bytes, in->n, in->content_type, &utf8, &enc);
    if (e < 0)
        return td_err(err, -EFBIG, "the document is larger than %u bytes as UTF-8",
                      2u * LIMIT_BODY_MAX_BYTES);
    struct text text = {enc.text, enc.n};
    if (in->base_url && url_has_scheme(in->base_url, strlen(in->base_url)))
        r.base = url_clean(&work, in->base_url, strlen(in->base_url));
    b->encoding = arena_strdup(&b->arena, enc.name);
    if (enc.cleaned)
        repairs |= REPAIR_CONTROL;
    if (enc.lossy || enc.contradicted)
        repairs |= REPAIR_BYTES;
    e = json_start(text.s, text.n) ? read_json(&r, text.s, text.n, &repairs, err)
                                   : read_xml(&r, text, &repairs, true, err);
    if (e < 0)
        return e;
    b->well_formed = repairs == 0;
    b->truncated = (repairs & REPAIR_TRUNCATED) != 0 || enc.cut_tail;
    b->repaired = repaired(&b->arena, repairs);
    feed_finish(&r, in->link);
    *ret = TAKE(b);
    return 0;
}

void parse_print_json(const struct td_batch *b, struct buf *out)
{
    buf_add(out, b->json, b->json_len - 1);
    buf_adds(out, ",\"items\":[");
    for (uint32_t i = 0; i < b->n_entries; i++) {
        if (i)
            buf_addc(out, ',');
        buf_add(out, b->entries[i].json, b->entries[i].json_len);
    }
    buf_adds(out, "]}\n");
}
