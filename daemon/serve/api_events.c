/*
 * Following the log, and the named cursors of those who come back.
 */
#include "serve/request.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/event.h"

struct events_work {
    struct tail_conf tail;
    const char *as;
    bool resumes; /* by Last-Event-ID, which goes before the cursor */
    bool follow, is_new;
    int64_t since;     /* begin with the events of this time; TD_NEVER = not asked */
    char *events;      /* kinds joined by '\n'; NULL = all */
    const char *query; /* NULL = all */
    int strictness;    /* of the subscription that is named */
    char *sub_query;   /* of the subscription that is named */
};

static void events_free(void *ctx)
{
    struct events_work *w = ctx;
    free(w->events);
    free(w->sub_query);
    filter_free(w->tail.filter);
}

static const char *header(struct request *q, const char *name)
{
    return MHD_lookup_connection_value(q->conn, MHD_HEADER_KIND, name);
}

static int read_format(struct request *q, struct events_work *w, struct td_err *err)
{
    const char *format = param_str(&q->params, "format");
    const char *accept = header(q, MHD_HTTP_HEADER_ACCEPT);
    if (format && !str_eq(format, "sse") && !str_eq(format, "jsonl"))
        return td_err(err, -EINVAL, "format=%.100s: sse or jsonl is allowed", format);
    w->tail.sse = format ? str_eq(format, "sse") : accept && strstr(accept, "text/event-stream");
    return 0;
}

/* TEXT is the seq of an event, or its id, which also tells whether it is of this store. */
static int read_event(const struct store *s, const char *what, const char *text, int64_t *ret,
                      struct td_err *err)
{
    const char *dash = strrchr(text, '-'), *own = store_instance(s);
    size_t n = dash ? (size_t)(dash - text) : 0;
    int64_t seq;
    if (str_to_i64(n ? dash + 1 : text, &seq) < 0 || seq < 0)
        return td_err(err, -EINVAL, "%s: %.100s is neither seq nor id of an event", what, text);
    if (n && (strlen(own) != n || memcmp(own, text, n) != 0))
        return td_err(err, -ESTALE,
                      "%s: %.100s is an event of another store; go on with after=0 (all that is "
                      "kept) or after=now",
                      what, text);
    *ret = seq;
    return 0;
}

/* Where to begin: Last-Event-ID (a client that reconnects), else ?after=, else the end. */
static int read_position(struct request *q, struct events_work *w, struct td_err *err)
{
    const char *after = param_str(&q->params, "after"), *last = header(q, "Last-Event-ID");
    int64_t *pos = &w->tail.where.after;
    *pos = store_last_seq(q->s->store);
    w->resumes = !str_empty(last);
    if (w->resumes)
        return read_event(q->s->store, "Last-Event-ID", last, pos, err);
    return !after || str_eq(after, "now") ? 0 : read_event(q->s->store, "after", after, pos, err);
}

/* per=item (as without it), article or story: what an event is told for. */
static int read_per(struct request *q, const char **ret_kinds, bool *ret_articles,
                    struct td_err *err)
{
    const char *per = param_str(&q->params, "per");
    if (!per || str_eq(per, "item") || str_eq(per, "article"))
        *ret_kinds = "item.*\nfeed.*\nlog.*";
    else if (str_eq(per, "story"))
        *ret_kinds = "story.*";
    else
        return td_err(err, -EINVAL, "per=%.100s: item, article or story is allowed", per);
    *ret_articles = per && str_eq(per, "article");
    return 0;
}

/* kinds=a,b as lines. */
static char *read_kinds(struct request *q, const char *otherwise)
{
    char *kinds = xstrdup_or_null(param_str(&q->params, "kinds"));
    if (!kinds)
        return xstrdup(otherwise);
    for (char *p = kinds; p && *p; p++)
        if (*p == ',')
            *p = '\n';
    return kinds;
}

