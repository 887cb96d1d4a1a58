#include "client/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "model/feed_json.h"
#include "model/item_json.h"
#include "model/json_text.h"
#include "model/saved_query.h"
#include "query/names.h"

#define FEED_JSON_BYTES (1u << 20) /* one feed's object: its URL, tags, error */

struct source {
    struct reader *reader; /* NULL: the API */
    char *socket;
};

/* ---- where it comes from ------------------------------------------------------------------- */

struct names {
    struct query_name *v;
    size_t n, n_config; /* the first are a config's: the store's of before do not count then */
    bool saved_alone;
};

static void add_name(struct names *l, const struct td_saved_query *q)
{
    l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
    l->v[l->n++] = (struct query_name){xstrdup(q->name), xstrdup(q->query ? q->query : "")};
}

static int take_name(void *ctx, const struct td_saved_query *q)
{
    struct names *l = ctx;
    bool there = l->saved_alone && !q->runtime;
    for (size_t i = 0; i < l->n_config; i++)
        there = there || str_eq(l->v[i].name, q->name);
    if (!there)
        add_name(l, q);
    return 0;
}

/* What query:NAME stands for, as the store has it, and L (taken). */
static int load_names(struct reader *r, struct names l, struct td_err *err)
{
    int result = r ? reader_queries(r, take_name, &l, err) : 0;
    query_names_set(l.v, l.n);
    for (size_t i = 0; i < l.n; i++) {
        free((char *)l.v[i].name);
        free((char *)l.v[i].query);
    }
    free(l.v);
    return result;
}

int source_names(const char *store, const struct td_saved_query *more, size_t n, struct td_err *err)
{
    struct names l = {.saved_alone = true};
    struct reader *reader = NULL;
    for (size_t i = 0; i < n; i++)
        add_name(&l, &more[i]);
    l.n_config = l.n;
    int opened = reader_open(&reader, store, err);
    int r = load_names(reader, l, err);
    reader_close(reader);
    return opened < 0 ? opened : r;
}

int source_open(struct source **ret, const struct client *c, struct td_err *err)
{
    struct td_err store_err, api_err;
    struct reader *reader = NULL;
    int r = c->place.store ? reader_open(&reader, c->place.store, &store_err) : 0;
    if (r < 0) {
        if (c->place.named && r == -ENOENT)
            return td_err(err, r, "%s", store_err.msg);
        int a = api_call(c->place.socket, "GET", "/healthz", NULL, NULL, &api_err);
        if (a == -ECONNREFUSED && r == -ENOENT)
            return td_err(err, -ENOENT,
                          "there is no store %s and no daemon at %s: start tidingsd, or name them "
                          "with --store or --socket",
                          c->place.store, c->place.socket);
        if (a < 0)
            return td_err(err, r, "%s; %s", store_err.msg, api_err.msg);
    }
    if (reader && (r = load_names(reader, (struct names){0}, err)) < 0) {
        reader_close(reader);
        return r;
    }
    struct source *s = xcalloc(1, sizeof *s);
    *s = (struct source){reader, xstrdup(c->place.socket)};
    *ret = s;
    return 0;
}

void source_close(struct source *s)
{
    if (!s)
        return;
    reader_close(s->reader);
    free(s->socket);
    free(s);
}

void source_close_p(struct source **s)
{
    source_close(*s);
}

struct reader *source_reader(struct source *s)
{
    return s->reader;
}

/* ---- items from the store ------------------------------------------------------------------ */

struct whole { /* makes rows whose json is the whole object */
    item_row_fn *cb;
    void *ctx;
    int64_t last_id;
    int n, stopped;
};

static int whole_row(void *ctx, const struct item_row *row)
{
    struct whole *w = ctx;
    CLEANUP_BUF struct buf json = BUF_INIT(2 * LIMIT_ITEM_JSON_BYTES);
    struct item_row it = *row;
    struct td_item_facts facts = {.item_id = row->item_id,
                                  .feed_id = row->feed_id,
                                  .feed = row->feed,
                                  .feed_title = row->feed_title,
                                  .first_seen = row->first_seen,
                                  .revision = row->revision,
                                  .backlog = row->backlog};
    td_item_json(&json, row->json, row->json_len, &facts);
    it.json = buf_str(&json);
    it.json_len = json.len;
    w->last_id = row->item_id;
    w->n++;
    return w->stopped = w->cb(w->ctx, &it);
}

