/* One hop over http or https: the options, the header lines, what curl hands over on the way. */
#include "fetch/fetcher.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "fetch/access.h"
#include "fetch/guard.h"
#include "fetch/gunzip.h"
#include "fetch/head.h"
#include "fetch/outcome.h"
#include "fetch/record.h"

#define ACCEPT                                                                             \
    "Accept: application/atom+xml, application/rss+xml, application/feed+json, "           \
    "application/rdf+xml, application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, " \
    "text/html;q=0.5, */*;q=0.1"

/* A pooled connection is closed when it was idle this long, or is this old (FETCHING g). */
#define CONNECTION_IDLE_S 118L
#define CONNECTION_LIFE_S 600L
/* How long curl itself keeps the addresses that a request was given: until it connects. resolve.h
 * remembers names; curl walks through all that it keeps several times a transfer (at 8,000 hosts:
 * half of the daemon's time). An address in the URL need not be kept at all. */
#define NAMES_KEPT_S 3L
/* A connection that was open already may turn out dead; curl then sends the request over the next
 * one, and over all it has. A server that hangs up on the request itself has not earned that. */
#define SENDS      2
#define CA_STORE_S 3600L /* how long the parsed CA bundle is used before it is read again */

struct hop {
    struct fetch base;
    struct lookup *lookup; /* while the name is looked up */
    ev_timer lookup_timer;
    char *host; /* lower case, as curl will look for it; NULL = an address */
    char *port;
    CURL *easy; /* while curl has it */
    struct curl_slist *headers, *resolve;
    struct head head;
    struct gunzip *gunzip; /* the body's coding is ours to decode; made when it begins */
    char curl_error[CURL_ERROR_SIZE];
    bool conditional, delta, too_large, bad_coding;
    bool single_use;       /* EASY is not for use again */
    struct replay *replay; /* the other side, when the answer is a recorded one */
    int n_sockets;         /* addresses that were let pass */
    int n_sent;            /* times the request went out */
    const char *refused;   /* the guard's word for the last one that was not */
    char refused_ip[INET6_ADDRSTRLEN];
};

/* ---- what curl hands over ------------------------------------------------------------------- */

/* Is gzip the body's one and only coding? */
static bool is_gzip(const struct head *h)
{
    CLEANUP_FREE char *coding = head_join(h, "Content-Encoding");
    return coding && (str_caseeq(coding, "gzip") || str_caseeq(coding, "x-gzip"));
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct hop *p = ctx;
    if (head_line(&p->head, line, n * size) < 0)
        return 0;
    if (head_is_final(&p->head) && is_gzip(&p->head)) /* see gunzip.h */
        curl_easy_setopt(p->easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    return n * size;
}

static bool wants_body(const struct hop *p)
{
    return !p->base.req->post &&
           (p->head.status == 200 || p->head.status == 203 || (p->head.status == 226 && p->delta));
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

/* The same for what the URL says, behind a proxy. */
static const char *refuses_target(const struct hop *p)
{
    const struct fetcher *f = p->base.fetcher;
    const struct td_request *req = p->base.req;
    const char *no = access_refuses_target(f->allow, f->n_allow, req->url);
    return no && req->n_allow ? access_refuses_target(req->allow, req->n_allow, req->url) : no;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct hop *p = ctx;
    const char *proxy = access_proxy(p->base.req);
    const char *no = refuses(p, &a->addr, NULL);
    char ip[INET6_ADDRSTRLEN] = "";
    getnameinfo(&a->addr, a->addrlen, ip, sizeof ip, NULL, 0, NI_NUMERICHOST);
    if (no && !(proxy && access_names_address(proxy, ip))) {
        p->refused = no;
        memcpy(p->refused_ip, ip, sizeof ip);
        return CURL_SOCKET_BAD;
    }
    p->n_sockets++;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* Before each request, also on a connection that was open already: the allow-list may be another
 * one than when it was made (FETCHING L3). */
static int on_prereq(void *ctx, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct hop *p = ctx;
    const char *proxy = access_proxy(p->base.req);
    const char *no = refuses(p, NULL, remote_ip);
    if (!no || (proxy && access_names_address(proxy, remote_ip)))
        return p->n_sent++ < SENDS ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
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
    curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->post_bytes);
    curl_easy_setopt(p->easy, CURLOPT_POSTFIELDS, req->post);
    p->headers = curl_slist_append(p->headers, p->base.fetcher->user_agent);
    curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->headers);
    /* Who takes a message may think for as long as `timeout` allows. */
    curl_easy_setopt(p->easy, CURLOPT_LOW_SPEED_TIME, 0L);
}

static void set_headers(struct hop *p)
{
    const struct td_request *req = p->base.req;
    const struct fetcher *f = p->base.fetcher;
    /* As lines of ours: what is an option to curl it prints twice, byte by byte (a tenth of the
     * processor time of a poll). */
    p->headers = curl_slist_append(NULL, f->user_agent);
    p->headers = curl_slist_append(p->headers, ACCEPT);
    p->headers = curl_slist_append(p->headers, f->accept_encoding);
    bool etag = add_validator(p, "If-None-Match", req->etag);
    bool date = add_validator(p, "If-Modified-Since", req->last_modified);
    p->conditional = etag || date;
    if (etag) { /* RFC 3229: the items since then are enough */
        p->headers = curl_slist_append(p->headers, "A-IM: feed");
        p->delta = true;
    }
    p->single_use = access_set(p->easy, req, &p->headers);
    curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->headers);
    curl_easy_setopt(p->easy, CURLOPT_ACCEPT_ENCODING, ""); /* decode all that it can */
}

