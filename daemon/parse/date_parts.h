/*
 * date_parts.h - what a date's reader finds out, and the pieces that both readers share. Internal
 * to date.c, date_iso.c and date_words.c.
 *
 * The text is folded (date_names.h) and ends with NUL.
 */
#ifndef TIDINGS_PARSE_DATE_PARTS_H
#define TIDINGS_PARSE_DATE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* The readers: D begins as "nothing seen". False: it is no date of theirs. */
bool date_iso(const char *s, struct parts *d);
bool date_words(const char *s, struct parts *d);

int date_two_digit_year(int v);
int date_days_in(int year, int month);
/* Behind a fraction of a second, if there is one. */
const char *date_skip_fraction(const char *s);
/* Behind a time: its fraction, hundredths behind one more colon ("05:06:07:09"), or a colon too
 * many before the zone's sign. */
const char *date_skip_behind_time(const char *s);
/* "+hh", "+hhmm", "+hh:mm", "+hh:mm:ss" at *P. False: no such thing, *P stays. */
bool date_zone_number(const char **p, int32_t *ret);
/* A zone's name of N letters at S, and what belongs to it behind: "gmt+01:00", "europe/berlin".
 * Returns its end, NULL when it is none. */
const char *date_zone_name(const char *s, size_t n, struct parts *d);

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

static inline size_t digits(const char *p)
{
    size_t n = 0;
    while (is_digit(p[n]))
        n++;
    return n;
}

/* The value of N digits (at most 9). */
static inline int number(const char *p, size_t n)
{
    int v = 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (p[i] - '0');
    return v;
}

#endif
