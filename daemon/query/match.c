#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "query/doc.h"
#include "query/regex.h"

/* ---- words and phrases --------------------------------------------------------------------- */

static unsigned col_of(const struct matcher *m, uint32_t place)
{
    unsigned c = 0;
    while (place >= m->col_end[c])
        c++;
    return c;
}

static bool word_is(const struct matcher *m, uint32_t word, const struct token *t, bool prefix)
{
    const struct doc_word *w = &m->list[word];
    if (prefix)
        return w->n >= t->n && memcmp(doc_bytes(m, word), t->p, t->n) == 0;
    return w->hash == t->hash && w->n == t->n && memcmp(doc_bytes(m, word), t->p, t->n) == 0;
}

/* Does phrase N stand at PLACE, wholly inside a column it may stand in? */
static bool phrase_at(const struct matcher *m, const struct node *n, uint32_t place)
{
    unsigned c = col_of(m, place);
    if (!(n->cols & 1u << c) || m->col_end[c] - place < n->n_tokens)
        return false;
    for (uint32_t i = 0; i < n->n_tokens; i++)
        if (!word_is(m, m->row[place + i], &n->tokens[i], n->prefix && i + 1 == n->n_tokens))
            return false;
    return true;
}

static bool has_phrase(struct matcher *m, const struct node *n)
{
    doc_split(m);
    if (n->prefix && n->n_tokens == 1) {
        for (uint32_t w = 0; w < m->n_words; w++)
            if (word_is(m, w, n->tokens, true))
                for (uint32_t at = m->list[w].first; at != NO_WORD; at = m->next[at])
                    if (phrase_at(m, n, at))
                        return true;
        return false;
    }
    uint32_t w = doc_find(m, n->tokens);
    for (uint32_t at = w == NO_WORD ? NO_WORD : m->list[w].first; at != NO_WORD; at = m->next[at])
        if (phrase_at(m, n, at))
            return true;
    return false;
}

/* Does phrase N begin anywhere in FROM..TO? */
static bool phrase_within(const struct matcher *m, const struct node *n, uint32_t from, uint32_t to)
{
    for (uint32_t at = from; at <= to; at++)
        if (phrase_at(m, n, at))
            return true;
    return false;
}

/* As FTS5 counts: with the last phrase beginning at LAST, no more than `near` words lie between the
 * end of any other and LAST (they may overlap). */
static bool near_at(const struct matcher *m, const struct node *n, uint32_t last)
{
    unsigned c = col_of(m, last);
    uint32_t begin = c ? m->col_end[c - 1] : 0;
    for (size_t i = 0; i < n->n_children; i++) {
        uint32_t back = n->children[i]->n_tokens + n->near;
        if (!phrase_within(m, n->children[i], last - begin > back ? last - back : begin, last))
            return false;
    }
    return true;
}

static bool has_near(struct matcher *m, const struct node *n)
{
    for (size_t i = 0; i < n->n_children; i++)
        if (!has_phrase(m, n->children[i]))
            return false;
    for (uint32_t at = 0; at < m->n_row; at++)
        for (size_t i = 0; i < n->n_children; i++)
            if (phrase_at(m, n->children[i], at) && near_at(m, n, at))
                return true;
    return false;
}

/* ---- values -------------------------------------------------------------------------------- */

static bool has_feed(const struct matcher *m, const struct node *n)
{
    const struct query_doc *d = m->doc;
    if (n->prefix)
        return d->feed && str_casestarts(d->feed, n->value);
    return (d->feed && str_caseeq(d->feed, n->value)) || n->feed_id == d->feed_id ||
           (d->feed_url && str_eq(d->feed_url, n->value));
}

static bool has_tag(struct matcher *m, const struct node *n)
{
    doc_fold(m);
    const char *p = buf_str(&m->tags), *end = p + m->tags.len;
    for (const char *next; p < end; p = next + 1) {
        next = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)(next - p);
        if ((n->prefix ? len >= n->value_n : len == n->value_n) &&
            memcmp(p, n->value, n->value_n) == 0)
            return true;
    }
    return false;
}

