/*
 * look.c - `tidings fetch`: one fetch taken down whole, as a poll would do it, and what would
 * become of it. Nothing is stored: the feed's own polls know nothing of it.
 */
#include "app_private.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fetch/warc.h"

struct look {
    struct errand errand;
    struct td_recording rec;
    serve_bytes_fn *done;
    void *ctx;
};

static size_t n_looks;

static void look_free(struct look *l)
{
    errand_fini(&l->errand);
    td_recording_fini(&l->rec);
    free(l);
    n_looks--;
}

static void drop(struct errand *e)
{
    struct look *l = CONTAINER_OF(e, struct look, errand);
    l->done(l->ctx, -ESHUTDOWN, NULL, NULL, 0);
    look_free(l);
}

static void answer(struct look *l)
{
    CLEANUP_BUF struct buf file = BUF_INIT(LIMIT_RECORDING_BYTES);
    warc_write(&file, &l->rec);
    l->done(l->ctx, 0, NULL, buf_str(&file), file.len);
    look_free(l);
}

/* What the store would have made of it, and what the daemon would have decided. */
static void on_dry(struct store_commit *c, const struct store_commit_result *r)
{
    struct flight *fl = c->ctx;
    struct look *l = CONTAINER_OF(CONTAINER_OF(fl->feed, struct errand, feed), struct look, errand);
    fl->app->n_committing--;
    if (r) {
        l->rec.decided_at = c->now;
        l->rec.next_due_at = c->state.next_due_at;
        l->rec.why = TAKE(c->state.why);
    }
    if (l->rec.fates && !*l->rec.fates)
        xreplace(&l->rec.fates, NULL);
    answer(l);
}

static void settled(struct errand *e, struct flight *fl)
{
    struct look *l = CONTAINER_OF(e, struct look, errand);
    if (!e->feed.state.feed_id) {
        answer(l);
        return;
    }
    struct store_commit *c = settle_commit(fl);
    c->dry = true;
    c->done = on_dry;
    if (c->batch)
        c->fates = l->rec.fates = xcalloc(c->batch->n_entries + 1, 1);
    fl->phase = FLIGHT_COMMIT;
    fl->app->n_committing++;
    store_commit(fl->app->store, c);
}

/* The settings and the state that decide; validators only if they are sent. */
static void note_facts(struct td_recording *rec, const struct td_feed_conf *conf,
                       const struct td_feed_state *state, bool full)
{
    rec->software = xstrdup("tidings/" TIDINGS_VERSION);
    rec->full = full;
    rec->next_due_at = TD_NEVER;
    rec->conf = *conf;
    rec->conf.name = xstrdup(conf->name);
    rec->conf.url = xstrdup(conf->url);
    rec->conf.title = rec->conf.tags = NULL;
    rec->conf.argv = NULL;
    rec->conf.access = NULL;
    td_feed_state_copy(&rec->state, state);
}

/* The conf for WHAT (gives), which is a feed (*RET_FEED) or an address. */
static struct td_feed_conf *conf_for(struct app *a, const char *what, struct feed **ret_feed,
                                     struct td_err *err)
{
    struct feed *f = *ret_feed = feedset_named(a, what);
    if (f)
        return td_feed_conf_copy(f->conf);
    if (!strstr(what, "://")) {
        td_err(err, -ENOENT, "there is no feed %s, and it is no address", what);
        return NULL;
    }
    return settings_api_feed(a->settings, what, NULL, NULL, NULL, err);
}

void look_start(void *app, const char *what, bool full, serve_bytes_fn *done, void *ctx)
{
    struct app *a = app;
    struct td_err err = {""};
    struct feed *f;
    struct td_feed_conf *conf = NULL;
    if (n_looks >= LIMIT_LOOKS) {
        td_err(&err, 0, "%d fetches are being looked at already", LIMIT_LOOKS);
        done(ctx, -EAGAIN, &err, NULL, 0);
        return;
    }
    if (flight_paused(a, &err) < 0) {
        done(ctx, -EAGAIN, &err, NULL, 0);
        return;
    }
    if (!(conf = conf_for(a, what, &f, &err))) {
        done(ctx, strstr(what, "://") ? -EINVAL : -ENOENT, &err, NULL, 0);
        return;
    }
    int64_t now = clock_now_ms();
    if (f && f->state.retry_after_at != TD_NEVER && f->state.retry_after_at > now) {
        char wait[32];
        td_err(&err, 0, "feed %s: its server asked not to be called for another %s", conf->name,
               str_duration(wait, sizeof wait, f->state.retry_after_at - now));
        td_feed_conf_free(conf);
        done(ctx, -EAGAIN, &err, NULL, 0);
        return;
    }
    CLEANUP_FREE char *url = f ? strict_feed_url(a, f) : strict_url(a, conf->url);
    if (pacing_patience(a, url, &err) < 0) {
        td_feed_conf_free(conf);
        done(ctx, -EAGAIN, &err, NULL, 0);
        return;
    }
    struct look *l = xcalloc(1, sizeof *l);
    l->done = done;
    l->ctx = ctx;
    l->errand.rec = &l->rec;
    l->errand.settled = settled;
    l->errand.drop = drop;
    n_looks++;
    errand_start(&l->errand, a, conf, f ? &f->state : NULL);
    struct td_feed_state *state = &l->errand.feed.state;
    if (full) {
        xreplace(&state->val.etag, NULL);
        xreplace(&state->val.last_modified, NULL);
    }
    note_facts(&l->rec, conf, state, full);
    l->rec.feed = f ? xstrdup(conf->name) : NULL;
}