/* FETCHING L1, L2: nothing is followed, guessed or taken from the environment. */
static void set_protocol(struct hop *p)
{
    CURL *e = p->easy;
    curl_easy_setopt(e, CURLOPT_URL, p->base.req->url);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, p->base.req->shares_host ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(e, CURLOPT_UNRESTRICTED_AUTH, 0L);
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
}

/* A CA folder as Debian sets it makes curl parse the whole bundle for every connection (20 ms);
 * with the bundle file alone the parsed store stays in the multi handle (1.5 ms). */
static void set_tls(struct hop *p)
{
    const struct fetcher *f = p->base.fetcher;
    curl_easy_setopt(p->easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(p->easy, CURLOPT_CA_CACHE_TIMEOUT, CA_STORE_S);
    /* Over http too: a handle makes a cache of its own where it has no share, and 7.88 forgets to
     * free that when it is given one. */
    curl_easy_setopt(p->easy, CURLOPT_SHARE, fetcher_sessions(p->base.fetcher, p->base.req->url));
    if (f->ca_file)
        curl_easy_setopt(p->easy, CURLOPT_CAINFO, f->ca_file);
}

static void set_limits(struct hop *p)
{
    CURL *e = p->easy;
    const struct td_request *req = p->base.req;
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)req->timeout_ms);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)MIN(req->timeout_ms, (int64_t)LIMIT_CONNECT_MS));
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)LIMIT_SLOW_BYTES_PER_S);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)LIMIT_SLOW_S);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, CONNECTION_IDLE_S);
    curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFE_S);
}

static void set_callbacks(struct hop *p)
{
    CURL *e = p->easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, p);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, p->curl_error);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, p);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, p);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, p);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, p);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_prereq);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, p);
}

/* Hands the request to curl, with the addresses found (NULL: the URL names one itself). */
static void run(struct hop *p, const char *addresses)
{
    struct fetcher *f = p->base.fetcher;
    p->easy = fetcher_take_easy(f);
    set_protocol(p);
    set_tls(p);
    set_limits(p);
    set_callbacks(p);
    if (p->base.req->post)
        set_post(p);
    else
        set_headers(p);
    if (p->base.req->record)
        record_set(p->easy, p->base.req->record);
    if (p->base.req->replay)
        p->replay = replay_new(f->loop, p->base.req->replay, p->easy);
    curl_easy_setopt(p->easy, CURLOPT_DNS_CACHE_TIMEOUT, addresses ? NAMES_KEPT_S : 0L);
    if (addresses) {
        CLEANUP_FREE char *entry = xasprintf("+%s:%s:%s", p->host, p->port, addresses);
        p->resolve = curl_slist_append(NULL, entry);
        curl_easy_setopt(p->easy, CURLOPT_RESOLVE, p->resolve);
    }
    CURLMcode r = curl_multi_add_handle(f->multi, p->easy);
    if (r != CURLM_OK) {
        fetcher_give_easy(f, TAKE(p->easy));
        fetch_fail(&p->base, TD_OUT_PROTOCOL, "libcurl: %s", curl_multi_strerror(r));
    }
}

