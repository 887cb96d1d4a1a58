#include "notify/sink.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"

static const struct sink_type *const types[TD_SINKS] = {
    [TD_SINK_WEBHOOK] = &sink_webhook,
    [TD_SINK_EXEC] = &sink_exec,
    [TD_SINK_FILE] = &sink_file,
    [TD_SINK_MAIL] = &sink_mail,
};

struct sink *sink_open(const struct sink_env *env, const struct td_sub_conf *conf)
{
    const struct sink_type *type = types[conf->sink];
    if (!type)
        return NULL;
    struct sink *s = type->make(env, conf);
    *s = (struct sink){.type = type, .env = env, .conf = conf};
    return s;
}

void sink_send(struct sink *s, const struct sink_message *m, sink_done_fn *done, void *ctx)
{
    s->busy = true;
    s->done = done;
    s->ctx = ctx;
    s->type->send(s, m);
}

void sink_cancel(struct sink *s)
{
    if (s && s->busy)
        s->type->cancel(s);
    if (s)
        s->busy = false;
}

void sink_close(struct sink *s)
{
    if (!s)
        return;
    sink_cancel(s);
    s->type->free(s);
}

void sink_answer(struct sink *s, enum delivery_answer answer, int64_t retry_after_at,
                 const struct td_err *err)
{
    struct sink_answer a = {.answer = answer, .retry_after_at = retry_after_at};
    if (err)
        a.err = *err;
    s->busy = false;
    s->done(s->ctx, &a); /* may free S */
}

const char *sink_message_id(char buf[SINK_ID_BYTES], const struct sink_env *env,
                            const struct sink_message *m)
{
    int64_t first = m->events[0].seq, last = m->events[m->n - 1].seq;
    if (first == last)
        snprintf(buf, SINK_ID_BYTES, "%s-%lld", env->instance, (long long)first);
    else
        snprintf(buf, SINK_ID_BYTES, "%s-%lld-%lld", env->instance, (long long)first,
                 (long long)last);
    return buf;
}
