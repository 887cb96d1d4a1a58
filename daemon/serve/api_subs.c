/*
 * Making and steering subscriptions.
 */
#include "serve/request.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- a place in the log: a seq, "now", or a time -------------------------------------------- */

struct place {
    int64_t seq, at; /* AT: the events of this time and later; TD_NEVER = SEQ says it */
};

static int read_place(struct request *q, const char *member, struct place *ret, struct td_err *err)
{
    const json_t *v = json_object_get(q->json, member);
    int64_t last = store_last_seq(q->s->store);
    *ret = (struct place){.seq = last, .at = TD_NEVER};
    if (json_is_integer(v)) {
        ret->seq = json_integer_value(v);
    } else if (json_is_string(v) && !str_eq(json_string_value(v), "now")) {
        struct params one = {.n = 1, .v = {{.name = member, .value = json_string_value(v)}}};
        if (str_to_i64(json_string_value(v), &ret->seq) < 0 &&
            param_time(&one, member, clock_now_ms(), &ret->at, err) < 0)
            return -EINVAL;
    } else if (v && !json_is_string(v)) {
        return td_err(err, -EINVAL, "member \"%s\": a seq, a time or now is allowed", member);
    }
    if (ret->at == TD_NEVER && (ret->seq < 0 || ret->seq > last))
        return td_err(err, -EINVAL, "\"%s\": %lld is not in the log; allowed: 0 to %lld", member,
                      (long long)ret->seq, (long long)last);
    return 0;
}

/* Reader thread: turns the time into a seq, and checks that the log has what follows. */
static int find_place(struct request *q, struct reader *r, struct place *p, struct td_err *err)
{
    int64_t first, last;
    int result = 0;
    if (p->at != TD_NEVER)
        result = reader_seq_before(r, p->at, &p->seq, err);
    if (result >= 0)
        result = reader_log_bounds(r, &first, &last, err);
    if (result >= 0)
        result = stream_check(p->seq, first, store_last_seq(q->s->store), err);
    return MIN(result, 0);
}

/* ---- make and remove ------------------------------------------------------------------------ */

#define KEYS                                                                                      \
    "sink query events per strictness format handshake signing-secret authorization topic batch " \
    "collect "                                                                                    \
    "retry "                                                                                      \
    "answer-timeout"

struct add_work {
    struct place from;
    const char *name;
    bool check;
    struct buf text;
};

static void add_free(void *ctx)
{
    buf_free(&((struct add_work *)ctx)->text);
}

/* The members that are keys of [subscription], as its lines. */
static int read_keys(struct request *q, struct buf *out, struct td_err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach (q->json, key, v) {
        if (str_eq(key, "name") || str_eq(key, "from") || str_eq(key, "check"))
            continue;
        if (json_is_integer(v))
            buf_addf(out, "%s = %lld\n", key, (long long)json_integer_value(v));
        else if (json_is_real(v))
            buf_addf(out, "%s = %g\n", key, json_real_value(v));
        else if (json_is_string(v) && !strpbrk(json_string_value(v), "\r\n"))
            buf_addf(out, "%s = %s\n", key, json_string_value(v));
        else
            return td_err(err, -EINVAL,
                          "member \"%.100s\": text on one line or a number is allowed", key);
    }
    return 0;
}

int api_sub_add(struct request *q)
{
    struct td_err err;
    bool ok = true;
    if (request_json(q, "name from check " KEYS) < 0)
        return 0;
    struct add_work *w = q->work = xcalloc(1, sizeof *w);
    q->work_free = add_free;
    w->text = BUF_INIT(LIMIT_REQUEST_BYTES);
    w->check = json_is_true(json_object_get(q->json, "check"));
    w->name = request_member(q, "name", &ok);
    if (!ok)
        return 0;
    if (!w->name) {
        td_err(&err, 0, "\"name\" is missing in the body");
        return request_errno(q, -EINVAL, &err, NULL);
    }
    if (read_place(q, "from", &w->from, &err) < 0 || read_keys(q, &w->text, &err) < 0)
        return request_errno(q, -EINVAL, &err, NULL);
    return 0;
}

