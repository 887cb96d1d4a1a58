/*
 * live_index.h - a growing hash table from 32-bit hash (not 0) to 32-bit number, without
 * tombstones. For live.c.
 */
#ifndef TIDINGS_STORY_LIVE_INDEX_H
#define TIDINGS_STORY_LIVE_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct live_index_slot {
    uint32_t hash, value;
};
struct live_index {
    struct live_index_slot *slots;
    size_t size, used; /* size is a power of two */
};

void live_index_init(struct live_index *x);
void live_index_fini(struct live_index *x);
/* UINT32_MAX when it is not there. */
uint32_t live_index_get(const struct live_index *x, uint32_t hash);
void live_index_put(struct live_index *x, uint32_t hash, uint32_t value);
void live_index_remove(struct live_index *x, uint32_t hash);

#endif
