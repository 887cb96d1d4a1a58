/* websub: FETCHING E1 to E10, rule by rule, with the time as an argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "fetch/websub.h"

#define T0    1700000000000
#define S     1000LL
#define MIN_  (60 * S)
#define H     (3600 * S)
#define DAY   (24 * H)
#define HUB   "https://hub.example/"
#define HUB2  "https://second.example/hub"
#define TOPIC "https://a.example/feed?x=1"
#define CB    "https://me.example/websub"

static unsigned char randomness[WEBSUB_RANDOM_BYTES];

static int setup(void **state)
{
    static struct td_push p;
    td_push_init(&p);
    memset(randomness, 0, sizeof randomness);
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    td_push_fini(*state);
    return 0;
}

static void discover(struct td_push *p, const char *hubs, const char *topic, int64_t now)
{
    enum websub_change change;
    websub_discovered(p, hubs, topic, now, &change);
}

/* Expects ACTION; *RET_AT may be NULL. */
static enum websub_change expect(struct td_push *p, enum websub_action action, int64_t now,
                                 int64_t *ret_at)
{
    int64_t at;
    enum websub_change change;
    enum websub_action got = websub_next(p, CB, false, now, &at, &change);
    if (got != action)
        fail_msg("action %d, expected %d", got, action);
    if (ret_at)
        *ret_at = at;
    return change;
}

static void ask(struct td_push *p, int64_t now)
{
    randomness[0]++;
    CLEANUP_FREE char *hub = websub_hub(p);
    websub_ask(p, hub, false, CB, randomness, now);
}

static enum websub_change answer(struct td_push *p, int status, int64_t now)
{
    struct td_err err;
    td_err(&err, 0, "HTTP %d", status);
    return websub_answered(p, true, status / 100 == 2, status, TD_NEVER, &err, now);
}

static bool verify(struct td_push *p, const char *key, int64_t lease_s, int64_t now)
{
    enum websub_change change;
    CLEANUP_FREE char *copy = xstrdup(key); /* KEY may be P's own */
    return websub_verify(p, copy, "subscribe", TOPIC, lease_s, now, &change);
}

/* P is live from NOW on. */
static void make_live(struct td_push *p, int64_t lease_s, int64_t now)
{
    if (!p->hubs)
        discover(p, HUB, TOPIC, now);
    ask(p, now);
    answer(p, 202, now);
    assert_true(verify(p, p->asked.key, lease_s, now));
}

static const char *sign(const char *method, const char *secret, const char *body)
{
    static char text[160];
    unsigned char mac[CRYPTO_HMAC_MAX];
    size_t n = crypto_hmac(method, secret, strlen(secret), body, strlen(body), mac);
    int at = snprintf(text, sizeof text, "%s=", method);
    crypto_hex(mac, n, text + at);
    return text;
}

static enum websub_delivery push(const struct td_push *p, const char *key, const char *signature)
{
    return websub_delivered(p, key, signature, "body", 4);
}

/* ---- E1 ---------------------------------------------------------------------------------------
 */

static void e1_without_hub_or_self_there_is_nothing(void **state)
{
    struct td_push *p = *state;
    int64_t at;
    expect(p, WEBSUB_WAIT, T0, &at);
    discover(p, HUB, NULL, T0);
    expect(p, WEBSUB_WAIT, T0, &at);
    discover(p, NULL, TOPIC, T0);
    expect(p, WEBSUB_WAIT, T0, &at);
    assert_int_equal(at, TD_NEVER);
    discover(p, HUB, TOPIC, T0);
    expect(p, WEBSUB_SUBSCRIBE, T0, NULL);
}

static void e1_the_topic_is_self(void **state)
{
    struct td_push *p = *state;
    discover(p, HUB, TOPIC, T0);
    ask(p, T0);
    assert_string_equal(p->asked.topic, TOPIC);
}

static void e1_discovered_again(void **state)
{
    struct td_push *p = *state;
    enum websub_change change;
    make_live(p, 86400, T0);
    assert_false(websub_discovered(p, HUB, TOPIC, T0 + H, &change));
    assert_true(websub_discovered(p, HUB2 "\n" HUB, TOPIC, T0 + H, &change));
    assert_int_equal(change, WEBSUB_SAME); /* the hub we are at is still named */
    assert_non_null(p->live.key);
    assert_true(websub_discovered(p, HUB2, TOPIC, T0 + H, &change));
    assert_int_equal(change, WEBSUB_LEFT);
    expect(p, WEBSUB_UNSUBSCRIBE, T0 + H, NULL);
    assert_string_equal(p->left.hub, HUB);
    websub_answered(p, false, true, 202, TD_NEVER, NULL, T0 + H);
    expect(p, WEBSUB_SUBSCRIBE, T0 + H, NULL);
    ask(p, T0 + H);
    assert_string_equal(p->asked.hub, HUB2);
}

