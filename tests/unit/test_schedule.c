#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "schedule/schedule.h"

#define T0 1700000000000LL

static struct schedule *unpaced(int per_host, int64_t spacing)
{
    struct schedule_conf c = {.per_host = per_host, .host_spacing_ms = spacing};
    return schedule_new(&c);
}

static void order_and_places(void **state)
{
    struct schedule *s = unpaced(2, 1000);
    struct sched_node a = {0}, b = {0}, c = {0}, f = {0}, later = {0};
    schedule_add(s, &c, "h:80", T0 - 1);
    schedule_add(s, &a, "h:80", T0 - 3);
    schedule_add(s, &b, "h:80", T0 - 2);
    schedule_add(s, &later, "i:80", T0 + 5000);
    int64_t wake = 0;
    assert_ptr_equal(schedule_next(s, T0, &wake), &a);
    assert_null(schedule_next(s, T0, &wake)); /* spacing */
    assert_int_equal(wake, T0 + 1000);
    assert_ptr_equal(schedule_next(s, T0 + 1000, &wake), &b);
    assert_null(schedule_next(s, T0 + 2500, &wake)); /* no place */
    assert_int_equal(wake, T0 + 5000);
    schedule_add(s, &f, NULL, T0);
    assert_ptr_equal(schedule_next(s, T0 + 2500, &wake), &f);
    struct schedule_counts n;
    schedule_count(s, T0 + 2500, &n);
    assert_int_equal(n.waiting, 1);
    assert_int_equal(n.ready, 1);
    assert_int_equal(n.running, 3);
    assert_int_equal(n.hosts, 2);
    assert_int_equal(n.next_due_at, T0 + 5000);
    schedule_done(s, &a, T0 + 2600, T0 + 9000);
    assert_ptr_equal(schedule_next(s, T0 + 2600, &wake), &c);
    schedule_move(s, &c, T0); /* it runs: left alone */
    schedule_move(s, &a, T0 + 3700);
    assert_null(schedule_next(s, T0 + 2600, &wake));
    assert_int_equal(wake, T0 + 3700);
    schedule_remove(s, &c); /* gives its place back */
    assert_ptr_equal(schedule_next(s, T0 + 3700, &wake), &a);
    schedule_done(s, &b, T0 + 4000, TD_NEVER);
    schedule_done(s, &f, T0 + 4000, T0 + 4500);
    assert_ptr_equal(schedule_next(s, T0 + 4500, &wake), &f);
    assert_null(schedule_next(s, T0 + 4500, &wake));
    assert_int_equal(wake, T0 + 5000);
    schedule_move(s, &b, T0 + 4500); /* out of the parking place */
    assert_null(schedule_next(s, T0 + 4600, &wake));
    assert_ptr_equal(schedule_next(s, T0 + 4700, &wake), &b);
    schedule_remove(s, &a);
    schedule_remove(s, &b);
    schedule_remove(s, &f);
    schedule_remove(s, &later);
    schedule_next(s, T0 + 10000, &wake);
    assert_int_equal(wake, TD_NEVER);
    schedule_count(s, T0 + 10000, &n);
    assert_int_equal(n.waiting + n.ready + n.running + n.hosts, 0);
    schedule_free(s);
}

static void hosts_take_turns(void **state)
{
    struct schedule *s = unpaced(100, 0);
    struct sched_node n[30] = {0};
    for (int i = 0; i < 30; i++)
        schedule_add(s, &n[i], i < 20 ? "big:443" : i < 25 ? "mid:443" : "small:443", T0);
    int64_t wake;
    int seen[3] = {0};
    for (int i = 0; i < 15; i++) {
        int64_t k = schedule_next(s, T0, &wake) - n;
        seen[k < 20 ? 0 : k < 25 ? 1 : 2]++;
    }
    assert_int_equal(seen[0], 5);
    assert_int_equal(seen[1], 5);
    assert_int_equal(seen[2], 5);
    for (int i = 0; i < 30; i++)
        schedule_remove(s, &n[i]);
    schedule_free(s);
}

