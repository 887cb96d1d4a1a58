#include "schedule/schedule.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "schedule/heap.h"

#define uthash_malloc(n)  xmalloc(n)
#define uthash_free(p, n) free(p)
#include <uthash.h>

#define LATE_MS      30000 /* behind its time by more than this: overdue, so paced */
#define JUMP_BACK_MS 60000 /* a clock stepping back by less is waited out */

/* A node's place. RESTING ones are told apart by where their links lead. */
enum where {
    OUTSIDE, /* not in this schedule */
    FRESH,   /* just placed: schedule_next will say whether it is overdue */
    WAITING, /* in the heap `waiting` */
    LATE,    /* in the heap `late`, paced */
    PARKED,
    READY, /* in its host's queue */
    RUNNING,
    N_WHERE,
};

struct list {
    struct sched_node *first, *last;
};

struct sched_host {
    struct sched_node timer; /* in `timers` until the host opens; where = WAITING then */
    struct list ready;
    size_t running;
    size_t refs; /* nodes whose home or present host it is */
    int64_t next_start_at, hold_at;
    const struct sched_node *limited; /* answered 429, not before limited_until; only compared */
    int64_t limited_until;
    bool in_turn;
    struct sched_host *prev, *next; /* in the round of hosts that may start */
    UT_hash_handle hh;
    char key[];
};

struct schedule {
    struct schedule_conf conf;
    int64_t now; /* the latest time seen; TD_NEVER before the first */
    struct list fresh;
    struct heap waiting, late, timers; /* timers holds hosts' timer nodes */
    int64_t pace_at_us;                /* when the next overdue feed may go */
    struct sched_host *hosts;          /* by key */
    struct sched_host *local;          /* of nodes without a host */
    struct sched_host *turn_first, *turn_last;
    size_t count[N_WHERE];
};

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

/* ---- hosts ---------------------------------------------------------------------------------- */

static struct sched_host *host_new(const char *key)
{
    struct sched_host *h = xcalloc(1, sizeof *h + strlen(key) + 1);
    strcpy(h->key, key);
    h->next_start_at = h->hold_at = h->limited_until = TD_NEVER;
    return h;
}

static struct sched_host *host_get(struct schedule *s, const char *key)
{
    struct sched_host *h;
    if (!key)
        return s->local;
    HASH_FIND_STR(s->hosts, key, h);
    if (!h) {
        h = host_new(key);
        HASH_ADD_STR(s->hosts, key, h);
    }
    return h;
}

static void turn_leave(struct schedule *s, struct sched_host *h)
{
    *(h->prev ? &h->prev->next : &s->turn_first) = h->next;
    *(h->next ? &h->next->prev : &s->turn_last) = h->prev;
    h->prev = h->next = NULL;
    h->in_turn = false;
}

static void turn_join(struct schedule *s, struct sched_host *h)
{
    h->prev = s->turn_last;
    *(s->turn_last ? &s->turn_last->next : &s->turn_first) = h;
    s->turn_last = h;
    h->in_turn = true;
}

static void timer_stop(struct schedule *s, struct sched_host *h)
{
    if (h->timer.where == WAITING)
        heap_remove(&s->timers, &h->timer);
    h->timer.where = OUTSIDE;
}

static void timer_start(struct schedule *s, struct sched_host *h, int64_t at)
{
    timer_stop(s, h);
    h->timer.due_at = at;
    h->timer.where = WAITING;
    heap_push(&s->timers, &h->timer);
}

/* Puts the host where it belongs after any change: in the round when a feed of it may start, on a
 * timer when one may later. A host nobody needs is freed, once all that is known of it is over. */
static void host_settle(struct schedule *s, struct sched_host *h)
{
    bool has_place = h == s->local || h->running < (size_t)MAX(s->conf.per_host, 1);
    bool wants = h->ready.first && has_place;
    int64_t open_at = MAX(h->next_start_at, h->hold_at);
    bool open = open_at <= s->now || open_at == TD_NEVER;
    if (h->in_turn && !(wants && open))
        turn_leave(s, h);
    timer_stop(s, h);
    if (wants && open) {
        if (!h->in_turn)
            turn_join(s, h);
    } else if (wants) {
        timer_start(s, h, open_at);
    } else if (!h->refs && h != s->local) {
        int64_t until = MAX(open_at, h->limited_until);
        if (until > s->now && until != TD_NEVER) {
            timer_start(s, h, until);
        } else {
            HASH_DEL(s->hosts, h);
            free(h);
        }
    }
}