static void e1_the_feed_has_moved(void **state)
{
    struct td_push *p = *state;
    enum websub_change change;
    make_live(p, 86400, T0);
    assert_true(websub_discovered(p, HUB, "https://b.example/feed", T0 + H, &change));
    assert_int_equal(change, WEBSUB_LEFT);
    assert_string_equal(p->left.topic, TOPIC);
    websub_answered(p, false, true, 202, TD_NEVER, NULL, T0 + H);
    expect(p, WEBSUB_SUBSCRIBE, T0 + H, NULL);
    ask(p, T0 + H);
    assert_string_equal(p->asked.topic, "https://b.example/feed");
}

static void e1_no_hub_any_more(void **state)
{
    struct td_push *p = *state;
    enum websub_change change;
    make_live(p, 86400, T0);
    assert_true(websub_discovered(p, NULL, TOPIC, T0 + H, &change));
    expect(p, WEBSUB_UNSUBSCRIBE, T0 + H, NULL);
    websub_answered(p, false, true, 202, TD_NEVER, NULL, T0 + H);
    expect(p, WEBSUB_WAIT, T0 + H, NULL);
}

/* ---- E2 ---------------------------------------------------------------------------------------
 */

static void e2_the_form(void **state)
{
    struct td_push *p = *state;
    discover(p, HUB,
             "https://a.example/f\xc3\xa9"
             "ed?x=1&y=a b+c",
             T0);
    ask(p, T0);
    CLEANUP_FREE char *form = websub_form(p, true);
    CLEANUP_FREE char *want = xasprintf("hub.mode=subscribe&hub.topic=https%%3A%%2F%%2Fa.example%%"
                                        "2Ff%%C3%%A9ed%%3Fx%%3D1%%26y%%3Da%%"
                                        "20b%%2Bc&hub.callback=https%%3A%%2F%%2Fme.example%%"
                                        "2Fwebsub%%2F%s&hub.lease_seconds=864000&"
                                        "hub.secret=%s",
                                        p->asked.key, p->asked.secret);
    assert_string_equal(form, want);
    assert_true(strlen(p->asked.secret) >= 32 && strlen(p->asked.secret) < 200);
    assert_null(strstr(p->asked.callback, p->asked.secret));
    assert_true(verify(p, "x", 1, T0) == false);
}

/* A hub that is named by its http address and wants https only (hsts.h). */
static void e2_a_secret_by_the_way_that_it_goes(void **state)
{
    struct td_push *p = *state;
    discover(p, "http://hub.example/", TOPIC, T0);
    websub_ask(p, HUB, false, CB, randomness, T0);
    assert_string_equal(p->asked.hub, "http://hub.example/");
    assert_non_null(p->asked.secret);
    websub_ask(p, "http://hub.example/", false, CB, randomness, T0);
    assert_null(p->asked.secret);
}

/* Where it goes first does not count, but each place it goes to. */
static void e2_no_secret_for_where_a_hub_redirects_to(void **state)
{
    struct td_push *p = *state;
    discover(p, "http://127.0.0.1:8080/hub", TOPIC, T0);
    ask(p, T0);
    assert_true(websub_redirected(p, HUB, false));
    CLEANUP_FREE char *key = xstrdup(p->asked.key), *form = websub_form(p, true);
    assert_non_null(strstr(form, "&hub.secret="));
    assert_true(websub_redirected(p, "http://hub.example/", false));
    assert_string_equal(p->asked.key, key);
    assert_null(p->asked.secret);
    CLEANUP_FREE char *without = websub_form(p, true);
    assert_null(strstr(without, "secret"));
    assert_true(websub_redirected(p, HUB, false)); /* it does not come back */
    assert_null(p->asked.secret);
    assert_true(verify(p, key, 86400, T0));
    assert_false(websub_redirected(p, HUB, false)); /* what was asked for is there */
    assert_int_equal(push(p, key, NULL), WEBSUB_HINT);
}

/* The proxy's own machine is not this one. */
static void e2_no_secret_through_a_proxy_but_over_tls(void **state)
{
    struct td_push *p = *state;
    discover(p, "http://127.0.0.1:8080/hub", TOPIC, T0);
    websub_ask(p, p->hubs, true, CB, randomness, T0);
    assert_null(p->asked.secret);
    websub_ask(p, HUB, true, CB, randomness, T0);
    assert_non_null(p->asked.secret);
    assert_true(websub_redirected(p, "http://127.0.0.1:8080/hub", true));
    assert_null(p->asked.secret);
}

static void e2_unsubscribing_gives_no_secret(void **state)
{
    struct td_push *p = *state;
    int64_t at;
    enum websub_change change;
    make_live(p, 86400, T0);
    assert_int_equal(websub_next(p, NULL, false, T0 + 1, &at, &change), WEBSUB_UNSUBSCRIBE);
    CLEANUP_FREE char *form = websub_form(p, false);
    assert_true(str_starts(form, "hub.mode=unsubscribe&hub.topic="));
    assert_non_null(strstr(form, "&hub.callback="));
    assert_null(strstr(form, "secret"));
}

