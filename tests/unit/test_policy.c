#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "schedule/policy.h"

#define S    1000LL
#define MIN_ (60 * S)
#define H    (60 * MIN_)
#define D    (24 * H)
#define T0   (1700000000 * S) /* Tuesday 2023-11-14 22:13:20 GMT */

static char feed_name[] = "a feed";

static struct td_feed_conf conf_of(int64_t interval_ms)
{
    return (struct td_feed_conf){
        .name = feed_name,
        .enabled = true,
        .interval_ms = interval_ms,
        .min_interval_ms = LIMIT_INTERVAL_FLOOR_MS,
    };
}

/* One fetch, as the daemon tells it. */
static void fetch(struct td_feed_state *s, const struct td_feed_conf *c, struct policy_event ev)
{
    struct td_fetch_note note = {.at = ev.now,
                                 .outcome = (uint8_t)ev.outcome,
                                 .http_status = (int16_t)ev.http_status,
                                 .n_new = ev.n_new};
    if (ev.retry_after_at == 0)
        ev.retry_after_at = TD_NEVER;
    td_feed_state_note(s, &note);
    policy_apply(s, c, &ev);
    assert_true(!str_empty(s->why));
}

#define FETCH(s, c, ...) fetch(s, c, (struct policy_event){__VA_ARGS__})
#define GOOD             .outcome = TD_OUT_OK, .http_status = 200
#define FAIL(status)     .outcome = TD_OUT_HTTP, .http_status = (status)

static void between(int64_t v, int64_t lo, int64_t hi)
{
    if (v < lo || v > hi)
        fail_msg("%lld s is not in %lld..%lld s", (long long)v / 1000, (long long)lo / 1000,
                 (long long)hi / 1000);
}

/* The wait after a first good answer with these terms. */
static int64_t wait_of(const struct td_feed_conf *c, struct td_freshness fresh,
                       const struct td_hints *hints, const char *why)
{
    struct td_feed_state s;
    td_feed_state_init(&s);
    FETCH(&s, c, .now = T0, GOOD, .fresh = fresh, .hints = hints);
    if (why && !strstr(s.why, why))
        fail_msg("'%s' does not say '%s'", s.why, why);
    int64_t wait = s.next_due_at - T0;
    td_feed_state_fini(&s);
    return wait;
}

static void terms(void **state)
{
    struct td_feed_conf a = conf_of(0), u = conf_of(2 * H);
    const struct td_freshness none = {0};
#define AGE(ms) ((struct td_freshness){true, (ms)})
#define TTL(ms) (&(struct td_hints){.ttl_ms = (ms)})
    between(wait_of(&a, none, NULL, "at most every 1 h"), H, H * 105 / 100);
    between(wait_of(&a, AGE(10 * MIN_), NULL, "rhythm"), H * 95 / 100, H * 105 / 100);
    between(wait_of(&a, AGE(3 * H), NULL, "max-age 3 h"), 3 * H, 3 * H * 105 / 100);
    between(wait_of(&a, AGE(D), NULL, "max-age 1 d; last"), D, D * 105 / 100);
    between(wait_of(&a, AGE(365 * D), NULL, "max-age 365 d, of which 1 d counts; last"), D,
            D * 105 / 100);
    between(wait_of(&a, (struct td_freshness){true, 3 * H, true}, NULL, "Expires after 3 h;"),
            3 * H, 3 * H * 105 / 100);
    between(wait_of(&a, AGE(INT64_MAX), NULL, "of which 1 d counts"), D, D * 105 / 100);
    between(wait_of(&a, AGE(0), NULL, NULL), H, H * 105 / 100);
    between(wait_of(&a, none, TTL(2 * H), "ttl 2 h"), 2 * H, 2 * H * 105 / 100);
    between(wait_of(&a, none, TTL(7 * D), "ttl 7 d, of which 1 d counts; last"), D, D * 105 / 100);
    between(wait_of(&a, none, TTL(1), NULL), H, H * 105 / 100);
    between(wait_of(&a, none, &(struct td_hints){.update_ms = 4 * H}, "update period 4 h"), 4 * H,
            4 * H * 105 / 100);
    between(wait_of(&a, none, &(struct td_hints){.update_ms = 30 * D},
                    "update period 30 d, of which 1 d counts"),
            D, D * 105 / 100);
    between(wait_of(&u, none, NULL, "your interval of 2 h"), 2 * H, 2 * H * 105 / 100);
    between(wait_of(&u, AGE(3 * H), NULL, "max-age 3 h"), 3 * H, 3 * H * 105 / 100);
    u.ignore_hints = true;
    between(wait_of(&u, AGE(3 * H), TTL(9 * H), "your interval"), 2 * H, 2 * H * 105 / 100);
    u = conf_of(2 * S);
    between(wait_of(&u, none, NULL, "min-interval of 5 min"), 5 * MIN_, 5 * MIN_ * 105 / 100);
    u.min_interval_ms = 2 * S;
    between(wait_of(&u, none, NULL, NULL), 2 * S, 2100);
    between(wait_of(&u, AGE(12 * S), NULL, NULL), 12 * S, 12600);
    a.source = TD_SOURCE_FILE;
    between(wait_of(&a, AGE(3 * H), TTL(9 * H), NULL), MIN_, 63 * S);
    a.source = TD_SOURCE_EXEC;
    between(wait_of(&a, none, NULL, NULL), 15 * MIN_, 16 * MIN_);
}

