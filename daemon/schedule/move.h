/*
 * move.h - at which address a feed is asked (FETCHING B12 to B15). Pure; any thread, as policy.h.
 *
 * The address of the config is asked until another one has proved itself: 301 or 308, alone or in
 * an unbroken row from the first hop, to the same target, in three polls over `move-after` (24 h),
 * each of which ended at a feed or a 304. So a captive portal, a maintenance page or a slip of a
 * minute moves nothing. When the new address has failed for 7 days, or says 410, the old one is
 * asked again.
 *
 * A page that names its feed is no move: the feed found there is asked from the first time that it
 * was read, and the page again when that feed has failed for 7 days.
 */
#ifndef TIDINGS_SCHEDULE_MOVE_H
#define TIDINGS_SCHEDULE_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/feed.h"

/* Where one fetch has led. */
struct move_event {
    int64_t now;
    enum td_outcome outcome;
    const char *moved_to; /* end of the unbroken row of permanent redirects, NULL = none */
    const char *found;    /* the feed that the page at the address named, NULL = it was no page */
};

/* The address to ask. */
static inline const char *move_url(const struct td_feed_state *state,
                                   const struct td_feed_conf *conf)
{
    return state->url ? state->url : conf->url;
}

/* Takes one outcome into STATE's url, url_found and moved_*. Call it before policy_apply. True: the
 * address to ask has changed. */
bool move_apply(struct td_feed_state *state, const struct td_feed_conf *conf,
                const struct move_event *ev);

/* The address of CONF was edited: what was learned of the old one is nothing to the new one. */
void move_forget(struct td_feed_state *state);

#endif
