/*
 * follow_story.h - tidings follow --per story: one line a story, kept up to date on a terminal.
 */
#ifndef TIDINGS_CLIENT_FOLLOW_STORY_H
#define TIDINGS_CLIENT_FOLLOW_STORY_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "client/term.h"

#define STORY_LINES 200 /* lines that may still be on the screen */

struct story_lines {
    int64_t ids[STORY_LINES]; /* of the stories, in the order of their lines; 0 = gone */
    size_t n;
};

/* Adds to OUT what EVENT (of a story) does to the screen: on a terminal the story's
 * line is written over while it is still to be seen, else (and without a terminal) a line is added.
 * Pure. */
void story_lines_event(struct story_lines *l, const struct term *term, const json_t *event,
                       struct buf *out);

#endif
