#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/saved_query.h"
#include "store/reader_private.h"
#include "store/subs.h"

int reader_seq_before(struct reader *r, int64_t at, int64_t *ret_seq, struct td_err *err)
{
    /* By halving: times grow with seq, but for a clock that once went back. */
    int64_t first, last;
    int result = reader_log_bounds(r, &first, &last, err);
    sqlite3_stmt *s = db_stmt(r->d,
                              "SELECT seq, at FROM event WHERE seq >= ? ORDER BY seq LIMIT 1");
    if (result < 0 || !s)
        return result < 0 ? result : db_fail(r->d, err);
    int64_t lo = first, hi = last + 1; /* the first event at AT or later is in lo..hi */
    while (first && lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        sqlite3_bind_int64(s, 1, mid);
        int code = sqlite3_step(s);
        bool before = code == SQLITE_ROW && sqlite3_column_int64(s, 1) < at;
        int64_t seq = before ? sqlite3_column_int64(s, 0) : mid;
        if (code != SQLITE_ROW && code != SQLITE_DONE)
            result = db_fail(r->d, err);
        sqlite3_reset(s);
        if (result < 0)
            return result; /* a guess would give events again, or leave some out */
        if (before)
            lo = seq + 1;
        else
            hi = mid;
    }
    *ret_seq = first ? lo - 1 : 0;
    return 0;
}

int reader_subs(struct reader *r, sub_row_fn *cb, void *ctx, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(
        r->d, "SELECT s.name, s.conf, coalesce(c.seq, 0), s.batch_upto, s.failures,"
              " s.failing_since, s.next_try_at, s.paused, s.disabled, s.error, s.created_at,"
              " s.n_delivered, s.last_delivered_at,"
              " (SELECT count(*) FROM dead_letter d WHERE d.sub = s.name)"
              " FROM subscription s LEFT JOIN cursor c ON c.name = s.name ORDER BY s.name");
    int code, stop = 0;
    if (!s)
        return db_fail(r->d, err);
    while (!stop && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct sub_row row = {
            .name = db_text(s, 0),
            .conf = db_text(s, 1),
            .state = {.seq = sqlite3_column_int64(s, 2),
                      .batch_upto = sqlite3_column_int64(s, 3),
                      .failures = sqlite3_column_int(s, 4),
                      .failing_since = db_time(s, 5),
                      .next_try_at = db_time(s, 6),
                      .paused = sqlite3_column_int(s, 7),
                      .disabled = sqlite3_column_int(s, 8)},
            .error = db_text(s, 9),
            .created_at = sqlite3_column_int64(s, 10),
            .n_delivered = sqlite3_column_int64(s, 11),
            .last_delivered_at = db_time(s, 12),
            .n_dead = sqlite3_column_int64(s, 13),
        };
        stop = cb(ctx, &row);
    }
    int result = stop || code == SQLITE_DONE ? 0 : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

int reader_has_sub(struct reader *r, const char *name, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d, "SELECT 1 FROM subscription WHERE name = ?");
    if (!s)
        return db_fail(r->d, err);
    db_bind_text(s, 1, name);
    int code = sqlite3_step(s);
    int result = code == SQLITE_ROW    ? 0
                 : code == SQLITE_DONE ? db_unknown(r->d, "subscription", name, SUB_NAMES, err)
                                       : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

int reader_dead_letters(struct reader *r, const char *name, int64_t after, int limit,
                        dead_row_fn *cb, void *ctx, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d, "SELECT id, seq, at, attempts, error, event FROM dead_letter"
                                    " WHERE sub = ? AND id > ? ORDER BY id LIMIT ?");
    int code, stop = 0;
    if (!s)
        return db_fail(r->d, err);
    db_bind_text(s, 1, name);
    sqlite3_bind_int64(s, 2, after);
    sqlite3_bind_int(s, 3, limit);
    while (!stop && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct dead_row row = {.id = sqlite3_column_int64(s, 0),
                               .seq = sqlite3_column_int64(s, 1),
                               .at = sqlite3_column_int64(s, 2),
                               .attempts = sqlite3_column_int(s, 3),
                               .error = db_text(s, 4),
                               .event = db_text(s, 5)};
        stop = cb(ctx, &row);
    }
    int result = stop || code == SQLITE_DONE ? 0 : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

int reader_queries(struct reader *r, query_row_fn *cb, void *ctx, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d, "SELECT substr(key, ?1), value FROM meta WHERE key >= ?2"
                                    " AND key < 'query;' ORDER BY key");
    int code, stop = 0;
    if (!s)
        return db_fail(r->d, err);
    sqlite3_bind_int(s, 1, (int)strlen(QUERY_KEY) + 1);
    db_bind_text(s, 2, QUERY_KEY);
    while (!stop && (code = sqlite3_step(s)) == SQLITE_ROW) {
        CLEANUP_FREE char *name = xstrdup(db_text(s, 0)), *value = xstrdup(db_text(s, 1));
        char *rest = value, *query = strsep(&rest, "\n"), *title = strsep(&rest, "\n");
        struct td_saved_query q = {.name = name,
                                   .query = query,
                                   .title = str_empty(title) ? NULL : title,
                                   .open = rest && strchr(rest, 'p'),
                                   .runtime = rest && strchr(rest, 'r')};
        stop = cb(ctx, &q);
    }
    int result = stop || code == SQLITE_DONE ? 0 : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

int reader_instance(struct reader *r, char ret[STORE_INSTANCE], struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d, "SELECT value FROM meta WHERE key = 'instance'");
    if (!s || sqlite3_step(s) != SQLITE_ROW)
        return db_fail(r->d, err);
    snprintf(ret, STORE_INSTANCE, "%s", db_text(s, 0));
    sqlite3_reset(s);
    return 0;
}
