/*
 * A tail is a follower with a connection. libmicrohttpd reads the request; from there on its
 * connection stays suspended and the answer is written here, straight from the rendered events that
 * all followers share: a frame of several events is one sendmsg, without a copy of ours and without
 * a turn through libmicrohttpd. (With a thousand followers that is a thousand times less of
 * everything at each event.) When the socket takes no more, the tail waits for it, so a reader that
 * does not read holds one frame and nobody else. At the end libmicrohttpd gets its connection back,
 * to close it.
 *
 * The body has the chunked coding (RFC 9112 7.1), a chunk for each frame, so that a client can tell
 * the end from a daemon that died; an HTTP/1.0 client gets it as it is.
 */
#include "serve/request.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

struct tail {
    struct request *q;
    struct follower *f;
    struct filter *filter;
    char *as;              /* the consumer; NULL = nobody by name */
    bool position_follows; /* as is a subscription */
    int64_t given, acked;  /* seqs; of a subscription. acked -1: it was set back, nobody knows */
    bool replaced;         /* another client follows as AS */
    bool sse, chunked, begun;
    bool ending; /* nothing is asked of the follower any more */
    bool ended;  /* its last bytes are in LEAD */
    bool over;   /* libmicrohttpd has its connection back */
    int fd;
    ev_io room;      /* the socket takes bytes again */
    int64_t sent_at; /* monotonic */

    struct buf lead; /* as it is: the head, our own words as chunks; goes before the frame */
    struct event_text *frame[LIMIT_FRAME_EVENTS]; /* references */
    int n_frame;
    size_t frame_bytes;  /* of the events */
    char frame_size[20]; /* the line before them; "" = not chunked */
    size_t frame_sent;   /* of all that belongs to the frame */
    struct tail *prev, *next;
};

/* ---- what is sent --------------------------------------------------------------------------- */

static struct iovec window(const struct tail *t, struct event_text *e)
{
    size_t from = t->sse ? 0 : e->json_off;
    return (struct iovec){e->text + from, t->sse ? e->len : e->json_len + 1};
}

static void say(struct tail *t, const char *text, size_t n)
{
    if (t->chunked)
        buf_addf(&t->lead, "%zx\r\n", n);
    buf_add(&t->lead, text, n);
    if (t->chunked)
        buf_adds(&t->lead, "\r\n");
}

static void say_error(struct tail *t, int result, const struct td_err *err)
{
    CLEANUP_BUF struct buf b = BUF_INIT(4096);
    struct jw w = {.b = &b};
    if (t->sse)
        buf_adds(&b, "event: error\ndata: ");
    jw_begin_object(&w, NULL);
    jw_begin_object(&w, "error");
    jw_int(&w, "status", request_status(result));
    jw_str(&w, "reason", err->msg);
    jw_end_object(&w);
    jw_end_object(&w);
    buf_adds(&b, t->sse ? "\n\n" : "\n");
    say(t, b.data, b.len);
}

static void frame_drop(struct tail *t)
{
    while (t->n_frame > 0)
        event_text_unref(t->frame[--t->n_frame]);
    t->frame_bytes = t->frame_sent = 0;
}

/* The next frame, or the end's words; false: the follower will wake us, or all is said. */
static bool gather(struct tail *t)
{
    const struct event_text *e;
    struct td_err err;
    int r = !t->replaced || t->ending
                ? 1
                : td_err(&err, -EBUSY,
                         "another client follows as %.200s since now: a name is one "
                         "consumer",
                         t->as);
    while (r == 1 && !t->ending && t->n_frame < LIMIT_FRAME_EVENTS &&
           t->frame_bytes < LIMIT_FRAME_BYTES && (r = follower_next(t->f, &e, &err)) == 1) {
        t->frame[t->n_frame] = event_text_ref((struct event_text *)e);
        t->frame_bytes += window(t, t->frame[t->n_frame++]).iov_len;
        t->given = e->seq;
    }
    if (t->n_frame > 0) { /* what ended it is said again when it is asked again */
        t->frame_size[0] = 0;
        if (t->chunked)
            snprintf(t->frame_size, sizeof t->frame_size, "%zx\r\n", t->frame_bytes);
        return true;
    }
    if (r < 0 && r != -ENODATA)
        say_error(t, r, &err);
    t->ending = t->ending || r < 0;
    if (t->ending && !t->ended) {
        t->ended = true;
        if (t->chunked)
            buf_adds(&t->lead, "0\r\n\r\n");
    }
    return t->lead.len > 0;
}

