/* clang-format off */
/*
 * query.h - the one query language: of `items`, `search`, `follow`, subscriptions and saved feeds.
 *
 *     query   = clause*                       all clauses must hold; none: every item
 *     clause  = unary ("OR" unary)*           one of them must hold ("AND" may stand between clauses,
 *                                             but not beside an OR: parentheses say which)
 *     unary   = ("NOT" | "-") unary | near
 *     near    = primary ("NEAR" ["/" n] primary)*             words and phrases at most n words apart (10)
 *     primary = "(" query ")"
 *             | [field ":"] (word | prefix* | "a phrase" | "a phrase"*)
 *             | words-field ":" "(" query ")"
 *             | field ":/" pattern "/" ["i"]
 *
 * Fields of words: title, author, text; without one, a word may stand in any of the three. They are
 * words as the full-text index has them: without case and accents (words.h).
 * Fields of values: feed (name, id, or URL; name*), tag (of the item or its feed; tag*), lang (en
 * is also en-GB; the feed's when the item has none), site (host of the item's link, or what it is
 * under), before, after (the date that is shown; before is up to but not including), has
 * (enclosure, link, title, author, date, tag, text), query (what that name stands for: names.h).
 * Patterns (PCRE2, bounded in time: regex.h):
 * title, author, text, url, feed, tag.
 *
 * A query once made is never changed: any thread may use it. Pure but for the tokenizer's and the
 * pattern engine's memory.
 */
/* clang-format on */
#ifndef TIDINGS_QUERY_QUERY_H
#define TIDINGS_QUERY_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf;
struct query;

/* What is wrong, and where. */
struct query_error {
    size_t at, len; /* bytes of the text; len 0 = at its end */
    size_t column;  /* of `at`, in characters from 1 */
    char reason[256];
};

/* Reads TEXT (NUL-terminated): 0, or -EINVAL and ERROR (which may be NULL). */
int query_parse(struct query **ret, const char *text, struct query_error *error);
/* The same for who passes on a struct td_err: "query: REASON at character N of: TEXT". */
int query_parse_err(struct query **ret, const char *text, struct td_err *err);
/* Is TEXT a query, whatever its names (query:NAME) stand for? 0, or -EINVAL. For who does not know
 * the names (yet): the config while it is read, the client that asks a daemon. */
int query_check(const char *text, struct query_error *error);
int query_check_err(const char *text, struct td_err *err);
/* Accepts NULL. */
void query_free(struct query *q);
void query_free_p(struct query **q);
#define CLEANUP_QUERY __attribute__((cleanup(query_free_p)))

/* The text it was read from. Borrowed. */
const char *query_text(const struct query *q);
/* Does every item match (an empty text)? */
bool query_is_all(const struct query *q);

/* For a terminal: the text (made printable, cut around the place when it is long), and under it a
 * caret at the place, each line behind INDENT spaces:
 *     title:(linux OR
 *           ^
 */
void query_add_caret(struct buf *out, const char *text, const struct query_error *error,
                     size_t indent);

/* ---- what an item is to a query ------------------------------------------------------------ */

/* All borrowed; NULL = the item has none. */
struct query_doc {
    const char *title, *author, *text, *url;
    const char *language;   /* the item's, as written (BCP 47 more or less) */
    const char *tags;       /* the item's, joined by '\n' */
    int64_t date_published; /* TD_NEVER = none */
    int64_t first_seen;     /* never TD_NEVER */
    bool enclosure;         /* has attachments */
    int64_t feed_id;
    const char *feed; /* name */
    const char *feed_url;
    const char *feed_tags; /* joined by '\n' */
    const char *feed_language;
};

/* Is there an attachment in the item's JSON (model/entry.h: td_entry.json)? */
bool query_json_has_enclosure(const char *json, size_t n);

/* Which members of a query_doc a query looks at, beyond the cheap ones. */
enum query_need { QUERY_NEEDS_TEXT = 1, QUERY_NEEDS_ENCLOSURE = 2 };
unsigned query_needs(const struct query *q);

/* ---- matching one item --------------------------------------------------------------------- */

/* Working memory of one thread; holds an item while it is asked about. */
struct matcher;
struct matcher *matcher_new(void);
/* Accepts NULL. */
void matcher_free(struct matcher *m);
/* The item to ask about next. DOC and its strings are borrowed until the next call (or free). */
void matcher_set(struct matcher *m, const struct query_doc *doc);
/* Does the item match, at NOW (for "after:2d")? */
bool matcher_matches(struct matcher *m, const struct query *q, int64_t now);

#endif
