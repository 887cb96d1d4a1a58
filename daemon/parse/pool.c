#include "parse/pool.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message_ids.h"
#include "parse/answer.h"
#include "parse/frame.h"
#include "parse/quarantine.h"
#include "parse/launch.h"

/*
 * A child's life: STARTING until it says READY, then IDLE and BUSY in turn, DYING from the moment
 * we know that it is lost (or have killed it) until the loop has reaped it. Only then is its job
 * answered, because only then is it known what it died of.
 */
enum child_state { NONE, STARTING, IDLE, BUSY, DYING };

/* This many starts in a row that fail mean a broken environment, not a bad moment. */
#define START_TRIES          3
#define START_BACKOFF_MS     1000
#define START_BACKOFF_MAX_MS 60000

struct pool_job {
    struct pool_job *next;
    struct pool *pool;
    bool taken;      /* out of the queue */
    bool urgent;     /* cannot wait for the environment to be mended */
    struct buf head; /* struct frame_job and its strings */
    struct buf body;
    char *feed;
    pool_done_fn *done; /* NULL: cancelled */
    void *ctx;
};

struct child {
    struct pool *pool;
    enum child_state state;
    bool ready; /* it has been IDLE once */
    pid_t pid;
    int fd;
    ev_io io;
    ev_timer deadline;
    ev_child reap;
    struct pool_job *job; /* BUSY, or DYING with a job to answer */
    int n_jobs;
    size_t sent;              /* bytes of the job */
    struct frame_answer head; /* of the answer that is being read */
    size_t head_got;
    struct buf payload;
    struct td_err why; /* DYING: our reason, "" = it went by itself */
};

struct pool {
    struct ev_loop *loop;
    char *exe, *quarantine;
    int exe_fd;
    int64_t deadline_ms;
    int max_jobs;
    struct pool_job *first, **end; /* the queue; may hold cancelled jobs, whose bodies are gone */
    size_t n_waiting, n_urgent, bytes; /* n_urgent: of those that wait */
    long long progress_at;
    int n_failed_starts; /* in a row */
    bool broken;         /* no child can be started; said in the log */
    int64_t retry_at;    /* monotonic */
    struct td_err broken_why;
    ev_timer kick; /* broken: fails what is urgent, and tries the next start */
    int n_children;
    struct child children[];
};

static void dispatch(struct pool *p);
static void start_failed(struct pool *p, const char *why);

/* ---- jobs -------------------------------------------------------------------------------- */

static void free_job(struct pool *p, struct pool_job *j)
{
    p->bytes -= j->body.len;
    buf_free(&j->head);
    buf_free(&j->body);
    free(j->feed);
    free(j);
}

/* Hands the answer over and forgets the job. The pool is consistent: DONE may call it. */
static void finish(struct pool *p, struct pool_job *j, struct pool_answer *a)
{
    p->progress_at = clock_mono_ms();
    if (j->done)
        j->done(j->ctx, a);
    else
        td_batch_free(a->batch);
    free_job(p, j);
}

static void finish_died(struct pool *p, struct pool_job *j, const char *why)
{
    struct pool_answer a = {.status = POOL_DIED};
    td_err(&a.err, 0, "%s", why);
    finish(p, j, &a);
}

static void add_string(struct buf *b, const char *s)
{
    buf_add(b, s ? s : "", s ? strlen(s) + 1 : 1);
}

static struct pool_job *new_job(struct pool_request *req, pool_done_fn *done, void *ctx)
{
    struct pool_job *j = xcalloc(1, sizeof *j);
    struct frame_job f = {.body = (uint32_t)req->body.len, .discover = req->want_discovery};
    buf_init(&j->head, sizeof f + LIMIT_WIRE_BYTES);
    buf_add(&j->head, &f, sizeof f);
    add_string(&j->head, req->base_url);
    add_string(&j->head, req->content_type);
    add_string(&j->head, req->link);
    f.strings = (uint32_t)(j->head.len - sizeof f);
    memcpy(j->head.data, &f, sizeof f);
    j->body = req->body;
    req->body = (struct buf){.max = req->body.max};
    j->feed = xstrdup(req->feed ? req->feed : "");
    j->urgent = req->urgent;
    j->done = done;
    j->ctx = ctx;
    return j;
}

