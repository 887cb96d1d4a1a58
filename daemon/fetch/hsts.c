#include "fetch/hsts.h"

#include <stdio.h>
#include <string.h>

#include <uthash.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#define KEPT_AGAIN 10                              /* after this part of its time */
#define MAX_AGE_MS (10LL * 365 * 24 * 3600 * 1000) /* enough for good */
#define SWEEP_MS   60000 /* full: at most so often is looked for what has run out */

struct entry {
    char *host;
    int64_t since, until;
    int64_t kept_until; /* as the store has it; 0 = not yet */
    bool subdomains;
    UT_hash_handle hh;
};

struct hsts {
    struct entry *hosts;
    int64_t swept_at;
};

/* ---- the header field (6.1) ----------------------------------------------------------------- */

static bool is_token_char(char c)
{
    return c > ' ' && c < 127 && !strchr("()<>@,;:\\\"/[]?={}", c);
}

static void skip_space(const char **p, const char *end)
{
    while (*p < end && (**p == ' ' || **p == '\t'))
        ++*p;
}

/* "token" or a quoted string without its quotes; false: neither. */
static bool read_value(const char **p, const char *end, const char **ret, size_t *ret_len)
{
    bool quoted = *p < end && **p == '"';
    if (quoted)
        ++*p;
    *ret = *p;
    if (!quoted) {
        while (*p < end && is_token_char(**p))
            ++*p;
        *ret_len = (size_t)(*p - *ret);
        return *ret_len > 0;
    }
    while (*p < end && **p != '"')
        *p += **p == '\\' && *p + 1 < end ? 2 : 1;
    *ret_len = (size_t)(*p - *ret);
    if (*p == end)
        return false;
    ++*p;
    return true;
}

static bool read_seconds(const char *s, size_t n, int64_t *ret)
{
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = MIN(v * 10 + (s[i] - '0'), MAX_AGE_MS / 1000);
    }
    *ret = v;
    return n > 0;
}

/* One directive into *STS; false: the field is not to be used. */
static bool take_directive(struct td_sts *sts, const char *name, size_t n, const char *value,
                           size_t value_len)
{
    if (n == 7 && strncasecmp(name, "max-age", n) == 0) {
        if (sts->given || !value || !read_seconds(value, value_len, &sts->max_age_s))
            return false;
        sts->given = true;
    } else if (n == 17 && strncasecmp(name, "includeSubDomains", n) == 0) {
        if (sts->subdomains || value)
            return false;
        sts->subdomains = true;
    }
    return true;
}

struct td_sts hsts_parse(const char *p, size_t len)
{
    static const struct td_sts none;
    struct td_sts sts = none;
    const char *end = p + len;
    while (p < end) {
        skip_space(&p, end);
        const char *name = p, *value = NULL;
        size_t value_len = 0;
        while (p < end && is_token_char(*p))
            p++;
        size_t n = (size_t)(p - name);
        skip_space(&p, end);
        if (p < end && *p == '=') {
            p++;
            skip_space(&p, end);
            if (n == 0 || !read_value(&p, end, &value, &value_len))
                return none;
            skip_space(&p, end);
        }
        if ((p < end && *p != ';') || !take_directive(&sts, name, n, value, value_len))
            return none;
        p++;
    }
    return sts.given ? sts : none;
}

/* ---- hosts ---------------------------------------------------------------------------------- */

/* The authority of URL: *RET_LEN bytes without user and port, *RET_PORT what stands behind. NULL:
 * SCHEME is another one, or the host is an address or too long. */
static const char *host_of(const char *url, const char *scheme, size_t *ret_len,
                           const char **ret_port)
{
    if (!str_casestarts(url, scheme))
        return NULL;
    const char *host = url + strlen(scheme);
    size_t n = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', n);
    if (at) {
        n -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    size_t len = strcspn(host, ":/?#");
    *ret_port = host + len;
    if (len && host[len - 1] == '.')
        len--;
    if (len == 0 || len >= HSTS_HOST_BYTES || *host == '[')
        return NULL;
    *ret_len = len;
    /* What ends in a number is an address in some notation (WHATWG URL, 3.5). */
    const char *last = host + len;
    while (last > host && last[-1] != '.')
        last--;
    return *last >= '0' && *last <= '9' ? NULL : host;
}

static void lower(char *to, const char *host, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] | 0x20) : host[i];
    to[n] = 0;
}

static void forget(struct hsts *h, struct entry *e)
{
    HASH_DEL(h->hosts, e);
    free(e->host);
    free(e);
}

