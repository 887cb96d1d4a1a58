/*
 * control.c - what users ask of the running daemon: reload, add, remove, refresh.
 */
#include "app_private.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message_ids.h"
#include "base/str.h"
#include "serve/service.h"

/* ---- reload: the file is read beside the loop, applied on it, whole or not at all --------------
 */

struct reload {
    struct app *app;
    pthread_t thread;
    ev_async ended;
    struct settings *new;
    struct buf problems;
    int result;
    serve_answer_fn *done;
    void *ctx;
};

static void *load_thread(void *arg)
{
    struct reload *r = arg;
    r->result = settings_load(r->app->options->config, &r->new, &r->problems);
    ev_async_send(r->app->loop, &r->ended);
    return NULL;
}

static void configure_stages(struct app *a)
{
    struct fetch_conf fc = app_fetch_conf(a->settings);
    struct schedule_conf hc = app_schedule_conf(a);
    fetcher_configure(a->fetcher, &fc);
    listen_configure(a);
    deliver_configure(a);
    hub_configure(a);
    schedule_configure(a->schedule, &hc);
    store_set_story_rules(a->store, &a->settings->stories);
    if (a->options->log_level < 0)
        log_set_level(a->settings->log_level);
    struct td_err err;
    if (push_listen(a, &err) < 0)
        log_error("reload: %s; no hub can reach us", err.msg);
    push_look_all(a);
}

static void apply(struct reload *r, struct buf *json)
{
    struct app *a = r->app;
    struct settings_diff d = {0};
    settings_diff(a->settings, r->new, &d);
    struct jw w = {.b = json};
    jw_begin_object(&w, NULL);
    jw_int(&w, "added", (int64_t)d.n_added);
    jw_int(&w, "changed", (int64_t)d.n_changed);
    jw_int(&w, "removed", (int64_t)d.n_removed);
    jw_str(&w, "restart_needed", d.restart_needed ? d.restart_why : NULL);
    jw_end_object(&w);
    log_alert(LOG_NOTICE, MSG_RELOADED, "reload: %zu feed%s added, %zu changed, %zu removed",
              d.n_added, d.n_added == 1 ? "" : "s", d.n_changed, d.n_removed);
    if (d.restart_needed)
        log_warning("reload: %s: takes effect at the next start", d.restart_why);
    feedload_apply(a, TAKE(r->new), &d);
    settings_diff_fini(&d);
    configure_stages(a);
}

static void refuse(struct reload *r, struct buf *json)
{
    struct jw w = {.b = json};
    struct td_err err;
    size_t n = 0;
    char *save = NULL;
    jw_begin_object(&w, NULL);
    jw_begin_array(&w, "problems");
    for (char *p = strtok_r(r->problems.data, "\n", &save); p;
         p = strtok_r(NULL, "\n", &save), n++) {
        log_error("reload: %s", p);
        jw_str(&w, NULL, p);
    }
    jw_end_array(&w);
    jw_end_object(&w);
    td_err(&err, 0, "%s has %zu problem%s; the running config stays", r->app->options->config, n,
           n == 1 ? "" : "s");
    log_alert(LOG_ERR, MSG_RELOAD_REFUSED, "reload: %s", err.msg);
    if (r->done)
        r->done(r->ctx, -EINVAL, &err, json->data);
}

static void reload_free(struct reload *r)
{
    ev_async_stop(r->app->loop, &r->ended);
    settings_free(r->new);
    buf_free(&r->problems);
    r->app->reload = NULL;
    free(r);
}

static void on_loaded(struct ev_loop *loop, ev_async *w, int revents)
{
    struct reload *r = w->data;
    pthread_join(r->thread, NULL);
    CLEANUP_BUF struct buf json = BUF_INIT(4 << 20);
    if (r->result < 0) {
        refuse(r, &json);
    } else {
        apply(r, &json);
        if (r->done)
            r->done(r->ctx, 0, NULL, json.data);
    }
    reload_free(r);
    service_ready(NULL);
}

