/*
 * stories_turn.h - the writer's turns at stories: when (stories_pace.h) and in which transaction
 * items get theirs (stories.h). Writer thread only.
 */
#ifndef TIDINGS_STORE_STORIES_TURN_H
#define TIDINGS_STORE_STORIES_TURN_H

#include "store/stories.h"

struct stories_turn;

/* D and S are borrowed. */
struct stories_turn *stories_turn_new(struct db *d, struct stories *s);
void stories_turn_free(struct stories_turn *t);

/* At the end of a group's transaction: gives stories to as many items as there is time for. */
int stories_turn_join(struct stories_turn *t, struct td_err *err);
/* The group is durable, or was rolled back. */
void stories_turn_joined(struct stories_turn *t, bool durable);
/* Nothing is queued: one transaction of the pass' own, if it is time. 1: did something, ask again.
 * 0: nothing to do before *RET_WAKE_AT (monotonic; INT64_MAX = before a group). Negative: failed
 * and rolled back. */
int stories_turn_step(struct stories_turn *t, int64_t *ret_wake_at, struct td_err *err);

/* The last event that was raised, 0 = none yet; durable. */
int64_t stories_turn_raised(const struct stories_turn *t);
/* The item up to which all have had their turn; durable. */
int64_t stories_turn_place(const struct stories_turn *t);
/* How many items wait, about. */
int64_t stories_turn_waiting(const struct stories_turn *t);

#endif
