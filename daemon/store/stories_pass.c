/*
 * stories_pass.c - items get their stories, in the order in which they were stored.
 *
 * All that a place depends on stands in the tables as it was when the item was stored
 * (schema/v8.sql), so places are the same whenever, and in however many steps, this is done.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "store/stories_private.h"
#include "story/address.h"
#include "story/explain.h"
#include "story/fixed.h"
#include "story/live.h"

#define WHY_BYTES 4096
#define NEAR      (Q16 / 10) /* a story that is less probable was not near: nothing to explain */
#define AT_ONCE   64         /* items that one question asks for */

struct waiting { /* an item, as it was stored; strings borrowed from the row */
    int64_t item_id, feed_id, at, revision;
    bool silent; /* raises no event, and neither does what it does to a story */
    const char *title, *text, *url, *original_url, *feed, *feed_title;
    const char *title_now;
    const char *outlet; /* set by place() */
};

/* ---- a story's row --------------------------------------------------------------------------- */

struct row {
    int64_t outlets, told;
    bool known; /* there is one */
    bool new_outlet;
};

static int read_row(struct stories *s, int64_t story_id, const char *outlet, struct row *ret)
{
    sqlite3_stmt *q = db_stmt(
        s->d, "SELECT n_outlets, told, NOT EXISTS (SELECT 1 FROM story_item WHERE story_id = ?1"
              " AND outlet = ?2) FROM story WHERE story_id = ?1");
    *ret = (struct row){.new_outlet = true};
    if (!q)
        return -1;
    sqlite3_bind_int64(q, 1, story_id);
    db_bind_text(q, 2, outlet);
    int code = sqlite3_step(q);
    if (code == SQLITE_ROW)
        *ret = (struct row){.outlets = sqlite3_column_int64(q, 0),
                            .told = sqlite3_column_int64(q, 1),
                            .known = true,
                            .new_outlet = sqlite3_column_int(q, 2)};
    sqlite3_reset(q);
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : -1;
}

/* The headline is what the item that leads says now. */
static int write_row(struct stories *s, int64_t story_id, const struct row *row,
                     const struct waiting *w, struct td_err *err)
{
    sqlite3_stmt *q = row->known
                          ? db_stmt(s->d, "UPDATE story SET first_at = min(first_at, ?2), last_at ="
                                          " max(last_at, ?2), n_items = n_items + 1, n_outlets ="
                                          " ?3, told = ?4 WHERE story_id = ?1")
                          : db_stmt(s->d, "INSERT INTO story VALUES(?1, ?2, ?2, 1, ?3, ?4, ?5, ?6,"
                                          " NULL)");
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, story_id);
    sqlite3_bind_int64(q, 2, w->at);
    sqlite3_bind_int64(q, 3, row->outlets);
    sqlite3_bind_int64(q, 4, row->told);
    if (!row->known) {
        sqlite3_bind_int64(q, 5, w->item_id);
        db_bind_text(q, 6, w->title_now);
    }
    return db_run(s->d, q, err);
}

static int write_place(struct stories *s, const struct waiting *w, const struct story_out *o,
                       const struct buf *why, struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(s->d, "INSERT INTO story_item VALUES(?,?,?,?,?,?,?,?,?)");
    enum story_how how = o->opened ? STORY_OPENED : o->exact ? STORY_SAME_ARTICLE : STORY_JOINED;
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, w->item_id);
    sqlite3_bind_int64(q, 2, o->story);
    sqlite3_bind_int64(q, 3, o->article);
    sqlite3_bind_int64(q, 4, w->feed_id);
    db_bind_text(q, 5, w->outlet);
    sqlite3_bind_int64(q, 6, w->at);
    sqlite3_bind_int64(q, 7, o->p * 1000LL / Q16);
    sqlite3_bind_int(q, 8, (int)how);
    db_bind_text(q, 9, why->len ? why->data : NULL);
    return db_run(s->d, q, err);
}

/* ---- what to tell ---------------------------------------------------------------------------- */

