/*
 * sim_schedule.c - thirty days of 1,000 feeds against policy and schedule, under a virtual clock.
 *
 * The world: feeds with their own rhythm, cache rules and failures, on few and on shared hosts,
 * some of them redirecting; transfers take time, commits come later. What happens to the daemon:
 * restarts and kills, a sleep, a clock set forward and back, an import of 10,000 feeds. All through
 * it:
 * - never more than a bounded number of requests in a second (no burst after any of these);
 * - no feed is asked before the time that was planned for it, also over a restart;
 * - no host has more requests at once, or closer together, than the settings say;
 * - nothing stalls: at the end no feed is overdue.
 *
 * `mono` is true time; the wall clock, which is all the daemon sees, is mono + offset.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "schedule/policy.h"
#include "schedule/schedule.h"

#define S    1000LL
#define MIN_ (60 * S)
#define H    (60 * MIN_)
#define D    (24 * H)
#define T0   (1700000000 * S)

enum {
    FEEDS = 1000,
    IMPORT = 10000,
    HOSTS = 4000,
    SLOTS = 64,
    PER_HOST = 2,
    SPACING_MS = 1000,
    PACE = 10,
    /* Paced starts, and as many again for redirects' second requests and feeds that are on time. */
    MAX_PER_SECOND = 2 * PACE + 10,
    SLACK_MS = 60 * 1000, /* a step of the clock is waited out so long; also its rounding */
};

enum kind { PLAIN, CACHED, SLOW, SKIPPING, FLAKY, MISSING, GONE, LIMITED, MOVING, EXPLICIT, KINDS };

struct feed {
    struct sched_node node;
    struct td_feed_conf conf;
    struct td_feed_state state; /* as committed */
    char name[24];
    enum kind kind;
    int host;
    bool present, hopped;
    int64_t publish_ms, published; /* news each so often, in mono time */
    int64_t plan_mono;             /* when it may be asked again, in true time */
    int64_t stall_mono;            /* when it should be by now */
    int64_t offset;                /* of the wall clock when that was planned */
    int64_t n_polls;
};

struct transfer {
    struct feed *feed; /* NULL = free slot */
    int host;
    int64_t start_wall, end_mono;
};

static struct feed feeds[FEEDS + IMPORT];
static struct transfer slots[SLOTS];
static struct {
    int64_t last_start;
    int running;
} hosts[HOSTS];
static struct schedule *sched;
static int64_t mono = T0, offset, jumped_at = T0 - D, ring[MAX_PER_SECOND], n_requests, n_polls;
static uint64_t seed = 0x9e3779b97f4a7c15u;

static int64_t chance(int64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int64_t)(seed % (uint64_t)n);
}

static int64_t wall(void)
{
    return mono + offset;
}

