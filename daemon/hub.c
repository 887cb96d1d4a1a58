/*
 * hub.c - our WebSub hub (W3C WebSub, 5.3 and 7): asks callbacks whether they want what was asked
 * for in their name, and keeps what they confirm as subscriptions, which the outbox delivers and
 * tries again as any other. A lease that is not renewed ends.
 */
#include "app_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/sub.h"
#include "model/hub.h"
#include "notify/outbox.h"

#define CHALLENGE_BYTES 24
#define SWEEP_S         60. /* between two looks at the leases */
#define PREFIX          "websub:"
/* Give up after a day: the subscriber polls, or asks anew. */
#define RETRY "0, 5s, 5min, 30min, 2h, 5h, 10h"

/* A callback that is being asked. */
struct verify {
    struct hub *hub;
    struct td_request rq;
    struct fetch *fetch;
    bool subscribe;
    char *url, *name, *text, *callback;
    char challenge[2 * CHALLENGE_BYTES + 1];
    struct verify *prev, *next;
};

struct hub {
    struct app *app;
    struct fetcher *fetcher;
    struct verify *asked;
    int n_asked;
    ev_timer sweep;
};

static void verify_free(struct verify *v)
{
    DL_DELETE(v->hub->asked, v);
    v->hub->n_asked--;
    free(v->url);
    free(v->name);
    free(v->text);
    free(v->callback);
    free(v);
}

/* ---- what was confirmed -------------------------------------------------------------------- */

static void on_done(void *ctx, int result, const struct td_err *err, const char *json)
{
    if (result < 0)
        log_warning("hub: %s", err->msg);
}

static void grant(struct hub *h, const struct verify *v)
{
    struct app *a = h->app;
    struct td_err err = {""};
    if (!v->subscribe) {
        deliver_unsubscribe(a, v->name, on_done, NULL);
        return;
    }
    if (deliver_renew(a, v->name, v->text, &err) == -ENOENT)
        deliver_subscribe(a, v->name, v->text, store_last_seq(a->store), false, on_done, NULL);
    else if (err.msg[0])
        log_warning("hub: %s", err.msg);
}

static void on_answer(void *ctx, struct td_result *res)
{
    struct verify *v = ctx;
    size_t n = strlen(v->challenge);
    const char *body = buf_str(&res->body);
    size_t len = str_trim(&body, res->body.len);
    bool yes = td_outcome_good(res->outcome) && res->http_status / 100 == 2 && len == n &&
               memcmp(body, v->challenge, n) == 0;
    if (yes)
        grant(v->hub, v);
    else
        log_info("hub: %s did not confirm to %s: %s", v->callback,
                 v->subscribe ? "subscribe" : "unsubscribe",
                 res->error ? res->error : "another answer than the challenge");
    td_result_fini(res);
    verify_free(v);
}

/* ---- asking -------------------------------------------------------------------------------- */

static void add_param(struct buf *b, const char *name, const char *value)
{
    buf_addf(b, "%chub.%s=", strchr(buf_str(b), '?') ? '&' : '?', name);
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     strchr("-._~", c);
        buf_addf(b, plain ? "%c" : "%%%02X", c);
    }
}

static char *question(const struct td_hub_request *r, const char *challenge)
{
    struct buf b = BUF_INIT(8 * LIMIT_URL_BYTES);
    char lease[24];
    buf_add(&b, r->callback, strcspn(r->callback, "#"));
    add_param(&b, "mode", r->subscribe ? "subscribe" : "unsubscribe");
    add_param(&b, "topic", r->topic);
    add_param(&b, "challenge", challenge);
    snprintf(lease, sizeof lease, "%lld", (long long)r->lease_s);
    if (r->subscribe)
        add_param(&b, "lease_seconds", lease);
    return buf_take(&b, NULL);
}

/* One topic and one callback are one subscription (5.1). */
static char *name_of(const struct td_hub_request *r)
{
    CLEANUP_FREE char *both = xasprintf("%s\n%s", r->topic, r->callback);
    char hex[2 * SHA256_BYTES + 1];
    unsigned char hash[SHA256_BYTES];
    crypto_sha256(both, strlen(both), hash);
    crypto_hex(hash, 12, hex);
    return xasprintf(PREFIX "%s", hex);
}

