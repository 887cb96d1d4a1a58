/*
 * feedload.c - the config's feeds and the store's joined, at start and on reload.
 *
 * A feed is known by its name, but a section that only gets another name is the same feed, and one
 * that was added at run time and is written into the config now, under whatever name, is too. A
 * feed that leaves the config is no longer asked, but stays in the store with its items (marked not
 * enabled) until `tidings remove`: a slip of the editor loses nothing.
 */
#include "app_private.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/table.h"

/* ---- start -------------------------------------------------------------------------------- */

/* A list of confs on its way to the store, with the feeds that wait for their id (NULL: none
 * waits). */
struct put {
    struct app *app;
    struct td_feed_conf **confs; /* copies: a reload may come before the store is done */
    char **names;                /* of the feeds that wait, NULL = nobody */
    int64_t *ids;
    size_t n, cap;
    bool at_start;
    struct put *prev, *next; /* app.puts: those the store has */
};

static void put_add(struct put *p, const struct td_feed_conf *conf, bool waits)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->confs = xreallocarray(p->confs, p->cap, sizeof *p->confs);
        p->names = xreallocarray(p->names, p->cap, sizeof *p->names);
    }
    p->confs[p->n] = td_feed_conf_copy(conf);
    p->names[p->n] = waits ? p->confs[p->n]->name : NULL;
    p->n++;
}

static void put_free(struct put *p)
{
    for (size_t i = 0; i < p->n; i++)
        td_feed_conf_free(p->confs[i]);
    free(p->confs);
    free(p->names);
    free(p->ids);
    free(p);
}

void feedload_free(struct app *a)
{
    struct put *p, *next;
    DL_FOREACH_SAFE(a->puts, p, next) /* the store was closed before it came to them */
    put_free(p);
}

/* Counts the feeds of the first round: those due now, all of which are asked once soon. */
static void begin_round(struct app *a)
{
    int64_t now = clock_now_ms();
    for (struct feed *f = a->feeds; f; f = f->hh.next) {
        f->in_round = f->scheduled && f->node.due_at <= now;
        a->round.feeds += f->in_round;
    }
    a->round.pending = a->round.feeds;
}

static void on_put(void *ctx, int result, const struct td_err *err)
{
    struct put *p = ctx;
    struct app *a = p->app;
    if (result < 0)
        log_error("store: the feeds of the config could not be written: %s", err ? err->msg : "");
    for (size_t i = 0; result >= 0 && i < p->n; i++) {
        struct feed *f = p->names[i] ? feedset_by_name(a, p->names[i]) : NULL;
        if (!f)
            continue;
        f->state.feed_id = p->ids[i];
        feedfind_changed(a, f);
        feedset_schedule(a, f);
    }
    if (p->at_start && result >= 0) {
        push_look_all(a);
        begin_round(a);
        app_ready(a);
    }
    DL_DELETE(a->puts, p);
    put_free(p);
}

static void put_send(struct put *p)
{
    DL_APPEND(p->app->puts, p);
    p->ids = xcalloc(p->n, sizeof *p->ids);
    store_feed_put_many(p->app->store, (const struct td_feed_conf *const *)p->confs, p->n, p->ids,
                        on_put, p);
}

/* What the store needs to know of a feed from the config; the rest is read from the config each
 * time. */
static bool store_knows(const struct td_feed_conf *stored, const struct td_feed_conf *conf)
{
    return str_same(stored->url, conf->url) && str_same(stored->title, conf->title) &&
           str_same(stored->tags, conf->tags) && stored->enabled == conf->enabled &&
           stored->origin == conf->origin;
}

/* A feed of the store whose name is none of the config's. */
struct left {
    struct td_feed_conf *conf; /* owned */
    struct td_feed_state state;
    struct left *next;
};

struct loading {
    struct app *app;
    struct put *put;
    struct left *left;
};

/* A feed of the API takes today's [defaults]. */
static struct td_feed_conf *api_conf(struct app *a, const struct td_feed_conf *stored)
{
    return settings_api_feed(a->settings, stored->url, stored->name, stored->title, stored->tags,
                             NULL);
}

static void take_state(struct app *a, struct feed *f, struct td_feed_state *state)
{
    td_feed_state_fini(&f->state);
    f->state = *state;
    memset(state, 0, sizeof *state);
    push_load(a, f);
    td_feed_state_slim(&f->state);
    feedfind_changed(a, f);
    a->n_failing += f->state.n_failures > 0;
}

