/*
 * app.c - the pipeline: a feed is due, is fetched, parsed, stored, and waits for its next turn.
 *
 * Read from flight_begin downwards: each step ends by handing the flight to the next stage, whose
 * callback is the next function. Limits hold backwards: no transfer starts while the parser pool or
 * the writer is full.
 */
#include "app_private.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/message_ids.h"
#include "base/str.h"
#include "serve/service.h"

#define START_EXTEND_MS    60000 /* a migration that tells of itself once in this time is alive */
#define CLOCK_WENT_BACK_MS 60000 /* less than that is drift; schedule.h takes the same */
#define WAKE_MAX_S         60.0  /* look at the wall clock this often: it may jump while we sleep */

static void flight_settle(struct flight *fl);

/* ---- small bookkeeping -------------------------------------------------------------------- */

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

void app_look(struct app *a)
{
    a->look = true;
}

void app_free_flight(struct flight *fl)
{
    if (!fl)
        return;
    free(fl->url);
    free(fl->moved_to);
    free(fl->found);
    td_result_fini(&fl->res);
    td_batch_free(fl->batch);
    td_feed_conf_free(fl->conf);
    free(fl);
}

void app_drop_flight(struct feed *f)
{
    struct flight *fl = f->flight;
    if (!fl)
        return;
    struct app *a = fl->app;
    if (fl->phase == FLIGHT_TRANSFER) {
        fetch_cancel(fl->fetch);
        a->n_transfers--;
    } else if (fl->phase == FLIGHT_PARSE) {
        pool_cancel(fl->job);
        a->n_parsing--;
    }
    f->flight = NULL;
    app_free_flight(fl);
    app_look(a);
}

/* ---- logging: one line when a feed's state changes, one a feed in the first round --------------
 */

static void log_round_end(struct app *a)
{
    char took[32];
    struct round *r = &a->round;
    log_notice("first round done: %zu feed%s in %s, %zu read, %zu failed, %lld new items", r->feeds,
               r->feeds == 1 ? "" : "s",
               str_duration(took, sizeof took, clock_mono_ms() - r->started_mono), r->ok, r->failed,
               (long long)r->items);
}

static void log_outcome(struct app *a, struct feed *f, const struct td_feed_state *before,
                        const struct store_commit_result *r)
{
    const struct td_feed_state *now = &f->state;
    const struct td_fetch_note *note = td_feed_state_last(now);
    const char *name = f->conf->name;
    char wait[32] = "";
    if (!now->gone)
        str_duration(wait, sizeof wait, now->next_due_at - note->at);
    CLEANUP_FREE char *url = td_url_public(f->conf->url);
    char outcome[32];
    snprintf(outcome, sizeof outcome, note->outcome == TD_OUT_HTTP ? "%s-%d" : "%s",
             td_outcome_name(note->outcome), note->http_status);
    struct log_fields lf = {.feed = name, .url = url, .outcome = outcome};
    if (!str_same(now->url, before->url)) {
        CLEANUP_FREE char *at = td_url_public(move_url(now, f->conf));
        log_event(LOG_NOTICE, &lf, "feed %s: %s %s", name,
                  !now->url        ? "the address it moved to fails; asked again at"
                  : now->url_found ? "its page names the feed; asked at"
                                   : "moved for good; asked from now on at",
                  at);
    }
    if (policy_is_dead(now, note->at) && !policy_is_dead(before, before->last_fetch_at))
        log_event(LOG_WARNING, &lf, "feed %s: has failed for 30 days; asked weekly from now on",
                  name);
    if (now->gone && !before->gone) {
        lf.message_id = MSG_FEED_GONE;
        log_event(LOG_WARNING, &lf, "feed %s: gone (410 confirmed); it is not asked again", name);
    } else if (now->n_failures > 0 && (before->n_failures == 0 || f->in_round)) {
        lf.message_id = MSG_FEED_FAILING;
        log_event(LOG_WARNING, &lf, "feed %s: %s; next try in %s", name,
                  now->error ? now->error : td_outcome_name(note->outcome), wait);
    } else if (now->n_failures == 0 && before->n_failures > 0) {
        lf.message_id = MSG_FEED_WORKS;
        log_event(LOG_NOTICE, &lf, "feed %s: works again after %d failures", name,
                  before->n_failures);
    } else if (f->in_round && note->outcome == TD_OUT_NOT_MODIFIED) {
        log_event(LOG_INFO, &lf, "feed %s: not modified", name);
    } else if (f->in_round) {
        log_event(LOG_INFO, &lf, "feed %s: %d new item%s%s", name, r->n_new,
                  r->n_new == 1 ? "" : "s", r->n_backlog ? " (with backlog)" : "");
    } else {
        log_event(LOG_DEBUG, &lf, "feed %s: %s, %d new, %d changed; next in %s", name,
                  td_outcome_name(note->outcome), r->n_new, r->n_changed, wait);
    }
    if (!f->in_round)
        return;
    f->in_round = false;
    a->round.items += r->n_new;
    *(now->n_failures ? &a->round.failed : &a->round.ok) += 1;
    if (--a->round.pending == 0)
        log_round_end(a);
}

