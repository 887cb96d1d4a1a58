/*
 * filter.h - which events a follower wants: kinds, and a query. Loop thread.
 *
 * A query concerns items; of an event of a feed it sees the feed alone (feed:, tag:).
 */
#ifndef TIDINGS_NOTIFY_FILTER_H
#define TIDINGS_NOTIFY_FILTER_H

#include "base/err.h"
#include "notify/event_text.h"
#include "notify/stream.h"

struct filter;

/* EVENTS: kinds joined by '\n', "feed.*" for all that begin so; NULL = all. QUERY: its text, NULL =
 * all. -EINVAL and the reason for a mistake in the query. The filter goes before the stream. */
int filter_new(struct filter **ret, struct stream *s, const char *events, const char *query,
               struct td_err *err);
/* Of items that are one article only the first passes. */
void filter_set_articles(struct filter *f);
/* For stories: an item that is in its story with less than P (thousandths) is told by itself, as
 * item.new, and not as the growth of a story that is only probable. What the log holds is enough:
 * nothing is clustered again. 0 = never. */
void filter_set_strictness(struct filter *f, int p);
/* Accepts NULL. */
void filter_free(struct filter *f);
/* 1: it passes, 0: not. Negative, nobody knows: -ESTALE E was rendered before the filter was made,
 * -EAGAIN its item waits for its story (store_stories_placed). */
int filter_passes(const struct filter *f, const struct event_text *e);
/* Does KIND stand in EVENTS? Pure. */
bool filter_has_kind(const char *events, const char *kind);

#endif