static void hops_unstarts_holds(void **state)
{
    struct schedule *s = unpaced(1, 1000);
    struct sched_node a = {0}, b = {0}, c = {0};
    int64_t wake;
    schedule_add(s, &a, "a:80", T0 - 2);
    schedule_add(s, &b, "b:80", T0 - 1);
    schedule_add(s, &c, "b:80", T0);
    assert_ptr_equal(schedule_next(s, T0, &wake), &a);
    assert_ptr_equal(schedule_next(s, T0, &wake), &b);
    schedule_hop(s, &a, "b:80", T0 + 10); /* before c, after b */
    assert_null(schedule_next(s, T0 + 10, &wake));
    schedule_done(s, &b, T0 + 100, T0 + 60000);
    assert_null(schedule_next(s, T0 + 100, &wake));
    assert_int_equal(wake, T0 + 1000);
    assert_ptr_equal(schedule_next(s, T0 + 1000, &wake), &a);
    schedule_unstart(s, &a); /* neither place nor spacing is lost */
    assert_ptr_equal(schedule_next(s, T0 + 1000, &wake), &a);
    schedule_done(s, &a, T0 + 1100, T0 + 60000);
    schedule_hold_host(s, "b:80", T0 + 30000);
    assert_null(schedule_next(s, T0 + 2500, &wake));
    assert_int_equal(wake, T0 + 30000);
    assert_ptr_equal(schedule_next(s, T0 + 30000, &wake), &c);
    schedule_unstart(s, &c);
    schedule_hold_host(s, "b:80", T0 + 31000); /* a hold stands over an unstart */
    assert_null(schedule_next(s, T0 + 30000, &wake));
    assert_int_equal(wake, T0 + 31000);
    assert_ptr_equal(schedule_next(s, T0 + 31000, &wake), &c);
    /* a is back at its own host */
    schedule_hold_host(s, "b:80", T0 + 99000);
    assert_ptr_equal(schedule_next(s, T0 + 60000, &wake), &a);
    /* A host that only redirects lead to keeps its spacing after they left. */
    schedule_hop(s, &a, "cdn:80", T0 + 60000);
    assert_ptr_equal(schedule_next(s, T0 + 60000, &wake), &a);
    schedule_done(s, &a, T0 + 60010, T0 + 99999);
    schedule_hop(s, &c, "cdn:80", T0 + 60020);
    assert_null(schedule_next(s, T0 + 60020, &wake));
    assert_int_equal(wake, T0 + 61000);
    assert_ptr_equal(schedule_next(s, T0 + 61000, &wake), &c);
    schedule_remove(s, &a);
    schedule_remove(s, &b);
    schedule_remove(s, &c);
    schedule_hold_host(s, "never-seen:80", T0 + 200000);
    schedule_next(s, T0 + 300000, &wake);
    struct schedule_counts n;
    schedule_count(s, T0 + 300000, &n);
    assert_int_equal(n.hosts, 0); /* nothing is kept of hosts that nobody needs */
    assert_int_equal(wake, TD_NEVER);
    schedule_free(s);
}

/* One feed's 429 is its own, two are the host's. */
static void limits_of_two_feeds_hold_the_host(void **state)
{
    struct schedule *s = unpaced(2, 0);
    struct sched_node a = {0}, b = {0}, c = {0};
    int64_t wake;
    schedule_add(s, &a, "h:80", T0 - 3);
    schedule_add(s, &b, "h:80", T0 - 2);
    schedule_add(s, &c, "h:80", T0 - 1);
    assert_ptr_equal(schedule_next(s, T0, &wake), &a);
    schedule_limited(s, &a, T0 + 60000);
    schedule_limited(s, &a, T0 + 60000); /* the same feed again is no second one */
    schedule_done(s, &a, T0 + 10, T0 + 60000);
    assert_ptr_equal(schedule_next(s, T0 + 10, &wake), &b);
    schedule_limited(s, &b, T0 + 50000);
    schedule_done(s, &b, T0 + 20, T0 + 50000);
    assert_null(schedule_next(s, T0 + 20, &wake));
    assert_int_equal(wake, T0 + 50000);
    assert_ptr_equal(schedule_next(s, T0 + 50000, &wake), &c);
    schedule_limited(s, &c, T0 + 55000);
    schedule_remove(s, &a);
    schedule_remove(s, &b);
    schedule_remove(s, &c);
    struct schedule_counts n;
    schedule_next(s, T0 + 100000, &wake);
    schedule_count(s, T0 + 100000, &n);
    assert_int_equal(n.hosts, 1); /* what it has taught is kept until it has healed */
    schedule_next(s, T0 + LIMIT_CALM_MAX_MS, &wake);
    schedule_count(s, T0 + LIMIT_CALM_MAX_MS, &n);
    assert_int_equal(n.hosts, 0);
    schedule_free(s);
}