void control_reload(struct app *a, serve_answer_fn *done, void *ctx)
{
    struct td_err err;
    if (a->reload || !a->ready) {
        td_err(&err, 0,
               a->reload ? "a reload is under way already" : "the daemon is still starting");
        if (done)
            done(ctx, -EBUSY, &err, NULL);
        else
            log_warning("reload: %s", err.msg);
        return;
    }
    struct reload *r = xcalloc(1, sizeof *r);
    *r = (struct reload){.app = a, .done = done, .ctx = ctx, .problems = BUF_INIT(1 << 20)};
    ev_async_init(&r->ended, on_loaded);
    r->ended.data = r;
    ev_async_start(a->loop, &r->ended);
    a->reload = r;
    service_reloading();
    if (pthread_create(&r->thread, NULL, load_thread, r) != 0)
        abort(); /* no thread can be made: a broken environment */
}

void control_end_reload(struct app *a)
{
    if (!a->reload)
        return;
    pthread_join(a->reload->thread, NULL);
    reload_free(a->reload);
}

/* ---- add, remove, refresh ------------------------------------------------------------------ */

void control_added(struct feed *f, int result, const struct td_err *err, int n_items)
{
    struct adding *ad = TAKE(f->adding);
    if (!ad)
        return;
    CLEANUP_BUF struct buf json = BUF_INIT(1 << 20);
    struct jw w = {.b = &json};
    jw_begin_object(&w, NULL);
    jw_int(&w, "feed_id", f->state.feed_id);
    jw_str(&w, "name", f->conf->name);
    jw_str(&w, "url", f->conf->url);
    jw_str(&w, "title", f->conf->title ? f->conf->title : f->state.title);
    jw_int(&w, "items", n_items);
    jw_str(&w, "error", f->state.error);
    jw_end_object(&w);
    ad->done(ad->ctx, result, err, result < 0 ? NULL : json.data);
    free(ad);
}

/* NAME, or the first NAME-2, NAME-3 ... that no feed has. */
static void make_unique(struct app *a, struct td_feed_conf *conf)
{
    CLEANUP_FREE char *base = xstrdup(conf->name);
    for (int i = 2; feedset_by_name(a, conf->name); i++) {
        free(conf->name);
        conf->name = xasprintf("%.*s-%d", LIMIT_NAME_BYTES - 12, base, i);
    }
}

static void op_add(void *app, const struct serve_add *add, serve_answer_fn *done, void *ctx)
{
    struct app *a = app;
    struct td_err err;
    int paused = flight_paused(a, &err);
    if (paused < 0) {
        done(ctx, paused, &err, NULL);
        return;
    }
    struct td_feed_conf *conf = settings_api_feed(a->settings, add->url, add->name, add->title,
                                                  add->tags, &err);
    if (!conf) {
        done(ctx, -EINVAL, &err, NULL);
        return;
    }
    if (td_access_is_bound(conf->access)) {
        td_err(&err, 0,
               "an address with a user name; allowed: without, or as url, user and password of a "
               "[feed] in %s, because the store holds no secrets",
               a->options->config);
        td_feed_conf_free(conf);
        done(ctx, -EINVAL, &err, NULL);
        return;
    }
    CLEANUP_FREE char *asked = strict_url(a, conf->url);
    struct feed *have = feedset_at(a, conf->url, NULL, NULL);
    if (!have && !str_eq(asked, conf->url))
        have = feedset_at(a, asked, NULL, NULL);
    if (have)
        td_err(&err, 0, "%s is subscribed to already, as feed %s", conf->url, have->conf->name);
    else if (add->name && (have = feedset_by_name(a, add->name)))
        td_err(&err, 0, "a feed named %s exists already (%s)", add->name, have->conf->url);
    if (have) {
        td_feed_conf_free(conf);
        done(ctx, -EEXIST, &err, NULL);
        return;
    }
    bool held = pacing_patience(a, asked, &err) < 0;
    if (held && !add->keep) {
        td_feed_conf_free(conf);
        done(ctx, -EAGAIN, &err, NULL);
        return;
    }
    make_unique(a, conf);
    struct feed *f = feedset_add(a, conf, true);
    f->adding = xcalloc(1, sizeof *f->adding);
    *f->adding = (struct adding){.done = done, .ctx = ctx, .keep = add->keep};
    if (held)
        flight_keep(a, f);
    else
        feedset_schedule(a, f);
}

