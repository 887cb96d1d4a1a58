#include "client/doc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/term.h"
#include "parse/text.h"

#define MAX_LINKS 999 /* "[999]": more references are of no use to a reader */
#define MAX_DEPTH 16  /* lists and quotes deeper than this are not indented further */

struct reader_state {
    struct doc *doc;
    struct buf text; /* of the paragraph that is being read */
    int indent, quote_depth, pre, skip;
    bool heading, space, tight;
    char mark[8];
    struct list {
        int next; /* number of the next item, 0 = bullets */
    } lists[MAX_DEPTH];
    int n_lists;
    char *href; /* of the open link */
    size_t href_text_at;
};

static void flush_para(struct reader_state *s)
{
    while (s->text.len &&
           (s->text.data[s->text.len - 1] == ' ' || s->text.data[s->text.len - 1] == '\n'))
        s->text.data[--s->text.len] = 0;
    s->space = false;
    if (!s->text.len)
        return;
    struct doc *d = s->doc;
    d->paras = xreallocarray(d->paras, d->n + 1, sizeof *d->paras);
    struct para *p = &d->paras[d->n++];
    *p = (struct para){.text = buf_take(&s->text, NULL),
                       .indent = s->indent,
                       .pre = s->pre > 0,
                       .heading = s->heading,
                       .tight = s->tight};
    memcpy(p->mark, s->mark, sizeof p->mark);
    s->mark[0] = 0;
    s->tight = false;
}

static void add_text(struct reader_state *s, const char *p, size_t n)
{
    if (s->pre) {
        for (; n; p++, n--)
            if (*p == '\n')
                buf_addc(&s->text, '\n');
            else if (*p == '\t')
                buf_adds(&s->text, "    ");
            else
                buf_addc(&s->text, *p);
        return;
    }
    for (; n; p++, n--) {
        if (strchr(" \t\r\n\f", *p)) {
            s->space = s->text.len && s->text.data[s->text.len - 1] != '\n';
        } else {
            if (s->space)
                buf_addc(&s->text, ' ');
            s->space = false;
            buf_addc(&s->text, *p);
        }
    }
}

/* The text of references decoded, then made harmless; '\n' and TAB still mean something. */
static void add_chars(struct reader_state *s, const char *p, size_t n)
{
    CLEANUP_BUF struct buf raw = BUF_INIT(LIMIT_TEXT_BYTES * 4),
                           safe = BUF_INIT(LIMIT_TEXT_BYTES * 4);
    text_add_decoded(&raw, p, n, false);
    for (size_t i = 0; i < raw.len;) {
        size_t k = strcspn(raw.data + i, "\t\n\r");
        str_add_printable(&safe, raw.data + i, k);
        i += k;
        if (i < raw.len)
            buf_addc(&safe, raw.data[i++]);
    }
    add_text(s, buf_str(&safe), safe.len);
}

/* ---- tags ---------------------------------------------------------------------------------- */

struct tag {
    char name[16]; /* lower case, cut */
    bool close;
    const char *attrs;
    size_t attrs_len;
};

/* The decoded value of attribute NAME, malloc'd; NULL when it is not there. */
static char *attribute(const struct tag *t, const char *name)
{
    size_t len = strlen(name);
    const char *p = t->attrs, *end = p + t->attrs_len;
    while (p < end) {
        while (p < end && (isspace((unsigned char)*p) || *p == '/'))
            p++;
        const char *start = p;
        while (p < end && *p != '=' && !isspace((unsigned char)*p))
            p++;
        bool mine = (size_t)(p - start) == len && strncasecmp(start, name, len) == 0;
        if (p >= end || *p != '=')
            continue;
        char quote = ++p < end && (*p == '"' || *p == '\'') ? *p++ : 0;
        start = p;
        while (p < end && (quote ? *p != quote : !isspace((unsigned char)*p)))
            p++;
        if (mine) {
            CLEANUP_BUF struct buf raw = BUF_INIT(LIMIT_URL_BYTES * 4),
                                   safe = BUF_INIT(LIMIT_URL_BYTES * 4);
            text_add_decoded(&raw, start, (size_t)(p - start), true);
            str_add_printable(&safe, buf_str(&raw), raw.len);
            return buf_take(&safe, NULL);
        }
        p += p < end && quote;
    }
    return NULL;
}

static bool is_one_of(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, list[i]))
            return true;
    return false;
}

static void list_tag(struct reader_state *s, const struct tag *t)
{
    flush_para(s);
    if (t->close) {
        s->n_lists -= s->n_lists > 0;
    } else if (s->n_lists < MAX_DEPTH) {
        s->lists[s->n_lists++].next = str_eq(t->name, "ol");
    }
}

