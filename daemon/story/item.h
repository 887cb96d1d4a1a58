/*
 * item.h - what an item is to the clusterer: weighted words, numbers, names, an exact key.
 *
 * Pure but for the word counts it reads. Everything borrowed lives as long as the input.
 */
#ifndef TIDINGS_STORY_ITEM_H
#define TIDINGS_STORY_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "story/frequency.h"
#include "story/words.h"

#define STORY_TERMS       40  /* heaviest words of an item that count */
#define STORY_TITLE_WORDS 32  /* words of a title that count */
#define STORY_TEXT_WORDS  80  /* words of the text that count */
#define STORY_NUMBERS     8   /* distinct numbers of a title */
#define STORY_NO_TERM     255 /* in story_item.slot: no such word */

/* An item as it comes in. Strings may be NULL but for the title, which may be "". */
struct story_in {
    int64_t item;   /* its id; ids of items that come later are larger */
    int64_t time_s; /* Unix seconds. The clusterer's clock is the latest of all */
    const char *title;
    const char *text;    /* summary or content, plain */
    const char *outlet;  /* who publishes. Not shown, only compared */
    const char *source;  /* the feed it came from; NULL = the outlet */
    const char *byline;  /* the outlet as it may end a title: "... - The Gazette" */
    const char *address; /* of the article, canonical (address.h); NULL or "" = unknown */
};

struct story_term {
    uint32_t hash;
    uint16_t weight; /* of a unit vector, Q14 */
};

struct story_title_word {
    uint32_t hash;
    uint16_t weight;              /* of the title's own unit vector, Q14 */
    uint16_t idf : 11, flags : 5; /* STORY_IDF a doubling; enum story_word_flags */
};
#define STORY_IDF 32

struct story_item {
    struct story_term terms[STORY_TERMS]; /* by hash */
    uint8_t heaviest[STORY_TERMS];        /* indexes into terms, heaviest first */
    size_t n_terms;
    struct story_title_word words[STORY_TITLE_WORDS]; /* of the title, in order */
    size_t n_words;
    struct story_title_word set[STORY_TITLE_WORDS]; /* the same without doubles, by hash */
    size_t n_set;
    uint32_t numbers[STORY_NUMBERS]; /* by hash */
    size_t n_numbers;
    struct frequency_slot counts[STORY_TERMS];          /* of terms, before this item */
    uint32_t rare[STORY_TERMS];                         /* log2 of how few items had it, LOG */
    uint32_t all[STORY_TITLE_WORDS + STORY_TEXT_WORDS]; /* distinct words, by hash */
    size_t n_all;
    uint8_t slot[256];       /* hash table over terms: story_item_term */
    uint64_t key;            /* equal for equal title and lead; 0 = too short to say */
    uint64_t address;        /* the same of the address; 0 = none */
    uint32_t outlet, source; /* hashes, 0 = unknown */
    int64_t item, time_s;
    bool has_text;
};

/* Reads IN against the word counts F, which are left as they are. */
void story_item_read(struct story_item *ret, const struct story_in *in, const struct frequency *f);

/* The index of HASH in terms, -1 if it is not there. */
static inline int story_item_term(const struct story_item *x, uint32_t hash)
{
    for (uint32_t i = hash & 255;; i = (i + 1) & 255) {
        if (x->slot[i] == STORY_NO_TERM)
            return -1;
        if (x->terms[x->slot[i]].hash == hash)
            return x->slot[i];
    }
}

/* The title's length in bytes without a trailing " - Outlet" or " | Outlet" that is BYLINE or
 * OUTLET (either may be NULL). */
size_t story_title_length(const char *title, const char *byline, const char *outlet);

#endif
