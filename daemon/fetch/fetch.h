/*
 * fetch.h - runs requests: http(s) through one curl multi on the loop, file: and exec: beside it.
 *
 * Loop thread only; never blocks. One request is one hop (model/fetch.h): redirects come back to
 * the caller. Bounds: LIMIT_* of base/limits.h, the request's own timeout and body size, the
 * address guard (guard.h) on each connection, new or reused. The caller decides how many run at
 * once.
 */
#ifndef TIDINGS_FETCH_FETCH_H
#define TIDINGS_FETCH_FETCH_H

#include <stddef.h>

#include <ev.h>

#include "model/fetch.h"

struct fetcher;
struct fetch;

struct fetch_conf {
    const char *contact; /* in the User-Agent; NULL = the project's URL */
    const void *allow;   /* array of struct cidr as in guard.h; copied */
    size_t n_allow;
    int max_transfers;   /* size of the connection pool */
    int per_host;        /* backstop for curl's own connection limit */
    const char *ca_file; /* NULL = the system's (tests) */
};

/* Gives the result: the callee owns its parts and calls td_result_fini. Never called from within
 * fetch_start, and never after fetch_cancel. */
typedef void fetch_done_fn(void *ctx, struct td_result *result);

/* NULL and ERR when curl cannot be set up. */
struct fetcher *fetcher_new(struct ev_loop *loop, const struct fetch_conf *conf,
                            struct td_err *err);
/* Cancels everything that runs, without callbacks. */
void fetcher_free(struct fetcher *f);
void fetcher_configure(struct fetcher *f, const struct fetch_conf *conf);

struct fetch *fetch_start(struct fetcher *f, const struct td_request *req, fetch_done_fn *done,
                          void *ctx);
void fetch_cancel(struct fetch *h);

#endif