static void e2_a_secret_only_where_nobody_listens(void **state)
{
    static const struct {
        const char *hub;
        bool secure;
    } cases[] = {{"https://hub.example/", true},
                 {"HTTPS://hub.example/", true},
                 {"http://hub.example/", false},
                 {"http://127.0.0.1:8080/hub", true},
                 {"http://127.9.9.9/", true},
                 {"http://localhost/hub", true},
                 {"http://[::1]:1/", true},
                 {"http://127.0.0.1.example/", false},
                 {"http://127.0.0.1:80@hub.example/", false},
                 {"http://localhost.example/", false},
                 {"http://192.168.0.1/", false},
                 {"nonsense", false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct td_push *p = *state;
        discover(p, cases[i].hub, TOPIC, T0);
        ask(p, T0);
        if ((p->asked.secret != NULL) != cases[i].secure)
            fail_msg("%s", cases[i].hub);
    }
}

static void e2_refusals_back_off(void **state)
{
    struct td_push *p = *state;
    int64_t at, now = T0, wait = 0;
    discover(p, HUB, TOPIC, now);
    for (int i = 0; i < 12; i++) {
        expect(p, WEBSUB_SUBSCRIBE, now, NULL);
        ask(p, now);
        enum websub_change change = answer(p, 500, now);
        assert_int_equal(change, i == 0 ? WEBSUB_REFUSED : WEBSUB_SAME); /* one line */
        expect(p, WEBSUB_WAIT, now, &at);
        assert_true(at - now >= wait && at - now <= DAY);
        wait = at - now;
        now = at;
    }
    assert_int_equal(wait, DAY);
    assert_string_equal(p->error, "HTTP 500");
}

static void e2_a_client_error_stays_longer_and_retry_after_counts(void **state)
{
    struct td_push *p = *state;
    struct td_err err = {"HTTP 429"};
    int64_t at;
    discover(p, HUB, TOPIC, T0);
    p->n_failures = 30;
    ask(p, T0);
    answer(p, 403, T0);
    expect(p, WEBSUB_WAIT, T0, &at);
    assert_int_equal(at, T0 + 7 * DAY);
    p->n_failures = 0;
    ask(p, T0);
    websub_answered(p, true, false, 429, T0 + 5 * H, &err, T0);
    expect(p, WEBSUB_WAIT, T0, &at);
    assert_int_equal(at, T0 + 5 * H);
}

static void e2_another_hub_is_tried_first(void **state)
{
    struct td_push *p = *state;
    int64_t at;
    discover(p, HUB "\n" HUB2, TOPIC, T0);
    ask(p, T0);
    assert_string_equal(p->asked.hub, HUB);
    answer(p, 0, T0);
    expect(p, WEBSUB_WAIT, T0, &at);
    assert_true(at - T0 < MIN_);
    expect(p, WEBSUB_SUBSCRIBE, at, NULL);
    ask(p, at);
    assert_string_equal(p->asked.hub, HUB2);
    answer(p, 0, at);
    expect(p, WEBSUB_WAIT, at, &at);
    assert_true(at - T0 > 30 * MIN_);
}

static void e2_no_verification_is_a_refusal(void **state)
{
    struct td_push *p = *state;
    int64_t at;
    discover(p, HUB, TOPIC, T0);
    ask(p, T0);
    answer(p, 202, T0 + S);
    expect(p, WEBSUB_WAIT, T0 + S, &at);
    assert_int_equal(at, T0 + S + LIMIT_VERIFY_MS);
    CLEANUP_FREE char *key = xstrdup(p->asked.key);
    assert_int_equal(expect(p, WEBSUB_WAIT, at, NULL), WEBSUB_REFUSED);
    assert_false(verify(p, key, 1000, at + 1)); /* too late */
}

/* ---- E3 ---------------------------------------------------------------------------------------
 */

static void e3_callbacks_are_long_and_never_the_same(void **state)
{
    struct td_push *p = *state;
    make_live(p, 86400, T0);
    CLEANUP_FREE char *first = xstrdup(p->live.callback), *secret = xstrdup(p->live.secret);
    assert_true(str_starts(first, CB "/") && strlen(first) >= strlen(CB) + 1 + 32);
    make_live(p, 86400, T0 + H); /* renewed */
    assert_string_not_equal(first, p->live.callback);
    assert_string_equal(secret, p->live.secret); /* of the test's randomness */
    websub_ask(p, HUB, false, CB "/", randomness, T0);
    assert_non_null(strstr(p->asked.callback, "/websub/"));
    assert_null(strstr(p->asked.callback, "websub//"));
}

/* ---- E4 ---------------------------------------------------------------------------------------
 */

static void e4_only_what_was_asked_is_verified(void **state)
{
    struct td_push *p = *state;
    enum websub_change change;
    discover(p, HUB, TOPIC, T0);
    ask(p, T0);
    CLEANUP_FREE char *key = xstrdup(p->asked.key);
    assert_false(websub_verify(p, key, "subscribe", TOPIC "x", 9, T0, &change));
    assert_false(websub_verify(p, key, "subscribe", NULL, 9, T0, &change));
    assert_false(websub_verify(p, key, "unsubscribe", TOPIC, -1, T0, &change));
    assert_false(websub_verify(p, key, "publish", TOPIC, 9, T0, &change));
    assert_false(websub_verify(p, "0000", "subscribe", TOPIC, 9, T0, &change));
    assert_null(p->live.key);
    /* also before the hub has answered the request */
    assert_true(websub_verify(p, key, "subscribe", TOPIC, 9, T0, &change));
    assert_int_equal(change, WEBSUB_NOW_LIVE);
    assert_int_equal(answer(p, 500, T0), WEBSUB_SAME); /* and what it then answers is nothing */
    assert_string_equal(p->live.key, key);
    assert_false(websub_verify(p, key, "unsubscribe", TOPIC, -1, T0, &change));
}

static void e4_asked_again_because_our_answer_was_lost(void **state)
{
    struct td_push *p = *state;
    make_live(p, 86400, T0);
    assert_true(verify(p, p->live.key, 86400, T0 + MIN_));
    assert_int_equal(p->lease_until, T0 + DAY);
    assert_false(verify(p, p->live.key, 86400, T0 + LIMIT_VERIFY_MS + 1));
}

static void e4_unsubscribing_is_confirmed(void **state)
{
    struct td_push *p = *state;
    int64_t at;
    enum websub_change change;
    make_live(p, 86400, T0);
    CLEANUP_FREE char *key = xstrdup(p->live.key);
    websub_next(p, NULL, false, T0 + H, &at, &change);
    assert_int_equal(change, WEBSUB_LEFT);
    assert_false(websub_verify(p, key, "unsubscribe", TOPIC "x", -1, T0 + H, &change));
    assert_false(websub_verify(p, key, "subscribe", TOPIC, 9, T0 + H, &change));
    assert_true(websub_verify(p, key, "unsubscribe", TOPIC, -1, T0 + H, &change));
    assert_true(websub_verify(p, key, "unsubscribe", TOPIC, -1, T0 + H + S, &change));
    assert_int_equal(push(p, key, sign("sha256", p->left.secret, "body")), WEBSUB_GONE);
    assert_int_equal(websub_next(p, NULL, false, T0 + 2 * H, &at, &change), WEBSUB_WAIT);
    assert_null(p->left.key);
}

static void e4_a_hub_that_does_not_let_go(void **state)
{
    struct td_push *p = *state;
    int64_t at = T0 + H;
    enum websub_change change;
    make_live(p, 86400, T0);
    for (int n = 0; n < 3; n++) {
        int64_t now = at;
        assert_int_equal(websub_next(p, NULL, false, now, &at, &change), WEBSUB_UNSUBSCRIBE);
        websub_answered(p, false, false, 500, TD_NEVER, NULL, now);
        assert_int_equal(websub_next(p, NULL, false, now, &at, &change), WEBSUB_WAIT);
        assert_true(at >= now + H);
    }
    assert_int_equal(at, T0 + DAY); /* its lease ends */
    websub_next(p, NULL, false, at, &at, &change);
    assert_null(p->left.key);
}

/* ---- E5 ---------------------------------------------------------------------------------------
 */

static void e5_denied_at_any_time(void **state)
{
    struct td_push *p = *state;
    enum websub_change change;
    int64_t at;
    discover(p, HUB, TOPIC, T0);
    ask(p, T0);
    CLEANUP_FREE char *key = xstrdup(p->asked.key);
    assert_false(websub_denied(p, key, TOPIC "x", NULL, T0, &change));
    assert_false(websub_denied(p, "00", TOPIC, NULL, T0, &change));
    assert_true(websub_denied(p, key, TOPIC, "members\nonly", T0, &change));
    assert_int_equal(change, WEBSUB_DENIED);
    assert_null(strchr(p->error, '\n'));
    assert_non_null(strstr(p->error, "members"));
    assert_false(verify(p, key, 9, T0));
    expect(p, WEBSUB_WAIT, T0, &at);
    assert_true(at >= T0 + DAY);

    p->retry_at = TD_NEVER;
    make_live(p, 864000, T0);
    CLEANUP_FREE char *live = xstrdup(p->live.key);
    assert_true(websub_denied(p, live, TOPIC, NULL, T0 + DAY, &change));
    assert_null(p->live.key);
    assert_null(p->left.key); /* it knows */
    assert_int_equal(websub_relied_until(p, T0 + DAY), TD_NEVER);
}

/* ---- E6 ---------------------------------------------------------------------------------------
 */

static void e6_renewed_between_half_and_four_fifths(void **state)
{
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 200; i++) {
        struct td_push *p = *state;
        make_live(p, 1000, T0);
        int64_t wait = p->renew_at - T0;
        assert_true(wait >= 500 * S && wait <= 800 * S);
        least = MIN(least, wait);
        most = MAX(most, wait);
    }
    assert_true(least < 550 * S && most > 750 * S); /* they do not all come at once */
}

