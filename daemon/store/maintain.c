#include "store/maintain.h"

#include <uthash.h>

#include "base/limits.h"
#include "base/mem.h"
#include "store/commit.h"

#define INDEX_STEP 100             /* items: 10 to 20 ms */
#define SWEEP_MS   (3600 * 1000LL) /* between two looks at everything that may expire */
#define SOON_MS    1000            /* after a rule changed: a reload sets many at once */
#define DAY_MS     (24 * 3600 * 1000LL)

struct rule {
    int64_t feed_id, age_ms, count;
    UT_hash_handle hh;
};

struct maintain {
    struct db *d;
    struct rule *rules, *at; /* `at`: where the sweep is */
    bool index,
        deleted; /* perhaps there is something to index, or to take away of a deleted feed */
    bool sweeping, log_done, seen_done;
    int64_t sweep_at;
};

struct maintain *maintain_new(struct db *d)
{
    struct maintain *m = xcalloc(1, sizeof *m);
    m->d = d;
    m->index = m->deleted = true;
    return m;
}

void maintain_free(struct maintain *m)
{
    struct rule *r, *next;
    if (!m)
        return;
    HASH_ITER (hh, m->rules, r, next) {
        HASH_DEL(m->rules, r);
        free(r);
    }
    free(m);
}

void maintain_wrote(struct maintain *m)
{
    m->index = m->deleted = true;
}

void maintain_set_retention(struct maintain *m, int64_t feed_id, int64_t age_ms, int64_t count)
{
    struct rule *r;
    HASH_FIND(hh, m->rules, &feed_id, sizeof feed_id, r);
    if (!age_ms && !count) {
        if (r) {
            m->at = NULL;
            m->sweeping = false;
            HASH_DEL(m->rules, r);
            free(r);
        }
        return;
    }
    if (!r) {
        r = xcalloc(1, sizeof *r);
        r->feed_id = feed_id;
        HASH_ADD(hh, m->rules, feed_id, sizeof r->feed_id, r);
    } else if (r->age_ms == age_ms && r->count == count) {
        return;
    }
    r->age_ms = age_ms;
    r->count = count;
    m->sweep_at = MIN(m->sweep_at, clock_now_ms() + SOON_MS);
}

/* Runs a statement with up to three integers. */
static int run(struct maintain *m, const char *sql, int64_t a, int64_t b, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(m->d, sql);
    if (!s)
        return db_fail(m->d, err);
    int n = sqlite3_bind_parameter_count(s);
    if (n > 0)
        sqlite3_bind_int64(s, 1, a);
    if (n > 1)
        sqlite3_bind_int64(s, 2, b);
    return db_run(m->d, s, err);
}

static int64_t ask(struct maintain *m, const char *sql, int64_t a, int64_t b, int64_t otherwise)
{
    sqlite3_stmt *s = db_stmt(m->d, sql);
    int64_t v = otherwise;
    if (!s)
        return v;
    int n = sqlite3_bind_parameter_count(s);
    if (n > 0)
        sqlite3_bind_int64(s, 1, a);
    if (n > 1)
        sqlite3_bind_int64(s, 2, b);
    if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
        v = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return v;
}

/* ---- the full-text index ------------------------------------------------------------------- */

static int index_again(struct maintain *m, struct td_err *err)
{
    int64_t last = ask(
        m, "SELECT max(item_id) FROM (SELECT item_id FROM reindex ORDER BY item_id LIMIT ?)",
        INDEX_STEP, 0, 0);
    if (!last)
        return 0;
    int r = run(
        m,
        "INSERT INTO item_fts(rowid, title, author, text) SELECT item_id, title, author, text"
        " FROM item WHERE item_id IN (SELECT item_id FROM reindex WHERE item_id <= ?)",
        last, 0, err);
    return r < 0 ? r : run(m, "DELETE FROM reindex WHERE item_id <= ?", last, 0, err);
}

