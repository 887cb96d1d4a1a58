/*
 * guard.h - which addresses may be connected to (FETCHING H2). Pure.
 *
 * A feed's URL, a redirect or a hub is text from a stranger; what counts is the address at the end
 * of name resolution. Public unicast is free, everything else needs the allow-list: loopback,
 * private, link-local (cloud metadata), shared, multicast, documentation and the forms that hide an
 * IPv4 address inside IPv6. A NAT64 address (64:ff9b::/96, RFC 6052) is judged by the IPv4 address
 * in it, because behind DNS64 every IPv4 host looks like that.
 */
#ifndef TIDINGS_FETCH_GUARD_H
#define TIDINGS_FETCH_GUARD_H

#include <stddef.h>
#include <sys/socket.h>

#include "model/cidr.h"

/* NULL: go ahead. Otherwise what the address is, in a word or two ("loopback", "private"). ADDR is
 * 4 or 16 bytes in network order; a family that is not IP is refused. */
const char *guard_refuses(const struct cidr *allow, size_t n_allow, int family,
                          const unsigned char *addr);
/* The same for a socket address and for an address in text (a %scope is ignored). */
const char *guard_refuses_sockaddr(const struct cidr *allow, size_t n_allow,
                                   const struct sockaddr *sa);
const char *guard_refuses_text(const struct cidr *allow, size_t n_allow, const char *ip);

#endif
