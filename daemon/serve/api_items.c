#include "serve/request.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#define DEFAULT_LIMIT 50
/* Kept free in the answer for what follows the items. */
#define TAIL_BYTES (64u << 10)

struct items_work {
    struct item_query query;
    int64_t limit;
    bool jsonl, more;
    int64_t n, last_id;
    int64_t go_on; /* looking stopped above this item; 0 = it did not */
    struct request *q;
};

static int bad(struct request *q, const struct td_err *err)
{
    return request_errno(q, -EINVAL, err, NULL);
}

/* ?format=json|jsonl, else by Accept. */
static int want_jsonl(struct request *q, bool *ret, struct td_err *err)
{
    const char *format = param_str(&q->params, "format");
    const char *accept = MHD_lookup_connection_value(q->conn, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_ACCEPT);
    if (format && !str_eq(format, "json") && !str_eq(format, "jsonl"))
        return td_err(err, -EINVAL, "format=%.100s: json or jsonl is allowed", format);
    *ret = format ? str_eq(format, "jsonl") : accept && strstr(accept, "application/jsonl");
    return 0;
}

int api_items_start(struct request *q)
{
    struct items_work *w = q->work = xcalloc(1, sizeof *w);
    struct item_query *iq = &w->query;
    const struct params *p = &q->params;
    struct td_err err;
    int64_t now = clock_now_ms();
    struct query *query;
    w->q = q;
    w->limit = DEFAULT_LIMIT;
    iq->since = iq->until = TD_NEVER;
    iq->feed = param_str(p, "feed");
    iq->tag = param_str(p, "tag");
    iq->query = param_str(p, "q");
    iq->unread_by = param_str(p, "unread_by");
    if (param_time(p, "since", now, &iq->since, &err) < 0 ||
        param_time(p, "until", now, &iq->until, &err) < 0 ||
        param_int(p, "limit", 1, LIMIT_PAGE_ITEMS, &w->limit, &err) < 0 ||
        param_int(p, "before", 1, INT64_MAX, &iq->before_id, &err) < 0 ||
        want_jsonl(q, &w->jsonl, &err) < 0)
        return bad(q, &err);
    if (request_query(q, "q", &query) < 0)
        return 0;
    query_free(query); /* the reader makes its own */
    iq->max_ms = LIMIT_QUERY_MS;
    iq->ret_next = &w->go_on;
    iq->limit = (int)MIN(w->limit + 1, LIMIT_PAGE_ITEMS); /* one more says whether there is more */
    return 0;
}

static int add_item(void *ctx, const struct item_row *row)
{
    struct items_work *w = ctx;
    struct buf *out = &w->q->out;
    size_t before = out->len;
    if (w->n == w->limit || asker_closing(w->q->s->asker)) {
        w->more = true;
        return 1;
    }
    if (w->n > 0 && !w->jsonl)
        buf_addc(out, ',');
    item_text(out, row);
    if (w->jsonl)
        buf_addc(out, '\n');
    if (w->n > 0 && (out->overflow || out->len > LIMIT_ANSWER_BYTES - TAIL_BYTES)) {
        out->overflow = false;
        out->len = before; /* this one begins the next page */
        w->more = true;
        return 1;
    }
    w->last_id = row->item_id;
    w->n++;
    return 0;
}

/* The request's own target with the position of the next page. */
static void add_next(struct buf *b, const struct request *q, int64_t before)
{
    buf_addf(b, "%s?", q->path);
    for (size_t i = 0; i < q->params.n; i++) {
        if (str_eq(q->params.v[i].name, "before"))
            continue;
        param_encode(b, q->params.v[i].name);
        buf_addc(b, '=');
        param_encode(b, q->params.v[i].value);
        buf_addc(b, '&');
    }
    buf_addf(b, "before=%lld", (long long)before);
}

void api_items(struct request *q, struct reader *r)
{
    struct items_work *w = q->work;
    struct td_err err = {0};
    struct buf *out = &q->out;
    if (!w->jsonl)
        buf_adds(out, "{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"tidings\","
                      "\"items\":[");
    int result = reader_items(r, &w->query, add_item, w, &err);
    if (result < 0) {
        request_errno(q, result, &err, NULL);
        return;
    }
    w->more = w->more || w->n == LIMIT_PAGE_ITEMS || w->go_on;
    if (w->go_on)
        w->last_id = w->go_on;
    CLEANUP_BUF struct buf next = BUF_INIT(TAIL_BYTES / 2);
    if (w->more) {
        add_next(&next, q, w->last_id);
        q->link = xasprintf("<%s>; rel=\"next\"", buf_str(&next));
    }
    q->type = w->jsonl ? "application/jsonl" : "application/feed+json";
    if (w->jsonl)
        return;
    struct jw jw = {.b = out, .comma = true};
    buf_addc(out, ']');
    if (w->more) {
        char id[32];
        jw_str(&jw, "next_url", buf_str(&next));
        snprintf(id, sizeof id, "%lld", (long long)w->last_id);
        jw_begin_object(&jw, "_tidings");
        jw_str(&jw, "next", id);
        jw_end_object(&jw);
    }
    buf_adds(out, "}\n");
}

/* ---- one item ------------------------------------------------------------------------------- */

struct item_work {
    int64_t item_id;
    bool revisions;
    struct jw w;
};

int api_item_start(struct request *q)
{
    struct item_work *w = q->work = xcalloc(1, sizeof *w);
    struct td_err err;
    if (str_to_i64(q->arg, &w->item_id) < 0 || w->item_id < 1) {
        td_err(&err, 0, "%.100s is no item_id: a whole number is allowed (_tidings.item_id)",
               q->arg);
        return bad(q, &err);
    }
    if (param_bool(&q->params, "revisions", &w->revisions, &err) < 0)
        return bad(q, &err);
    w->w.b = &q->out;
    return 0;
}

static int add_one(void *ctx, const struct item_row *row)
{
    struct item_work *w = ctx;
    if (w->w.comma)
        buf_addc(w->w.b, ',');
    w->w.comma = true;
    item_text(w->w.b, row);
    return 0;
}

void api_item(struct request *q, struct reader *r)
{
    struct item_work *w = q->work;
    struct td_err err = {0};
    if (w->revisions)
        buf_adds(&q->out, "{\"revisions\":[");
    int result = w->revisions ? reader_revisions(r, w->item_id, add_one, w, &err)
                              : reader_item(r, w->item_id, add_one, w, &err);
    if (result == -ENOENT || (result >= 0 && !w->w.comma))
        result = td_err(&err, -ENOENT, "there is no item %lld", (long long)w->item_id);
    if (result < 0)
        request_errno(q, result, &err, NULL);
    else
        buf_adds(&q->out, w->revisions ? "]}\n" : "\n");
}
