/*
 * POST /v1/fetch: one fetch, taken down whole (fetch/warc.h). POST /v1/backfill: a feed's archives.
 */
#include "serve/request.h"

#include <errno.h>

#include "base/limits.h"
#include "base/mem.h"

static void fetched(struct request *q, int result, const struct td_err *err, const char *json)
{
    if (result < 0)
        request_errno(q, result, err, json);
}

static void took(void *ctx, int result, const struct td_err *err, const char *p, size_t n)
{
    struct op *op = ctx;
    struct td_err too_large;
    if (op->q && result >= 0) {
        op->q->type = "application/warc";
        if (buf_add(&op->q->out, p, n) < 0)
            result = td_err(&too_large, -EFBIG,
                            "the recording has %zu bytes: an answer has at most %u", n,
                            LIMIT_ANSWER_BYTES);
    }
    op_answered(op, result, result == -EFBIG ? &too_large : err, NULL);
}

/* The members of the body: "feed", a flag and, unless NULL, a text. 0, or the answer is made. */
static int read_body(struct request *q, const char *members, const char *flag,
                     const char **ret_feed, bool *ret_flag, const char **ret_text)
{
    bool ok = true;
    if (request_json(q, members) < 0)
        return -EINVAL;
    *ret_feed = request_member(q, "feed", &ok);
    if (ret_text && ok)
        *ret_text = request_member(q, "from", &ok);
    const json_t *v = json_object_get(q->json, flag);
    if (!ok)
        return -EINVAL;
    *ret_flag = json_is_true(v);
    if (*ret_feed && (!v || json_is_boolean(v)))
        return 0;
    struct td_err err;
    if (*ret_feed)
        td_err(&err, 0, "member \"%s\" must be true or false", flag);
    else
        td_err(&err, 0, "a \"feed\" is needed: a name, an id or an address");
    request_fail(q, 400, err.msg);
    return -EINVAL;
}

int api_fetch(struct request *q)
{
    const char *feed;
    bool full;
    if (read_body(q, "feed full", "full", &feed, &full, NULL) < 0)
        return 0;
    struct op *op = op_new(q);
    op->answer = fetched;
    q->s->ops->fetch(q->s->app, feed, full, took, op);
    return 1;
}

int api_backfill(struct request *q)
{
    const char *feed, *from;
    bool all;
    if (read_body(q, "feed from all", "all", &feed, &all, &from) < 0)
        return 0;
    q->s->ops->backfill(q->s->app, feed, from, all, op_answered, op_new(q));
    return 1;
}

int api_backfills(struct request *q)
{
    q->s->ops->backfills(q->s->app, &q->out);
    buf_addc(&q->out, '\n');
    return 0;
}