static void e6_a_renewal_begins_with_a_fetch(void **state)
{
    struct td_push *p = *state;
    int64_t at;
    enum websub_change change;
    make_live(p, 86400, T0);
    CLEANUP_FREE char *first = xstrdup(p->live.key);
    expect(p, WEBSUB_WAIT, T0, &at);
    assert_int_equal(at, p->renew_at);
    expect(p, WEBSUB_FETCH, at, NULL);
    assert_int_equal(websub_next(p, CB, true, at, &at, &change), WEBSUB_SUBSCRIBE);
    int64_t now = p->renew_at + S;
    ask(p, now);
    answer(p, 202, now);
    /* the old callback is good until the new one is verified */
    assert_int_equal(push(p, first, sign("sha256", p->live.secret, "body")), WEBSUB_TAKE);
    assert_true(verify(p, p->asked.key, 86400, now));
    assert_int_equal(push(p, first, sign("sha256", p->live.secret, "body")), WEBSUB_GONE);
    assert_string_equal(p->left.key, first);
    assert_int_equal(p->live_since, T0);
    assert_int_equal(p->lease_until, now + DAY);
    expect(p, WEBSUB_UNSUBSCRIBE, now, NULL); /* the hub holds two of us now */
}

static void e6_what_is_granted_counts_within_bounds(void **state)
{
    struct td_push *p = *state;
    make_live(p, 365 * 86400LL, T0);
    assert_int_equal(p->lease_until, T0 + 14 * DAY);
    make_live(p, -1, T0); /* an old hub that does not say */
    assert_int_equal(p->lease_until, T0 + 10 * DAY);
    make_live(p, INT64_MAX, T0);
    assert_int_equal(p->lease_until, T0 + 14 * DAY);
    make_live(p, 0, T0);
    assert_int_equal(p->lease_until, T0 + S);
}

