#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "query/cut.h"
#include "query/names.h"
#include "query/parser.h"
#include "query/regex.h"

static const struct field fields[] = {
    {"title", N_PHRASE, 1u << COL_TITLE, S_TITLE},
    {"author", N_PHRASE, 1u << COL_AUTHOR, S_AUTHOR},
    {"text", N_PHRASE, 1u << COL_TEXT, S_TEXT},
    {"feed", N_FEED, 0, S_FEED},
    {"tag", N_TAG, 0, S_TAG},
    {"lang", N_LANG, 0, -1},
    {"site", N_SITE, 0, -1},
    {"before", N_BEFORE, 0, -1},
    {"after", N_AFTER, 0, -1},
    {"has", N_HAS, 0, -1},
    {"url", N_ALL, 0, S_URL},
    {"query", N_NAMED, 0, -1},
};
#define FIELD_NAMES "title, author, text, feed, tag, lang, site, url, before, after, has, query"

const struct field *parser_field(struct parser *p)
{
    size_t n = strcspn(p->p, ": \t\r\n\"()");
    if (p->p[n] != ':')
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (strlen(fields[i].name) == n && strncmp(p->p, fields[i].name, n) == 0) {
            p->p += n + 1;
            return &fields[i];
        }
    return NULL;
}

/* "titel:word" is a mistake; "https://x", "10:30" and "Re:Zero" are text. */
static bool looks_like_field(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz_");
    return n > 1 && s[n] == ':' && !is_end(s[n + 1]) && s[n + 1] != ':' &&
           strncmp(s + n + 1, "//", 2) != 0;
}

static struct node *no_such_field(struct parser *p)
{
    const char *names[ARRAY_SIZE(fields)];
    char name[32];
    size_t n = strcspn(p->p, ":");
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        names[i] = fields[i].name;
    snprintf(name, sizeof name, "%.*s", (int)MIN(n, sizeof name - 1), p->p);
    const char *meant = str_suggest(name, names, ARRAY_SIZE(names));
    return parser_fail(p, p->p, n + 1,
                       "there is no field %s%s%s%s; allowed: " FIELD_NAMES " (as text, in quotes)",
                       name, meant ? " (did you mean " : "", meant ? meant : "", meant ? "?)" : "");
}

/* ---- a word, a phrase or a value as it is written ------------------------------------------ */

struct span {
    const char *start; /* with its quote */
    const char *p;
    size_t n;
    bool prefix, quoted;
};

static bool read_span(struct parser *p, struct span *ret)
{
    struct span s = {.start = p->p, .p = p->p};
    if (*p->p == '"') {
        const char *end = strchr(p->p + 1, '"');
        if (!end) {
            parser_fail(p, p->p, 1, "a phrase is not closed");
            return false;
        }
        s = (struct span){s.start, p->p + 1, (size_t)(end - p->p - 1), end[1] == '*', true};
        p->p = end + 1 + s.prefix;
    } else {
        while (!is_end(p->p[s.n]))
            s.n++;
        p->p += s.n;
        s.prefix = s.n && s.p[s.n - 1] == '*';
        s.n -= s.prefix;
    }
    *ret = s;
    return true;
}

static void set_value(struct parser *p, struct node *n, const char *s, size_t len)
{
    n->value = arena_strndup(&p->q->arena, s, len);
    n->value_n = len;
}

/* ---- words --------------------------------------------------------------------------------- */

struct tokens {
    struct parser *p;
    struct token *v;
    uint32_t n, cap;
};

static void add_token(void *ctx, const char *token, size_t n)
{
    struct tokens *t = ctx;
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 8;
        t->v = xreallocarray(t->v, t->cap, sizeof *t->v);
    }
    t->v[t->n++] = (struct token){arena_strndup(&t->p->q->arena, token, n), (uint32_t)n,
                                  token_hash(token, n)};
}

static struct node *word_node(struct parser *p, const struct span *s, unsigned cols)
{
    size_t len = (size_t)(p->p - s->start);
    const char *star = s->quoted ? NULL : memchr(s->p, '*', s->n);
    if (star)
        return parser_fail(p, star, 1, "* may stand at the end of a word only");
    struct tokens t = {.p = p};
    CLEANUP_BUF struct buf cut = BUF_INIT(8u * LIMIT_QUERY_BYTES);
    bool prefix = s->prefix;
    cut_phrase(&cut, s->p, s->n, &prefix);
    words_of_cut(p->words, buf_str(&cut), cut.len, add_token, &t);
    if (!t.n) {
        free(t.v);
        return parser_fail(p, s->start, len,
                           s->n ? "nothing to look for: only letters and digits are indexed"
                                : "a word is missing");
    }
    struct node *n = parser_node(p, N_PHRASE);
    n->cols = cols;
    n->prefix = prefix;
    set_value(p, n, buf_str(&cut), cut.len);
    n->uncut = cut_concerns(s->p, s->n) ? arena_strndup(&p->q->arena, s->p, s->n) : NULL;
    n->n_tokens = t.n;
    n->tokens = arena_alloc(&p->q->arena, t.n * sizeof *t.v);
    memcpy(n->tokens, t.v, t.n * sizeof *t.v);
    free(t.v);
    return n;
}

