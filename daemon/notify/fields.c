#include "notify/fields.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return str_empty(s) ? NULL : s;
}

static void read_item(struct fields *f, const json_t *item)
{
    const json_t *t = json_object_get(item, "_tidings");
    f->item_id = json_integer_value(json_object_get(t, "item_id"));
    f->revision = json_integer_value(json_object_get(t, "revision"));
    f->feed = text_of(t, "feed");
    f->feed_title = text_of(t, "feed_title");
    f->title = text_of(item, "title");
    f->url = text_of(item, "url");
    f->date = text_of(item, "date_published");
    f->author = text_of(json_array_get(json_object_get(item, "authors"), 0), "name");
    f->html = text_of(item, "content_html");
    f->text = text_of(item, "content_text");
    if (!f->html && !f->text)
        f->text = text_of(item, "summary");
}

static void read_feed(struct fields *f, const json_t *feed)
{
    static const struct {
        const char *kind, *words;
    } known[] = {{"feed.moved", "has moved"},
                 {"feed.gone", "is gone"},
                 {"feed.dead", "has failed for 30 days"},
                 {"feed.silent", "has been silent for long"},
                 {"feed.recovered", "works again"}};
    const char *words = f->kind, *moved = text_of(feed, "moved_url");
    f->feed = text_of(feed, "name");
    f->feed_title = text_of(feed, "title");
    f->url = moved ? moved : text_of(feed, "url");
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (str_eq(f->kind, known[i].kind))
            words = known[i].words;
    f->own_title = xasprintf("Feed %s %s",
                             f->feed_title ? f->feed_title
                             : f->feed     ? f->feed
                                           : "",
                             words);
    f->title = f->own_title;
}

int fields_read(struct fields *ret, const char *json, size_t n)
{
    struct fields f = {.root = json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL)};
    const json_t *item = json_object_get(f.root, "item"), *feed = json_object_get(f.root, "feed");
    f.kind = text_of(f.root, "event");
    if (!f.kind) {
        json_decref(f.root);
        return -EINVAL;
    }
    f.seq = json_integer_value(json_object_get(f.root, "seq"));
    if (item)
        read_item(&f, item);
    else if (feed)
        read_feed(&f, feed);
    else
        f.title = f.own_title = xasprintf("tidings: %s", f.kind);
    if (item && str_eq(f.kind, "item.vanished"))
        f.title = f.own_title = xasprintf("Taken out of its feed: %s", f.title ? f.title
                                                                       : f.url ? f.url
                                                                               : "");
    const json_t *story = json_object_get(f.root, "story");
    int64_t outlets = json_integer_value(json_object_get(story, "outlets"));
    if (story && text_of(story, "title") && !f.own_title) {
        f.own_title = outlets > 1
                          ? xasprintf("%s (%d outlets)", text_of(story, "title"), (int)outlets)
                          : xstrdup(text_of(story, "title"));
        f.title = f.own_title;
    }
    *ret = f;
    return 0;
}

void fields_fini(struct fields *f)
{
    json_decref(f->root);
    free(f->own_title);
    *f = (struct fields){.root = NULL};
}

/* ---- text ----------------------------------------------------------------------------------- */

/* Appends S as one line without control characters, cut to MAX bytes. */
static void add_line(struct buf *out, const char *s, size_t max)
{
    CLEANUP_BUF struct buf line = BUF_INIT(LIMIT_TEXT_BYTES * 4);
    str_add_printable(&line, s, MIN(strlen(s), 4 * max));
    const char *p = buf_str(&line);
    size_t n = str_trim(&p, line.len), cut = n > max ? utf8_cut(p, max - 3) : n;
    buf_add(out, p, cut);
    if (cut < n)
        buf_adds(out, "...");
}

void fields_headline(struct buf *out, const struct fields *f, size_t max)
{
    if (f->title) {
        add_line(out, f->title, max);
        return;
    }
    CLEANUP_BUF struct buf text = BUF_INIT(max + 16);
    fields_plain(&text, f, MIN(max, (size_t)100));
    if (text.len)
        add_line(out, buf_str(&text), max);
    else
        add_line(out, f->url ? f->url : f->kind, max);
}

void fields_plain(struct buf *out, const struct fields *f, size_t max)
{
    CLEANUP_BUF struct buf text = BUF_INIT(4 * LIMIT_TEXT_BYTES);
    if (f->html)
        plain_of_html(&text, f->html, false);
    else if (f->text)
        buf_adds(&text, f->text);
    const char *p = buf_str(&text);
    size_t n = str_trim(&p, text.len);
    if (n <= max) {
        buf_add(out, p, n);
        return;
    }
    size_t cut = utf8_cut(p, max - 3), word = cut;
    while (word > max / 2 && p[word] != ' ' && p[word] != '\n')
        word--;
    buf_add(out, p, word > max / 2 ? word : cut);
    buf_adds(out, "...");
}

