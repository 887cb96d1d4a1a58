/*
 * cut.h - text of scripts that write no spaces, cut for the full-text index. Pure.
 *
 * FTS5's tokenizer takes a run of Han for one word. So before it sees a text, each run of such a
 * script (base/script.h) becomes its pairs of neighbouring characters and its last character, with
 * spaces between: "ABC" is "AB BC C". Then at each character a token begins, and "BC" is found by
 * that token, "B" by the beginning of one, "ABC" by "AB BC" in a row: whatever part of a run is
 * looked for is found, and a phrase means what it meant. Marks within a run (of Thai vowels and
 * tones) are left away. Every other text stays as it is, byte for byte.
 */
#ifndef TIDINGS_QUERY_CUT_H
#define TIDINGS_QUERY_CUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define CUT_BYTES (8u << 20) /* more than a text of LIMIT_TEXT_BYTES can become */

/* Is there anything to cut in the N bytes (UTF-8)? */
bool cut_concerns(const char *s, size_t n);
/* Appends the text as the index sees it. */
void cut_text(struct buf *out, const char *s, size_t n);
/* The same of a phrase that is looked for: the run it ends with may go on in a text. *PREFIX
 * becomes true when its last token may. */
void cut_phrase(struct buf *out, const char *s, size_t n, bool *prefix);

#endif