/* What is told is what the publisher really sent, also when a later 304 says nothing. */
static void an_expires_is_called_one(void **state)
{
    struct td_feed_conf c = conf_of(0);
    struct td_feed_state s;
    td_feed_state_init(&s);
    FETCH(&s, &c, .now = T0, GOOD, .fresh = {true, 3 * H, true});
    FETCH(&s, &c, .now = T0 + 4 * H, .outcome = TD_OUT_NOT_MODIFIED, .http_status = 304);
    assert_non_null(strstr(s.why, "publisher's Expires after 3 h; last answer 304"));
    FETCH(&s, &c, .now = T0 + 8 * H, .outcome = TD_OUT_NOT_MODIFIED, .http_status = 304,
          .fresh = {true, 3 * H});
    assert_non_null(strstr(s.why, "publisher's max-age 3 h; last answer 304"));
    FETCH(&s, &c, .now = T0 + 12 * H, GOOD, .fresh = {true, 3 * H, true});
    FETCH(&s, &c, .now = T0 + 16 * H, GOOD);
    assert_false(s.by_expires);
    td_feed_state_fini(&s);
}

static void max_age_lives_through_a_bare_304(void **state)
{
    struct td_feed_conf c = conf_of(0);
    struct td_feed_state s;
    td_feed_state_init(&s);
    FETCH(&s, &c, .now = T0, GOOD, .fresh = {true, 3 * H});
    FETCH(&s, &c, .now = T0 + 4 * H, .outcome = TD_OUT_NOT_MODIFIED, .http_status = 304);
    between(s.next_due_at - T0 - 4 * H, 3 * H, 3 * H * 105 / 100);
    assert_non_null(strstr(s.why, "last answer 304"));
    FETCH(&s, &c, .now = T0 + 8 * H, .outcome = TD_OUT_NOT_MODIFIED, .http_status = 304,
          .fresh = {true, 2 * H});
    between(s.next_due_at - T0 - 8 * H, 2 * H, 2 * H * 105 / 100);
    FETCH(&s, &c, .now = T0 + 12 * H, GOOD);
    assert_int_equal(s.max_age_ms, 0);
    td_feed_state_fini(&s);
}

/* A feed fails for an hour, and ten years later again: the machine slept, or its clock was wrong.
 */
static void nobody_asked(void **state)
{
    struct td_feed_conf c = conf_of(0);
    struct td_feed_state s;
    int64_t now = T0;
    td_feed_state_init(&s);
    for (int i = 0; i < 6; i++, now = s.next_due_at)
        FETCH(&s, &c, .now = now, .outcome = TD_OUT_HTTP, .http_status = 503);
    int64_t failed_for = s.last_fetch_at - T0;
    now += 3650 * D;
    FETCH(&s, &c, .now = now, .outcome = TD_OUT_HTTP, .http_status = 503);
    assert_false(policy_is_dead(&s, now));
    between(now - s.failing_since, failed_for, failed_for + 2 * D);
    between(s.next_due_at - now, H, 27 * H);
    FETCH(&s, &c, .now = T0, .outcome = TD_OUT_HTTP, .http_status = 503); /* and back */
    assert_int_equal(s.failing_since, T0);
    td_feed_state_fini(&s);
}