/* The lowest of the addresses of a name: the same in whatever order they come. */
static void lowest(const char *addresses, char *buf, size_t size)
{
    size_t best = 0;
    *buf = 0;
    for (const char *a = addresses; *a;) {
        size_t n = strcspn(a, ",");
        int order = best ? strncmp(a, buf, MIN(n, best)) : -1;
        if (n < size && (order < 0 || (order == 0 && n < best))) {
            memcpy(buf, a, n);
            buf[n] = 0;
            best = n;
        }
        a += n + (a[n] == ',');
    }
}

/* The name is known: may its server be asked now? */
static void run_at(struct hop *p, const char *addresses)
{
    const struct td_request *req = p->base.req;
    char address[INET6_ADDRSTRLEN + 16];
    if (req->admit && !access_proxy(req)) { /* behind a proxy its address is not known */
        lowest(addresses, address, INET6_ADDRSTRLEN + 2);
        size_t n = strlen(address);
        snprintf(address + n, sizeof address - n, ":%s", p->port);
        if (n && !req->admit(req->admit_ctx, address)) {
            fetch_fail(&p->base, TD_OUT_NONE, "its server has no room now");
            return;
        }
    }
    run(p, addresses);
}

void hop_done(CURL *easy, CURLcode code)
{
    struct hop *p;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &p);
    struct td_result *r = &p->base.result;
    struct exchange x = {
        .code = code,
        .head = &p->head,
        .url = p->base.req->url,
        .curl_error = p->curl_error,
        .now_ms = clock_now_ms(),
        .timeout_ms = p->base.req->timeout_ms,
        .max_body_bytes = p->base.req->max_body_bytes,
        .post = p->base.req->post,
        .conditional = p->conditional,
        .delta = p->delta,
        .cut_coding = p->gunzip && !p->bad_coding && !gunzip_complete(p->gunzip),
        .too_large = p->too_large,
        .refused = p->n_sockets ? NULL : p->refused,
        .refused_ip = p->refused_ip,
        .proxy = access_proxy(p->base.req),
    };
    bool bound = td_access_is_bound(p->base.req->access);
    bool home = bound && access_is_home(p->base.req);
    x.bound_to = bound && !home ? p->base.req->access_url : NULL;
    x.let_in = bound && home;
    long os_errno = 0, header_bytes = 0, version = 0;
    curl_off_t body_bytes = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_errno);
    curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &header_bytes);
    curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &body_bytes);
    x.os_errno = (int)os_errno;
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    r->multiplexed = version == CURL_HTTP_VERSION_2_0;
    r->wire_bytes = (uint64_t)header_bytes + (uint64_t)body_bytes;
    if (p->base.req->replay)
        replay_end(p->base.req->replay, &x);
    if (p->base.req->record)
        record_end(easy, p->base.req->record, &x);
    outcome_judge(r, &x);
    fetch_finish(&p->base);
}

static void hop_stop(struct fetch *h)
{
    struct hop *p = (struct hop *)h;
    struct fetcher *f = h->fetcher;
    ev_timer_stop(f->loop, &p->lookup_timer);
    if (p->lookup)
        lookup_cancel(p->lookup);
    if (p->easy) {
        curl_multi_remove_handle(f->multi, p->easy);
        if (p->single_use)
            curl_easy_cleanup(p->easy);
        else
            fetcher_give_easy(f, p->easy);
    }
    replay_free(p->replay);
    gunzip_free(p->gunzip);
    curl_slist_free_all(p->headers);
    curl_slist_free_all(p->resolve);
    head_fini(&p->head);
    free(p->host);
    free(p->port);
}

/* ---- the name first ------------------------------------------------------------------------- */

static void on_resolved(void *ctx, int error, const char *addresses)
{
    struct hop *p = ctx;
    p->lookup = NULL;
    ev_timer_stop(p->base.fetcher->loop, &p->lookup_timer);
    const char *proxy = access_proxy(p->base.req);
    if (!error)
        run_at(p, addresses);
    else if (proxy)
        fetch_fail(&p->base, TD_OUT_DNS_TEMP, "the address of the proxy %s cannot be found: %s",
                   proxy, gai_strerror(error));
    else if (error == EAI_NONAME || error == EAI_NODATA)
        fetch_fail(&p->base, TD_OUT_DNS, "there is no host %s", p->host);
    else
        fetch_fail(&p->base, TD_OUT_DNS_TEMP, "the address of %s could not be looked up: %s",
                   p->host, gai_strerror(error));
}

