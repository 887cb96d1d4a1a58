/*
 * webhook: a POST for each message. Only a 2xx is an acknowledgement; 410 ends the subscription.
 * With `handshake` the receiver is asked first whether it wants them, and how many a minute
 * (handshake.h); what it does not want fails, as if it did not answer.
 */
#include "notify/sink.h"

#include "base/clock.h"
#include "base/mem.h"
#include "notify/handshake.h"
#include "notify/webhook.h"

struct hook {
    struct sink base;
    struct sink_message m;  /* to be sent */
    struct webhook message; /* as bytes, while the POST is under way */
    char *asking[2];        /* the header of an OPTIONS */
    void *post;             /* under way: either of them */
    ev_timer later;         /* goes on from the loop: at once, or when the rate allows */
    struct handshake grant;
};

static void over(struct hook *h)
{
    ev_timer_stop(h->base.env->loop, &h->later);
    webhook_fini(&h->message);
    free(TAKE(h->asking[0]));
}

static void answer(struct hook *h, int status, int64_t retry_after_at, const struct td_err *err)
{
    over(h);
    sink_answer(&h->base,
                status >= 200 && status < 300 ? DELIVERY_ACK
                : status == 410               ? DELIVERY_GONE
                                              : DELIVERY_FAILED,
                retry_after_at, err);
}

static void on_posted(void *ctx, const struct sink_posted *p)
{
    struct hook *h = ctx;
    h->post = NULL;
    if (p->status == 401 || p->status == 403 || p->status == 405)
        handshake_revoke(&h->grant);
    answer(h, p->status, p->retry_after_at, p->err);
}

static void post(struct hook *h)
{
    const struct td_sub_conf *c = h->base.conf;
    struct td_err err;
    if (webhook_render(&h->message, c, h->base.env, &h->m, clock_now_ms()) < 0) {
        td_err(&err, 0, "the event cannot be read: this is a defect of tidings");
        answer(h, 0, TD_NEVER, &err);
        return;
    }
    struct sink_post p = {.url = h->message.url,
                          .body = buf_str(&h->message.body),
                          .body_len = h->message.body.len,
                          .headers = (const char *const *)h->message.headers,
                          .timeout_ms = c->answer_timeout_ms,
                          .allow = c->allow,
                          .n_allow = c->n_allow};
    handshake_sent(&h->grant, clock_mono_ms());
    h->post = h->base.env->post(h->base.env->app, &p, on_posted, h);
}

static void on_asked(void *ctx, const struct sink_posted *p)
{
    struct hook *h = ctx;
    struct td_err err;
    h->post = NULL;
    free(TAKE(h->asking[0]));
    if (!p->status || p->status == 410)
        answer(h, p->status, p->retry_after_at, p->err);
    else if (handshake_take(&h->grant, h->base.env->origin, p->status, p->wanted[0], p->wanted[1],
                            clock_mono_ms(), &err) < 0)
        answer(h, 0, p->retry_after_at, &err);
    else
        post(h);
}

static void ask(struct hook *h)
{
    static const char *const wanted[] = {"WebHook-Allowed-Origin", "WebHook-Allowed-Rate"};
    const struct td_sub_conf *c = h->base.conf;
    h->asking[0] = xasprintf("WebHook-Request-Origin: %s", h->base.env->origin);
    struct sink_post p = {.options = true,
                          .wanted = wanted,
                          .url = c->target,
                          .body = "",
                          .headers = (const char *const *)h->asking,
                          .timeout_ms = c->answer_timeout_ms,
                          .allow = c->allow,
                          .n_allow = c->n_allow};
    h->post = h->base.env->post(h->base.env->app, &p, on_asked, h);
}

static void on_later(struct ev_loop *loop, ev_timer *t, int revents)
{
    struct hook *h = t->data;
    if (h->base.conf->handshake && handshake_is_due(&h->grant, clock_mono_ms()))
        ask(h);
    else
        post(h);
}

static void hook_send(struct sink *s, const struct sink_message *m)
{
    struct hook *h = (struct hook *)s;
    h->m = *m;
    ev_timer_set(&h->later, (double)handshake_wait(&h->grant, clock_mono_ms()) / 1000., 0.);
    ev_timer_start(s->env->loop, &h->later);
}

static void hook_cancel(struct sink *s)
{
    struct hook *h = (struct hook *)s;
    if (h->post)
        s->env->post_cancel(s->env->app, TAKE(h->post));
    over(h);
}

static void hook_free(struct sink *s)
{
    free(s);
}

static struct sink *hook_make(const struct sink_env *env, const struct td_sub_conf *conf)
{
    struct hook *h = xcalloc(1, sizeof *h);
    ev_init(&h->later, on_later);
    h->later.data = h;
    return &h->base;
}

const struct sink_type sink_webhook = {hook_make, hook_send, hook_cancel, hook_free};