static void item_tag(struct reader_state *s, const struct tag *t)
{
    flush_para(s);
    s->mark[0] = 0;
    if (t->close || !s->n_lists)
        return;
    struct list *l = &s->lists[s->n_lists - 1];
    if (l->next)
        snprintf(s->mark, sizeof s->mark, "%u. ", (unsigned)l->next++ % 10000);
    else
        snprintf(s->mark, sizeof s->mark, "• ");
    s->tight = s->n_lists > 1 || (l->next != 2 && s->doc->n && *s->doc->paras[s->doc->n - 1].mark);
}

static void link_tag(struct reader_state *s, const struct tag *t)
{
    if (!t->close) {
        free(s->href);
        s->href = attribute(t, "href");
        s->href_text_at = s->text.len;
        return;
    }
    CLEANUP_FREE char *href = TAKE(s->href);
    struct doc *d = s->doc;
    if (!href || (!str_casestarts(href, "http://") && !str_casestarts(href, "https://")) ||
        d->n_links == MAX_LINKS || s->href_text_at >= s->text.len ||
        strstr(s->text.data + s->href_text_at, href))
        return;
    d->links = xreallocarray(d->links, d->n_links + 1, sizeof *d->links);
    d->links[d->n_links++] = TAKE(href);
    buf_addf(&s->text, " [%zu]", d->n_links);
}

static void image_tag(struct reader_state *s, const struct tag *t)
{
    CLEANUP_FREE char *alt = attribute(t, "alt");
    if (str_empty(alt))
        return;
    add_text(s, " [", 2);
    add_text(s, alt, strlen(alt));
    add_text(s, "] ", 2);
}

static void block_tag(struct reader_state *s, const struct tag *t)
{
    flush_para(s);
    if (str_eq(t->name, "blockquote")) {
        s->quote_depth += t->close ? -(s->quote_depth > 0) : s->quote_depth < MAX_DEPTH;
    } else if (str_eq(t->name, "pre")) {
        s->pre += t->close ? -(s->pre > 0) : 1;
    } else if (t->name[0] == 'h' && t->name[1] >= '1' && t->name[1] <= '6') {
        s->heading = !t->close;
    } else if (str_eq(t->name, "hr") && !t->close) {
        buf_adds(&s->text, "* * *");
        flush_para(s);
    }
}

static void take_tag(struct reader_state *s, const struct tag *t)
{
    static const char *const blocks[] = {
        "p",     "div",  "h1",   "h2",      "h3",     "h4",      "h5",     "h6",     "blockquote",
        "pre",   "hr",   "dl",   "dt",      "dd",     "figure",  "header", "main",   "figcaption",
        "table", "tr",   "nav",  "section", "aside",  "thead",   "tbody",  "form",   "article",
        "video", "html", "body", "details", "footer", "summary", "audio",  "address"};
    static const char *const skipped[] = {"script", "style", "template", "title"};
    if (is_one_of(t->name, skipped, ARRAY_SIZE(skipped)))
        s->skip = t->close ? 0 : 1;
    else if (str_eq(t->name, "ul") || str_eq(t->name, "ol"))
        list_tag(s, t);
    else if (str_eq(t->name, "li"))
        item_tag(s, t);
    else if (str_eq(t->name, "a"))
        link_tag(s, t);
    else if (str_eq(t->name, "img"))
        image_tag(s, t);
    else if (str_eq(t->name, "br"))
        buf_addc(&s->text, '\n'), s->space = false;
    else if ((str_eq(t->name, "td") || str_eq(t->name, "th")) && t->close)
        add_text(s, " | ", 3);
    else if (is_one_of(t->name, blocks, ARRAY_SIZE(blocks)))
        block_tag(s, t);
    s->indent = 2 * MAX(s->n_lists - 1, 0) + 4 * s->quote_depth;
}

/* Reads the tag at P ('<'): its length, 0 when it is no tag. */
static size_t read_tag(const char *p, size_t n, struct tag *t)
{
    *t = (struct tag){0};
    if (n >= 4 && memcmp(p, "<!--", 4) == 0) {
        const char *end = memmem(p + 4, n - 4, "-->", 3);
        return end ? (size_t)(end + 3 - p) : n;
    }
    size_t i = 1, len = 0;
    if (i < n && p[i] == '/')
        t->close = true, i++;
    if (i >= n || !isalpha((unsigned char)p[i]))
        return 0;
    for (; i < n && isalnum((unsigned char)p[i]); i++)
        if (len + 1 < sizeof t->name)
            t->name[len++] = (char)tolower((unsigned char)p[i]);
    t->attrs = p + i;
    for (char quote = 0; i < n && (quote || p[i] != '>'); i++) {
        if (quote)
            quote = p[i] == quote ? 0 : quote;
        else if ((p[i] == '"' || p[i] == '\'') && p[i - 1] == '=')
            quote = p[i];
    }
    t->attrs_len = (size_t)(p + i - t->attrs);
    return i < n ? i + 1 : n;
}

