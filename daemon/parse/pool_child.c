#include "parse/pool_private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "parse/answer.h"
#include "parse/launch.h"
#include "parse/quarantine.h"

/* ---- end ------------------------------------------------------------------------------------ */

/* Ends a child, or makes sure that one which hung up does end. What follows happens in on_reap. */
static void kill_child(struct child *c, const char *why)
{
    if (c->state == DYING)
        return;
    td_err(&c->why, 0, "%s", why);
    c->state = DYING;
    ev_io_stop(c->pool->loop, &c->io);
    ev_timer_stop(c->pool->loop, &c->deadline);
    kill(c->pid, SIGKILL);
}

/* The document goes to the quarantine; what became of it is added to WHY. */
static void quarantine(struct pool *p, struct pool_job *j, struct td_err *why)
{
    char name[QUARANTINE_NAME];
    struct td_err err;
    if (!p->quarantine)
        return;
    int r = quarantine_keep(p->quarantine, j->feed, j->body.data, j->body.len, clock_now_ms(), name,
                            &err);
    struct td_err whole;
    if (r < 0)
        td_err(&whole, r, "the document could not be kept: %s", err.msg);
    else
        td_err(&whole, 0, "the document is kept as %s/%s", p->quarantine, name);
    td_err_prefix(&whole, 0, "%s", why->msg);
    *why = whole;
}

void pool_child_clear(struct child *c)
{
    struct pool *p = c->pool;
    ev_io_stop(p->loop, &c->io);
    ev_timer_stop(p->loop, &c->deadline);
    ev_child_stop(p->loop, &c->reap);
    if (c->fd >= 0)
        close(c->fd);
    buf_free(&c->payload);
    *c = (struct child){.pool = p, .fd = -1};
}

/* ---- answers -------------------------------------------------------------------------------- */

static void job_answered(struct child *c)
{
    struct pool *p = c->pool;
    struct pool_answer a = {0};
    char *links[LIMIT_DISCOVERED + 1];
    CLEANUP_BUF struct buf payload = c->payload;
    enum frame_kind kind = (enum frame_kind)c->head.kind;
    buf_init(&c->payload, LIMIT_WIRE_BYTES);
    c->head_got = 0;
    if (c->sent < c->job->head.len + c->job->body.len) {
        kill_child(c, "the parser answered before it had read the document");
        return;
    }
    if (!answer_read(kind, &payload, &a, links)) {
        struct td_err why;
        td_err(&why, 0, "the parser's answer is damaged: %s", a.err.msg[0] ? a.err.msg : "text");
        kill_child(c, why.msg);
        return;
    }
    struct pool_job *j = TAKE(c->job);
    ev_timer_stop(p->loop, &c->deadline);
    c->state = IDLE;
    if (++c->n_jobs >= p->max_jobs)
        kill_child(c, "");
    pool_dispatch(p);
    pool_finish(p, j, &a);
}

static void child_ready(struct child *c)
{
    struct pool *p = c->pool;
    c->state = IDLE;
    c->ready = true;
    c->head_got = 0;
    ev_timer_stop(p->loop, &c->deadline);
    pool_start_worked(p);
    p->progress_at = clock_mono_ms();
    pool_dispatch(p);
}

/* One receive into what is expected next. True: there may be more to read. */
static bool receive(struct child *c)
{
    bool in_head = c->head_got < sizeof c->head;
    char *to = in_head ? (char *)&c->head + c->head_got : c->payload.data + c->payload.len;
    size_t want = in_head ? sizeof c->head - c->head_got : c->head.len - c->payload.len;
    ssize_t k = recv(c->fd, to, want, MSG_DONTWAIT);
    if (k < 0)
        return errno == EINTR;
    if (k == 0) {
        kill_child(c, "");
        return false;
    }
    if (c->state == IDLE) {
        kill_child(c, "the parser spoke unasked");
        return false;
    }
    if (in_head)
        c->head_got += (size_t)k;
    else
        c->payload.data[c->payload.len += (size_t)k] = 0;
    return true;
}