static void leaves_queue(struct pool_job *j)
{
    j->pool->n_waiting--;
    j->pool->n_urgent -= j->urgent;
}

static struct pool_job *next_job(struct pool *p)
{
    for (struct pool_job *j; (j = p->first);) {
        p->first = j->next;
        if (!p->first)
            p->end = &p->first;
        if (j->done) {
            leaves_queue(j);
            j->taken = true;
            return j;
        }
        free_job(p, j);
    }
    return NULL;
}

/* ---- children: end ------------------------------------------------------------------------ */

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

/* Frees the slot. */
static void clear_child(struct child *c)
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

/* ---- children: answers --------------------------------------------------------------------- */

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
    dispatch(p);
    finish(p, j, &a);
}

static void child_ready(struct child *c)
{
    struct pool *p = c->pool;
    c->state = IDLE;
    c->ready = true;
    c->head_got = 0;
    ev_timer_stop(p->loop, &c->deadline);
    p->n_failed_starts = 0;
    if (p->broken)
        log_notice("parser: children start again");
    p->broken = false;
    p->progress_at = clock_mono_ms();
    dispatch(p);
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

/* ---- children: events ---------------------------------------------------------------------- */

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
    clear_child(c);
    if (!ready) {
        start_failed(p, why.msg);
    } else if (j) {
        quarantine(p, j, &why);
        dispatch(p);
        finish_died(p, j, why.msg);
        return;
    }
    dispatch(p);
}

/* ---- children: start ----------------------------------------------------------------------- */

static void start_failed(struct pool *p, const char *why)
{
    if (++p->n_failed_starts < START_TRIES)
        return;
    int64_t wait = START_BACKOFF_MS;
    for (int i = START_TRIES; i < p->n_failed_starts && wait < START_BACKOFF_MAX_MS; i++)
        wait *= 2;
    p->retry_at = clock_mono_ms() + MIN(wait, (int64_t)START_BACKOFF_MAX_MS);
    td_err(&p->broken_why, 0, "no parser can be started: %s", why);
    if (!p->broken)
        log_alert(LOG_ERR, MSG_PARSERS_BROKEN, "%s; documents wait until one starts",
                  p->broken_why.msg);
    p->broken = true;
}

