/*
 * explain.h - why an item went where it went, kept with it as JSON.
 */
#ifndef TIDINGS_STORY_EXPLAIN_H
#define TIDINGS_STORY_EXPLAIN_H

#include "base/buf.h"
#include "story/cluster.h"

/* Adds one object to OUT, about the decision R on IN that C has just made: `best`, the nearest
 * other story; `p`, how probable it was; `words`, the telling words in common; `missing`, those
 * that the story lacks; `features`, an array of [name, value, contribution], what weighed most.
 * Nothing when there was nothing to decide. */
void story_explain(const struct story_in *in, const struct story_out *r, struct buf *out);

#endif
