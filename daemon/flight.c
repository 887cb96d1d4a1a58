/*
 * flight.c - the way of one fetch: a feed is due, is asked, and its document is read.
 *
 * Read it downwards: each step ends by handing the flight to the next stage, whose callback is the
 * next function; settle.c goes on when everything is known. Limits hold backwards: no transfer
 * starts while the parser pool or the writer is full.
 */
#include "app_private.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void flight_free(struct flight *fl)
{
    if (!fl)
        return;
    free(fl->url);
    free(fl->home);
    free(fl->moved_to);
    free(fl->found);
    permit_drop(fl);
    td_result_fini(&fl->res);
    td_batch_free(fl->batch);
    td_feed_conf_free(fl->conf);
    free(fl);
}

/* *FL becomes NULL. */
static void drop(struct flight **at)
{
    struct flight *fl = TAKE(*at);
    struct app *a = fl->app;
    if (fl->phase == FLIGHT_TRANSFER) {
        fetch_cancel(fl->fetch);
        slots_give(fl);
    } else if (fl->phase == FLIGHT_PARSE) {
        pool_cancel(fl->job);
        a->n_parsing--;
    }
    flight_free(fl);
    app_look(a);
}

void flight_drop(struct feed *f)
{
    if (f->flight)
        drop(&f->flight);
}

void flight_drop_pushed(struct feed *f)
{
    if (f->pushed && f->pushed->phase != FLIGHT_COMMIT)
        drop(&f->pushed);
}

/* ---- 1. a feed is due: start a transfer --------------------------------------------------- */

static void on_fetched(void *ctx, struct td_result *result);
static void ended(struct flight *fl, int64_t now);

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

static void transfer_start(struct flight *fl, int64_t now)
{
    struct feed *f = fl->feed;
    if (!permit_look(fl, now)) {
        ended(fl, now);
        return;
    }
    bool conditional = !fl->found && all_have(f); /* validators are not those of a page */
    fl->rq = (struct td_request){
        .source = fl->conf->source,
        .url = fl->url,
        .argv = fl->conf->argv,
        .etag = conditional ? f->state.val.etag : NULL,
        .last_modified = conditional ? f->state.val.last_modified : NULL,
        .timeout_ms = fl->conf->timeout_ms,
        .max_body_bytes = fl->conf->max_body_bytes,
        .access = fl->conf->access,
        .access_url = fl->home,
        .allow = fl->conf->access ? fl->conf->access->allow : NULL,
        .n_allow = fl->conf->access ? fl->conf->access->n_allow : 0,
        .record = f->is_errand ? errand_record(f) : NULL,
        .admit = pacing_admit,
        .admit_ctx = fl,
        .standing = schedule_standing(&f->node),
        .shares_host = schedule_shares_host(&f->node),
    };
    if (fl->robots)
        permit_request(fl);
    fl->phase = FLIGHT_TRANSFER;
    slots_take(fl);
    fl->fetch = fetch_start(fl->app->fetcher, &fl->rq, on_fetched, fl);
}

struct flight *flight_new(struct app *a, struct feed *f, int64_t now)
{
    struct flight *fl = xcalloc(1, sizeof *fl);
    fl->app = a;
    fl->feed = f;
    fl->conf = td_feed_conf_share(f->conf);
    fl->url = strict_feed_url(a, f);
    fl->home = fl->conf->access ? strict_url(a, fl->conf->url) : NULL;
    if (!str_eq(fl->url, move_url(&f->state, f->conf))) /* as if it had sent us there for now */
        fl->chain = (struct redirect_chain){.hops = 1};
    fl->res.retry_after_at = TD_NEVER;
    fl->started_at = now;
    return fl;
}

int flight_paused(const struct app *a, struct td_err *err)
{
    if (a->store_trouble)
        return td_err(err, -EAGAIN, "the store cannot be written: %s", a->store_trouble);
    if (pool_trouble(a->pool) && !pool_has_room(a->pool))
        return td_err(err, -EAGAIN, "%s", pool_trouble(a->pool));
    return 0;
}

static bool may_start(struct app *a)
{
    return a->ready && !a->store_trouble && slots_free(a) && pool_has_room(a->pool) &&
           store_has_room(a->store);
}

