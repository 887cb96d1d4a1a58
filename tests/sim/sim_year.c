/*
 * sim_year.c - a scenario (scenario.h) against policy and schedule, under a virtual clock.
 *
 *     sim_year SCENARIO [PART]       PART: only this part of the feeds, for slow builds
 *
 * The world has feeds that publish by chance, more by day than by night, and servers with their
 * rules. The same items are also seen by readers that poll each 15 and 60 minutes, come what may:
 * freshness is the share of items that are seen within an hour of their publication, for each
 * request that was spent. `mono` is true time; the daemon sees mono + offset.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "scenario.h"
#include "schedule/policy.h"
#include "schedule/schedule.h"

#define S    1000LL
#define MIN_ (60 * S)
#define H    (60 * MIN_)
#define D    (24 * H)
#define T0   (1700006400 * S) /* midnight */

enum { SLOTS = 64, N_FIXED = 2, MAX_FEEDS = 20000, STRICT = 0, SECONDS = 64 };
static const int64_t fixed_ms[N_FIXED] = {15 * MIN_, 60 * MIN_};

struct feed {
    struct sched_node node;
    struct td_feed_conf conf;
    struct td_feed_state state;
    char name[24];
    const struct trait *trait; /* NULL = none */
    int host;
    double per_ms; /* items, on average over a day */
    int64_t next_item, due_mono;
};

static struct {
    struct feed *feed; /* NULL = free */
    int64_t end;
} slots[SLOTS];
static struct feed feeds[MAX_FEEDS];
static int n_feeds;
static struct scenario sc;
static struct schedule *sched;
static struct td_site strict_site = {.name = (char *)"strict.example", .per_host = 1};
static int64_t mono = T0, offset, strict_served = T0 - 365 * D, strict_asked = T0 - 365 * D;
static uint64_t seed = 0x9e3779b97f4a7c15u;

/* What is counted. */
static struct {
    double requests, feed_days, items, within_15m, within_1h, within_6h, delay_ms;
    double fixed_requests[N_FIXED], fixed_within[N_FIXED];
    double limited, too_early, peak_1s, peak_60s, late_max_s, strict_turn_max_s;
} m;
static int64_t ring[4096]; /* times of the last requests */

static double chance(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (double)(seed >> 11) * 0x1p-53;
}

static int64_t wall(void)
{
    return mono + offset;
}

/* ---- the world ------------------------------------------------------------------------------ */

/* The next item after AT: thinned by the time of day, 1 at noon and 0.2 at midnight. */
static int64_t publish(const struct feed *f, int64_t at)
{
    if (f->per_ms <= 0)
        return INT64_MAX;
    do {
        at += 1 + (int64_t)(-log(1 - chance()) / (f->per_ms / 0.6));
    } while (chance() > 0.6 - 0.4 * cos(2 * M_PI * (double)(at % D) / (double)D));
    return at;
}

/* What a reader with a fixed interval has of an item. */
static void count_fixed(const struct feed *f, int64_t item)
{
    for (int i = 0; i < N_FIXED; i++) {
        int64_t phase = (int64_t)((f - feeds) * 7919) % fixed_ms[i];
        int64_t seen = (item - phase + fixed_ms[i] - 1) / fixed_ms[i] * fixed_ms[i] + phase;
        m.fixed_within[i] += seen - item <= H;
    }
}

/* Items that a good answer shows now. */
static int take_items(struct feed *f)
{
    int n = 0;
    for (; f->next_item <= mono; f->next_item = publish(f, f->next_item), n++) {
        int64_t delay = mono - f->next_item;
        m.items++;
        m.delay_ms += (double)delay;
        m.within_15m += delay <= 15 * MIN_;
        m.within_1h += delay <= H;
        m.within_6h += delay <= 6 * H;
        count_fixed(f, f->next_item);
    }
    return n;
}

