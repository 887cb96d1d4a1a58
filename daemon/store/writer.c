#include "store/writer.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/maintain.h"
#include "store/ops.h"
#include "store/stories_turn.h"

#define RETRY_MIN_MS 200
#define ENOUGH       64 /* operations that make a group worth its transaction */

struct rule_change {
    struct rule_change *next;
    int64_t feed_id, age_ms, count; /* feed_id 0 = the log */
};

struct writer {
    struct db *d;
    struct maintain *maintain;
    struct stories *stories; /* writer thread, and its turns */
    struct stories_turn *turn;
    struct ev_loop *loop;
    ev_async finished;
    struct store_conf conf;
    pthread_t thread;

    /* under the lock */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct op_list queue, done;
    struct rule_change *rules, **rules_tail;
    struct td_story_rules story_rules; /* to be taken over, if there are any */
    bool has_story_rules;
    bool stop;
    int64_t stop_at;    /* monotonic: give up what cannot be written */
    int64_t busy_since; /* monotonic: at one turn of work since then, 0 = asleep, or at a vacuum */
    bool trouble;
    struct td_err trouble_err;
    int64_t raised;          /* the last event that no operation has raised */
    int64_t placed, waiting; /* stories_turn_place and stories_turn_waiting */

    /* loop thread */
    size_t queued_bytes;
    _Atomic int64_t last_seq; /* written on the loop, read anywhere */
    bool trouble_told;
    int64_t told_placed, told_waiting;
    bool has_rules; /* some feed was given a retention: "none" may take one back */

    /* writer thread */
    bool upkeep_fails;
    int64_t group_end; /* of the last one, on the monotonic clock */
    size_t last_group; /* operations in it */
};

/* ---- transactions ---------------------------------------------------------------------------- */

/* An answer to the caller rather than a failure of the store. */
static bool is_answer(int r)
{
    return r == 0 || r == -ENOENT || r == -EDQUOT;
}

/* One transaction over FROM.. (N operations): 0, or negative errno with nothing written. */
static int run_group(struct writer *w, struct op *from, size_t n, bool give_stories,
                     struct td_err *err)
{
    int r = db_exec(w->d, "BEGIN IMMEDIATE", err);
    if (r < 0)
        return r;
    for (struct op *op = from; n > 0; op = op->next, n--) {
        r = op_run(w->d, w->stories, op, err);
        if (!is_answer(r))
            break;
        r = 0;
    }
    if (r == 0)
        r = give_stories ? stories_turn_join(w->turn, err) : stories_flush(w->stories, err);
    if (r == 0)
        r = db_exec(w->d, "COMMIT", err);
    if (r < 0)
        sqlite3_exec(db_handle(w->d), "ROLLBACK", NULL, NULL, NULL);
    stories_turn_joined(w->turn, r == 0);
    return r;
}

/* What was not stored must be fetched again: no validator may say that we have it. */
static void give_up(struct op *op)
{
    if (op->kind != OP_COMMIT)
        return;
    xreplace(&op->commit->state.val.etag, NULL);
    xreplace(&op->commit->state.val.last_modified, NULL);
}

/* A group that fails for a reason that will not pass is taken apart, so that one bad operation
 * cannot hold up the others: it alone fails, loudly. */
static int run_apart(struct writer *w, struct op *from, size_t n, struct td_err *err)
{
    for (struct op *op = from; n > 0; op = op->next, n--) {
        int r = run_group(w, op, 1, false, err);
        if (db_passes(r))
            return r;
        if (r < 0) {
            log_error("store: an operation was given up: %s", err->msg);
            op_failed(op, r, err);
            op->known = false;
            give_up(op);
        }
    }
    return 0;
}

static int run_all(struct writer *w, struct op_list *batch, struct td_err *err)
{
    if (batch->head->kind == OP_VACUUM) {
        int r = op_vacuum(w->d, err);
        batch->head->result = r;
        if (r < 0)
            op_failed(batch->head, r, err);
        return 0;
    }
    int r = run_group(w, batch->head, batch->n, true, err);
    return r < 0 && !db_passes(r) ? run_apart(w, batch->head, batch->n, err) : r;
}

