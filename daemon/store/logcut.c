#include "store/logcut.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "store/commit.h"

/* The last of the oldest STEP events that are older than BEFORE or not after SEQ; 0 = none. */
static int64_t last_of(struct db *d, int64_t before, int64_t seq)
{
    int64_t found = 0;
    sqlite3_stmt *s = db_stmt(d, "SELECT max(seq) FROM (SELECT seq, at FROM event ORDER BY seq"
                                 " LIMIT ?3) WHERE at < ?1 OR seq <= ?2");
    if (!s)
        return 0;
    sqlite3_bind_int64(s, 1, before);
    sqlite3_bind_int64(s, 2, seq);
    sqlite3_bind_int(s, 3, LIMIT_RETENTION_STEP);
    if (sqlite3_step(s) == SQLITE_ROW)
        found = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return found;
}

static int64_t minus(int64_t a, int64_t b)
{
    int64_t r;
    return __builtin_sub_overflow(a, b, &r) ? INT64_MIN : r;
}

/* The last event that goes in this step; 0 = none. */
static int64_t cut_at(struct db *d, const struct logcut_rule *rule, int64_t now)
{
    int64_t last = db_int(d, "SELECT max(seq) FROM event", 0);
    int64_t held = db_int(d, "SELECT min(seq) FROM cursor", INT64_MAX);
    int64_t many;
    int64_t cut = last_of(d, rule->age_ms ? now - rule->age_ms : INT64_MIN,
                          rule->count ? last - rule->count : 0);
    if (cut <= held)
        return cut;
    if (!rule->count || __builtin_mul_overflow(rule->count, LIMIT_CURSOR_HOLD_LOGS, &many))
        many = INT64_MAX;
    int64_t let_go = last_of(d, now - LIMIT_CURSOR_HOLD_MS, minus(last, many));
    let_go = MAX(let_go, held);
    return MIN(cut, let_go);
}

/* The names of those that lose their place when all up to CUT goes; how many. */
static int add_losers(struct db *d, int64_t first, int64_t cut, struct jw *w)
{
    int n = 0;
    sqlite3_stmt *s = db_stmt(d,
                              "SELECT name FROM cursor WHERE seq >= ? AND seq < ? ORDER BY name");
    if (!s)
        return 0;
    sqlite3_bind_int64(s, 1, first - 1); /* who was behind before was told of before */
    sqlite3_bind_int64(s, 2, cut);
    for (; sqlite3_step(s) == SQLITE_ROW; n++)
        if (w->b->len < LIMIT_CUT_NAMES_BYTES)
            jw_str(w, NULL, db_text(s, 0));
    sqlite3_reset(s);
    return n;
}

static int tell(struct db *d, int64_t first, int64_t cut, int64_t now, int64_t *ret_raised,
                struct td_err *err)
{
    CLEANUP_BUF struct buf b = BUF_INIT(2 * LIMIT_CUT_NAMES_BYTES);
    struct jw w = {.b = &b};
    jw_begin_object(&w, NULL);
    jw_int(&w, "first_seq", cut + 1);
    jw_begin_array(&w, "cursors");
    if (add_losers(d, first, cut, &w) == 0)
        return 0;
    jw_end_array(&w);
    jw_end_object(&w);
    sqlite3_stmt *s = db_stmt(d, "INSERT INTO event(kind, at, feed_id, item_id, revision, detail)"
                                 " VALUES(?, ?, 0, 0, 0, ?)");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int(s, 1, EVENT_LOG_CUT);
    sqlite3_bind_int64(s, 2, now);
    db_bind_text(s, 3, buf_str(&b));
    int r = db_run(d, s, err);
    if (r == 0)
        *ret_raised = sqlite3_last_insert_rowid(db_handle(d));
    return r;
}

int logcut_step(struct db *d, const struct logcut_rule *rule, int64_t now, int64_t *ret_raised,
                struct td_err *err)
{
    int64_t first = db_int(d, "SELECT min(seq) FROM event", 0);
    int64_t cut = first ? cut_at(d, rule, now) : 0;
    if (!first || cut < first)
        return 0;
    int r = tell(d, first, cut, now, ret_raised, err);
    sqlite3_stmt *s = r == 0 ? db_stmt(d, "DELETE FROM event WHERE seq <= ?") : NULL;
    if (r < 0)
        return r;
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, cut);
    r = db_run(d, s, err);
    return r < 0 ? r : sqlite3_changes(db_handle(d)) >= LIMIT_RETENTION_STEP;
}