/* ---- from HTML ------------------------------------------------------------------------------ */

/* One character reference at P (which is at '&'): its length, or 0. */
static size_t add_reference(struct buf *out, const char *p)
{
    static const struct {
        const char *name, *text;
    } known[] = {{"&amp;", "&"},  {"&lt;", "<"},   {"&gt;", ">"}, {"&quot;", "\""},
                 {"&apos;", "'"}, {"&nbsp;", " "}, {"&#39;", "'"}};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (str_starts(p, known[i].name)) {
            buf_adds(out, known[i].text);
            return strlen(known[i].name);
        }
    if (p[1] != '#')
        return 0;
    char *end;
    bool hex = p[2] == 'x' || p[2] == 'X';
    unsigned long cp = strtoul(p + 2 + hex, &end, hex ? 16 : 10);
    char utf8[4];
    if (*end != ';' || cp < 32 || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        return 0;
    buf_add(out, utf8, utf8_encode((uint32_t)cp, utf8));
    return (size_t)(end + 1 - p);
}

static bool is_tag(const char *p, size_t n, const char *name)
{
    return n == strlen(name) && strncasecmp(p, name, n) == 0;
}

static bool is_block(const char *name, size_t n)
{
    static const char *const blocks[] = {
        "p",  "br", "div", "li", "ul", "ol", "tr",      "table",  "blockquote", "pre", "h1",
        "h2", "h3", "h4",  "h5", "h6", "hr", "section", "figure", "figcaption", "dt",  "dd",
    };
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
        if (is_tag(name, n, blocks[i]))
            return true;
    return false;
}

/* A new line, at most one empty one in a row; none at the beginning. */
static void add_break(struct buf *out, bool empty_too)
{
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = 0;
    if (!out->len)
        return;
    bool at_line = out->data[out->len - 1] == '\n';
    bool after_empty = at_line && out->len > 1 && out->data[out->len - 2] == '\n';
    if (!at_line)
        buf_addc(out, '\n');
    if (empty_too && !after_empty)
        buf_addc(out, '\n');
}

struct plain {
    struct buf *out;
    bool links;
    const char *href; /* of the open link, in the HTML; NULL = none */
    size_t href_len, link_at;
};

static void add_href(struct plain *t)
{
    size_t n = t->href_len;
    if (!t->href || !n)
        return;
    CLEANUP_BUF struct buf url = BUF_INIT(LIMIT_URL_BYTES * 2);
    for (size_t i = 0; i < n;) {
        size_t k = t->href[i] == '&' ? add_reference(&url, t->href + i) : 0;
        if (!k)
            buf_addc(&url, t->href[i]);
        i += k ? k : 1;
    }
    bool same = t->out->len - t->link_at == url.len &&
                memcmp(t->out->data + t->link_at, buf_str(&url), url.len) == 0;
    if (!same && t->out->len > t->link_at)
        buf_addf(t->out, " <%s>", buf_str(&url));
    t->href = NULL;
}

/* A tag from NAME (behind '<' or "</") to END (at '>'). */
static void take_tag(struct plain *t, const char *name, const char *end, bool closing)
{
    size_t n = strcspn(name, " \t\n/>");
    if (t->links && is_tag(name, n, "a")) {
        static const char attribute[] = "href=\"";
        const char *href =
            closing ? NULL : memmem(name, (size_t)(end - name), attribute, sizeof attribute - 1);
        if (closing)
            add_href(t);
        t->href = href ? href + sizeof attribute - 1 : NULL;
        t->href_len = t->href ? strcspn(t->href, "\"") : 0;
        t->link_at = t->out->len;
    } else if (is_block(name, n)) {
        bool line = is_tag(name, n, "br") || is_tag(name, n, "li") || is_tag(name, n, "tr") ||
                    is_tag(name, n, "div");
        add_break(t->out, !line);
        if (!closing && is_tag(name, n, "li"))
            buf_adds(t->out, "- ");
    }
}

void plain_of_html(struct buf *out, const char *html, bool links)
{
    struct plain t = {.out = out, .links = links};
    for (const char *p = html; *p;) {
        size_t k = 0;
        if (*p == '<') {
            const char *end = strchr(p, '>');
            if (!end)
                break;
            bool closing = p[1] == '/';
            take_tag(&t, p + 1 + closing, end, closing);
            p = end + 1;
            continue;
        }
        if (*p == '&')
            k = add_reference(out, p);
        bool space = strchr(" \t\r\n", *p);
        bool repeated = !out->len || strchr(" \n", out->data[out->len - 1]);
        if (!k && (!space || !repeated))
            buf_addc(out, space ? ' ' : *p);
        p += k ? k : 1;
    }
    while (out->len && strchr(" \n", out->data[out->len - 1]))
        out->data[--out->len] = 0;
}
