/*
 * bytes.h - numbers as bytes, little-endian, for what the clusterer keeps. Reading past the end
 * sets `bad` and gives 0; look once at the end.
 */
#ifndef TIDINGS_STORY_BYTES_H
#define TIDINGS_STORY_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct bytes_in {
    const unsigned char *p;
    size_t n;
    bool bad;
};

static inline void bytes_put(struct buf *b, uint64_t v, size_t size)
{
    unsigned char out[8];
    for (size_t i = 0; i < size; i++, v >>= 8)
        out[i] = (unsigned char)v;
    buf_add(b, out, size);
}

static inline uint64_t bytes_get(struct bytes_in *in, size_t size)
{
    uint64_t v = 0;
    if (in->n < size) {
        in->bad = true;
        in->n = 0;
        return 0;
    }
    for (size_t i = size; i-- > 0;)
        v = v << 8 | in->p[i];
    in->p += size;
    in->n -= size;
    return v;
}

#endif
