#include "config/sites.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/keys.h"

#define NOT_SET (-1)

/* Letters, digits, '-', '_', dots between, or UTF-8: what a URL's host may be, lower case. */
static bool is_name(const char *s)
{
    size_t n = strlen(s);
    if (!n || n > 253 || *s == '.' || s[n - 1] == '.' || strstr(s, ".."))
        return false;
    for (const unsigned char *p = (const unsigned char *)s; *p; p++)
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && !strchr("-_.", *p) &&
            *p < 0x80)
            return false;
    return true;
}

int sites_open(struct settings *s, const char *arg, struct td_err *err)
{
    size_t n = strlen(arg);
    bool quoted = n >= 2 && *arg == '"' && arg[n - 1] == '"';
    char shown[KEY_SHOWN];
    CLEANUP_FREE char *name = quoted ? xstrndup(arg + 1, n - 2) : xstrdup(arg);
    struct td_site site = {.per_host = NOT_SET, .spacing_ms = NOT_SET, .rate_ms = NOT_SET};
    for (char *p = name; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p | 0x20);
    int r = cidr_parse(name, &site.block);
    if (r < 0)
        site.block = (struct cidr){0};
    if (r == -ERANGE)
        return td_err(err, -EINVAL,
                      "[site %s] has bits behind its prefix; allowed: the block's first address",
                      key_shown(shown, name));
    if (r < 0 && !is_name(name))
        return td_err(err, -EINVAL,
                      "[site] with the name %s; allowed: a host such as example.org (and all below"
                      " it), an address or a block of addresses",
                      key_shown(shown, arg));
    for (size_t i = 0; i < s->n_sites; i++)
        if (str_eq(s->sites[i].name, name))
            return td_err(err, -EINVAL, "[site %s] a second time; allowed: once", name);
    if (s->n_sites == LIMIT_SITES)
        return td_err(err, -EINVAL, "more than %d sites; allowed: %d", LIMIT_SITES, LIMIT_SITES);
    site.name = TAKE(name);
    s->sites = xreallocarray(s->sites, s->n_sites + 1, sizeof *s->sites);
    s->sites[s->n_sites++] = site;
    return 0;
}

void sites_finish(struct settings *s)
{
    for (size_t i = 0; i < s->n_sites; i++) {
        struct td_site *site = &s->sites[i];
        if (site->per_host == NOT_SET)
            site->per_host = s->per_host;
        if (site->spacing_ms == NOT_SET) /* a rate alone may also be quicker than the daemon's */
            site->spacing_ms = site->rate_ms != NOT_SET ? 0 : s->host_spacing_ms;
        site->spacing_ms = MAX(site->spacing_ms, site->rate_ms);
    }
}

void sites_free(struct settings *s)
{
    for (size_t i = 0; i < s->n_sites; i++)
        free(s->sites[i].name);
    free(s->sites);
}
