#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "model/cidr.h"

static void parsing(void **state)
{
    static const struct {
        const char *text;
        int result, family, bits;
    } cases[] = {
        {"10.0.0.0/8", 0, AF_INET, 8},
        {"127.0.0.1", 0, AF_INET, 32},
        {"0.0.0.0/0", 0, AF_INET, 0},
        {"192.168.4.0/22", 0, AF_INET, 22},
        {"fd00::/8", 0, AF_INET6, 8},
        {"::1", 0, AF_INET6, 128},
        {"::ffff:10.0.0.0/104", 0, AF_INET6, 104},
        {"10.0.0.1/8", -ERANGE, 0, 0},
        {"192.168.5.0/22", -ERANGE, 0, 0},
        {"fd00::1/64", -ERANGE, 0, 0},
        {"10.0.0.0/33", -EINVAL, 0, 0},
        {"::/129", -EINVAL, 0, 0},
        {"10.0.0.0/", -EINVAL, 0, 0},
        {"10.0.0.0/-1", -EINVAL, 0, 0},
        {"10.0.0.0/8 ", -EINVAL, 0, 0},
        {"10.0.0.0/8/8", -EINVAL, 0, 0},
        {"10/8", -EINVAL, 0, 0},
        {"127.1", -EINVAL, 0, 0},
        {"localhost", -EINVAL, 0, 0},
        {"", -EINVAL, 0, 0},
        {"/8", -EINVAL, 0, 0},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", -EINVAL, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct cidr c = {.family = 77};
        if (cidr_parse(cases[i].text, &c) != cases[i].result)
            fail_msg("\"%s\" should give %d", cases[i].text, cases[i].result);
        assert_int_equal(c.family, cases[i].result ? 77 : cases[i].family);
        if (!cases[i].result)
            assert_int_equal(c.bits, cases[i].bits);
    }
}

static bool has(const char *block, const char *address)
{
    struct cidr c;
    unsigned char a[16];
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(cidr_parse(block, &c), 0);
    assert_int_equal(inet_pton(family, address, a), 1);
    return cidr_has(&c, family, a);
}

static void matching(void **state)
{
    assert_true(has("10.0.0.0/8", "10.255.255.255"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_true(has("192.168.4.0/22", "192.168.7.255"));
    assert_false(has("192.168.4.0/22", "192.168.8.0"));
    assert_false(has("192.168.4.0/22", "192.168.3.255"));
    assert_true(has("127.0.0.1", "127.0.0.1"));
    assert_false(has("127.0.0.1", "127.0.0.2"));
    assert_true(has("0.0.0.0/0", "203.0.113.9"));
    assert_false(has("0.0.0.0/0", "::ffff:203.0.113.9"));
    assert_false(has("::/0", "203.0.113.9"));
    assert_true(has("fe80::/10", "febf::1"));
    assert_false(has("fe80::/10", "fec0::1"));
    assert_true(has("::1", "::1"));
    assert_false(has("::1", "::2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parsing), cmocka_unit_test(matching)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
