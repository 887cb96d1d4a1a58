/*
 * POST /v1/feeds: one feed, or {"feeds":[...]} of many (an OPML import). Of many, a few are under
 * way at once, since each may fetch a page first; one answer tells how each went, in order.
 */
#include "serve/request.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"

#define MEMBERS "url name title tags keep"

static int add_tag(struct buf *b, const char *tag, struct td_err *err)
{
    if (!tag || !*tag || strchr(tag, '\n'))
        return td_err(err, -EINVAL, "tags must be an array of texts of one line each");
    if (b->len)
        buf_addc(b, '\n');
    buf_adds(b, tag);
    return 0;
}

/* The tags of FEED, joined by '\n', into B. */
static int join_tags(struct buf *b, const json_t *feed, struct td_err *err)
{
    const json_t *tags = json_object_get(feed, "tags");
    int r = 0;
    if (!tags || json_is_null(tags))
        return 0;
    if (json_is_string(tags))
        return add_tag(b, json_string_value(tags), err);
    if (!json_is_array(tags) || json_array_size(tags) > LIMIT_TAGS)
        return td_err(err, -EINVAL, "tags must be an array of at most %d texts", LIMIT_TAGS);
    for (size_t i = 0; i < json_array_size(tags) && r == 0; i++)
        r = add_tag(b, json_string_value(json_array_get(tags, i)), err);
    return r;
}

static int check_member(const char *key, const json_t *value, struct td_err *err)
{
    struct params one = {.n = 1, .v = {{.name = key}}};
    if (params_check(&one, MEMBERS, NULL) < 0)
        return td_err(err, -EINVAL, "unknown member \"%.100s\" of a feed: allowed are %s", key,
                      MEMBERS);
    if (strcmp(key, "keep") == 0)
        return json_is_boolean(value) ? 0 : td_err(err, -EINVAL, "keep must be true or false");
    if (strcmp(key, "tags") != 0 && !json_is_string(value) && !json_is_null(value))
        return td_err(err, -EINVAL, "member \"%s\" must be a string", key);
    return 0;
}

/* Hands FEED to app.c; DONE comes in any case. */
static void add_feed(struct serve *s, json_t *feed, serve_answer_fn *done, void *ctx)
{
    CLEANUP_BUF struct buf tags = BUF_INIT(LIMIT_REQUEST_BYTES);
    struct td_err err;
    const char *key, *url = json_string_value(json_object_get(feed, "url"));
    json_t *value;
    int r = json_is_object(feed) ? 0 : td_err(&err, -EINVAL, "a feed must be an object");
    json_object_foreach (feed, key, value)
        if (r == 0)
            r = check_member(key, value, &err);
    if (r == 0 && !url)
        r = td_err(&err, -EINVAL, "a feed needs a \"url\"");
    if (r == 0)
        r = join_tags(&tags, feed, &err);
    if (r < 0) {
        done(ctx, r, &err, NULL);
        return;
    }
    struct serve_add add = {.url = url,
                            .name = json_string_value(json_object_get(feed, "name")),
                            .title = json_string_value(json_object_get(feed, "title")),
                            .tags = tags.len ? tags.data : NULL,
                            .keep = json_is_true(json_object_get(feed, "keep"))};
    s->ops->add(s->app, &add, done, ctx);
}

/* ---- one ------------------------------------------------------------------------------------ */

static void added_one(struct request *q, int result, const struct td_err *err, const char *json)
{
    if (result < 0) {
        request_errno(q, result, err, json);
        return;
    }
    q->status = 201;
    buf_adds(&q->out, json ? json : "{}");
    buf_addc(&q->out, '\n');
}

static int add_one(struct request *q)
{
    struct op *op = op_new(q);
    op->answer = added_one;
    add_feed(q->s, q->json, op_answered, op);
    return 1;
}

/* ---- many ----------------------------------------------------------------------------------- */

/* Lives until its last feed was answered, which may be after the request. */
struct adding {
    struct serve *s;
    struct op *op;
    json_t *feeds;
    char **results; /* JSON text */
    size_t n, next, running, n_added;
    bool busy; /* inside go_on */
};

