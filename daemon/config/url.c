#include "config/url.h"

#include <ctype.h>
#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

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

static int read_http(struct td_feed_conf *c, const char *url, struct td_err *err)
{
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f)
            return td_err(err, -EINVAL,
                          "an address with a space or control character; allowed: %%20 and the "
                          "like in its place");
    CLEANUP_FREE char *own = xstrndup(url, strcspn(url, "#"));
    char *auth = strstr(own, "://") + 3;
    size_t n = strcspn(auth, "/?");
    char *at = memrchr(auth, '@', n);
    char *host = at ? at + 1 : auth;
    n -= (size_t)(host - auth);
    int r = check_host(host, n, err);
    if (r < 0)
        return r;
    lower(own, (size_t)(auth - own));
    lower(host, n);
    free(c->url);
    c->url = TAKE(own);
    c->source = TD_SOURCE_HTTP;
    return 0;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
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
        int hi = *p == '%' ? hex(p[1]) : -1, lo = hi >= 0 ? hex(p[2]) : -1;
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

int url_read(struct td_feed_conf *c, const char *url, struct td_err *err)
{
    if (strlen(url) > LIMIT_URL_BYTES)
        return td_err(err, -EINVAL, "an address of %zu bytes; allowed: %u", strlen(url),
                      LIMIT_URL_BYTES);
    if (str_casestarts(url, "http://") || str_casestarts(url, "https://"))
        return read_http(c, url, err);
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
