#include "store/commit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/dedup.h"
#include "store/feeds.h"
#include "store/quiet.h"
#include "store/revise.h"
#include "store/vanish.h"

/* A day-old `last_seen_day` is good enough: an unchanged feed is written once in this many days. */
#define SEEN_TOUCH_DAYS 30

struct work { /* one commit under way */
    struct db *d;
    struct store_commit *c;
    struct store_commit_result *r;
    struct td_err *err;
    struct dedup_entry *list;
    size_t n;
    uint64_t *idents; /* of the document, for quiet.h; owned */
    bool moved;       /* some were found under another ident */
};

int commit_event(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                 int kind, int64_t item_id, int64_t revision, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(
        d, "INSERT INTO event(kind, at, feed_id, item_id, revision) VALUES(?,?,?,?,?)");
    if (!s)
        return db_fail(d, err);
    sqlite3_bind_int(s, 1, kind);
    sqlite3_bind_int64(s, 2, c->now);
    sqlite3_bind_int64(s, 3, c->feed_id);
    sqlite3_bind_int64(s, 4, item_id);
    sqlite3_bind_int64(s, 5, revision);
    int result = db_run(d, s, err);
    if (result < 0)
        return result;
    r->last_seq = sqlite3_last_insert_rowid(db_handle(d));
    if (!r->first_seq)
        r->first_seq = r->last_seq;
    return 0;
}

static int add_event(struct work *w, int kind, int64_t item_id, int64_t revision)
{
    return commit_event(w->d, w->c, w->r, kind, item_id, revision, w->err);
}

static int put_seen(struct work *w, const struct dedup_entry *de, int64_t item_id)
{
    sqlite3_stmt *s = db_stmt(w->d,
                              "INSERT INTO seen(feed_id, ident, item_id, fingerprint, moved_key,"
                              " last_seen_day) VALUES(?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
                              " fingerprint = excluded.fingerprint, moved_key ="
                              " excluded.moved_key, last_seen_day = excluded.last_seen_day");
    if (!s)
        return db_fail(w->d, w->err);
    sqlite3_bind_int64(s, 1, w->c->feed_id);
    sqlite3_bind_int64(s, 2, (int64_t)de->ident);
    sqlite3_bind_int64(s, 3, item_id);
    sqlite3_bind_int64(s, 4, (int64_t)de->entry->fingerprint);
    sqlite3_bind_int64(s, 5, (int64_t)dedup_moved_key(de->entry));
    sqlite3_bind_int64(s, 6, commit_day(w->c->now));
    return db_run(w->d, s, w->err);
}

/* First import: what is older than the backlog rule allows, or has no date, is not announced. */
static bool is_backlog(const struct store_commit *c, const struct td_entry *e)
{
    if (c->items_only)
        return true;
    if (!c->first_import || c->backlog_ms <= 0)
        return false;
    int64_t date = e->date_published != TD_NEVER ? e->date_published : e->date_modified;
    return date == TD_NEVER || date < c->now - c->backlog_ms;
}

static void tell_fate(struct work *w, const struct dedup_entry *de, enum td_fate fate)
{
    if (w->c->fates)
        w->c->fates[de->entry - w->c->batch->entries] = (char)fate;
}

static int add_item(struct work *w, const struct dedup_entry *de)
{
    bool backlog = is_backlog(w->c, de->entry);
    tell_fate(w, de, backlog ? TD_FATE_BACKLOG : TD_FATE_NEW);
    sqlite3_stmt *s = db_stmt(
        w->d, "INSERT INTO item(feed_id, first_seen, revised_at, revision, backlog,"
              " date_published, date_modified, id, url, title, author, language, tags, json, text)"
              " VALUES(?1,?2,?2,1,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)");
    if (!s)
        return db_fail(w->d, w->err);
    sqlite3_bind_int64(s, 1, w->c->feed_id);
    sqlite3_bind_int64(s, 2, w->c->now);
    sqlite3_bind_int(s, 3, backlog);
    revise_bind(s, 4, de->entry);
    int r = db_run(w->d, s, w->err);
    if (r < 0)
        return r;
    int64_t item_id = sqlite3_last_insert_rowid(db_handle(w->d));
    r = put_seen(w, de, item_id);
    if (r < 0)
        return r;
    w->r->n_new++;
    w->r->n_backlog += backlog;
    return backlog ? 0 : add_event(w, EVENT_ITEM_NEW, item_id, 1);
}

/* ---- what the feed has shown before -------------------------------------------------------- */

struct found {
    int64_t item_id; /* 0 = never seen */
    uint64_t fingerprint;
    int64_t day;
};

