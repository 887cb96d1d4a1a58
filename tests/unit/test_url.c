#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/url.h"

static void accepted(void **state)
{
    static const struct {
        const char *text, *url;
        enum td_source source;
    } cases[] = {
        {"http://Example.ORG/A?b=C", "http://example.org/A?b=C", TD_SOURCE_HTTP},
        {"HTTPS://User:Pa%20ss@H.de:8443/x#frag", "https://User:Pa%20ss@h.de:8443/x",
         TD_SOURCE_HTTP},
        {"http://[::1]:80/f", "http://[::1]:80/f", TD_SOURCE_HTTP},
        {"http://h", "http://h", TD_SOURCE_HTTP},
        {"http://h:/f", "http://h:/f", TD_SOURCE_HTTP},
        {"http://h?q=a@b", "http://h?q=a@b", TD_SOURCE_HTTP},
        {"http://b\xc3\xbc"
         "cher.example/",
         "http://b\xc3\xbc"
         "cher.example/",
         TD_SOURCE_HTTP},
        {"file:///a/b c.xml", "file:/a/b c.xml", TD_SOURCE_FILE},
        {"file://localhost/a", "file:/a", TD_SOURCE_FILE},
        {"file:/a%20b%zz#1", "file:/a b%zz#1", TD_SOURCE_FILE},
        {"file:x/y.xml", "file:/conf/x/y.xml", TD_SOURCE_FILE},
        {"file:./../y.xml", "file:/conf/../y.xml", TD_SOURCE_FILE},
        {"exec:cmd  'a b' \"c\\\"d\" e\\ f ''", "exec:cmd a b c\"d e f ", TD_SOURCE_EXEC},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct td_feed_conf *c = xcalloc(1, sizeof *c);
        struct td_err err;
        assert_int_equal(url_read(c, cases[i].text, &err), 0);
        url_resolve_file(c, "/conf");
        assert_string_equal(c->url, cases[i].url);
        assert_int_equal(c->source, cases[i].source);
        td_feed_conf_free(c);
    }
}

static void refused(void **state)
{
    static const char *const cases[] = {
        "",
        "example.org",
        "ftp://h/f",
        "javascript:alert(1)",
        "http:///x",
        "http://",
        "http://:80/",
        "http://user@/x",
        "http://h:0/",
        "http://h:65536/",
        "http://h:99999999999999999999999/",
        "http://h:8x/",
        "http://[::1/x",
        "http://[::1]x/",
        "http://a b/",
        "http://h/a b",
        "http://h/\x01",
        "http://h/\x7f",
        "http://a\\b/",
        "http:/h/x",
        "file:",
        "file://other/x",
        "file://",
        "file:/a%00b",
        "file:/a%0ab",
        "exec:",
        "exec:   ",
        "exec:''",
        "exec:a 'b",
        "exec:a \"b",
        "exec:a \\",
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct td_feed_conf *c = xcalloc(1, sizeof *c);
        struct td_err err = {""};
        if (url_read(c, cases[i], &err) != -EINVAL)
            fail_msg("accepted: %s", cases[i]);
        assert_null(c->url);
        if (!strstr(err.msg, "; allowed: "))
            fail_msg("%s: says not what is allowed: %s", cases[i], err.msg);
        td_feed_conf_free(c);
    }
    char *url = xmalloc(LIMIT_URL_BYTES + 2);
    memset(url, 'x', LIMIT_URL_BYTES + 1);
    url[LIMIT_URL_BYTES + 1] = 0;
    memcpy(url, "http://h/", 9);
    struct td_feed_conf *c = xcalloc(1, sizeof *c);
    assert_int_equal(url_read(c, url, NULL), -EINVAL);
    url[LIMIT_URL_BYTES] = 0;
    assert_int_equal(url_read(c, url, NULL), 0);
    td_feed_conf_free(c);
    free(url);
}

static void arguments(void **state)
{
    struct td_feed_conf *c = xcalloc(1, sizeof *c);
    assert_int_equal(url_read(c, "exec: sh -c 'echo \"$HOME\" | cat' \"a\\nb\" ''", NULL), 0);
    static const char *const want[] = {"sh", "-c", "echo \"$HOME\" | cat", "a\\nb", ""};
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        assert_string_equal(c->argv[i], want[i]);
    assert_null(c->argv[ARRAY_SIZE(want)]);
    td_feed_conf_free(c);
}

static void names(void **state)
{
    static const char *const cases[][2] = {
        {"http://www.example.org/", "example.org"},
        {"https://u:p@Example.org/Feed/rss.xml#x", "example.org/feed/rss.xml"},
        {"http://h/?feed=1", "h/?feed=1"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *name = url_name(cases[i][0]);
        assert_string_equal(name, cases[i][1]);
    }
    char long_url[400];
    memset(long_url, 'a', sizeof long_url);
    long_url[sizeof long_url - 1] = 0;
    memcpy(long_url, "http://h/", 9);
    CLEANUP_FREE char *name = url_name(long_url);
    assert_int_equal(strlen(name), LIMIT_NAME_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(arguments),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
