/*
 * arena.h - memory of one unit of work (a feed in flight, a document), freed as a whole.
 *
 * Not thread-safe; an arena may move between threads with its contents. A zeroed struct is a valid
 * empty arena. Allocation cannot fail (mem.h); what may go into it is bounded by the caller.
 */
#ifndef TIDINGS_BASE_ARENA_H
#define TIDINGS_BASE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *head; /* the block that is being filled */
    size_t bytes;             /* what all blocks take, for back-pressure */
};

/* N bytes, 8-byte aligned, not zeroed (arena_zalloc: zeroed). Lives until arena_free. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
void *arena_zalloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
/* A NUL-terminated copy. */
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), nonnull(2), returns_nonnull));
/* Frees everything; the arena is empty and usable again. */
void arena_free(struct arena *a);
/* Empties it but keeps one block of ordinary size for the next unit of work. */
void arena_reset(struct arena *a);

#endif
