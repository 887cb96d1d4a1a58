#include "story/frequency.h"

#include <errno.h>

#include "base/mem.h"
#include "story/fixed.h"

#define PRIOR     20001       /* items that are taken as read before the first; 2,000 do as well */
#define HALF_S    (2 * 86400) /* recent is halved so often */
#define FULL      (STORY_FREQUENCY_SLOTS / 4 * 3)
#define MASK      (STORY_FREQUENCY_SLOTS - 1)
#define SPREAD(h) (((h)*2654435761u) >> 13) /* 19 bits: as many as MASK */

void frequency_init(struct frequency *f)
{
    *f = (struct frequency){.slots = xpages(STORY_FREQUENCY_SLOTS, sizeof *f->slots),
                            .halved_at_s = INT64_MIN};
}

void frequency_fini(struct frequency *f)
{
    xpages_free(f->slots, STORY_FREQUENCY_SLOTS, sizeof *f->slots);
    f->slots = NULL;
}

static struct frequency_slot *find(const struct frequency *f, uint32_t hash)
{
    uint32_t i = SPREAD(hash) & MASK;
    while (f->slots[i].hash && f->slots[i].hash != hash)
        i = (i + 1) & MASK;
    return &f->slots[i];
}

struct frequency_slot frequency_get(const struct frequency *f, uint32_t hash)
{
    return *find(f, hash);
}

void frequency_expect(const struct frequency *f, uint32_t hash)
{
    __builtin_prefetch(&f->slots[SPREAD(hash) & MASK]);
}

int32_t frequency_all(const struct frequency *f)
{
    return fixed_log2(f->items + PRIOR);
}

int32_t frequency_idf(int32_t all, const struct frequency_slot *s)
{
    return MAX(all - fixed_log2(s->total + 1), 0);
}

/* Halves the counts that are asked for and drops words that are counted no more. Deterministic:
 * the order of the table follows from its content alone but for collisions, and it is rebuilt in
 * slot order. */
static void halve(struct frequency *f, unsigned total, unsigned recent)
{
    struct frequency_slot *old = f->slots;
    f->slots = xpages(STORY_FREQUENCY_SLOTS, sizeof *f->slots);
    f->used = 0;
    for (uint32_t i = 0; i < STORY_FREQUENCY_SLOTS; i++) {
        struct frequency_slot s = old[i];
        s.total >>= total;
        s.recent >>= recent;
        if (!s.hash || !s.total)
            continue;
        *find(f, s.hash) = s;
        f->used++;
    }
    f->items >>= total;
    xpages_free(old, STORY_FREQUENCY_SLOTS, sizeof *old);
}

static void halve_recent(struct frequency *f, int64_t now_s)
{
    if (f->halved_at_s == INT64_MIN || now_s - f->halved_at_s >= 32 * (int64_t)HALF_S) {
        if (f->halved_at_s != INT64_MIN)
            halve(f, 0, 31);
        f->halved_at_s = now_s;
        return;
    }
    unsigned times = (unsigned)((now_s - f->halved_at_s) / HALF_S);
    halve(f, 0, times);
    f->halved_at_s += times * (int64_t)HALF_S;
}

void frequency_count(struct frequency *f, const uint32_t *hashes, size_t n, int64_t now_s)
{
    if (f->halved_at_s == INT64_MIN || now_s - f->halved_at_s >= HALF_S)
        halve_recent(f, now_s);
    if (f->items >= STORY_FREQUENCY_ITEMS)
        halve(f, 1, 0);
    while (f->used + n > FULL)
        halve(f, 1, 0);
    for (size_t i = 0; i < n; i++) {
        struct frequency_slot *s = find(f, hashes[i]);
        f->used += !s->hash;
        s->hash = hashes[i];
        s->total++;
        s->recent++;
    }
    f->items++;
}

void frequency_save(const struct frequency *f, struct buf *out)
{
    bytes_put(out, f->items, 4);
    bytes_put(out, (uint64_t)f->halved_at_s, 8);
    bytes_put(out, f->used, 4);
    buf_reserve(out, (size_t)f->used * 12);
    for (uint32_t i = 0; i < STORY_FREQUENCY_SLOTS; i++) {
        if (!f->slots[i].hash)
            continue;
        bytes_put(out, f->slots[i].hash, 4);
        bytes_put(out, f->slots[i].total, 4);
        bytes_put(out, f->slots[i].recent, 4);
    }
}

int frequency_load(struct frequency *f, struct bytes_in *in)
{
    f->items = (uint32_t)bytes_get(in, 4);
    f->halved_at_s = (int64_t)bytes_get(in, 8);
    uint32_t n = (uint32_t)bytes_get(in, 4);
    if (n > FULL)
        return -EINVAL;
    for (; n > 0 && !in->bad; n--) {
        struct frequency_slot s = {.hash = (uint32_t)bytes_get(in, 4)};
        s.total = (uint32_t)bytes_get(in, 4);
        s.recent = (uint32_t)bytes_get(in, 4);
        struct frequency_slot *at = find(f, s.hash);
        if (!s.hash || at->hash)
            return -EINVAL;
        *at = s;
        f->used++;
    }
    return in->bad ? -EINVAL : 0;
}
