/*
 * settle.c - the end of a fetch: everything is known, becomes one commit, and when that is durable
 * the feed waits for its next turn. The way up to here is flight.c.
 */
#include "app_private.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define RATE_TAU_MS 10000.0

double rate_now(const struct rate *r)
{
    return r->per_s * exp(-(double)(clock_mono_ms() - r->at) / RATE_TAU_MS);
}

void rate_add(struct rate *r, double n)
{
    r->per_s = rate_now(r) + n / (RATE_TAU_MS / 1000);
    r->at = clock_mono_ms();
}

/* ---- 4. everything is known: one commit --------------------------------------------------- */

/* What the answer taught about the feed, except counts and the next due time (policy_apply). */
static void settle_state(struct flight *fl, struct td_feed_state *s)
{
    const struct td_result *res = &fl->res;
    if (fl->batch && fl->batch->title)
        xreplace(&s->title, fl->batch->title);
    if (fl->batch && fl->batch->home_page_url)
        xreplace(&s->home_page_url, fl->batch->home_page_url);
    if (fl->pushed) /* says nothing of the server (FETCHING E8) */
        return;
    if (res->outcome ==
        TD_OUT_OK) { /* a new pair replaces the old one, also by nothing (FETCHING A3) */
        xreplace(&s->val.etag, res->val.etag);
        xreplace(&s->val.last_modified, res->val.last_modified);
    } else if (res->outcome == TD_OUT_NOT_MODIFIED) { /* a bare 304 keeps them (A5) */
        if (res->has_etag)
            xreplace(&s->val.etag, res->val.etag);
        if (res->has_last_modified)
            xreplace(&s->val.last_modified, res->val.last_modified);
    }
    xreplace(&s->error, td_outcome_good(res->outcome) ? NULL : res->error);
}

/* Writer thread, inside the transaction: now the number of new items is known. */
static void complete_state(struct store_commit *c, const struct store_commit_result *r)
{
    const struct flight *fl = c->ctx;
    if (fl->pushed) {
        policy_pushed(&c->state, c->now, r->n_new);
        return;
    }
    struct policy_event ev = {
        .now = c->now,
        .outcome = fl->res.outcome,
        .http_status = fl->res.http_status,
        .retry_after_at = fl->res.retry_after_at,
        .fresh = fl->res.fresh,
        .hints = fl->batch || c->batch ? &fl->hints : NULL,
        .n_new = r->n_new,
    };
    int64_t took_ms = MAX(c->now - fl->started_at, (int64_t)0); /* the clock may have gone back */
    struct td_fetch_note note = {
        .at = fl->started_at,
        .duration_ms = (int32_t)MIN(took_ms, (int64_t)INT32_MAX),
        .n_new = r->n_new,
        .bytes = (uint32_t)MIN(fl->wire_bytes, (uint64_t)UINT32_MAX),
        .http_status = (int16_t)fl->res.http_status,
        .outcome = (uint8_t)fl->res.outcome,
    };
    struct move_event mv = {
        .now = c->now, .outcome = fl->res.outcome, .moved_to = fl->moved_to, .found = fl->found};
    bool was_dead = policy_is_dead(&c->state, c->state.last_fetch_at);
    td_feed_state_note(&c->state, &note);
    bool moved = move_apply(&c->state, fl->conf, &mv) && !fl->found;
    policy_apply(&c->state, fl->conf, &ev);
    bool dead = policy_is_dead(&c->state, c->now);
    c->event = c->state.gone       ? TD_FEED_GONE
               : moved             ? TD_FEED_MOVED
               : dead && !was_dead ? TD_FEED_DEAD
               : was_dead && !dead ? TD_FEED_RECOVERED
                                   : TD_FEED_NO_EVENT;
    if (c->batch)
        c->state.imported = true;
}

static void on_committed(struct store_commit *c, const struct store_commit_result *r);

/* One commit of a feed at a time: the state that the next one begins with is what this one leaves.
 */
static bool must_wait(const struct flight *fl)
{
    const struct flight *other = fl->pushed ? fl->feed->flight : fl->feed->pushed;
    return other && other->phase == FLIGHT_COMMIT;
}

