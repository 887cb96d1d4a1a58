/*
 * The delivery machine against a model: random histories with a virtual clock. A log grows, some of
 * its events match; a consumer answers, refuses, hangs; the daemon is killed at any moment and
 * begins again with what was durable; users rewind, skip, pause and replay.
 *
 * HISTORIES (default 3000) and SEED are taken from the environment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "notify/delivery.h"

#define LOG_MAX 400

static const int64_t schedule[] = {0, 5000, 300000, 1800000};
#define TRIES ((int)ARRAY_SIZE(schedule))

/* ---- a world ------------------------------------------------------------------------------- */

struct world {
    uint64_t random;
    int64_t now;
    struct delivery d;
    struct delivery_conf conf;
    /* the log */
    int64_t last;
    int64_t at[LOG_MAX + 1];
    bool matches[LOG_MAX + 1];
    int64_t read; /* the driver is here */
    /* what is durable, and what is on its way there */
    struct td_sub_state stored, storing;
    bool is_storing;
    int64_t dead_storing[LIMIT_SUB_BATCH], replayed_storing;
    int n_dead_storing;
    bool dead[LOG_MAX + 1]; /* durable dead letters */
    int dead_attempts[LOG_MAX + 1];
    /* the consumer */
    bool sent;
    unsigned turn;
    int64_t batch[LIMIT_SUB_BATCH];
    int n_batch;
    int attempt;
    bool is_replay;
    int acked[LOG_MAX + 1]; /* how often */
    int64_t last_acked;     /* of the log, since the last rewind */
    struct trying {         /* the batch that failed last: what is known, on its way, durable */
        int64_t upto, at, pause_until;
        int times;
    } tried, tried_storing, tried_stored;
    int crashes, rewinds;
    int n_refs;
};

static uint64_t draw(struct world *w, uint64_t n)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (w->random >> 33) % n;
}

static bool chance(struct world *w, unsigned percent)
{
    return draw(w, 100) < percent;
}

static struct world *world;

static void drop(void *ref)
{
    world->n_refs--;
}

static void start(struct world *w)
{
    delivery_init(&w->d, &w->conf, &w->stored);
    w->read = w->stored.seq;
    w->is_storing = w->sent = false;
}

/* ---- what must hold ------------------------------------------------------------------------- */

/* The consumer gets a message. */
static void check_sent(struct world *w, const struct delivery_action *a)
{
    assert_true(a->n > 0 && a->n <= MAX(w->conf.batch, 1));
    assert_false(w->d.state.paused || w->d.state.disabled);
    if (a->is_replay) {
        assert_int_equal(a->n, 1);
        assert_true(w->dead[a->events[0].id]);
        return;
    }
    int64_t first = a->events[0].seq, upto = a->events[a->n - 1].seq;
    /* In order, nothing left out: between the last settled event and the end of this message every
     * matching event is in it. */
    int i = 0;
    for (int64_t s = w->stored.seq + 1; s <= upto; s++) {
        if (!w->matches[s])
            continue;
        if (i == 0 && s < first)
            fail_msg("event %d was left out before %d", (int)s, (int)first);
        assert_true(i < a->n);
        assert_int_equal(a->events[i].seq, s);
        i++;
    }
    assert_int_equal(i, a->n);
    /* No pause is cut short; what fails is tried as it was. */
    if (w->tried.times > 0 && w->tried.upto == upto) {
        assert_true(w->now >= w->tried.at + schedule[w->tried.times]);
        assert_true(w->now >= w->tried.pause_until);
        assert_int_equal(a->attempts, w->tried.times + 1);
    }
    assert_int_equal(a->attempts, w->d.state.failures + 1);
    assert_true(a->attempts <= TRIES);
    if (w->d.state.batch_upto)
        assert_int_equal(upto, w->d.state.batch_upto);
}

static void forget_tries(struct world *w)
{
    w->tried = (struct trying){.pause_until = TD_NEVER};
}