/* Has the number of outlets passed a step since it was told last? */
static bool steps_up(const struct stories *s, const struct row *row)
{
    for (size_t i = 0; i < s->rules.n_steps; i++)
        if (s->rules.steps[i] > row->told && s->rules.steps[i] <= row->outlets)
            return true;
    return false;
}

static void decide_event(const struct stories *s, const struct story_out *o, struct row *row,
                         struct story_event *ret)
{
    bool probable = !o->opened && !o->exact && o->p * 1000LL / Q16 < STORY_SURE;
    *ret = (struct story_event){
        .story_id = o->story, .outlets = row->outlets, .note = probable ? "probable" : NULL};
    if (!row->told)
        ret->kind = EVENT_STORY_NEW;
    else if (probable || steps_up(s, row))
        ret->kind = EVENT_STORY_GREW;
    if (ret->kind)
        row->told = row->outlets;
}

/* ---- one item -------------------------------------------------------------------------------- */

/* W is in its story; the tables follow. */
static int write_all(struct stories *s, const struct waiting *w, const struct story_out *o,
                     const struct buf *why, int64_t now, int64_t *ret_seq, struct td_err *err)
{
    struct story_event event = {0};
    struct row row;
    stories_touched(s, o->story);
    int r = stories_counted(s, err);
    if (r == 0 && read_row(s, o->story, w->outlet, &row) < 0)
        r = db_fail(s->d, err);
    if (r < 0)
        return r;
    row.outlets += row.new_outlet;
    if (!w->silent)
        decide_event(s, o, &row, &event);
    if ((r = write_row(s, o->story, &row, w, err)) < 0 ||
        (r = write_place(s, w, o, why, err)) < 0 || !event.kind)
        return r;
    return stories_put_event(s->d, now, w->feed_id, w->item_id, w->revision, &event, ret_seq, err);
}

static int place(struct stories *s, struct waiting *w, int64_t now, int64_t *ret_seq,
                 struct td_err *err)
{
    const char *url = w->original_url ? w->original_url : w->url;
    CLEANUP_BUF struct buf outlet = BUF_INIT(LIMIT_URL_BYTES * 2),
                           address = BUF_INIT(LIMIT_URL_BYTES * 2), why = BUF_INIT(WHY_BYTES);
    char source[24];
    struct story_out o;
    if (url && story_add_address(&address, url) == 0 && address.len)
        buf_add(&outlet, address.data, strcspn(address.data, "/?"));
    else
        buf_adds(&outlet, w->feed);
    w->outlet = buf_str(&outlet);
    snprintf(source, sizeof source, "%lld", (long long)w->feed_id);
    struct story_in in = {.item = w->item_id,
                          .time_s = w->at / 1000,
                          .title = w->title,
                          .text = w->text,
                          .outlet = w->outlet,
                          .source = source,
                          .byline = w->feed_title,
                          .address = buf_str(&address)};
    cluster_assign(s->c, &in, &o);
    if (!o.opened || o.p < Q16 - NEAR)
        story_explain(&in, &o, &why);
    return write_all(s, w, &o, &why, now, ret_seq, err);
}

#define AS_STORED(column) "iif(w.item_id IS NULL, i." column ", w." column ")"
static const char waiting_sql[] = "SELECT i.item_id, i.feed_id, i.first_seen, " AS_STORED(
    "date_published") ", i.backlog,"
                      " i.revision, " AS_STORED("title") ", " AS_STORED("text") ", " AS_STORED(
                          "url") ","
                                 " iif(w.item_id IS NULL, " ORIGINAL_URL
                                 ", w.original_url), f.name,"
                                 " iif(w.item_id IS NULL, f.title, w.feed_title), i.title"
                                 " FROM item i LEFT JOIN story_wait w ON w.item_id = i.item_id"
                                 " LEFT JOIN feed f ON f.feed_id = i.feed_id"
                                 " WHERE i.item_id > ?1 ORDER BY i.item_id LIMIT ?2";

