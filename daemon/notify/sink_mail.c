/*
 * mail: a message through a sendmail-compatible command, which gets it on stdin and the recipients
 * as arguments behind "--". Exit 0 is the acknowledgement: the mail system has it.
 */
#include "notify/sink.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "notify/child.h"
#include "notify/mail_text.h"

struct mail {
    struct sink base;
    struct child *child;
    struct buf text;
    ev_timer later;
    char host[256];
    char *from, **argv;
};

static void over(struct mail *x)
{
    ev_timer_stop(x->base.env->loop, &x->later);
    buf_free(&x->text);
}

static void on_done(void *ctx, int result, const struct td_err *err)
{
    struct mail *x = ctx;
    x->child = NULL;
    over(x);
    sink_answer(&x->base, result < 0 ? DELIVERY_FAILED : DELIVERY_ACK, TD_NEVER, err);
}

static void on_later(struct ev_loop *loop, ev_timer *t, int revents)
{
    struct mail *x = t->data;
    struct td_err err;
    over(x);
    td_err(&err, 0, "the event cannot be read: this is a defect of tidings");
    sink_answer(&x->base, DELIVERY_FAILED, TD_NEVER, &err);
}

/* The address alone of "Name <a@b>" or "a@b". */
static char *address_of(const char *s, size_t n)
{
    const char *open = memchr(s, '<', n);
    if (!open)
        return xstrndup(s, n);
    const char *close = memchr(open, '>', n - (size_t)(open - s));
    return xstrndup(open + 1, close ? (size_t)(close - open - 1) : n - (size_t)(open + 1 - s));
}

/* The command, "--", and a word for each recipient. */
static char **command(const struct td_sub_conf *c)
{
    size_t n = 0, words = 0;
    while (c->argv[n])
        n++;
    for (const char *p = c->target; *p; p++)
        words += *p == '\n';
    char **argv = xcalloc(n + words + 3, sizeof *argv);
    for (size_t i = 0; i < n; i++)
        argv[i] = xstrdup(c->argv[i]);
    argv[n++] = xstrdup("--");
    for (const char *p = c->target; *p;) {
        size_t k = strcspn(p, "\n");
        argv[n++] = address_of(p, k);
        p += k + (p[k] != 0);
    }
    return argv;
}

static void mail_send(struct sink *s, const struct sink_message *m)
{
    struct mail *x = (struct mail *)s;
    char id[SINK_ID_BYTES];
    struct mail_conf mc = {.from = x->from,
                           .to = s->conf->target,
                           .subscription = s->conf->name,
                           .host = x->host,
                           .id = sink_message_id(id, s->env, m)};
    x->text = BUF_INIT(LIMIT_MAIL_BYTES);
    if (mail_text(&x->text, &mc, m, clock_now_ms()) < 0 || x->text.overflow) {
        ev_timer_set(&x->later, 0., 0.);
        ev_timer_start(s->env->loop, &x->later);
        return;
    }
    struct child_conf c = {.loop = s->env->loop,
                           .argv = x->argv,
                           .input = x->text.data,
                           .input_len = x->text.len,
                           .timeout_ms = s->conf->answer_timeout_ms,
                           .done = on_done,
                           .ctx = x};
    x->child = child_start(&c);
}

static void mail_cancel(struct sink *s)
{
    struct mail *x = (struct mail *)s;
    child_cancel(TAKE(x->child));
    over(x);
}

static void mail_free(struct sink *s)
{
    struct mail *x = (struct mail *)s;
    for (char **a = x->argv; *a; a++)
        free(*a);
    free(x->argv);
    free(x->from);
    free(x);
}

static struct sink *mail_make(const struct sink_env *env, const struct td_sub_conf *conf)
{
    struct mail *x = xcalloc(1, sizeof *x);
    ev_init(&x->later, on_later);
    x->later.data = x;
    if (gethostname(x->host, sizeof x->host - 1) < 0 || !*x->host)
        snprintf(x->host, sizeof x->host, "localhost");
    x->from = conf->from ? xstrdup(conf->from) : xasprintf("tidings@%s", x->host);
    x->argv = command(conf);
    return &x->base;
}

const struct sink_type sink_mail = {mail_make, mail_send, mail_cancel, mail_free};
