/*
 * Queries with a name: which there are, and those that users save.
 */
#include "serve/request.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "model/saved_query.h"

/* One that names another which is not there (any more). */
static void add_problem(struct jw *w, const char *text)
{
    struct query *q = NULL;
    struct td_err err;
    if (text && query_parse_err(&q, text, &err) < 0)
        jw_str(w, "error", err.msg);
    query_free(q);
}

int api_queries(struct request *q)
{
    struct jw w = {.b = &q->out};
    jw_begin_object(&w, NULL);
    jw_begin_array(&w, "queries");
    for (size_t i = 0; i < q->s->n_queries; i++) {
        const struct td_saved_query *s = &q->s->queries[i];
        jw_begin_object(&w, NULL);
        jw_str(&w, "name", s->name);
        jw_str(&w, "title", s->title);
        jw_str(&w, "query", s->query);
        jw_bool(&w, "public", s->open);
        jw_str(&w, "origin", s->runtime ? "api" : "config");
        add_problem(&w, s->query);
        jw_end_object(&w);
    }
    jw_end_array(&w);
    jw_end_object(&w);
    buf_addc(&q->out, '\n');
    return 0;
}

/* A text member without control characters, or the answer is an error. */
static bool line_member(struct request *q, const char *name, char **ret)
{
    bool ok = true;
    const char *text = request_member(q, name, &ok);
    *ret = (char *)text;
    for (const char *p = text; ok && p && *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            request_fail(q, 400, "a name, a query and a title are text on one line");
            return false;
        }
    return ok;
}

int api_query_save(struct request *q)
{
    struct td_saved_query s = {.runtime = true};
    if (request_json(q, "name query title") < 0 || !line_member(q, "name", &s.name) ||
        !line_member(q, "query", &s.query) || !line_member(q, "title", &s.title))
        return 0;
    if (!s.name || !s.query)
        return request_fail(q, 400, "\"name\" and \"query\" are needed in the body");
    if (s.title && strlen(s.title) > LIMIT_TITLE)
        return request_fail(q, 400, "\"title\": at most 500 bytes are allowed");
    q->s->ops->query_save(q->s->app, &s, op_answered, op_new(q));
    return 1;
}

int api_query_remove(struct request *q)
{
    q->s->ops->query_remove(q->s->app, q->arg, op_answered, op_new(q));
    return 1;
}

void serve_set_queries(struct serve *s, const struct td_saved_query *queries, size_t n,
                       const char *public_url)
{
    td_saved_queries_free(s->queries, s->n_queries);
    s->queries = td_saved_queries_copy(queries, n);
    s->n_queries = n;
    xreplace(&s->public_url, public_url);
}
