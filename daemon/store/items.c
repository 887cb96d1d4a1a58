#include "store/reader_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "query/plan.h"

/*
 * A list of items is made of two lanes, both newest first, which are merged. What the full-text
 * index has comes from it; what it does not have yet (the newest, and those that just changed) is
 * read as it is and judged by the matcher. So is, in the first lane, whatever the index cannot say
 * all of.
 */

struct sql { /* a query under construction, with its values in order */
    struct buf text;
    struct {
        const char *s;
        int64_t i;
    } values[32];
    int n;
};

struct lane {
    sqlite3_stmt *s;
    bool judge; /* ask the matcher about each row */
    bool there; /* a row is under the cursor */
    int64_t item_id;
};

struct list { /* one question */
    struct reader *r;
    const struct item_query *q;
    struct query *query; /* NULL = all */
    struct query_plan plan;
    unsigned needs;
    int64_t now, feed_id, cursor_seq;
    struct lane lanes[2];
    struct td_err *err;
};

/* ---- the SQL of a lane --------------------------------------------------------------------- */

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

/* By the date a reader sees, which is never later than when the item came. */
#define SHOWN_DATE "min(coalesce(i.date_published, i.first_seen), i.first_seen)"

/* What the list and the query ask of feed, tag, date and position. ID: the lane's item_id. */
static void sql_bounds(struct sql *q, const struct list *l, const char *id)
{
    const struct item_query *iq = l->q;
    int64_t since = MAX(iq->since, l->plan.since);
    char clause[64];
    if (iq->feed)
        sql_int(q, " AND i.feed_id = ?", l->feed_id);
    if (l->plan.feed) { /* as match.c: has_feed */
        sql_text(q, " AND i.feed_id IN (SELECT feed_id FROM feed WHERE name = ? COLLATE NOCASE",
                 l->plan.feed);
        sql_text(q, " OR url = ?", l->plan.feed);
        sql_text(q, " OR CAST(feed_id AS TEXT) = ?)", l->plan.feed);
    }
    if (iq->tag) {
        sql_text(q, " AND " HAS_TAG, iq->tag);
        sql_text(q, "", iq->tag);
    }
    if (since != TD_NEVER) {
        snprintf(clause, sizeof clause, " AND %s >= ?", id);
        sql_int(q, clause, db_first_item_since(l->r->d, since));
        sql_int(q, " AND " SHOWN_DATE " >= ?", since);
    }
    if (iq->until != TD_NEVER)
        sql_int(q, " AND " SHOWN_DATE " <= ?", iq->until);
    if (l->plan.before != INT64_MAX)
        sql_int(q, " AND " SHOWN_DATE " < ?", l->plan.before);
    if (iq->unread_by)
        sql_int(q, " AND i.item_id IN (SELECT item_id FROM event WHERE seq > ? AND kind IN (1, 2))",
                l->cursor_seq);
    if (iq->before_id) {
        snprintf(clause, sizeof clause, " AND %s < ?", id);
        sql_int(q, clause, iq->before_id);
    }
}

#define FROM_ITEMS "SELECT " ITEM_COLUMNS " FROM item i"
#define OF_FEEDS   " JOIN feed f ON f.feed_id = i.feed_id WHERE f.deleted = 0"

static void sql_indexed(struct sql *q, const struct list *l)
{
    bool words = l->plan.fts.len > 0;
    const char *id = words ? "item_fts.rowid" : "i.item_id";
    char order[64];
    buf_adds(&q->text, words ? "SELECT " ITEM_COLUMNS
                               " FROM item_fts JOIN item i ON i.item_id = item_fts.rowid"
                             : FROM_ITEMS);
    buf_adds(&q->text, OF_FEEDS);
    if (words)
        sql_text(q, " AND item_fts MATCH ?", l->plan.fts.data);
    sql_bounds(q, l, id);
    snprintf(order, sizeof order, " ORDER BY %s DESC", id);
    buf_adds(&q->text, order);
    if (l->plan.exact)
        sql_int(q, " LIMIT ?", l->q->limit);
}

static void sql_unindexed(struct sql *q, const struct list *l)
{
    sql_int(q,
            FROM_ITEMS OF_FEEDS " AND i.item_id IN (SELECT * FROM (SELECT item_id FROM item WHERE"
                                " item_id > (SELECT value FROM meta WHERE key = 'index_item')"
                                " ORDER BY item_id DESC LIMIT ?)",
            SCAN_UNINDEXED);
    sql_int(q, " UNION SELECT * FROM (SELECT item_id FROM reindex ORDER BY item_id DESC LIMIT ?))",
            SCAN_UNINDEXED);
    sql_bounds(q, l, "i.item_id");
    buf_adds(&q->text, " ORDER BY i.item_id DESC");
}

