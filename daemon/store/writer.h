/*
 * writer.h - the one thread that writes: operations in, in order; durable and in order out.
 *
 * The thread takes all that is queued (LIMIT_GROUP_COMMIT at most) as one transaction. While one is
 * being synced the next one collects by itself; small groups that follow upon each other wait for
 * company, LIMIT_GROUP_COMMIT_MS at most, a lone operation never. When the disk refuses, the
 * operations stay and are tried again with growing pauses. Calls from the loop thread only.
 */
#ifndef TIDINGS_STORE_WRITER_H
#define TIDINGS_STORE_WRITER_H

#include <ev.h>

#include "store/db.h"
#include "store/ops.h"
#include "store/store.h"

struct writer;

/* Takes the connection. CONF's callbacks come on the loop. */
struct writer *writer_new(struct db *d, struct ev_loop *loop, const struct store_conf *conf,
                          int64_t last_seq);
/* Writes what is queued, for WAIT_MS at most, then ends the thread and frees everything, no
 * callbacks. */
void writer_free(struct writer *w, int64_t wait_ms);
/* Takes OP (malloc'd, zeroed but for its inputs). */
void writer_put(struct writer *w, struct op *op);
void writer_set_log(struct writer *w, int64_t age_ms, int64_t count);
/* From the next transaction on. */
void writer_set_story_rules(struct writer *w, const struct td_story_rules *rules);
void writer_set_retention(struct writer *w, int64_t feed_id, int64_t age_ms, int64_t count);
bool writer_has_room(const struct writer *w);
int64_t writer_busy_since(struct writer *w);
/* The item up to which all have had their turn for a story, and how many wait for theirs. */
int64_t writer_stories_placed(const struct writer *w);
int64_t writer_stories_waiting(const struct writer *w);
int64_t writer_last_seq(const struct writer *w);

#endif