static int look_up(struct work *w, struct found *found, size_t *ret_unseen)
{
    size_t unseen = 0;
    for (size_t i = 0; i < w->n; i++) {
        sqlite3_stmt *s = db_stmt(w->d, "SELECT item_id, fingerprint, last_seen_day FROM seen"
                                        " WHERE feed_id = ? AND ident = ?");
        if (!s)
            return db_fail(w->d, w->err);
        sqlite3_bind_int64(s, 1, w->c->feed_id);
        sqlite3_bind_int64(s, 2, (int64_t)w->list[i].ident);
        int code = sqlite3_step(s);
        if (code == SQLITE_ROW)
            found[i] = (struct found){.item_id = sqlite3_column_int64(s, 0),
                                      .fingerprint = (uint64_t)sqlite3_column_int64(s, 1),
                                      .day = sqlite3_column_int64(s, 2)};
        else if (code != SQLITE_DONE)
            return db_fail(w->d, w->err);
        else
            unseen++;
        sqlite3_reset(s);
    }
    *ret_unseen = unseen;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

struct lost { /* an unseen entry, to be found under its moved key */
    uint64_t key;
    size_t at;
};

static int by_key(const void *a, const void *b)
{
    const struct lost *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* The first entry under KEY that is still lost, or NULL. */
static struct lost *lost_under(struct lost *l, size_t n, uint64_t key, const struct found *found)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (l[mid].key < key)
            low = mid + 1;
        else
            high = mid;
    }
    while (low < n && l[low].key == key && found[l[low].at].item_id)
        low++;
    return low < n && l[low].key == key ? &l[low] : NULL;
}

/* Most entries look new: find them among all that the feed has shown, also what is expired. What
 * the document shows under its old ident too is another item (day of FOUND: -1 = moved, the row
 * follows silently). Costs one walk over the feed's part of `seen`. */
static int find_moved(struct work *w, struct found *found, size_t unseen)
{
    CLEANUP_FREE struct lost *lost = xcalloc(unseen, sizeof *lost);
    CLEANUP_FREE int64_t *shown = xcalloc(w->n, sizeof *shown);
    size_t n = 0, n_shown = 0;
    uint64_t key;
    int code;
    for (size_t i = 0; i < w->n; i++)
        if (found[i].item_id)
            shown[n_shown++] = found[i].item_id;
        else if ((key = dedup_moved_key(w->list[i].entry)))
            lost[n++] = (struct lost){key, i};
    qsort(lost, n, sizeof *lost, by_key);
    qsort(shown, n_shown, sizeof *shown, by_number);
    sqlite3_stmt *s = db_stmt(w->d, "SELECT item_id, moved_key FROM seen WHERE feed_id = ?");
    if (!s)
        return db_fail(w->d, w->err);
    sqlite3_bind_int64(s, 1, w->c->feed_id);
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t item_id = sqlite3_column_int64(s, 0);
        struct lost *l = lost_under(lost, n, (uint64_t)sqlite3_column_int64(s, 1), found);
        if (l && !bsearch(&item_id, shown, n_shown, sizeof *shown, by_number))
            found[l->at] = (struct found){.item_id = item_id, .day = -1};
    }
    int r = code == SQLITE_DONE ? 0 : db_fail(w->d, w->err);
    sqlite3_reset(s);
    return r;
}

static int store_entry(struct work *w, const struct dedup_entry *de, const struct found *f)
{
    if (!f->item_id)
        return add_item(w, de);
    tell_fate(w, de, TD_FATE_KNOWN);
    if (w->c->items_only)
        return 0;
    bool moved = f->day < 0, changed = f->fingerprint != de->entry->fingerprint;
    if (!moved && !changed && f->day + SEEN_TOUCH_DAYS >= commit_day(w->c->now))
        return 0;
    int r = put_seen(w, de, f->item_id);
    if (r < 0)
        return r;
    if (moved)
        return revise_silently(w->d, w->c, w->r, de->entry, f->item_id, w->err);
    if (changed)
        r = revise_item(w->d, w->c, w->r, de->entry, f->item_id, f->fingerprint, w->err);
    if (r > 0)
        tell_fate(w, de, TD_FATE_CHANGED);
    return MIN(r, 0);
}

static int store_batch(struct work *w, enum dedup_rule *rule)
{
    const struct td_batch *b = w->c->batch;
    size_t unseen = 0;
    *rule = dedup_rule_for(b, *rule);
    CLEANUP_FREE struct dedup_entry *list = xcalloc(b->n_entries, sizeof *list);
    CLEANUP_FREE struct found *found = xcalloc(b->n_entries, sizeof *found);
    w->list = list;
    w->n = dedup_list(b, *rule, list);
    if (w->c->fates)
        memset(w->c->fates, TD_FATE_DOUBLE, b->n_entries);
    int r = look_up(w, found, &unseen);
    if (r == 0 && dedup_suspicious(unseen, w->n, !w->c->first_import))
        r = find_moved(w, found, unseen);
    w->idents = xcalloc(w->n + 1, sizeof *w->idents);
    for (size_t i = 0; r == 0 && i < w->n; i++) {
        w->idents[i] = list[i].ident;
        w->moved = w->moved || found[i].day < 0;
        r = store_entry(w, &list[i], &found[i]);
    }
    return r;
}