void api_sub_add_at(struct request *q, struct reader *r)
{
    struct td_err err = {0};
    struct add_work *w = q->work;
    int result = find_place(q, r, &w->from, &err);
    if (result < 0)
        request_errno(q, result, &err, NULL);
}

static void added(struct request *q, int result, const struct td_err *err, const char *json)
{
    const struct add_work *w = q->work;
    if (result < 0) {
        request_errno(q, result, err, NULL);
        return;
    }
    struct jw j = {.b = &q->out};
    jw_begin_object(&j, NULL);
    jw_str(&j, "name", w->name);
    jw_int(&j, "seq", w->from.seq);
    jw_end_object(&j);
    buf_addc(&q->out, '\n');
    q->status = w->check ? 200 : 201;
}

int api_sub_add_finish(struct request *q)
{
    struct add_work *w = q->work;
    struct op *op = op_new(q);
    op->answer = added;
    q->s->ops->subscribe(q->s->app, w->name, buf_str(&w->text), w->from.seq, w->check, op_answered,
                         op);
    return 1;
}

int api_sub_remove(struct request *q)
{
    q->s->ops->unsubscribe(q->s->app, q->arg, op_answered, op_new(q));
    return 1;
}

/* ---- steering ------------------------------------------------------------------------------- */

static void unknown(struct request *q, struct td_err *err)
{
    CLEANUP_FREE const char **names = xcalloc(LIMIT_SUBSCRIPTIONS, sizeof *names);
    size_t n = 0;
    struct outbox *o = q->s->outbox;
    for (struct sub *s = o ? outbox_next(o, NULL) : NULL; s && n < LIMIT_SUBSCRIPTIONS;
         s = outbox_next(o, s))
        names[n++] = sub_conf(s)->name;
    td_err_unknown(err, "running subscription", q->arg, names, n);
}

/* The running subscription; NULL: the answer is an error. SENDS: not a stream. */
static struct sub *running(struct request *q, bool sends)
{
    struct td_err err;
    struct sub *s = q->s->outbox ? outbox_find(q->s->outbox, q->arg) : NULL;
    const char *idle = q->s->outbox ? outbox_why_idle(q->s->outbox, q->arg) : NULL;
    if (idle) {
        td_err(&err, 0, "%.200s does not run: %s", q->arg, idle);
        request_errno(q, -EEXIST, &err, NULL);
    } else if (!s) {
        unknown(q, &err);
        request_errno(q, -ENOENT, &err, NULL);
    } else if (sends && sub_conf(s)->sink == TD_SINK_STREAM) {
        td_err(&err, 0, "%.200s is a stream: its consumer asks for events, nothing is sent",
               q->arg);
        request_errno(q, -EINVAL, &err, NULL);
        s = NULL;
    }
    return s;
}

static int done(struct request *q)
{
    buf_adds(&q->out, "{}\n");
    return 0;
}

int api_sub_pause(struct request *q)
{
    struct sub *s = running(q, true);
    if (!s)
        return 0;
    sub_pause(s);
    return done(q);
}

int api_sub_resume(struct request *q)
{
    struct sub *s = running(q, true);
    if (!s)
        return 0;
    sub_resume(s);
    return done(q);
}

int api_sub_skip(struct request *q)
{
    struct sub *s = running(q, true);
    if (!s)
        return 0;
    int n = sub_skip(s);
    if (n == 0) {
        struct td_err err;
        td_err(&err, 0, "nothing of %.200s fails: there is nothing to skip", q->arg);
        return request_errno(q, -EEXIST, &err, NULL);
    }
    buf_addf(&q->out, "{\"skipped\":%d}\n", n);
    return 0;
}

int api_sub_rewind(struct request *q)
{
    struct td_err err;
    if (!running(q, false) || request_json(q, "to") < 0)
        return 0;
    struct place *p = q->work = xcalloc(1, sizeof *p);
    if (!json_object_get(q->json, "to")) {
        td_err(&err, 0, "\"to\" is missing in the body: a seq, a time or now");
        return request_errno(q, -EINVAL, &err, NULL);
    }
    return read_place(q, "to", p, &err) < 0 ? request_errno(q, -EINVAL, &err, NULL) : 0;
}

