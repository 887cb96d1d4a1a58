#include "config/sub_keys.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/url.h"

static int set_webhook(const struct sub_key *k, struct td_sub_conf *c, const char *v,
                       struct td_err *err)
{
    struct td_feed_conf f = {.name = NULL};
    if (!str_casestarts(v, "http://") && !str_casestarts(v, "https://"))
        return td_err(err, -EINVAL,
                      "%s = webhook: not an http or https address; allowed: webhook "
                      "http://... or https://...",
                      k->name);
    int r = url_read(&f, v, err);
    if (r < 0)
        r = td_err_prefix(err, r, "%s = webhook", k->name);
    else
        c->target = TAKE(f.url);
    free(f.url);
    return r;
}

/* Words, quoted as in sh(1), as exec: has them. */
int sub_set_command(const struct sub_key *k, struct td_sub_conf *c, const char *v,
                    struct td_err *err)
{
    struct td_feed_conf f = {.name = NULL};
    CLEANUP_FREE char *url = xasprintf("exec:%s", v);
    int r = url_read(&f, url, err);
    free(f.url);
    if (r < 0)
        return td_err_prefix(err, r, "%s", k->name);
    for (char **a = c->argv; a && *a; a++)
        free(*a);
    free(c->argv);
    c->argv = f.argv;
    return 0;
}

static bool is_address(const char *s, size_t n)
{
    const char *open = memchr(s, '<', n);
    if (open) {
        if (s[n - 1] != '>' || memchr(s, ',', (size_t)(open - s)))
            return false;
        n -= (size_t)(open + 1 - s) + 1;
        s = open + 1;
    }
    const char *at = memchr(s, '@', n);
    if (!n || n > 254 || *s == '-' || (at && (at == s || at + 1 == s + n)))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] <= ' ' || strchr("<>()[],;:\\\"\x7f", s[i]))
            return false;
    return true;
}

/* "a@b, Name <c@d>" as lines. */
static int set_recipients(const struct sub_key *k, struct td_sub_conf *c, const char *v,
                          struct td_err *err)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    for (const char *p = v; *p;) {
        size_t n = strcspn(p, ",");
        const char *one = p;
        size_t len = str_trim(&one, n);
        if (!is_address(one, len))
            return sub_refuse(k, v, err);
        buf_addf(&b, "%s%.*s", b.len ? "\n" : "", (int)len, one);
        p += n + (p[n] != 0);
    }
    if (!b.len)
        return sub_refuse(k, v, err);
    c->target = xstrdup(buf_str(&b));
    return 0;
}

int sub_set_sink(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                 struct td_err *err)
{
    struct td_sub_conf *c = d->conf;
    size_t n = strcspn(v, " \t"), i = 0;
    const char *rest = v + n + strspn(v + n, " \t");
    while (i < TD_SINKS && !(strlen(td_sink_names[i]) == n && strncmp(v, td_sink_names[i], n) == 0))
        i++;
    if (i == TD_SINKS || sub_has_control(v) || !*rest != (i == TD_SINK_STREAM))
        return sub_refuse(k, v, err);
    c->sink = (enum td_sink)i;
    xreplace(&c->target, NULL);
    if (d->runtime && c->sink != TD_SINK_STREAM && c->sink != TD_SINK_WEBHOOK)
        return td_err(err, -EPERM,
                      "sink = %s at run time; allowed: stream or webhook URL. Commands, files and "
                      "mail stand in the config",
                      td_sink_names[i]);
    switch (c->sink) {
    case TD_SINK_WEBHOOK:
        return set_webhook(k, c, rest, err);
    case TD_SINK_EXEC:
        return sub_set_command(k, c, rest, err);
    case TD_SINK_MAIL:
        return set_recipients(k, c, rest, err);
    case TD_SINK_FILE:
        if (strlen(rest) >= PATH_MAX - 64 || rest[strlen(rest) - 1] == '/')
            return sub_refuse(k, v, err);
        c->target = *rest == '/' || !dir ? xstrdup(rest) : xasprintf("%s/%s", dir, rest);
        return 0;
    default:
        return 0;
    }
}

int sub_set_from(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                 struct td_err *err)
{
    for (const char *p = v; *p; p++)
        if (*p < ' ' || *p > '~')
            return sub_refuse(k, v, err);
    if (!is_address(v, strlen(v)))
        return sub_refuse(k, v, err);
    xreplace(&d->conf->from, v);
    return 0;
}

int sub_set_sendmail(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                     struct td_err *err)
{
    if (d->conf->sink != TD_SINK_MAIL && d->conf->argv)
        return 0; /* finish says that it does not go with this sink */
    return sub_set_command(k, d->conf, v, err);
}