/* Its place is one among those who ask over http, and it has been told to ask over https since:
 * then it takes one there (feedset_settle makes that its home). */
static bool goes_over_https(struct feed *f)
{
    char host[300];
    struct flight *fl = f->flight;
    if (!f->asked_url || !str_casestarts(f->asked_url, "http://") ||
        !str_casestarts(fl->url, "https://") || schedule_host_key(fl->url, host, sizeof host) < 0)
        return false;
    fl->phase = FLIGHT_HOP;
    schedule_hop(fl->app->schedule, &f->node, host, fl->started_at);
    return true;
}

/* F holds a place at its host, or at that of a redirect. */
static void start_feed(struct app *a, struct feed *f, int64_t now)
{
    if (f->flight && f->flight->phase != FLIGHT_HOP) { /* a reload while its last one is stored */
        schedule_done(a->schedule, &f->node, now, TD_NEVER);
        return;
    }
    if (!f->flight) {
        f->flight = flight_new(a, f, now);
        if (goes_over_https(f))
            return;
    }
    transfer_start(f->flight, now);
}

static void start_feeds(struct app *a)
{
    int64_t now = clock_now_ms(), wake_at = TD_NEVER;
    while (may_start(a)) {
        schedule_crowd(a->schedule, slots_crowded(a));
        struct sched_node *n = schedule_next(a->schedule, now, &wake_at);
        if (!n)
            break;
        if (n->kind == NODE_HUB)
            push_start(a, n);
        else
            start_feed(a, CONTAINER_OF(n, struct feed, node), now);
    }
    ev_timer_stop(a->loop, &a->wake);
    /* A transfer that takes long gives its place away. */
    int64_t slot_at = !slots_free(a) || slots_crowded(a) ? now + slots_wait_ms(a) : now;
    if (slot_at > now)
        wake_at = wake_at == TD_NEVER ? slot_at : MIN(wake_at, slot_at);
    if (wake_at == TD_NEVER)
        return;
    double in_s = MAX((double)(wake_at - now) / 1000.0, 0.001);
    ev_timer_set(&a->wake, MIN(in_s, (double)LIMIT_CLOCK_LOOK_S), 0.);
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

void flight_watch(struct app *a)
{
    ev_init(&a->wake, on_wake);
    ev_prepare_init(&a->before, on_before);
    a->wake.data = a->before.data = a;
    ev_prepare_start(a->loop, &a->before);
}

void flight_unwatch(struct app *a)
{
    ev_prepare_stop(a->loop, &a->before);
    ev_timer_stop(a->loop, &a->wake);
}

/* ---- 2. an answer: follow it, parse it, or settle ----------------------------------------- */

/* Queues the next hop at its host. False: the redirect is refused and RES says why. */
static bool follow(struct flight *fl, struct td_result *res, int64_t now)
{
    char host[300];
    struct td_err err;
    char *to = strict_url(fl->app, res->redirect_to);
    free(res->redirect_to);
    res->redirect_to = to;
    int r = outcome_redirect(&fl->chain, fl->url, res->redirect_to, res->redirect_permanent, &err);
    if (r < 0)
        td_result_say(res, "%s", err.msg);
    else
        r = schedule_host_key(res->redirect_to, host, sizeof host);
    if (r < 0) {
        res->outcome = TD_OUT_REDIRECT;
        return false;
    }
    free(fl->url);
    fl->url = TAKE(res->redirect_to);
    fl->permitted = false;
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
    return !fl->found && !fl->pushed && fl->conf->source == TD_SOURCE_HTTP &&
           (!s->imported || s->url_found) && !s->url;
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
        .urgent = fl->feed->is_errand || fl->feed->adding,
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
        struct flight *own = f->flight = flight_new(fl->app, f, now);
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
        res->error = copy(from->error);
        res->wire_bytes = 0;
        if (res->outcome == TD_OUT_OK)
            parse_start(own);
        else
            flight_settle(own);
    }
}

/* Nothing more is asked: fl->res is what there is. */
static void ended(struct flight *fl, int64_t now)
{
    /* Parked until the commit says when. */
    schedule_done(fl->app->schedule, &fl->feed->node, now, TD_NEVER);
    share(fl, now);
    if (fl->res.outcome ==
        TD_OUT_OK) /* of an answer that was cut nothing is used: it comes again */
        parse_start(fl);
    else
        flight_settle(fl);
}

