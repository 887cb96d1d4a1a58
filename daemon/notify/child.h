/*
 * child.h - runs a command once: bytes on its stdin, an exit status, its last words.
 *
 * Without a shell, in a process group of its own, with no descriptor of ours. What it writes on
 * stdout and stderr is read and its end is kept for the reason. When it does not end in time its
 * group is killed; what a command leaves running in the background after exit 0 is left alone.
 * Default loop only (child watchers).
 */
#ifndef TIDINGS_NOTIFY_CHILD_H
#define TIDINGS_NOTIFY_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "base/err.h"

struct child;

struct child_conf {
    struct ev_loop *loop;
    char *const *argv;       /* borrowed for the call */
    const char *const *more; /* "NAME=value" beside PATH, HOME, LANG, TZ; borrowed for the call */
    const char *input;       /* borrowed until done */
    size_t input_len;
    int64_t timeout_ms;
    /* Loop, once, never from within child_start: 0 it ended with status 0; else negative and ERR
     * says how it ended. The child is freed after it. */
    void (*done)(void *ctx, int result, const struct td_err *err);
    void *ctx;
};

struct child *child_start(const struct child_conf *conf);
/* Kills it, without a callback. Accepts NULL. */
void child_cancel(struct child *c);

#endif
