/*
 * cidr.h - a block of IP addresses, as `allow-addresses` of feeds.conf names them. Pure.
 */
#ifndef TIDINGS_MODEL_CIDR_H
#define TIDINGS_MODEL_CIDR_H

#include <stdbool.h>
#include <stdint.h>

struct cidr {
    unsigned char addr[16]; /* network order, IPv4 in the first 4; bits behind the prefix are 0 */
    uint8_t family;         /* AF_INET or AF_INET6 */
    uint8_t bits;           /* length of the prefix */
};

/* "192.168.0.0/16", "fd00::/8", or an address alone (a block of one). 0; -EINVAL: not an address
 * or a prefix out of range; -ERANGE: bits are set behind the prefix ("10.0.0.1/8"), so one of the
 * two is a slip. */
int cidr_parse(const char *s, struct cidr *ret);
/* Does the block hold ADDR (4 or 16 bytes, network order)? Another family never matches, also not
 * IPv4 inside IPv6. */
bool cidr_has(const struct cidr *c, int family, const unsigned char *addr);

#endif
