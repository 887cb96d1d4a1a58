/*
 * clock.h - reading the clocks and writing times.
 *
 * Points in time are int64 milliseconds since 1970-01-01 UTC, named *_at; TD_NEVER means "none".
 * Only glue reads a clock; pure code takes `now` as an argument.
 */
#ifndef TIDINGS_BASE_CLOCK_H
#define TIDINGS_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define TD_NEVER INT64_MIN

#define SECOND_MS 1000LL
#define HOUR_MS   (3600 * SECOND_MS)
#define DAY_MS    (24 * HOUR_MS)

int64_t clock_now_ms(void);  /* wall clock */
int64_t clock_mono_ms(void); /* never jumps; for durations */

#define CLOCK_TEXT 32 /* enough for clock_rfc3339 */
/* "2026-11-23T08:15:00Z" (seconds, UTC). Returns BUF of CLOCK_TEXT bytes; "" for TD_NEVER. */
const char *clock_rfc3339(char *buf, int64_t at_ms);
/* Reads what clock_rfc3339 writes, and RFC 3339 in general (offset, fraction; no
 * offset means UTC): 0 or -EINVAL. */
int clock_parse_rfc3339(const char *s, int64_t *ret_ms);
/* Reads a date, in UTC: "2026", "2026-11", "2026-11-25", or RFC 3339. 0 or -EINVAL. */
int clock_parse_date(const char *s, int64_t *ret_ms);
/* Days since 1970-01-01 of a proleptic Gregorian date, valid for any year in the range of int. */
int64_t clock_days(int year, int month, int day);

#endif