static bool is_strict(const struct feed *f)
{
    return sc.strict_feeds && f->host == STRICT;
}

static bool trait_is(const struct feed *f, const char *name)
{
    return f->trait && strcmp(f->trait->name, name) == 0;
}

static int status_of(struct feed *f)
{
    if (trait_is(f, "status"))
        return (int)f->trait->value;
    if (trait_is(f, "flaky") && (mono - T0) / D % (int64_t)f->trait->value == f->host % 3)
        return 503;
    if (!is_strict(f))
        return 200;
    if (mono < strict_served + (int64_t)(sc.strict_s * 1000))
        return 429;
    strict_served = mono;
    return 200;
}

static void answer(struct feed *f)
{
    struct td_hints hints = {0};
    int status = status_of(f);
    struct policy_event ev = {.now = wall(),
                              .outcome = status == 410   ? TD_OUT_GONE
                                         : status >= 400 ? TD_OUT_HTTP
                                                         : TD_OUT_OK,
                              .http_status = status,
                              .retry_after_at = TD_NEVER};
    if (status == 429) {
        m.limited++;
        ev.retry_after_at = strict_served + (int64_t)(sc.strict_s * 1000) + S + offset;
        schedule_limited(sched, &f->node, ev.retry_after_at);
    } else {
        schedule_answered(sched, &f->node, false);
    }
    if (status < 400) {
        ev.n_new = take_items(f);
        ev.outcome = ev.n_new ? TD_OUT_OK : TD_OUT_NOT_MODIFIED;
        ev.http_status = ev.n_new ? 200 : 304;
        ev.fresh = (struct td_freshness){trait_is(f, "max-age"),
                                         trait_is(f, "max-age") ? (int64_t)f->trait->value * S : 0};
        hints.ttl_ms = trait_is(f, "ttl") ? (int64_t)f->trait->value * S : 0;
        hints.update_ms = trait_is(f, "update") ? (int64_t)f->trait->value * S : 0;
        ev.hints = ev.n_new ? &hints : NULL;
    }
    struct td_fetch_note note = {
        .at = wall(), .outcome = (uint8_t)ev.outcome, .http_status = (int16_t)ev.http_status};
    td_feed_state_note(&f->state, &note);
    policy_apply(&f->state, &f->conf, &ev);
    td_feed_state_slim(&f->state);
    schedule_done(sched, &f->node, wall(), f->state.next_due_at);
    f->due_mono = f->state.gone ? INT64_MAX : f->state.next_due_at - offset;
}

/* ---- the daemon ----------------------------------------------------------------------------- */

static void host_key(const struct feed *f, char *key, size_t size)
{
    if (is_strict(f))
        snprintf(key, size, "www.strict.example:443");
    else
        snprintf(key, size, "host%d.example:443", f->host);
}

static void load(struct feed *f)
{
    char key[40];
    host_key(f, key, sizeof key);
    int64_t at = policy_on_load(&f->state, &f->conf, wall());
    f->node = (struct sched_node){0};
    schedule_add(sched, &f->node, key, at);
    if (td_feed_state_last(&f->state)->outcome != TD_OUT_NONE)
        schedule_asked(sched, &f->node, td_feed_state_last(&f->state)->at);
}

static struct td_learned learned[64];
static char learned_keys[64][TD_LEARNED_KEY];
static int n_learned;

static void on_learned(void *ctx, const struct td_learned *l)
{
    int i = 0;
    while (i < n_learned && strcmp(learned_keys[i], l->key) != 0)
        i++;
    if (i == 64)
        abort();
    n_learned = MAX(n_learned, i + 1);
    snprintf(learned_keys[i], sizeof learned_keys[i], "%s", l->key);
    learned[i] = *l;
    learned[i].key = learned_keys[i];
}

