#include "schedule/host.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Starts that are further apart than this belong to two bursts: what was served in the first says
 * nothing of what the server bears in the second. Longer than any limit's usual window of a minute.
 */
#define BURST_PAUSE_MS (5 * 60 * 1000)

/* A host's key has no slash. */
static const char *const prefixes[] = {
    [HOST] = "", [SITE] = "site/", [DOMAIN] = "domain/", [ADDRESS] = "address/"};

static const struct sched_host *host_of(const struct budget *b)
{
    return CONTAINER_OF((struct budget *)(uintptr_t)b, struct sched_host, b);
}

static const struct group *group_of(const struct budget *b)
{
    return CONTAINER_OF((struct budget *)(uintptr_t)b, struct group, b);
}

static bool has_site(const struct sched_host *h)
{
    return h->groups[GROUP_SITE] && h->groups[GROUP_SITE]->b.kind == SITE;
}

const char *budget_name(const struct budget *b)
{
    return b->kind == HOST ? host_of(b)->key : group_of(b)->name;
}

int budget_places(const struct schedule *s, const struct budget *b)
{
    int n = MAX(s->conf.per_host, 1);
    if (b->kind == SITE && group_of(b)->site)
        return group_of(b)->site->per_host;
    if (b->kind != HOST)
        return n;
    const struct sched_host *h = host_of(b);
    if (h == s->local || has_site(h))
        return INT32_MAX;
    return h->multiplexes && n > 1 ? MAX(n, LIMIT_STREAMS) : n;
}

int64_t budget_set_spacing(const struct schedule *s, const struct budget *b)
{
    if (b->kind == SITE && group_of(b)->site)
        return group_of(b)->site->spacing_ms;
    if (b->kind != HOST)
        return s->conf.host_spacing_ms;
    const struct sched_host *h = host_of(b);
    return MAX(h == s->local || has_site(h) ? 0 : s->conf.host_spacing_ms, h->crawl_delay_ms);
}

int64_t budget_spacing(const struct schedule *s, const struct budget *b)
{
    int64_t set = budget_set_spacing(s, b);
    return b->trouble ? MAX(set, slowdown_spacing(&b->trouble->slow, set, s->now)) : set;
}

bool budget_has_place(const struct schedule *s, const struct budget *b)
{
    return b->running < (uint32_t)budget_places(s, b);
}

int64_t budget_open_at(const struct budget *b)
{
    return b->trouble ? MAX(b->next_start_at, b->trouble->hold_at) : b->next_start_at;
}

bool budget_is_open(const struct schedule *s, const struct budget *b)
{
    int64_t at = budget_open_at(b);
    return at <= s->now || at == TD_NEVER;
}

int64_t budget_over_at(const struct schedule *s, const struct budget *b)
{
    int64_t at = budget_open_at(b);
    const struct trouble *t = b->trouble;
    if (!t)
        return at;
    at = MAX(at, t->limited_until);
    return t->slow.spacing_ms ? MAX(at, slowdown_heals_at(&t->slow, budget_set_spacing(s, b))) : at;
}

void budget_start(const struct schedule *s, struct budget *b)
{
    bool pause = b->n_burst == 0 || s->now > b->next_start_at + BURST_PAUSE_MS;
    if (pause) {
        b->n_burst = 0;
        b->burst_at = s->now;
        if (b->trouble)
            b->trouble->n_limited = 0;
    }
    b->n_burst++;
    b->running++;
    b->next_start_at = s->now + budget_spacing(s, b);
}

void budget_unstart(const struct schedule *s, struct budget *b)
{
    b->running--;
    b->n_burst -= b->n_burst > 0;
    b->next_start_at = MIN(b->next_start_at, s->now); /* it had opened, and nothing was sent */
}

void budget_asked(const struct schedule *s, struct budget *b, int64_t at)
{
    b->next_start_at = MAX(b->next_start_at, at + budget_spacing(s, b));
}

static struct trouble *trouble(struct budget *b)
{
    if (!b->trouble) {
        b->trouble = xcalloc(1, sizeof *b->trouble);
        b->trouble->hold_at = b->trouble->limited_until = TD_NEVER;
    }
    return b->trouble;
}

void budget_hold(struct budget *b, int64_t at)
{
    struct trouble *t = trouble(b);
    t->hold_at = MAX(t->hold_at, at);
}

/* What the server would have borne: from the first request of the burst until it takes one again,
 * for each that it has served. 0 = it has served none. */
static int64_t seen_spacing(const struct budget *b, int64_t at)
{
    const struct trouble *t = b->trouble;
    uint32_t unknown = t->n_limited + (b->running ? b->running - 1 : 0);
    return b->n_burst > unknown ? (at - b->burst_at) / (b->n_burst - unknown) : 0;
}

bool budget_limited(const struct schedule *s, struct budget *b, const void *who, int64_t at)
{
    struct trouble *t = trouble(b);
    int64_t set = budget_set_spacing(s, b);
    bool second = t->limited && t->limited != who && t->limited_until > s->now;
    bool known = slowdown_spacing(&t->slow, set, s->now) > 0;
    bool same = t->hold_at > s->now; /* an answer to what had started before it was held */
    t->limited = who;
    t->limited_until = MAX(t->limited_until, at);
    t->n_limited++;
    if (second || same)
        t->hold_at = MAX(t->hold_at, at);
    if (same || (!second && !known))
        return false;
    slowdown_raise(&t->slow, set, second ? seen_spacing(b, at) : 0, s->now);
    b->n_burst = 0;
    return true;
}

void budget_answered(struct budget *b)
{
    if (b->trouble)
        b->trouble->limited = NULL;
}

/* What a budget has learned, for the one who keeps it over a restart. */
void budget_tell(const struct schedule *s, const struct budget *b)
{
    char key[TD_LEARNED_KEY];
    const struct trouble *t = b->trouble;
    if (!s->conf.learned)
        return;
    snprintf(key, sizeof key, "%s%s", prefixes[b->kind], budget_name(b));
    const struct td_learned l = {.key = key,
                                 .spacing_ms = t->slow.spacing_ms,
                                 .since = t->slow.since,
                                 .calm_ms = t->slow.calm_ms,
                                 .hold_at = t->hold_at};
    s->conf.learned(s->conf.learned_ctx, &l);
}

void budget_recall(struct budget *b, const struct td_learned *l)
{
    trouble(b)->slow = (struct slowdown){l->spacing_ms, l->since, l->calm_ms};
    b->trouble->hold_at = l->hold_at;
}

enum budget_kind budget_kind_of(const char **key)
{
    for (enum budget_kind k = SITE; k <= ADDRESS; k++)
        if (str_starts(*key, prefixes[k])) {
            *key += strlen(prefixes[k]);
            return k;
        }
    return HOST;
}

void budget_fini(struct schedule *s, struct budget *b)
{
    if (b->trouble && b->trouble->slow.spacing_ms) {
        b->trouble->slow = (struct slowdown){0};
        budget_tell(s, b);
    }
    free(TAKE(b->trouble));
}

static void shift(int64_t *at, int64_t delta)
{
    *at += *at == TD_NEVER ? 0 : delta;
}

void budget_shift(struct budget *b, int64_t delta)
{
    shift(&b->next_start_at, delta);
    b->burst_at += delta;
    if (!b->trouble)
        return;
    shift(&b->trouble->hold_at, delta);
    shift(&b->trouble->limited_until, delta);
    b->trouble->slow.since += delta;
}