static void act(struct world *w)
{
    for (;;) {
        struct delivery_action a = delivery_next(&w->d, w->now);
        if (a.act == DELIVERY_WAIT)
            return;
        if (a.act == DELIVERY_SEND) {
            assert_false(w->sent); /* one at a time */
            assert_false(w->is_storing);
            check_sent(w, &a);
            w->sent = true;
            w->turn = a.turn;
            w->is_replay = a.is_replay;
            w->n_batch = a.n;
            w->attempt = a.attempts;
            for (int i = 0; i < a.n; i++)
                w->batch[i] = a.is_replay ? a.events[i].id : a.events[i].seq;
        } else {
            assert_false(w->is_storing);
            w->is_storing = true;
            w->storing = a.state;
            w->tried_storing = w->tried;
            w->n_dead_storing = a.n;
            w->replayed_storing = a.replayed;
            for (int i = 0; i < a.n; i++) {
                w->dead_storing[i] = a.events[i].seq;
                w->dead_attempts[a.events[i].seq] = a.attempts;
            }
        }
    }
}

static void make_durable(struct world *w)
{
    /* The position never passes what is not settled. */
    for (int64_t s = w->stored.seq + 1; s <= w->storing.seq; s++) {
        bool dying = false;
        for (int i = 0; i < w->n_dead_storing; i++)
            dying = dying || w->dead_storing[i] == s;
        if (w->matches[s] && !w->acked[s] && !w->dead[s] && !dying)
            fail_msg("the position passed %d, which nobody acknowledged", (int)s);
    }
    w->stored = w->storing;
    w->tried_stored = w->tried_storing;
    for (int i = 0; i < w->n_dead_storing; i++)
        w->dead[w->dead_storing[i]] = true;
    if (w->replayed_storing)
        w->dead[w->replayed_storing] = false;
    w->is_storing = false;
}

/* ---- what can happen ------------------------------------------------------------------------ */

static void log_grows(struct world *w)
{
    int n = 1 + (int)draw(w, 5);
    for (int i = 0; i < n && w->last < LOG_MAX; i++) {
        w->at[++w->last] = w->now;
        w->matches[w->last] = chance(w, 60);
    }
}

static void driver_reads(struct world *w)
{
    while (w->read < w->last && delivery_has_room(&w->d)) {
        int64_t s = ++w->read;
        if (chance(w, 5)) { /* a span without events of ours */
            if (!w->matches[s]) {
                delivery_pass(&w->d, s, w->now);
                continue;
            }
        }
        struct delivery_event e = {.seq = s, .at = w->at[s], .bytes = 1 + draw(w, 100000)};
        w->n_refs += w->matches[s];
        delivery_offer(&w->d, &e, w->matches[s], w->now);
    }
}

static void acknowledge(struct world *w)
{
    for (int i = 0; i < w->n_batch; i++) {
        int64_t s = w->batch[i];
        w->acked[s]++;
        if (w->is_replay)
            continue;
        /* Again only what a crash, a rewind or a cancelled message made doubtful. */
        if (w->acked[s] > 1 + w->crashes + w->rewinds)
            fail_msg("event %d came %d times", (int)s, w->acked[s]);
        w->last_acked = s;
    }
}

static void consumer_answers(struct world *w, unsigned percent_good)
{
    if (!w->sent)
        return;
    w->sent = false;
    bool good = chance(w, percent_good), gone = !good && chance(w, 2);
    int64_t after = !good && chance(w, 20) ? w->now + (int64_t)draw(w, 100000000) : TD_NEVER;
    int64_t upto = w->batch[w->n_batch - 1];
    if (good)
        acknowledge(w);
    if (!w->is_replay) {
        if (good || gone) {
            forget_tries(w);
        } else {
            int64_t until = after == TD_NEVER ? TD_NEVER : MIN(after, w->now + LIMIT_SUB_WAIT_MS);
            w->tried = (struct trying){upto, w->now, until, w->attempt};
            if (w->attempt == TRIES)
                forget_tries(w);
        }
    }
    assert_true(delivery_answered(&w->d, w->turn,
                                  good   ? DELIVERY_ACK
                                  : gone ? DELIVERY_GONE
                                         : DELIVERY_FAILED,
                                  after, w->now));
    assert_false(delivery_answered(&w->d, w->turn, DELIVERY_ACK, TD_NEVER, w->now)); /* once */
}

