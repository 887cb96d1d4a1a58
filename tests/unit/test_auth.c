/*
 * Tokens, Host and Origin: who passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "serve/auth.h"

static void tokens(void **state)
{
    struct td_token t[2] = {{.name = (char *)"a"}, {.name = (char *)"b", .write = true}};
    const struct td_token *got = NULL;
    crypto_sha256("first-secret", 12, t[0].sha256);
    crypto_sha256("second-secret", 13, t[1].sha256);
    assert_int_equal(auth_check(t, 2, "Bearer first-secret", &got), AUTH_GOOD);
    assert_ptr_equal(got, &t[0]);
    assert_int_equal(auth_check(t, 2, "bearer   second-secret ", &got), AUTH_GOOD);
    assert_ptr_equal(got, &t[1]);
    static const char *const wrong[] = {"Bearer ", "Bearer first-secre", "Bearer first-secrets",
                                        "Bearer First-secret", "Bearer first-secret second-secret"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(auth_check(t, 2, wrong[i], &got), AUTH_WRONG);
    static const char *const missing[] = {
        NULL, "", "Bearer", "Basic Zmlyc3Q6c2VjcmV0", "Bearerfirst-secret", "first-secret"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        assert_int_equal(auth_check(t, 2, missing[i], &got), AUTH_MISSING);
    assert_int_equal(auth_check(t, 0, "Bearer first-secret", &got), AUTH_WRONG);
}

static void hosts(void **state)
{
    const char *names = "feeds.example.org\nbox";
    static const char *const good[] = {"127.0.0.1:8420",    "127.0.0.1",
                                       "[::1]:8420",        "[2001:db8::1]",
                                       "localhost:8420",    "LocalHost",
                                       "localhost.",        "BOX:80",
                                       "feeds.example.org", "Feeds.Example.org.:8420"};
    static const char *const bad[] = {"",
                                      ":8420",
                                      "evil.example",
                                      "127.0.0.1.evil.example:8420",
                                      "localhost.evil.example",
                                      "eeds.example.org",
                                      "feeds.example.or",
                                      "box.evil.example",
                                      "feeds.example.org\nbox",
                                      "127.0.0.1@evil.example",
                                      "[::1].evil.example x"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(auth_host_ok(good[i], names));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(auth_host_ok(bad[i], names));
    assert_true(auth_host_ok(NULL, NULL));
    assert_true(auth_host_ok("10.0.0.1", NULL));
    assert_false(auth_host_ok("box", NULL));
}

static void origins(void **state)
{
    assert_true(auth_origin_ok(NULL, "127.0.0.1:8420"));
    assert_true(auth_origin_ok("http://127.0.0.1:8420", "127.0.0.1:8420"));
    assert_true(auth_origin_ok("https://Feeds.example.org", "feeds.example.org"));
    assert_false(auth_origin_ok("http://evil.example", "127.0.0.1:8420"));
    assert_false(auth_origin_ok("http://127.0.0.1:8421", "127.0.0.1:8420"));
    assert_false(auth_origin_ok("null", "127.0.0.1:8420"));
    assert_false(auth_origin_ok("", "127.0.0.1:8420"));
    assert_false(auth_origin_ok("http://127.0.0.1:8420", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tokens), cmocka_unit_test(hosts),
                                       cmocka_unit_test(origins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