/* Is there room for one more? Looks for what has run out, but not with each answer. */
static bool has_room(struct hsts *h, int64_t now)
{
    if (HASH_COUNT(h->hosts) < LIMIT_HSTS_HOSTS)
        return true;
    if (h->swept_at <= now && now - h->swept_at < SWEEP_MS)
        return false;
    h->swept_at = now;
    struct entry *e, *next;
    HASH_ITER (hh, h->hosts, e, next) {
        if (e->until <= now)
            forget(h, e);
    }
    return HASH_COUNT(h->hosts) < LIMIT_HSTS_HOSTS;
}

static struct entry *put(struct hsts *h, const char *host, int64_t now)
{
    struct entry *e;
    HASH_FIND_STR(h->hosts, host, e);
    if (e || !has_room(h, now))
        return e;
    e = xcalloc(1, sizeof *e);
    e->host = xstrdup(host);
    HASH_ADD_KEYPTR(hh, h->hosts, e->host, strlen(e->host), e);
    return e;
}

static void show(const struct entry *e, struct hsts_host *ret)
{
    *ret = (struct hsts_host){.since = e->since, .until = e->until, .subdomains = e->subdomains};
    snprintf(ret->host, sizeof ret->host, "%s", e->host);
}

struct hsts *hsts_new(void)
{
    return xcalloc(1, sizeof(struct hsts));
}

void hsts_free(struct hsts *h)
{
    struct entry *e, *next;
    if (!h)
        return;
    HASH_ITER (hh, h->hosts, e, next) {
        forget(h, e);
    }
    free(h);
}

bool hsts_learn(struct hsts *h, const char *url, const struct td_sts *sts, int64_t now,
                struct hsts_host *ret)
{
    const char *port;
    char name[HSTS_HOST_BYTES];
    size_t n;
    const char *host = sts->given ? host_of(url, "https://", &n, &port) : NULL;
    if (!host)
        return false;
    lower(name, host, n);
    struct entry *e;
    HASH_FIND_STR(h->hosts, name, e);
    if (sts->max_age_s == 0) {
        if (!e)
            return false;
        show(e, ret);
        ret->until = 0;
        forget(h, e);
        return true;
    }
    if (!e && !(e = put(h, name, now)))
        return false;
    bool same = e->subdomains == sts->subdomains && e->kept_until;
    e->since = now;
    e->until = now + MIN(sts->max_age_s * 1000, MAX_AGE_MS);
    e->subdomains = sts->subdomains;
    int64_t moved = e->until - e->kept_until;
    if (same && moved >= 0 && moved < (e->until - now) / KEPT_AGAIN)
        return false;
    e->kept_until = e->until;
    show(e, ret);
    return true;
}

void hsts_recall(struct hsts *h, const struct hsts_host *kept, int64_t now)
{
    int64_t since = MIN(kept->since, now);
    int64_t until = since + MIN(kept->until - kept->since, MAX_AGE_MS);
    struct entry *e = until > now ? put(h, kept->host, now) : NULL;
    if (!e)
        return;
    e->since = since;
    e->until = e->kept_until = until;
    e->subdomains = kept->subdomains;
}

/* NAME itself, or a host above it that speaks for all below (8.2). */
static const struct entry *find(const struct hsts *h, const char *name, int64_t now)
{
    for (const char *at = name; at; at = strchr(at, '.') ? strchr(at, '.') + 1 : NULL) {
        struct entry *e;
        HASH_FIND_STR(h->hosts, at, e);
        if (e && now < e->until && (at == name || e->subdomains))
            return e;
    }
    return NULL;
}

char *hsts_upgrade(const struct hsts *h, const char *url, int64_t now, struct hsts_host *ret)
{
    const char *port;
    char name[HSTS_HOST_BYTES];
    size_t n;
    const char *host = h->hosts ? host_of(url, "http://", &n, &port) : NULL;
    if (!host)
        return NULL;
    lower(name, host, n);
    const struct entry *e = find(h, name, now);
    if (!e)
        return NULL;
    if (ret)
        show(e, ret);
    const char *rest = port; /* port 80 becomes the other default, any other stays (8.3) */
    if (*rest == ':') {
        size_t digits = strcspn(rest + 1, "/?#");
        if (digits == 0 || (digits == 2 && memcmp(rest + 1, "80", 2) == 0))
            rest += 1 + digits;
    }
    return xasprintf("https://%.*s%s", (int)(port - (url + 7)), url + 7, rest);
}