/* F is the feed that was at URL. */
static void take_stored(struct app *a, struct feed *f, const char *url, struct td_feed_state *state)
{
    take_state(a, f, state);
    if (str_eq(url, f->conf->url))
        return;
    push_moved(a, f); /* validators belong to the old address */
    move_forget(&f->state);
    feedfind_changed(a, f);
    f->state.next_due_at = MIN(f->state.next_due_at, clock_now_ms());
}

static void on_stored_feed(void *ctx, struct td_feed_conf *stored, struct td_feed_state *state)
{
    struct loading *l = ctx;
    struct app *a = l->app;
    struct feed *f = feedset_by_name(a, stored->name);
    CLEANUP_FREE char *url = td_url_public(stored->url);
    if (f) {
        take_stored(a, f, url, state);
        if (!store_knows(stored, f->conf))
            put_add(l->put, f->conf, false);
        return;
    }
    if (!stored->enabled && stored->origin != TD_ORIGIN_API)
        return;
    struct left *left = xcalloc(1, sizeof *left);
    left->conf = td_feed_conf_copy(stored);
    xreplace(&left->conf->url, url);
    left->state = *state;
    memset(state, 0, sizeof *state);
    LL_PREPEND(l->left, left);
}

/* The section of F's address has another name now: it is the same feed, which tells nothing anew.
 */
static void renamed(struct app *a, const char *from, struct feed *f)
{
    log_notice("feed %s: is called %s now", from, f->conf->name);
    store_feed_rename(a->store, f->state.feed_id, f->conf->name);
}

static bool is_new(const struct feed *f, const void *ctx)
{
    return !f->state.feed_id;
}

/* The feed of the config that is LEFT under another name, NULL = none. */
static struct feed *new_name_of(struct app *a, const struct left *left)
{
    struct feed *f = feedset_at(a, left->conf->url, is_new, NULL);
    return f || !left->state.url ? f : feedset_at(a, left->state.url, is_new, NULL);
}

static void load_left(struct loading *l, struct left *left)
{
    struct app *a = l->app;
    struct feed *f = new_name_of(a, left);
    struct td_feed_conf *conf = NULL;
    if (f) {
        take_stored(a, f, left->conf->url, &left->state);
        renamed(a, left->conf->name, f);
        put_add(l->put, f->conf, false);
    } else if (left->conf->origin == TD_ORIGIN_API && (conf = api_conf(a, left->conf))) {
        take_state(a, feedset_add(a, conf, true), &left->state);
    } else {
        log_notice(
            "feed %s: not in the config any more; its items stay ('tidings remove' forgets them)",
            left->conf->name);
        left->conf->enabled = false;
        put_add(l->put, left->conf, false);
        push_load_left(a, left->state.feed_id, left->state.push);
    }
    td_feed_conf_free(left->conf);
    td_feed_state_fini(&left->state);
    free(left);
}

int feedload_start(struct app *a, struct td_err *err)
{
    for (size_t i = 0; i < a->settings->n_feeds; i++)
        feedset_add(a, a->settings->feeds[i], false);
    struct put *p = xcalloc(1, sizeof *p);
    p->app = a;
    p->at_start = true;
    struct loading l = {.app = a, .put = p};
    int r = store_load_feeds(a->store, on_stored_feed, &l, err);
    struct left *left, *next;
    LL_FOREACH_SAFE(l.left, left, next)
    load_left(&l, left);
    if (r < 0) {
        put_free(p);
        return r;
    }
    for (struct feed *f = a->feeds; f; f = f->hh.next) {
        if (f->state.feed_id)
            feedset_schedule(a, f);
        else
            put_add(p, f->conf, true);
    }
    put_send(p);
    return 0;
}

/* ---- reload ------------------------------------------------------------------------------- */

static void retire(struct app *a, struct put *p, const struct td_feed_conf *conf)
{
    struct feed *f = feedset_by_name(a, conf->name);
    struct td_feed_conf *off = td_feed_conf_copy(conf);
    off->enabled = false;
    put_add(p, off, false);
    td_feed_conf_free(off);
    if (f)
        feedset_remove(a, f);
}

/* F lives by CONF from now on; the key in the map lies in it, so it moves too. */
static void adopt_conf(struct app *a, struct feed *f, struct td_feed_conf *conf, bool own)
{
    HASH_DEL(a->feeds, f);
    if (f->owns_conf)
        td_feed_conf_free(f->conf);
    f->conf = conf;
    f->owns_conf = own;
    HASH_ADD_KEYPTR(hh, a->feeds, conf->name, strlen(conf->name), f);
}

