/* Hosts that share a budget, servers that limit, what is told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "schedule/schedule.h"

#define T0   1700000000000LL
#define MIN_ (60 * 1000LL)

/* ---- a small world: requests take TAKES_MS, a server may limit ------------------------------ */

enum { NODES = 200 };

struct world {
    struct schedule *s;
    struct sched_node node[NODES];
    const char *address[NODES]; /* NULL = none is told */
    int64_t now, takes_ms, started[NODES], ends[NODES], waits[NODES];
    int64_t again_ms; /* due again after each answer */
    int n_started, running, max_running, n_limited;
    int64_t bears_ms; /* the server answers 429 to what is closer together; 0 = all is served */
    int64_t served_at;
    struct td_learned learned; /* the last that was told */
    char learned_key[TD_LEARNED_KEY];
    int n_learned;
};

static void on_learned(void *ctx, const struct td_learned *l)
{
    struct world *w = ctx;
    snprintf(w->learned_key, sizeof w->learned_key, "%s", l->key);
    w->learned = *l;
    w->learned.key = w->learned_key;
    w->n_learned++;
}

static void finish(struct world *w, int i)
{
    struct sched_node *n = &w->node[i];
    int64_t due = w->now + w->again_ms;
    w->running--;
    w->ends[i] = 0;
    if (w->bears_ms && w->started[i] < w->served_at + w->bears_ms) {
        int64_t at = w->served_at + w->bears_ms;
        schedule_limited(w->s, n, at);
        due = at;
        w->n_limited++;
    } else {
        schedule_answered(w->s, n, false);
        w->served_at = w->started[i];
    }
    schedule_done(w->s, n, w->now, due);
}

static void start(struct world *w, struct sched_node *n)
{
    int i = (int)(n - w->node);
    if (w->address[i] && !schedule_at(w->s, n, w->address[i], w->now)) {
        schedule_unstart(w->s, n);
        return;
    }
    w->n_started++;
    w->started[i] = w->now;
    w->ends[i] = w->now + w->takes_ms;
    w->running++;
    w->max_running = MAX(w->max_running, w->running);
}

static void live(struct world *w, int64_t until)
{
    while (w->now < until) {
        int64_t wake = TD_NEVER, next = until;
        struct sched_node *n;
        while ((n = schedule_next(w->s, w->now, &wake)))
            start(w, n);
        if (wake != TD_NEVER)
            next = MIN(next, wake);
        for (int i = 0; i < NODES; i++)
            if (w->ends[i])
                next = MIN(next, w->ends[i]);
        w->now = MAX(next, w->now + 1);
        for (int i = 0; i < NODES; i++)
            if (w->ends[i] && w->ends[i] <= w->now)
                finish(w, i);
    }
}

static struct world *world_new(const struct td_site *sites, size_t n)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct schedule_conf c = {.per_host = 2,
                              .host_spacing_ms = 1000,
                              .sites = sites,
                              .n_sites = n,
                              .learned = on_learned,
                              .learned_ctx = w};
    w->s = schedule_new(&c);
    w->now = T0;
    w->takes_ms = 200;
    w->again_ms = 100 * MIN_;
    return w;
}

static void add(struct world *w, int i, const char *fmt, int k)
{
    char host[100];
    snprintf(host, sizeof host, fmt, k);
    schedule_add(w->s, &w->node[i], host, w->now);
}

static void world_free(struct world *w)
{
    struct schedule_counts n;
    int64_t wake;
    for (int i = 0; i < NODES; i++)
        if (w->node[i].home)
            schedule_remove(w->s, &w->node[i]);
    schedule_next(w->s, w->now + 400LL * 24 * 60 * MIN_, &wake);
    schedule_count(w->s, w->now, &n);
    assert_int_equal(n.hosts + n.waiting + n.ready + n.running, 0);
    schedule_free(w->s);
    free(w);
}

static int64_t least_gap(const struct world *w, int from, int to)
{
    int64_t least = INT64_MAX;
    for (int i = from; i < to; i++)
        for (int j = from; j < to; j++)
            if (i != j && w->started[i] && w->started[j] >= w->started[i])
                least = MIN(least, w->started[j] - w->started[i]);
    return least;
}

