#include "story/cluster.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "story/cluster_private.h"
#include "story/fixed.h"

struct cluster *cluster_new(int strictness)
{
    struct cluster *c = xcalloc(1, sizeof *c);
    c->live = live_new(LIMIT_STORIES);
    c->found = xpages(LIMIT_STORIES, sizeof *c->found);
    frequency_init(&c->words);
    c->weights = &story_weights;
    c->next_id = 1;
    c->now_s = INT64_MIN;
    cluster_set_strictness(c, strictness);
    return c;
}

void cluster_free(struct cluster *c)
{
    if (!c)
        return;
    live_free(c->live);
    frequency_fini(&c->words);
    xpages_free(c->found, LIMIT_STORIES, sizeof *c->found);
    free(c);
}

void cluster_set_strictness(struct cluster *c, int strictness)
{
    c->join_at = fixed_logit((int32_t)(((int64_t)strictness * Q16 + 500) / 1000));
}

/* ---- candidates ------------------------------------------------------------------------------ */

/* Better found first; of equals the older story. */
static bool is_before(const struct cluster *c, const struct story_candidate *a,
                      const struct story_candidate *b)
{
    if (a->found != b->found)
        return a->found > b->found;
    return live_story(c->live, a->slot)->id < live_story(c->live, b->slot)->id;
}

static void keep_best(struct cluster *c, uint32_t slot, uint64_t found)
{
    struct story_candidate new = {.slot = slot, .found = found};
    size_t at = c->n_candidates;
    while (at > 0 && is_before(c, &new, &c->candidates[at - 1]))
        at--;
    if (at >= STORY_CANDIDATES)
        return;
    size_t last = MIN(c->n_candidates, (size_t)STORY_CANDIDATES - 1);
    for (size_t i = last; i > at; i--) {
        c->candidates[i].slot = c->candidates[i - 1].slot;
        c->candidates[i].found = c->candidates[i - 1].found;
    }
    c->candidates[at].slot = slot;
    c->candidates[at].found = found;
    c->n_candidates = last + 1;
}

/* Every word's list is walked a step at a time, so that the memory of one is fetched while the
 * others are looked at: they lie all over the table. */
static void find_candidates(struct cluster *c, const struct story_item *x)
{
    uint32_t touched[STORY_SEARCH * STORY_LIST], at[STORY_SEARCH];
    size_t n = 0, words = MIN(x->n_terms, (size_t)STORY_SEARCH);
    for (size_t i = 0; i < words; i++)
        at[i] = live_list(c->live, x->terms[x->heaviest[i]].hash);
    for (int left = STORY_LIST; left > 0; left--)
        for (size_t i = 0; i < words; i++) {
            if (at[i] == LIVE_NONE)
                continue;
            const struct live_link *link = live_link(c->live, at[i]);
            uint32_t slot = at[i] / STORY_LINKS;
            if (!c->found[slot])
                touched[n++] = slot;
            c->found[slot] += (uint64_t)link->weight * x->terms[x->heaviest[i]].weight;
            at[i] = link->older;
            if (at[i] != LIVE_NONE) {
                __builtin_prefetch(live_link(c->live, at[i]));
                __builtin_prefetch(&c->found[at[i] / STORY_LINKS]);
            }
        }
    c->n_candidates = 0;
    for (size_t i = 0; i < n; i++) {
        if (c->found[touched[i]])
            keep_best(c, touched[i], c->found[touched[i]]);
        c->found[touched[i]] = 0;
    }
}

static const struct story_candidate *best(const struct cluster *c)
{
    const struct story_candidate *b = NULL;
    for (size_t i = 0; i < c->n_candidates; i++) {
        const struct story_candidate *k = &c->candidates[i];
        if (!b || k->z > b->z || (k->z == b->z && k->id < b->id))
            b = k;
    }
    return b;
}

/* ---- one item -------------------------------------------------------------------------------- */

static uint32_t find_exact(const struct cluster *c, const struct story_item *x, int64_t *article)
{
    uint32_t slot = live_exact(c->live, x->address, true, x->source, article);
    return slot != LIVE_NONE ? slot : live_exact(c->live, x->key, false, x->source, article);
}

static void open_story(struct cluster *c, const struct story_item *x, struct story_out *ret)
{
    ret->story = c->next_id++;
    ret->opened = true;
    live_open(c->live, ret->story, x);
}

static void add_to(struct cluster *c, int64_t id, const struct story_item *x)
{
    uint32_t slot = live_find(c->live, id);
    if (slot != LIVE_NONE)
        live_add(c->live, slot, x);
    else
        live_open(c->live, id, x);
}

void cluster_put(struct cluster *c, const struct story_in *in, int64_t id, struct story_out *ret)
{
    story_item_read(&c->item, in, &c->words);
    *ret = (struct story_out){.story = id ? id : c->next_id++,
                              .opened = !id,
                              .article = in->item,
                              .read = &c->item,
                              .p = Q16};
    add_to(c, ret->story, &c->item);
}

void cluster_drop(struct cluster *c, int64_t id)
{
    uint32_t slot = live_find(c->live, id);
    if (slot != LIVE_NONE)
        live_remove(c->live, slot);
}

bool cluster_is_live(const struct cluster *c, int64_t id)
{
    return live_find(c->live, id) != LIVE_NONE;
}

/* Where X goes, by C->item and the live stories; it is not counted yet. */
void cluster_place(struct cluster *c, struct story_out *ret)
{
    struct story_item *x = &c->item;
    uint32_t slot = find_exact(c, x, &ret->article);
    c->n_candidates = 0;
    if (slot != LIVE_NONE) {
        ret->exact = true;
        ret->story = ret->best = live_story(c->live, slot)->id;
        live_add(c->live, slot, x);
        return;
    }
    find_candidates(c, x);
    story_score(x, c->live, c->candidates, c->n_candidates, c->weights);
    ret->why = best(c);
    if (ret->why) {
        ret->best = ret->why->id;
        ret->p = fixed_logistic(ret->why->z);
    }
    if (ret->why && ret->why->z >= c->join_at) {
        ret->story = ret->best;
        live_add(c->live, ret->why->slot, x);
    } else {
        ret->p = ret->why ? Q16 - ret->p : Q16;
        open_story(c, x, ret);
    }
}

void cluster_assign(struct cluster *c, const struct story_in *in, struct story_out *ret)
{
    c->now_s = MAX(c->now_s, in->time_s);
    live_expire(c->live, c->now_s);
    story_item_read(&c->item, in, &c->words);
    *ret = (struct story_out){.article = in->item, .read = &c->item, .p = Q16};
    cluster_place(c, ret);
    frequency_count(&c->words, c->item.all, c->item.n_all, c->now_s);
}
