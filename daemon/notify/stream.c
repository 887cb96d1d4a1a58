/*
 * A follower's position is a seq; everything at or below it was given or was never there. A page
 * (and the ring) covers a span of seqs, AFTER..UPTO, in which some may be missing (feeds that were
 * removed), so a follower that has had all of a span stands at UPTO, not at the last event in it.
 */
#include "notify/stream.h"

#include <errno.h>
#include <utlist.h>

#include "base/limits.h"
#include "base/mem.h"
#include "notify/filter.h"

struct page {
    struct ask ask;
    struct stream *s;
    bool for_ring, in_flight;
    int refs; /* followers that wait for it or read it */
    int64_t after, upto;
    struct event_text *ev[LIMIT_PAGE_EVENTS];
    int n;
    size_t bytes, max_bytes;
    bool full; /* stopped by a limit: the log may go on before UPTO's old value */
    int result;
    struct td_err err;
    struct follower *waiters;
    bool listed, stale;       /* LISTED: in s->pages; STALE: for nobody who comes from now on */
    struct page *prev, *next; /* s->pages */
};

struct follower {
    struct stream *s;
    struct follower_conf conf;
    int64_t pos, given;
    struct event_text *cur;
    struct page *page;
    int page_i;
    uint64_t ring_i; /* where its next event stands in the ring, if it is there: s->dropped + i */
    bool
        alone; /* the page it waited for with others did not reach its place: it asks for its own */
    int64_t held_by;        /* the item whose story it waits for, 0 = none */
    struct follower **list; /* the list it waits in, NULL = it does not */
    struct follower *prev, *next;
    int result;
    struct td_err err;
};

struct stream {
    struct store *store;
    struct standing *standing;
    struct asker *asker;
    struct page *pages; /* of those who are behind: being read, held, or kept for who comes next */
    size_t kept_bytes;  /* of those that nobody holds */
    struct follower *live; /* wait for the ring to grow */
    struct follower *held; /* wait for their next event's item to have its story */
    struct follower *waking;
    bool pulling;

    /* The newest events, seq in (start, end], oldest first: ring[(head + i) % cap]. */
    struct event_text **ring;
    size_t head, n, cap, bytes;
    uint64_t dropped; /* events that were in the ring before the first one */
    int64_t start, end;

    struct stream_counts count;
};

int stream_check(int64_t after, int64_t first, int64_t end, struct td_err *err)
{
    if (after > end)
        return td_err(err, -ESTALE,
                      "position %lld is beyond the end of the log (%lld): this store is another or "
                      "an older one; go on with after=0 (all that is kept) or after=now",
                      (long long)after, (long long)end);
    int64_t oldest = first ? first : end + 1;
    if (after > 0 && after < oldest - 1)
        return td_err(err, -ESTALE,
                      "events after %lld are not all kept any more: the log begins at %lld; go on "
                      "with after=%lld and read what lies before from /v1/items, or with after=now",
                      (long long)after, (long long)oldest, (long long)(oldest - 1));
    return 0;
}

/* ---- pages: read on the reader thread ------------------------------------------------------- */

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
static void page_free(struct page *p)
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
static void pages_trim(struct stream *s, size_t max)
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
static void page_unref(struct page *p)
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

static void page_done(struct ask *a);

/* Asks for the events after AFTER; NULL while the daemon stops. */
static struct page *page_ask(struct stream *s, int64_t after, bool for_ring)
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

/* ---- waiting -------------------------------------------------------------------------------- */

static void wait_in(struct follower *f, struct follower **list)
{
    DL_APPEND(*list, f);
    f->list = list;
}

static void wait_end(struct follower *f)
{
    if (f->list)
        DL_DELETE(*f->list, f);
    f->list = NULL;
}

static void wake_all(struct follower **list)
{
    while (*list) {
        struct follower *f = *list;
        wait_end(f);
        f->conf.wake(f->conf.ctx);
    }
}

/* ---- the ring ------------------------------------------------------------------------------- */

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

static void ring_reset(struct stream *s, int64_t at)
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
static struct event_text *ring_find(struct stream *s, struct follower *f)
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
static void ring_rest(struct stream *s)
{
    if (s->count.followers == 0)
        pages_trim(s, 0);
    if (s->count.followers == 0 && !s->pulling)
        ring_reset(s, s->end);
}

/* Fills the ring further if somebody waits for it. */
static void pull(struct stream *s)
{
    if (s->live && !s->pulling && s->end < store_last_seq(s->store))
        s->pulling = page_ask(s, s->end, true) != NULL;
}

static void ring_done(struct page *p)
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
        wait_end(f);
        wait_in(f, &s->waking);
    }
    s->count.page_bytes -= p->bytes;
    page_free(p);
    wake_all(&s->waking);
    pull(s);
    ring_rest(s);
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
    wake_all(&p->waiters);
    page_unref(p);
}

/* ---- followers ------------------------------------------------------------------------------ */

/* Takes a page that has what comes after f->pos, if there is one. */
static bool join_page(struct follower *f)
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
static int wait_for_page(struct follower *f)
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
    wait_in(f, &p->waiters);
    return 0;
}

