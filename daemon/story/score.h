/*
 * score.h - does an item belong to a story? Features of the pair, and the linear decision.
 *
 * Pure. Features and weights are Q12; the meaning of each feature stands beside its name in
 * score.c, in words that `tidings why-story` prints. The weights (weights.c) are fitted by
 * tests/stories/fit.py.
 */
#ifndef TIDINGS_STORY_SCORE_H
#define TIDINGS_STORY_SCORE_H

#include <stdint.h>

#include "story/item.h"
#include "story/live.h"

enum story_feature {
    F_COS,
    F_TITLECOS,
    F_MAXREP,
    F_OPENER,
    F_MARGIN,
    F_COV,
    F_RCOV,
    F_PURITY,
    F_COHESION,
    F_JACCARD,
    F_WJACCARD,
    F_CONTAIN,
    F_BIGRAM,
    F_GAP,
    F_LOGGAP,
    F_AGE,
    F_LOGN,
    F_HEAT,
    F_NUMCONF,
    F_NUMSAME,
    F_ENTKNOWN,
    F_ENTABSENT,
    F_NSHARED,
    F_TOPSHARED,
    F_MAXMISS,
    F_LEN,
    F_HASTEXT,
    F_BOTHTEXT,
    F_CROWD,
    F_COMMON,
    F_OUTLET,
    F_TITLEKNOWN,
    F_TITLETOLD,
    F_TOPOWN,
    F_NOWN,
    F_COS_LOGN,
    F_COV_LOGN,
    F_PURITY_LOGN,
    F_COS_TEXT,
    F_MAXREP_TEXT,
    F_WJACCARD_TEXT,
    F_COV_TEXT,
    F_PURITY_TEXT,
    F_LOGN_TEXT,
    F_COS2,
    F_COS_CROWD,
    F_COS_PURITY,
    F_GAP_LOGN,
    F_NUMCONF_OUTLET,
    F_NUMCONF_WJACCARD,
    F_NUMCONF_COS,
    F_TITLETOLD_TEXT,
    STORY_FEATURES,
};

struct story_weights {
    int32_t bias;
    int32_t w[STORY_FEATURES];
};

struct story_candidate {
    uint32_t slot;
    int64_t id;     /* of the story */
    uint64_t found; /* how much of the item's words found it */
    int32_t f[STORY_FEATURES];
    int64_t z;       /* log odds, Q12 */
    uint64_t known;  /* which of the item's terms the story has: bit by index */
    uint8_t nearest; /* representative */
};

/* Fills the features of N candidates of X, and their z. */
void story_score(const struct story_item *x, const struct live *l, struct story_candidate *c,
                 size_t n, const struct story_weights *w);

/* "cos", "number conflict" ...: for tables and files; and in words. */
const char *story_feature_name(enum story_feature f);
const char *story_feature_words(enum story_feature f);

extern const struct story_weights story_weights;

#endif
