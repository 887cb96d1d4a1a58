#include "config/keys_access.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/credential.h"
#include "config/url.h"

char **access_member(const struct key *k, struct td_feed_conf *conf)
{
    if (!conf->access)
        conf->access = xcalloc(1, sizeof *conf->access);
    return (char **)(void *)((char *)conf->access + k->offset);
}

static int refuse(const struct key *k, const char *why, struct td_err *err)
{
    return td_err(err, -EINVAL, "%s: %s; allowed: %s", k->name, why, k->type);
}

/* What is not repeated in a message. */
static int check_text(const struct key *k, const char *v, struct td_err *err)
{
    for (const char *p = v; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return refuse(k, "a control character", err);
    return strlen(v) > LIMIT_ACCESS_BYTES ? td_err(err, -EINVAL, "%s of %zu bytes; allowed: %d",
                                                   k->name, strlen(v), LIMIT_ACCESS_BYTES)
                                          : 0;
}

int set_secret(const struct key *k, void *target, const char *v, struct td_err *err)
{
    int r = check_text(k, v, err);
    if (r < 0)
        return r;
    if (k->is_secret)
        credential_seal();
    td_secret_replace(access_member(k, target), *v ? v : NULL);
    return 0;
}

int set_user(const struct key *k, void *target, const char *v, struct td_err *err)
{
    return strchr(v, ':') ? refuse(k, "a colon", err) : set_secret(k, target, v, err);
}

/* Those that belong to the daemon, to HTTP itself, or to a key of their own. */
static bool is_taken(const char *name)
{
    static const char *const names[] = {
        "Accept",
        "Accept-Encoding",
        "A-IM",
        "Connection",
        "Content-Length",
        "Expect",
        "Host",
        "Keep-Alive",
        "Range",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Upgrade",
        "Transfer-Encoding",
        "User-Agent",
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_caseeq(name, names[i]))
            return true;
    return str_casestarts(name, "If-");
}

/* "Name: value" (RFC 9110 5.1, 5.6.2), one more line each time. */
int set_header(const struct key *k, void *target, const char *v, struct td_err *err)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t n = strspn(v, token);
    const char *value = v + n + 1;
    size_t len = n && v[n] == ':' ? strlen(value) : 0;
    if (!len || !(len = str_trim(&value, len)))
        return refuse(k, "no NAME: VALUE", err);
    CLEANUP_FREE char *name = xstrndup(v, n);
    if (is_taken(name)) {
        CLEANUP_FREE char *why = xasprintf("%s is not yours to set", name);
        return refuse(k, why, err);
    }
    int r = check_text(k, v, err);
    if (r < 0)
        return r;
    char **to = access_member(k, target);
    size_t lines = 1;
    for (const char *p = *to; p && (p = strchr(p, '\n')); p++)
        lines++;
    if (*to && lines >= LIMIT_FEED_HEADERS)
        return td_err(err, -EINVAL, "more than %d headers; allowed: %d", LIMIT_FEED_HEADERS,
                      LIMIT_FEED_HEADERS);
    credential_seal();
    char *all = xasprintf("%s%s%s: %.*s", *to ? *to : "", *to ? "\n" : "", name, (int)len, value);
    td_secret_replace(to, all);
    td_secret_replace(&all, NULL);
    return 0;
}

int set_access_file(const struct key *k, void *target, const char *v, struct td_err *err)
{
    char shown[KEY_SHOWN];
    int r = check_text(k, v, err);
    if (r == 0 && *v && access(v, R_OK) < 0)
        r = td_err(err, -EINVAL, "%s = %s: %s; allowed: %s", k->name, key_shown(shown, v),
                   strerror(errno), k->type);
    if (r == 0)
        td_secret_replace(access_member(k, target), *v ? v : NULL);
    return r;
}

/* "sha256//" and 44 digits of base64, several joined by ';' as curl takes them. */
int set_tls_pin(const struct key *k, void *target, const char *v, struct td_err *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    CLEANUP_BUF struct buf pins = BUF_INIT(LIMIT_ACCESS_BYTES);
    for (const char *p = v; *p;) {
        size_t n = strcspn(p, " ;,");
        if (n &&
            (n != 52 || !str_starts(p, "sha256//") || strspn(p + 8, digits) != 43 || p[51] != '='))
            return td_err(err, -EINVAL, "%s = '%.80s'; allowed: %s", k->name, p, k->type);
        if (n && buf_addf(&pins, "%s%.*s", pins.len ? ";" : "", (int)n, p) < 0)
            return refuse(k, "too many keys", err);
        p += n + (p[n] != 0);
    }
    td_secret_replace(access_member(k, target), pins.len ? pins.data : NULL);
    return 0;
}