/* ---- items from the API -------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static int64_t time_of(const json_t *o, const char *key)
{
    int64_t at = TD_NEVER;
    const char *s = text_of(o, key);
    if (s && clock_parse_rfc3339(s, &at) < 0)
        at = TD_NEVER;
    return at;
}

/* One item object as a row; its strings are borrowed from ITEM. */
static int object_row(struct whole *w, const json_t *item)
{
    const json_t *facts = json_object_get(item, "_tidings");
    const json_t *author = json_array_get(json_object_get(item, "authors"), 0);
    CLEANUP_FREE char *json = json_text(item);
    struct item_row it = {.item_id = json_integer_value(json_object_get(facts, "item_id")),
                          .feed_id = json_integer_value(json_object_get(facts, "feed_id")),
                          .first_seen = time_of(facts, "first_seen"),
                          .revision = json_integer_value(json_object_get(facts, "revision")),
                          .date_published = time_of(item, "date_published"),
                          .backlog = json_is_true(json_object_get(facts, "backlog")),
                          .feed = text_of(facts, "feed"),
                          .feed_title = text_of(facts, "feed_title"),
                          .id = text_of(item, "id"),
                          .url = text_of(item, "url"),
                          .title = text_of(item, "title"),
                          .author = text_of(author, "name"),
                          .language = text_of(item, "language"),
                          .json = json,
                          .json_len = json ? strlen(json) : 0};
    w->last_id = it.item_id;
    w->n++;
    return w->stopped = w->cb(w->ctx, &it);
}

int source_item_object(const json_t *item, item_row_fn *cb, void *ctx)
{
    struct whole w = {.cb = cb, .ctx = ctx};
    return object_row(&w, item);
}

/* Calls W for each object of the array KEY in what GET PATH answers. *RET_NEXT: where the next page
 * begins, 0 = there is none. */
static int get_rows(struct source *s, const char *path, const char *key, struct whole *w,
                    int64_t *ret_next, struct td_err *err)
{
    json_t *answer = NULL, *item;
    size_t i;
    int r = api_call(s->socket, "GET", path, NULL, &answer, err);
    if (r == 0) {
        json_t *rows = json_object_get(answer, key);
        const char *next = text_of(json_object_get(answer, "_tidings"), "next");
        *ret_next = 0;
        if (next)
            (void)str_to_i64(next, ret_next);
        json_array_foreach (rows, i, item)
            if (object_row(w, item))
                break;
    }
    json_decref(answer);
    return r;
}

static int api_page(struct source *s, const struct item_query *q, struct whole *w,
                    int64_t *ret_next, struct td_err *err)
{
    CLEANUP_BUF struct buf path = BUF_INIT(1 << 18);
    char number[24], since[CLOCK_TEXT], until[CLOCK_TEXT];
    buf_adds(&path, "/v1/items");
    snprintf(number, sizeof number, "%d", q->limit);
    api_add_param(&path, "limit", number);
    api_add_param(&path, "feed", q->feed);
    api_add_param(&path, "tag", q->tag);
    api_add_param(&path, "q", q->query);
    api_add_param(&path, "unread_by", q->unread_by);
    if (q->since != TD_NEVER)
        api_add_param(&path, "since", clock_rfc3339(since, q->since));
    if (q->until != TD_NEVER)
        api_add_param(&path, "until", clock_rfc3339(until, q->until));
    snprintf(number, sizeof number, "%" PRId64, q->before_id);
    if (q->before_id)
        api_add_param(&path, "before", number);
    return get_rows(s, path.data, "items", w, ret_next, err);
}

/* ---- what commands call -------------------------------------------------------------------- */

int source_items(struct source *s, const struct item_query *q, item_row_fn *cb, void *ctx,
                 struct td_err *err)
{
    struct whole w = {.cb = cb, .ctx = ctx};
    struct item_query page = *q;
    int left = q->limit;
    while (left > 0 && !w.stopped) {
        int64_t next = 0;
        page.limit = MIN(left, LIMIT_PAGE_ITEMS);
        w.n = 0;
        int r = s->reader ? reader_items(s->reader, &page, whole_row, &w, err)
                          : api_page(s, &page, &w, &next, err);
        if (r < 0)
            return r;
        if (s->reader ? w.n < page.limit : !next)
            break;
        left -= w.n;
        page.before_id = s->reader ? w.last_id : next;
    }
    return 0;
}

int source_item(struct source *s, int64_t item_id, item_row_fn *cb, void *ctx, struct td_err *err)
{
    struct whole w = {.cb = cb, .ctx = ctx};
    if (s->reader)
        return reader_item(s->reader, item_id, whole_row, &w, err);
    char path[64];
    json_t *item = NULL;
    snprintf(path, sizeof path, "/v1/items/%" PRId64, item_id);
    int r = api_call(s->socket, "GET", path, NULL, &item, err);
    if (r == 0)
        object_row(&w, item);
    json_decref(item);
    return r;
}