/* One write of all that waits: what the socket took, or negative errno. */
static ssize_t write_some(struct tail *t)
{
    static char crlf[] = "\r\n";
    struct iovec v[LIMIT_FRAME_EVENTS + 3];
    size_t n = 0, skip = t->frame_sent;
    if (t->lead.len)
        v[n++] = (struct iovec){t->lead.data, t->lead.len};
    size_t first = n;
    if (t->n_frame) {
        v[n++] = (struct iovec){t->frame_size, strlen(t->frame_size)};
        for (int i = 0; i < t->n_frame; i++)
            v[n++] = window(t, t->frame[i]);
        v[n++] = (struct iovec){crlf, t->chunked ? 2 : 0};
    }
    for (; first < n && skip >= v[first].iov_len && skip > 0; first++) { /* has been sent */
        skip -= v[first].iov_len;
        v[first].iov_len = 0;
    }
    if (skip) {
        v[first].iov_base = (char *)v[first].iov_base + skip;
        v[first].iov_len -= skip;
    }
    struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
    ssize_t sent = sendmsg(t->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

/* The socket took N bytes of it. */
static void was_sent(struct tail *t, size_t n)
{
    size_t of_lead = MIN(n, t->lead.len);
    if (of_lead)
        buf_consume(&t->lead, of_lead);
    t->frame_sent += n - of_lead;
    if (t->n_frame &&
        t->frame_sent == strlen(t->frame_size) + t->frame_bytes + (t->chunked ? 2 : 0))
        frame_drop(t);
}

/* libmicrohttpd closes the connection, and with it the request (on_request in http.c). */
static void end(struct tail *t)
{
    t->over = true;
    ev_io_stop(t->q->s->loop, &t->room);
    request_resume(t->q);
}

/* Sends until there is nothing, the socket is full, or it is the others' turn. */
static void go_on(struct tail *t)
{
    size_t turn = 0;
    if (t->over)
        return;
    t->sent_at = clock_mono_ms();
    while (turn < LIMIT_TURN_BYTES && (t->lead.len || t->n_frame || gather(t))) {
        ssize_t n = write_some(t);
        if (n == -EINTR)
            continue;
        if (n == -EAGAIN || n == -EWOULDBLOCK) {
            ev_io_start(t->q->s->loop, &t->room);
            return;
        }
        if (n < 0) {
            end(t);
            return;
        }
        was_sent(t, (size_t)n);
        turn += (size_t)n;
    }
    if (turn >= LIMIT_TURN_BYTES)
        ev_io_start(t->q->s->loop, &t->room);
    else if (t->ended)
        end(t);
    else
        ev_io_stop(t->q->s->loop, &t->room);
}

static void on_room(struct ev_loop *loop, ev_io *w, int revents)
{
    go_on(w->data);
}

static void on_wake(void *ctx)
{
    struct tail *t = ctx;
    if (!ev_is_active(&t->room)) /* else it has a frame, and will ask when that is sent */
        go_on(t);
}

/* ---- positions ------------------------------------------------------------------------------ */

/* Everything it was given is acknowledged: what lies behind did not match. */
static void position_follows(struct tail *t)
{
    int64_t at = follower_position(t->f);
    if (!t->position_follows || t->replaced || t->acked < 0 || t->acked < t->given ||
        at - t->acked < LIMIT_POSITION_LAG)
        return;
    t->acked = at;
    store_cursor_set(t->q->s->store, t->as, at, NULL, NULL);
}

void tail_acknowledged(struct serve *s, const char *name, int64_t seq)
{
    struct tail *t;
    DL_FOREACH (s->tails, t)
        if (t->as && str_eq(t->as, name))
            t->acked = seq < t->acked ? -1 : seq;
}

void tail_rewound(struct serve *s, const char *name)
{
    struct tail *t;
    DL_FOREACH (s->tails, t)
        if (t->as && str_eq(t->as, name))
            t->acked = -1;
}

/* ---- those who are silent -------------------------------------------------------------------- */

/* Ends those whose client is gone, and lets the silent ones say that they are alive. */
static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct serve *s = w->data;
    struct pollfd fds[LIMIT_CONNECTIONS];
    struct tail *t;
    nfds_t n = 0;
    int64_t now = clock_mono_ms();
    DL_FOREACH (s->tails, t)
        fds[n++] = (struct pollfd){.fd = t->over ? -1 : t->fd}; /* POLLHUP comes unasked */
    if (poll(fds, n, 0) < 0)
        return;
    n = 0;
    DL_FOREACH (s->tails, t) {
        position_follows(t);
        bool gone = fds[n++].revents & (POLLHUP | POLLERR | POLLNVAL);
        if (t->over || !t->begun)
            continue;
        if (gone) {
            end(t);
        } else if (t->sse && !ev_is_active(&t->room) && now - t->sent_at >= LIMIT_SSE_SILENCE_MS) {
            say(t, ":\n\n", 3);
            go_on(t);
        }
    }
}

void tail_init(struct serve *s)
{
    ev_timer_init(&s->tails_tick, on_tick, LIMIT_GONE_S, LIMIT_GONE_S);
    s->tails_tick.data = s;
}

/* Ends those that follow as NAME. */
static void replace(struct serve *s, const char *name)
{
    struct tail *t;
    DL_FOREACH (s->tails, t) {
        t->replaced = t->replaced || (t->as && str_eq(t->as, name));
        if (t->replaced && t->begun && !ev_is_active(&t->room)) /* else it will come to it */
            go_on(t);
    }
}

static const char *type_of(const struct tail_conf *conf)
{
    return conf->sse ? "text/event-stream" : "application/jsonl";
}

void tail_head_only(struct request *q, const struct tail_conf *conf)
{
    q->type = type_of(conf);
    q->endless = q->last = true;
}

void tail_new(struct request *q, const struct tail_conf *conf)
{
    struct serve *s = q->s;
    struct tail *t = xcalloc(1, sizeof *t);
    struct follower_conf where = conf->where;
    where.wake = on_wake;
    where.ctx = t;
    where.filter = t->filter = conf->filter;
    t->as = xstrdup_or_null(conf->as);
    t->position_follows = t->as && conf->filter && conf->position_follows;
    t->acked = where.after;
    t->q = q;
    t->sse = conf->sse;
    t->sent_at = clock_mono_ms();
    t->fd = MHD_get_connection_info(q->conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    t->f = follower_new(s->stream, &where);
    ev_io_init(&t->room, on_room, t->fd, EV_WRITE);
    t->room.data = t;
    buf_init(&t->lead, 8192); /* the head, an error's JSON, comments */
    q->type = type_of(conf);
    q->tail = t;
    if (t->as)
        replace(s, t->as);
    if (!s->tails)
        ev_timer_again(s->loop, &s->tails_tick);
    DL_APPEND(s->tails, t);
}

static void say_head(struct tail *t)
{
    char date[40];
    time_t now = (time_t)(clock_now_ms() / 1000);
    struct tm tm;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    buf_addf(&t->lead,
             "HTTP/1.1 200 OK\r\nDate: %s\r\nConnection: close\r\nContent-Type: %s\r\n"
             "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n%s\r\n",
             date, t->q->type, t->chunked ? "Transfer-Encoding: chunked\r\n" : "");
}

bool tail_run(struct tail *t, const char *version)
{
    const int on = 1;
    if (t->over)
        return false;
    MHD_suspend_connection(t->q->conn);
    if (t->begun)
        return true;
    t->begun = true;
    t->q->s->n_answers[2]++;
    t->chunked = str_eq(version, MHD_HTTP_VERSION_1_1);
    setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* refused by a unix socket */
    say_head(t);
    if (t->sse)
        say(t, "retry: 3000\n\n", strlen("retry: 3000\n\n"));
    go_on(t);
    return true;
}

void tail_free(struct tail *t)
{
    if (!t)
        return;
    struct serve *s = t->q->s;
    DL_DELETE(s->tails, t);
    if (!s->tails)
        ev_timer_stop(s->loop, &s->tails_tick);
    ev_io_stop(s->loop, &t->room);
    frame_drop(t);
    follower_free(t->f);
    filter_free(t->filter);
    free(t->as);
    buf_free(&t->lead);
    free(t);
}

void tail_end_all(struct serve *s)
{
    struct tail *t;
    DL_FOREACH (s->tails, t) {
        t->ending = true;
        if (t->begun)
            go_on(t);
        if (!t->over)
            end(t); /* it does not read: the rest is not waited for */
    }
}