static void killed(struct world *w)
{
    /* The transaction under way may be durable or not; what the consumer was sent it may have had,
     * without the answer being heard. */
    if (w->is_storing && chance(w, 50))
        make_durable(w);
    if (w->sent && chance(w, 50))
        acknowledge(w);
    delivery_fini(&w->d);
    assert_int_equal(w->n_refs, 0);
    w->crashes++;
    w->tried = w->tried_stored; /* a failure that was not written down is not known any more */
    start(w);
}

static void user_acts(struct world *w)
{
    int n;
    bool cancelled = false;
    switch (draw(w, 5)) {
    case 0:
        cancelled = delivery_rewind(&w->d, w->read = (int64_t)draw(w, (uint64_t)w->last + 1));
        for (int64_t s = 1; s <= w->read; s++) /* a user may leave things out */
            w->acked[s] += w->acked[s] == 0;
        w->rewinds++;
        forget_tries(w);
        break;
    case 1:
        cancelled = delivery_skip(&w->d, &n);
        forget_tries(w);
        break;
    case 2:
        delivery_pause(&w->d);
        break;
    case 3:
        delivery_resume(&w->d);
        forget_tries(w);
        w->attempt = 1; /* a new schedule, also for what is with the consumer */
        break;
    case 4:
        for (int64_t s = 1; s <= w->last; s++)
            if (w->dead[s] && chance(w, 50)) {
                struct delivery_event e = {.id = s, .seq = s, .bytes = 1};
                bool waits = w->replayed_storing == s && w->is_storing;
                for (int i = 0; i < w->d.n_replay; i++)
                    waits = waits || w->d.replay[i].id == s;
                if (!waits && w->d.replayed != s && delivery_replay(&w->d, &e))
                    w->n_refs++;
                break;
            }
        break;
    }
    if (cancelled && w->sent && !chance(w, 50))
        acknowledge(w); /* it had it */
    if (cancelled)
        w->sent = false, w->rewinds++;
}

static void step(struct world *w, unsigned percent_good)
{
    switch (draw(w, 12)) {
    case 0:
    case 1:
        log_grows(w);
        break;
    case 2:
    case 3:
        driver_reads(w);
        break;
    case 4:
    case 5:
    case 6:
        consumer_answers(w, percent_good);
        break;
    case 7:
    case 8:
        if (w->is_storing) {
            make_durable(w);
            delivery_stored(&w->d);
        }
        break;
    case 9:
        w->now += (int64_t)draw(w, chance(w, 20) ? 40000000 : 10000);
        break;
    case 10:
        if (chance(w, 25))
            killed(w);
        break;
    case 11:
        if (chance(w, 25))
            user_acts(w);
        break;
    }
    act(w);
}

/* The consumer is well again: everything reaches it or lies among the dead letters. */
static void settle(struct world *w)
{
    delivery_resume(&w->d);
    forget_tries(w);
    for (int i = 0; i < 20000; i++) {
        act(w);
        driver_reads(w);
        consumer_answers(w, 100);
        if (w->is_storing) {
            make_durable(w);
            delivery_stored(&w->d);
        }
        w->now += 20000;
        if (w->stored.seq == w->last && !w->d.n_replay)
            break;
    }
    assert_int_equal(w->stored.seq, w->last);
    for (int64_t s = 1; s <= w->last; s++)
        if (w->matches[s] && !w->acked[s] && !w->dead[s])
            fail_msg("event %d is lost", (int)s);
    assert_true(w->stored.failures == 0 && !w->stored.batch_upto);
}