/* No event at hand: waits for the ring or for a page. */
static int wait_somewhere(struct follower *f)
{
    struct stream *s = f->s;
    int64_t last = store_last_seq(s->store);
    /* A page may have had what is durable but not announced yet: that is no position of another log
     */
    if (f->pos > last && f->given == 0)
        return f->result = stream_check(f->pos, 0, last, &f->err);
    if (f->held_by) {
        wait_in(f, &s->held);
        return 0;
    }
    bool busy = s->live || s->pulling;
    if (!busy && f->pos >= last && s->end < last)
        ring_reset(s, last);
    /* A ring that nobody uses is not begun far from the end: it would be late for who is there. */
    bool reached = busy
                       ? f->pos >= s->end
                       : f->pos >= last || (f->pos == s->end && last - s->end <= LIMIT_PAGE_EVENTS);
    if (!reached)
        return wait_for_page(f);
    wait_in(f, &s->live);
    pull(s);
    return 0;
}

/* The event after f->pos if it is in memory; moves f->pos over spans without one. */
static struct event_text *at_hand(struct follower *f)
{
    struct stream *s = f->s;
    struct page *p = f->page;
    if (p && p->result < 0 && p->after == f->pos) {
        f->result = p->result;
        f->err = p->err;
        return NULL;
    }
    while (p && f->page_i < p->n && p->ev[f->page_i]->seq <= f->pos)
        f->page_i++;
    if (p && f->page_i < p->n) {
        f->alone = false;
        return p->ev[f->page_i++];
    }
    if (p) {
        f->alone = p->result < 0 || p->upto <= f->pos;
        f->pos = p->result < 0 ? f->pos : MAX(f->pos, p->upto);
        f->page = NULL;
        page_unref(p);
    }
    if (f->pos < s->start || f->pos >= s->end)
        return join_page(f) ? at_hand(f) : NULL;
    struct event_text *e = ring_find(s, f);
    if (!e)
        f->pos = s->end;
    return e;
}

/* What is at hand came too early for its filter, or for the story of ITEM_ID. */
static void read_again(struct follower *f, int64_t item_id)
{
    f->held_by = item_id > store_stories_placed(f->s->store) ? item_id : 0;
    if (!f->page) {
        ring_reset(f->s, f->s->end);
        return;
    }
    f->page->stale = f->page->stale || item_id;
    page_unref(TAKE(f->page));
}

/* The next event that its filter lets pass, if it is in memory. */
static struct event_text *at_hand_wanted(struct follower *f)
{
    struct event_text *e;
    while ((e = at_hand(f))) {
        int passes = f->conf.filter ? filter_passes(f->conf.filter, e) : 1;
        if (passes > 0 || e->seq > f->conf.until)
            return e;
        if (passes < 0) {
            read_again(f, passes == -EAGAIN ? e->item_id : 0);
            return NULL;
        }
        f->pos = e->seq;
    }
    return NULL;
}

struct follower *follower_new(struct stream *s, const struct follower_conf *conf)
{
    struct follower *f = xcalloc(1, sizeof *f);
    f->s = s;
    f->conf = *conf;
    f->pos = conf->after;
    s->count.followers++;
    return f;
}

static bool is_over(const struct follower *f)
{
    return f->pos >= f->conf.until || (f->conf.limit && f->given >= f->conf.limit);
}

int follower_next(struct follower *f, const struct event_text **ret, struct td_err *err)
{
    event_text_unref(TAKE(f->cur));
    if (f->list)
        return 0;
    struct event_text *e = NULL;
    if (f->result == 0 && !is_over(f))
        e = at_hand_wanted(f);
    if (f->result == 0 && (is_over(f) || (e && e->seq > f->conf.until)))
        f->result = td_err(&f->err, -ENODATA, "the end that was asked for");
    if (f->result == 0 && !e)
        wait_somewhere(f);
    if (f->result < 0) {
        if (err)
            *err = f->err;
        return f->result;
    }
    if (!e)
        return 0;
    f->cur = event_text_ref(e);
    f->pos = e->seq;
    f->given++;
    f->s->count.delivered++;
    *ret = e;
    return 1;
}

int64_t follower_position(const struct follower *f)
{
    return f->pos;
}

void follower_free(struct follower *f)
{
    if (!f)
        return;
    struct stream *s = f->s;
    wait_end(f);
    event_text_unref(f->cur);
    page_unref(f->page);
    free(f);
    s->count.followers--;
    ring_rest(s);
}

/* ---- the stream ----------------------------------------------------------------------------- */

struct stream *stream_new(struct store *store, struct asker *asker)
{
    struct stream *s = xcalloc(1, sizeof *s);
    s->store = store;
    s->asker = asker;
    s->standing = standing_new();
    s->start = s->end = store_last_seq(store);
    return s;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    ring_reset(s, 0);
    free(s->ring);
    standing_free(s->standing);
    free(s);
}

void stream_forget(struct stream *s)
{
    struct page *p;
    ring_reset(s, s->end);
    pages_trim(s, 0);
    DL_FOREACH (s->pages, p)
        p->stale = true;
}

struct standing *stream_standing(struct stream *s)
{
    return s->standing;
}

void stream_log_grew(struct stream *s, int64_t last_seq)
{
    struct follower *f, *next;
    DL_FOREACH_SAFE(s->held, f, next)
    {
        if (f->held_by > store_stories_placed(s->store))
            continue;
        wait_end(f);
        wait_in(f, &s->waking);
        f->held_by = 0;
    }
    wake_all(&s->waking);
    pull(s);
}

void stream_count(const struct stream *s, struct stream_counts *ret)
{
    *ret = s->count;
    ret->ring_bytes = s->bytes;
}