/* A source without statuses: a document that was read is not "unchanged". */
static void a_file_was_read(void **state)
{
    struct td_feed_conf c = conf_of(0);
    struct td_feed_state s;
    td_feed_state_init(&s);
    c.source = TD_SOURCE_FILE;
    FETCH(&s, &c, .now = T0, .outcome = TD_OUT_OK, .n_new = 2);
    assert_string_equal(s.why, "at most every 1 min; last answer was read");
    FETCH(&s, &c, .now = T0 + H, .outcome = TD_OUT_NOT_MODIFIED);
    assert_string_equal(s.why, "at most every 1 min; last answer unchanged");
    td_feed_state_fini(&s);
}

static void rhythm(void **state)
{
    struct td_feed_conf c = conf_of(0);
    struct td_feed_state s;
    td_feed_state_init(&s);
    /* Two items a day: about each 6 h, once it is known. */
    int64_t now = T0, published = T0;
    for (now = T0; now < T0 + 100 * D; now = s.next_due_at) {
        int32_t n = 0;
        for (; published <= now; published += 12 * H)
            n++;
        FETCH(&s, &c, .now = now, GOOD, .n_new = n);
    }
    assert_true(s.rate_per_day > 1.6 && s.rate_per_day < 2.5);
    between(s.next_due_at - s.last_fetch_at, 4 * H, 8 * H);
    assert_non_null(strstr(s.why, "items/day"));

    /* Then silence: up to a day, and no further. */
    for (int64_t end = now + 200 * D; now < end; now = s.next_due_at)
        FETCH(&s, &c, .now = now, .outcome = TD_OUT_NOT_MODIFIED, .http_status = 304);
    between(s.next_due_at - s.last_fetch_at, D * 95 / 100, D * 105 / 100);

    /* News again: at once more often. */
    for (int64_t end = now + 30 * D; now < end; now = s.next_due_at)
        FETCH(&s, &c, .now = now, GOOD, .n_new = 20);
    between(s.next_due_at - s.last_fetch_at, H, 2 * H);
    FETCH(&s, &c, .now = now, GOOD, .n_new = 20, .fresh = {true, MIN_});
    between(s.next_due_at - s.last_fetch_at, 30 * MIN_, H);
    td_feed_state_fini(&s);
}

/* A hub that is relied on: polls look after it once a day, pushes teach the rhythm and nothing
 * else. */
static void pushes(void **state)
{
    struct td_feed_conf c = conf_of(0), own = conf_of(2 * H);
    struct td_feed_state s;
    td_feed_state_init(&s);
    FETCH(&s, &c, .now = T0, GOOD, .n_new = 20);
    int64_t due = s.next_due_at;
    xreplace(&s.val.etag, "\"1\"");
    for (int i = 1; i <= 60; i++) /* two a day */
        policy_pushed(&s, T0 + i * 12 * H, 1);
    policy_pushed(&s, T0 + 31 * D, 0);
    assert_int_equal(s.next_due_at, due);
    assert_int_equal(s.last_fetch_at, T0);
    assert_int_equal(s.last_new_at, T0 + 30 * D);
    assert_int_equal(s.n_history, 1);
    assert_string_equal(s.val.etag, "\"1\"");
    assert_true(s.rate_per_day > 1.5 && s.rate_per_day < 5);

    int64_t now = T0 + 31 * D;
    s.pushed_until = now + 9 * D;
    FETCH(&s, &c, .now = now, .outcome = TD_OUT_NOT_MODIFIED, .http_status = 304);
    between(s.next_due_at - now, D * 95 / 100, D * 105 / 100);
    assert_non_null(strstr(s.why, "its hub tells what is new"));
    policy_replan(&s, &own); /* who says how often is asked so often */
    between(s.next_due_at - now, 2 * H, 2 * H * 105 / 100);
    s.pushed_until = TD_NEVER; /* it has lapsed */
    policy_replan(&s, &c);
    between(s.next_due_at - now, 2 * H, 9 * H);
    assert_null(strstr(s.why, "hub"));
    td_feed_state_fini(&s);
}

