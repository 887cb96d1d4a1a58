/*
 * db.h - a connection to the store and the few idioms all SQL of this folder uses.
 *
 * One connection belongs to one thread. Errors are SQLite's codes turned into errno with a
 * sentence.
 */
#ifndef TIDINGS_STORE_DB_H
#define TIDINGS_STORE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/err.h"

struct db;

/* Opens for writing (creates the file, with mode 0600) or read-only. -ENOENT, -EUCLEAN (not a
 * database); -EACCES, -EISDIR, -EROFS and others with a sentence on the file that stands in the
 * way.
 */
int db_open(struct db **ret, const char *path, bool writable, struct td_err *err);
void db_close(struct db *d); /* accepts NULL */
sqlite3 *db_handle(struct db *d);
/* The user_version. */
int db_version(struct db *d);

/* A statement for SQL (a literal: its address is the key), reset and ready to bind. Kept until
 * db_close. NULL when SQL cannot be prepared: db_fail says why. */
sqlite3_stmt *db_stmt(struct db *d, const char *sql);
/* Runs SQL without results: 0 or db_fail. */
int db_exec(struct db *d, const char *sql, struct td_err *err);
/* Steps a statement that gives no row, and resets it: 0 or db_fail. */
int db_run(struct db *d, sqlite3_stmt *s, struct td_err *err);
/* One integer of the first row, OTHERWISE when there is none or it fails. */
int64_t db_int(struct db *d, const char *sql, int64_t otherwise);
/* The last error as negative errno, with a sentence in ERR. -ENOSPC, -EIO, -EROFS, -EBUSY and
 * -ENOMEM pass (db_passes); everything else is a defect of ours or of the file. */
int db_fail(struct db *d, struct td_err *err);
bool db_passes(int r);
/* "there is no WHAT NAME" (td_err_unknown): SQL selects the names that there are. */
int db_unknown(struct db *d, const char *what, const char *name, const char *sql,
               struct td_err *err);
/* The lowest item_id that was first seen at AT or later: ids grow with that time, so it is found by
 * halving. A clock that once went back makes it a little imprecise, never by more than that jump.
 */
int64_t db_first_item_since(struct db *d, int64_t at);

/* What stands in the index of COLUMN of item, as SQL over `item`: tidings_cut(TEXT) is cut.h's, and
 * so are all items but those that upkeep has not come to (schema/v9.sql). */
#define DB_INDEXED(column)                                                                  \
    "iif(item_id > (SELECT value FROM meta WHERE key = 'cut_item') AND item_id <= (SELECT " \
    "value FROM meta WHERE key = 'cut_end'), " column ", tidings_cut(" column "))"
#define DB_INDEXED_ALL DB_INDEXED("title") ", " DB_INDEXED("author") ", " DB_INDEXED("text")

/* Binding: NULL and TD_NEVER become SQL NULL. Strings are borrowed until the next reset. */
void db_bind_text(sqlite3_stmt *s, int i, const char *text);
void db_bind_blob(sqlite3_stmt *s, int i, const char *text);
void db_bind_time(sqlite3_stmt *s, int i, int64_t at);
/* Reading: NULL for SQL NULL, borrowed until the next step; TD_NEVER for a NULL time. */
const char *db_text(sqlite3_stmt *s, int i);
int64_t db_time(sqlite3_stmt *s, int i);

#endif
