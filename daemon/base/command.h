/*
 * command.h - how a command of the user's is started: without a shell, in a process group of its
 * own, with PATH, HOME, LANG and TZ of our environment, no descriptor of ours and no signal
 * blocked.
 */
#ifndef TIDINGS_BASE_COMMAND_H
#define TIDINGS_BASE_COMMAND_H

#include <sys/types.h>

/* ARGV[0] is looked up in PATH. IN (-1 = /dev/null), OUT and ERR become its standard descriptors.
 * MORE: what else its environment has, "NAME=value", NULL-terminated; NULL = nothing. 0 and the
 * group (which is the process's id too), or -errno. */
int command_start(char *const *argv, const char *const *more, int in, int out, int err,
                  pid_t *ret_group);

#endif