static void first_import_is_no_rhythm(void **state)
{
    struct td_feed_conf c = conf_of(0);
    struct td_feed_state s;
    td_feed_state_init(&s);
    FETCH(&s, &c, .now = T0, GOOD, .n_new = 5000);
    assert_true(s.rate_per_day < 13);
    assert_non_null(strstr(s.why, "not known yet"));
    FETCH(&s, &c, .now = T0 + H, GOOD, .n_new = 5000); /* a flood counts as 100 */
    assert_true(s.rate_per_day < 20);
    td_feed_state_fini(&s);
}

static void backoff(void **state)
{
    static const struct {
        enum td_outcome outcome;
        int status;
        int64_t cap;
    } kinds[] = {
        {TD_OUT_HTTP, 500, D},       {TD_OUT_HTTP, 429, D},
        {TD_OUT_HTTP, 404, 7 * D},   {TD_OUT_HTTP, 401, 7 * D},
        {TD_OUT_DNS_TEMP, 0, D},     {TD_OUT_DNS, 0, 7 * D},
        {TD_OUT_TLS, 0, D},          {TD_OUT_TIMEOUT, 0, D},
        {TD_OUT_CONNECT, 0, D},      {TD_OUT_NOT_A_FEED, 200, 7 * D},
        {TD_OUT_INCOMPLETE, 200, D}, {TD_OUT_PARSER, 200, 7 * D},
    };
    struct td_feed_conf c = conf_of(H);
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        struct td_feed_state s;
        td_feed_state_init(&s);
        int64_t now = T0, want = H;
        for (int n = 1; n < 12; n++) {
            FETCH(&s, &c, .now = now, .outcome = kinds[k].outcome, .http_status = kinds[k].status);
            assert_int_equal(s.n_failures, n);
            assert_int_equal(s.failing_since, T0);
            between(s.next_due_at - now, MAX(want * 9 / 10, H), want * 11 / 10);
            want = MIN(2 * want, kinds[k].cap);
            now = s.next_due_at;
            if (now - T0 > 25 * D)
                break;
        }
        for (; now < T0 + 31 * D; now = s.next_due_at)
            FETCH(&s, &c, .now = now, .outcome = kinds[k].outcome, .http_status = kinds[k].status);
        FETCH(&s, &c, .now = now, .outcome = kinds[k].outcome, .http_status = kinds[k].status);
        assert_true(policy_is_dead(&s, now));
        between(s.next_due_at - now, 6 * D, 8 * D);
        assert_non_null(strstr(s.why, "30 days"));
        FETCH(&s, &c, .now = now + D, GOOD);
        assert_int_equal(s.n_failures, 0);
        assert_false(policy_is_dead(&s, now + D));
        between(s.next_due_at - now - D, H, H * 105 / 100);
        td_feed_state_fini(&s);
    }
    /* An interval beyond the cap stays. */
    struct td_feed_conf slow = conf_of(30 * D);
    struct td_feed_state s;
    td_feed_state_init(&s);
    for (int i = 0; i < 100; i++)
        FETCH(&s, &slow, .now = T0, FAIL(500));
    between(s.next_due_at - T0, 30 * D, 33 * D);
    td_feed_state_fini(&s);
}

