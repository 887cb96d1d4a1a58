#include "store/revise.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "store/commit.h"
#include "store/dedup.h"
#include "store/stories.h"

#define FLAP_MS DAY_MS /* back to a text of the last day: no new revision */

struct revising { /* one item, as E */
    struct db *d;
    const struct store_commit *c;
    struct store_commit_result *r;
    const struct td_entry *e;
    int64_t item_id;
    struct td_err *err;
};

void revise_bind(sqlite3_stmt *s, int i, const struct td_entry *e)
{
    db_bind_time(s, i++, e->date_published);
    db_bind_time(s, i++, e->date_modified);
    db_bind_text(s, i++, e->id);
    db_bind_text(s, i++, e->url);
    db_bind_text(s, i++, e->title);
    db_bind_text(s, i++, e->author);
    db_bind_text(s, i++, e->language);
    db_bind_text(s, i++, e->tags);
    sqlite3_bind_text(s, i++, e->json, (int)e->json_len, SQLITE_STATIC);
    db_bind_text(s, i, e->text);
}

/* The item's story hears of it; with TELL (its revision, 0 = nobody need know) the log too. */
static int revise_story(const struct revising *w, int64_t tell)
{
    struct story_event e;
    int r = stories_revised(w->d, w->item_id, w->e->title, &e, w->err);
    if (r < 0 || !e.kind || !tell)
        return r;
    r = stories_put_event(w->d, w->c->now, w->c->feed_id, w->item_id, tell, &e, &w->r->last_seq,
                          w->err);
    if (!w->r->first_seq)
        w->r->first_seq = w->r->last_seq;
    return r;
}

int revise_unindex(struct db *d, int64_t item_id, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "INSERT INTO item_fts(item_fts, rowid, title, author, text)"
                                 " SELECT 'delete', item_id, " DB_INDEXED_ALL
                                 " FROM item WHERE item_id = ?1"
                                 " AND item_id <= (SELECT value FROM meta WHERE key = 'index_item')"
                                 " AND NOT EXISTS (SELECT 1 FROM reindex WHERE item_id = ?1)");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, item_id);
    return db_run(d, s, err);
}

static int reindex(const struct revising *w)
{
    int r = revise_unindex(w->d, w->item_id, w->err);
    if (r < 0)
        return r;
    sqlite3_stmt *s = db_stmt(w->d, "INSERT OR IGNORE INTO reindex SELECT ?1 WHERE"
                                    " ?1 <= (SELECT value FROM meta WHERE key = 'index_item')");
    if (!s)
        return db_fail(w->d, w->err);
    sqlite3_bind_int64(s, 1, w->item_id);
    return db_run(w->d, s, w->err);
}

/* The stored row takes the entry's values; REVISE: as a new revision. */
static int update_item(const struct revising *w, bool revise)
{
    int r = reindex(w);
    if (r < 0)
        return r;
    sqlite3_stmt *s = db_stmt(
        w->d, "UPDATE item SET date_published=?4, date_modified=?5, id=?6, url=?7, title=?8,"
              " author=?9, language=?10, tags=?11, json=?12, text=?13, revision=revision+?3,"
              " revised_at=iif(?3, ?2, revised_at) WHERE item_id=?1");
    if (!s)
        return db_fail(w->d, w->err);
    sqlite3_bind_int64(s, 1, w->item_id);
    sqlite3_bind_int64(s, 2, w->c->now);
    sqlite3_bind_int(s, 3, revise);
    revise_bind(s, 4, w->e);
    r = db_run(w->d, s, w->err);
    return r < 0 || revise ? r : revise_story(w, 0);
}

