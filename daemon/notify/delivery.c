/*
 * The queue holds matching events that are not settled, in order; `passed` is where the driver is
 * in the log. So everything up to the queue's first event (or, with none, up to `passed`) is
 * settled: that is the position to store.
 */
#include "notify/delivery.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* A position that only moved over events that do not match is stored this late: it costs a sync. */
#define LAZY_MS     30000
#define LAZY_EVENTS 10000

void delivery_init(struct delivery *d, const struct delivery_conf *conf,
                   const struct td_sub_state *state)
{
    *d = (struct delivery){.conf = *conf, .state = *state, .passed = state->seq};
    d->lazy_at = TD_NEVER;
}

static void drop_first(struct delivery *d, struct delivery_event *list, int *n, int count)
{
    for (int i = 0; i < count; i++) {
        d->bytes -= list[i].bytes;
        if (d->conf.drop)
            d->conf.drop(list[i].ref);
    }
    *n -= count;
    memmove(list, list + count, (size_t)*n * sizeof *list);
}

void delivery_fini(struct delivery *d)
{
    drop_first(d, d->queue, &d->n_queue, d->n_queue);
    drop_first(d, d->replay, &d->n_replay, d->n_replay);
}

/* Everything before the first event that is not settled (DEAD of them will be). */
static int64_t settled(const struct delivery *d, int dead)
{
    return dead < d->n_queue ? d->queue[dead].seq - 1 : d->passed;
}

/* ---- what next ------------------------------------------------------------------------------ */

/* How many of the queue belong to the batch that failed. */
static int of_batch(const struct delivery *d)
{
    int n = 0;
    while (n < d->n_queue && d->queue[n].seq <= d->state.batch_upto)
        n++;
    return n;
}

/* How many of the queue are the next message; 0: it waits, until *WAKE_AT. */
static int message(const struct delivery *d, int64_t now, int64_t *wake_at)
{
    int n;
    if (d->state.batch_upto) { /* the one that failed, as it was */
        n = of_batch(d);
        return d->passed >= d->state.batch_upto || !delivery_has_room(d) ? n : 0;
    }
    n = MIN(d->n_queue, d->conf.batch);
    bool full = n == d->conf.batch || n < d->n_queue || !delivery_has_room(d);
    if (!n || full || !d->conf.collect_ms)
        return n;
    int64_t at = d->queue[0].at + d->conf.collect_ms;
    if (at <= now || d->queue[0].at > now) /* or the clock went back */
        return n;
    *wake_at = at;
    return 0;
}

static struct delivery_action store(struct delivery *d)
{
    d->dirty = false;
    d->storing = true;
    d->storing_dead = d->n_dead;
    d->state.seq = settled(d, d->n_dead);
    d->lazy_at = TD_NEVER;
    int64_t replayed = d->replayed;
    d->replayed = 0;
    return (struct delivery_action){.act = DELIVERY_STORE,
                                    .wake_at = TD_NEVER,
                                    .events = d->queue,
                                    .n = d->n_dead,
                                    .attempts = d->attempts,
                                    .replayed = replayed,
                                    .state = d->state};
}

static struct delivery_action send(struct delivery *d, const struct delivery_event *list, int n)
{
    bool replay = list == d->replay;
    d->phase = replay ? DELIVERY_REPLAYS : DELIVERY_SENDS;
    d->n_sent = n;
    d->turn++;
    return (struct delivery_action){.act = DELIVERY_SEND,
                                    .wake_at = TD_NEVER,
                                    .events = list,
                                    .n = n,
                                    .attempts = replay ? 1 : d->state.failures + 1,
                                    .is_replay = replay,
                                    .turn = d->turn};
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == TD_NEVER ? b : b == TD_NEVER ? a : MIN(a, b);
}

/* The pause before the attempt that follows so many failures. */
static int64_t pause_ms(const struct delivery *d, int failures)
{
    return d->conf.retry_ms[MIN(failures, d->conf.n_retry - 1)];
}

