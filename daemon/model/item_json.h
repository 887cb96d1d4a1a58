/*
 * item_json.h - the item object of every output: the parser's JSON with the store's facts added.
 *
 * td_entry.json ends with "}}" exactly when its last member is `_tidings` (no other member of an
 * item is an object), so the store's facts are spliced in as text and nothing is parsed again.
 * Added to
 * `_tidings`: item_id, feed_id, feed (name), feed_title, first_seen, revision, backlog (only if
 * true).
 */
#ifndef TIDINGS_MODEL_ITEM_JSON_H
#define TIDINGS_MODEL_ITEM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

struct td_item_facts {
    int64_t item_id, feed_id;
    const char *feed;       /* name */
    const char *feed_title; /* may be NULL */
    int64_t first_seen;
    int64_t revision; /* 1 = as first seen */
    bool backlog;
};

/* Appends the object to OUT (whose ceiling may overflow: buf.h). */
void td_item_json(struct buf *out, const char *json, size_t json_len,
                  const struct td_item_facts *f);

/* Is the text what td_entry.json promises, so that the splice cannot be led astray and one item
 * stays one line? A JSON object (RFC 8259) of at least one member, UTF-8, no control characters;
 * between tokens nothing but spaces; `_tidings` the only member that is an object, and the last
 * one; none of the store's facts in it; no escapes in these two levels' names; at most LIMIT_DEPTH
 * deep; no U+0000. For the reader of a parser child's answer. */
bool td_item_json_valid(const char *json, size_t n);

#endif
