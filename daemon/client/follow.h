/*
 * follow.h - the pure parts of `tidings follow`.
 */
#ifndef TIDINGS_CLIENT_FOLLOW_H
#define TIDINGS_CLIENT_FOLLOW_H

#include <stdint.h>

#include "store/reader.h"

/* Milliseconds to wait before connection attempt N (0, 1, ...) after the daemon went away: doubles
 * from 250 ms up to 15 s. */
int64_t follow_backoff_ms(int n);

/* The environment of a --exec command: strings "NAME=value" for what the item has, appended to ENV
 * (a NULL-terminated array from xmalloc, taken; the new one is given). Values are one line, without
 * control characters, cut to LIMIT_EXEC_ENV_BYTES. */
char **follow_environment(char **env, int64_t seq, const char *event, const struct item_row *item);
/* A copy of ENVIRON without TIDINGS_ variables of ours, as follow_environment wants it. */
char **follow_inherit(char *const *environ);
void follow_env_free(char **env);

#endif
