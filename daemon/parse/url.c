#include "parse/url.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/tracking.h"

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* Bytes before the colon, 0 when there is no scheme. */
static size_t scheme_len(const char *s, size_t n)
{
    if (n == 0 || !is_alpha(s[0]))
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (s[i] == ':')
            return i;
        if (!is_alpha(s[i]) && !(s[i] >= '0' && s[i] <= '9') && s[i] != '+' && s[i] != '-' &&
            s[i] != '.')
            return 0;
    }
    return 0;
}

bool url_has_scheme(const char *s, size_t n)
{
    return scheme_len(s, n) > 0;
}

void url_split(struct url *ret, const char *s, size_t n)
{
    const char *p = s, *end = s + n;
    memset(ret, 0, sizeof *ret);
    size_t k = scheme_len(s, n);
    if (k) {
        ret->scheme = (struct url_part){s, k};
        p += k + 1;
    }
    const char *hash = memchr(p, '#', (size_t)(end - p));
    if (hash) {
        ret->fragment = (struct url_part){hash + 1, (size_t)(end - hash - 1)};
        end = hash;
    }
    const char *ask = memchr(p, '?', (size_t)(end - p));
    if (ask) {
        ret->query = (struct url_part){ask + 1, (size_t)(end - ask - 1)};
        end = ask;
    }
    if (end - p >= 2 && p[0] == '/' && p[1] == '/') {
        p += 2;
        const char *slash = memchr(p, '/', (size_t)(end - p));
        ret->authority = (struct url_part){p, (size_t)((slash ? slash : end) - p)};
        p += ret->authority.n;
    }
    ret->path = (struct url_part){p, (size_t)(end - p)};
}

/* ---- danger ------------------------------------------------------------------------------- */

/* Length of what browsers or careless filters skip at S: white space, control characters, soft
 * hyphen, zero-width characters, BOM. */
static size_t skipped_len(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] <= ' ' || u[0] == 0x7f)
        return 1;
    if (n >= 2 && u[0] == 0xc2 && (u[1] <= 0xa0 || u[1] == 0xad))
        return 2;
    if (n >= 3 && ((u[0] == 0xe2 && u[1] == 0x80 && u[2] >= 0x80 && u[2] <= 0x8f) ||
                   (u[0] == 0xef && u[1] == 0xbb && u[2] == 0xbf)))
        return 3;
    return 0;
}

/* Puts the first bytes of S that count into OUT, in lower case. */
static void flatten(const char *s, size_t n, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < n && len + 1 < size;) {
        size_t k = skipped_len(s + i, n - i);
        if (!k)
            out[len++] = lower(s[i++]);
        i += k;
    }
    out[len] = 0;
}

/* How nearly all begin: there is no other scheme behind it. */
static bool is_plain_start(const char *s, size_t n)
{
    if (n && (*s == '/' || *s == '#' || *s == '?'))
        return true;
    return n > 5 && strncasecmp(s, "http", 4) == 0 && (s[4] == ':' || lower(s[4]) == 's') &&
           (s[4] == ':' || s[5] == ':');
}

