/*
 * Who comes in over TCP: the rules of auth.h, what is answered to the others, and one line of the
 * log a minute about them.
 */
#include "serve/request.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message_ids.h"
#include "base/str.h"
#include "serve/auth.h"

static const char *header(struct request *q, const char *name)
{
    return MHD_lookup_connection_value(q->conn, MHD_HEADER_KIND, name);
}

static void tell(struct request *q, const char *what)
{
    struct serve *s = q->s;
    char shown[ENDPOINT_SHOWN];
    int64_t now = clock_mono_ms();
    s->n_refused++;
    if (s->refused_told_at && now - s->refused_told_at < LIMIT_REFUSED_LINE_MS)
        return;
    const struct sockaddr_storage *peer = (const void *)MHD_get_connection_info(
                                              q->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
                                              ->client_addr;
    char more[64] = "";
    if (s->n_refused - s->n_refused_told > 1)
        snprintf(more, sizeof more, "; %llu more were refused since the last line",
                 (unsigned long long)(s->n_refused - s->n_refused_told - 1));
    log_alert(LOG_WARNING, MSG_API_REFUSED, "api: a request from %s %s%s",
              endpoint_show(shown, peer), what, more);
    s->refused_told_at = now;
    s->n_refused_told = s->n_refused;
}

static int refuse(struct request *q, int status, const char *challenge, const char *reason,
                  const char *what)
{
    request_fail(q, status, reason);
    q->challenge = challenge;
    tell(q, what);
    return -EACCES;
}

/* HEAD and GET read. */
static bool is_read(const struct request *q)
{
    return q->route->scope == ROUTE_READ ||
           (q->route->scope == ROUTE_BY_METHOD && str_eq(q->route->method, "GET"));
}

int admit_token(struct request *q)
{
    const struct td_token *token = NULL;
    const char *host = request_host(q);
    if (!auth_host_ok(host, q->s->listen_names))
        return refuse(q, 421, NULL,
                      "this host name is not known here: ask by an address, or name it in "
                      "listen-names of feeds.conf",
                      "names a host that is not in listen-names");
    if (!auth_origin_ok(header(q, MHD_HTTP_HEADER_ORIGIN), host))
        return refuse(q, 403, NULL, "a page of another origin may not ask here",
                      "came from a page of another origin");
    enum auth_result r = auth_check(q->s->tokens, q->s->n_tokens,
                                    header(q, MHD_HTTP_HEADER_AUTHORIZATION), &token);
    if (q->route && q->route->scope == ROUTE_OPEN) {
        q->stranger = r != AUTH_GOOD;
        return 0;
    }
    if (r == AUTH_MISSING)
        return refuse(q, 401, "Bearer realm=\"tidings\"",
                      "a token is needed: Authorization: Bearer TOKEN", "had no token");
    if (r == AUTH_WRONG)
        return refuse(q, 401, "Bearer realm=\"tidings\", error=\"invalid_token\"",
                      "the token is not known here", "had a token that is not known");
    if (q->route && !is_read(q) && !token->write) {
        request_fail(q, 403,
                     "this token may ask and follow, but change nothing: its scope is read");
        q->challenge = "Bearer realm=\"tidings\", error=\"insufficient_scope\", scope=\"write\"";
        return -EACCES;
    }
    return 0;
}

void serve_set_access(struct serve *s, const struct td_token *tokens, size_t n, const char *names)
{
    td_tokens_free(s->tokens, s->n_tokens);
    s->tokens = td_tokens_copy(tokens, n);
    s->n_tokens = n;
    xreplace(&s->listen_names, names);
}
