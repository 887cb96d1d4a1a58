/*
 * push.c - joins the rules of a WebSub subscriber (fetch/websub.h) to the daemon: the schedule says
 * when a hub may be asked, fetch/ asks it, the store keeps what is known. push_hear.c is what comes
 * back.
 *
 * Each feed that names a hub has a struct push. When its hub is to be asked it is a node of the
 * schedule at the hub's host: so requests to hubs wait in the hosts' queues like all others.
 */
#include "push_private.h"

#include <string.h>

#include <utlist.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve/callback.h"
#include "serve/service.h"

#define MIN_WAIT_MS   ((int64_t)10)    /* a clock that runs a little slow makes no busy loop */
#define LOOK_MS       (3600 * 1000LL)  /* look at the wall clock this often: it may jump */
#define FETCH_WAIT_MS (10 * 60 * 1000) /* a renewal waits so long for the fetch it begins with */

static const char *const form_headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};

/* ---- bookkeeping ---------------------------------------------------------------------------- */

static void set_key(struct push *p, int i, const char *key)
{
    struct pushing *g = p->app->pushing;
    struct push_key *k = p->keys[i];
    if (str_same(k ? k->key : NULL, key))
        return;
    if (k)
        HASH_DEL(g->keys, k);
    free(k);
    p->keys[i] = NULL;
    if (!key)
        return;
    k = xcalloc(1, sizeof *k);
    k->push = p;
    memcpy(k->key, key, TD_PUSH_KEY_BYTES);
    HASH_ADD_STR(g->keys, key, k);
    p->keys[i] = k;
}

void push_set_keys(struct push *p)
{
    /* One key moves from member to member: first out, then in. */
    const char *keys[] = {p->st.live.key, p->st.asked.key, p->st.left.key};
    for (int i = 0; i < 3; i++)
        if (p->keys[i] && !str_same(p->keys[i]->key, keys[i]))
            set_key(p, i, NULL);
    for (int i = 0; i < 3; i++)
        set_key(p, i, keys[i]);
}

static void save(struct push *p)
{
    CLEANUP_BUF struct buf text = BUF_INIT(TEXT_BYTES);
    td_push_write(&p->st, &text);
    uint64_t hash = crypto_hash64(buf_str(&text), text.len);
    if (hash == p->saved || !p->feed || !p->feed->state.feed_id)
        return;
    p->saved = hash;
    store_feed_push(p->app->store, p->feed->state.feed_id, text.len ? text.data : NULL);
}

int64_t push_relied_until(const struct feed *f, int64_t now)
{
    return f->push ? websub_relied_until(&f->push->st, now) : TD_NEVER;
}

/* The hub cannot be relied on any more: back to the rhythm of polls at once. */
static void set_rhythm(struct push *p)
{
    struct feed *f = p->feed;
    if (!f || f->state.pushed_until == TD_NEVER || push_relied_until(f, clock_now_ms()) != TD_NEVER)
        return;
    f->state.pushed_until = TD_NEVER;
    if (f->flight) /* it plans anew when it ends */
        return;
    policy_replan(&f->state, f->conf);
    td_feed_state_slim(&f->state);
    if (f->scheduled && !f->state.gone)
        schedule_move(p->app->schedule, &f->node, f->state.next_due_at);
    app_look(p->app);
}

void push_tell(struct push *p, enum websub_change change)
{
    const char *name = p->feed ? p->feed->conf->name : NULL;
    if (!name || change == WEBSUB_SAME)
        return;
    char wait[32];
    const struct td_push *st = &p->st;
    CLEANUP_FREE char *first = st->hubs ? xstrndup(st->hubs, strcspn(st->hubs, "\n")) : NULL;
    CLEANUP_FREE char *hub = td_url_public(st->live.key ? st->live.hub : first ? first : "");
    struct log_fields lf = {.feed = name, .url = hub};
    switch (change) {
    case WEBSUB_NOW_LIVE:
        log_event(LOG_NOTICE, &lf, "feed %s: is told by %s what is new; renewed in %s", name, hub,
                  str_duration(wait, sizeof wait, st->renew_at - clock_now_ms()));
        break;
    case WEBSUB_REFUSED:
    case WEBSUB_DENIED:
        log_event(LOG_WARNING, &lf, "feed %s: no push from %s: %s; polled meanwhile", name, hub,
                  st->error);
        break;
    case WEBSUB_LAPSED:
        log_event(LOG_WARNING, &lf,
                  "feed %s: the subscription at %s has ended: %s; polled meanwhile", name, hub,
                  st->error ? st->error : "it was not renewed in time");
        break;
    case WEBSUB_DISTRUSTED:
        log_event(
            LOG_WARNING, &lf,
            "feed %s: %s did not tell what was new, %d times; polled, the hub is left alone for "
            "%s",
            name, hub, LIMIT_PUSH_MISSES, str_duration(wait, sizeof wait, LIMIT_DISTRUST_MS));
        break;
    case WEBSUB_LEFT:
        log_event(LOG_NOTICE, &lf, "feed %s: its subscription at a hub is given up", name);
        break;
    case WEBSUB_SAME:
        break;
    }
}