/* Two routes of one host are limited while a third is served: nobody else waits. */
static void an_answer_between_clears_the_host(void **state)
{
    struct schedule *s = unpaced(3, 0);
    struct sched_node a = {0}, b = {0}, c = {0};
    int64_t wake;
    schedule_add(s, &a, "h:80", T0 - 3);
    schedule_add(s, &b, "h:80", T0 - 2);
    schedule_add(s, &c, "h:80", T0 - 1);
    assert_ptr_equal(schedule_next(s, T0, &wake), &a);
    assert_ptr_equal(schedule_next(s, T0, &wake), &b);
    schedule_limited(s, &a, T0 + 60000);
    schedule_done(s, &a, T0, T0 + 60000);
    schedule_answered(s, &b, false);
    schedule_done(s, &b, T0, T0 + 1000);
    assert_ptr_equal(schedule_next(s, T0, &wake), &c);
    schedule_limited(s, &c, T0 + 60000);
    schedule_done(s, &c, T0, T0 + 60000);
    assert_ptr_equal(schedule_next(s, T0 + 1000, &wake), &b);
    schedule_free(s);
}

static void overdue_feeds_are_paced(void **state)
{
    struct schedule_conf conf = {.per_host = 2, .host_spacing_ms = 1000, .starts_per_s = 10};
    struct schedule *s = schedule_new(&conf);
    enum { N = 1000 };
    struct sched_node *n = xcalloc(N + 2, sizeof *n);
    int64_t wake, now = T0;
    for (int i = 0; i < N; i++) {
        char host[32];
        snprintf(host, sizeof host, "h%d:80", i);
        schedule_add(s, &n[i], host, i % 2 ? T0 - i * 1000 : T0);
    }
    struct sched_node *file = &n[N], *asked = &n[N + 1];
    schedule_add(s, file, NULL, T0);
    int started = 0;
    int64_t last_due = INT64_MIN;
    for (;; now = wake) {
        struct sched_node *got;
        while ((got = schedule_next(s, now, &wake))) {
            if (got != file && got != asked) {
                assert_true(got->due_at >= last_due); /* the most overdue first */
                last_due = got->due_at;
                started++;
            }
            if (got == asked)
                assert_in_range(now, T0 + 5000, T0 + 5200);
            assert_true(got != file || now == T0);
            assert_true(started <= 2 + (now - T0) / 100);
        }
        if (!asked->home && now >= T0 + 5000) {
            schedule_add(s, asked, "asked:80", 0); /* a person: before all others */
            assert_null(schedule_next(s, now, &wake));
        }
        if (started == N)
            break;
    }
    assert_in_range(now, T0 + 99000, T0 + 101500);
    for (int i = 0; i < N + 2; i++)
        schedule_remove(s, &n[i]);
    free(n);
    schedule_free(s);
}

static void clock_jumps(void **state)
{
    struct schedule_conf conf = {.per_host = 2, .host_spacing_ms = 0, .starts_per_s = 10};
    struct schedule *s = schedule_new(&conf);
    enum { N = 100 };
    struct sched_node n[N] = {0};
    int64_t wake;
    char host[32];
    for (int i = 0; i < N; i++) {
        snprintf(host, sizeof host, "h%d:80", i);
        schedule_add(s, &n[i], host, T0 + 3600000 + i * 1000);
    }
    assert_null(schedule_next(s, T0, &wake));
    /* A year back: the wait stays an hour. */
    int64_t year = 365LL * 86400000;
    assert_null(schedule_next(s, T0 - year, &wake));
    assert_int_equal(wake, T0 - year + 3600000);
    /* A year forward: everything is overdue, ten a second. */
    int started = 0;
    int64_t now = T0;
    for (int i = 0; i < N; now = wake)
        while (schedule_next(s, now, &wake)) {
            started++;
            i++;
            assert_true(started <= 2 + (now - T0) / 100);
        }
    assert_int_equal(started, N);
    for (int i = 0; i < N; i++)
        schedule_remove(s, &n[i]);
    schedule_free(s);
}

