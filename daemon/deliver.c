/*
 * deliver.c - subscriptions of the config, of the store, and of users at run time, joined to the
 * deliveries (notify/outbox.h), which POST through a fetcher of their own: a consumer that hangs
 * takes no place from feeds, nor from another consumer.
 */
#include "app_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/sub.h"
#include "notify/outbox.h"
#include "query/names.h"
#include "store/reader.h"

#define IDLE_HANDLES 32 /* of curl, kept for use again */

/* A subscription on its way into the store, or out of it. */
struct pending {
    struct deliver *d;
    struct td_sub_conf *conf; /* NULL: it is removed */
    char *name;
    bool removed;   /* by a user, while it was on its way */
    struct ask ask; /* for its row, once it is there */
    struct td_sub_state state;
    char *error;
    int result;
    struct td_err err;
    serve_answer_fn *done; /* NULL: nobody waits */
    void *ctx;
    struct pending *prev, *next;
};

struct post {
    struct td_request rq;
    struct fetch *fetch;
    sink_posted_fn *done;
    void *ctx;
};

struct deliver {
    struct app *app;
    struct fetcher *fetcher;
    struct sink_env env;
    char origin[256]; /* env.origin */
    struct outbox *outbox;
    struct pending *pending;
};

/* ---- webhooks: a POST -------------------------------------------------------------------------
 */

static void on_posted(void *ctx, struct td_result *result)
{
    struct post *p = ctx;
    sink_posted_fn *done = p->done;
    void *done_ctx = p->ctx;
    bool redirect = result->http_status >= 300 && result->http_status < 400;
    if (redirect)
        td_result_say(result, "HTTP %d: a redirect is not followed; name the address it leads to",
                      result->http_status);
    int status = td_outcome_good(result->outcome) || result->http_status >= 300
                     ? result->http_status
                     : 0;
    free(p);
    struct td_err err = td_result_err(result);
    struct sink_posted posted = {.status = status,
                                 .retry_after_at = result->retry_after_at,
                                 .err = &err,
                                 .wanted = {result->wanted[0], result->wanted[1]}};
    done(done_ctx, &posted);
    td_result_fini(result);
}

static void *post(void *ctx, const struct sink_post *sp, sink_posted_fn *done, void *done_ctx)
{
    struct deliver *d = ctx;
    struct post *p = xcalloc(1, sizeof *p);
    *p = (struct post){.rq = {.source = TD_SOURCE_HTTP,
                              .url = sp->url,
                              .timeout_ms = sp->timeout_ms,
                              .max_body_bytes = LIMIT_ERROR_BODY_BYTES,
                              .post = sp->body,
                              .post_bytes = sp->body_len,
                              .options = sp->options,
                              .wanted = sp->wanted,
                              .headers = sp->headers,
                              .allow = sp->allow,
                              .n_allow = sp->n_allow},
                       .done = done,
                       .ctx = done_ctx};
    p->fetch = fetch_start(d->fetcher, &p->rq, on_posted, p);
    return p;
}

static void post_cancel(void *ctx, void *handle)
{
    struct post *p = handle;
    fetch_cancel(p->fetch);
    free(p);
}

/* ---- into the store, then into the outbox -----------------------------------------------------
 */

static void pending_free(struct pending *p)
{
    DL_DELETE(p->d->pending, p);
    td_sub_conf_free(p->conf);
    free(p->name);
    free(p->error);
    free(p);
}

static void answer(struct pending *p, int result, const struct td_err *err)
{
    if (p->done)
        p->done(p->ctx, result, err, result < 0 ? NULL : "{}");
    else if (result < 0)
        log_error("subscription %s: %s", p->name, err->msg);
    pending_free(p);
}

static int take_row(void *ctx, const struct sub_row *row)
{
    struct pending *p = ctx;
    if (!str_eq(row->name, p->name))
        return 0;
    p->state = row->state;
    p->error = xstrdup_or_null(row->error);
    p->result = 1;
    return 1;
}

static void run_row(struct ask *a, struct reader *r)
{
    struct pending *p = CONTAINER_OF(a, struct pending, ask);
    int result = reader_subs(r, take_row, p, &p->err);
    p->result = result < 0 ? result : p->result;
}

