#include "parse/pool_private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message_ids.h"
#include "parse/launch.h"

/* This many starts in a row that fail mean a broken environment, not a bad moment. */
#define START_TRIES          3
#define START_BACKOFF_MS     1000
#define START_BACKOFF_MAX_MS 60000

/* ---- jobs ----------------------------------------------------------------------------------- */

static void free_job(struct pool *p, struct pool_job *j)
{
    p->bytes -= j->body.len;
    buf_free(&j->head);
    buf_free(&j->body);
    free(j->feed);
    free(j);
}

void pool_finish(struct pool *p, struct pool_job *j, struct pool_answer *a)
{
    p->progress_at = clock_mono_ms();
    if (j->done)
        j->done(j->ctx, a);
    else
        td_batch_free(a->batch);
    free_job(p, j);
}

void pool_finish_died(struct pool *p, struct pool_job *j, const char *why)
{
    struct pool_answer a = {.status = POOL_DIED};
    td_err(&a.err, 0, "%s", why);
    pool_finish(p, j, &a);
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

/* ---- do children start? --------------------------------------------------------------------- */

void pool_start_worked(struct pool *p)
{
    p->n_failed_starts = 0;
    if (p->broken)
        log_notice("parser: children start again");
    p->broken = false;
}

void pool_start_failed(struct pool *p, const char *why)
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

/* ---- the pool ------------------------------------------------------------------------------- */

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

void pool_dispatch(struct pool *p)
{
    for (int i = 0; i < p->n_children && p->n_waiting; i++) {
        struct pool_job *j = p->children[i].state == IDLE ? next_job(p) : NULL;
        if (j)
            pool_child_give(p->children + i, j);
    }
    for (int i = 0; i < p->n_children; i++)
        while (p->children[i].state == NONE && wants_child(p))
            pool_child_start(p->children + i);
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
        pool_finish_died(p, j, why.msg);
    }
}

/* Nobody can serve the queue. */
static void on_kick(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct pool *p = w->data;
    if (p->broken)
        fail_urgent(p);
    pool_dispatch(p);
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
        pool_child_clear(c);
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
    pool_dispatch(p);
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
