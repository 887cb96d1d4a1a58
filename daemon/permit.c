/*
 * permit.c - what robots.txt allows (fetch/robots.h), for feeds that mind it.
 *
 * Asked for as the first hop of a flight, in its host's queue, and remembered by scheme, host and
 * port; not over a restart. The verdict is the flight's until its address changes. Flights of one
 * host that begin at the same moment may both ask: none waits for another.
 */
#include "app_private.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "fetch/robots.h"

struct permit {
    struct robots *rules; /* NULL = never had */
    int64_t until;        /* asked for again from then on */
    int64_t lost_since;   /* it cannot be had; TD_NEVER = it could */
    UT_hash_handle hh;
    char key[];
};

struct robots_ask {
    char *url;
    struct redirect_chain chain;
    struct td_access
        access; /* the feed's without what is sent over HTTP; its strings are borrowed */
};

#define KEY_BYTES 310

static void key_of(const char *url, char key[KEY_BYTES])
{
    char host[300];
    if (schedule_host_key(url, host, sizeof host) < 0)
        *host = 0;
    snprintf(key, KEY_BYTES, "%s%s", str_casestarts(url, "https:") ? "https://" : "http://", host);
}

static struct permit *find(const struct app *a, const char *url)
{
    char key[KEY_BYTES];
    struct permit *p;
    key_of(url, key);
    HASH_FIND_STR(a->permits, key, p);
    return p;
}

static size_t bytes_of(const struct permit *p)
{
    return sizeof *p + KEY_BYTES + (p->rules ? robots_bytes(p->rules) : 0);
}

static void forget(struct app *a, struct permit *p)
{
    a->permit_bytes -= bytes_of(p);
    HASH_DEL(a->permits, p);
    robots_free(p->rules);
    free(p);
}

/* Takes RULES, of URL's host. When there are too many, those that were asked for first go. */
static struct permit *keep(struct app *a, const char *url, struct robots *rules, int64_t until,
                           int64_t lost_since)
{
    char key[KEY_BYTES];
    struct permit *p = find(a, url);
    if (p)
        forget(a, p);
    key_of(url, key);
    p = xcalloc(1, sizeof *p + strlen(key) + 1);
    strcpy(p->key, key);
    p->rules = rules;
    p->until = until;
    p->lost_since = lost_since;
    HASH_ADD_STR(a->permits, key, p);
    a->permit_bytes += bytes_of(p);
    while (a->permits != p && (HASH_COUNT(a->permits) > LIMIT_ROBOTS_HOSTS ||
                               a->permit_bytes > LIMIT_ROBOTS_TABLE_BYTES))
        forget(a, a->permits);
    return p;
}

void permit_end_all(struct app *a)
{
    while (a->permits)
        forget(a, a->permits);
}

void permit_drop(struct flight *fl)
{
    if (fl->robots)
        free(fl->robots->url);
    free(TAKE(fl->robots));
}

/* ---- the verdict ---------------------------------------------------------------------------- */

static void say_forbidden(struct flight *fl, const struct robots_rule *rule)
{
    size_t n;
    const char *path = robots_path(fl->url, &n);
    CLEANUP_FREE char *host = outcome_host(fl->url);
    CLEANUP_BUF struct buf shown = BUF_INIT(LIMIT_URL_BYTES), by = BUF_INIT(1024);
    str_add_printable(&shown, path, n);
    str_add_printable(&by, rule->path, MIN(rule->len, (size_t)200));
    fl->res.outcome = TD_OUT_REFUSED;
    td_result_say(&fl->res, "robots.txt of %s does not allow %s%.200s (line %d: Disallow: %s)",
                  host, *path == '/' ? "" : "/", buf_str(&shown), rule->line, buf_str(&by));
}

static bool judge(struct flight *fl, const struct permit *p)
{
    struct robots_rule rule;
    if (robots_allows(p->rules, fl->url, &rule)) {
        fl->permitted = true;
        return true;
    }
    say_forbidden(fl, &rule);
    return false;
}

/* A person's `tidings fetch` is no robot, and its recording holds the hops of the feed alone. */
static bool minds(const struct flight *fl)
{
    struct feed *f = fl->feed;
    return fl->conf->robots && fl->conf->source == TD_SOURCE_HTTP &&
           !(f->is_errand && CONTAINER_OF(f, struct errand, feed)->rec);
}

static bool is_fresh(const struct permit *p, int64_t now)
{
    return p && p->rules && now < p->until && p->until <= now + LIMIT_ROBOTS_AGE_MS;
}

/* FL is at the host of P. */
static void tell_delay(const struct flight *fl, const struct permit *p)
{
    schedule_crawl_delay(fl->app->schedule, &fl->feed->node, robots_crawl_delay_ms(p->rules));
}