static void row_known(struct ask *a)
{
    struct pending *p = CONTAINER_OF(a, struct pending, ask);
    struct outbox *o = p->d->outbox;
    struct td_err err = p->err;
    int r = p->result < 0 ? p->result : 0;
    if (p->removed ||
        p->result == 0) /* without its position it would begin with the oldest event of all */
        r = td_err(&err, -ENOENT, "subscription %s was removed meanwhile", p->name);
    if (o && r == 0 && !outbox_find(o, p->name)) {
        struct sub_row row = {.name = p->name, .state = p->state, .error = p->error};
        r = outbox_add(o, TAKE(p->conf), &row, &err);
        if (r < 0)
            td_err_prefix(&err, r, "does not run");
    }
    answer(p, r, &err);
}

/* The store has it: it runs from its place on. */
static void look_up(struct pending *p)
{
    struct td_err err;
    p->ask = (struct ask){.run = run_row, .done = row_known};
    if (asker_ask(serve_asker(p->d->app->serve), &p->ask) < 0)
        answer(p, td_err(&err, -ESHUTDOWN, "the daemon is stopping"), &err);
}

static void on_put(void *ctx, int result, const struct td_err *err)
{
    if (result < 0)
        answer(ctx, result, err);
    else
        look_up(ctx);
}

static struct pending *pending_new(struct deliver *d, const char *name, struct td_sub_conf *conf)
{
    struct pending *p = xcalloc(1, sizeof *p);
    *p = (struct pending){.d = d, .name = xstrdup(name), .conf = conf};
    DL_APPEND(d->pending, p);
    return p;
}

/* CONF (taken) becomes a subscription that begins at SEQ. TEXT: its definition for the store, NULL
 * = it stands in the config. */
static void begin(struct deliver *d, struct td_sub_conf *conf, const char *text, int64_t seq,
                  serve_answer_fn *done, void *ctx)
{
    struct pending *p = pending_new(d, conf->name, conf);
    p->done = done;
    p->ctx = ctx;
    store_sub_put(d->app->store, conf->name, text, seq, on_put, p);
}

/* ---- start, reload, stop ----------------------------------------------------------------------
 */

static const struct td_sub_conf *configured(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_subs; i++)
        if (str_eq(s->subs[i]->name, name))
            return s->subs[i];
    return NULL;
}

/* A subscription that the store has: as the config says, else as it was made. */
static int load_row(void *ctx, const struct sub_row *row)
{
    struct deliver *d = ctx;
    struct td_err err = {""};
    const struct td_sub_conf *c = configured(d->app->settings, row->name);
    if (!c && !row->conf) {
        log_notice("subscription %s is not in the config any more; its position stays until "
                   "tidings unsubscribe",
                   row->name);
        return 0;
    }
    struct td_sub_conf *conf = c ? td_sub_conf_copy(c) : sub_conf_read(row->name, row->conf, &err);
    if (!conf)
        outbox_set_idle(d->outbox, row->name, NULL, err.msg);
    if (!conf || outbox_add(d->outbox, conf, row, &err) < 0)
        log_error("subscription %s does not run: %s", row->name, err.msg);
    return 0;
}

/* One that the store does not have yet. At the start: who asks for it is answered rightly from the
 * first moment on. */
static void begin_at_start(struct deliver *d, const struct td_sub_conf *conf)
{
    struct store *store = d->app->store;
    struct td_err err = {""};
    struct sub_row row = {.name = conf->name,
                          .state = {.seq = store_last_seq(store),
                                    .failing_since = TD_NEVER,
                                    .next_try_at = TD_NEVER}};
    /* A cursor stays where it is. */
    int r = store_load_cursor(store, conf->name, &row.state.seq, &err);
    if (r < 0) {
        outbox_set_idle(d->outbox, conf->name, NULL, err.msg);
    } else {
        store_sub_put(store, conf->name, NULL, row.state.seq, NULL, NULL);
        r = outbox_add(d->outbox, td_sub_conf_copy(conf), &row, &err);
    }
    if (r < 0)
        log_error("subscription %s does not run: %s", conf->name, err.msg);
}

/* The host of the public address, else this machine's name. */
static void set_origin(struct deliver *d)
{
    const char *url = d->app->settings->public_url, *host = url ? strstr(url, "://") + 3 : NULL;
    if (host)
        snprintf(d->origin, sizeof d->origin, "%.*s", (int)strcspn(host, ":/"), host);
    else if (gethostname(d->origin, sizeof d->origin - 1) < 0 || !d->origin[0])
        snprintf(d->origin, sizeof d->origin, "localhost");
}