static char *explain(struct world *w, int i)
{
    static char text[1000];
    CLEANUP_BUF struct buf b = BUF_INIT(1000);
    schedule_explain(w->s, &w->node[i], &b);
    snprintf(text, sizeof text, "%s", buf_str(&b));
    return text;
}

/* ---- groups --------------------------------------------------------------------------------- */

static void many_hosts_of_a_domain(void **state)
{
    struct world *w = world_new(NULL, 0);
    for (int i = 0; i < 8; i++)
        add(w, i, "h%d.few.example:443", i);
    live(w, T0 + 100);
    assert_int_equal(w->n_started, 8); /* few: each host for itself */
    assert_string_equal(explain(w, 0), "");
    for (int i = 20; i < 50; i++)
        add(w, i, "h%d.many.example:443", i);
    for (int i = 60; i < 70; i++)
        add(w, i, "host%d.github.io:443", i); /* a public suffix: strangers to each other */
    live(w, T0 + 1000);
    assert_int_equal(w->n_started, 8 + 10 + 1);
    assert_non_null(strstr(explain(w, 30), "shares a budget with the other 29 hosts of many.example"
                                           ": at most one request each 1 s and 2 at once"));
    live(w, T0 + 31 * 1000);
    assert_int_equal(w->n_started, 8 + 10 + 30);
    assert_true(least_gap(w, 20, 50) >= 1000);
    world_free(w);
}

static void slow_answers_fill_a_domains_places(void **state)
{
    struct world *w = world_new(NULL, 0);
    w->takes_ms = 20000;
    for (int i = 0; i < 12; i++)
        add(w, i, "h%d.many.example:443", i);
    live(w, T0 + 70 * 1000);
    assert_int_equal(w->max_running, 2);
    assert_int_equal(w->n_started, 8);
    world_free(w);
}

static void many_hosts_at_an_address(void **state)
{
    struct world *w = world_new(NULL, 0);
    for (int i = 0; i < 40; i++) {
        w->address[i] = i < 30 ? "192.0.2.1:443" : "192.0.2.2:443";
        add(w, i, "host%d:443", i);
    }
    live(w, T0 + 500);
    /* The ninth shows that it is a crowd; of the second address ten are. */
    assert_in_range(w->n_started, 8 + 8, 8 + 8 + 2);
    int64_t n = w->n_started;
    live(w, T0 + 10 * 1000);
    assert_in_range(w->n_started, n + 8, n + 14);
    assert_non_null(strstr(explain(w, 5), "the other 29 hosts at 192.0.2.1:443"));
    live(w, T0 + 40 * 1000);
    assert_int_equal(w->n_started, 40);
    /* One moves away: from the next request on it counts there. */
    w->address[0] = "192.0.2.3:443";
    schedule_move(w->s, &w->node[0], w->now);
    live(w, w->now + 2000);
    assert_string_equal(explain(w, 0), "");
    assert_non_null(strstr(explain(w, 5), "the other 28 hosts at 192.0.2.1:443"));
    world_free(w);
}

static void a_site_of_the_config(void **state)
{
    struct td_site sites[] = {{.name = (char *)"reddit.com", .per_host = 1, .spacing_ms = MIN_},
                              {.name = (char *)"quick.example", .per_host = 50, .spacing_ms = 0}};
    struct world *w = world_new(sites, 2);
    for (int i = 0; i < 60; i++)
        add(w, i, i % 2 ? "www.reddit.com:443" : "old.reddit.com:443", 0);
    for (int i = 60; i < 100; i++) {
        w->address[i] = "192.0.2.1:443"; /* the user's word counts */
        add(w, i, "h%d.quick.example:443", i);
    }
    add(w, 150, "other.example:443", 0);
    live(w, T0 + 1);
    assert_int_equal(w->n_started, 1 + 40 + 1); /* nobody else waits */
    assert_non_null(strstr(explain(w, 3), "[site reddit.com]: at most one request each 1 min and 1"
                                          " at once; "));
    assert_non_null(strstr(explain(w, 3), " of www.reddit.com:443 go before it; reddit.com is open"
                                          " again in 1 min"));
    schedule_move(w->s, &w->node[59], 0); /* a person asks: the first of its host */
    live(w, T0 + MIN_ + 1);
    assert_int_equal(w->started[59], T0 + MIN_);
    live(w, T0 + 60 * MIN_);
    assert_int_equal(w->n_started, 60 + 40 + 1);
    assert_true(least_gap(w, 0, 60) >= MIN_);
    world_free(w);
}