static void histories(void **state)
{
    const char *n = getenv("HISTORIES"), *seed = getenv("SEED");
    int64_t count = n ? atoll(n) : 3000, first = seed ? atoll(seed) : 1;
    for (int64_t i = first; i < first + count; i++) {
        struct world *w = world = xcalloc(1, sizeof *w);
        w->random = (uint64_t)i * 0x9e3779b97f4a7c15u;
        w->now = 1700000000000;
        w->tried.pause_until = w->tried_stored.pause_until = TD_NEVER;
        w->stored = (struct td_sub_state){.failing_since = TD_NEVER, .next_try_at = TD_NEVER};
        w->conf = (struct delivery_conf){.batch = 1 + (int)draw(w, chance(w, 50) ? 1 : 20),
                                         .collect_ms = chance(w, 30) ? 60000 : 0,
                                         .retry_ms = schedule,
                                         .n_retry = TRIES,
                                         .drop = drop};
        start(w);
        unsigned good = (unsigned)draw(w, 101);
        for (int j = 0; j < 600; j++)
            step(w, good);
        settle(w);
        delivery_fini(&w->d);
        assert_int_equal(w->n_refs, 0);
        free(w);
        if (getenv("SEED"))
            printf("history %d ok\n", (int)i);
    }
}

/* ---- single stories, where the times matter ------------------------------------------------- */

static const int64_t full[] = {0,        5000,     300000,   1800000,  7200000,
                               18000000, 36000000, 50400000, 72000000, 86400000};

static struct delivery fresh(int batch, int64_t collect_ms)
{
    struct delivery d;
    struct delivery_conf conf = {
        .batch = batch, .collect_ms = collect_ms, .retry_ms = full, .n_retry = ARRAY_SIZE(full)};
    struct td_sub_state s = {.failing_since = TD_NEVER, .next_try_at = TD_NEVER};
    delivery_init(&d, &conf, &s);
    return d;
}

static void offer(struct delivery *d, int64_t seq, int64_t at)
{
    struct delivery_event e = {.seq = seq, .at = at, .bytes = 1};
    delivery_offer(d, &e, true, at);
}

static struct delivery_action sends(struct delivery *d, int64_t now)
{
    struct delivery_action a = delivery_next(d, now);
    assert_int_equal(a.act, DELIVERY_SEND);
    return a;
}

static struct delivery_action stores(struct delivery *d, int64_t now)
{
    struct delivery_action a = delivery_next(d, now);
    assert_int_equal(a.act, DELIVERY_STORE);
    assert_int_equal(delivery_next(d, now).act, DELIVERY_WAIT); /* until it is durable */
    return a;
}

static void schedule_to_the_end(void **state)
{
    struct delivery d = fresh(1, 0);
    int64_t now = 1000000;
    offer(&d, 7, now);
    offer(&d, 8, now);
    for (int i = 0; i < (int)ARRAY_SIZE(full); i++) {
        struct delivery_action a;
        if (i > 0) {
            a = delivery_next(&d, now + full[i] - 1);
            assert_int_equal(a.act, DELIVERY_WAIT);
            assert_int_equal(a.wake_at, now + full[i]);
            now += full[i];
        }
        a = sends(&d, now);
        assert_int_equal(a.events[0].seq, 7);
        assert_int_equal(a.attempts, i + 1);
        now += 15000; /* it took so long to fail */
        delivery_answered(&d, a.turn, DELIVERY_FAILED, TD_NEVER, now);
        a = stores(&d, now);
        bool last = i == (int)ARRAY_SIZE(full) - 1;
        assert_int_equal(a.n, last);
        assert_int_equal(a.state.seq, last ? 7 : 6);
        assert_int_equal(a.state.batch_upto, last ? 0 : 7);
        assert_int_equal(a.state.failing_since, 1015000);
        if (last) {
            assert_int_equal(a.events[0].seq, 7);
            assert_int_equal(a.attempts, ARRAY_SIZE(full));
        }
        delivery_stored(&d);
    }
    struct delivery_action a = sends(&d, now); /* the next one has its own schedule */
    assert_int_equal(a.events[0].seq, 8);
    assert_int_equal(a.attempts, 1);
    delivery_answered(&d, a.turn, DELIVERY_ACK, TD_NEVER, now);
    a = stores(&d, now);
    assert_int_equal(a.state.seq, 8);
    assert_true(a.state.failing_since == TD_NEVER);
    delivery_fini(&d);
}