/* ---- the proxy ----------------------------------------------------------------------------- */

static bool has_port(const char *host)
{
    const char *colon = strrchr(host, ':');
    return colon && colon[1] && !strchr(colon, ']');
}

/* "none" is kept as "": a feed may do without the proxy of [defaults]. */
int set_proxy(const struct key *k, void *target, const char *v, struct td_err *err)
{
    static const char *const schemes[] = {"http://", "https://", "socks5h://"};
    struct td_feed_conf *c = target;
    char **to = access_member(k, c);
    if (str_eq(v, "none") || !*v) {
        td_secret_replace(to, *v ? "" : NULL);
        return 0;
    }
    size_t i = 0;
    while (i < ARRAY_SIZE(schemes) && !str_casestarts(v, schemes[i]))
        i++;
    if (i == ARRAY_SIZE(schemes))
        return refuse(k, "not one of these schemes", err);
    struct url_parts u;
    if (url_cut(&u, v + strlen(schemes[i]), NULL) < 0 || (*u.rest && !str_eq(u.rest, "/")) ||
        !has_port(u.host)) {
        url_parts_fini(&u);
        return refuse(k, "no SCHEME://HOST:PORT", err);
    }
    CLEANUP_FREE char *own = xasprintf("%s%s", schemes[i], u.host);
    td_secret_replace(to, own);
    if (u.user) {
        credential_seal();
        td_secret_replace(&c->access->proxy_user, u.user);
        td_secret_replace(&c->access->proxy_password, u.password);
    }
    url_parts_fini(&u);
    return 0;
}

/* ---- what a value refers to ---------------------------------------------------------------- */

static char *in_folder(const char *folder, const char *path)
{
    return *path == '/' ? xstrdup(path) : xasprintf("%s/%s", folder, path);
}

static char *resolve(const struct key *k, const char *value, const char *folder,
                     const char *credentials, struct td_err *err)
{
    if (k->is_file && credential_is(value))
        return credential_path(credentials, value, err);
    if (credential_is(value))
        return credential_read(credentials, value, err);
    if (k->is_file && *value)
        return in_folder(folder, value);
    if (!k->is_secret || !str_starts(value, "file:"))
        return xstrdup(value);
    CLEANUP_FREE char *path = in_folder(folder, value + strlen("file:"));
    return credential_read_file(path, err);
}

char *key_resolve(const struct key *k, const char *value, const char *folder,
                  const char *credentials, struct td_err *err)
{
    /* Of a header the name stays, and its value refers to something. */
    size_t name = k->set == set_header ? strcspn(value, ":") : 0;
    name += name && value[name] ? 1 + strspn(value + name + 1, " \t") : 0;
    char *part = resolve(k, value + name, folder, credentials, err);
    if (!part || !name)
        return part;
    char *whole = xasprintf("%.*s%s", (int)name, value, part);
    td_secret_replace(&part, NULL);
    return whole;
}

/* ---- what belongs together ----------------------------------------------------------------- */

static bool sets_authorization(const struct td_access *a)
{
    for (const char *p = a->headers; p; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (str_casestarts(p, "Authorization:"))
            return true;
    }
    return false;
}

int key_check_access(const struct td_feed_conf *c, struct td_err *err)
{
    const struct td_access *a = c->access;
    if (!a)
        return 0;
    if (a->password && !a->user)
        return td_err(err, -EINVAL, "password without user; allowed: both");
    if (a->proxy_password && !a->proxy_user)
        return td_err(err, -EINVAL, "proxy-password without proxy-user; allowed: both");
    if ((a->client_key || a->client_key_password) && !a->client_cert)
        return td_err(err, -EINVAL, "client-key without client-cert; allowed: both");
    if ((a->user != NULL) + (a->bearer != NULL) + sets_authorization(a) > 1)
        return td_err(err, -EINVAL,
                      "more than one Authorization; allowed: user, bearer-token or a header");
    if (a->ca_file && a->tls_pin)
        return td_err(err, -EINVAL, "ca-file and tls-pin; allowed: one of them");
    if (c->source != TD_SOURCE_HTTP && td_access_is_bound(a))
        return td_err(err, -EINVAL, "access settings of a file: or exec: address; allowed: none");
    return 0;
}