/* A lease of seconds is renewed in time, but not for ever: that would be an attack by hub. */
static void e6_leases_of_seconds(void **state)
{
    struct td_push *p = *state;
    int64_t now = T0, at, requests = 0;
    discover(p, HUB, TOPIC, T0);
    while (now < T0 + DAY) {
        enum websub_change change;
        enum websub_action a = websub_next(p, CB, true, now, &at, &change);
        if (a == WEBSUB_SUBSCRIBE) {
            requests++;
            ask(p, now);
            answer(p, 202, now);
            assert_true(verify(p, p->asked.key, 12, now));
            assert_true(p->renew_at < now + 12 * S);
            assert_int_equal(websub_relied_until(p, now), TD_NEVER);
        } else if (a == WEBSUB_UNSUBSCRIBE) {
            websub_answered(p, false, true, 202, TD_NEVER, NULL, now);
        } else {
            now = at;
        }
    }
    assert_in_range(requests, 5, 10);
}

static void e6_a_lease_that_is_not_renewed_ends(void **state)
{
    struct td_push *p = *state;
    int64_t at, now;
    int n = 0;
    make_live(p, 86400, T0);
    for (now = p->renew_at; now < T0 + DAY; now = at) {
        enum websub_change change;
        enum websub_action a = websub_next(p, CB, true, now, &at, &change);
        if (a == WEBSUB_SUBSCRIBE) {
            ask(p, now);
            answer(p, 503, now);
            at = now;
            n++;
        }
        assert_true(a != WEBSUB_FETCH);
    }
    assert_in_range(n, 3, 40); /* it is tried a few times while there is time */
    assert_int_equal(now, T0 + DAY);
    assert_int_equal(expect(p, WEBSUB_WAIT, now, NULL), WEBSUB_LAPSED);
    assert_null(p->live.key);
}

static void e6_another_callback_address(void **state)
{
    struct td_push *p = *state;
    int64_t at;
    enum websub_change change;
    make_live(p, 86400, T0);
    assert_int_equal(websub_next(p, "https://new.example/x", false, T0 + 1, &at, &change),
                     WEBSUB_FETCH);
    assert_int_equal(websub_next(p, "https://new.example/x", true, T0 + 1, &at, &change),
                     WEBSUB_SUBSCRIBE);
    expect(p, WEBSUB_WAIT, T0 + 1, NULL);
}

