#include "fetch/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"

struct range {
    struct cidr block;
    const char *what;
};

/* IANA's special-purpose address registries, without the blocks that are globally reachable. */
static const struct range ranges4[] = {
    {{{0}, AF_INET, 8}, "unspecified"},
    {{{10}, AF_INET, 8}, "private"},
    {{{100, 64}, AF_INET, 10}, "shared (carrier NAT)"},
    {{{127}, AF_INET, 8}, "loopback"},
    {{{169, 254}, AF_INET, 16}, "link-local"},
    {{{172, 16}, AF_INET, 12}, "private"},
    {{{192, 0, 0}, AF_INET, 24}, "reserved"},
    {{{192, 0, 2}, AF_INET, 24}, "documentation"},
    {{{192, 88, 99}, AF_INET, 24}, "6to4"},
    {{{192, 168}, AF_INET, 16}, "private"},
    {{{198, 18}, AF_INET, 15}, "benchmarking"},
    {{{198, 51, 100}, AF_INET, 24}, "documentation"},
    {{{203, 0, 113}, AF_INET, 24}, "documentation"},
    {{{224}, AF_INET, 4}, "multicast"},
    {{{240}, AF_INET, 4}, "reserved"},
};

/* The first match counts; what no row names is free inside 2000::/3 and reserved outside it. */
static const struct range ranges6[] = {
    {{{0}, AF_INET6, 128}, "unspecified"},
    {{{[15] = 1}, AF_INET6, 128}, "loopback"},
    {{{[10] = 0xff, 0xff}, AF_INET6, 96}, "IPv4-mapped"},
    {{{0}, AF_INET6, 96}, "IPv4-compatible"},
    {{{0x01, 0x00}, AF_INET6, 64}, "discard"},
    {{{0x20, 0x01}, AF_INET6, 32}, "Teredo"},
    {{{0x20, 0x01}, AF_INET6, 23}, "reserved"}, /* benchmarking, ORCHID and the like */
    {{{0x20, 0x01, 0x0d, 0xb8}, AF_INET6, 32}, "documentation"},
    {{{0x20, 0x02}, AF_INET6, 16}, "6to4"},
    {{{0x3f, 0xff}, AF_INET6, 20}, "documentation"},
    {{{0xfc}, AF_INET6, 7}, "private (unique local)"},
    {{{0xfe, 0x80}, AF_INET6, 10}, "link-local"},
    {{{0xfe, 0xc0}, AF_INET6, 10}, "site-local"},
    {{{0xff}, AF_INET6, 8}, "multicast"},
};
static const struct cidr global6 = {{0x20}, AF_INET6, 3};
static const struct cidr nat64 = {{0x00, 0x64, 0xff, 0x9b}, AF_INET6, 96};

static const char *find(const struct range *r, size_t n, int family, const unsigned char *addr)
{
    for (size_t i = 0; i < n; i++)
        if (cidr_has(&r[i].block, family, addr))
            return r[i].what;
    return NULL;
}

const char *guard_refuses(const struct cidr *allow, size_t n_allow, int family,
                          const unsigned char *addr)
{
    if (family != AF_INET && family != AF_INET6)
        return "not an IP address";
    for (size_t i = 0; i < n_allow; i++)
        if (cidr_has(&allow[i], family, addr))
            return NULL;
    if (family == AF_INET)
        return find(ranges4, ARRAY_SIZE(ranges4), family, addr);
    if (cidr_has(&nat64, family, addr))
        return guard_refuses(allow, n_allow, AF_INET, addr + 12);
    const char *what = find(ranges6, ARRAY_SIZE(ranges6), family, addr);
    return what || cidr_has(&global6, family, addr) ? what : "reserved";
}

const char *guard_refuses_sockaddr(const struct cidr *allow, size_t n_allow,
                                   const struct sockaddr *sa)
{
    unsigned char addr[16] = {0};
    if (sa->sa_family == AF_INET)
        memcpy(addr, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
    else if (sa->sa_family == AF_INET6)
        memcpy(addr, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
    return guard_refuses(allow, n_allow, sa->sa_family, addr);
}

const char *guard_refuses_text(const struct cidr *allow, size_t n_allow, const char *ip)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char addr[16];
    size_t n = strcspn(ip, "%");
    if (n >= sizeof text)
        return "not an IP address";
    memcpy(text, ip, n);
    text[n] = 0;
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, addr) != 1)
        return "not an IP address";
    return guard_refuses(allow, n_allow, family, addr);
}
