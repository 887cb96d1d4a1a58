/*
 * stories_fix.c - corrections by people, and stories built again from their items.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "store/stories_private.h"
#include "story/address.h"

#define REBUILD_ITEMS                                                          \
    64 /* newest items of a story that make it again: older ones are forgotten \
        */

static int run3(struct stories *s, const char *sql, int64_t a, int64_t b, int64_t c,
                struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(s->d, sql);
    if (!q)
        return db_fail(s->d, err);
    const int64_t values[] = {a, b, c};
    int n = sqlite3_bind_parameter_count(q);
    for (int i = 0; i < n; i++)
        sqlite3_bind_int64(q, i + 1, values[i]);
    return db_run(s->d, q, err);
}

static int64_t ask(struct stories *s, const char *sql, int64_t a, int64_t otherwise)
{
    sqlite3_stmt *q = db_stmt(s->d, sql);
    if (!q)
        return otherwise;
    sqlite3_bind_int64(q, 1, a);
    int64_t v = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : otherwise;
    sqlite3_reset(q);
    return v;
}

/* ---- building again -------------------------------------------------------------------------- */

/* An item as it was when it got its place: its oldest revision. */
/* clang-format off */
#define FIRST(column) "iif(v.item_id IS NULL, i." column ", v." column ")"
#define MEMBER                                                                                    \
    "SELECT s.item_id, s.at / 1000, " FIRST("title") ", " FIRST("text") ", s.outlet, s.feed_id,"  \
    " f.title, coalesce(iif(v.item_id IS NULL, " ORIGINAL_URL ", " ORIGINAL_URL_OF("v") "), "     \
    FIRST("url") "), s.story_id FROM story_item s JOIN item i ON i.item_id = s.item_id"           \
    " JOIN feed f ON f.feed_id = s.feed_id LEFT JOIN revision v ON v.item_id = s.item_id AND"     \
    " v.complete AND v.revision = (SELECT min(revision) FROM revision WHERE item_id = s.item_id) "
/* clang-format on */

/* Gives the row of MEMBER at hand to its story. */
static void put_member(struct stories *s, sqlite3_stmt *q)
{
    CLEANUP_BUF struct buf address = BUF_INIT(LIMIT_URL_BYTES * 2);
    char source[24];
    struct story_out o;
    snprintf(source, sizeof source, "%lld", (long long)sqlite3_column_int64(q, 5));
    if (db_text(q, 7))
        story_add_address(&address, db_text(q, 7));
    struct story_in in = {.item = sqlite3_column_int64(q, 0),
                          .time_s = sqlite3_column_int64(q, 1),
                          .title = db_text(q, 2),
                          .text = db_text(q, 3),
                          .outlet = db_text(q, 4),
                          .source = source,
                          .byline = db_text(q, 6),
                          .address = buf_str(&address)};
    cluster_put(s->c, &in, sqlite3_column_int64(q, 8), &o);
}

static int put_members(struct stories *s, sqlite3_stmt *q, struct td_err *err)
{
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW)
        put_member(s, q);
    sqlite3_reset(q);
    return code == SQLITE_DONE ? 0 : db_fail(s->d, err);
}

/* The story as its items make it. */
static int rebuild(struct stories *s, int64_t story_id, struct td_err *err)
{
    cluster_drop(s->c, story_id);
    stories_touched(s, story_id);
    sqlite3_stmt *q = db_stmt(s->d, "SELECT * FROM (" MEMBER " WHERE s.story_id = ?1"
                                    " ORDER BY s.item_id DESC LIMIT ?2) ORDER BY 1");
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, story_id);
    sqlite3_bind_int(q, 2, REBUILD_ITEMS);
    return put_members(s, q, err);
}

int stories_begin_anew(struct stories *s, int64_t since_ms, struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(s->d, MEMBER " WHERE s.story_id IN (SELECT story_id FROM story WHERE"
                                           " last_at >= ?1) ORDER BY s.item_id");
    int code;
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, since_ms);
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        put_member(s, q);
        cluster_count(s->c, sqlite3_column_int64(q, 1));
        stories_touched(s, sqlite3_column_int64(q, 8));
        int r = stories_counted(s, err);
        if (r < 0) {
            sqlite3_reset(q);
            return r;
        }
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? 0 : db_fail(s->d, err);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Counts, times and headline of a story from its items. The leading item stays while it is there.
 */
static int recount(struct stories *s, int64_t story_id, struct td_err *err)
{
    int r = run3(s,
                 "INSERT INTO story SELECT ?1, min(at), max(at), count(*), count(DISTINCT outlet),"
                 " 0, min(item_id), NULL, NULL FROM story_item WHERE story_id = ?1 HAVING count(*)"
                 " ON CONFLICT DO UPDATE SET first_at = excluded.first_at, last_at ="
                 " excluded.last_at, n_items = excluded.n_items, n_outlets = excluded.n_outlets,"
                 " merged_into = NULL, lead_item = iif(EXISTS (SELECT 1 FROM story_item i WHERE"
                 " i.item_id = story.lead_item AND i.story_id = ?1), lead_item,"
                 " excluded.lead_item)",
                 story_id, 0, 0, err);
    if (r == 0)
        r = run3(s,
                 "UPDATE story SET title = (SELECT title FROM item WHERE item_id = lead_item)"
                 " WHERE story_id = ?1 AND n_items > 0",
                 story_id, 0, 0, err);
    return r;
}

static int empty_story(struct stories *s, int64_t story_id, int64_t into, struct td_err *err)
{
    cluster_drop(s->c, story_id);
    stories_touched(s, story_id);
    return run3(s,
                "UPDATE story SET n_items = 0, n_outlets = 0, merged_into = ?2"
                " WHERE story_id = ?1",
                story_id, into, 0, err);
}

