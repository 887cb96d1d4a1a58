#include "serve/request.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/feed_json.h"

#define DEFAULT_LIMIT LIMIT_PAGE_FEEDS

/* The answer is made on the reader thread, but what a feed is doing right now is known on the loop:
 * it is put before each object's last brace there. */
struct place {
    int64_t feed_id;
    size_t at;
};

struct feeds_work {
    struct request *q;
    const char *tag, *after;
    bool problems, one;
    int64_t limit;
    struct place *places;
    size_t n;
    bool more;
    char *last; /* name */
};

static void feeds_work_free(void *work)
{
    struct feeds_work *w = work;
    free(w->places);
    free(w->last);
}

static bool has_tag(const char *tags, const char *tag)
{
    size_t n = strlen(tag);
    for (const char *t = tags; t; t = strchr(t, '\n')) {
        t += *t == '\n';
        if (strncmp(t, tag, n) == 0 && (t[n] == '\n' || t[n] == 0))
            return true;
    }
    return false;
}

static bool has_problem(const struct td_feed_state *s)
{
    return s->n_failures > 0 || s->gone || s->error || s->moved_to || (s->url && !s->url_found);
}

int api_feeds_start(struct request *q)
{
    struct feeds_work *w = q->work = xcalloc(1, sizeof *w);
    struct td_err err;
    w->q = q;
    q->work_free = feeds_work_free;
    w->limit = DEFAULT_LIMIT;
    w->tag = param_str(&q->params, "tag");
    w->after = param_str(&q->params, "after");
    if (param_bool(&q->params, "problems", &w->problems, &err) < 0 ||
        param_int(&q->params, "limit", 1, LIMIT_PAGE_FEEDS, &w->limit, &err) < 0)
        return request_errno(q, -EINVAL, &err, NULL);
    return 0;
}

static int add_feed(void *ctx, const struct feed_row *row)
{
    struct feeds_work *w = ctx;
    struct buf *out = &w->q->out;
    if ((w->after && strcmp(row->conf->name, w->after) <= 0) ||
        (w->tag && !has_tag(row->conf->tags, w->tag)) || (w->problems && !has_problem(row->state)))
        return 0;
    if ((int64_t)w->n == w->limit || out->len > LIMIT_ANSWER_BYTES / 2) {
        w->more = true;
        return 1;
    }
    if (w->n > 0)
        buf_addc(out, ',');
    td_feed_json(out, row->conf, row->state, row->n_items, w->one);
    if (w->n % 64 == 0)
        w->places = xreallocarray(w->places, w->n + 64, sizeof *w->places);
    w->places[w->n++] = (struct place){.feed_id = row->state->feed_id, .at = out->len - 1};
    xreplace(&w->last, row->conf->name);
    return asker_closing(w->q->s->asker);
}

void api_feeds(struct request *q, struct reader *r)
{
    struct feeds_work *w = q->work;
    struct td_err err = {0};
    buf_adds(&q->out, "{\"feeds\":[");
    int result = reader_feeds(r, NULL, add_feed, w, &err);
    if (result < 0) {
        request_errno(q, result, &err, NULL);
        return;
    }
    struct jw jw = {.b = &q->out, .comma = true};
    buf_addc(&q->out, ']');
    if (w->more)
        jw_str(&jw, "next", w->last);
    buf_adds(&q->out, "}\n");
}

void api_feed(struct request *q, struct reader *r)
{
    struct feeds_work *w = q->work = xcalloc(1, sizeof *w);
    struct td_err err = {0};
    *w = (struct feeds_work){.q = q, .one = true, .limit = 1};
    q->work_free = feeds_work_free;
    int result = reader_feeds(r, q->arg, add_feed, w, &err);
    if (result < 0)
        request_errno(q, result, &err, NULL);
    else
        buf_addc(&q->out, '\n');
}

/* What app.c has to say of a feed, as member KEY; nothing when that is nothing. */
static void add_words(struct request *q, const char *key, int64_t feed_id,
                      void (*fn)(void *app, int64_t feed_id, struct buf *out), struct buf *out)
{
    CLEANUP_BUF struct buf words = BUF_INIT(1 << 14);
    struct jw jw = {.b = out, .comma = true};
    fn(q->s->app, feed_id, &words);
    if (words.len)
        jw_str(&jw, key, buf_str(&words));
}

/* Loop: puts the phases in, and for one feed its pacing and access. */
int api_feeds_finish(struct request *q)
{
    struct feeds_work *w = q->work;
    struct buf out = BUF_INIT(LIMIT_ANSWER_BYTES);
    size_t from = 0;
    for (size_t i = 0; i < w->n; i++) {
        const char *phase = q->s->ops->feed_phase(q->s->app, w->places[i].feed_id);
        buf_add(&out, q->out.data + from, w->places[i].at - from);
        from = w->places[i].at;
        if (phase)
            buf_addf(&out, ",\"phase\":\"%s\"", phase);
        if (!w->one)
            continue;
        add_words(q, "pacing", w->places[i].feed_id, q->s->ops->feed_pacing, &out);
        add_words(q, "access", w->places[i].feed_id, q->s->ops->feed_access, &out);
        add_words(q, "https", w->places[i].feed_id, q->s->ops->feed_https, &out);
    }
    buf_add(&out, q->out.data + from, q->out.len - from);
    buf_free(&q->out);
    q->out = out;
    return 0;
}

/* ---- what changes feeds --------------------------------------------------------------------- */

struct find_work {
    int64_t feed_id;
};

static int take_id(void *ctx, const struct feed_row *row)
{
    struct find_work *w = ctx;
    w->feed_id = row->state->feed_id;
    return 1;
}

/* The feed of the path, or of the body's `feed`; none = 0. */
void api_feed_find(struct request *q, struct reader *r)
{
    struct find_work *w = xcalloc(1, sizeof *w);
    struct td_err err = {0};
    const char *name = q->arg ? q->arg : json_string_value(json_object_get(q->json, "feed"));
    q->work = w;
    if (!name)
        return;
    int result = reader_feeds(r, name, take_id, w, &err);
    if (result < 0)
        request_errno(q, result, &err, NULL);
}

int api_feed_remove(struct request *q)
{
    struct find_work *w = q->work;
    q->s->ops->remove(q->s->app, w->feed_id, op_answered, op_new(q));
    return 1;
}

int api_refresh_start(struct request *q)
{
    bool ok = true;
    if (request_json(q, "feed") == 0)
        request_member(q, "feed", &ok);
    return 0;
}

int api_refresh(struct request *q)
{
    struct find_work *w = q->work;
    q->s->ops->refresh(q->s->app, w->feed_id, op_answered, op_new(q));
    return 1;
}
