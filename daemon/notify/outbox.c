/*
 * A subscription's turn (pump): read the log while the machine has room, then do what the machine
 * says. Every callback (the log grew, the sink answered, the state is durable, a time has come)
 * leads back to it.
 */
#include "notify/outbox.h"

#include <errno.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message_ids.h"
#include "base/str.h"
#include "notify/filter.h"

#define EVENTS_A_TURN 256 /* then the others have theirs */
#define BROKEN_S      2.  /* pause after the store could not be read */
#define WAKE_MAX_S    60. /* look at the wall clock this often: it may jump while we sleep */

/* A write on its way; outlives the subscription. */
struct save {
    struct sub *s; /* NULL: it was removed */
    struct outbox *o;
    struct save *prev, *next;
};

/* A question for dead letters. */
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

struct test {
    struct outbox *o;
    struct sink *sink;
    struct td_sub_conf *conf;
    struct event_text *event;
    struct sink_event view;
    void (*done)(void *ctx, int result, const struct td_err *err);
    void *ctx;
    struct test *prev, *next;
};

struct outbox {
    struct store *store;
    struct asker *asker;
    struct stream *stream;
    const struct sink_env *env;
    struct sub *subs;
    struct save *saves;
    struct test *tests;
    struct outbox_counts count;
};

struct sub {
    struct outbox *o;
    struct td_sub_conf *conf;
    struct filter *filter;
    struct delivery d;
    struct follower *follower;
    struct sink *sink;       /* NULL: a stream */
    struct sink_event *sent; /* with the sink */
    int n_sent;
    bool sent_replay, pumping;
    unsigned turn;
    struct save *saving;
    struct replay *replaying;
    int64_t replay_more; /* go on with dead letters above this id; 0 = no */
    int64_t n_acked;     /* since the last save */
    char *error;         /* why it fails */
    ev_timer timer;
    double wait_s; /* of the turn under way: the next one comes by itself so soon; 0 = not */
    UT_hash_handle hh;
};

static void pump(struct sub *s);

/* ---- what is told --------------------------------------------------------------------------- */

#define SAY(s, level, id, ...)                                                                  \
    log_event(level, &(struct log_fields){.subscription = (s)->conf->name, .message_id = (id)}, \
              "subscription " __VA_ARGS__)

static void say_failure(struct sub *s, bool was_failing)
{
    const struct td_sub_state *t = &s->d.state;
    char wait[32];
    if (t->disabled)
        SAY(s, LOG_WARNING, MSG_SUB_DISABLED,
            "%s: the consumer answers that it is gone; disabled until tidings resume",
            s->conf->name);
    else if (!was_failing && t->next_try_at != TD_NEVER)
        SAY(s, LOG_WARNING, MSG_SUB_FAILING, "%s: %s; next try in %s", s->conf->name,
            s->error ? s->error : "failed",
            str_duration(wait, sizeof wait, MAX(t->next_try_at - clock_now_ms(), (int64_t)0)));
}

static void say_dead(struct sub *s, const struct delivery_action *a)
{
    s->o->count.dead += (uint64_t)a->n;
    SAY(s, LOG_WARNING, MSG_SUB_DEAD,
        "%s: %d event%s from %lld on not delivered in %d attempts, now dead letters: %s",
        s->conf->name, a->n, a->n == 1 ? "" : "s", (long long)a->events[0].seq, a->attempts,
        s->error ? s->error : "skipped");
}

/* ---- the sink ------------------------------------------------------------------------------- */

static void drop_ref(void *ref)
{
    event_text_unref(ref);
}

static struct sink_event view_of(const struct event_text *e)
{
    return (struct sink_event){.seq = e->seq,
                               .at = e->at,
                               .kind = e->kind,
                               .json = e->text + e->json_off,
                               .json_len = e->json_len};
}

static void sent_over(struct sub *s)
{
    free(TAKE(s->sent));
    s->n_sent = 0;
}

static void after_replay(struct sub *s, bool good)
{
    if (!good)
        s->replay_more = 0; /* what is behind it stays a dead letter too */
    else if (s->replay_more && s->d.n_replay == 0)
        sub_replay(s, s->replay_more, false, NULL, NULL);
}