struct doc *doc_from_html(const char *html, size_t n)
{
    struct reader_state s = {.doc = xcalloc(1, sizeof *s.doc),
                             .text = BUF_INIT(LIMIT_TEXT_BYTES * 4)};
    while (n) {
        const char *lt = memchr(html, '<', n);
        size_t k = lt ? (size_t)(lt - html) : n;
        struct tag t = {0};
        size_t tag_len = lt ? read_tag(lt, n - k, &t) : 0;
        if (lt && !tag_len)
            k++; /* a lone '<' is text */
        if (!s.skip)
            add_chars(&s, html, k);
        if (tag_len && t.name[0])
            take_tag(&s, &t);
        html += k + tag_len;
        n -= k + tag_len;
    }
    flush_para(&s);
    buf_free(&s.text);
    free(s.href);
    return s.doc;
}

struct doc *doc_from_text(const char *text, size_t n)
{
    struct reader_state s = {.doc = xcalloc(1, sizeof *s.doc),
                             .text = BUF_INIT(LIMIT_TEXT_BYTES * 4)};
    while (n) {
        const char *nl = memchr(text, '\n', n);
        size_t k = nl ? (size_t)(nl - text) : n;
        CLEANUP_BUF struct buf line = BUF_INIT(LIMIT_TEXT_BYTES * 4);
        str_add_printable(&line, text, k);
        add_text(&s, buf_str(&line), line.len);
        bool empty_line = nl && n > k + 1 && nl[1] == '\n';
        if (empty_line)
            flush_para(&s);
        else if (s.text.len)
            buf_addc(&s.text, '\n'), s.space = false;
        k += nl != NULL;
        text += k;
        n -= k;
    }
    flush_para(&s);
    buf_free(&s.text);
    return s.doc;
}

void doc_free(struct doc *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n; i++)
        free(d->paras[i].text);
    for (size_t i = 0; i < d->n_links; i++)
        free(d->links[i]);
    free(d->paras);
    free(d->links);
    free(d);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Length of the piece at P that must not be broken: a word up to a space or newline, where each
 * wide character is a piece of its own. */
static size_t piece(const char *p, size_t n)
{
    size_t at = 0;
    while (at < n && p[at] != ' ' && p[at] != '\n') {
        uint32_t cp = 0;
        size_t k = utf8_decode(p + at, n - at, &cp);
        k = k ? k : 1;
        if (char_width(cp) == 2)
            return at ? at : k;
        at += k;
    }
    return at;
}

void text_add_wrapped(struct buf *out, const char *text, int width, int indent, int first)
{
    size_t n = strlen(text);
    int column = first;
    bool space = false, start = true;
    for (size_t at = 0; at < n;) {
        if (text[at] == ' ' || text[at] == '\n') {
            space = true;
            if (text[at++] == '\n') {
                buf_addc(out, '\n');
                text_add_spaces(out, indent);
                column = indent;
                start = true;
                space = false;
            }
            continue;
        }
        size_t k = piece(text + at, n - at);
        int w = text_width(text + at, k);
        if (!start && column + space + w > width) {
            buf_addc(out, '\n');
            text_add_spaces(out, indent);
            column = indent;
            space = false;
        }
        if (space && !start)
            buf_addc(out, ' '), column++;
        buf_add(out, text + at, k);
        column += w;
        at += k;
        start = space = false;
    }
}

static void add_pre(struct buf *out, const struct para *p)
{
    for (const char *s = p->text; *s;) {
        size_t k = strcspn(s, "\n");
        text_add_spaces(out, p->indent + 4);
        buf_add(out, s, k);
        s += k;
        if (*s) {
            buf_addc(out, '\n');
            s++;
        }
    }
}

void doc_add_wrapped(struct buf *out, const struct doc *d, int width, bool colour)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct para *p = &d->paras[i];
        int mark = text_width(p->mark, strlen(p->mark));
        enum style style = p->heading ? STYLE_BOLD : STYLE_NONE;
        if (i && !p->tight)
            buf_addc(out, '\n');
        if (p->pre) {
            add_pre(out, p);
        } else {
            text_add_spaces(out, p->indent);
            buf_adds(out, p->mark);
            buf_adds(out, style_on(colour, style));
            text_add_wrapped(out, p->text, width, p->indent + mark, p->indent + mark);
            buf_adds(out, style_off(colour, style));
        }
        buf_addc(out, '\n');
    }
    for (size_t i = 0; i < d->n_links; i++)
        buf_addf(out, "%s%s[%zu] %s%s\n", i ? "" : "\n", style_on(colour, STYLE_DIM), i + 1,
                 d->links[i], style_off(colour, STYLE_DIM));
}

void doc_add_plain(struct buf *out, const struct doc *d)
{
    for (size_t i = 0; i < d->n; i++) {
        buf_adds(out, d->paras[i].mark);
        buf_adds(out, d->paras[i].text);
        buf_addc(out, '\n');
    }
}
