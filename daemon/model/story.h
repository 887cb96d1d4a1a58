/*
 * story.h - what is asked of stories: from config/ to store/.
 */
#ifndef TIDINGS_MODEL_STORY_H
#define TIDINGS_MODEL_STORY_H

#include <stdbool.h>
#include <stddef.h>

#define TD_STORY_STEPS      16
#define TD_STORY_STRICTNESS 600 /* probability from which an item joins a story, thousandths */

struct td_story_rules {
    bool off;                  /* items are put into no stories */
    int strictness;            /* thousandths, 50 to 990 */
    int steps[TD_STORY_STEPS]; /* numbers of outlets at which story.grew is raised, rising */
    size_t n_steps;
};

static const struct td_story_rules td_story_default = {
    .strictness = TD_STORY_STRICTNESS, .steps = {2, 3, 5, 10, 20}, .n_steps = 5};

#endif
