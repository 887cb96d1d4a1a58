/*
 * status.c - what is going on in the running daemon: status, metrics, readiness.
 */
#include "app_private.h"

#include <errno.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "notify/outbox.h"

void status_access(void *app, int64_t feed_id, struct buf *out)
{
    const struct feed *f = feedset_by_id(app, feed_id);
    if (f)
        td_access_words(out, f->conf->access);
}

const char *status_feed_phase(void *app, int64_t feed_id)
{
    static const char *const names[] = {
        [FLIGHT_TRANSFER] = "fetching", [FLIGHT_HOP] = "queued",   [FLIGHT_PARSE] = "parsing",
        [FLIGHT_PUT] = "storing",       [FLIGHT_TURN] = "storing", [FLIGHT_COMMIT] = "storing"};
    struct feed *f = feedset_by_id(app, feed_id);
    if (!f)
        return NULL;
    f = feedset_asked(f);
    if (f->flight)
        return names[f->flight->phase];
    if (!f->scheduled || f->state.gone)
        return f->state.gone ? "gone" : "disabled";
    return f->node.due_at <= clock_now_ms() ? "queued" : "waiting";
}

static void add_push(const struct app *a, struct jw *w)
{
    struct push_counts n;
    push_count(a, &n);
    jw_begin_object(w, "push");
    jw_str(w, "callback", a->settings->websub_callback);
    jw_int(w, "live", (int64_t)n.live);
    jw_int(w, "asked", (int64_t)n.asked);
    jw_int(w, "taken", (int64_t)n.taken);
    jw_int(w, "hints", (int64_t)n.hints);
    jw_int(w, "ignored", (int64_t)n.ignored);
    jw_end_object(w);
}

static void add_subscriptions(struct app *a, struct jw *w)
{
    struct outbox_counts c;
    if (!deliver_count(a, &c))
        return;
    jw_begin_object(w, "subscriptions");
    jw_int(w, "total", (int64_t)(c.subs + c.idle));
    jw_int(w, "failing", (int64_t)c.failing);
    jw_int(w, "paused", (int64_t)c.paused);
    jw_int(w, "disabled", (int64_t)c.disabled);
    jw_int(w, "not_running", (int64_t)c.idle);
    jw_end_object(w);
}

void status_json(void *app, struct buf *out)
{
    struct app *a = app;
    struct schedule_counts sc;
    int64_t now = clock_now_ms();
    schedule_count(a->schedule, now, &sc);
    struct jw w = {.b = out};
    jw_begin_object(&w, NULL);
    jw_str(&w, "version", TIDINGS_VERSION);
    jw_int(&w, "pid", getpid());
    jw_time(&w, "started_at", a->started_at);
    jw_bool(&w, "ready", a->ready);
    jw_str(&w, "config", a->options->config);
    jw_str(&w, "store", a->settings->store);
    jw_str(&w, "store_trouble", a->store_trouble);
    jw_str(&w, "parser_trouble", pool_trouble(a->pool));
    jw_begin_object(&w, "feeds");
    jw_int(&w, "total", HASH_COUNT(a->feeds));
    jw_int(&w, "due", (int64_t)sc.ready);
    jw_int(&w, "fetching", (int64_t)a->n_transfers);
    jw_int(&w, "parsing", (int64_t)a->n_parsing);
    jw_int(&w, "storing", (int64_t)a->n_committing);
    jw_int(&w, "failing", (int64_t)a->n_failing);
    jw_int(&w, "hosts", (int64_t)sc.hosts);
    jw_time(&w, "next_due_at", sc.next_due_at);
    jw_end_object(&w);
    add_push(a, &w);
    jw_begin_object(&w, "first_round");
    jw_int(&w, "feeds", (int64_t)a->round.feeds);
    jw_int(&w, "pending", (int64_t)a->round.pending);
    jw_int(&w, "failed", (int64_t)a->round.failed);
    jw_end_object(&w);
    jw_begin_object(&w, "since_start");
    jw_int(&w, "items_new", (int64_t)a->count.items_new);
    jw_int(&w, "items_changed", (int64_t)a->count.items_changed);
    jw_int(&w, "bytes", (int64_t)a->count.bytes);
    jw_begin_object(&w, "fetches");
    for (int i = TD_OUT_OK; i < TD_OUT_N; i++)
        if (a->count.fetches[i])
            jw_int(&w, td_outcome_name(i), (int64_t)a->count.fetches[i]);
    jw_end_object(&w);
    jw_end_object(&w);
    add_subscriptions(a, &w);
    jw_begin_object(&w, "per_second");
    jw_double(&w, "items", (double)(int64_t)(10 * rate_now(&a->count.items)) / 10);
    jw_double(&w, "fetches", (double)(int64_t)(10 * rate_now(&a->count.polls)) / 10);
    jw_end_object(&w);
    jw_end_object(&w);
}

