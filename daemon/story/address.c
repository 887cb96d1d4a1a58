#include "story/address.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/tracking.h"

struct part {
    const char *p;
    size_t n;
};
struct address {
    struct part host, path, query;
};

static struct part cut(struct part s, size_t at)
{
    return (struct part){s.p + at, s.n - at};
}

static bool starts(struct part s, const char *prefix)
{
    return s.n >= strlen(prefix) && strncasecmp(s.p, prefix, strlen(prefix)) == 0;
}

static bool ends(struct part s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.n >= n && strncasecmp(s.p + s.n - n, suffix, n) == 0;
}

static bool is(struct part s, const char *text)
{
    return s.n == strlen(text) && starts(s, text);
}

/* Splits what stands behind "scheme://". */
static struct address split(struct part rest)
{
    struct address a = {0};
    const char *hash = memchr(rest.p, '#', rest.n);
    if (hash && !(hash + 1 < rest.p + rest.n && hash[1] == '!')) /* "#!": a page of its own */
        rest.n = (size_t)(hash - rest.p);
    size_t host = 0, path;
    while (host < rest.n && !strchr("/?#", rest.p[host]))
        host++;
    for (path = host; path < rest.n && rest.p[path] != '?'; path++)
        ;
    a.host = (struct part){rest.p, host};
    a.path = (struct part){rest.p + host, path - host};
    if (path < rest.n)
        a.query = cut(rest, path + 1);
    const char *at = memrchr(a.host.p, '@', a.host.n);
    if (at)
        a.host = cut(a.host, (size_t)(at + 1 - a.host.p));
    return a;
}

static bool is_amp_parameter(struct part p)
{
    return is(p, "amp") || starts(p, "amp=") || is(p, "outputType=amp") || is(p, "mode=amp") ||
           is(p, "m=1") || is(p, "mobile=1") || is(p, "noamp=mobile");
}

/* Walks the parameters of a query: false at the end. */
static bool next_parameter(struct part *query, struct part *ret)
{
    if (!query->n)
        return false;
    const char *amp = memchr(query->p, '&', query->n);
    size_t n = amp ? (size_t)(amp - query->p) : query->n;
    *ret = (struct part){query->p, n};
    *query = cut(*query, n + (amp != NULL));
    return true;
}

static void add_decoded(struct buf *out, struct part s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '%' && i + 2 < s.n && str_hex(s.p[i + 1]) >= 0 && str_hex(s.p[i + 2]) >= 0) {
            buf_addc(out, (char)(str_hex(s.p[i + 1]) * 16 + str_hex(s.p[i + 2])));
            i += 2;
        } else {
            buf_addc(out, s.p[i]);
        }
}

/* Where a redirector says that it leads to, decoded into OUT; false when it does not say. */
static bool target(const struct address *a, struct buf *out)
{
    static const struct {
        const char *host, *path;
    } known[] = {{"www.google.com", "/url"},
                 {"news.google.com", "/news/url"},
                 {"l.facebook.com", "/l.php"},
                 {"www.youtube.com", "/redirect"},
                 {"out.reddit.com", "/"},
                 {"t.umblr.com", "/redirect"},
                 {"www.bing.com", "/news/apiclick.aspx"},
                 {"go.redirectingat.com", "/"}};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        struct part query = a->query, p;
        if (!is(a->host, known[i].host) || !is(a->path, known[i].path))
            continue;
        while (next_parameter(&query, &p)) {
            size_t key = starts(p, "url=")                                       ? 4
                         : starts(p, "u=") || starts(p, "q=") || starts(p, "z=") ? 2
                                                                                 : 0;
            if (!key)
                continue;
            add_decoded(out, cut(p, key));
            return str_casestarts(buf_str(out), "http://") ||
                   str_casestarts(buf_str(out), "https://");
        }
    }
    return false;
}

/* An AMP cache keeps the page's own address in its path: "/amp/s/HOST/PATH", "/c/s/HOST/PATH". */
static void leave_cache(struct address *a)
{
    bool google = ends(a->host, "google.com") && starts(a->path, "/amp/");
    bool project = ends(a->host, ".cdn.ampproject.org");
    if (!google && !project)
        return;
    const char *second = memchr(a->path.p + 1, '/', a->path.n - 1);
    if (!second)
        return;
    struct part rest = cut(a->path, (size_t)(second + 1 - a->path.p));
    if (starts(rest, "s/"))
        rest = cut(rest, 2);
    struct address inner = split(rest);
    inner.query = a->query;
    *a = inner;
}

static void trim_host(struct part *host)
{
    static const char *const prefixes[] = {"www.", "m.", "mobile.", "amp.", "mobil."};
    const char *colon = memrchr(host->p, ':', host->n);
    if (colon && (is(cut(*host, (size_t)(colon - host->p)), ":80") ||
                  is(cut(*host, (size_t)(colon - host->p)), ":443")))
        host->n = (size_t)(colon - host->p);
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        struct part rest = cut(*host, MIN(strlen(prefixes[i]), host->n));
        if (starts(*host, prefixes[i]) && memchr(rest.p, '.', rest.n))
            *host = rest;
    }
}

static void trim_path(struct part *path)
{
    static const char *const suffixes[] = {"/", "/amp", "/index.html", "/index.htm", "/index.php"};
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
            if (ends(*path, suffixes[i])) {
                path->n -= strlen(suffixes[i]);
                again = true;
            }
    }
    if (starts(*path, "/amp/"))
        *path = cut(*path, 4);
}

static void add_path(struct buf *out, struct part path)
{
    if (ends(path, ".amp.html") || ends(path, ".amp.htm")) {
        const char *dot = path.p + path.n - (ends(path, ".amp.html") ? 9 : 8);
        buf_add(out, path.p, (size_t)(dot - path.p));
        buf_adds(out, ".html");
    } else if (ends(path, ".amp")) {
        buf_add(out, path.p, path.n - 4);
    } else {
        buf_add(out, path.p, path.n);
    }
}

static void add_query(struct buf *out, struct part query)
{
    char before = '?';
    struct part p;
    while (next_parameter(&query, &p)) {
        if (!p.n || is_amp_parameter(p) || url_is_tracking(p.p, p.n))
            continue;
        buf_addc(out, before);
        buf_add(out, p.p, p.n);
        before = '&';
    }
}

static int add_address(struct buf *out, const char *url, int redirects)
{
    size_t scheme = str_casestarts(url, "https://") ? 8 : str_casestarts(url, "http://") ? 7 : 0;
    CLEANUP_BUF struct buf there = BUF_INIT(LIMIT_URL_BYTES);
    if (!scheme)
        return 0;
    struct address a = split((struct part){url + scheme, strlen(url) - scheme});
    if (redirects > 0 && target(&a, &there))
        return add_address(out, buf_str(&there), redirects - 1);
    leave_cache(&a);
    trim_host(&a.host);
    trim_path(&a.path);
    size_t from = out->len;
    for (size_t i = 0; i < a.host.n; i++)
        buf_addc(out,
                 (char)(a.host.p[i] >= 'A' && a.host.p[i] <= 'Z' ? a.host.p[i] | 32 : a.host.p[i]));
    size_t host_end = out->len;
    add_path(out, a.path);
    add_query(out, a.query);
    if (out->len == host_end && !out->overflow && a.host.n) { /* a home page is no article */
        out->len = from;
        out->data[from] = 0;
    }
    return out->overflow ? -EFBIG : 0;
}

int story_add_address(struct buf *out, const char *url)
{
    return add_address(out, url, 2);
}
