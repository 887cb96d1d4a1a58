/*
 * live.h - the stories that can still grow: a table of bounded size, their words, and the lists
 * by which an item finds them.
 *
 * A story is a centroid (sum of its items' vectors), the opening item and the newest three as
 * representatives, the times, the exact keys of its newest articles. It leaves STORY_WINDOW_S after
 * its last item, or as the least recently touched one when the table is full.
 *
 * Each of a story's STORY_KEYS heaviest words puts it at the head of that word's list whenever the
 * story is touched; so the lists follow from the stories in the order of their last touch alone,
 * and a restart is invisible. Single-threaded.
 */
#ifndef TIDINGS_STORY_LIVE_H
#define TIDINGS_STORY_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "story/item.h"

#define STORY_WINDOW_S (96 * 3600)
#define STORY_KEYS     16
#define STORY_REPS     4
#define STORY_CENTROID                                                         \
    128 /* words of a centroid; cut to STORY_CENTROID_KEEP when there are more \
         */
#define STORY_CENTROID_KEEP 64
#define STORY_EXACT         6 /* newest articles of a story that are known by their keys */
#define STORY_LINKS         (STORY_KEYS + 2 * STORY_EXACT)

struct story_sum { /* a word of a centroid */
    uint32_t hash;
    uint32_t sum; /* of weights, Q14 */
    uint32_t items;
};

struct story_rep { /* one item of a story, as it was read; followed by its arrays */
    uint32_t outlet;
    uint8_t n_terms, n_set, n_numbers, n_pairs;
    bool has_text;
    struct story_term *terms;
    struct story_title_word *set;
    uint32_t *numbers;
    uint32_t *pairs; /* hashes of the title's neighbouring words, sorted */
};

struct story_exact {
    uint64_t key, address;
    int64_t item;
    uint32_t source;
};

struct story {
    int64_t id; /* 0 = free slot */
    int64_t first_s, last_s;
    uint64_t touch; /* order of the last change */
    uint32_t n;     /* items */
    uint32_t heat;  /* items, each halved every six hours; Q8 */
    int64_t heat_s;
    uint64_t norm, title_norm;           /* of the centroids, Q14 */
    struct story_sum *centroid, *titles; /* NULL while there is one item: live_centroid */
    uint32_t n_centroid, n_titles;
    struct story_rep *reps[STORY_REPS]; /* [0] opened the story */
    struct story_exact exact[STORY_EXACT];
    uint32_t n_exact;      /* ever; the newest are kept */
    uint32_t older, newer; /* by touch; LIVE_NONE at the ends */
    bool pinned;           /* does not leave by age */
};

#define LIVE_NONE UINT32_MAX

struct live_link { /* a story in the list of a word: links[slot * STORY_LINKS + k] */
    uint32_t hash; /* 0 = unused */
    uint32_t older, newer;
    uint32_t weight; /* of the word in the story's unit centroid, Q14 */
};

/* How many entries of one list are looked at. */
#define STORY_LIST 32

/* Of two neighbouring words of a title. */
uint32_t story_pair_hash(uint32_t a, uint32_t b);

struct live;

struct live *live_new(size_t max_stories);
void live_free(struct live *l);

/* The slot of story ID, LIVE_NONE if it is not there. */
uint32_t live_find(const struct live *l, int64_t id);
struct story *live_story(const struct live *l, uint32_t slot);
/* That the story, and then its items, will be looked at soon. */
void live_expect(const struct live *l, uint32_t slot);
void live_expect_items(const struct live *l, uint32_t slot);
size_t live_count(const struct live *l);
/* The story that was touched longest ago, LIVE_NONE; then live_story(...)->newer. */
uint32_t live_oldest(const struct live *l);

/* The head of HASH's list: an index of live_link, LIVE_NONE when it is empty. */
uint32_t live_list(const struct live *l, uint32_t hash);
const struct live_link *live_link(const struct live *l, uint32_t index);

/* What GONE is told of each story that leaves by age or for want of room. */
typedef void live_gone_fn(void *ctx, int64_t id);
void live_on_gone(struct live *l, live_gone_fn *gone, void *ctx);

/* Lets go what is too old at NOW_S. */
void live_expire(struct live *l, int64_t now_s);
/* Opens story ID with item X: its slot. */
uint32_t live_open(struct live *l, int64_t id, const struct story_item *x);
/* Adds X to the story. */
void live_add(struct live *l, uint32_t slot, const struct story_item *x);
/* Takes the story out, without GONE. */
void live_remove(struct live *l, uint32_t slot);

/* The words of a story's centroid (of its title centroid) by hash, in BUF when they are kept
 * nowhere: their number. */
size_t live_centroid(const struct story *s, struct story_sum buf[STORY_CENTROID],
                     const struct story_sum **ret);
size_t live_titles(const struct story *s, struct story_sum buf[STORY_CENTROID],
                   const struct story_sum **ret);
/* Its heat at NOW_S. */
uint32_t live_heat(const struct story *s, int64_t now_s);

/* The slot of the story touched last that has an article with this key or, ADDRESS, under this
 * address, which came from another feed than SOURCE (0 = any: a feed may repeat its titles, and
 * link all its items to one page); *RET the article's first item. LIVE_NONE: none. */
uint32_t live_exact(const struct live *l, uint64_t key, bool address, uint32_t source,
                    int64_t *ret);

/* One story as bytes, and back. Stories are loaded into an empty table, by touch. -EINVAL when the
 * bytes are no story, or one that is there, or the table is full (nothing is changed). */
void live_save(const struct live *l, uint32_t slot, struct buf *out);
int live_load(struct live *l, const void *p, size_t n);

#endif