static void on_answer(void *ctx, const struct sink_answer *a)
{
    struct sub *s = ctx;
    bool good = a->answer == DELIVERY_ACK, was_failing = s->d.state.failing_since != TD_NEVER;
    bool replay = s->sent_replay;
    (good ? s->o->count.delivered : s->o->count.failed)[s->conf->sink]++;
    s->n_acked += good ? s->n_sent : 0;
    xreplace(&s->error, good ? NULL : a->err.msg);
    sent_over(s);
    delivery_answered(&s->d, s->turn, a->answer, a->retry_after_at, clock_now_ms());
    if (!good && (!replay || a->answer == DELIVERY_GONE))
        say_failure(s, was_failing);
    if (good && was_failing && !replay)
        SAY(s, LOG_NOTICE, MSG_SUB_WORKS, "%s: works again", s->conf->name);
    if (replay)
        after_replay(s, good);
    pump(s);
}

static void begin_send(struct sub *s, const struct delivery_action *a)
{
    s->sent = xcalloc((size_t)a->n, sizeof *s->sent);
    s->n_sent = a->n;
    s->sent_replay = a->is_replay;
    s->turn = a->turn;
    for (int i = 0; i < a->n; i++)
        s->sent[i] = view_of(a->events[i].ref);
    struct sink_message m = {.events = s->sent, .n = a->n, .attempt = a->attempts};
    sink_send(s->sink, &m, on_answer, s);
}

static void cancel_send(struct sub *s)
{
    sink_cancel(s->sink);
    sent_over(s);
}

/* ---- the store ------------------------------------------------------------------------------ */

static void on_saved(void *ctx, int result, const struct td_err *err)
{
    struct save *v = ctx;
    struct sub *s = v->s;
    DL_DELETE(v->o->saves, v);
    free(v);
    if (!s)
        return;
    s->saving = NULL;
    delivery_stored(&s->d);
    pump(s);
}

static void begin_save(struct sub *s, const struct delivery_action *a)
{
    struct store_sub_save save = {.state = a->state,
                                  .error = xstrdup_or_null(s->error),
                                  .n_delivered = s->n_acked,
                                  .attempts = a->attempts,
                                  .replayed = a->replayed};
    s->n_acked = 0;
    if (a->n) {
        say_dead(s, a);
        save.dead = xcalloc((size_t)a->n, sizeof *save.dead);
        save.n_dead = (size_t)a->n;
        for (int i = 0; i < a->n; i++) {
            struct sink_event e = view_of(a->events[i].ref);
            save.dead[i] = (struct store_dead){e.seq, xstrndup(e.json, e.json_len)};
        }
    }
    struct save *v = s->saving = xcalloc(1, sizeof *v);
    *v = (struct save){.s = s, .o = s->o};
    DL_APPEND(s->o->saves, v);
    store_sub_save(s->o->store, s->conf->name, &save, on_saved, v);
}

static void wake_in(struct sub *s, double seconds)
{
    seconds = MIN(seconds, WAKE_MAX_S);
    s->wait_s = s->wait_s > 0. ? MIN(s->wait_s, seconds) : seconds;
}

/* ---- the log -------------------------------------------------------------------------------- */

static void on_wake(void *ctx)
{
    pump(ctx);
}

static void follow(struct sub *s, int64_t after)
{
    follower_free(s->follower);
    struct follower_conf c = {
        .after = after, .until = INT64_MAX, .filter = s->filter, .wake = on_wake, .ctx = s};
    s->follower = follower_new(s->o->stream, &c);
}

/* The log does not have what comes next. */
static void bridge_gap(struct sub *s, const struct td_err *err)
{
    int64_t at = s->d.passed, end = store_last_seq(s->o->store);
    if (at > end) { /* another or an older store */
        SAY(s, LOG_WARNING, MSG_SUB_GAP,
            "%s: its position %lld is beyond the end of the log; goes on from %lld", s->conf->name,
            (long long)at, (long long)end);
        delivery_rewind(&s->d, end);
        follow(s, end);
        return;
    }
    SAY(s, LOG_WARNING, MSG_SUB_GAP,
        "%s: events after %lld are not kept any more and were not delivered; goes on with the "
        "oldest "
        "that is",
        s->conf->name, (long long)at);
    follow(s, 0);
}

