#include "schedule/schedule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

int schedule_host_key(const char *url, char *buf, size_t size)
{
    bool tls = str_casestarts(url, "https://");
    if (!tls && !str_casestarts(url, "http://"))
        return -EINVAL;
    const char *host = strstr(url, "://") + 3;
    size_t n = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', n);
    if (at) {
        n -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    const char *v6_end = n && *host == '[' ? memchr(host, ']', n) : NULL;
    const char *from = v6_end ? v6_end : host;
    const char *colon = memchr(from, ':', n - (size_t)(from - host));
    size_t name = colon ? (size_t)(colon - host) : n;
    size_t digits = colon ? n - name - 1 : 0;
    const char *port = digits ? colon + 1 : tls ? "443" : "80";
    digits = digits ? digits : strlen(port);
    if (name == 0 || name + digits + 2 > size)
        return -EINVAL;
    snprintf(buf, size, "%.*s:%.*s", (int)name, host, (int)digits, port);
    for (char *p = buf; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p | 0x20);
    return 0;
}