/* What did not come. RULE_SAME: idents mean what they meant. */
static int apply_quiet(struct work *w, bool rule_same, struct feed_poll *p)
{
    const struct td_batch *b = w->c->batch;
    int r = 0;
    if (b && w->c->whole && !b->truncated && !b->dropped) {
        bool usable = rule_same && !w->moved && w->c->event != TD_FEED_MOVED && vanish_in_order(b);
        r = quiet_document(w->d, w->c, w->r, w->idents, w->n, usable, &p->missing, w->err);
    } else if (w->c->unchanged && p->missing) {
        r = quiet_unchanged(w->d, w->c, w->r, &p->missing, w->err);
    }
    if (r == 0 && (b || w->c->unchanged))
        r = quiet_feed(w->d, w->c, w->r, &p->silent_at, w->err);
    return r;
}

/* What documents have said of the feed as a whole. */
struct told {
    enum dedup_rule rule;
    bool same_title, same_words; /* this one says the same, or nothing */
};

static int read_told(struct work *w, struct told *ret)
{
    sqlite3_stmt *s = db_stmt(w->d, "SELECT ident_rule, ?2 IS NULL OR title IS ?2, language IS ?3"
                                    " AND (?4 IS NULL OR home_page_url IS ?4) FROM feed"
                                    " WHERE feed_id = ?1");
    if (!s)
        return db_fail(w->d, w->err);
    sqlite3_bind_int64(s, 1, w->c->feed_id);
    db_bind_text(s, 2, w->c->items_only ? NULL : w->c->state.title);
    db_bind_text(s, 3, w->c->batch->language);
    db_bind_text(s, 4, w->c->state.home_page_url);
    int r = sqlite3_step(s) == SQLITE_ROW ? 0 : db_fail(w->d, w->err);
    *ret = (struct told){(enum dedup_rule)sqlite3_column_int(s, 0), sqlite3_column_int(s, 1),
                         sqlite3_column_int(s, 2)};
    sqlite3_reset(s);
    return r;
}

/* The document's entries, and what it says of the whole feed. *RET_RULE_SAME: idents mean what they
 * meant. */
static int apply_document(struct work *w, bool *ret_rule_same)
{
    struct store_commit *c = w->c;
    struct told told = {0};
    int r = read_told(w, &told);
    enum dedup_rule rule = told.rule;
    if (r == 0 && !told.same_title)
        r = feeds_write_title(w->d, c->feed_id, c->state.title, w->err);
    if (r == 0)
        r = store_batch(w, &rule);
    *ret_rule_same = rule == told.rule;
    if (r == 0 && !*ret_rule_same)
        r = feeds_write_rule(w->d, c->feed_id, (int)rule, w->err);
    if (r == 0 && !c->items_only && !told.same_words)
        r = feeds_write_words(w->d, c->feed_id, c->batch->language, c->state.home_page_url, w->err);
    return r;
}

static int apply_all(struct work *w, bool *ret_known)
{
    struct store_commit *c = w->c;
    struct feed_poll poll;
    bool rule_same = true;
    int r = feeds_read_poll(w->d, c->feed_id, &poll, ret_known, w->err);
    if (r < 0 || !*ret_known)
        return r;
    if (!c->finished) /* `finish` sets it; the rules for a first import hold in each attempt */
        c->first_import = !c->state.imported;
    if (c->batch && (r = apply_document(w, &rule_same)) < 0)
        return r;
    if (c->items_only)
        return 0;
    if (!c->finished && c->finish)
        c->finish(c, w->r);
    c->finished = true;
    if (c->event && (r = add_event(w, (int)c->event, 0, 0)) < 0)
        return r;
    r = apply_quiet(w, rule_same, &poll);
    return r < 0 ? r : feeds_write_poll(w->d, c->feed_id, &c->state, &poll, w->err);
}

static int apply(struct db *d, struct store_commit *c, struct store_commit_result *ret,
                 bool *ret_known, struct td_err *err)
{
    struct work w = {.d = d, .c = c, .r = ret, .err = err};
    *ret = (struct store_commit_result){0};
    int r = apply_all(&w, ret_known);
    free(w.idents);
    return r;
}

int commit_apply(struct db *d, struct store_commit *c, struct store_commit_result *ret,
                 bool *ret_known, struct td_err *err)
{
    if (!c->dry)
        return apply(d, c, ret, ret_known, err);
    int r = db_exec(d, "SAVEPOINT dry", err);
    if (r < 0)
        return r;
    int applied = apply(d, c, ret, ret_known, err);
    ret->first_seq = ret->last_seq = 0;
    r = db_exec(d, "ROLLBACK TO dry", applied < 0 ? NULL : err);
    if (r == 0)
        r = db_exec(d, "RELEASE dry", applied < 0 ? NULL : err);
    return applied < 0 ? applied : r;
}
