/*
 * err.h - an error that a person will read.
 *
 * Functions return 0 or a negative errno; where the reason matters they also fill a caller's
 * struct td_err with one sentence (no newline, no trailing period). Every `struct td_err *` may be
 * NULL.
 */
#ifndef TIDINGS_BASE_ERR_H
#define TIDINGS_BASE_ERR_H

#include <stddef.h>

struct td_err {
    char msg[1024];
};

/* Writes the reason into ERR (if any) and returns CODE, so that one line can fail:
 * return td_err(err, -EINVAL, "%s:%d: ...", ...). */
int td_err(struct td_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "there is no WHAT NAME", and which of the N NAMES may be meant, or what they are: -ENOENT. */
int td_err_unknown(struct td_err *err, const char *what, const char *name, const char *const *names,
                   size_t n);

/* Puts "prefix: " before the message that is there. Returns CODE. */
int td_err_prefix(struct td_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
