/* move: when another address is believed, and when the old one is asked again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "schedule/move.h"

#define T0  1700000000000
#define H   (3600 * 1000LL)
#define OLD "http://a.example/feed"
#define NEW "https://b.example/feed"

static struct td_feed_conf conf = {
    .name = (char *)"f", .url = (char *)OLD, .move_after_ms = 24 * H};

static int setup(void **state)
{
    static struct td_feed_state s;
    td_feed_state_init(&s);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    td_feed_state_fini(*state);
    return 0;
}

static bool poll(struct td_feed_state *s, int64_t at, enum td_outcome outcome, const char *to)
{
    struct move_event ev = {.now = at, .outcome = outcome, .moved_to = to};
    bool changed = move_apply(s, &conf, &ev);
    if (td_outcome_good(outcome)) { /* the part of policy_apply that counts here */
        s->n_failures = 0;
        s->failing_since = TD_NEVER;
    } else {
        s->n_failures++;
        s->failing_since = s->failing_since == TD_NEVER ? at : s->failing_since;
    }
    return changed;
}

static void three_polls_over_a_day(void **state)
{
    struct td_feed_state *s = *state;
    assert_false(poll(s, T0, TD_OUT_OK, NEW));
    assert_false(poll(s, T0 + 10 * H, TD_OUT_NOT_MODIFIED, NEW));
    assert_false(poll(s, T0 + 20 * H, TD_OUT_OK, NEW)); /* three, but not a day */
    assert_string_equal(move_url(s, &conf), OLD);
    assert_true(poll(s, T0 + 24 * H, TD_OUT_NOT_MODIFIED, NEW));
    assert_string_equal(move_url(s, &conf), NEW);
    assert_null(s->moved_to);
}

static void a_day_of_two_polls_is_too_few(void **state)
{
    struct td_feed_state *s = *state;
    poll(s, T0, TD_OUT_OK, NEW);
    assert_false(poll(s, T0 + 48 * H, TD_OUT_OK, NEW));
    assert_true(poll(s, T0 + 49 * H, TD_OUT_OK, NEW));
}

static void what_is_no_feed_counts_for_nothing(void **state)
{
    struct td_feed_state *s = *state;
    for (int i = 0; i < 100; i++)
        assert_false(poll(s, T0 + i * H, i % 2 ? TD_OUT_NOT_A_FEED : TD_OUT_HTTP, NEW));
    assert_null(s->moved_to);
}

static void another_target_begins_again(void **state)
{
    struct td_feed_state *s = *state;
    poll(s, T0, TD_OUT_OK, NEW);
    poll(s, T0 + 24 * H, TD_OUT_OK, NEW);
    assert_false(poll(s, T0 + 25 * H, TD_OUT_OK, "http://c.example/"));
    assert_int_equal(s->moved_seen, 1);
    assert_false(poll(s, T0 + 26 * H, TD_OUT_OK, NULL)); /* it was a slip */
    assert_null(s->moved_to);
    assert_false(poll(s, T0 + 60 * H, TD_OUT_OK, NEW));
}

static void move_now(struct td_feed_state *s)
{
    poll(s, T0, TD_OUT_OK, NEW);
    poll(s, T0 + 24 * H, TD_OUT_OK, NEW);
    assert_true(poll(s, T0 + 25 * H, TD_OUT_OK, NEW));
    s->val.etag = xstrdup("\"e\"");
}

static void back_after_seven_days(void **state)
{
    struct td_feed_state *s = *state;
    int64_t t = T0 + 26 * H;
    move_now(s);
    assert_false(poll(s, t, TD_OUT_CONNECT, NULL));
    assert_false(poll(s, t + 7 * 24 * H - 1, TD_OUT_TIMEOUT, NULL));
    assert_true(poll(s, t + 7 * 24 * H, TD_OUT_DNS, NULL));
    assert_string_equal(move_url(s, &conf), OLD);
    assert_null(s->val.etag);
    assert_int_equal(s->failing_since, t); /* still failing, as one feed */
    assert_false(poll(s, t + 8 * 24 * H, TD_OUT_DNS, NULL));
}

static void back_when_gone_there(void **state)
{
    struct td_feed_state *s = *state;
    move_now(s);
    assert_false(poll(s, T0 + 26 * H, TD_OUT_GONE, NULL));
    assert_true(poll(s, T0 + 28 * H, TD_OUT_GONE, NULL));
    assert_string_equal(move_url(s, &conf), OLD);
}

/* Moved on, and moved back to where the config says: no other address any more. */
static void from_there_again(void **state)
{
    struct td_feed_state *s = *state;
    move_now(s);
    for (int i = 0; i < 3; i++)
        poll(s, T0 + (30 + 12 * i) * H, TD_OUT_OK, OLD);
    assert_null(s->url);
    assert_string_equal(move_url(s, &conf), OLD);
}

static void found_on_a_page(void **state)
{
    struct td_feed_state *s = *state;
    struct move_event ev = {.now = T0, .outcome = TD_OUT_HTTP, .found = NEW};
    assert_false(move_apply(s, &conf, &ev)); /* named, but not there */
    assert_null(s->url);
    ev.outcome = TD_OUT_OK;
    assert_true(move_apply(s, &conf, &ev));
    assert_string_equal(move_url(s, &conf), NEW);
    assert_true(s->url_found);
    move_forget(s);
    assert_string_equal(move_url(s, &conf), OLD);
    assert_false(s->url_found);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(three_polls_over_a_day),
        T(a_day_of_two_polls_is_too_few),
        T(what_is_no_feed_counts_for_nothing),
        T(another_target_begins_again),
        T(back_after_seven_days),
        T(back_when_gone_there),
        T(from_there_again),
        T(found_on_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
