/*
 * mem.h - allocation that cannot fail, and owned locals that free themselves.
 *
 * Running out of memory is a broken environment: the x-functions say so on stderr and abort. What a
 * peer can make us allocate is bounded by limits.h before it gets here; in a parser child an abort
 * costs one document.
 */
#ifndef TIDINGS_BASE_MEM_H
#define TIDINGS_BASE_MEM_H

#include <stddef.h>
#include <stdlib.h>

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
/* Like realloc of N elements of SIZE bytes, with the product checked. */
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
/* N zeroed elements of SIZE bytes for a large table: pages that are not touched take no memory.
 * Freed by xpages_free with the same numbers (P may be NULL). */
void *xpages(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void xpages_free(void *p, size_t n, size_t size);
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull, nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
/* xstrdup, but NULL stays NULL. */
char *xstrdup_or_null(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
/* Frees *P if it is another string and stores a copy of S (which may be NULL). */
void xreplace(char **p, const char *s);

static inline void mem_free_p(void *p)
{
    free(*(void **)p);
}
void mem_close_p(int *fd);

#define CLEANUP(fn)   __attribute__((cleanup(fn)))
#define CLEANUP_FREE  CLEANUP(mem_free_p)
#define CLEANUP_CLOSE CLEANUP(mem_close_p) /* an int file descriptor, -1 = none */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))
/* The value of *P, which becomes NULL: hands an owned pointer on. */
#define TAKE(p)                       \
    ({                                \
        __typeof__(p) td_take_ = (p); \
        (p) = NULL;                   \
        td_take_;                     \
    })
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b)                      \
    ({                                 \
        __typeof__(a) td_a_ = (a);     \
        __typeof__(b) td_b_ = (b);     \
        td_a_ < td_b_ ? td_a_ : td_b_; \
    })
#define MAX(a, b)                      \
    ({                                 \
        __typeof__(a) td_a_ = (a);     \
        __typeof__(b) td_b_ = (b);     \
        td_a_ > td_b_ ? td_a_ : td_b_; \
    })

#endif
