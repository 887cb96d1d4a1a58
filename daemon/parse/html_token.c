#include "parse/html_token.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

static bool is_alpha(char c)
{
    c |= 0x20;
    return c >= 'a' && c <= 'z';
}

void html_scan_init(struct html_scan *sc, const char *s, size_t n)
{
    *sc = (struct html_scan){s, s + n, false};
}

/* P is at "<!--": its end. An unclosed comment ends at the first '>' as it did in old browsers: in
 * a feed it is a mistake, and hiding the rest of the item would be another one. */
static const char *skip_comment(struct html_scan *sc, const char *p)
{
    const char *s = p + 4;
    if (s < sc->end && *s == '>')
        return s + 1;
    if (sc->end - s >= 2 && s[0] == '-' && s[1] == '>')
        return s + 2;
    for (const char *d = s; !sc->no_comment_end;) {
        d = memchr(d, '-', (size_t)(sc->end - d));
        if (!d || sc->end - d < 3) {
            sc->no_comment_end = true;
            break;
        }
        if (d[1] == '-' && d[2] == '>')
            return d + 3;
        if (d[1] == '-' && d[2] == '!' && sc->end - d >= 4 && d[3] == '>')
            return d + 4;
        d++;
    }
    const char *gt = memchr(s, '>', (size_t)(sc->end - s));
    return gt ? gt + 1 : sc->end;
}

static const char *skip_to_gt(const struct html_scan *sc, const char *p)
{
    const char *gt = memchr(p, '>', (size_t)(sc->end - p));
    return gt ? gt + 1 : sc->end;
}

static const char *skip_spaces(const char *p, const char *end)
{
    while (p < end && html_is_space(*p))
        p++;
    return p;
}

/* "if a <b" and no more: a sentence. Browsers would take it for a tag that was cut off. */
static bool is_last_word(const struct html_scan *sc, const struct html_token *name)
{
    return (sc->p == sc->end || html_is_space(*sc->p)) && skip_spaces(sc->p, sc->end) == sc->end &&
           !memchr(name->s, '<', name->n);
}

enum html_kind html_next(struct html_scan *sc, struct html_token *ret)
{
    while (sc->p < sc->end) {
        const char *p = sc->p;
        size_t left = (size_t)(sc->end - p);
        if (*p == '<' && left >= 2 &&
            (is_alpha(p[1]) || (p[1] == '/' && left >= 3 && is_alpha(p[2])))) {
            enum html_kind kind = p[1] == '/' ? HTML_END : HTML_START;
            ret->s = p += kind == HTML_END ? 2 : 1;
            while (p < sc->end && !html_is_space(*p) && *p != '/' && *p != '>')
                p++;
            ret->n = (size_t)(p - ret->s);
            sc->p = p;
            if (kind == HTML_END || !is_last_word(sc, ret))
                return kind;
            p = ret->s - 1;
            left = (size_t)(sc->end - p);
        }
        if (*p == '<' && left >= 2 && (p[1] == '!' || p[1] == '?' || (p[1] == '/' && left >= 3))) {
            bool comment = left >= 4 && p[1] == '!' && p[2] == '-' && p[3] == '-';
            sc->p = comment ? skip_comment(sc, p) : skip_to_gt(sc, p + 1);
            continue;
        }
        /* text, which may begin with a '<' that opens nothing */
        const char *lt = memchr(p + 1, '<', left - 1);
        ret->s = p;
        ret->n = (size_t)((lt ? lt : sc->end) - p);
        sc->p = p + ret->n;
        return HTML_TEXT;
    }
    return HTML_END_OF_INPUT;
}

static const char *read_value(const char *p, const char *end, struct html_attr *ret)
{
    if (p < end && (*p == '"' || *p == '\'')) {
        const char *quote = memchr(p + 1, *p, (size_t)(end - p - 1));
        ret->value = p + 1;
        if (!quote)
            return end;
        ret->value_n = (size_t)(quote - p - 1);
        return quote + 1;
    }
    ret->value = p;
    while (p < end && !html_is_space(*p) && *p != '>')
        p++;
    ret->value_n = (size_t)(p - ret->value);
    return p;
}

int html_attr_next(struct html_scan *sc, struct html_attr *ret, bool *ret_self_closing)
{
    const char *p = sc->p, *end = sc->end;
    *ret_self_closing = false;
    while (p < end && (html_is_space(*p) || *p == '/')) {
        *ret_self_closing = *p == '/';
        p++;
    }
    if (p < end && *p == '>') {
        sc->p = p + 1;
        return 0;
    }
    *ret = (struct html_attr){.name = p};
    if (p < end) /* even a '=' is part of the name when it comes first */
        p++;
    while (p < end && !html_is_space(*p) && *p != '/' && *p != '>' && *p != '=')
        p++;
    ret->name_n = (size_t)(p - ret->name);
    const char *eq = skip_spaces(p, end);
    if (eq < end && *eq == '=') {
        p = skip_spaces(eq + 1, end);
        p = read_value(p, end, ret);
    }
    sc->p = p;
    return p < end ? 1 : -1;
}

int html_skip_attrs(struct html_scan *sc, bool *ret_self_closing)
{
    struct html_attr a;
    int r;
    while ((r = html_attr_next(sc, &a, ret_self_closing)) > 0)
        ;
    return r;
}

bool html_skip_raw(struct html_scan *sc, const char *name, size_t n, struct html_token *ret_content)
{
    const char *p = sc->p;
    bool self_closing;
    ret_content->s = p;
    while ((p = memchr(p, '<', (size_t)(sc->end - p)))) {
        if ((size_t)(sc->end - p) > n + 2 && p[1] == '/' && strncasecmp(p + 2, name, n) == 0 &&
            (html_is_space(p[n + 2]) || p[n + 2] == '/' || p[n + 2] == '>')) {
            ret_content->n = (size_t)(p - ret_content->s);
            sc->p = p + 2 + n;
            html_skip_attrs(sc, &self_closing);
            return true;
        }
        p++;
    }
    ret_content->n = (size_t)(sc->end - ret_content->s);
    sc->p = sc->end;
    return false;
}

/* True when the end tag was found. */
static bool skip_nested(struct html_scan *sc, const struct html_tag *tag)
{
    struct html_token t;
    bool self_closing;
    for (size_t depth = 1; depth > 0;) {
        enum html_kind kind = html_next(sc, &t);
        if (kind == HTML_END_OF_INPUT)
            return false;
        if (kind == HTML_TEXT)
            continue;
        const struct html_tag *inner = html_tag_find(t.s, t.n);
        html_skip_attrs(sc, &self_closing);
        if (kind == HTML_START && inner && inner->flags & HTML_RAW)
            html_skip_raw(sc, t.s, t.n, &t);
        else if (inner == tag)
            depth += kind == HTML_START ? 1 : (size_t)-1;
    }
    return true;
}

void html_skip_element(struct html_scan *sc, const struct html_tag *tag)
{
    struct html_token content;
    const char *before = sc->p;
    if (tag->flags & HTML_CODE) {
        html_skip_raw(sc, tag->name, strlen(tag->name), &content);
        return;
    }
    if (sc->unclosed)
        return;
    bool closed = tag->flags & HTML_RAW ? html_skip_raw(sc, tag->name, strlen(tag->name), &content)
                                        : skip_nested(sc, tag);
    if (!closed) {
        sc->unclosed = true;
        sc->p = before;
    }
}
