/*
 * standing.h - the queries of all who follow the log with one: each event is matched once, when it
 * is rendered, against all of them by the index over their terms (query/set.h).
 *
 * The loop adds and removes, the reader thread matches; a lock stands between. An event that was
 * rendered before a query was added does not know of it: generations tell (event_text.h).
 */
#ifndef TIDINGS_NOTIFY_STANDING_H
#define TIDINGS_NOTIFY_STANDING_H

#include <stddef.h>
#include <stdint.h>

#include "query/query.h"
#include "store/reader.h"

struct standing;

struct standing *standing_new(void);
/* Accepts NULL; the queries that are left go with it. */
void standing_free(struct standing *s);
/* Takes Q. Gives its id, which is never used again; *RET_GENERATION: events that were matched at it
 * or later know of Q. */
uint64_t standing_add(struct standing *s, struct query *q, uint64_t *ret_generation);
/* Frees the query. */
void standing_remove(struct standing *s, uint64_t id);

/* Reader thread: ids of the queries that ROW matches, in order, into *RET (malloc'd, NULL for
 * none): how many; and the generation it was. */
size_t standing_match(struct standing *s, const struct event_row *row, uint64_t **ret,
                      uint64_t *ret_generation);

#endif
