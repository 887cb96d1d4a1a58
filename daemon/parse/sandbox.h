/*
 * sandbox.h - the cage of a parser child: it may compute, answer on one socket, and end.
 *
 * Three layers, each enough to keep a taken-over parser away from files, network and processes:
 *  - resource limits: address space (LIMIT_PARSER_AS_BYTES), no new files, processes, file growth
 *    or core;
 *  - Landlock with no rule at all, where the kernel has it (silently left out where it has not);
 *  - a seccomp allow-list; any other system call kills the process with SIGSYS.
 * stderr becomes /dev/null: a taken-over child must not write to the user's terminal or the
 * journal.
 *
 * Builds with AddressSanitizer or ThreadSanitizer have no-new-privs and /dev/null on stdin and
 * stdout only: their run time maps shadow memory, starts helpers, opens files and reports on
 * stderr.
 */
#ifndef TIDINGS_PARSE_SANDBOX_H
#define TIDINGS_PARSE_SANDBOX_H

#include <stdbool.h>

#include "base/err.h"

/* Is this build caged in full (no sanitizer)? */
bool sandbox_is_full(void);

/* Closes the cage around the calling process, which has one thread and may from now on read and
 * write FD only. What must be loaded or initialised has been before. 0 or a negative errno with the
 * reason: then no document may be touched. */
int sandbox_enter(int fd, struct td_err *err);

#endif
