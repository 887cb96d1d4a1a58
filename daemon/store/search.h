/*
 * search.h - a user's query as an FTS5 expression and filters. Pure.
 *
 *     query  = clause*                 all clauses must hold
 *     clause = term ("OR" term)*       one of them must hold
 *            | "-" term | "NOT" term   must not hold
 *     term   = word | prefix* | "a phrase" | title:term | author:term | text:term
 *            | feed:name | tag:name    (filters; not in an OR)
 *
 * Words match in title, author and text, without regard to case and accents. User text reaches FTS5
 * only inside quotes.
 */
#ifndef TIDINGS_STORE_SEARCH_H
#define TIDINGS_STORE_SEARCH_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

#define SEARCH_FILTERS 16

struct search_filter {
    bool tag; /* else feed */
    bool not_;
    char *value; /* owned */
};

struct search {
    struct buf match; /* FTS5 expression; empty = no words */
    struct search_filter filters[SEARCH_FILTERS];
    size_t n_filters;
};

/* 0, or -EINVAL: ERR tells what is wrong at which character (counted from 1). */
int search_parse(const char *query, struct search *ret, struct td_err *err);
void search_fini(struct search *s);

#endif