int deliver_start(struct app *a, struct td_err *err)
{
    struct deliver *d = a->deliver = xcalloc(1, sizeof *d);
    d->app = a;
    struct fetch_conf fc = app_fetch_conf(a->settings);
    fc.max_transfers = IDLE_HANDLES;
    fc.per_host = 0;
    if (!(d->fetcher = fetcher_new(a->loop, &fc, err)))
        return -EIO;
    set_origin(d);
    d->env = (struct sink_env){.loop = a->loop,
                               .origin = d->origin,
                               .instance = store_instance(a->store),
                               .post = post,
                               .post_cancel = post_cancel,
                               .app = d};
    d->outbox = outbox_new(a->store, serve_asker(a->serve), serve_stream(a->serve), &d->env);
    serve_set_outbox(a->serve, d->outbox);
    int r = store_load_subs(a->store, load_row, d, err);
    for (size_t i = 0; r >= 0 && i < a->settings->n_subs; i++)
        if (!outbox_find(d->outbox, a->settings->subs[i]->name))
            begin_at_start(d, a->settings->subs[i]);
    return r;
}

void deliver_configure(struct app *a)
{
    struct deliver *d = a->deliver;
    struct td_err err;
    struct fetch_conf fc = app_fetch_conf(a->settings);
    fc.max_transfers = IDLE_HANDLES;
    fc.per_host = 0;
    fetcher_configure(d->fetcher, &fc);
    set_origin(d);
    for (struct sub *s = outbox_next(d->outbox, NULL), *next; s; s = next) {
        const struct td_sub_conf *was = sub_conf(s), *c = configured(a->settings, was->name);
        next = outbox_next(d->outbox, s);
        if (!c && was->origin == TD_ORIGIN_CONFIG) {
            log_notice("subscription %s is not in the config any more; its position stays until "
                       "tidings unsubscribe",
                       was->name);
            outbox_remove(d->outbox, s);
        } else if (c && !td_sub_conf_same(c, was)) {
            log_notice("subscription %s: its definition has changed", was->name);
            if (was->origin != TD_ORIGIN_CONFIG)
                store_sub_put(a->store, c->name, NULL, 0, NULL, NULL);
            if (outbox_change(d->outbox, s, td_sub_conf_copy(c), &err) < 0)
                log_warning("subscription %s: %s", c->name, err.msg);
        }
    }
    for (const struct td_sub_conf *c = outbox_next_idle(d->outbox, NULL), *next; c; c = next) {
        next = outbox_next_idle(d->outbox, c->name);
        if (c->origin == TD_ORIGIN_CONFIG && !configured(a->settings, c->name))
            outbox_forget_idle(d->outbox, c->name);
    }
    for (size_t i = 0; i < a->settings->n_subs; i++)
        if (!outbox_find(d->outbox, a->settings->subs[i]->name))
            begin(d, td_sub_conf_copy(a->settings->subs[i]), NULL, store_last_seq(a->store), NULL,
                  NULL);
}

void deliver_names_changed(struct app *a)
{
    struct td_err err;
    if (!a->deliver)
        return;
    for (struct sub *s = outbox_next(a->deliver->outbox, NULL); s;) {
        struct sub *next = outbox_next(a->deliver->outbox, s);
        const struct td_sub_conf *c = sub_conf(s);
        if (query_has_names(c->query) &&
            outbox_change(a->deliver->outbox, s, td_sub_conf_copy(c), &err) < 0)
            log_warning("subscription %s goes on as before: %s", c->name, err.msg);
        s = next;
    }
    for (const struct td_sub_conf *c = outbox_next_idle(a->deliver->outbox, NULL); c;
         c = outbox_next_idle(a->deliver->outbox, c->name)) {
        const struct td_sub_conf *now = c->origin == TD_ORIGIN_CONFIG
                                            ? configured(a->settings, c->name)
                                            : c;
        struct query *query = NULL;
        if (now && now->query && query_parse(&query, now->query, NULL) == 0)
            look_up(pending_new(a->deliver, now->name, td_sub_conf_copy(now)));
        query_free(query);
    }
}

