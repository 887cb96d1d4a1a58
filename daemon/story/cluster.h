/*
 * cluster.h - which story does an item tell? One item after the other, never looking back.
 *
 *     words -> item (weights against the word counts) -> exact key, else candidates from the words'
 *     lists -> features -> linear decision -> joins the best story, or opens one
 *
 * Deterministic: integers only, the items' own clock, ties by id. Bounded: at most
 * STORY_SEARCH x STORY_LIST list entries, STORY_CANDIDATES candidates an item, whatever the
 * history. Single-threaded; the daemon calls it on the writer thread.
 */
#ifndef TIDINGS_STORY_CLUSTER_H
#define TIDINGS_STORY_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "story/item.h"
#include "story/score.h"

#define STORY_VERSION        1   /* of the method: another one decides differently */
#define STORY_SEARCH         10  /* heaviest words of an item whose lists are looked at */
#define STORY_CANDIDATES     12  /* stories that are looked at closely */
#define STORY_STRICTNESS     600 /* probability from which an item joins, thousandths */
#define STORY_SURE           800 /* probability from which that needs no telling */
#define STORY_STRICTNESS_MIN 50
#define STORY_STRICTNESS_MAX 990

struct cluster;

struct story_out {
    int64_t story;
    bool opened;     /* it is the story's first item */
    bool exact;      /* found by its key: the same article */
    int64_t article; /* the first item with the same key or address; IN's own if there is none */
    int32_t p;       /* probability of belonging, Q16; of an opener: 65536 less that of the best
                        other story */
    /* The best story that was looked at, 0 = none, and its features; for explaining. Borrowed until
     * the next call. */
    int64_t best;
    const struct story_candidate *why;
    const struct story_item *read;
};

/* STRICTNESS in thousandths, STORY_STRICTNESS_MIN to _MAX. */
struct cluster *cluster_new(int strictness);
void cluster_free(struct cluster *c);
void cluster_set_strictness(struct cluster *c, int strictness);

void cluster_assign(struct cluster *c, const struct story_in *in, struct story_out *ret);

/* ---- what people decide ---- */

/* IN goes to story ID, which is opened if it is not live; 0: to a new one. */
void cluster_put(struct cluster *c, const struct story_in *in, int64_t id, struct story_out *ret);
/* Story ID can grow no more. */
void cluster_drop(struct cluster *c, int64_t id);
bool cluster_is_live(const struct cluster *c, int64_t id);

/* ---- keeping it in pieces, as the store does ---- */

/* GONE is told of each story that leaves. */
void cluster_on_gone(struct cluster *c, void (*gone)(void *ctx, int64_t id), void *ctx);
/* Version, next id and clock. cluster_load_head: -EINVAL for bytes of another version. */
void cluster_save_head(const struct cluster *c, struct buf *out);
int cluster_load_head(struct cluster *c, const void *p, size_t n);
/* The word counts as they are; and the words of the item read last, which cluster_load_counted
 * counts again. 0 or -EINVAL. */
void cluster_save_words(const struct cluster *c, struct buf *out);
int cluster_load_words(struct cluster *c, const void *p, size_t n);
void cluster_save_counted(const struct cluster *c, struct buf *out);
int cluster_load_counted(struct cluster *c, const void *p, size_t n);
/* One live story; loading goes by touch. */
void cluster_save_story(const struct cluster *c, int64_t id, struct buf *out, int64_t *ret_touch);
int cluster_load_story(struct cluster *c, const void *p, size_t n);
/* Ids below NEXT are given no more; cluster_take_id gives the next one that is at least LEAST. */
void cluster_skip_ids(struct cluster *c, int64_t next);
int64_t cluster_take_id(struct cluster *c, int64_t least);
/* Counts the words of the item that was read last, at NOW_S. */
void cluster_count(struct cluster *c, int64_t now_s);

/* The whole state as bytes: a clusterer that loads them goes on as if it had never stopped.
 * cluster_load: -EINVAL and the reason when they are none of this version, or damaged; C, which
 * must be new, is then unusable. */
void cluster_save(const struct cluster *c, struct buf *out);
int cluster_load(struct cluster *c, const void *p, size_t n, struct td_err *err);

#endif
