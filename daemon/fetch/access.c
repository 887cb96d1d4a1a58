#include "fetch/access.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fetch/guard.h"
#include "fetch/outcome.h"

bool access_is_home(const struct td_request *req)
{
    return req->access_url && outcome_same_origin(req->url, req->access_url);
}

const char *access_proxy(const struct td_request *req)
{
    return req->access && !str_empty(req->access->proxy) ? req->access->proxy : NULL;
}

static void set_proxy(CURL *e, const struct td_access *a)
{
    curl_easy_setopt(e, CURLOPT_PROXY, a->proxy);
    curl_easy_setopt(e, CURLOPT_NOPROXY, ""); /* no exception, whatever the environment says */
    curl_easy_setopt(e, CURLOPT_PROXYUSERNAME, a->proxy_user);
    curl_easy_setopt(e, CURLOPT_PROXYPASSWORD, a->proxy_user ? a->proxy_password : NULL);
    curl_easy_setopt(e, CURLOPT_PROXYAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(e, CURLOPT_PROXY_CAPATH, NULL);
}

/* A pinned key is trusted by itself, whoever signed it for whatever name until whenever: to have it
 * is the proof. Without a pin nothing turns verification off. */
static void set_trust(CURL *e, const struct td_access *a)
{
    if (a->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, a->ca_file);
    if (a->tls_pin) {
        curl_easy_setopt(e, CURLOPT_PINNEDPUBLICKEY, a->tls_pin);
        curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (a->client_cert) {
        curl_easy_setopt(e, CURLOPT_SSLCERT, a->client_cert);
        curl_easy_setopt(e, CURLOPT_SSLKEY, a->client_key ? a->client_key : a->client_cert);
        curl_easy_setopt(e, CURLOPT_KEYPASSWD, a->client_key_password);
    }
}

static void set_credentials(CURL *e, const struct td_access *a, struct curl_slist **headers)
{
    if (a->user) {
        curl_easy_setopt(e, CURLOPT_USERNAME, a->user);
        curl_easy_setopt(e, CURLOPT_PASSWORD, a->password ? a->password : "");
    }
    if (a->bearer) {
        CLEANUP_FREE char *line = xasprintf("Authorization: Bearer %s", a->bearer);
        *headers = curl_slist_append(*headers, line);
        explicit_bzero(line, strlen(line));
    }
    for (const char *p = a->headers; p && *p;) {
        size_t n = strcspn(p, "\n");
        CLEANUP_FREE char *line = xstrndup(p, n);
        *headers = curl_slist_append(*headers, line);
        explicit_bzero(line, n);
        p += n + (p[n] == '\n');
    }
    if (a->cookie_file)
        curl_easy_setopt(e, CURLOPT_COOKIEFILE, a->cookie_file);
}

/* A connection that was made with a certificate, a trust or a route of its own serves this request
 * alone, and no session is taken up from it or left for others. (libcurl compares most of that
 * before it shares a connection, but not the client's key.) The parsed authorities in the multi
 * handle stay those of everybody else. */
static void keep_apart(CURL *e)
{
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

bool access_set(CURL *easy, const struct td_request *req, struct curl_slist **headers)
{
    const struct td_access *a = req->access;
    if (!a)
        return false;
    bool proxied = access_proxy(req), home = access_is_home(req);
    bool own_trust = home && (a->ca_file || a->tls_pin || a->client_cert);
    if (proxied)
        set_proxy(easy, a);
    if (home) {
        set_trust(easy, a);
        set_credentials(easy, a, headers);
    }
    if (own_trust)
        curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    if (proxied || own_trust || a->n_allow)
        keep_apart(easy);
    return home && a->cookie_file;
}

/* ---- the guard behind a proxy --------------------------------------------------------------- */

/* The host of URL as an address in text, NULL = a name. "[...]" is taken off. */
static char *literal(const char *url)
{
    CLEANUP_FREE char *host = outcome_host(url);
    unsigned char a[16];
    size_t n = strlen(host);
    if (n > 2 && *host == '[')
        return xstrndup(host + 1, n - 2);
    return inet_pton(AF_INET, host, a) == 1 ? TAKE(host) : NULL;
}

const char *access_refuses_target(const struct cidr *allow, size_t n_allow, const char *url)
{
    CLEANUP_FREE char *ip = literal(url);
    if (ip)
        return guard_refuses_text(allow, n_allow, ip);
    CLEANUP_FREE char *host = outcome_host(url);
    size_t n = strlen(host);
    if (n && host[n - 1] == '.')
        host[--n] = 0;
    bool local = str_caseeq(host, "localhost") ||
                 (n > 10 && str_caseeq(host + n - 10, ".localhost")); /* RFC 6761 6.3 */
    return local ? guard_refuses_text(allow, n_allow, "127.0.0.1") : NULL;
}

bool access_names_address(const char *proxy, const char *ip)
{
    CLEANUP_FREE char *own = literal(proxy);
    unsigned char a[16], b[16];
    int family = own && strchr(own, ':') ? AF_INET6 : AF_INET;
    return own && inet_pton(family, own, a) == 1 && inet_pton(family, ip, b) == 1 &&
           memcmp(a, b, family == AF_INET6 ? 16 : 4) == 0;
}
