/*
 * saved_query.h - a query that has a name, and may be read by all.
 */
#ifndef TIDINGS_MODEL_SAVED_QUERY_H
#define TIDINGS_MODEL_SAVED_QUERY_H

#include <stdbool.h>
#include <stddef.h>

struct td_saved_query {
    char *name;
    char *query; /* query/query.h */
    char *title; /* of its feed; NULL = the name */
    bool open;   /* its feed is for everybody who reaches the port */
};

/* Each owns its strings. */
struct td_saved_query *td_saved_queries_copy(const struct td_saved_query *q, size_t n);
void td_saved_queries_free(struct td_saved_query *q, size_t n);
/* NULL = there is none of that NAME. Borrowed. */
const struct td_saved_query *td_saved_query_find(const struct td_saved_query *q, size_t n,
                                                 const char *name);

#endif
