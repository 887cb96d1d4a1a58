/*
 * stories.h - the story clusterer and its tables. Writer thread only.
 *
 * Items are stored without a story; the pass gives them theirs, in the order of their ids: in the
 * items' own transaction in normal life, later when many come at once (stories_turn.h). A place
 * depends only on what the item said when it was stored and on those before it, so it is the same
 * however the work is cut and wherever a kill comes between. Later items' events may stand in the
 * log before an item's story event; what has changed or vanished before its story was told of is
 * told with the story, not as a change of it.
 *
 * The clusterer (story/cluster.h) lives in memory; what it changes is written in the transaction
 * that changed it, with the pass's place: stories that can still grow as one BLOB each, the words
 * of new items as a log beside a checkpoint of the counts. When a transaction is rolled back, the
 * clusterer is read again from the tables.
 */
#ifndef TIDINGS_STORE_STORIES_H
#define TIDINGS_STORE_STORIES_H

#include "model/entry.h"
#include "model/event.h"
#include "store/db.h"
#include "store/store.h"

struct stories;

/* Where an item's place in its story comes from; stored, only ever grows. */
enum story_how { STORY_OPENED, STORY_JOINED, STORY_SAME_ARTICLE, STORY_MOVED, STORY_PINNED };

/* Reads what the tables keep; a state of another version, or a damaged one, is left behind with a
 * line in the log, and stories begin anew. D is borrowed. */
struct stories *stories_new(struct db *d, const struct td_story_rules *rules);
void stories_free(struct stories *s);
void stories_set_rules(struct stories *s, const struct td_story_rules *rules);

/* What an event of a story says besides the item. */
struct story_event {
    int kind; /* EVENT_STORY_*, 0 = none */
    int64_t story_id;
    int64_t outlets;
    const char *note; /* "probable", "headline", "corrected" ...; NULL = none. A literal */
};

/* Writes E, which ITEM of FEED at REVISION has caused, into the log: *RET_SEQ its number. */
int stories_put_event(struct db *d, int64_t now, int64_t feed_id, int64_t item_id, int64_t revision,
                      const struct story_event *e, int64_t *ret_seq, struct td_err *err);

/* ---- the pass ---- */

/* Items were stored in this transaction. */
void stories_wrote(struct stories *s);
/* There may be items without a story; and about how many. */
bool stories_behind(const struct stories *s);
int64_t stories_waiting(struct stories *s);
/* The item up to which all have had their turn. */
int64_t stories_place(const struct stories *s);
/* Inside a transaction: gives items their stories until there are no more or MS have passed, one at
 * the least. NOW: of the events, the last of which is *RET_SEQ (untouched without one). */
int stories_pass(struct stories *s, int64_t now, int64_t ms, int64_t *ret_seq, struct td_err *err);

/* ---- known items ---- */

/* A stored item says TITLE now: what to tell of its story, kind 0 if that was not told of. */
int stories_revised(struct db *d, int64_t item_id, const char *title, struct story_event *ret,
                    struct td_err *err);
/* An item has vanished from its feed: tells it of its story, if that was told of. */
int stories_vanished(struct db *d, const struct store_commit *c, struct store_commit_result *r,
                     int64_t item_id, int64_t revision, struct td_err *err);

/* Before the transaction commits: writes what changed. */
int stories_flush(struct stories *s, struct td_err *err);
/* It was rolled back. */
void stories_rolled_back(struct stories *s);

/* ---- corrections ---- */

/* The item leaves its story for INTO (0: for a new one), and so do the other sightings of its
 * article; PIN: and says so for good. Both stories are built again from their items. *RET_STORY
 * where it is now. -ENOENT when there is no such item or story. */
int stories_move(struct stories *s, int64_t item_id, int64_t into, bool pin, int64_t now,
                 int64_t *ret_story, int64_t *ret_seq, struct td_err *err);
/* All items of FROM go to INTO. -ENOENT. *RET_SEQ of both: the last event that was raised. */
int stories_merge(struct stories *s, int64_t into, int64_t from, int64_t now, int64_t *ret_seq,
                  struct td_err *err);

#endif