static void retry_after(void **state)
{
    struct td_feed_conf c = conf_of(H);
    struct td_feed_state s;
    td_feed_state_init(&s);
    FETCH(&s, &c, .now = T0, FAIL(429), .retry_after_at = T0 + 6 * H);
    between(s.next_due_at - T0, 6 * H, 6 * H + MIN_);
    assert_non_null(strstr(s.why, "Retry-After of 6 h"));
    assert_int_equal(policy_refresh_at(&s, &c, T0 + 10 * MIN_), T0 + 6 * H);
    FETCH(&s, &c, .now = T0, FAIL(503), .retry_after_at = T0 + 100 * D);
    between(s.next_due_at - T0, 7 * D, 7 * D + MIN_);
    FETCH(&s, &c, .now = T0 + 8 * D, FAIL(503), .retry_after_at = T0 + 8 * D + S);
    between(s.next_due_at - T0 - 8 * D, 3 * H, 5 * H); /* the back-off is longer */
    FETCH(&s, &c, .now = T0 + 9 * D, GOOD, .retry_after_at = T0 + 9 * D + 3 * H);
    between(s.next_due_at - T0 - 9 * D, 3 * H, 3 * H + MIN_);
    FETCH(&s, &c, .now = T0 + 10 * D, GOOD);
    assert_int_equal(s.retry_after_at, TD_NEVER);
    td_feed_state_fini(&s);
}

static void skip_hints(void **state)
{
    struct td_feed_conf c = conf_of(H);
    const struct td_freshness none = {0};
    /* Due about 23:14 GMT on Tuesday. */
    struct td_hints h = {.skip_hours = 1u << 23 | 1u << 0};
    int64_t one = T0 - T0 % D + D + H; /* Wednesday 01:00 */
    between(T0 + wait_of(&c, none, &h, "asks to skip"), one, one + 15 * MIN_);
    h = (struct td_hints){.skip_hours = 0xffffff};
    between(wait_of(&c, none, &h, NULL), H, H * 105 / 100);
    h = (struct td_hints){.skip_days = 1u << 2 | 1u << 3};
    int64_t thursday = T0 - T0 % D + 2 * D;
    between(T0 + wait_of(&c, none, &h, NULL), thursday, thursday + 15 * MIN_);
    h = (struct td_hints){.skip_days = 0x7f};
    between(wait_of(&c, none, &h, NULL), H, H * 105 / 100);
    h = (struct td_hints){.skip_days = 0x7e, .skip_hours = 0x7fffff}; /* Sunday 23:00 is left */
    int64_t sunday = T0 - T0 % D + 5 * D + 23 * H;
    between(T0 + wait_of(&c, none, &h, NULL), sunday, sunday + 15 * MIN_);
    c.ignore_hints = true;
    between(wait_of(&c, none, &h, NULL), H, H * 105 / 100);
}

static void gone(void **state)
{
    struct td_feed_conf c = conf_of(H);
    struct td_feed_state s;
    td_feed_state_init(&s);
    FETCH(&s, &c, .now = T0, .outcome = TD_OUT_GONE, .http_status = 410);
    assert_false(s.gone);
    between(s.next_due_at - T0, H, H * 11 / 10);
    FETCH(&s, &c, .now = T0 + 10 * MIN_, .outcome = TD_OUT_GONE, .http_status = 410);
    assert_false(s.gone); /* a refresh too early to confirm it */
    FETCH(&s, &c, .now = T0 + H, .outcome = TD_OUT_GONE, .http_status = 410);
    assert_true(s.gone);
    assert_int_equal(s.next_due_at, TD_NEVER);
    assert_int_equal(policy_on_load(&s, &c, T0 + 9 * D), TD_NEVER);
    FETCH(&s, &c, .now = T0 + 2 * H, GOOD); /* somebody asked again */
    assert_false(s.gone);
    FETCH(&s, &c, .now = T0 + 9 * H, .outcome = TD_OUT_GONE, .http_status = 410);
    assert_false(s.gone);
    td_feed_state_fini(&s);
}

