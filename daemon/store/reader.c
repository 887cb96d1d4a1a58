#include "store/reader.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/commit.h"
#include "store/db.h"
#include "store/feeds.h"
#include "store/migrate.h"
#include "store/reader_private.h"
#include "store/learned.h"
#include "store/schema.h"
#include "store/store.h"

#define TEXT_BYTES (2u * LIMIT_SEARCH_TEXT_BYTES) /* of one item; a larger one is not ours */

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
    reader->text = BUF_INIT(TEXT_BYTES);
    r = reader_instance(reader, reader->instance, err);
    if (r < 0) {
        reader_close(reader);
        return r;
    }
    *ret = reader;
    return 0;
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    db_close(r->d);
    matcher_free(r->matcher);
    buf_free(&r->text);
    free(r);
}

/* ---- items ----------------------------------------------------------------------------------- */

void reader_row(struct reader *r, sqlite3_stmt *s, struct item_row *row)
{
    int i = 0;
    *row = (struct item_row){.reader = r};
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
    row->tags = db_text(s, i++);
    row->json = db_text(s, i);
    row->json_len = (size_t)sqlite3_column_bytes(s, i++);
    row->feed_url = db_text(s, i++);
    row->feed_tags = db_text(s, i++);
    row->feed_language = db_text(s, i++);
    row->revised_at = sqlite3_column_int64(s, i);
}

const char *item_row_text(const struct item_row *row)
{
    sqlite3_stmt *s =
        row->reader
            ? db_stmt(row->reader->d,
                      "SELECT iif(v.complete, v.text, i.text) FROM item i LEFT JOIN revision v"
                      " ON v.item_id = i.item_id AND v.revision = ?2 WHERE i.item_id = ?1")
            : NULL;
    if (!s)
        return NULL;
    sqlite3_bind_int64(s, 1, row->item_id);
    sqlite3_bind_int64(s, 2, row->revision);
    const char *text = sqlite3_step(s) == SQLITE_ROW ? db_text(s, 0) : NULL;
    buf_clear(&row->reader->text);
    if (text)
        buf_adds(&row->reader->text, text);
    sqlite3_reset(s); /* an open statement would hold the log of the file */
    return text ? buf_str(&row->reader->text) : NULL;
}

void item_row_doc(const struct item_row *row, unsigned needs, struct query_doc *ret)
{
    *ret = (struct query_doc){
        .title = row->title,
        .author = row->author,
        .text = needs & QUERY_NEEDS_TEXT ? item_row_text(row) : NULL,
        .url = row->url,
        .language = row->language,
        .tags = row->tags,
        .date_published = row->date_published,
        .first_seen = row->first_seen,
        .enclosure = needs & QUERY_NEEDS_ENCLOSURE &&
                     query_json_has_enclosure(row->json, row->json_len),
        .feed_id = row->feed_id,
        .feed = row->feed,
        .feed_url = row->feed_url,
        .feed_tags = row->feed_tags,
        .feed_language = row->feed_language,
    };
}

