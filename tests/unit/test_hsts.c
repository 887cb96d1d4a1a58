/* RFC 6797: the header field, which hosts it is remembered for, which addresses it changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "fetch/hsts.h"

#define T0  1800000000000
#define DAY 86400000LL

static void fields(void **state)
{
    static const struct {
        const char *value;
        bool given, subdomains;
        int64_t max_age_s;
    } cases[] = {
        {"max-age=31536000", true, false, 31536000},
        {"max-age=15768000 ; includeSubDomains", true, true, 15768000},
        {"INCLUDESUBDOMAINS; Max-Age=\"31536000\"", true, true, 31536000},
        {";; max-age = 7 ;", true, false, 7},
        {"max-age=0; preload", true, false, 0},
        {"max-age=1; future=\"a;b\\\"c\"; includeSubDomains", true, true, 1},
        {"max-age=99999999999999999999", true, false, 10LL * 365 * 86400},
        {"", false, false, 0},
        {"includeSubDomains", false, false, 0}, /* max-age is required */
        {"max-age=", false, false, 0},
        {"max-age=1y", false, false, 0},
        {"max-age=-1", false, false, 0},
        {"max-age=1; max-age=2", false, false, 0}, /* 6.1: once */
        {"max-age=1; includeSubDomains; includeSubDomains", false, false, 0},
        {"max-age=1; includeSubDomains=yes", false, false, 0},
        {"max-age=1, includeSubDomains", false, false, 0},
        {"max-age=\"1", false, false, 0},
        {"=1; max-age=1", false, false, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct td_sts sts = hsts_parse(cases[i].value, strlen(cases[i].value));
        if (sts.given != cases[i].given || sts.subdomains != cases[i].subdomains ||
            sts.max_age_s != cases[i].max_age_s)
            fail_msg("%s: %d %d %lld", cases[i].value, sts.given, sts.subdomains,
                     (long long)sts.max_age_s);
    }
}

static bool learn(struct hsts *h, const char *url, int64_t days, bool subdomains, int64_t now,
                  struct hsts_host *ret)
{
    struct td_sts sts = {.given = true, .subdomains = subdomains, .max_age_s = days * 86400};
    return hsts_learn(h, url, &sts, now, ret);
}

static void becomes(const struct hsts *h, const char *url, int64_t now, const char *expected)
{
    CLEANUP_FREE char *up = hsts_upgrade(h, url, now, NULL);
    if (!expected && up)
        fail_msg("%s became %s", url, up);
    if (expected)
        assert_string_equal(up ? up : "itself", expected);
}

