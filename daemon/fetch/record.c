#include "fetch/record.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

static int on_debug(CURL *easy, curl_infotype type, char *data, size_t n, void *ctx)
{
    struct td_exchange *x = ctx;
    struct buf *to = type == CURLINFO_HEADER_IN || type == CURLINFO_DATA_IN ? &x->answer : NULL;
    if (type == CURLINFO_HEADER_OUT) {
        /* A new request: the one to the proxy (CONNECT) is over, or a connection that had died was
         * replaced. */
        buf_clear(&x->request);
        buf_clear(&x->answer);
        to = &x->request;
    }
    if (type == CURLINFO_HEADER_IN && x->answer.len && n > 5 && memcmp(data, "HTTP/", 5) == 0)
        buf_adds(&x->answer, "\r\n"); /* libcurl does not show the end of an interim answer */
    if (to && buf_add(to, data, n) < 0)
        x->cut = true;
    return 0;
}

void record_set(CURL *easy, struct td_exchange *x)
{
    x->is_http = true;
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, x);
}

void record_end(CURL *easy, struct td_exchange *x, const struct exchange *end)
{
    char *ip = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &ip);
    xreplace(&x->ip, str_empty(ip) ? NULL : ip);
    x->code = (int)end->code;
    x->os_errno = end->os_errno;
    x->let_in = end->let_in;
    xreplace(&x->words, str_empty(end->curl_error) ? NULL : end->curl_error);
    xreplace(&x->proxy, end->proxy);
    CLEANUP_FREE char *home = end->bound_to ? outcome_public_url(end->bound_to) : NULL;
    xreplace(&x->bound_to, home);
    x->ended_at = end->now_ms;
}

void record_finish(struct td_exchange *x, const struct td_request *req,
                   const struct td_result *result)
{
    free(x->url);
    x->url = req->source == TD_SOURCE_HTTP ? outcome_public_url(req->url) : xstrdup(req->url);
    if (!x->ended_at)
        x->ended_at = clock_now_ms();
    x->asked_at = x->ended_at - result->duration_ms;
    x->outcome = result->outcome;
    xreplace(&x->reason, td_outcome_good(result->outcome) ? NULL : result->error);
    if (req->source != TD_SOURCE_HTTP && result->body.len)
        buf_add(&x->answer, result->body.data, result->body.len);
    td_exchange_redact(x, req->access);
}