/* A robots.txt, asked for as if it were a hop before the feed. */
static void on_robots(struct flight *fl, struct td_result *result, int64_t now)
{
    char host[300];
    const char *next = permit_answered(fl, result, now);
    if (!next || schedule_host_key(next, host, sizeof host) < 0) {
        ended(fl, now);
        return;
    }
    fl->phase = FLIGHT_HOP;
    schedule_hop(fl->app->schedule, &fl->feed->node, host, now);
}

static void on_fetched(void *ctx, struct td_result *result)
{
    struct flight *fl = ctx;
    struct app *a = fl->app;
    int64_t now = clock_now_ms();
    fl->fetch = NULL;
    fl->wire_bytes += result->wire_bytes;
    slots_give(fl);
    app_look(a);
    if (result->outcome == TD_OUT_NONE) {
        td_result_fini(result);
        pacing_wait(fl);
        return;
    }
    pacing_answered(a, &fl->feed->node, result, now);
    strict_learn(a, fl->rq.url, &result->sts);
    if (fl->robots) {
        on_robots(fl, result, now);
        return;
    }
    if (result->redirect_to && follow(fl, result, now))
        return;
    fl->res = *result;
    ended(fl, now);
}

void flight_pushed(struct app *a, struct feed *f, struct buf *body, const char *type, uint64_t call)
{
    struct flight *fl = f->pushed = flight_new(a, f, clock_now_ms());
    fl->pushed = true;
    fl->call = call;
    fl->wire_bytes = body->len;
    fl->res.outcome = TD_OUT_OK;
    fl->res.body = *body;
    *body = BUF_INIT(0);
    fl->res.content_type = xstrdup_or_null(type);
    parse_start(fl);
}

/* ---- 3. a document: what was in it -------------------------------------------------------- */

static bool is_other(const struct feed *f, const void *ctx)
{
    return f != ctx;
}

bool flight_is_known(struct flight *fl, const char *url)
{
    struct feed *f = fl->feed;
    struct feed *other = f->adding && url ? feedset_at(fl->app, url, is_other, f) : NULL;
    if (!other)
        return false;
    struct td_err err;
    CLEANUP_FREE char *shown = td_url_public(url);
    td_err(&err, 0, "%s leads to %s, which is subscribed to already, as feed %s", f->conf->url,
           shown, other->conf->name);
    control_added(f, -EEXIST, &err, 0);
    return true;
}

/* A page that names its feed: the flight goes on to that address, and so does the feed if one is
 * read there. A feed of `tidings add` is not yet in the store and takes it for its own. */
static bool follow_discovered(struct flight *fl, const char *const *links)
{
    struct feed *f = fl->feed;
    char host[300];
    if (!may_be_page(fl) || f->leader || !links || !links[0])
        return false;
    CLEANUP_FREE char *url = xstrndup(links[0], strcspn(links[0], "\t"));
    CLEANUP_FREE char *ask = strict_url(fl->app, url);
    if (schedule_host_key(ask, host, sizeof host) < 0)
        return false;
    if (str_eq(url, fl->url) || flight_is_known(fl, url))
        return false;
    if (f->adding) /* nobody but FL shares it, and its commit is still to come */
        xreplace(&f->conf->url, url);
    xreplace(&fl->found, url);
    xreplace(&fl->url, ask);
    fl->permitted = false;
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
            td_result_say(&fl->res, "the document ends in the middle; its items were used");
        }
        break;
    case POOL_NOT_A_FEED:
        if (follow_discovered(fl, (const char *const *)answer->links))
            return;
        if (fl->res.outcome == TD_OUT_OK) {
            fl->res.outcome = TD_OUT_NOT_A_FEED;
            td_result_say(&fl->res, "%s", answer->err.msg);
        }
        break;
    case POOL_TOO_LARGE:
        fl->res.outcome = TD_OUT_TOO_LARGE;
        td_result_say(&fl->res, "%s", answer->err.msg);
        break;
    case POOL_DIED:
        fl->res.outcome = TD_OUT_PARSER;
        td_result_say(&fl->res, "%s", answer->err.msg);
        break;
    }
    flight_settle(fl);
}
