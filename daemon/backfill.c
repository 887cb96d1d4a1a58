/*
 * backfill.c - `tidings backfill`: the archives of a feed (RFC 5005), document by document
 * backwards.
 *
 * The feed's own document is read for its link alone: what is new in it belongs to the next poll.
 * Each document behind it is one errand, then one commit without events, before the next is asked
 * for at its host. It ends at an item that was known before, after LIMIT_ARCHIVES documents, where
 * no link leads further, or where one fails.
 */
#include "app_private.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

/* A thing that this walk has met: an item's id, a document's address. */
struct met {
    uint64_t hash;
    UT_hash_handle hh;
};

struct backfill {
    struct errand errand; /* of the document that is asked for */
    struct app *app;
    struct td_feed_conf *conf; /* the feed's, when it began */
    int64_t feed_id;
    bool own;        /* the feed's own document is asked for */
    bool past_known; /* go on behind known items */
    char *url;       /* of the document, NULL = conf->url */
    struct met *met;
    /* Of the document that is being stored: its ids, and what became of each entry. */
    uint64_t *ids;
    char *fates;
    char *older;
    int n_documents, n_items, n_new;
    int64_t started_at, ended_at;
    const char *stopped; /* NULL = it goes on; a word of API.md */
    char *reason;
    serve_answer_fn *done;
    void *ctx;
    struct backfill *prev, *next;
};

static void step(struct backfill *b);

/* ---- the report ----------------------------------------------------------------------------- */

static void add_report(struct jw *w, const char *key, const struct backfill *b)
{
    jw_begin_object(w, key);
    jw_str(w, "feed", b->conf->name);
    jw_str(w, "state", b->stopped ? "done" : "running");
    jw_int(w, "documents", b->n_documents);
    jw_int(w, "items", b->n_items);
    jw_int(w, "new", b->n_new);
    jw_str(w, "stopped", b->stopped);
    jw_str(w, "reason", b->reason);
    jw_str(w, "next_url", b->stopped && str_eq(b->stopped, "end") ? NULL : b->older);
    jw_time(w, "started_at", b->started_at);
    if (b->stopped)
        jw_time(w, "ended_at", b->ended_at);
    jw_end_object(w);
}

void backfill_status(void *app, struct buf *out)
{
    struct app *a = app;
    const struct backfill *b;
    struct jw w = {.b = out};
    jw_begin_object(&w, NULL);
    jw_begin_array(&w, "backfills");
    DL_FOREACH (a->backfills, b)
        add_report(&w, NULL, b);
    jw_end_array(&w);
    jw_end_object(&w);
}

static void backfill_free(struct backfill *b)
{
    struct met *m, *next;
    if (b->done)
        b->done(b->ctx, -ESHUTDOWN, NULL, NULL);
    DL_DELETE(b->app->backfills, b);
    HASH_ITER (hh, b->met, m, next) {
        HASH_DEL(b->met, m);
        free(m);
    }
    td_feed_conf_free(b->conf);
    free(b->url);
    free(b->older);
    free(b->ids);
    free(b->fates);
    free(b->reason);
    free(b);
}

/* It stays for its report until the feed's next one, or LIMIT_BACKFILLS others. */
static void stop(struct backfill *b, const char *stopped, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void stop(struct backfill *b, const char *stopped, const char *fmt, ...)
{
    struct app *a = b->app;
    CLEANUP_BUF struct buf json = BUF_INIT(1 << 20), words = BUF_INIT(1 << 16);
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&words, fmt, ap);
    va_end(ap);
    b->stopped = stopped;
    b->reason = xstrdup(buf_str(&words));
    b->ended_at = clock_now_ms();
    log_notice("feed %s: archives: %d documents, %d items, %d new; stopped: %s", b->conf->name,
               b->n_documents, b->n_items, b->n_new, b->reason);
    struct jw w = {.b = &json};
    add_report(&w, NULL, b);
    serve_answer_fn *done = TAKE(b->done);
    done(b->ctx, 0, NULL, json.data);
    int n = 0;
    struct backfill *one, *next, *oldest = NULL;
    DL_FOREACH_SAFE(a->backfills, one, next)
    {
        n++;
        if (one->stopped && !oldest)
            oldest = one;
    }
    if (n > LIMIT_BACKFILLS && oldest)
        backfill_free(oldest);
}

