/*
 * pacing.c - what servers bear: the schedule keeps the budgets, fetch/ knows the addresses and the
 * answers, the store remembers what was learned.
 */
#include "app_private.h"

#include <errno.h>

#include "base/log.h"
#include "base/str.h"

void pacing_learned(void *ctx, const struct td_learned *l)
{
    struct app *a = ctx;
    char each[32];
    if (l->spacing_ms)
        log_notice("%s answers 429: it is asked at most each %s from now on", l->key,
                   str_duration(each, sizeof each, l->spacing_ms));
    store_learned(a->store, l);
}

static void on_kept(void *ctx, const struct td_learned *l)
{
    struct app *a = ctx;
    if (!strict_recall(a, l))
        schedule_recall(a->schedule, l, clock_now_ms());
}

int pacing_load(struct app *a, struct td_err *err)
{
    return store_load_learned(a->store, on_kept, a, err);
}

bool pacing_admit(void *ctx, const char *address)
{
    struct flight *fl = ctx;
    return schedule_at(fl->app->schedule, &fl->feed->node, address, clock_now_ms());
}

void pacing_wait(struct flight *fl)
{
    fl->phase = FLIGHT_HOP;
    schedule_unstart(fl->app->schedule, &fl->feed->node);
}

/* An outcome that came late: the next time others go first. */
static bool waits_in_vain(enum td_outcome o)
{
    return o == TD_OUT_DNS_TEMP || o == TD_OUT_CONNECT || o == TD_OUT_TIMEOUT;
}

void pacing_known(struct app *a, struct feed *f, int64_t now)
{
    const struct td_fetch_note *last = td_feed_state_last(&f->state);
    if (last->outcome == TD_OUT_NONE)
        return;
    if (last->at <= now)
        schedule_asked(a->schedule, &f->node, last->at);
    if (waits_in_vain(last->outcome))
        schedule_doubt(a->schedule, &f->node);
    else if (last->http_status)
        schedule_know(a->schedule, &f->node);
}

void pacing_answered(struct app *a, const struct sched_node *n, const struct td_result *result,
                     int64_t now)
{
    struct schedule *s = a->schedule;
    int64_t until = result->retry_after_at;
    if (waits_in_vain(result->outcome))
        schedule_doubt(s, n);
    else if (result->http_status == 429)
        schedule_limited(s, n, until != TD_NEVER ? until : now + LIMIT_INTERVAL_FLOOR_MS);
    else if (result->http_status)
        schedule_answered(s, n, result->multiplexed);
}

int pacing_patience(const struct app *a, const char *url, struct td_err *err)
{
    char host[300], wait[32];
    int64_t now = clock_now_ms(), until = TD_NEVER;
    if (schedule_host_key(url, host, sizeof host) == 0)
        until = schedule_held_until(a->schedule, host);
    if (until == TD_NEVER || until - now <= LIMIT_PATIENCE_MS)
        return 0;
    return td_err(err, -EAGAIN, "%s asked not to be called for another %s", host,
                  str_duration(wait, sizeof wait, until - now));
}

void status_pacing(void *app, int64_t feed_id, struct buf *out)
{
    struct app *a = app;
    struct feed *f = feedset_by_id(a, feed_id);
    if (f && feedset_asked(f)->scheduled)
        schedule_explain(a->schedule, &feedset_asked(f)->node, out);
}
