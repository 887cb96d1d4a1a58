/*
 * Addresses to listen at: what is read, what is refused, and the way back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "model/endpoint.h"

static void there_and_back(void **state)
{
    static const char *const good[] = {"127.0.0.1:8420", "0.0.0.0:1", "[::1]:65535",
                                       "[2001:db8::7]:8420", "[::]:80"};
    struct endpoint e;
    char shown[ENDPOINT_SHOWN];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(endpoint_parse(good[i], false, &e), 0);
        assert_string_equal(endpoint_show(shown, &e.addr), good[i]);
    }
}

static void refused(void **state)
{
    static const char *const bad[] = {
        "",
        ":8420",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "[::1]",
        "::1:8420",
        "[127.0.0.1]:8420",
        "localhost:80",
        "127.0.0.1:65536",
        "[::1:80",
        "[::1]8420",
        "127.0.0.1:8420 x",
        "127.0.0.1:-1",
        "127.0.0.1:0",
        "[]:80",
        "127.0.0:8420",
        "[fe80::1%lo]:8420",
        "::1",
        "8420",
        "[11111111111111111111111111111111111111111111111111111111111111111111111111]:80",
    };
    struct endpoint e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(endpoint_parse(bad[i], false, &e), -EINVAL);
    assert_int_equal(endpoint_parse("127.0.0.1:0", true, &e), 0);
}

static void loopback(void **state)
{
    struct endpoint e;
    assert_int_equal(endpoint_parse("127.3.0.1:1", false, &e), 0);
    assert_true(endpoint_is_loopback(&e.addr));
    assert_int_equal(endpoint_parse("[::1]:1", false, &e), 0);
    assert_true(endpoint_is_loopback(&e.addr));
    assert_int_equal(endpoint_parse("0.0.0.0:1", false, &e), 0);
    assert_false(endpoint_is_loopback(&e.addr));
    assert_int_equal(endpoint_parse("[::]:1", false, &e), 0);
    assert_false(endpoint_is_loopback(&e.addr));
    struct sockaddr_storage un = {.ss_family = AF_UNIX};
    char shown[ENDPOINT_SHOWN];
    assert_true(endpoint_is_loopback(&un));
    assert_string_equal(endpoint_show(shown, &un), "unix");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(refused),
        cmocka_unit_test(loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