/* ---- what was met --------------------------------------------------------------------------- */

/* True: it had been met before. */
static bool meet(struct backfill *b, uint64_t hash)
{
    struct met *m;
    HASH_FIND(hh, b->met, &hash, sizeof hash, m);
    if (m)
        return true;
    m = xcalloc(1, sizeof *m);
    m->hash = hash;
    HASH_ADD(hh, b->met, hash, sizeof m->hash, m);
    return false;
}

static bool has_met(const struct backfill *b, uint64_t hash)
{
    struct met *m;
    HASH_FIND(hh, b->met, &hash, sizeof hash, m);
    return m;
}

static uint64_t hash_of(const char *s)
{
    return crypto_hash64(s, strlen(s));
}

/* The entries that no document of this walk has shown, and their ids. */
static void keep_unmet(struct backfill *b, struct td_batch *batch)
{
    uint32_t n = 0;
    free(b->ids);
    b->ids = xcalloc(batch->n_entries + 1u, sizeof *b->ids);
    for (uint32_t i = 0; i < batch->n_entries; i++) {
        uint64_t id = hash_of(batch->entries[i].id);
        if (has_met(b, id))
            continue;
        b->ids[n] = id;
        batch->entries[n++] = batch->entries[i];
    }
    batch->n_entries = n;
    for (uint32_t i = 0; i < n; i++)
        meet(b, b->ids[i]);
}

/* ---- one document --------------------------------------------------------------------------- */

/* To the next document, if there is one and it may be asked for. */
static void go_on(struct backfill *b)
{
    const char *from = b->url ? b->url : b->conf->url;
    if (!b->older && !b->n_documents)
        stop(b, "end", "the feed names no archive and no further page (RFC 5005)");
    else if (!b->older)
        stop(b, "end", "no older document is named");
    else if (b->n_documents >= LIMIT_ARCHIVES)
        stop(b, "limit", "%d documents are read at a time", LIMIT_ARCHIVES);
    else if (str_casestarts(from, "https://") && !str_casestarts(b->older, "https://"))
        stop(b, "failed", "the next document is not at an https address");
    else if (meet(b, hash_of(b->older)))
        stop(b, "circle", "the documents lead back to one that was read");
    else {
        free(b->url);
        b->url = TAKE(b->older);
        step(b);
    }
}

static void on_stored(struct store_commit *c, const struct store_commit_result *r)
{
    struct flight *fl = c->ctx;
    struct backfill *b = CONTAINER_OF(CONTAINER_OF(fl->feed, struct errand, feed), struct backfill,
                                      errand);
    struct app *a = b->app;
    a->n_committing--;
    errand_fini(&b->errand);
    app_look(a);
    if (!r) {
        stop(b, "failed", "the feed was removed meanwhile");
        return;
    }
    b->n_documents++;
    b->n_items += (int)strlen(b->fates);
    b->n_new += r->n_new;
    a->count.items_backlog += (uint64_t)r->n_backlog;
    bool known = strchr(b->fates, TD_FATE_KNOWN);
    if (known && !b->past_known)
        stop(b, "known", "an item was known before");
    else
        go_on(b);
}

static void store(struct backfill *b, struct flight *fl)
{
    struct store_commit *c = settle_commit(fl);
    c->items_only = true;
    c->finish = NULL;
    c->done = on_stored;
    keep_unmet(b, c->batch);
    free(b->fates);
    c->fates = b->fates = xcalloc(c->batch->n_entries + 1u, 1);
    fl->phase = FLIGHT_COMMIT;
    b->app->n_committing++;
    store_commit(b->app->store, c);
}

