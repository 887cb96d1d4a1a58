/*
 * errand.c - a fetch that is no poll: it takes a poll's way (the host's queue, the guard,
 * redirects, the parser) and ends with whoever sent it, who decides what becomes of it. Its feed is
 * in no set.
 */
#include "app_private.h"

#include <string.h>
#include <utlist.h>

#include "base/mem.h"

void errand_start(struct errand *e, struct app *a, struct td_feed_conf *conf,
                  const struct td_feed_state *state)
{
    char host[300];
    struct feed *f = &e->feed;
    e->app = a;
    f->conf = conf;
    f->owns_conf = true;
    f->is_errand = true;
    if (state)
        td_feed_state_copy(&f->state, state);
    else
        td_feed_state_init(&f->state);
    CLEANUP_FREE char *url = strict_feed_url(a, f);
    bool http = conf->source == TD_SOURCE_HTTP && schedule_host_key(url, host, sizeof host) == 0;
    schedule_add(a->schedule, &f->node, http ? host : NULL, 0); /* a person waits: not paced */
    f->scheduled = true;
    DL_APPEND(a->errands, e);
    app_look(a);
}

struct td_exchange *errand_record(struct feed *f)
{
    struct errand *e = CONTAINER_OF(f, struct errand, feed);
    if (!e->rec)
        return NULL;
    struct td_exchange *last = NULL, *x;
    LL_FOREACH (e->rec->hops, x)
        last = x;
    if (!last || last->outcome != TD_OUT_NONE) /* else: there was no room at the server's address */
        return td_recording_add(e->rec, f->conf->max_body_bytes);
    last->ended_at = 0;
    return last;
}

void errand_settle(struct flight *fl)
{
    struct errand *e = CONTAINER_OF(fl->feed, struct errand, feed);
    schedule_remove(fl->app->schedule, &fl->feed->node);
    fl->feed->scheduled = false;
    e->settled(e, fl);
}

void errand_fini(struct errand *e)
{
    struct feed *f = &e->feed;
    DL_DELETE(e->app->errands, e);
    flight_free(f->flight);
    f->flight = NULL;
    if (f->scheduled)
        schedule_remove(e->app->schedule, &f->node);
    td_feed_conf_free(f->conf);
    td_feed_state_fini(&f->state);
}

void errand_end_all(struct app *a)
{
    struct errand *e, *next;
    DL_FOREACH_SAFE(a->errands, e, next)
    {
        e->drop(e);
    }
}