struct adding_one {
    struct adding *a;
    size_t i;
};

static void adding_end(struct adding *a)
{
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_ANSWER_BYTES);
    struct jw w = {.b = &out};
    jw_begin_object(&w, NULL);
    jw_int(&w, "added", (int64_t)a->n_added);
    jw_int(&w, "failed", (int64_t)(a->n - a->n_added));
    jw_begin_array(&w, "results");
    for (size_t i = 0; i < a->n; i++) {
        jw_raw(&w, NULL, a->results[i], strlen(a->results[i]));
        free(a->results[i]);
    }
    jw_end_array(&w);
    jw_end_object(&w);
    op_answered(a->op, 0, NULL, buf_str(&out));
    json_decref(a->feeds);
    free(a->results);
    free(a);
}

static void added(void *ctx, int result, const struct td_err *err, const char *json);

/* Keeps LIMIT_ADDS_AT_ONCE under way; those that answer at once do not nest. */
static void go_on(struct adding *a)
{
    if (a->busy)
        return;
    a->busy = true;
    while (a->next < a->n && a->running < LIMIT_ADDS_AT_ONCE && a->op->q) {
        struct adding_one *one = xcalloc(1, sizeof *one);
        *one = (struct adding_one){.a = a, .i = a->next};
        a->running++;
        add_feed(a->s, json_array_get(a->feeds, a->next++), added, one);
    }
    a->busy = false;
}

/* {"url":..., then either the members of JSON or "error":{...}. */
static char *result_text(const json_t *feed, int result, const struct td_err *err, const char *json)
{
    struct buf out = BUF_INIT(LIMIT_ANSWER_BYTES);
    struct jw w = {.b = &out};
    size_t n = json ? strlen(json) : 0;
    jw_begin_object(&w, NULL);
    jw_str(&w, "asked_url", json_string_value(json_object_get(feed, "url")));
    if (result < 0) {
        jw_begin_object(&w, "error");
        jw_int(&w, "status", request_status(result));
        jw_str(&w, "reason", err ? err->msg : strerror(-result));
        jw_end_object(&w);
    } else if (n > 2) {
        jw_raw(&w, NULL, json + 1, n - 2);
    }
    jw_end_object(&w);
    return buf_take(&out, NULL);
}

static void added(void *ctx, int result, const struct td_err *err, const char *json)
{
    CLEANUP_FREE struct adding_one *one = ctx;
    struct adding *a = one->a;
    a->results[one->i] = result_text(json_array_get(a->feeds, one->i), result, err, json);
    a->n_added += result >= 0;
    a->running--;
    go_on(a);
    if (a->busy || a->running > 0)
        return;
    for (; a->next < a->n; a->next++) /* the request is gone: the rest was not begun */
        a->results[a->next] = xstrdup("{}");
    adding_end(a);
}

static int add_many(struct request *q, json_t *feeds)
{
    struct td_err err;
    size_t n = json_array_size(feeds);
    if (!json_is_array(feeds) || json_object_size(q->json) != 1)
        return request_fail(q, 400, "\"feeds\" must be an array, and nothing beside it");
    if (n > LIMIT_ADD_FEEDS) {
        td_err(&err, 0, "%zu feeds at once: at most %d are allowed", n, LIMIT_ADD_FEEDS);
        return request_fail(q, 413, err.msg);
    }
    struct adding *a = xcalloc(1, sizeof *a);
    *a = (struct adding){.s = q->s,
                         .op = op_new(q),
                         .feeds = json_incref(feeds),
                         .results = xcalloc(n + 1, sizeof(char *)),
                         .n = n};
    go_on(a);
    if (a->running == 0)
        adding_end(a); /* all answered at once */
    return 1;
}

int api_feeds_add(struct request *q)
{
    if (request_json(q, MEMBERS " feeds") < 0)
        return 0;
    json_t *feeds = json_object_get(q->json, "feeds");
    return feeds ? add_many(q, feeds) : add_one(q);
}
