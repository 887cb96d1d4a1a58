#include "config/url.h"

#include <ctype.h>
#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/credential.h"

#define ALLOWED "allowed: http, https, file: or exec: addresses"

static void argv_free(char **argv)
{
    for (size_t i = 0; argv && argv[i]; i++)
        free(argv[i]);
    free(argv);
}

/* Everything the config may say is ASCII here; other letters stay as they are. */
static void lower(char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] >= 'A' && s[i] <= 'Z')
            s[i] = (char)(s[i] | 0x20);
}

/* [HOST, HOST + N) is "name", "name:port", "[v6]" or "[v6]:port". */
static int check_host(const char *host, size_t n, struct td_err *err)
{
    static const char bad[] = "\\<>\"^`{}|%";
    const char *end = host + n, *port = end;
    if (*host == '[') {
        const char *close = memchr(host, ']', n);
        if (!close || (close + 1 < end && close[1] != ':'))
            return td_err(err, -EINVAL, "an address with a broken [IPv6] host; allowed: [HOST]");
        port = close + 1;
    } else {
        const char *colon = memchr(host, ':', n);
        port = colon ? colon : end;
        for (const char *p = host; p < port; p++)
            if (strchr(bad, *p))
                return td_err(err, -EINVAL, "'%c' in the host's name; allowed: a host's name", *p);
    }
    if (port == host)
        return td_err(err, -EINVAL, "an address without a host; allowed: http[s]://HOST/...");
    unsigned long number = 0;
    for (const char *p = port + 1; p < end; p++) {
        number = number * 10 + (unsigned long)(*p - '0');
        if (*p < '0' || *p > '9' || number > 65535)
            return td_err(err, -EINVAL, "a port that is not 1 to 65535; allowed: HOST:PORT");
    }
    if (port + 1 < end && number == 0)
        return td_err(err, -EINVAL, "port 0; allowed: HOST:PORT with 1 to 65535");
    return 0;
}

/* N bytes at S with %XX as the byte it is; NULL for one that cannot be part of a header. */
static char *percent_decoded(const char *s, size_t n)
{
    char *out = xmalloc(n + 1);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        int hi = s[i] == '%' && i + 2 < n ? str_hex(s[i + 1]) : -1;
        int lo = hi >= 0 ? str_hex(s[i + 2]) : -1;
        out[len++] = lo >= 0 ? (char)(hi << 4 | lo) : s[i];
        i += lo >= 0 ? 2 : 0;
        if ((unsigned char)out[len - 1] < 0x20 || out[len - 1] == 0x7f) {
            free(out);
            return NULL;
        }
    }
    out[len] = 0;
    return out;
}

int url_cut(struct url_parts *ret, const char *text, struct td_err *err)
{
    *ret = (struct url_parts){0};
    size_t n = strcspn(text, "/?#");
    const char *at = memrchr(text, '@', n);
    const char *host = at ? at + 1 : text;
    int r = check_host(host, n - (size_t)(host - text), err);
    if (r < 0)
        return r;
    ret->rest = text + n;
    ret->host = xstrndup(host, n - (size_t)(host - text));
    lower(ret->host, strlen(ret->host));
    if (!at || at == text)
        return 0;
    const char *colon = memchr(text, ':', (size_t)(at - text));
    ret->user = percent_decoded(text, (size_t)((colon ? colon : at) - text));
    ret->password = colon ? percent_decoded(colon + 1, (size_t)(at - colon - 1)) : NULL;
    if (!ret->user || (colon && !ret->password) || strchr(ret->user, ':'))
        return td_err(err, -EINVAL,
                      "a user name or password that cannot be sent; allowed: text without control "
                      "characters, no colon in the name");
    return 0;
}

void url_parts_fini(struct url_parts *u)
{
    free(u->host);
    td_secret_replace(&u->user, NULL);
    td_secret_replace(&u->password, NULL);
}

static int read_http(struct td_feed_conf *c, const char *url, struct td_err *err)
{
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f)
            return td_err(err, -EINVAL,
                          "an address with a space or control character; allowed: %%20 and the "
                          "like in its place");
    struct url_parts u;
    const char *auth = strstr(url, "://") + 3;
    int r = url_cut(&u, auth, err);
    if (r == 0) {
        char *own = xasprintf("%.*s%s%.*s", (int)(auth - url), url, u.host,
                              (int)strcspn(u.rest, "#"), u.rest);
        lower(own, (size_t)(auth - url));
        free(c->url);
        c->url = own;
        c->source = TD_SOURCE_HTTP;
    }
    if (r == 0 && u.user) {
        c->access = c->access ? c->access : xcalloc(1, sizeof *c->access);
        td_secret_replace(&c->access->user, u.user);
        td_secret_replace(&c->access->password, u.password);
        credential_seal();
    }
    url_parts_fini(&u);
    return r;
}