static void read_waiting(const struct stories *s, sqlite3_stmt *q, struct waiting *w)
{
    int64_t seen = sqlite3_column_int64(q, 2), date = db_time(q, 3);
    w->item_id = sqlite3_column_int64(q, 0);
    w->feed_id = sqlite3_column_int64(q, 1);
    w->at = date == TD_NEVER ? seen : MIN(date, seen);
    w->silent = sqlite3_column_int(q, 4) || w->item_id <= s->quiet;
    w->revision = sqlite3_column_int64(q, 5);
    w->title = db_text(q, 6);
    w->text = db_text(q, 7);
    w->url = db_text(q, 8);
    w->original_url = db_text(q, 9);
    w->feed = db_text(q, 10) ? db_text(q, 10) : "";
    w->feed_title = db_text(q, 11);
    w->title_now = db_text(q, 12);
}

/* ---- the pass -------------------------------------------------------------------------------- */

static int write_meta(struct stories *s, const char *key, int64_t value, struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(s->d, "INSERT INTO meta VALUES(?1, ?2) ON CONFLICT DO UPDATE SET"
                                    " value = excluded.value");
    if (!q)
        return db_fail(s->d, err);
    db_bind_text(q, 1, key);
    sqlite3_bind_int64(q, 2, value);
    return db_run(s->d, q, err);
}

/* Items that are too old to have a story in common with the newest are left out. */
static int64_t window_start(struct stories *s)
{
    int64_t newest = db_int(s->d, "SELECT first_seen FROM item ORDER BY item_id DESC LIMIT 1", 0);
    return db_first_item_since(s->d, newest - STORY_WINDOW_S * 1000LL) - 1;
}

void stories_find_place(struct stories *s)
{
    s->quiet = db_int(s->d, "SELECT value FROM meta WHERE key = 'story_quiet'", 0);
    s->at = db_int(s->d, "SELECT value FROM meta WHERE key = 'story_item'", 0);
    s->behind = true;
}

int64_t stories_waiting(struct stories *s)
{
    if (!s->behind || s->rules.off)
        return 0;
    int64_t at = MAX(s->at, (int64_t)0), last = db_int(s->d, "SELECT max(item_id) FROM item", 0);
    return last > at ? last - at : 0;
}

int64_t stories_place(const struct stories *s)
{
    return s->at;
}

bool stories_behind(const struct stories *s)
{
    return s->behind;
}

void stories_wrote(struct stories *s)
{
    s->behind = true;
}

/* Up to AT_ONCE items, until UNTIL (monotonic). *RET_AT the last one that was done. */
static int place_some(struct stories *s, int64_t now, int64_t until, int64_t *ret_at,
                      int64_t *ret_seq, struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(s->d, waiting_sql);
    struct waiting w;
    int code = SQLITE_DONE, r = 0, n = 0;
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, *ret_at);
    sqlite3_bind_int(q, 2, AT_ONCE);
    do {
        if ((code = sqlite3_step(q)) != SQLITE_ROW)
            break;
        read_waiting(s, q, &w);
        r = place(s, &w, now, ret_seq, err);
        *ret_at = w.item_id;
        n++;
    } while (r == 0 && clock_mono_ms() < until);
    if (r == 0 && code != SQLITE_ROW && code != SQLITE_DONE)
        r = db_fail(s->d, err);
    sqlite3_reset(q);
    if (r == 0 && code == SQLITE_DONE && n < AT_ONCE)
        s->behind = false;
    return r;
}

int stories_pass(struct stories *s, int64_t now, int64_t ms, int64_t *ret_seq, struct td_err *err)
{
    int64_t until = clock_mono_ms() + ms, at = s->at;
    int r = 0;
    if (s->rules.off) {
        at = db_int(s->d, "SELECT max(item_id) FROM item", 0);
        s->behind = false;
    } else if (at < 0) {
        at = window_start(s);
    }
    at = MAX(at, db_int(s->d, "SELECT max(item_id) FROM story_item", 0));
    do
        r = s->behind ? place_some(s, now, until, &at, ret_seq, err) : 0;
    while (r == 0 && s->behind && clock_mono_ms() < until);
    if (r < 0 || at == s->at)
        return r;
    s->at = at;
    if ((r = write_meta(s, "story_item", at, err)) < 0)
        return r;
    sqlite3_stmt *q = db_stmt(s->d, "DELETE FROM story_wait WHERE item_id <= ?1");
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, at);
    return db_run(s->d, q, err);
}