/* What was in flight is lost, what was committed is there again. */
static void restart(void)
{
    struct schedule_conf conf = {.per_host = 2,
                                 .host_spacing_ms = 1000,
                                 .starts_per_s = 10,
                                 .sites = &strict_site,
                                 .n_sites = sc.site_s > 0,
                                 .learned = on_learned};
    memset(slots, 0, sizeof slots);
    schedule_free(sched);
    sched = schedule_new(&conf);
    for (int i = 0; i < n_learned; i++)
        if (learned[i].spacing_ms)
            schedule_recall(sched, &learned[i], wall());
    for (int i = 0; i < n_feeds; i++)
        load(&feeds[i]);
}

static void start(struct feed *f, int slot)
{
    int64_t due = f->due_mono;
    m.requests++;
    size_t n = (size_t)m.requests;
    ring[n % 4096] = mono;
    double in_1s = 1, in_60s = 1;
    for (size_t k = 1; k < MIN(n, (size_t)4096) && ring[(n - k) % 4096] > mono - MIN_; k++) {
        in_60s++;
        in_1s += ring[(n - k) % 4096] > mono - S;
    }
    m.peak_1s = fmax(m.peak_1s, in_1s);
    m.peak_60s = fmax(m.peak_60s, in_60s);
    m.too_early += mono < due - MIN_;
    if (is_strict(f)) {
        strict_asked = mono;
        m.strict_turn_max_s = fmax(m.strict_turn_max_s, (double)(mono - due) / 1000);
    } else {
        m.late_max_s = fmax(m.late_max_s, (double)(mono - due) / 1000);
    }
    slots[slot].feed = f;
    slots[slot].end = mono + 50 + (int64_t)(chance() * 800);
}

static int free_slot(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (!slots[i].feed)
            return i;
    return -1;
}

static void live(int64_t until)
{
    while (mono < until) {
        int64_t wake = TD_NEVER, next = until;
        int slot;
        while ((slot = free_slot()) >= 0) {
            struct sched_node *n = schedule_next(sched, wall(), &wake);
            if (!n)
                break;
            start(CONTAINER_OF(n, struct feed, node), slot);
        }
        if (slot >= 0 && wake != TD_NEVER)
            next = MIN(next, wake - offset);
        for (int i = 0; i < SLOTS; i++)
            if (slots[i].feed)
                next = MIN(next, slots[i].end);
        mono = MAX(next, mono + 1);
        for (int i = 0; i < SLOTS; i++)
            if (slots[i].feed && slots[i].end <= mono)
                answer(TAKE(slots[i].feed));
    }
}

static void add_feeds(int n)
{
    for (int end = n_feeds + n; n_feeds < end; n_feeds++) {
        struct feed *f = &feeds[n_feeds];
        double at = chance(), x = chance();
        *f = (struct feed){.next_item = mono, .due_mono = mono};
        snprintf(f->name, sizeof f->name, "feed %d", n_feeds);
        f->host = n_feeds < sc.strict_feeds ? STRICT : 1 + n_feeds % sc.hosts;
        f->per_ms = sc.rate_max > 0 ? sc.rate_min * pow(sc.rate_max / sc.rate_min, x) / (double)D
                                    : 0;
        for (size_t i = 0; i < sc.n_traits && !f->trait && !is_strict(f); i++) {
            f->trait = at < sc.traits[i].share ? &sc.traits[i] : NULL;
            at -= sc.traits[i].share;
        }
        f->conf = (struct td_feed_conf){
            .name = f->name, .enabled = true, .min_interval_ms = LIMIT_INTERVAL_FLOOR_MS};
        td_feed_state_init(&f->state);
        f->next_item = publish(f, mono);
        load(f);
    }
}

/* Time in which the daemon does nothing. Nothing that became due in it counts as late. */
static void pass(double hours)
{
    mono += (int64_t)(hours * (double)H);
    for (int i = 0; i < n_feeds; i++)
        feeds[i].due_mono = MAX(feeds[i].due_mono, mono);
}

