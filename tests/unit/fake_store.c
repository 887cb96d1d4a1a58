#include "fake_store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_EVENTS  200000
#define MAX_CURSORS 8

struct job {
    store_run_fn *run;
    void *ctx;
    struct job *next;
};

struct answer {
    store_done_fn *done;
    void *ctx;
    int result;
    struct answer *next;
};

struct reader {
    struct store *s;
};

struct store {
    struct ev_loop *loop;
    ev_async answered;
    void (*log_grew)(void *, int64_t);
    void *ctx;
    struct reader reader;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job *jobs;
    struct answer *answers; /* loop thread: what was written waits for one turn, as in life */
    int held, stop, failing;
    int64_t last, hidden, first, hole_from, hole_to, placed;
    size_t bytes[MAX_EVENTS];
    struct {
        char name[LIMIT_NAME_BYTES + 1];
        int64_t seq;
    } cursors[MAX_CURSORS];
    struct fake_sub subs[FAKE_SUBS];
    struct td_feed_conf conf[2];
    struct td_feed_state state[2];
};

static void *reader_main(void *arg)
{
    struct store *s = arg;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        struct job *j = s->held ? NULL : s->jobs;
        if (!j) {
            pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        s->jobs = j->next;
        pthread_mutex_unlock(&s->lock);
        j->run(&s->reader, j->ctx);
        free(j);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void on_answered(struct ev_loop *loop, ev_async *w, int revents)
{
    struct store *s = w->data;
    struct answer *next;
    for (struct answer *a = TAKE(s->answers); a; a = next) {
        struct td_err err = {"the fake store says no"};
        next = a->next;
        if (a->done)
            a->done(a->ctx, a->result, &err);
        free(a);
    }
}

struct store *fake_store_new(struct ev_loop *loop, void (*log_grew)(void *, int64_t), void *ctx)
{
    static char names[2][8] = {"alpha", "beta"},
                urls[2][32] = {"http://a.example/feed", "http://b.example/feed"};
    static char tag[] = "news\ntech", error[] = "HTTP 404: Not Found";
    struct store *s = xcalloc(1, sizeof *s);
    s->loop = loop;
    s->log_grew = log_grew;
    s->ctx = ctx;
    s->first = 1;
    s->placed = INT64_MAX;
    s->reader.s = s;
    for (int i = 0; i < 2; i++) {
        s->conf[i] = (struct td_feed_conf){.name = names[i], .url = urls[i], .enabled = true};
        td_feed_state_init(&s->state[i]);
        s->state[i].feed_id = i + 1;
    }
    s->conf[0].tags = tag;
    s->conf[1].origin = TD_ORIGIN_API;
    s->state[1].error = error;
    s->state[1].n_failures = 2;
    td_feed_state_note(&s->state[1], &(struct td_fetch_note){
                                         .at = 1000, .outcome = TD_OUT_HTTP, .http_status = 404});
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    ev_async_init(&s->answered, on_answered);
    s->answered.data = s;
    ev_async_start(loop, &s->answered);
    if (pthread_create(&s->thread, NULL, reader_main, s) != 0)
        abort();
    return s;
}

void fake_store_free(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = 1;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    while (s->jobs) {
        struct job *j = s->jobs;
        s->jobs = j->next;
        free(j);
    }
    while (s->answers) {
        struct answer *a = s->answers;
        s->answers = a->next;
        free(a);
    }
    ev_async_stop(s->loop, &s->answered);
    free(s->state[1].history);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}

#define LOCKED(s, what)                   \
    do {                                  \
        pthread_mutex_lock(&s->lock);     \
        what;                             \
        pthread_cond_signal(&s->changed); \
        pthread_mutex_unlock(&s->lock);   \
    } while (0)

void fake_store_append(struct store *s, int n, size_t bytes)
{
    LOCKED(s, {
        for (int i = 0; i < n; i++) {
            if (s->last + 1 >= MAX_EVENTS)
                abort();
            s->bytes[++s->last] = bytes;
        }
    });
    s->log_grew(s->ctx, s->last);
}

void fake_store_append_hidden(struct store *s, int n)
{
    LOCKED(s, {
        for (int i = 0; i < n; i++)
            s->bytes[++s->last] = 10;
        s->hidden += n;
    });
}

void fake_store_announce(struct store *s)
{
    LOCKED(s, s->hidden = 0);
    s->log_grew(s->ctx, s->last);
}

void fake_store_drop(struct store *s, int64_t seq)
{
    LOCKED(s, s->first = seq + 1);
}

void fake_store_hole(struct store *s, int64_t from, int64_t to)
{
    LOCKED(s, {
        s->hole_from = from;
        s->hole_to = to;
    });
}

void fake_store_place(struct store *s, int64_t seq)
{
    LOCKED(s, s->placed = seq);
    s->log_grew(s->ctx, store_last_seq(s));
}

void fake_store_hold(struct store *s, int hold)
{
    LOCKED(s, s->held = hold);
}

void fake_store_break(struct store *s, int n)
{
    LOCKED(s, s->failing = n);
}

/* ---- store.h -------------------------------------------------------------------------------- */

void store_read(struct store *s, store_run_fn *run, store_ran_fn *done, void *ctx)
{
    struct job *j = xcalloc(1, sizeof *j);
    *j = (struct job){.run = run, .ctx = ctx};
    LOCKED(s, {
        struct job **p = &s->jobs;
        while (*p)
            p = &(*p)->next;
        *p = j;
    });
}

int64_t store_stories_placed(const struct store *cs)
{
    struct store *s = (struct store *)cs;
    int64_t placed;
    LOCKED(s, placed = s->placed);
    return placed;
}

int64_t store_last_seq(const struct store *cs)
{
    struct store *s = (struct store *)cs;
    int64_t last;
    LOCKED(s, last = s->last - s->hidden);
    return last;
}

static void answer(struct store *s, store_done_fn *done, void *ctx, int result)
{
    struct answer *a = xcalloc(1, sizeof *a), **p = &s->answers;
    *a = (struct answer){.done = done, .ctx = ctx, .result = result};
    while (*p)
        p = &(*p)->next;
    *p = a;
    ev_async_send(s->loop, &s->answered);
}

void store_cursor_set(struct store *s, const char *name, int64_t seq, store_done_fn *done,
                      void *ctx)
{
    int result = -ENOSPC;
    LOCKED(s, {
        for (int i = 0; i < MAX_CURSORS && result < 0; i++) {
            if (s->cursors[i].name[0] && !str_eq(s->cursors[i].name, name))
                continue;
            snprintf(s->cursors[i].name, sizeof s->cursors[i].name, "%s", name);
            s->cursors[i].seq = seq;
            result = 0;
        }
    });
    answer(s, done, ctx, result);
}

void store_cursor_delete(struct store *s, const char *name, store_done_fn *done, void *ctx)
{
    LOCKED(s, {
        for (int i = 0; i < MAX_CURSORS; i++)
            if (str_eq(s->cursors[i].name, name))
                s->cursors[i].name[0] = 0;
    });
    answer(s, done, ctx, 0);
}

void store_story_fix(struct store *s, enum store_story_fix what, int64_t a, int64_t b,
                     store_done_fn *done, void *ctx)
{
    struct td_err err;
    if (a == 404)
        done(ctx, td_err(&err, -ENOENT, "there is no item 404 in a story"), &err);
    else
        done(ctx, b ? (int)b : 9, NULL);
}

void store_vacuum(struct store *s, store_done_fn *done, void *ctx)
{
    answer(s, done, ctx, 0);
}

/* ---- reader.h ------------------------------------------------------------------------------- */

static int broken(struct store *s, struct td_err *err)
{
    int result = 0;
    LOCKED(s, {
        if (s->failing > 0) {
            s->failing--;
            result = td_err(err, -EIO, "the disk is broken");
        }
    });
    return result;
}

/* Calls CB with the row of item N: its JSON has BYTES of text. */
static int with_item(struct store *s, int64_t n, int (*cb)(void *, const struct item_row *),
                     void *ctx)
{
    size_t bytes;
    LOCKED(s, bytes = s->bytes[n]);
    struct buf b = BUF_INIT(bytes + 200);
    /* A raw line break, as a parser child that was taken over might send it. */
    buf_addf(&b, "{\"id\":\"i%lld\",\n\"title\":\"Item %lld\",\"content_text\":\"", (long long)n,
             (long long)n);
    if (bytes && buf_reserve(&b, bytes) == 0) {
        memset(b.data + b.len, 'x', bytes);
        b.len += bytes;
    }
    buf_adds(&b, "\"}");
    struct item_row row = {.item_id = n,
                           .feed_id = 1,
                           .feed = "alpha",
                           .first_seen = 1000 * n,
                           .revision = 1,
                           .date_published = TD_NEVER,
                           .json = b.data,
                           .json_len = b.len};
    int r = cb(ctx, &row);
    buf_free(&b);
    return r;
}

int reader_items(struct reader *r, const struct item_query *q, item_row_fn *cb, void *ctx,
                 struct td_err *err)
{
    struct store *s = r->s;
    int64_t n = q->before_id ? q->before_id - 1 : store_last_seq(s);
    if (q->query && str_eq(q->query, "\""))
        return td_err(err, -EINVAL, "query: a \" is not closed at 1");
    for (int i = 0; n > 0 && i < q->limit; i++, n--)
        if (with_item(s, n, cb, ctx))
            break;
    return broken(s, err);
}

int reader_item(struct reader *r, int64_t item_id, item_row_fn *cb, void *ctx, struct td_err *err)
{
    if (item_id > store_last_seq(r->s))
        return -ENOENT;
    with_item(r->s, item_id, cb, ctx);
    return 0;
}

int reader_revisions(struct reader *r, int64_t item_id, item_row_fn *cb, void *ctx,
                     struct td_err *err)
{
    int result = reader_item(r, item_id, cb, ctx, err);
    return result < 0 ? result : reader_item(r, item_id, cb, ctx, err);
}

struct event_ctx {
    int64_t seq, placed;
    event_row_fn *cb;
    void *ctx;
};

static int as_event(void *ctx, const struct item_row *item)
{
    struct event_ctx *e = ctx;
    struct event_row row = {.seq = e->seq,
                            .at = e->seq * 1000,
                            .feed_id = 1,
                            .item_id = item->item_id,
                            .revision = 1,
                            .kind = "item.new",
                            .item = *item,
                            .story.waits = e->seq > e->placed};
    return e->cb(e->ctx, &row);
}

int reader_events(struct reader *r, int64_t after, int limit, event_row_fn *cb, void *ctx,
                  struct td_err *err)
{
    struct store *s = r->s;
    int64_t first, last, from, to, placed;
    int given = 0, result = broken(s, err);
    LOCKED(s, {
        first = s->first;
        last = s->last;
        from = s->hole_from;
        to = s->hole_to;
        placed = s->placed;
    });
    for (int64_t n = MAX(after + 1, first); n <= last && given < limit && result == 0; n++) {
        struct event_ctx e = {.seq = n, .placed = placed, .cb = cb, .ctx = ctx};
        if (n >= from && n <= to)
            continue;
        given++;
        if (with_item(s, n, as_event, &e))
            break;
    }
    return result;
}

int reader_log_bounds(struct reader *r, int64_t *ret_first, int64_t *ret_last, struct td_err *err)
{
    struct store *s = r->s;
    LOCKED(s, {
        bool empty = s->first > s->last;
        *ret_first = empty ? 0 : s->first;
        *ret_last = empty ? 0 : s->last;
    });
    return 0;
}

int reader_feeds(struct reader *r, const char *name, feed_row_fn *cb, void *ctx, struct td_err *err)
{
    int found = 0;
    for (int i = 0; i < 2; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i + 1);
        if (name && !str_eq(name, r->s->conf[i].name) && !str_eq(name, id) &&
            !str_eq(name, r->s->conf[i].url))
            continue;
        struct feed_row row = {.conf = &r->s->conf[i], .state = &r->s->state[i], .n_items = 7};
        found++;
        if (cb(ctx, &row))
            break;
    }
    return name && !found ? td_err(err, -ENOENT, "there is no feed %s", name) : 0;
}

int reader_has_cursor(struct reader *r, const char *name, int64_t *ret_seq, struct td_err *err)
{
    struct store *s = r->s;
    int result = 0;
    LOCKED(s, {
        for (int i = 0; i < MAX_CURSORS; i++) {
            if (str_eq(s->cursors[i].name, name)) {
                *ret_seq = s->cursors[i].seq;
                result = 1;
            }
        }
    });
    return result;
}

int reader_cursor(struct reader *r, const char *name, int64_t *ret_seq, struct td_err *err)
{
    return reader_has_cursor(r, name, ret_seq, err) > 0
               ? 0
               : td_err(err, -ENOENT, "there is no consumer %s", name);
}

int reader_cursors(struct reader *r, cursor_row_fn *cb, void *ctx, struct td_err *err)
{
    struct store *s = r->s;
    for (int i = 0; i < MAX_CURSORS; i++) {
        struct cursor_row row = {0};
        char name[LIMIT_NAME_BYTES + 1];
        LOCKED(s, {
            memcpy(name, s->cursors[i].name, sizeof name);
            row.seq = s->cursors[i].seq;
        });
        row.name = name;
        row.updated_at = 5000;
        if (*name && cb(ctx, &row))
            break;
    }
    return 0;
}

int reader_counts(struct reader *r, struct store_counts *ret, struct td_err *err)
{
    int result = broken(r->s, err);
    int64_t last = store_last_seq(r->s);
    if (result == 0)
        *ret = (struct store_counts){
            .feeds = 2, .items = last, .events = last, .last_seq = last, .db_bytes = 16384};
    return result;
}

/* ---- subscriptions -------------------------------------------------------------------------- */

void item_row_doc(const struct item_row *row, unsigned needs, struct query_doc *ret)
{
    static __thread char title[32];
    snprintf(title, sizeof title, "Item %lld", (long long)row->item_id);
    *ret = (struct query_doc){.title = title,
                              .feed = row->feed,
                              .feed_id = row->feed_id,
                              .first_seen = row->first_seen,
                              .date_published = TD_NEVER};
}

int reader_seq_before(struct reader *r, int64_t at, int64_t *ret_seq, struct td_err *err)
{
    int64_t before = at > 0 ? (at - 1) / 1000 : 0, last = store_last_seq(r->s); /* see as_event */
    *ret_seq = MIN(before, last);
    return 0;
}

const char *store_instance(const struct store *s)
{
    return "0123456789abcdef";
}

struct fake_sub *fake_store_sub(struct store *s, const char *name)
{
    for (int i = 0; i < FAKE_SUBS; i++)
        if (str_eq(s->subs[i].name, name))
            return &s->subs[i];
    return NULL;
}

void store_sub_put(struct store *s, const char *name, const char *conf, int64_t seq,
                   store_done_fn *done, void *ctx)
{
    struct fake_sub *f = fake_store_sub(s, name);
    if (!f && (f = fake_store_sub(s, ""))) {
        struct td_sub_state begin = {
            .seq = seq, .failing_since = TD_NEVER, .next_try_at = TD_NEVER};
        LOCKED(s, f->state = begin; strncpy(f->name, name, sizeof f->name - 1));
    }
    answer(s, done, ctx, f ? 0 : -ENOSPC);
}

void store_sub_save(struct store *s, const char *name, struct store_sub_save *save,
                    store_done_fn *done, void *ctx)
{
    struct fake_sub *f = fake_store_sub(s, name);
    LOCKED(s, {
        if (f) {
            f->state = save->state;
            f->n_saves++;
            f->n_delivered += save->n_delivered;
            snprintf(f->error, sizeof f->error, "%s", save->error ? save->error : "");
            for (int i = 0; save->replayed && i < f->n_dead; i++)
                if (f->dead[i].id == save->replayed)
                    f->dead[i].id = 0;
        }
        for (size_t i = 0; i < save->n_dead; i++) {
            if (f && f->n_dead < FAKE_DEAD) {
                f->dead[f->n_dead].seq = save->dead[i].seq;
                f->dead[f->n_dead].id = f->n_dead + 1;
                f->n_dead++;
            }
            free(save->dead[i].event);
        }
    });
    free(save->dead);
    free(save->error);
    answer(s, done, ctx, f ? 0 : -ENOENT);
}

void store_sub_delete(struct store *s, const char *name, store_done_fn *done, void *ctx)
{
    struct fake_sub *f = fake_store_sub(s, name);
    if (f)
        LOCKED(s, f->name[0] = 0);
    answer(s, done, ctx, f ? 0 : -ENOENT);
}

void store_dead_forget(struct store *s, const char *name, int64_t id, store_done_fn *done,
                       void *ctx)
{
    answer(s, done, ctx, 0);
}

int reader_subs(struct reader *r, sub_row_fn *cb, void *ctx, struct td_err *err)
{
    for (int i = 0; i < FAKE_SUBS; i++) {
        struct fake_sub copy;
        LOCKED(r->s, copy = r->s->subs[i]);
        struct sub_row row = {.name = copy.name,
                              .state = copy.state,
                              .created_at = 1000,
                              .last_delivered_at = TD_NEVER,
                              .n_delivered = copy.n_delivered,
                              .n_dead = copy.n_dead};
        if (copy.name[0] && cb(ctx, &row))
            break;
    }
    return broken(r->s, err);
}

int reader_has_sub(struct reader *r, const char *name, struct td_err *err)
{
    struct fake_sub *f;
    LOCKED(r->s, f = fake_store_sub(r->s, name));
    return f ? 0 : td_err(err, -ENOENT, "there is no subscription %s", name);
}

int reader_dead_letters(struct reader *r, const char *name, int64_t after, int limit,
                        dead_row_fn *cb, void *ctx, struct td_err *err)
{
    struct fake_sub *f;
    LOCKED(r->s, f = fake_store_sub(r->s, name));
    for (int i = 0; f && i < f->n_dead && limit > 0; i++) {
        char event[100];
        struct dead_row row = {.event = event, .attempts = 1, .at = 1000};
        LOCKED(r->s, {
            row.id = f->dead[i].id;
            row.seq = f->dead[i].seq;
        });
        snprintf(event, sizeof event, "{\"seq\":%lld,\"event\":\"item.new\"}", (long long)row.seq);
        if (row.id <= after)
            continue;
        limit--;
        if (cb(ctx, &row))
            break;
    }
    return broken(r->s, err);
}
