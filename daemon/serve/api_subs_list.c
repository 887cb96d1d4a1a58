/*
 * The list of subscriptions: what the store knows of them, and what the running deliveries know.
 */
#include "serve/request.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

struct seen { /* a row of the store */
    char *name, *error;
    bool runtime;
    int64_t seq, created_at, n_delivered, last_delivered_at, n_dead;
};

struct subs_work {
    struct seen *rows;
    size_t n;
};

static void subs_free(void *ctx)
{
    struct subs_work *w = ctx;
    for (size_t i = 0; i < w->n; i++) {
        free(w->rows[i].name);
        free(w->rows[i].error);
    }
    free(w->rows);
}

static int take_row(void *ctx, const struct sub_row *row)
{
    struct request *q = ctx;
    struct subs_work *w = q->work;
    if (q->arg && !str_eq(q->arg, row->name))
        return 0;
    w->rows = xreallocarray(w->rows, w->n + 1, sizeof *w->rows);
    w->rows[w->n++] = (struct seen){.name = xstrdup(row->name),
                                    .error = xstrdup_or_null(row->error),
                                    .runtime = row->conf,
                                    .seq = row->state.seq,
                                    .created_at = row->created_at,
                                    .n_delivered = row->n_delivered,
                                    .last_delivered_at = row->last_delivered_at,
                                    .n_dead = row->n_dead};
    return 0;
}

void api_subs(struct request *q, struct reader *r)
{
    struct td_err err = {0};
    q->work = xcalloc(1, sizeof(struct subs_work));
    q->work_free = subs_free;
    int result = q->arg ? reader_has_sub(r, q->arg, &err) : 0;
    if (result == 0)
        result = reader_subs(r, take_row, q, &err);
    if (result < 0)
        request_errno(q, result, &err, NULL);
}

/* The address without what may be a secret in it: chat services put theirs into the path. */
static void add_target(struct jw *w, const struct td_sub_conf *c)
{
    if (c->sink == TD_SINK_WEBHOOK) {
        CLEANUP_FREE char *url = td_url_public(c->target);
        const char *host = strstr(url, "://");
        size_t n = host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : 0;
        jw_strn(w, "target", url, n);
    } else if (c->sink == TD_SINK_EXEC) {
        jw_str(w, "target", c->argv[0]);
    } else {
        jw_str(w, "target", c->target);
    }
}

static void add_lines(struct jw *w, const char *key, const char *lines)
{
    jw_begin_array(w, key);
    for (const char *p = lines; p && *p;) {
        size_t n = strcspn(p, "\n");
        jw_strn(w, NULL, p, n);
        p += n + (p[n] != 0);
    }
    jw_end_array(w);
}

static void add_conf(struct jw *w, const struct td_sub_conf *c)
{
    jw_str(w, "origin", c->origin == TD_ORIGIN_API ? "api" : "config");
    jw_str(w, "sink", td_sink_names[c->sink]);
    add_target(w, c);
    jw_str(w, "query", c->query);
    jw_str(w, "per", td_sub_per_names[c->per]);
    if (c->strictness)
        jw_double(w, "strictness", (double)c->strictness / 1000);
    if (c->events)
        add_lines(w, "events", c->events);
    if (c->sink == TD_SINK_WEBHOOK) {
        jw_str(w, "format", td_sub_format_names[c->format]);
        jw_bool(w, "signed", c->secrets);
    }
    if (c->batch > 1)
        jw_int(w, "batch", c->batch);
}

static void add_sub(struct request *q, struct jw *w, const struct seen *row)
{
    const struct outbox *o = q->s->outbox;
    const struct sub *s = o ? outbox_find(q->s->outbox, row->name) : NULL;
    const char *idle = o ? outbox_why_idle(o, row->name) : NULL;
    const struct td_sub_conf *conf = s ? sub_conf(s) : o ? outbox_idle_conf(o, row->name) : NULL;
    int64_t last = store_last_seq(q->s->store);
    jw_begin_object(w, NULL);
    jw_str(w, "name", row->name);
    if (conf)
        add_conf(w, conf);
    else
        jw_str(w, "origin", row->runtime ? "api" : "config");
    if (s) {
        sub_json(s, w);
    } else {
        jw_str(w, "state", idle ? "not running" : "not configured");
        jw_str(w, "error", idle ? idle : row->error);
    }
    jw_int(w, "seq", row->seq);
    jw_int(w, "lag", MAX(last - row->seq, (int64_t)0));
    jw_int(w, "delivered", row->n_delivered);
    jw_time(w, "last_delivered_at", row->last_delivered_at);
    jw_int(w, "dead_letters", row->n_dead);
    jw_time(w, "created_at", row->created_at);
    jw_end_object(w);
}

int api_subs_finish(struct request *q)
{
    struct subs_work *work = q->work;
    struct jw w = {.b = &q->out};
    if (q->arg && work->n == 1) {
        add_sub(q, &w, &work->rows[0]);
    } else {
        jw_begin_object(&w, NULL);
        jw_begin_array(&w, "subscriptions");
        for (size_t i = 0; i < work->n; i++)
            add_sub(q, &w, &work->rows[i]);
        jw_end_array(&w);
        jw_int(&w, "last_seq", store_last_seq(q->s->store));
        jw_end_object(&w);
    }
    buf_addc(&q->out, '\n');
    return 0;
}