static int index_step(struct maintain *m, struct td_err *err)
{
    int64_t from = ask(m, "SELECT value FROM meta WHERE key = 'index_item'", 0, 0, 0);
    int64_t to = ask(
        m,
        "SELECT max(item_id) FROM (SELECT item_id FROM item WHERE item_id > ? ORDER BY item_id"
        " LIMIT ?)",
        from, INDEX_STEP, 0);
    int r = 0;
    if (to > 0) {
        r = run(
            m,
            "INSERT INTO item_fts(rowid, title, author, text) SELECT item_id, title, author, text"
            " FROM item WHERE item_id > ? AND item_id <= ?",
            from, to, err);
        if (r == 0)
            r = run(m, "UPDATE meta SET value = ? WHERE key = 'index_item'", to, 0, err);
    } else {
        r = index_again(m, err);
    }
    if (r < 0)
        return r;
    int64_t left = ask(m, "SELECT EXISTS (SELECT 1 FROM item WHERE item_id > ?)", MAX(from, to), 0,
                       0) +
                   ask(m, "SELECT EXISTS (SELECT 1 FROM reindex)", 0, 0, 0);
    m->index = left > 0;
    if (left)
        return 0;
    return run(m,
               "UPDATE meta SET value = coalesce((SELECT seq FROM sqlite_sequence WHERE name = "
               "'event'), 0)"
               " WHERE key = 'index_seq'",
               0, 0, err);
}

/* ---- expiry -------------------------------------------------------------------------------- */

/* Items seen at this time or later wait for a consumer, unless it has been silent for too long. */
static int64_t held_since(struct maintain *m, int64_t now)
{
    int64_t seq = ask(m, "SELECT min(seq) FROM cursor", 0, 0, INT64_MAX);
    int64_t at = seq == INT64_MAX
                     ? INT64_MAX
                     : ask(m, "SELECT at FROM event WHERE seq > ? ORDER BY seq LIMIT 1", seq, 0,
                           INT64_MAX);
    return MAX(at, now - LIMIT_CURSOR_HOLD_MS);
}

/* Deletes the items of the temporary list `gone`, which the caller filled. Returns how many. */
static int64_t delete_listed(struct maintain *m, struct td_err *err)
{
    int64_t n = ask(m, "SELECT count(*) FROM temp.gone", 0, 0, 0);
    if (n == 0)
        return 0;
    int r = run(
        m,
        "INSERT INTO item_fts(item_fts, rowid, title, author, text)"
        " SELECT 'delete', item_id, title, author, text FROM item WHERE item_id IN temp.gone"
        " AND item_id <= (SELECT value FROM meta WHERE key = 'index_item')"
        " AND item_id NOT IN (SELECT item_id FROM reindex)",
        0, 0, err);
    if (r == 0)
        r = run(m, "DELETE FROM reindex WHERE item_id IN temp.gone", 0, 0, err);
    if (r == 0)
        r = run(m, "DELETE FROM revision WHERE item_id IN temp.gone", 0, 0, err);
    if (r == 0)
        r = run(m, "DELETE FROM item WHERE item_id IN temp.gone", 0, 0, err);
    if (r == 0)
        r = run(m, "DELETE FROM temp.gone", 0, 0, err);
    return r < 0 ? r : n;
}

/* Expires up to LIMIT_RETENTION_STEP items of one feed: how many, or negative. */
static int64_t expire(struct maintain *m, const struct rule *rule, int64_t now, struct td_err *err)
{
    int64_t held = held_since(m, now), before = INT64_MIN, below = 0;
    if (rule->age_ms)
        before = now - rule->age_ms;
    if (rule->count)
        below = ask(
            m, "SELECT item_id FROM item WHERE feed_id = ? ORDER BY item_id DESC LIMIT 1 OFFSET ?",
            rule->feed_id, rule->count, 0);
    if (before == INT64_MIN && below == 0)
        return 0;
    sqlite3_stmt *s = db_stmt(m->d,
                              "INSERT INTO temp.gone SELECT item_id FROM item WHERE feed_id = ?1"
                              " AND (revised_at < ?2 OR item_id <= ?3) AND revised_at < ?4"
                              " ORDER BY item_id LIMIT ?5");
    if (!s)
        return db_fail(m->d, err);
    sqlite3_bind_int64(s, 1, rule->feed_id);
    sqlite3_bind_int64(s, 2, before);
    sqlite3_bind_int64(s, 3, below);
    sqlite3_bind_int64(s, 4, held);
    sqlite3_bind_int(s, 5, LIMIT_RETENTION_STEP);
    int r = db_run(m->d, s, err);
    return r < 0 ? r : delete_listed(m, err);
}

/* The log and the memory of idents, which outlive the items: how many rows went, or negative. */
static int64_t expire_log(struct maintain *m, int64_t now, struct td_err *err)
{
    int64_t held = held_since(m, now);
    sqlite3_stmt *s = db_stmt(m->d,
                              "DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE at < ?1"
                              " AND at < ?2 ORDER BY seq LIMIT ?3)");
    if (!s)
        return db_fail(m->d, err);
    sqlite3_bind_int64(s, 1, now - LIMIT_EVENT_KEEP_MS);
    sqlite3_bind_int64(s, 2, held);
    sqlite3_bind_int(s, 3, LIMIT_RETENTION_STEP);
    int r = db_run(m->d, s, err);
    return r < 0 ? r : sqlite3_changes(db_handle(m->d));
}

