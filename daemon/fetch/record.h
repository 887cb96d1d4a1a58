/*
 * record.h - takes a request down (td_request.record), and plays one back (td_request.replay).
 * Loop thread; for request.c and loop.c.
 *
 * A recorded answer is given to libcurl through a nameless local socket, so that everything behind
 * the network is the same code as for a real answer: chunks, codings,
 * limits, outcome. Clocks stand at the recorded time. What no bytes can show (a timeout, an
 * untrusted certificate) is taken from the recording.
 */
#ifndef TIDINGS_FETCH_RECORD_H
#define TIDINGS_FETCH_RECORD_H

#include <curl/curl.h>
#include <ev.h>

#include "fetch/outcome.h"
#include "model/exchange.h"

/* EASY's bytes go into X. */
void record_set(CURL *easy, struct td_exchange *x);
/* How libcurl's part ended. */
void record_end(CURL *easy, struct td_exchange *x, const struct exchange *end);
/* The whole: what it was called and when, how it ended; secrets go. */
void record_finish(struct td_exchange *x, const struct td_request *req,
                   const struct td_result *result);

struct replay;
/* EASY will get X's answer. Before the transfer; ends after it. */
struct replay *replay_new(struct ev_loop *loop, const struct td_exchange *x, CURL *easy);
void replay_free(struct replay *r); /* accepts NULL */
/* What the recording knows better than the bytes. */
void replay_end(const struct td_exchange *x, struct exchange *end);

#endif