void push_changed(struct push *p, enum websub_change change)
{
    push_set_keys(p);
    save(p);
    push_tell(p, change);
    set_rhythm(p);
    push_plan(p);
}

/* ---- its life ------------------------------------------------------------------------------- */

static void on_alarm(struct ev_loop *loop, ev_timer *w, int revents);

struct push *push_new(struct app *a, struct feed *f)
{
    struct push *p = xcalloc(1, sizeof *p);
    p->app = a;
    p->feed = f;
    p->fetch_until = TD_NEVER;
    p->node.kind = NODE_HUB;
    ev_init(&p->alarm, on_alarm);
    p->alarm.data = p;
    td_push_init(&p->st);
    DL_APPEND(a->pushing->all, p);
    if (f)
        f->push = p;
    return p;
}

void push_drop_waiting(struct push *p)
{
    for (struct waiting *w; (w = p->waiting);) {
        p->waiting = w->next;
        p->app->pushing->waiting_bytes -= w->body.len;
        buf_free(&w->body);
        free(w->type);
        free(w);
    }
}

void push_leave_schedule(struct push *p)
{
    ev_timer_stop(p->app->loop, &p->alarm);
    if (p->host)
        schedule_remove(p->app->schedule, &p->node);
    xreplace(&p->host, NULL);
}

void push_end_request(struct push *p)
{
    if (p->fetch) {
        fetch_cancel(p->fetch);
        p->app->n_transfers--;
    }
    p->fetch = NULL;
    p->hopping = false;
    xreplace(&p->url, NULL);
    xreplace(&p->home, NULL);
    xreplace(&p->form, NULL);
}

static void free_push(struct push *p)
{
    if (p->feed)
        p->feed->push = NULL;
    push_end_request(p);
    push_leave_schedule(p);
    push_drop_waiting(p);
    for (int i = 0; i < 3; i++)
        set_key(p, i, NULL);
    DL_DELETE(p->app->pushing->all, p);
    td_push_fini(&p->st);
    td_feed_conf_free(p->conf);
    free(p);
}

/* Is the feed to be subscribed to? The callback address, or NULL. */
static const char *wanted(const struct push *p)
{
    const struct feed *f = p->feed;
    bool yes = f && f->conf->enabled && !f->conf->no_push && !f->state.gone && !f->leader &&
               f->conf->source == TD_SOURCE_HTTP && f->state.feed_id && p->app->pushing->callback;
    return yes ? p->app->settings->websub_callback : NULL;
}

/* ---- what is to be done, and when ----------------------------------------------------------- */

/* Where the hub is asked whose turn it is: a host that wants https only gets that (RFC 6797 8.3).
 */
static char *next_hub(const struct push *p, enum websub_action action)
{
    const struct td_push *st = &p->st;
    bool leaves = action == WEBSUB_UNSUBSCRIBE || !st->hubs;
    CLEANUP_FREE char *hub = leaves ? xstrdup_or_null(st->left.hub) : websub_hub(st);
    return hub ? strict_url(p->app, hub) : NULL;
}

static void on_alarm(struct ev_loop *loop, ev_timer *w, int revents)
{
    push_plan(w->data);
}

/* Nothing to ask: out of the schedule until AT, and the wall clock is looked at meanwhile, for it
 * may jump. */
