/*
 * json_repair.h - JSON that jansson refuses, written anew so that it takes it.
 *
 * Correct JSON that it has no place for: integers of more than 64 bits, reals beyond a double (both
 * become strings), U+0000 and halves of surrogate pairs (become U+FFFD). And JSON that is none: raw
 * line ends in strings, unknown escapes and words, comments, commas too many or missing, a document
 * that ends in the middle (what is open is closed).
 */
#ifndef TIDINGS_PARSE_JSON_REPAIR_H
#define TIDINGS_PARSE_JSON_REPAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The bracket that a JSON document starts with, behind white space and comments; NULL: the N bytes
 * are no JSON. */
const char *json_start(const char *s, size_t n);

/* Adds the N bytes of JSON (valid UTF-8) to OUT; *REPAIRS gets REPAIR_OTHER, REPAIR_TRUNCATED
 * (xml.h) where it was not correct. False: it is no JSON, or OUT is full. One pass, at most 6 times
 * as long. */
bool json_repair(const char *s, size_t n, struct buf *out, unsigned *repairs);

#endif
