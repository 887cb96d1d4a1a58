/*
 * param.h - the target of a request: path segments, percent-encoding, query parameters. Pure.
 *
 * What is not understood is refused by name and with what is allowed: a misspelt parameter must not
 * turn into "all items".
 */
#ifndef TIDINGS_SERVE_PARAM_H
#define TIDINGS_SERVE_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

/* Decodes %XX in place (and '+' to a space when PLUS). -EINVAL for a bad escape, a NUL, or when the
 * result is not UTF-8; WHAT names the text in the reason. */
int param_decode(char *s, bool plus, const char *what, struct td_err *err);

/* Appends S as a part of a path or a value of a query; the ':' stays as it is. */
void param_encode(struct buf *b, const char *s);

struct params {
    struct {
        const char *name, *value;
    } v[LIMIT_QUERY_PARAMS];
    size_t n;
    char *text; /* owns the strings */
};
/* Reads "a=b&c=d" (NULL or "" = none). -EINVAL: not UTF-8, a parameter twice, too many. */
int params_parse(struct params *ret, const char *query, struct td_err *err);
void params_fini(struct params *p);
/* -EINVAL if there is one that is not in ALLOWED (names separated by spaces, NULL = none). */
int params_check(const struct params *p, const char *allowed, struct td_err *err);

/* The value, NULL if it is not given or empty. Borrowed. */
const char *param_str(const struct params *p, const char *name);
/* Each leaves *RET alone when the parameter is not given; -EINVAL names it, its value and what is
 * allowed. */
int param_int(const struct params *p, const char *name, int64_t min, int64_t max, int64_t *ret,
              struct td_err *err);
int param_bool(const struct params *p, const char *name, bool *ret, struct td_err *err);
/* RFC 3339, a date (its first moment, UTC), or a duration: so long before NOW. */
int param_time(const struct params *p, const char *name, int64_t now, int64_t *ret,
               struct td_err *err);

/* A name that a cursor may have: 1 to LIMIT_NAME_BYTES printable bytes of UTF-8, no '/'. */
int param_cursor_name(const char *name, struct td_err *err);

#endif