/* as=NAME of a subscription: a stream's consumer gets what the subscription wants. */
static int read_subscription(struct request *q, struct events_work *w, bool *ret_is,
                             bool *ret_articles, struct td_err *err)
{
    const struct sub *s = q->s->outbox && w->as ? outbox_find(q->s->outbox, w->as) : NULL;
    const char *idle = q->s->outbox && w->as ? outbox_why_idle(q->s->outbox, w->as) : NULL;
    *ret_is = s != NULL;
    if (idle)
        return td_err(err, -EEXIST, "subscription %.200s does not run: %s", w->as, idle);
    if (!s)
        return 0;
    if (sub_conf(s)->sink != TD_SINK_STREAM)
        return td_err(err, -EEXIST,
                      "%.200s is a subscription that the daemon delivers itself (sink = %s)", w->as,
                      td_sink_names[sub_conf(s)->sink]);
    if (w->query || param_str(&q->params, "kinds") || param_str(&q->params, "per"))
        return td_err(err, -EINVAL,
                      "q, kinds and per do not go with as=%.200s: the subscription says them",
                      w->as);
    w->events = xstrdup_or_null(sub_conf(s)->events);
    *ret_articles = sub_conf(s)->per == TD_PER_ARTICLE;
    w->strictness = sub_conf(s)->strictness;
    w->tail.position_follows = !w->resumes;
    w->query = w->sub_query = xstrdup_or_null(sub_conf(s)->query);
    return 0;
}

int api_events_start(struct request *q)
{
    struct events_work *w = q->work = xcalloc(1, sizeof *w);
    struct td_err err;
    const char *kinds = NULL;
    bool articles = false, is_sub;
    int r;
    q->work_free = events_free;
    w->since = TD_NEVER;
    w->query = param_str(&q->params, "q");
    if (read_per(q, &kinds, &articles, &err) < 0)
        return request_errno(q, -EINVAL, &err, NULL);
    w->follow = true;
    w->tail.where.until = INT64_MAX;
    w->as = param_str(&q->params, "as");
    if ((r = read_position(q, w, &err)) < 0)
        return request_errno(q, r, &err, NULL);
    if ((w->as && param_cursor_name(w->as, &err) < 0) || read_format(q, w, &err) < 0 ||
        param_int(&q->params, "limit", 1, INT64_MAX, &w->tail.where.limit, &err) < 0 ||
        param_time(&q->params, "since", clock_now_ms(), &w->since, &err) < 0 ||
        param_bool(&q->params, "follow", &w->follow, &err) < 0)
        return request_errno(q, -EINVAL, &err, NULL);
    if ((r = read_subscription(q, w, &is_sub, &articles, &err)) < 0)
        return request_errno(q, r, &err, NULL);
    if (!is_sub && (w->events = read_kinds(q, kinds)) && event_kinds_check(w->events, &err) < 0)
        return request_errno(q, -EINVAL, &err, NULL);
    if (w->query || w->events || articles) {
        r = filter_new(&w->tail.filter, q->s->stream, w->events, w->query, &err);
        if (r < 0)
            return request_errno(q, r, &err, NULL);
        if (articles)
            filter_set_articles(w->tail.filter);
        filter_set_strictness(w->tail.filter, w->strictness);
    }
    if (w->follow)
        w->tail.as = w->as;
    else
        w->tail.where.until = store_last_seq(q->s->store);
    return 0;
}

void api_events(struct request *q, struct reader *r)
{
    struct events_work *w = q->work;
    struct td_err err = {0};
    int64_t first, last, seq;
    int result = 0;
    if (w->as) {
        result = reader_has_cursor(r, w->as, &seq, &err);
        w->is_new = result == 0;
        if (result > 0 && !w->resumes)
            w->tail.where.after = seq;
    }
    if (result >= 0 && w->since != TD_NEVER && !w->resumes && (!w->as || w->is_new))
        result = reader_seq_before(r, w->since, &w->tail.where.after, &err);
    if (result >= 0)
        result = reader_log_bounds(r, &first, &last, &err);
    if (result >= 0)
        result = stream_check(w->tail.where.after, first, store_last_seq(q->s->store), &err);
    if (result < 0)
        request_errno(q, result, &err, NULL);
}

