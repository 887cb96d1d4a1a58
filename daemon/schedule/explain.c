#include "schedule/host.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"

static void because(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void because(struct buf *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (out->len)
        buf_adds(out, "; ");
    buf_vaddf(out, fmt, ap);
    va_end(ap);
}

/* "at most one request each 1 min and 2 at once" */
static void add_bounds(const struct schedule *s, const struct budget *b, struct buf *out)
{
    char each[32];
    int64_t spacing = budget_spacing(s, b);
    if (spacing > 0)
        buf_addf(out, "at most one request each %s and ", str_duration(each, sizeof each, spacing));
    buf_addf(out, "%s%d at once", spacing > 0 ? "" : "at most ", budget_places(s, b));
}

static void add_group(const struct schedule *s, const struct group *g, struct buf *out)
{
    if (g->b.kind == SITE)
        because(out, "[site %s]: ", g->name);
    else
        because(out, "shares a budget with the other %u hosts %s %s: ", g->members - 1,
                g->b.kind == DOMAIN ? "of" : "at", g->name);
    add_bounds(s, &g->b, out);
}

static void add_trouble(const struct schedule *s, const struct budget *b, struct buf *out)
{
    char text[32], heals[CLOCK_TEXT];
    int64_t set = budget_set_spacing(s, b);
    const struct trouble *t = b->trouble;
    if (!t)
        return;
    int64_t learned = slowdown_spacing(&t->slow, set, s->now);
    if (learned)
        because(out, "%s answered 429: it is asked at most each %s, and as before from %s on",
                budget_name(b), str_duration(text, sizeof text, learned),
                clock_rfc3339(heals, slowdown_heals_at(&t->slow, set)));
    if (t->hold_at > s->now)
        because(out, "%s limits all: nothing is asked there for %s", budget_name(b),
                str_duration(text, sizeof text, t->hold_at - s->now));
}

static void add_crawl_delay(const struct schedule *s, const struct sched_host *h, struct buf *out)
{
    char text[32];
    int64_t other = 0; /* what counts in its place when it is longer */
    for (int i = 0; i < N_GROUPS; i++)
        if (h->groups[i])
            other = MAX(other, budget_spacing(s, &h->groups[i]->b));
    if (h->crawl_delay_ms > other && budget_spacing(s, &h->b) == h->crawl_delay_ms)
        because(out, "robots.txt of %s asks for %s between two requests (Crawl-delay)", h->key,
                str_duration(text, sizeof text, h->crawl_delay_ms));
}

static void add_queue(const struct schedule *s, const struct sched_node *n, struct buf *out)
{
    size_t before = 0;
    char text[32];
    const struct budget *slowest = &n->host->b;
    for (const struct sched_node *o = n->prev; o; o = o->prev)
        before++;
    for (int i = 0; i < N_GROUPS; i++)
        if (n->host->groups[i] && budget_open_at(&n->host->groups[i]->b) > budget_open_at(slowest))
            slowest = &n->host->groups[i]->b;
    int64_t wait = budget_open_at(slowest) - s->now;
    if (before)
        because(out, "%zu feed%s of %s go%s before it", before, before == 1 ? "" : "s",
                n->host->key, before == 1 ? "es" : "");
    if (!budget_is_open(s, slowest) && wait >= 1000)
        because(out, "%s is open again in %s", budget_name(slowest),
                str_duration(text, sizeof text, wait));
    else if (!budget_has_place(s, slowest))
        because(out, "%s has no place free", budget_name(slowest));
}

void schedule_explain(const struct schedule *s, const struct sched_node *n, struct buf *out)
{
    const struct sched_host *h = n->host;
    if (!h || h == s->local)
        return;
    add_crawl_delay(s, h, out);
    add_trouble(s, &h->b, out);
    for (int i = 0; i < N_GROUPS; i++)
        if (h->groups[i]) {
            add_group(s, h->groups[i], out);
            add_trouble(s, &h->groups[i]->b, out);
        }
    if (n->where == READY)
        add_queue(s, n, out);
}
