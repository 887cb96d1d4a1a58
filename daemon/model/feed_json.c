#include "model/feed_json.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/feed.h"
#include "model/push.h"

static void add_tags(struct jw *w, const char *tags)
{
    if (str_empty(tags))
        return;
    jw_begin_array(w, "tags");
    while (*tags) {
        size_t n = strcspn(tags, "\n");
        jw_strn(w, NULL, tags, n);
        tags += n + (tags[n] == '\n');
    }
    jw_end_array(w);
}

/* A setting or hint; 0 = not given. */
static void add_seconds(struct jw *w, const char *key, int64_t ms)
{
    if (ms > 0)
        jw_double(w, key, (double)ms / 1000);
}

/* "ok, 3 new, 12345 bytes in 0.24 s", "http 404, 512 bytes in 1.00 s" */
static void add_words(struct jw *w, const struct td_fetch_note *n)
{
    CLEANUP_BUF struct buf b = BUF_INIT(200);
    buf_adds(&b, td_outcome_name(n->outcome));
    if (n->outcome == TD_OUT_HTTP)
        buf_addf(&b, " %d", n->http_status);
    if (n->n_new)
        buf_addf(&b, ", %d new", n->n_new);
    buf_addf(&b, ", %u bytes in %.2f s", n->bytes, (double)n->duration_ms / 1000);
    jw_strn(w, "text", b.data, b.len);
}

static void add_note(struct jw *w, const struct td_fetch_note *n)
{
    jw_begin_object(w, NULL);
    jw_time(w, "at", n->at);
    jw_str(w, "outcome", td_outcome_name(n->outcome));
    if (n->http_status)
        jw_int(w, "http_status", n->http_status);
    jw_int(w, "new", n->n_new);
    jw_int(w, "bytes", n->bytes);
    jw_int(w, "duration_ms", n->duration_ms);
    add_words(w, n);
    jw_end_object(w);
}

static void add_detail(struct jw *w, const struct td_feed_conf *c, const struct td_feed_state *s)
{
    jw_str(w, "why", s->why);
    add_seconds(w, "interval_seconds", c->interval_ms);
    add_seconds(w, "min_interval_seconds", c->min_interval_ms);
    add_seconds(w, "retention_age_seconds", c->retention_age_ms);
    if (c->retention_count)
        jw_int(w, "retention_count", c->retention_count);
    add_seconds(w, "max_age_seconds", s->max_age_ms);
    add_seconds(w, "ttl_seconds", s->hints.ttl_ms);
    add_seconds(w, "update_seconds", s->hints.update_ms);
    jw_time(w, "retry_after_at", s->retry_after_at);
    jw_str(w, "etag", s->val.etag);
    jw_str(w, "last_modified", s->val.last_modified);
    jw_int(w, "unchanged_polls", s->n_unchanged);
    jw_begin_array(w, "history");
    for (int32_t i = 0; i < s->n_history; i++)
        add_note(w, &s->history[i]);
    jw_end_array(w);
}

static void add_push(struct jw *w, const char *text)
{
    struct td_push p;
    td_push_read(&p, text);
    td_push_json(w, &p);
    td_push_fini(&p);
}

void td_feed_json(struct buf *out, const struct td_feed_conf *c, const struct td_feed_state *s,
                  int64_t n_items, bool detail)
{
    struct jw w = {.b = out};
    jw_begin_object(&w, NULL);
    jw_int(&w, "feed_id", s->feed_id);
    jw_str(&w, "name", c->name);
    CLEANUP_FREE char *url = td_url_public(c->url);
    jw_str(&w, "url", url);
    jw_str(&w, "title", str_empty(c->title) ? s->title : c->title);
    jw_str(&w, "home_page_url", s->home_page_url);
    add_tags(&w, c->tags);
    jw_str(&w, "origin", c->origin == TD_ORIGIN_CONFIG ? "config" : "api");
    jw_bool(&w, "enabled", c->enabled);
    jw_int(&w, "items", n_items);
    jw_str(&w, "outcome", td_outcome_name(td_feed_state_last(s)->outcome));
    jw_time(&w, "next_due_at", s->next_due_at);
    jw_time(&w, "last_fetch_at", s->last_fetch_at);
    jw_time(&w, "last_success_at", s->last_success_at);
    jw_time(&w, "last_new_at", s->last_new_at);
    jw_time(&w, "failing_since", s->failing_since);
    jw_int(&w, "failures", s->n_failures);
    jw_str(&w, "error", s->error);
    if (s->gone)
        jw_bool(&w, "gone", true);
    if (s->url)
        jw_str(&w, s->url_found ? "found_url" : "moved_url", s->url);
    jw_str(&w, "moved_to", s->moved_to);
    if (s->rate_per_day >= 0)
        jw_double(&w, "items_per_day", (double)(int64_t)(s->rate_per_day * 100 + 0.5) / 100);
    if (s->push)
        add_push(&w, s->push);
    if (detail)
        add_detail(&w, c, s);
    jw_end_object(&w);
}
