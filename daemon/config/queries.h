/*
 * queries.h - the sections [query NAME], and the address under which others reach the API.
 */
#ifndef TIDINGS_CONFIG_QUERIES_H
#define TIDINGS_CONFIG_QUERIES_H

#include "config/keys.h"

/* Begins one. -EINVAL: the name cannot be one, is taken, or there are too many. */
int queries_open(struct settings *s, const char *arg, struct td_err *err);

/* Targets: struct td_saved_query, and struct settings for the last. */
key_fn set_query, set_query_title, set_query_open, set_public_url;

#endif
