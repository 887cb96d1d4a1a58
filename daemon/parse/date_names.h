/*
 * date_names.h - the words in dates: month and weekday names of the languages that feeds are
 * written in, and the folding that makes them comparable. Internal to date.c.
 */
#ifndef TIDINGS_PARSE_DATE_NAMES_H
#define TIDINGS_PARSE_DATE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Copies S to OUT (room for N + 1): lower case, Latin and Greek accents removed, every kind of
 * space a space, every kind of dash a '-'. Returns the length. */
size_t date_fold(const char *s, size_t n, char *out);

enum date_word {
    DATE_WORD_UNKNOWN,
    DATE_WORD_MONTH, /* value 1 to 12 */
    DATE_WORD_WEEKDAY,
    DATE_WORD_EITHER,  /* "mar": March, or mardi, martes, martedi; value is the month */
    DATE_WORD_FILLER,  /* "at", "de", "um", "t" */
    DATE_WORD_ORDINAL, /* "th" behind a number */
    DATE_WORD_AM,
    DATE_WORD_PM,
    DATE_WORD_UNIT, /* behind a number: value 'y', 'm', 'd', 'H', 'M', 'S' */
};
struct date_name {
    enum date_word kind;
    int value;
    bool korean; /* a Korean word: the time is meant in Korea when no zone is given */
};
/* Looks a folded word up. */
struct date_name date_name(const char *s, size_t n);

#endif
