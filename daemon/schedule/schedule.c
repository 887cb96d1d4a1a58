#include "schedule/schedule.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "schedule/host.h"

static void list_append(struct list *l, struct sched_node *n)
{
    n->prev = l->last;
    n->next = NULL;
    *(l->last ? &l->last->next : &l->first) = n;
    l->last = n;
}

static void list_prepend(struct list *l, struct sched_node *n)
{
    n->prev = NULL;
    n->next = l->first;
    *(l->first ? &l->first->prev : &l->last) = n;
    l->first = n;
}

static void list_remove(struct list *l, struct sched_node *n)
{
    *(n->prev ? &n->prev->next : &l->first) = n->next;
    *(n->next ? &n->next->prev : &l->last) = n->prev;
    n->prev = n->next = NULL;
}

static void set_where(struct schedule *s, struct sched_node *n, enum where w)
{
    s->count[n->where]--;
    s->count[w]++;
    n->where = (uint8_t)w;
}

static void make_ready(struct schedule *s, struct sched_node *n, bool front)
{
    set_where(s, n, READY);
    if (front)
        list_prepend(&n->host->ready, n);
    else
        list_append(&n->host->ready, n);
    host_settle(s, n->host);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static void free_sites(struct schedule *s)
{
    struct td_site *sites = (struct td_site *)(uintptr_t)s->conf.sites;
    for (size_t i = 0; i < s->conf.n_sites; i++)
        free(sites[i].name);
    free(sites);
}

static void take_conf(struct schedule *s, const struct schedule_conf *conf)
{
    struct td_site *sites = xcalloc(conf->n_sites + 1, sizeof *sites);
    for (size_t i = 0; i < conf->n_sites; i++) {
        sites[i] = conf->sites[i];
        sites[i].name = xstrdup(conf->sites[i].name);
    }
    free_sites(s);
    s->conf = *conf;
    s->conf.sites = sites;
}

struct schedule *schedule_new(const struct schedule_conf *conf)
{
    struct schedule *s = xcalloc(1, sizeof *s);
    take_conf(s, conf);
    s->now = TD_NEVER;
    s->local = host_new_local();
    return s;
}

void schedule_free(struct schedule *s)
{
    if (!s)
        return;
    s->conf.learned = NULL; /* nothing is forgotten: it is only not held any more */
    struct sched_host *h, *next;
    HASH_ITER (hh, s->hosts, h, next)
        host_free(s, h);
    struct group *g, *next_g;
    HASH_ITER (hh, s->groups, g, next_g)
        group_free(s, g);
    host_free(s, s->local);
    heap_fini(&s->waiting);
    heap_fini(&s->late);
    heap_fini(&s->timers);
    tally_fini(&s->domains);
    tally_fini(&s->addresses);
    free_sites(s);
    free(s);
}

void schedule_configure(struct schedule *s, const struct schedule_conf *conf)
{
    take_conf(s, conf);
    host_reconfigure(s);
}

/* To wait for AT. Whether that is overdue only schedule_next knows. */
static void place(struct schedule *s, struct sched_node *n, int64_t at)
{
    n->due_at = at;
    if (at == TD_NEVER) {
        set_where(s, n, PARKED);
        return;
    }
    set_where(s, n, FRESH);
    list_append(&s->fresh, n);
}

void schedule_add(struct schedule *s, struct sched_node *n, const char *host, int64_t at)
{
    n->home = n->host = host_get(s, host);
    n->home->refs++;
    n->where = OUTSIDE;
    s->count[OUTSIDE]++;
    place(s, n, at);
}

/* Takes a node that waits out of its list or heap. */
static void detach(struct schedule *s, struct sched_node *n)
{
    if (n->where == FRESH)
        list_remove(&s->fresh, n);
    else if (n->where == WAITING)
        heap_remove(&s->waiting, n);
    else if (n->where == LATE)
        heap_remove(&s->late, n);
}

/* Back to its own host after redirects. */
static void go_home(struct schedule *s, struct sched_node *n)
{
    struct sched_host *away = n->host;
    n->host = n->home;
    if (away != n->home)
        host_unref(s, away);
}

void schedule_remove(struct schedule *s, struct sched_node *n)
{
    if (n->where == RUNNING) {
        host_end(s, n->host);
    } else if (n->where == READY) {
        list_remove(&n->host->ready, n);
        host_settle(s, n->host);
    } else {
        detach(s, n);
    }
    go_home(s, n);
    set_where(s, n, OUTSIDE);
    s->count[OUTSIDE]--;
    host_unref(s, n->home);
    n->host = n->home = NULL;
}

void schedule_move(struct schedule *s, struct sched_node *n, int64_t at)
{
    if (n->where == READY && at == 0) { /* a person waits */
        list_remove(&n->host->ready, n);
        list_prepend(&n->host->ready, n);
    }
    if (n->where == READY || n->where == RUNNING)
        return;
    detach(s, n);
    place(s, n, at);
}

/* ---- starting ------------------------------------------------------------------------------- */

/* The clock went back: what waits goes with it. */
static void shift(struct schedule *s, int64_t delta)
{
    heap_shift(&s->waiting, delta);
    heap_shift(&s->late, delta);
    heap_shift(&s->timers, delta);
    s->pace_at_us += delta * 1000;
    for (struct sched_host *h = s->hosts; h; h = h->hh.next)
        budget_shift(&h->b, delta);
    for (struct group *g = s->groups; g; g = g->hh.next)
        budget_shift(&g->b, delta);
}

static void see_clock(struct schedule *s, int64_t now)
{
    if (s->now != TD_NEVER && now < s->now - LIMIT_CLOCK_DRIFT_MS) {
        shift(s, now - s->now);
        s->now = now;
    }
    s->now = MAX(s->now, now);
}

static bool is_paced(const struct schedule *s, const struct sched_node *n)
{
    return s->conf.starts_per_s > 0 && n->host != s->local;
}

static void to_heap(struct schedule *s, struct sched_node *n, bool late)
{
    set_where(s, n, late ? LATE : WAITING);
    heap_push(late ? &s->late : &s->waiting, n);
}

/* Moves on everything whose time has come, up to the hosts' queues. */
static void look_around(struct schedule *s)
{
    struct sched_node *n;
    while ((n = s->fresh.first)) {
        list_remove(&s->fresh, n);
        to_heap(s, n, n->due_at <= s->now && is_paced(s, n));
    }
    while ((n = heap_pop_due(&s->waiting, s->now))) {
        if (s->now - n->due_at > LIMIT_LATE_MS && is_paced(s, n))
            to_heap(s, n, true);
        else
            make_ready(s, n, n->due_at == 0);
    }
    while ((n = heap_pop_due(&s->timers, s->now)))
        host_on_timer(s, n);
    int64_t gap_us = s->conf.starts_per_s > 0 ? 1000000 / s->conf.starts_per_s : 0;
    while (s->late.n && s->pace_at_us <= s->now * 1000) {
        n = heap_pop_due(&s->late, INT64_MAX);
        make_ready(s, n, n->due_at == 0);
        /* A loop that comes a little late catches up by one gap, no more. */
        s->pace_at_us = MAX(s->pace_at_us, s->now * 1000 - gap_us) + gap_us;
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == TD_NEVER ? b : b == TD_NEVER ? a : MIN(a, b);
}

static int64_t first_at(const struct heap *h)
{
    return h->n ? heap_first(h)->due_at : TD_NEVER;
}

static int64_t pace_at(const struct schedule *s)
{
    return s->late.n ? MAX(s->now, (s->pace_at_us + 999) / 1000) : TD_NEVER;
}

struct sched_node *schedule_next(struct schedule *s, int64_t now, int64_t *ret_wake_at)
{
    see_clock(s, now);
    look_around(s);
    struct sched_host *h = host_next(s);
    if (!h) {
        int64_t at = earlier(first_at(&s->waiting), first_at(&s->timers));
        *ret_wake_at = earlier(at, pace_at(s));
        return NULL;
    }
    struct sched_node *n = h->ready.first;
    list_remove(&h->ready, n);
    set_where(s, n, RUNNING);
    host_start(s, h);
    return n;
}

void schedule_done(struct schedule *s, struct sched_node *n, int64_t now, int64_t at)
{
    see_clock(s, now);
    host_end(s, n->host);
    go_home(s, n);
    place(s, n, at);
}

void schedule_hop(struct schedule *s, struct sched_node *n, const char *host, int64_t now)
{
    see_clock(s, now);
    struct sched_host *old = n->host;
    old->refs++; /* until it is settled for the last time */
    host_end(s, old);
    if (old != n->home)
        old->refs--;
    n->host = host_get(s, host);
    if (n->host != n->home)
        n->host->refs++;
    if (n->host->standing == TD_STRANGE) /* it is as good as who sends us there */
        host_set_standing(s, n->host, old->standing);
    make_ready(s, n, true);
    host_unref(s, old);
}

void schedule_unstart(struct schedule *s, struct sched_node *n)
{
    host_unstart(s, n->host);
    make_ready(s, n, true);
}

bool schedule_at(struct schedule *s, struct sched_node *n, const char *address, int64_t now)
{
    struct sched_host *h = n->host;
    const struct group *before = h->groups[GROUP_ADDRESS];
    see_clock(s, now);
    host_set_address(s, h, address);
    struct group *g = h->groups[GROUP_ADDRESS];
    if (!g || g == before)
        return true;
    if (!budget_is_open(s, &g->b) || g->b.running > (uint32_t)budget_places(s, &g->b))
        return false;
    g->b.running--; /* it was counted when its host joined */
    budget_start(s, &g->b);
    group_settle(s, g);
    return true;
}

void schedule_asked(struct schedule *s, struct sched_node *n, int64_t at)
{
    if (at == TD_NEVER || n->home == s->local)
        return;
    budget_asked(s, &n->home->b, at);
    if (n->home->groups[GROUP_SITE])
        budget_asked(s, &n->home->groups[GROUP_SITE]->b, at);
}

void schedule_crawl_delay(struct schedule *s, const struct sched_node *n, int64_t ms)
{
    struct sched_host *h = n->host;
    int64_t before = budget_spacing(s, &h->b);
    if (h == s->local || h->crawl_delay_ms == ms)
        return;
    h->crawl_delay_ms = ms;
    if (h->b.next_start_at != TD_NEVER)
        h->b.next_start_at += budget_spacing(s, &h->b) - before;
    host_settle(s, h);
}

void schedule_recall(struct schedule *s, const struct td_learned *kept, int64_t now)
{
    const char *name = kept->key;
    enum budget_kind kind = budget_kind_of(&name);
    see_clock(s, now);
    struct td_learned l = *kept; /* the clock may have gone back since */
    l.since = MIN(l.since, now);
    l.hold_at = MIN(l.hold_at, now + LIMIT_RETRY_AFTER_MS);
    const struct slowdown slow = {l.spacing_ms, l.since, l.calm_ms};
    if (slowdown_heals_at(&slow, s->conf.host_spacing_ms) <= now && l.hold_at <= now) {
        if (s->conf.learned)
            s->conf.learned(s->conf.learned_ctx, &(struct td_learned){.key = l.key});
    } else if (kind == HOST) {
        struct sched_host *h = host_get(s, name);
        budget_recall(&h->b, &l);
        host_settle(s, h);
    } else {
        struct group *g = group_get(s, kind, name, strlen(name));
        budget_recall(&g->b, &l);
        group_settle(s, g);
    }
}

void schedule_hold_host(struct schedule *s, const char *host, int64_t at)
{
    struct sched_host *h = host_get(s, host);
    if (h == s->local)
        return;
    budget_hold(&h->b, at);
    host_settle(s, h);
}

int64_t schedule_held_until(const struct schedule *s, const char *host)
{
    const struct sched_host *h;
    HASH_FIND_STR(s->hosts, host, h);
    if (!h)
        return TD_NEVER;
    int64_t at = h->b.trouble ? h->b.trouble->hold_at : TD_NEVER;
    for (int i = 0; i < N_GROUPS; i++)
        if (h->groups[i] && h->groups[i]->b.trouble)
            at = MAX(at, h->groups[i]->b.trouble->hold_at);
    return at;
}

void schedule_doubt(struct schedule *s, const struct sched_node *n)
{
    host_set_standing(s, n->host, TD_DOUBTFUL);
}

void schedule_know(struct schedule *s, const struct sched_node *n)
{
    host_set_standing(s, n->host, TD_KNOWN);
}

enum td_standing schedule_standing(const struct sched_node *n)
{
    return n->host->standing;
}

void schedule_crowd(struct schedule *s, bool crowded)
{
    s->crowded = crowded;
}

bool schedule_shares_host(const struct sched_node *n)
{
    return n->host->refs > 1;
}

void schedule_limited(struct schedule *s, const struct sched_node *n, int64_t at)
{
    struct sched_host *h = n->host;
    if (h == s->local)
        return;
    host_set_standing(s, h, TD_KNOWN);
    if (budget_limited(s, &h->b, n, at))
        budget_tell(s, &h->b);
    for (int i = 0; i < N_GROUPS; i++) {
        struct group *g = h->groups[i];
        const void *who = g && g->b.kind == SITE ? (const void *)n : h;
        if (g && budget_limited(s, &g->b, who, at))
            budget_tell(s, &g->b);
        if (g)
            group_settle(s, g);
    }
    host_settle(s, h);
}

void schedule_answered(struct schedule *s, const struct sched_node *n, bool multiplexes)
{
    struct sched_host *h = n->host;
    h->multiplexes = multiplexes;
    host_set_standing(s, h, TD_KNOWN);
    budget_answered(&h->b);
    for (int i = 0; i < N_GROUPS; i++)
        if (h->groups[i])
            budget_answered(&h->groups[i]->b);
}

void schedule_count(const struct schedule *s, int64_t now, struct schedule_counts *ret)
{
    *ret = (struct schedule_counts){
        .waiting = s->count[FRESH] + s->count[WAITING] + s->count[LATE] + s->count[PARKED],
        .ready = s->count[READY],
        .running = s->count[RUNNING],
        .hosts = HASH_COUNT(s->hosts),
        .next_due_at = earlier(first_at(&s->waiting), s->late.n ? MAX(now, pace_at(s)) : TD_NEVER),
    };
    for (const struct sched_node *n = s->fresh.first; n; n = n->next)
        ret->next_due_at = earlier(ret->next_due_at, n->due_at);
}
