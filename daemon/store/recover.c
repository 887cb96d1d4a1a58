#include "store/recover.h"

#include <errno.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/buf.h"
#include "base/mem.h"
#include "store/db.h"
#include "store/dedup.h"
#include "store/migrate.h"
#include "store/subs.h"

/* When the last number that was given is not readable: this far behind the last one seen. */
#define SEQUENCE_GAP 1000000

struct table {
    const char *name, *key; /* an integer that leads its primary key; NULL: names */
    const char *valid;      /* what a row must fulfil beside its types, NULL = nothing */
    size_t counter;         /* in struct recovered */
    const char *before;     /* the table that held it in older formats */
};
static const struct table tables[] = {
    /* Before the feeds: one that has no row there yet gets an empty one (schema/v10.sql). */
    {"poll", "feed_id", NULL, offsetof(struct recovered, polls), "feed"},
    {"feed", "feed_id", NULL, offsetof(struct recovered, feeds)},
    {"item", "item_id", "json_valid(json)", offsetof(struct recovered, items)},
    {"event", "seq", NULL, offsetof(struct recovered, events)},
    {"revision", "item_id", "json_valid(json)", offsetof(struct recovered, revisions)},
    {"seen", "feed_id", NULL, offsetof(struct recovered, seen)},
    {"cursor", NULL, NULL, offsetof(struct recovered, cursors)},
    {"subscription", NULL, NULL, offsetof(struct recovered, subscriptions)},
    {"dead_letter", "id", "json_valid(event)", offsetof(struct recovered, dead_letters)},
    {"story", "story_id", NULL, offsetof(struct recovered, stories)},
    {"story_item", "item_id", NULL, offsetof(struct recovered, story_items)},
    {"story_wait", "item_id", NULL, offsetof(struct recovered, story_waits)},
    {"story_fix", "fix_id", NULL, offsetof(struct recovered, story_fixes)},
    {"shown", "feed_id", NULL, offsetof(struct recovered, shown)},
    {"meta", NULL, "key GLOB '" QUERY_KEY "*'", offsetof(struct recovered, queries)},
    {"pacing", NULL, "typeof(key) = 'text' AND typeof(spacing_ms) = 'integer'",
     offsetof(struct recovered, sites)},
};

/* One table on its way. */
struct copy {
    sqlite3 *from, *to;
    const struct table *t;
    const char *source; /* the table it comes from */
    sqlite3_stmt *insert;
    char *columns;
    int n_columns;
    int64_t *rows, *damaged;
    struct td_err *err;
};

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
    return sqlite3_table_column_metadata(db, NULL, table, column, NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_OK;
}

/* The columns that both sides have: "a, b, c", and how many. An older store lacks the newer ones.
 */
static char *common_columns(struct copy *c)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    sqlite3_stmt *s = NULL;
    CLEANUP_FREE char *sql = xasprintf("PRAGMA table_info(%s)", c->t->name);
    if (sqlite3_prepare_v2(c->to, sql, -1, &s, NULL) != SQLITE_OK)
        return NULL;
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *name = db_text(s, 1);
        if (!has_column(c->from, c->source, name))
            continue;
        buf_addf(&b, "%s%s", b.len ? ", " : "", name);
        c->n_columns++;
    }
    sqlite3_finalize(s);
    return b.len ? buf_take(&b, NULL) : NULL;
}

static int prepare_insert(struct copy *c)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    buf_addf(&b, "INSERT OR IGNORE INTO %s(%s) SELECT * FROM (SELECT ", c->t->name, c->columns);
    const char *name = c->columns;
    for (int i = 1; i <= c->n_columns; i++) {
        size_t n = strcspn(name, ",");
        buf_addf(&b, "%s?%d AS %.*s", i > 1 ? ", " : "", i, (int)n, name);
        name += n + (name[n] ? 2 : 0);
    }
    buf_addf(&b, ") WHERE %s", c->t->valid ? c->t->valid : "1");
    return sqlite3_prepare_v2(c->to, buf_str(&b), -1, &c->insert, NULL) == SQLITE_OK ? 0 : -EIO;
}