static void offer(struct sub *s, const struct event_text *e)
{
    struct delivery_event d = {.seq = e->seq,
                               .at = e->at,
                               .bytes = event_text_bytes(e),
                               .ref = event_text_ref((struct event_text *)e)};
    delivery_offer(&s->d, &d, true, clock_now_ms());
}

/* True: there is more, at once. */
static bool read_log(struct sub *s)
{
    const struct event_text *e;
    struct td_err err;
    int r = 0, n = 0;
    while (delivery_has_room(&s->d) && n < EVENTS_A_TURN &&
           (r = follower_next(s->follower, &e, &err)) > 0) {
        if (e->seq > s->d.passed)
            offer(s, e);
        n++;
    }
    if (r == -ESTALE && s->d.passed > 0) {
        bridge_gap(s, &err);
        return true;
    }
    if (r < 0 && r != -ESHUTDOWN) {
        xreplace(&s->error, err.msg);
        follow(s, s->d.passed);
        wake_in(s, BROKEN_S);
        return false;
    }
    if (r == 0 && n < EVENTS_A_TURN)
        delivery_pass(&s->d, follower_position(s->follower), clock_now_ms());
    return n == EVENTS_A_TURN;
}

/* ---- a turn --------------------------------------------------------------------------------- */

static void act(struct sub *s)
{
    for (;;) {
        int64_t now = clock_now_ms();
        struct delivery_action a = delivery_next(&s->d, now);
        if (a.act == DELIVERY_SEND)
            begin_send(s, &a);
        if (a.act == DELIVERY_STORE)
            begin_save(s, &a);
        if (a.act != DELIVERY_WAIT)
            continue;
        if (a.wake_at != TD_NEVER)
            wake_in(s, MAX((double)(a.wake_at - now) / 1000., 0.001));
        return;
    }
}

static void pump(struct sub *s)
{
    if (!s->sink || s->pumping)
        return;
    s->pumping = true; /* a follower may wake from within */
    ev_timer_stop(s->o->env->loop, &s->timer);
    s->wait_s = 0.;
    bool more = read_log(s);
    act(s);
    if (more && delivery_has_room(&s->d))
        wake_in(s, 1e-6);
    if (s->wait_s > 0.) {
        ev_now_update(s->o->env->loop);
        ev_timer_set(&s->timer, s->wait_s, 0.);
        ev_timer_start(s->o->env->loop, &s->timer);
    }
    s->pumping = false;
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
    pump(t->data);
}

/* ---- subscriptions -------------------------------------------------------------------------- */

struct outbox *outbox_new(struct store *store, struct asker *asker, struct stream *stream,
                          const struct sink_env *env)
{
    struct outbox *o = xcalloc(1, sizeof *o);
    *o = (struct outbox){.store = store, .asker = asker, .stream = stream, .env = env};
    return o;
}

