/*
 * date_zone.h - what the zone words in dates mean. Internal to date.c; pure tables, no tzdata.
 *
 * IANA names follow the rules in force in tzdata 2025b for every year (before 2007 the United
 * States and Canada change on the older days): feeds use them for recent times, and a whole history
 * would cost a megabyte in each parser child.
 */
#ifndef TIDINGS_PARSE_DATE_ZONE_H
#define TIDINGS_PARSE_DATE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Offset east of UTC, in seconds, of an abbreviation ("est", "cest") in lower case. False: not
 * known. Where several countries use one, the one that feeds mean most often. */
bool zone_abbreviation(const char *s, size_t n, int32_t *ret_offset);

/* The same for an IANA name ("europe/berlin", in lower case) at LOCAL, the seconds since 1970 that
 * the clock there shows. */
bool zone_iana(const char *s, size_t n, int64_t local, int32_t *ret_offset);

#endif
