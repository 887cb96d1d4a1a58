/*
 * Feeds that an HTML page links to (FETCHING i). A scan for tags, not an HTML parse: comments and
 * the content of script and style are passed over, and it ends at <body> unless the page has no
 * head worth the name.
 */
#include "parse/parse.h"

#include <ctype.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/encoding.h"
#include "parse/text.h"
#include "parse/url.h"

struct scan {
    const char *p, *end;
    struct arena *a;
    const char *base;
    struct discovered *found;
    size_t n, max;
};

struct tag {
    const char *name;
    size_t name_n;
    const char *p, *end; /* its attributes */
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool starts(const char *p, const char *end, const char *what)
{
    size_t n = strlen(what);
    return (size_t)(end - p) >= n && strncasecmp(p, what, n) == 0;
}

/* Behind WHAT at or after P, END when it does not come. */
static const char *behind(const char *p, const char *end, const char *what)
{
    for (; p < end; p++) {
        p = memchr(p, what[0], (size_t)(end - p));
        if (!p)
            break;
        if (starts(p, end, what))
            return p + strlen(what);
    }
    return end;
}

/* The next start tag: false at the end. */
static bool next_tag(struct scan *s, struct tag *t)
{
    while (s->p < s->end && (s->p = memchr(s->p, '<', (size_t)(s->end - s->p)))) {
        if (starts(s->p, s->end, "<!--")) {
            s->p = behind(s->p + 4, s->end, "-->");
            continue;
        }
        const char *p = ++s->p;
        if (p >= s->end || !isalpha((unsigned char)*p))
            continue;
        t->name = p;
        while (p < s->end && !is_space(*p) && *p != '>' && *p != '/')
            p++;
        t->name_n = (size_t)(p - t->name);
        t->p = p;
        for (char quote = 0; p < s->end && (quote || *p != '>'); p++)
            if (quote ? *p == quote : (*p == '"' || *p == '\'') && p[-1] == '=')
                quote = quote ? 0 : *p;
        t->end = p;
        s->p = p;
        return true;
    }
    s->p = s->end;
    return false;
}

static bool tag_is(const struct tag *t, const char *name)
{
    return t->name_n == strlen(name) && strncasecmp(t->name, name, t->name_n) == 0;
}

/* An attribute's decoded value in the arena; NULL when it is not there. */
static const char *tag_attr(struct scan *s, const struct tag *t, const char *name)
{
    const char *p = t->p;
    while (p < t->end) {
        while (p < t->end && (is_space(*p) || *p == '/'))
            p++;
        const char *key = p;
        while (p < t->end && !is_space(*p) && *p != '=')
            p++;
        size_t key_n = (size_t)(p - key);
        while (p < t->end && is_space(*p))
            p++;
        const char *value = p;
        if (p < t->end && *p == '=') {
            do
                p++;
            while (p < t->end && is_space(*p));
            char quote = p < t->end && (*p == '"' || *p == '\'') ? *p++ : 0;
            value = p;
            while (p < t->end && (quote ? *p != quote : !is_space(*p)))
                p++;
        }
        if (key_n == strlen(name) && strncasecmp(key, name, key_n) == 0) {
            CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_URL_BYTES);
            text_add_decoded(&b, value, (size_t)(p - value), true);
            return arena_strdup(s->a, buf_str(&b));
        }
        p += p < t->end;
        if (p == key)
            break;
    }
    return NULL;
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    while (list && *list) {
        list += strspn(list, " \t\r\n\f");
        size_t k = strcspn(list, " \t\r\n\f");
        if (k == n && strncasecmp(list, word, n) == 0)
            return true;
        list += k;
    }
    return false;
}

/* How much we like a type, 0 = it is no feed's. Atom before RSS before the rest. */
static int type_rank(const char *type)
{
    static const struct {
        const char *type;
        int rank;
    } types[] = {
        {"application/atom+xml", 4},  {"application/rss+xml", 3},   {"application/rdf+xml", 3},
        {"application/feed+json", 2}, {"application/x-rss+xml", 1}, {"text/rss+xml", 1},
        {"application/json", 1},
    };
    size_t n = type ? strcspn(type, "; \t") : 0;
    for (size_t i = 0; n && i < ARRAY_SIZE(types); i++)
        if (strlen(types[i].type) == n && strncasecmp(type, types[i].type, n) == 0)
            return types[i].rank;
    return 0;
}

