#include "schedule/tally.h"

#include <stddef.h>

#include "base/mem.h"

void tally_fini(struct tally *t)
{
    free(t->entries);
    *t = (struct tally){0};
}

/* The entry of HASH, or the free one where it belongs. There is always a free one. */
static struct tally_entry *find(const struct tally *t, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & (t->cap - 1);
    while (t->entries[i].hash && t->entries[i].hash != hash)
        i = (i + 1) & (t->cap - 1);
    return &t->entries[i];
}

static void grow(struct tally *t)
{
    struct tally bigger = {.cap = t->cap ? 2 * t->cap : 64, .n = t->n};
    bigger.entries = xcalloc(bigger.cap, sizeof *bigger.entries);
    for (uint32_t i = 0; i < t->cap; i++)
        if (t->entries[i].hash)
            *find(&bigger, t->entries[i].hash) = t->entries[i];
    free(t->entries);
    *t = bigger;
}

uint64_t tally_add(struct tally *t, uint64_t hash)
{
    if (!hash)
        return 0;
    if (4 * (t->n + 1) > 3 * t->cap)
        grow(t);
    struct tally_entry *e = find(t, hash);
    t->n += !e->hash;
    e->hash = hash;
    return ++e->count;
}

/* Frees entry I and moves those behind it that were only there because it was taken. */
static void vacate(struct tally *t, uint32_t i)
{
    uint32_t mask = t->cap - 1;
    for (uint32_t j = (i + 1) & mask; t->entries[j].hash; j = (j + 1) & mask) {
        uint32_t want = (uint32_t)t->entries[j].hash & mask;
        if (((j - want) & mask) < ((j - i) & mask))
            continue;
        t->entries[i] = t->entries[j];
        i = j;
    }
    t->entries[i] = (struct tally_entry){0};
}

uint64_t tally_remove(struct tally *t, uint64_t hash)
{
    if (!hash || !t->cap)
        return 0;
    struct tally_entry *e = find(t, hash);
    if (!e->hash)
        return 0;
    if (--e->count)
        return e->count;
    vacate(t, (uint32_t)(e - t->entries));
    t->n--;
    return 0;
}
