/*
 * Status, health, metrics, and what makes the daemon do something.
 */
#include "serve/request.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- status --------------------------------------------------------------------------------- */

static void add_counts(struct jw *w, const struct store_counts *c)
{
    jw_begin_object(w, "counts");
    jw_int(w, "feeds", c->feeds);
    jw_int(w, "items", c->items);
    jw_int(w, "events", c->events);
    jw_int(w, "last_seq", c->last_seq);
    jw_int(w, "index_seq", c->index_seq);
    jw_int(w, "stories_waiting", c->stories_waiting);
    jw_int(w, "db_bytes", c->db_bytes);
    jw_end_object(w);
}

void api_status(struct request *q, struct reader *r)
{
    struct store_counts *c = q->work = xcalloc(1, sizeof *c);
    struct td_err err = {0};
    int result = reader_counts(r, c, &err);
    if (result < 0)
        request_errno(q, result, &err, NULL);
}

/* app.c's object, with ours as further members. */
int api_status_finish(struct request *q)
{
    struct stream_counts sc;
    struct jw w = {.b = &q->out, .comma = true};
    stream_count(q->s->stream, &sc);
    q->s->ops->status(q->s->app, &q->out);
    if (q->out.len < 2)
        return request_fail(q, 500, "the daemon has no status");
    q->out.len--;
    w.comma = q->out.len > 1;
    add_counts(&w, q->work);
    jw_begin_object(&w, "api");
    jw_int(&w, "connections", q->s->n_connections);
    jw_int(&w, "followers", sc.followers);
    jw_int(&w, "events_delivered", sc.delivered);
    jw_end_object(&w);
    buf_adds(&q->out, "}\n");
    return 0;
}

/* ---- health --------------------------------------------------------------------------------- */

int api_healthz(struct request *q)
{
    q->type = "text/plain; charset=utf-8";
    buf_adds(&q->out, "ok\n");
    return 0;
}

int api_readyz(struct request *q)
{
    struct td_err err = {0};
    int r = q->s->ops->ready(q->s->app, &err);
    if (r < 0 && q->stranger) /* the reason may name paths */
        return request_fail(q, 503, "not ready");
    if (r < 0)
        return request_fail(q, 503, err.msg[0] ? err.msg : strerror(-r));
    return api_healthz(q);
}

/* ---- metrics: https://prometheus.io/docs/instrumenting/exposition_formats/ ------------------- */

struct metrics_work {
    struct reader *r;
    struct buf *out;
    struct store_counts counts;
    int64_t now;
    struct buf lag, age;
};

static void add_label(struct buf *b, const char *metric, const char *name)
{
    buf_addf(b, "%s{sub=\"", metric);
    for (; *name; name++) {
        if (*name == '"' || *name == '\\')
            buf_addc(b, '\\');
        buf_addc(b, *name);
    }
    buf_adds(b, "\"} ");
}

static int take_at(void *ctx, const struct event_row *row)
{
    *(int64_t *)ctx = row->at;
    return 1;
}

static int add_cursor(void *ctx, const struct cursor_row *row)
{
    struct metrics_work *w = ctx;
    int64_t lag = MAX(w->counts.last_seq - row->seq, (int64_t)0), at = w->now;
    if (lag > 0)
        reader_events(w->r, row->seq, 1, take_at, &at, NULL);
    add_label(&w->lag, "tidings_subscription_lag_events", row->name);
    buf_addf(&w->lag, "%lld\n", (long long)lag);
    add_label(&w->age, "tidings_subscription_oldest_unacked_seconds", row->name);
    buf_addf(&w->age, "%.3f\n", (double)MAX(w->now - at, (int64_t)0) / 1000);
    return 0;
}

/* The store's part; the text is put together on the loop. */
void api_metrics(struct request *q, struct reader *r)
{
    struct td_err err = {0};
    struct metrics_work w = {.r = r, .now = clock_now_ms()};
    buf_init(&w.lag, LIMIT_ANSWER_BYTES / 4);
    buf_init(&w.age, LIMIT_ANSWER_BYTES / 4);
    int result = reader_counts(r, &w.counts, &err);
    if (result >= 0)
        result = reader_cursors(r, add_cursor, &w, &err);
    if (result < 0)
        request_errno(q, result, &err, NULL);
    else
        buf_addf(&q->out,
                 "# TYPE tidings_db_size_bytes gauge\ntidings_db_size_bytes %lld\n"
                 "# TYPE tidings_subscription_lag_events gauge\n%s"
                 "# TYPE tidings_subscription_oldest_unacked_seconds gauge\n%s",
                 (long long)w.counts.db_bytes, buf_str(&w.lag), buf_str(&w.age));
    buf_free(&w.lag);
    buf_free(&w.age);
}

int api_metrics_finish(struct request *q)
{
    struct stream_counts sc;
    struct serve *s = q->s;
    stream_count(s->stream, &sc);
    q->type = "text/plain; version=0.0.4; charset=utf-8";
    s->ops->metrics(s->app, &q->out);
    if (q->out.len && q->out.data[q->out.len - 1] != '\n')
        buf_addc(&q->out, '\n');
    buf_addf(&q->out,
             "# TYPE tidings_api_connections gauge\ntidings_api_connections %d\n"
             "# TYPE tidings_api_followers gauge\ntidings_api_followers %d\n",
             s->n_connections, sc.followers);
    buf_addf(&q->out, "# TYPE tidings_api_refused_total counter\ntidings_api_refused_total %llu\n",
             (unsigned long long)s->n_refused);
    buf_adds(&q->out, "# TYPE tidings_api_responses_total counter\n");
    for (int i = 2; i <= 5; i++)
        buf_addf(&q->out, "tidings_api_responses_total{code=\"%dxx\"} %lld\n", i,
                 (long long)s->n_answers[i]);
    return 0;
}

/* ---- deeds ---------------------------------------------------------------------------------- */

int api_reload(struct request *q)
{
    if (request_json(q, NULL) == 0) {
        q->s->ops->reload(q->s->app, op_answered, op_new(q));
        return 1;
    }
    return 0;
}

int api_vacuum(struct request *q)
{
    if (request_json(q, NULL) == 0) {
        store_vacuum(q->s->store, op_stored, op_new(q));
        return 1;
    }
    return 0;
}