/* Writes the row that S stands on, if it is one. Negative: the new store cannot be written. */
static int put_row(struct copy *c, sqlite3_stmt *s)
{
    for (int i = 0; i < c->n_columns; i++)
        sqlite3_bind_value(c->insert, i + 1, sqlite3_column_value(s, i));
    int code = sqlite3_step(c->insert);
    sqlite3_reset(c->insert);
    int kind = code & 0xff;
    if (code == SQLITE_DONE)
        *c->rows += sqlite3_changes(c->to);
    else if (kind == SQLITE_CONSTRAINT || kind == SQLITE_MISMATCH)
        ++*c->damaged; /* garbage that looked like a row */
    else
        return td_err(c->err, -EIO, "the new store cannot be written: %s", sqlite3_errmsg(c->to));
    return 0;
}

enum scan { SCAN_WHOLE, SCAN_BROKEN };

/* Reads rows with ABOVE < key < BELOW, upwards or downwards, up to the end or the first damage.
 * *RET_FIRST and *RET_LAST (untouched when there was no row) are keys. Negative: put_row's. */
static int scan(struct copy *c, int64_t above, int64_t below, bool up, int64_t *ret_first,
                int64_t *ret_last)
{
    sqlite3_stmt *s = NULL;
    CLEANUP_FREE char *sql = xasprintf(
        "SELECT %s, %s FROM %s WHERE %s > ?1 AND %s < ?2 ORDER BY %s %s", c->columns, c->t->key,
        c->source, c->t->key, c->t->key, c->t->key, up ? "ASC" : "DESC");
    int code = sqlite3_prepare_v2(c->from, sql, -1, &s, NULL), r = 0;
    bool first = true;
    sqlite3_bind_int64(s, 1, above);
    sqlite3_bind_int64(s, 2, below);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(s);
        if (code != SQLITE_ROW)
            break;
        int64_t key = sqlite3_column_int64(s, c->n_columns);
        if (key <= above || key >= below) { /* a page of another place: no order to rely on */
            code = SQLITE_CORRUPT;
            break;
        }
        if (first && ret_first)
            *ret_first = key;
        first = false;
        *ret_last = key;
        if ((r = put_row(c, s)) < 0)
            break;
    }
    sqlite3_finalize(s);
    return r < 0 ? r : code == SQLITE_DONE ? SCAN_WHOLE : SCAN_BROKEN;
}

/* All that can be read of a table whose keys are integers above 0. */
static int copy_by_key(struct copy *c)
{
    int64_t at = 0, gap = -1, step = 1; /* gap: the last key before the damage, -1 = none open */
    for (;;) {
        int64_t first = INT64_MAX, last = at, back;
        int r = scan(c, at, INT64_MAX, true, &first, &last);
        if (r < 0)
            return r;
        bool any = first != INT64_MAX;
        if (gap >= 0 && (any || r == SCAN_WHOLE)) { /* from here back to the damage */
            int r2 = scan(c, gap, first, false, NULL, &back);
            if (r2 < 0)
                return r2;
            gap = -1;
        }
        if (r == SCAN_WHOLE)
            return 0;
        if (any)
            step = 1;
        if (gap < 0) {
            ++*c->damaged;
            gap = last;
        }
        if (step > INT64_MAX / 4 || last > INT64_MAX - step) { /* nothing readable behind it */
            r = scan(c, gap, INT64_MAX, false, NULL, &back);
            return r < 0 ? r : 0;
        }
        at = last + step;
        step *= 2;
    }
}

/* The small table of names: from both ends. */
static int copy_names(struct copy *c)
{
    for (int up = 1; up >= 0; up--) {
        sqlite3_stmt *s = NULL;
        CLEANUP_FREE char *sql = xasprintf("SELECT %s FROM %s ORDER BY 1 %s", c->columns, c->source,
                                           up ? "ASC" : "DESC");
        int code = sqlite3_prepare_v2(c->from, sql, -1, &s, NULL), r = 0;
        while (r == 0 && (code == SQLITE_OK || code == SQLITE_ROW) &&
               (code = sqlite3_step(s)) == SQLITE_ROW)
            r = put_row(c, s);
        sqlite3_finalize(s);
        if (r < 0 || code == SQLITE_DONE)
            return r;
        *c->damaged += up;
    }
    return 0;
}

