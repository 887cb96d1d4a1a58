#include "store/stories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/feed.h"
#include "store/stories_private.h"
#include "story/address.h"
#include "story/explain.h"
#include "story/fixed.h"

#define WHY_BYTES 4096
#define NEAR      (Q16 / 10) /* a story that is less probable was not near: nothing to explain */
#define WORDS_MAX (4u << 20) /* of one transaction before they become a row */

struct stories *stories_new(struct db *d)
{
    struct stories *s = xcalloc(1, sizeof *s);
    s->d = d;
    s->rules = td_story_default;
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

void stories_outlet(struct buf *out, const char *url, const char *feed)
{
    CLEANUP_BUF struct buf address = BUF_INIT(LIMIT_URL_BYTES * 2);
    if (url && story_add_address(&address, url) == 0 && address.len)
        buf_add(out, address.data, strcspn(address.data, "/?"));
    else
        buf_adds(out, feed);
}

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

static int write_row(struct stories *s, int64_t story_id, const struct row *row, int64_t at,
                     const struct story_entry *e, struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(
        s->d, row->known ? "UPDATE story SET first_at = min(first_at, ?2), last_at ="
                           " max(last_at, ?2), n_items = n_items + 1, n_outlets = ?3, told = ?4"
                           " WHERE story_id = ?1"
                         : "INSERT INTO story VALUES(?1, ?2, ?2, 1, ?3, ?4, ?5, ?6, NULL)");
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, story_id);
    sqlite3_bind_int64(q, 2, at);
    sqlite3_bind_int64(q, 3, row->outlets);
    sqlite3_bind_int64(q, 4, row->told);
    if (!row->known) {
        sqlite3_bind_int64(q, 5, e->item_id);
        db_bind_text(q, 6, e->entry->title);
    }
    return db_run(s->d, q, err);
}

static int write_place(struct stories *s, const struct story_entry *e, const struct story_out *o,
                       const char *outlet, int64_t at, const struct buf *why, struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(s->d, "INSERT INTO story_item VALUES(?,?,?,?,?,?,?,?,?)");
    enum story_how how = o->opened ? STORY_OPENED : o->exact ? STORY_SAME_ARTICLE : STORY_JOINED;
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, e->item_id);
    sqlite3_bind_int64(q, 2, o->story);
    sqlite3_bind_int64(q, 3, o->article);
    sqlite3_bind_int64(q, 4, e->feed_id);
    db_bind_text(q, 5, outlet);
    sqlite3_bind_int64(q, 6, at);
    sqlite3_bind_int64(q, 7, o->p * 1000LL / Q16);
    sqlite3_bind_int(q, 8, (int)how);
    db_bind_text(q, 9, why->len ? why->data : NULL);
    return db_run(s->d, q, err);
}

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

/* ---- a new item ------------------------------------------------------------------------------ */

int stories_add(struct stories *s, const struct story_entry *e, struct story_event *ret,
                struct td_err *err)
{
    const struct td_entry *t = e->entry;
    const char *url = t->original_url ? t->original_url : t->url;
    CLEANUP_BUF struct buf outlet = BUF_INIT(LIMIT_URL_BYTES * 2),
                           address = BUF_INIT(LIMIT_URL_BYTES * 2), why = BUF_INIT(WHY_BYTES);
    char source[24];
    struct story_out o;
    struct row row;
    *ret = (struct story_event){0};
    if (s->rules.off)
        return 0;
    int64_t at = t->date_published == TD_NEVER ? e->now : MIN(t->date_published, e->now);
    stories_outlet(&outlet, url, e->feed);
    if (url)
        story_add_address(&address, url);
    snprintf(source, sizeof source, "%lld", (long long)e->feed_id);
    struct story_in in = {.item = e->item_id,
                          .time_s = at / 1000,
                          .title = t->title,
                          .text = t->text,
                          .outlet = buf_str(&outlet),
                          .source = source,
                          .byline = e->feed_title,
                          .address = buf_str(&address)};
    cluster_assign(s->c, &in, &o);
    if (!o.opened || o.p < Q16 - NEAR)
        story_explain(&in, &o, &why);
    stories_touched(s, o.story);
    int r = stories_counted(s, err);
    if (r == 0 && read_row(s, o.story, outlet.data, &row) < 0)
        r = db_fail(s->d, err);
    if (r < 0)
        return r;
    row.outlets += row.new_outlet;
    if (!e->backlog)
        decide_event(s, &o, &row, ret);
    r = write_row(s, o.story, &row, at, e, err);
    return r < 0 ? r : write_place(s, e, &o, outlet.data, at, &why, err);
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

int stories_revised(struct stories *s, int64_t item_id, const char *title, struct story_event *ret,
                    struct td_err *err)
{
    bool headline;
    int r = find_story(s->d, item_id, title, ret, &headline, err);
    ret->note = headline ? "headline" : "corrected";
    if (r < 0 || !headline)
        return r;
    sqlite3_stmt *q = db_stmt(s->d, "UPDATE story SET title = ?2 WHERE story_id = ?1");
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, ret->story_id);
    db_bind_text(q, 2, title);
    return db_run(s->d, q, err);
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
