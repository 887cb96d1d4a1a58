/*
 * reader_stories.h - questions about stories: the front page, one story's timeline, why an item is
 * where it is. Answers are finished JSON objects (docs/API.md), the same for the API and for
 * `tidings` on the store itself.
 */
#ifndef TIDINGS_STORE_READER_STORIES_H
#define TIDINGS_STORE_READER_STORIES_H

#include "base/buf.h"
#include "store/reader.h"

enum story_order { STORY_BY_HEAT, STORY_BY_NEW, STORY_BY_SIZE };

struct story_query {
    int64_t since;     /* only those with an item of that time or later; TD_NEVER = all */
    int64_t outlets;   /* at least so many; 0 = any */
    const char *query; /* some item matches it (tidings-query(7)); NULL = all */
    enum story_order order;
    int64_t now;
    int limit;
};
/* Adds the objects to OUT, separated by commas: how many, or negative errno. Heat is the number of
 * outlets an hour that came with it in the last STORY_HEAT_MS. */
#define STORY_HEAT_MS (6 * 3600 * 1000LL)
int reader_stories(struct reader *r, const struct story_query *q, struct buf *out,
                   struct td_err *err);
/* One story with `timeline`, its items in order of time. A merged one gives the story it is part
 * of. -ENOENT. */
int reader_story(struct reader *r, int64_t story_id, int64_t now, struct buf *out,
                 struct td_err *err);
/* The place of an item in its story: story_id, how, p, why. -ENOENT. */
int reader_story_of(struct reader *r, int64_t item_id, struct buf *out, struct td_err *err);

#endif