/* The subscription's definition, as the store keeps it. */
static char *text_of(const struct td_hub_request *r, int64_t now)
{
    struct buf b = BUF_INIT(8 * LIMIT_URL_BYTES);
    char until[CLOCK_TEXT];
    buf_addf(&b,
             "sink = webhook %s\nformat = websub\nevents = item.new, item.changed\nbatch = %d\n"
             "collect = 1s\nretry = " RETRY "\nhub-topic = %s\nhub-url = %s\nhub-expires = %s\n",
             r->callback, LIMIT_WEBHOOK_BATCH, r->topic, r->hub,
             clock_rfc3339(until, now + r->lease_s * 1000));
    if (r->query)
        buf_addf(&b, "query = %s\n", r->query);
    if (r->title)
        buf_addf(&b, "hub-title = %s\n", r->title);
    if (r->secret)
        buf_addf(&b, "hub-secret = %s\n", r->secret);
    return buf_take(&b, NULL);
}

int hub_ask(void *app, const struct td_hub_request *r, struct td_err *err)
{
    struct app *a = app;
    struct hub *h = a->hub;
    unsigned char random[CHALLENGE_BYTES];
    CLEANUP_FREE char *name = name_of(r);
    CLEANUP_FREE char *text = text_of(r, clock_now_ms());
    struct td_sub_conf *conf = sub_conf_read(name, text, err);
    if (!conf)
        return -EINVAL;
    td_sub_conf_free(conf);
    int n = 0;
    for (struct sub *s = deliver_next(a, NULL); s; s = deliver_next(a, s))
        n += sub_conf(s)->hub_topic && !str_eq(sub_conf(s)->name, name);
    if (r->subscribe && n >= LIMIT_HUB_SUBSCRIPTIONS)
        return td_err(err, -EAGAIN, "the hub has %d subscriptions, as many as it takes", n);
    if (h->n_asked >= LIMIT_HUB_ASKED)
        return td_err(err, -EAGAIN, "%d callbacks are being asked: try again", h->n_asked);
    struct verify *v = xcalloc(1, sizeof *v);
    crypto_random(random, sizeof random);
    crypto_hex(random, sizeof random, v->challenge);
    v->hub = h;
    v->subscribe = r->subscribe;
    v->url = question(r, v->challenge);
    v->name = TAKE(name);
    v->text = TAKE(text);
    v->callback = td_url_public(r->callback);
    v->rq = (struct td_request){.source = TD_SOURCE_HTTP,
                                .url = v->url,
                                .timeout_ms = LIMIT_HUB_ASK_MS,
                                .max_body_bytes = LIMIT_ERROR_BODY_BYTES};
    DL_APPEND(h->asked, v);
    h->n_asked++;
    v->fetch = fetch_start(h->fetcher, &v->rq, on_answer, v);
    return 0;
}

/* ---- leases -------------------------------------------------------------------------------- */

static void on_sweep(struct ev_loop *loop, ev_timer *t, int revents)
{
    struct hub *h = t->data;
    int64_t now = clock_now_ms();
    for (struct sub *s = deliver_next(h->app, NULL), *next; s; s = next) {
        const struct td_sub_conf *c = sub_conf(s);
        next = deliver_next(h->app, s);
        if (c->hub_topic && c->hub_expires_at <= now) {
            CLEANUP_FREE char *name = xstrdup(c->name);
            log_info("hub: the lease of %s is over", name);
            deliver_unsubscribe(h->app, name, on_done, NULL);
        }
    }
}

static struct fetch_conf conf_of(const struct app *a)
{
    struct fetch_conf fc = app_fetch_conf(a->settings);
    fc.max_transfers = LIMIT_HUB_ASKED;
    fc.per_host = 0;
    return fc;
}

int hub_start(struct app *a, struct td_err *err)
{
    struct hub *h = a->hub = xcalloc(1, sizeof *h);
    struct fetch_conf fc = conf_of(a);
    h->app = a;
    ev_timer_init(&h->sweep, on_sweep, SWEEP_S, SWEEP_S);
    h->sweep.data = h;
    if (!(h->fetcher = fetcher_new(a->loop, &fc, err)))
        return -EIO;
    ev_timer_start(a->loop, &h->sweep);
    return 0;
}

void hub_configure(struct app *a)
{
    struct fetch_conf fc = conf_of(a);
    fetcher_configure(a->hub->fetcher, &fc);
}

void hub_stop(struct app *a)
{
    struct hub *h = TAKE(a->hub);
    if (!h)
        return;
    ev_timer_stop(a->loop, &h->sweep);
    fetcher_free(h->fetcher);
    while (h->asked)
        verify_free(h->asked);
    free(h);
}
