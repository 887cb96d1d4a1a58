/*
 * Two readers. ISO 8601 and bare numbers have fixed shapes and are read by them (iso_*); everything
 * else is read word by word: each number, name, sign and zone says by itself or by its neighbours
 * what it is (words_*). Both fill struct parts, which finish() turns into a time if it is possible.
 */
#include "parse/date.h"

#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/date_names.h"
#include "parse/date_zone.h"

enum { NONE = -1 };

struct parts {
    int year, month, day; /* NONE = not seen */
    int hour, minute, second;
    int32_t offset; /* seconds east of UTC */
    bool has_time, has_zone;
    bool am, pm;
    bool korean;
    bool either;      /* the month came from a word that may be a weekday, or from the first word */
    const char *iana; /* a zone name whose offset depends on the date */
    size_t iana_n;
};

static const struct parts nothing = {.year = NONE, .month = NONE, .day = NONE};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

static size_t digits(const char *p)
{
    size_t n = 0;
    while (is_digit(p[n]))
        n++;
    return n;
}

/* The value of N digits (at most 9). */
static int number(const char *p, size_t n)
{
    int v = 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (p[i] - '0');
    return v;
}

static int two_digit_year(int v)
{
    return v <= 69 ? 2000 + v : 1900 + v;
}

static int days_in(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static int64_t finish(struct parts *d)
{
    if (d->day == NONE)
        d->day = 1;
    if (d->year < 1 || d->year > 9999 || d->month < 1 || d->month > 12 || d->day < 1 ||
        d->day > days_in(d->year, d->month))
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
    if (d->iana)
        zone_iana(d->iana, d->iana_n, t, &d->offset);
    else if (d->korean && !d->has_zone)
        d->offset = 9 * 3600;
    t -= d->offset;
    /* what RFC 3339 can write: years 0 to 9999 */
    if (t < clock_days(0, 1, 1) * 86400 || t >= clock_days(10000, 1, 1) * 86400)
        return TD_NEVER;
    return t * 1000;
}

/* ---- zones -------------------------------------------------------------------------------- */

/* "+hh", "+hhmm", "+hh:mm", "+hh:mm:ss" at *P. False: no such thing, *P stays. */
static bool zone_number(const char **p, int32_t *ret)
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

/* A zone's name of N letters at S, and what belongs to it behind: "gmt+01:00", "europe/berlin".
 * Returns its end, NULL when it is none. */
static const char *zone_name(const char *s, size_t n, struct parts *d)
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
    return n > 1 && zone_number(&sign, &d->offset) ? sign : s + n;
}

/* ---- ISO 8601 ----------------------------------------------------------------------------- */

/* The Nth day of the year, or day DAY of week WEEK, as month and day. */
static bool from_ordinal(struct parts *d, int ordinal)
{
    d->month = 1;
    while (d->month <= 12 && ordinal > days_in(d->year, d->month))
        ordinal -= days_in(d->year, d->month++);
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
        ordinal += days_in(d->year, 2) + 337;
    } else if (ordinal > days_in(d->year, 2) + 337) {
        ordinal -= days_in(d->year, 2) + 337;
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
    d->year = f['Y'] != NONE ? two_digit_year(f['Y']) : f['y'];
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

static const char *skip_fraction(const char *s)
{
    return (*s == '.' || *s == ',') && is_digit(s[1]) ? s + 1 + digits(s + 1) : s;
}

/* Behind a time: its fraction, hundredths behind one more colon ("05:06:07:09"), or a colon too
 * many before the zone's sign. */
static const char *skip_behind_time(const char *s)
{
    s = skip_fraction(s);
    if (*s == ':' && digits(s + 1) == 2 && s[3] != ':')
        return s + 3;
    return *s == ':' && (s[1] == '+' || s[1] == '-') ? s + 1 : s;
}

static bool iso_parse(const char *s, struct parts *d)
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
        s = skip_behind_time(t);
    }
    s += strspn(s, " ");
    size_t n = 0;
    while (is_letter(s[n]))
        n++;
    if (n) {
        s = zone_name(s, n, d);
        if (!s)
            return false;
    } else if (d->has_time && zone_number(&s, &d->offset)) {
        d->has_zone = true;
        if (d->offset < -12 * 3600 || d->offset > 14 * 3600)
            d->offset = 0;
    }
    return !*s;
}

/* Seconds since 1970 with 9 or 10 digits, milliseconds with 13. */
static int64_t unix_parse(const char *s)
{
    size_t n = digits(s);
    const char *end = skip_fraction(s + n);
    if (*end || (n != 9 && n != 10 && n != 13))
        return TD_NEVER;
    int64_t v = 0;
    for (size_t i = 0; i < MIN(n, (size_t)10); i++)
        v = v * 10 + (s[i] - '0');
    return v * 1000;
}

