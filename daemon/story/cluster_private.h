/*
 * cluster_private.h - the state of a clusterer, for the files that share it: cluster.c decides,
 * state.c keeps it. Also for the fitting tool, which reads the candidates.
 */
#ifndef TIDINGS_STORY_CLUSTER_PRIVATE_H
#define TIDINGS_STORY_CLUSTER_PRIVATE_H

#include "story/cluster.h"
#include "story/live.h"

struct cluster {
    struct live *live;
    struct frequency words;
    const struct story_weights *weights;
    int64_t next_id;
    int64_t now_s;   /* of the newest item; INT64_MIN = none yet */
    int64_t join_at; /* log odds from which an item joins, Q12 */

    /* of the item that is being looked at */
    uint64_t *found; /* by slot */
    struct story_item item;
    struct story_candidate candidates[STORY_CANDIDATES];
    size_t n_candidates;
};

/* The second half of cluster_assign: C's item goes to a story. It has been read; the words are not
 * counted yet. */
void cluster_place(struct cluster *c, struct story_out *ret);

#endif