/* ---- the thread ---------------------------------------------------------------------------- */

static void wait_ms(struct writer *w, int64_t ms)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += ms / 1000;
    ts.tv_nsec += ms % 1000 * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&w->wake, &w->lock, &ts);
}

/* Says on the loop that writing fails, or works again. */
static void tell_trouble(struct writer *w, const struct td_err *err)
{
    w->trouble = err;
    if (err)
        w->trouble_err = *err;
    ev_async_send(w->loop, &w->finished);
}

/* When groups follow upon each other and are small, each waits a little for more: one transaction
 * for ten feeds costs little more than one for one. Who hands over one operation after the other
 * does not wait. Lock held. */
static void collect(struct writer *w)
{
    int64_t wait = w->group_end + LIMIT_GROUP_COMMIT_MS - clock_mono_ms();
    if (w->stop || w->last_group < 2 || wait <= 0 || wait > LIMIT_GROUP_COMMIT_MS ||
        w->queue.n >= ENOUGH)
        return;
    struct timespec ts = {.tv_nsec = wait * 1000000};
    pthread_mutex_unlock(&w->lock);
    nanosleep(&ts, NULL);
    pthread_mutex_lock(&w->lock);
}

/* Takes the next group: a vacuum alone, else everything up to one. */
static void take_group(struct writer *w, struct op_list *batch)
{
    while (w->queue.head && batch->n < LIMIT_GROUP_COMMIT) {
        bool vacuum_next = w->queue.head->kind == OP_VACUUM;
        if (vacuum_next && batch->n)
            break;
        op_list_add(batch, op_list_pop(&w->queue));
        if (vacuum_next)
            break;
    }
}

/* Works until BATCH is durable. False: told to stop and it could not be written in time. Lock held.
 */
static bool write_group(struct writer *w, struct op_list *batch)
{
    int64_t pause = RETRY_MIN_MS;
    for (;;) {
        struct td_err err = {""};
        w->busy_since = batch->head->kind == OP_VACUUM ? 0 : clock_mono_ms();
        pthread_mutex_unlock(&w->lock);
        int r = run_all(w, batch, &err);
        pthread_mutex_lock(&w->lock);
        w->busy_since = 0;
        if (r == 0) {
            if (w->trouble)
                tell_trouble(w, NULL);
            return true;
        }
        if (!w->trouble)
            tell_trouble(w, &err);
        if (w->stop && clock_mono_ms() >= w->stop_at)
            return false;
        wait_ms(w, w->stop ? RETRY_MIN_MS : pause);
        pause = MIN(pause * 2, (int64_t)LIMIT_STORE_RETRY_MS);
    }
}

/* What the loop has been told to tell. Lock held. */
static void take_rules(struct writer *w)
{
    struct rule_change *c;
    while ((c = w->rules)) {
        w->rules = c->next;
        if (c->feed_id)
            maintain_set_retention(w->maintain, c->feed_id, c->age_ms, c->count);
        else
            maintain_set_log(w->maintain, c->age_ms, c->count);
        free(c);
    }
    w->rules_tail = &w->rules;
    if (w->has_story_rules)
        stories_set_rules(w->stories, &w->story_rules);
    w->has_story_rules = false;
}

/* What happened beside the operations: the loop hears of it. Lock held. */
static void tell_done(struct writer *w)
{
    int64_t raised = MAX(maintain_raised(w->maintain), stories_turn_raised(w->turn));
    int64_t placed = stories_turn_place(w->turn);
    if (raised > w->raised || placed != w->placed)
        ev_async_send(w->loop, &w->finished);
    w->raised = MAX(w->raised, raised);
    w->placed = placed;
    w->waiting = stories_turn_waiting(w->turn);
}

/* A step of stories and one of upkeep, which takes nothing away that still waits for its story: as
 * maintain_step, *RET_WAIT in ms from now. */
