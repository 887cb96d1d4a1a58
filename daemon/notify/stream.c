#include "notify/stream_private.h"

#include <errno.h>
#include <utlist.h>

#include "base/mem.h"
#include "notify/filter.h"

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

/* ---- waiting -------------------------------------------------------------------------------- */

void follower_wait(struct follower *f, struct follower **list)
{
    DL_APPEND(*list, f);
    f->list = list;
}

void follower_wait_end(struct follower *f)
{
    if (f->list)
        DL_DELETE(*f->list, f);
    f->list = NULL;
}

void followers_wake(struct follower **list)
{
    while (*list) {
        struct follower *f = *list;
        follower_wait_end(f);
        f->conf.wake(f->conf.ctx);
    }
}

/* ---- followers ------------------------------------------------------------------------------ */

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
        follower_wait(f, &s->held);
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
        return page_wait(f);
    follower_wait(f, &s->live);
    ring_pull(s);
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
        return page_join(f) ? at_hand(f) : NULL;
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
    follower_wait_end(f);
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
        follower_wait_end(f);
        follower_wait(f, &s->waking);
        f->held_by = 0;
    }
    followers_wake(&s->waking);
    ring_pull(s);
}

void stream_count(const struct stream *s, struct stream_counts *ret)
{
    *ret = s->count;
    ret->ring_bytes = s->bytes;
}
