#include "fetch/gunzip.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"

#define GZIP_ONLY (16 + MAX_WBITS) /* inflateInit2: with the gzip header, nothing else */
#define OUT_BYTES (16u << 10)

struct gunzip {
    z_stream z;
    enum { IN_MEMBER, AFTER_MEMBER, PAST_ALL } at;
    unsigned char magic; /* AFTER_MEMBER: the first byte of the next one's magic has come */
};

struct gunzip *gunzip_new(void)
{
    struct gunzip *g = xcalloc(1, sizeof *g);
    if (inflateInit2(&g->z, GZIP_ONLY) != Z_OK)
        abort(); /* out of memory, as xcalloc */
    return g;
}

void gunzip_free(struct gunzip *g)
{
    if (!g)
        return;
    inflateEnd(&g->z);
    free(g);
}

static int inflate_some(struct gunzip *g, struct buf *out)
{
    unsigned char chunk[OUT_BYTES];
    int code;
    do {
        g->z.next_out = chunk;
        g->z.avail_out = sizeof chunk;
        code = inflate(&g->z, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return -EBADMSG;
        if (buf_add(out, chunk, sizeof chunk - g->z.avail_out) < 0)
            return -EFBIG;
    } while (code == Z_OK && (g->z.avail_in || !g->z.avail_out));
    if (code == Z_STREAM_END)
        g->at = AFTER_MEMBER;
    return 0;
}

/* A byte between members: the second byte of a magic begins the next one. */
static void look_for_member(struct gunzip *g)
{
    static unsigned char magic[2] = {0x1f, 0x8b};
    unsigned char none, c = *g->z.next_in++;
    g->z.avail_in--;
    if (c != magic[g->magic]) {
        g->at = PAST_ALL;
        return;
    }
    if (++g->magic < 2)
        return;
    const unsigned char *next = g->z.next_in;
    unsigned left = g->z.avail_in;
    inflateReset(&g->z);
    g->magic = 0;
    g->at = IN_MEMBER;
    g->z.next_in = magic;
    g->z.avail_in = sizeof magic;
    g->z.next_out = &none;
    g->z.avail_out = 1;
    inflate(&g->z, Z_NO_FLUSH); /* the header's first bytes; no output yet */
    g->z.next_in = (unsigned char *)(uintptr_t)next;
    g->z.avail_in = left;
}

int gunzip_add(struct gunzip *g, const void *data, size_t n, struct buf *out)
{
    if (n > UINT_MAX)
        return -EFBIG;
    g->z.next_in = (unsigned char *)(uintptr_t)data;
    g->z.avail_in = (unsigned)n;
    while (g->z.avail_in && g->at != PAST_ALL) {
        int r = 0;
        if (g->at == AFTER_MEMBER)
            look_for_member(g);
        else
            r = inflate_some(g, out);
        if (r < 0)
            return r;
    }
    return 0;
}

bool gunzip_complete(const struct gunzip *g)
{
    return g->at != IN_MEMBER;
}
