/*
 * Pages: read on the reader thread, one question for all who come to the same place.
 */
#include "notify/stream_private.h"

#include <errno.h>
#include <utlist.h>

#include "base/mem.h"

static int take_event(void *ctx, const struct event_row *row)
{
    struct page *p = ctx;
    struct event_text *e = event_text_new(row, p->s->standing);
    size_t bytes = event_text_bytes(e);
    if (p->n > 0 && p->bytes + bytes > p->max_bytes) {
        event_text_unref(e);
        p->full = true;
        return 1;
    }
    p->ev[p->n++] = e;
    p->bytes += bytes;
    p->full = p->n == LIMIT_PAGE_EVENTS || asker_closing(p->ask.asker);
    return p->full;
}

static void run_page(struct ask *a, struct reader *r)
{
    struct page *p = CONTAINER_OF(a, struct page, ask);
    int64_t first, last;
    int result = reader_events(r, p->after, LIMIT_PAGE_EVENTS, take_event, p, &p->err);
    bool gap = p->n == 0 || p->ev[0]->seq > p->after + 1;
    if (result >= 0 && gap && p->after > 0 && !p->for_ring) {
        result = reader_log_bounds(r, &first, &last, &p->err);
        if (result >= 0)
            result = stream_check(p->after, first, p->upto, &p->err);
    }
    p->result = MIN(result, 0);
    if (p->full)
        p->upto = p->ev[p->n - 1]->seq;
    else if (p->n > 0)
        p->upto = MAX(p->upto, p->ev[p->n - 1]->seq);
}

/* Its bytes are counted out already. */
void page_free(struct page *p)
{
    if (p->listed)
        DL_DELETE(p->s->pages, p);
    for (int i = 0; i < p->n; i++)
        event_text_unref(p->ev[i]);
    free(p);
}

static bool page_is_kept(const struct page *p)
{
    return p->refs == 0 && !p->in_flight;
}

/* The oldest of those that nobody holds go, until MAX bytes of them are left. */
void pages_trim(struct stream *s, size_t max)
{
    struct page *p, *next;
    DL_FOREACH_SAFE(s->pages, p, next)
    {
        if (s->kept_bytes <= max)
            return;
        if (page_is_kept(p)) {
            s->kept_bytes -= p->bytes;
            page_free(p);
        }
    }
}

/* Nobody holds it: kept for a while, another follower will be here soon. */
void page_unref(struct page *p)
{
    if (!p || --p->refs > 0 || p->in_flight)
        return;
    struct stream *s = p->s;
    s->count.page_bytes -= p->bytes;
    if (p->stale || p->result < 0 || s->count.followers == 0) {
        page_free(p);
        return;
    }
    s->kept_bytes += p->bytes;
    pages_trim(s, LIMIT_PAGES_KEPT_BYTES);
}

static void page_ref(struct page *p)
{
    if (page_is_kept(p)) {
        p->s->kept_bytes -= p->bytes;
        p->s->count.page_bytes += p->bytes;
    }
    p->refs++;
}

static void page_done(struct ask *a)
{
    struct page *p = CONTAINER_OF(a, struct page, ask);
    p->s->count.page_bytes += p->bytes - p->max_bytes;
    if (p->for_ring) {
        ring_done(p);
        return;
    }
    p->refs++; /* waking may free the followers that hold it */
    p->in_flight = false;
    followers_wake(&p->waiters);
    page_unref(p);
}

/* Asks for the events after AFTER; NULL while the daemon stops. */
struct page *page_ask(struct stream *s, int64_t after, bool for_ring)
{
    struct page *p = xcalloc(1, sizeof *p);
    p->ask = (struct ask){.run = run_page, .done = page_done};
    p->s = s;
    p->after = after;
    p->upto = store_last_seq(s->store);
    p->for_ring = for_ring;
    p->in_flight = true;
    if (for_ring || s->count.page_bytes < LIMIT_PAGES_BYTES)
        p->max_bytes = LIMIT_FOLLOWER_BYTES;
    if (asker_ask(s->asker, &p->ask) < 0) {
        free(p);
        return NULL;
    }
    s->count.page_bytes += p->max_bytes; /* until it is known */
    s->count.pages++;
    return p;
}

/* Takes a page that has what comes after f->pos, if there is one. */
bool page_join(struct follower *f)
{
    struct page *p;
    DL_FOREACH (f->s->pages, p) {
        if (p->in_flight || p->stale || p->result < 0 || p->after > f->pos || p->upto <= f->pos)
            continue;
        page_ref(p);
        f->page = p;
        for (f->page_i = 0; f->page_i < p->n && p->ev[f->page_i]->seq <= f->pos;)
            f->page_i++;
        return true;
    }
    return false;
}

/* Waits for the page after f->pos, or one that begins a little before. */
int page_wait(struct follower *f)
{
    struct stream *s = f->s;
    struct page *p;
    int64_t before = f->alone ? 0 : LIMIT_PAGE_EVENTS / 2;
    DL_FOREACH (s->pages, p)
        if (p->in_flight && !p->stale && p->after <= f->pos && p->after >= f->pos - before)
            break;
    if (!p) {
        p = page_ask(s, f->pos, false);
        if (!p)
            return td_err(&f->err, f->result = -ESHUTDOWN, "the daemon is stopping");
        DL_APPEND(s->pages, p);
        p->listed = true;
    }
    p->refs++;
    f->page = p;
    f->page_i = 0;
    follower_wait(f, &p->waiters);
    return 0;
}
