#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

static void writes(void **state)
{
    static const struct {
        int64_t at;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {999, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59Z"},
        {-1000, "1969-12-31T23:59:59Z"},
        {-1001, "1969-12-31T23:59:58Z"},
        {951782400000, "2000-02-29T00:00:00Z"},
        {253402300799999, "9999-12-31T23:59:59Z"},
        {253402300800000, ""},
        {-62167219200000, "0000-01-01T00:00:00Z"},
        {-62167219200001, ""},
        {TD_NEVER, ""},
        {INT64_MIN + 1, ""},
        {INT64_MAX, ""},
    };
    char t[CLOCK_TEXT];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(clock_rfc3339(t, cases[i].at), cases[i].text);
}

static void reads(void **state)
{
    static const struct {
        const char *text;
        int64_t at; /* TD_NEVER: refused */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01 00:00:00", 0},
        {"1970-01-01T00:00:00.5Z", 500},
        {"1970-01-01T00:00:00.123456789Z", 123},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T18:30:00-05:30", 0},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"9999-12-31T23:59:59Z", 253402300799000},
        {"", TD_NEVER},
        {"1970-01-01", TD_NEVER},
        {"1970-01-01T00:00Z", TD_NEVER},
        {"1970-1-01T00:00:00Z", TD_NEVER},
        {" 1970-01-01T00:00:00Z", TD_NEVER},
        {"+970-01-01T00:00:00Z", TD_NEVER},
        {"1970-01- 1T00:00:00Z", TD_NEVER},
        {"1970-00-01T00:00:00Z", TD_NEVER},
        {"1970-13-01T00:00:00Z", TD_NEVER},
        {"2001-02-29T00:00:00Z", TD_NEVER},
        {"1970-04-31T00:00:00Z", TD_NEVER},
        {"1970-12-32T00:00:00Z", TD_NEVER},
        {"1970-01-01T24:00:00Z", TD_NEVER},
        {"1970-01-01T00:60:00Z", TD_NEVER},
        {"1970-01-01T00:00:61Z", TD_NEVER},
        {"1970-01-01T00:00:00.Z", TD_NEVER},
        {"1970-01-01T00:00:00+1:00", TD_NEVER},
        {"1970-01-01T00:00:00+01", TD_NEVER},
        {"1970-01-01T00:00:00+24:00", TD_NEVER},
        {"1970-01-01T00:00:00+-1:00", TD_NEVER},
        {"1970-01-01T00:00:00Zx", TD_NEVER},
        {"1970-01-01T00:00:00x", TD_NEVER},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t at = TD_NEVER;
        int r = clock_parse_rfc3339(cases[i].text, &at);
        if (at != cases[i].at || (r == 0) != (at != TD_NEVER))
            fail_msg("\"%s\": %d, %lld", cases[i].text, r, (long long)at);
    }
}

/* Against the C library, over 800 years around the epoch. */
static void days(void **state)
{
    for (int64_t d = -150000; d <= 150000; d += 13) {
        struct tm tm;
        time_t t = (time_t)(d * 86400);
        assert_non_null(gmtime_r(&t, &tm));
        assert_int_equal(clock_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday), d);
    }
    assert_true(clock_days(INT32_MAX, 12, 31) > 0);
    assert_true(clock_days(INT32_MIN, 1, 1) < 0);
}

static void dates(void **state)
{
    static const struct {
        const char *text;
        int64_t at;
    } cases[] = {
        {"1970", 0},
        {"1971", 31536000000},
        {"1970-02", 2678400000},
        {"1970-01-02", 86400000},
        {"1970-01-02T01:00:00+01:00", 86400000},
        {"197", TD_NEVER},
        {"1970-", TD_NEVER},
        {"1970-13", TD_NEVER},
        {"1970-1-1", TD_NEVER},
        {"19700101", TD_NEVER},
        {"-970", TD_NEVER},
        {"", TD_NEVER},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t at = TD_NEVER;
        assert_int_equal(clock_parse_date(cases[i].text, &at),
                         cases[i].at == TD_NEVER ? -EINVAL : 0);
        assert_int_equal(at, cases[i].at);
    }
}

static void there_and_back(void **state)
{
    char t[CLOCK_TEXT];
    for (int64_t at = -62167219200000; at < 253402300800000; at += 86400000LL * 997 + 12345000) {
        int64_t again = TD_NEVER;
        assert_int_equal(clock_parse_rfc3339(clock_rfc3339(t, at), &again), 0);
        assert_true(again == at);
    }
}

static void clocks(void **state)
{
    int64_t a = clock_mono_ms(), b = clock_mono_ms();
    assert_true(b >= a);
    assert_true(clock_now_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes), cmocka_unit_test(reads),          cmocka_unit_test(days),
        cmocka_unit_test(dates),  cmocka_unit_test(there_and_back), cmocka_unit_test(clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
