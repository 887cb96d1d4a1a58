/*
 * event_text.h - one event of the log, rendered once for all who follow.
 *
 * Made on the reader thread, then shared on the loop by counting references there. The text is laid
 * out so that both forms of /v1/events are windows into it:
 *
 *     id: 17\nevent: item.new\ndata: {"seq":17,...}\n\n      the whole: Server-Sent Events
 *                                    {"seq":17,...}\n        a part: JSON Lines
 *
 * The JSON object: seq, id (INSTANCE-seq), event ("item.new", ...), at (commit time), item (the
 * object of every output, model/item_json.h, as of that revision). An event of a feed
 * ("feed.moved", "feed.gone", "feed.dead", "feed.recovered", "feed.silent") has `feed` in place of
 * item: feed_id, name, title, url, and moved_url when another address than that is asked. An event
 * of a story ("story.new", "story.grew", "story.changed") has `story` before `item`, the item that
 * caused it: story_id, title, outlets, items, first, last, note ("probable", "headline",
 * "corrected", "vanished", "split", "merged", "pinned") and p, how probably the item belongs to it.
 */
#ifndef TIDINGS_NOTIFY_EVENT_TEXT_H
#define TIDINGS_NOTIFY_EVENT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "notify/standing.h"
#include "store/reader.h"

struct event_text {
    int refs;        /* loop thread */
    int64_t seq, at; /* at: commit time */
    char kind[32];
    int64_t story_id;    /* that its item is in, or that it is about; 0 = none */
    int story_p;         /* thousandths: how probably the item is in it */
    bool sighting;       /* its item is the same article as an earlier one */
    bool judged;         /* story_p decided that the item is in it */
    bool waits;          /* not known yet: the item waits for its story */
    int64_t item_id;     /* 0 = of no item */
    uint64_t generation; /* standing.h: the queries that it was matched against */
    uint64_t *matches;   /* those it matches, in order */
    size_t n_matches;
    size_t len;                /* of text */
    size_t json_off, json_len; /* the object in it, without its newline */
    char text[];
};

/* Appends the item's object to OUT, on one line: line breaks inside the stored object (a parser
 * child that was taken over could have put them there) become spaces, so that a feed cannot forge
 * an event. */
void item_text(struct buf *out, const struct item_row *item);
/* Renders ROW and matches it against STANDING (NULL = none); one reference, the caller's. */
struct event_text *event_text_new(const struct event_row *row, struct standing *standing);
/* One that was kept as its JSON object alone (a dead letter). */
struct event_text *event_text_kept(int64_t seq, int64_t at, const char *json, size_t n);
struct event_text *event_text_ref(struct event_text *e);
/* Accepts NULL. */
void event_text_unref(struct event_text *e);
/* What it holds of memory. */
size_t event_text_bytes(const struct event_text *e);

#endif
