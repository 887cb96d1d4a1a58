#include "store/reader.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/commit.h"
#include "store/db.h"
#include "store/feeds.h"
#include "store/migrate.h"
#include "store/reader_private.h"
#include "store/learned.h"
#include "store/schema.h"
#include "store/search.h"
#include "store/store.h"

int reader_open(struct reader **ret, const char *path, struct td_err *err)
{
    struct db *d;
    int r = db_open(&d, path, false, err);
    if (r < 0)
        return r;
    int version = db_version(d);
    if (version != schema_version()) {
        r = td_err(
            err, version < 0 ? -EUCLEAN : -EPROTO,
            "%s has format %d, this version reads format %d%s", path, version, schema_version(),
            version < schema_version() ? ": start tidingsd once to bring it up to date" : "");
        db_close(d);
        return r;
    }
    struct reader *reader = xcalloc(1, sizeof *reader);
    reader->d = d;
    *ret = reader;
    return 0;
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    db_close(r->d);
    free(r);
}

/* ---- items ----------------------------------------------------------------------------------- */

#define ITEM_COLUMNS                                                                       \
    "i.item_id, i.feed_id, i.first_seen, i.revision, i.date_published, i.backlog, f.name," \
    " coalesce(f.user_title, f.title), i.id, i.url, i.title, i.author, i.language, i.json"

static void read_item(sqlite3_stmt *s, int i, struct item_row *row)
{
    row->item_id = sqlite3_column_int64(s, i++);
    row->feed_id = sqlite3_column_int64(s, i++);
    row->first_seen = sqlite3_column_int64(s, i++);
    row->revision = sqlite3_column_int64(s, i++);
    row->date_published = db_time(s, i++);
    row->backlog = sqlite3_column_int(s, i++);
    row->feed = db_text(s, i++);
    row->feed_title = db_text(s, i++);
    row->id = db_text(s, i++);
    row->url = db_text(s, i++);
    row->title = db_text(s, i++);
    row->author = db_text(s, i++);
    row->language = db_text(s, i++);
    row->json = db_text(s, i);
    row->json_len = (size_t)sqlite3_column_bytes(s, i);
}

/* Steps S to its end, giving each row from column 0 to CB; resets or finalizes it. */
static int each_item(struct reader *r, sqlite3_stmt *s, bool finalize, item_row_fn *cb, void *ctx,
                     int64_t *ret_n, struct td_err *err)
{
    int code, stop = 0;
    int64_t n = 0;
    while (!stop && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct item_row row;
        read_item(s, 0, &row);
        n++;
        stop = cb(ctx, &row);
    }
    int result = stop || code == SQLITE_DONE ? 0 : db_fail(r->d, err);
    if (finalize)
        sqlite3_finalize(s);
    else
        sqlite3_reset(s);
    if (ret_n)
        *ret_n = n;
    return result;
}

int reader_item(struct reader *r, int64_t item_id, item_row_fn *cb, void *ctx, struct td_err *err)
{
    int64_t n;
    sqlite3_stmt *s = db_stmt(r->d, "SELECT " ITEM_COLUMNS " FROM item i JOIN feed f USING(feed_id)"
                                    " WHERE i.item_id = ? AND f.deleted = 0");
    if (!s)
        return db_fail(r->d, err);
    sqlite3_bind_int64(s, 1, item_id);
    int result = each_item(r, s, false, cb, ctx, &n, err);
    return result == 0 && n == 0 ? td_err(err, -ENOENT, "there is no item %lld", (long long)item_id)
                                 : result;
}

int reader_revisions(struct reader *r, int64_t item_id, item_row_fn *cb, void *ctx,
                     struct td_err *err)
{
    int64_t n;
    sqlite3_stmt *s = db_stmt(
        r->d, "SELECT i.item_id, i.feed_id, i.revised_at, i.revision, i.date_published, i.backlog, "
              "f.name,"
              " coalesce(f.user_title, f.title), i.id, i.url, i.title, i.author, i.language, i.json"
              " FROM item i JOIN feed f USING(feed_id) WHERE i.item_id = ?1 AND f.deleted = 0"
              " UNION ALL SELECT i.item_id, i.feed_id, r.seen_at, r.revision, i.date_published, "
              "i.backlog,"
              " f.name, coalesce(f.user_title, f.title), i.id, r.url, r.title, i.author, "
              "i.language, r.json"
              " FROM revision r JOIN item i USING(item_id) JOIN feed f USING(feed_id)"
              " WHERE r.item_id = ?1 AND f.deleted = 0 ORDER BY 4 DESC");
    if (!s)
        return db_fail(r->d, err);
    sqlite3_bind_int64(s, 1, item_id);
    int result = each_item(r, s, false, cb, ctx, &n, err);
    return result == 0 && n == 0 ? td_err(err, -ENOENT, "there is no item %lld", (long long)item_id)
                                 : result;
}

