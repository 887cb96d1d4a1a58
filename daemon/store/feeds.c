#include "store/feeds.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define NOTE_BYTES sizeof(struct td_fetch_note)

/* How many notes the N bytes are that a history holds: structs in one machine's byte order, so
 * their size is checked. */
static size_t notes_in(size_t n)
{
    return n % NOTE_BYTES || n > LIMIT_FEED_HISTORY * NOTE_BYTES ? 0 : n / NOTE_BYTES;
}

static enum td_source source_of(const char *url)
{
    return str_casestarts(url, "file:")   ? TD_SOURCE_FILE
           : str_casestarts(url, "exec:") ? TD_SOURCE_EXEC
                                          : TD_SOURCE_HTTP;
}

int feeds_put(struct db *d, const struct td_feed_conf *conf, int64_t *ret_id, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(
        d, "INSERT INTO feed(name, url, origin, enabled, user_title, tags) VALUES(?,?,?,?,?,?)"
           " ON CONFLICT(name) DO UPDATE SET url = excluded.url, origin = excluded.origin,"
           " enabled = excluded.enabled, user_title = excluded.user_title, tags = excluded.tags"
           " WHERE excluded.origin <> ?7 OR excluded.url = url RETURNING feed_id");
    if (!s)
        return db_fail(d, err);
    db_bind_text(s, 1, conf->name);
    db_bind_text(s, 2, conf->url);
    sqlite3_bind_int(s, 3, conf->origin);
    sqlite3_bind_int(s, 4, conf->enabled);
    db_bind_text(s, 5, conf->title);
    db_bind_text(s, 6, conf->tags);
    sqlite3_bind_int(s, 7, TD_ORIGIN_API);
    int r = sqlite3_step(s);
    if (r != SQLITE_ROW) {
        r = r == SQLITE_DONE
                ? td_err(err, -EEXIST,
                         "a feed named %s was at another address, and its items are still here: "
                         "remove it, or give the new one another name",
                         conf->name)
                : db_fail(d, err);
        sqlite3_reset(s);
        return r;
    }
    *ret_id = sqlite3_column_int64(s, 0);
    return db_run(d, s, err);
}

int feeds_read_poll(struct db *d, int64_t feed_id, struct feed_poll *ret, bool *ret_known,
                    struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "SELECT silent_at, missing, history FROM poll WHERE feed_id = ?");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, feed_id);
    int code = sqlite3_step(s);
    *ret_known = code == SQLITE_ROW;
    *ret = (struct feed_poll){0};
    if (code == SQLITE_ROW) {
        ret->silent_at = sqlite3_column_int64(s, 0);
        ret->missing = sqlite3_column_int(s, 1);
        const void *notes = sqlite3_column_blob(s, 2);
        ret->n_history = notes_in((size_t)sqlite3_column_bytes(s, 2));
        if (ret->n_history)
            memcpy(ret->history, notes, ret->n_history * NOTE_BYTES);
    }
    int r = code == SQLITE_ROW || code == SQLITE_DONE ? 0 : db_fail(d, err);
    sqlite3_reset(s);
    return r;
}

/* The newest note goes before those that are stored, unless it is there. */
static void add_note(struct feed_poll *p, const struct td_feed_state *t)
{
    const struct td_fetch_note *note = td_feed_state_last(t);
    if (!t->n_history || (p->n_history && memcmp(&p->history[0], note, NOTE_BYTES) == 0))
        return;
    p->n_history = MIN(p->n_history + 1, (size_t)LIMIT_FEED_HISTORY);
    memmove(&p->history[1], &p->history[0], (p->n_history - 1) * NOTE_BYTES);
    memcpy(&p->history[0], note, NOTE_BYTES);
}

int feeds_write_poll(struct db *d, int64_t feed_id, const struct td_feed_state *t,
                     struct feed_poll *p, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(
        d, "UPDATE poll SET next_due_at=?2, last_fetch_at=?3, last_success_at=?4, last_new_at=?5,"
           " failing_since=?6, n_failures=?7, n_unchanged=?8, imported=?9, gone=?10, etag=?11,"
           " last_modified=?12, max_age_ms=?13, retry_after_at=?14, ttl_ms=?15, update_ms=?16,"
           " skip_hours=?17, skip_days=?18, rate_per_day=?19, rate_at=?20, moved_to=?21,"
           " moved_since=?22, moved_seen=?23, url_now=?24, url_found=?25, silent_at=?26,"
           " missing=?27, error=?28, why=coalesce(?29, why), history=?30 WHERE feed_id=?1");
    int i = 1;
    if (!s)
        return db_fail(d, err);
    add_note(p, t);
    sqlite3_bind_int64(s, i++, feed_id);
    sqlite3_bind_int64(s, i++, t->next_due_at);
    db_bind_time(s, i++, t->last_fetch_at);
    db_bind_time(s, i++, t->last_success_at);
    db_bind_time(s, i++, t->last_new_at);
    db_bind_time(s, i++, t->failing_since);
    sqlite3_bind_int(s, i++, t->n_failures);
    sqlite3_bind_int(s, i++, t->n_unchanged);
    sqlite3_bind_int(s, i++, t->imported);
    sqlite3_bind_int(s, i++, t->gone);
    db_bind_blob(s, i++, t->val.etag);
    db_bind_blob(s, i++, t->val.last_modified);
    sqlite3_bind_int64(s, i++, t->max_age_ms);
    db_bind_time(s, i++, t->retry_after_at);
    sqlite3_bind_int64(s, i++, t->hints.ttl_ms);
    sqlite3_bind_int64(s, i++, t->hints.update_ms);
    sqlite3_bind_int64(s, i++, t->hints.skip_hours);
    sqlite3_bind_int(s, i++, t->hints.skip_days);
    sqlite3_bind_double(s, i++, t->rate_per_day);
    db_bind_time(s, i++, t->rate_at);
    db_bind_text(s, i++, t->moved_to);
    db_bind_time(s, i++, t->moved_since);
    sqlite3_bind_int(s, i++, t->moved_seen);
    db_bind_text(s, i++, t->url);
    sqlite3_bind_int(s, i++, t->url_found);
    sqlite3_bind_int64(s, i++, p->silent_at);
    sqlite3_bind_int(s, i++, p->missing);
    db_bind_text(s, i++, t->error);
    db_bind_text(s, i++, t->why);
    if (p->n_history)
        sqlite3_bind_blob(s, i, p->history, (int)(p->n_history * NOTE_BYTES), SQLITE_STATIC);
    else
        sqlite3_bind_null(s, i);
    return db_run(d, s, err);
}

