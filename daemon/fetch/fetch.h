/*
 * fetch.h - runs requests: http(s) through one curl multi on the loop, file: and exec: beside it.
 *
 * Loop thread only; never blocks. One request is one hop (model/fetch.h): redirects come back to
 * the caller. Bounds: LIMIT_* of base/limits.h, the request's own timeout and body size, the
 * address guard (guard.h) on each connection, new or reused. The caller decides how many run at
 * once. Credentials in a URL become an Authorization header of that request alone; they appear in
 * no error text. No proxy is used, whatever the environment says.
 *
 * The loop must be libev's default loop: exec: needs its child watchers. From fetcher_new
 * on the process ignores SIGPIPE and its LC_CTYPE is C.UTF-8.
 */
#ifndef TIDINGS_FETCH_FETCH_H
#define TIDINGS_FETCH_FETCH_H

#include <stddef.h>

#include <ev.h>

#include "fetch/resolve.h"
#include "model/cidr.h"
#include "model/fetch.h"

/* Stands in the User-Agent where no contact is configured. */
#define FETCH_PROJECT "feed aggregator; contact not configured"

struct fetcher;
struct fetch;

struct fetch_conf {
    const char *contact;      /* in the User-Agent; NULL = the project's URL */
    const struct cidr *allow; /* addresses that may be connected to though not public; copied */
    size_t n_allow;
    int max_transfers;   /* idle curl handles kept for use again */
    int per_host;        /* backstop for curl's own connection limit; 0 = none */
    const char *ca_file; /* NULL = the system's; tests */
    resolve_fn *resolve; /* NULL = getaddrinfo; tests. Taken by fetcher_new only */
};

/* Gives the result: the callee owns its parts and calls td_result_fini. Never called from within
 * fetch_start, and never after fetch_cancel. */
typedef void fetch_done_fn(void *ctx, struct td_result *result);

/* NULL and ERR when curl cannot be set up. */
struct fetcher *fetcher_new(struct ev_loop *loop, const struct fetch_conf *conf,
                            struct td_err *err);
/* Cancels everything that runs, without callbacks. */
void fetcher_free(struct fetcher *f);
/* What runs goes on under the old settings, but for the allow-list, which counts at once. */
void fetcher_configure(struct fetcher *f, const struct fetch_conf *conf);

/* Borrows REQ until DONE has run or the request is cancelled. */
struct fetch *fetch_start(struct fetcher *f, const struct td_request *req, fetch_done_fn *done,
                          void *ctx);
/* Ends the request without a callback. Not for one whose callback has begun. */
void fetch_cancel(struct fetch *h);

#endif