/* When the clock was set back: by as much, what waits. */
static void follow_clock(struct delivery *d, int64_t now)
{
    int64_t back = d->clock - now;
    d->clock = now;
    if (back <= 0)
        return;
    if (d->state.next_try_at != TD_NEVER)
        d->state.next_try_at -= back;
    if (d->lazy_at != TD_NEVER)
        d->lazy_at -= back;
}

/* The batch that failed, if it may not be so large any more (the config has changed): what may go
 * is the batch from now on. */
static void split_batch(struct delivery *d)
{
    if (d->state.batch_upto && of_batch(d) > d->conf.batch)
        d->state.batch_upto = d->queue[d->conf.batch - 1].seq;
}

struct delivery_action delivery_next(struct delivery *d, int64_t now)
{
    struct delivery_action wait = {.act = DELIVERY_WAIT, .wake_at = TD_NEVER};
    follow_clock(d, now);
    if (d->storing)
        return wait;
    if (d->dirty)
        return store(d);
    if (d->phase != DELIVERY_RESTS)
        return wait;
    if (!d->state.paused && !d->state.disabled) {
        int64_t at = d->state.next_try_at;
        if (d->n_replay)
            return send(d, d->replay, 1);
        if (at != TD_NEVER && at > now + MAX(pause_ms(d, d->state.failures), LIMIT_SUB_WAIT_MS))
            at = d->state.next_try_at = now; /* the clock went back */
        if (d->state.batch_upto && d->passed >= d->state.batch_upto && !of_batch(d))
            d->state.batch_upto = d->state.failures = 0; /* its events are not kept any more */
        split_batch(d);
        int n = at == TD_NEVER || at <= now ? message(d, now, &wait.wake_at) : 0;
        if (n)
            return send(d, d->queue, n);
        if (at != TD_NEVER && at > now)
            wait.wake_at = at;
    }
    if (d->lazy_at != TD_NEVER) {
        if (d->lazy_at + LAZY_MS <= now || d->lazy_at > now ||
            settled(d, 0) - d->state.seq >= LAZY_EVENTS)
            return store(d);
        wait.wake_at = earlier(wait.wake_at, d->lazy_at + LAZY_MS);
    }
    return wait;
}

/* ---- what happened -------------------------------------------------------------------------- */

bool delivery_has_room(const struct delivery *d)
{
    int most = d->state.batch_upto ? LIMIT_SUB_BATCH : MIN(d->conf.batch + 1, LIMIT_SUB_BATCH);
    return d->n_queue < most && (d->bytes < LIMIT_SUB_BYTES || d->passed < d->state.batch_upto);
}

void delivery_pass(struct delivery *d, int64_t seq, int64_t now)
{
    d->passed = MAX(d->passed, seq);
    if (d->lazy_at == TD_NEVER && settled(d, 0) > d->state.seq)
        d->lazy_at = now;
}

void delivery_offer(struct delivery *d, const struct delivery_event *e, bool matches, int64_t now)
{
    if (matches) {
        d->queue[d->n_queue++] = *e;
        d->bytes += e->bytes;
    }
    delivery_pass(d, e->seq, now);
}

static void succeed(struct delivery *d)
{
    drop_first(d, d->queue, &d->n_queue, d->n_sent);
    d->state.batch_upto = 0;
    d->state.failures = 0;
    d->state.failing_since = d->state.next_try_at = TD_NEVER;
    d->state.seq = settled(d, 0);
}

/* The first N of the queue become dead letters; there has been no success yet. */
static void give_up(struct delivery *d, int n)
{
    d->n_dead = n;
    d->attempts = d->state.failures;
    d->state.batch_upto = 0;
    d->state.failures = 0;
    d->state.next_try_at = TD_NEVER;
}