struct sql { /* a query under construction, with its values in order */
    struct buf text;
    struct {
        const char *s;
        int64_t i;
    } values[64];
    int n;
};

static void sql_text(struct sql *q, const char *clause, const char *value)
{
    buf_adds(&q->text, clause);
    q->values[q->n++].s = value;
}

static void sql_int(struct sql *q, const char *clause, int64_t value)
{
    buf_adds(&q->text, clause);
    q->values[q->n].s = NULL;
    q->values[q->n++].i = value;
}

#define HAS_TAG                                                                               \
    "(instr(char(10) || lower(coalesce(i.tags, '')) || char(10), char(10) || lower(?) || "    \
    "char(10))"                                                                               \
    " OR instr(char(10) || lower(coalesce(f.tags, '')) || char(10), char(10) || lower(?) || " \
    "char(10)))"

static void sql_tag(struct sql *q, bool not_, const char *tag)
{
    sql_text(q, not_ ? " AND NOT " HAS_TAG : " AND " HAS_TAG, tag);
    sql_text(q, "", tag);
}

static void sql_search(struct sql *q, const struct search *s)
{
    for (size_t i = 0; i < s->n_filters; i++)
        if (s->filters[i].tag)
            sql_tag(q, s->filters[i].not_, s->filters[i].value);
        else
            sql_text(q, s->filters[i].not_ ? " AND f.name <> ?" : " AND f.name = ?",
                     s->filters[i].value);
}

/* By the date a reader sees, which is never later than when the item came. */
#define SHOWN_DATE "min(coalesce(i.date_published, i.first_seen), i.first_seen)"

static int build_items(struct reader *r, struct sql *q, const struct item_query *iq,
                       const struct search *s, struct td_err *err)
{
    int64_t seq = 0;
    bool words = s->match.len > 0;
    if (iq->unread_by) {
        int result = reader_cursor(r, iq->unread_by, &seq, err);
        if (result < 0 && result != -ENOENT) /* who never read has read nothing */
            return result;
    }
    buf_adds(&q->text, "SELECT " ITEM_COLUMNS " FROM ");
    buf_adds(&q->text, words ? "item_fts JOIN item i ON i.item_id = item_fts.rowid" : "item i");
    buf_adds(&q->text, " JOIN feed f ON f.feed_id = i.feed_id WHERE f.deleted = 0");
    if (words)
        sql_text(q, " AND item_fts MATCH ?", s->match.data);
    sql_search(q, s);
    if (iq->feed)
        sql_text(q, " AND i.feed_id = (SELECT feed_id FROM feed WHERE name = ?)", iq->feed);
    if (iq->tag)
        sql_tag(q, false, iq->tag);
    if (iq->since != TD_NEVER) {
        sql_int(q, words ? " AND item_fts.rowid >= ?" : " AND i.item_id >= ?",
                db_first_item_since(r->d, iq->since));
        sql_int(q, " AND " SHOWN_DATE " >= ?", iq->since);
    }
    if (iq->until != TD_NEVER)
        sql_int(q, " AND " SHOWN_DATE " <= ?", iq->until);
    if (iq->unread_by)
        sql_int(q, " AND i.item_id IN (SELECT item_id FROM event WHERE seq > ?)", seq);
    if (iq->before_id)
        sql_int(q, words ? " AND item_fts.rowid < ?" : " AND i.item_id < ?", iq->before_id);
    sql_int(q, words ? " ORDER BY item_fts.rowid DESC LIMIT ?" : " ORDER BY i.item_id DESC LIMIT ?",
            iq->limit);
    return q->text.overflow ? td_err(err, -EINVAL, "query: too long") : 0;
}

