/*
 * make_store STORE [NAME=FILE[@SECONDS] | NAME!REASON]... - a store as the daemon would have made
 * it.
 *
 * Each argument is one fetch of the feed NAME: FILE is parsed and committed as if it had been read
 * at SECONDS (Unix time; default 2025-11-24); the same NAME again is a later fetch. NAME!REASON is
 * a fetch that failed. For tests of what reads a store without a daemon.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/parse.h"
#include "store/reader.h"
#include "store/store.h"

#define DEFAULT_AT 1763971200 /* 2025-11-24T08:00:00Z */

static struct ev_loop *loop;
static int result;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "make_store: %s: %s\n", what, why);
    exit(1);
}

static void on_done(void *ctx, int r, const struct td_err *err)
{
    if (r < 0)
        die("put", err->msg);
    result = r;
    ev_break(loop, EVBREAK_ONE);
}

static void on_committed(struct store_commit *c, const struct store_commit_result *r)
{
    ev_break(loop, EVBREAK_ONE);
}

static int64_t put_feed(struct store *s, char *name)
{
    char url[256], tags[] = "sample\nnews";
    snprintf(url, sizeof url, "https://%s.example/feed", name);
    struct td_feed_conf conf = {.name = name,
                                .url = url,
                                .tags = tags,
                                .source = TD_SOURCE_HTTP,
                                .origin = TD_ORIGIN_CONFIG,
                                .enabled = true};
    store_feed_put(s, &conf, on_done, NULL);
    ev_run(loop, 0);
    return result;
}

static struct td_batch *parse(const char *path)
{
    CLEANUP_BUF struct buf bytes = BUF_INIT(LIMIT_BODY_BYTES);
    struct td_batch *batch;
    struct td_err err;
    int r = io_read_file(path, &bytes);
    if (r < 0)
        die(path, strerror(-r));
    struct parse_in in = {.bytes = buf_str(&bytes), .n = bytes.len};
    if (parse_feed(&in, &batch, &err) < 0)
        die(path, err.msg);
    return batch;
}

/* Commits BATCH, or the failure ERROR. */
static void commit(struct store *s, int64_t feed_id, struct td_batch *batch, const char *error,
                   int64_t now)
{
    struct store_commit *c = xcalloc(1, sizeof *c);
    *c = (struct store_commit){
        .feed_id = feed_id, .now = now, .batch = batch, .done = on_committed};
    td_feed_state_init(&c->state);
    c->state.feed_id = feed_id;
    c->state.imported = true;
    c->state.last_fetch_at = now;
    c->state.next_due_at = now + 3600000;
    c->state.title = batch ? xstrdup_or_null(batch->title) : NULL;
    c->state.why = xstrdup("every hour: the interval of the config");
    c->state.error = xstrdup_or_null(error);
    if (error) {
        c->state.n_failures = 3;
        c->state.failing_since = now - 7200000;
    } else {
        c->state.last_success_at = now;
    }
    struct td_fetch_note note = {.at = now,
                                 .duration_ms = 120,
                                 .bytes = 2048,
                                 .http_status = error ? 503 : 200,
                                 .outcome = error ? TD_OUT_HTTP : TD_OUT_OK};
    td_feed_state_note(&c->state, &note);
    store_commit(s, c);
    ev_run(loop, 0);
}

static void one_fetch(struct store *s, char *arg)
{
    size_t n = strcspn(arg, "=!");
    bool fails = arg[n] == '!';
    char *value = arg + n + (arg[n] != 0);
    int64_t at = DEFAULT_AT;
    arg[n] = 0;
    int64_t feed_id = put_feed(s, arg);
    if (fails) {
        commit(s, feed_id, NULL, value, at * 1000);
        return;
    }
    char *mark = strrchr(value, '@');
    if (mark && str_to_i64(mark + 1, &at) == 0)
        *mark = 0;
    commit(s, feed_id, parse(value), NULL, at * 1000);
}

/* The search index follows the log by itself. */
static void wait_for_index(const char *path)
{
    struct store_counts n = {.index_seq = -1};
    struct reader *r;
    struct td_err err;
    if (reader_open(&r, path, &err) < 0)
        die(path, err.msg);
    for (int i = 0; i < 1000 && reader_counts(r, &n, &err) == 0 && n.index_seq < n.last_seq; i++)
        ev_sleep(0.01);
    if (n.index_seq < n.last_seq)
        die(path, "the index does not follow");
    reader_close(r);
}

int main(int argc, char **argv)
{
    struct store *s;
    struct td_err err;
    if (argc < 2)
        die("usage", "make_store STORE [NAME=FILE[@SECONDS] | NAME!REASON]...");
    struct store_conf conf = {.path = argv[1]};
    loop = ev_default_loop(0);
    if (store_open(&s, loop, &conf, &err) < 0)
        die(argv[1], err.msg);
    for (int i = 2; i < argc; i++)
        one_fetch(s, argv[i]);
    wait_for_index(argv[1]);
    store_close(s, 5000);
    return 0;
}
