/*
 * What the journal is told of a subscription: one line when its state changes, none while it stays
 * so. A consumer that works at one message and fails at the next changes with every event: after
 * LIMIT_SUB_LINES lines the state is looked at every LIMIT_SUB_LINE_MS only, and told if it is
 * another one than was told last.
 */
#include "notify/outbox_private.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message_ids.h"
#include "base/str.h"

static enum sub_health health(const struct sub *s)
{
    return s->d.state.disabled                    ? SUB_DISABLED
           : s->d.state.failing_since == TD_NEVER ? SUB_WORKS
           : s->gives_up                          ? SUB_GIVES_UP
                                                  : SUB_FAILS;
}

#define SAY(s, level, id, ...)                                                                  \
    log_event(level, &(struct log_fields){.subscription = (s)->conf->name, .message_id = (id)}, \
              "subscription " __VA_ARGS__)

static void say(const struct sub *s)
{
    const char *name = s->conf->name, *error = s->error ? s->error : "failed";
    int64_t n = (int64_t)s->n_dead, again = s->d.state.next_try_at;
    char dead[80] = "", wait[32];
    if (n)
        snprintf(dead, sizeof dead, "%lld event%s from %lld on", (long long)n, n == 1 ? "" : "s",
                 (long long)s->dead_from);
    switch (s->told) {
    case SUB_WORKS:
        SAY(s, LOG_NOTICE, MSG_SUB_WORKS, "%s: works again%s%s%s", name, n ? "; " : "", dead,
            n ? ": dead letters" : "");
        break;
    case SUB_FAILS:
        SAY(s, LOG_WARNING, MSG_SUB_FAILING, "%s: %s; next try in %s", name, error,
            str_duration(wait, sizeof wait,
                         again == TD_NEVER ? 0 : MAX(again - clock_now_ms(), (int64_t)0)));
        break;
    case SUB_GIVES_UP:
        SAY(s, LOG_WARNING, MSG_SUB_DEAD, "%s: %s not delivered, now dead letters: %s", name, dead,
            error);
        break;
    case SUB_DISABLED:
        SAY(s, LOG_WARNING, MSG_SUB_DISABLED,
            "%s: the consumer answers that it is gone; disabled until tidings subscriptions resume",
            name);
        break;
    }
}

int64_t sub_tell(struct sub *s)
{
    int64_t now = clock_mono_ms(), full = (LIMIT_SUB_LINES - 1) * LIMIT_SUB_LINE_MS;
    if (health(s) == s->told)
        return 0;
    if (s->tell_at > now + full)
        return s->tell_at - full - now;
    s->tell_at = MAX(s->tell_at, now) + LIMIT_SUB_LINE_MS;
    s->told = health(s);
    say(s);
    if (s->told == SUB_WORKS || s->told == SUB_GIVES_UP)
        s->n_dead = 0;
    return 0;
}

void sub_tell_nothing(struct sub *s)
{
    s->told = health(s);
}

void sub_tell_gap(struct sub *s, int64_t at, int64_t end)
{
    if (at > end) /* another or an older store */
        SAY(s, LOG_WARNING, MSG_SUB_GAP,
            "%s: its position %lld is beyond the end of the log; goes on from %lld", s->conf->name,
            (long long)at, (long long)end);
    else
        SAY(s, LOG_WARNING, MSG_SUB_GAP,
            "%s: events after %lld are not kept any more and were not delivered; goes on with the "
            "oldest that is",
            s->conf->name, (long long)at);
}
