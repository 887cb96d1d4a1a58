/*
 * encoding_decode.h - the decoders and labels of the WHATWG Encoding Standard. Internal to
 * encoding.c and encoding_detect.c.
 */
#ifndef TIDINGS_PARSE_ENCODING_DECODE_H
#define TIDINGS_PARSE_ENCODING_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct encoding;

/* By label (any case, white space around it allowed; NULL if unknown) and the other way round. */
const struct encoding *encoding_find(const char *label, size_t n);
const char *encoding_name(const struct encoding *e);
/* True when the bytes below 0x80 are ASCII wherever they stand on their own. */
bool encoding_is_ascii_superset(const struct encoding *e);
/* True for UTF-16 and UTF-32. */
bool encoding_is_wide(const struct encoding *e);

struct decode_result {
    size_t bad;    /* places that are no character */
    size_t good;   /* characters beyond ASCII */
    bool cleaned;  /* control characters were dropped */
    bool cut_tail; /* the last character is incomplete */
};
/* Adds the text of N bytes to OUT as UTF-8, with U+FFFD for what is none (in UTF-8: the
 * windows-1252 character of each such byte). More than MAX_BAD bad places: stops there. 0 or
 * -EFBIG. OUT may be NULL: only counts. */
int encoding_decode(const struct encoding *e, const char *s, size_t n, size_t max_bad,
                    struct buf *out, struct decode_result *ret);

/* The most likely legacy encoding of bytes that are no UTF-8, judged by the frequency of
 * characters; windows-1252 when nothing speaks for another. */
const struct encoding *encoding_detect(const char *s, size_t n);

#endif