/* ---- patterns ------------------------------------------------------------------------------ */

static struct node *pattern_node(struct parser *p, const struct field *f)
{
    const char *open = p->p, *start = open + 1, *end = start;
    bool caseless = false;
    char reason[160];
    size_t at;
    while (*end && *end != '/')
        end += *end == '\\' && end[1] ? 2 : 1;
    if (!*end)
        return parser_fail(p, open, 1, "a pattern is not closed by / (a / in it is written \\/)");
    for (p->p = end + 1; !is_end(*p->p); p->p++) {
        if (*p->p != 'i')
            return parser_fail(p, p->p, 1,
                               "behind a pattern only i may stand (ignore case); as "
                               "text, put it in quotes");
        caseless = true;
    }
    struct query *q = p->q;
    if (q->n_regexes == LIMIT_QUERY_REGEXES)
        return parser_fail(p, open, 1, "more than %d patterns (| in one stands for several)",
                           LIMIT_QUERY_REGEXES);
    q->regexes = xreallocarray(q->regexes, q->n_regexes + 1, sizeof(struct regex *));
    if (regex_new(&q->regexes[q->n_regexes], start, (size_t)(end - start), caseless, reason,
                  sizeof reason, &at) < 0)
        return parser_fail(p, start + at, 1, "%s", reason);
    struct node *n = parser_node(p, N_REGEX);
    n->subject = (enum subject)f->subject;
    n->regex = q->regexes[q->n_regexes++];
    return n;
}

/* ---- values -------------------------------------------------------------------------------- */

static void set_feed(struct parser *p, struct node *n, const struct span *s)
{
    char id[24];
    set_value(p, n, s->p, s->n);
    char *lower = arena_strndup(&p->q->arena, s->p, s->n);
    for (size_t i = 0; i < s->n; i++)
        if (lower[i] >= 'A' && lower[i] <= 'Z')
            lower[i] |= 32;
    n->folded = lower;
    if (str_to_i64(n->value, &n->feed_id) == 0)
        snprintf(id, sizeof id, "%lld", (long long)n->feed_id);
    if (n->feed_id >= 0 && !str_eq(id, n->value)) /* 007 is a name */
        n->feed_id = -1;
}

static struct node *lang_node(struct parser *p, struct node *n, const struct span *s)
{
    char *v = arena_strndup(&p->q->arena, s->p, s->n);
    size_t i = 0, part = 0;
    for (; v[i]; i++) {
        v[i] = v[i] == '_' ? '-' : (char)(v[i] >= 'A' && v[i] <= 'Z' ? v[i] | 32 : v[i]);
        bool letter = v[i] >= 'a' && v[i] <= 'z', digit = v[i] >= '0' && v[i] <= '9';
        if (v[i] == '-' ? part == 0 : ++part > 8 || !(letter || digit))
            break;
        part = v[i] == '-' ? 0 : part;
    }
    if (v[i] || !part || s->prefix)
        return parser_fail(p, s->start, (size_t)(p->p - s->start),
                           "lang: takes a language tag such as en, pt-BR (en is also en-GB)");
    n->value = v;
    n->value_n = i;
    return n;
}

static struct node *site_node(struct parser *p, struct node *n, const struct span *s)
{
    const char *v = s->p, *end = s->p + s->n, *scheme;
    if ((scheme = memmem(v, s->n, "://", 3)))
        v = scheme + 3;
    if (end - v > 1 && v[0] == '*' && v[1] == '.')
        v += 2;
    while (v < end && *v == '.')
        v++;
    while (end > v && (end[-1] == '/' || end[-1] == '.'))
        end--;
    size_t len = (size_t)(end - v);
    if (!len || s->prefix || memchr(v, '/', len) || memchr(v, '@', len) || memchr(v, '*', len))
        return parser_fail(p, s->start, (size_t)(p->p - s->start),
                           "site: takes a host such as example.org (for a path: url:/pattern/)");
    char *host = arena_strndup(&p->q->arena, v, len);
    for (size_t i = 0; i < len; i++)
        if (host[i] >= 'A' && host[i] <= 'Z')
            host[i] |= 32;
    n->value = host;
    n->value_n = len;
    return n;
}

