#include "fetch/outcome.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "fetch/hsts.h"

/* "HTTP 503 Service Unavailable": our words, never the server's. */
static const char *status_text(char *buf, size_t size, int status)
{
    static const struct {
        int status;
        const char *words;
    } names[] = {
        {204, "No Content"},
        {206, "Partial Content"},
        {226, "IM Used"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"},
        {408, "Request Timeout"},
        {410, "Gone"},
        {421, "Misdirected Request"},
        {429, "Too Many Requests"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    const char *words = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].status == status)
            words = names[i].words;
    snprintf(buf, size, words ? "HTTP %d %s" : "HTTP %d", status, words);
    return buf;
}

#define FAIL(r, o, ...) ((r)->outcome = (o), td_result_say((r), __VA_ARGS__))

/* The status in words is the reason, with MORE behind it. */
static void fail_status(struct td_result *r, enum td_outcome outcome, const char *more)
{
    char text[64];
    FAIL(r, outcome, "%s%s", status_text(text, sizeof text, r->http_status), more);
}

static char *host_of(const char *url)
{
    CURLU *u = curl_url();
    char *host = NULL;
    if (u && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
        curl_url_get(u, CURLUPART_HOST, &host, 0);
    char *copy = xstrdup(host ? host : "the host");
    curl_free(host);
    curl_url_cleanup(u);
    return copy;
}

/* The way led through a proxy, and that is where it ended. */
static void judge_proxy(struct td_result *r, const struct exchange *x, const char *host)
{
    const char *words = x->os_errno      ? strerror(x->os_errno)
                        : *x->curl_error ? x->curl_error
                                         : curl_easy_strerror(x->code);
    FAIL(r, TD_OUT_CONNECT, "no connection to %s by the proxy %s: %s", host, x->proxy, words);
}

static void judge_connect(struct td_result *r, const struct exchange *x, const char *host)
{
    if (x->refused && x->proxy)
        FAIL(r, TD_OUT_REFUSED,
             "the proxy %s is at %s, a%s %s address, which allow-addresses does not name", x->proxy,
             x->refused_ip, strchr("aeiouI", *x->refused) ? "n" : "", x->refused);
    else if (x->refused)
        FAIL(r, TD_OUT_REFUSED, "%s is at %s, a%s %s address, which allow-addresses does not name",
             host, x->refused_ip, strchr("aeiouI", *x->refused) ? "n" : "", x->refused);
    else if (x->proxy)
        judge_proxy(r, x, host);
    else if (x->os_errno)
        FAIL(r, TD_OUT_CONNECT, "cannot connect to %s: %s", host, strerror(x->os_errno));
    else
        FAIL(r, TD_OUT_CONNECT, "cannot connect to %s", host);
}

/* A transfer that broke off after the header of a 200 was there. */
static void judge_cut(struct td_result *r, const struct exchange *x)
{
    FAIL(r, TD_OUT_INCOMPLETE, "the answer was cut short after %zu bytes%s%s", r->body.len,
         *x->curl_error ? ": " : "", x->curl_error);
}

static void judge_timeout(struct td_result *r, const struct exchange *x, const char *host)
{
    char limit[32];
    if (*x->curl_error)
        FAIL(r, TD_OUT_TIMEOUT, "%s: %s", host, x->curl_error);
    else
        FAIL(r, TD_OUT_TIMEOUT, "no whole answer from %s within %s", host,
             str_duration(limit, sizeof limit, x->timeout_ms));
}

/* What we ended ourselves comes first: curl only sees that a callback said no. */
static bool judge_own_limits(struct td_result *r, const struct exchange *x, const char *host)
{
    if (x->head->overrun)
        FAIL(r, TD_OUT_TOO_LARGE, "the answer's header has too many %s (limit %u)",
             x->head->overrun,
             str_eq(x->head->overrun, "lines") ? LIMIT_HEADER_LINES : LIMIT_HEADER_BYTES);
    else if (x->too_large || x->code == CURLE_FILESIZE_EXCEEDED)
        FAIL(r, TD_OUT_TOO_LARGE, "the answer is larger than max-body (%zu bytes)",
             x->max_body_bytes);
    else if (x->refused && x->code == CURLE_ABORTED_BY_CALLBACK)
        judge_connect(r, x, host);
    else
        return false;
    return true;
}

/* Of a coding that it knows and cannot read libcurl only says that nothing could be written. */
static void judge_coding(struct td_result *r, const struct exchange *x, const char *words)
{
    CLEANUP_FREE char *coding = head_join(x->head, "Content-Encoding");
    size_t n = head_count(x->head, "Content-Encoding");
    if (n > LIMIT_CODINGS)
        FAIL(r, TD_OUT_PROTOCOL, "the answer has %zu content codings over each other (limit %d)", n,
             LIMIT_CODINGS);
    else
        FAIL(r, TD_OUT_PROTOCOL, "the answer's content coding cannot be read: %s%s",
             x->code == CURLE_WRITE_ERROR && coding ? "this is not " : "",
             x->code == CURLE_WRITE_ERROR && coding ? coding : words);
}

static void judge_code(struct td_result *r, const struct exchange *x)
{
    CLEANUP_FREE char *host = host_of(x->url);
    bool in_body = head_is_final(x->head);
    const char *words = *x->curl_error ? x->curl_error : curl_easy_strerror(x->code);
    if (judge_own_limits(r, x, host))
        return;
    switch (x->code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        FAIL(r, TD_OUT_DNS_TEMP, "the name %s could not be looked up", host);
        break;
    case CURLE_COULDNT_CONNECT:
        judge_connect(r, x, host);
        break;
    case CURLE_OPERATION_TIMEDOUT:
        judge_timeout(r, x, host);
        break;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CACERT_BADFILE:
        FAIL(r, TD_OUT_TLS, "no trusted connection to %s: %s", host, words);
        break;
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        FAIL(r, TD_OUT_TLS, "no trusted connection to %s: its key is none that tls-pin names",
             host);
        break;
    case CURLE_PROXY:
    case CURLE_COULDNT_RESOLVE_PROXY:
        judge_proxy(r, x, host);
        break;
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2_STREAM:
    case CURLE_HTTP2:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_ABORTED_BY_CALLBACK: /* it would have been sent once more */
        if (in_body)
            judge_cut(r, x);
        else if (x->proxy)
            judge_proxy(r, x, host);
        else if (x->code == CURLE_ABORTED_BY_CALLBACK)
            FAIL(r, TD_OUT_CONNECT,
                 "%s closed the connection without an answer, each time it was asked", host);
        else
            FAIL(r, TD_OUT_CONNECT, "%s closed the connection without an answer: %s", host, words);
        break;
    case CURLE_URL_MALFORMAT:
        FAIL(r, TD_OUT_REFUSED, "this is not an address that can be fetched: %s", words);
        break;
    case CURLE_OUT_OF_MEMORY: /* 7.88 says so of one header line above 100 KB */
        FAIL(r, TD_OUT_TOO_LARGE, "a line of the answer's header is too long");
        break;
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WRITE_ERROR:
        judge_coding(r, x, words);
        break;
    case CURLE_OK: /* an interim answer, and the end */
        FAIL(r, TD_OUT_PROTOCOL, "%s sent no answer, only HTTP %d", host, x->head->status);
        break;
    default:
        FAIL(r, TD_OUT_PROTOCOL, "%s: %s", host, words);
        break;
    }
}

/* Bytes for echoing. Longer than LIMIT_VALIDATOR_BYTES or empty = none. */
static char *validator(const struct head *h, const char *name, bool *ret_given)
{
    char *v = head_dup(h, name);
    *ret_given = v != NULL;
    if (v && (!*v || strlen(v) > LIMIT_VALIDATOR_BYTES)) {
        free(v);
        return NULL;
    }
    return v;
}

static void take_validators(struct td_result *r, const struct head *h)
{
    r->val.etag = validator(h, "ETag", &r->has_etag);
    r->val.last_modified = validator(h, "Last-Modified", &r->has_last_modified);
}

static void judge_redirect(struct td_result *r, const struct exchange *x)
{
    char text[64];
    CLEANUP_FREE char *location = head_dup(x->head, "Location");
    status_text(text, sizeof text, r->http_status);
    if (str_empty(location)) {
        FAIL(r, TD_OUT_HTTP, "%s, but it does not say where to", text);
        return;
    }
    r->redirect_to = outcome_location(x->url, location);
    if (!r->redirect_to) {
        FAIL(r, TD_OUT_REDIRECT, "%s, but to an address that cannot be read", text);
        return;
    }
    r->redirect_permanent = r->http_status == 301 || r->http_status == 308;
    r->outcome = TD_OUT_OK;
}

static void judge_body(struct td_result *r, const struct exchange *x)
{
    if (x->code != CURLE_OK) {
        judge_code(r, x);
    } else if (!r->body.len) {
        FAIL(r, TD_OUT_INCOMPLETE, "HTTP %d, but the body is empty", r->http_status);
    } else if (x->cut_coding) {
        FAIL(r, TD_OUT_INCOMPLETE, "the compressed answer ends in the middle, after %zu bytes",
             r->body.len);
    } else {
        r->outcome = TD_OUT_OK;
        take_validators(r, x->head);
    }
}

static void judge_post(struct td_result *r, const struct exchange *x)
{
    if (r->http_status >= 200 && r->http_status < 300) {
        r->outcome = TD_OUT_OK;
        return;
    }
    fail_status(r, r->http_status == 410 ? TD_OUT_GONE : TD_OUT_HTTP, "");
    CLEANUP_FREE char *location = head_dup(x->head, "Location");
    if ((r->http_status == 307 || r->http_status == 308) && !str_empty(location))
        r->redirect_to = outcome_location(x->url, location);
}

/* Access is denied: are there credentials, and did they go along? */
static void judge_not_let_in(struct td_result *r, const struct exchange *x)
{
    char text[64];
    if (x->bound_to) {
        CLEANUP_FREE char *home = outcome_public_url(x->bound_to);
        FAIL(r, TD_OUT_HTTP,
             "%s; the feed's access settings are those of another host than this: %s",
             status_text(text, sizeof text, r->http_status), home);
    } else {
        fail_status(r, TD_OUT_HTTP, x->let_in ? ", with the feed's access settings" : "");
    }
}

/* A whole header came: the status decides, whatever became of an error's or redirect's body. */
static void judge_status(struct td_result *r, const struct exchange *x)
{
    if (x->post) {
        judge_post(r, x);
        return;
    }
    switch (r->http_status) {
    case 200:
    case 203: /* the same, through a proxy that changed something */
        judge_body(r, x);
        break;
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        judge_redirect(r, x);
        break;
    case 304:
        if (x->conditional) {
            r->outcome = TD_OUT_NOT_MODIFIED;
            take_validators(r, x->head);
        } else {
            fail_status(r, TD_OUT_PROTOCOL, ", but the request was not conditional");
        }
        break;
    case 226:
        if (x->delta) {
            judge_body(r, x);
            break;
        } /* fall through */
    case 206:
        fail_status(r, TD_OUT_PROTOCOL, ", but the whole feed was asked for");
        break;
    case 410:
        fail_status(r, TD_OUT_GONE, "");
        break;
    case 401:
    case 403:
        judge_not_let_in(r, x);
        break;
    default:
        fail_status(r, TD_OUT_HTTP, "");
        break;
    }
}

void outcome_judge(struct td_result *r, const struct exchange *x)
{
    r->retry_after_at = TD_NEVER;
    if (head_is_final(x->head) && !x->head->overrun) {
        r->http_status = x->head->status;
        r->fresh = outcome_freshness(x->head, x->now_ms);
        r->retry_after_at = outcome_retry_after(x->head, x->now_ms);
        r->content_type = head_dup(x->head, "Content-Type");
        r->content_location = head_dup(x->head, "Content-Location");
        r->link = head_join(x->head, "Link");
        if (x->tls_verified && str_casestarts(x->url, "https://")) {
            size_t pos = 0, n; /* of several only the first counts (RFC 6797 8.1) */
            const char *sts = head_next(x->head, "Strict-Transport-Security", &pos, &n);
            if (sts)
                r->sts = hsts_parse(sts, n);
        }
        judge_status(r, x);
    } else {
        judge_code(r, x);
    }
    if ((r->outcome != TD_OUT_OK && r->outcome != TD_OUT_INCOMPLETE) || r->redirect_to)
        buf_free(&r->body);
    if (!td_outcome_good(r->outcome) || r->redirect_to)
        r->fresh = (struct td_freshness){0};
}