/* Everything but name and position. */
static void stop(struct sub *s)
{
    ev_timer_stop(s->o->env->loop, &s->timer);
    sink_close(TAKE(s->sink));
    sent_over(s);
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
    s->sink = sink_open(s->o->env, s->conf);
    if (s->sink)
        follow(s, state->seq);
    pump(s);
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
    int r = filter_of(o, conf, &filter, err);
    if (r < 0) {
        td_sub_conf_free(conf);
        return r;
    }
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
    HASH_DEL(o->subs, s);
    td_sub_conf_free(s->conf);
    s->conf = conf;
    s->filter = filter;
    s->replay_more = 0;
    HASH_ADD_KEYPTR(hh, o->subs, conf->name, strlen(conf->name), s);
    if (saving) { /* its answer belongs to what was */
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
    if (s->replaying)
        s->replaying->s = NULL;
    td_sub_conf_free(s->conf);
    free(s->error);
    free(s);
}

void outbox_remove(struct outbox *o, struct sub *s)
{
    HASH_DEL(o->subs, s);
    sub_free(s);
}

static void test_free(struct test *t)
{
    DL_DELETE(t->o->tests, t);
    sink_close(t->sink);
    event_text_unref(t->event);
    td_sub_conf_free(t->conf);
    free(t);
}

void outbox_free(struct outbox *o)
{
    struct sub *s, *next;
    struct save *v;
    if (!o)
        return;
    HASH_ITER (hh, o->subs, s, next)
        outbox_remove(o, s);
    while ((v = o->saves)) {
        DL_DELETE(o->saves, v);
        free(v);
    }
    while (o->tests)
        test_free(o->tests);
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

/* ---- what users ask ------------------------------------------------------------------------- */

void sub_pause(struct sub *s)
{
    delivery_pause(&s->d);
    pump(s);
}

void sub_resume(struct sub *s)
{
    delivery_resume(&s->d);
    pump(s);
}

void sub_rewind(struct sub *s, int64_t seq)
{
    if (delivery_rewind(&s->d, seq))
        cancel_send(s);
    xreplace(&s->error, NULL);
    if (s->sink)
        follow(s, seq);
    pump(s);
}

int sub_skip(struct sub *s)
{
    int n;
    if (delivery_skip(&s->d, &n))
        cancel_send(s);
    pump(s);
    return n;
}

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
        pump(s);
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

/* ---- a made-up event ------------------------------------------------------------------------ */

static void on_tested(void *ctx, const struct sink_answer *a)
{
    struct test *t = ctx;
    bool good = a->answer == DELIVERY_ACK;
    t->done(t->ctx, good ? 0 : -EBADMSG, good ? NULL : &a->err);
    test_free(t);
}

static struct event_text *sample(int64_t now)
{
    CLEANUP_BUF struct buf b = BUF_INIT(4096);
    struct jw w = {.b = &b};
    char at[CLOCK_TEXT];
    clock_rfc3339(at, now);
    jw_begin_object(&w, NULL);
    jw_int(&w, "seq", 0);
    jw_str(&w, "event", "item.new");
    jw_str(&w, "at", at);
    jw_begin_object(&w, "item");
    jw_str(&w, "id", "urn:tidings:test");
    jw_str(&w, "url", "https://example.org/tidings-test");
    jw_str(&w, "title", "A test of tidings");
    jw_str(&w, "content_html", "<p>This is no news: it shows that messages arrive.</p>");
    jw_str(&w, "date_published", at);
    jw_begin_object(&w, "_tidings");
    jw_int(&w, "item_id", 0);
    jw_int(&w, "feed_id", 0);
    jw_str(&w, "feed", "test");
    jw_str(&w, "feed_title", "Test of tidings");
    jw_str(&w, "first_seen", at);
    jw_int(&w, "revision", 1);
    jw_bool(&w, "test", true);
    jw_end_object(&w);
    jw_end_object(&w);
    jw_end_object(&w);
    return event_text_kept(0, now, buf_str(&b), b.len);
}

void outbox_test(struct outbox *o, const struct td_sub_conf *conf,
                 void (*done)(void *ctx, int result, const struct td_err *err), void *ctx)
{
    struct td_err err;
    struct test *t = xcalloc(1, sizeof *t);
    *t = (struct test){.o = o, .conf = td_sub_conf_copy(conf), .done = done, .ctx = ctx};
    t->sink = sink_open(o->env, t->conf);
    if (!t->sink) {
        td_err(&err, 0, "%s is a stream: its consumer asks for events", conf->name);
        done(ctx, -EINVAL, &err);
        td_sub_conf_free(t->conf);
        free(t);
        return;
    }
    DL_APPEND(o->tests, t);
    t->event = sample(clock_now_ms());
    t->view = view_of(t->event);
    struct sink_message m = {.events = &t->view, .n = 1, .attempt = 1};
    sink_send(t->sink, &m, on_tested, t);
}

void outbox_count(struct outbox *o, struct outbox_counts *ret)
{
    *ret = o->count;
    for (const struct sub *s = o->subs; s; s = s->hh.next) {
        ret->subs++;
        ret->paused += s->d.state.paused;
        ret->disabled += s->d.state.disabled;
        ret->failing += s->d.state.failing_since != TD_NEVER && !s->d.state.disabled;
    }
}