static bool has_lang(struct matcher *m, const struct node *n)
{
    doc_fold(m);
    const char *s = buf_str(&m->lang);
    return str_starts(s, n->value) && (!s[n->value_n] || s[n->value_n] == '-');
}

static bool has_site(struct matcher *m, const struct node *n)
{
    doc_fold(m);
    const char *s = buf_str(&m->site);
    size_t len = m->site.len, v = n->value_n;
    return len >= v && memcmp(s + len - v, n->value, v) == 0 && (len == v || s[len - v - 1] == '.');
}

/* The date a reader sees, which is never later than when the item came. */
static int64_t shown_date(const struct query_doc *d)
{
    return d->date_published == TD_NEVER ? d->first_seen : MIN(d->date_published, d->first_seen);
}

static bool has_part(const struct matcher *m, const struct node *n)
{
    const struct query_doc *d = m->doc;
    switch (n->subject) {
    case S_ENCLOSURE:
        return d->enclosure;
    case S_DATE:
        return d->date_published != TD_NEVER;
    case S_TAG:
        return !str_empty(d->tags) || !str_empty(d->feed_tags);
    case S_TITLE:
        return !str_empty(d->title);
    case S_AUTHOR:
        return !str_empty(d->author);
    case S_URL:
        return !str_empty(d->url);
    case S_TEXT:
        return !str_empty(d->text);
    case S_FEED:
        break;
    }
    return false;
}

/* ---- patterns ------------------------------------------------------------------------------ */

static bool text_matches(const struct matcher *m, const struct node *n, const char *s)
{
    return s && regex_matches(n->regex, m->run, s, strlen(s));
}

static bool a_tag_matches(const struct matcher *m, const struct node *n, const char *tags)
{
    while (tags && *tags) {
        size_t len = strcspn(tags, "\n");
        if (len && regex_matches(n->regex, m->run, tags, len))
            return true;
        tags += len + (tags[len] == '\n');
    }
    return false;
}

static bool has_pattern(const struct matcher *m, const struct node *n)
{
    const struct query_doc *d = m->doc;
    switch (n->subject) {
    case S_TITLE:
        return text_matches(m, n, d->title);
    case S_AUTHOR:
        return text_matches(m, n, d->author);
    case S_TEXT:
        return text_matches(m, n, d->text);
    case S_URL:
        return text_matches(m, n, d->url);
    case S_FEED:
        return text_matches(m, n, d->feed);
    case S_TAG:
        return a_tag_matches(m, n, d->tags) || a_tag_matches(m, n, d->feed_tags);
    default:
        return false;
    }
}

/* ---- the tree ------------------------------------------------------------------------------ */

static bool holds(struct matcher *m, const struct node *n, int64_t now)
{
    switch (n->kind) {
    case N_ALL:
        return true;
    case N_AND:
        for (size_t i = 0; i < n->n_children; i++)
            if (!holds(m, n->children[i], now))
                return false;
        return true;
    case N_OR:
        for (size_t i = 0; i < n->n_children; i++)
            if (holds(m, n->children[i], now))
                return true;
        return false;
    case N_NOT:
        return !holds(m, n->children[0], now);
    case N_PHRASE:
        return has_phrase(m, n);
    case N_NEAR:
        return has_near(m, n);
    case N_REGEX:
        return has_pattern(m, n);
    case N_FEED:
        return has_feed(m, n);
    case N_TAG:
        return has_tag(m, n);
    case N_LANG:
        return has_lang(m, n);
    case N_SITE:
        return has_site(m, n);
    case N_BEFORE:
        return shown_date(m->doc) < node_time(n, now);
    case N_AFTER:
        return shown_date(m->doc) >= node_time(n, now);
    case N_HAS:
        return has_part(m, n);
    case N_NAMED: /* never in a tree */
        break;
    }
    return false;
}

bool matcher_matches(struct matcher *m, const struct query *q, int64_t now)
{
    return holds(m, q->root, now);
}