/* ---- against a naive model ------------------------------------------------------------------ */

enum { NODES = 60, HOSTS = 7 };
enum state { OUT, WAITS, RUNS };

struct model {
    struct sched_node node[NODES];
    enum state state[NODES];
    int64_t at[NODES];
    int home[NODES], host[NODES];
    bool queued[NODES]; /* was handed to a host's queue; only schedule_remove gets it out */
    int64_t open_at[HOSTS], hold_at[HOSTS];
    int per_host;
    int64_t spacing;
};

static const char *key_of(int host)
{
    static char keys[HOSTS][16];
    snprintf(keys[host], sizeof keys[host], "host%d:80", host);
    return host ? keys[host] : NULL; /* 0: files */
}

static int running_at(const struct model *m, int host)
{
    int n = 0;
    for (int i = 0; i < NODES; i++)
        n += m->state[i] == RUNS && m->host[i] == host;
    return n;
}

static bool has_place(const struct model *m, int host)
{
    return host == 0 || running_at(m, host) < m->per_host;
}

/* When I may start at the earliest; INT64_MAX: not before something else happens. */
static int64_t model_start_at(const struct model *m, int i, int64_t now)
{
    if (m->state[i] != WAITS || m->at[i] == TD_NEVER)
        return INT64_MAX;
    if (m->at[i] > now)
        return m->at[i];
    if (!has_place(m, m->host[i]))
        return INT64_MAX;
    int64_t open = MAX(m->open_at[m->host[i]], m->hold_at[m->host[i]]);
    return MAX(open, now);
}

static void model_take_all(struct model *m, struct schedule *s, int64_t now, int64_t max)
{
    int64_t wake = 0;
    for (int64_t k = 0; k < max; k++) {
        struct sched_node *n = schedule_next(s, now, &wake);
        for (int i = 0; i < NODES; i++)
            m->queued[i] |= m->state[i] == WAITS && m->at[i] != TD_NEVER && m->at[i] <= now;
        if (!n) {
            int64_t want = INT64_MAX;
            for (int i = 0; i < NODES; i++)
                want = MIN(want, model_start_at(m, i, now));
            assert_true(want > now); /* nothing that could start was held back */
            if (want == INT64_MAX || wake == TD_NEVER)
                assert_true(want == INT64_MAX);
            else
                assert_true(wake > now && wake <= want);
            return;
        }
        int i = (int)(n - m->node);
        assert_int_equal(model_start_at(m, i, now), now);
        m->state[i] = RUNS;
        m->queued[i] = false;
        if (m->host[i])
            m->open_at[m->host[i]] = now + m->spacing;
    }
}

