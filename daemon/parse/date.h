/*
 * date.h - the dates of the feeds of this world, as one table of dialects.
 *
 * Pure and without tzdata: the zone names that feeds use (abbreviations, IANA names with their
 * daylight rules) are tables in date_zone.c, so that the result depends neither on the machine nor
 * on files a sandboxed child cannot read.
 */
#ifndef TIDINGS_PARSE_DATE_H
#define TIDINGS_PARSE_DATE_H

#include <stddef.h>
#include <stdint.h>

/* The time that the N bytes at S mean, in ms since 1970 UTC with the fraction cut to whole seconds;
 * TD_NEVER for what is no date or an impossible one. White space around it does not matter. Never
 * "now". OUTPUT.md section 1, "Dates". */
int64_t date_parse(const char *s, size_t n);

#endif