static void retry_after_is_obeyed(void **state)
{
    struct delivery d = fresh(1, 0);
    offer(&d, 1, 0);
    struct delivery_action a = sends(&d, 0);
    delivery_answered(&d, a.turn, DELIVERY_FAILED, 3600000, 0);
    stores(&d, 0);
    delivery_stored(&d);
    a = delivery_next(&d, 5000);
    assert_true(a.act == DELIVERY_WAIT && a.wake_at == 3600000);
    a = sends(&d, 3600000);
    delivery_answered(&d, a.turn, DELIVERY_FAILED, 3600001, 3600000); /* sooner than the schedule */
    stores(&d, 3600000);
    delivery_stored(&d);
    assert_int_equal(delivery_next(&d, 3600001).wake_at, 3600000 + 300000);
    a = sends(&d, 4000000);
    delivery_answered(&d, a.turn, DELIVERY_FAILED, INT64_MAX, 4000000); /* not for ever */
    stores(&d, 4000000);
    delivery_stored(&d);
    assert_int_equal(delivery_next(&d, 4000000).wake_at, 4000000 + LIMIT_SUB_WAIT_MS);
    delivery_fini(&d);
}

/* While the daemon was down. */
static void clock_goes_back(void **state)
{
    struct delivery d = fresh(1, 0);
    int64_t now = 1700000000000;
    offer(&d, 1, now);
    struct delivery_action a = sends(&d, now);
    delivery_answered(&d, a.turn, DELIVERY_FAILED, TD_NEVER, now);
    struct td_sub_state stored = stores(&d, now).state;
    struct delivery_conf conf = d.conf;
    delivery_fini(&d);
    delivery_init(&d, &conf, &stored);
    offer(&d, 1, now);
    sends(&d, now - 100LL * 86400000); /* a hundred days back: at once, not in a hundred days */
    delivery_fini(&d);
}

/* A clock that is set back by hours while a retry waits: the pause is as long as it was to be. */
static void clock_is_set_right(void **state)
{
    struct delivery d = fresh(1, 0);
    int64_t now = 1700000000000, hours = 10 * 3600000LL;
    offer(&d, 1, now);
    struct delivery_action a = sends(&d, now);
    delivery_answered(&d, a.turn, DELIVERY_FAILED, TD_NEVER, now);
    stores(&d, now);
    delivery_stored(&d);
    assert_int_equal(delivery_next(&d, now + 1000).wake_at, now + 5000);
    a = delivery_next(&d, now + 1000 - hours);
    assert_true(a.act == DELIVERY_WAIT && a.wake_at == now + 5000 - hours);
    assert_int_equal(sends(&d, now + 5000 - hours).attempts, 2);
    delivery_fini(&d);
}

static void gone_disables(void **state)
{
    struct delivery d = fresh(1, 0);
    offer(&d, 1, 0);
    struct delivery_action a = sends(&d, 0);
    delivery_answered(&d, a.turn, DELIVERY_GONE, TD_NEVER, 0);
    a = stores(&d, 0);
    assert_true(a.state.disabled && a.state.seq == 0 && a.n == 0);
    delivery_stored(&d);
    a = delivery_next(&d, 1000000000);
    assert_true(a.act == DELIVERY_WAIT && a.wake_at == TD_NEVER);
    delivery_resume(&d);
    stores(&d, 1000000000);
    delivery_stored(&d);
    assert_int_equal(sends(&d, 1000000000).events[0].seq, 1);
    delivery_fini(&d);
}

static void a_digest_waits_for_company(void **state)
{
    struct delivery d = fresh(3, 60000);
    offer(&d, 1, 1000);
    struct delivery_action a = delivery_next(&d, 1000);
    assert_true(a.act == DELIVERY_WAIT && a.wake_at == 61000);
    offer(&d, 2, 30000);
    a = sends(&d, 61000);
    assert_int_equal(a.n, 2);
    delivery_answered(&d, a.turn, DELIVERY_ACK, TD_NEVER, 61000);
    stores(&d, 61000);
    delivery_stored(&d);
    for (int64_t s = 3; s <= 6; s++)
        offer(&d, s, 62000);
    a = sends(&d, 62000); /* full: no need to wait */
    assert_int_equal(a.n, 3);
    delivery_fini(&d);
}

