/*
 * Dead letters that go out again: read from the store, a batch at a time, and put before what is
 * next in the log.
 */
#include "notify/outbox_private.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

struct replay {
    struct ask ask;
    struct sub *s; /* NULL: it was removed */
    char *name;
    int64_t after;
    bool one;
    struct event_text *events[LIMIT_SUB_BATCH];
    int64_t ids[LIMIT_SUB_BATCH];
    int n, result;
    size_t bytes;
    struct td_err err;
    sub_replayed_fn *done;
    void *ctx;
};

static int take_letter(void *ctx, const struct dead_row *row)
{
    struct replay *r = ctx;
    r->events[r->n] = event_text_kept(row->seq, row->at, row->event, strlen(row->event));
    r->bytes += event_text_bytes(r->events[r->n]);
    r->ids[r->n++] = row->id;
    return r->bytes > LIMIT_SUB_BYTES;
}

static void run_replay(struct ask *a, struct reader *reader)
{
    struct replay *r = CONTAINER_OF(a, struct replay, ask);
    r->result = reader_dead_letters(reader, r->name, r->after, r->one ? 1 : LIMIT_SUB_BATCH,
                                    take_letter, r, &r->err);
}

static void replay_done(struct ask *a)
{
    struct replay *r = CONTAINER_OF(a, struct replay, ask);
    struct sub *s = r->s;
    if (s) {
        s->replaying = NULL;
        s->replay_more = r->n && !r->one ? r->ids[r->n - 1] : 0;
    }
    for (int i = 0; i < r->n; i++) {
        struct delivery_event e = {.seq = r->events[i]->seq,
                                   .id = r->ids[i],
                                   .bytes = event_text_bytes(r->events[i]),
                                   .ref = r->events[i]};
        if (!s || !delivery_replay(&s->d, &e))
            event_text_unref(r->events[i]);
    }
    if (r->done)
        r->done(r->ctx, r->result < 0 ? r->result : r->n, &r->err);
    free(r->name);
    free(r);
    if (s)
        sub_pump(s);
}

void sub_replay(struct sub *s, int64_t after, bool one, sub_replayed_fn *done, void *ctx)
{
    struct td_err err = {""};
    if (s->replaying || s->d.n_replay) {
        td_err(&err, 0, "dead letters of %s are being replayed already", s->conf->name);
        if (done)
            done(ctx, -EBUSY, &err);
        return;
    }
    struct replay *r = xcalloc(1, sizeof *r);
    *r = (struct replay){.ask = {.run = run_replay, .done = replay_done},
                         .s = s,
                         .name = xstrdup(s->conf->name),
                         .after = after,
                         .one = one,
                         .done = done,
                         .ctx = ctx};
    s->replaying = r;
    if (asker_ask(s->o->asker, &r->ask) == 0)
        return;
    s->replaying = NULL;
    td_err(&err, 0, "the daemon is stopping");
    if (done)
        done(ctx, -ESHUTDOWN, &err);
    free(r->name);
    free(r);
}

void replay_orphan(struct replay *r)
{
    if (r)
        r->s = NULL;
}
