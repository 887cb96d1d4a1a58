#include "store/search.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define MATCH_BYTES (64u << 10)

struct term {
    const char *field; /* "title", "author", "text", "feed", "tag" or NULL */
    const char *p;     /* the words */
    size_t n;
    bool prefix;
};

struct input {
    const char *query, *p;
    struct td_err *err;
};

static int fail(const struct input *in, const char *at, const char *what)
{
    return td_err(in->err, -EINVAL, "query: %s at character %zu of: %s", what,
                  (size_t)(at - in->query) + 1, in->query);
}

static void skip_space(struct input *in)
{
    in->p += strspn(in->p, " \t\r\n");
}

/* A keyword in capitals, standing alone. */
static bool keyword(struct input *in, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(in->p, word, n) != 0 || !strchr(" \t\r\n", in->p[n]) || !in->p[n])
        return false;
    in->p += n;
    skip_space(in);
    return true;
}

static const char *field_of(struct input *in)
{
    static const char *const fields[] = {"title", "author", "text", "feed", "tag"};
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        size_t n = strlen(fields[i]);
        if (strncmp(in->p, fields[i], n) == 0 && in->p[n] == ':') {
            in->p += n + 1;
            return fields[i];
        }
    }
    return NULL;
}

static bool has_word(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] >= 0x80 || strchr("0123456789", p[i]) ||
            ((p[i] | 32) >= 'a' && (p[i] | 32) <= 'z'))
            return true;
    return false;
}

static int read_term(struct input *in, struct term *t)
{
    const char *start = in->p;
    *t = (struct term){.field = field_of(in)};
    if (*in->p == '"') {
        const char *end = strchr(in->p + 1, '"');
        if (!end)
            return fail(in, in->p, "a phrase is not closed");
        t->p = in->p + 1;
        t->n = (size_t)(end - t->p);
        in->p = end + 1;
    } else {
        t->p = in->p;
        t->n = strcspn(in->p, " \t\r\n\"");
        in->p += t->n;
    }
    t->prefix = *in->p == '*' || (t->n && t->p[t->n - 1] == '*');
    if (*in->p == '*')
        in->p++;
    else if (t->prefix)
        t->n--;
    if (!has_word(t->p, t->n))
        return fail(in, start,
                    t->field ? "a word is missing after the colon" : "a word is missing");
    return 0;
}

static void add_term(struct buf *b, const struct term *t)
{
    if (t->field)
        buf_addf(b, "%s:", t->field);
    buf_addc(b, '"');
    for (size_t i = 0; i < t->n; i++)
        buf_add(b, t->p[i] == '"' ? "\"\"" : &t->p[i], t->p[i] == '"' ? 2 : 1);
    buf_adds(b, t->prefix ? "\"*" : "\"");
}

static bool is_filter(const struct term *t)
{
    return t->field && (str_eq(t->field, "feed") || str_eq(t->field, "tag"));
}

static int add_filter(struct input *in, struct search *s, const struct term *t, bool not_)
{
    if (s->n_filters == SEARCH_FILTERS)
        return fail(in, t->p, "too many feed: and tag: filters");
    s->filters[s->n_filters++] = (struct search_filter){
        .tag = str_eq(t->field, "tag"), .not_ = not_, .value = xstrndup(t->p, t->n)};
    return 0;
}

/* One clause into MUST or MUST_NOT, or a filter into S. */
static int read_clause(struct input *in, struct search *s, struct buf *must, struct buf *must_not)
{
    const char *start = in->p;
    bool not_ = false;
    if (*in->p == '-' || keyword(in, "NOT")) {
        not_ = true;
        in->p += *in->p == '-';
    }
    struct buf *out = not_ ? must_not : must;
    struct term t;
    int r = read_term(in, &t);
    if (r < 0)
        return r;
    if (is_filter(&t)) {
        skip_space(in);
        if (!not_ && keyword(in, "OR"))
            return fail(in, start, "feed: and tag: cannot stand in an OR");
        return add_filter(in, s, &t, not_);
    }
    buf_adds(out, out->len ? (not_ ? " OR (" : " AND (") : "(");
    add_term(out, &t);
    skip_space(in);
    while (!not_ && keyword(in, "OR")) {
        const char *at = in->p;
        if ((r = read_term(in, &t)) < 0)
            return r;
        if (is_filter(&t))
            return fail(in, at, "feed: and tag: cannot stand in an OR");
        buf_adds(out, " OR ");
        add_term(out, &t);
        skip_space(in);
    }
    buf_addc(out, ')');
    return 0;
}

int search_parse(const char *query, struct search *ret, struct td_err *err)
{
    struct search s = {.match = BUF_INIT(MATCH_BYTES)};
    CLEANUP_BUF struct buf must_not = BUF_INIT(MATCH_BYTES);
    struct input in = {.query = query, .p = query, .err = err};
    int r = 0;
    if (!utf8_valid(query, strlen(query)))
        r = td_err(err, -EINVAL, "query: not UTF-8");
    for (skip_space(&in); r == 0 && *in.p; skip_space(&in))
        r = read_clause(&in, &s, &s.match, &must_not);
    if (r == 0 && must_not.len && !s.match.len)
        r = fail(
            &in, query,
            "a query needs at least one word that must be there, beside the words that must not");
    if (r == 0 && must_not.len) {
        CLEANUP_FREE char *must = buf_take(&s.match, NULL);
        buf_addf(&s.match, "(%s) NOT (%s)", must, must_not.data);
    }
    if (r == 0 && (s.match.overflow || must_not.overflow))
        r = td_err(err, -EINVAL, "query: too long (over %u bytes)", MATCH_BYTES);
    if (r < 0) {
        search_fini(&s);
        return r;
    }
    *ret = s;
    return 0;
}

void search_fini(struct search *s)
{
    buf_free(&s->match);
    for (size_t i = 0; i < s->n_filters; i++)
        free(s->filters[i].value);
    s->n_filters = 0;
}
