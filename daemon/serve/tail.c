/*
 * A tail is a follower with a connection: libmicrohttpd asks for bytes when the socket takes some,
 * so a reader that does not read is simply never asked. With nothing to send the connection is
 * suspended until the follower wakes, a comment is due, or the client is found to be gone.
 */
#include "serve/request.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#define TICK_S     5.    /* how soon a client that went away is noticed */
#define COMMENT_MS 15000 /* silence after which an SSE client gets a comment line */
#define BLOCK      8192  /* asked for at once */

struct tail {
    struct request *q;
    struct follower *f;
    struct filter *filter;
    char *as;             /* of a subscription; NULL = none */
    int64_t given, acked; /* seqs; of a subscription */
    bool sse, suspended, ending;
    int fd;
    int64_t sent_at;              /* monotonic */
    const struct event_text *now; /* the event that is being sent */
    size_t at, end;               /* what is left of it */
    struct buf extra;             /* our own words, sent between events */
    struct tail *prev, *next;
};

static size_t copy(struct tail *t, char *out, size_t room)
{
    const char *from = t->extra.len ? t->extra.data : t->now->text + t->at;
    size_t n = MIN(room, t->extra.len ? t->extra.len : t->end - t->at);
    memcpy(out, from, n);
    if (t->extra.len)
        buf_consume(&t->extra, n);
    else if ((t->at += n) == t->end)
        t->now = NULL;
    return n;
}

static void say_error(struct tail *t, int result, const struct td_err *err)
{
    struct jw w = {.b = &t->extra};
    if (t->sse)
        buf_adds(&t->extra, "event: error\ndata: ");
    jw_begin_object(&w, NULL);
    jw_begin_object(&w, "error");
    jw_int(&w, "status", request_status(result));
    jw_str(&w, "reason", err->msg);
    jw_end_object(&w);
    jw_end_object(&w);
    buf_adds(&t->extra, t->sse ? "\n\n" : "\n");
}

/* Makes sure there is something to copy; false: wait, or the end (t->ending). */
static bool refill(struct tail *t)
{
    struct td_err err;
    if (t->extra.len || t->now)
        return true;
    if (t->ending)
        return false;
    int r = follower_next(t->f, &t->now, &err);
    if (r == 1) {
        t->given = t->now->seq;
        t->at = t->sse ? 0 : t->now->json_off;
        t->end = t->sse ? t->now->len : t->now->json_off + t->now->json_len + 1;
        return true;
    }
    t->ending = r < 0;
    if (r < 0 && r != -ENODATA)
        say_error(t, r, &err);
    return t->extra.len > 0;
}

static ssize_t on_room(void *ctx, uint64_t pos, char *out, size_t room)
{
    struct tail *t = ctx;
    size_t n = 0;
    while (n < room && refill(t))
        n += copy(t, out + n, room - n);
    if (n > 0) {
        t->sent_at = clock_mono_ms();
        return (ssize_t)n;
    }
    if (t->ending)
        return MHD_CONTENT_READER_END_OF_STREAM;
    t->suspended = true;
    MHD_suspend_connection(t->q->conn);
    return 0;
}

static void tail_resume(struct tail *t)
{
    if (t->suspended) {
        t->suspended = false;
        request_resume(t->q);
    }
}

static void on_wake(void *ctx)
{
    tail_resume(ctx);
}

#define FOLLOW_EVENTS 1000 /* a position that follows costs a sync each time */

/* Everything it was given is acknowledged: what lies behind did not match. */
static void position_follows(struct tail *t)
{
    int64_t at = follower_position(t->f);
    if (!t->as || t->acked < t->given || at - t->acked < FOLLOW_EVENTS)
        return;
    t->acked = at;
    store_cursor_set(t->q->s->store, t->as, at, NULL, NULL);
}

void tail_acknowledged(struct serve *s, const char *name, int64_t seq)
{
    struct tail *t;
    DL_FOREACH (s->tails, t)
        if (t->as && str_eq(t->as, name))
            t->acked = seq;
}

/* Ends those whose client is gone, and lets the silent ones say that they are alive. */
static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct serve *s = w->data;
    struct pollfd fds[LIMIT_CONNECTIONS];
    struct tail *t, *next;
    nfds_t n = 0;
    int64_t now = clock_mono_ms();
    DL_FOREACH (s->tails, t)
        fds[n++] = (struct pollfd){.fd = t->suspended ? t->fd : -1}; /* POLLHUP comes unasked */
    if (poll(fds, n, 0) < 0)
        return;
    n = 0;
    DL_FOREACH_SAFE(s->tails, t, next)
    {
        position_follows(t);
        bool gone = fds[n++].revents & (POLLHUP | POLLERR | POLLNVAL);
        if (gone)
            t->ending = true;
        else if (t->sse && t->suspended && now - t->sent_at >= COMMENT_MS)
            buf_adds(&t->extra, ":\n\n");
        if (gone || t->extra.len)
            tail_resume(t);
    }
}

void tail_init(struct serve *s)
{
    ev_timer_init(&s->tails_tick, on_tick, TICK_S, TICK_S);
    s->tails_tick.data = s;
}

void tail_new(struct request *q, const struct tail_conf *conf)
{
    struct serve *s = q->s;
    struct tail *t = xcalloc(1, sizeof *t);
    struct follower_conf where = conf->where;
    where.wake = on_wake;
    where.ctx = t;
    where.filter = t->filter = conf->filter;
    t->as = conf->filter ? xstrdup_or_null(conf->as) : NULL;
    t->acked = where.after;
    t->q = q;
    t->sse = conf->sse;
    t->sent_at = clock_mono_ms();
    t->fd = MHD_get_connection_info(q->conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    t->f = follower_new(s->stream, &where);
    buf_init(&t->extra, 4096); /* an error's JSON, or the greeting */
    if (t->sse)
        buf_adds(&t->extra, "retry: 3000\n\n");
    q->type = t->sse ? "text/event-stream" : "application/jsonl";
    q->tail = t;
    if (!s->tails)
        ev_timer_again(s->loop, &s->tails_tick);
    DL_APPEND(s->tails, t);
    MHD_set_connection_option(q->conn, MHD_CONNECTION_OPTION_TIMEOUT, 0);
}

struct MHD_Response *tail_response(struct request *q)
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_room, q->tail, NULL);
}

void tail_free(struct tail *t)
{
    if (!t)
        return;
    struct serve *s = t->q->s;
    DL_DELETE(s->tails, t);
    if (!s->tails)
        ev_timer_stop(s->loop, &s->tails_tick);
    follower_free(t->f);
    filter_free(t->filter);
    free(t->as);
    buf_free(&t->extra);
    free(t);
}

void tail_end_all(struct serve *s)
{
    struct tail *t;
    DL_FOREACH (s->tails, t) {
        t->ending = true;
        tail_resume(t);
    }
}