static int lane_open(struct list *l, struct lane *lane, const struct sql *q)
{
    if (q->text.overflow ||
        sqlite3_prepare_v2(db_handle(l->r->d), q->text.data, -1, &lane->s, NULL) != SQLITE_OK)
        return db_fail(l->r->d, l->err);
    for (int i = 0; i < q->n; i++)
        if (q->values[i].s)
            db_bind_text(lane->s, i + 1, q->values[i].s);
        else
            sqlite3_bind_int64(lane->s, i + 1, q->values[i].i);
    return 0;
}

/* ---- going through them -------------------------------------------------------------------- */

static int lane_step(struct list *l, struct lane *lane)
{
    int code = lane->s ? sqlite3_step(lane->s) : SQLITE_DONE;
    lane->there = code == SQLITE_ROW;
    if (lane->there)
        lane->item_id = sqlite3_column_int64(lane->s, 0);
    return lane->there || code == SQLITE_DONE ? 0 : db_fail(l->r->d, l->err);
}

static bool matches(struct list *l, const struct item_row *row)
{
    struct query_doc doc;
    item_row_doc(row, l->needs, &doc);
    matcher_set(l->r->matcher, &doc);
    return matcher_matches(l->r->matcher, l->query, l->now);
}

/* The lane whose row is newer, NULL at the end. No item is in both. */
static struct lane *newest(struct list *l)
{
    struct lane *a = &l->lanes[0], *b = &l->lanes[1];
    if (a->there && b->there)
        return a->item_id > b->item_id ? a : b;
    return a->there ? a : b->there ? b : NULL;
}

static int walk(struct list *l, item_row_fn *cb, void *ctx)
{
    int64_t until = l->q->max_ms ? clock_mono_ms() + l->q->max_ms : INT64_MAX;
    struct lane *lane;
    int r = lane_step(l, &l->lanes[0]), n = 0;
    if (r == 0)
        r = lane_step(l, &l->lanes[1]);
    for (; r == 0 && (lane = newest(l)) && n < l->q->limit; r = lane_step(l, lane)) {
        struct item_row row;
        if (clock_mono_ms() >= until) {
            if (l->q->ret_next)
                *l->q->ret_next = lane->item_id + 1;
            break;
        }
        reader_row(l->r, lane->s, &row);
        if (lane->judge && !matches(l, &row))
            continue;
        n++;
        if (cb(ctx, &row))
            break;
    }
    return r;
}

static int prepare(struct list *l)
{
    int r = l->q->feed ? reader_feed_id(l->r, l->q->feed, &l->feed_id, l->err) : 0;
    if (r == 0 && l->q->unread_by)
        r = reader_cursor(l->r, l->q->unread_by, &l->cursor_seq, l->err);
    if (r < 0)
        return r;
    struct sql indexed = {.text = BUF_INIT(64u << 10)}, rest = {.text = BUF_INIT(64u << 10)};
    sql_indexed(&indexed, l);
    r = lane_open(l, &l->lanes[0], &indexed);
    l->lanes[0].judge = !l->plan.exact;
    if (r == 0 && l->plan.fts.len) {
        sql_unindexed(&rest, l);
        r = lane_open(l, &l->lanes[1], &rest);
        l->lanes[1].judge = true;
    }
    buf_free(&indexed.text);
    buf_free(&rest.text);
    return r;
}

static int make_plan(struct list *l)
{
    if (!l->q->query) {
        l->plan = (struct query_plan){
            .fts = BUF_INIT(1), .since = TD_NEVER, .before = INT64_MAX, .exact = true};
        return 0;
    }
    int r = query_parse_err(&l->query, l->q->query, l->err);
    if (r < 0)
        return r;
    l->now = clock_now_ms();
    l->needs = query_needs(l->query);
    query_plan_make(&l->plan, l->query, l->now,
                    db_int(l->r->d,
                           "SELECT a.value < b.value FROM meta a, meta b WHERE a.key ="
                           " 'cut_item' AND b.key = 'cut_end'",
                           0));
    if (!l->r->matcher)
        l->r->matcher = matcher_new();
    return 0;
}

int reader_items(struct reader *r, const struct item_query *q, item_row_fn *cb, void *ctx,
                 struct td_err *err)
{
    struct list l = {.r = r, .q = q, .err = err};
    int result = make_plan(&l);
    if (result < 0)
        return result;
    /* One view for both lanes: what moves into the index meanwhile must not be missed. */
    bool alone = sqlite3_get_autocommit(db_handle(r->d));
    if (alone)
        result = db_exec(r->d, "BEGIN", err);
    if (result == 0)
        result = prepare(&l);
    if (result == 0)
        result = walk(&l, cb, ctx);
    sqlite3_finalize(l.lanes[0].s);
    sqlite3_finalize(l.lanes[1].s);
    if (alone)
        sqlite3_exec(db_handle(r->d), "COMMIT", NULL, NULL, NULL);
    query_plan_fini(&l.plan);
    query_free(l.query);
    return result;
}
