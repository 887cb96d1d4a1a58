#include "store/maintain.h"

#include <uthash.h>

#include "base/limits.h"
#include "base/mem.h"
#include "store/commit.h"
#include "store/logcut.h"

#define INDEX_STEP 100             /* items: 10 to 20 ms */
#define SWEEP_MS   (3600 * 1000LL) /* between two looks at everything that may expire */
#define SOON_MS    1000            /* after a rule changed: a reload sets many at once */
#define STEP_MS    10              /* how long a step looks for something to expire */
/* The index waits for a pause, so that a round's news gets the processor first, but not for ever.
 */
#define INDEX_QUIET_MS  100
#define INDEX_LATEST_MS 3000

struct rule {
    int64_t feed_id, age_ms, count;
    UT_hash_handle hh;
};

struct maintain {
    struct db *d;
    struct rule *rules, *at; /* `at`: where the sweep is */
    int64_t age_ms, age_id;  /* the last answer of below_age */
    bool index, deleted; /* there may be something to index, or to take away of a deleted feed */
    bool cut;            /* there may be something in the index that cut.h has not seen */
    bool hold;
    int64_t wrote_at, waiting_since; /* monotonic; of items the index does not have */
    bool sweeping, rules_done, log_done;
    int64_t sweep_at, next_sweep_at; /* wall clock; of the next, and of the one after it */
    int64_t seen_day, seen_feed;     /* seen: swept once a day, a feed a step */
    struct logcut_rule log;
    int64_t raised, raised_now; /* events of its own: committed, and of the step under way */
};

