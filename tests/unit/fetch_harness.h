/*
 * fetch_harness.h - one request through a real fetcher on the default loop, waited for.
 * Include after cmocka.h.
 */
#ifndef TIDINGS_TESTS_FETCH_HARNESS_H
#define TIDINGS_TESTS_FETCH_HARNESS_H

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fetch/fetch.h"

struct got {
    struct td_result result;
    bool done;
};

static inline void harness_done(void *ctx, struct td_result *result)
{
    struct got *g = ctx;
    assert_false(g->done);
    g->result = *result;
    g->done = true;
    ev_break(ev_default_loop(0), EVBREAK_ONE);
}

static inline void harness_late(struct ev_loop *loop, ev_timer *t, int revents)
{
    fail_msg("nothing happened for 20 seconds");
}

/* Runs the loop until all N are done. */
static inline void harness_wait(struct got *g, int n)
{
    struct ev_loop *loop = ev_default_loop(0);
    ev_timer late;
    ev_now_update(loop);
    ev_timer_init(&late, harness_late, 20., 0.);
    ev_timer_start(loop, &late);
    for (int i = 0; i < n; i++)
        while (!g[i].done)
            ev_run(loop, 0);
    ev_timer_stop(loop, &late);
}

/* Does R give a reason that has WORDS in it? "" = also none at all. */
static inline bool harness_says(const struct td_result *r, const char *words)
{
    return strstr(r->error ? r->error : "", words) != NULL;
}

/* The result, to be ended with td_result_fini. */
static inline struct td_result harness_get(struct fetcher *f, const struct td_request *req)
{
    struct got g = {0};
    fetch_start(f, req, harness_done, &g);
    assert_false(g.done);
    harness_wait(&g, 1);
    return g.result;
}

/* A fetcher that may connect to 127.0.0.1 and nowhere else that is not public. */
static inline struct fetcher *harness_fetcher(resolve_fn *resolve)
{
    static struct cidr allow;
    struct td_err err;
    assert_int_equal(cidr_parse("127.0.0.1/32", &allow), 0);
    struct fetch_conf conf = {.contact = "https://example.org/about",
                              .allow = &allow,
                              .n_allow = 1,
                              .max_transfers = 64,
                              .resolve = resolve};
    struct fetcher *f = fetcher_new(ev_default_loop(0), &conf, &err);
    assert_non_null(f);
    return f;
}

#define REQUEST(text_url)                          \
    ((struct td_request){.source = TD_SOURCE_HTTP, \
                         .url = (text_url),        \
                         .timeout_ms = 10000,      \
                         .max_body_bytes = 1 << 20})

#endif