/* Looks whether a whole answer is there and acts on it. */
static void look_at_answer(struct child *c)
{
    if (c->head_got < sizeof c->head)
        return;
    if (c->head.kind >= FRAME_N || c->head.len > LIMIT_WIRE_BYTES ||
        (c->head.kind == FRAME_READY) != (c->state == STARTING) ||
        (c->head.kind == FRAME_READY && c->head.len)) {
        kill_child(c, "the parser's answer is damaged: kind or length");
        return;
    }
    if (c->payload.len == 0)
        buf_reserve(&c->payload, c->head.len);
    if (c->payload.len < c->head.len)
        return;
    if (c->state == STARTING)
        child_ready(c);
    else
        job_answered(c);
}

/* ---- events --------------------------------------------------------------------------------- */

/* Sends what the socket takes of the job. */
static void send_job(struct child *c)
{
    struct pool_job *j = c->job;
    size_t head = MIN(c->sent, j->head.len), body = c->sent - head;
    struct iovec v[2] = {
        {j->head.data + head, j->head.len - head},
        {j->body.data + body, j->body.len - body},
    };
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    ssize_t k = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (k > 0)
        c->sent += (size_t)k;
    else if (k < 0 && errno != EAGAIN && errno != EINTR) /* it is gone: on_reap says why */
        kill_child(c, "");
}

static void watch(struct child *c)
{
    bool more = c->state == BUSY && c->sent < c->job->head.len + c->job->body.len;
    int events = EV_READ | (more ? EV_WRITE : 0);
    if (c->state == DYING ||
        (ev_is_active(&c->io) && (c->io.events & (EV_READ | EV_WRITE)) == events))
        return;
    ev_io_stop(c->pool->loop, &c->io);
    ev_io_set(&c->io, c->fd, events);
    ev_io_start(c->pool->loop, &c->io);
}

/* One piece in and one piece out a call, so that no child keeps the loop. */
static void on_io(struct ev_loop *loop, ev_io *w, int revents)
{
    struct child *c = w->data;
    if (revents & EV_READ && receive(c))
        look_at_answer(c);
    if (revents & EV_WRITE && c->state == BUSY)
        send_job(c);
    watch(c);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct child *c = w->data;
    struct td_err why;
    if (c->state == STARTING)
        td_err(&why, 0, "the parser was not ready after %d ms", LIMIT_PARSE_MS);
    else
        td_err(&why, 0, "the parser took longer than %lld ms", (long long)c->pool->deadline_ms);
    kill_child(c, why.msg);
}

static void on_reap(struct ev_loop *loop, ev_child *w, int revents)
{
    struct child *c = w->data;
    struct pool *p = c->pool;
    struct pool_job *j = TAKE(c->job);
    struct td_err why = c->why;
    bool ready = c->ready;
    if (!why.msg[0])
        launch_words(&why, w->rstatus);
    pool_child_clear(c);
    if (!ready) {
        pool_start_failed(p, why.msg);
    } else if (j) {
        quarantine(p, j, &why);
        pool_dispatch(p);
        pool_finish_died(p, j, why.msg);
        return;
    }
    pool_dispatch(p);
}

/* ---- start and work ------------------------------------------------------------------------- */

void pool_child_start(struct child *c)
{
    struct pool *p = c->pool;
    int r = launch_parser(p->exe_fd, &c->pid, &c->fd);
    if (r < 0) {
        struct td_err why;
        td_err(&why, r, "%s: %s", p->exe, strerror(-r));
        pool_child_clear(c);
        pool_start_failed(p, why.msg);
        return;
    }
    c->state = STARTING;
    buf_init(&c->payload, LIMIT_WIRE_BYTES);
    ev_init(&c->io, on_io);
    ev_timer_init(&c->deadline, on_deadline, LIMIT_PARSE_MS / 1000.0, 0);
    ev_child_init(&c->reap, on_reap, c->pid, 0);
    ev_set_priority(&c->reap, EV_MAXPRI); /* first in its round: nobody signals a reaped pid */
    c->io.data = c->deadline.data = c->reap.data = c;
    ev_timer_start(p->loop, &c->deadline);
    ev_child_start(p->loop, &c->reap);
    watch(c);
}

void pool_child_give(struct child *c, struct pool_job *j)
{
    struct pool *p = c->pool;
    c->state = BUSY;
    c->job = j;
    c->sent = 0;
    ev_timer_set(&c->deadline, (double)p->deadline_ms / 1000, 0);
    ev_timer_start(p->loop, &c->deadline);
    send_job(c);
    watch(c);
}
