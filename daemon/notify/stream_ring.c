/*
 * The ring: the newest events, rendered, for all live followers; filled by one question however
 * many wait.
 */
#include "notify/stream_private.h"

#include <utlist.h>

#include "base/mem.h"

static void ring_drop(struct stream *s)
{
    struct event_text *e = s->ring[s->head];
    s->start = e->seq;
    s->bytes -= event_text_bytes(e);
    s->head = (s->head + 1) % s->cap;
    s->n--;
    s->dropped++;
    event_text_unref(e);
}

void ring_reset(struct stream *s, int64_t at)
{
    while (s->n > 0)
        ring_drop(s);
    s->start = s->end = at;
}

static void ring_add(struct stream *s, struct event_text *e)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 256;
        struct event_text **ring = xcalloc(cap, sizeof *ring);
        for (size_t i = 0; i < s->n; i++)
            ring[i] = s->ring[(s->head + i) % s->cap];
        free(s->ring);
        s->ring = ring;
        s->cap = cap;
        s->head = 0;
    }
    s->ring[(s->head + s->n++) % s->cap] = e;
    s->bytes += event_text_bytes(e);
    while (s->bytes > LIMIT_RING_BYTES && s->n > 1)
        ring_drop(s);
}

static struct event_text *ring_at(const struct stream *s, size_t i)
{
    return i < s->n ? s->ring[(s->head + i) % s->cap] : NULL;
}

/* Is the Ith event in the ring (or its end) what comes after POS? */
static bool ring_is_next(const struct stream *s, size_t i, int64_t pos)
{
    return (i == 0 || ring_at(s, i - 1)->seq <= pos) && (i == s->n || ring_at(s, i)->seq > pos);
}

/* The first event in the ring after F's position, NULL if there is none. It usually stands behind
 * the one that F had before. */
struct event_text *ring_find(struct stream *s, struct follower *f)
{
    size_t i = f->ring_i - s->dropped; /* huge when it has left the ring */
    if (i > s->n || !ring_is_next(s, i, f->pos)) {
        size_t lo = 0, hi = s->n;
        while (lo < hi) {
            size_t mid = (lo + hi) / 2;
            if (ring_at(s, mid)->seq > f->pos)
                hi = mid;
            else
                lo = mid + 1;
        }
        i = lo;
    }
    f->ring_i = s->dropped + i + (i < s->n);
    return ring_at(s, i);
}

/* With no follower there is nobody to remember for. */
void ring_rest(struct stream *s)
{
    if (s->count.followers == 0)
        pages_trim(s, 0);
    if (s->count.followers == 0 && !s->pulling)
        ring_reset(s, s->end);
}

/* Fills the ring further if somebody waits for it. */
void ring_pull(struct stream *s)
{
    if (s->live && !s->pulling && s->end < store_last_seq(s->store))
        s->pulling = page_ask(s, s->end, true) != NULL;
}

void ring_done(struct page *p)
{
    struct stream *s = p->s;
    struct follower *f, *next;
    s->pulling = false;
    if (p->result == 0) {
        for (int i = 0; i < p->n; i++)
            ring_add(s, event_text_ref(p->ev[i]));
        s->end = p->upto;
    }
    DL_FOREACH_SAFE(s->live, f, next)
    {
        if (p->result == 0 && f->pos >= s->end)
            continue;
        if (p->result < 0) {
            f->result = p->result;
            f->err = p->err;
        }
        follower_wait_end(f);
        follower_wait(f, &s->waking);
    }
    s->count.page_bytes -= p->bytes;
    page_free(p);
    followers_wake(&s->waking);
    ring_pull(s);
    ring_rest(s);
}