static int step_alone(struct writer *w, int64_t *ret_wait, struct td_err *err)
{
    int64_t now = clock_now_ms(), wake_at = TD_NEVER, stories_at;
    int r = stories_turn_step(w->turn, &stories_at, err);
    *ret_wait = stories_at == INT64_MAX ? INT64_MAX : stories_at - clock_mono_ms();
    if (r < 0)
        return r;
    if (r > 0)
        maintain_log_grew(w->maintain);
    maintain_hold(w->maintain, stories_at != INT64_MAX);
    int m = maintain_step(w->maintain, now, &wake_at, err);
    if (wake_at != TD_NEVER)
        *ret_wait = MIN(*ret_wait, wake_at - now);
    return m < 0 ? m : r || m;
}

/* Nothing is queued: does what else there is to do, or sleeps. Lock held. */
static void idle(struct writer *w)
{
    struct td_err err = {""};
    int64_t wait;
    take_rules(w);
    if (w->conf.no_upkeep) {
        pthread_cond_wait(&w->wake, &w->lock);
        return;
    }
    w->busy_since = clock_mono_ms();
    pthread_mutex_unlock(&w->lock);
    int r = step_alone(w, &wait, &err);
    pthread_mutex_lock(&w->lock);
    w->busy_since = 0;
    tell_done(w);
    if (r < 0 && !w->upkeep_fails)
        log_warning("store: upkeep waits: %s", err.msg);
    w->upkeep_fails = r < 0;
    if (r > 0 || w->queue.head || w->stop || w->rules)
        return;
    if (r < 0)
        wait_ms(w, LIMIT_STORE_RETRY_MS);
    else if (wait == INT64_MAX)
        pthread_cond_wait(&w->wake, &w->lock);
    else
        wait_ms(w, MAX(wait, (int64_t)10));
}

/* What upkeep has to know of a group that is durable. */
static void tell_maintain(struct writer *w, const struct op_list *batch)
{
    size_t n = batch->n;
    for (const struct op *op = batch->head; n > 0; op = op->next, n--) {
        if (op->kind == OP_COMMIT && op->known && op->commit->batch)
            maintain_wrote(w->maintain);
        if (op->kind == OP_DELETE)
            maintain_deleted(w->maintain);
    }
}