struct store_commit *settle_commit(struct flight *fl)
{
    struct store_commit *c = xcalloc(1, sizeof *c);
    c->feed_id = fl->feed->state.feed_id;
    c->now = clock_now_ms();
    c->backlog_ms = fl->conf->backlog_ms;
    td_feed_state_copy(&c->state, &fl->feed->state);
    settle_state(fl, &c->state);
    c->batch = TAKE(fl->batch);
    if (c->batch)
        fl->hints = c->batch->hints;
    c->whole = c->batch && !fl->pushed && fl->res.http_status != 226;
    c->unchanged = !fl->pushed && fl->res.outcome == TD_OUT_NOT_MODIFIED;
    c->finish = complete_state;
    c->ctx = fl;
    return c;
}

static void commit_start(struct flight *fl)
{
    struct app *a = fl->app;
    struct feed *f = fl->feed;
    if (must_wait(fl)) {
        fl->phase = FLIGHT_TURN;
        return;
    }
    f->state.pushed_until = push_relied_until(f, clock_now_ms());
    struct store_commit *c = settle_commit(fl);
    c->done = on_committed;
    fl->phase = FLIGHT_COMMIT;
    a->n_committing++;
    store_commit(a->store, c);
}

/* The store has given a feed of `tidings add` its id. */
static void on_added(void *ctx, int result, const struct td_err *err)
{
    struct flight *fl = ctx;
    struct app *a = fl->app;
    struct feed *f = fl->feed;
    if (f->removed) {
        f->flight = NULL;
        flight_free(fl);
        feedset_release(f);
        return;
    }
    if (result < 0) {
        control_added(f, result, err, 0);
        f->flight = NULL;
        flight_free(fl);
        feedset_remove(a, f);
        return;
    }
    f->state.feed_id = result;
    feedfind_changed(a, f);
    if (!fl->unasked) {
        commit_start(fl);
        return;
    }
    f->flight = NULL;
    flight_free(fl);
    control_added(f, 0, NULL, 0);
    feedset_schedule(a, f);
}

void flight_keep(struct app *a, struct feed *f)
{
    struct flight *fl = f->flight = flight_new(a, f, clock_now_ms());
    fl->unasked = true;
    fl->phase = FLIGHT_PUT;
    store_feed_put(a->store, f->conf, on_added, fl);
}

/* What a hub sent is stored, or it was nothing and leaves no trace. */
static void pushed_settle(struct flight *fl)
{
    struct app *a = fl->app;
    struct feed *f = fl->feed;
    if (fl->batch) {
        commit_start(fl);
        return;
    }
    struct td_err err = td_result_err(&fl->res);
    uint64_t call = fl->call;
    f->pushed = NULL;
    flight_free(fl);
    push_stored(a, f, call, NULL, &err);
}

void flight_settle(struct flight *fl)
{
    struct app *a = fl->app;
    struct feed *f = fl->feed;
    if (f->is_errand) {
        errand_settle(fl);
        return;
    }
    if (fl->pushed) {
        pushed_settle(fl);
        return;
    }
    a->count.fetches[fl->res.outcome]++;
    a->count.bytes += fl->wire_bytes;
    a->count.fetch_ms += (uint64_t)MAX(clock_now_ms() - fl->started_at, 0);
    rate_add(&a->count.polls, 1);
    if (f->state.feed_id) {
        commit_start(fl);
    } else if (!flight_is_known(fl, fl->moved_to) &&
               (fl->batch || (f->adding && f->adding->keep))) { /* `tidings add`: becomes ours */
        fl->phase = FLIGHT_PUT;
        store_feed_put(a->store, f->conf, on_added, fl);
    } else {
        struct td_err err = td_result_err(&fl->res);
        bool again = policy_may_pass(fl->res.outcome, fl->res.http_status);
        f->flight = NULL;
        flight_free(fl);
        control_added(f, again ? -ETIMEDOUT : -ENODATA, &err, 0);
        feedset_remove(a, f);
    }
}

/* ---- 5. durable: the feed waits for its next turn ------------------------------------------ */

