#include "store/quiet.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "store/commit.h"
#include "store/silence.h"
#include "store/stories.h"
#include "store/vanish.h"

/* The window is kept as structs in one machine's byte order, read back with their size checked. */

/* ---- items --------------------------------------------------------------------------------- */

static int load_window(struct db *d, int64_t feed_id, struct shown **ret, size_t *ret_n,
                       struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "SELECT entries FROM shown WHERE feed_id = ?");
    *ret = NULL;
    *ret_n = 0;
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, feed_id);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        const void *blob = sqlite3_column_blob(s, 0);
        size_t bytes = (size_t)sqlite3_column_bytes(s, 0);
        if (blob && bytes % sizeof **ret == 0) {
            *ret = xmalloc(bytes);
            *ret_n = bytes / sizeof **ret;
            memcpy(*ret, blob, bytes);
        }
    }
    int r = code == SQLITE_ROW || code == SQLITE_DONE ? 0 : db_fail(d, err);
    sqlite3_reset(s);
    return r;
}

static int missing_of(const struct shown *w, size_t n)
{
    int missing = 0;
    for (size_t i = 0; i < n; i++)
        missing += w[i].missing_since != 0;
    return missing;
}

static int save_window(struct db *d, int64_t feed_id, const struct shown *w, size_t n,
                       struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "INSERT INTO shown(feed_id, entries) VALUES(?1, ?2)"
                                 " ON CONFLICT DO UPDATE SET entries = ?2");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, feed_id);
    sqlite3_bind_blob(s, 2, n ? (const void *)w : "", (int)(n * sizeof *w), SQLITE_STATIC);
    return db_run(d, s, err);
}

/* Tells of one, if it is still stored and was announced. */
static int tell_vanished(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                         uint64_t ident, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "SELECT i.item_id, i.revision FROM seen s JOIN item i"
                                 " ON i.item_id = s.item_id WHERE s.feed_id = ? AND s.ident = ?"
                                 " AND i.backlog = 0");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, c->feed_id);
    sqlite3_bind_int64(s, 2, (int64_t)ident);
    int code = sqlite3_step(s);
    int64_t item_id = sqlite3_column_int64(s, 0), revision = sqlite3_column_int64(s, 1);
    sqlite3_reset(s);
    if (code != SQLITE_ROW)
        return code == SQLITE_DONE ? 0 : db_fail(d, err);
    int result = commit_event(d, c, r, EVENT_ITEM_VANISHED, item_id, revision, err);
    return result < 0 ? result : stories_vanished(d, c, r, item_id, revision, err);
}

static int tell_all(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                    const uint64_t *gone, size_t n, struct td_err *err)
{
    int result = 0;
    for (size_t i = 0; i < n && result == 0; i++)
        result = tell_vanished(d, c, r, gone[i], err);
    return result;
}

int quiet_document(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                   const uint64_t *idents, size_t n, bool usable, int *missing, struct td_err *err)
{
    CLEANUP_FREE struct shown *old = NULL;
    size_t n_old, n_gone = 0;
    if (n > LIMIT_SHOWN) /* all there ever was: nothing falls off such a feed's end */
        n = 0;
    int result = load_window(d, c->feed_id, &old, &n_old, err);
    if (result < 0)
        return result;
    CLEANUP_FREE struct shown *next = xcalloc(n_old + n + 1, sizeof *next);
    CLEANUP_FREE uint64_t *gone = xcalloc(n_old + 1, sizeof *gone);
    size_t n_next = vanish_document(old, usable ? n_old : 0, idents, n, c->now, next, gone,
                                    &n_gone);
    *missing = missing_of(next, n_next);
    if (n_next != n_old || (n_old && memcmp(old, next, n_old * sizeof *old) != 0))
        result = save_window(d, c->feed_id, next, n_next, err);
    return result < 0 ? result : tell_all(d, c, r, gone, n_gone, err);
}

int quiet_unchanged(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                    int *missing, struct td_err *err)
{
    CLEANUP_FREE struct shown *w = NULL;
    size_t n, n_gone = 0;
    int result = load_window(d, c->feed_id, &w, &n, err);
    if (result < 0)
        return result;
    CLEANUP_FREE uint64_t *gone = xcalloc(n + 1, sizeof *gone);
    size_t left = vanish_unchanged(w, n, c->now, gone, &n_gone);
    *missing = missing_of(w, left);
    if (n_gone)
        result = save_window(d, c->feed_id, w, left, err);
    return result < 0 ? result : tell_all(d, c, r, gone, n_gone, err);
}

/* ---- feeds --------------------------------------------------------------------------------- */

static int by_date_down(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x > y ? -1 : x < y;
}

/* When the feed counts as silent, by its last items. */
static int find_out(struct db *d, int64_t feed_id, int64_t *ret, struct td_err *err)
{
    int64_t dates[SILENCE_ITEMS], seen = INT64_MIN;
    size_t n = 0;
    int code;
    sqlite3_stmt *s = db_stmt(d, "SELECT min(coalesce(date_published, first_seen), first_seen),"
                                 " first_seen FROM item WHERE feed_id = ? ORDER BY item_id DESC"
                                 " LIMIT ?");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, feed_id);
    sqlite3_bind_int(s, 2, SILENCE_ITEMS);
    while ((code = sqlite3_step(s)) == SQLITE_ROW && n < SILENCE_ITEMS) {
        dates[n++] = sqlite3_column_int64(s, 0);
        seen = MAX(seen, sqlite3_column_int64(s, 1));
    }
    int r = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : db_fail(d, err);
    sqlite3_reset(s);
    qsort(dates, n, sizeof *dates, by_date_down);
    *ret = silence_from(dates, n, seen);
    return r;
}

int quiet_feed(struct db *d, const struct store_commit *c, struct store_commit_result *r,
               int64_t *silent_at, struct td_err *err)
{
    int result = 0;
    if (r->n_new > 0) {
        *silent_at = 0;
    } else if (*silent_at == 0 && c->state.last_new_at != TD_NEVER &&
               c->now - c->state.last_new_at >= LIMIT_SILENCE_MS) {
        result = find_out(d, c->feed_id, silent_at, err);
    }
    if (result == 0 && *silent_at > 0 && *silent_at <= c->now) {
        result = commit_event(d, c, r, EVENT_FEED_SILENT, 0, 0, err);
        *silent_at = -1;
    }
    return result;
}
