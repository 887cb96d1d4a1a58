#include "fetch/http_date.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"

struct scan {
    const char *p, *end;
};

static bool is_alpha(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Exactly between MIN and MAX digits. */
static bool number(struct scan *s, int min, int max, int *ret)
{
    int v = 0, n = 0;
    while (n < max && s->p < s->end && *s->p >= '0' && *s->p <= '9')
        v = v * 10 + (*s->p++ - '0'), n++;
    *ret = v;
    return n >= min && (s->p == s->end || *s->p < '0' || *s->p > '9');
}

static bool lit(struct scan *s, char c)
{
    return s->p < s->end && *s->p == c && s->p++;
}

static bool month(struct scan *s, int *ret)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (s->end - s->p < 3)
        return false;
    for (*ret = 1; *ret <= 12; ++*ret)
        if (strncasecmp(s->p, names + 3 * (*ret - 1), 3) == 0) {
            s->p += 3;
            return true;
        }
    return false;
}

static bool time_of_day(struct scan *s, int64_t *ret_ms)
{
    int h, m, sec;
    if (!number(s, 2, 2, &h) || !lit(s, ':') || !number(s, 2, 2, &m) || !lit(s, ':') ||
        !number(s, 2, 2, &sec) || h > 23 || m > 59 || sec > 60)
        return false;
    *ret_ms = ((h * 60LL + m) * 60 + sec) * 1000;
    return true;
}

static bool zone(struct scan *s)
{
    static const char *const utc[] = {"GMT", "UTC", "+0000", "-0000"};
    size_t left = (size_t)(s->end - s->p);
    for (size_t i = 0; i < ARRAY_SIZE(utc); i++)
        if (left == strlen(utc[i]) && strncasecmp(s->p, utc[i], left) == 0)
            return true;
    return false;
}

static int64_t two_digit_year(int year, int mon, int day, int64_t now_ms)
{
    int64_t limit = now_ms + 50 * 36525 * DAY_MS / 100;
    year += 2000;
    return clock_days(year, mon, day) * DAY_MS > limit ? year - 100 : year;
}

static bool date_exists(int year, int mon, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day >= 1 && day <= days[mon - 1] + (mon == 2 && leap);
}

int http_date_parse(const char *str, size_t n, int64_t now_ms, int64_t *ret_ms)
{
    struct scan s = {str, str + n};
    int year, mon, day;
    int64_t tod;
    while (s.p < s.end && is_alpha(*s.p))
        s.p++;
    bool asctime = !lit(&s, ',');
    if (!lit(&s, ' '))
        return -EINVAL;
    if (asctime) {
        if (!month(&s, &mon) || !lit(&s, ' '))
            return -EINVAL;
        lit(&s, ' ');
        if (!number(&s, 1, 2, &day) || !lit(&s, ' ') || !time_of_day(&s, &tod) || !lit(&s, ' ') ||
            !number(&s, 4, 4, &year) || s.p != s.end)
            return -EINVAL;
    } else {
        if (!number(&s, 1, 2, &day) || s.p == s.end || (*s.p != ' ' && *s.p != '-'))
            return -EINVAL;
        char sep = *s.p++;
        if (!month(&s, &mon) || !lit(&s, sep))
            return -EINVAL;
        const char *digits = s.p;
        if (!number(&s, 2, 4, &year) || s.p - digits == 3 || !lit(&s, ' '))
            return -EINVAL;
        if (s.p - digits == 3)
            year = (int)two_digit_year(year, mon, day, now_ms);
        if (!time_of_day(&s, &tod) || !lit(&s, ' ') || !zone(&s))
            return -EINVAL;
    }
    if (!date_exists(year, mon, day))
        return -EINVAL;
    *ret_ms = clock_days(year, mon, day) * DAY_MS + tod;
    return 0;
}
