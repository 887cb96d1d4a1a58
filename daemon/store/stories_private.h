/*
 * stories_private.h - what stories.c (events), stories_pass.c (places),
 * stories_state.c (keeping the clusterer)
 * and stories_fix.c (corrections) share.
 */
#ifndef TIDINGS_STORE_STORIES_PRIVATE_H
#define TIDINGS_STORE_STORIES_PRIVATE_H

#include "store/stories.h"
#include "story/cluster.h"

/* The original_url of row T (an item, or a revision), from its object. */
#define ORIGINAL_URL_OF(t)                           \
    "iif(instr(" t ".json, '\"original_url\"') > 0," \
    " json_extract(" t ".json, '$._tidings.original_url'), NULL)"
#define ORIGINAL_URL ORIGINAL_URL_OF("i")

struct story_ids {
    int64_t *list;
    size_t n, cap;
};

struct stories {
    struct db *d;
    struct cluster *c;
    struct td_story_rules rules;
    struct story_ids changed, gone; /* of this transaction */
    struct buf words;               /* counted in it, not yet in a row */
    bool head_changed;
    int64_t words_bytes; /* in rows since the checkpoint */
    int64_t at, quiet;   /* meta.story_item and story_quiet */
    bool behind;         /* there may be items after `at` */
};

void story_ids_add(struct story_ids *ids, int64_t id);

/* Makes S->c from the tables. */
void stories_load(struct stories *s);
/* Remembers that a story, the counts and the clock changed. */
void stories_touched(struct stories *s, int64_t story_id);
/* The words of the item that was just read go to the log. */
int stories_counted(struct stories *s, struct td_err *err);

/* A clusterer without a state takes the stories that the tables know since then: what people have
 * corrected stays as it is. */
int stories_begin_anew(struct stories *s, int64_t since_ms, struct td_err *err);

/* Reads how far the pass has come. */
void stories_find_place(struct stories *s);

#endif
