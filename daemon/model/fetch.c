#include "model/fetch.h"

#include "base/mem.h"

void td_result_fini(struct td_result *r)
{
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
