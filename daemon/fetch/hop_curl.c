/* What curl is told of a hop, and what it hands over on the way. */
#include "fetch/hop.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>

#include "base/mem.h"
#include "base/str.h"
#include "fetch/access.h"
#include "fetch/guard.h"
#include "fetch/record.h"

static char accept_line[] =
    "Accept: application/atom+xml, application/rss+xml, application/feed+json, "
    "application/rdf+xml, application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, "
    "text/html;q=0.5, */*;q=0.1";

/* How long curl itself keeps the addresses that a request was given: until it connects. resolve.h
 * remembers names; curl walks through all that it keeps several times a transfer (at 8,000 hosts:
 * half of the daemon's time). An address in the URL need not be kept at all. */
#define NAMES_KEPT_S 3L
#define CA_STORE_S   3600L /* how long the parsed CA bundle is used before it is read again */

/* ---- what curl hands over ------------------------------------------------------------------- */

/* Is gzip the body's one and only coding? */
static bool is_gzip(const struct head *h)
{
    CLEANUP_FREE char *coding = head_join(h, "Content-Encoding");
    return coding && (str_caseeq(coding, "gzip") || str_caseeq(coding, "x-gzip"));
}

static bool wants_body(const struct hop *p)
{
    return !p->base.req->post &&
           (p->head.status == 200 || p->head.status == 203 || (p->head.status == 226 && p->delta));
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct hop *p = ctx;
    if (head_line(&p->head, line, n * size) < 0)
        return 0;
    if (head_is_final(&p->head) && is_gzip(&p->head)) { /* see gunzip.h */
        curl_easy_setopt(p->easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
        p->altered = true;
    }
    bool read = !head_is_final(&p->head) || !wants_body(p) ||
                head_count(&p->head, "Content-Encoding") <= LIMIT_CODINGS;
    return read ? n * size : 0;
}

static int add_body(struct hop *p, const char *data, size_t n)
{
    struct buf *body = &p->base.result.body;
    /* A curl that decoded it in spite of the option hands over a document, which never begins so.
     */
    if (!p->gunzip && !body->len && n && *data == 0x1f && is_gzip(&p->head))
        p->gunzip = gunzip_new();
    return p->gunzip ? gunzip_add(p->gunzip, data, n, body) : buf_add(body, data, n);
}

/* The body of a redirect or an error is only read to keep the connection. */
static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct hop *p = ctx;
    int r = wants_body(p) ? add_body(p, data, n * size) : 0;
    p->bad_coding = r == -EBADMSG;
    p->too_large = r < 0 && !p->bad_coding;
    return r < 0 ? 0 : n * size;
}

/* Bytes on the wire, announced and received, before decoding: a coding can have empty blocks, and
 * an error page no end. (MAXFILESIZE would lose an error's status.) */
static int on_progress(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now)
{
    struct hop *p = ctx;
    size_t max = wants_body(p) ? p->base.req->max_body_bytes : LIMIT_ERROR_BODY_BYTES;
    if ((uint64_t)MAX(now, total) <= max)
        return 0;
    p->too_large = true;
    return 1;
}

/* The guard's word, unless the fetcher's list or the request's own names the address. */
static const char *refuses(const struct hop *p, const struct sockaddr *sa, const char *ip)
{
    const struct fetcher *f = p->base.fetcher;
    const struct td_request *req = p->base.req;
    const char *no = sa ? guard_refuses_sockaddr(f->allow, f->n_allow, sa)
                        : guard_refuses_text(f->allow, f->n_allow, ip);
    if (no && req->n_allow)
        no = sa ? guard_refuses_sockaddr(req->allow, req->n_allow, sa)
                : guard_refuses_text(req->allow, req->n_allow, ip);
    return no;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct hop *p = ctx;
    const char *proxy = access_proxy(p->base.req);
    const char *no = refuses(p, &a->addr, NULL);
    if (no) {
        char ip[INET6_ADDRSTRLEN] = "";
        getnameinfo(&a->addr, a->addrlen, ip, sizeof ip, NULL, 0, NI_NUMERICHOST);
        if (!proxy || !access_names_address(proxy, ip)) {
            p->refused = no;
            memcpy(p->refused_ip, ip, sizeof ip);
            return CURL_SOCKET_BAD;
        }
    }
    p->n_sockets++;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* Before each request, also on a connection that was open already: the allow-list may be another
 * one than when it was made (FETCHING L3). A connection that was open may turn out dead; curl then
 * sends the request over the next one, and over all it has. A server that hangs up on the request
 * itself has not earned that. */
static int on_prereq(void *ctx, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct hop *p = ctx;
    const char *proxy = access_proxy(p->base.req);
    const char *no = refuses(p, NULL, remote_ip);
    if (!no || (proxy && access_names_address(proxy, remote_ip)))
        return p->n_sent++ < LIMIT_SENDS ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
    p->refused = no;
    p->n_sockets = 0;
    snprintf(p->refused_ip, sizeof p->refused_ip, "%s", remote_ip);
    return CURL_PREREQFUNC_ABORT;
}

/* ---- the request ---------------------------------------------------------------------------- */

/* Adds "NAME: VALUE" with the value's very bytes; a value that could start another header line is
 * not sent (FETCHING L14). */
static bool add_validator(struct hop *p, const char *name, const char *value)
{
    if (str_empty(value) || value[strcspn(value, "\r\n")])
        return false;
    CLEANUP_FREE char *line = xasprintf("%s: %s", name, value);
    p->headers = curl_slist_append(p->headers, line);
    return true;
}

static void set_post(struct hop *p)
{
    const struct td_request *req = p->base.req;
    p->headers = curl_slist_append(NULL, "Accept: */*");
    p->headers = curl_slist_append(p->headers, "Expect:"); /* small, and no server need wait */
    for (const char *const *h = req->headers; h && *h; h++)
        if (!(*h)[strcspn(*h, "\r\n")])
            p->headers = curl_slist_append(p->headers, *h);
    p->single_use = access_set(p->easy, req, &p->headers);
    p->altered = true;
    if (req->options) {
        curl_easy_setopt(p->easy, CURLOPT_CUSTOMREQUEST, "OPTIONS");
    } else {
        curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->post_bytes);
        curl_easy_setopt(p->easy, CURLOPT_POSTFIELDS, req->post);
    }
    p->headers = curl_slist_append(p->headers, p->base.fetcher->user_agents->data);
    /* Who takes a message may think for as long as `timeout` allows. */
    curl_easy_setopt(p->easy, CURLOPT_LOW_SPEED_TIME, 0L);
}