static void sites_come_and_go_with_a_reload(void **state)
{
    struct td_site strict = {.name = (char *)"a.example", .per_host = 1, .spacing_ms = MIN_};
    struct world *w = world_new(NULL, 0);
    struct schedule_conf none = {.per_host = 2, .host_spacing_ms = 1000}, one = none;
    one.sites = &strict;
    one.n_sites = 1;
    for (int i = 0; i < 20; i++)
        add(w, i, "h%d.a.example:443", i);
    live(w, T0 + 2500);
    assert_int_equal(w->n_started, 3);
    schedule_configure(w->s, &one);
    live(w, T0 + 2500 + 2 * MIN_ - 1);
    assert_int_equal(w->n_started, 5);
    strict.spacing_ms = 5000;
    schedule_configure(w->s, &one);
    live(w, w->now + MIN_ + 10 * 1000); /* a wait that has begun is waited */
    assert_in_range(w->n_started, 7, 8 + 12);
    schedule_configure(w->s, &none);
    live(w, w->now + 30 * 1000);
    assert_int_equal(w->n_started, 20);
    world_free(w);
}

/* Two groups cross: hosts of one domain at two addresses, each with hosts of others. */
static void crossing_groups_serve_all(void **state)
{
    struct world *w = world_new(NULL, 0);
    for (int i = 0; i < 150; i++) {
        w->address[i] = i % 3 ? "192.0.2.1:443" : "192.0.2.2:443";
        add(w, i, i % 5 < 3 ? "h%d.many.example:443" : "other%d:443", i);
    }
    live(w, T0 + 160 * 1000);
    assert_int_equal(w->n_started, 150);
    assert_true(w->max_running <= 64);
    /* All once more, now that everything is known: the budgets hold from the first on. */
    w->n_started = 0;
    memset(w->started, 0, sizeof w->started);
    w->max_running = w->running;
    int64_t from = w->now;
    for (int i = 0; i < 150; i++)
        schedule_move(w->s, &w->node[i], w->now);
    live(w, from + 20 * 1000 - 1);
    assert_in_range(w->n_started, 36, 40); /* two addresses, one a second each */
    assert_true(w->max_running <= 4);
    live(w, from + 130 * 1000);
    assert_int_equal(w->n_started, 150);
    world_free(w);
}

/* ---- limits --------------------------------------------------------------------------------- */

static void learns_what_a_strict_site_bears(void **state)
{
    struct world *w = world_new(NULL, 0);
    w->bears_ms = MIN_;
    w->served_at = T0 - MIN_;
    w->again_ms = 60 * MIN_;
    for (int i = 0; i < 60; i++)
        add(w, i, "strict.example:443", 0);
    live(w, T0 + 60 * 60 * 1000 - 1);
    assert_in_range(w->n_limited, 2, 3); /* enough to know */
    assert_string_equal(w->learned_key, "strict.example:443");
    assert_in_range(w->learned.spacing_ms, MIN_, MIN_ + 5000);
    assert_in_range(w->n_started - w->n_limited, 54, 60);
    live(w, T0 + 23 * 60 * MIN_);
    assert_in_range(w->n_limited, 2, 3);
    assert_non_null(strstr(explain(w, 0), "strict.example:443 answered 429: it is asked at most"
                                          " each 1 min"));
    /* It becomes lenient: within days it is asked as before. */
    w->bears_ms = 0;
    live(w, T0 + 8 * 24 * 60 * MIN_);
    schedule_move(w->s, &w->node[0], w->now);
    schedule_move(w->s, &w->node[1], w->now);
    live(w, w->now + 2000);
    assert_int_equal(least_gap(w, 0, 2), 1000);
    world_free(w);
}