/* ---- 1. a feed is due: start a transfer --------------------------------------------------- */

static void on_fetched(void *ctx, struct td_result *result);

/* A rider that does not hold what the leader holds needs the whole document. */
static bool all_have(const struct feed *f)
{
    const struct td_validators *v = &f->state.val;
    for (const struct feed *r = f->riders; r; r = r->next_rider)
        if (!str_same(r->state.val.etag, v->etag) ||
            !str_same(r->state.val.last_modified, v->last_modified))
            return false;
    return true;
}

static void transfer_start(struct flight *fl)
{
    struct feed *f = fl->feed;
    bool conditional = !fl->found && all_have(f); /* validators are not those of a page */
    fl->rq = (struct td_request){
        .source = fl->conf->source,
        .url = fl->url,
        .argv = fl->conf->argv,
        .etag = conditional ? f->state.val.etag : NULL,
        .last_modified = conditional ? f->state.val.last_modified : NULL,
        .timeout_ms = fl->conf->timeout_ms,
        .max_body_bytes = fl->conf->max_body_bytes,
    };
    fl->phase = FLIGHT_TRANSFER;
    fl->app->n_transfers++;
    fl->fetch = fetch_start(fl->app->fetcher, &fl->rq, on_fetched, fl);
}

static struct flight *flight_new(struct app *a, struct feed *f, int64_t now)
{
    struct flight *fl = xcalloc(1, sizeof *fl);
    fl->app = a;
    fl->feed = f;
    fl->url = xstrdup(move_url(&f->state, f->conf));
    fl->conf = td_feed_conf_copy(f->conf);
    fl->res.retry_after_at = TD_NEVER;
    fl->started_at = now;
    f->flight = fl;
    return fl;
}

static bool may_start(const struct app *a)
{
    return a->ready && !a->store_trouble && a->n_transfers < (size_t)a->settings->concurrency &&
           pool_has_room(a->pool) && store_has_room(a->store);
}

static void start_feeds(struct app *a)
{
    int64_t now = clock_now_ms(), wake_at = TD_NEVER;
    while (may_start(a)) {
        struct sched_node *n = schedule_next(a->schedule, now, &wake_at);
        if (!n)
            break;
        struct feed *f = CONTAINER_OF(n, struct feed, node);
        if (f->flight)
            transfer_start(f->flight); /* a redirect whose host has a place now */
        else
            transfer_start(flight_new(a, f, now));
    }
    ev_timer_stop(a->loop, &a->wake);
    if (wake_at == TD_NEVER)
        return;
    double in_s = MAX((double)(wake_at - now) / 1000.0, 0.001);
    ev_timer_set(&a->wake, MIN(in_s, WAKE_MAX_S), 0.);
    ev_timer_start(a->loop, &a->wake);
}

static void on_wake(struct ev_loop *loop, ev_timer *w, int revents)
{
    app_look(w->data);
}

static void on_before(struct ev_loop *loop, ev_prepare *w, int revents)
{
    struct app *a = w->data;
    if (!a->look)
        return;
    a->look = false;
    start_feeds(a);
}

/* ---- 2. an answer: follow it, parse it, or settle ----------------------------------------- */

/* Queues the next hop at its host. False: the redirect is refused and RES says why. */
static bool follow(struct flight *fl, struct td_result *res, int64_t now)
{
    char host[300];
    int r = outcome_redirect(&fl->chain, fl->url, res->redirect_to, res->redirect_permanent,
                             &res->err);
    if (r == 0)
        r = schedule_host_key(res->redirect_to, host, sizeof host);
    if (r < 0) {
        res->outcome = TD_OUT_REDIRECT;
        return false;
    }
    free(fl->url);
    fl->url = TAKE(res->redirect_to);
    if (fl->chain.all_permanent)
        xreplace(&fl->moved_to, fl->url);
    td_result_fini(res);
    fl->phase = FLIGHT_HOP;
    schedule_hop(fl->app->schedule, &fl->feed->node, host, now);
    app_look(fl->app);
    return true;
}