int reader_items(struct reader *r, const struct item_query *iq, item_row_fn *cb, void *ctx,
                 struct td_err *err)
{
    struct search search = {.match = BUF_INIT(1)};
    struct sql q = {.text = BUF_INIT(16384)};
    sqlite3_stmt *s = NULL;
    int result = iq->query ? search_parse(iq->query, &search, err) : 0;
    if (result == 0)
        result = build_items(r, &q, iq, &search, err);
    if (result == 0 && sqlite3_prepare_v2(db_handle(r->d), q.text.data, -1, &s, NULL) != SQLITE_OK)
        result = db_fail(r->d, err);
    for (int i = 0; result == 0 && i < q.n; i++)
        if (q.values[i].s)
            db_bind_text(s, i + 1, q.values[i].s);
        else
            sqlite3_bind_int64(s, i + 1, q.values[i].i);
    if (result == 0)
        result = each_item(r, s, true, cb, ctx, NULL, err);
    search_fini(&search);
    buf_free(&q.text);
    return result;
}

/* ---- events and cursors -----------------------------------------------------------------------
 */

int reader_events(struct reader *r, int64_t after, int limit, event_row_fn *cb, void *ctx,
                  struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(
        r->d,
        "SELECT i.item_id, e.feed_id, i.first_seen, e.revision, i.date_published, i.backlog, "
        "f.name,"
        " coalesce(f.user_title, f.title), i.id, iif(v.json IS NULL, i.url, v.url),"
        " iif(v.json IS NULL, i.title, v.title), i.author, i.language, coalesce(v.json, i.json),"
        " e.seq, e.at, e.kind, f.url, coalesce(f.url_now, f.url) FROM event e"
        " LEFT JOIN item i ON i.item_id = e.item_id"
        " JOIN feed f ON f.feed_id = e.feed_id"
        " LEFT JOIN revision v ON v.item_id = e.item_id AND v.revision = e.revision"
        " WHERE e.seq > ? AND f.deleted = 0 AND (e.item_id = 0 OR i.item_id IS NOT NULL) ORDER BY "
        "e.seq LIMIT ?");
    int code, stop = 0;
    if (!s)
        return db_fail(r->d, err);
    sqlite3_bind_int64(s, 1, after);
    sqlite3_bind_int(s, 2, limit);
    while (!stop && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct event_row row = {0};
        read_item(s, 0, &row.item);
        row.feed_id = row.item.feed_id;
        row.item_id = row.item.item_id;
        row.revision = row.item.revision;
        row.seq = sqlite3_column_int64(s, 14);
        row.at = sqlite3_column_int64(s, 15);
        row.kind = event_kind_name(sqlite3_column_int(s, 16));
        row.feed_url = db_text(s, 17);
        row.feed_asked_url = db_text(s, 18);
        stop = cb(ctx, &row);
    }
    int result = stop || code == SQLITE_DONE ? 0 : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

int reader_log_bounds(struct reader *r, int64_t *ret_first, int64_t *ret_last, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d,
                              "SELECT (SELECT min(seq) FROM event), (SELECT max(seq) FROM event)");
    if (!s || sqlite3_step(s) != SQLITE_ROW)
        return db_fail(r->d, err);
    *ret_first = sqlite3_column_int64(s, 0);
    *ret_last = sqlite3_column_int64(s, 1);
    sqlite3_reset(s);
    return 0;
}

int reader_cursor(struct reader *r, const char *name, int64_t *ret_seq, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d, "SELECT seq FROM cursor WHERE name = ?");
    if (!s)
        return db_fail(r->d, err);
    db_bind_text(s, 1, name);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *ret_seq = sqlite3_column_int64(s, 0);
    int result = code == SQLITE_ROW    ? 0
                 : code == SQLITE_DONE ? td_err(err, -ENOENT, "there is no cursor %s", name)
                                       : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

int reader_cursors(struct reader *r, cursor_row_fn *cb, void *ctx, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d, "SELECT name, seq, updated_at FROM cursor ORDER BY name");
    int code, stop = 0;
    if (!s)
        return db_fail(r->d, err);
    while (!stop && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct cursor_row row = {db_text(s, 0), sqlite3_column_int64(s, 1),
                                 sqlite3_column_int64(s, 2)};
        stop = cb(ctx, &row);
    }
    int result = stop || code == SQLITE_DONE ? 0 : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

/* ---- feeds ------------------------------------------------------------------------------------
 */

