#include "parse/xml_soup.h"

#include "base/mem.h"
#include "base/str.h"

/*
 * One pass over the text. Three lists are kept: the open elements as they were written (an end
 * tag closes the nearest one of its name and all inside it), the prefixes in scope, and the
 * entities of an internal DTD subset.
 */

static bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static bool starts(const char *p, const char *end, const char *what)
{
    size_t n = strlen(what);
    return (size_t)(end - p) >= n && strncasecmp(p, what, n) == 0;
}

static struct slice local_name(struct slice q)
{
    const char *colon = memrchr(q.p, ':', q.n);
    if (!colon || colon + 1 == q.p + q.n)
        return q;
    return (struct slice){colon + 1, (size_t)(q.p + q.n - colon - 1)};
}

static void emit_text(struct soup *s, const char *p, size_t n)
{
    tree_text(s->t, p, n);
}

void soup_emit_raw(struct soup *s, struct slice in, emit_fn *emit)
{
    const char *p = in.p, *end = in.p + in.n;
    while (p < end) {
        const char *cr = memchr(p, '\r', (size_t)(end - p));
        const char *to = cr ? cr : end;
        if (to > p)
            emit(s, p, (size_t)(to - p));
        if (cr && (cr + 1 == end || cr[1] != '\n'))
            emit(s, "\n", 1);
        p = cr ? cr + 1 : end;
    }
}

static void emit_value(struct soup *s, const char *p, size_t n)
{
    buf_add(&s->value, p, n);
}

/* ---- namespaces --------------------------------------------------------------------------- */

static void bind(struct soup *s, struct slice prefix, struct slice uri)
{
    if (s->n_bound == LIMIT_NAMESPACES)
        return;
    buf_clear(&s->value);
    soup_decode(s, uri, emit_value);
    s->bound[s->n_bound].prefix = prefix;
    s->bound[s->n_bound].ns = ns_of_uri(buf_str(&s->value));
    s->t->seen |= s->t->depth ? 0 : 1u << s->bound[s->n_bound].ns;
    s->bound[s->n_bound++].depth = s->t->depth + 1;
}

static enum ns ns_of(struct soup *s, struct slice qname, bool is_attr)
{
    struct slice local = local_name(qname);
    struct slice prefix = {qname.p, local.p == qname.p ? 0 : (size_t)(local.p - 1 - qname.p)};
    if (is_attr && !prefix.n)
        return NS_NONE;
    if (slice_is(prefix, "xml"))
        return NS_XML;
    for (unsigned i = s->n_bound; i-- > 0;)
        if (slice_eq(s->bound[i].prefix, prefix))
            return s->bound[i].ns;
    if (!prefix.n)
        return NS_NONE;
    s->repairs |= REPAIR_PREFIX;
    return ns_of_prefix(prefix.p, prefix.n);
}

/* ---- tags --------------------------------------------------------------------------------- */

static void close_to(struct soup *s, unsigned depth)
{
    while (s->t->depth > depth)
        tree_close(s->t);
    while (s->n_bound && s->bound[s->n_bound - 1].depth > s->t->depth)
        s->n_bound--;
}

static bool one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (str_eq(*list, name))
            return true;
    return false;
}

static bool is_feed_ns(enum ns ns)
{
    return ns == NS_NONE || ns == NS_RSS || ns == NS_ATOM || ns == NS_ATOM03;
}

/* Closes what can only have been forgotten: an item does not contain an item, a title no link.
 * True when something was closed. */
static bool imply_ends(struct soup *s, enum ns ns, struct slice local)
{
    static const char *const leaves[] = {"title",     "link",      "description", "pubdate", "guid",
                                         "comments",  "category",  "summary",     "updated", "id",
                                         "published", "copyright", NULL};
    static const char *const followers[] = {"author", "enclosure", "image", "content",
                                            "item",   "entry",     NULL};
    char name[16];
    unsigned depth = s->t->depth, to = depth;
    if (!is_feed_ns(ns) || local.n >= sizeof name || depth == 0)
        return false;
    for (size_t i = 0; i < local.n; i++)
        name[i] = (char)tolower((unsigned char)local.p[i]);
    name[local.n] = 0;
    const struct node *top = s->t->at;
    if (top->sym->ns == ns && one_of(top->sym->name, leaves) &&
        (one_of(name, leaves) || one_of(name, followers)))
        to = depth - 1;
    if (str_eq(name, "item") || str_eq(name, "entry"))
        for (const struct node *n = top; n->sym; n = n->parent, depth--)
            if (n->sym->ns == ns && str_eq(n->sym->name, name))
                to = depth - 1;
    if (to == s->t->depth)
        return false;
    s->repairs |= REPAIR_TAG;
    close_to(s, to);
    return true;
}

