/*
 * state.c - a clusterer as bytes, and back (cluster.h).
 *
 *     "tidings stories\n", version, next id, time, word counts, stories by touch, CRC
 */
#include <errno.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "story/bytes.h"
#include "story/cluster_private.h"

static const char magic[] = "tidings stories\n";
#define MAGIC_BYTES (sizeof magic - 1)

void cluster_save(const struct cluster *c, struct buf *out)
{
    size_t from = out->len;
    buf_add(out, magic, MAGIC_BYTES);
    bytes_put(out, STORY_VERSION, 4);
    bytes_put(out, (uint64_t)c->next_id, 8);
    bytes_put(out, (uint64_t)c->now_s, 8);
    frequency_save(&c->words, out);
    bytes_put(out, live_count(c->live), 4);
    for (uint32_t slot = live_oldest(c->live); slot != LIVE_NONE;
         slot = live_story(c->live, slot)->newer) {
        struct buf one = BUF_INIT(1u << 20);
        live_save(c->live, slot, &one);
        bytes_put(out, one.len, 4);
        buf_add(out, one.data, one.len);
        buf_free(&one);
    }
    if (!out->overflow)
        bytes_put(out, crypto_hash64(out->data + from, out->len - from), 8);
}

static int load_stories(struct cluster *c, struct bytes_in *in)
{
    for (size_t n = bytes_get(in, 4); n > 0 && !in->bad; n--) {
        size_t size = bytes_get(in, 4);
        if (size > in->n || live_load(c->live, in->p, size) < 0)
            return -EINVAL;
        in->p += size;
        in->n -= size;
    }
    return in->bad || in->n ? -EINVAL : 0;
}

int cluster_load(struct cluster *c, const void *p, size_t n, struct td_err *err)
{
    if (n < MAGIC_BYTES + 12 || memcmp(p, magic, MAGIC_BYTES) != 0)
        return td_err(err, -EINVAL, "this is no state of stories");
    struct bytes_in in = {.p = (const unsigned char *)p + MAGIC_BYTES, .n = n - MAGIC_BYTES - 8};
    struct bytes_in sum = {.p = (const unsigned char *)p + n - 8, .n = 8};
    uint32_t version = (uint32_t)bytes_get(&in, 4);
    if (version != STORY_VERSION)
        return td_err(err, -EINVAL, "a state of version %u, this program reads %d", version,
                      STORY_VERSION);
    if (bytes_get(&sum, 8) != crypto_hash64(p, n - 8))
        return td_err(err, -EINVAL, "the state is damaged");
    c->next_id = (int64_t)bytes_get(&in, 8);
    c->now_s = (int64_t)bytes_get(&in, 8);
    if (frequency_load(&c->words, &in) < 0 || load_stories(c, &in) < 0)
        return td_err(err, -EINVAL, "the state is damaged");
    return 0;
}
