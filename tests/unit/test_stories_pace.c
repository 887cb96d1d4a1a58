/* stories_pace: how much time stories get beside storing, on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "store/stories_pace.h"

#define ITEM_MS 1 /* an item's story takes so long here */

static int64_t now;

/* A group of so many items that takes MS to be stored: how many of WAITING are left. */
static int64_t group(struct stories_pace *p, int64_t waiting, int64_t ms)
{
    now += ms;
    int64_t did = MIN(waiting, stories_pace_room(p, now) / ITEM_MS);
    stories_pace_took(p, did * ITEM_MS);
    now += did * ITEM_MS;
    stories_pace_wrote(p, now, waiting > did);
    return waiting - did;
}

/* A few items now and then have their stories at once. */
static void normal_life_waits_for_nothing(void **state)
{
    struct stories_pace p = {0};
    for (int i = 0; i < 1000; i++) {
        now += 100;
        assert_int_equal(group(&p, 5, 1), 0);
    }
    assert_int_equal(stories_pace_alone(&p), INT64_MAX);
    now += 1000;
    assert_int_equal(group(&p, PACE_SAVED_MS / ITEM_MS, 1), 0); /* and so has a handful more */
}

/* While groups follow upon each other, stories have their share and no more. */
static void a_round_is_not_held_up(void **state)
{
    struct stories_pace p = {0};
    int64_t waiting = 0, stored = 0, from = now += 10000, done = 0;
    while (now < from + 5000) {
        int64_t left = group(&p, waiting + 100, 10);
        done += waiting + 100 - left;
        waiting = left;
        stored++;
    }
    int64_t spent = done * ITEM_MS;
    assert_in_range(spent, 5000 / PACE_SHARE / 2, 5000 / PACE_SHARE + PACE_SAVED_MS);
    /* and the rest when it pauses */
    assert_int_equal(stories_pace_alone(&p), now + PACE_QUIET_MS);
    stories_pace_worked(&p, now + PACE_QUIET_MS, true);
    assert_true(stories_pace_alone(&p) <= now + PACE_QUIET_MS);
    stories_pace_worked(&p, now + PACE_QUIET_MS + 20, false);
    assert_int_equal(stories_pace_alone(&p), INT64_MAX);
}

/* News that never pauses for long: after PACE_LATEST_MS every moment without a queue is used. */
static void a_trickle_drains(void **state)
{
    struct stories_pace p = {0};
    int64_t from = now += 10000, waiting = 0, most = 0;
    while (now < from + 60000) { /* 10 ms of storing, 20 ms of nothing, items for 8 ms */
        waiting = group(&p, waiting + 8, 10);
        for (int64_t until = now + 20; now < until; now++)
            if (waiting && now >= stories_pace_alone(&p)) {
                waiting -= 1;
                stories_pace_worked(&p, now, waiting > 0);
            }
        most = MAX(most, waiting);
    }
    assert_in_range(most, 500, 4000); /* it did wait */
    assert_int_equal(waiting, 0);
}

/* A clock that stood still, or a machine that slept. */
static void odd_clocks(void **state)
{
    struct stories_pace p = {0};
    assert_int_equal(stories_pace_room(&p, INT64_C(1) << 60), PACE_SAVED_MS);
    stories_pace_took(&p, 1000000); /* one item that took minutes */
    assert_int_equal(stories_pace_room(&p, (INT64_C(1) << 60) + 10), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_life_waits_for_nothing),
        cmocka_unit_test(a_round_is_not_held_up),
        cmocka_unit_test(a_trickle_drains),
        cmocka_unit_test(odd_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
