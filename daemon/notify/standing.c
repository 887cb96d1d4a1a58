#include "notify/standing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/clock.h"
#include "base/mem.h"
#include "query/set.h"

struct entry {
    uint64_t id;
    struct query *q;
    UT_hash_handle hh;
};

struct standing {
    pthread_mutex_t lock; /* guards all of it */
    struct query_set *set;
    struct matcher *matcher;
    struct entry *entries;
    unsigned needs;
    uint64_t last_id, generation;
    /* of the match under way */
    uint64_t *found;
    size_t n, cap;
};

struct standing *standing_new(void)
{
    struct standing *s = xcalloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->set = query_set_new();
    s->matcher = matcher_new();
    s->generation = 1;
    return s;
}

void standing_free(struct standing *s)
{
    struct entry *e, *next;
    if (!s)
        return;
    query_set_free(s->set);
    matcher_free(s->matcher);
    HASH_ITER (hh, s->entries, e, next) {
        HASH_DEL(s->entries, e);
        query_free(e->q);
        free(e);
    }
    pthread_mutex_destroy(&s->lock);
    free(s->found);
    free(s);
}

/* What all queries together look at. */
static void count_needs(struct standing *s)
{
    s->needs = 0;
    for (struct entry *e = s->entries; e; e = e->hh.next)
        s->needs |= query_needs(e->q);
}

uint64_t standing_add(struct standing *s, struct query *q, uint64_t *ret_generation)
{
    struct entry *e = xcalloc(1, sizeof *e);
    e->q = q;
    pthread_mutex_lock(&s->lock);
    e->id = ++s->last_id;
    HASH_ADD(hh, s->entries, id, sizeof e->id, e);
    query_set_add(s->set, e->id, q);
    s->needs |= query_needs(q);
    *ret_generation = ++s->generation;
    pthread_mutex_unlock(&s->lock);
    return e->id;
}

void standing_remove(struct standing *s, uint64_t id)
{
    struct entry *e;
    pthread_mutex_lock(&s->lock);
    HASH_FIND(hh, s->entries, &id, sizeof id, e);
    if (e) {
        query_set_remove(s->set, id);
        HASH_DEL(s->entries, e);
        query_free(e->q);
        free(e);
        count_needs(s);
    }
    pthread_mutex_unlock(&s->lock);
}

static void found(void *ctx, uint64_t id)
{
    struct standing *s = ctx;
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        s->found = xreallocarray(s->found, s->cap, sizeof *s->found);
    }
    s->found[s->n++] = id;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

size_t standing_match(struct standing *s, const struct event_row *row, uint64_t **ret,
                      uint64_t *ret_generation)
{
    *ret = NULL;
    pthread_mutex_lock(&s->lock);
    *ret_generation = s->generation;
    s->n = 0;
    if (s->entries) {
        struct query_doc doc;
        item_row_doc(&row->item, s->needs, &doc);
        matcher_set(s->matcher, &doc);
        query_set_match(s->set, s->matcher, clock_now_ms(), found, s);
    }
    size_t n = s->n;
    if (n) {
        qsort(s->found, n, sizeof *s->found, by_id);
        *ret = xcalloc(n, sizeof **ret);
        memcpy(*ret, s->found, n * sizeof **ret);
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}