static void e6_a_clock_that_goes_back(void **state)
{
    struct td_push *p = *state;
    make_live(p, 86400, T0);
    expect(p, WEBSUB_FETCH, T0 - 30 * DAY, NULL); /* a renewal tells how long there is */
    assert_int_equal(p->lease_until, T0 - 29 * DAY);
    ask(p, T0 - 30 * DAY);
    p->asked_at = T0;
    expect(p, WEBSUB_WAIT, T0 - 30 * DAY, NULL);
    assert_int_equal(p->asked_at, T0 - 30 * DAY);
    /* a hub that is left alone or given up is not for years longer */
    p->distrusted_until = p->left_until = p->left_at = T0 + 3000 * DAY;
    p->left.key = xstrdup(p->live.key);
    expect(p, WEBSUB_WAIT, T0 - 30 * DAY, NULL);
    assert_int_equal(p->distrusted_until, T0 - 30 * DAY + LIMIT_DISTRUST_MS);
    assert_true(p->left_until < T0 && p->left_at < T0);
}

/* NTP steps clocks back by milliseconds each day: no reason to renew all leases. */
static void e6_a_clock_that_drifts(void **state)
{
    struct td_push *p = *state;
    make_live(p, 86400, T0);
    int64_t renew_at = p->renew_at, lease_until = p->lease_until;
    for (int64_t back = 1; back < LIMIT_CLOCK_DRIFT_MS; back *= 2)
        expect(p, WEBSUB_WAIT, T0 - back, NULL);
    assert_int_equal(p->renew_at, renew_at);
    assert_int_equal(p->lease_until, lease_until);
}

/* ---- E7 ---------------------------------------------------------------------------------------
 */

static void e7_signatures(void **state)
{
    static const char *const methods[] = {"sha1", "sha256", "sha384", "sha512"};
    struct td_push *p = *state;
    make_live(p, 86400, T0);
    const char *key = p->live.key, *secret = p->live.secret;
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        CLEANUP_FREE char *good = xstrdup(sign(methods[i], secret, "body"));
        assert_int_equal(push(p, key, good), WEBSUB_TAKE);
        for (char *c = strchr(good, '='); *c; c++) /* hex in upper case is the same number */
            *c = *c >= 'a' && *c <= 'f' ? *c - 32 : *c;
        assert_int_equal(push(p, key, good), WEBSUB_TAKE);
        size_t n = strlen(good);
        good[n - 1] = good[n - 1] == '0' ? '1' : '0';
        assert_int_equal(push(p, key, good), WEBSUB_BAD);
        good[n - 1] = 0;
        assert_int_equal(push(p, key, good), WEBSUB_BAD);
        assert_int_equal(push(p, key, sign(methods[i], "another", "body")), WEBSUB_BAD);
        assert_int_equal(push(p, key, sign(methods[i], secret, "Body")), WEBSUB_BAD);
    }
    static const char *const bad[] = {
        "",       "=",          "sha256",         "sha256=",   "sha256=zz",
        "md5=00", "sha1024=00", "sha256,sha1=00", "plain=body"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(push(p, key, bad[i]), WEBSUB_BAD);
    assert_int_equal(push(p, key, NULL), WEBSUB_BAD);
    CLEANUP_FREE char *md5 = xasprintf("md5%s", strchr(sign("sha256", secret, "body"), '='));
    assert_int_equal(push(p, key, md5), WEBSUB_BAD);
}

static void e7_without_a_secret_a_push_is_a_hint(void **state)
{
    struct td_push *p = *state;
    discover(p, "http://hub.example/", TOPIC, T0);
    make_live(p, 86400, T0);
    assert_null(p->live.secret);
    assert_int_equal(push(p, p->live.key, NULL), WEBSUB_HINT);
    assert_int_equal(push(p, p->live.key, "sha256=00"), WEBSUB_HINT);
}

/* The hub was verified, and a crash took the note of it. */
static void e7_a_signed_push_under_the_key_that_was_asked(void **state)
{
    struct td_push *p = *state;
    discover(p, HUB, TOPIC, T0);
    ask(p, T0);
    assert_int_equal(push(p, p->asked.key, sign("sha1", p->asked.secret, "body")), WEBSUB_TAKE);
    assert_int_equal(push(p, p->asked.key, NULL), WEBSUB_BAD);
    discover(p, "http://hub.example/", TOPIC, T0);
    ask(p, T0);
    assert_int_equal(push(p, p->asked.key, NULL), WEBSUB_BAD); /* nobody has proved anything */
}

/* ---- E9 ---------------------------------------------------------------------------------------
 */

