#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fetch/http_date.h"

#define NOW 1795478400000 /* 2026-11-24 */

static void good(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"},
        {"Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"},
        {"Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z"},
        {"Sun Nov 16 08:49:37 1994", "1994-11-16T08:49:37Z"},
        {"Mon, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"}, /* a wrong weekday */
        {"Sun, 6 Nov 1994 08:49:37 gmt", "1994-11-06T08:49:37Z"},
        {"Sun, 06 nov 1994 08:49:37 +0000", "1994-11-06T08:49:37Z"},
        {"Sun, 06 Nov 1994 08:49:37 UTC", "1994-11-06T08:49:37Z"},
        {"Fri, 31 Dec 2055 23:59:59 GMT", "2055-12-31T23:59:59Z"},
        {"Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"},
        {"Thu, 29 Feb 2024 00:00:00 GMT", "2024-02-29T00:00:00Z"},
        {"Tuesday, 29-Feb-00 00:00:00 GMT", "2000-02-29T00:00:00Z"},
        {"Sat, 31 Dec 2016 23:59:60 GMT", "2017-01-01T00:00:00Z"},
        {"Wednesday, 01-Jan-76 00:00:00 GMT", "2076-01-01T00:00:00Z"}, /* within 50 years */
        {"Friday, 31-Dec-76 00:00:00 GMT", "1976-12-31T00:00:00Z"},    /* beyond: the past */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[CLOCK_TEXT];
        int64_t at = 0;
        if (http_date_parse(cases[i].text, strlen(cases[i].text), NOW, &at) < 0)
            fail_msg("%s", cases[i].text);
        assert_string_equal(clock_rfc3339(text, at), cases[i].want);
    }
}

static void bad(void **state)
{
    static const char *const cases[] = {
        "",
        "0",
        "-1",
        "Sun",
        "Sun,",
        "three days ago",
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 EST",
        "Sun, 06 Nov 1994 08:49:37 +0100",
        "Sun, 06 Nov 1994 08:49:37 GMT x",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 2023 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 994 08:49:37 GMT",
        "Sun, 06 Nov 19944 08:49:37 GMT",
        "Sun, 06-Nov 1994 08:49:37 GMT",
        "Sun, 066 Nov 1994 08:49:37 GMT",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov 6 08:49 1994",
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t at = 77;
        if (http_date_parse(cases[i], strlen(cases[i]), NOW, &at) != -EINVAL || at != 77)
            fail_msg("\"%s\" was read as a date", cases[i]);
    }
}

/* Every prefix of a good date: no byte behind the end is looked at (ASan watches). */
static void prefixes(void **state)
{
    static const char text[] = "Sunday, 06-Nov-94 08:49:37 GMT";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        CLEANUP_FREE char *exact = xmalloc(n + 1);
        int64_t at;
        memcpy(exact, text, n);
        exact = xrealloc(exact, n ? n : 1);
        assert_int_equal(http_date_parse(exact, n, NOW, &at), -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(bad),
        cmocka_unit_test(prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