static void subscription_metrics(struct app *a, struct buf *out)
{
    struct outbox_counts c;
    struct stream_counts sc;
    if (!deliver_count(a, &c))
        return;
    stream_count(serve_stream(a->serve), &sc);
    buf_adds(out, "# TYPE tidings_deliveries_total counter\n");
    buf_addf(out, "tidings_deliveries_total{sink_type=\"stream\",result=\"ok\"} %llu\n",
             (unsigned long long)sc.delivered);
    for (int i = 0; i < TD_SINKS; i++)
        if (i != TD_SINK_STREAM)
            buf_addf(out,
                     "tidings_deliveries_total{sink_type=\"%s\",result=\"ok\"} %llu\n"
                     "tidings_deliveries_total{sink_type=\"%s\",result=\"failed\"} %llu\n",
                     td_sink_names[i], (unsigned long long)c.delivered[i], td_sink_names[i],
                     (unsigned long long)c.failed[i]);
    buf_addf(out,
             "# TYPE tidings_dead_letters_total counter\ntidings_dead_letters_total %llu\n"
             "# TYPE tidings_subscriptions gauge\ntidings_subscriptions{state=\"all\"} %zu\n"
             "tidings_subscriptions{state=\"failing\"} %zu\n"
             "tidings_subscriptions{state=\"paused\"} %zu\n"
             "tidings_subscriptions{state=\"disabled\"} %zu\n"
             "tidings_subscriptions{state=\"not_running\"} %zu\n",
             (unsigned long long)c.dead, c.subs + c.idle, c.failing, c.paused, c.disabled, c.idle);
}

void status_metrics(void *app, struct buf *out)
{
    struct app *a = app;
    struct schedule_counts sc;
    int64_t now = clock_now_ms();
    schedule_count(a->schedule, now, &sc);
    buf_adds(out, "# TYPE tidings_build_info gauge\ntidings_build_info{version=\"" TIDINGS_VERSION
                  "\"} 1\n# TYPE tidings_fetches_total counter\n");
    for (int i = TD_OUT_OK; i < TD_OUT_N; i++)
        buf_addf(out, "tidings_fetches_total{result=\"%s\"} %llu\n", td_outcome_name(i),
                 (unsigned long long)a->count.fetches[i]);
    buf_addf(out,
             "# TYPE tidings_fetch_bytes_total counter\ntidings_fetch_bytes_total %llu\n"
             "# TYPE tidings_items_total counter\n"
             "tidings_items_total{kind=\"new\"} %llu\ntidings_items_total{kind=\"changed\"} %llu\n"
             "tidings_items_total{kind=\"backlog\"} %llu\n",
             (unsigned long long)a->count.bytes, (unsigned long long)a->count.items_new,
             (unsigned long long)a->count.items_changed,
             (unsigned long long)a->count.items_backlog);
    buf_addf(out,
             "# TYPE tidings_feeds gauge\ntidings_feeds{state=\"all\"} %u\n"
             "tidings_feeds{state=\"due\"} %zu\ntidings_feeds{state=\"fetching\"} %zu\n"
             "tidings_feeds{state=\"parsing\"} %zu\ntidings_feeds{state=\"failing\"} %zu\n",
             HASH_COUNT(a->feeds), sc.ready, a->n_transfers, a->n_parsing, a->n_failing);
    struct push_counts n;
    push_count(a, &n);
    buf_addf(out,
             "# TYPE tidings_push_feeds gauge\ntidings_push_feeds{state=\"live\"} %zu\n"
             "tidings_push_feeds{state=\"asked\"} %zu\n"
             "# TYPE tidings_pushes_total counter\ntidings_pushes_total{result=\"taken\"} %llu\n"
             "tidings_pushes_total{result=\"hint\"} %llu\n"
             "tidings_pushes_total{result=\"ignored\"} %llu\n",
             n.live, n.asked, (unsigned long long)n.taken, (unsigned long long)n.hints,
             (unsigned long long)n.ignored);
    buf_addf(out, "# TYPE tidings_stories_waiting gauge\ntidings_stories_waiting %lld\n",
             (long long)store_stories_waiting(a->store));
    double lag = sc.next_due_at != TD_NEVER && sc.next_due_at < now ? (double)(now - sc.next_due_at)
                                                                    : 0;
    buf_addf(out, "# TYPE tidings_schedule_lag_seconds gauge\ntidings_schedule_lag_seconds %.3f\n",
             lag / 1000);
    subscription_metrics(a, out);
}

int status_ready(void *app, struct td_err *err)
{
    struct app *a = app;
    if (!a->ready)
        return td_err(err, -EAGAIN, "starting: the schedule is not loaded yet");
    return flight_paused(a, err);
}
