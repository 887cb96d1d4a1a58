/*
 * POST /v1/fetch: one fetch, taken down whole (fetch/warc.h).
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

int api_fetch(struct request *q)
{
    bool ok = true;
    if (request_json(q, "feed full") < 0)
        return 0;
    const char *feed = request_member(q, "feed", &ok);
    const json_t *full = json_object_get(q->json, "full");
    if (!ok)
        return 0;
    if (!feed)
        return request_fail(q, 400, "a \"feed\" is needed: a name, an id or an address");
    if (full && !json_is_boolean(full))
        return request_fail(q, 400, "member \"full\" must be true or false");
    struct op *op = op_new(q);
    op->answer = fetched;
    q->s->ops->fetch(q->s->app, feed, json_is_true(full), took, op);
    return 1;
}
