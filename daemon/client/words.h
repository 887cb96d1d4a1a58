/*
 * words.h - times and sizes in words, and words as times. Pure but for the time zone.
 */
#ifndef TIDINGS_CLIENT_WORDS_H
#define TIDINGS_CLIENT_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define WORDS_BYTES 48

/* "just now", "5 min ago", "3 h ago", "2 d ago", "in 12 min", and a local date from a week on;
 * "never" for TD_NEVER. Returns BUF of WORDS_BYTES. */
const char *words_relative(char *buf, int64_t at, int64_t now);
/* Local time with its offset, for reading: "2026-11-23 08:15 +0100". */
const char *words_local(char *buf, int64_t at);
/* "812 B", "4.1 KiB", "12 MiB". */
const char *words_bytes(char *buf, int64_t n);

/* Reads a point in time: "2d" or "1h 30min" (that long ago), "now", "today", "yesterday" (their
 * local beginning), "2026-11-23", "2026-11", "2026" (local midnight), "2026-11-23 08:15[:00]"
 * (local), RFC 3339. 0 or -EINVAL. */
int words_parse_time(const char *s, int64_t now, int64_t *ret);
#define WORDS_TIME_ALLOWED                                           \
    "a duration (2d, 90min: that long ago), now, today, yesterday, " \
    "YYYY-MM-DD, YYYY-MM, YYYY, \"YYYY-MM-DD HH:MM\" or an RFC 3339 time"

#endif
