/*
 * tally.h - how many of each: counts by a 64-bit hash, 16 bytes an entry. Loop thread; no I/O.
 */
#ifndef TIDINGS_SCHEDULE_TALLY_H
#define TIDINGS_SCHEDULE_TALLY_H

#include <stdint.h>

/* Zeroed = empty. Open addressing, linear probing; hash 0 is nobody and is not counted. */
struct tally {
    struct tally_entry {
        uint64_t hash; /* 0 = free */
        uint64_t count;
    } * entries;
    uint32_t cap, n; /* cap is 0 or a power of two */
};

void tally_fini(struct tally *t);
/* One more: the new count. */
uint64_t tally_add(struct tally *t, uint64_t hash);
/* One less of a hash that was added: the new count. */
uint64_t tally_remove(struct tally *t, uint64_t hash);

#endif