static void wait_until(struct push *p, int64_t now, int64_t at)
{
    push_leave_schedule(p);
    if (at == TD_NEVER)
        return;
    int64_t in_ms = MAX(at - now, MIN_WAIT_MS);
    in_ms = MIN(in_ms, LOOK_MS);
    ev_timer_set(&p->alarm, (double)in_ms / 1000, 0.);
    ev_timer_start(p->app->loop, &p->alarm);
}

/* Into the queue of HUB's host. */
static void wait_for(struct push *p, const char *hub)
{
    char host[300];
    if (!hub || schedule_host_key(hub, host, sizeof host) < 0)
        host[0] = 0; /* fetch/ will say what is wrong with it */
    if (str_same(p->host, host))
        return;
    push_leave_schedule(p);
    p->host = xstrdup(host);
    schedule_add(p->app->schedule, &p->node, *host ? host : NULL, clock_now_ms());
    if (!schedule_shares_host(&p->node)) /* a stranger: until it answers, feeds go first */
        schedule_doubt(p->app->schedule, &p->node);
    app_look(p->app);
}

/* How long a renewal waits for its fetch. */
static int64_t fetch_wait(const struct push *p, int64_t now)
{
    int64_t left = (p->st.lease_until - now) / 2;
    return MIN(left, (int64_t)FETCH_WAIT_MS);
}

/* A renewal begins with a fetch, unless the last one was so lately that none is allowed yet. */
static bool has_fetched(struct push *p, int64_t now)
{
    struct feed *f = p->feed;
    int64_t at = policy_refresh_at(&f->state, f->conf, now);
    if (p->fetched || (at > now && f->state.last_fetch_at <= now) ||
        (p->fetch_until != TD_NEVER && now >= p->fetch_until))
        return true;
    if (p->fetch_until == TD_NEVER || p->fetch_until > now + FETCH_WAIT_MS)
        p->fetch_until = now + fetch_wait(p, now);
    if (f->scheduled && !f->flight && f->node.due_at > at) {
        schedule_move(p->app->schedule, &f->node, at);
        app_look(p->app);
    }
    return false;
}

static enum websub_action next(struct push *p, int64_t now, int64_t *ret_at)
{
    enum websub_change change;
    enum websub_action action = websub_next(&p->st, wanted(p), p->fetched, now, ret_at, &change);
    if (action == WEBSUB_FETCH && has_fetched(p, now)) {
        p->fetched = true;
        action = WEBSUB_SUBSCRIBE;
    }
    push_set_keys(p);
    save(p);
    push_tell(p, change);
    set_rhythm(p);
    return action;
}

/* Puts P where it belongs in the schedule; frees it when there is nothing more to do for a feed
 * that is gone. */
void push_plan(struct push *p)
{
    int64_t now = clock_now_ms(), at;
    if (p->fetch || p->hopping)
        return;
    enum websub_action action = next(p, now, &at);
    if (!p->feed && !p->st.left.key) {
        free_push(p);
        return;
    }
    CLEANUP_FREE char *hub = next_hub(p, action);
    if (action == WEBSUB_FETCH)
        wait_until(p, now, p->fetch_until);
    else if (action == WEBSUB_WAIT)
        wait_until(p, now, at);
    else
        wait_for(p, hub);
}

/* ---- asking a hub --------------------------------------------------------------------------- */

static void on_answer(void *ctx, struct td_result *result);

static void send_request(struct push *p)
{
    p->hopping = false;
    p->rq = (struct td_request){
        .source = TD_SOURCE_HTTP,
        .url = p->url,
        .access = p->conf ? p->conf->access : NULL,
        .access_url = p->home,
        .standing = schedule_standing(&p->node),
        .timeout_ms = LIMIT_HUB_MS,
        .max_body_bytes = LIMIT_ERROR_BODY_BYTES,
        .post = p->form,
        .post_bytes = strlen(p->form),
        .headers = form_headers,
    };
    p->app->n_transfers++;
    p->fetch = fetch_start(p->app->fetcher, &p->rq, on_answer, p);
}

void push_keep_conf(struct push *p, struct td_feed_conf *conf)
{
    td_feed_conf_free(p->conf);
    p->conf = td_feed_conf_share(conf);
}

static bool is_proxied(const struct push *p)
{
    return p->conf && p->conf->access && !str_empty(p->conf->access->proxy);
}