static void a_batch_stays_as_it_was(void **state)
{
    struct delivery d = fresh(10, 0);
    offer(&d, 1, 0);
    offer(&d, 2, 0);
    struct delivery_action a = sends(&d, 0);
    assert_int_equal(a.n, 2);
    offer(&d, 3, 0);
    delivery_answered(&d, a.turn, DELIVERY_FAILED, TD_NEVER, 0);
    a = stores(&d, 0);
    struct td_sub_state stored = a.state;
    delivery_stored(&d);
    a = sends(&d, 5000);
    assert_int_equal(a.n, 2);
    struct delivery_conf conf = d.conf;
    delivery_fini(&d);
    /* Killed here. It waits until it has read to the batch's end, then sends the same. */
    delivery_init(&d, &conf, &stored);
    offer(&d, 1, 0);
    assert_int_equal(delivery_next(&d, 5000).act, DELIVERY_WAIT);
    offer(&d, 2, 0);
    offer(&d, 3, 0);
    a = sends(&d, 5000);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.attempts, 2);
    delivery_fini(&d);
    /* Its events have been removed meanwhile: what is next is not stopped by that. */
    delivery_init(&d, &conf, &stored);
    delivery_pass(&d, 2, 5000);
    offer(&d, 3, 0);
    a = sends(&d, 5000);
    assert_true(a.n == 1 && a.events[0].seq == 3 && a.attempts == 1);
    delivery_fini(&d);
}

/* A config with a smaller batch: what failed together goes in messages that are allowed now. A sink
 * that takes one event would lose the others. */
static void a_batch_that_is_too_large_by_now(void **state)
{
    static const struct td_sub_state stored = {
        .batch_upto = 3, .failures = 2, .failing_since = 1000, .next_try_at = TD_NEVER};
    struct delivery_conf conf = {.batch = 1, .retry_ms = full, .n_retry = ARRAY_SIZE(full)};
    struct delivery d;
    delivery_init(&d, &conf, &stored);
    for (int64_t seq = 1; seq <= 4; seq++)
        offer(&d, seq, 0);
    for (int64_t seq = 1; seq <= 4; seq++) {
        struct delivery_action a = sends(&d, 5000);
        assert_true(a.n == 1 && a.events[0].seq == seq && a.attempts == (seq == 1 ? 3 : 1));
        delivery_answered(&d, a.turn, DELIVERY_ACK, TD_NEVER, 5000);
        assert_int_equal(stores(&d, 5000).state.seq, seq == 4 ? 4 : seq);
        delivery_stored(&d);
    }
    delivery_fini(&d);
}

/* An event that passes by costs no sync each, but the position follows. */
static void what_does_not_match_is_passed_lazily(void **state)
{
    struct delivery d = fresh(1, 0);
    int stored = 0;
    int64_t now = 0;
    for (int64_t s = 1; s <= 1000; s++, now += 100) {
        delivery_offer(&d, &(struct delivery_event){.seq = s, .at = now}, false, now);
        struct delivery_action a = delivery_next(&d, now);
        if (a.act == DELIVERY_STORE) {
            stored++;
            delivery_stored(&d);
        }
    }
    assert_in_range(stored, 2, 5); /* in 100 s */
    struct delivery_action a = delivery_next(&d, now + 60000);
    assert_true(a.act == DELIVERY_STORE && a.state.seq == 1000);
    delivery_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedule_to_the_end),
        cmocka_unit_test(retry_after_is_obeyed),
        cmocka_unit_test(clock_goes_back),
        cmocka_unit_test(clock_is_set_right),
        cmocka_unit_test(gone_disables),
        cmocka_unit_test(a_digest_waits_for_company),
        cmocka_unit_test(a_batch_stays_as_it_was),
        cmocka_unit_test(a_batch_that_is_too_large_by_now),
        cmocka_unit_test(what_does_not_match_is_passed_lazily),
        cmocka_unit_test(histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
