/*
 * stories_pace.h - when items get their stories, so that storing them is not held up. Pure.
 *
 * In normal life an item gets its story in its own transaction. Of a round's thousands only a share
 * of the writer's time is spent so, at the most PACE_SAVED_MS at a time; the rest waits until
 * nothing has been stored for PACE_QUIET_MS, or, when the news never pauses, until something has
 * waited for PACE_LATEST_MS: from then on all the time is used in which nothing is queued. So the
 * share keeps the pass going even while the queue is never empty. Times are monotonic, ms.
 */
#ifndef TIDINGS_STORE_STORIES_PACE_H
#define TIDINGS_STORE_STORIES_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_SHARE     16 /* one part in so many of the time */
#define PACE_SAVED_MS  20
#define PACE_QUIET_MS  50
#define PACE_LATEST_MS 10000
#define PACE_PAUSE_MS  1000 /* without anything waiting, before that begins anew */

struct stories_pace {
    int64_t saved; /* of the share, ms times PACE_SHARE */
    int64_t saved_at, group_at;
    int64_t behind_at, caught_at; /* since when items wait; when that was over last */
    bool behind;
};

/* How long the pass may work in the transaction of a group, ms; and how long it did. */
int64_t stories_pace_room(struct stories_pace *p, int64_t now);
void stories_pace_took(struct stories_pace *p, int64_t ms);
/* A group was written. BEHIND: items wait. */
void stories_pace_wrote(struct stories_pace *p, int64_t now, bool behind);
/* The pass did something by itself. */
void stories_pace_worked(struct stories_pace *p, int64_t now, bool behind);
/* From when on the pass may work by itself while nothing is queued; INT64_MAX: nothing waits. */
int64_t stories_pace_alone(const struct stories_pace *p);

#endif
