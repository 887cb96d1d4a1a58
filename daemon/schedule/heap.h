/*
 * heap.h - nodes by due_at, the smallest first; O(log n), removal from anywhere.
 */
#ifndef TIDINGS_SCHEDULE_HEAP_H
#define TIDINGS_SCHEDULE_HEAP_H

#include "schedule/schedule.h"

/* Zeroed = empty. Nodes are borrowed; a node is in one heap at most (heap_pos). */
struct heap {
    struct sched_node **nodes;
    uint32_t n, cap;
};

void heap_fini(struct heap *h);
void heap_push(struct heap *h, struct sched_node *n);
void heap_remove(struct heap *h, struct sched_node *n);
/* The first node, NULL when empty. Stays in. */
struct sched_node *heap_first(const struct heap *h);
/* The first node if it is due at NOW, taken out; else NULL. */
struct sched_node *heap_pop_due(struct heap *h, int64_t now);
/* Moves every due_at by DELTA: the order stays. */
void heap_shift(struct heap *h, int64_t delta);

#endif
