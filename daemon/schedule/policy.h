/*
 * policy.h - when a feed is asked next. Pure: values and the time in, a time and its reasons out.
 *
 * due = last + max(floor, interval or adaptive, max-age, ttl, sy), then skipHours/skipDays, then
 * Retry-After; failures back off; phase and jitter are a hash of the feed (FETCHING b, c, d). May
 * be called from any thread (the writer calls it inside its transaction, when it knows what was
 * new).
 */
#ifndef TIDINGS_SCHEDULE_POLICY_H
#define TIDINGS_SCHEDULE_POLICY_H

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

/* Takes one outcome into STATE: failures, rate, hints, next_due_at and why. NAME seeds phase and
 * jitter. */
void policy_apply(struct td_feed_state *state, const struct td_feed_conf *conf,
                  const struct policy_event *ev);

/* When a feed that is in the store (or new: last_fetch_at TD_NEVER) is due after a (re)start at
 * NOW: never before its persisted time; new feeds at once. Overdue feeds stay overdue: the heap's
 * start-up pacing (schedule.h) spreads them. A clock that jumped back cannot push a feed further
 * away than its longest possible wait. */
int64_t policy_on_load(const struct td_feed_state *state, const struct td_feed_conf *conf,
                       int64_t now);

/* The earliest time `tidings refresh` may move a feed to: the floor after the last fetch, or
 * Retry-After. */
int64_t policy_refresh_at(const struct td_feed_state *state, const struct td_feed_conf *conf,
                          int64_t now);

#endif
