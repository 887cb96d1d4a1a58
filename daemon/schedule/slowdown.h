/*
 * slowdown.h - the spacing that a server has taught us by answering 429. Pure.
 *
 * A server that limits says no rate; it says 429 after too many requests, and often for how long.
 * From how many it served until then follows what it bears: `spacing_ms` between two requests. That
 * heals: when nothing was limited for `calm_ms`, the spacing is halved, then once a day, until it
 * says no more than the settings. A server that limits again after it had begun to heal is left
 * alone for twice as long before the next try, so that a strict one is tried ever more rarely
 * (LIMIT_CALM_MAX_MS). Healing is a function of the time: nothing has to be written for it.
 */
#ifndef TIDINGS_SCHEDULE_SLOWDOWN_H
#define TIDINGS_SCHEDULE_SLOWDOWN_H

#include <stdint.h>

/* Zeroed = nothing was learned. */
struct slowdown {
    int64_t spacing_ms; /* as it was when the server last limited */
    int64_t since;      /* then */
    int64_t calm_ms;    /* until the first step of healing */
};

/* The spacing at NOW; 0 when less than LEAST_MS (the settings') would be left of it. */
int64_t slowdown_spacing(const struct slowdown *s, int64_t least_ms, int64_t now);
/* When that will be 0. */
int64_t slowdown_heals_at(const struct slowdown *s, int64_t least_ms);
/* The server has limited at NOW. SEEN_MS: the spacing it would have borne, 0 when that is not
 * known. */
void slowdown_raise(struct slowdown *s, int64_t least_ms, int64_t seen_ms, int64_t now);

#endif
