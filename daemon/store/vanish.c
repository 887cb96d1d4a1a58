#include "store/vanish.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

#define PART 4 /* no more than one in so many of those that stay may go missing at once */

static int64_t date_of(const struct td_entry *e)
{
    return e->date_published != TD_NEVER ? e->date_published : e->date_modified;
}

bool vanish_in_order(const struct td_batch *b)
{
    uint32_t up = 0, down = 0, dated = 0;
    for (uint32_t i = 1; i < b->n_entries; i++) {
        int64_t before = date_of(&b->entries[i - 1]), here = date_of(&b->entries[i]);
        if (before == TD_NEVER || here == TD_NEVER)
            continue;
        dated++;
        up += here > before;
        down += here < before;
    }
    /* a few out of place are an author's correction of a date */
    return dated * 2 >= b->n_entries && MIN(up, down) * 8 <= dated;
}

static int by_ident(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool has(const uint64_t *sorted, size_t n, uint64_t ident)
{
    return n && bsearch(&ident, sorted, n, sizeof *sorted, by_ident);
}

/* Marks in MISSING the entries of OLD that are missing: not shown, but something older is. Returns
 * how many stayed. */
static size_t mark_missing(const struct shown *old, size_t n_old, const uint64_t *sorted, size_t n,
                           bool *missing, size_t *ret_n_fresh)
{
    size_t stayed = 0, fresh = 0;
    for (size_t i = 0; i < n_old; i++) {
        bool there = has(sorted, n, old[i].ident);
        missing[i] = !there && stayed > 0;
        fresh += missing[i] && !old[i].missing_since;
        stayed += there;
    }
    *ret_n_fresh = fresh;
    return stayed;
}

struct window {
    struct shown *v;
    size_t n;
    int64_t now;
    uint64_t *gone;
    size_t n_gone;
};

/* One that is missing stays in the window, or has vanished. */
static void put_missing(struct window *w, const struct shown *s)
{
    int64_t since = s->missing_since ? s->missing_since : w->now;
    if (w->now - since >= LIMIT_VANISH_MS)
        w->gone[w->n_gone++] = s->ident;
    else
        w->v[w->n++] = (struct shown){s->ident, MIN(since, w->now)}; /* the clock may go back */
}

struct place { /* where an ident stands in the old window */
    uint64_t ident;
    size_t at;
};

static int by_place(const void *a, const void *b)
{
    return by_ident(&((const struct place *)a)->ident, &((const struct place *)b)->ident);
}

size_t vanish_document(const struct shown *old, size_t n_old, const uint64_t *idents, size_t n,
                       int64_t now, struct shown *ret, uint64_t *gone, size_t *ret_n_gone)
{
    CLEANUP_FREE uint64_t *sorted = xcalloc(n + 1, sizeof *sorted);
    CLEANUP_FREE bool *missing = xcalloc(n_old + 1, sizeof *missing);
    CLEANUP_FREE struct place *places = xcalloc(n_old + 1, sizeof *places);
    struct window w = {.v = ret, .now = now, .gone = gone};
    size_t fresh;
    if (n)
        memcpy(sorted, idents, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_ident);
    size_t stayed = mark_missing(old, n_old, sorted, n, missing, &fresh);
    bool other = fresh > MAX(stayed / PART, (size_t)1);
    for (size_t i = 0; i < n_old; i++)
        places[i] = (struct place){old[i].ident, i};
    qsort(places, n_old, sizeof *places, by_place);
    /* What is missing keeps its place behind the older one that stayed. */
    for (size_t k = 0; k < n; k++) {
        struct place key = {idents[k], 0};
        const struct place *p = bsearch(&key, places, n_old, sizeof *places, by_place);
        w.v[w.n++] = (struct shown){idents[k], 0};
        for (size_t i = p ? p->at + 1 : n_old; i < n_old && missing[i]; i++)
            if (!(other && !old[i].missing_since))
                put_missing(&w, &old[i]);
    }
    *ret_n_gone = w.n_gone;
    return w.n;
}

size_t vanish_unchanged(struct shown *window, size_t n, int64_t now, uint64_t *gone,
                        size_t *ret_n_gone)
{
    struct window w = {.v = window, .now = now, .gone = gone};
    for (size_t i = 0; i < n; i++) {
        struct shown s = window[i];
        if (s.missing_since)
            put_missing(&w, &s);
        else
            w.v[w.n++] = s;
    }
    *ret_n_gone = w.n_gone;
    return w.n;
}