/* The feed goes on with CONF (adopt_conf follows for all); its rhythm changes with its next fetch,
 * its address at once. */
static void change(struct app *a, struct put *p, struct feed *f, struct td_feed_conf *conf)
{
    bool moved = !str_same(f->conf->url, conf->url);
    bool let_in = !td_access_same(f->conf->access, conf->access);
    bool committing = f->flight && f->flight->phase == FLIGHT_COMMIT;
    f->conf = conf;
    feedfind_changed(a, f);
    put_add(p, conf, false);
    if (!moved && !let_in && conf->enabled) {
        policy_replan(&f->state, conf);
        td_feed_state_slim(&f->state);
        if (f->scheduled && !f->flight && !f->state.gone)
            schedule_move(a->schedule, &f->node, f->state.next_due_at);
        feedset_schedule(a, f);
        return;
    }
    if (!committing)
        flight_drop(f);
    if (moved || let_in) {
        settle_changed(a, f, moved);
        return;
    }
    feedset_unschedule(a, f);
    feedset_schedule(a, f);
}

/* The new config does not name F: it is of the API, or has left the config. */
static bool is_unnamed(const struct feed *f, const void *names)
{
    return !table_get(names, f->conf->name);
}

static struct table *names_of(const struct settings *s)
{
    struct table *names = table_new(s->n_feeds);
    for (size_t i = 0; i < s->n_feeds; i++)
        table_put(names, s->feeds[i]->name, s->feeds[i]);
    return names;
}

/* F is the feed of the section CONF, which is new: added at run time, or called otherwise. */
static void take_over(struct app *a, struct put *p, struct feed *f, struct td_feed_conf *conf)
{
    CLEANUP_FREE char *from = xstrdup(f->conf->name);
    struct td_feed_conf *own = f->owns_conf ? f->conf : NULL;
    HASH_DEL(a->feeds, f); /* its key lies in the old settings, or in OWN */
    change(a, p, f, conf);
    f->owns_conf = false;
    td_feed_conf_free(own);
    HASH_ADD_KEYPTR(hh, a->feeds, conf->name, strlen(conf->name), f);
    if (!str_eq(from, conf->name))
        renamed(a, from, f);
}

/* One that is not stored yet: its section goes before the `tidings add`. */
static void end_adding(struct app *a, struct feed *f, const struct td_feed_conf *conf)
{
    struct td_err err;
    td_err(&err, 0, "the config has it now, as feed %s", conf->name);
    control_added(f, -EEXIST, &err, 0);
    feedset_remove(a, f);
}

static void add_section(struct app *a, struct put *p, struct td_feed_conf *conf,
                        const struct table *names)
{
    struct feed *f = feedset_by_name(a, conf->name);
    f = f ? f : feedset_at(a, conf->url, is_unnamed, names);
    if (f && f->state.feed_id) {
        take_over(a, p, f, conf);
        return;
    }
    if (f)
        end_adding(a, f, conf);
    feedset_add(a, conf, false);
    put_add(p, conf, true);
}

void feedload_apply(struct app *a, struct settings *new, const struct settings_diff *d)
{
    struct put *p = xcalloc(1, sizeof *p);
    p->app = a;
    struct table *names = d->n_added ? names_of(new) : NULL;
    for (size_t i = 0; i < d->n_added; i++)
        add_section(a, p, d->added[i], names);
    table_free(names);
    for (size_t i = 0; i < d->n_removed; i++)
        if (feedset_by_name(a, d->removed[i]->name))
            retire(a, p, d->removed[i]);
    for (size_t i = 0; i < d->n_changed; i++) {
        struct feed *f = feedset_by_name(a, d->changed[i]->name);
        if (f)
            change(a, p, f, d->changed[i]);
    }
    for (size_t i = 0; i < new->n_feeds; i++) {
        struct feed *f = feedset_by_name(a, new->feeds[i]->name);
        if (f)
            adopt_conf(a, f, new->feeds[i], false);
    }
    settings_free(a->settings);
    a->settings = new;
    struct feed *f = a->feeds, *next;
    for (size_t n = HASH_COUNT(a->feeds); n > 0; n--, f = next) {
        next = f->hh.next; /* adopt_conf puts it behind the last */
        /* [defaults] may have changed for feeds of the API */
        struct td_feed_conf *conf = f->owns_conf ? api_conf(a, f->conf) : NULL;
        if (conf)
            adopt_conf(a, f, conf, true);
    }
    put_send(p);
    app_look(a);
}