void api_sub_rewind_at(struct request *q, struct reader *r)
{
    struct td_err err = {0};
    int result = find_place(q, r, q->work, &err);
    if (result < 0)
        request_errno(q, result, &err, NULL);
}

static void rewound(struct request *q, int result, const struct td_err *err, const char *json)
{
    const struct place *p = q->work;
    if (result < 0)
        request_errno(q, result, err, NULL);
    else
        buf_addf(&q->out, "{\"seq\":%lld}\n", (long long)p->seq);
}

int api_sub_rewind_finish(struct request *q)
{
    const struct place *p = q->work;
    struct sub *s = running(q, false);
    if (!s)
        return 0;
    if (sub_conf(s)->sink == TD_SINK_STREAM) {
        struct op *op = op_new(q);
        op->answer = rewound;
        tail_rewound(q->s, q->arg);
        store_cursor_set(q->s->store, q->arg, p->seq, op_stored, op);
        return 1;
    }
    sub_rewind(s, p->seq);
    rewound(q, 0, NULL, NULL);
    return 0;
}

static void tested(void *op, int result, const struct td_err *err)
{
    op_answered(op, result, err, NULL);
}

int api_sub_test(struct request *q)
{
    struct sub *s = running(q, true);
    if (!s)
        return 0;
    outbox_test(q->s->outbox, sub_conf(s), tested, op_new(q));
    return 1;
}

/* ---- dead letters --------------------------------------------------------------------------- */

static int add_letter(void *ctx, const struct dead_row *row)
{
    struct jw *w = ctx;
    jw_begin_object(w, NULL);
    jw_int(w, "id", row->id);
    jw_time(w, "at", row->at);
    jw_int(w, "attempts", row->attempts);
    jw_str(w, "error", row->error);
    jw_raw(w, "event", row->event, strlen(row->event));
    jw_end_object(w);
    return w->b->len > LIMIT_ANSWER_BYTES / 2; /* the rest is asked for with `after` */
}

void api_sub_letters(struct request *q, struct reader *r)
{
    struct jw w = {.b = &q->out};
    struct td_err err = {0};
    int64_t after = 0, limit = 100;
    int result = param_int(&q->params, "after", 0, INT64_MAX, &after, &err);
    if (result == 0)
        result = param_int(&q->params, "limit", 1, LIMIT_PAGE_ITEMS, &limit, &err);
    jw_begin_object(&w, NULL);
    jw_begin_array(&w, "dead_letters");
    if (result == 0)
        result = reader_has_sub(r, q->arg, &err);
    if (result == 0)
        result = reader_dead_letters(r, q->arg, after, (int)limit, add_letter, &w, &err);
    jw_end_array(&w);
    jw_end_object(&w);
    buf_addc(&q->out, '\n');
    if (result < 0)
        request_errno(q, result, &err, NULL);
}

static void replayed(void *ctx, int n, const struct td_err *err)
{
    char json[64];
    snprintf(json, sizeof json, "{\"replaying\":%d}", n);
    op_answered(ctx, MIN(n, 0), err, json);
}

int api_sub_replay(struct request *q)
{
    struct sub *s = running(q, true);
    struct td_err err;
    if (!s || request_json(q, "id") < 0)
        return 0;
    const json_t *id = json_object_get(q->json, "id");
    if (id && (!json_is_integer(id) || json_integer_value(id) < 1)) {
        td_err(&err, 0, "\"id\" must be the number of a dead letter");
        return request_errno(q, -EINVAL, &err, NULL);
    }
    sub_replay(s, id ? json_integer_value(id) - 1 : 0, id, replayed, op_new(q));
    return 1;
}

int api_sub_forget(struct request *q)
{
    struct td_err err;
    int64_t id = 0;
    if (param_int(&q->params, "id", 1, INT64_MAX, &id, &err) < 0)
        return request_errno(q, -EINVAL, &err, NULL);
    store_dead_forget(q->s->store, q->arg, id, op_stored, op_new(q));
    return 1;
}
