/*
 * feed_json.h - the object of a feed in every output (docs/API.md, `tidings feeds`, `tidings why`).
 *
 * Absent values are left out, as in items: no null, no "".
 */
#ifndef TIDINGS_MODEL_FEED_JSON_H
#define TIDINGS_MODEL_FEED_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct td_feed_conf;
struct td_feed_state;

/* Appends the object. DETAIL: also what decided the next fetch, its settings and the last
 * outcomes. */
void td_feed_json(struct buf *out, const struct td_feed_conf *conf,
                  const struct td_feed_state *state, int64_t n_items, bool detail);

#endif
