/*
 * policy.h - when a feed is asked next. Pure: values and the time in, a time and its reasons out.
 * May be called from any thread (the writer calls it inside its transaction, when it knows what was
 * new).
 *
 * After a good fetch (FETCHING c, d):
 *     due = last + max(min-interval, interval, max-age, ttl, sy), then skipHours and skipDays, then
 *     Retry-After.
 * `interval = auto` is learned: half the mean gap between new items, at least 60 min (30 min when
 * the server gives a max-age), at most 24 h; half as long again for each 10 polls without news. The
 * rate is a mean over time with a half-life of 14 days of when items were first seen; a new feed
 * begins at 12 a day, which is hourly. file: is looked at each minute and exec: run each 15 min
 * instead. An explicit interval replaces that term only: the publisher may still ask for longer,
 * unless the feed says `hints = ignore`, which drops max-age, ttl, sy and skip hints. max-age, ttl
 * and sy count for 24 h at most: a year's max-age is a static file's default, no wish. Nothing of
 * that, nor min-interval, applies to file: sources: reading a file asks nobody.
 *
 * A test that wants one interval sets `interval = N`, `min-interval = N`; for a feed without hints
 * and failures it is then N to 1.05 N.
 *
 * While a hub that has proved itself tells what is new (state's pushed_until), `auto` is 24 h:
 * polls only look after the hub (FETCHING E9).
 *
 * After the n-th failure in a row (FETCHING b): last + min(interval * 2^(n-1), cap), up to a tenth
 * more; the cap is 24 h for what may pass (5xx, 429, network) and 7 days for what stays (401, 403,
 * 404, no feed). Failing for 30 days: weekly. 410 for a second time, an interval after the first:
 * gone, parked.
 *
 * No two feeds keep in step: up to 5 % is added (auto: also taken off, within its bounds), half of
 * it the feed's own phase, half from the poll; a hash, so the same state gives the same time.
 */
#ifndef TIDINGS_SCHEDULE_POLICY_H
#define TIDINGS_SCHEDULE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/feed.h"
#include "model/fetch.h"

/* What one finished fetch means for the state. */
struct policy_event {
    int64_t now;
    enum td_outcome outcome;
    int http_status;
    int64_t retry_after_at;       /* TD_NEVER = none */
    struct td_freshness fresh;    /* of this answer (200 and 304) */
    const struct td_hints *hints; /* of the document, NULL when none was read */
    int32_t n_new;                /* entries never seen before */
};

/* Takes one outcome into STATE: last_fetch_at and the other times, counts, rate, hints, gone,
 * next_due_at (TD_NEVER when gone) and why. Call td_feed_state_note for this fetch before it: the
 * run of 410s is looked up there. CONF's name seeds phase and jitter. */
void policy_apply(struct td_feed_state *state, const struct td_feed_conf *conf,
                  const struct policy_event *ev);

/* A hub has pushed N_NEW items: they teach the rhythm and change nothing else (FETCHING E8). */
void policy_pushed(struct td_feed_state *state, int64_t now, int32_t n_new);

/* Works next_due_at and why out again from what STATE knows, for a CONF that changed. The same CONF
 * gives the same time. A feed that was never fetched stays due at once. */
void policy_replan(struct td_feed_state *state, const struct td_feed_conf *conf);

/* May a failure be over by itself (network, 5xx, 429), or does it stay until somebody changes
 * something (no such host, 404, no feed)? */
bool policy_may_pass(enum td_outcome outcome, int http_status);

/* Has it been failing for LIMIT_DEAD_MS? */
bool policy_is_dead(const struct td_feed_state *state, int64_t now);

/* When a feed that is in the store (or new: last_fetch_at TD_NEVER) is due after a (re)start at
 * NOW: never before its persisted time; new feeds at once. Overdue feeds stay overdue: the heap's
 * start-up pacing (schedule.h) spreads them. A clock that jumped back cannot push a feed further
 * away than the wait that was planned. TD_NEVER when it is gone or not enabled. */
int64_t policy_on_load(const struct td_feed_state *state, const struct td_feed_conf *conf,
                       int64_t now);

/* The earliest time `tidings refresh` may move a feed to: the floor after the last fetch, or
 * Retry-After. */
int64_t policy_refresh_at(const struct td_feed_state *state, const struct td_feed_conf *conf,
                          int64_t now);

#endif