void push_start(struct app *a, struct sched_node *n)
{
    struct push *p = CONTAINER_OF(n, struct push, node);
    int64_t now = clock_now_ms(), at;
    if (p->hopping) {
        send_request(p);
        return;
    }
    enum websub_action action = next(p, now, &at);
    CLEANUP_FREE char *hub = next_hub(p, action);
    char host[300] = "";
    bool here = hub && (schedule_host_key(hub, host, sizeof host) < 0 || str_eq(host, p->host));
    p->subscribing = action == WEBSUB_SUBSCRIBE;
    if (p->feed)
        push_keep_conf(p, p->feed->conf);
    if (!here || (!p->subscribing && action != WEBSUB_UNSUBSCRIBE)) {
        push_leave_schedule(p);
        push_plan(p);
        return;
    }
    if (p->subscribing) {
        unsigned char random[WEBSUB_RANDOM_BYTES];
        crypto_random(random, sizeof random);
        websub_ask(&p->st, hub, is_proxied(p), wanted(p), random, now);
        push_set_keys(p); /* the hub may ask back before it answers */
        save(p);
    }
    p->url = TAKE(hub);
    p->home = p->conf ? strict_url(a, p->conf->url) : NULL;
    p->form = websub_form(&p->st, p->subscribing);
    p->chain = (struct redirect_chain){0};
    p->fetched = false;
    p->fetch_until = TD_NEVER;
    send_request(p);
}

/* Queues the same request at the host it was redirected to. False: RESULT says why not. */
static bool follow(struct push *p, struct td_result *result, int64_t now)
{
    char host[300];
    struct td_err err;
    CLEANUP_FREE char *to = strict_url(p->app, result->redirect_to);
    int r = outcome_redirect(&p->chain, p->url, to, false, &err);
    if (r < 0)
        td_result_say(result, "%s", err.msg);
    else
        r = schedule_host_key(to, host, sizeof host);
    if (r < 0 || (p->subscribing && !websub_redirected(&p->st, to, is_proxied(p))))
        return false;
    if (p->subscribing) {
        save(p);
        free(p->form);
        p->form = websub_form(&p->st, true);
    }
    free(p->url);
    p->url = TAKE(to);
    p->hopping = true;
    schedule_hop(p->app->schedule, &p->node, host, now);
    app_look(p->app);
    return true;
}

static void on_answer(void *ctx, struct td_result *result)
{
    struct push *p = ctx;
    struct app *a = p->app;
    int64_t now = clock_now_ms();
    int status = result->http_status;
    p->fetch = NULL;
    a->n_transfers--;
    app_look(a);
    pacing_answered(a, &p->node, result, now);
    strict_learn(a, p->url, &result->sts);
    if (result->redirect_to && follow(p, result, now)) {
        td_result_fini(result);
        return;
    }
    push_leave_schedule(p);
    struct td_err err = td_result_err(result);
    enum websub_change change = websub_answered(&p->st, p->subscribing,
                                                result->outcome == TD_OUT_OK, status,
                                                result->retry_after_at, &err, now);
    push_end_request(p);
    td_result_fini(result);
    push_changed(p, change);
}

/* ---- all of them ---------------------------------------------------------------------------- */

void push_init(struct app *a)
{
    a->pushing = xcalloc(1, sizeof *a->pushing);
    a->pushing->inherited = service_take_socket("websub");
    if (a->pushing->inherited >= 0 && !a->settings->websub_callback)
        log_warning("the socket 'websub' is not used: websub-callback is not set");
}

void push_free(struct app *a)
{
    struct pushing *g = a->pushing;
    if (!g)
        return;
    callback_free(g->callback);
    mem_close_p(&g->inherited);
    while (g->all) {
        websub_rests(&g->all->st, clock_now_ms());
        save(g->all);
        free_push(g->all);
    }
    free(g->listening);
    free(g);
    a->pushing = NULL;
}

void push_count(const struct app *a, struct push_counts *ret)
{
    *ret = a->pushing->count;
    for (const struct push *p = a->pushing->all; p; p = p->next) {
        ret->live += p->st.live.key != NULL;
        ret->asked += p->st.asked.key && !p->st.live.key;
    }
}
