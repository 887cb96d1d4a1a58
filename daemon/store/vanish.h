/*
 * vanish.h - which items were taken out of a feed, and did not just fall off its end. Pure.
 *
 * A feed's document is a window over its newest items. An item has vanished when the document goes
 * without it although it still shows older ones, and when that lasts: a cache that serves
 * yesterday's document, a slip of the author's, an answer that was put together while articles were
 * renumbered must not look like a retraction. So the rule asks for much, and is silent when in
 * doubt:
 *
 *  - only whole documents count (the caller's matter: no 226, no push, nothing cut or left out);
 *  - their dates must run in one direction (a list by popularity loses items every hour);
 *  - an item is missing when the document still has one that stood behind it (was older);
 *  - if more than a quarter as many go missing at once as stay, the feed shows something else now;
 *  - it must be missing for LIMIT_VANISH_MS, confirmed by another whole document or a 304.
 */
#ifndef TIDINGS_STORE_VANISH_H
#define TIDINGS_STORE_VANISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/entry.h"

struct shown { /* an item of the window, which runs from the oldest to the newest */
    uint64_t ident;
    int64_t missing_since; /* 0 = it is there */
};

/* Can the rule be used on this document? */
bool vanish_in_order(const struct td_batch *batch);
/* OLD is the window before, IDENTS what the document shows now (oldest first), NOW > 0. Writes the
 * window from now on into RET (room for both) and what has vanished into GONE (room for N_OLD).
 * Returns how many are in the window. */
size_t vanish_document(const struct shown *old, size_t n_old, const uint64_t *idents, size_t n,
                       int64_t now, struct shown *ret, uint64_t *gone, size_t *ret_n_gone);
/* The same document still stands: takes out of the window of N what is missing for long enough. */
size_t vanish_unchanged(struct shown *window, size_t n, int64_t now, uint64_t *gone,
                        size_t *ret_n_gone);

#endif