/* Only the time a thread spends on the name counts, not the wait for a thread. */
static void on_lookup_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
    struct hop *p = t->data;
    int64_t limit_ms = MIN((int64_t)LIMIT_CONNECT_MS, p->base.req->timeout_ms);
    int64_t left_ms = limit_ms - MAX(lookup_running_ms(p->lookup), (int64_t)0);
    if (left_ms <= 0) {
        char text[32];
        fetch_fail(&p->base, TD_OUT_DNS_TEMP, "no name server told the address of %s within %s",
                   p->host, str_duration(text, sizeof text, limit_ms));
        return;
    }
    ev_timer_set(t, (double)left_ms / 1000., 0.);
    ev_timer_start(loop, t);
}

static bool is_address(const char *host)
{
    unsigned char a[16];
    return *host == '[' || inet_pton(AF_INET, host, a) == 1;
}

/* The same for what most addresses are, without curl: a host of letters that is no address in any
 * notation, or four plain numbers. False: something else. */
static bool split_plain(struct hop *p)
{
    const char *url = p->base.req->url, *scheme_end = strstr(url, "://");
    const char *host = scheme_end + 3;
    char text[256];
    unsigned char a[16];
    if (access_proxy(p->base.req))
        return false;
    size_t n = strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-."), m;
    size_t digits = host[n] == ':' ? strspn(host + n + 1, "0123456789") : 0;
    m = host[n] == ':' ? n + 1 + digits : n;
    if (n == 0 || n >= sizeof text || (host[m] && !strchr("/?#", host[m])) || digits > 5 ||
        (host[n] == ':' && !digits) || strchr("/?#", *host))
        return false;
    memcpy(text, host, n);
    text[n] = 0;
    if (inet_pton(AF_INET, text, a) == 1)
        return true;
    if (!text[strcspn(text, "ghijklmnopqrstuvwyz")] || text[n - 1] == '.')
        return false; /* may be an address in hexadecimal */
    p->host = xstrdup(text);
    p->port = digits ? xstrndup(host + n + 1, digits)
                     : xstrdup(str_casestarts(url, "https") ? "443" : "80");
    return true;
}

/* Reads host and port of the URL, or of the proxy, the way curl will. Not an error when that fails:
 * curl will say why. */
static bool split_url(struct hop *p)
{
    if (split_plain(p))
        return p->host;
    CURLU *u = curl_url();
    char *host = NULL, *port = NULL;
    const char *proxy = access_proxy(p->base.req);
    unsigned flags = proxy ? CURLU_NON_SUPPORT_SCHEME : 0;
    bool ok = u &&
              curl_url_set(u, CURLUPART_URL, proxy ? proxy : p->base.req->url, flags) ==
                  CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &host, CURLU_PUNYCODE) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (ok && !is_address(host)) {
        p->host = xstrdup(host);
        p->port = xstrdup(port);
        for (char *c = p->host; *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c += 'a' - 'A';
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return p->host != NULL;
}

void hop_start(struct fetch *h)
{
    struct hop *p = (struct hop *)h;
    const char *url = h->req->url;
    struct resolver *resolver = h->fetcher->resolver;
    if (h->req->replay) {
        run(p, NULL);
        return;
    }
    if (!str_casestarts(url, "http://") && !str_casestarts(url, "https://")) {
        fetch_fail(h, TD_OUT_REFUSED, "only http and https addresses are fetched");
        return;
    }
    if (strlen(url) > LIMIT_URL_BYTES) {
        fetch_fail(h, TD_OUT_REFUSED, "the address has %zu bytes; at most %d are allowed",
                   strlen(url), LIMIT_URL_BYTES);
        return;
    }
    const char *no = access_proxy(h->req) ? refuses_target(p) : NULL;
    if (no) {
        fetch_fail(h, TD_OUT_REFUSED,
                   "the address names a%s %s host, which allow-addresses does not allow",
                   strchr("aeiou", *no) ? "n" : "", no);
        return;
    }
    if (!split_url(p)) {
        run(p, NULL);
        return;
    }
    const char *known = resolver_known(resolver, p->host);
    if (known) {
        run_at(p, known);
        return;
    }
    p->lookup = resolver_ask(resolver, p->host, h->req->doubtful, on_resolved, p);
    ev_timer_set(&p->lookup_timer, 0.001 * MIN(LIMIT_CONNECT_MS, (double)h->req->timeout_ms), 0.);
    ev_timer_start(h->fetcher->loop, &p->lookup_timer);
}

struct fetch *hop_new(void)
{
    struct hop *p = xcalloc(1, sizeof *p);
    p->base.stop = hop_stop;
    ev_init(&p->lookup_timer, on_lookup_timer);
    p->lookup_timer.data = p;
    head_init(&p->head);
    return &p->base;
}
