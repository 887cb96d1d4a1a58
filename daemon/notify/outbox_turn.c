/*
 * A subscription's turn. Nothing here knows which subscriptions there are.
 */
#include "notify/outbox_private.h"

#include <errno.h>
#include <string.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/mem.h"

#define EVENTS_A_TURN 256 /* then the others have theirs */
#define BROKEN_S      2.  /* pause after the store could not be read */

/* ---- the sink ------------------------------------------------------------------------------- */

struct sink_event sub_event_view(const struct event_text *e)
{
    return (struct sink_event){.seq = e->seq,
                               .at = e->at,
                               .kind = e->kind,
                               .json = e->text + e->json_off,
                               .json_len = e->json_len};
}

static void sent_over(struct sub *s)
{
    free(TAKE(s->sent));
    s->n_sent = 0;
}

static void after_replay(struct sub *s, bool good)
{
    if (!good)
        s->replay_more = 0; /* what is behind it stays a dead letter too */
    else if (s->replay_more && s->d.n_replay == 0)
        sub_replay(s, s->replay_more, false, NULL, NULL);
}

static void on_answer(void *ctx, const struct sink_answer *a)
{
    struct sub *s = ctx;
    bool good = a->answer == DELIVERY_ACK, replay = s->sent_replay;
    (good ? s->o->count.delivered : s->o->count.failed)[s->conf->sink]++;
    s->n_acked += good ? s->n_sent : 0;
    xreplace(&s->error, good ? NULL : a->err.msg);
    sent_over(s);
    delivery_answered(&s->d, s->turn, a->answer, a->retry_after_at, clock_now_ms());
    s->gives_up = s->gives_up && s->d.state.failing_since != TD_NEVER;
    if (replay)
        after_replay(s, good);
    sub_pump(s);
}

static void begin_send(struct sub *s, const struct delivery_action *a)
{
    s->sent = xcalloc((size_t)a->n, sizeof *s->sent);
    s->n_sent = a->n;
    s->sent_replay = a->is_replay;
    s->turn = a->turn;
    for (int i = 0; i < a->n; i++)
        s->sent[i] = sub_event_view(a->events[i].ref);
    struct sink_message m = {.events = s->sent, .n = a->n, .attempt = a->attempts};
    sink_send(s->sink, &m, on_answer, s);
}

void sub_cancel_send(struct sub *s)
{
    sink_cancel(s->sink);
    sent_over(s);
}

/* ---- the store ------------------------------------------------------------------------------ */

static void on_saved(void *ctx, int result, const struct td_err *err)
{
    struct save *v = ctx;
    struct sub *s = v->s;
    DL_DELETE(v->o->saves, v);
    free(v);
    if (!s)
        return;
    s->saving = NULL;
    delivery_stored(&s->d);
    sub_pump(s);
}

static void begin_save(struct sub *s, const struct delivery_action *a)
{
    struct store_sub_save save = {.state = a->state,
                                  .error = xstrdup_or_null(s->error),
                                  .n_delivered = s->n_acked,
                                  .attempts = a->attempts,
                                  .replayed = a->replayed};
    s->n_acked = 0;
    if (a->n) {
        s->o->count.dead += (uint64_t)a->n;
        s->dead_from = s->n_dead ? s->dead_from : a->events[0].seq;
        s->n_dead += (uint64_t)a->n;
        s->gives_up = true;
        save.dead = xcalloc((size_t)a->n, sizeof *save.dead);
        save.n_dead = (size_t)a->n;
        for (int i = 0; i < a->n; i++) {
            struct sink_event e = sub_event_view(a->events[i].ref);
            save.dead[i] = (struct store_dead){e.seq, xstrndup(e.json, e.json_len)};
        }
    }
    struct save *v = s->saving = xcalloc(1, sizeof *v);
    *v = (struct save){.s = s, .o = s->o};
    DL_APPEND(s->o->saves, v);
    store_sub_save(s->o->store, s->conf->name, &save, on_saved, v);
}

static void wake_in(struct sub *s, double seconds)
{
    seconds = MIN(seconds, (double)LIMIT_CLOCK_LOOK_S);
    s->wait_s = s->wait_s > 0. ? MIN(s->wait_s, seconds) : seconds;
}

/* ---- the log -------------------------------------------------------------------------------- */

static void on_wake(void *ctx)
{
    sub_pump(ctx);
}

void sub_follow(struct sub *s, int64_t after)
{
    follower_free(s->follower);
    struct follower_conf c = {
        .after = after, .until = INT64_MAX, .filter = s->filter, .wake = on_wake, .ctx = s};
    s->follower = follower_new(s->o->stream, &c);
}

/* The log does not have what comes next. */
static void bridge_gap(struct sub *s)
{
    int64_t at = s->d.passed, end = store_last_seq(s->o->store);
    sub_tell_gap(s, at, end);
    if (at > end)
        delivery_rewind(&s->d, end);
    sub_follow(s, at > end ? end : 0);
}

static void offer(struct sub *s, const struct event_text *e)
{
    struct delivery_event d = {.seq = e->seq,
                               .at = e->at,
                               .bytes = event_text_bytes(e),
                               .ref = event_text_ref((struct event_text *)e)};
    delivery_offer(&s->d, &d, true, clock_now_ms());
}

/* True: there is more, at once. */
static bool read_log(struct sub *s)
{
    const struct event_text *e;
    struct td_err err;
    int r = 0, n = 0;
    while (delivery_has_room(&s->d) && n < EVENTS_A_TURN &&
           (r = follower_next(s->follower, &e, &err)) > 0) {
        if (e->seq > s->d.passed)
            offer(s, e);
        n++;
    }
    if (r == -ESTALE && s->d.passed > 0) {
        bridge_gap(s);
        return true;
    }
    if (r < 0 && r != -ESHUTDOWN) {
        xreplace(&s->error, err.msg);
        sub_follow(s, s->d.passed);
        wake_in(s, BROKEN_S);
        return false;
    }
    if (r == 0 && n < EVENTS_A_TURN)
        delivery_pass(&s->d, follower_position(s->follower), clock_now_ms());
    return n == EVENTS_A_TURN;
}

/* ---- a turn --------------------------------------------------------------------------------- */

static void act(struct sub *s)
{
    for (;;) {
        int64_t now = clock_now_ms();
        struct delivery_action a = delivery_next(&s->d, now);
        if (a.act == DELIVERY_SEND)
            begin_send(s, &a);
        if (a.act == DELIVERY_STORE)
            begin_save(s, &a);
        if (a.act != DELIVERY_WAIT)
            continue;
        if (a.wake_at != TD_NEVER)
            wake_in(s, MAX((double)(a.wake_at - now) / 1000., 0.001));
        return;
    }
}

void sub_pump(struct sub *s)
{
    if (!s->sink || s->pumping)
        return;
    s->pumping = true; /* a follower may wake from within */
    ev_timer_stop(s->o->env->loop, &s->timer);
    s->wait_s = 0.;
    bool more = read_log(s);
    act(s);
    if (more && delivery_has_room(&s->d))
        wake_in(s, 1e-6);
    int64_t tell_ms = sub_tell(s);
    if (tell_ms)
        wake_in(s, (double)tell_ms / 1000.);
    if (s->wait_s > 0.) {
        ev_now_update(s->o->env->loop);
        ev_timer_set(&s->timer, s->wait_s, 0.);
        ev_timer_start(s->o->env->loop, &s->timer);
    }
    s->pumping = false;
}
