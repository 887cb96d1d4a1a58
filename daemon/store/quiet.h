/*
 * quiet.h - events about what did not come: items that vanished, feeds that fell silent. Writer
 * thread, inside a commit's transaction; the rules are in vanish.h and silence.h.
 */
#ifndef TIDINGS_STORE_QUIET_H
#define TIDINGS_STORE_QUIET_H

#include "store/db.h"
#include "store/store.h"

/* After C's document was stored: IDENTS of what it shows, oldest first. USABLE: the rule may be
 * used on it; else its window begins anew. *MISSING: how many of the window are, from now on. */
int quiet_document(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                   const uint64_t *idents, size_t n, bool usable, int *missing, struct td_err *err);
/* The document is the same as before (304). Need not be asked while none is missing. */
int quiet_unchanged(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                    int *missing, struct td_err *err);
/* The feed works; *SILENT_AT is when it counts as silent: 0 = to be found out, -1 = it was told. */
int quiet_feed(struct db *d, const struct store_commit *c, struct store_commit_result *r,
               int64_t *silent_at, struct td_err *err);

#endif