static void host_unref(struct schedule *s, struct sched_host *h)
{
    h->refs--;
    host_settle(s, h);
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

/* A running node gives its place back. The host is still referenced. */
static void give_back(struct schedule *s, struct sched_node *n)
{
    n->host->running--;
    host_settle(s, n->host);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

struct schedule *schedule_new(const struct schedule_conf *conf)
{
    struct schedule *s = xcalloc(1, sizeof *s);
    s->conf = *conf;
    s->now = TD_NEVER;
    s->local = host_new("");
    s->local->refs = 1;
    return s;
}

void schedule_free(struct schedule *s)
{
    if (!s)
        return;
    struct sched_host *h, *tmp;
    HASH_ITER (hh, s->hosts, h, tmp) {
        HASH_DEL(s->hosts, h);
        free(h);
    }
    free(s->local);
    heap_fini(&s->waiting);
    heap_fini(&s->late);
    heap_fini(&s->timers);
    free(s);
}

void schedule_configure(struct schedule *s, const struct schedule_conf *conf)
{
    s->conf = *conf;
    struct sched_host *h, *tmp;
    HASH_ITER (hh, s->hosts, h, tmp)
        host_settle(s, h);
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
        give_back(s, n);
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
    struct sched_host *h, *tmp;
    HASH_ITER (hh, s->hosts, h, tmp) {
        h->next_start_at += h->next_start_at == TD_NEVER ? 0 : delta;
        h->hold_at += h->hold_at == TD_NEVER ? 0 : delta;
        h->limited_until += h->limited_until == TD_NEVER ? 0 : delta;
    }
}

static void see_clock(struct schedule *s, int64_t now)
{
    if (s->now != TD_NEVER && now < s->now - JUMP_BACK_MS) {
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
        if (s->now - n->due_at > LATE_MS && is_paced(s, n))
            to_heap(s, n, true);
        else
            make_ready(s, n, false);
    }
    while ((n = heap_pop_due(&s->timers, s->now))) {
        n->where = OUTSIDE;
        host_settle(s, CONTAINER_OF(n, struct sched_host, timer));
    }
    int64_t gap_us = s->conf.starts_per_s > 0 ? 1000000 / s->conf.starts_per_s : 0;
    while (s->late.n && s->pace_at_us <= s->now * 1000) {
        n = heap_pop_due(&s->late, INT64_MAX);
        make_ready(s, n, false);
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
    struct sched_host *h = s->turn_first;
    if (!h) {
        int64_t at = earlier(first_at(&s->waiting), first_at(&s->timers));
        *ret_wake_at = earlier(at, pace_at(s));
        return NULL;
    }
    struct sched_node *n = h->ready.first;
    list_remove(&h->ready, n);
    set_where(s, n, RUNNING);
    h->running++;
    if (h != s->local)
        h->next_start_at = s->now + s->conf.host_spacing_ms;
    turn_leave(s, h); /* to the end of the round, if it may go on at all */
    host_settle(s, h);
    return n;
}

void schedule_done(struct schedule *s, struct sched_node *n, int64_t now, int64_t at)
{
    see_clock(s, now);
    give_back(s, n);
    go_home(s, n);
    place(s, n, at);
}

void schedule_hop(struct schedule *s, struct sched_node *n, const char *host, int64_t now)
{
    see_clock(s, now);
    struct sched_host *old = n->host;
    old->running--;
    n->host = host_get(s, host);
    if (n->host != n->home)
        n->host->refs++;
    make_ready(s, n, true);
    if (old != n->home)
        old->refs--;
    host_settle(s, old);
}

void schedule_unstart(struct schedule *s, struct sched_node *n)
{
    struct sched_host *h = n->host;
    h->running--;
    h->next_start_at = MIN(h->next_start_at, s->now); /* it had opened, and nothing was sent */
    make_ready(s, n, true);
}

void schedule_hold_host(struct schedule *s, const char *host, int64_t at)
{
    struct sched_host *h = host_get(s, host);
    if (h == s->local)
        return;
    h->hold_at = MAX(h->hold_at, at);
    host_settle(s, h);
}

void schedule_limited(struct schedule *s, const struct sched_node *n, int64_t at)
{
    struct sched_host *h = n->host;
    bool second = h->limited && h->limited != n && h->limited_until > s->now;
    h->limited = n;
    h->limited_until = MAX(h->limited_until, at);
    if (second && h != s->local) {
        h->hold_at = MAX(h->hold_at, at);
        host_settle(s, h);
    }
}

void schedule_answered(struct schedule *s, const struct sched_node *n)
{
    n->host->limited = NULL;
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
