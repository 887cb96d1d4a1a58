#include "client/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"

static void local_time(int64_t at, struct tm *tm)
{
    time_t t = (time_t)(at / 1000 - (at % 1000 < 0)); /* floor */
    memset(tm, 0, sizeof *tm);
    localtime_r(&t, tm);
}

const char *words_local(char *buf, int64_t at)
{
    struct tm tm;
    local_time(at, &tm);
    if (at == TD_NEVER || strftime(buf, WORDS_BYTES, "%Y-%m-%d %H:%M %z", &tm) == 0)
        snprintf(buf, WORDS_BYTES, "never");
    return buf;
}

const char *words_relative(char *buf, int64_t at, int64_t now)
{
    char span[32];
    if (at == TD_NEVER) {
        snprintf(buf, WORDS_BYTES, "never");
        return buf;
    }
    int64_t ms;
    if (__builtin_sub_overflow(now, at, &ms) || ms > 7 * 86400000LL || ms < -7 * 86400000LL) {
        struct tm tm;
        local_time(at, &tm);
        if (strftime(buf, WORDS_BYTES, "%Y-%m-%d", &tm) == 0)
            snprintf(buf, WORDS_BYTES, "?");
    } else if (ms > -2000 && ms < 2000) {
        snprintf(buf, WORDS_BYTES, "just now");
    } else {
        int64_t far = ms < 0 ? -ms : ms;
        /* one unit is enough to read at a glance */
        int64_t unit = far >= 86400000 ? 86400000 : far >= 3600000 ? 3600000 : 1;
        str_duration(span, sizeof span, far - far % unit);
        snprintf(buf, WORDS_BYTES, ms < 0 ? "in %s" : "%s ago", span);
    }
    return buf;
}

const char *words_bytes(char *buf, int64_t n)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)n;
    size_t u = 0;
    while (v >= 1024 && u + 1 < sizeof units / sizeof *units)
        v /= 1024, u++;
    snprintf(buf, WORDS_BYTES, u && v < 10 ? "%.1f %s" : "%.0f %s", v, units[u]);
    return buf;
}

/* The local midnight DAYS after that of NOW. */
static int64_t midnight(int64_t now, int days)
{
    struct tm tm;
    local_time(now, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_mday += days;
    tm.tm_isdst = -1;
    return (int64_t)mktime(&tm) * 1000;
}

static int parse_local(const char *s, int64_t *ret)
{
    struct tm tm = {.tm_isdst = -1, .tm_mday = 1}, want;
    size_t n = strlen(s);
    const char *end = strptime(s, n == 4 ? "%Y" : n == 7 ? "%Y-%m" : "%Y-%m-%d", &tm);
    if (!end || end - s < 4)
        return -EINVAL;
    if (*end) {
        const char *time = end + 1;
        if (*end != ' ' && *end != 'T')
            return -EINVAL;
        end = strptime(time, "%H:%M:%S", &tm);
        if (!end)
            end = strptime(time, "%H:%M", &tm);
        if (!end || *end)
            return -EINVAL;
    }
    tm.tm_isdst = -1;
    want = tm;
    time_t t = mktime(&tm);
    /* mktime turns 31 February into March */
    if (t == (time_t)-1 || tm.tm_mday != want.tm_mday || tm.tm_mon != want.tm_mon)
        return -EINVAL;
    *ret = (int64_t)t * 1000;
    return 0;
}

int words_parse_time(const char *s, int64_t now, int64_t *ret)
{
    int64_t ms;
    bool number = s[strspn(s, "0123456789")] == 0; /* a year, or nobody knows what */
    if (str_eq(s, "now"))
        *ret = now;
    else if (str_eq(s, "today"))
        *ret = midnight(now, 0);
    else if (str_eq(s, "yesterday"))
        *ret = midnight(now, -1);
    else if (!number && str_to_duration_ms(s, &ms) == 0)
        *ret = now - ms;
    else if (clock_parse_rfc3339(s, &ms) == 0)
        *ret = ms;
    else
        return parse_local(s, ret);
    return 0;
}