bool url_is_dangerous(const char *s, size_t n)
{
    static const char *const schemes[] = {
        "javascript:", "vbscript:", "livescript:", "mocha:",      "about:", "view-source:",
        "jar:",        "jscript:",  "ecmascript:", "filesystem:", "blob:",  "ms-its:"};
    static const char *const images[] = {"png",  "jpeg", "jpg", "gif",
                                         "webp", "avif", "bmp", "x-icon"};
    char flat[64];
    if (is_plain_start(s, n))
        return false;
    flatten(s, n, flat, sizeof flat);
    const char *p = flat;
    while (str_starts(p, "feed:")) /* once ran what follows */
        p += 5;
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (str_starts(p, schemes[i]))
            return true;
    if (!str_starts(p, "data:"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
        size_t k = strlen(images[i]);
        if (str_starts(p, "data:image/") && strncmp(p + 11, images[i], k) == 0 &&
            (p[11 + k] == ';' || p[11 + k] == ','))
            return false;
    }
    return true;
}

/* ---- resolution (RFC 3986, 5.2) ----------------------------------------------------------- */

static void add_part(struct buf *out, const char *before, struct url_part part, const char *behind)
{
    buf_adds(out, before);
    buf_add(out, part.p, part.n);
    buf_adds(out, behind);
}

/* Adds the path PREFIX + PATH without its dot segments (5.2.4). START: where the path begins. */
static void add_merged(struct buf *out, struct url_part prefix, struct url_part path)
{
    size_t start = out->len;
    struct url_part pieces[] = {prefix, path};
    if (buf_reserve(out, prefix.n + path.n + 1) < 0)
        return;
    size_t seg = start; /* where the segment that is being copied begins */
    for (size_t k = 0; k < ARRAY_SIZE(pieces); k++)
        for (size_t i = 0; i < pieces[k].n; i++) {
            bool last = k == 1 && i + 1 == pieces[k].n;
            char c = pieces[k].p[i];
            if (c != '/')
                out->data[out->len++] = c;
            if (c != '/' && !last)
                continue;
            size_t n = out->len - seg;
            const char *s = out->data + seg;
            if (n == 1 && s[0] == '.') {
                out->len = seg;
                if (c == '/')
                    continue;
            } else if (n == 2 && s[0] == '.' && s[1] == '.') {
                out->len = seg;
                while (out->len > start + 1 && out->data[out->len - 2] != '/')
                    out->len--;
                if (out->len > start + 1)
                    out->len--;
                seg = out->len;
                if (c == '/')
                    continue;
            }
            if (c == '/')
                out->data[out->len++] = '/';
            seg = out->len;
        }
    out->data[out->len] = 0;
}

static void add_path(struct buf *out, const struct url *base, const struct url *ref)
{
    struct url_part none = {"", 0}, root = {"/", 1};
    if (ref->path.n && ref->path.p[0] == '/') {
        add_merged(out, none, ref->path);
        return;
    }
    struct url_part dir = base->path;
    while (dir.n && dir.p[dir.n - 1] != '/')
        dir.n--;
    add_merged(out, dir.n ? dir : base->authority.p ? root : none, ref->path);
}

/* S without CR, LF and TAB into OUT; white space and controls cut off both ends. */
static void add_clean(struct buf *out, const char *s, size_t n)
{
    while (n && (unsigned char)s[0] <= ' ')
        s++, n--;
    while (n && (unsigned char)s[n - 1] <= ' ')
        n--;
    size_t from = 0;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '\t' || s[i] == '\n' || s[i] == '\r' || s[i] == 0) {
            buf_add(out, s + from, i - from);
            from = i + 1;
        }
    buf_add(out, s + from, n - from);
}

static void add_joined(struct buf *out, const struct url *base, const char *text, size_t n)
{
    struct url ref;
    url_split(&ref, text, n);
    if (ref.scheme.p || !base || !base->scheme.p || (!base->authority.p && !base->path.n)) {
        buf_add(out, text, n);
        return;
    }
    add_part(out, "", base->scheme, ":");
    if (ref.authority.p) {
        add_part(out, "//", ref.authority, "");
        buf_add(out, ref.path.p, ref.path.n);
    } else {
        if (base->authority.p)
            add_part(out, "//", base->authority, "");
        if (ref.path.n)
            add_path(out, base, &ref);
        else
            buf_add(out, base->path.p, base->path.n);
    }
    struct url_part query = ref.query.p || ref.path.n || ref.authority.p ? ref.query : base->query;
    if (query.p)
        add_part(out, "?", query, "");
    if (ref.fragment.p)
        add_part(out, "#", ref.fragment, "");
}

/* A base that is no hierarchy (mailto:, urn:) has nothing to resolve against. */
static const struct url *usable(const struct url *base)
{
    bool ok = base && base->scheme.p &&
              (base->authority.p || (base->path.n && base->path.p[0] == '/'));
    return ok ? base : NULL;
}

