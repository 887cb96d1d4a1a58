/*
 * strict.c - hosts that want to be asked over https only: fetch/hsts.h knows the rules, the store
 * keeps them among what servers have taught (td_learned), under a key that no host has:
 * "hsts/example.com". There `since` is when it was said, `hold_at` until when it holds, and
 * `spacing_ms` 1, or 2 with all hosts below it.
 */
#include "app_private.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define PREFIX "hsts/"

void strict_learn(struct app *a, const char *url, const struct td_sts *sts)
{
    struct hsts_host h;
    char key[TD_LEARNED_KEY];
    if (!sts->given || !hsts_learn(a->hsts, url, sts, clock_now_ms(), &h))
        return;
    snprintf(key, sizeof key, PREFIX "%s", h.host);
    int64_t kind = h.subdomains ? 2 : 1;
    store_learned(a->store, &(struct td_learned){.key = key,
                                                 .spacing_ms = h.until ? kind : 0,
                                                 .since = h.since,
                                                 .hold_at = h.until});
}

bool strict_recall(struct app *a, const struct td_learned *l)
{
    if (!str_starts(l->key, PREFIX))
        return false;
    struct hsts_host h = {.since = l->since, .until = l->hold_at, .subdomains = l->spacing_ms == 2};
    size_t n = strlen(l->key) - strlen(PREFIX);
    if (n < sizeof h.host && l->hold_at != TD_NEVER) {
        memcpy(h.host, l->key + strlen(PREFIX), n + 1);
        hsts_recall(a->hsts, &h, clock_now_ms());
    }
    return true;
}

char *strict_upgrade(const struct app *a, const char *url)
{
    return hsts_upgrade(a->hsts, url, clock_now_ms(), NULL);
}

char *strict_url(const struct app *a, const char *url)
{
    char *up = strict_upgrade(a, url);
    return up ? up : xstrdup(url);
}

char *strict_feed_url(const struct app *a, const struct feed *f)
{
    return strict_url(a, move_url(&f->state, f->conf));
}

void status_https(void *app, int64_t feed_id, struct buf *out)
{
    struct app *a = app;
    struct hsts_host h;
    const struct feed *f = feedset_by_id(a, feed_id);
    if (!f || f->conf->source != TD_SOURCE_HTTP)
        return;
    CLEANUP_FREE char *up = hsts_upgrade(a->hsts, move_url(&f->state, f->conf), clock_now_ms(), &h);
    if (!up)
        return;
    char day[32];
    struct tm tm;
    time_t until = (time_t)(h.until / 1000);
    strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&until, &tm));
    buf_addf(out, "%s wants to be asked over https only (HSTS), until %s", h.host, day);
}
