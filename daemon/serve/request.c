#include "serve/request.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

const char *request_host(const struct request *q)
{
    return q->host ? q->host
                   : MHD_lookup_connection_value(q->conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
}

int request_status(int result)
{
    switch (-result) {
    case 0:
        return 200;
    case EINVAL:
    case ENAMETOOLONG:
        return 400;
    case EPERM:
    case EACCES:
        return 403;
    case ENOENT:
        return 404;
    case EOPNOTSUPP:
        return 405;
    case EEXIST:
    case EBUSY:
    case EDQUOT:
        return 409;
    case ESTALE:
        return 410;
    case EFBIG:
    case E2BIG:
        return 413;
    case EAGAIN:
    case ESHUTDOWN:
    case ENOSPC:
        return 503;
    case ETIMEDOUT:
        return 504;
    case EHOSTUNREACH:
    case ECONNREFUSED:
    case EBADMSG:
    case ENODATA: /* add: there is no feed */
        return 502;
    default:
        return 500;
    }
}

/* The members of the object DETAILS go into the error's. */
static int fail(struct request *q, int status, const char *reason, const char *details)
{
    size_t n = details ? strlen(details) : 0;
    buf_clear(&q->out);
    struct jw w = {.b = &q->out};
    jw_begin_object(&w, NULL);
    jw_begin_object(&w, "error");
    jw_int(&w, "status", status);
    jw_str(&w, "reason", reason);
    if (n > 2 && details[0] == '{')
        jw_raw(&w, NULL, details + 1, n - 2);
    jw_end_object(&w);
    jw_end_object(&w);
    buf_addc(&q->out, '\n');
    q->status = status;
    q->type = "application/json";
    return 0;
}

int request_fail(struct request *q, int status, const char *reason)
{
    return fail(q, status, reason, NULL);
}

int request_errno(struct request *q, int result, const struct td_err *err, const char *details)
{
    const char *reason = err && err->msg[0] ? err->msg : strerror(-result);
    return fail(q, request_status(result), reason, details);
}

int request_query(struct request *q, const char *name, struct query **ret)
{
    const char *text = param_str(&q->params, name);
    struct query_error e;
    *ret = NULL;
    if (!text || query_parse(ret, text, &e) == 0)
        return 0;
    CLEANUP_BUF struct buf b = BUF_INIT(4096);
    CLEANUP_BUF struct buf details = BUF_INIT(8192);
    struct td_err err;
    struct jw w = {.b = &details};
    query_add_caret(&b, text, &e, 0);
    jw_begin_object(&w, NULL);
    jw_int(&w, "position", (int64_t)e.column);
    jw_int(&w, "length", (int64_t)e.len);
    jw_str(&w, "caret", buf_str(&b));
    jw_end_object(&w);
    td_err(&err, -EINVAL, "%s: %s (character %zu)", name, e.reason, e.column);
    request_errno(q, -EINVAL, &err, buf_str(&details));
    return -EINVAL;
}

static int bad_body(struct request *q, const char *fmt, const char *what, const char *more)
{
    struct td_err err;
    td_err(&err, 0, fmt, what ? what : "nothing", more ? more : "none");
    request_fail(q, 400, err.msg);
    return -EINVAL;
}

int request_json(struct request *q, const char *allowed)
{
    json_error_t je;
    const char *key;
    json_t *value;
    q->json = q->body.len == 0 ? json_object()
                               : json_loadb(q->body.data, q->body.len, JSON_REJECT_DUPLICATES, &je);
    if (!q->json)
        return bad_body(q, "the body is not JSON: %s%s", je.text, "");
    if (!json_is_object(q->json))
        return bad_body(q, "the body must be a JSON object with: %s%s", allowed, "");
    json_object_foreach (q->json, key, value) {
        struct params one = {.n = 1, .v = {{.name = key}}};
        if (params_check(&one, allowed, NULL) < 0)
            return bad_body(q, "unknown member \"%.100s\" in the body: allowed are %s", key,
                            allowed);
    }
    return 0;
}

const char *request_member(struct request *q, const char *name, bool *ok)
{
    json_t *v = json_object_get(q->json, name);
    if (!v || json_is_null(v))
        return NULL;
    if (!json_is_string(v)) {
        bad_body(q, "member \"%s\" must be a string%s", name, "");
        *ok = false;
        return NULL;
    }
    return json_string_value(v);
}

struct op *op_new(struct request *q)
{
    struct op *op = xcalloc(1, sizeof *op);
    op->q = q;
    op->s = q->s;
    q->op = op;
    DL_APPEND(q->s->ops_pending, op);
    return op;
}

void op_answered(void *ctx, int result, const struct td_err *err, const char *json)
{
    CLEANUP_FREE struct op *op = ctx;
    struct request *q = op->q;
    if (!q)
        return;
    DL_DELETE(op->s->ops_pending, op);
    q->op = NULL;
    if (op->answer) {
        op->answer(q, result, err, json);
    } else if (result < 0) {
        request_errno(q, result, err, json);
    } else {
        buf_adds(&q->out, json ? json : "{}");
        buf_addc(&q->out, '\n');
    }
    request_done(q);
}

void op_stored(void *op, int result, const struct td_err *err)
{
    op_answered(op, MIN(result, 0), err, NULL);
}