static void on_parsed(void *ctx, struct pool_answer *answer);

/* May the document be a page that names its feed? One level deep, and only while no feed was read
 * at the address: a feed that has become a page is a failure (FETCHING i, B15). */
static bool may_be_page(const struct flight *fl)
{
    const struct td_feed_state *s = &fl->feed->state;
    return !fl->found && fl->conf->source == TD_SOURCE_HTTP && (!s->imported || s->url_found) &&
           !s->url;
}

static void parse_start(struct flight *fl)
{
    struct app *a = fl->app;
    struct pool_request rq = {
        .body = fl->res.body,
        .base_url = fl->res.content_location ? fl->res.content_location : fl->url,
        .content_type = fl->res.content_type,
        .link = fl->res.link,
        .feed = fl->conf->name,
        .want_discovery = may_be_page(fl),
    };
    fl->res.body = BUF_INIT(0);
    fl->phase = FLIGHT_PARSE;
    a->n_parsing++;
    fl->job = pool_submit(a->pool, &rq, on_parsed, fl);
}

static char *copy(const char *s)
{
    return xstrdup_or_null(s);
}

/* The answer is also that of the feeds that ride along: each gets a flight that is past its
 * transfer. */
static void share(struct flight *fl, int64_t now)
{
    for (struct feed *f = fl->feed->riders; f; f = f->next_rider) {
        if (f->flight)
            continue; /* its last one is still being stored */
        struct flight *own = flight_new(fl->app, f, now);
        const struct td_result *from = &fl->res;
        struct td_result *res = &own->res;
        xreplace(&own->url, fl->url);
        own->started_at = fl->started_at;
        own->moved_to = copy(fl->moved_to);
        own->found = copy(fl->found);
        *res = *from;
        res->body = BUF_INIT(from->body.max);
        buf_add(&res->body, buf_str(&from->body), from->body.len);
        res->content_type = copy(from->content_type);
        res->content_location = copy(from->content_location);
        res->link = copy(from->link);
        res->val = (struct td_validators){copy(from->val.etag), copy(from->val.last_modified)};
        res->redirect_to = NULL;
        res->wire_bytes = 0;
        if (res->outcome == TD_OUT_OK)
            parse_start(own);
        else
            flight_settle(own);
    }
}

static void on_fetched(void *ctx, struct td_result *result)
{
    struct flight *fl = ctx;
    struct app *a = fl->app;
    int64_t now = clock_now_ms();
    fl->fetch = NULL;
    fl->wire_bytes += result->wire_bytes;
    a->n_transfers--;
    app_look(a);
    if (result->http_status && result->http_status != 429)
        schedule_answered(a->schedule, &fl->feed->node);
    if (result->redirect_to && follow(fl, result, now))
        return;
    if (result->http_status == 429)
        schedule_limited(a->schedule, &fl->feed->node,
                         result->retry_after_at != TD_NEVER ? result->retry_after_at
                                                            : now + LIMIT_INTERVAL_FLOOR_MS);
    schedule_done(a->schedule, &fl->feed->node, now,
                  TD_NEVER); /* parked until the commit says when */
    fl->res = *result;
    share(fl, now);
    if (result->outcome ==
        TD_OUT_OK) /* of an answer that was cut nothing is used: it comes again */
        parse_start(fl);
    else
        flight_settle(fl);
}

/* ---- 3. a document: what was in it -------------------------------------------------------- */

/* A page that names its feed: the flight goes on to that address, and so does the feed if one is
 * read there. A feed of `tidings add` is not yet in the store and takes it for its own. */
static bool follow_discovered(struct flight *fl, const char *const *links)
{
    struct feed *f = fl->feed;
    char host[300];
    if (!may_be_page(fl) || f->leader || !links || !links[0])
        return false;
    CLEANUP_FREE char *url = xstrndup(links[0], strcspn(links[0], "\t"));
    if (schedule_host_key(url, host, sizeof host) < 0)
        return false;
    struct feed *other = feedset_by_url(fl->app, url);
    if (str_eq(url, fl->url) || (f->adding && other && other != f))
        return false;
    if (f->adding) {
        xreplace(&f->conf->url, url);
        td_feed_conf_free(fl->conf);
        fl->conf = td_feed_conf_copy(f->conf);
    }
    xreplace(&fl->found, url);
    xreplace(&fl->url, url);
    xreplace(&fl->moved_to, NULL);
    fl->chain = (struct redirect_chain){0};
    td_result_fini(&fl->res);
    fl->phase = FLIGHT_HOP;
    schedule_remove(fl->app->schedule, &f->node);
    schedule_add(fl->app->schedule, &f->node, host, 0);
    app_look(fl->app);
    return true;
}