/* Idents of expired items that the feed has not shown for LIMIT_SEEN_DAYS. A feed at a time would
 * need a place to remember; one pass over the table once a sweep costs less than it sounds (no row
 * is read whole). */
static int expire_seen(struct maintain *m, int64_t now, struct td_err *err)
{
    return run(m,
               "DELETE FROM seen WHERE last_seen_day < ? AND NOT EXISTS"
               " (SELECT 1 FROM item WHERE item.item_id = seen.item_id)",
               commit_day(now) - LIMIT_SEEN_DAYS, 0, err);
}

/* ---- deleted feeds ------------------------------------------------------------------------- */

static int deleted_step(struct maintain *m, struct td_err *err)
{
    int64_t feed_id = ask(m, "SELECT feed_id FROM feed WHERE deleted = 1 LIMIT 1", 0, 0, 0);
    if (!feed_id) {
        m->deleted = false;
        return 0;
    }
    int r = run(m, "INSERT INTO temp.gone SELECT item_id FROM item WHERE feed_id = ?1 LIMIT ?2",
                feed_id, LIMIT_RETENTION_STEP, err);
    int64_t n = r < 0 ? r : delete_listed(m, err);
    if (n != 0)
        return n < 0 ? (int)n : 1;
    r = run(m, "DELETE FROM seen WHERE feed_id = ?", feed_id, 0, err);
    if (r == 0)
        r = run(m, "DELETE FROM event WHERE feed_id = ?", feed_id, 0, err);
    if (r == 0)
        r = run(m, "DELETE FROM feed WHERE feed_id = ?", feed_id, 0, err);
    return r < 0 ? r : 1;
}

/* ---- one step ------------------------------------------------------------------------------ */

static int sweep_step(struct maintain *m, int64_t now, struct td_err *err)
{
    if (!m->sweeping) {
        m->sweeping = true;
        m->at = m->rules;
        m->log_done = m->seen_done = false;
    }
    while (m->at) {
        int64_t n = expire(m, m->at, now, err);
        if (n < LIMIT_RETENTION_STEP)
            m->at = m->at->hh.next;
        if (n != 0)
            return n < 0 ? (int)n : 1;
    }
    if (!m->log_done) {
        int64_t n = expire_log(m, now, err);
        m->log_done = n < LIMIT_RETENTION_STEP;
        return n < 0 ? (int)n : 1;
    }
    if (!m->seen_done) {
        m->seen_done = true;
        int r = expire_seen(m, now, err);
        return r < 0 ? r : 1;
    }
    m->sweeping = false;
    m->sweep_at = now + SWEEP_MS;
    return 0;
}

static int step(struct maintain *m, int64_t now, struct td_err *err)
{
    if (m->index) {
        int r = index_step(m, err);
        return r < 0 ? r : 1;
    }
    if (m->deleted)
        return deleted_step(m, err);
    if (m->sweep_at - now > SWEEP_MS) /* the clock jumped back */
        m->sweep_at = now;
    return now >= m->sweep_at || m->sweeping ? sweep_step(m, now, err) : 0;
}

int maintain_step(struct maintain *m, int64_t now, int64_t *ret_wake_at, struct td_err *err)
{
    *ret_wake_at = m->sweep_at;
    if (!m->index && !m->deleted && !m->sweeping && now < m->sweep_at &&
        m->sweep_at - now <= SWEEP_MS)
        return 0;
    int r = db_exec(m->d, "CREATE TEMP TABLE IF NOT EXISTS gone(item_id INTEGER PRIMARY KEY)", err);
    if (r == 0)
        r = db_exec(m->d, "BEGIN IMMEDIATE", err);
    if (r < 0)
        return r;
    int did = step(m, now, err);
    r = did < 0 ? did : db_exec(m->d, "COMMIT", err);
    if (r < 0) {
        sqlite3_exec(db_handle(m->d), "ROLLBACK", NULL, NULL, NULL);
        sqlite3_exec(db_handle(m->d), "DELETE FROM temp.gone", NULL, NULL, NULL);
        return r;
    }
    *ret_wake_at = m->sweep_at;
    return did;
}
