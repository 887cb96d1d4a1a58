#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

const char *clock_rfc3339(char *buf, int64_t at_ms)
{
    struct tm tm;
    time_t t = (time_t)(at_ms / 1000 - (at_ms % 1000 < 0)); /* rounded down */
    buf[0] = 0;
    if (at_ms == TD_NEVER || !gmtime_r(&t, &tm) || tm.tm_year + 1900 < 0 ||
        tm.tm_year + 1900 > 9999)
        return buf;
    snprintf(buf, CLOCK_TEXT, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return buf;
}

/* Howard Hinnant's days_from_civil: eras of 400 years, the year begins in March. */
int64_t clock_days(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* Exactly N digits at *S, which moves behind them: their value, or -1. */
static int digits(const char **s, int n)
{
    int v = 0;
    for (; n > 0; n--, (*s)++) {
        if (**s < '0' || **s > '9')
            return -1;
        v = v * 10 + (**s - '0');
    }
    return v;
}

static bool accept(const char **s, const char *any)
{
    if (!**s || !strchr(any, **s))
        return false;
    (*s)++;
    return true;
}

static int month_days(int y, int m)
{
    return (int)(m == 12 ? 31 : clock_days(y, m + 1, 1) - clock_days(y, m, 1));
}

static int fraction_ms(const char **s)
{
    int ms = 0, scale = 100;
    for (; **s >= '0' && **s <= '9'; (*s)++, scale /= 10)
        ms += (**s - '0') * scale;
    return ms;
}

/* "Z", "+hh:mm" or nothing (UTC): minutes into *RET. */
static int offset_minutes(const char **s, int *ret)
{
    *ret = 0;
    if (accept(s, "Zz") || !**s)
        return 0;
    int sign = **s == '-' ? -1 : 1;
    if (!accept(s, "+-"))
        return -EINVAL;
    int h = digits(s, 2), colon = accept(s, ":"), m = colon ? digits(s, 2) : -1;
    if (h < 0 || h > 23 || m < 0 || m > 59)
        return -EINVAL;
    *ret = sign * (h * 60 + m);
    return 0;
}

int clock_parse_rfc3339(const char *s, int64_t *ret_ms)
{
    int y, mo, d, h, mi, sec, ms = 0, offset;
    if ((y = digits(&s, 4)) < 0 || !accept(&s, "-") || (mo = digits(&s, 2)) < 1 || mo > 12 ||
        !accept(&s, "-") || (d = digits(&s, 2)) < 1 || d > month_days(y, mo))
        return -EINVAL;
    if (!accept(&s, "Tt ") || (h = digits(&s, 2)) < 0 || h > 23 || !accept(&s, ":") ||
        (mi = digits(&s, 2)) < 0 || mi > 59 || !accept(&s, ":") || (sec = digits(&s, 2)) < 0 ||
        sec > 60)
        return -EINVAL;
    if (accept(&s, ".")) {
        if (*s < '0' || *s > '9')
            return -EINVAL;
        ms = fraction_ms(&s);
    }
    if (offset_minutes(&s, &offset) < 0 || *s)
        return -EINVAL;
    int64_t t = clock_days(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec - offset * 60;
    *ret_ms = t * 1000 + ms;
    return 0;
}

int clock_parse_date(const char *s, int64_t *ret_ms)
{
    char full[40];
    size_t n = strlen(s), digits = strspn(s, "0123456789-");
    if (n != digits || (n != 4 && n != 7 && n != 10))
        return n > 10 ? clock_parse_rfc3339(s, ret_ms) : -EINVAL;
    snprintf(full, sizeof full, "%s%sT00:00:00Z", s, n == 4 ? "-01-01" : n == 7 ? "-01" : "");
    return clock_parse_rfc3339(full, ret_ms);
}
