/*
 * set.h - many standing queries at once: which of them does an item match?
 *
 * An inverted index of queries. Each is kept under something that an item must have to match it: a
 * word, the beginning of a word, its feed, a tag, a site, a language; or under each of several when
 * one of them will do (OR). The rarest is taken, as counted over the items that went by. An item's
 * words lead to the few queries that can match; only those are evaluated. Queries that ask for
 * nothing of the kind (-word, a pattern) are evaluated for every item.
 *
 * One thread; the queries are borrowed and must outlive their place in the set.
 */
#ifndef TIDINGS_QUERY_SET_H
#define TIDINGS_QUERY_SET_H

#include <stddef.h>
#include <stdint.h>

#include "query/query.h"

struct query_set;

struct query_set *query_set_new(void);
/* Accepts NULL. */
void query_set_free(struct query_set *s);
/* ID is the caller's name for it, given back by query_set_match; unique in the set. */
void query_set_add(struct query_set *s, uint64_t id, const struct query *q);
/* Not there: nothing happens. */
void query_set_remove(struct query_set *s, uint64_t id);
size_t query_set_size(const struct query_set *s);

/* Calls CB once for each query that the item of M (matcher_set) matches at NOW, in no certain
 * order; CB must not change the set. */
typedef void query_set_fn(void *ctx, uint64_t id);
void query_set_match(struct query_set *s, struct matcher *m, int64_t now, query_set_fn *cb,
                     void *ctx);

struct query_set_counts {
    uint64_t items, candidates, matches; /* since it was made */
    size_t unkeyed;                      /* queries evaluated for every item */
};
void query_set_count(const struct query_set *s, struct query_set_counts *ret);

#endif
