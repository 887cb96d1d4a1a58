#include "model/fetch.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"

void td_result_say(struct td_result *r, const char *fmt, ...)
{
    va_list ap;
    struct td_err err;
    va_start(ap, fmt);
    vsnprintf(err.msg, sizeof err.msg, fmt, ap);
    va_end(ap);
    xreplace(&r->error, err.msg);
}

struct td_err td_result_err(const struct td_result *r)
{
    struct td_err err;
    td_err(&err, 0, "%s", r->error ? r->error : "");
    return err;
}

void td_result_fini(struct td_result *r)
{
    free(r->error);
    buf_free(&r->body);
    free(r->content_type);
    free(r->content_location);
    free(r->link);
    free(r->val.etag);
    free(r->val.last_modified);
    free(r->redirect_to);
    for (size_t i = 0; i < TD_WANTED; i++)
        free(r->wanted[i]);
    *r = (struct td_result){.retry_after_at = TD_NEVER};
}
