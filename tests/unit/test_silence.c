#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "store/silence.h"

#define T0   1795600800000LL
#define DAY  86400000LL
#define HOUR 3600000LL

/* N dates every GAP, the newest at T0. */
static void every(int64_t *dates, size_t n, int64_t gap)
{
    for (size_t i = 0; i < n; i++)
        dates[i] = T0 - (int64_t)i * gap;
}

static void the_rhythm_says_how_long(void **state)
{
    int64_t d[SILENCE_ITEMS];
    every(d, 20, DAY); /* daily */
    assert_int_equal(silence_from(d, 20, T0), T0 + 8 * DAY);
    every(d, 20, HOUR); /* hourly: a night, a weekend, are no silence */
    assert_int_equal(silence_from(d, 20, T0), T0 + LIMIT_SILENCE_MS);
    every(d, 20, 7 * DAY);
    assert_int_equal(silence_from(d, 20, T0), T0 + 56 * DAY);
}

static void a_long_pause_before_makes_patient(void **state)
{
    int64_t d[SILENCE_ITEMS];
    every(d, 20, DAY);
    for (size_t i = 10; i < 20; i++)
        d[i] -= 30 * DAY; /* a month's holiday */
    assert_int_equal(silence_from(d, 20, T0), T0 + 3 * 31 * DAY);
}

static void who_has_no_rhythm_is_never_silent(void **state)
{
    int64_t d[SILENCE_ITEMS];
    every(d, 20, DAY);
    assert_int_equal(silence_from(d, 9, T0), INT64_MAX); /* too few to tell */
    assert_int_equal(silence_from(d, 0, T0), INT64_MAX);
    assert_int_equal(silence_from(d, 20, T0 + 30 * DAY), INT64_MAX); /* silent when we came */
    every(d, 20, 100 * DAY);
    assert_int_equal(silence_from(d, 20, T0), INT64_MAX);
    every(d, 20, 0); /* all at once */
    assert_int_equal(silence_from(d, 20, T0), T0 + LIMIT_SILENCE_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rhythm_says_how_long),
        cmocka_unit_test(a_long_pause_before_makes_patient),
        cmocka_unit_test(who_has_no_rhythm_is_never_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