static void against_a_model(void **state)
{
    uint64_t x = 0x9e3779b97f4a7c15u;
#define R(n) (x ^= x << 13, x ^= x >> 7, x ^= x << 17, (int)(x % (uint64_t)(n)))
    for (int run = 0; run < 60; run++) {
        struct model m = {.per_host = 1 + R(3), .spacing = R(3) ? R(500) : 0};
        struct schedule *s = unpaced(m.per_host, m.spacing);
        int64_t now = T0;
        for (int h = 0; h < HOSTS; h++)
            m.open_at[h] = m.hold_at[h] = TD_NEVER;
        for (int step = 0; step < 2000; step++) {
            int i = R(NODES), h = 1 + R(HOSTS - 1);
            int64_t at = R(20) ? now - 200 + R(2000) : TD_NEVER;
            switch (R(8)) {
            case 0:
            case 1:
                if (m.state[i] == OUT) {
                    m.home[i] = m.host[i] = R(HOSTS);
                    m.state[i] = WAITS;
                    m.at[i] = at;
                    schedule_add(s, &m.node[i], key_of(m.host[i]), at);
                }
                break;
            case 2:
                if (m.state[i] != OUT && R(4) == 0) {
                    schedule_remove(s, &m.node[i]);
                    m.state[i] = OUT;
                    m.queued[i] = false;
                }
                break;
            case 3:
                if (m.state[i] == WAITS) {
                    schedule_move(s, &m.node[i], at);
                    m.at[i] = m.queued[i] ? m.at[i] : at;
                }
                break;
            case 4:
                if (m.state[i] == RUNS) {
                    schedule_done(s, &m.node[i], now, at);
                    m.state[i] = WAITS;
                    m.at[i] = at;
                    m.host[i] = m.home[i];
                }
                break;
            case 5:
                if (m.state[i] == RUNS) {
                    schedule_hop(s, &m.node[i], key_of(h), now);
                    m.state[i] = WAITS;
                    m.queued[i] = true;
                    m.host[i] = h;
                    m.at[i] = now;
                }
                break;
            case 6:
                if (R(10) == 0) {
                    at = now + R(3000);
                    schedule_hold_host(s, key_of(h), at);
                    m.hold_at[h] = MAX(m.hold_at[h], at);
                }
                break;
            default:
                now += R(300);
                break;
            }
            if (R(10) != 6)
                model_take_all(&m, s, now, 1 + R(20));
        }
        for (int i = 0; i < NODES; i++)
            if (m.state[i] != OUT)
                schedule_remove(s, &m.node[i]);
        int64_t wake;
        schedule_next(s, now + 10000, &wake);
        struct schedule_counts n;
        schedule_count(s, now + 10000, &n);
        assert_int_equal(n.waiting + n.ready + n.running + n.hosts, 0);
        schedule_free(s);
    }
}

static void a_hundred_thousand(void **state)
{
    enum { N = 100000 };
    struct schedule_conf conf = {.per_host = 2, .host_spacing_ms = 1000, .starts_per_s = 0};
    struct schedule *s = schedule_new(&conf);
    struct sched_node *n = xcalloc(N, sizeof *n);
    clock_t t0 = clock();
    int64_t wake, now = T0, started = 0;
    for (int i = 0; i < N; i++) {
        char host[32];
        snprintf(host, sizeof host, "h%d:80", i % 20000);
        schedule_add(s, &n[i], host, T0 + (int64_t)i * 7919 % 3600000);
    }
    for (; now < T0 + 3700000; now = wake) {
        struct sched_node *got;
        while ((got = schedule_next(s, now, &wake))) {
            schedule_done(s, got, now, now + 10000000);
            started++;
        }
        if (wake == TD_NEVER)
            break;
    }
    int ms = (int)((clock() - t0) * 1000 / CLOCKS_PER_SEC);
    print_message("100,000 feeds added and started once: %d ms of CPU\n", ms);
    assert_int_equal(started, N);
    assert_true(ms < 20000);
    for (int i = 0; i < N; i++)
        schedule_remove(s, &n[i]);
    free(n);
    schedule_free(s);
}

static void host_keys(void **state)
{
    static const char *const good[][2] = {
        {"http://Example.org/x", "example.org:80"},
        {"https://example.org", "example.org:443"},
        {"https://u:p@H:8443/?a@b", "h:8443"},
        {"http://[::1]:81/", "[::1]:81"},
        {"http://[::1]/", "[::1]:80"},
        {"http://h:/", "h:80"},
        {"http://h?x:1", "h:80"},
    };
    static const char *const bad[] = {"file:/x", "exec:x", "", "http://", "http://:80/", "h"};
    char buf[64];
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_int_equal(schedule_host_key(good[i][0], buf, sizeof buf), 0);
        assert_string_equal(buf, good[i][1]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(schedule_host_key(bad[i], buf, sizeof buf), -EINVAL);
    assert_int_equal(schedule_host_key("http://abcdefgh/", buf, 11), -EINVAL);
    assert_int_equal(schedule_host_key("http://abcdefgh/", buf, 12), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_places),
        cmocka_unit_test(hosts_take_turns),
        cmocka_unit_test(hops_unstarts_holds),
        cmocka_unit_test(limits_of_two_feeds_hold_the_host),
        cmocka_unit_test(an_answer_between_clears_the_host),
        cmocka_unit_test(overdue_feeds_are_paced),
        cmocka_unit_test(clock_jumps),
        cmocka_unit_test(against_a_model),
        cmocka_unit_test(a_hundred_thousand),
        cmocka_unit_test(host_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
