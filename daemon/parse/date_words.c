/*
 * Dates word by word: each number, name, sign and zone says by itself or by its neighbours what it
 * is.
 */
#include "parse/date_parts.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "parse/date_names.h"

/* hh:mm[:ss[.fraction]] or hh.mm[.ss], at the hour's digits. Midnight and then a time ("00:00:00.0
 * 05:06:07"), as databases print a date beside a time, is that time. */
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
        s = n == 2 ? date_skip_behind_time(s + 3) : date_skip_fraction(s + 2);
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
        d->year = date_two_digit_year(first);
        d->month = second;
        d->day = number(c, nc);
        return c + nc;
    }
    if (nc == 1)
        return NULL;
    bool day_first = sep == '/' ? first > 12 : second <= 12;
    d->day = day_first ? first : second;
    d->month = day_first ? second : first;
    d->year = nc == 2 ? date_two_digit_year(number(c, 2)) : number(c, nc);
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
        d->year = n == 4 ? v : date_two_digit_year(v);
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
    bool dated = d->year != NONE && d->month != NONE && d->day != NONE;
    if (s[n] == ':' || (s[n] == '.' && digits(s + n + 1) == 2 && dated && !d->has_time))
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
    if (zone_place && !d->has_zone && (end = date_zone_name(s, n, d)))
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
        date_zone_name(s + 1, n, d);
    const char *end = strchr(s, ')');
    return end ? end + 1 : s + strlen(s);
}

/* A sign is a zone's when it stands behind the time or a zone's place, not inside "06-Nov-1994".
 * One that stands twice is its own name ("-0400 -0400", Go). */
static bool sign_is_zone(const char *s, const char *start, const struct parts *d)
{
    if (!d->has_time || !is_digit(s[1]))
        return *s == '+';
    if (d->has_zone)
        return *s == '+' || (s - start >= 6 && strncmp(s - 6, s, 5) == 0);
    return *s == '+' || s == start || is_digit(s[-1]) || strchr(" (-", s[-1]);
}

bool date_words(const char *start, struct parts *d)
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
            if (!date_zone_number(&s, &d->offset))
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