int source_revisions(struct source *s, int64_t item_id, item_row_fn *cb, void *ctx,
                     struct td_err *err)
{
    struct whole w = {.cb = cb, .ctx = ctx};
    char path[64];
    int64_t next;
    if (s->reader)
        return reader_revisions(s->reader, item_id, whole_row, &w, err);
    snprintf(path, sizeof path, "/v1/items/%" PRId64 "?revisions=true", item_id);
    return get_rows(s, path, "revisions", &w, &next, err);
}

struct feeds {
    feed_fn *cb;
    void *ctx;
    bool detail;
};

static int feed_row(void *ctx, const struct feed_row *row)
{
    struct feeds *f = ctx;
    CLEANUP_BUF struct buf text = BUF_INIT(FEED_JSON_BYTES);
    td_feed_json(&text, row->conf, row->state, row->n_items, f->detail);
    json_t *feed = json_loadb(buf_str(&text), text.len, 0, NULL);
    int stop = f->cb(f->ctx, feed);
    json_decref(feed);
    return stop;
}

static int api_one_feed(struct source *s, const char *name, struct feeds *f, struct td_err *err)
{
    CLEANUP_BUF struct buf path = BUF_INIT(1 << 16);
    json_t *feed = NULL;
    buf_adds(&path, "/v1/feeds");
    api_add_segment(&path, name);
    int r = api_call(s->socket, "GET", path.data, NULL, &feed, err);
    if (r == 0)
        f->cb(f->ctx, feed);
    json_decref(feed);
    return r;
}

/* All feeds, a page at a time. */
static int api_feeds(struct source *s, struct feeds *f, struct td_err *err)
{
    CLEANUP_FREE char *after = NULL;
    int stop = 0, r;
    do {
        CLEANUP_BUF struct buf path = BUF_INIT(1 << 16);
        json_t *answer = NULL, *feed;
        size_t i;
        buf_adds(&path, "/v1/feeds");
        api_add_param(&path, "after", after);
        r = api_call(s->socket, "GET", path.data, NULL, &answer, err);
        json_array_foreach (json_object_get(answer, "feeds"), i, feed)
            if (!stop)
                stop = f->cb(f->ctx, feed);
        xreplace(&after, text_of(answer, "next"));
        json_decref(answer);
    } while (r == 0 && after && !stop);
    return r;
}

int source_feeds(struct source *s, const char *name, feed_fn *cb, void *ctx, struct td_err *err)
{
    struct feeds f = {.cb = cb, .ctx = ctx, .detail = name != NULL};
    if (!s->reader)
        return name ? api_one_feed(s, name, &f, err) : api_feeds(s, &f, err);
    return reader_feeds(s->reader, name, feed_row, &f, err);
}

void source_counts_of(const json_t *status, struct store_counts *ret)
{
    const json_t *o = json_object_get(status, "counts");
    *ret = (struct store_counts){
        .feeds = json_integer_value(json_object_get(o, "feeds")),
        .items = json_integer_value(json_object_get(o, "items")),
        .events = json_integer_value(json_object_get(o, "events")),
        .last_seq = json_integer_value(json_object_get(o, "last_seq")),
        .index_seq = json_integer_value(json_object_get(o, "index_seq")),
        .stories_waiting = json_integer_value(json_object_get(o, "stories_waiting")),
        .db_bytes = json_integer_value(json_object_get(o, "db_bytes")),
    };
}

int source_counts(struct source *s, struct store_counts *ret, struct td_err *err)
{
    json_t *status = NULL;
    if (s->reader)
        return reader_counts(s->reader, ret, err);
    int r = api_call(s->socket, "GET", "/v1/status", NULL, &status, err);
    if (r == 0)
        source_counts_of(status, ret);
    json_decref(status);
    return r;
}

int source_json(struct source *s, const char *path, source_read_fn *read, const void *q,
                json_t **ret, struct td_err *err)
{
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_ANSWER_BYTES);
    if (!s->reader)
        return api_call(s->socket, "GET", path, NULL, ret, err);
    int r = read(s->reader, q, &out, err);
    if (r < 0)
        return r;
    *ret = json_loadb(buf_str(&out), out.len, 0, NULL);
    return *ret ? 0 : td_err(err, -EIO, "the answer is too large");
}
