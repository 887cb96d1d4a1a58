#include "store/learned.h"

int learned_write(struct db *d, const struct td_learned *l, struct td_err *err)
{
    sqlite3_stmt *s = l->spacing_ms
                          ? db_stmt(d, "INSERT OR REPLACE INTO pacing VALUES(?1, ?2, ?3, ?4, ?5)")
                          : db_stmt(d, "DELETE FROM pacing WHERE key = ?1");
    if (!s)
        return db_fail(d, err);
    db_bind_text(s, 1, l->key);
    if (l->spacing_ms) {
        sqlite3_bind_int64(s, 2, l->spacing_ms);
        sqlite3_bind_int64(s, 3, l->since);
        sqlite3_bind_int64(s, 4, l->calm_ms);
        db_bind_time(s, 5, l->hold_at);
    }
    return db_run(d, s, err);
}

int learned_load(struct db *d, void (*cb)(void *ctx, const struct td_learned *l), void *ctx,
                 struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "SELECT key, spacing_ms, since, calm_ms, hold_at FROM pacing");
    int code;
    if (!s)
        return db_fail(d, err);
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        const struct td_learned l = {.key = db_text(s, 0),
                                     .spacing_ms = sqlite3_column_int64(s, 1),
                                     .since = sqlite3_column_int64(s, 2),
                                     .calm_ms = sqlite3_column_int64(s, 3),
                                     .hold_at = db_time(s, 4)};
        if (l.key)
            cb(ctx, &l);
    }
    int r = code == SQLITE_DONE ? 0 : db_fail(d, err);
    sqlite3_reset(s);
    return r;
}
