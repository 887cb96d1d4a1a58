/*
 * push_hear.c - what hubs say to us: questions, and what is new. A push goes the way of a fetched
 * document, behind what its feed is at just now.
 */
#include "push_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "fetch/gunzip.h"
#include "serve/callback.h"
#include "serve/listener.h"

/* ---- what hubs send ------------------------------------------------------------------------- */

static struct push_key *find_key(struct app *a, const char *key)
{
    struct push_key *k;
    HASH_FIND_STR(a->pushing->keys, key, k);
    return k;
}

static size_t op_max_body(void *app, const char *key)
{
    const struct push_key *k = find_key(app, key);
    return !k ? 0 : k->push->feed ? k->push->feed->conf->max_body_bytes : LIMIT_ERROR_BODY_BYTES;
}

static bool op_asked(void *app, const struct callback_question *q)
{
    struct push_key *k = find_key(app, q->key);
    int64_t now = clock_now_ms();
    enum websub_change change;
    if (!k || !q->topic)
        return false;
    struct push *p = k->push;
    bool yes = str_eq(q->mode, "denied")
                   ? websub_denied(&p->st, q->key, q->topic, q->reason, now, &change)
                   : websub_verify(&p->st, q->key, q->mode, q->topic, q->lease_s, now, &change);
    if (yes)
        push_changed(p, change);
    return yes;
}

/* The next document that waits goes on its way, if the feed is free. */
static void take_next(struct push *p)
{
    struct feed *f = p->feed;
    struct waiting *w = p->waiting;
    if (!f || !w || f->pushed)
        return;
    p->waiting = w->next;
    p->app->pushing->waiting_bytes -= w->body.len;
    flight_pushed(p->app, f, &w->body, w->type, w->call);
    buf_free(&w->body);
    free(w->type);
    free(w);
}

static void queue(struct app *a, struct feed *f, struct buf *body, const char *type, uint64_t call)
{
    struct push *p = push_of(a, f);
    struct waiting *w = xcalloc(1, sizeof *w), **last = &p->waiting;
    w->body = *body;
    *body = BUF_INIT(0);
    w->type = xstrdup_or_null(type);
    w->call = call;
    a->pushing->waiting_bytes += w->body.len;
    while (*last)
        last = &(*last)->next;
    *last = w;
    take_next(p);
}

/* For the feed and all that ride along with it. Takes BODY. */
static void deliver(struct app *a, struct feed *f, struct buf *body, const char *type,
                    uint64_t call)
{
    for (struct feed *r = f->riders; r; r = r->next_rider) {
        struct buf own = BUF_INIT(body->max);
        buf_add(&own, buf_str(body), body->len);
        queue(a, r, &own, type, 0);
    }
    queue(a, f, body, type, call);
}

/* Somebody says that there is something new: as early as politeness allows. */
static void hint(struct push *p)
{
    struct feed *f = p->feed;
    int64_t now = clock_now_ms(), at = policy_refresh_at(&f->state, f->conf, now);
    if (f->scheduled && !f->flight && at < f->node.due_at)
        schedule_move(p->app->schedule, &f->node, at);
    websub_told(&p->st, 1, now);
    app_look(p->app);
    push_changed(p, WEBSUB_SAME);
}

static void log_useless(const struct feed *f, const char *why)
{
    log_info("feed %s: its hub sent what cannot be used: %s", f->conf->name, why);
}

/* BODY as it was before it was coded, with the same ceiling; 0, or the status that says why not. */
static int decode(const struct feed *f, const char *coding, struct buf *body)
{
    if (str_empty(coding) || str_caseeq(coding, "identity"))
        return 0;
    if (!str_caseeq(coding, "gzip") && !str_caseeq(coding, "x-gzip"))
        return 415;
    CLEANUP_BUF struct buf plain = BUF_INIT(body->max);
    struct gunzip *g = gunzip_new();
    int r = gunzip_add(g, buf_str(body), body->len, &plain);
    bool whole = r == 0 && gunzip_complete(g);
    gunzip_free(g);
    if (!whole) {
        log_useless(f, r == -EFBIG ? "too large" : r ? "no gzip" : "cut off in the middle");
        return r == -EFBIG ? 413 : 202;
    }
    buf_free(body);
    *body = plain;
    plain = BUF_INIT(0);
    return 0;
}

