/*
 * push_private.h - what push.c and push_hear.c share. Nobody else includes it.
 */
#ifndef TIDINGS_PUSH_PRIVATE_H
#define TIDINGS_PUSH_PRIVATE_H

#include "app_private.h"
#include "fetch/websub.h"
#include "model/push.h"

#define TEXT_BYTES (512u << 10) /* of a td_push_write */

struct push_key { /* under which a hub may come */
    struct push *push;
    char key[TD_PUSH_KEY_BYTES + 1];
    UT_hash_handle hh;
};

/* A pushed document that waits for its feed. */
struct waiting {
    struct buf body;
    char *type;
    uint64_t call; /* of the hub that waits for our answer; 0: not for this one */
    struct waiting *next;
};

struct push {
    struct app *app;
    struct feed *feed; /* NULL: it is gone, and its subscription is being given up */
    struct push *prev, *next;
    struct td_push st;
    struct push_key *keys[3]; /* of live, asked, left */
    uint64_t saved;           /* hash of the text in the store */
    ev_timer alarm;           /* time alone is waited for; not while it is in the schedule */
    struct sched_node node;
    char *host; /* of the node, "" = of none; NULL = it is not in the schedule */
    struct fetch *fetch;
    struct td_request rq;
    char *url, *home, *form;   /* of the request under way; HOME as flight.home */
    struct td_feed_conf *conf; /* a copy: whose access it uses; NULL = none */
    bool subscribing, hopping;
    struct redirect_chain chain;
    int64_t fetch_until; /* TD_NEVER, or until when a renewal waits for its fetch */
    bool fetched;        /* and that has come */
    struct waiting *waiting;
};

struct pushing {
    struct callback *callback;
    int inherited;   /* a socket of the service manager for it, -1 = none; kept for reloads */
    char *listening; /* where and for what, as text: a reload compares it */
    struct push *all;
    struct push_key *keys;
    size_t waiting_bytes;
    struct push_counts count;
};

/* One for F (NULL: of a feed that is gone), which has none. */
struct push *push_new(struct app *a, struct feed *f);
/* F's, made if need be from the text in its state. */
struct push *push_of(struct app *a, struct feed *f);
/* Puts P where it belongs in the schedule. It may be freed. */
void push_plan(struct push *p);
/* The parts of a change: the keys a hub may come under, and one line of the log. */
void push_set_keys(struct push *p);
void push_tell(struct push *p, enum websub_change change);
/* Ends what is under way, and what it waits for. */
void push_end_request(struct push *p);
void push_leave_schedule(struct push *p);
void push_drop_waiting(struct push *p);
/* The way to the hub is that of CONF (a proxy); a copy, for a reload may change it. */
void push_keep_conf(struct push *p, struct td_feed_conf *conf);
/* After any change of P: keys, store, log, rhythm, schedule. It may be freed. */
void push_changed(struct push *p, enum websub_change change);

#endif
