#include "schedule/heap.h"

#include "base/mem.h"

void heap_fini(struct heap *h)
{
    free(h->nodes);
    *h = (struct heap){0};
}

static void place(struct heap *h, uint32_t i, struct sched_node *n)
{
    h->nodes[i] = n;
    n->heap_pos = i;
}

static void sift_up(struct heap *h, uint32_t i, struct sched_node *n)
{
    for (; i > 0; i = (i - 1) / 2) {
        struct sched_node *parent = h->nodes[(i - 1) / 2];
        if (parent->due_at <= n->due_at)
            break;
        place(h, i, parent);
    }
    place(h, i, n);
}

static void sift_down(struct heap *h, uint32_t i, struct sched_node *n)
{
    for (uint32_t child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && h->nodes[child + 1]->due_at < h->nodes[child]->due_at)
            child++;
        if (n->due_at <= h->nodes[child]->due_at)
            break;
        place(h, i, h->nodes[child]);
    }
    place(h, i, n);
}

void heap_push(struct heap *h, struct sched_node *n)
{
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap + h->cap / 2 : 64;
        h->nodes = xreallocarray(h->nodes, h->cap, sizeof *h->nodes);
    }
    sift_up(h, h->n++, n);
}

void heap_remove(struct heap *h, struct sched_node *n)
{
    uint32_t i = n->heap_pos;
    struct sched_node *last = h->nodes[--h->n];
    if (last == n)
        return;
    if (last->due_at < n->due_at)
        sift_up(h, i, last);
    else
        sift_down(h, i, last);
}

struct sched_node *heap_first(const struct heap *h)
{
    return h->n ? h->nodes[0] : NULL;
}

struct sched_node *heap_pop_due(struct heap *h, int64_t now)
{
    struct sched_node *n = heap_first(h);
    if (!n || n->due_at > now)
        return NULL;
    heap_remove(h, n);
    return n;
}

void heap_shift(struct heap *h, int64_t delta)
{
    for (uint32_t i = 0; i < h->n; i++)
        h->nodes[i]->due_at += delta;
}