static void start_child(struct child *c)
{
    struct pool *p = c->pool;
    int r = launch_parser(p->exe_fd, &c->pid, &c->fd);
    if (r < 0) {
        struct td_err why;
        td_err(&why, r, "%s: %s", p->exe, strerror(-r));
        clear_child(c);
        start_failed(p, why.msg);
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

/* ---- the pool ------------------------------------------------------------------------------ */

static void give_job(struct child *c, struct pool_job *j)
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

static int count(const struct pool *p, enum child_state s)
{
    int n = 0;
    for (int i = 0; i < p->n_children; i++)
        n += p->children[i].state == s;
    return n;
}

/* May one more child be started for what waits? When the environment is broken: one at a time, and
 * not before its time. */
static bool wants_child(const struct pool *p)
{
    int starting = count(p, STARTING);
    if (p->broken && (starting || clock_mono_ms() < p->retry_at))
        return false;
    return p->n_waiting > (size_t)starting;
}

/* Gives what waits to idle children, starts more where some still waits. */
static void dispatch(struct pool *p)
{
    for (int i = 0; i < p->n_children && p->n_waiting; i++) {
        struct pool_job *j = p->children[i].state == IDLE ? next_job(p) : NULL;
        if (j)
            give_job(p->children + i, j);
    }
    for (int i = 0; i < p->n_children; i++)
        while (p->children[i].state == NONE && wants_child(p))
            start_child(p->children + i);
    ev_timer_stop(p->loop, &p->kick);
    if (p->broken && p->n_waiting && count(p, NONE) == p->n_children) {
        int64_t left = p->n_urgent ? 0 : MAX(p->retry_at - clock_mono_ms(), (int64_t)0);
        ev_timer_set(&p->kick, (double)left / 1000, 0);
        ev_timer_start(p->loop, &p->kick);
    }
}

static void append(struct pool *p, struct pool_job *j)
{
    j->next = NULL;
    *p->end = j;
    p->end = &j->next;
}

/* What is urgent in the queue fails; what its owners submit meanwhile comes behind the rest. */
static void fail_urgent(struct pool *p)
{
    struct td_err why = p->broken_why;
    struct pool_job *j = p->first, *next;
    p->first = NULL;
    p->end = &p->first;
    for (; j; j = next) {
        next = j->next;
        if (!j->done || !j->urgent) {
            append(p, j);
            continue;
        }
        leaves_queue(j);
        j->taken = true;
        finish_died(p, j, why.msg);
    }
}

/* Nobody can serve the queue. */
static void on_kick(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct pool *p = w->data;
    if (p->broken)
        fail_urgent(p);
    dispatch(p);
}

struct pool *pool_new(struct ev_loop *loop, const struct pool_conf *conf, struct td_err *err)
{
    if (!ev_is_default_loop(loop)) {
        td_err(err, -EINVAL, "the parser pool needs libev's default loop, which reaps children");
        return NULL;
    }
    CLEANUP_FREE char *exe = conf->exe ? xstrdup(conf->exe) : launch_path();
    int exe_fd = launch_open(exe, err);
    if (exe_fd < 0)
        return NULL;
    int n = MAX(conf->children, 1);
    struct pool *p = xcalloc(1, sizeof *p + (size_t)n * sizeof p->children[0]);
    p->loop = loop;
    p->exe = TAKE(exe);
    p->exe_fd = exe_fd;
    p->quarantine = xstrdup_or_null(conf->quarantine);
    p->deadline_ms = conf->deadline_ms ? conf->deadline_ms : LIMIT_PARSE_MS;
    p->max_jobs = conf->max_jobs ? conf->max_jobs : LIMIT_PARSER_JOBS;
    p->end = &p->first;
    p->progress_at = clock_mono_ms();
    ev_timer_init(&p->kick, on_kick, 0, 0);
    p->kick.data = p;
    p->n_children = n;
    for (int i = 0; i < n; i++)
        p->children[i] = (struct child){.pool = p, .fd = -1};
    return p;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    ev_timer_stop(p->loop, &p->kick);
    for (int i = 0; i < p->n_children; i++) {
        struct child *c = p->children + i;
        if (c->state == NONE)
            continue;
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        if (c->job)
            free_job(p, c->job);
        clear_child(c);
    }
    for (struct pool_job *j; (j = p->first);) {
        p->first = j->next;
        free_job(p, j);
    }
    close(p->exe_fd);
    free(p->exe);
    free(p->quarantine);
    free(p);
}

struct pool_job *pool_submit(struct pool *p, struct pool_request *req, pool_done_fn *done,
                             void *ctx)
{
    struct pool_job *j = new_job(req, done, ctx);
    j->pool = p;
    if (!pool_busy(p))
        p->progress_at = clock_mono_ms();
    p->bytes += j->body.len;
    p->n_waiting++;
    p->n_urgent += j->urgent;
    append(p, j);
    dispatch(p);
    return j;
}

/* A job in the queue loses its body at once and is skipped later; one that a child has in hand is
 * finished, its answer dropped. */
void pool_cancel(struct pool_job *j)
{
    struct pool *p = j->pool;
    j->done = NULL;
    if (j->taken)
        return;
    leaves_queue(j);
    p->bytes -= j->body.len;
    buf_free(&j->body);
}

bool pool_has_room(const struct pool *p)
{
    return p->bytes < LIMIT_POOL_BYTES && !(p->broken && p->n_waiting);
}

const char *pool_trouble(const struct pool *p)
{
    return p->broken ? p->broken_why.msg : NULL;
}

long long pool_progress_at(const struct pool *p)
{
    return p->progress_at;
}

bool pool_busy(const struct pool *p)
{
    return (p->n_waiting && !p->broken) || count(p, BUSY) || count(p, DYING);
}

size_t pool_waiting(const struct pool *p)
{
    return p->n_waiting;
}
