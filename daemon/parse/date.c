/*
 * Two readers. ISO 8601 and bare numbers have fixed shapes and are read by them (date_iso.c);
 * everything else is read word by word (date_words.c). Both fill struct parts, which finish() turns
 * into a time if it is possible.
 */
#include "parse/date.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/date_names.h"
#include "parse/date_parts.h"
#include "parse/date_zone.h"

static const struct parts nothing = {.year = NONE, .month = NONE, .day = NONE};

int date_two_digit_year(int v)
{
    return v <= 69 ? 2000 + v : 1900 + v;
}

int date_days_in(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Programs print a time that they do not have as the first one they can: year 1 (Go, .NET), -1
 * (PHP), and these. What is left out here is "no date", not an old item that nobody is told of. */
static const struct {
    int year, month, day;
} unset[] = {
    {1601, 1, 1},   /* Windows */
    {1899, 12, 30}, /* Delphi, OLE, Excel */
};
#define FIRST_YEAR 1000

/* T: seconds since 1970 */
static bool is_unset(int64_t t)
{
    for (size_t i = 0; i < ARRAY_SIZE(unset); i++)
        if (t == clock_days(unset[i].year, unset[i].month, unset[i].day) * 86400)
            return true;
    return t < clock_days(FIRST_YEAR, 1, 1) * 86400;
}

static int64_t finish(struct parts *d)
{
    if (d->day == NONE)
        d->day = 1;
    if (d->year > 9999 || d->month < 1 || d->month > 12 || d->day < 1 ||
        d->day > date_days_in(d->year, d->month))
        return TD_NEVER;
    if (d->am && d->hour == 12)
        d->hour = 0;
    if (d->pm && d->hour < 12)
        d->hour += 12;
    bool midnight = d->hour == 24 && d->minute == 0 && d->second == 0;
    if ((d->hour > 23 && !midnight) || d->minute > 59 || d->second > 60) /* 60: a leap second */
        return TD_NEVER;
    int64_t t = clock_days(d->year, d->month, d->day) * 86400 + d->hour * 3600 + d->minute * 60 +
                d->second;
    if (is_unset(t))
        return TD_NEVER;
    if (d->iana)
        zone_iana(d->iana, d->iana_n, t, &d->offset);
    else if (d->korean && !d->has_zone)
        d->offset = 9 * 3600;
    t -= d->offset;
    if (is_unset(t)) /* printed as UTC it would be */
        return TD_NEVER;
    return t < clock_days(10000, 1, 1) * 86400 ? t * 1000 : TD_NEVER; /* RFC 3339 ends there */
}
/* ---- what both readers share -------------------------------------------------------------- */

const char *date_skip_fraction(const char *s)
{
    return (*s == '.' || *s == ',') && is_digit(s[1]) ? s + 1 + digits(s + 1) : s;
}

const char *date_skip_behind_time(const char *s)
{
    s = date_skip_fraction(s);
    if (*s == ':' && digits(s + 1) == 2 && s[3] != ':')
        return s + 3;
    return *s == ':' && (s[1] == '+' || s[1] == '-') ? s + 1 : s;
}

bool date_zone_number(const char **p, int32_t *ret)
{
    const char *s = *p;
    bool minus = *s == '-';
    if ((*s != '+' && *s != '-') || !is_digit(s[1]))
        return false;
    size_t n = digits(++s);
    int hours, minutes = 0;
    if (n > 4)
        return false;
    hours = number(s, n <= 2 ? n : n - 2);
    if (n > 2)
        minutes = number(s + n - 2, 2);
    s += n;
    if (n <= 2 && *s == ':') {
        size_t m = digits(s + 1);
        if (m != 2)
            return false;
        minutes = number(s + 1, 2);
        s += 3;
        if (*s == ':' && digits(s + 1) == 2)
            s += 3;
    }
    *ret = (hours * 3600 + minutes * 60) * (minus ? -1 : 1);
    *p = s;
    return true;
}

const char *date_zone_name(const char *s, size_t n, struct parts *d)
{
    if (s[n] == '/' && is_letter(s[n + 1])) {
        size_t all = n;
        while (is_letter(s[all]) || is_digit(s[all]) || (s[all] && strchr("/_+-", s[all])))
            all++;
        int32_t offset;
        if (!zone_iana(s, all, 0, &offset))
            return NULL;
        d->iana = s;
        d->iana_n = all;
        d->has_zone = true;
        return s + all;
    }
    if (!zone_abbreviation(s, n, &d->offset))
        return NULL;
    d->has_zone = true;
    /* UTC+2, GMT-05:00, EST -0500: a number behind the name says more than the name */
    const char *sign = s + n + strspn(s + n, " ");
    return n > 1 && date_zone_number(&sign, &d->offset) ? sign : s + n;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* Seconds since 1970 with 9 or 10 digits, milliseconds with 13. */
static int64_t unix_parse(const char *s)
{
    size_t n = digits(s);
    const char *end = date_skip_fraction(s + n);
    if (*end || (n != 9 && n != 10 && n != 13))
        return TD_NEVER;
    int64_t v = 0;
    for (size_t i = 0; i < MIN(n, (size_t)10); i++)
        v = v * 10 + (s[i] - '0');
    return v * 1000;
}

int64_t date_parse(const char *s, size_t n)
{
    char text[LIMIT_DATE_BYTES + 1];
    n = str_trim(&s, n);
    if (n == 0 || n > LIMIT_DATE_BYTES)
        return TD_NEVER;
    n = date_fold(s, n, text);
    while (n && text[n - 1] == ' ')
        text[--n] = 0;
    const char *p = text + strspn(text, " ");
    int64_t t = unix_parse(p);
    if (t != TD_NEVER)
        return t;
    struct parts d = nothing;
    if (date_iso(p, &d))
        return finish(&d);
    d = nothing;
    return date_words(p, &d) ? finish(&d) : TD_NEVER;
}
