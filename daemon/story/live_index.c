#include "story/live_index.h"

#include "base/mem.h"

#define SMALLEST 1024

void live_index_init(struct live_index *x)
{
    *x = (struct live_index){.slots = xcalloc(SMALLEST, sizeof *x->slots), .size = SMALLEST};
}

void live_index_fini(struct live_index *x)
{
    free(x->slots);
}

static size_t home(const struct live_index *x, uint32_t hash)
{
    return (size_t)(((uint64_t)hash * 0x9E3779B97F4A7C15u) >> 32) & (x->size - 1);
}

static struct live_index_slot *find(const struct live_index *x, uint32_t hash)
{
    size_t i = home(x, hash);
    while (x->slots[i].hash && x->slots[i].hash != hash)
        i = (i + 1) & (x->size - 1);
    return &x->slots[i];
}

uint32_t live_index_get(const struct live_index *x, uint32_t hash)
{
    const struct live_index_slot *s = find(x, hash);
    return s->hash ? s->value : UINT32_MAX;
}

static void grow(struct live_index *x)
{
    struct live_index old = *x;
    x->size *= 2;
    x->slots = xcalloc(x->size, sizeof *x->slots);
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i].hash)
            *find(x, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

void live_index_put(struct live_index *x, uint32_t hash, uint32_t value)
{
    struct live_index_slot *s = find(x, hash);
    if (!s->hash) {
        if (x->used >= x->size / 4 * 3) {
            grow(x);
            s = find(x, hash);
        }
        x->used++;
    }
    *s = (struct live_index_slot){hash, value};
}

void live_index_remove(struct live_index *x, uint32_t hash)
{
    struct live_index_slot *s = find(x, hash);
    if (!s->hash)
        return;
    size_t hole = (size_t)(s - x->slots), i = hole;
    x->used--;
    for (;;) { /* what was pushed past the hole moves back into it */
        i = (i + 1) & (x->size - 1);
        if (!x->slots[i].hash)
            break;
        size_t away = (i - home(x, x->slots[i].hash)) & (x->size - 1);
        if (away >= ((i - hole) & (x->size - 1))) {
            x->slots[hole] = x->slots[i];
            hole = i;
        }
    }
    x->slots[hole] = (struct live_index_slot){0};
}