static void *thread_main(void *arg)
{
    struct writer *w = arg;
    pthread_mutex_lock(&w->lock);
    struct td_story_rules rules = w->story_rules;
    w->has_story_rules = false;
    pthread_mutex_unlock(&w->lock);
    w->stories = stories_new(w->d, &rules);
    w->turn = stories_turn_new(w->d, w->stories);
    pthread_mutex_lock(&w->lock);
    while (!w->stop || w->queue.head) {
        if (!w->queue.head) {
            idle(w);
            continue;
        }
        struct op_list batch;
        op_list_init(&batch);
        collect(w);
        take_group(w, &batch);
        take_rules(w);
        bool ok = write_group(w, &batch);
        w->group_end = clock_mono_ms();
        w->last_group = batch.n;
        tell_maintain(w, &batch);
        tell_done(w);
        while (batch.head)
            op_list_add(&w->done, op_list_pop(&batch));
        if (!ok)
            break;
        ev_async_send(w->loop, &w->finished);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- back on the loop ----------------------------------------------------------------------- */

static void answer(struct writer *w, struct op *op)
{
    w->queued_bytes -= op->bytes;
    if ((op->known || op->kind == OP_STORY) && op->counts.last_seq > w->last_seq)
        w->last_seq = op->counts.last_seq;
    if (op->kind == OP_COMMIT) {
        if (op->commit->done)
            op->commit->done(op->commit, op->known ? &op->counts : NULL);
    } else if (op->done) {
        int result = op->result == 0 && op->one_id ? (int)op->one_id : op->result;
        op->done(op->ctx, result, result < 0 ? op->err : NULL);
    }
    op_free(op);
}

static void on_finished(struct ev_loop *loop, ev_async *a, int revents)
{
    struct writer *w = a->data;
    struct td_err err;
    struct op *op;
    int64_t before = w->last_seq;
    pthread_mutex_lock(&w->lock);
    struct op_list done = w->done;
    op_list_init(&w->done);
    bool trouble = w->trouble;
    err = w->trouble_err;
    int64_t raised = w->raised, placed = w->placed;
    w->told_waiting = w->waiting;
    pthread_mutex_unlock(&w->lock);
    if (trouble != w->trouble_told && w->conf.trouble)
        w->conf.trouble(w->conf.ctx, trouble ? &err : NULL);
    w->trouble_told = trouble;
    while ((op = op_list_pop(&done)))
        answer(w, op);
    if (raised > w->last_seq)
        w->last_seq = raised;
    bool moved = placed != w->told_placed;
    w->told_placed = placed;
    if ((w->last_seq > before || moved) && w->conf.log_grew)
        w->conf.log_grew(w->conf.ctx, w->last_seq);
}

struct writer *writer_new(struct db *d, struct ev_loop *loop, const struct store_conf *conf,
                          int64_t last_seq)
{
    struct writer *w = xcalloc(1, sizeof *w);
    pthread_condattr_t attr;
    w->d = d;
    w->maintain = maintain_new(d);
    w->loop = loop;
    w->conf = *conf;
    w->last_seq = last_seq;
    w->story_rules = conf->stories ? *conf->stories : td_story_default;
    w->rules_tail = &w->rules;
    op_list_init(&w->queue);
    op_list_init(&w->done);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    ev_async_init(&w->finished, on_finished);
    w->finished.data = w;
    ev_async_start(loop, &w->finished);
    if (pthread_create(&w->thread, NULL, thread_main, w) != 0)
        abort(); /* no thread can be made: a broken environment */
    return w;
}

void writer_free(struct writer *w, int64_t wait)
{
    struct op *op;
    struct rule_change *c;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    w->stop_at = clock_mono_ms() + wait;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    ev_async_stop(w->loop, &w->finished);
    while ((op = op_list_pop(&w->done)))
        op_free(op);
    while ((op = op_list_pop(&w->queue)))
        op_free(op);
    while ((c = w->rules)) {
        w->rules = c->next;
        free(c);
    }
    maintain_free(w->maintain);
    stories_turn_free(w->turn);
    stories_free(w->stories);
    db_close(w->d);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
    free(w);
}

void writer_put(struct writer *w, struct op *op)
{
    w->queued_bytes += op->bytes;
    pthread_mutex_lock(&w->lock);
    op_list_add(&w->queue, op);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

static void put_rule(struct writer *w, int64_t feed_id, int64_t age_ms, int64_t count)
{
    struct rule_change *c = xcalloc(1, sizeof *c);
    *c = (struct rule_change){.feed_id = feed_id, .age_ms = age_ms, .count = count};
    pthread_mutex_lock(&w->lock);
    *w->rules_tail = c;
    w->rules_tail = &c->next;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

void writer_set_retention(struct writer *w, int64_t feed_id, int64_t age_ms, int64_t count)
{
    if (!age_ms && !count && !w->has_rules)
        return; /* at start most feeds keep all: 100,000 messages that say nothing */
    w->has_rules = true;
    put_rule(w, feed_id, age_ms, count);
}

void writer_set_log(struct writer *w, int64_t age_ms, int64_t count)
{
    put_rule(w, 0, age_ms, count);
}

void writer_set_story_rules(struct writer *w, const struct td_story_rules *rules)
{
    pthread_mutex_lock(&w->lock);
    w->story_rules = *rules;
    w->has_story_rules = true;
    pthread_mutex_unlock(&w->lock);
}

bool writer_has_room(const struct writer *w)
{
    return w->queued_bytes < LIMIT_WRITER_BYTES;
}

int64_t writer_busy_since(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    int64_t at = w->busy_since;
    pthread_mutex_unlock(&w->lock);
    return at;
}

int64_t writer_stories_placed(const struct writer *w)
{
    return w->told_placed;
}

int64_t writer_stories_waiting(const struct writer *w)
{
    return w->told_waiting;
}

int64_t writer_last_seq(const struct writer *w)
{
    return w->last_seq;
}
