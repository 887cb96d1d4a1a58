/*
 * queries.h - the sections [query NAME].
 */
#ifndef TIDINGS_CONFIG_QUERIES_H
#define TIDINGS_CONFIG_QUERIES_H

#include "config/keys.h"

/* Begins one. -EINVAL: the name cannot be one, is taken, or there are too many. */
int queries_open(struct settings *s, const char *arg, struct td_err *err);

/* TARGET is a struct td_saved_query. */
key_fn set_query;

#endif