/* When the feed whose commit began at C->now is due. A clock that went back meanwhile has moved
 * what waits in the schedule already, so this wait is counted from now as well. */
static int64_t due_after_commit(const struct store_commit *c, const struct td_feed_state *s)
{
    int64_t now = clock_now_ms();
    if (s->gone || s->next_due_at == TD_NEVER)
        return TD_NEVER;
    return c->now > now + LIMIT_CLOCK_DRIFT_MS ? now + (s->next_due_at - c->now) : s->next_due_at;
}

/* F has the state that is stored now; gives the one before. */
static struct td_feed_state take_state(struct app *a, struct feed *f, struct store_commit *c,
                                       const struct store_commit_result *r)
{
    struct td_feed_state before = f->state;
    f->state = c->state;
    memset(&c->state, 0, sizeof c->state);
    if (!str_same(before.url, f->state.url))
        feedfind_changed(a, f);
    a->n_failing += (size_t)(f->state.n_failures > 0) - (size_t)(before.n_failures > 0);
    a->count.items_new += (uint64_t)r->n_new;
    a->count.items_changed += (uint64_t)r->n_changed;
    a->count.items_backlog += (uint64_t)r->n_backlog;
    rate_add(&a->count.items, r->n_new);
    return before;
}

/* A poll of F is stored; BEFORE is the state that it began with. */
static void polled(struct app *a, struct feed *f, const struct td_feed_state *before, bool strayed,
                   const struct store_commit *c, const struct store_commit_result *r)
{
    feedlog_outcome(a, f, before, r);
    control_added(f, 0, NULL, r->n_new);
    td_feed_state_slim(&f->state);
    feedset_settle(a, f, strayed);
    if (f->scheduled) /* a feed that is gone stays parked */
        schedule_move(a->schedule, &f->node, due_after_commit(c, &f->state));
    push_polled(a, f, before, c, r);
}

void settle_changed(struct app *a, struct feed *f, bool moved)
{
    int64_t now = clock_now_ms();
    feedset_unschedule(a, f);
    if (moved) {
        push_moved(a, f);
        move_forget(&f->state);
        feedfind_changed(a, f);
        f->state.next_due_at = now;
    } else { /* other credentials: what they are worth is seen soon */
        f->state.next_due_at = MIN(f->state.next_due_at,
                                   policy_refresh_at(&f->state, f->conf, now));
    }
    feedset_schedule(a, f);
}

/* A reload may have come while a commit of F was under way, which began with CONF: then it has left
 * what belongs to the old address, or the old credentials. */
static void reloaded(struct app *a, struct feed *f, const struct td_feed_conf *conf)
{
    bool moved = !str_same(conf->url, f->conf->url);
    if (moved || !td_access_same(conf->access, f->conf->access))
        settle_changed(a, f, moved);
}

static void on_committed(struct store_commit *c, const struct store_commit_result *r)
{
    static const struct store_commit_result nothing;
    struct flight *fl = c->ctx;
    struct app *a = fl->app;
    struct feed *f = fl->feed;
    bool strayed = fl->found, pushed = fl->pushed;
    uint64_t call = fl->call;
    a->n_committing--;
    app_look(a);
    *(pushed ? &f->pushed : &f->flight) = NULL;
    struct td_feed_conf *conf = td_feed_conf_share(fl->conf);
    flight_free(fl);
    if (f->removed) {
        td_feed_conf_free(conf);
        feedset_release(f);
        return;
    }
    r = r ? r : &nothing;
    struct td_feed_state before = take_state(a, f, c, r);
    struct flight *other = pushed ? f->flight : f->pushed;
    if (other && other->phase == FLIGHT_TURN)
        commit_start(other);
    if (pushed) {
        log_debug("feed %s: pushed, %d new, %d changed", f->conf->name, r->n_new, r->n_changed);
        td_feed_state_slim(&f->state);
        push_stored(a, f, call, r, NULL);
    } else {
        polled(a, f, &before, strayed, c, r);
    }
    td_feed_state_fini(&before);
    reloaded(a, f, conf);
    td_feed_conf_free(conf);
}
