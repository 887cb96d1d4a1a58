/*
 * recover.h - what can be read of a damaged store, into a new one.
 *
 * Rows are read in the order of their key. Where a page is damaged the reading goes on behind it:
 * by keys further and further on until rows come again, then backwards from there to the damage. So
 * what is lost is what stood on the damaged pages. The full-text index is made anew by the daemon.
 * The old store is only read. Blocks.
 */
#ifndef TIDINGS_STORE_RECOVER_H
#define TIDINGS_STORE_RECOVER_H

#include <stdint.h>

#include "base/err.h"

struct recovered {
    int64_t feeds, polls, items, events, revisions, seen, cursors, subscriptions, dead_letters,
        stories, story_items, story_waits, story_fixes, shown, sites,
        queries;        /* rows that were read */
    int64_t damaged;    /* places that could not be read, or held no valid row */
    int64_t feeds_made; /* of feeds: with items, but their own row was lost; named recovered-N */
};

/* Reads FROM, writes TO, which must not exist (-EEXIST) and appears when it is whole. -ENOENT,
 * -EUCLEAN when not even the list of tables can be read, -EPROTO when FROM is no store of ours. */
int recover_store(const char *from, const char *to, struct recovered *ret, struct td_err *err);

#endif
