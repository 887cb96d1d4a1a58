/*
 * str.h - small questions about text: slices, numbers, UTF-8, what is safe to show.
 * All pure; ASCII case only (feeds' natural language text is never folded here).
 */
#ifndef TIDINGS_BASE_STR_H
#define TIDINGS_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct buf;

static inline bool str_eq(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}
static inline bool str_caseeq(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}
bool str_starts(const char *s, const char *prefix);
bool str_casestarts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
static inline bool str_empty(const char *s)
{
    return !s || !*s;
}
/* 0 to 15 of a hexadecimal digit in either case, -1 of anything else. */
static inline int str_hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}
/* True for equal strings or two NULLs. */
bool str_same(const char *a, const char *b);

/* Cuts white space off both ends of the N bytes at *P, in place (moves *P, returns the new length).
 */
size_t str_trim(const char **p, size_t n);

/* A whole decimal number: 0, -EINVAL (no digits, or something behind them) or -ERANGE. */
int str_to_u64(const char *s, uint64_t *ret);
int str_to_i64(const char *s, int64_t *ret);

/* "90", "90s", "15min", "1h 30min", "2d", "1w", "500ms" as systemd.time(7) writes them; a bare
 * number is seconds. Milliseconds into *RET_MS. 0, -EINVAL, -ERANGE. */
int str_to_duration_ms(const char *s, int64_t *ret_ms);
/* "10M", "512K", "1G", "100": bytes, powers of 1024. 0, -EINVAL, -ERANGE. */
int str_to_bytes(const char *s, uint64_t *ret);
/* "0.6", "1", ".25": a share of 1 in thousandths (more digits are cut). 0, -EINVAL, -ERANGE
 * above 1.
 */
int str_to_share(const char *s, int32_t *ret_thousandths);
#define STR_INT_BYTES 21 /* "-9223372036854775808" */
/* N in decimal, somewhere in BUF: the start of it is returned. */
const char *str_int(char buf[STR_INT_BYTES], int64_t n);
/* Words for a duration: "45 s", "12 min", "3 h 5 min", "2 d 4 h". BUF of SIZE is returned. */
const char *str_duration(char *buf, size_t size, int64_t ms);

/* The candidate nearest to S by edit distance if it is near enough to be meant, else NULL. */
const char *str_suggest(const char *s, const char *const *candidates, size_t n);

/* Length of the valid UTF-8 sequence at S (1 to 4), 0 when there is none (RFC 3629: no surrogates,
 * no overlong forms, at most U+10FFFF). RET (may be NULL) gets the code point. */
size_t utf8_decode(const char *s, size_t n, uint32_t *ret);
bool utf8_valid(const char *s, size_t n);
/* Writes the code point at OUT (room for 4): the number of bytes. */
size_t utf8_encode(uint32_t cp, char *out);
/* The largest length <= N at which S can be cut without splitting a sequence. */
size_t utf8_cut(const char *s, size_t n);

/* Adds S to B so that a terminal cannot be steered by it: control characters (C0, C1, DEL), bidi
 * overrides and invalid bytes become U+FFFD or a space. */
int str_add_printable(struct buf *b, const char *s, size_t n);

#endif