static void e9_relied_on_after_a_day(void **state)
{
    struct td_push *p = *state;
    make_live(p, 864000, T0);
    assert_int_equal(websub_relied_until(p, T0 + DAY - 1), TD_NEVER);
    assert_int_equal(websub_relied_until(p, T0 + DAY), T0 + 10 * DAY);
    assert_int_equal(websub_relied_until(p, T0 + 10 * DAY), TD_NEVER);
    make_live(p, 864000, T0 + 6 * DAY); /* a renewal does not begin the trial again */
    assert_int_equal(websub_relied_until(p, T0 + 6 * DAY), T0 + 16 * DAY);
}

static void e9_a_hub_that_lies(void **state)
{
    struct td_push *p = *state;
    int64_t now = T0, at;
    make_live(p, 864000, T0);
    for (int i = 1; i <= 3; i++) {
        now += DAY;
        websub_polled(p, 2, true, now);
        websub_polled(p, 1, true, now + S); /* the same gap */
        enum websub_change change = expect(p, WEBSUB_WAIT, now, &at);
        assert_int_equal(change, WEBSUB_SAME);
        assert_int_equal(at, now + LIMIT_PUSH_LATE_MS);
        change = expect(p, i < 3 ? WEBSUB_WAIT : WEBSUB_UNSUBSCRIBE, at, NULL);
        assert_int_equal(change, i < 3 ? WEBSUB_SAME : WEBSUB_DISTRUSTED);
        now = at;
    }
    assert_null(p->live.key);
    assert_int_equal(websub_relied_until(p, now), TD_NEVER);
    websub_answered(p, false, true, 202, TD_NEVER, NULL, now);
    expect(p, WEBSUB_WAIT, now + 29 * DAY, NULL);
    assert_string_equal(td_push_state(p), "distrusted");
    expect(p, WEBSUB_SUBSCRIBE, now + 30 * DAY, NULL); /* a second chance */
}

/* Polls come daily and restarts between them: what is counted is stored, and so is for how long
 * nobody listened. */
static void restart(struct td_push *p, int64_t down, int64_t up)
{
    CLEANUP_BUF struct buf text = BUF_INIT(1 << 16);
    websub_rests(p, down);
    td_push_write(p, &text);
    td_push_fini(p);
    td_push_read(p, buf_str(&text));
    websub_woke(p, up);
}

static void e9_a_hub_that_lies_over_restarts(void **state)
{
    struct td_push *p = *state;
    int64_t polled = T0;
    make_live(p, 864000, T0);
    for (int i = 1; i <= 3; i++) {
        restart(p, polled + H, polled + H + 5 * S);
        restart(p, polled + 9 * H, polled + 10 * H);
        int64_t now = polled + DAY;
        assert_true(websub_listened(p, polled, now));
        websub_polled(p, 2, true, now);
        restart(p, now + S, now + 2 * S);
        polled = now;
        expect(p, i < 3 ? WEBSUB_WAIT : WEBSUB_UNSUBSCRIBE, now + LIMIT_PUSH_LATE_MS, NULL);
    }
    assert_null(p->live.key);
}

static void e9_nobody_listened(void **state)
{
    struct td_push *p = *state;
    make_live(p, 864000, T0);
    assert_false(websub_listened(p, TD_NEVER, T0 + DAY));
    assert_false(websub_listened(p, T0 - 1, T0 + DAY)); /* not yet live */
    assert_true(websub_listened(p, T0, T0 + DAY));
    restart(p, T0 + 5 * H, T0 + 6 * H);
    restart(p, T0 + 7 * H, T0 + 8 * H); /* two short nights are a long one */
    assert_true(websub_listened(p, T0, T0 + DAY));
    restart(p, T0 + 9 * H, T0 + 10 * H);
    assert_false(websub_listened(p, T0, T0 + DAY));
    websub_polled(p, 0, false, T0 + DAY);
    assert_true(websub_listened(p, T0 + DAY, T0 + 2 * DAY));
    p->heard_until = TD_NEVER; /* stored by a version that did not note it */
    websub_woke(p, T0 + DAY + S);
    assert_false(websub_listened(p, T0 + DAY, T0 + 9 * DAY));
}

/* Killed: what was stored last is all that is known. */
static void e9_killed(void **state)
{
    struct td_push *p = *state;
    make_live(p, 864000, T0);
    websub_told(p, 1, T0 + 23 * H);
    CLEANUP_BUF struct buf text = BUF_INIT(1 << 16);
    td_push_write(p, &text);
    td_push_fini(p);
    td_push_read(p, buf_str(&text));
    websub_woke(p, T0 + 24 * H);
    assert_int_equal(p->deaf_s, 3600);
    assert_true(websub_listened(p, T0, T0 + 25 * H));
}

static void e9_another_hub_is_another_chance(void **state)
{
    struct td_push *p = *state;
    discover(p, HUB, TOPIC, T0);
    p->distrusted_until = T0 + DAY;
    expect(p, WEBSUB_WAIT, T0, NULL);
    discover(p, HUB2, TOPIC, T0);
    expect(p, WEBSUB_SUBSCRIBE, T0, NULL);
}

