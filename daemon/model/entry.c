#include "model/entry.h"

#include <string.h>

#include "base/clock.h"

/* The batch lives in its own arena: its first allocation. */
struct td_batch *td_batch_new(void)
{
    struct arena a = {0};
    struct td_batch *b = arena_zalloc(&a, sizeof *b);
    b->arena = a;
    b->well_formed = true;
    return b;
}

void td_batch_free(struct td_batch *b)
{
    if (!b)
        return;
    struct arena a = b->arena;
    arena_free(&a);
}

size_t td_batch_bytes(const struct td_batch *b)
{
    return b->arena.bytes;
}
