/*
 * buf.h - a growing byte string that cannot exist without a ceiling.
 *
 * Adding beyond the ceiling sets a sticky overflow flag, adds nothing and returns -EFBIG; callers
 * may add many pieces and look once at the end. data is NUL-terminated whenever it is not NULL.
 */
#ifndef TIDINGS_BASE_BUF_H
#define TIDINGS_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buf {
    char *data;
    size_t len, cap, max;
    bool overflow;
};

/* An empty buffer that will never hold more than MAX bytes. Allocates nothing yet. */
#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})
void buf_init(struct buf *b, size_t max);
/* Frees the bytes; the ceiling stays. */
void buf_free(struct buf *b);
#define CLEANUP_BUF __attribute__((cleanup(buf_free)))
/* Forgets the content, keeps the memory. */
void buf_clear(struct buf *b);
/* Room for N more bytes: 0 or -EFBIG. */
int buf_reserve(struct buf *b, size_t n);
/* buf_add where there is no room yet. */
int buf_add_growing(struct buf *b, const void *p, size_t n);
static inline int buf_add(struct buf *b, const void *p, size_t n)
{
    if (b->overflow || n >= b->cap - b->len) /* cap is at most max + 1 */
        return buf_add_growing(b, p, n);
    if (n) /* else P may be NULL */
        memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = 0;
    return 0;
}
static inline int buf_addc(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}
static inline int buf_adds(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Drops the first N bytes (what has been sent). */
void buf_consume(struct buf *b, size_t n);
/* Gives the malloc'd, NUL-terminated bytes to the caller ("" if empty); the buffer becomes empty.
 */
char *buf_take(struct buf *b, size_t *ret_len);
/* The bytes as a string, "" when there are none. Borrowed. */
const char *buf_str(const struct buf *b);

#endif