static void loading(void **state)
{
    struct td_feed_conf c = conf_of(H);
    struct td_feed_state s;
    td_feed_state_init(&s);
    assert_int_equal(policy_on_load(&s, &c, T0), T0);
    FETCH(&s, &c, .now = T0, GOOD, .fresh = {true, 3 * H});
    int64_t due = s.next_due_at;
    assert_int_equal(policy_on_load(&s, &c, T0 + H), due);
    assert_int_equal(policy_on_load(&s, &c, T0 + 99 * D), due); /* overdue stays overdue */
    assert_int_equal(policy_on_load(&s, &c, T0 - 99 * D), T0 - 99 * D + (due - T0));
    assert_int_equal(policy_refresh_at(&s, &c, T0 + MIN_), T0 + 5 * MIN_);
    assert_int_equal(policy_refresh_at(&s, &c, T0 + H), T0 + H);
    assert_int_equal(policy_refresh_at(&s, &c, T0 - 99 * D), T0 - 99 * D + 5 * MIN_);

    /* Replanning with the same settings changes nothing; with others it does. */
    CLEANUP_FREE char *why = xstrdup(s.why);
    policy_replan(&s, &c);
    assert_int_equal(s.next_due_at, due);
    assert_string_equal(s.why, why);
    struct td_feed_conf longer = conf_of(5 * H);
    policy_replan(&s, &longer);
    between(s.next_due_at - T0, 5 * H, 5 * H * 105 / 100);
    c.enabled = false;
    assert_int_equal(policy_on_load(&s, &c, T0), TD_NEVER);
    td_feed_state_fini(&s);
}

/* Feeds imported together do not stay together. */
static void phases(void **state)
{
    int64_t first = INT64_MAX, last = 0;
    for (int i = 0; i < 200; i++) {
        struct td_feed_conf c = conf_of(H);
        char name[16];
        snprintf(name, sizeof name, "feed %d", i);
        c.name = name;
        int64_t wait = wait_of(&c, (struct td_freshness){false, 0}, NULL, NULL);
        first = MIN(first, wait);
        last = MAX(last, wait);
        assert_int_equal(wait, wait_of(&c, (struct td_freshness){false, 0}, NULL, NULL));
    }
    assert_true(last - first > 2 * MIN_);
}

/* Whatever comes, the result is a time after the floor, in reach, and in words. */
static void anything(void **state)
{
    uint64_t x = 88172645463325252u;
#define R(n) (x ^= x << 13, x ^= x >> 7, x ^= x << 17, (int64_t)(x % (uint64_t)(n)))
    for (int run = 0; run < 300; run++) {
        struct td_feed_conf c = conf_of(R(3) ? R(10 * D) + S : 0);
        c.min_interval_ms = R(H) + S;
        c.ignore_hints = R(4) == 0;
        c.source = (enum td_source)R(3);
        struct td_feed_state s;
        td_feed_state_init(&s);
        int64_t now = T0;
        for (int i = 0; i < 60; i++) {
            struct td_hints h = {R(3 * D), R(3 * D), (uint32_t)R(1 << 24), (uint8_t)R(128)};
            FETCH(&s, &c, .now = now, .outcome = (enum td_outcome)(1 + R(TD_OUT_N - 1)),
                  .http_status = (int)R(600), .fresh = {R(2), R(4) ? R(2 * D) : INT64_MAX},
                  .retry_after_at = R(4) ? TD_NEVER : now - D + R(20 * D),
                  .hints = R(2) ? &h : NULL, .n_new = (int32_t)(R(2) ? 0 : R(6000)));
            if (s.gone)
                break;
            int64_t floor = c.source == TD_SOURCE_FILE ? S : c.min_interval_ms;
            between(s.next_due_at - now, floor, 20 * D);
            assert_true(s.next_due_at >= s.retry_after_at || s.retry_after_at == TD_NEVER);
            now = R(5) ? s.next_due_at + R(H) : now - R(5 * D); /* and the clock jumps back */
        }
        td_feed_state_fini(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms),
        cmocka_unit_test(max_age_lives_through_a_bare_304),
        cmocka_unit_test(an_expires_is_called_one),
        cmocka_unit_test(a_file_was_read),
        cmocka_unit_test(nobody_asked),
        cmocka_unit_test(rhythm),
        cmocka_unit_test(first_import_is_no_rhythm),
        cmocka_unit_test(backoff),
        cmocka_unit_test(retry_after),
        cmocka_unit_test(skip_hints),
        cmocka_unit_test(gone),
        cmocka_unit_test(loading),
        cmocka_unit_test(phases),
        cmocka_unit_test(anything),
        cmocka_unit_test(pushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