struct removal {
    serve_answer_fn *done;
    void *ctx;
};

static void on_deleted(void *ctx, int result, const struct td_err *err)
{
    struct removal *rm = ctx;
    rm->done(rm->ctx, result, err, "{}");
    free(rm);
}

static void op_remove(void *app, int64_t feed_id, serve_answer_fn *done, void *ctx)
{
    struct app *a = app;
    struct feed *f = feedset_by_id(a, feed_id);
    if (f && f->conf->origin == TD_ORIGIN_CONFIG) {
        struct td_err err;
        td_err(&err, 0, "feed %s is in %s: take it out there and reload, then remove it",
               f->conf->name, a->options->config);
        done(ctx, -EPERM, &err, NULL);
        return;
    }
    if (f)
        feedset_remove(a, f);
    struct removal *rm = xcalloc(1, sizeof *rm);
    *rm = (struct removal){.done = done, .ctx = ctx};
    store_feed_delete(a->store, feed_id, on_deleted, rm);
}

/* Moves F's due time to the earliest that politeness allows; the time it has then. */
static int64_t refresh_one(struct app *a, struct feed *f, int64_t now)
{
    int64_t at = policy_refresh_at(&f->state, f->conf, now);
    if (f->scheduled && !f->flight && at < f->node.due_at)
        schedule_move(a->schedule, &f->node, at <= now ? 0 : at); /* a person waits: not paced */
    return MAX(f->node.due_at, at);
}

static void op_refresh(void *app, int64_t feed_id, serve_answer_fn *done, void *ctx)
{
    struct app *a = app;
    int64_t now = clock_now_ms(), last = now;
    int64_t n = 0, n_now = 0;
    struct feed *one = feed_id ? feedset_by_id(a, feed_id) : NULL;
    one = one ? feedset_asked(one) : NULL;
    if (feed_id && (!one || !one->scheduled || one->state.gone)) {
        struct td_err err;
        td_err(&err, 0,
               one ? "feed %s is not polled (disabled or gone)" : "no such feed is running",
               one ? one->conf->name : "");
        done(ctx, -ENOENT, &err, NULL);
        return;
    }
    for (struct feed *f = one ? one : a->feeds; f; f = one ? NULL : f->hh.next) {
        if (!f->scheduled || f->state.gone)
            continue;
        bool busy = f->flight;
        int64_t at = refresh_one(a, f, now);
        n++;
        n_now += busy || at <= now;
        if (!busy && at > last)
            last = at;
    }
    CLEANUP_BUF struct buf json = BUF_INIT(1024);
    struct jw w = {.b = &json};
    jw_begin_object(&w, NULL);
    jw_int(&w, "feeds", n);
    jw_int(&w, "due_now", n_now);
    jw_time(&w, "last_due_at", last);
    jw_end_object(&w);
    app_look(a);
    done(ctx, 0, NULL, json.data);
}

static void op_reload(void *app, serve_answer_fn *done, void *ctx)
{
    control_reload(app, done, ctx);
}

const struct serve_ops control_ops = {
    .status = status_json,
    .metrics = status_metrics,
    .feed_phase = status_feed_phase,
    .feed_pacing = status_pacing,
    .feed_access = status_access,
    .feed_https = status_https,
    .add = op_add,
    .remove = op_remove,
    .refresh = op_refresh,
    .reload = op_reload,
    .subscribe = deliver_subscribe,
    .unsubscribe = deliver_unsubscribe,
    .query_save = saved_put,
    .query_remove = saved_remove,
    .hub = hub_ask,
    .fetch = look_start,
    .backfill = backfill_start,
    .backfills = backfill_status,
    .ready = status_ready,
};
