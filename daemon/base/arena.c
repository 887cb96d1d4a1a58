#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Blocks grow from 4 KiB (most feeds in flight hold little) to 256 KiB (a big document takes few).
 */
#define BLOCK_MIN 4096u
#define BLOCK_MAX (256u << 10)

struct arena_block {
    struct arena_block *next;
    size_t size, used; /* of data[] */
    char data[] __attribute__((aligned(16)));
};

static struct arena_block *add_block(struct arena *a, size_t need)
{
    size_t size = a->head ? MIN(a->head->size * 2, (size_t)BLOCK_MAX) : (size_t)BLOCK_MIN;
    if (size < need)
        size = need;
    struct arena_block *b = xmalloc(sizeof *b + size);
    b->size = size;
    b->used = 0;
    b->next = a->head;
    a->head = b;
    a->bytes += sizeof *b + size;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    n = (n + 7) & ~(size_t)7;
    struct arena_block *b = a->head;
    if (!b || b->size - b->used < n)
        b = add_block(a, n);
    void *p = b->data + b->used;
    b->used += n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    return memset(arena_alloc(a, n), 0, n);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1);
    if (n)
        memcpy(p, s, n);
    p[n] = 0;
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    char *p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

static void free_blocks(struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
}

void arena_free(struct arena *a)
{
    free_blocks(a->head);
    a->head = NULL;
    a->bytes = 0;
}

void arena_reset(struct arena *a)
{
    struct arena_block *b = a->head;
    if (b && b->size > BLOCK_MAX) /* made for one big thing: not worth keeping */
        arena_free(a);
    if (!a->head)
        return;
    free_blocks(b->next);
    b->next = NULL;
    b->used = 0;
    a->bytes = sizeof *b + b->size;
}