static void free_row(struct td_feed_conf *conf, struct td_feed_state *state)
{
    free(conf->name);
    free(conf->url);
    free(conf->title);
    free(conf->tags);
    td_feed_state_fini(state);
}

int reader_feeds(struct reader *r, const char *name, feed_row_fn *cb, void *ctx, struct td_err *err)
{
    sqlite3_stmt *s =
        name ? db_stmt(r->d,
                       "SELECT " FEEDS_COLUMNS ", (SELECT count(*) FROM item i WHERE i.feed_id ="
                       " feed.feed_id) FROM feed WHERE deleted = 0 AND feed_id = (SELECT feed_id"
                       " FROM feed WHERE deleted = 0 AND (name = ?1 OR url = ?1 OR feed_id = ?2)"
                       " ORDER BY name = ?1 DESC, url = ?1 DESC LIMIT 1)")
             : db_stmt(r->d,
                       "SELECT " FEEDS_COLUMNS ", (SELECT count(*) FROM item i WHERE i.feed_id ="
                       " feed.feed_id) FROM feed WHERE deleted = 0 ORDER BY name");
    int code, stop = 0;
    int64_t n = 0, id = -1;
    if (!s)
        return db_fail(r->d, err);
    if (name) {
        db_bind_text(s, 1, name);
        (void)str_to_i64(name, &id);
        sqlite3_bind_int64(s, 2, id);
    }
    while (!stop && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct td_feed_conf conf;
        struct td_feed_state state;
        feeds_read_row(s, &conf, &state);
        struct feed_row row = {&conf, &state, sqlite3_column_int64(s, FEEDS_N_COLUMNS)};
        n++;
        stop = cb(ctx, &row);
        free_row(&conf, &state);
    }
    int result = stop || code == SQLITE_DONE ? 0 : db_fail(r->d, err);
    sqlite3_reset(s);
    return result == 0 && name && n == 0 ? td_err(err, -ENOENT, "there is no feed %s", name)
                                         : result;
}

int reader_load_feeds(struct reader *r, store_feed_fn *cb, void *ctx, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d, "SELECT " FEEDS_COLUMNS " FROM feed WHERE deleted = 0");
    int code;
    if (!s)
        return db_fail(r->d, err);
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        struct td_feed_conf conf;
        struct td_feed_state state;
        feeds_read_row(s, &conf, &state);
        cb(ctx, &conf, &state);
        free_row(&conf, &state);
    }
    int result = code == SQLITE_DONE ? 0 : db_fail(r->d, err);
    sqlite3_reset(s);
    sqlite3_db_release_memory(db_handle(r->d)); /* nobody asks for these pages again soon */
    return result;
}

int reader_load_learned(struct reader *r, store_learned_fn *cb, void *ctx, struct td_err *err)
{
    return learned_load(r->d, cb, ctx, err);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

int reader_counts(struct reader *r, struct store_counts *ret, struct td_err *err)
{
    struct store_counts c = {
        .feeds = db_int(r->d,
                        "SELECT (SELECT count(*) FROM feed)"
                        " - (SELECT count(*) FROM feed WHERE deleted = 1)",
                        -1),
        .items = db_int(r->d, "SELECT count(*) FROM item", -1),
        .events = db_int(r->d, "SELECT count(*) FROM event", -1),
        .last_seq = db_int(r->d, "SELECT seq FROM sqlite_sequence WHERE name = 'event'", 0),
        .index_seq = db_int(r->d, "SELECT value FROM meta WHERE key = 'index_seq'", 0),
        .db_bytes = db_int(r->d, "PRAGMA page_count", 0) * db_int(r->d, "PRAGMA page_size", 0),
    };
    if (c.feeds < 0 || c.items < 0 || c.events < 0)
        return db_fail(r->d, err);
    *ret = c;
    return 0;
}

/* Inside one read transaction: a writer that goes on does not make the copy begin again. */
int reader_backup(struct reader *r, const char *path, int (*progress)(void *ctx, double done),
                  void *ctx, struct td_err *err)
{
    int result = db_exec(r->d, "BEGIN; SELECT count(*) FROM meta", err);
    if (result == 0)
        result = migrate_copy(r->d, path, progress, ctx, err);
    sqlite3_exec(db_handle(r->d), "COMMIT", NULL, NULL, NULL);
    return result;
}