/* ---- word by word ------------------------------------------------------------------------- */

/* hh:mm[:ss[.fraction]], at the hour's digits. Midnight and then a time ("00:00:00.0 05:06:07"), as
 * databases print a date beside a time, is that time. */
static const char *words_time(const char *s, struct parts *d)
{
    size_t n = digits(s);
    if (d->has_time && (d->hour || d->minute || d->second || d->has_zone || !is_digit(s[-2])))
        return NULL;
    if (n > 2)
        return NULL;
    d->hour = number(s, n);
    s += n + 1;
    n = digits(s);
    if (n < 1 || n > 2)
        return NULL;
    d->minute = number(s, n);
    s += n;
    if (*s == ':' || (*s == '.' && digits(s + 1) == 2 && !is_digit(s[3]))) {
        n = digits(s + 1);
        if (n < 1 || n > 2)
            return NULL;
        d->second = number(s + 1, n);
        s = n == 2 ? skip_behind_time(s + 3) : skip_fraction(s + 2);
    }
    d->has_time = true;
    return *s == ':' ? NULL : s;
}

/* a/b/year, a.b.year, a-b-year, "a b year", year/b/c, at the first digit. */
static const char *words_triple(const char *s, struct parts *d)
{
    size_t na = digits(s), nb, nc;
    char sep = s[na];
    const char *b = s + na + 1;
    nb = digits(b);
    if (nb < 1 || nb > 2 || b[nb] != sep)
        return NULL;
    const char *c = b + nb + 1;
    nc = digits(c);
    if (nc < 1 || nc > 4 || nc == 3 || d->month != NONE)
        return NULL;
    int first = number(s, na), second = number(b, nb);
    if (na == 4) {
        d->year = first;
        d->month = second;
        d->day = number(c, nc);
        return nc <= 2 ? c + nc : NULL;
    }
    if (na == 2 && (nc == 1 || (nc == 2 && first > 31))) { /* yy/m/d */
        d->year = two_digit_year(first);
        d->month = second;
        d->day = number(c, nc);
        return c + nc;
    }
    if (nc == 1)
        return NULL;
    bool day_first = sep == '/' ? first > 12 : second <= 12;
    d->day = day_first ? first : second;
    d->month = day_first ? second : first;
    d->year = nc == 2 ? two_digit_year(number(c, 2)) : number(c, nc);
    return c + nc;
}

/* "11 04 2020": two short numbers and a year. */
static bool is_spaced_triple(const char *s, size_t n)
{
    if (n > 2 || s[n] != ' ')
        return false;
    const char *b = s + n + 1;
    size_t nb = digits(b);
    return (nb == 1 || nb == 2) && b[nb] == ' ' && digits(b + nb + 1) == 4;
}

static bool words_unit(int unit, int value, struct parts *d)
{
    switch (unit) {
    case 'y':
        d->year = value;
        return true;
    case 'm':
        d->month = value;
        return true;
    case 'd':
        d->day = value;
        return true;
    case 'H':
        d->hour = value;
        d->has_time = true;
        return true;
    case 'M':
        d->minute = value;
        return d->has_time;
    default:
        d->second = value;
        return d->has_time;
    }
}

/* "4 Mar 2021 05 -0800": two digits where the date is complete and a zone comes. */
static bool is_lone_hour(const char *s, size_t n, const struct parts *d)
{
    return n == 2 && d->year != NONE && d->month != NONE && d->day != NONE && !d->has_time &&
           s[2] == ' ' && (s[3] == '+' || s[3] == '-') && digits(s + 4) == 4;
}

/* A number without a partner: day, year or time by its length and by what is missing. */
static bool words_plain(const char *s, size_t n, struct parts *d)
{
    int v = number(s, n);
    if (n <= 2 && d->day == NONE && v > 0 && v <= 31) {
        d->day = v;
    } else if (d->year == NONE && (n == 4 || n == 2)) {
        d->year = n == 4 ? v : two_digit_year(v);
    } else if ((n == 4 || n == 6) && d->year != NONE && !d->has_time) {
        d->hour = number(s, 2);
        d->minute = number(s + 2, 2);
        d->second = n == 6 ? number(s + 4, 2) : 0;
        d->has_time = true;
    } else if (is_lone_hour(s, n, d)) {
        d->hour = v;
        d->has_time = true;
    } else if ((n == 4 || n == 2) && v == 0 && d->has_time && !d->has_zone) {
        d->has_zone = true; /* a zone without its sign */
    } else {
        return false;
    }
    return true;
}

static size_t letters(const char *s)
{
    size_t n = 0;
    while (is_letter(s[n]))
        n++;
    return n;
}

