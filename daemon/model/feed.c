#include "model/feed.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static char **argv_copy(char **argv)
{
    size_t n = 0;
    if (!argv)
        return NULL;
    while (argv[n])
        n++;
    char **copy = xcalloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = xstrdup(argv[i]);
    return copy;
}

static void argv_free(char **argv)
{
    for (size_t i = 0; argv && argv[i]; i++)
        free(argv[i]);
    free(argv);
}

static bool argv_same(char **a, char **b)
{
    if (!a || !b)
        return a == b;
    size_t i = 0;
    for (; a[i] && b[i]; i++)
        if (!str_eq(a[i], b[i]))
            return false;
    return a[i] == b[i];
}

struct td_feed_conf *td_feed_conf_copy(const struct td_feed_conf *c)
{
    struct td_feed_conf *d = xmalloc(sizeof *d);
    *d = *c;
    d->n_more = 0;
    d->name = xstrdup_or_null(c->name);
    d->url = xstrdup_or_null(c->url);
    d->title = xstrdup_or_null(c->title);
    d->tags = xstrdup_or_null(c->tags);
    d->argv = argv_copy(c->argv);
    d->access = td_access_copy(c->access);
    return d;
}

struct td_feed_conf *td_feed_conf_share(struct td_feed_conf *c)
{
    c->n_more++;
    return c;
}

void td_feed_conf_free(struct td_feed_conf *c)
{
    if (!c || c->n_more-- > 0)
        return;
    free(c->name);
    free(c->url);
    free(c->title);
    free(c->tags);
    argv_free(c->argv);
    td_access_free(c->access);
    free(c);
}

bool td_feed_conf_same(const struct td_feed_conf *a, const struct td_feed_conf *b)
{
    return str_same(a->name, b->name) && str_same(a->url, b->url) && str_same(a->title, b->title) &&
           str_same(a->tags, b->tags) && argv_same(a->argv, b->argv) &&
           td_access_same(a->access, b->access) && a->source == b->source &&
           a->origin == b->origin && a->enabled == b->enabled &&
           a->ignore_hints == b->ignore_hints && a->no_push == b->no_push &&
           a->robots == b->robots && a->interval_ms == b->interval_ms &&
           a->min_interval_ms == b->min_interval_ms && a->move_after_ms == b->move_after_ms &&
           a->timeout_ms == b->timeout_ms && a->max_body_bytes == b->max_body_bytes &&
           a->retention_age_ms == b->retention_age_ms && a->retention_count == b->retention_count &&
           a->backlog_ms == b->backlog_ms;
}

const char *td_outcome_name(enum td_outcome o)
{
    static const char *const names[TD_OUT_N] = {
        [TD_OUT_NONE] = "none",
        [TD_OUT_OK] = "ok",
        [TD_OUT_NOT_MODIFIED] = "not-modified",
        [TD_OUT_HTTP] = "http",
        [TD_OUT_DNS] = "dns",
        [TD_OUT_DNS_TEMP] = "dns-temporary",
        [TD_OUT_CONNECT] = "connect",
        [TD_OUT_TLS] = "tls",
        [TD_OUT_TIMEOUT] = "timeout",
        [TD_OUT_TOO_LARGE] = "too-large",
        [TD_OUT_INCOMPLETE] = "incomplete",
        [TD_OUT_REFUSED] = "refused",
        [TD_OUT_REDIRECT] = "redirect",
        [TD_OUT_PROTOCOL] = "protocol",
        [TD_OUT_NOT_A_FEED] = "not-a-feed",
        [TD_OUT_PARSER] = "parser",
        [TD_OUT_SOURCE] = "source",
        [TD_OUT_GONE] = "gone",
    };
    return (unsigned)o < TD_OUT_N ? names[o] : "unknown";
}

void td_feed_state_init(struct td_feed_state *s)
{
    *s = (struct td_feed_state){
        .last_fetch_at = TD_NEVER,
        .last_success_at = TD_NEVER,
        .last_new_at = TD_NEVER,
        .failing_since = TD_NEVER,
        .retry_after_at = TD_NEVER,
        .moved_since = TD_NEVER,
        .pushed_until = TD_NEVER,
        .rate_per_day = -1,
        .rate_at = TD_NEVER,
    };
}

/* The texts of a state. */
static char **strings(struct td_feed_state *s, size_t i)
{
#define AT(member) offsetof(struct td_feed_state, member)
    static const size_t all[] = {AT(val.etag), AT(val.last_modified),
                                 AT(title),    AT(home_page_url),
                                 AT(url),      AT(push),
                                 AT(moved_to), AT(error),
                                 AT(why)};
#undef AT
    return i < ARRAY_SIZE(all) ? (char **)(void *)((char *)s + all[i]) : NULL;
}

const struct td_fetch_note *td_feed_state_last(const struct td_feed_state *s)
{
    static const struct td_fetch_note none = {.outcome = TD_OUT_NONE};
    return s->n_history ? &s->history[0] : &none;
}

static void keep_notes(struct td_feed_state *s, int32_t n)
{
    if (n < s->n_history)
        s->history = xreallocarray(s->history, (size_t)n, sizeof *s->history);
    s->n_history = MIN(n, s->n_history);
}

void td_feed_state_slim(struct td_feed_state *s)
{
    int32_t gone = 0;
    xreplace(&s->title, NULL);
    xreplace(&s->home_page_url, NULL);
    xreplace(&s->why, NULL);
    while (gone < s->n_history && s->history[gone].outcome == TD_OUT_GONE)
        gone++;
    keep_notes(s, MAX(gone, 1));
}

void td_feed_state_fini(struct td_feed_state *s)
{
    char **p;
    for (size_t i = 0; (p = strings(s, i)); i++) {
        free(*p);
        *p = NULL;
    }
    free(s->history);
    s->history = NULL;
    s->n_history = 0;
}

void td_feed_state_copy(struct td_feed_state *dst, const struct td_feed_state *src)
{
    struct td_feed_state new = *src;
    char **p;
    for (size_t i = 0; (p = strings(&new, i)); i++)
        *p = xstrdup_or_null(*p);
    if (src->n_history) {
        new.history = xreallocarray(NULL, (size_t)src->n_history, sizeof *new.history);
        memcpy(new.history, src->history, (size_t)src->n_history * sizeof *new.history);
    }
    td_feed_state_fini(dst);
    *dst = new;
}

void td_feed_state_note(struct td_feed_state *s, const struct td_fetch_note *note)
{
    keep_notes(s, LIMIT_FEED_HISTORY - 1);
    s->history = xreallocarray(s->history, (size_t)s->n_history + 1, sizeof *s->history);
    memmove(s->history + 1, s->history, (size_t)s->n_history * sizeof *s->history);
    s->history[0] = *note;
    s->n_history++;
}

char *td_url_public(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    if (!scheme_end || (strncasecmp(url, "http:", 5) != 0 && strncasecmp(url, "https:", 6) != 0))
        return xstrdup(url);
    const char *auth = scheme_end + 3;
    const char *at = memrchr(auth, '@', strcspn(auth, "/?#"));
    return at ? xasprintf("%.*s%s", (int)(auth - url), url, at + 1) : xstrdup(url);
}