static int read_file(struct td_feed_conf *c, const char *url, struct td_err *err)
{
    const char *p = url + strlen("file:");
    if (str_starts(p, "//")) {
        p += 2;
        if (str_casestarts(p, "localhost/"))
            p += strlen("localhost");
        if (*p != '/')
            return td_err(err, -EINVAL,
                          "a file: address of another machine; allowed: file:PATH or file:///PATH");
    }
    if (!*p)
        return td_err(err, -EINVAL, "file: without a path; allowed: file:PATH or file:///PATH");
    CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_URL_BYTES + 8);
    buf_adds(&b, "file:");
    for (; *p; p++) {
        int hi = *p == '%' ? str_hex(p[1]) : -1, lo = hi >= 0 ? str_hex(p[2]) : -1;
        char ch = lo >= 0 ? (char)(hi << 4 | lo) : *p;
        if (ch == 0 || iscntrl((unsigned char)ch))
            return td_err(err, -EINVAL, "a control character in a path; allowed: a plain path");
        buf_addc(&b, ch);
        p += lo >= 0 ? 2 : 0;
    }
    free(c->url);
    c->url = buf_take(&b, NULL);
    c->source = TD_SOURCE_FILE;
    return 0;
}

void url_resolve_file(struct td_feed_conf *c, const char *dir)
{
    const char *path = c->url + strlen("file:");
    if (c->source != TD_SOURCE_FILE || *path == '/')
        return;
    while (str_starts(path, "./"))
        path += 2;
    char *abs = xasprintf("file:%s%s%s", dir, str_ends(dir, "/") ? "" : "/", path);
    free(c->url);
    c->url = abs;
}

/* One word of a command at *P into WORD: quotes and backslash as in sh(1). False: unclosed. */
static bool read_word(const char **p, struct buf *word)
{
    char quote = 0;
    for (; **p && (quote || !strchr(" \t", **p)); (*p)++) {
        char ch = **p;
        if (!quote && (ch == '\'' || ch == '"')) {
            quote = ch;
        } else if (ch == quote) {
            quote = 0;
        } else if (ch == '\\' && (quote == 0 || (quote == '"' && strchr("\"\\$`", (*p)[1])))) {
            if (!*++*p)
                return false;
            buf_addc(word, **p);
        } else {
            buf_addc(word, ch);
        }
    }
    return !quote;
}

static int read_exec(struct td_feed_conf *c, const char *url, struct td_err *err)
{
    const char *p = url + strlen("exec:");
    char **argv = xcalloc(strlen(p) / 2 + 2, sizeof *argv); /* a word takes two bytes or ends it */
    size_t n = 0;
    CLEANUP_BUF struct buf joined = BUF_INIT(2 * LIMIT_URL_BYTES);
    buf_adds(&joined, "exec:");
    for (p += strspn(p, " \t"); *p; p += strspn(p, " \t")) {
        CLEANUP_BUF struct buf word = BUF_INIT(LIMIT_URL_BYTES);
        if (!read_word(&p, &word)) {
            argv_free(argv);
            return td_err(err, -EINVAL,
                          "a command with an unclosed quote; allowed: exec:COMMAND 'an argument'");
        }
        argv[n] = buf_take(&word, NULL);
        buf_addf(&joined, "%s%s", n ? " " : "", argv[n]);
        n++;
    }
    if (n == 0 || !*argv[0]) {
        argv_free(argv);
        return td_err(err, -EINVAL, "exec: without a command; allowed: exec:COMMAND ARGUMENT...");
    }
    argv_free(c->argv);
    free(c->url);
    c->argv = xreallocarray(argv, n + 1, sizeof *argv);
    c->url = buf_take(&joined, NULL);
    c->source = TD_SOURCE_EXEC;
    return 0;
}

char *url_http(const char *url)
{
    const char *at = str_casestarts(url, "feed:") ? url + 5 : url;
    if (at > url && str_starts(at, "//"))
        return xasprintf("http:%s", at);
    bool http = str_casestarts(at, "http://") || str_casestarts(at, "https://");
    return http ? xstrdup(at) : NULL;
}

int url_read(struct td_feed_conf *c, const char *url, struct td_err *err)
{
    CLEANUP_FREE char *http = url_http(url);
    if (strlen(url) > LIMIT_URL_BYTES)
        return td_err(err, -EINVAL, "an address of %zu bytes; allowed: %u", strlen(url),
                      LIMIT_URL_BYTES);
    if (http)
        return read_http(c, http, err);
    if (str_casestarts(url, "file:"))
        return read_file(c, url, err);
    if (str_casestarts(url, "exec:"))
        return read_exec(c, url, err);
    size_t n = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
    if (n && n < 20 && url[n] == ':')
        return td_err(err, -EINVAL, "a %.*s: address; " ALLOWED, (int)n, url);
    return td_err(err, -EINVAL, "no address of a feed; " ALLOWED);
}

char *url_name(const char *url)
{
    const char *p = strstr(url, "://");
    p = p ? p + 3 : url;
    const char *at = memrchr(p, '@', strcspn(p, "/?#"));
    p = at ? at + 1 : p;
    if (str_casestarts(p, "www."))
        p += 4;
    size_t n = strcspn(p, "#");
    while (n && p[n - 1] == '/')
        n--;
    char *name = xstrndup(p, n > LIMIT_NAME_BYTES ? utf8_cut(p, LIMIT_NAME_BYTES) : n);
    lower(name, strlen(name));
    return name;
}
