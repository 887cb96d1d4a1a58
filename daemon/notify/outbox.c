/*
 * Which subscriptions there are, and what users ask of one. What one does by itself is its turn
 * (outbox_turn.c).
 */
#include "notify/outbox_private.h"

#include <errno.h>
#include <string.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/mem.h"

/* ---- subscriptions -------------------------------------------------------------------------- */

struct outbox *outbox_new(struct store *store, struct asker *asker, struct stream *stream,
                          const struct sink_env *env)
{
    struct outbox *o = xcalloc(1, sizeof *o);
    *o = (struct outbox){.store = store, .asker = asker, .stream = stream, .env = env};
    return o;
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
    sub_pump(t->data);
}

static void drop_ref(void *ref)
{
    event_text_unref(ref);
}

/* Everything but name and position. */
static void stop(struct sub *s)
{
    ev_timer_stop(s->o->env->loop, &s->timer);
    sub_cancel_send(s);
    sink_close(TAKE(s->sink));
    follower_free(TAKE(s->follower));
    filter_free(TAKE(s->filter));
    delivery_fini(&s->d);
}

/* ANEW: with another definition than STATE is from. */
static void start(struct sub *s, const struct td_sub_state *state, bool anew)
{
    struct delivery_conf c = {.batch = s->conf->batch,
                              .collect_ms = s->conf->collect_ms,
                              .retry_ms = s->conf->retry_ms,
                              .n_retry = s->conf->n_retry,
                              .drop = drop_ref};
    delivery_init(&s->d, &c, state);
    if (anew && (state->disabled || state->next_try_at != TD_NEVER))
        delivery_anew(&s->d);
    sub_tell_nothing(s);
    s->sink = sink_open(s->o->env, s->conf);
    if (s->sink)
        sub_follow(s, state->seq);
    sub_pump(s);
}

static int filter_of(struct outbox *o, const struct td_sub_conf *conf, struct filter **ret,
                     struct td_err *err)
{
    int r = filter_new(ret, o->stream, conf->events, conf->query, err);
    if (r == 0 && conf->per == TD_PER_ARTICLE)
        filter_set_articles(*ret);
    if (r == 0)
        filter_set_strictness(*ret, conf->strictness);
    return r;
}

int outbox_add(struct outbox *o, struct td_sub_conf *conf, const struct sub_row *row,
               struct td_err *err)
{
    struct filter *filter;
    struct td_err why = {""};
    int r = filter_of(o, conf, &filter, &why);
    if (r < 0) {
        outbox_set_idle(o, row->name, conf, why.msg);
        return td_err(err, r, "%s", why.msg);
    }
    outbox_forget_idle(o, row->name);
    struct sub *s = xcalloc(1, sizeof *s);
    *s = (struct sub){.o = o, .conf = conf, .filter = filter};
    s->error = xstrdup_or_null(row->error);
    ev_init(&s->timer, on_timer);
    s->timer.data = s;
    HASH_ADD_KEYPTR(hh, o->subs, conf->name, strlen(conf->name), s);
    start(s, &row->state, false);
    return 0;
}

int outbox_change(struct outbox *o, struct sub *s, struct td_sub_conf *conf, struct td_err *err)
{
    struct filter *filter;
    int r = filter_of(o, conf, &filter, err);
    if (r < 0) {
        td_sub_conf_free(conf);
        return r;
    }
    struct td_sub_state state = s->d.state;
    bool saving = s->saving, anew = !td_sub_conf_same(s->conf, conf);
    stop(s);
    td_sub_conf_free(s->conf);
    s->conf = conf;
    s->filter = filter;
    s->replay_more = 0;
    s->hh.key = conf->name; /* the same, and it stays in its place: who goes through all goes on */
    if (saving) {           /* its answer belongs to what was */
        s->saving->s = NULL;
        s->saving = NULL;
    }
    start(s, &state, anew);
    return 0;
}

static void sub_free(struct sub *s)
{
    stop(s);
    if (s->saving)
        s->saving->s = NULL;
    replay_orphan(s->replaying);
    td_sub_conf_free(s->conf);
    free(s->error);
    free(s);
}

void outbox_remove(struct outbox *o, struct sub *s)
{
    HASH_DEL(o->subs, s);
    sub_free(s);
}

