#include "config/opml.h"

#include <errno.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/table.h"
#include "config/url.h"

/* ---- reading -------------------------------------------------------------------------------- */

struct reading {
    struct opml *o;
    size_t cap;
};

static bool named(const xmlNode *n, const char *name)
{
    return n->type == XML_ELEMENT_NODE && str_caseeq((const char *)n->name, name);
}

/* The text of NODES without white space around it; NULL when empty or beyond reason. To be freed.
 * Only what stands there: entities that the document declares are left out, so that none can be
 * blown up. */
static char *text_of(const xmlNode *nodes)
{
    CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_URL_BYTES);
    for (const xmlNode *n = nodes; n; n = n->next)
        if ((n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) && n->content)
            buf_adds(&b, (const char *)n->content);
    const char *s = buf_str(&b);
    size_t len = b.overflow ? 0 : str_trim(&s, b.len);
    return len ? xstrndup(s, len) : NULL;
}

/* The attribute, its name in any case. To be freed. */
static char *attribute(const xmlNode *n, const char *name)
{
    for (const xmlAttr *a = n->properties; a; a = a->next)
        if (str_caseeq((const char *)a->name, name))
            return text_of(a->children);
    return NULL;
}

/* Adds TAG to the list in B unless it is there. */
static void add_tag(struct buf *b, const char *tag, size_t n)
{
    n = str_trim(&tag, n);
    if (n == 0 || n > LIMIT_NAME_BYTES)
        return;
    for (const char *p = buf_str(b); *p;) {
        size_t len = strcspn(p, "\n");
        if (len == n && memcmp(p, tag, n) == 0)
            return;
        p += len + (p[len] == '\n');
    }
    if (b->len)
        buf_addc(b, '\n');
    for (size_t i = 0; i < n; i++) /* a tag is one line */
        buf_addc(b, (unsigned char)tag[i] < 0x20 ? ' ' : tag[i]);
}

/* The outlines around N are folders; `category` holds "a,/b/c" (OPML 2.0): slashes are levels. */
static char *tags_of(const xmlNode *n)
{
    CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_TAGS * (LIMIT_NAME_BYTES + 1));
    const xmlNode *path[LIMIT_DEPTH];
    size_t depth = 0;
    for (const xmlNode *p = n->parent; p && named(p, "outline") && depth < LIMIT_DEPTH;
         p = p->parent)
        path[depth++] = p;
    while (depth) {
        const xmlNode *p = path[--depth];
        CLEANUP_FREE char *text = attribute(p, "text");
        CLEANUP_FREE char *title = text ? NULL : attribute(p, "title");
        const char *s = text ? text : title;
        if (s)
            add_tag(&b, s, strlen(s));
    }
    CLEANUP_FREE char *category = attribute(n, "category");
    for (const char *p = category; p && *p;) {
        size_t len = strcspn(p, ",/");
        add_tag(&b, p, len);
        p += len + (p[len] != 0);
    }
    return b.len ? buf_take(&b, NULL) : NULL;
}

/* What the reader that wrote N calls the feed, NULL when that is only its address. To be freed. */
static char *title_of(const xmlNode *n, const char *url)
{
    char *title = attribute(n, "title");
    title = title ? title : attribute(n, "text");
    size_t len = 0;
    for (const char *p = title; p && *p; p++) { /* one line */
        bool space = (unsigned char)*p <= ' ' || *p == 0x7f;
        if (!space || (len && title[len - 1] != ' '))
            title[len++] = space ? ' ' : *p;
    }
    if (title)
        title[len] = 0;
    if (len == 0 || str_eq(title, url))
        free(TAKE(title));
    return title;
}

static bool usable(const char *url)
{
    return url && strlen(url) <= LIMIT_URL_BYTES && utf8_valid(url, strlen(url));
}

static void read_outline(struct reading *r, const xmlNode *n)
{
    struct opml *o = r->o;
    CLEANUP_FREE char *said = attribute(n, "xmlUrl");
    CLEANUP_FREE char *type = said ? NULL : attribute(n, "type");
    CLEANUP_FREE char *url = said ? url_http(said) : NULL;
    if (!usable(url)) {
        o->n_skipped += said || (type && str_caseeq(type, "rss"));
        return;
    }
    if (o->n_feeds == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        o->feeds = xreallocarray(o->feeds, r->cap, sizeof *o->feeds);
    }
    char *title = title_of(n, url);
    o->feeds[o->n_feeds++] = (struct opml_feed){
        .url = TAKE(url),
        .title = title,
        .home_url = attribute(n, "htmlUrl"),
        .tags = tags_of(n),
    };
}

/* The next element in document order below TOP. */
static const xmlNode *next_in(const xmlNode *top, const xmlNode *n)
{
    if (n->children && n->type == XML_ELEMENT_NODE)
        return n->children;
    while (n != top && !n->next)
        n = n->parent;
    return n == top ? NULL : n->next;
}

static void feed_fini(struct opml_feed *f)
{
    free(f->url);
    free(f->title);
    free(f->home_url);
    free(f->tags);
}

static void drop_repeats(struct opml *o)
{
    struct table *seen = table_new(o->n_feeds);
    size_t kept = 0;
    for (size_t i = 0; i < o->n_feeds; i++) {
        if (table_put(seen, o->feeds[i].url, o))
            feed_fini(&o->feeds[i]);
        else
            o->feeds[kept++] = o->feeds[i];
    }
    o->n_feeds = kept;
    table_free(seen);
}

