#include "store/reader_stories.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "store/db.h"
#include "store/reader_private.h"

#define GROWTH 12 /* parts of a story's life whose items are counted, for a small chart */

/* story_id, title, first_at, last_at, n_items, n_outlets, lead_item, url, outlets of late */
#define STORY_COLUMNS                                                                           \
    "s.story_id, coalesce(s.title, (SELECT substr(text, 1, 80) FROM item WHERE item_id ="       \
    " s.lead_item)), s.first_at, s.last_at, s.n_items, s.n_outlets, s.lead_item,"               \
    " (SELECT url FROM item WHERE item_id = s.lead_item),"                                      \
    " iif(s.last_at >= ?1, (SELECT count(DISTINCT outlet) FROM story_item i WHERE i.story_id =" \
    " s.story_id AND i.at >= ?1), 0) AS late"

/* How many items came in each part of its life. */
static void add_growth(struct reader *r, struct jw *w, int64_t story_id, int64_t first,
                       int64_t last)
{
    int64_t n[GROWTH] = {0};
    sqlite3_stmt *s = db_stmt(r->d, "SELECT at FROM story_item WHERE story_id = ?");
    if (!s)
        return;
    sqlite3_bind_int64(s, 1, story_id);
    while (sqlite3_step(s) == SQLITE_ROW) {
        int64_t at = sqlite3_column_int64(s, 0);
        n[last > first ? MIN((at - first) * GROWTH / (last - first), (int64_t)GROWTH - 1) : 0]++;
    }
    sqlite3_reset(s);
    jw_begin_array(w, "growth");
    for (size_t i = 0; i < GROWTH; i++)
        jw_int(w, NULL, n[i]);
    jw_end_array(w);
}

/* The members of the story in the row at hand. */
static void add_story(struct reader *r, struct jw *w, sqlite3_stmt *s)
{
    int64_t id = sqlite3_column_int64(s, 0), first = db_time(s, 2), last = db_time(s, 3);
    jw_int(w, "story_id", id);
    jw_str(w, "title", db_text(s, 1));
    jw_str(w, "url", db_text(s, 7));
    jw_int(w, "outlets", sqlite3_column_int64(s, 5));
    jw_int(w, "items", sqlite3_column_int64(s, 4));
    jw_time(w, "first", first);
    jw_time(w, "last", last);
    jw_int(w, "lead_item", sqlite3_column_int64(s, 6));
    jw_double(w, "heat",
              (double)(sqlite3_column_int64(s, 8) * 100 * 3600000 / STORY_HEAT_MS) / 100);
    add_growth(r, w, id, first, last);
}

static int take_id(void *ctx, const struct item_row *row)
{
    struct jw *w = ctx;
    jw_int(w, NULL, row->item_id);
    return 0;
}