static bool is_void(struct slice name)
{
    return slice_is(name, "br") || slice_is(name, "hr") || slice_is(name, "img") ||
           slice_is(name, "wbr");
}

static void skip_space(struct soup *s)
{
    while (s->p < s->end && is_space(*s->p))
        s->p++;
}

static struct slice read_name(struct soup *s)
{
    struct slice n = {s->p, 0};
    while (s->p < s->end && is_name(*s->p))
        s->p++;
    n.n = (size_t)(s->p - n.p);
    return n;
}

static struct slice read_value(struct soup *s)
{
    struct slice v = {s->p, 0};
    if (s->p < s->end && (*s->p == '"' || *s->p == '\'')) {
        char quote = *s->p++;
        const char *q = memchr(s->p, quote, (size_t)(s->end - s->p));
        v.p = s->p;
        if (!q) { /* the quote never ends: neither does the tag */
            q = memchr(s->p, '>', (size_t)(s->end - s->p));
            s->repairs |= REPAIR_TAG;
            v.n = (size_t)((q ? q : s->end) - v.p);
            s->p = q ? q : s->end;
            return v;
        }
        v.n = (size_t)(q - v.p);
        s->p = q + 1;
        return v;
    }
    s->repairs |= REPAIR_TAG;
    while (s->p < s->end && !is_space(*s->p) && *s->p != '>')
        s->p++;
    v.n = (size_t)(s->p - v.p);
    return v;
}

/* Reads attributes up to the end of the tag: true when it is an empty-element tag. */
static bool read_attrs(struct soup *s)
{
    s->n_attrs = 0;
    for (;;) {
        skip_space(s);
        if (s->p >= s->end || *s->p == '<') {
            s->repairs |= REPAIR_TAG;
            return false;
        }
        if (*s->p == '>') {
            s->p++;
            return false;
        }
        if (*s->p == '/' && s->p + 1 < s->end && s->p[1] == '>') {
            s->p += 2;
            return true;
        }
        if (!is_name_start(*s->p)) {
            s->repairs |= REPAIR_TAG;
            s->p++;
            continue;
        }
        struct slice name = read_name(s), value = {NULL, 0};
        skip_space(s);
        if (s->p < s->end && *s->p == '=') {
            s->p++;
            skip_space(s);
            value = read_value(s);
        } else {
            s->repairs |= REPAIR_TAG;
            value = name;
        }
        if (s->n_attrs == LIMIT_ATTRIBUTES) {
            tree_drop(s->t);
            continue;
        }
        s->attrs[s->n_attrs].name = name;
        s->attrs[s->n_attrs++].value = value;
    }
}

static void bind_attrs(struct soup *s)
{
    for (unsigned i = 0; i < s->n_attrs; i++) {
        struct slice name = s->attrs[i].name;
        if (slice_is(name, "xmlns"))
            bind(s, (struct slice){name.p, 0}, s->attrs[i].value);
        else if (starts(name.p, name.p + name.n, "xmlns:"))
            bind(s, local_name(name), s->attrs[i].value);
    }
}

/* The local name as a string, in one of two buffers (element, attribute). */
static const char *name_string(struct soup *s, struct slice q, int which)
{
    struct slice local = local_name(q);
    size_t n = local.n;
    if (n > sizeof s->name[0] - 1)
        n = utf8_cut(local.p, sizeof s->name[0] - 1);
    memcpy(s->name[which], local.p, n);
    s->name[which][n] = 0;
    return s->name[which];
}

static void add_attrs(struct soup *s, struct node *n)
{
    for (unsigned i = 0; i < s->n_attrs; i++) {
        struct slice a = s->attrs[i].name;
        if (slice_is(a, "xmlns") || starts(a.p, a.p + a.n, "xmlns:"))
            continue;
        buf_clear(&s->value);
        soup_decode(s, s->attrs[i].value, emit_value);
        tree_attr(s->t, n, ns_of(s, a, true), name_string(s, a, 1), buf_str(&s->value),
                  s->value.len);
    }
}