/* 20 at once, then a minute's pause: as a server with a bucket does. */
static void learns_from_a_bucket(void **state)
{
    struct world *w = world_new(NULL, 0);
    int64_t bucket = 20, refill = T0;
    int limited = 0, served = 0;
    w->takes_ms = 1;
    for (int i = 0; i < 100; i++)
        add(w, i, "bucket.example:443", 0);
    for (; w->now < T0 + 30 * MIN_; w->now += 100) {
        int64_t wake;
        for (struct sched_node *n; (n = schedule_next(w->s, w->now, &wake));) {
            if (w->now >= refill + 2 * MIN_) {
                bucket = 20;
                refill = w->now;
            }
            if (bucket > 0) {
                bucket--;
                served++;
                schedule_answered(w->s, n, false);
                schedule_done(w->s, n, w->now, w->now + 60 * MIN_);
            } else {
                limited++;
                schedule_limited(w->s, n, refill + 2 * MIN_);
                schedule_done(w->s, n, w->now, refill + 2 * MIN_);
            }
        }
    }
    assert_int_equal(served, 100); /* 20 each 2 min: it could not go faster than in 10 min */
    assert_in_range(limited, 2, 4);
    assert_in_range(w->learned.spacing_ms, 5500, 7500);
    world_free(w);
}

static void one_route_is_not_the_host(void **state)
{
    struct world *w = world_new(NULL, 0);
    struct sched_node *got;
    int64_t wake;
    for (int i = 0; i < 3; i++)
        add(w, i, "h:443", 0);
    got = schedule_next(w->s, T0, &wake);
    schedule_limited(w->s, got, T0 + 60 * MIN_);
    schedule_done(w->s, got, T0, T0 + 60 * MIN_);
    assert_non_null(schedule_next(w->s, T0 + 1000, &wake));
    assert_int_equal(w->n_learned, 0);
    world_free(w);
}

static void two_hosts_speak_for_their_domain(void **state)
{
    struct world *w = world_new(NULL, 0);
    struct sched_node *got;
    int64_t wake, at = T0 + 10 * MIN_;
    for (int i = 0; i < 20; i++)
        add(w, i, "h%d.many.example:443", i);
    for (int k = 0; k < 2; k++) {
        got = schedule_next(w->s, T0 + k * 1000, &wake);
        assert_non_null(got);
        schedule_limited(w->s, got, at);
        schedule_done(w->s, got, T0 + k * 1000, at);
    }
    assert_null(schedule_next(w->s, T0 + 5000, &wake));
    assert_int_equal(wake, at);
    assert_string_equal(w->learned_key, "domain/many.example");
    assert_int_equal(w->learned.spacing_ms, 2000); /* nothing was served: no rate is known */
    world_free(w);
}

/* What was learned, and when a host was last asked, count after a restart. */
static void a_restart_forgets_nothing(void **state)
{
    struct td_site site = {.name = (char *)"s.example", .per_host = 2, .spacing_ms = MIN_};
    struct world *w = world_new(&site, 1);
    int64_t wake;
    const int64_t calm = LIMIT_CALM_MS;
    const struct td_learned l[] = {{"h:443", 30000, T0 - MIN_, calm, T0 + 5000},
                                   {"domain/many.example", 30000, T0 - MIN_, calm, TD_NEVER},
                                   {"old:443", 30000, T0 - 90 * calm, calm, TD_NEVER},
                                   {"site/s.example", 90000, T0, calm, TD_NEVER}};
    for (size_t i = 0; i < ARRAY_SIZE(l); i++)
        schedule_recall(w->s, &l[i], T0);
    assert_int_equal(w->n_learned, 1); /* to be forgotten */
    assert_string_equal(w->learned_key, "old:443");
    assert_int_equal(w->learned.spacing_ms, 0);
    add(w, 0, "h:443", 0);
    add(w, 1, "h:443", 0);
    add(w, 2, "a.many.example:443", 0);
    add(w, 3, "b.many.example:443", 0);
    add(w, 4, "s.example:443", 0);
    schedule_asked(w->s, &w->node[4], T0 - 20000);
    schedule_next(w->s, T0, &wake);
    live(w, T0 + 5001);
    assert_int_equal(w->started[0], T0 + 5000);
    live(w, T0 + 10 * MIN_);
    assert_int_equal(w->started[1], T0 + 35000);
    assert_true(least_gap(w, 2, 4) >= 30000); /* two hosts, but the domain is known to limit */
    assert_int_equal(w->started[4], T0 + 70000);
    world_free(w);
}