#define CHECK(cond, ...)                                                      \
    do {                                                                      \
        if (!(cond)) {                                                        \
            printf("day %.3f: %s: ", (double)(mono - T0) / (double)D, #cond); \
            printf(__VA_ARGS__);                                              \
            printf("\n");                                                     \
            exit(1);                                                          \
        }                                                                     \
    } while (0)

/* ---- the world ------------------------------------------------------------------------------ */

static const char *host_key(int host)
{
    static char key[32];
    snprintf(key, sizeof key, "host%d.example:443", host);
    return key;
}

static void feed_make(struct feed *f, int i)
{
    memset(f, 0, sizeof *f);
    snprintf(f->name, sizeof f->name, "feed %d", i);
    f->kind = (enum kind)(i % KINDS);
    f->host = (int)(chance(3) ? chance(HOSTS) : chance(5)); /* a third on five large hosts */
    f->publish_ms = 10 * MIN_ + chance(chance(2) ? 6 * H : 10 * D);
    f->published = mono;
    f->plan_mono = mono;
    f->offset = offset;
    f->conf = (struct td_feed_conf){.name = f->name,
                                    .enabled = true,
                                    .interval_ms = f->kind == EXPLICIT ? 10 * MIN_ : 0,
                                    .min_interval_ms = LIMIT_INTERVAL_FLOOR_MS};
    td_feed_state_init(&f->state);
}

/* What the server says to FEED now. */
static struct policy_event answer_of(struct feed *f, struct td_hints *hints)
{
    struct policy_event ev = {
        .now = wall(), .outcome = TD_OUT_OK, .http_status = 200, .retry_after_at = TD_NEVER};
    *hints = (struct td_hints){0};
    bool bad_day = (mono - T0) / D % 5 == f->host % 5;
    switch (f->kind) {
    case CACHED:
        ev.fresh = (struct td_freshness){true, 20 * MIN_ + f->host % 90 * MIN_};
        break;
    case SLOW:
        hints->ttl_ms = 3 * H;
        break;
    case SKIPPING:
        hints->skip_hours = 0x0000ff;
        hints->skip_days = 1;
        break;
    case FLAKY:
        if (bad_day)
            ev.outcome = TD_OUT_HTTP, ev.http_status = 503;
        break;
    case MISSING:
        ev.outcome = TD_OUT_HTTP, ev.http_status = 404;
        break;
    case GONE:
        if (mono > T0 + 10 * D)
            ev.outcome = TD_OUT_GONE, ev.http_status = 410;
        break;
    case LIMITED:
        if (bad_day && chance(2)) {
            ev.outcome = TD_OUT_HTTP, ev.http_status = 429;
            ev.retry_after_at = wall() + 2 * H + chance(4 * H);
        }
        break;
    default:
        break;
    }
    if (td_outcome_good(ev.outcome)) {
        for (; f->published <= mono; f->published += f->publish_ms)
            ev.n_new++;
        ev.hints = hints;
    }
    return ev;
}

/* ---- the daemon ----------------------------------------------------------------------------- */

static void check_request(const struct feed *f, int host)
{
    CHECK(hosts[host].running < PER_HOST, "host %d", host);
    CHECK(mono - hosts[host].last_start >= SPACING_MS || hosts[host].last_start <= jumped_at,
          "host %d after %lld ms", host, (long long)(mono - hosts[host].last_start));
    int64_t oldest = ring[n_requests % MAX_PER_SECOND];
    CHECK(n_requests < MAX_PER_SECOND || mono - oldest >= 1000, "more than %d requests in %lld ms",
          MAX_PER_SECOND, (long long)(mono - oldest));
    ring[n_requests++ % MAX_PER_SECOND] = mono;
    if (f->hopped)
        return;
    /* A clock that was set forward since the plan makes it due earlier: that cannot be told. */
    CHECK(offset > f->offset || mono >= f->plan_mono - (offset < f->offset ? SLACK_MS : 0),
          "%s %lld s before its time", f->name, (long long)(f->plan_mono - mono) / 1000);
}

static void start(struct feed *f, struct transfer *t)
{
    int host = f->hopped ? (f->host + 1) % HOSTS : f->host;
    check_request(f, host);
    hosts[host].last_start = mono;
    hosts[host].running++;
    int64_t takes = chance(50) ? 50 + chance(800) : 60000;
    *t = (struct transfer){f, host, wall(), mono + takes};
}

static void finish(struct transfer *t)
{
    struct feed *f = t->feed;
    hosts[t->host].running--;
    t->feed = NULL;
    if (f->kind == MOVING && !f->hopped) {
        f->hopped = true;
        schedule_hop(sched, &f->node, host_key((f->host + 1) % HOSTS), wall());
        return;
    }
    f->hopped = false;
    struct td_hints hints;
    struct policy_event ev = answer_of(f, &hints);
    struct td_fetch_note note = {.at = t->start_wall,
                                 .outcome = (uint8_t)ev.outcome,
                                 .http_status = (int16_t)ev.http_status};
    td_feed_state_note(&f->state, &note);
    policy_apply(&f->state, &f->conf, &ev);
    schedule_done(sched, &f->node, wall(), f->state.next_due_at);
    f->plan_mono = f->stall_mono = f->state.next_due_at - offset;
    f->offset = offset;
    f->n_polls++;
    n_polls++;
}

static void load(struct feed *f)
{
    int64_t at = policy_on_load(&f->state, &f->conf, wall());
    f->hopped = false;
    f->present = true;
    f->node = (struct sched_node){0};
    if (at != TD_NEVER) /* later than planned if the clock went back meanwhile */
        f->stall_mono = MAX(f->plan_mono, at - offset);
    schedule_add(sched, &f->node, host_key(f->host), at);
}

/* Everything in flight is lost, as by kill -9; what was committed is there again. */
static void restart(void)
{
    struct schedule_conf conf = {PER_HOST, SPACING_MS, PACE};
    memset(slots, 0, sizeof slots);
    for (int i = 0; i < HOSTS; i++)
        hosts[i].running = 0, hosts[i].last_start = 0; /* forgotten, and the pace covers it */
    schedule_free(sched);
    sched = schedule_new(&conf);
    for (int i = 0; i < FEEDS + IMPORT; i++)
        if (feeds[i].present)
            load(&feeds[i]);
}

static bool in_flight(const struct feed *f)
{
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].feed == f)
            return true;
    return false;
}

