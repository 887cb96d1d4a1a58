/*
 * delivery.h - what one subscription does next: a machine of values and times, without I/O.
 *
 * The driver (outbox_turn.c) tells it what happened (an event came, the sink answered, the state is
 * durable, a user asked) and asks delivery_next what to do. One thing is under way at a time:
 *
 *     events -> queue -> SEND -> answer -> STORE -> (durable) -> next SEND
 *
 * Promises, kept by that order (tests/unit/test_delivery.c plays histories against a model):
 *  - at least once: the stored position passes an event only after it was acknowledged, did not
 *    match, or lies among the dead letters, which are written in the same transaction;
 *  - in order: nothing is sent while an earlier event waits for its answer;
 *  - after a crash only the last batch, whose acknowledgement was not durable yet, comes again;
 *  - a batch that fails is tried again as it is (its end is stored), at the times of the schedule,
 *    also across restarts; after the last attempt it becomes dead letters.
 *
 * All times are wall clock milliseconds given by the caller. When the clock is set back what waits
 * is moved with it; if that happened while the daemon was down, a retry waits no longer than a day
 * or its own pause.
 */
#ifndef TIDINGS_NOTIFY_DELIVERY_H
#define TIDINGS_NOTIFY_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "model/sub.h"

struct delivery_conf {
    int batch; /* events in one message, 1 .. LIMIT_SUB_BATCH */
    int64_t collect_ms;
    const int64_t *retry_ms; /* borrowed for the machine's life */
    int n_retry;
    void (*drop)(void *ref); /* an event is not needed any more */
};

struct delivery_event {
    int64_t seq, at; /* at: when it was committed */
    int64_t id;      /* of a dead letter that is replayed; 0 = from the log */
    size_t bytes;
    void *ref; /* the driver's */
};

struct delivery {
    struct delivery_conf conf;
    struct td_sub_state state;
    /* private */
    struct delivery_event queue[LIMIT_SUB_BATCH], replay[LIMIT_SUB_BATCH];
    int n_queue, n_replay;
    size_t bytes;    /* of both */
    int n_sent;      /* first of the queue (or the first of replay) that are with the sink */
    int n_dead;      /* first of the queue that become dead letters with the next STORE */
    int attempts;    /* that these dead letters have had */
    int64_t passed;  /* the last event of the log that was offered, matching or not */
    int64_t clock;   /* what delivery_next was told last; 0 = nothing */
    int64_t lazy_at; /* since when `passed` is ahead of what is stored */
    int64_t
        replayed; /* id of a dead letter that was delivered: goes with the next STORE; 0 = none */
    enum { DELIVERY_RESTS, DELIVERY_SENDS, DELIVERY_REPLAYS } phase;
    bool storing, dirty;
    int storing_dead;
    unsigned turn; /* of the message that is with the sink; an answer to another one is void */
};

enum delivery_act {
    DELIVERY_WAIT,  /* for an input, or until WAKE_AT */
    DELIVERY_SEND,  /* EVENTS to the sink; answer with delivery_answer(TURN) */
    DELIVERY_STORE, /* STATE, dead letters and the replayed one in one transaction;
                       then delivery_stored */
};
struct delivery_action {
    enum delivery_act act;
    int64_t wake_at;                     /* WAIT: TD_NEVER = only an input */
    const struct delivery_event *events; /* SEND: the message; STORE: those that are dead letters.
                                            Borrowed until the next call */
    int n;
    int attempts;     /* SEND: which attempt this is, from 1; STORE: how many they have had */
    bool is_replay;   /* SEND */
    unsigned turn;    /* SEND */
    int64_t replayed; /* STORE: this dead letter goes; 0 = none */
    struct td_sub_state state; /* STORE */
};

void delivery_init(struct delivery *d, const struct delivery_conf *conf,
                   const struct td_sub_state *state);
/* Drops all events. */
void delivery_fini(struct delivery *d);

/* What to do now. SEND and STORE are under way from then on. */
struct delivery_action delivery_next(struct delivery *d, int64_t now);

/* May the driver offer the next event of the log? False while the queue is full. */
bool delivery_has_room(const struct delivery *d);
/* The next event of the log. MATCHES false: it only moves the position (E.ref is not taken). */
void delivery_offer(struct delivery *d, const struct delivery_event *e, bool matches, int64_t now);
/* The log goes on after SEQ; what lies before is settled or was never there. */
void delivery_pass(struct delivery *d, int64_t seq, int64_t now);

enum delivery_answer { DELIVERY_ACK, DELIVERY_FAILED, DELIVERY_GONE };
/* The sink has answered the message of TURN. RETRY_AFTER: not before this time, TD_NEVER = it did
 * not say. False: an old turn, nothing happened. */
bool delivery_answered(struct delivery *d, unsigned turn, enum delivery_answer answer,
                       int64_t retry_after, int64_t now);
/* What the last STORE said is durable. */
void delivery_stored(struct delivery *d);

/* ---- what users ask. True: a message that is with the sink is to be cancelled --------------- */

void delivery_pause(struct delivery *d);
/* Also enables, and tries at once, with a schedule from its beginning. */
void delivery_resume(struct delivery *d);
/* The consumer may be another one now: tries at once, also after DELIVERY_GONE, but not while it is
 * paused. */
void delivery_anew(struct delivery *d);
/* Goes on after SEQ, backwards or forwards; the driver reads the log from there. */
bool delivery_rewind(struct delivery *d, int64_t seq);
/* The batch that fails becomes dead letters now. *RET_N: how many events; 0 = none was failing. */
bool delivery_skip(struct delivery *d, int *ret_n);
/* Delivers a dead letter before what is next in the log; once: if it fails it stays a dead letter
 * and so do those behind it. False: no room. */
bool delivery_replay(struct delivery *d, const struct delivery_event *e);
/* Forgets those that wait to be replayed, and the one with the sink. */
bool delivery_replay_end(struct delivery *d);

#endif