static struct node *time_node(struct parser *p, struct node *n, const struct span *s)
{
    CLEANUP_FREE char *v = xstrndup(s->p, s->n);
    bool number = v[strspn(v, "0123456789")] == 0;
    if (str_eq(v, "today") || str_eq(v, "yesterday")) {
        n->time = TIME_DAY;
        n->time_ms = *v == 'y' ? DAY_MS : 0;
    } else if (str_eq(v, "now")) {
        n->time = TIME_AGO;
    } else if (clock_parse_date(v, &n->time_ms) < 0) {
        n->time = TIME_AGO;
        if (s->prefix || number || str_to_duration_ms(v, &n->time_ms) < 0)
            return parser_fail(
                p, s->start, (size_t)(p->p - s->start),
                "allowed are a time (2026-11-23T08:15:00Z), a date (2026-11-23, "
                "2026-11, 2026), today, yesterday, now, or how long ago (90min, 2d)");
    }
    return n;
}

static struct node *has_node(struct parser *p, struct node *n, const struct span *s)
{
    static const struct {
        const char *name;
        enum subject subject;
    } what[] = {{"enclosure", S_ENCLOSURE},
                {"attachment", S_ENCLOSURE},
                {"link", S_URL},
                {"url", S_URL},
                {"title", S_TITLE},
                {"author", S_AUTHOR},
                {"date", S_DATE},
                {"tag", S_TAG},
                {"text", S_TEXT}};
    for (size_t i = 0; i < ARRAY_SIZE(what) && !s->prefix; i++)
        if (strlen(what[i].name) == s->n && memcmp(what[i].name, s->p, s->n) == 0) {
            n->subject = what[i].subject;
            return n;
        }
    return parser_fail(p, s->start, (size_t)(p->p - s->start),
                       "has: takes enclosure, link, title, author, date, tag or text");
}

/* query:NAME: the tree of the query of that name, in its place. */
static struct node *named_node(struct parser *p, const struct span *s)
{
    size_t len = (size_t)(p->p - s->start);
    if (s->prefix)
        return parser_fail(p, s->start, len, "query: takes the whole name");
    if (p->on_trust)
        return parser_node(p, N_ALL);
    CLEANUP_FREE char *text = query_names_get(s->p, s->n);
    if (!text) {
        CLEANUP_FREE char *meant = query_names_near(s->p, s->n);
        return parser_fail(p, s->start, len, "there is no query %.*s%s%s%s",
                           (int)MIN(s->n, (size_t)100), s->p, meant ? "; did you mean " : "",
                           meant ? meant : "", meant ? "?" : "");
    }
    if (p->named == LIMIT_QUERY_NAMED)
        return parser_fail(p, s->start, len,
                           "queries that name each other deeper than %d, or in a "
                           "circle",
                           LIMIT_QUERY_NAMED);
    struct query_error e;
    struct parser inner = {.text = text,
                           .p = text,
                           .q = p->q,
                           .words = p->words,
                           .error = &e,
                           .cols = ALL_COLS,
                           .depth = p->depth,
                           .n_terms = p->n_terms,
                           .named = p->named + 1};
    struct node *n = parser_text(&inner);
    p->n_terms = inner.n_terms;
    if (n && *inner.p)
        n = parser_fail(&inner, inner.p, 1, "a parenthesis was never opened");
    return n ? n : parser_fail(p, s->start, len, "in it: %s", e.reason);
}

static struct node *value_node(struct parser *p, const struct field *f, const struct span *s)
{
    if (f->kind == N_NAMED)
        return named_node(p, s);
    struct node *n = parser_node(p, f->kind);
    CLEANUP_BUF struct buf folded = BUF_INIT(1u << 20);
    switch (f->kind) {
    case N_FEED:
        set_feed(p, n, s);
        break;
    case N_TAG:
        words_fold(p->words, &folded, s->p, s->n);
        set_value(p, n, buf_str(&folded), folded.len);
        n->folded = n->value;
        break;
    case N_LANG:
        return lang_node(p, n, s);
    case N_SITE:
        return site_node(p, n, s);
    case N_BEFORE:
    case N_AFTER:
        return time_node(p, n, s);
    default:
        return has_node(p, n, s);
    }
    n->prefix = s->prefix;
    return n;
}

struct node *parser_term(struct parser *p, const struct field *f, const char *start)
{
    struct span s;
    if (!f && looks_like_field(p->p))
        return no_such_field(p);
    if (f && *p->p == '/' && f->subject >= 0)
        return pattern_node(p, f);
    if (f && f->kind == N_ALL)
        return parser_fail(p, start, (size_t)(p->p - start),
                           "%s: takes a pattern, %s:/.../; for a host there is site:", f->name,
                           f->name);
    if (!read_span(p, &s))
        return NULL;
    if (f && !s.n)
        return parser_fail(p, start, (size_t)(p->p - start),
                           f->kind == N_PHRASE ? "a word is missing after the colon"
                                               : "a value is missing after the colon");
    return f && f->kind != N_PHRASE ? value_node(p, f, &s)
                                    : word_node(p, &s, f ? f->cols : p->cols);
}