static void e9_what_is_no_miss(void **state)
{
    struct td_push *p = *state;
    make_live(p, 864000, T0);
    websub_polled(p, 3, false, T0 + H); /* we were down, or not yet live, for a while before */
    expect(p, WEBSUB_WAIT, T0 + 2 * H, NULL);
    assert_int_equal(p->n_misses, 0);
    websub_polled(p, 3, true, T0 + 3 * H); /* the push is on its way */
    websub_told(p, 0, T0 + 3 * H + 10 * MIN_);
    expect(p, WEBSUB_WAIT, T0 + 4 * H, NULL);
    assert_int_equal(p->n_misses, 0);
    p->n_misses = 2;
    websub_polled(p, 0, true, T0 + 5 * H); /* nothing was new at all: says nothing */
    assert_int_equal(p->n_misses, 2);
    websub_told(p, 4, T0 + 6 * H);
    websub_polled(p, 0, true, T0 + 7 * H); /* all that was new had been told */
    assert_int_equal(p->n_misses, 0);
}

static void e9_a_hint_that_was_right_is_no_miss(void **state)
{
    struct td_push *p = *state;
    discover(p, "http://hub.example/", TOPIC, T0);
    make_live(p, 864000, T0);
    p->n_misses = 1;
    websub_told(p, 1, T0 + H);
    websub_polled(p, 5, true, T0 + H + S); /* the fetch that it asked for */
    assert_int_equal(p->suspect_at, TD_NEVER);
    assert_int_equal(p->n_misses, 0);
    websub_polled(p, 5, true, T0 + 2 * H);
    assert_int_equal(p->suspect_at, T0 + 2 * H);
}

/* ---- E10 --------------------------------------------------------------------------------------
 */

static void e10_not_wanted_any_more(void **state)
{
    struct td_push *p = *state;
    int64_t at;
    enum websub_change change;
    make_live(p, 86400, T0);
    ask(p, T0 + H); /* a renewal is under way */
    CLEANUP_FREE char *asked = xstrdup(p->asked.key);
    assert_int_equal(websub_next(p, NULL, false, T0 + H, &at, &change), WEBSUB_UNSUBSCRIBE);
    assert_int_equal(change, WEBSUB_LEFT);
    assert_false(verify(p, asked, 86400, T0 + H));
    assert_int_equal(websub_next(p, NULL, false, T0 + H, &at, &change), WEBSUB_UNSUBSCRIBE);
    assert_int_equal(change, WEBSUB_SAME);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(e1_without_hub_or_self_there_is_nothing),
        TEST(e1_the_topic_is_self),
        TEST(e1_discovered_again),
        TEST(e1_the_feed_has_moved),
        TEST(e1_no_hub_any_more),
        TEST(e2_the_form),
        TEST(e2_a_secret_by_the_way_that_it_goes),
        TEST(e2_no_secret_for_where_a_hub_redirects_to),
        TEST(e2_no_secret_through_a_proxy_but_over_tls),
        TEST(e2_unsubscribing_gives_no_secret),
        TEST(e2_a_secret_only_where_nobody_listens),
        TEST(e2_refusals_back_off),
        TEST(e2_a_client_error_stays_longer_and_retry_after_counts),
        TEST(e2_another_hub_is_tried_first),
        TEST(e2_no_verification_is_a_refusal),
        TEST(e3_callbacks_are_long_and_never_the_same),
        TEST(e4_only_what_was_asked_is_verified),
        TEST(e4_asked_again_because_our_answer_was_lost),
        TEST(e4_unsubscribing_is_confirmed),
        TEST(e4_a_hub_that_does_not_let_go),
        TEST(e5_denied_at_any_time),
        TEST(e6_renewed_between_half_and_four_fifths),
        TEST(e6_a_renewal_begins_with_a_fetch),
        TEST(e6_what_is_granted_counts_within_bounds),
        TEST(e6_leases_of_seconds),
        TEST(e6_a_lease_that_is_not_renewed_ends),
        TEST(e6_another_callback_address),
        TEST(e6_a_clock_that_goes_back),
        TEST(e6_a_clock_that_drifts),
        TEST(e7_signatures),
        TEST(e7_without_a_secret_a_push_is_a_hint),
        TEST(e7_a_signed_push_under_the_key_that_was_asked),
        TEST(e9_relied_on_after_a_day),
        TEST(e9_a_hub_that_lies),
        TEST(e9_a_hub_that_lies_over_restarts),
        TEST(e9_nobody_listened),
        TEST(e9_killed),
        TEST(e9_another_hub_is_another_chance),
        TEST(e9_what_is_no_miss),
        TEST(e9_a_hint_that_was_right_is_no_miss),
        TEST(e10_not_wanted_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