/* As lines of ours: what is an option to curl it prints twice, byte by byte (a tenth of the
 * processor time of a poll). */
static void set_common(struct hop *p)
{
    const struct fetcher *f = p->base.fetcher;
    char *const lines[ARRAY_SIZE(p->common)] = {f->user_agents->data, accept_line,
                                                f->accept_encoding};
    for (size_t i = 0; i < ARRAY_SIZE(p->common); i++)
        p->common[i] = (struct curl_slist){
            lines[i], i + 1 < ARRAY_SIZE(p->common) ? &p->common[i + 1] : NULL};
    p->headers = p->common;
}

static void set_headers(struct hop *p)
{
    const struct td_request *req = p->base.req;
    set_common(p);
    bool etag = add_validator(p, "If-None-Match", req->etag);
    bool date = add_validator(p, "If-Modified-Since", req->last_modified);
    p->conditional = etag || date;
    if (etag) { /* RFC 3229: the items since then are enough */
        p->headers = curl_slist_append(p->headers, "A-IM: feed");
        p->delta = true;
    }
    p->single_use = access_set(p->easy, req, &p->headers);
    p->altered = req->access != NULL;
}

/* FETCHING L1, L2: nothing is followed, guessed or taken from the environment. */
static void dress_protocol(CURL *e)
{
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(e, CURLOPT_UNRESTRICTED_AUTH, 0L);
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, ""); /* decode all that it can */
}

/* A CA folder as Debian sets it makes curl parse the whole bundle for every connection (20 ms);
 * with the bundle file alone the parsed store stays in the multi handle (1.5 ms). */
static void dress_tls(CURL *e)
{
    curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, CA_STORE_S);
}

static void dress_limits(CURL *e)
{
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)LIMIT_SLOW_BYTES_PER_S);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)LIMIT_SLOW_S);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)LIMIT_CONNECTION_IDLE_S);
    curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)LIMIT_CONNECTION_LIFE_S);
}

void hop_dress(CURL *e)
{
    dress_protocol(e);
    dress_tls(e);
    dress_limits(e);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_prereq);
}

static void set_self(struct hop *p)
{
    CURL *e = p->easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, p);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, p->curl_error);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, p);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, p);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, p);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, p);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, p);
}

static void set_addresses(struct hop *p, const char *addresses)
{
    curl_easy_setopt(p->easy, CURLOPT_DNS_CACHE_TIMEOUT, addresses ? NAMES_KEPT_S : 0L);
    if (!addresses)
        return;
    CLEANUP_FREE char *entry = xasprintf("+%s:%s:%s", p->host, p->port, addresses);
    p->resolve = curl_slist_append(NULL, entry);
    curl_easy_setopt(p->easy, CURLOPT_RESOLVE, p->resolve);
}

void hop_set(struct hop *p, const char *addresses)
{
    CURL *e = p->easy;
    const struct td_request *req = p->base.req;
    const struct fetcher *f = p->base.fetcher;
    curl_easy_setopt(e, CURLOPT_URL, req->url);
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, req->shares_host ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)req->timeout_ms);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)MIN(req->timeout_ms, (int64_t)LIMIT_CONNECT_MS));
    /* Over http too: a handle makes a cache of its own where it has no share, and 7.88 forgets to
     * free that when it is given one. */
    curl_easy_setopt(e, CURLOPT_SHARE, fetcher_sessions(p->base.fetcher, req->url));
    if (f->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, f->ca_file);
    set_self(p);
    if (req->post)
        set_post(p);
    else
        set_headers(p);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, p->headers);
    if (req->record)
        record_set(e, req->record);
    if (req->replay)
        p->replay = replay_new(f->loop, req->replay, e);
    p->altered = p->altered || req->record || req->replay;
    set_addresses(p, addresses);
}

void hop_unset(struct hop *p)
{
    if (p->easy) {
        curl_easy_setopt(p->easy, CURLOPT_ERRORBUFFER, NULL);
        curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, NULL);
        curl_easy_setopt(p->easy, CURLOPT_RESOLVE, NULL);
    }
    struct curl_slist *common_end = &p->common[ARRAY_SIZE(p->common) - 1];
    curl_slist_free_all(p->headers == p->common ? common_end->next : p->headers);
    curl_slist_free_all(p->resolve);
}
