/*
 * event.h - the kinds of events in the log.
 */
#ifndef TIDINGS_MODEL_EVENT_H
#define TIDINGS_MODEL_EVENT_H

#include <stdbool.h>

#include "base/err.h"

/* The numbers are part of the store's format: append only. Those of feeds that stand between are
 * enum td_feed_event (model/feed.h). */
enum event_kind {
    EVENT_ITEM_NEW = 1,
    EVENT_ITEM_CHANGED = 2,
    EVENT_FEED_SILENT = 7,
    EVENT_ITEM_VANISHED = 8,
    EVENT_LOG_CUT = 9, /* of no feed (0) */
    EVENT_STORY_NEW = 20,
    EVENT_STORY_GREW = 21,
    EVENT_STORY_CHANGED = 22,
};
/* "item.new", ...; "unknown" for a number that is none. */
const char *event_kind_name(int kind);

/* Which kinds somebody wants is said by lines: a name, or the beginning of names and '*'
 * ("feed.*").
 */

/* Does one of the lines WANTED mean KIND, a name? */
bool event_kinds_have(const char *wanted, const char *kind);
/* -EINVAL, with what is allowed, when a line means no kind there is. Empty lines are none. */
int event_kinds_check(const char *wanted, struct td_err *err);

#endif
