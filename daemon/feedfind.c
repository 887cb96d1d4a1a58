/*
 * feedfind.c - the feed of a number, and the feeds at an address.
 *
 * An address is the same whatever the case of its host, with or without the port that is usual and
 * a fragment, which is never sent. One table has a place for the number, the config's address and
 * the one that it has moved to, of each feed: hashes alone, so a feed's strings may go and come as
 * they like as long as feedfind_changed is told. The hash leaves out the scheme, so a feed that is
 * asked over https (HSTS) in place of http has no place of its own for that.
 */
#include "app_private.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* What is asked at URL: *RET_HOST bytes of scheme and host without a default port, and the rest,
 * *RET_REST bytes, without a fragment. */
static const char *split(const char *url, size_t *ret_host, size_t *ret_rest)
{
    size_t scheme = strcspn(url, ":/?#"), n = 0;
    if (strncmp(url + scheme, "://", 3) == 0)
        n = scheme + 3 + strcspn(url + scheme + 3, "/?#");
    const char *rest = url[n] && url[n] != '#' ? url + n : "/";
    *ret_rest = strcspn(rest, "#");
    const char *port = str_casestarts(url, "https") ? ":443" : ":80";
    size_t len = strlen(port);
    *ret_host = n - (n > len && memcmp(url + n - len, port, len) == 0 ? len : 0);
    return rest;
}

bool feedfind_same_address(const char *a, const char *b)
{
    size_t host_a, host_b, n_a, n_b;
    const char *rest_a = split(a, &host_a, &n_a), *rest_b = split(b, &host_b, &n_b);
    return host_a == host_b && strncasecmp(a, b, host_a) == 0 && n_a == n_b &&
           memcmp(rest_a, rest_b, n_a) == 0;
}

static bool is_at(const struct feed *f, const char *url)
{
    return feedfind_same_address(f->conf->url, url) ||
           (f->state.url && feedfind_same_address(f->state.url, url)) ||
           (f->asked_url && feedfind_same_address(f->asked_url, url));
}

/* ---- the table ------------------------------------------------------------------------------ */

static unsigned hash_of(const void *p, size_t n)
{
    unsigned hash;
    HASH_VALUE(p, n, hash);
    return hash;
}

static unsigned hash_address(const char *url)
{
    size_t host, n, scheme = strcspn(url, ":");
    const char *rest = split(url, &host, &n);
    unsigned hash = hash_of(rest, n);
    for (size_t i = scheme; i < host; i++)
        hash = hash * 31 + (unsigned char)tolower((unsigned char)url[i]);
    return hash;
}

static struct way **place(const struct app *a, unsigned hash)
{
    return &a->ways.heads[hash & (a->ways.size - 1)];
}

static void put(struct app *a, struct way *w)
{
    struct way **p = place(a, w->hash);
    w->next = *p;
    *p = w;
}

static void grow(struct app *a)
{
    struct ways old = a->ways;
    a->ways.size = MAX(2 * old.size, (size_t)64);
    a->ways.heads = xcalloc(a->ways.size, sizeof *a->ways.heads);
    for (size_t i = 0; i < old.size; i++)
        for (struct way *w; (w = old.heads[i]);) {
            old.heads[i] = w->next;
            put(a, w);
        }
    free(old.heads);
}

static void drop(struct app *a, struct way *w)
{
    if (!w->feed)
        return;
    struct way **p = place(a, w->hash);
    while (*p != w)
        p = &(*p)->next;
    *p = w->next;
    w->feed = NULL;
    a->ways.n--;
}

static void lead(struct app *a, struct feed *f, enum way_kind kind, unsigned hash)
{
    struct way *w = &f->ways[kind];
    if (w->feed && w->hash == hash)
        return;
    drop(a, w);
    if (a->ways.n == a->ways.size)
        grow(a);
    *w = (struct way){.feed = f, .hash = hash};
    put(a, w);
    a->ways.n++;
}

void feedfind_changed(struct app *a, struct feed *f)
{
    lead(a, f, WAY_CONF, hash_address(f->conf->url));
    if (f->state.url)
        lead(a, f, WAY_MOVED, hash_address(f->state.url));
    else
        drop(a, &f->ways[WAY_MOVED]);
    if (f->state.feed_id)
        lead(a, f, WAY_ID, hash_of(&f->state.feed_id, sizeof f->state.feed_id));
}

void feedfind_remove(struct app *a, struct feed *f)
{
    for (size_t i = 0; i < ARRAY_SIZE(f->ways); i++)
        drop(a, &f->ways[i]);
}

void feedfind_free(struct app *a)
{
    free(a->ways.heads);
    a->ways = (struct ways){0};
}

/* ---- finding -------------------------------------------------------------------------------- */

static struct way *first(const struct app *a, unsigned hash)
{
    return a->ways.n ? *place(a, hash) : NULL;
}

struct feed *feedset_by_id(struct app *a, int64_t feed_id)
{
    struct way *w = first(a, hash_of(&feed_id, sizeof feed_id));
    while (w && w->feed->state.feed_id != feed_id)
        w = w->next;
    return w ? w->feed : NULL;
}

struct feed *feedset_at(struct app *a, const char *url, feed_test *fits, const void *ctx)
{
    unsigned hash = hash_address(url);
    struct way *w = first(a, hash);
    while (w && (w->hash != hash || !is_at(w->feed, url) || (fits && !fits(w->feed, ctx))))
        w = w->next;
    return w ? w->feed : NULL;
}
