/*
 * fetcher.h - what the files of fetch/ share; nobody else includes it.
 *
 * A struct fetch is one request of any kind. A kind (request.c, source_file.c, source_exec.c)
 * embeds it as its first member, starts its work, fills `result` and calls fetch_finish. The user's
 * callback always runs from the loop with nothing of ours or curl's on the stack, so it may start
 * and cancel requests and free the fetcher.
 */
#ifndef TIDINGS_FETCH_FETCHER_H
#define TIDINGS_FETCH_FETCHER_H

#include <curl/curl.h>
#include <ev.h>

#include "fetch/fetch.h"
#include "fetch/resolve.h"
#include "model/cidr.h"

struct fetch {
    struct fetch *prev, *next; /* fetcher.running or fetcher.finished */
    struct fetcher *fetcher;
    const struct td_request *req;
    struct td_result result;
    int64_t started_ms; /* monotonic */
    bool finished;
    fetch_done_fn *done;
    void *ctx;
    /* Ends the kind's work and frees what it holds beside the struct; once, at the end or when
     * cancelled. */
    void (*stop)(struct fetch *h);
};

struct fetcher {
    struct ev_loop *loop;
    CURLM *multi;
    ev_timer curl_timer;
    ev_prepare deliver;                     /* never started: fed when something finished */
    CURLSH *sessions[LIMIT_SESSION_SHARES]; /* TLS sessions to take up again, by host */
    struct resolver *resolver;
    struct fetch *running, *finished;
    CURL **idle; /* easy handles for use again; room for max_transfers */
    int n_idle, max_transfers;
    struct curl_slist *user_agents; /* header lines: that of now, then those of before */
    char *accept_encoding;          /* header line */
    char *ca_file;
    struct cidr *allow;
    size_t n_allow;
    bool *freed; /* set while a callback runs: tells fetcher_free's caller above */
};

/* ---- for the kinds ------------------------------------------------------------------------ */
/* The work is over: stops the kind and delivers `result` from the loop. */
void fetch_finish(struct fetch *h);
/* The same with a failure in words. */
void fetch_fail(struct fetch *h, enum td_outcome outcome, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The kinds: give a struct fetch whose base is still to be filled in by fetch_start, then begin. */
struct fetch *hop_new(void);
void hop_start(struct fetch *h);
void hop_done(CURL *easy, CURLcode code);
struct fetch *file_new(void);
void file_start(struct fetch *h);
struct fetch *exec_new(void);
void exec_start(struct fetch *h);

/* The sessions among which are those of URL's host. */
CURLSH *fetcher_sessions(struct fetcher *f, const char *url);
/* A dressed easy handle (hop.h) from the pool, and back; ALTERED: it is reset and dressed anew. */
CURL *fetcher_take_easy(struct fetcher *f);
void fetcher_give_easy(struct fetcher *f, CURL *easy, bool altered);

#endif