struct maintain *maintain_new(struct db *d)
{
    struct maintain *m = xcalloc(1, sizeof *m);
    m->d = d;
    m->index = m->deleted = m->cut = true;
    m->log = (struct logcut_rule){.age_ms = LOGCUT_AGE_MS};
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

void maintain_log_grew(struct maintain *m)
{
    if (!m->index)
        m->waiting_since = clock_mono_ms();
    m->index = true;
}

void maintain_wrote(struct maintain *m)
{
    maintain_log_grew(m);
    m->wrote_at = clock_mono_ms();
}

void maintain_hold(struct maintain *m, bool hold)
{
    m->hold = hold;
}

void maintain_deleted(struct maintain *m)
{
    m->deleted = true;
}

void maintain_set_retention(struct maintain *m, int64_t feed_id, int64_t age_ms, int64_t count)
{
    struct rule *r;
    HASH_FIND(hh, m->rules, &feed_id, sizeof feed_id, r);
    if (!age_ms && !count) {
        if (r) {
            if (m->at == r)
                m->at = r->hh.next;
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
    m->next_sweep_at = MIN(m->next_sweep_at, clock_now_ms() + SOON_MS);
    if (!m->sweeping)
        m->sweep_at = MIN(m->sweep_at, m->next_sweep_at);
}

void maintain_set_log(struct maintain *m, int64_t age_ms, int64_t count)
{
    if (m->log.age_ms == age_ms && m->log.count == count)
        return;
    m->log = (struct logcut_rule){age_ms, count};
    m->next_sweep_at = MIN(m->next_sweep_at, clock_now_ms() + SOON_MS);
    if (!m->sweeping)
        m->sweep_at = MIN(m->sweep_at, m->next_sweep_at);
}

int64_t maintain_raised(const struct maintain *m)
{
    return m->raised;
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
    int r = run(m,
                "INSERT INTO item_fts(rowid, title, author, text) SELECT item_id, " DB_INDEXED_ALL
                " FROM item WHERE item_id IN (SELECT item_id FROM reindex WHERE item_id <= ?)",
                last, 0, err);
    return r < 0 ? r : run(m, "DELETE FROM reindex WHERE item_id <= ?", last, 0, err);
}

/* All that is in the log is in the index, or needs none. */
static int index_done(struct maintain *m, struct td_err *err)
{
    return run(m,
               "UPDATE meta SET value = log.seq FROM (SELECT coalesce(max(seq), 0) AS seq FROM"
               " sqlite_sequence WHERE name = 'event') AS log"
               " WHERE key = 'index_seq' AND value <> log.seq", /* nothing new: nothing to sync */
               0, 0, err);
}

/* Items up to ITEM_ID are in the index, there are more: all events before that of the next one are
 * covered. When those that are left have none, the last event stands for them. */
static int index_reached(struct maintain *m, int64_t item_id, struct td_err *err)
{
    return run(m,
               "UPDATE meta SET value = next.seq - 1 FROM (SELECT coalesce((SELECT seq FROM event"
               " WHERE seq > (SELECT value FROM meta WHERE key = 'index_seq') AND item_id > ?"
               " ORDER BY seq LIMIT 1), (SELECT max(seq) FROM event)) AS seq) AS next"
               " WHERE key = 'index_seq' AND value < next.seq - 1",
               item_id, 0, err);
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
        r = run(m,
                "INSERT INTO item_fts(rowid, title, author, text) SELECT item_id, " DB_INDEXED_ALL
                " FROM item WHERE item_id > ? AND item_id <= ?",
                from, to, err);
        if (r == 0)
            r = run(m, "UPDATE meta SET value = ? WHERE key = 'index_item'", to, 0, err);
    } else {
        r = index_again(m, err);
    }
    if (r < 0)
        return r;
    int64_t again = ask(m, "SELECT EXISTS (SELECT 1 FROM reindex)", 0, 0, 0);
    to = MAX(from, to);
    m->index = again || ask(m, "SELECT EXISTS (SELECT 1 FROM item WHERE item_id > ?)", to, 0, 0);
    if (again) /* changed items, whose events may be anywhere, come last */
        return 0;
    return m->index ? index_reached(m, to, err) : index_done(m, err);
}

/* Scripts without spaces: items that were indexed before cut.h, one after the other. */
#define CONCERNED                                                                           \
    " FROM item WHERE item_id > ? AND item_id <= ? AND (tidings_cut(title) IS NOT title OR" \
    " tidings_cut(author) IS NOT author OR tidings_cut(text) IS NOT text)"                  \
    " AND item_id NOT IN (SELECT item_id FROM reindex)"

static int cut_step(struct maintain *m, struct td_err *err)
{
    int64_t from = ask(m, "SELECT value FROM meta WHERE key = 'cut_item'", 0, 0, 0);
    int64_t end = ask(m, "SELECT value FROM meta WHERE key = 'cut_end'", 0, 0, 0);
    int64_t to = ask(m,
                     "SELECT max(item_id) FROM (SELECT item_id FROM item WHERE item_id > ?1 AND"
                     " item_id <= ?2 ORDER BY item_id LIMIT 100)",
                     from, end, end);
    m->cut = from < end;
    if (!m->cut)
        return 0;
    int r = run(m,
                "INSERT INTO item_fts(item_fts, rowid, title, author, text)"
                " SELECT 'delete', item_id, title, author, text" CONCERNED,
                from, to, err);
    if (r == 0)
        r = run(m,
                "INSERT INTO item_fts(rowid, title, author, text) SELECT item_id,"
                " tidings_cut(title), tidings_cut(author), tidings_cut(text)" CONCERNED,
                from, to, err);
    return r < 0 ? r : run(m, "UPDATE meta SET value = ? WHERE key = 'cut_item'", to, 0, err);
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
    int r = run(m,
                "INSERT INTO item_fts(item_fts, rowid, title, author, text)"
                " SELECT 'delete', item_id, " DB_INDEXED_ALL " FROM item WHERE item_id IN temp.gone"
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

/* The first item_id that is younger than AGE_MS. Most feeds share one age: asked once a step. */
static int64_t below_age(struct maintain *m, int64_t age_ms, int64_t now)
{
    if (m->age_ms != age_ms) {
        m->age_id = db_first_item_since(m->d, now - age_ms);
        m->age_ms = age_ms;
    }
    return m->age_id;
}

/* Expires up to LIMIT_RETENTION_STEP items of one feed: how many, or negative. Ids grow with age,
 * so the index over feed and id says what is old; rows are read only of what is. */
static int64_t expire(struct maintain *m, const struct rule *rule, int64_t now, int64_t held,
                      struct td_err *err)
{
    int64_t old = rule->age_ms ? below_age(m, rule->age_ms, now) - 1 : 0, many = 0;
    if (rule->count)
        many = ask(
            m, "SELECT item_id FROM item WHERE feed_id = ? ORDER BY item_id DESC LIMIT 1 OFFSET ?",
            rule->feed_id, rule->count, 0);
    if (!ask(m, "SELECT 1 FROM item WHERE feed_id = ? AND item_id <= ? LIMIT 1", rule->feed_id,
             MAX(old, many), 0))
        return 0;
    sqlite3_stmt *s = db_stmt(m->d,
                              "INSERT INTO temp.gone SELECT item_id FROM item WHERE feed_id = ?1"
                              " AND item_id <= max(?2, ?3) AND revised_at < ?4"
                              " AND (item_id <= ?3 OR first_seen < ?5) ORDER BY item_id LIMIT ?6");
    if (!s)
        return db_fail(m->d, err);
    sqlite3_bind_int64(s, 1, rule->feed_id);
    sqlite3_bind_int64(s, 2, old);
    sqlite3_bind_int64(s, 3, many);
    sqlite3_bind_int64(s, 4, held);
    sqlite3_bind_int64(s, 5, rule->age_ms ? now - rule->age_ms : INT64_MIN);
    sqlite3_bind_int(s, 6, LIMIT_RETENTION_STEP);
    int r = db_run(m->d, s, err);
    return r < 0 ? r : delete_listed(m, err);
}

/* Idents that the next feed has not shown for LIMIT_SEEN_DAYS, counted back from its last document
 * that brought something: a feed that rests for years finds its memory as it left it. Beyond
 * LIMIT_SEEN_IDENTS the oldest go too. 1, 0 when all feeds are done, or negative. */
static int expire_seen(struct maintain *m, struct td_err *err)
{
    int64_t id = ask(m, "SELECT feed_id FROM seen WHERE feed_id > ? ORDER BY feed_id LIMIT 1",
                     m->seen_feed, 0, 0);
    if (!id)
        return 0;
    int64_t last = ask(m, "SELECT max(last_seen_day) FROM seen WHERE feed_id = ?", id, 0, 0);
    int64_t beyond = ask(m,
                         "SELECT last_seen_day FROM seen WHERE feed_id = ?"
                         " ORDER BY last_seen_day DESC LIMIT 1 OFFSET ?",
                         id, LIMIT_SEEN_IDENTS, 0);
    sqlite3_stmt *s = db_stmt(m->d,
                              "DELETE FROM seen WHERE feed_id = ?1 AND ident IN (SELECT ident FROM"
                              " seen WHERE feed_id = ?1 AND last_seen_day < ?2 LIMIT ?3)");
    if (!s)
        return db_fail(m->d, err);
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int64(s, 2, MAX(last - LIMIT_SEEN_DAYS, beyond));
    sqlite3_bind_int(s, 3, LIMIT_RETENTION_STEP);
    int r = db_run(m->d, s, err);
    if (r == 0 && sqlite3_changes(db_handle(m->d)) < LIMIT_RETENTION_STEP)
        m->seen_feed = id;
    return r < 0 ? r : 1;
}

/* ---- deleted feeds ------------------------------------------------------------------------- */

static int deleted_step(struct maintain *m, struct td_err *err)
{
    int64_t feed_id = ask(m, "SELECT feed_id FROM feed WHERE deleted = 1 LIMIT 1", 0, 0, 0);
    if (!feed_id) {
        m->deleted = false;
        return 1;
    }
    int r = run(m, "INSERT INTO temp.gone SELECT item_id FROM item WHERE feed_id = ?1 LIMIT ?2",
                feed_id, LIMIT_RETENTION_STEP, err);
    int64_t n = r < 0 ? r : delete_listed(m, err);
    if (n != 0)
        return n < 0 ? (int)n : 1;
    r = run(m,
            "DELETE FROM seen WHERE feed_id = ?1 AND ident IN"
            " (SELECT ident FROM seen WHERE feed_id = ?1 LIMIT ?2)",
            feed_id, LIMIT_RETENTION_STEP, err);
    if (r == 0 && sqlite3_changes(db_handle(m->d)) == 0)
        r = run(m, "DELETE FROM shown WHERE feed_id = ?", feed_id, 0, err);
    else
        return r < 0 ? r : 1;
    if (r == 0) /* its events go with the log's age */
        r = run(m, "DELETE FROM feed WHERE feed_id = ?", feed_id, 0, err);
    return r < 0 ? r : 1;
}

/* ---- one step ------------------------------------------------------------------------------ */

/* Goes on through the rules until one lets something go or STEP_MS are over. */
static int sweep_rules(struct maintain *m, int64_t now, struct td_err *err)
{
    int64_t until = clock_mono_ms() + STEP_MS, held = held_since(m, now);
    m->age_ms = 0;
    while (m->at && clock_mono_ms() < until) {
        int64_t n = expire(m, m->at, now, held, err);
        if (n < LIMIT_RETENTION_STEP)
            m->at = m->at->hh.next;
        if (n != 0)
            return n < 0 ? (int)n : 1;
    }
    m->rules_done = !m->at;
    return 1;
}

static int sweep_seen(struct maintain *m, struct td_err *err)
{
    int64_t until = clock_mono_ms() + STEP_MS;
    int r = 1;
    while (r > 0 && clock_mono_ms() < until)
        r = expire_seen(m, err);
    return r;
}

static int sweep_step(struct maintain *m, int64_t now, struct td_err *err)
{
    if (!m->sweeping) {
        m->sweeping = true;
        m->at = m->rules;
        m->rules_done = m->log_done = false;
        m->next_sweep_at = now + SWEEP_MS;
    }
    if (!m->rules_done)
        return sweep_rules(m, now, err);
    if (!m->log_done) {
        int r = logcut_step(m->d, &m->log, now, &m->raised_now, err);
        m->log_done = r <= 0;
        return r < 0 ? r : 1;
    }
    if (m->seen_day != commit_day(now)) {
        int r = sweep_seen(m, err);
        if (r != 0)
            return r;
        m->seen_day = commit_day(now);
        m->seen_feed = 0;
    }
    m->sweeping = false;
    m->sweep_at = m->next_sweep_at; /* sooner when a rule came meanwhile */
    return 0;
}

/* When the index may go on (monotonic). */
static int64_t index_at(const struct maintain *m)
{
    return MIN(m->wrote_at + INDEX_QUIET_MS, m->waiting_since + INDEX_LATEST_MS);
}

static bool index_is_due(const struct maintain *m)
{
    return m->index && clock_mono_ms() >= index_at(m);
}

/* Has step() something to do at NOW? */
static bool is_due(const struct maintain *m, int64_t now)
{
    bool sweep = m->sweeping || now >= m->sweep_at || m->sweep_at - now > SWEEP_MS;
    return m->cut || index_is_due(m) || (!m->hold && (m->deleted || sweep));
}

static int step(struct maintain *m, int64_t now, struct td_err *err)
{
    if (index_is_due(m)) {
        int r = index_step(m, err);
        return r < 0 ? r : 1;
    }
    if (m->cut) {
        int r = cut_step(m, err);
        return r < 0 ? r : 1;
    }
    if (m->hold)
        return 0;
    if (m->deleted)
        return deleted_step(m, err);
    if (m->sweep_at - now > SWEEP_MS) /* the clock jumped back */
        m->sweep_at = now;
    return now >= m->sweep_at || m->sweeping ? sweep_step(m, now, err) : 0;
}

static int64_t wake_at(const struct maintain *m, int64_t now)
{
    int64_t index = m->index ? now + MAX(index_at(m) - clock_mono_ms(), (int64_t)0) : INT64_MAX;
    return m->hold ? index : MIN(m->sweep_at, index);
}

int maintain_step(struct maintain *m, int64_t now, int64_t *ret_wake_at, struct td_err *err)
{
    *ret_wake_at = wake_at(m, now);
    if (!is_due(m, now))
        return 0;
    int r = db_exec(m->d, "CREATE TEMP TABLE IF NOT EXISTS gone(item_id INTEGER PRIMARY KEY)", err);
    if (r == 0)
        r = db_exec(m->d, "BEGIN IMMEDIATE", err);
    if (r < 0)
        return r;
    m->raised_now = 0;
    int did = step(m, now, err);
    r = did < 0 ? did : db_exec(m->d, "COMMIT", err);
    if (r < 0) {
        sqlite3_exec(db_handle(m->d), "ROLLBACK", NULL, NULL, NULL);
        sqlite3_exec(db_handle(m->d), "DELETE FROM temp.gone", NULL, NULL, NULL);
        return r;
    }
    m->raised = MAX(m->raised, m->raised_now);
    *ret_wake_at = wake_at(m, now);
    return did;
}
