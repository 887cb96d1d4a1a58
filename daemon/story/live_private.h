/*
 * live_private.h - the table of stories, for live.c and live_state.c.
 */
#ifndef TIDINGS_STORY_LIVE_PRIVATE_H
#define TIDINGS_STORY_LIVE_PRIVATE_H

#include "story/fixed.h"
#include "story/live.h"
#include "story/live_index.h"

struct live {
    struct story *stories;
    struct live_link *links;
    size_t max, count;
    uint32_t fresh;  /* slots from here on were never used: their pages are not there yet */
    uint32_t unused; /* chain of free slots by `newer` */
    uint32_t oldest, newest;
    uint64_t touch;
    struct live_index words; /* hash -> index of the newest link */
    struct live_index ids;   /* folded id -> slot; ids are dense, so folding does not collide */
    live_gone_fn *gone;
    void *gone_ctx;
};

void live_story_fini(struct story *s);
/* One block for a representative with arrays of SIZES' lengths: the struct, then the arrays. */
struct story_rep *live_rep_alloc(const struct story_rep *sizes);
/* S (taken) becomes the newest in the order of touch, with the touch it has. */
void live_put(struct live *l, const struct story *s);

#endif
