/*
 * logcut.h - the end of the event log: what is too old or too much goes, in steps. Writer thread.
 *
 * A named cursor holds what it has not had, but not for ever: events older than
 * LIMIT_CURSOR_HOLD_MS (or more than LIMIT_CURSOR_HOLD_LOGS times `count` back) go all the same.
 * Who loses his place so is told of in the log itself: log.cut names the cursors and the first
 * event that is left, once.
 */
#ifndef TIDINGS_STORE_LOGCUT_H
#define TIDINGS_STORE_LOGCUT_H

#include "base/limits.h"
#include "store/db.h"

struct logcut_rule {
    int64_t age_ms, count; /* 0 = no limit */
};
#define LOGCUT_AGE_MS LIMIT_EVENT_KEEP_MS /* unless somebody says otherwise */

/* Up to LIMIT_RETENTION_STEP events go, inside the caller's transaction. 1: there may be more. 0:
 * done. *RET_RAISED becomes the seq of the event about it, when there is one. */
int logcut_step(struct db *d, const struct logcut_rule *rule, int64_t now, int64_t *ret_raised,
                struct td_err *err);

#endif
