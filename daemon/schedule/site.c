#include "schedule/site.h"

#include <arpa/inet.h>
#include <libpsl.h>
#include <string.h>

#include "base/str.h"

/* The name or address of "host:port", without port and brackets. */
static const char *name_of(const char *host, size_t *ret_len)
{
    if (*host == '[') {
        *ret_len = strcspn(host + 1, "]");
        return host + 1;
    }
    const char *colon = strrchr(host, ':');
    *ret_len = colon ? (size_t)(colon - host) : strlen(host);
    return host;
}

/* The address family of a name that is an address; 0 = it is none. */
static int address_of(const char *name, size_t n, unsigned char addr[16])
{
    char text[INET6_ADDRSTRLEN];
    if (n >= sizeof text)
        return 0;
    memcpy(text, name, n);
    text[n] = 0;
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    return inet_pton(family, text, addr) == 1 ? family : 0;
}

static bool is_below(const char *name, size_t n, const char *domain)
{
    size_t m = strlen(domain);
    return n >= m && memcmp(name + n - m, domain, m) == 0 && (n == m || name[n - m - 1] == '.');
}

const struct td_site *site_find(const struct td_site *sites, size_t n, const char *host)
{
    const struct td_site *best = NULL;
    unsigned char addr[16];
    size_t len, best_len = 0;
    if (!n)
        return NULL;
    const char *name = name_of(host, &len);
    int family = address_of(name, len, addr);
    for (const struct td_site *s = sites; s < sites + n; s++) {
        bool fits = s->block.family ? family && cidr_has(&s->block, family, addr)
                                    : !family && is_below(name, len, s->name);
        size_t exact = s->block.family ? 1u + s->block.bits : strlen(s->name);
        if (fits && exact > best_len) {
            best = s;
            best_len = exact;
        }
    }
    return best;
}

/* The system's list where it is newer than the library's own. Loaded once, kept. */
static const psl_ctx_t *suffixes(void)
{
    static psl_ctx_t *list;
    if (!list)
        list = psl_latest(NULL);
    return list ? list : psl_builtin();
}

const char *site_domain(const char *host, size_t *ret_len)
{
    char text[256];
    unsigned char addr[16];
    size_t n;
    const char *name = name_of(host, &n);
    while (n && name[n - 1] == '.') /* the root's dot */
        n--;
    if (!n || n >= sizeof text || address_of(name, n, addr))
        return NULL;
    memcpy(text, name, n);
    text[n] = 0;
    const psl_ctx_t *list = suffixes();
    const char *domain = list ? psl_registrable_domain(list, text) : NULL;
    if (!domain)
        return NULL;
    *ret_len = strlen(domain);
    return name + (domain - text);
}
