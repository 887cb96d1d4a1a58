/*
 * outcome.h - what an answer means: pure functions from header lines and curl codes to td_result.
 */
#ifndef TIDINGS_FETCH_OUTCOME_H
#define TIDINGS_FETCH_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "model/fetch.h"

/* How a chain of redirects is followed (FETCHING B12 to B15, H1, H4). Zeroed = no hop yet. */
struct redirect_chain {
    int hops;
    bool all_permanent; /* every hop so far was 301 or 308; meaningful when hops > 0 */
};
/* May FROM redirect to TO? Counts the hop and returns 0, or fills ERR and returns -ELOOP (too many
 * or back to an address of this chain is detected by count) or -EPERM (scheme, https to http). */
int outcome_redirect(struct redirect_chain *chain, const char *from, const char *to, bool permanent,
                     struct td_err *err);

#endif