int reader_each(struct reader *r, sqlite3_stmt *s, bool finalize, item_row_fn *cb, void *ctx,
                int64_t *ret_n, struct td_err *err)
{
    int code, stop = 0;
    int64_t n = 0;
    while (!stop && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct item_row row;
        reader_row(r, s, &row);
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

/* The rows of S, whose only parameter is the item; -ENOENT if there are none. */
static int of_item(struct reader *r, sqlite3_stmt *s, int64_t item_id, item_row_fn *cb, void *ctx,
                   struct td_err *err)
{
    int64_t n;
    if (!s)
        return db_fail(r->d, err);
    sqlite3_bind_int64(s, 1, item_id);
    int result = reader_each(r, s, false, cb, ctx, &n, err);
    return result == 0 && n == 0 ? td_err(err, -ENOENT, "there is no item %lld", (long long)item_id)
                                 : result;
}

int reader_item(struct reader *r, int64_t item_id, item_row_fn *cb, void *ctx, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d, "SELECT " ITEM_COLUMNS " FROM item i JOIN feed f USING(feed_id)"
                                    " WHERE i.item_id = ? AND f.deleted = 0");
    return of_item(r, s, item_id, cb, ctx, err);
}

/* The columns of an item from date_published on, as of revision V (all NULL: the current one).
 * Stores before format 5 kept only url, title and json of old ones: then the rest is the current
 * one's. */
#define OF_REVISION                                                                \
    "iif(v.complete, v.date_published, i.date_published), i.backlog, f.name,"      \
    " coalesce(f.user_title, f.title), i.id, iif(v.json IS NULL, i.url, v.url),"   \
    " iif(v.json IS NULL, i.title, v.title), iif(v.complete, v.author, i.author)," \
    " iif(v.complete, v.language, i.language), iif(v.complete, v.tags, i.tags),"   \
    " coalesce(v.json, i.json), " FEED_FACTS

int reader_revisions(struct reader *r, int64_t item_id, item_row_fn *cb, void *ctx,
                     struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(
        r->d,
        "SELECT i.item_id, i.feed_id, i.revised_at, i.revision, i.date_published, i.backlog,"
        " f.name, coalesce(f.user_title, f.title), i.id, i.url, i.title, i.author, i.language,"
        " i.tags, i.json, " FEED_FACTS
        " FROM item i JOIN feed f USING(feed_id) WHERE i.item_id = ?1 AND f.deleted = 0"
        " UNION ALL SELECT i.item_id, i.feed_id, v.seen_at, v.revision, " OF_REVISION
        " FROM revision v JOIN item i USING(item_id) JOIN feed f USING(feed_id)"
        " WHERE v.item_id = ?1 AND f.deleted = 0 ORDER BY 4 DESC");
    return of_item(r, s, item_id, cb, ctx, err);
}

/* ---- events and cursors -----------------------------------------------------------------------
 */

static void event_story(sqlite3_stmt *s, int i, struct event_row *row)
{
    row->story.story_id = sqlite3_column_int64(s, i++);
    row->story.n_items = sqlite3_column_int64(s, i++);
    row->story.first_at = db_time(s, i++);
    row->story.last_at = db_time(s, i++);
    row->story.n_outlets = sqlite3_column_int64(s, i++);
    row->story.title = db_text(s, i++);
    row->story.note = db_text(s, i++);
    row->story.p = sqlite3_column_int(s, i++);
    row->story.sighting = sqlite3_column_int(s, i++);
    row->story.judged = sqlite3_column_int(s, i++) == STORY_JOINED;
    row->story.waits = sqlite3_column_int(s, i);
}

int reader_events(struct reader *r, int64_t after, int limit, event_row_fn *cb, void *ctx,
                  struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(
        r->d, "SELECT i.item_id, e.feed_id, i.first_seen, e.revision, " OF_REVISION
              ", e.seq, e.at, e.kind, coalesce(iif(e.item_id = 0, (SELECT url_now FROM poll p"
              " WHERE p.feed_id = e.feed_id), NULL), f.url), e.detail,"
              " st.story_id, st.n_items, st.first_at, st.last_at,"
              " coalesce(e.outlets, st.n_outlets), st.title, e.note, si.p,"
              " si.article_id <> si.item_id, coalesce(si.how, 0),"
              " e.item_id > (SELECT value FROM meta WHERE key = 'story_item') FROM event e"
              " LEFT JOIN story_item si ON si.item_id = e.item_id"
              " LEFT JOIN story st ON st.story_id = coalesce(e.story_id, si.story_id)"
              " LEFT JOIN item i ON i.item_id = e.item_id"
              " LEFT JOIN feed f ON f.feed_id = e.feed_id"
              " LEFT JOIN revision v ON v.item_id = e.item_id AND v.revision = e.revision"
              " WHERE e.seq > ? AND (e.feed_id = 0 OR f.deleted = 0)"
              " AND (e.item_id = 0 OR i.item_id IS NOT NULL) ORDER BY e.seq LIMIT ?");
    int code, stop = 0;
    if (!s)
        return db_fail(r->d, err);
    sqlite3_bind_int64(s, 1, after);
    sqlite3_bind_int(s, 2, limit);
    while (!stop && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct event_row row = {0};
        reader_row(r, s, &row.item);
        row.feed_id = row.item.feed_id;
        row.item_id = row.item.item_id;
        row.revision = row.item.revision;
        row.seq = sqlite3_column_int64(s, N_ITEM_COLUMNS);
        row.at = sqlite3_column_int64(s, N_ITEM_COLUMNS + 1);
        row.kind = event_kind_name(sqlite3_column_int(s, N_ITEM_COLUMNS + 2));
        row.feed_url = row.item.feed_url;
        row.feed_asked_url = db_text(s, N_ITEM_COLUMNS + 3);
        row.detail = db_text(s, N_ITEM_COLUMNS + 4);
        row.instance = r->instance;
        event_story(s, N_ITEM_COLUMNS + 5, &row);
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

int reader_has_cursor(struct reader *r, const char *name, int64_t *ret_seq, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d, "SELECT seq FROM cursor WHERE name = ?");
    if (!s)
        return db_fail(r->d, err);
    db_bind_text(s, 1, name);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *ret_seq = sqlite3_column_int64(s, 0);
    int result = code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

int reader_cursor(struct reader *r, const char *name, int64_t *ret_seq, struct td_err *err)
{
    int result = reader_has_cursor(r, name, ret_seq, err);
    return result < 0 ? result
           : result > 0
               ? 0
               : db_unknown(r->d, "consumer", name, "SELECT name FROM cursor ORDER BY name", err);
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

int reader_feed_id(struct reader *r, const char *name, int64_t *ret, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d, "SELECT feed_id FROM feed WHERE deleted = 0 AND (name = ?1 OR"
                                    " url = ?1 OR feed_id = ?2)"
                                    " ORDER BY name = ?1 DESC, url = ?1 DESC LIMIT 1");
    int64_t id = -1;
    if (!s)
        return db_fail(r->d, err);
    (void)str_to_i64(name, &id);
    db_bind_text(s, 1, name);
    sqlite3_bind_int64(s, 2, id);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(s, 0);
    int result = code == SQLITE_ROW ? 0
                 : code == SQLITE_DONE
                     ? db_unknown(r->d, "feed", name,
                                  "SELECT name FROM feed WHERE deleted = 0 ORDER BY name", err)
                     : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

#define FEED_ROWS                                                                       \
    "SELECT " FEEDS_COLUMNS                                                             \
    ", (SELECT count(*) FROM item i WHERE i.feed_id = feed.feed_id) FROM " FEEDS_TABLES \
    " WHERE deleted = 0"

int reader_feeds(struct reader *r, const char *name, feed_row_fn *cb, void *ctx, struct td_err *err)
{
    int64_t id = 0;
    int code, stop = 0, found = name ? reader_feed_id(r, name, &id, err) : 0;
    if (found < 0)
        return found;
    sqlite3_stmt *s = name ? db_stmt(r->d, FEED_ROWS " AND feed_id = ?")
                           : db_stmt(r->d, FEED_ROWS " ORDER BY name");
    if (!s)
        return db_fail(r->d, err);
    if (name)
        sqlite3_bind_int64(s, 1, id);
    while (!stop && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct td_feed_conf conf;
        struct td_feed_state state;
        feeds_read_row(s, &conf, &state);
        struct feed_row row = {&conf, &state, sqlite3_column_int64(s, FEEDS_N_COLUMNS)};
        stop = cb(ctx, &row);
        free_row(&conf, &state);
    }
    int result = stop || code == SQLITE_DONE ? 0 : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

int reader_load_feeds(struct reader *r, store_feed_fn *cb, void *ctx, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d,
                              "SELECT " FEEDS_COLUMNS " FROM " FEEDS_TABLES " WHERE deleted = 0");
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
        .stories_waiting = db_int(r->d,
                                  "SELECT max(0, coalesce((SELECT max(item_id) FROM item), 0)"
                                  " - max(0, (SELECT value FROM meta WHERE key = 'story_item')))",
                                  0),
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
