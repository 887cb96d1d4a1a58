/*
 * learned.h - the table `pacing`: what servers have taught (model/site.h). Writer thread, but for
 * learned_load.
 */
#ifndef TIDINGS_STORE_LEARNED_H
#define TIDINGS_STORE_LEARNED_H

#include "model/site.h"
#include "store/db.h"

/* Replaces what is kept under its key, or forgets that when spacing_ms is 0. */
int learned_write(struct db *d, const struct td_learned *l, struct td_err *err);
/* Calls CB with each; the key is borrowed. */
int learned_load(struct db *d, void (*cb)(void *ctx, const struct td_learned *l), void *ctx,
                 struct td_err *err);

#endif