static int op_pushed(void *app, const struct callback_push *push)
{
    struct app *a = app;
    struct pushing *g = a->pushing;
    struct push_key *k = find_key(a, push->key);
    struct buf *body = push->body;
    if (!k || !k->push->feed)
        return k ? 410 : 404;
    struct push *p = k->push;
    /* What is signed is the body as it was sent (WebSub 8). */
    switch (websub_delivered(&p->st, push->key, push->signature, buf_str(body), body->len)) {
    case WEBSUB_GONE:
        return 410;
    case WEBSUB_BAD:
        g->count.ignored++;
        log_debug("feed %s: a push with a wrong signature was ignored", p->feed->conf->name);
        return 202;
    case WEBSUB_HINT:
        g->count.hints++;
        hint(p);
        return 202;
    case WEBSUB_TAKE:
        break;
    }
    if (!a->ready || a->store_trouble || !pool_has_room(a->pool) || !store_has_room(a->store))
        return 503;
    int status = decode(p->feed, push->coding, body);
    if (status)
        return status;
    if (g->waiting_bytes + body->len > LIMIT_PUSH_BYTES)
        return 503;
    g->count.taken++;
    deliver(a, p->feed, body, push->type, push->call);
    return 0; /* the hub is told when it is stored: what it thinks delivered no crash may take */
}

void push_stored(struct app *a, struct feed *f, uint64_t call, const struct store_commit_result *r,
                 const struct td_err *why)
{
    struct push *p = f->push;
    callback_answer(a->pushing->callback, call, 202);
    if (!p)
        return;
    if (why)
        log_useless(f, why->msg);
    else
        websub_told(&p->st, r->n_new, clock_now_ms());
    take_next(p);
    push_changed(p, WEBSUB_SAME);
}

/* ---- listening ------------------------------------------------------------------------------ */

static const struct callback_ops callback_ops = {
    .max_body = op_max_body, .asked = op_asked, .pushed = op_pushed};

static int open_listener(struct app *a, struct listener *l, bool *ret_local, struct td_err *err)
{
    struct sockaddr_storage addr = {0};
    socklen_t len = sizeof addr;
    int inherited = a->pushing->inherited, r = 0;
    if (inherited < 0)
        r = listener_tcp(l, &a->settings->websub_listen, err);
    else /* its own end closes it, and a reload may need it again */
        listener_inherited(l, fcntl(inherited, F_DUPFD_CLOEXEC, 3));
    if (r == 0 && l->fd < 0)
        r = td_err(err, -errno, "the inherited socket: %s", strerror(errno));
    if (r < 0)
        return td_err_prefix(err, r, "websub-listen");
    getsockname(l->fd, (struct sockaddr *)&addr, &len);
    *ret_local = addr.ss_family == AF_UNIX || endpoint_is_loopback(&addr);
    return 0;
}

int push_listen(struct app *a, struct td_err *err)
{
    struct pushing *g = a->pushing;
    const struct settings *s = a->settings;
    char where[ENDPOINT_SHOWN];
    CLEANUP_FREE char *want = s->websub_callback
                                  ? xasprintf("%s %s", s->websub_callback,
                                              endpoint_show(where, &s->websub_listen.addr))
                                  : NULL;
    if (str_same(want, g->listening))
        return 0;
    callback_free(TAKE(g->callback));
    xreplace(&g->listening, NULL);
    if (!want)
        return 0;
    struct listener l;
    bool local = false;
    int r = open_listener(a, &l, &local, err);
    if (r < 0)
        return r;
    const char *host = strstr(s->websub_callback, "://") + 3;
    struct callback_conf conf = {
        .prefix = host + strcspn(host, "/"), .local = local, .ops = &callback_ops, .app = a};
    r = callback_new(&g->callback, a->loop, &l, &conf, err);
    if (r < 0) {
        listener_close(&l);
        return r;
    }
    g->listening = TAKE(want);
    log_info("hubs may call %s, which arrives at %s", s->websub_callback,
             g->inherited < 0 ? where : "the inherited socket");
    return 0;
}