bool permit_look(struct flight *fl, int64_t now)
{
    if (fl->robots || !minds(fl))
        return true;
    const struct permit *p = find(fl->app, fl->url);
    if (p && p->rules)
        tell_delay(fl, p);
    if (fl->permitted)
        return true;
    if (is_fresh(p, now))
        return judge(fl, p);
    CLEANUP_FREE char *url = outcome_location(fl->url, "/robots.txt");
    fl->robots = xcalloc(1, sizeof *fl->robots);
    fl->robots->url = outcome_public_url(url ? url : fl->url);
    if (fl->conf->access) {
        struct td_access *own = &fl->robots->access;
        *own = *fl->conf->access;
        own->user = own->password = own->bearer = own->headers = own->cookie_file = NULL;
    }
    return true;
}

void permit_request(struct flight *fl)
{
    struct td_request *rq = &fl->rq;
    rq->url = fl->robots->url;
    rq->etag = rq->last_modified = NULL;
    rq->max_body_bytes = MAX(rq->max_body_bytes, (size_t)LIMIT_ROBOTS_BYTES);
    if (rq->access)
        rq->access = &fl->robots->access;
}

/* ---- the answer ----------------------------------------------------------------------------- */

/* Follows a redirect. False: there is none, or none that may be followed (2.3.1.2: then it is as
 * if there were no robots.txt). */
static bool follow(struct flight *fl, const struct td_result *result)
{
    char host[300];
    struct td_err err;
    struct robots_ask *ask = fl->robots;
    if (!result->redirect_to || ask->chain.hops >= LIMIT_ROBOTS_HOPS)
        return false;
    CLEANUP_FREE char *to = strict_url(fl->app, result->redirect_to);
    if (outcome_redirect(&ask->chain, ask->url, to, false, &err) < 0 ||
        schedule_host_key(to, host, sizeof host) < 0)
        return false;
    xreplace(&ask->url, to);
    return true;
}

/* There is one, or there is none for sure (2.3.1.1, 2.3.1.3). 429 says nothing of it. */
static bool is_answer(const struct td_result *r)
{
    bool empty = r->outcome == TD_OUT_INCOMPLETE && r->http_status / 100 == 2 && !r->body.len;
    return r->outcome == TD_OUT_OK || empty || (r->http_status / 100 == 4 && r->http_status != 429);
}

static struct permit *learn(struct flight *fl, const struct td_result *r, int64_t now)
{
    bool found = r->outcome == TD_OUT_OK && !r->redirect_to;
    int64_t age_ms = LIMIT_ROBOTS_AGE_MS;
    if (r->fresh.given)
        age_ms = MIN(r->fresh.max_age_ms, age_ms);
    age_ms = MAX(age_ms, (int64_t)LIMIT_INTERVAL_FLOOR_MS);
    struct robots *rules = robots_parse(buf_str(&r->body), found ? r->body.len : 0);
    return keep(fl->app, fl->url, rules, now + age_ms, TD_NEVER);
}

/* It cannot be had (2.3.1.4): what it said before counts for a while, else the fetch has failed,
 * until that has lasted too long. */
static bool do_without(struct flight *fl, const struct td_result *r, int64_t now)
{
    struct permit *p = find(fl->app, fl->url);
    if (p && p->rules) {
        p->until = now + LIMIT_INTERVAL_FLOOR_MS;
        return judge(fl, p);
    }
    int64_t since = p ? MIN(p->lost_since, now) : now;
    keep(fl->app, fl->url, NULL, now, since);
    if (now - since >= LIMIT_ROBOTS_LOST_MS) {
        fl->permitted = true;
        return true;
    }
    CLEANUP_FREE char *host = outcome_host(fl->url);
    fl->res.outcome = r->outcome;
    fl->res.http_status = r->http_status;
    fl->res.retry_after_at = r->retry_after_at;
    td_result_say(&fl->res, "robots.txt of %s cannot be had: %s", host, r->error ? r->error : "");
    return false;
}

const char *permit_answered(struct flight *fl, struct td_result *result, int64_t now)
{
    bool go;
    if (follow(fl, result)) {
        td_result_fini(result);
        return fl->robots->url;
    }
    if (is_answer(result)) {
        const struct permit *p = learn(fl, result, now);
        if (!fl->robots->chain.hops) /* else it is told when the flight comes there */
            tell_delay(fl, p);
        go = judge(fl, p);
    } else {
        go = do_without(fl, result, now);
    }
    td_result_fini(result);
    permit_drop(fl);
    return go ? fl->url : NULL;
}