static int copy_table(sqlite3 *from, sqlite3 *to, const struct table *t, struct recovered *ret,
                      struct td_err *err)
{
    struct copy c = {.from = from,
                     .to = to,
                     .t = t,
                     .rows = (int64_t *)(void *)((char *)ret + t->counter),
                     .damaged = &ret->damaged,
                     .err = err};
    bool older = t->before && !has_column(from, t->name, t->key);
    c.source = older ? t->before : t->name;
    c.columns = common_columns(&c);
    if (!c.columns) { /* its entry in the list of tables is gone */
        ret->damaged++;
        return 0;
    }
    int r = prepare_insert(&c);
    if (r < 0)
        td_err(err, r, "the new store: %s", sqlite3_errmsg(to));
    else
        r = !t->key ? copy_names(&c) : copy_by_key(&c);
    sqlite3_finalize(c.insert);
    free(c.columns);
    return r;
}

/* ---- what must hold although rows are missing ----------------------------------------------- */

/* No number is given twice: the new store's sequences go on where the old ones were. */
static int continue_sequences(sqlite3 *from, struct db *to, struct td_err *err)
{
    static const char *const pairs[][2] = {{"feed", "feed_id"},
                                           {"item", "item_id"},
                                           {"event", "seq"},
                                           {"dead_letter", "id"},
                                           {"story_fix", "fix_id"}};
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        sqlite3_stmt *s = NULL;
        CLEANUP_FREE char *ask = xasprintf("SELECT seq FROM sqlite_sequence WHERE name = '%s'",
                                           pairs[i][0]);
        int64_t old = -1;
        if (sqlite3_prepare_v2(from, ask, -1, &s, NULL) == SQLITE_OK) {
            int code = sqlite3_step(s);
            old = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : code == SQLITE_DONE ? 0 : -1;
        }
        sqlite3_finalize(s);
        CLEANUP_FREE char *max = xasprintf("SELECT max(%s) FROM %s", pairs[i][1], pairs[i][0]);
        int64_t seen = db_int(to, max, 0);
        int64_t next = old < seen ? seen + (old < 0 ? SEQUENCE_GAP : 0) : old;
        CLEANUP_FREE char *set = xasprintf("DELETE FROM sqlite_sequence WHERE name = '%s';"
                                           "INSERT INTO sqlite_sequence VALUES('%s', %lld)",
                                           pairs[i][0], pairs[i][0], (long long)next);
        int r = db_exec(to, set, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The stories' pass goes on where it was; if nobody knows, behind the last item that has a story
 * (-1: in a store that had none, with the items of the stories' window). */
static int keep_place(struct db *from, struct db *to, struct td_err *err)
{
    int64_t last = db_int(to, "SELECT max(item_id) FROM item", 0);
    int64_t seen = db_int(to, "SELECT coalesce(max(item_id), -1) FROM story_item", -1);
    int64_t at = db_int(from, "SELECT value FROM meta WHERE key = 'story_item'", seen);
    int64_t quiet = db_int(from, "SELECT value FROM meta WHERE key = 'story_quiet'", last);
    CLEANUP_FREE char *sql = xasprintf("UPDATE meta SET value = %lld WHERE key = 'story_item';"
                                       "UPDATE meta SET value = %lld WHERE key = 'story_quiet'",
                                       (long long)MAX(at, seen), (long long)quiet);
    return db_exec(to, sql, err);
}

/* Items whose feed's row is lost stay visible, under a feed that is not fetched. */
static int make_feeds(struct db *to, struct recovered *ret, struct td_err *err)
{
    int r = db_exec(to,
                    "INSERT INTO feed(feed_id, name, url, origin, enabled)"
                    " SELECT DISTINCT feed_id, 'recovered-' || feed_id, '', 0, 0 FROM item"
                    " WHERE feed_id NOT IN (SELECT feed_id FROM feed)",
                    err);
    ret->feeds_made = sqlite3_changes(db_handle(to));
    ret->feeds += ret->feeds_made;
    return r;
}

/* Each feed that is not deleted has its row of polls, and nobody else has. An older store may have
 * known of items that are missing from what the feed shows: that is looked at. */
static int keep_polls(sqlite3 *from, struct db *to, struct td_err *err)
{
    int r = db_exec(to,
                    "DELETE FROM poll WHERE feed_id NOT IN (SELECT feed_id FROM feed WHERE"
                    " deleted = 0)",
                    err);
    return r < 0 || has_column(from, "poll", "missing")
               ? r
               : db_exec(to,
                         "UPDATE poll SET missing = 1 WHERE feed_id IN (SELECT feed_id FROM"
                         " shown)",
                         err);
}

static int see_item(struct db *to, sqlite3_stmt *row, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(to, "INSERT OR IGNORE INTO seen(feed_id, ident, item_id, fingerprint,"
                                  " moved_key, last_seen_day) VALUES(?,?,?,0,?,?)");
    struct td_entry e = {.id = db_text(row, 2),
                         .url = db_text(row, 3),
                         .title = db_text(row, 4),
                         .text = db_text(row, 5),
                         .date_published = db_time(row, 6),
                         .date_modified = TD_NEVER};
    if (!s)
        return db_fail(to, err);
    sqlite3_bind_int64(s, 1, sqlite3_column_int64(row, 1));
    sqlite3_bind_int64(s, 2, (int64_t)dedup_ident(&e, (enum dedup_rule)sqlite3_column_int(row, 7)));
    sqlite3_bind_int64(s, 3, sqlite3_column_int64(row, 0));
    sqlite3_bind_int64(s, 4, (int64_t)dedup_moved_key(&e));
    sqlite3_bind_int64(s, 5, clock_now_ms() / DAY_MS);
    return db_run(to, s, err);
}

/* An item that is there is known, so that its feed does not bring it as a new one. */
static int know_items(struct db *to, struct td_err *err)
{
    int r = db_exec(to,
                    "CREATE TEMP TABLE known(item_id INTEGER PRIMARY KEY);"
                    "INSERT OR IGNORE INTO known SELECT item_id FROM seen",
                    err);
    sqlite3_stmt *s = r < 0 ? NULL
                            : db_stmt(to, "SELECT i.item_id, i.feed_id, i.id, i.url, i.title,"
                                          " i.text, i.date_published, f.ident_rule FROM item i"
                                          " JOIN feed f USING (feed_id)"
                                          " WHERE i.item_id NOT IN (SELECT item_id FROM known)");
    if (r == 0 && !s)
        r = db_fail(to, err);
    int code = SQLITE_DONE;
    while (r == 0 && (code = sqlite3_step(s)) == SQLITE_ROW)
        r = see_item(to, s, err);
    if (r == 0 && code != SQLITE_DONE)
        r = db_fail(to, err);
    if (s)
        sqlite3_reset(s);
    return r < 0 ? r : db_exec(to, "DROP TABLE known", err);
}

static int copy_all(struct db *from, struct db *to, struct recovered *ret, struct td_err *err)
{
    int r = db_exec(to, "BEGIN", err);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(tables); i++)
        r = copy_table(db_handle(from), db_handle(to), &tables[i], ret, err);
    if (r == 0)
        r = make_feeds(to, ret, err);
    if (r == 0)
        r = keep_polls(db_handle(from), to, err);
    if (r == 0)
        r = know_items(to, err);
    if (r == 0)
        r = keep_place(from, to, err);
    if (r == 0)
        r = continue_sequences(db_handle(from), to, err);
    if (r == 0)
        r = db_exec(to, "COMMIT", err);
    /* One file without a log beside it; the daemon goes back to WAL when it opens it. */
    return r == 0 ? db_exec(to, "PRAGMA journal_mode=delete", err) : r;
}

static int check_old(struct db *d, const char *path, struct td_err *err)
{
    int64_t n = db_int(d, "SELECT count(*) FROM sqlite_schema WHERE name IN ('feed', 'item')", -1);
    if (n < 0)
        return td_err(err, -EUCLEAN, "%s: the list of its tables cannot be read: %s", path,
                      sqlite3_errmsg(db_handle(d)));
    return n == 2 ? 0 : td_err(err, -EPROTO, "%s is no store of tidings", path);
}

int recover_store(const char *from, const char *to, struct recovered *ret, struct td_err *err)
{
    CLEANUP_FREE char *part = xasprintf("%s.part", to);
    struct db *old = NULL, *new = NULL;
    struct recovered got = {0};
    if (access(to, F_OK) == 0)
        return td_err(err, -EEXIST, "%s exists already", to);
    int r = db_open(&old, from, false, err);
    if (r == 0)
        r = check_old(old, from, err);
    if (r == 0) {
        unlink(part);
        r = db_open(&new, part, true, err);
    }
    if (r == 0)
        r = migrate_run(new, part, NULL, NULL, err);
    if (r == 0)
        r = copy_all(old, new, &got, err);
    db_close(old);
    db_close(new);
    if (r == 0 && rename(part, to) != 0)
        r = td_err(err, -errno, "%s: %s", to, strerror(errno));
    if (r < 0)
        unlink(part);
    else
        *ret = got;
    return r;
}