static void drop(struct feed *f)
{
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].feed == f) {
            hosts[slots[i].host].running--;
            slots[i].feed = NULL;
        }
    schedule_remove(sched, &f->node);
    td_feed_state_fini(&f->state);
    f->present = false;
}

static struct transfer *free_slot(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (!slots[i].feed)
            return &slots[i];
    return NULL;
}

/* Lives until UNTIL, in true time. */
static void live(int64_t until)
{
    while (mono < until) {
        int64_t wake = TD_NEVER, next = until;
        struct transfer *t;
        while ((t = free_slot())) {
            struct sched_node *n = schedule_next(sched, wall(), &wake);
            if (!n)
                break;
            start(CONTAINER_OF(n, struct feed, node), t);
        }
        if (t && wake != TD_NEVER)
            next = MIN(next, wake - offset);
        for (int i = 0; i < SLOTS; i++)
            if (slots[i].feed)
                next = MIN(next, slots[i].end_mono);
        mono = MAX(next, mono + 1);
        for (int i = 0; i < SLOTS; i++)
            if (slots[i].feed && slots[i].end_mono <= mono)
                finish(&slots[i]);
    }
}

static void live_days(double days)
{
    live(mono + (int64_t)(days * (double)D));
}

static void set_clock(int64_t by)
{
    offset += by;
    jumped_at = mono;
}

static void add_feeds(int from, int to)
{
    for (int i = from; i < to; i++) {
        feed_make(&feeds[i], i);
        load(&feeds[i]);
    }
}

static void check_nothing_stalls(void)
{
    for (int i = 0; i < FEEDS + IMPORT; i++) {
        const struct feed *f = &feeds[i];
        CHECK(!f->present || f->state.gone || in_flight(f) || f->stall_mono > mono - 10 * MIN_,
              "%s is overdue by %lld s", f->name, (long long)(mono - f->stall_mono) / 1000);
    }
}

static void report(const char *what)
{
    static int64_t polls_before, mono_before = T0;
    printf("day %6.3f  %-36s %8lld polls, %.2f a second\n", (double)(mono - T0) / (double)D, what,
           (long long)(n_polls - polls_before),
           (double)(n_polls - polls_before) * 1000 / (double)(mono - mono_before));
    polls_before = n_polls;
    mono_before = mono;
    check_nothing_stalls();
}

static void check_each_kind(void)
{
    int n_gone = 0;
    for (int i = 0; i < FEEDS; i++) {
        const struct feed *f = &feeds[i];
        n_gone += f->state.gone;
        CHECK(f->state.gone == (f->kind == GONE), "%s", f->name);
        CHECK((f->kind == MISSING) == (f->n_polls <= 20), "%s: %lld polls", f->name,
              (long long)f->n_polls);
    }
    printf("%d feeds gone, %lld requests\n", n_gone, (long long)n_requests);
}

int main(void)
{
    restart();
    add_feeds(0, FEEDS);
    live_days(3);
    report("first days");
    for (int i = 0; i < 5; i++) {
        restart();
        live_days(0.01);
    }
    report("five restarts in a row");
    mono += 6 * H;
    restart();
    live_days(2);
    report("down for 6 h");
    mono += 10 * H; /* timers stand still, transfers have long ended */
    live_days(4);
    report("asleep for 10 h");
    set_clock(3 * D);
    live_days(0.05);
    set_clock(-3 * D);
    live_days(4);
    report("clock 3 d forward, back after 1 h");
    set_clock(-100 * D);
    live_days(1);
    restart();
    live_days(1);
    set_clock(100 * D);
    restart();
    live_days(2);
    report("clock 100 d back, restart, forward");
    add_feeds(FEEDS, FEEDS + IMPORT);
    live_days(1);
    report("import of 10,000 feeds");
    mono += 5 * H;
    restart();
    live_days(1);
    report("down for 5 h with 11,000 feeds");
    for (int i = FEEDS; i < FEEDS + IMPORT; i++)
        drop(&feeds[i]);
    live(T0 + 30 * D);
    report("until day 30");
    check_each_kind();
    for (int i = 0; i < FEEDS; i++)
        drop(&feeds[i]);
    schedule_free(sched);
    return 0;
}