static void on_parsed(void *ctx, struct pool_answer *answer)
{
    struct flight *fl = ctx;
    fl->job = NULL;
    fl->app->n_parsing--;
    app_look(fl->app);
    switch (answer->status) {
    case POOL_OK:
        fl->batch = answer->batch;
        if (fl->batch->truncated && fl->res.outcome == TD_OUT_OK) {
            fl->res.outcome = TD_OUT_INCOMPLETE;
            td_err(&fl->res.err, 0, "the document ends in the middle; its items were used");
        }
        break;
    case POOL_NOT_A_FEED:
        if (follow_discovered(fl, (const char *const *)answer->links))
            return;
        if (fl->res.outcome == TD_OUT_OK) {
            fl->res.outcome = TD_OUT_NOT_A_FEED;
            fl->res.err = answer->err;
        }
        break;
    case POOL_TOO_LARGE:
        fl->res.outcome = TD_OUT_TOO_LARGE;
        fl->res.err = answer->err;
        break;
    case POOL_DIED:
        fl->res.outcome = TD_OUT_PARSER;
        fl->res.err = answer->err;
        break;
    }
    flight_settle(fl);
}

/* ---- 4. everything is known: one commit --------------------------------------------------- */

/* What the answer taught about the feed, except counts and the next due time (policy_apply). */
static void settle_state(struct flight *fl, struct td_feed_state *s)
{
    const struct td_result *res = &fl->res;
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
    if (fl->batch && fl->batch->title)
        xreplace(&s->title, fl->batch->title);
    if (fl->batch && fl->batch->home_page_url)
        xreplace(&s->home_page_url, fl->batch->home_page_url);
    xreplace(&s->error, td_outcome_good(res->outcome) ? NULL : res->err.msg);
}

