/*
 * launch.h - a parser child as a process: the program tidings-parser with one end of a socketpair
 * and nothing else of ours. The pool (pool.h) decides when, and talks to it.
 *
 * The program is found once, when the daemon starts, and held open: an upgrade that replaces the
 * file does not reach a daemon that runs, whose children stay of its own version. Should the two
 * be of different versions from the start, the child ends with FRAME_EX_VERSION (frame.h).
 */
#ifndef TIDINGS_PARSE_LAUNCH_H
#define TIDINGS_PARSE_LAUNCH_H

#include <sys/types.h>

#include "base/err.h"

/* Where the parser is: parse/tidings-parser beside our own program, as in the build tree, else
 * TIDINGS_PARSER, where it is installed. To be freed. */
char *launch_path(void);
/* Opens the program PATH for launch_parser. The descriptor (O_PATH, to be closed by the caller), or
 * -errno with the reason. */
int launch_open(const char *path, struct td_err *err);
/* Starts EXE. 0, its pid and our end of the socket (to be closed by the caller); or -errno. */
int launch_parser(int exe, pid_t *ret_pid, int *ret_fd);
/* What a wait status says about the end of a child, for people. */
void launch_words(struct td_err *ret, int status);

#endif
