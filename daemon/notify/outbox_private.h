/*
 * outbox_private.h - what the files of the deliveries share: outbox.c (which subscriptions there
 * are), outbox_turn.c (a subscription's turn), outbox_tell.c (its lines in the journal),
 * outbox_replay.c (dead letters that go out again), outbox_test.c (a made-up event).
 */
#ifndef TIDINGS_NOTIFY_OUTBOX_PRIVATE_H
#define TIDINGS_NOTIFY_OUTBOX_PRIVATE_H

#include <uthash.h>

#include "notify/filter.h"
#include "notify/outbox.h"

struct replay; /* a question for dead letters */
struct test;

/* A write on its way; outlives the subscription. */
struct save {
    struct sub *s; /* NULL: it was removed */
    struct outbox *o;
    struct save *prev, *next;
};

struct outbox {
    struct store *store;
    struct asker *asker;
    struct stream *stream;
    const struct sink_env *env;
    struct sub *subs;
    struct idle *idle;
    struct save *saves;
    struct test *tests;
    struct outbox_counts count;
};

/* A subscription that does not run. */
struct idle {
    char *name, *why;
    struct td_sub_conf *conf; /* NULL: it cannot be read */
    UT_hash_handle hh;
};

struct sub {
    struct outbox *o;
    struct td_sub_conf *conf;
    struct filter *filter;
    struct delivery d;
    struct follower *follower;
    struct sink *sink;       /* NULL: a stream */
    struct sink_event *sent; /* with the sink */
    int n_sent;
    bool sent_replay, pumping;
    unsigned turn;
    struct save *saving;
    struct replay *replaying;
    int64_t replay_more; /* go on with dead letters above this id; 0 = no */
    int64_t n_acked;     /* since the last save */
    char *error;         /* why it fails */
    enum sub_health { SUB_WORKS, SUB_FAILS, SUB_GIVES_UP, SUB_DISABLED } told; /* by the journal */
    bool gives_up;     /* since it fails, events have become dead letters */
    uint64_t n_dead;   /* since the journal was told last ... */
    int64_t dead_from; /* ... from this seq on */
    int64_t tell_at;   /* monotonic: paces its lines (outbox_tell.c) */
    ev_timer timer;
    double wait_s; /* of the turn under way: the next one comes by itself so soon; 0 = not */
    UT_hash_handle hh;
};

/* ---- outbox_turn.c -------------------------------------------------------------------------- */

/* A subscription's turn: read the log while the machine has room, then do what the machine says.
 * Every callback (the log grew, the sink answered, the state is durable, a time has come) leads
 * back to it. */
void sub_pump(struct sub *s);
/* Reads the log behind AFTER from now on. */
void sub_follow(struct sub *s, int64_t after);
/* Takes back what is with the sink. */
void sub_cancel_send(struct sub *s);
/* As a sink is given it; borrows E. */
struct sink_event sub_event_view(const struct event_text *e);

/* ---- outbox_tell.c -------------------------------------------------------------------------- */

/* Has its state changed since the journal was told? Tells it, or gives how long that must wait, in
 * ms; 0 = there is nothing to tell any more. */
int64_t sub_tell(struct sub *s);
/* What changed by a user's hand is no news. */
void sub_tell_nothing(struct sub *s);
/* The log, which ends at END, does not have what comes after AT. */
void sub_tell_gap(struct sub *s, int64_t at, int64_t end);

/* ---- outbox_replay.c, outbox_test.c --------------------------------------------------------- */

/* S goes: the question under way is nobody's. */
void replay_orphan(struct replay *r);
/* Ends all tests of O, without an answer. */
void tests_free(struct outbox *o);

#endif