/* Nor does a clock that was years ahead when it was learned make it last for years. */
static void a_restart_after_the_clock_went_back(void **state)
{
    struct world *w = world_new(NULL, 0);
    const int64_t ahead = T0 + 1000 * LIMIT_CALM_MS;
    int64_t wake;
    schedule_recall(w->s, &(struct td_learned){"h:443", 30000, ahead, LIMIT_CALM_MS, ahead}, T0);
    add(w, 0, "h:443", 0);
    assert_null(schedule_next(w->s, T0, &wake));
    assert_int_equal(wake, T0 + LIMIT_RETRY_AFTER_MS);
    assert_non_null(schedule_next(w->s, wake, &wake));
    world_free(w);
}

static void http2_has_more_places(void **state)
{
    struct world *w = world_new(NULL, 0);
    struct sched_node *got[6];
    int64_t wake;
    for (int i = 0; i < 6; i++)
        add(w, i, "h:443", 0);
    got[0] = schedule_next(w->s, T0, &wake);
    schedule_answered(w->s, got[0], true);
    for (int i = 1; i < 4; i++)
        assert_non_null(got[i] = schedule_next(w->s, T0 + i * 1000, &wake));
    assert_null(schedule_next(w->s, T0 + 9000, &wake));
    schedule_answered(w->s, got[0], false);
    schedule_done(w->s, got[1], T0 + 9000, T0 + 90000);
    assert_null(schedule_next(w->s, T0 + 9000, &wake));
    schedule_done(w->s, got[2], T0 + 9000, T0 + 90000);
    assert_null(schedule_next(w->s, T0 + 9000, &wake));
    schedule_done(w->s, got[3], T0 + 9000, T0 + 90000);
    assert_non_null(schedule_next(w->s, T0 + 9000, &wake));
    world_free(w);
}

/* Hosts that keep us waiting stand back, and never take all places. */
static void doubtful_hosts_stand_back(void **state)
{
    struct schedule_conf c = {.per_host = 2, .doubtful_max = 3};
    struct schedule *s = schedule_new(&c);
    struct sched_node n[20] = {0}, *got;
    char host[32];
    int64_t wake;
    int doubtful = 0, good = 0;
    for (int i = 0; i < 20; i++) {
        snprintf(host, sizeof host, "h%d:443", i);
        schedule_add(s, &n[i], host, T0);
        if (i < 10)
            schedule_doubt(s, &n[i]);
        assert_int_equal(schedule_standing(&n[i]) == TD_DOUBTFUL, i < 10);
    }
    for (int i = 0; i < 8; i++) { /* they get a quarter, while others want to start */
        got = schedule_next(s, T0, &wake);
        doubtful += got - n < 10;
        good += got - n >= 10;
    }
    assert_int_equal(doubtful, 2);
    assert_int_equal(good, 6);
    while ((got = schedule_next(s, T0, &wake))) {
        doubtful += got - n < 10;
        good += got - n >= 10;
    }
    assert_int_equal(good, 10);
    assert_int_equal(doubtful, 3);
    for (int i = 0; i < 10; i++) /* one of those that run answers: a place for the next */
        if (schedule_standing(&n[i]) == TD_DOUBTFUL) {
            struct schedule_counts k;
            schedule_answered(s, &n[i], false);
            schedule_count(s, T0, &k);
            got = schedule_next(s, T0, &wake);
            doubtful += got != NULL;
        }
    assert_int_equal(doubtful, 10);
    for (int i = 0; i < 20; i++)
        schedule_remove(s, &n[i]);
    schedule_free(s);
}

/* Hosts that were never asked stand behind those that answer, and begin nothing while it is
 * crowded; where a known host redirects to is as good as that. */
