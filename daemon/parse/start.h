/*
 * start.h - starts a parser child: our binary in its hidden role.
 */
#ifndef TIDINGS_PARSE_START_H
#define TIDINGS_PARSE_START_H

#include <sys/types.h>

/* Runs EXE with the child's end of a socketpair as FRAME_FD, stderr, and nothing else of ours: no
 * descriptor, no environment but what the dynamic linker, the sanitizers and the log need. The
 * signals with which a terminal or the service manager ends the daemon are blocked: children go
 * when the daemon goes, not in the middle of a document that it still waits for. Gives our end
 * (close-on-exec) and the process, which the caller reaps. 0 or a negative errno. */
int start_parser(const char *exe, int *ret_fd, pid_t *ret_pid);

#endif