/* Keeps what the item was, under its old fingerprint. */
static int keep_revision(const struct revising *w, uint64_t fingerprint)
{
    sqlite3_stmt *s = db_stmt(w->d,
                              "INSERT INTO revision(item_id, revision, seen_at, fingerprint, url,"
                              " title, json, complete, author, language, tags, text,"
                              " date_published) SELECT item_id, revision, revised_at, ?2, url,"
                              " title, json, 1, author, language, tags, text, date_published"
                              " FROM item WHERE item_id = ?1");
    if (!s)
        return db_fail(w->d, w->err);
    sqlite3_bind_int64(s, 1, w->item_id);
    sqlite3_bind_int64(s, 2, (int64_t)fingerprint);
    int r = db_run(w->d, s, w->err);
    if (r < 0)
        return r;
    s = db_stmt(w->d, "DELETE FROM revision WHERE item_id = ?1 AND revision <="
                      " (SELECT revision FROM item WHERE item_id = ?1) - ?2");
    if (!s)
        return db_fail(w->d, w->err);
    sqlite3_bind_int64(s, 1, w->item_id);
    sqlite3_bind_int64(s, 2, LIMIT_REVISIONS);
    return db_run(w->d, s, w->err);
}

/* Did the item say exactly this within the last day? 1 or 0. Some sites serve two versions in turn.
 */
static int flaps(const struct revising *w)
{
    sqlite3_stmt *s = db_stmt(
        w->d, "SELECT 1 FROM revision r JOIN item i USING(item_id) WHERE r.item_id = ?1"
              " AND r.fingerprint = ?2 AND i.revised_at > ?3");
    if (!s)
        return db_fail(w->d, w->err);
    sqlite3_bind_int64(s, 1, w->item_id);
    sqlite3_bind_int64(s, 2, (int64_t)w->e->fingerprint);
    sqlite3_bind_int64(s, 3, w->c->now - FLAP_MS);
    int code = sqlite3_step(s);
    int r = code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : db_fail(w->d, w->err);
    sqlite3_reset(s);
    return r;
}

struct stored {       /* of an item, as it stands in the table */
    int64_t revision; /* 0 = expired */
    bool backlog;
    bool moved; /* the entry says the same under another scheme or host */
};

static int stored_item(const struct revising *w, struct stored *ret)
{
    sqlite3_stmt *s = db_stmt(w->d, "SELECT revision, backlog, url, title FROM item"
                                    " WHERE item_id = ?");
    *ret = (struct stored){0};
    if (!s)
        return db_fail(w->d, w->err);
    sqlite3_bind_int64(s, 1, w->item_id);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        const char *url = db_text(s, 2);
        ret->revision = sqlite3_column_int64(s, 0);
        ret->backlog = sqlite3_column_int(s, 1);
        ret->moved = url && w->e->url && dedup_url_moved(url, w->e->url) &&
                     str_same(db_text(s, 3), w->e->title);
    }
    int r = code == SQLITE_ROW || code == SQLITE_DONE ? 0 : db_fail(w->d, w->err);
    sqlite3_reset(s);
    return r;
}

int revise_item(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                const struct td_entry *e, int64_t item_id, uint64_t old, struct td_err *err)
{
    struct revising w = {d, c, r, e, item_id, err};
    struct stored was;
    int result = stored_item(&w, &was);
    if (result < 0 || !was.revision)
        return result; /* deleted by retention stays deleted */
    result = was.moved ? 1 : flaps(&w);
    if (result > 0)
        return update_item(&w, false);
    if (result == 0)
        result = keep_revision(&w, old);
    if (result == 0)
        result = update_item(&w, true);
    if (result < 0)
        return result;
    r->n_changed++;
    if (!was.backlog)
        result = commit_event(d, c, r, EVENT_ITEM_CHANGED, item_id, was.revision + 1, err);
    if (result == 0)
        result = revise_story(&w, was.revision + 1);
    return result < 0 ? result : 1;
}

int revise_silently(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                    const struct td_entry *e, int64_t item_id, struct td_err *err)
{
    return update_item(&(struct revising){d, c, r, e, item_id, err}, false);
}
