#include "serve/auth.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

/* The credentials behind "Bearer", NULL = another scheme. */
static const char *bearer(const char *authorization)
{
    static const char scheme[] = "bearer";
    size_t n = sizeof scheme - 1;
    if (!authorization || strncasecmp(authorization, scheme, n) != 0 || authorization[n] != ' ')
        return NULL;
    return authorization + n + strspn(authorization + n, " ");
}

enum auth_result auth_check(const struct td_token *tokens, size_t n, const char *authorization,
                            const struct td_token **ret)
{
    unsigned char hash[SHA256_BYTES];
    const struct td_token *found = NULL;
    const char *secret = bearer(authorization);
    if (!secret)
        return AUTH_MISSING;
    size_t len = strlen(secret);
    while (len && secret[len - 1] == ' ')
        len--;
    crypto_sha256(secret, len, hash);
    for (size_t i = 0; i < n; i++) /* all of them, hash against hash */
        if (crypto_same(hash, tokens[i].sha256, sizeof hash))
            found = &tokens[i];
    if (!found)
        return AUTH_WRONG;
    *ret = found;
    return AUTH_GOOD;
}

/* The name or address in HOST, without port, brackets and the dot of the root. */
static bool host_name(const char *host, char *name, size_t size)
{
    bool v6 = *host == '[';
    const char *from = host + v6;
    size_t n = strcspn(from, v6 ? "]" : ":");
    const char *rest = from + n + (v6 && from[n]);
    if (*rest && (*rest != ':' || rest[1 + strspn(rest + 1, "0123456789")]))
        return false;
    if (n && from[n - 1] == '.')
        n--;
    if (n == 0 || n >= size || memchr(from, '\n', n))
        return false;
    memcpy(name, from, n);
    name[n] = 0;
    return true;
}

static bool is_address(const char *name)
{
    unsigned char addr[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, addr) == 1 || inet_pton(AF_INET6, name, addr) == 1;
}

static bool in_list(const char *names, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = names; p; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncasecmp(p, name, n) == 0 && (p[n] == 0 || p[n] == '\n'))
            return true;
    }
    return false;
}

bool auth_host_ok(const char *host, const char *names)
{
    char name[256];
    if (!host)
        return true;
    return host_name(host, name, sizeof name) &&
           (is_address(name) || str_caseeq(name, "localhost") || in_list(names, name));
}

bool auth_origin_ok(const char *origin, const char *host)
{
    if (!origin)
        return true;
    const char *p = strstr(origin, "://");
    return p && host && str_caseeq(p + 3, host);
}
