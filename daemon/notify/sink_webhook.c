/* webhook: a POST for each message. Only a 2xx is an acknowledgement; 410 ends the subscription. */
#include "notify/sink.h"

#include "base/clock.h"
#include "base/mem.h"
#include "notify/webhook.h"

struct hook {
    struct sink base;
    struct webhook message;
    void *post;     /* under way */
    ev_timer later; /* an answer that may not come from within the send */
};

static void over(struct hook *h)
{
    ev_timer_stop(h->base.env->loop, &h->later);
    webhook_fini(&h->message);
}

static void on_posted(void *ctx, int status, int64_t retry_after_at, const struct td_err *err)
{
    struct hook *h = ctx;
    h->post = NULL;
    over(h);
    sink_answer(&h->base,
                status >= 200 && status < 300 ? DELIVERY_ACK
                : status == 410               ? DELIVERY_GONE
                                              : DELIVERY_FAILED,
                retry_after_at, err);
}

static void on_later(struct ev_loop *loop, ev_timer *t, int revents)
{
    struct hook *h = t->data;
    struct td_err err;
    td_err(&err, 0, "the event cannot be read: this is a defect of tidings");
    sink_answer(&h->base, DELIVERY_FAILED, TD_NEVER, &err);
}

static void hook_send(struct sink *s, const struct sink_message *m)
{
    struct hook *h = (struct hook *)s;
    if (webhook_render(&h->message, s->conf, s->env, m, clock_now_ms()) < 0) {
        ev_timer_set(&h->later, 0., 0.);
        ev_timer_start(s->env->loop, &h->later);
        return;
    }
    struct sink_post p = {.url = h->message.url,
                          .body = buf_str(&h->message.body),
                          .body_len = h->message.body.len,
                          .headers = (const char *const *)h->message.headers,
                          .timeout_ms = s->conf->answer_timeout_ms,
                          .allow = s->conf->allow,
                          .n_allow = s->conf->n_allow};
    h->post = s->env->post(s->env->app, &p, on_posted, h);
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