static void fail(struct delivery *d, int64_t retry_after, int64_t now)
{
    struct td_sub_state *s = &d->state;
    s->failures++;
    if (s->failing_since == TD_NEVER)
        s->failing_since = now;
    s->batch_upto = d->queue[d->n_sent - 1].seq;
    if (s->failures >= d->conf.n_retry) {
        give_up(d, d->n_sent);
        return;
    }
    s->next_try_at = now + pause_ms(d, s->failures);
    int64_t asked = retry_after == TD_NEVER ? now : MIN(retry_after, now + LIMIT_SUB_WAIT_MS);
    s->next_try_at = MAX(s->next_try_at, asked);
}

static void replay_answered(struct delivery *d, enum delivery_answer answer)
{
    if (answer == DELIVERY_ACK) {
        d->replayed = d->replay[0].id;
        drop_first(d, d->replay, &d->n_replay, 1);
        if (!d->state.batch_upto) /* all that failed was given up, and it works now */
            d->state.failing_since = TD_NEVER;
    } else {
        drop_first(d, d->replay, &d->n_replay, d->n_replay);
    }
}

bool delivery_answered(struct delivery *d, unsigned turn, enum delivery_answer answer,
                       int64_t retry_after, int64_t now)
{
    if (d->phase == DELIVERY_RESTS || turn != d->turn)
        return false;
    if (answer == DELIVERY_GONE)
        d->state.disabled = true;
    if (d->phase == DELIVERY_REPLAYS)
        replay_answered(d, answer);
    else if (answer == DELIVERY_ACK)
        succeed(d);
    else if (answer == DELIVERY_FAILED)
        fail(d, retry_after, now);
    d->phase = DELIVERY_RESTS;
    d->n_sent = 0;
    d->dirty = true;
    return true;
}

void delivery_stored(struct delivery *d)
{
    d->storing = false;
    if (d->storing_dead) {
        drop_first(d, d->queue, &d->n_queue, d->storing_dead);
        d->n_dead -= d->storing_dead;
        d->storing_dead = 0;
    }
}

/* ---- what users ask ------------------------------------------------------------------------- */

/* Takes back the message that is with the sink. */
static bool cancel(struct delivery *d)
{
    bool sent = d->phase != DELIVERY_RESTS;
    d->phase = DELIVERY_RESTS;
    d->n_sent = 0;
    return sent;
}

void delivery_pause(struct delivery *d)
{
    d->state.paused = true;
    d->dirty = true;
}

void delivery_anew(struct delivery *d)
{
    d->state.disabled = false;
    d->state.failures = 0;
    d->state.next_try_at = TD_NEVER;
    d->dirty = true;
}

void delivery_resume(struct delivery *d)
{
    d->state.paused = false;
    delivery_anew(d);
}

bool delivery_rewind(struct delivery *d, int64_t seq)
{
    bool sent = d->phase == DELIVERY_SENDS && cancel(d);
    drop_first(d, d->queue, &d->n_queue, d->n_queue);
    d->n_dead = d->storing_dead = 0; /* those on their way into the store are in it anyhow */
    d->state.batch_upto = 0;
    d->state.failures = 0;
    d->state.next_try_at = TD_NEVER;
    d->state.seq = d->passed = seq;
    d->lazy_at = TD_NEVER;
    d->dirty = true;
    return sent;
}

bool delivery_skip(struct delivery *d, int *ret_n)
{
    int n = of_batch(d);
    *ret_n = n;
    if (!n || d->n_dead)
        return false;
    bool sent = d->phase == DELIVERY_SENDS && cancel(d);
    give_up(d, n);
    d->dirty = true;
    return sent;
}

bool delivery_replay(struct delivery *d, const struct delivery_event *e)
{
    if (d->n_replay == LIMIT_SUB_BATCH)
        return false;
    d->replay[d->n_replay++] = *e;
    d->bytes += e->bytes;
    return true;
}

bool delivery_replay_end(struct delivery *d)
{
    bool sent = d->phase == DELIVERY_REPLAYS && cancel(d);
    drop_first(d, d->replay, &d->n_replay, d->n_replay);
    return sent;
}
