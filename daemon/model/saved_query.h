/*
 * saved_query.h - a query that has a name: of the config, or saved by a user at run time. It can be
 * named in other queries (query:NAME), and is a feed that may be read by all if it is open.
 */
#ifndef TIDINGS_MODEL_SAVED_QUERY_H
#define TIDINGS_MODEL_SAVED_QUERY_H

#include <stdbool.h>
#include <stddef.h>

struct td_saved_query {
    char *name;
    char *query;  /* query/query.h */
    char *title;  /* of its feed; NULL = the name */
    bool open;    /* its feed is for everybody who reaches the port */
    bool runtime; /* saved by a user; else it stands in the config */
};

/* May NAME be one: 1 to LIMIT_NAME_BYTES bytes of printable text without '/'? */
bool td_saved_query_name_good(const char *name);

/* Each owns its strings. */
struct td_saved_query *td_saved_queries_copy(const struct td_saved_query *q, size_t n);
void td_saved_queries_free(struct td_saved_query *q, size_t n);
/* The same ones in the same order. */
bool td_saved_queries_same(const struct td_saved_query *a, size_t n_a,
                           const struct td_saved_query *b, size_t n_b);
/* NULL = there is none of that NAME. Borrowed. */
const struct td_saved_query *td_saved_query_find(const struct td_saved_query *q, size_t n,
                                                 const char *name);

#endif