/* Comment feeds (of a post, of the site) go behind the main ones. */
static int score(const struct discovered *d)
{
    bool comments = (d->title && strcasestr(d->title, "comment")) ||
                    strcasestr(d->url, "/comments/") || strcasestr(d->url, "comments/feed");
    int rank = d->type ? type_rank(d->type) : 1;
    return rank + (comments ? 0 : 10);
}

/* Keeps the list in order of score; equals stay in document order. */
static void add(struct scan *s, const char *href, const char *type, const char *title)
{
    const char *url = href ? url_resolve(s->a, s->base, href, strlen(href)) : NULL;
    if (!url || !(str_casestarts(url, "http://") || str_casestarts(url, "https://")))
        return;
    for (size_t i = 0; i < s->n; i++)
        if (str_eq(s->found[i].url, url))
            return;
    struct discovered d = {
        .url = url,
        .title = title ? text_field(s->a, TEXT_LITERAL, title, strlen(title)) : NULL,
        .type = type,
    };
    size_t at = s->n;
    while (at > 0 && score(&s->found[at - 1]) < score(&d))
        at--;
    if (at >= s->max)
        return;
    if (s->n < s->max)
        s->n++;
    memmove(s->found + at + 1, s->found + at, (s->n - at - 1) * sizeof *s->found);
    s->found[at] = d;
}

static void read_tag(struct scan *s, const struct tag *t, bool *based)
{
    if (tag_is(t, "base") && !*based) {
        const char *href = tag_attr(s, t, "href");
        const char *base = href ? url_resolve(s->a, s->base, href, strlen(href)) : NULL;
        if (base) {
            s->base = base;
            *based = true;
        }
    } else if (tag_is(t, "link")) {
        const char *rel = tag_attr(s, t, "rel"), *type = tag_attr(s, t, "type");
        bool feed = has_word(rel, "feed");
        bool alternate = has_word(rel, "alternate") && !has_word(rel, "stylesheet");
        if (feed || (alternate && type_rank(type)))
            add(s, tag_attr(s, t, "href"), type, tag_attr(s, t, "title"));
    }
}

/* A Link header's value: <URL>; rel="alternate"; type="application/rss+xml", ... */
static void read_header(struct scan *s, const char *link)
{
    while (link && (link = strchr(link, '<'))) {
        const char *close = strchr(link, '>');
        if (!close)
            return;
        const char *end = close + 1;
        for (bool quoted = false; *end && (quoted || (*end != ',' && *end != '\n')); end++)
            quoted ^= *end == '"';
        /* parameters are written like attributes, but for the semicolons */
        char *params = arena_strndup(s->a, close + 1, (size_t)(end - close - 1));
        bool quoted = false;
        for (char *p = params; *p; p++) {
            quoted ^= *p == '"';
            if (*p == ';' && !quoted)
                *p = ' ';
        }
        struct tag t = {.p = params, .end = params + strlen(params)};
        const char *type = tag_attr(s, &t, "type");
        if (has_word(tag_attr(s, &t, "rel"), "alternate") && type_rank(type))
            add(s, arena_strndup(s->a, link + 1, (size_t)(close - link - 1)), type,
                tag_attr(s, &t, "title"));
        link = end;
    }
}

size_t parse_discover(const struct parse_in *in, struct arena *arena, struct discovered *ret,
                      size_t max)
{
    CLEANUP_BUF struct buf utf8 = BUF_INIT(2u * LIMIT_BODY_MAX_BYTES);
    struct encoding_result enc;
    if (encoding_to_utf8(in->bytes, in->n, in->content_type, &utf8, &enc) < 0)
        return 0;
    struct scan s = {.p = enc.text,
                     .end = enc.text + enc.n,
                     .a = arena,
                     .base = in->base_url,
                     .found = ret,
                     .max = max};
    struct tag t;
    bool based = false;
    read_header(&s, in->link);
    while (next_tag(&s, &t)) {
        read_tag(&s, &t, &based);
        if (tag_is(&t, "body"))
            break;
        if (tag_is(&t, "script"))
            s.p = behind(s.p, s.end, "</script");
        else if (tag_is(&t, "style"))
            s.p = behind(s.p, s.end, "</style");
        else if (tag_is(&t, "title"))
            s.p = behind(s.p, s.end, "</title");
    }
    return s.n;
}