static int read_document(const xmlDoc *doc, struct opml **ret, struct td_err *err)
{
    const xmlNode *root = doc ? xmlDocGetRootElement((xmlDoc *)doc) : NULL;
    if (!root)
        return td_err(err, -EINVAL, "no XML document; allowed: OPML");
    if (!named(root, "opml"))
        return td_err(err, -EINVAL, "the document's root is <%.40s>; allowed: <opml>",
                      (const char *)root->name);
    struct reading r = {.o = xcalloc(1, sizeof *r.o)};
    for (const xmlNode *n = next_in(root, root); n; n = next_in(root, n)) {
        if (named(n, "outline"))
            read_outline(&r, n);
        else if (named(n, "title") && n->parent && named(n->parent, "head") && !r.o->title)
            r.o->title = text_of(n->children);
    }
    drop_repeats(r.o);
    *ret = r.o;
    return 0;
}

int opml_read(const char *bytes, size_t n, struct opml **ret, struct td_err *err)
{
    if (n > LIMIT_OPML_BYTES)
        return td_err(err, -EINVAL, "%zu bytes of OPML; allowed: %u", n, LIMIT_OPML_BYTES);
    const char *start = bytes;
    size_t len = str_trim(&start, n); /* white space before <?xml is common, and not XML */
    xmlDoc *doc = xmlReadMemory(start, (int)len, NULL, NULL,
                                XML_PARSE_RECOVER | XML_PARSE_NONET | XML_PARSE_NOERROR |
                                    XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
    int r = read_document(doc, ret, err);
    xmlFreeDoc(doc);
    return r;
}

void opml_free(struct opml *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->n_feeds; i++)
        feed_fini(&o->feeds[i]);
    free(o->feeds);
    free(o->title);
    free(o);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Text inside an attribute or element: XML 1.0 has no other control characters than these. */
static void add_escaped(struct buf *b, const char *s)
{
    for (size_t left = strlen(s), k; left; s += k, left -= k) {
        uint32_t cp = 0;
        k = utf8_decode(s, left, &cp);
        if (!k || (cp < 0x20 && cp != '\t' && cp != '\n' && cp != '\r') || (cp & ~1u) == 0xfffe)
            buf_adds(b, "\xef\xbf\xbd");
        else if (cp == '&')
            buf_adds(b, "&amp;");
        else if (cp == '<')
            buf_adds(b, "&lt;");
        else if (cp == '>')
            buf_adds(b, "&gt;");
        else if (cp == '"')
            buf_adds(b, "&quot;");
        else if (cp < 0x20)
            buf_addf(b, "&#%u;", cp);
        else
            buf_add(b, s, k);
        k = k ? k : 1;
    }
}

static void add_attribute(struct buf *b, const char *name, const char *value)
{
    if (!value)
        return;
    buf_addf(b, " %s=\"", name);
    add_escaped(b, value);
    buf_addc(b, '"');
}

static void write_feed(struct buf *b, const struct opml_feed *f, size_t first_tag)
{
    const char *title = str_empty(f->title) ? f->url : f->title;
    buf_adds(b, first_tag ? "      <outline type=\"rss\"" : "    <outline type=\"rss\"");
    add_attribute(b, "text", title);
    add_attribute(b, "title", title);
    add_attribute(b, "xmlUrl", f->url);
    add_attribute(b, "htmlUrl", f->home_url);
    if (first_tag &&
        f->tags[first_tag]) { /* the others; a comma or slash would part a tag in two */
        CLEANUP_FREE char *rest = xstrdup(f->tags + first_tag + 1);
        for (char *p = rest; *p; p++)
            *p = *p == '\n' ? ',' : (*p == ',' || *p == '/') ? ' ' : *p;
        add_attribute(b, "category", rest);
    }
    buf_adds(b, "/>\n");
}

static size_t first_tag(const struct opml_feed *f)
{
    return f->tags ? strcspn(f->tags, "\n") : 0;
}

/* Feeds sorted by first tag, document order kept inside a tag. */
struct ranked {
    const struct opml_feed *feed;
    size_t order;
};

static int by_tag(const void *pa, const void *pb)
{
    const struct ranked *a = pa, *b = pb;
    size_t n = first_tag(a->feed), m = first_tag(b->feed);
    int c = memcmp(n ? a->feed->tags : "", m ? b->feed->tags : "", MIN(n, m));
    if (c == 0)
        c = (n > m) - (n < m);
    return c ? c : (a->order > b->order) - (a->order < b->order);
}

void opml_write(struct buf *out, const struct opml *o)
{
    buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n  <head>\n"
                  "    <title>");
    add_escaped(out, o->title ? o->title : "Feeds");
    buf_adds(out, "</title>\n  </head>\n  <body>\n");
    CLEANUP_FREE struct ranked *all = xcalloc(o->n_feeds + 1, sizeof *all);
    for (size_t i = 0; i < o->n_feeds; i++)
        all[i] = (struct ranked){&o->feeds[i], i};
    qsort(all, o->n_feeds, sizeof *all, by_tag);
    CLEANUP_FREE char *open = NULL;
    for (size_t i = 0; i < o->n_feeds; i++) {
        const struct opml_feed *f = all[i].feed;
        size_t n = first_tag(f);
        if (open && (strlen(open) != n || memcmp(open, f->tags, n) != 0)) {
            buf_adds(out, "    </outline>\n");
            free(TAKE(open));
        }
        if (n && !open) {
            open = xstrndup(f->tags, n);
            buf_adds(out, "    <outline");
            add_attribute(out, "text", open);
            add_attribute(out, "title", open);
            buf_adds(out, ">\n");
        }
        write_feed(out, f, n);
    }
    buf_adds(out, open ? "    </outline>\n  </body>\n</opml>\n" : "  </body>\n</opml>\n");
}