static void addresses(void **state)
{
    struct hsts *h = hsts_new();
    struct hsts_host kept;
    becomes(h, "http://a.example/", T0, NULL);
    assert_true(learn(h, "https://a.example/feed", 30, false, T0, &kept));
    assert_string_equal(kept.host, "a.example");
    assert_int_equal(kept.until, T0 + 30 * DAY);
    assert_true(learn(h, "https://User:pw@B.Example.:8443/x", 30, true, T0, &kept));
    assert_string_equal(kept.host, "b.example");
    static const struct {
        const char *url, *expected;
    } cases[] = {
        {"http://a.example/f?x=http://q#y", "https://a.example/f?x=http://q#y"},
        {"HTTP://A.EXAMPLE", "https://A.EXAMPLE"},
        {"http://a.example.", "https://a.example."},
        {"http://a.example:80/f", "https://a.example/f"},
        {"http://a.example:/f", "https://a.example/f"},
        {"http://a.example:8080/f", "https://a.example:8080/f"}, /* 8.3 */
        {"http://u:p@a.example:80?q", "https://u:p@a.example?q"},
        {"https://a.example/f", NULL},
        {"http://x.a.example/f", NULL},
        {"http://xa.example/f", NULL},
        {"http://example/f", NULL},
        {"http://x.b.example/f", "https://x.b.example/f"},
        {"http://y.x.b.example/f", "https://y.x.b.example/f"},
        {"http://xb.example/f", NULL},
        {"ftp://a.example/f", NULL},
        {"http:///f", NULL},
        {"http://[::1]/f", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        becomes(h, cases[i].url, T0 + 1, cases[i].expected);
    becomes(h, "http://a.example/", T0 + 30 * DAY, NULL);
    hsts_free(h);
}

/* Said over plain http or of an address it means nothing; max-age=0 takes it back. */
static void what_does_not_count(void **state)
{
    struct hsts *h = hsts_new();
    struct hsts_host kept;
    static const char *const urls[] = {"http://a.example/", "https://127.0.0.1/", "https://[::1]/",
                                       "https://2130706433/", "https://0x7f.1/"};
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
        assert_false(learn(h, urls[i], 1, true, T0, &kept));
    struct td_sts none = {.max_age_s = 9};
    assert_false(hsts_learn(h, "https://a.example/", &none, T0, &kept));
    becomes(h, "http://127.0.0.1/", T0, NULL);
    assert_false(learn(h, "https://a.example/", 0, false, T0, &kept)); /* nothing to forget */
    assert_true(learn(h, "https://a.example/", 5, false, T0, &kept));
    assert_true(learn(h, "https://a.example/", 0, false, T0, &kept));
    assert_string_equal(kept.host, "a.example");
    assert_int_equal(kept.until, 0);
    becomes(h, "http://a.example/", T0, NULL);
    hsts_free(h);
}

/* Each answer says it; the store is told when it matters. */
static void kept_seldom(void **state)
{
    struct hsts *h = hsts_new();
    struct hsts_host kept;
    assert_true(learn(h, "https://a.example/", 100, false, T0, &kept));
    assert_false(learn(h, "https://a.example/", 100, false, T0 + 9 * DAY, &kept));
    becomes(h, "http://a.example/", T0 + 108 * DAY, "https://a.example/");
    assert_true(learn(h, "https://a.example/", 100, false, T0 + 10 * DAY, &kept));
    assert_true(learn(h, "https://a.example/", 100, true, T0 + 10 * DAY, &kept));
    assert_true(learn(h, "https://a.example/", 1, true, T0 + 10 * DAY, &kept)); /* shorter */
    becomes(h, "http://a.example/", T0 + 12 * DAY, NULL);
    hsts_free(h);
}

static void recalled(void **state)
{
    struct hsts *h = hsts_new();
    hsts_recall(h, &(struct hsts_host){"a.example", T0, T0 + 9 * DAY, true}, T0 + DAY);
    hsts_recall(h, &(struct hsts_host){"old.example", T0, T0 + DAY, true}, T0 + DAY);
    hsts_recall(h, &(struct hsts_host){"later.example", T0 + 99 * DAY, T0 + 100 * DAY, false}, T0);
    becomes(h, "http://x.a.example/", T0 + DAY, "https://x.a.example/");
    becomes(h, "http://old.example/", T0 + DAY, NULL);
    becomes(h, "http://later.example/", T0 + DAY - 1, "https://later.example/");
    becomes(h, "http://later.example/", T0 + DAY, NULL);
    hsts_free(h);
}

static void bounded(void **state)
{
    struct hsts *h = hsts_new();
    struct hsts_host kept;
    char url[64];
    for (int i = 0; i < LIMIT_HSTS_HOSTS; i++) {
        snprintf(url, sizeof url, "https://h%d.example/", i);
        assert_true(learn(h, url, 1 + i % 2, false, T0, &kept));
    }
    assert_false(learn(h, "https://new.example/", 1, false, T0, &kept));
    assert_true(learn(h, "https://h7.example/", 9, false, T0, &kept)); /* known ones still count */
    assert_true(learn(h, "https://new.example/", 1, false, T0 + DAY, &kept));
    becomes(h, "http://h1.example/", T0 + DAY, "https://h1.example/");
    becomes(h, "http://h0.example/", T0 + DAY, NULL);
    hsts_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),      cmocka_unit_test(addresses),
        cmocka_unit_test(kept_seldom), cmocka_unit_test(recalled),
        cmocka_unit_test(bounded),     cmocka_unit_test(what_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
