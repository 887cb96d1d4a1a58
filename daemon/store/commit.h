/*
 * commit.h - one fetch's result into the tables. Writer thread, inside its transaction.
 */
#ifndef TIDINGS_STORE_COMMIT_H
#define TIDINGS_STORE_COMMIT_H

#include "model/event.h"
#include "store/db.h"
#include "store/store.h"
#include "store/stories.h"

/* Stores C's entries, events and state; once more if the transaction was rolled back. *RET_KNOWN
 * false: the feed is not in the store any more; nothing was done. */
int commit_apply(struct db *d, struct store_commit *c, struct store_commit_result *ret,
                 bool *ret_known, struct td_err *err);

/* Adds one to the log, of C's feed; ITEM_ID 0 = of the feed itself. */
int commit_event(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                 int kind, int64_t item_id, int64_t revision, struct td_err *err);

/* The day number of `seen.last_seen_day`. */
static inline int64_t commit_day(int64_t now)
{
    return now / 86400000;
}

#endif
