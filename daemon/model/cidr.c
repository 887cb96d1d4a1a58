#include "model/cidr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"

/* The part of byte I that a prefix of BITS covers. */
static unsigned char mask_of(unsigned bits, unsigned i)
{
    unsigned left = bits > 8 * i ? bits - 8 * i : 0;
    return left >= 8 ? 0xff : (unsigned char)(0xff00u >> left);
}

int cidr_parse(const char *s, struct cidr *ret)
{
    char text[INET6_ADDRSTRLEN];
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t)(slash - s) : strlen(s);
    if (n >= sizeof text)
        return -EINVAL;
    memcpy(text, s, n);
    text[n] = 0;

    struct cidr c = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
    if (inet_pton(c.family, text, c.addr) != 1)
        return -EINVAL;
    uint64_t max = c.family == AF_INET6 ? 128 : 32, bits = max;
    if (slash && (str_to_u64(slash + 1, &bits) < 0 || bits > max))
        return -EINVAL;
    c.bits = (uint8_t)bits;
    for (unsigned i = 0; i < max / 8; i++)
        if (c.addr[i] & ~mask_of(c.bits, i))
            return -ERANGE;
    *ret = c;
    return 0;
}

bool cidr_has(const struct cidr *c, int family, const unsigned char *addr)
{
    if (family != c->family)
        return false;
    for (unsigned i = 0; i * 8 < c->bits; i++)
        if ((addr[i] & mask_of(c->bits, i)) != c->addr[i])
            return false;
    return true;
}
