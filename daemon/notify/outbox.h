/*
 * outbox.h - the daemon's deliveries: each subscription with its follower, its machine (delivery.h)
 * and its sink. Loop thread.
 *
 * A subscription of kind stream has a cursor and a filter, and nothing is sent: its consumer
 * follows by its name and acknowledges (serve/).
 */
#ifndef TIDINGS_NOTIFY_OUTBOX_H
#define TIDINGS_NOTIFY_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "base/json.h"
#include "model/sub.h"
#include "notify/sink.h"
#include "notify/stream.h"

struct outbox;
struct sub;

/* STREAM, ASKER and ENV are borrowed. */
struct outbox *outbox_new(struct store *store, struct asker *asker, struct stream *stream,
                          const struct sink_env *env);
/* Before the stream and after asker_close has begun or no question is under way. What is with a
 * consumer is given up: it comes again after the next start. Accepts NULL. */
void outbox_free(struct outbox *o);

/* A subscription that the store has (ROW), or a new one whose cursor stands at ROW's seq. CONF is
 * taken. Delivering begins at once. -EINVAL and the reason when its query cannot be read, because
 * it names one that is not there: then it is idle. */
int outbox_add(struct outbox *o, struct td_sub_conf *conf, const struct sub_row *row,
               struct td_err *err);
/* Another definition (taken) for one that there is: goes on where it is. When it differs, what
 * fails or said that it is gone is tried at once. */
int outbox_change(struct outbox *o, struct sub *s, struct td_sub_conf *conf, struct td_err *err);
void outbox_remove(struct outbox *o, struct sub *s);
struct sub *outbox_find(struct outbox *o, const char *name);
struct sub *outbox_next(struct outbox *o, const struct sub *after); /* NULL: the first; the end */
const struct td_sub_conf *sub_conf(const struct sub *s);
const struct filter *sub_filter(const struct sub *s);

/* Those that do not run; kept to tell why, and to be added again when that has passed. */
void outbox_set_idle(struct outbox *o, const char *name, struct td_sub_conf *conf,
                     const char *why); /* CONF is taken; NULL = it cannot be read */
void outbox_forget_idle(struct outbox *o, const char *name);
/* Why NAME does not run; NULL = it is not one of them. */
const char *outbox_why_idle(const struct outbox *o, const char *name);
/* The definition of NAME, NULL = none that can be read; and of all of them, in turn. */
const struct td_sub_conf *outbox_idle_conf(const struct outbox *o, const char *name);
const struct td_sub_conf *outbox_next_idle(const struct outbox *o, const char *after);

/* ---- what users ask ------------------------------------------------------------------------- */

void sub_pause(struct sub *s);
void sub_resume(struct sub *s);
/* Goes on after SEQ. */
void sub_rewind(struct sub *s, int64_t seq);
/* What fails becomes dead letters: how many events; 0 = nothing is failing. */
int sub_skip(struct sub *s);
/* Delivers dead letters with an id above AFTER (LIMIT_SUB_BATCH at most, ONE: that one alone)
 * before what is next in the log. DONE, on the loop: how many were put in line, or a negative
 * errno. */
typedef void sub_replayed_fn(void *ctx, int n, const struct td_err *err);
void sub_replay(struct sub *s, int64_t after, bool one, sub_replayed_fn *done, void *ctx);
/* Members of the subscription's JSON object that only the running daemon knows. */
void sub_json(const struct sub *s, struct jw *w);

/* Sends a made-up event to a consumer of CONF (borrowed), beside everything else. DONE, on the
 * loop: 0, or negative and the reason. Nothing is tried again. */
void outbox_test(struct outbox *o, const struct td_sub_conf *conf,
                 void (*done)(void *ctx, int result, const struct td_err *err), void *ctx);

struct outbox_counts {
    size_t subs, failing, paused, disabled, idle;         /* SUBS: those that are not idle */
    uint64_t delivered[TD_SINKS], failed[TD_SINKS], dead; /* messages, attempts, events */
};
void outbox_count(struct outbox *o, struct outbox_counts *ret);

#endif
