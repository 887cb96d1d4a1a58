/*
 * http_date.h - the three date formats of RFC 9110 5.6.7. Pure.
 *
 *   Sun, 06 Nov 1994 08:49:37 GMT     IMF-fixdate
 *   Sunday, 06-Nov-94 08:49:37 GMT    RFC 850
 *   Sun Nov  6 08:49:37 1994          asctime
 *
 * Only for comparing times (Expires, Date, Retry-After): validators are never read as dates.
 */
#ifndef TIDINGS_FETCH_HTTP_DATE_H
#define TIDINGS_FETCH_HTTP_DATE_H

#include <stddef.h>
#include <stdint.h>

/* N bytes at S, no white space around. NOW_MS decides the century of a two-digit year (a date more
 * than 50 years ahead is one in the past). The weekday is not checked; "UTC" and "+0000" pass for
 * GMT. 0, or -EINVAL with *RET_MS untouched. */
int http_date_parse(const char *s, size_t n, int64_t now_ms, int64_t *ret_ms);

#endif
