#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "model/event.h"
#include "model/feed.h"

static void names(void **state)
{
    assert_string_equal(event_kind_name(EVENT_ITEM_NEW), "item.new");
    assert_string_equal(event_kind_name(TD_FEED_RECOVERED), "feed.recovered");
    assert_string_equal(event_kind_name(EVENT_STORY_CHANGED), "story.changed");
    for (const int *k = (const int[]){-1, 10, 19, 23, 1000, 0}; *k; k++)
        assert_string_equal(event_kind_name(*k), "unknown");
}

static void wanted(void **state)
{
    assert_true(event_kinds_have("item.new\nfeed.*", "item.new"));
    assert_true(event_kinds_have("item.new\nfeed.*", "feed.gone"));
    assert_true(event_kinds_have("*", "log.cut"));
    assert_false(event_kinds_have("item.new\nfeed.*", "item.changed"));
    assert_false(event_kinds_have("item", "item.new"));
    assert_false(event_kinds_have("item.newer", "item.new"));
    assert_false(event_kinds_have("", "item.new"));
}

static void mistakes(void **state)
{
    struct td_err err;
    static const char *const good[] = {"item.new", "item.*\nfeed.moved", "*",
                                       "",         "\nlog.cut\n",        "st*"};
    static const char *const bad[] = {"item.typo", "item.new\nfed.*", "item", "ITEM.NEW",
                                      "all",       "item.new*x"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(event_kinds_check(good[i], &err), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(event_kinds_check(bad[i], &err), -EINVAL);
    event_kinds_check("item.new\nfed.*", &err);
    assert_non_null(strstr(
        err.msg, "'fed.*' is no kind of event; allowed: item.new, item.changed, feed.moved"));
    assert_non_null(strstr(err.msg, "story.changed, or the beginning of some, as feed.*"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(wanted),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
