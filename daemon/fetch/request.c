/* The way of one hop over http or https: its name is looked up, curl has it, it is judged. */
#include "fetch/hop.h"

#include <arpa/inet.h>
#include <netdb.h>

#include "base/mem.h"
#include "base/str.h"
#include "fetch/access.h"
#include "fetch/guard.h"
#include "fetch/outcome.h"
#include "fetch/record.h"

/* Hands the request to curl, with the addresses found (NULL: the URL names one itself). */
static void run(struct hop *p, const char *addresses)
{
    struct fetcher *f = p->base.fetcher;
    p->easy = fetcher_take_easy(f);
    hop_set(p, addresses);
    CURLMcode r = curl_multi_add_handle(f->multi, p->easy);
    if (r != CURLM_OK)
        fetch_fail(&p->base, TD_OUT_PROTOCOL, "libcurl: %s", curl_multi_strerror(r));
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

/* A server that ends an HTTP/2 connection says which requests it has not looked at; curl 7.88 fails
 * those. Asks once more, over another connection (RFC 9113 6.8); false: not for this end. */
static bool asks_again(struct hop *p, CURLcode code)
{
    CURLM *multi = p->base.fetcher->multi;
    const struct td_request *req = p->base.req;
    int64_t left_ms = req->timeout_ms - (clock_mono_ms() - p->base.started_ms);
    if (code != CURLE_HTTP2 || p->head.status || req->post || req->replay ||
        p->n_sent >= LIMIT_SENDS || left_ms <= 0)
        return false;
    curl_multi_remove_handle(multi, p->easy);
    curl_easy_setopt(p->easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
    return curl_multi_add_handle(multi, p->easy) == CURLM_OK;
}

void hop_done(CURL *easy, CURLcode code)
{
    struct hop *p;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &p);
    if (asks_again(p, code))
        return;
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
    const struct td_access *access = p->base.req->access;
    x.tls_verified = !p->base.req->replay &&
                     !(access && access->tls_pin && access_is_home(p->base.req));
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
    for (size_t i = 0; p->base.req->wanted && i < TD_WANTED; i++)
        r->wanted[i] = head_dup(&p->head, p->base.req->wanted[i]);
    fetch_finish(&p->base);
}

static void hop_stop(struct fetch *h)
{
    struct hop *p = (struct hop *)h;
    struct fetcher *f = h->fetcher;
    ev_timer_stop(f->loop, &p->lookup_timer);
    if (p->lookup)
        lookup_cancel(p->lookup);
    if (p->easy)
        curl_multi_remove_handle(f->multi, p->easy);
    hop_unset(p);
    if (p->easy && p->single_use)
        curl_easy_cleanup(p->easy);
    else if (p->easy)
        fetcher_give_easy(f, p->easy, p->altered);
    replay_free(p->replay);
    gunzip_free(p->gunzip);
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

/* The same for what the URL says, behind a proxy. */
static const char *refuses_target(const struct hop *p)
{
    const struct fetcher *f = p->base.fetcher;
    const struct td_request *req = p->base.req;
    const char *no = access_refuses_target(f->allow, f->n_allow, req->url);
    return no && req->n_allow ? access_refuses_target(req->allow, req->n_allow, req->url) : no;
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
                   strchr("aeiouI", *no) ? "n" : "", no);
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
    p->lookup = resolver_ask(resolver, p->host, h->req->standing, on_resolved, p);
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
