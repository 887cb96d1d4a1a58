/* ISO 8601 in all its forms: date and time by their shapes. */
#include "parse/date_parts.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* The Nth day of the year, or day DAY of week WEEK, as month and day. */
static bool from_ordinal(struct parts *d, int ordinal)
{
    d->month = 1;
    while (d->month <= 12 && ordinal > date_days_in(d->year, d->month))
        ordinal -= date_days_in(d->year, d->month++);
    d->day = ordinal;
    return ordinal > 0 && d->month <= 12;
}

static bool from_week(struct parts *d, int week, int day)
{
    int64_t jan4 = clock_days(d->year, 1, 4);
    int64_t monday = jan4 - ((jan4 + 3) % 7 + 7) % 7;
    int64_t ordinal = monday + 7 * (week - 1) + day - 1 - clock_days(d->year, 1, 1) + 1;
    if (week < 1 || week > 53 || day < 1 || day > 7)
        return false;
    if (ordinal < 1) {
        d->year--;
        ordinal += date_days_in(d->year, 2) + 337;
    } else if (ordinal > date_days_in(d->year, 2) + 337) {
        ordinal -= date_days_in(d->year, 2) + 337;
        d->year++;
    }
    return from_ordinal(d, (int)ordinal);
}

/* Letters stand for one digit each: y year, Y two-digit year, m month, d day, j day of the year,
 * w week, k day of the week, h M s time. Everything else stands for itself. */
static const char *const date_shapes[] = {
    "yyyy-mm-dd",     "yyyymmdd",     "yyyy/mm/dd", "yyyy.mm.dd", "yyyy-m-d",    "yyyy-m-dd",
    "yyyy-mm-d",      "yyyy/m/d",     "yyyy/m/dd",  "yyyy/mm/d",  "yyyy-0mm-dd", /* Google's extra
                                                                                    zero */
    "yyyy-jjj",       "yyyyjjj",      "yyyy-Www-k", "yyyyWwwk",   "yyyy-Www",    "yyyy-mm",
    "yyyy",           "YY-mm-dd",     "YYmmdd",     "YYjjj",      "-YYmm",       "-YY-mm",
    "yyyymmddhhMMss", "yyyymmddhhMM",
};
static const char *const time_shapes[] = {
    "hh:MM:ss", "hh:MM", "hhMMss", "hhMM", "hh", "h:MM:ss", "h:MM",
};

/* Reads the digits of S by SHAPE into fields['y'] ...: the end, NULL when S has another shape. */
static const char *match_shape(const char *shape, const char *s, int fields[128])
{
    for (; *shape; shape++, s++) {
        char c = *shape;
        if (c == 'W' ? *s == 'w' : !strchr("yYmdjwkhMs", c) && *s == c)
            continue;
        if (c == 'W' || !strchr("yYmdjwkhMs", c) || !is_digit(*s))
            return NULL;
        int *f = &fields[(unsigned char)c];
        *f = (*f == NONE ? 0 : *f * 10) + (*s - '0');
    }
    return is_digit(*s) ? NULL : s;
}

static const char *match_any(const char *const *shapes, size_t n, const char *s, int fields[128])
{
    for (size_t i = 0; i < n; i++) {
        const char *fine = "yYmdjwkhMs";
        for (; *fine; fine++)
            fields[(unsigned char)*fine] = NONE;
        const char *end = match_shape(shapes[i], s, fields);
        if (end)
            return end;
    }
    return NULL;
}

static bool set_date(struct parts *d, const int f[128])
{
    d->year = f['Y'] != NONE ? date_two_digit_year(f['Y']) : f['y'];
    if (f['j'] != NONE)
        return d->year >= 1 && from_ordinal(d, f['j']);
    if (f['w'] != NONE)
        return d->year >= 1 && from_week(d, f['w'], f['k'] == NONE ? 1 : f['k']);
    d->month = f['m'] == NONE ? 1 : f['m'];
    d->day = f['d'];
    return true;
}

static void set_time(struct parts *d, const int f[128])
{
    d->hour = f['h'];
    d->minute = f['M'] == NONE ? 0 : f['M'];
    d->second = f['s'] == NONE ? 0 : f['s'];
    d->has_time = true;
}

bool date_iso(const char *s, struct parts *d)
{
    int f[128];
    if (!is_digit(*s) && *s != '-') /* as most dates: none of the shapes */
        return false;
    s = match_any(date_shapes, ARRAY_SIZE(date_shapes), s, f);
    if (!s || !set_date(d, f))
        return false;
    bool whole_day = f['d'] != NONE || f['j'] != NONE || f['k'] != NONE;
    if (f['h'] != NONE) {
        set_time(d, f);
    } else if (whole_day && (*s == 't' || *s == ' ' || *s == '_')) {
        const char *t = s + 1 + strspn(s + 1, " ");
        t = match_any(time_shapes, ARRAY_SIZE(time_shapes), t, f);
        if (!t)
            return false;
        set_time(d, f);
        s = date_skip_behind_time(t);
    }
    s += strspn(s, " ");
    size_t n = 0;
    while (is_letter(s[n]))
        n++;
    if (n) {
        s = date_zone_name(s, n, d);
        if (!s)
            return false;
    } else if (d->has_time && date_zone_number(&s, &d->offset)) {
        d->has_zone = true;
        if (d->offset < -12 * 3600 || d->offset > 14 * 3600)
            d->offset = 0;
    }
    return !*s;
}
