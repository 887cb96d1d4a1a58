#include "client/fetching.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "fetch/outcome.h"
#include "parse/parse.h"
#include "schedule/move.h"
#include "schedule/policy.h"

struct walk {
    struct fetching *g;
    struct fetcher *fetcher;
    struct ev_loop *loop;
    struct td_exchange *next; /* of the recording */
    struct redirect_chain chain;
    bool done;
};

static void on_done(void *ctx, struct td_result *result)
{
    struct walk *w = ctx;
    td_result_fini(&w->g->res);
    w->g->res = *result;
    w->done = true;
    ev_break(w->loop, EVBREAK_ONE);
}

/* One hop, as flight.c asks for it. */
static int hop(struct walk *w, struct td_err *err)
{
    struct fetching *g = w->g;
    const struct td_feed_conf *conf = &g->rec->conf;
    bool conditional = !g->found && !g->rec->full;
    struct td_request rq = {
        .source = conf->source,
        .url = g->url,
        .argv = conf->argv,
        .etag = conditional ? g->rec->state.val.etag : NULL,
        .last_modified = conditional ? g->rec->state.val.last_modified : NULL,
        .timeout_ms = conf->timeout_ms,
        .max_body_bytes = conf->max_body_bytes,
        .access = g->access,
        .access_url = conf->url,
        .allow = g->access ? g->access->allow : NULL,
        .n_allow = g->access ? g->access->n_allow : 0,
    };
    CLEANUP_FREE char *shown = td_url_public(g->url);
    if (g->live) {
        rq.record = td_recording_add(g->rec, conf->max_body_bytes);
    } else if (!w->next) {
        return td_err(err, -EBADMSG, "the recording ends before %s was asked", shown);
    } else if (!str_eq(w->next->url, shown)) {
        return td_err(err, -EBADMSG, "the recording goes on at %s, and not at %s", w->next->url,
                      shown);
    } else {
        rq.replay = w->next;
        w->next = w->next->next;
    }
    w->done = false;
    fetch_start(w->fetcher, &rq, on_done, w);
    while (!w->done)
        ev_run(w->loop, 0);
    g->n_hops++;
    g->wire_bytes += g->res.wire_bytes;
    return 0;
}

/* True: there is another hop. */
static bool follow(struct walk *w)
{
    struct fetching *g = w->g;
    struct td_result *res = &g->res;
    if (!res->redirect_to)
        return false;
    struct td_err err;
    if (outcome_redirect(&w->chain, g->url, res->redirect_to, res->redirect_permanent, &err) < 0) {
        td_result_say(res, "%s", err.msg);
        res->outcome = TD_OUT_REDIRECT;
        return false;
    }
    free(g->url);
    g->url = TAKE(res->redirect_to);
    if (w->chain.all_permanent)
        xreplace(&g->moved_to, g->url);
    return true;
}

/* The feed that a page names, as flight.c takes it. */
static bool discover(struct walk *w, const struct parse_in *in)
{
    struct fetching *g = w->g;
    const struct td_feed_state *s = &g->rec->state;
    struct discovered d[1];
    struct arena arena = {0};
    bool page = !g->found && g->rec->conf.source == TD_SOURCE_HTTP &&
                (!s->imported || s->url_found) && !s->url;
    bool found = page && parse_discover(in, &arena, d, 1) > 0 && !str_eq(d[0].url, g->url);
    if (found) {
        xreplace(&g->found, d[0].url);
        xreplace(&g->url, d[0].url);
        xreplace(&g->moved_to, NULL);
        w->chain = (struct redirect_chain){0};
    }
    arena_free(&arena);
    return found;
}

/* The document, as on_parsed of flight.c judges it. True: it is a page, and its feed comes next. */
static bool read_document(struct walk *w)
{
    struct fetching *g = w->g;
    struct td_result *res = &g->res;
    struct parse_in in = {.bytes = buf_str(&res->body),
                          .n = res->body.len,
                          .base_url = res->content_location ? res->content_location : g->url,
                          .content_type = res->content_type,
                          .link = res->link};
    struct td_err err = {""};
    int r = parse_feed(&in, &g->batch, &err);
    if (r == -ENOMSG && discover(w, &in))
        return true;
    if (r < 0) {
        res->outcome = r == -ENOMSG ? TD_OUT_NOT_A_FEED : TD_OUT_TOO_LARGE;
        td_result_say(res, "%s", err.msg);
    } else if (g->batch->truncated) {
        res->outcome = TD_OUT_INCOMPLETE;
        td_result_say(res, "the document ends in the middle; its items were used");
    }
    return false;
}

