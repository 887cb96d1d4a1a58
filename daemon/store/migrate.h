/*
 * migrate.h - from nothing, or any older format, to today's. Before store_open's threads run.
 */
#ifndef TIDINGS_STORE_MIGRATE_H
#define TIDINGS_STORE_MIGRATE_H

#include "store/db.h"

/* Is the file usable? -EUCLEAN damaged, -EPROTO made by a newer version or by another program. The
 * check of the pages is bounded: stores over CHECK_BYTES only have their schema and a sample read.
 */
int migrate_check(struct db *d, const char *path, struct td_err *err);

/* Takes the missing steps, each in a transaction of its own. A store that holds something is copied
 * to PATH.vN first (N = its version); the copy stays. */
int migrate_run(struct db *d, const char *path,
                void (*progress)(void *ctx, const char *what, double done), void *ctx,
                struct td_err *err);

/* Copies the whole database into PATH (must not exist): written beside it, synced, renamed.
 * PROGRESS may be NULL; non-zero from it cancels with -ECANCELED. */
int migrate_copy(struct db *d, const char *path, int (*progress)(void *ctx, double done), void *ctx,
                 struct td_err *err);

#endif
