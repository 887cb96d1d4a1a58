/*
 * stream.h - following the event log: many readers, each at its own position.
 *
 * Loop thread. A follower asks for the next event until there is none, then waits for its `wake`.
 * Those who are near the end of the log are served from a ring of rendered events, which is filled
 * by one question to the store however many wait. Who is further behind reads pages of the store;
 * followers that come to the same place share the page, also a little later. Nothing is read before
 * somebody asks for it, so a slow follower waits by itself: it holds one page (at most
 * LIMIT_FOLLOWER_BYTES, or one event if that is larger; once LIMIT_PAGES_BYTES are held for all,
 * one event) and the ring holds at most LIMIT_RING_BYTES.
 *
 * Nothing here knows HTTP: a webhook or a command is a follower too, with a named cursor that it
 * moves by store_cursor_set.
 */
#ifndef TIDINGS_NOTIFY_STREAM_H
#define TIDINGS_NOTIFY_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "base/err.h"
#include "notify/ask.h"
#include "notify/event_text.h"
#include "notify/standing.h"

struct stream;
struct follower;
struct filter;

/* ASKER is borrowed and must outlive the stream. */
struct stream *stream_new(struct store *store, struct asker *asker);
/* After asker_close and the last follower_free; accepts NULL. */
void stream_free(struct stream *s);
/* The log now ends at LAST_SEQ, or items were given their stories. */
void stream_log_grew(struct stream *s, int64_t last_seq);

/* Events that were rendered are rendered again (filter.c: there are more queries now). */
void stream_forget(struct stream *s);
struct standing *stream_standing(struct stream *s);

struct follower_conf {
    int64_t after;               /* the last event it has had; 0 = from the oldest that is kept */
    int64_t until;               /* no event beyond this seq; INT64_MAX = follows for ever */
    int64_t limit;               /* at most so many events; 0 = no limit */
    const struct filter *filter; /* only events that pass; borrowed, NULL = all */
    /* Something is there to be had (an event, the end, an error). Loop; may call follower_next or
     * follower_free, for any follower. */
    void (*wake)(void *ctx);
    void *ctx;
};
struct follower *follower_new(struct stream *s, const struct follower_conf *conf);
/* Accepts NULL. */
void follower_free(struct follower *f);

/* The next event. 1: *RET is it, borrowed until the next call. 0: none now, `wake` will come, once.
 * Negative: the end, and the same at every later call: -ENODATA `until` or `limit` was reached,
 * -ESTALE the log does not keep the position any more (or never had it), others from the store; ERR
 * says it and how to go on. */
int follower_next(struct follower *f, const struct event_text **ret, struct td_err *err);
/* Where it is: it has had everything up to this seq that it wants. */
int64_t follower_position(const struct follower *f);

/* Can a follower that had AFTER go on in a log whose oldest event is FIRST (0 = none is kept) and
 * that has come to END? 0, or -ESTALE with the reason and how to go on. Pure. */
int stream_check(int64_t after, int64_t first, int64_t end, struct td_err *err);

struct stream_counts {
    int64_t delivered; /* events given to followers since the start */
    int64_t pages;     /* questions to the store since the start, for the ring or a page */
    int followers;
    size_t ring_bytes;
    size_t page_bytes; /* held for those who are behind */
};
void stream_count(const struct stream *s, struct stream_counts *ret);

#endif