static int note_fix(struct stories *s, const char *what, int64_t now, int64_t story, int64_t other,
                    int64_t item, struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(s->d, "INSERT INTO story_fix(at, what, story_id, other_id, item_id)"
                                    " VALUES(?1, ?2, ?3, nullif(?4, 0), nullif(?5, 0))");
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, now);
    db_bind_text(q, 2, what);
    sqlite3_bind_int64(q, 3, story);
    sqlite3_bind_int64(q, 4, other);
    sqlite3_bind_int64(q, 5, item);
    return db_run(s->d, q, err);
}

/* story.changed (or story.new, for one that nobody was told of) of a story with this NOTE. */
static int tell(struct stories *s, int64_t story_id, const char *note, int64_t now,
                int64_t *ret_seq, struct td_err *err)
{
    int64_t told = ask(s, "SELECT told FROM story WHERE story_id = ?", story_id, 0);
    struct story_event e = {
        .kind = told ? EVENT_STORY_CHANGED : EVENT_STORY_NEW,
        .story_id = story_id,
        .outlets = ask(s, "SELECT n_outlets FROM story WHERE story_id = ?", story_id, 0),
        .note = note};
    int64_t item = ask(s, "SELECT lead_item FROM story WHERE story_id = ?", story_id, 0);
    int64_t feed = ask(s, "SELECT feed_id FROM item WHERE item_id = ?", item, 0);
    int64_t revision = ask(s, "SELECT revision FROM item WHERE item_id = ?", item, 0);
    if (!feed)
        return 0;
    int r = stories_put_event(s->d, now, feed, item, revision, &e, ret_seq, err);
    return r < 0 || told ? r
                         : run3(s, "UPDATE story SET told = n_outlets WHERE story_id = ?1",
                                story_id, 0, 0, err);
}

/* ---- corrections ----------------------------------------------------------------------------- */

static int check_story(struct stories *s, int64_t story_id, struct td_err *err)
{
    int64_t into = ask(s, "SELECT coalesce(merged_into, 0) FROM story WHERE story_id = ?", story_id,
                       -1);
    if (into < 0)
        return td_err(err, -ENOENT, "there is no story %lld", (long long)story_id);
    if (into > 0)
        return td_err(err, -ENOENT, "story %lld is a part of story %lld", (long long)story_id,
                      (long long)into);
    return 0;
}

static int64_t new_story_id(struct stories *s)
{
    int64_t id = 1 + ask(s, "SELECT max(?1, max(story_id)) FROM story", 0, 0);
    id = cluster_take_id(s->c, id);
    s->head_changed = true;
    return id;
}

int stories_move(struct stories *s, int64_t item_id, int64_t into, bool pin, int64_t now,
                 int64_t *ret_story, int64_t *ret_seq, struct td_err *err)
{
    int64_t from = ask(s, "SELECT story_id FROM story_item WHERE item_id = ?", item_id, 0);
    int64_t article = ask(s, "SELECT article_id FROM story_item WHERE item_id = ?", item_id, 0);
    int r = 0;
    if (!from)
        return td_err(err, -ENOENT, "there is no item %lld in a story", (long long)item_id);
    if (into && (r = check_story(s, into, err)) < 0)
        return r;
    if (!into)
        into = pin ? from : new_story_id(s);
    *ret_story = into;
    r = run3(s,
             "UPDATE story_item SET story_id = ?2, p = 1000, how = 3 WHERE article_id = ?1"
             " AND story_id <> ?2",
             article, into, 0, err);
    if (r == 0)
        r = run3(s, "UPDATE story_item SET story_id = ?2, p = 1000, how = ?3 WHERE item_id = ?1",
                 item_id, into, pin ? STORY_PINNED : STORY_MOVED, err);
    if (r == 0)
        r = note_fix(s, pin ? "pin" : "split", now, into, from == into ? 0 : from, item_id, err);
    if (r < 0 || from == into)
        return r < 0 ? r : tell(s, into, "pinned", now, ret_seq, err);
    bool left = ask(s, "SELECT 1 FROM story_item WHERE story_id = ? LIMIT 1", from, 0);
    if ((r = recount(s, into, err)) < 0 || (r = rebuild(s, into, err)) < 0)
        return r;
    if ((r = left ? recount(s, from, err) : empty_story(s, from, into, err)) < 0)
        return r;
    if (left && (r = rebuild(s, from, err)) < 0)
        return r;
    if (left)
        r = tell(s, from, "split", now, ret_seq, err);
    return r < 0 ? r : tell(s, into, pin ? "pinned" : "split", now, ret_seq, err);
}

int stories_merge(struct stories *s, int64_t into, int64_t from, int64_t now, int64_t *ret_seq,
                  struct td_err *err)
{
    int r = check_story(s, into, err);
    if (r == 0)
        r = check_story(s, from, err);
    if (r < 0)
        return r;
    if (into == from)
        return td_err(err, -ENOENT, "story %lld is one already", (long long)into);
    r = run3(s, "UPDATE story_item SET story_id = ?1, how = ?3, p = 1000 WHERE story_id = ?2", into,
             from, STORY_MOVED, err);
    if (r == 0)
        r = run3(s, "UPDATE story SET merged_into = ?1 WHERE merged_into = ?2", into, from, 0, err);
    if (r == 0)
        r = recount(s, into, err);
    if (r == 0)
        r = rebuild(s, into, err);
    if (r == 0)
        r = empty_story(s, from, into, err);
    if (r == 0)
        r = note_fix(s, "merge", now, into, from, 0, err);
    return r < 0 ? r : tell(s, into, "merged", now, ret_seq, err);
}
