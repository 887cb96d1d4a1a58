/*
 * feedset.c - which feeds there are, by name, and which of them are asked.
 */
#include "app_private.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

struct feed *feedset_by_name(struct app *a, const char *name)
{
    struct feed *f;
    HASH_FIND_STR(a->feeds, name, f);
    return f;
}

struct feed *feedset_named(struct app *a, const char *what)
{
    uint64_t id;
    struct feed *f = feedset_by_name(a, what);
    if (!f && str_to_u64(what, &id) == 0)
        f = feedset_by_id(a, (int64_t)id);
    return f ? f : feedset_at(a, what, NULL, NULL);
}

struct feed *feedset_add(struct app *a, struct td_feed_conf *conf, bool own)
{
    struct feed *f = xcalloc(1, sizeof *f);
    f->conf = conf;
    f->owns_conf = own;
    td_feed_state_init(&f->state);
    HASH_ADD_KEYPTR(hh, a->feeds, conf->name, strlen(conf->name), f);
    feedfind_changed(a, f);
    return f;
}

struct feed *feedset_asked(struct feed *f)
{
    return f->leader ? f->leader : f;
}

/* What is asked there, as a key: an answer that was given to one feed's credentials, or came
 * through its proxy, is no other feed's (config/keys.h, access), and a feed that minds robots.txt
 * takes none of one that does not. An address has no '#' of its own.
 */
static char *asked_key(const struct app *a, const struct feed *f)
{
    CLEANUP_FREE char *url = strict_feed_url(a, f);
    const struct td_access *access = f->conf->access;
    bool own = td_access_is_bound(access) || (access && access->n_allow),
         proxied = access && !str_empty(access->proxy);
    return xasprintf("%.*s%s%s%s%s", (int)strcspn(url, "#"), url, own || proxied ? "#" : "",
                     proxied ? access->proxy : "", own ? f->conf->name : "",
                     f->conf->robots ? "#robots" : "");
}

/* One address is asked once, whatever number of feeds have come to be there (two that moved to one,
 * the same URL twice): the first feed leads, the answers are given to all. True: F rides along. */
static bool ride(struct app *a, struct feed *f)
{
    struct feed *leader = NULL;
    if (f->conf->source != TD_SOURCE_HTTP)
        return false;
    CLEANUP_FREE char *key = asked_key(a, f);
    HASH_FIND(by_url, a->asked, key, strlen(key), leader);
    if (leader) {
        f->leader = leader;
        f->next_rider = leader->riders;
        leader->riders = f;
        log_info("feed %s: is at the same address as %s; one request serves both", f->conf->name,
                 leader->conf->name);
        return true;
    }
    f->asked_url = TAKE(key);
    HASH_ADD_KEYPTR(by_url, a->asked, f->asked_url, strlen(f->asked_url), f);
    return false;
}

void feedset_schedule(struct app *a, struct feed *f)
{
    char host[300];
    int64_t now = clock_now_ms();
    if (f->state.feed_id)
        store_set_retention(a->store, f->state.feed_id, f->conf->retention_age_ms,
                            f->conf->retention_count);
    if (f->scheduled || f->leader || !f->conf->enabled || f->state.gone || ride(a, f))
        return;
    CLEANUP_FREE char *url = strict_feed_url(a, f);
    bool http = f->conf->source == TD_SOURCE_HTTP && schedule_host_key(url, host, sizeof host) == 0;
    f->state.next_due_at = policy_on_load(&f->state, f->conf, now);
    schedule_add(a->schedule, &f->node, http ? host : NULL, f->adding ? 0 : f->state.next_due_at);
    pacing_known(a, f, now);
    f->scheduled = true;
    app_look(a);
}

static void get_off(struct feed *f)
{
    struct feed **p = &f->leader->riders;
    while (*p != f)
        p = &(*p)->next_rider;
    *p = f->next_rider;
    f->leader = f->next_rider = NULL;
}

void feedset_unschedule(struct app *a, struct feed *f)
{
    if (f->leader)
        get_off(f);
    if (f->scheduled)
        schedule_remove(a->schedule, &f->node);
    f->scheduled = false;
    if (!f->asked_url)
        return;
    HASH_DELETE(by_url, a->asked, f);
    xreplace(&f->asked_url, NULL);
    for (struct feed *r; (r = f->riders);) { /* the first of them leads from now on */
        get_off(r);
        feedset_schedule(a, r);
    }
}

void feedset_settle(struct app *a, struct feed *f, bool strayed)
{
    const char *at = feedset_asked(f)->asked_url, *url = move_url(&f->state, f->conf);
    CLEANUP_FREE char *up = strict_upgrade(a, url);
    if (!at || (!strayed && feedfind_same_address(at, up ? up : url)))
        return;
    feedset_unschedule(a, f);
    feedset_schedule(a, f);
}

void feedset_release(struct feed *f)
{
    if (f->owns_conf)
        td_feed_conf_free(f->conf);
    td_feed_state_fini(&f->state);
    free(f->adding);
    free(f->asked_url);
    free(f);
}

void feedset_remove(struct app *a, struct feed *f)
{
    bool held = f->flight && (f->flight->phase == FLIGHT_COMMIT || f->flight->phase == FLIGHT_PUT);
    struct td_err err;
    td_err(&err, 0, "feed %s was removed meanwhile", f->conf->name);
    control_added(f, -ENOENT, &err, 0);
    if (!held)
        flight_drop(f);
    flight_drop_pushed(f);
    held |= f->pushed != NULL;
    feedset_unschedule(a, f);
    push_remove(a, f);
    feedfind_remove(a, f);
    HASH_DEL(a->feeds, f);
    if (f->in_round)
        a->round.pending--;
    a->n_failing -= f->state.n_failures > 0;
    if (!held) {
        feedset_release(f);
        return;
    }
    f->removed = true;
    if (!f->owns_conf) { /* the settings it points into may be gone before the commit ends */
        f->conf = NULL;
        f->owns_conf = true;
    }
}

void feedset_free(struct app *a)
{
    struct feed *f, *next;
    HASH_CLEAR(by_url, a->asked);
    HASH_ITER (hh, a->feeds, f, next) {
        HASH_DEL(a->feeds, f);
        control_added(f, -ESHUTDOWN, NULL, 0);
        flight_free(f->flight);
        flight_free(f->pushed);
        feedset_release(f);
    }
    feedfind_free(a);
}