static int count_new(const struct fetching *g)
{
    int n = 0;
    if (g->batch && !g->rec->fates)
        return (int)g->batch->n_entries;
    for (const char *p = g->rec->fates; p && *p; p++)
        n += *p == TD_FATE_NEW || *p == TD_FATE_BACKLOG;
    return n;
}

/* What the daemon decides after such a fetch (settle.c). */
static void decide(struct fetching *g)
{
    const struct td_result *res = &g->res;
    int64_t now = g->rec->decided_at;
    struct td_fetch_note note = {.at = now,
                                 .n_new = g->n_new,
                                 .http_status = (int16_t)res->http_status,
                                 .outcome = (uint8_t)res->outcome};
    struct move_event mv = {
        .now = now, .outcome = res->outcome, .moved_to = g->moved_to, .found = g->found};
    struct policy_event ev = {.now = now,
                              .outcome = res->outcome,
                              .http_status = res->http_status,
                              .retry_after_at = res->retry_after_at,
                              .fresh = res->fresh,
                              .hints = g->batch ? &g->batch->hints : NULL,
                              .n_new = g->n_new};
    td_feed_state_copy(&g->state, &g->rec->state);
    td_feed_state_note(&g->state, &note);
    move_apply(&g->state, &g->rec->conf, &mv);
    policy_apply(&g->state, &g->rec->conf, &ev);
}

/* A recording of another program says nothing of a feed. */
static void fill_in(struct td_recording *rec)
{
    struct td_feed_conf *c = &rec->conf;
    if (!c->url && rec->hops)
        c->url = xstrdup(rec->hops->url);
    if (!c->name)
        c->name = xstrdup(c->url ? c->url : "");
    c->timeout_ms = c->timeout_ms > 0 ? c->timeout_ms : LIMIT_FETCH_MS;
    c->max_body_bytes = c->max_body_bytes ? c->max_body_bytes : LIMIT_BODY_BYTES;
    c->max_body_bytes = MIN(c->max_body_bytes, (size_t)LIMIT_BODY_MAX_BYTES);
    c->min_interval_ms = c->min_interval_ms > 0 ? c->min_interval_ms : LIMIT_INTERVAL_FLOOR_MS;
}

static int walk(struct walk *w, struct td_err *err)
{
    for (;;) {
        int r = hop(w, err);
        if (r < 0)
            return r;
        if (follow(w))
            continue;
        if (w->g->res.outcome != TD_OUT_OK || !read_document(w))
            return 0;
    }
}

int fetching_run(struct fetching *g, const struct settings *s, struct td_err *err)
{
    struct fetch_conf fc = {.contact = s ? s->contact : NULL,
                            .allow = s ? s->allow : NULL,
                            .n_allow = s ? s->n_allow : 0,
                            .max_transfers = 1};
    fill_in(g->rec);
    struct walk w = {.g = g, .loop = ev_default_loop(0), .next = g->rec->hops};
    if (!(w.fetcher = fetcher_new(w.loop, &fc, err)))
        return -ENOMEM;
    xreplace(&g->url, move_url(&g->rec->state, &g->rec->conf));
    int r = walk(&w, err);
    fetcher_free(w.fetcher);
    const struct td_exchange *x;
    LL_FOREACH (g->rec->hops, x)
        if (!g->rec->decided_at || g->live)
            g->rec->decided_at = x->ended_at;
    g->n_new = count_new(g);
    if (r == 0)
        decide(g);
    return r;
}

void fetching_fini(struct fetching *g)
{
    td_result_fini(&g->res);
    td_batch_free(g->batch);
    td_feed_state_fini(&g->state);
    free(g->url);
    free(g->moved_to);
    free(g->found);
}
