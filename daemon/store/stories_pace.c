#include "store/stories_pace.h"

#include "base/mem.h"

int64_t stories_pace_room(struct stories_pace *p, int64_t now)
{
    int64_t most = PACE_SAVED_MS * PACE_SHARE;
    int64_t since = MIN(now - p->saved_at, most);
    p->saved = MIN(p->saved + since, most);
    p->saved_at = now;
    return MAX(p->saved / PACE_SHARE, (int64_t)0);
}

void stories_pace_took(struct stories_pace *p, int64_t ms)
{
    p->saved -= ms * PACE_SHARE;
}

void stories_pace_worked(struct stories_pace *p, int64_t now, bool behind)
{
    if (behind && !p->behind && now - p->caught_at > PACE_PAUSE_MS)
        p->behind_at = now;
    if (!behind && p->behind)
        p->caught_at = now;
    p->behind = behind;
}

void stories_pace_wrote(struct stories_pace *p, int64_t now, bool behind)
{
    p->group_at = now;
    stories_pace_worked(p, now, behind);
}

int64_t stories_pace_alone(const struct stories_pace *p)
{
    if (!p->behind)
        return INT64_MAX;
    return MIN(p->group_at + PACE_QUIET_MS, p->behind_at + PACE_LATEST_MS);
}
