/*
 * maintain.h - what the writer does when nobody waits: full-text index, expiry, clearing up. In
 * steps so small (LIMIT_RETENTION_STEP rows, INDEX_STEP items, STEP_MS of looking) that a commit
 * never waits long. Writer thread only.
 *
 * The index follows the items as a consumer of its own: meta.index_item is its place. A crash
 * repeats or loses nothing, because a step moves the place in its own transaction.
 */
#ifndef TIDINGS_STORE_MAINTAIN_H
#define TIDINGS_STORE_MAINTAIN_H

#include "store/db.h"

struct maintain;

struct maintain *maintain_new(struct db *d);
void maintain_free(struct maintain *m);
/* Items were written: the index has something to do, once the writing pauses. */
void maintain_wrote(struct maintain *m);
/* Others have raised events: the index is to be as far as the log is. */
void maintain_log_grew(struct maintain *m);
/* A feed was deleted: its rows are to be taken away. */
void maintain_deleted(struct maintain *m);
/* HOLD: no item is taken away meanwhile. */
void maintain_hold(struct maintain *m, bool hold);
/* The log's retention (store_set_log). */
void maintain_set_log(struct maintain *m, int64_t age_ms, int64_t count);
/* The last event that a step has raised itself; 0 = none yet. */
int64_t maintain_raised(const struct maintain *m);
/* A feed's retention (0 = none); what it lets go is looked for soon, then hourly. */
void maintain_set_retention(struct maintain *m, int64_t feed_id, int64_t age_ms, int64_t count);

/* One step. 1: did something, ask again. 0: nothing to do before *RET_WAKE_AT (wall clock; TD_NEVER
 * = until maintain_wrote). Negative: failed and rolled back. */
int maintain_step(struct maintain *m, int64_t now, int64_t *ret_wake_at, struct td_err *err);

#endif
