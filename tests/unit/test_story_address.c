/* address: variants of an article's address are equal, others are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "story/address.h"

static void is(const char *url, const char *want)
{
    CLEANUP_BUF struct buf b = BUF_INIT(10000);
    assert_int_equal(story_add_address(&b, url), 0);
    assert_string_equal(buf_str(&b), want);
}

static void test_variants(void **state)
{
    static const char *const same[] = {
        "https://news.example/2024/quake",
        "http://www.news.example:80/2024/quake/",
        "https://m.news.example/2024/quake?utm_source=rss&utm_medium=feed",
        "https://NEWS.example/2024/quake#comments",
        "https://news.example/2024/quake/amp/",
        "https://news.example/amp/2024/quake",
        "https://amp.news.example/2024/quake?amp=1",
        "https://news.example/2024/quake/index.html?fbclid=x",
        "https://user@news.example/2024/quake",
        "https://www.google.com/amp/s/news.example/2024/quake",
        "https://news-example.cdn.ampproject.org/c/s/news.example/2024/quake/amp",
        "https://www.google.com/url?sa=t&url=https%3A%2F%2Fnews.example%2F2024%2Fquake&usg=1",
    };
    for (size_t i = 0; i < ARRAY_SIZE(same); i++)
        is(same[i], "news.example/2024/quake");
    is("https://a.example/x.amp.html", "a.example/x.html");
    is("https://a.example/x?id=7&utm_campaign=c&p=2", "a.example/x?id=7&p=2");
    is("https://a.example/#!page", "a.example/#!page");
}

static void test_differences(void **state)
{
    is("https://a.example/x?id=8", "a.example/x?id=8");
    is("https://a.example/amplifier", "a.example/amplifier");
    is("https://m.example/x", "m.example/x"); /* not a mobile variant of "example" */
    is("https://a.example:8080/x", "a.example:8080/x");
}

static void test_no_article(void **state)
{
    static const char *const none[] = {"https://a.example",
                                       "https://a.example/?utm_source=rss",
                                       "",
                                       "mailto:a@b.example",
                                       "urn:uuid:1",
                                       "/relative"};
    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        is(none[i], "");
    is("https://www.google.com/url?q=javascript:1", "google.com/url?q=javascript:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_no_article),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
