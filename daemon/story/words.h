/*
 * words.h - text of any script cut into the words that stories are compared by.
 *
 * Pure. A word is a run of letters, marks and digits (Unicode categories L, M, N), compatibility
 * forms resolved (NFKC), case folded, accents removed, cut to its first STORY_STEM base characters:
 * a stemmer that needs no dictionary. Scripts without spaces (Han, Kana, Hangul, Thai, Lao, Khmer,
 * Burmese) give overlapping pairs of characters instead. Digits keep the separators between them
 * ("7.8.1", "CVE-2024-1234" is "cve" and "2024-1234"); digits of other scripts become ASCII.
 * Arabic loses the joined article and conjunctions, English its "'s".
 *
 * A word is known by a 32-bit hash of its bytes, the same on every machine. Two words may share
 * one; somebody who makes them do so gains a wrong resemblance, no more.
 */
#ifndef TIDINGS_STORY_WORDS_H
#define TIDINGS_STORY_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORY_STEM 5 /* base characters of a word that count; 5 to 7 make no difference */

enum story_word_flags {
    WORD_NUMBER = 1,   /* has a digit */
    WORD_CAPITAL = 2,  /* begins with a capital and not a sentence */
    WORD_FUNCTION = 4, /* says nothing about the subject: an article, a preposition, "says" */
    WORD_PAIR = 8,     /* of a script without spaces */
    WORD_FIRST = 16,   /* begins a sentence */
};

struct story_word {
    uint32_t hash;  /* never 0 */
    uint8_t flags;  /* enum story_word_flags */
    uint16_t at, n; /* where it stands in the text, bytes */
};

/* Cuts the first N bytes of S (any bytes; what is no UTF-8 separates words) into at most MAX words:
 * their number. At most LIMIT_STORY_TEXT_BYTES are looked at. */
size_t story_words(const char *s, size_t n, struct story_word *ret, size_t max);

/* The hash of a word that is spelt in lower case ASCII and short enough not to be cut. */
uint32_t story_word_hash(const char *s, size_t n);

#endif
