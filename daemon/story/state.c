/*
 * state.c - a clusterer as bytes, and back (cluster.h).
 *
 *     "tidings stories\n", version, next id, time, word counts, stories by touch, a hash of it all
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
    cluster_save_head(c, out);
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

int64_t cluster_take_id(struct cluster *c, int64_t least)
{
    cluster_skip_ids(c, least);
    return c->next_id++;
}

void cluster_count(struct cluster *c, int64_t now_s)
{
    c->now_s = MAX(c->now_s, now_s);
    frequency_count(&c->words, c->item.all, c->item.n_all, c->now_s);
}

/* ---- in pieces ------------------------------------------------------------------------------- */

void cluster_on_gone(struct cluster *c, void (*gone)(void *ctx, int64_t id), void *ctx)
{
    live_on_gone(c->live, gone, ctx);
}

void cluster_save_head(const struct cluster *c, struct buf *out)
{
    bytes_put(out, STORY_VERSION, 4);
    bytes_put(out, (uint64_t)c->next_id, 8);
    bytes_put(out, (uint64_t)c->now_s, 8);
}

static int load_head(struct cluster *c, struct bytes_in *in)
{
    uint32_t version = (uint32_t)bytes_get(in, 4);
    c->next_id = (int64_t)bytes_get(in, 8);
    c->now_s = (int64_t)bytes_get(in, 8);
    return in->bad || version != STORY_VERSION || c->next_id < 1 ? -EINVAL : 0;
}

int cluster_load_head(struct cluster *c, const void *p, size_t n)
{
    struct bytes_in in = {.p = p, .n = n};
    return load_head(c, &in);
}

void cluster_save_words(const struct cluster *c, struct buf *out)
{
    frequency_save(&c->words, out);
}

int cluster_load_words(struct cluster *c, const void *p, size_t n)
{
    struct bytes_in in = {.p = p, .n = n};
    return frequency_load(&c->words, &in);
}

void cluster_save_counted(const struct cluster *c, struct buf *out)
{
    bytes_put(out, (uint64_t)c->now_s, 8);
    bytes_put(out, c->item.n_all, 1);
    for (size_t i = 0; i < c->item.n_all; i++)
        bytes_put(out, c->item.all[i], 4);
}

int cluster_load_counted(struct cluster *c, const void *p, size_t n)
{
    struct bytes_in in = {.p = p, .n = n};
    uint32_t all[UINT8_MAX];
    while (in.n && !in.bad) {
        int64_t now_s = (int64_t)bytes_get(&in, 8);
        size_t k = bytes_get(&in, 1);
        for (size_t i = 0; i < k; i++)
            all[i] = (uint32_t)bytes_get(&in, 4);
        if (!in.bad)
            frequency_count(&c->words, all, k, now_s);
    }
    return in.bad ? -EINVAL : 0;
}

void cluster_save_story(const struct cluster *c, int64_t id, struct buf *out, int64_t *ret_touch)
{
    uint32_t slot = live_find(c->live, id);
    *ret_touch = (int64_t)live_story(c->live, slot)->touch;
    live_save(c->live, slot, out);
}

int cluster_load_story(struct cluster *c, const void *p, size_t n)
{
    return live_load(c->live, p, n);
}

void cluster_skip_ids(struct cluster *c, int64_t next)
{
    c->next_id = MAX(c->next_id, next);
}

int cluster_load(struct cluster *c, const void *p, size_t n, struct td_err *err)
{
    if (n < MAGIC_BYTES + 12 || memcmp(p, magic, MAGIC_BYTES) != 0)
        return td_err(err, -EINVAL, "this is no state of stories");
    struct bytes_in in = {.p = (const unsigned char *)p + MAGIC_BYTES, .n = n - MAGIC_BYTES - 8};
    struct bytes_in sum = {.p = (const unsigned char *)p + n - 8, .n = 8};
    if (bytes_get(&sum, 8) != crypto_hash64(p, n - 8))
        return td_err(err, -EINVAL, "the state is damaged");
    if (load_head(c, &in) < 0)
        return td_err(err, -EINVAL, "the state is of another version of the clusterer");
    if (frequency_load(&c->words, &in) < 0 || load_stories(c, &in) < 0)
        return td_err(err, -EINVAL, "the state is damaged");
    return 0;
}