static void open_tag(struct soup *s, struct slice name, bool empty)
{
    if (tree_full(s->t)) {
        tree_drop(s->t);
        return;
    }
    if (!s->t->depth && s->seen_root)
        s->repairs |= REPAIR_ROOTS;
    s->seen_root = true;
    bind_attrs(s);
    enum ns ns = ns_of(s, name, false);
    if (imply_ends(s, ns, local_name(name)))
        bind_attrs(s); /* they went with what was closed */
    struct node *n = tree_open(s->t, ns, name_string(s, name, 0), s->n_attrs);
    s->open[s->t->depth] = name;
    add_attrs(s, n);
    if (empty || is_void(name)) {
        s->repairs |= empty ? 0 : REPAIR_TAG;
        close_to(s, s->t->depth - 1);
    }
}

static void close_tag(struct soup *s, struct slice name)
{
    unsigned d = s->t->depth;
    while (d > 0 && !slice_eq(s->open[d], name))
        d--;
    if (d != s->t->depth || d == 0)
        s->repairs |= REPAIR_TAG;
    if (d == 0 && s->t->depth && slice_eq(local_name(s->open[s->t->depth]), local_name(name)))
        d = s->t->depth; /* only the prefix is missing or another one */
    if (d > 0)
        close_to(s, d - 1);
}

/* ---- the rest of the syntax --------------------------------------------------------------- */

/* At "<!": comment, CDATA or DOCTYPE. */
static void read_declaration(struct soup *s)
{
    const char *q;
    if (starts(s->p, s->end, "<!--")) {
        q = find(s->p + 4, s->end, "-->");
        s->p = q ? q + 3 : s->end;
    } else if (starts(s->p, s->end, "<![CDATA[")) {
        q = find(s->p + 9, s->end, "]]>");
        soup_emit_raw(s, (struct slice){s->p + 9, (size_t)((q ? q : s->end) - s->p - 9)},
                      emit_text);
        s->p = q ? q + 3 : s->end;
    } else {
        const char *gt = memchr(s->p, '>', (size_t)(s->end - s->p));
        const char *subset = memchr(s->p, '[', (size_t)((gt ? gt : s->end) - s->p));
        if (subset && !s->seen_doctype && starts(s->p, s->end, "<!DOCTYPE")) {
            s->seen_doctype = true; /* one is enough, and each would look to the end */
            q = find(subset, s->end, "]>");
            if (!q && (q = find(subset, s->end, "]")))
                q = memchr(q, '>', (size_t)(s->end - q));
            soup_entities(s, subset, q ? q : s->end);
            gt = q ? memchr(q, '>', (size_t)(s->end - q)) : NULL;
        }
        s->p = gt ? gt + 1 : s->end;
        return;
    }
}

static void read_markup(struct soup *s)
{
    const char *p = s->p;
    char c = p + 1 < s->end ? p[1] : 0;
    if (c == '!') {
        read_declaration(s);
    } else if (c == '?') {
        const char *q = memchr(p, '>', (size_t)(s->end - p));
        s->p = q ? q + 1 : s->end;
    } else if (c == '/') {
        s->p += 2;
        struct slice name = read_name(s);
        /* '<' first: a search for '>' could go to the end of the document each time */
        const char *lt = memchr(s->p, '<', (size_t)(s->end - s->p));
        const char *q = memchr(s->p, '>', (size_t)((lt ? lt : s->end) - s->p));
        s->p = q ? q + 1 : lt ? lt : s->end;
        close_tag(s, name);
    } else if (c && is_name_start(c)) {
        s->p++;
        struct slice name = read_name(s);
        bool empty = read_attrs(s);
        if (s->p < s->end || (s->end > p && s->end[-1] == '>'))
            open_tag(s, name, empty);
    } else {
        tree_text(s->t, "<", 1);
        s->repairs |= REPAIR_AMPERSAND;
        s->p++;
    }
}

unsigned xml_read_soup(struct tree *t, const char *text, size_t n)
{
    struct soup *s = xcalloc(1, sizeof *s);
    s->t = t;
    s->p = text;
    s->end = text + n;
    s->value = BUF_INIT(SIZE_MAX / 4);
    if (!starts(text, s->end, "<"))
        s->repairs |= REPAIR_JUNK;
    while (s->p < s->end) {
        const char *lt = memchr(s->p, '<', (size_t)(s->end - s->p));
        if (!lt)
            lt = s->end;
        if (lt > s->p && t->depth)
            soup_decode(s, (struct slice){s->p, (size_t)(lt - s->p)}, emit_text);
        s->p = lt;
        if (s->p < s->end)
            read_markup(s);
    }
    if (t->depth)
        s->repairs |= REPAIR_TRUNCATED;
    close_to(s, 0);
    unsigned repairs = s->repairs ? s->repairs : REPAIR_OTHER;
    buf_free(&s->value);
    free(s);
    return repairs;
}