static void settled(struct errand *e, struct flight *fl)
{
    struct backfill *b = CONTAINER_OF(e, struct backfill, errand);
    if (!fl->batch) {
        CLEANUP_FREE char *why = xstrdup(fl->res.error ? fl->res.error
                                                       : td_outcome_name(fl->res.outcome));
        xreplace(&b->older, b->own ? NULL : b->url); /* where it may go on another time */
        errand_fini(e);
        stop(b, "failed", "%s", why);
        return;
    }
    xreplace(&b->older, fl->batch->older_url);
    if (!b->own) {
        store(b, fl);
        return;
    }
    b->own = false;
    for (uint32_t i = 0; i < fl->batch->n_entries; i++)
        meet(b, hash_of(fl->batch->entries[i].id));
    errand_fini(e);
    go_on(b);
}

static void drop(struct errand *e)
{
    struct backfill *b = CONTAINER_OF(e, struct backfill, errand);
    errand_fini(e);
    backfill_free(b);
}

/* Asks for the document at b->url with the feed's settings and nothing of its state. */
static void step(struct backfill *b)
{
    struct td_feed_state s;
    td_feed_state_init(&s);
    s.feed_id = b->feed_id;
    s.imported = true; /* a page is no document of the feed */
    s.url = xstrdup_or_null(b->url);
    b->errand = (struct errand){.settled = settled, .drop = drop};
    errand_start(&b->errand, b->app, td_feed_conf_copy(b->conf), &s);
    td_feed_state_fini(&s);
}

/* ---- the start ------------------------------------------------------------------------------ */

static int check(struct app *a, const struct feed *f, const char *from, struct td_err *err)
{
    const struct backfill *b;
    int64_t now = clock_now_ms();
    char host[300], wait[32];
    int n = 0;
    DL_FOREACH (a->backfills, b) {
        n += !b->stopped;
        if (!b->stopped && b->feed_id == f->state.feed_id)
            return td_err(err, -EEXIST, "the archives of %s are being read already", f->conf->name);
    }
    if (n >= LIMIT_BACKFILLS)
        return td_err(err, -EAGAIN, "the archives of %d feeds are being read already", n);
    if (flight_paused(a, err) < 0)
        return -EAGAIN;
    if (f->conf->source != TD_SOURCE_HTTP || !f->state.feed_id)
        return td_err(err, -EINVAL, "feed %s is no feed at an http or https address",
                      f->conf->name);
    if (f->conf->retention_count) /* the newest to arrive stay */
        return td_err(err, -EINVAL,
                      "feed %s keeps %lld items: older ones would push out newer ones; allowed: "
                      "retention = forever, or an age",
                      f->conf->name, (long long)f->conf->retention_count);
    if (from && schedule_host_key(from, host, sizeof host) < 0)
        return td_err(err, -EINVAL, "from: no http or https address");
    if (f->state.retry_after_at != TD_NEVER && f->state.retry_after_at > now)
        return td_err(err, -EAGAIN, "feed %s: its server asked not to be called for another %s",
                      f->conf->name,
                      str_duration(wait, sizeof wait, f->state.retry_after_at - now));
    return 0;
}

/* The report of the feed's last one is over. */
static void forget(struct app *a, int64_t feed_id)
{
    struct backfill *b, *next;
    DL_FOREACH_SAFE(a->backfills, b, next)
    {
        if (b->feed_id == feed_id)
            backfill_free(b);
    }
}

void backfill_start(void *app, const char *feed, const char *from, bool past_known,
                    serve_answer_fn *done, void *ctx)
{
    struct app *a = app;
    struct td_err err = {""};
    struct feed *f = feedset_named(a, feed);
    int r = f ? check(a, f, from, &err) : td_err(&err, -ENOENT, "there is no feed %s", feed);
    if (r < 0) {
        done(ctx, r, &err, NULL);
        return;
    }
    forget(a, f->state.feed_id);
    struct backfill *b = xcalloc(1, sizeof *b);
    b->app = a;
    b->conf = td_feed_conf_copy(f->conf);
    b->feed_id = f->state.feed_id;
    b->past_known = past_known;
    b->own = !from;
    b->started_at = clock_now_ms();
    b->done = done;
    b->ctx = ctx;
    b->url = from ? xstrdup(from) : xstrdup_or_null(f->state.url);
    DL_APPEND(a->backfills, b);
    step(b);
}

void backfill_end_all(struct app *a)
{
    while (a->backfills)
        backfill_free(a->backfills);
}
