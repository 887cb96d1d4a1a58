/*
 * Our WebSub hub (W3C WebSub, 5.1): reads a request and whether it may be granted; the daemon asks
 * the callback and keeps the subscription (hub.c).
 */
#include "serve/request.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/hub.h"
#include "model/saved_query.h"
#include "serve/syndicate_access.h"

static int bad(struct request *q, const char *what)
{
    request_fail(q, 400, what);
    return 0;
}

static bool is_plain(const char *s)
{
    for (; s && *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

/* The query part of one of our feeds' addresses, NULL when TOPIC is none. */
static const char *topic_query(const struct request *q, const char *topic)
{
    static const char *const paths[] = {"/v1/feed.atom", "/v1/feed.rss", "/v1/feed.json"};
    CLEANUP_FREE char *base = syndicate_base(q);
    size_t n = strlen(base);
    if (strncmp(topic, base, n) != 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        size_t len = strlen(paths[i]);
        const char *end = topic + n + len;
        if (strncmp(topic + n, paths[i], len) == 0 && (!*end || *end == '?'))
            return *end ? end + 1 : end;
    }
    return NULL;
}

/* What TOPIC finds, into H (borrowed from P and the saved queries). False: the answer is made. */
static bool read_topic(struct request *q, const char *topic, struct params *p,
                       struct td_hub_request *h)
{
    const char *text = topic_query(q, topic);
    struct td_err err;
    if (!text) {
        bad(q, "hub.topic is no feed of this server; allowed: the self link of one");
        return false;
    }
    if (params_parse(p, text, &err) < 0 ||
        params_check(p, "q query title limit before token", &err) < 0) {
        request_errno(q, -EINVAL, &err, NULL);
        return false;
    }
    const char *name = param_str(p, "query");
    const struct td_saved_query *saved =
        name ? td_saved_query_find(q->s->queries, q->s->n_queries, name) : NULL;
    if (!syndicate_may_read(q, param_str(p, "token"), saved && saved->open)) {
        request_fail(q, 403, "hub.topic needs a token: token= in it, as in the feed's address");
        return false;
    }
    struct query *query = NULL;
    h->query = saved ? saved->query : param_str(p, "q");
    h->title = param_str(p, "title") ? param_str(p, "title") : saved ? saved->title : NULL;
    h->title = h->title || !saved ? h->title : saved->name;
    if ((name && !saved) || (h->query && query_parse(&query, h->query, NULL) < 0)) {
        bad(q, "hub.topic has a query that cannot be followed");
        return false;
    }
    query_free(query);
    return true;
}

static int64_t lease_of(const struct params *p)
{
    int64_t s = LIMIT_HUB_LEASE_DEFAULT_S;
    const char *text = param_str(p, "hub.lease_seconds");
    if (text && str_to_i64(text, &s) < 0)
        s = LIMIT_HUB_LEASE_DEFAULT_S;
    s = MAX(s, (int64_t)LIMIT_HUB_LEASE_MIN_S);
    return MIN(s, (int64_t)LIMIT_HUB_LEASE_MAX_S);
}

static int read_form(struct request *q, const struct params *p)
{
    struct params topic = {.n = 0};
    struct td_err err = {""};
    struct td_hub_request h = {.callback = param_str(p, "hub.callback"),
                               .topic = param_str(p, "hub.topic"),
                               .secret = param_str(p, "hub.secret"),
                               .lease_s = lease_of(p)};
    const char *mode = param_str(p, "hub.mode");
    h.subscribe = mode && str_eq(mode, "subscribe");
    if (!mode || (!h.subscribe && !str_eq(mode, "unsubscribe")))
        return bad(q, "hub.mode: subscribe and unsubscribe are allowed");
    if (!h.callback ||
        !(str_casestarts(h.callback, "http://") || str_casestarts(h.callback, "https://")) ||
        strlen(h.callback) > LIMIT_URL_BYTES / 2 || !is_plain(h.callback))
        return bad(q, "hub.callback: an http or https address is needed");
    if (!h.topic || !is_plain(h.topic) || strlen(h.topic) > LIMIT_URL_BYTES)
        return bad(q, "hub.topic: the address of a feed is needed");
    if (h.secret && (strlen(h.secret) >= 200 || !is_plain(h.secret)))
        return bad(q, "hub.secret: fewer than 200 bytes of plain text are allowed");
    if (!read_topic(q, h.topic, &topic, &h)) {
        params_fini(&topic);
        return 0;
    }
    CLEANUP_FREE char *base = syndicate_base(q);
    CLEANUP_FREE char *hub = xasprintf("%s/v1/hub", base);
    h.hub = hub;
    int r = is_plain(h.query) && is_plain(h.title) ? q->s->ops->hub(q->s->app, &h, &err) : -EINVAL;
    params_fini(&topic);
    if (r < 0)
        return request_errno(q, r, &err, NULL);
    q->status = 202;
    buf_adds(&q->out, "{}\n");
    return 0;
}

int api_hub(struct request *q)
{
    struct params p = {.n = 0};
    struct td_err err;
    if (params_parse(&p, buf_str(&q->body), &err) < 0)
        request_errno(q, -EINVAL, &err, NULL);
    else
        read_form(q, &p);
    params_fini(&p);
    return 0;
}
