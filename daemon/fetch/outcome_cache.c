/* What an answer's header says about time: freshness and Retry-After. */
#include "fetch/outcome.h"

#include "base/mem.h"
#include "base/str.h"
#include "fetch/http_date.h"

/* RFC 9111 1.2.2: a number that does not fit counts as this many seconds (68 years). */
#define DELTA_MAX_S 2147483648LL

/* Digits only: 0 or more seconds. -1 = not a number of seconds. */
static int64_t delta_seconds(const char *s, size_t n)
{
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        v = MIN(v * 10 + (s[i] - '0'), DELTA_MAX_S);
    }
    return n ? v : -1;
}

/* One "name", "name=token" or "name=\"quoted\"" of a comma-separated list; quoted pairs keep their
 * backslash, which no number has. */
struct directive {
    const char *name, *value; /* value NULL = none */
    size_t name_len, value_len;
};

static bool next_directive(const char **p, const char *end, struct directive *d)
{
    while (*p < end && (**p == ',' || **p == ' ' || **p == '\t'))
        ++*p;
    if (*p == end)
        return false;
    *d = (struct directive){.name = *p};
    while (*p < end && **p != ',' && **p != '=')
        ++*p;
    d->name_len = str_trim(&d->name, (size_t)(*p - d->name));
    if (*p == end || **p == ',')
        return true;
    d->value = ++*p;
    d->value_len = str_trim(&d->value, (size_t)(end - d->value));
    if (d->value_len && *d->value == '"') {
        *p = ++d->value;
        while (*p < end && **p != '"')
            *p += **p == '\\' && *p + 1 < end ? 2 : 1;
        d->value_len = (size_t)(*p - d->value);
    }
    while (*p < end && **p != ',')
        ++*p;
    if (d->value + d->value_len > *p) /* a token: it ends at the comma */
        d->value_len = str_trim(&d->value, (size_t)(*p - d->value));
    return true;
}

static bool is_named(const struct directive *d, const char *name)
{
    return d->name_len == strlen(name) && strncasecmp(d->name, name, d->name_len) == 0;
}

struct cache_control {
    bool has_max_age, no_reuse;
    int64_t max_age_s;
};

static struct cache_control read_cache_control(const struct head *h)
{
    struct cache_control cc = {.max_age_s = DELTA_MAX_S};
    size_t pos = 0, n;
    const char *v;
    while ((v = head_next(h, "Cache-Control", &pos, &n))) {
        struct directive d;
        for (const char *p = v; next_directive(&p, v + n, &d);) {
            if (is_named(&d, "max-age")) {
                int64_t s = delta_seconds(d.value ? d.value : "", d.value_len);
                cc.has_max_age = true;
                cc.max_age_s = s < 0 ? 0 : MIN(cc.max_age_s, s);
            } else if (is_named(&d, "no-store") || (is_named(&d, "no-cache") && !d.value)) {
                cc.no_reuse = true;
            }
        }
    }
    return cc;
}

/* The earliest value of a date header; false when there is none or one is not a date. */
static bool date_of(const struct head *h, const char *name, int64_t now_ms, int64_t *ret_ms)
{
    size_t pos = 0, n;
    const char *v;
    bool any = false;
    while ((v = head_next(h, name, &pos, &n))) {
        int64_t at;
        if (http_date_parse(v, n, now_ms, &at) < 0)
            return false;
        *ret_ms = any ? MIN(*ret_ms, at) : at;
        any = true;
    }
    return any;
}

static int64_t server_now(const struct head *h, int64_t now_ms)
{
    int64_t at;
    return date_of(h, "Date", now_ms, &at) ? at : now_ms;
}

static int64_t age_ms(const struct head *h)
{
    size_t pos = 0, n;
    const char *v = head_next(h, "Age", &pos, &n);
    int64_t s = v ? delta_seconds(v, n) : 0;
    return s < 0 ? 0 : s * 1000;
}

struct td_freshness outcome_freshness(const struct head *h, int64_t now_ms)
{
    struct cache_control cc = read_cache_control(h);
    struct td_freshness f = {.given = cc.has_max_age};
    int64_t lifetime_ms = 0, expires_at;
    if (cc.has_max_age) {
        lifetime_ms = cc.max_age_s * 1000;
    } else if (date_of(h, "Expires", now_ms, &expires_at)) {
        f.given = f.by_expires = true;
        lifetime_ms = MIN(expires_at - server_now(h, now_ms), DELTA_MAX_S * 1000);
    }
    lifetime_ms -= age_ms(h);
    if (!cc.no_reuse && lifetime_ms > 0)
        f.max_age_ms = lifetime_ms;
    return f;
}

/* Seconds in Retry-After; -1 = that is none. Rate limiters also send fractions, and proxies join
 * two lines to one: then the longest counts. */
static int64_t retry_seconds(const char *s, size_t n)
{
    const char *end = s + n;
    int64_t longest = -1;
    for (size_t len; s < end; s += len + 1) {
        const char *one = s, *point = NULL;
        const char *comma = memchr(s, ',', (size_t)(end - s));
        len = (size_t)((comma ? comma : end) - s);
        size_t m = str_trim(&one, len);
        if ((point = memchr(one, '.', m)) &&
            delta_seconds(point + 1, (size_t)(one + m - point - 1)) < 0)
            return -1;
        int64_t whole = delta_seconds(one, point ? (size_t)(point - one) : m);
        if (whole < 0)
            return -1;
        longest = MAX(longest, whole + (point != NULL));
    }
    return longest;
}

int64_t outcome_retry_after(const struct head *h, int64_t now_ms)
{
    size_t pos = 0, n;
    const char *v;
    int64_t wait_ms = -1;
    while ((v = head_next(h, "Retry-After", &pos, &n))) {
        int64_t at, ms = retry_seconds(v, n);
        if (ms >= 0)
            ms *= 1000;
        else if (http_date_parse(v, n, now_ms, &at) == 0)
            ms = MAX(at - server_now(h, now_ms), (int64_t)0);
        wait_ms = MAX(wait_ms, ms);
    }
    return wait_ms < 0 ? TD_NEVER : now_ms + MIN(wait_ms, LIMIT_RETRY_AFTER_MS);
}
