/*
 * live_state.c - stories as bytes, and back (live.h).
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "story/bytes.h"
#include "story/live_private.h"

static void save_sums(struct buf *out, const struct story_sum *list, uint32_t n)
{
    bytes_put(out, n, 1);
    for (uint32_t i = 0; i < n; i++) {
        bytes_put(out, list[i].hash, 4);
        bytes_put(out, list[i].sum, 4);
        bytes_put(out, list[i].items, 4);
    }
}

static void save_rep(struct buf *out, const struct story_rep *r)
{
    bytes_put(out, r->outlet, 4);
    bytes_put(out, r->has_text, 1);
    bytes_put(out, r->n_terms, 1);
    bytes_put(out, r->n_set, 1);
    bytes_put(out, r->n_numbers, 1);
    bytes_put(out, r->n_pairs, 1);
    for (size_t i = 0; i < r->n_terms; i++) {
        bytes_put(out, r->terms[i].hash, 4);
        bytes_put(out, r->terms[i].weight, 2);
    }
    for (size_t i = 0; i < r->n_set; i++) {
        bytes_put(out, r->set[i].hash, 4);
        bytes_put(out, r->set[i].weight, 2);
        bytes_put(out, r->set[i].idf, 2);
        bytes_put(out, r->set[i].flags, 1);
    }
    for (size_t i = 0; i < r->n_numbers; i++)
        bytes_put(out, r->numbers[i], 4);
    for (size_t i = 0; i < r->n_pairs; i++)
        bytes_put(out, r->pairs[i], 4);
}

void live_save(const struct live *l, uint32_t slot, struct buf *out)
{
    const struct story *s = &l->stories[slot];
    bytes_put(out, (uint64_t)s->id, 8);
    bytes_put(out, (uint64_t)s->first_s, 8);
    bytes_put(out, (uint64_t)s->last_s, 8);
    bytes_put(out, s->touch, 8);
    bytes_put(out, s->n, 4);
    bytes_put(out, s->heat, 4);
    bytes_put(out, (uint64_t)s->heat_s, 8);
    bytes_put(out, s->n_exact, 4);
    for (size_t i = 0; i < STORY_EXACT && i < s->n_exact; i++) {
        bytes_put(out, s->exact[i].key, 8);
        bytes_put(out, s->exact[i].address, 8);
        bytes_put(out, (uint64_t)s->exact[i].item, 8);
        bytes_put(out, s->exact[i].source, 4);
    }
    size_t n = 0;
    while (n < STORY_REPS && s->reps[n])
        n++;
    bytes_put(out, n, 1);
    for (size_t i = 0; i < n; i++)
        save_rep(out, s->reps[i]);
    bytes_put(out, s->centroid != NULL, 1);
    if (!s->centroid)
        return;
    bytes_put(out, s->norm, 8);
    bytes_put(out, s->title_norm, 8);
    save_sums(out, s->centroid, s->n_centroid);
    save_sums(out, s->titles, s->n_titles);
}

static struct story_sum *load_sums(struct bytes_in *in, uint32_t *ret_n)
{
    uint32_t n = (uint32_t)bytes_get(in, 1);
    if (n > STORY_CENTROID)
        in->bad = true;
    n = MIN(n, (uint32_t)STORY_CENTROID);
    struct story_sum *list = xcalloc(MAX(n, 1u), sizeof *list);
    for (uint32_t i = 0; i < n; i++) {
        list[i].hash = (uint32_t)bytes_get(in, 4);
        list[i].sum = (uint32_t)bytes_get(in, 4);
        list[i].items = (uint32_t)bytes_get(in, 4);
    }
    *ret_n = n;
    return list;
}

static struct story_rep *load_rep(struct bytes_in *in)
{
    struct story_rep sizes = {.outlet = (uint32_t)bytes_get(in, 4)};
    sizes.has_text = bytes_get(in, 1);
    sizes.n_terms = (uint8_t)bytes_get(in, 1);
    sizes.n_set = (uint8_t)bytes_get(in, 1);
    sizes.n_numbers = (uint8_t)bytes_get(in, 1);
    sizes.n_pairs = (uint8_t)bytes_get(in, 1);
    if (sizes.n_terms > STORY_TERMS || sizes.n_set > STORY_TITLE_WORDS ||
        sizes.n_numbers > STORY_NUMBERS || sizes.n_pairs >= STORY_TITLE_WORDS) {
        in->bad = true;
        sizes.n_terms = sizes.n_set = sizes.n_numbers = sizes.n_pairs = 0;
    }
    struct story_rep *r = live_rep_alloc(&sizes);
    for (size_t i = 0; i < r->n_terms; i++) {
        r->terms[i].hash = (uint32_t)bytes_get(in, 4);
        r->terms[i].weight = (uint16_t)bytes_get(in, 2);
    }
    for (size_t i = 0; i < r->n_set; i++) {
        r->set[i].hash = (uint32_t)bytes_get(in, 4);
        r->set[i].weight = (uint16_t)bytes_get(in, 2);
        r->set[i].idf = bytes_get(in, 2) & 2047;
        r->set[i].flags = bytes_get(in, 1) & 31;
    }
    for (size_t i = 0; i < r->n_numbers; i++)
        r->numbers[i] = (uint32_t)bytes_get(in, 4);
    for (size_t i = 0; i < r->n_pairs; i++)
        r->pairs[i] = (uint32_t)bytes_get(in, 4);
    return r;
}

static void load_story(struct bytes_in *in, struct story *s)
{
    s->id = (int64_t)bytes_get(in, 8);
    s->first_s = (int64_t)bytes_get(in, 8);
    s->last_s = (int64_t)bytes_get(in, 8);
    s->touch = bytes_get(in, 8);
    s->n = (uint32_t)bytes_get(in, 4);
    s->heat = (uint32_t)bytes_get(in, 4);
    s->heat_s = (int64_t)bytes_get(in, 8);
    s->n_exact = (uint32_t)bytes_get(in, 4);
    for (size_t i = 0; i < STORY_EXACT && i < s->n_exact; i++) {
        s->exact[i].key = bytes_get(in, 8);
        s->exact[i].address = bytes_get(in, 8);
        s->exact[i].item = (int64_t)bytes_get(in, 8);
        s->exact[i].source = (uint32_t)bytes_get(in, 4);
    }
    size_t n = bytes_get(in, 1);
    if (n < 1 || n > STORY_REPS)
        in->bad = true;
    for (size_t i = 0; i < MIN(n, (size_t)STORY_REPS); i++)
        s->reps[i] = load_rep(in);
    s->norm = s->title_norm = Q14;
    if (!bytes_get(in, 1))
        return;
    s->norm = bytes_get(in, 8);
    s->title_norm = bytes_get(in, 8);
    s->centroid = load_sums(in, &s->n_centroid);
    s->titles = load_sums(in, &s->n_titles);
}

int live_load(struct live *l, const void *p, size_t n)
{
    struct bytes_in in = {.p = p, .n = n};
    struct story s = {0};
    load_story(&in, &s);
    if (in.bad || in.n || s.id <= 0 || s.n == 0 || (s.n > 1 && !s.centroid) ||
        live_find(l, s.id) != LIVE_NONE || l->count == l->max) {
        live_story_fini(&s);
        return -EINVAL;
    }
    live_put(l, &s);
    return 0;
}
