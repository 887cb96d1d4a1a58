/*
 * launch.h - a parser child as a process: our own binary in its hidden role (frame.h), with one end
 * of a socketpair and nothing else of ours. The pool (pool.h) decides when, and talks to it.
 */
#ifndef TIDINGS_PARSE_LAUNCH_H
#define TIDINGS_PARSE_LAUNCH_H

#include <sys/types.h>

#include "base/err.h"

/* Starts EXE. 0, its pid and our end of the socket (to be closed by the caller); or -errno. */
int launch_parser(const char *exe, pid_t *ret_pid, int *ret_fd);
/* What a wait status says about the end of a child, for people. */
void launch_words(struct td_err *ret, int status);

#endif