/* Writer thread, inside the transaction: now the number of new items is known. */
static void complete_state(struct store_commit *c, const struct store_commit_result *r)
{
    const struct flight *fl = c->ctx;
    struct policy_event ev = {
        .now = c->now,
        .outcome = fl->res.outcome,
        .http_status = fl->res.http_status,
        .retry_after_at = fl->res.retry_after_at,
        .fresh = fl->res.fresh,
        .hints = fl->batch || c->batch ? &fl->hints : NULL,
        .n_new = r->n_new,
    };
    struct td_fetch_note note = {
        .at = fl->started_at,
        .duration_ms = (int32_t)MIN(c->now - fl->started_at, (int64_t)INT32_MAX),
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

static void commit_start(struct flight *fl)
{
    struct app *a = fl->app;
    struct feed *f = fl->feed;
    struct store_commit *c = xcalloc(1, sizeof *c);
    c->feed_id = f->state.feed_id;
    c->now = clock_now_ms();
    c->backlog_ms = fl->conf->backlog_ms;
    td_feed_state_copy(&c->state, &f->state);
    settle_state(fl, &c->state);
    c->batch = TAKE(fl->batch);
    if (c->batch)
        fl->hints = c->batch->hints;
    c->finish = complete_state;
    c->done = on_committed;
    c->ctx = fl;
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
        app_free_flight(fl);
        feedset_release(f);
        return;
    }
    if (result < 0) {
        control_added(f, result, err, 0);
        f->flight = NULL;
        app_free_flight(fl);
        feedset_remove(a, f);
        return;
    }
    f->state.feed_id = result;
    commit_start(fl);
}

static void flight_settle(struct flight *fl)
{
    struct app *a = fl->app;
    struct feed *f = fl->feed;
    a->count.fetches[fl->res.outcome]++;
    a->count.bytes += fl->wire_bytes;
    a->count.fetch_ms += (uint64_t)MAX(clock_now_ms() - fl->started_at, 0);
    rate_add(&a->count.polls, 1);
    if (f->state.feed_id) {
        commit_start(fl);
    } else if (fl->batch) { /* `tidings add`: it is a feed, so it becomes one of ours */
        fl->phase = FLIGHT_PUT;
        store_feed_put(a->store, f->conf, on_added, fl);
    } else {
        struct td_err err = fl->res.err;
        f->flight = NULL;
        app_free_flight(fl);
        control_added(f, -ENODATA, &err, 0);
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
    return c->now > now + CLOCK_WENT_BACK_MS ? now + (s->next_due_at - c->now) : s->next_due_at;
}

static void on_committed(struct store_commit *c, const struct store_commit_result *r)
{
    struct flight *fl = c->ctx;
    struct app *a = fl->app;
    struct feed *f = fl->feed;
    a->n_committing--;
    app_look(a);
    f->flight = NULL;
    bool strayed = fl->found;
    app_free_flight(fl);
    if (f->removed) {
        feedset_release(f);
        return;
    }
    static const struct store_commit_result nothing;
    r = r ? r : &nothing;
    struct td_feed_state before = f->state;
    f->state = c->state;
    memset(&c->state, 0, sizeof c->state);
    a->n_failing += (size_t)(f->state.n_failures > 0) - (size_t)(before.n_failures > 0);
    a->count.items_new += (uint64_t)r->n_new;
    a->count.items_changed += (uint64_t)r->n_changed;
    a->count.items_backlog += (uint64_t)r->n_backlog;
    rate_add(&a->count.items, r->n_new);
    log_outcome(a, f, &before, r);
    control_added(f, 0, NULL, r->n_new);
    td_feed_state_slim(&f->state);
    td_feed_state_fini(&before);
    feedset_settle(a, f, strayed);
    if (f->scheduled) /* a feed that is gone stays parked */
        schedule_move(a->schedule, &f->node, due_after_commit(c, &f->state));
}

static void on_log_grew(void *ctx, int64_t last_seq)
{
    struct app *a = ctx;
    if (a->serve)
        serve_log_grew(a->serve, last_seq);
}

static void on_store_trouble(void *ctx, const struct td_err *err)
{
    struct app *a = ctx;
    if (err)
        log_alert(LOG_ERR, MSG_STORE_TROUBLE,
                  "store: %s; fetching pauses until it can be written again, nothing is lost",
                  err->msg);
    else
        log_alert(LOG_NOTICE, MSG_STORE_WORKS, "store: can be written again, going on");
    xreplace(&a->store_trouble, err ? err->msg : NULL);
    app_look(a);
}

/* ---- start and stop ----------------------------------------------------------------------- */

void app_ready(struct app *a)
{
    a->ready = true;
    malloc_trim(0); /* what reading the config and the store left behind */
    a->round.started_mono = clock_mono_ms();
    char status[512];
    log_alert(LOG_NOTICE, MSG_READY, "ready: %u feeds, %zu due now; API on %s, store %s",
              HASH_COUNT(a->feeds), a->round.feeds, a->settings->socket, a->settings->store);
    watch_status(a, status, sizeof status);
    service_ready(status);
    app_look(a);
}

static void on_stop(struct ev_loop *loop, ev_signal *w, int revents)
{
    log_notice("%s: stopping", w->signum == SIGTERM ? "SIGTERM" : "SIGINT");
    service_stopping();
    ev_break(loop, EVBREAK_ALL);
}

static void on_hup(struct ev_loop *loop, ev_signal *w, int revents)
{
    control_reload(w->data, NULL, NULL);
}

static void watch(struct app *a)
{
    ev_init(&a->wake, on_wake);
    ev_prepare_init(&a->before, on_before);
    ev_signal_init(&a->sig_term, on_stop, SIGTERM);
    ev_signal_init(&a->sig_int, on_stop, SIGINT);
    ev_signal_init(&a->sig_hup, on_hup, SIGHUP);
    a->wake.data = a->before.data = a->sig_hup.data = a;
    ev_prepare_start(a->loop, &a->before);
    ev_signal_start(a->loop, &a->sig_term);
    ev_signal_start(a->loop, &a->sig_int);
    ev_signal_start(a->loop, &a->sig_hup);
}

/* Called often while the store is opened: each call buys time from the service manager. */
static void on_migration(void *ctx, const char *what, double done)
{
    struct app *a = ctx;
    char status[256];
    int64_t now = clock_mono_ms();
    snprintf(status, sizeof status, "store: %s, %.0f %%", what, 100 * done);
    if (now - a->extended_at >= 1000)
        service_extend(START_EXTEND_MS, status);
    if (now - a->migration_told_at >= 5000 || !str_same(what, a->migration)) {
        log_alert(LOG_NOTICE, MSG_STORE_MIGRATING, "%s", status);
        a->migration_told_at = now;
    }
    if (now - a->extended_at >= 1000)
        a->extended_at = now;
    a->migration = what;
}

/* Builds the stages from the far end: whoever hands something on finds the next one there. */
static int build(struct app *a, struct td_err *err)
{
    const struct settings *s = a->settings;
    struct store_conf sc = {.path = s->store,
                            .progress = on_migration,
                            .progress_ctx = a,
                            .log_grew = on_log_grew,
                            .trouble = on_store_trouble,
                            .ctx = a};
    int r = store_open(&a->store, a->loop, &sc, err);
    if (r == -EPROTO || r == -EUCLEAN)
        a->failed_id = MSG_STORE_UNUSABLE;
    if (r < 0)
        return r == -EBUSY                     ? EX_TEMPFAIL
               : r == -EPROTO || r == -EUCLEAN ? EX_DATAERR
                                               : EX_CANTCREAT;
    a->quarantine = xasprintf("%s/quarantine", s->state_dir);
    struct pool_conf pc = {
        .children = s->parsers, .exe = "/proc/self/exe", .quarantine = a->quarantine};
    if (!(a->pool = pool_new(a->loop, &pc, err)))
        return EX_OSERR;
    struct fetch_conf fc = {.contact = s->contact,
                            .allow = s->allow,
                            .n_allow = s->n_allow,
                            .max_transfers = s->concurrency,
                            .per_host = s->per_host};
    if (!(a->fetcher = fetcher_new(a->loop, &fc, err)))
        return EX_OSERR;
    struct schedule_conf hc = {.per_host = s->per_host,
                               .host_spacing_ms = s->host_spacing_ms,
                               .starts_per_s = s->starts_per_s};
    a->schedule = schedule_new(&hc);
    int inherited = service_take_socket("api");
    struct serve_conf vc = {
        .socket = s->socket, .inherited = MAX(inherited, 0), .ops = &control_ops, .app = a};
    if (serve_new(&a->serve, a->loop, a->store, &vc, err) < 0)
        return EX_CANTCREAT;
    if (service_close_rest() > 0)
        log_warning("inherited sockets other than 'api' are not used (FileDescriptorName=api)");
    watch_start(a);
    return feedset_load(a, err) < 0 ? EX_DATAERR : EX_OK;
}

/* From the near end: nothing new starts, what is queued for the writer is written. A transfer or a
 * parse under way is dropped: its feed keeps its old validators and due time, so the next start
 * asks again. */
static void take_down(struct app *a)
{
    control_end_reload(a);
    watch_stop(a);
    serve_free(a->serve);
    fetcher_free(a->fetcher);
    pool_free(a->pool);
    if (a->store)
        store_close(a->store, 3000);
    feedset_free(a);
    schedule_free(a->schedule);
    settings_free(a->settings);
    free(a->quarantine);
    free(a->store_trouble);
    ev_prepare_stop(a->loop, &a->before);
    ev_timer_stop(a->loop, &a->wake);
    ev_signal_stop(a->loop, &a->sig_term);
    ev_signal_stop(a->loop, &a->sig_int);
    ev_signal_stop(a->loop, &a->sig_hup);
}

static int load_settings(struct app *a)
{
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 20);
    int r = settings_load(a->options->config, &a->settings, &problems);
    if (r == 0)
        return EX_OK;
    char *save = NULL;
    for (char *p = strtok_r(problems.data, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
        log_error("%s", p);
    log_alert(LOG_ERR, MSG_CONFIG_REFUSED, "%s: not usable; nothing was started",
              a->options->config);
    return EX_CONFIG;
}

int app_run(const struct app_options *o)
{
    struct app a = {.options = o, .loop = ev_default_loop(0), .started_at = clock_now_ms()};
    struct td_err err = {""};
    int code = load_settings(&a);
    if (code != EX_OK)
        return code;
    log_set_level(o->log_level >= 0 ? o->log_level : a.settings->log_level);
    signal(SIGPIPE, SIG_IGN);
    log_notice("tidingsd " TIDINGS_VERSION " with %s: %zu feeds configured", o->config,
               a.settings->n_feeds);
    watch(&a);
    code = build(&a, &err);
    if (code == EX_OK)
        ev_run(a.loop, 0);
    else
        log_alert(LOG_ERR, a.failed_id, "%s", err.msg);
    take_down(&a);
    log_alert(LOG_NOTICE, MSG_STOPPED, "stopped");
    return code;
}
