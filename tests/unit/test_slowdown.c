#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "schedule/slowdown.h"

#define T0  1700000000000LL
#define DAY (24 * 3600 * 1000LL)

static void learns_and_heals(void **state)
{
    struct slowdown s = {0};
    assert_int_equal(slowdown_spacing(&s, 1000, T0), 0);
    slowdown_raise(&s, 1000, 60000, T0);
    assert_int_equal(slowdown_spacing(&s, 1000, T0), 60000);
    assert_int_equal(slowdown_spacing(&s, 1000, T0 + DAY - 1), 60000);
    assert_int_equal(slowdown_spacing(&s, 1000, T0 + DAY), 30000);
    assert_int_equal(slowdown_spacing(&s, 1000, T0 + 2 * DAY), 15000);
    int64_t heals = slowdown_heals_at(&s, 1000);
    assert_true(slowdown_spacing(&s, 1000, heals - 1) > 0);
    assert_int_equal(slowdown_spacing(&s, 1000, heals), 0);
    assert_in_range(heals, T0 + 5 * DAY, T0 + 7 * DAY);
    assert_int_equal(slowdown_spacing(&s, 1000, T0 + 100000 * DAY), 0);
}

static void without_a_rate_it_doubles_then_creeps(void **state)
{
    struct slowdown s = {0};
    slowdown_raise(&s, 1000, 0, T0);
    assert_int_equal(slowdown_spacing(&s, 1000, T0), 2000);
    slowdown_raise(&s, 1000, 0, T0 + 1);
    assert_int_equal(slowdown_spacing(&s, 1000, T0 + 1), 2500);
    for (int i = 0; i < 100; i++)
        slowdown_raise(&s, 1000, 0, T0 + i);
    assert_int_equal(s.spacing_ms, LIMIT_LEARNED_SPACING_MS);
    struct slowdown from_nothing = {0}; /* host-spacing = 0 */
    slowdown_raise(&from_nothing, 0, 0, T0);
    assert_true(slowdown_spacing(&from_nothing, 0, T0) >= 1000);
}

/* A strict server is tried ever more rarely, and what it bore before comes back at once. */
static void a_relapse_waits_longer(void **state)
{
    struct slowdown s = {0};
    int64_t now = T0, wait = 0;
    slowdown_raise(&s, 1000, 60000, now);
    for (int i = 0; i < 12; i++) {
        int64_t at = now;
        while (slowdown_spacing(&s, 1000, at) == 60000)
            at += DAY / 24;
        assert_true(at - now >= wait);
        wait = at - now;
        now = at;
        slowdown_raise(&s, 1000, 0, now); /* it limited again as soon as it was asked faster */
        assert_in_range(slowdown_spacing(&s, 1000, now), 60000, 75000);
        s.spacing_ms = 60000;
    }
    assert_int_equal(wait, LIMIT_CALM_MAX_MS);
    now = slowdown_heals_at(&s, 1000) + DAY; /* healed: a new trouble is a new one */
    slowdown_raise(&s, 1000, 60000, now);
    assert_int_equal(s.calm_ms, LIMIT_CALM_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_heals),
        cmocka_unit_test(without_a_rate_it_doubles_then_creeps),
        cmocka_unit_test(a_relapse_waits_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