static void begin(struct request *q)
{
    struct events_work *w = q->work;
    struct stream_counts sc;
    stream_count(q->s->stream, &sc);
    if (sc.followers >= serve_share(q->s, LIMIT_FOLLOWERS)) {
        request_fail(q, 503, "too many clients follow the log already");
    } else if (q->head) {
        tail_head_only(q, &w->tail);
    } else {
        tail_new(q, &w->tail);
        w->tail.filter = NULL; /* the tail's now */
    }
}

static void cursor_made(struct request *q, int result, const struct td_err *err, const char *json)
{
    if (result < 0)
        request_errno(q, result, err, NULL);
    else
        begin(q);
}

int api_events_finish(struct request *q)
{
    struct events_work *w = q->work;
    if (!w->is_new || q->head) {
        begin(q);
        return 0;
    }
    struct op *op = op_new(q);
    op->answer = cursor_made;
    store_cursor_set(q->s->store, w->as, w->tail.where.after, op_stored, op);
    return 1;
}

/* ---- cursors -------------------------------------------------------------------------------- */

static int add_cursor(void *ctx, const struct cursor_row *row)
{
    struct jw *w = ctx;
    jw_begin_object(w, NULL);
    jw_str(w, "name", row->name);
    jw_int(w, "seq", row->seq);
    jw_time(w, "updated_at", row->updated_at);
    jw_end_object(w);
    return 0;
}

void api_cursors(struct request *q, struct reader *r)
{
    struct jw w = {.b = &q->out};
    struct td_err err = {0};
    jw_begin_object(&w, NULL);
    jw_begin_array(&w, "cursors");
    int result = reader_cursors(r, add_cursor, &w, &err);
    jw_end_array(&w);
    jw_int(&w, "last_seq", store_last_seq(q->s->store));
    jw_end_object(&w);
    buf_addc(&q->out, '\n');
    if (result < 0)
        request_errno(q, result, &err, NULL);
}

/* The position of what the daemon delivers itself is moved by rewind, or goes with the
 * subscription. */
static int refuse_delivered(struct request *q, bool streams_too)
{
    const struct sub *s = q->s->outbox ? outbox_find(q->s->outbox, q->arg) : NULL;
    struct td_err err;
    if (!s || (sub_conf(s)->sink == TD_SINK_STREAM && !streams_too))
        return 0;
    td_err(&err, 0, "%.200s is the position of a subscription: see /v1/subscriptions/NAME%s",
           q->arg, streams_too ? "" : "/rewind");
    request_errno(q, -EEXIST, &err, NULL);
    return -EEXIST;
}

int api_cursor_set(struct request *q)
{
    struct td_err err;
    if (refuse_delivered(q, false) < 0)
        return 0;
    if (param_cursor_name(q->arg, &err) < 0)
        return request_errno(q, -EINVAL, &err, NULL);
    if (request_json(q, "seq") < 0)
        return 0;
    json_t *v = json_object_get(q->json, "seq");
    int64_t seq = json_integer_value(v), last = store_last_seq(q->s->store);
    if (!json_is_integer(v) || seq < 0 || seq > last) {
        td_err(&err, 0, "\"seq\" must be a whole number from 0 to the end of the log, %lld",
               (long long)last);
        return request_errno(q, -EINVAL, &err, NULL);
    }
    tail_acknowledged(q->s, q->arg, seq);
    store_cursor_set(q->s->store, q->arg, seq, op_stored, op_new(q));
    return 1;
}

void api_cursor_find(struct request *q, struct reader *r)
{
    struct td_err err = {0};
    int64_t seq;
    int result = reader_cursor(r, q->arg, &seq, &err);
    if (result < 0)
        request_errno(q, result, &err, NULL);
}

int api_cursor_delete(struct request *q)
{
    if (refuse_delivered(q, true) < 0)
        return 0;
    store_cursor_delete(q->s->store, q->arg, op_stored, op_new(q));
    return 1;
}