void deliver_stop(struct app *a)
{
    struct deliver *d = TAKE(a->deliver);
    if (!d)
        return;
    if (a->serve)
        serve_set_outbox(a->serve, NULL);
    outbox_free(TAKE(d->outbox));
    fetcher_free(d->fetcher);
    a->deliver_left = d; /* questions under way come back to it */
}

void deliver_free(struct app *a)
{
    struct deliver *d = TAKE(a->deliver_left);
    while (d && d->pending)
        pending_free(d->pending);
    free(d);
}

/* ---- what users ask ---------------------------------------------------------------------------
 */

/* Is one of that name on its way into the store? */
static bool is_coming(const struct deliver *d, const char *name)
{
    const struct pending *p;
    DL_FOREACH (d->pending, p)
        if (p->conf && !p->removed && str_eq(p->name, name))
            return true;
    return false;
}

void deliver_subscribe(void *app, const char *name, const char *text, int64_t seq, bool check,
                       serve_answer_fn *done, void *ctx)
{
    struct app *a = app;
    struct deliver *d = a->deliver;
    struct td_err err;
    struct td_sub_conf *conf = sub_conf_read(name, text, &err);
    if (!conf) {
        done(ctx, -EINVAL, &err, NULL);
        return;
    }
    size_t n = 0;
    struct query *query = NULL;
    for (struct sub *s = outbox_next(d->outbox, NULL); s; s = outbox_next(d->outbox, s))
        n++;
    int r = conf->query ? query_parse_err(&query, conf->query, &err) : 0;
    query_free(query);
    if (r < 0)
        ;
    else if (outbox_find(d->outbox, name) || outbox_why_idle(d->outbox, name) || is_coming(d, name))
        r = td_err(&err, -EEXIST, "there is a subscription %s already", name);
    else if (n >= LIMIT_SUBSCRIPTIONS)
        r = td_err(&err, -EEXIST, "there are %d subscriptions, as many as are allowed",
                   LIMIT_SUBSCRIPTIONS);
    if (r < 0 || check) {
        td_sub_conf_free(conf);
        done(ctx, r, &err, "{}");
        return;
    }
    if (!conf->hub_topic)
        log_notice("subscription %s: made at run time, sink %s", name, td_sink_names[conf->sink]);
    begin(d, conf, text, seq, done, ctx);
}

int deliver_renew(struct app *a, const char *name, const char *text, struct td_err *err)
{
    struct sub *s = outbox_find(a->deliver->outbox, name);
    if (!s)
        return -ENOENT;
    struct td_sub_conf *conf = sub_conf_read(name, text, err);
    if (!conf)
        return -EINVAL;
    store_sub_put(a->store, name, text, 0, NULL, NULL);
    int r = outbox_change(a->deliver->outbox, s, conf, err);
    if (r == 0)
        sub_resume(s); /* it may have been disabled by a 410 */
    return r;
}

struct sub *deliver_next(struct app *a, const struct sub *after)
{
    return a->deliver ? outbox_next(a->deliver->outbox, after) : NULL;
}

static void on_deleted(void *ctx, int result, const struct td_err *err)
{
    answer(ctx, MIN(result, 0), err);
}

void deliver_unsubscribe(void *app, const char *name, serve_answer_fn *done, void *ctx)
{
    struct app *a = app;
    struct deliver *d = a->deliver;
    struct td_err err;
    struct sub *s = outbox_find(d->outbox, name);
    const struct td_sub_conf *conf = s ? sub_conf(s) : outbox_idle_conf(d->outbox, name);
    if (conf && conf->origin == TD_ORIGIN_CONFIG) {
        td_err(&err, 0, "subscription %s is in %s: take it out there and reload, then unsubscribe",
               name, a->options->config);
        done(ctx, -EPERM, &err, NULL);
        return;
    }
    if (s) {
        if (!sub_conf(s)->hub_topic)
            log_notice("subscription %s: removed", name);
        outbox_remove(d->outbox, s);
    }
    outbox_forget_idle(d->outbox, name);
    for (struct pending *coming = d->pending; coming; coming = coming->next)
        coming->removed = coming->removed || str_eq(coming->name, name);
    struct pending *p = pending_new(d, name, NULL);
    p->done = done;
    p->ctx = ctx;
    store_sub_delete(a->store, name, on_deleted, p);
}

bool deliver_count(const struct app *a, struct outbox_counts *ret)
{
    if (a->deliver)
        outbox_count(a->deliver->outbox, ret);
    return a->deliver;
}
