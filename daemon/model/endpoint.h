/*
 * endpoint.h - an IP address and a port to listen at, as `listen` of feeds.conf names them. Pure.
 */
#ifndef TIDINGS_MODEL_ENDPOINT_H
#define TIDINGS_MODEL_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/socket.h>

struct endpoint {
    struct sockaddr_storage addr;
    socklen_t len;
};

#define ENDPOINT_SHOWN 64

/* "127.0.0.1:8420" or "[::1]:8420": addresses, no names. 0; -EINVAL: another form, or a port that
 * is not 1 to 65535 (0, any free one, too when ANY_PORT). */
int endpoint_parse(const char *s, bool any_port, struct endpoint *ret);
/* The same text again in BUF, also for a peer's address; "unix" for what is no IP address. */
const char *endpoint_show(char buf[ENDPOINT_SHOWN], const struct sockaddr_storage *addr);
/* Can only this machine reach it? */
bool endpoint_is_loopback(const struct sockaddr_storage *addr);

#endif
