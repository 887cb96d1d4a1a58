/*
 * frequency.h - how many items have had a word: what makes one telling and another empty.
 *
 * A hash table of fixed size. `total` counts since ever (halved with the number of items when that
 * reaches STORY_FREQUENCY_ITEMS, or when the table is nearly full: this ages the vocabulary);
 * `recent` is halved every two days of the items' time, so that it speaks of the news of about a
 * week. Writer thread, or single-threaded.
 */
#ifndef TIDINGS_STORY_FREQUENCY_H
#define TIDINGS_STORY_FREQUENCY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "story/bytes.h"

#define STORY_FREQUENCY_ITEMS (1u << 20)
#define STORY_FREQUENCY_SLOTS (1u << 19)

struct frequency_slot {
    uint32_t hash; /* 0 = empty */
    uint32_t total;
    uint32_t recent;
};

struct frequency {
    struct frequency_slot *slots;
    uint32_t used;
    uint32_t items;      /* counted, halved as total is */
    int64_t halved_at_s; /* when recent was halved last; INT64_MIN = never */
};

void frequency_init(struct frequency *f);
void frequency_fini(struct frequency *f);

/* The counts of HASH, both 0 for a word never seen. */
struct frequency_slot frequency_get(const struct frequency *f, uint32_t hash);
/* That HASH will be asked for soon: the table is larger than the processor's caches. */
void frequency_expect(const struct frequency *f, uint32_t hash);
/* log2((items + prior) / (total + 1)) in LOG, at least 0; ALL is frequency_all's. */
int32_t frequency_all(const struct frequency *f);
int32_t frequency_idf(int32_t all, const struct frequency_slot *s);

/* Counts an item of time NOW_S with these N distinct words. */
void frequency_count(struct frequency *f, const uint32_t *hashes, size_t n, int64_t now_s);

/* All counts as bytes, and back into an empty table: 0 or -EINVAL. */
void frequency_save(const struct frequency *f, struct buf *out);
int frequency_load(struct frequency *f, struct bytes_in *in);

#endif
