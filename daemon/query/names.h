/*
 * names.h - queries that have a name, for query:NAME inside other ones.
 *
 * One table for the process, which every query_parse looks into, on any thread: what a name stands
 * for is read into the query's tree, so a query once made keeps what its names meant then. Who owns
 * the names (the daemon: its config and its store; the client: the store that it reads) sets them
 * before anything is parsed, and again when they change.
 */
#ifndef TIDINGS_QUERY_NAMES_H
#define TIDINGS_QUERY_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct query_name {
    const char *name, *query;
};

/* From now on these (copied), and no others. */
void query_names_set(const struct query_name *names, size_t n);
/* The query of the NAME of N bytes; gives, NULL = there is none. */
char *query_names_get(const char *name, size_t n);
/* The name that may be meant by it; gives, NULL = none is like it. */
char *query_names_near(const char *name, size_t n);
/* Does the text of a query name others? */
bool query_has_names(const char *text);

#endif