static void happen(const struct event *e, double part)
{
    if (strcmp(e->name, "import") == 0) {
        add_feeds((int)(e->value * part));
    } else if (strcmp(e->name, "clock") == 0) {
        offset += (int64_t)(e->value * (double)H);
        for (int i = 0; i < n_feeds; i++) /* set back, all wait as long as before; set forward, all
                                             may be due */
            feeds[i].due_mono = e->value > 0 ? mono : feeds[i].due_mono;
    } else {
        pass(e->value);
        if (strcmp(e->name, "sleep") != 0)
            restart();
    }
}

/* ---- what came of it ------------------------------------------------------------------------ */

static double gain(int i)
{
    double mine = m.within_1h / m.requests, theirs = m.fixed_within[i] / m.fixed_requests[i];
    return theirs > 0 ? mine / theirs : 0;
}

static double metric(const struct expectation *x)
{
    const struct {
        const char *name;
        double value;
    } metrics[] = {
        {"polls-per-feed-day", m.requests / m.feed_days},
        {"within-15m", m.within_15m / m.items}, /* of publication, of all items */
        {"within-1h", m.within_1h / m.items},
        {"within-6h", m.within_6h / m.items},
        {"mean-delay-h", m.delay_ms / m.items / (double)H},
        {"gain-over-15m", gain(0)}, /* freshness against fixed polling */
        {"gain-over-60m", gain(1)},
        {"limited", m.limited},         /* 429s */
        {"too-early", m.too_early},     /* requests before their time */
        {"peak-per-second", m.peak_1s}, /* requests */
        {"peak-per-minute", m.peak_60s},
        {"late-s", m.late_max_s}, /* the worst feed, those of the strict site apart */
        {"strict-turn-s", m.strict_turn_max_s},
    };
    for (size_t i = 0; i < ARRAY_SIZE(metrics); i++)
        if (strcmp(metrics[i].name, x->metric) == 0)
            return metrics[i].value;
    fprintf(stderr, "there is no metric %s\n", x->metric);
    exit(64);
}

static int check(const char *path)
{
    int failed = 0;
    for (size_t i = 0; i < sc.n_expect; i++) {
        const struct expectation *x = &sc.expect[i];
        double v = metric(x);
        bool ok = strcmp(x->op, "<=") == 0   ? v <= x->value
                  : strcmp(x->op, ">=") == 0 ? v >= x->value
                                             : v == x->value;
        printf("%s %-20s %10.3f %s %g\n", ok ? "ok  " : "FAIL", x->metric, v, x->op, x->value);
        if (!ok)
            fprintf(stderr, "%s:%d: %s is %g\n", path, x->line, x->metric, v);
        failed += !ok;
    }
    return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: sim_year SCENARIO [PART]\n");
        return 64;
    }
    double part = argc == 3 ? atof(argv[2]) : 1;
    scenario_read(&sc, argv[1]);
    strict_site.spacing_ms = (int64_t)(sc.site_s * 1000);
    restart();
    add_feeds(MAX((int)(sc.feeds * part), sc.strict_feeds));
    for (size_t i = 0; i <= sc.n_events; i++) {
        double end = i < sc.n_events ? sc.events[i].day : sc.days;
        int64_t until = T0 + (int64_t)(end * (double)D), from = mono;
        live(until);
        m.feed_days += n_feeds * (double)(mono - from) / (double)D;
        for (int k = 0; k < N_FIXED; k++)
            m.fixed_requests[k] += n_feeds * (double)(mono - from) / (double)fixed_ms[k];
        if (i < sc.n_events)
            happen(&sc.events[i], part);
    }
    printf("%s: %d feeds, %.0f requests, %.0f items\n", argv[1], n_feeds, m.requests, m.items);
    int code = check(argv[1]);
    schedule_free(sched);
    for (int i = 0; i < n_feeds; i++)
        td_feed_state_fini(&feeds[i].state);
    return code;
}