static void known_hosts_go_first(void **state)
{
    struct schedule_conf c = {.per_host = 2};
    struct schedule *s = schedule_new(&c);
    struct sched_node n[8] = {0}, *got;
    char host[32];
    int64_t wake;
    for (int i = 0; i < 8; i++) {
        snprintf(host, sizeof host, "h%d:443", i);
        schedule_add(s, &n[i], host, T0 - 10 + i);
        assert_false(schedule_standing(&n[i]) == TD_KNOWN);
        if (i >= 5)
            schedule_know(s, &n[i]);
    }
    schedule_crowd(s, true);
    for (int i = 5; i < 8; i++)
        assert_ptr_equal(schedule_next(s, T0, &wake), &n[i]);
    assert_null(schedule_next(s, T0, &wake));
    schedule_crowd(s, false);
    assert_ptr_equal(schedule_next(s, T0, &wake), &n[0]);
    schedule_limited(s, &n[0], T0 + MIN_); /* that is an answer */
    assert_true(schedule_standing(&n[0]) == TD_KNOWN);
    schedule_doubt(s, &n[1]);
    schedule_crowd(s, true);
    assert_null(schedule_next(s, T0, &wake));
    schedule_hop(s, &n[5], "elsewhere:80", T0);
    assert_ptr_equal(schedule_next(s, T0, &wake), &n[5]);
    schedule_hop(s, &n[0], "there:80", T0);
    assert_ptr_equal(schedule_next(s, T0, &wake), &n[0]);
    schedule_crowd(s, false);
    schedule_done(s, &n[6], T0, T0);
    assert_ptr_equal(schedule_next(s, T0, &wake), &n[6]);
    for (int i = 0; i < 4; i++) { /* three strangers, and last the one that is doubtful */
        got = schedule_next(s, T0, &wake);
        assert_true(got == &n[2] || got == &n[3] || got == &n[4] || got == &n[1]);
    }
    assert_null(schedule_next(s, T0, &wake));
    for (int i = 0; i < 8; i++)
        schedule_remove(s, &n[i]);
    schedule_free(s);
}

static void a_crawl_delay_is_the_hosts_spacing(void **state)
{
    static struct td_site site = {.name = (char *)"h.example", .per_host = 4, .spacing_ms = 100};
    for (int with_site = 0; with_site < 2; with_site++) {
        struct world *w = world_new(&site, (size_t)with_site);
        int64_t wake;
        for (int i = 0; i < 3; i++)
            add(w, i, "h.example:443", 0);
        const struct sched_node *first = schedule_next(w->s, T0, &wake);
        assert_string_equal(explain(w, 0), with_site ? explain(w, 1) : "");
        schedule_crawl_delay(w->s, first, 7000);
        schedule_crawl_delay(w->s, first, 7000); /* told again with each request */
        assert_non_null(strstr(explain(w, 0), "robots.txt of h.example:443 asks for 7 s"));
        assert_null(schedule_next(w->s, T0 + 6999, &wake)); /* from the last request on */
        assert_non_null(schedule_next(w->s, T0 + 7000, &wake));
        schedule_crawl_delay(w->s, first, 10); /* shorter than ours */
        assert_null(strstr(explain(w, 0), "robots.txt"));
        assert_null(schedule_next(w->s, T0 + 7050, &wake));
        schedule_crawl_delay(w->s, first, 60000);
        const struct schedule_conf c = {.per_host = 4, .host_spacing_ms = 1000};
        schedule_configure(w->s, &c);
        assert_null(strstr(explain(w, 0), "robots.txt"));
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_hosts_of_a_domain),
        cmocka_unit_test(slow_answers_fill_a_domains_places),
        cmocka_unit_test(many_hosts_at_an_address),
        cmocka_unit_test(a_site_of_the_config),
        cmocka_unit_test(sites_come_and_go_with_a_reload),
        cmocka_unit_test(crossing_groups_serve_all),
        cmocka_unit_test(learns_what_a_strict_site_bears),
        cmocka_unit_test(learns_from_a_bucket),
        cmocka_unit_test(one_route_is_not_the_host),
        cmocka_unit_test(two_hosts_speak_for_their_domain),
        cmocka_unit_test(a_restart_forgets_nothing),
        cmocka_unit_test(a_restart_after_the_clock_went_back),
        cmocka_unit_test(http2_has_more_places),
        cmocka_unit_test(doubtful_hosts_stand_back),
        cmocka_unit_test(known_hosts_go_first),
        cmocka_unit_test(a_crawl_delay_is_the_hosts_spacing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