int reader_stories(struct reader *r, const struct story_query *q, struct buf *out,
                   struct td_err *err)
{
    static const char *const orders[] = {
        [STORY_BY_HEAT] = "SELECT " STORY_COLUMNS
                          " FROM story s WHERE s.last_at >= ?2 AND s.n_outlets >= ?3 AND s.n_items"
                          " > 0 AND (?4 IS NULL OR s.story_id IN (SELECT story_id FROM story_item"
                          " WHERE item_id IN (SELECT value FROM json_each(?4))))"
                          " ORDER BY late DESC, s.last_at DESC LIMIT ?5",
        [STORY_BY_NEW] = "SELECT " STORY_COLUMNS
                         " FROM story s WHERE s.last_at >= ?2 AND s.n_outlets >= ?3 AND s.n_items >"
                         " 0 AND (?4 IS NULL OR s.story_id IN (SELECT story_id FROM story_item"
                         " WHERE item_id IN (SELECT value FROM json_each(?4))))"
                         " ORDER BY s.last_at DESC, s.story_id DESC LIMIT ?5",
        [STORY_BY_SIZE] = "SELECT " STORY_COLUMNS
                          " FROM story s WHERE s.last_at >= ?2 AND s.n_outlets >= ?3 AND s.n_items"
                          " > 0 AND (?4 IS NULL OR s.story_id IN (SELECT story_id FROM story_item"
                          " WHERE item_id IN (SELECT value FROM json_each(?4))))"
                          " ORDER BY s.n_outlets DESC, s.n_items DESC, s.last_at DESC LIMIT ?5"};
    CLEANUP_BUF struct buf ids = BUF_INIT(LIMIT_PAGE_ITEMS * 24);
    struct jw idw = {.b = &ids}, w = {.b = out};
    int code, n = 0;
    if (q->query) {
        struct item_query iq = {.since = q->since,
                                .until = TD_NEVER,
                                .query = q->query,
                                .limit = LIMIT_PAGE_ITEMS,
                                .max_ms = LIMIT_QUERY_MS};
        jw_begin_array(&idw, NULL);
        int result = reader_items(r, &iq, take_id, &idw, err);
        if (result < 0)
            return result;
        jw_end_array(&idw);
    }
    sqlite3_stmt *s = db_stmt(r->d, orders[q->order]);
    if (!s)
        return db_fail(r->d, err);
    sqlite3_bind_int64(s, 1, q->now - STORY_HEAT_MS);
    sqlite3_bind_int64(s, 2, q->since == TD_NEVER ? 0 : q->since);
    sqlite3_bind_int64(s, 3, q->outlets);
    db_bind_text(s, 4, q->query ? ids.data : NULL);
    sqlite3_bind_int(s, 5, q->limit);
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        jw_begin_object(&w, NULL);
        add_story(r, &w, s);
        jw_end_object(&w);
        n++;
    }
    int result = code == SQLITE_DONE ? n : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

/* ---- one story ------------------------------------------------------------------------------- */

static const char *how_name(int how)
{
    static const char *const names[] = {"opened", "joined", "same article", "moved", "pinned"};
    return how >= 0 && how < (int)ARRAY_SIZE(names) ? names[how] : "unknown";
}

/* The headlines that the item had before, oldest first. */
static void add_headlines(struct reader *r, struct jw *w, int64_t item_id)
{
    sqlite3_stmt *s = db_stmt(r->d, "SELECT v.title, v.seen_at FROM revision v JOIN item i"
                                    " USING(item_id) WHERE v.item_id = ? AND v.title IS NOT i.title"
                                    " ORDER BY v.revision");
    bool any = false;
    if (!s)
        return;
    sqlite3_bind_int64(s, 1, item_id);
    while (sqlite3_step(s) == SQLITE_ROW) {
        if (!any)
            jw_begin_array(w, "earlier_titles");
        any = true;
        jw_str(w, NULL, db_text(s, 0));
    }
    if (any)
        jw_end_array(w);
    sqlite3_reset(s);
}

static int add_timeline(struct reader *r, struct jw *w, int64_t story_id, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(
        r->d, "SELECT p.item_id, p.at, f.name, p.outlet, i.title, i.url, p.p, p.how,"
              " p.article_id, i.revision FROM story_item p JOIN item i ON i.item_id = p.item_id"
              " JOIN feed f ON f.feed_id = p.feed_id WHERE p.story_id = ? AND f.deleted = 0"
              " ORDER BY p.at, p.item_id LIMIT ?");
    int code;
    if (!s)
        return db_fail(r->d, err);
    sqlite3_bind_int64(s, 1, story_id);
    sqlite3_bind_int(s, 2, LIMIT_PAGE_ITEMS);
    jw_begin_array(w, "timeline");
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t item_id = sqlite3_column_int64(s, 0), article = sqlite3_column_int64(s, 8);
        jw_begin_object(w, NULL);
        jw_int(w, "item_id", item_id);
        jw_time(w, "at", db_time(s, 1));
        jw_str(w, "feed", db_text(s, 2));
        jw_str(w, "outlet", db_text(s, 3));
        jw_str(w, "title", db_text(s, 4));
        jw_str(w, "url", db_text(s, 5));
        jw_double(w, "p", (double)sqlite3_column_int64(s, 6) / 1000);
        jw_str(w, "how", how_name(sqlite3_column_int(s, 7)));
        if (article != item_id)
            jw_int(w, "article_id", article);
        if (sqlite3_column_int64(s, 9) > 1)
            add_headlines(r, w, item_id);
        jw_end_object(w);
    }
    jw_end_array(w);
    int result = code == SQLITE_DONE ? 0 : db_fail(r->d, err);
    sqlite3_reset(s);
    return result;
}

