#include "store/stories.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/stories_private.h"

#define WORDS_MAX (4u << 20) /* of one transaction before they become a row */

struct stories *stories_new(struct db *d, const struct td_story_rules *rules)
{
    struct stories *s = xcalloc(1, sizeof *s);
    s->d = d;
    s->rules = *rules;
    s->words = BUF_INIT(WORDS_MAX);
    stories_load(s);
    return s;
}

void stories_free(struct stories *s)
{
    if (!s)
        return;
    cluster_free(s->c);
    free(s->changed.list);
    free(s->gone.list);
    buf_free(&s->words);
    free(s);
}

void stories_set_rules(struct stories *s, const struct td_story_rules *rules)
{
    s->rules = *rules;
    cluster_set_strictness(s->c, s->rules.strictness);
}

/* ---- events -----------------------------------------------------------------------------------
 */

int stories_put_event(struct db *d, int64_t now, int64_t feed_id, int64_t item_id, int64_t revision,
                      const struct story_event *e, int64_t *ret_seq, struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(d, "INSERT INTO event(kind, at, feed_id, item_id, revision, story_id,"
                                 " outlets, note) VALUES(?,?,?,?,?,?,?,?)");
    if (!q)
        return db_fail(d, err);
    sqlite3_bind_int(q, 1, e->kind);
    sqlite3_bind_int64(q, 2, now);
    sqlite3_bind_int64(q, 3, feed_id);
    sqlite3_bind_int64(q, 4, item_id);
    sqlite3_bind_int64(q, 5, revision);
    sqlite3_bind_int64(q, 6, e->story_id);
    sqlite3_bind_int64(q, 7, e->outlets);
    db_bind_text(q, 8, e->note);
    int r = db_run(d, q, err);
    if (r == 0)
        *ret_seq = sqlite3_last_insert_rowid(db_handle(d));
    return r;
}

/* ---- a known item ---------------------------------------------------------------------------- */

/* The story of an item, as an event of it; kind 0 if nobody was told of it. *RET_LEADS: its
 * headline is another than TITLE. */
static int find_story(struct db *d, int64_t item_id, const char *title, struct story_event *ret,
                      bool *ret_leads, struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(d, "SELECT s.story_id, s.n_outlets, s.told, s.lead_item = i.item_id"
                                 " AND s.title IS NOT ?2 FROM story_item i JOIN story s"
                                 " USING(story_id) WHERE i.item_id = ?1");
    *ret = (struct story_event){0};
    *ret_leads = false;
    if (!q)
        return db_fail(d, err);
    sqlite3_bind_int64(q, 1, item_id);
    db_bind_text(q, 2, title);
    int code = sqlite3_step(q);
    if (code == SQLITE_ROW) {
        *ret = (struct story_event){.kind = sqlite3_column_int64(q, 2) ? EVENT_STORY_CHANGED : 0,
                                    .story_id = sqlite3_column_int64(q, 0),
                                    .outlets = sqlite3_column_int64(q, 1)};
        *ret_leads = sqlite3_column_int(q, 3);
    }
    sqlite3_reset(q);
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : db_fail(d, err);
}

int stories_revised(struct db *d, int64_t item_id, const char *title, struct story_event *ret,
                    struct td_err *err)
{
    bool headline;
    int r = find_story(d, item_id, title, ret, &headline, err);
    ret->note = headline ? "headline" : "corrected";
    if (r < 0 || !headline)
        return r;
    sqlite3_stmt *q = db_stmt(d, "UPDATE story SET title = ?2 WHERE story_id = ?1");
    if (!q)
        return db_fail(d, err);
    sqlite3_bind_int64(q, 1, ret->story_id);
    db_bind_text(q, 2, title);
    return db_run(d, q, err);
}

int stories_vanished(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                     int64_t item_id, int64_t revision, struct td_err *err)
{
    struct story_event e;
    bool leads;
    int result = find_story(d, item_id, NULL, &e, &leads, err);
    if (result < 0 || !e.kind)
        return result;
    e.note = "vanished";
    return stories_put_event(d, c->now, c->feed_id, item_id, revision, &e, &r->last_seq, err);
}
