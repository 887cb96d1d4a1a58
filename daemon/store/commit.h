/*
 * commit.h - one fetch's result into the tables. Writer thread, inside its transaction.
 */
#ifndef TIDINGS_STORE_COMMIT_H
#define TIDINGS_STORE_COMMIT_H

#include "store/db.h"
#include "store/store.h"
#include "store/stories.h"

/* Stores C's entries, events and state; once more if the transaction was rolled back. *RET_KNOWN
 * false: the feed is not in the store any more; nothing was done. */
int commit_apply(struct db *d, struct store_commit *c, struct store_commit_result *ret,
                 bool *ret_known, struct td_err *err);

/* Events of items in table `event`; those of feeds are enum td_feed_event, without an item (0). */
enum event_kind {
    EVENT_ITEM_NEW = 1,
    EVENT_ITEM_CHANGED = 2,
    EVENT_FEED_SILENT = 7,
    EVENT_ITEM_VANISHED = 8,
    EVENT_LOG_CUT = 9, /* of no feed (0) */
};
const char *event_kind_name(int kind);

/* Adds one to the log, of C's feed; ITEM_ID 0 = of the feed itself. */
int commit_event(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                 int kind, int64_t item_id, int64_t revision, struct td_err *err);

/* The day number of `seen.last_seen_day`. */
static inline int64_t commit_day(int64_t now)
{
    return now / 86400000;
}

#endif
