#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/mem.h"
#include "fetch/guard.h"

static void public_and_not(void **state)
{
    static const struct {
        const char *ip, *what; /* what NULL = free */
    } cases[] = {
        {"1.1.1.1", NULL},
        {"9.255.255.255", NULL},
        {"11.0.0.0", NULL},
        {"100.63.255.255", NULL},
        {"100.128.0.0", NULL},
        {"126.255.255.255", NULL},
        {"128.0.0.1", NULL},
        {"169.253.255.255", NULL},
        {"172.15.255.255", NULL},
        {"172.32.0.0", NULL},
        {"192.167.255.255", NULL},
        {"192.169.0.0", NULL},
        {"198.17.255.255", NULL},
        {"198.20.0.0", NULL},
        {"223.255.255.255", NULL},
        {"2606:4700::1111", NULL},
        {"2001:4860:4860::8888", NULL},
        {"2001:200::1", NULL},
        {"3ffe::1", NULL},
        {"64:ff9b::1.1.1.1", NULL},
        {"0.0.0.0", "unspecified"},
        {"0.255.255.255", "unspecified"},
        {"10.0.0.0", "private"},
        {"10.255.255.255", "private"},
        {"100.64.0.0", "shared (carrier NAT)"},
        {"100.127.255.255", "shared (carrier NAT)"},
        {"127.0.0.1", "loopback"},
        {"127.255.255.255", "loopback"},
        {"169.254.169.254", "link-local"},
        {"172.16.0.0", "private"},
        {"172.31.255.255", "private"},
        {"192.0.0.170", "reserved"},
        {"192.0.2.1", "documentation"},
        {"192.88.99.1", "6to4"},
        {"192.168.255.255", "private"},
        {"198.18.0.1", "benchmarking"},
        {"198.19.255.255", "benchmarking"},
        {"198.51.100.1", "documentation"},
        {"203.0.113.1", "documentation"},
        {"224.0.0.1", "multicast"},
        {"239.255.255.255", "multicast"},
        {"240.0.0.1", "reserved"},
        {"255.255.255.255", "reserved"},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::ffff:1.1.1.1", "IPv4-mapped"},
        {"::ffff:127.0.0.1", "IPv4-mapped"},
        {"::127.0.0.1", "IPv4-compatible"},
        {"::ffff:0:127.0.0.1", "reserved"},
        {"100::1", "discard"},
        {"2001::1", "Teredo"},
        {"2001:2::1", "reserved"},
        {"2001:20::1", "reserved"},
        {"2001:1ff::1", "reserved"},
        {"2001:db8::1", "documentation"},
        {"2002:7f00:1::", "6to4"},
        {"3fff::1", "documentation"},
        {"4000::1", "reserved"},
        {"64:ff9b::127.0.0.1", "loopback"},
        {"64:ff9b::10.0.0.1", "private"},
        {"64:ff9b:1::1.1.1.1", "reserved"},
        {"fc00::1", "private (unique local)"},
        {"fdff::1", "private (unique local)"},
        {"fe80::1%eth0", "link-local"},
        {"febf::1", "link-local"},
        {"fec0::1", "site-local"},
        {"ff02::1", "multicast"},
        {"", "not an IP address"},
        {"localhost", "not an IP address"},
        {"127.1", "not an IP address"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *what = guard_refuses_text(NULL, 0, cases[i].ip);
        if (!what != !cases[i].what || (what && strcmp(what, cases[i].what)))
            fail_msg("%s: %s", cases[i].ip, what ? what : "free");
    }
}

static void allow_list(void **state)
{
    static const char *const texts[] = {"127.0.0.1/32", "10.2.0.0/16", "fd12::/16", "0.0.0.0/32"};
    struct cidr allow[ARRAY_SIZE(texts)];
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_int_equal(cidr_parse(texts[i], &allow[i]), 0);
    static const struct {
        const char *ip;
        bool free;
    } cases[] = {
        {"127.0.0.1", true},          {"127.0.0.2", false}, {"10.2.255.1", true},
        {"10.3.0.1", false},          {"fd12::1", true},    {"fd13::1", false},
        {"::ffff:127.0.0.1", false},  {"::1", false},       {"0.0.0.0", true},
        {"64:ff9b::127.0.0.1", true}, {"1.1.1.1", true},    {"64:ff9b::127.0.0.2", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (!guard_refuses_text(allow, ARRAY_SIZE(allow), cases[i].ip) != cases[i].free)
            fail_msg("%s", cases[i].ip);
}

static void socket_addresses(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    assert_string_equal(guard_refuses_sockaddr(NULL, 0, (struct sockaddr *)&v4), "loopback");
    assert_string_equal(guard_refuses_sockaddr(NULL, 0, (struct sockaddr *)&v6), "loopback");
    assert_non_null(guard_refuses_sockaddr(NULL, 0, (struct sockaddr *)&un));
    v4.sin_addr.s_addr = htonl(0x08080808);
    assert_null(guard_refuses_sockaddr(NULL, 0, (struct sockaddr *)&v4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_and_not),
        cmocka_unit_test(allow_list),
        cmocka_unit_test(socket_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
