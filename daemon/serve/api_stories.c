/*
 * Stories: the front page, one story, why an item is in it, corrections.
 */
#include "serve/request.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/reader_stories.h"

#define DEFAULT_LIMIT 30

struct stories_work {
    struct story_query query;
    int64_t id;
};

static int read_order(struct request *q, enum story_order *ret, struct td_err *err)
{
    static const char *const names[] = {"heat", "new", "size"};
    const char *order = param_str(&q->params, "order");
    for (size_t i = 0; order && i < ARRAY_SIZE(names); i++)
        if (str_eq(order, names[i])) {
            *ret = (enum story_order)i;
            return 0;
        }
    return order ? td_err(err, -EINVAL, "order=%.100s: heat, new or size is allowed", order) : 0;
}

int api_stories_start(struct request *q)
{
    struct stories_work *w = q->work = xcalloc(1, sizeof *w);
    const struct params *p = &q->params;
    struct td_err err;
    struct query *query;
    int64_t limit = DEFAULT_LIMIT;
    w->query = (struct story_query){
        .since = TD_NEVER, .query = param_str(p, "q"), .now = clock_now_ms()};
    if (param_time(p, "since", w->query.now, &w->query.since, &err) < 0 ||
        param_int(p, "outlets", 1, INT32_MAX, &w->query.outlets, &err) < 0 ||
        param_int(p, "outlets>", 1, INT32_MAX, &w->query.outlets, &err) < 0 ||
        param_int(p, "limit", 1, LIMIT_PAGE_ITEMS, &limit, &err) < 0 ||
        read_order(q, &w->query.order, &err) < 0)
        return request_errno(q, -EINVAL, &err, NULL);
    if (request_query(q, "q", &query) < 0)
        return 0;
    query_free(query); /* the reader makes its own */
    w->query.limit = (int)limit;
    return 0;
}

void api_stories(struct request *q, struct reader *r)
{
    struct stories_work *w = q->work;
    struct td_err err = {0};
    buf_adds(&q->out, "{\"stories\":[");
    int result = reader_stories(r, &w->query, &q->out, &err);
    buf_adds(&q->out, "]}\n");
    if (result < 0)
        request_errno(q, result, &err, NULL);
}

int api_story_start(struct request *q)
{
    struct stories_work *w = q->work = xcalloc(1, sizeof *w);
    struct td_err err;
    if (str_to_i64(q->arg, &w->id) < 0 || w->id < 1) {
        td_err(&err, 0, "%.100s: a whole number is allowed", q->arg);
        return request_errno(q, -EINVAL, &err, NULL);
    }
    return 0;
}

static void finish(struct request *q, int result, const struct td_err *err)
{
    buf_addc(&q->out, '\n');
    if (result < 0)
        request_errno(q, result, err, NULL);
}

void api_story(struct request *q, struct reader *r)
{
    struct stories_work *w = q->work;
    struct td_err err = {0};
    finish(q, reader_story(r, w->id, clock_now_ms(), &q->out, &err), &err);
}

void api_story_of(struct request *q, struct reader *r)
{
    struct stories_work *w = q->work;
    struct td_err err = {0};
    finish(q, reader_story_of(r, w->id, &q->out, &err), &err);
}

static void fixed(struct request *q, int result, const struct td_err *err, const char *json)
{
    if (result < 0)
        request_errno(q, result, err, NULL);
    else
        buf_addf(&q->out, "{\"story_id\":%d}\n", result);
}

/* store_done_fn: the result is the story. */
static void fix_stored(void *op, int result, const struct td_err *err)
{
    op_answered(op, result, err, NULL);
}

/* A number of the body; *RET_OK false when it is none. */
static int64_t number(struct request *q, const char *name, bool *ret_given, bool *ret_ok)
{
    const json_t *v = json_object_get(q->json, name);
    *ret_given = v != NULL;
    if (v && (!json_is_integer(v) || json_integer_value(v) < 1))
        *ret_ok = false;
    return v ? json_integer_value(v) : 0;
}

int api_story_fix(struct request *q)
{
    bool ok = true, is_split, is_merge, is_pin, has_into;
    if (request_json(q, "split merge pin into") < 0)
        return 0;
    int64_t split = number(q, "split", &is_split, &ok), merge = number(q, "merge", &is_merge, &ok),
            pin = number(q, "pin", &is_pin, &ok), into = number(q, "into", &has_into, &ok);
    if (!ok || is_split + is_merge + is_pin != 1 || (is_merge && !has_into))
        return request_fail(q, 400,
                            "one of {\"split\":item_id}, {\"split\":item_id,\"into\":story_id}, "
                            "{\"pin\":item_id}, {\"pin\":item_id,\"into\":story_id} and "
                            "{\"merge\":story_id,\"into\":story_id} is allowed");
    struct op *op = op_new(q);
    op->answer = fixed;
    store_story_fix(q->s->store,
                    is_split   ? STORY_FIX_SPLIT
                    : is_merge ? STORY_FIX_MERGE
                               : STORY_FIX_PIN,
                    is_merge   ? into
                    : is_split ? split
                               : pin,
                    is_merge ? merge : into, fix_stored, op);
    return 1;
}