void outbox_free(struct outbox *o)
{
    struct sub *s, *next;
    struct save *v;
    if (!o)
        return;
    HASH_ITER (hh, o->subs, s, next)
        outbox_remove(o, s);
    while (o->idle)
        outbox_forget_idle(o, o->idle->name);
    while ((v = o->saves)) {
        DL_DELETE(o->saves, v);
        free(v);
    }
    tests_free(o);
    free(o);
}

struct sub *outbox_find(struct outbox *o, const char *name)
{
    struct sub *s;
    HASH_FIND_STR(o->subs, name, s);
    return s;
}

struct sub *outbox_next(struct outbox *o, const struct sub *after)
{
    return after ? after->hh.next : o->subs;
}

const struct td_sub_conf *sub_conf(const struct sub *s)
{
    return s->conf;
}

const struct filter *sub_filter(const struct sub *s)
{
    return s->filter;
}

/* ---- those that do not run ------------------------------------------------------------------ */

static struct idle *find_idle(const struct outbox *o, const char *name)
{
    struct idle *i;
    HASH_FIND_STR(o->idle, name, i);
    return i;
}

void outbox_forget_idle(struct outbox *o, const char *name)
{
    struct idle *i = find_idle(o, name);
    if (!i)
        return;
    HASH_DEL(o->idle, i);
    td_sub_conf_free(i->conf);
    free(i->name);
    free(i->why);
    free(i);
}

void outbox_set_idle(struct outbox *o, const char *name, struct td_sub_conf *conf, const char *why)
{
    struct idle *i = xcalloc(1, sizeof *i);
    *i = (struct idle){.name = xstrdup(name), .why = xstrdup(why), .conf = conf};
    outbox_forget_idle(o, name);
    HASH_ADD_KEYPTR(hh, o->idle, i->name, strlen(i->name), i);
}

const char *outbox_why_idle(const struct outbox *o, const char *name)
{
    const struct idle *i = find_idle(o, name);
    return i ? i->why : NULL;
}

const struct td_sub_conf *outbox_idle_conf(const struct outbox *o, const char *name)
{
    const struct idle *i = find_idle(o, name);
    return i ? i->conf : NULL;
}

const struct td_sub_conf *outbox_next_idle(const struct outbox *o, const char *after)
{
    const struct idle *i = after ? find_idle(o, after)->hh.next : o->idle;
    while (i && !i->conf)
        i = i->hh.next;
    return i ? i->conf : NULL;
}

/* ---- what users ask ------------------------------------------------------------------------- */

void sub_pause(struct sub *s)
{
    delivery_pause(&s->d);
    sub_pump(s);
}

void sub_resume(struct sub *s)
{
    delivery_resume(&s->d);
    sub_tell_nothing(s);
    sub_pump(s);
}

void sub_rewind(struct sub *s, int64_t seq)
{
    if (delivery_rewind(&s->d, seq))
        sub_cancel_send(s);
    xreplace(&s->error, NULL);
    if (s->sink)
        sub_follow(s, seq);
    sub_pump(s);
}

int sub_skip(struct sub *s)
{
    int n;
    if (delivery_skip(&s->d, &n))
        sub_cancel_send(s);
    sub_pump(s);
    return n;
}

void sub_json(const struct sub *s, struct jw *w)
{
    const struct td_sub_state *t = &s->d.state;
    jw_str(w, "state",
           !s->sink                       ? "stream"
           : t->disabled                  ? "disabled"
           : t->paused                    ? "paused"
           : t->failing_since != TD_NEVER ? "failing"
                                          : "ok");
    jw_str(w, "error", s->error);
    jw_time(w, "failing_since", t->failing_since);
    if (t->failures)
        jw_int(w, "failures", t->failures);
    if (!t->paused && !t->disabled)
        jw_time(w, "next_try_at", t->next_try_at);
    if (s->n_sent)
        jw_int(w, "sending", s->n_sent);
    if (s->d.n_replay)
        jw_int(w, "replaying", s->d.n_replay);
}

void outbox_count(struct outbox *o, struct outbox_counts *ret)
{
    *ret = o->count;
    ret->idle = HASH_COUNT(o->idle);
    for (const struct sub *s = o->subs; s; s = s->hh.next) {
        ret->subs++;
        ret->paused += s->d.state.paused;
        ret->disabled += s->d.state.disabled;
        ret->failing += s->d.state.failing_since != TD_NEVER && !s->d.state.disabled;
    }
}