/* The half of the day that S names ("pm", "p.m.", "p. m."): its end, NULL when it names none. */
static const char *words_half(const char *s, struct parts *d)
{
    size_t n = letters(s);
    struct date_name w = date_name(s, n);
    const char *end = s + n;
    if (n == 1 && (*s == 'a' || *s == 'p') && *end == '.') {
        end += 1 + strspn(end + 1, " ");
        if (*end != 'm' || is_letter(end[1]))
            return NULL;
        w.kind = *s == 'a' ? DATE_WORD_AM : DATE_WORD_PM;
        end += 1 + (end[1] == '.');
    }
    if (w.kind != DATE_WORD_AM && w.kind != DATE_WORD_PM)
        return NULL;
    d->am = w.kind == DATE_WORD_AM;
    d->pm = !d->am;
    d->korean |= w.korean;
    return end;
}

static const char *words_number(const char *s, struct parts *d)
{
    size_t n = digits(s);
    if (n > 8)
        return NULL;
    if (s[n] == ':')
        return words_time(s, d);
    if ((s[n] == '/' || s[n] == '.' || s[n] == '-') && is_digit(s[n + 1]) && n <= 4 &&
        d->month == NONE)
        return words_triple(s, d);
    if (is_spaced_triple(s, n) && d->month == NONE)
        return words_triple(s, d);
    const char *next = s + n + strspn(s + n, " ");
    size_t m = letters(next);
    struct date_name w = date_name(next, m);
    if (w.kind == DATE_WORD_UNIT && (w.value != 'H' || !d->has_time)) {
        if (!words_unit(w.value, number(s, n), d))
            return NULL;
        d->korean |= w.korean;
        next += m;
        if (w.value == 'H' && digits(next) == 2) { /* 14h30 */
            d->minute = number(next, 2);
            next += 2;
        }
        return next;
    }
    if (!d->has_time && n <= 2 && words_half(next, d)) { /* 4 pm */
        d->hour = number(s, n);
        d->has_time = true;
        return words_half(next, d);
    }
    if (!words_plain(s, n, d))
        return NULL;
    return next == s + n && w.kind == DATE_WORD_ORDINAL ? next + m : s + n;
}

/* FIRST: nothing but white space stands before. */
static const char *words_word(const char *s, bool first, struct parts *d)
{
    size_t n = letters(s);
    const char *end = words_half(s, d);
    if (end)
        return end;
    bool zone_place = d->has_time || (d->year != NONE && n >= 3);
    if (zone_place && !d->has_zone && (end = zone_name(s, n, d)))
        return end;
    struct date_name w = date_name(s, n);
    switch (w.kind) {
    case DATE_WORD_EITHER:
    case DATE_WORD_MONTH:
        if (d->month == NONE || (d->either && d->year == NONE)) {
            d->month = w.value;
            d->either = w.kind == DATE_WORD_EITHER || first;
        } else if (w.kind == DATE_WORD_MONTH) {
            return NULL;
        }
        return s + n;
    case DATE_WORD_UNKNOWN:
        /* before: a weekday we do not know; behind the time: a zone we do not know, so UTC */
        return first || d->has_time ? s + n : NULL;
    default:
        return s + n;
    }
}

/* "(CET)", "(Coordinated Universal Time)": only looked into for a missing zone. */
static const char *words_comment(const char *s, struct parts *d)
{
    size_t n = letters(s + 1);
    if (!d->has_zone && n && s[1 + n] == ')')
        zone_name(s + 1, n, d);
    const char *end = strchr(s, ')');
    return end ? end + 1 : s + strlen(s);
}

/* A sign is a zone's when it stands behind the time or a zone's place, not inside "06-Nov-1994". */
static bool sign_is_zone(const char *s, const char *start, const struct parts *d)
{
    if (!d->has_time || d->has_zone || !is_digit(s[1]))
        return *s == '+';
    return *s == '+' || s == start || is_digit(s[-1]) || strchr(" (-", s[-1]);
}

static bool words_parse(const char *start, struct parts *d)
{
    bool first = true;
    for (const char *s = start; s && *s;) {
        if (is_digit(*s))
            s = words_number(s, d);
        else if (is_letter(*s))
            s = words_word(s, first, d);
        else if (*s == '(')
            s = words_comment(s, d);
        else if ((*s == '+' || *s == '-') && sign_is_zone(s, start, d)) {
            if (!zone_number(&s, &d->offset))
                return false;
            d->has_zone = true;
        } else {
            first &= *s == ' ';
            s++;
            continue;
        }
        first = false;
        if (!s)
            return false;
    }
    return d->year != NONE && d->month != NONE && (d->day != NONE || !d->has_time);
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
    if (iso_parse(p, &d))
        return finish(&d);
    d = nothing;
    return words_parse(p, &d) ? finish(&d) : TD_NEVER;
}
