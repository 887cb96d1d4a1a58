#include "model/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* The text of the address (in HOST, without brackets) and the port behind it. */
static int split(const char *s, char host[INET6_ADDRSTRLEN], const char **ret_port)
{
    const char *end = *s == '[' ? strchr(s, ']') : strchr(s, ':');
    const char *from = *s == '[' ? s + 1 : s;
    if (!end || end - from >= INET6_ADDRSTRLEN)
        return -EINVAL;
    const char *colon = *end == ']' ? end + 1 : end;
    if (*colon != ':')
        return -EINVAL;
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = 0;
    *ret_port = colon + 1;
    return 0;
}

int endpoint_parse(const char *s, bool any_port, struct endpoint *ret)
{
    char host[INET6_ADDRSTRLEN];
    const char *port_text;
    int64_t port;
    struct endpoint e = {.len = 0};
    struct sockaddr_in *v4 = (void *)&e.addr;
    struct sockaddr_in6 *v6 = (void *)&e.addr;
    if (split(s, host, &port_text) < 0 || str_to_i64(port_text, &port) < 0 || port > 65535 ||
        port < (any_port ? 0 : 1))
        return -EINVAL;
    if (*s != '[' && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        e.len = sizeof *v4;
    } else if (*s == '[' && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        e.len = sizeof *v6;
    } else {
        return -EINVAL;
    }
    *ret = e;
    return 0;
}

const char *endpoint_show(char buf[ENDPOINT_SHOWN], const struct sockaddr_storage *addr)
{
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const void *)addr;
    const struct sockaddr_in6 *v6 = (const void *)addr;
    if (addr->ss_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host))
        snprintf(buf, ENDPOINT_SHOWN, "%s:%u", host, ntohs(v4->sin_port));
    else if (addr->ss_family == AF_INET6 && inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host))
        snprintf(buf, ENDPOINT_SHOWN, "[%s]:%u", host, ntohs(v6->sin6_port));
    else
        snprintf(buf, ENDPOINT_SHOWN, "unix");
    return buf;
}

bool endpoint_is_loopback(const struct sockaddr_storage *addr)
{
    const struct sockaddr_in *v4 = (const void *)addr;
    const struct sockaddr_in6 *v6 = (const void *)addr;
    if (addr->ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return addr->ss_family != AF_INET6 || IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}
