#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/term.h"
#include "client/words.h"

#define NOW    1764000000000 /* 2025-11-24T16:00:00Z */
#define MIN_MS 60000LL

static void relative_times(void **state)
{
    static const struct {
        int64_t ago;
        const char *want;
    } cases[] = {
        {0, "just now"},
        {1999, "just now"},
        {45000, "45 s ago"},
        {5 * MIN_MS + 59000, "5 min ago"},
        {185 * MIN_MS, "3 h ago"},
        {DAY_MS + 300 * MIN_MS, "1 d ago"},
        {-12 * MIN_MS, "in 12 min"},
        {-3 * 60 * MIN_MS, "in 3 h"},
        {8 * DAY_MS, "2025-11-16"},
        {-8 * DAY_MS, "2025-12-02"},
    };
    char buf[WORDS_BYTES];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(words_relative(buf, NOW - cases[i].ago, NOW), cases[i].want);
    assert_string_equal(words_relative(buf, TD_NEVER, NOW), "never");
    words_relative(buf, INT64_MAX, NOW);
    words_relative(buf, INT64_MIN + 1, NOW);
    words_relative(buf, -1, NOW);
    assert_string_equal(buf, "1969-12-31"); /* floor, not towards zero */
}

static void sizes(void **state)
{
    char buf[WORDS_BYTES];
    assert_string_equal(words_bytes(buf, 0), "0 B");
    assert_string_equal(words_bytes(buf, 1023), "1023 B");
    assert_string_equal(words_bytes(buf, 4200), "4.1 KiB");
    assert_string_equal(words_bytes(buf, 12 << 20), "12 MiB");
    assert_string_equal(words_bytes(buf, INT64_MAX), "8388608 TiB");
}

static void reads_times(void **state)
{
    static const struct {
        const char *s;
        int64_t want;
    } cases[] = {
        {"now", NOW},
        {"2d", NOW - 2 * DAY_MS},
        {"1h 30min", NOW - 90 * MIN_MS},
        {"today", NOW - 16 * 60 * MIN_MS},
        {"yesterday", NOW - 40 * 60 * MIN_MS},
        {"2025-11-24", NOW - 16 * 60 * MIN_MS},
        {"2025-11", NOW - 16 * 60 * MIN_MS - 23 * DAY_MS},
        {"2025", NOW - 16 * 60 * MIN_MS - (23 + 304) * DAY_MS},
        {"2025-11-24 16:00", NOW},
        {"2025-11-24T16:00:30", NOW + 30000},
        {"2025-11-24T17:00:00+01:00", NOW},
    };
    static const char *const wrong[] = {
        "",         "soon", "2025-02-31", "2025-13-01", "2025-11-24x", "2025-11-24 25:00",
        "tomorrow", "-1d",  "90",         "12345",      "2025-1",      "2025-"};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t at;
        if (words_parse_time(cases[i].s, NOW, &at) < 0)
            fail_msg("%s is refused", cases[i].s);
        if (at != cases[i].want)
            fail_msg("%s: %lld", cases[i].s, (long long)(at - NOW));
    }
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        int64_t at = 5;
        if (words_parse_time(wrong[i], NOW, &at) == 0)
            fail_msg("%s is taken for %lld", wrong[i], (long long)at);
        assert_int_equal(at, 5);
    }
}

static void cuts_by_columns(void **state)
{
    static const struct {
        const char *s;
        int columns;
        const char *want;
        int width;
    } cases[] = {
        {"abc", 3, "abc", 3},  {"abcd", 3, "ab…", 3}, {"世界", 4, "世界", 4},
        {"世界", 3, "世…", 3}, {"世界", 2, "…", 1},   {"ab cd", 4, "ab…", 3},
        {"é", 1, "é", 1},      {"x", 0, "", 0},       {"", 5, "", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_BUF struct buf b = BUF_INIT(256);
        int w = text_add_cut(&b, cases[i].s, strlen(cases[i].s), cases[i].columns);
        assert_string_equal(buf_str(&b), cases[i].want);
        assert_int_equal(w, cases[i].width);
    }
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relative_times),
        cmocka_unit_test(sizes),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(cuts_by_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
