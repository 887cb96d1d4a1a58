#include "schedule/slowdown.h"

#include "base/limits.h"
#include "base/mem.h"

#define SHIFT_MAX 40 /* a spacing halved so often is none */

/* How often it has been halved at NOW. */
static int steps(const struct slowdown *s, int64_t now)
{
    int64_t calm = now - s->since - s->calm_ms;
    if (calm < 0)
        return 0;
    int64_t n = 1 + calm / LIMIT_CALM_MS;
    return n > SHIFT_MAX ? SHIFT_MAX : (int)n;
}

int64_t slowdown_spacing(const struct slowdown *s, int64_t least_ms, int64_t now)
{
    int64_t ms = s->spacing_ms >> steps(s, now);
    return ms > least_ms ? ms : 0;
}

int64_t slowdown_heals_at(const struct slowdown *s, int64_t least_ms)
{
    int64_t at = s->since + s->calm_ms, ms = s->spacing_ms / 2;
    if (s->spacing_ms <= least_ms)
        return s->since;
    for (; ms > least_ms && ms > 0; ms /= 2)
        at += LIMIT_CALM_MS;
    return at;
}

void slowdown_raise(struct slowdown *s, int64_t least_ms, int64_t seen_ms, int64_t now)
{
    int64_t old = slowdown_spacing(s, least_ms, now);
    int64_t floor = old ? old + old / 4 : 2 * MAX(least_ms, (int64_t)500);
    int healed = steps(s, now);
    if (!old) {
        s->calm_ms = LIMIT_CALM_MS;
    } else if (healed > 0) { /* limited while it was healing: the step before was right */
        s->calm_ms = MIN(2 * s->calm_ms, (int64_t)LIMIT_CALM_MAX_MS);
        floor = MAX(floor, s->spacing_ms >> (healed - 1));
    }
    floor = MAX(floor, seen_ms);
    floor = MIN(floor, (int64_t)LIMIT_LEARNED_SPACING_MS);
    s->spacing_ms = MAX(floor, least_ms);
    s->since = now;
}