int url_add_resolved(struct buf *out, const struct url *base, const char *ref, size_t n)
{
    CLEANUP_BUF struct buf clean = BUF_INIT(LIMIT_URL_BYTES);
    size_t before = out->len;
    /* a reference that needs no cleaning is used where it stands */
    bool dirty = n && ((unsigned char)ref[0] <= ' ' || (unsigned char)ref[n - 1] <= ' ');
    for (size_t i = 0; i < n && !dirty; i++)
        dirty = (unsigned char)ref[i] < ' ';
    if (dirty) {
        add_clean(&clean, ref, n);
        if (clean.overflow)
            return -EINVAL;
        ref = buf_str(&clean);
        n = clean.len;
    }
    bool image = n > 5 && strncasecmp(ref, "data:", 5) == 0; /* has a limit of its own */
    if ((n > LIMIT_URL_BYTES && !image) || url_is_dangerous(ref, n))
        return -EINVAL;
    add_joined(out, usable(base), ref, n);
    if (out->overflow) {
        out->len = before;
        return -EFBIG;
    }
    return 0;
}

/* ---- URL fields --------------------------------------------------------------------------- */

const char *url_resolve(struct arena *a, const char *base, const char *ref, size_t n)
{
    struct url b;
    n = str_trim(&ref, n);
    if (n == 0)
        return NULL;
    if (!url_has_scheme(ref, n) && memchr(ref, ' ', n))
        return NULL;
    if (base)
        url_split(&b, base, strlen(base));
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_TEXT_BYTES);
    if (url_add_resolved(&out, base ? &b : NULL, ref, n) < 0 || !out.len)
        return NULL;
    return arena_strndup(a, out.data, out.len);
}

const char *url_clean(struct arena *a, const char *s, size_t n)
{
    return url_resolve(a, NULL, s, n);
}

/* ---- canonical form ----------------------------------------------------------------------- */

static void add_lower(struct buf *out, struct url_part part)
{
    for (size_t i = 0; i < part.n; i++)
        buf_addc(out, lower(part.p[i]));
}

static void add_host(struct buf *out, struct url_part host, bool secure)
{
    const char *at = memrchr(host.p, '@', host.n);
    if (at)
        host = (struct url_part){at + 1, host.n - (size_t)(at + 1 - host.p)};
    if (host.n > 4 && strncasecmp(host.p, "www.", 4) == 0)
        host = (struct url_part){host.p + 4, host.n - 4};
    const char *port = secure ? ":443" : ":80";
    size_t k = strlen(port);
    if (host.n > k && memcmp(host.p + host.n - k, port, k) == 0)
        host.n -= k;
    add_lower(out, host);
}

static void add_query(struct buf *out, struct url_part query)
{
    char before = '?';
    while (query.n) {
        const char *amp = memchr(query.p, '&', query.n);
        size_t n = amp ? (size_t)(amp - query.p) : query.n;
        if (n && !url_is_tracking(query.p, n)) {
            buf_addc(out, before);
            buf_add(out, query.p, n);
            before = '&';
        }
        n += amp != NULL;
        query = (struct url_part){query.p + n, query.n - n};
    }
}

int url_add_canonical(struct buf *out, const char *url, size_t n)
{
    struct url u;
    while (n && is_space(url[n - 1]))
        n--;
    url_split(&u, url, n);
    bool http = u.scheme.n == 4 && strncasecmp(u.scheme.p, "http", 4) == 0;
    bool https = u.scheme.n == 5 && strncasecmp(u.scheme.p, "https", 5) == 0;
    if ((!http && !https) || !u.authority.p)
        return buf_add(out, url, n);
    buf_adds(out, "https://");
    add_host(out, u.authority, https);
    while (u.path.n && u.path.p[u.path.n - 1] == '/')
        u.path.n--;
    buf_add(out, u.path.p, u.path.n);
    add_query(out, u.query);
    return out->overflow ? -EFBIG : 0;
}