int feeds_rename(struct db *d, int64_t feed_id, const char *name, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "UPDATE feed SET name = ?2 WHERE feed_id = ?1"
                                 " AND NOT EXISTS (SELECT 1 FROM feed WHERE name = ?2)");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, feed_id);
    db_bind_text(s, 2, name);
    return db_run(d, s, err);
}

int feeds_write_push(struct db *d, int64_t feed_id, const char *push, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "UPDATE feed SET push = ?2 WHERE feed_id = ?1");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, feed_id);
    db_bind_text(s, 2, push);
    return db_run(d, s, err);
}

int feeds_write_words(struct db *d, int64_t feed_id, const char *language,
                      const char *home_page_url, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "UPDATE feed SET language = ?2, home_page_url ="
                                 " coalesce(?3, home_page_url) WHERE feed_id = ?1");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, feed_id);
    db_bind_text(s, 2, language);
    db_bind_text(s, 3, home_page_url);
    return db_run(d, s, err);
}

int feeds_write_title(struct db *d, int64_t feed_id, const char *title, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "UPDATE feed SET title = ?2 WHERE feed_id = ?1");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, feed_id);
    db_bind_text(s, 2, title);
    return db_run(d, s, err);
}

int feeds_write_rule(struct db *d, int64_t feed_id, int rule, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "UPDATE feed SET ident_rule = ?2 WHERE feed_id = ?1");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, feed_id);
    sqlite3_bind_int(s, 2, rule);
    return db_run(d, s, err);
}

int feeds_mark_deleted(struct db *d, int64_t feed_id, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(
        d, "UPDATE feed SET deleted = 1, enabled = 0, name = name || char(1) || feed_id"
           " WHERE feed_id = ? AND deleted = 0");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int64(s, 1, feed_id);
    int r = db_run(d, s, err);
    if (r == 0 && sqlite3_changes(db_handle(d)) == 0)
        return td_err(err, -ENOENT, "there is no feed %lld", (long long)feed_id);
    return r;
}

void feeds_read_row(sqlite3_stmt *s, struct td_feed_conf *c, struct td_feed_state *t)
{
    int i = 0;
    td_feed_state_init(t);
    *c = (struct td_feed_conf){0};
    t->feed_id = sqlite3_column_int64(s, i++);
    c->name = xstrdup_or_null(db_text(s, i++));
    c->url = xstrdup_or_null(db_text(s, i++));
    c->source = c->url ? source_of(c->url) : TD_SOURCE_HTTP;
    c->origin = (enum td_origin)sqlite3_column_int(s, i++);
    c->enabled = sqlite3_column_int(s, i++);
    c->title = xstrdup_or_null(db_text(s, i++));
    c->tags = xstrdup_or_null(db_text(s, i++));
    t->next_due_at = sqlite3_column_int64(s, i++);
    t->last_fetch_at = db_time(s, i++);
    t->last_success_at = db_time(s, i++);
    t->last_new_at = db_time(s, i++);
    t->failing_since = db_time(s, i++);
    t->n_failures = sqlite3_column_int(s, i++);
    t->n_unchanged = sqlite3_column_int(s, i++);
    t->imported = sqlite3_column_int(s, i++);
    t->gone = sqlite3_column_int(s, i++);
    t->val.etag = xstrdup_or_null(db_text(s, i++));
    t->val.last_modified = xstrdup_or_null(db_text(s, i++));
    t->max_age_ms = sqlite3_column_int64(s, i++);
    t->retry_after_at = db_time(s, i++);
    t->hints.ttl_ms = sqlite3_column_int64(s, i++);
    t->hints.update_ms = sqlite3_column_int64(s, i++);
    t->hints.skip_hours = (uint32_t)sqlite3_column_int64(s, i++);
    t->hints.skip_days = (uint8_t)sqlite3_column_int(s, i++);
    t->rate_per_day = sqlite3_column_double(s, i++);
    t->rate_at = db_time(s, i++);
    t->title = xstrdup_or_null(db_text(s, i++));
    t->home_page_url = xstrdup_or_null(db_text(s, i++));
    t->moved_to = xstrdup_or_null(db_text(s, i++));
    t->moved_since = db_time(s, i++);
    t->moved_seen = sqlite3_column_int(s, i++);
    t->error = xstrdup_or_null(db_text(s, i++));
    t->why = xstrdup_or_null(db_text(s, i++));
    t->by_expires = t->why && strstr(t->why, TD_WHY_EXPIRES);
    const void *blob = sqlite3_column_blob(s, i);
    size_t n = (size_t)sqlite3_column_bytes(s, i++);
    t->url = xstrdup_or_null(db_text(s, i++));
    t->url_found = sqlite3_column_int(s, i++);
    t->push = xstrdup_or_null(db_text(s, i));
    t->n_history = (int32_t)notes_in(n);
    if (t->n_history) {
        t->history = xmalloc(n);
        memcpy(t->history, blob, n);
    }
}