int reader_story(struct reader *r, int64_t story_id, int64_t now, struct buf *out,
                 struct td_err *err)
{
    struct jw w = {.b = out};
    sqlite3_stmt *s = db_stmt(r->d,
                              "SELECT " STORY_COLUMNS " FROM story s WHERE s.story_id = (SELECT"
                              " coalesce(merged_into, story_id) FROM story WHERE story_id ="
                              " ?2)");
    if (!s)
        return db_fail(r->d, err);
    sqlite3_bind_int64(s, 1, now - STORY_HEAT_MS);
    sqlite3_bind_int64(s, 2, story_id);
    int code = sqlite3_step(s);
    int result = code == SQLITE_ROW ? 0
                 : code == SQLITE_DONE
                     ? td_err(err, -ENOENT, "there is no story %lld", (long long)story_id)
                     : db_fail(r->d, err);
    if (code == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(s, 0);
        jw_begin_object(&w, NULL);
        add_story(r, &w, s);
        if (id != story_id)
            jw_int(&w, "asked_for", story_id);
        result = add_timeline(r, &w, id, err);
        jw_end_object(&w);
    }
    sqlite3_reset(s);
    return result;
}

/* Why ITEM_ID has none. */
static int no_story(struct reader *r, int64_t item_id, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(r->d,
                              "SELECT item_id > (SELECT value FROM meta WHERE key = 'story_item')"
                              " FROM item WHERE item_id = ?");
    if (!s)
        return db_fail(r->d, err);
    sqlite3_bind_int64(s, 1, item_id);
    int code = sqlite3_step(s);
    bool waits = code == SQLITE_ROW && sqlite3_column_int(s, 0);
    sqlite3_reset(s);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return db_fail(r->d, err);
    return td_err(err, -ENOENT,
                  code == SQLITE_DONE ? "there is no item %lld"
                  : waits             ? "item %lld waits for its story; ask again in a moment"
                                      : "item %lld is in no story",
                  (long long)item_id);
}

int reader_story_of(struct reader *r, int64_t item_id, struct buf *out, struct td_err *err)
{
    struct jw w = {.b = out};
    sqlite3_stmt *s = db_stmt(
        r->d, "SELECT p.story_id, p.how, p.p, p.article_id, p.why, i.title, s.title, s.n_outlets"
              " FROM story_item p JOIN item i ON i.item_id = p.item_id JOIN story s ON s.story_id ="
              " p.story_id WHERE p.item_id = ?");
    if (!s)
        return db_fail(r->d, err);
    sqlite3_bind_int64(s, 1, item_id);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        const char *why = db_text(s, 4);
        jw_begin_object(&w, NULL);
        jw_int(&w, "item_id", item_id);
        jw_str(&w, "title", db_text(s, 5));
        jw_int(&w, "story_id", sqlite3_column_int64(s, 0));
        jw_str(&w, "story_title", db_text(s, 6));
        jw_int(&w, "outlets", sqlite3_column_int64(s, 7));
        jw_str(&w, "how", how_name(sqlite3_column_int(s, 1)));
        jw_double(&w, "p", (double)sqlite3_column_int64(s, 2) / 1000);
        if (sqlite3_column_int64(s, 3) != item_id)
            jw_int(&w, "article_id", sqlite3_column_int64(s, 3));
        if (why)
            jw_raw(&w, "why", why, strlen(why));
        jw_end_object(&w);
    }
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? 0
           : code == SQLITE_DONE ? no_story(r, item_id, err)
                                 : db_fail(r->d, err);
}
