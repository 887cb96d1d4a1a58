/*
 * stream_private.h - what the files of the stream share: stream.c (followers, and who waits),
 * stream_pages.c (those who are behind), stream_ring.c (those who are near the end).
 *
 * A follower's position is a seq; everything at or below it was given or was never there. A page
 * (and the ring) covers a span of seqs, AFTER..UPTO, in which some may be missing (feeds that were
 * removed), so a follower that has had all of a span stands at UPTO, not at the last event in it.
 */
#ifndef TIDINGS_NOTIFY_STREAM_PRIVATE_H
#define TIDINGS_NOTIFY_STREAM_PRIVATE_H

#include "base/limits.h"
#include "notify/stream.h"

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

/* ---- stream.c: who waits -------------------------------------------------------------------- */

void follower_wait(struct follower *f, struct follower **list);
void follower_wait_end(struct follower *f);
/* Each is out of the list before it is woken; waking may free it, or others. */
void followers_wake(struct follower **list);

/* ---- stream_pages.c ------------------------------------------------------------------------- */

/* Asks for the events after AFTER; NULL while the daemon stops. */
struct page *page_ask(struct stream *s, int64_t after, bool for_ring);
/* Nobody holds it: kept for a while, another follower will be here soon. Accepts NULL. */
void page_unref(struct page *p);
/* Its bytes are counted out already. */
void page_free(struct page *p);
/* The oldest of those that nobody holds go, until MAX bytes of them are left. */
void pages_trim(struct stream *s, size_t max);
/* Takes a page that has what comes after f->pos, if there is one. */
bool page_join(struct follower *f);
/* Waits for the page after f->pos, or one that begins a little before: 0, or f->result. */
int page_wait(struct follower *f);

/* ---- stream_ring.c -------------------------------------------------------------------------- */

void ring_reset(struct stream *s, int64_t at);
/* The first event in the ring after F's position, NULL if there is none. */
struct event_text *ring_find(struct stream *s, struct follower *f);
/* With no follower there is nobody to remember for. */
void ring_rest(struct stream *s);
/* Fills the ring further if somebody waits for it. */
void ring_pull(struct stream *s);
/* The page that was asked for it has come. */
void ring_done(struct page *p);

#endif
