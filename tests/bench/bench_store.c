/*
 * bench_store FOLDER [ITEMS] - what the store costs beside plain SQLite, in a new FOLDER.
 *
 * Items of 2 KB (JSON and text) in documents of 20, one document a feed. Measured: store_commit
 * until the last `done` (items, seen, events, feeds' state; not the index, which follows by
 * itself), with the batches made beforehand. The floor: the same item rows through one prepared
 * INSERT into the same table without any index, transactions of the size the writer takes,
 * synchronous=FULL, 16 KiB pages. Not in the floor: idents, events, feed state, the index over
 * feeds, threads. The same without
 * stories, and how far they are behind, and of a few items at a time. Then: the same documents
 * again (nothing new), one item at a time, the index, and questions to the full store.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <ev.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "store/reader.h"
#include "store/store.h"

#define PER_FEED 20
#define AHEAD    512 /* commits under way: what the writer takes at once */

static struct ev_loop *loop;
static struct store *store;
static int n_done, n_new;

static double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *why)
{
    fprintf(stderr, "bench_store: %s\n", why);
    exit(1);
}

/* About 1 KB of words that differ from item to item. */
static char *words(struct arena *a, unsigned seed)
{
    char *s = arena_alloc(a, 1100);
    size_t n = 0;
    while (n < 1000)
        n += (size_t)snprintf(s + n, 20, "w%x ", rand_r(&seed) % 20000);
    return s;
}

static struct td_batch *make_batch(int feed)
{
    struct td_batch *b = td_batch_new();
    b->format = "rss20";
    b->entries = arena_zalloc(&b->arena, PER_FEED * sizeof *b->entries);
    for (int i = 0; i < PER_FEED; i++) {
        struct td_entry *e = &b->entries[b->n_entries++];
        e->id = arena_printf(&b->arena, "https://feed%d.example/items/%d", feed, i);
        e->url = e->id;
        e->title = arena_printf(&b->arena, "Title %d of feed %d", i, feed);
        e->text = words(&b->arena, (unsigned)(feed * PER_FEED + i));
        e->json = arena_printf(&b->arena,
                               "{\"id\":\"%s\",\"title\":\"%s\",\"content_text\":\"%s\"}", e->id,
                               e->title, e->text);
        e->json_len = strlen(e->json);
        e->date_published = clock_now_ms();
        e->date_modified = TD_NEVER;
        e->fingerprint = (uint64_t)(feed * PER_FEED + i);
    }
    return b;
}

static void on_put(void *ctx, int result, const struct td_err *err)
{
    if (result < 0)
        die(err->msg);
    n_done++;
}

static void on_commit(struct store_commit *c, const struct store_commit_result *r)
{
    n_done++;
    n_new += r ? r->n_new : 0;
}

static void commit(int64_t feed_id, struct td_batch *b)
{
    struct store_commit *c = xcalloc(1, sizeof *c);
    td_feed_state_init(&c->state);
    c->state.imported = true;
    c->state.why = xstrdup("every hour: the interval of the config");
    c->state.val.etag = xstrdup("\"0123456789abcdef\"");
    c->feed_id = feed_id;
    c->now = clock_now_ms();
    c->batch = b;
    c->done = on_commit;
    store_commit(store, c);
}

/* All BATCHES (or 304s), AHEAD at once: seconds. */
static double round_of(struct td_batch **batches, const int64_t *ids, int n)
{
    double from = now_s();
    n_done = n_new = 0;
    for (int i = 0; i < n || n_done < n;) {
        for (; i < n && i - n_done < AHEAD && store_has_room(store); i++)
            commit(ids[i], batches ? batches[i] : NULL);
        ev_run(loop, n_done < n ? EVRUN_ONCE : EVRUN_NOWAIT);
    }
    return now_s() - from;
}

static struct td_batch **make_batches(int n)
{
    struct td_batch **b = xcalloc((size_t)n, sizeof *b);
    for (int i = 0; i < n; i++)
        b[i] = make_batch(i);
    return b;
}

static double floor_of(const char *path, struct td_batch **batches, int n)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    if (sqlite3_open(path, &db) != SQLITE_OK)
        die("the floor's database");
    sqlite3_exec(db,
                 "PRAGMA page_size=16384; PRAGMA journal_mode=wal; PRAGMA synchronous=full;"
                 "PRAGMA cache_size=-8192;"
                 "CREATE TABLE item(item_id INTEGER PRIMARY KEY AUTOINCREMENT, feed_id INTEGER,"
                 " first_seen INTEGER, date_published INTEGER, id TEXT, url TEXT, title TEXT,"
                 " json TEXT, text TEXT) STRICT",
                 NULL, NULL, NULL);
    sqlite3_prepare_v2(db, "INSERT INTO item VALUES(NULL,?,?,?,?,?,?,?,?)", -1, &s, NULL);
    double from = now_s();
    for (int i = 0; i < n; i++) {
        if (i % AHEAD == 0)
            sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
        for (uint32_t k = 0; k < batches[i]->n_entries; k++) {
            const struct td_entry *e = &batches[i]->entries[k];
            sqlite3_bind_int(s, 1, i);
            sqlite3_bind_int64(s, 2, e->date_published);
            sqlite3_bind_int64(s, 3, e->date_published);
            sqlite3_bind_text(s, 4, e->id, -1, SQLITE_STATIC);
            sqlite3_bind_text(s, 5, e->url, -1, SQLITE_STATIC);
            sqlite3_bind_text(s, 6, e->title, -1, SQLITE_STATIC);
            sqlite3_bind_text(s, 7, e->json, (int)e->json_len, SQLITE_STATIC);
            sqlite3_bind_text(s, 8, e->text, -1, SQLITE_STATIC);
            if (sqlite3_step(s) != SQLITE_DONE)
                die(sqlite3_errmsg(db));
            sqlite3_reset(s);
        }
        if (i % AHEAD == AHEAD - 1 || i == n - 1)
            sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    double took = now_s() - from;
    sqlite3_finalize(s);
    sqlite3_close(db);
    return took;
}

static int64_t *put_feeds(int n)
{
    struct td_feed_conf *confs = xcalloc((size_t)n, sizeof *confs);
    const struct td_feed_conf **list = xcalloc((size_t)n, sizeof *list);
    int64_t *ids = xcalloc((size_t)n, sizeof *ids);
    for (int i = 0; i < n; i++) {
        confs[i] = (struct td_feed_conf){.name = xasprintf("feed%d", i),
                                         .url = xasprintf("https://feed%d.example/rss", i),
                                         .enabled = true};
        list[i] = &confs[i];
    }
    double from = now_s();
    store_feed_put_many(store, list, (size_t)n, ids, on_put, NULL);
    for (n_done = 0; !n_done;)
        ev_run(loop, EVRUN_ONCE);
    printf("put %d feeds: %.3f s\n", n, now_s() - from);
    for (int i = 0; i < n; i++) {
        free(confs[i].name);
        free(confs[i].url);
    }
    free(confs);
    free(list);
    return ids;
}

static void count_feed(void *ctx, struct td_feed_conf *conf, struct td_feed_state *state)
{
    ++*(int *)ctx;
}

static void on_tick(struct ev_loop *l, ev_timer *w, int revents)
{
}

static int any(void *ctx, const struct item_row *row)
{
    return 0;
}

/* The quickest of 20, ms. */
static void ask(struct reader *r, const char *what, struct item_query q)
{
    double best = 1e9;
    struct td_err err = {""};
    q.limit = 50;
    q.since = q.until = TD_NEVER;
    for (int i = 0; i < 20; i++) {
        double from = now_s();
        if (reader_items(r, &q, any, NULL, &err) < 0)
            die(err.msg);
        best = MIN(best, now_s() - from);
    }
    printf("%s, 50 newest: %.2f ms\n", what, best * 1000);
}

/* The same without stories, into a store of its own: seconds. */
static double without_stories(const char *path, int n)
{
    const struct td_story_rules off = {.off = true};
    struct store_conf conf = {.path = path, .stories = &off};
    struct store *with = store;
    struct td_err err;
    if (store_open(&store, loop, &conf, &err) < 0)
        die(err.msg);
    CLEANUP_FREE int64_t *ids = put_feeds(n);
    CLEANUP_FREE struct td_batch **batches = make_batches(n);
    double took = round_of(batches, ids, n);
    store_close(store, 10000);
    store = with;
    return took;
}

static void await_stories(double items)
{
    double from = now_s();
    ev_timer tick;
    ev_timer_init(&tick, on_tick, 0.01, 0.01);
    ev_timer_start(loop, &tick);
    while (store_stories_waiting(store))
        ev_run(loop, EVRUN_ONCE);
    ev_timer_stop(loop, &tick);
    printf("stories: behind by %.2f s, %.0f items/s\n", now_s() - from, items / (now_s() - from));
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* A few items ten times a second: how long after its commit was handed over an item has its story.
 */
static void normal_life(const int64_t *ids, int n)
{
    enum { TIMES = 200, NEWS = 3 };
    double took[TIMES];
    for (int i = 0; i < TIMES; i++) {
        struct td_batch *b = make_batch(n + i);
        b->n_entries = NEWS;
        int64_t had = store_stories_placed(store);
        ev_sleep(0.1);
        double from = now_s();
        n_done = 0;
        commit(ids[i % n], b);
        while (!n_done || store_stories_placed(store) < had + NEWS)
            ev_run(loop, EVRUN_ONCE);
        took[i] = (now_s() - from) * 1000;
    }
    qsort(took, TIMES, sizeof *took, by_size);
    printf("normal life: an item has its story after %.1f ms (median), %.1f ms (99 %%)\n",
           took[TIMES / 2], took[TIMES * 99 / 100]);
}

static void await_index(struct reader *r)
{
    struct store_counts c;
    double from = now_s();
    do {
        ev_sleep(0.05);
        if (reader_counts(r, &c, NULL) < 0)
            die("counts");
    } while (c.index_seq < c.last_seq);
    printf("index: %.0f items/s, behind the news by %.1f s\n", (double)c.items / (now_s() - from),
           now_s() - from);
    printf("on disk: %.0f bytes an item\n", (double)c.db_bytes / (double)c.items);
}

int main(int argc, char **argv)
{
    int n = (argc > 2 ? atoi(argv[2]) : 20000) / PER_FEED, loaded = 0;
    struct td_err err;
    struct reader *r;
    if (argc < 2 || n < 1 || mkdir(argv[1], 0755) != 0)
        die("usage: bench_store NEW-FOLDER [ITEMS]");
    CLEANUP_FREE char *path = xasprintf("%s/t.db", argv[1]);
    CLEANUP_FREE char *plain = xasprintf("%s/floor.db", argv[1]);
    struct store_conf conf = {.path = path};
    loop = ev_default_loop(0);
    if (store_open(&store, loop, &conf, &err) < 0 || reader_open(&r, path, &err) < 0)
        die(err.msg);
    CLEANUP_FREE char *off_path = xasprintf("%s/off.db", argv[1]);
    double off = without_stories(off_path, n);
    CLEANUP_FREE int64_t *ids = put_feeds(n);
    struct td_batch **batches = make_batches(n);
    double least = floor_of(plain, batches, n), took = round_of(batches, ids, n),
           items = n * PER_FEED;
    if (n_new != n * PER_FEED)
        die("not all were new");
    printf("floor: %.0f items/s; store: %.0f items/s; ratio %.2f\n", items / least, items / took,
           took / least);
    printf("without stories: ratio %.2f; with them the round takes %.0f %% longer\n", off / least,
           100 * (took / off - 1));
    await_stories(items);
    free(batches);
    batches = make_batches(n);
    await_index(r);
    normal_life(ids, n);
    printf("the same again: %.0f items/s\n", items / round_of(batches, ids, n));
    free(batches);
    printf("304s: %.0f feeds/s\n", n / round_of(NULL, ids, n));
    double one = now_s();
    for (int i = 0; i < 100; i++)
        round_of(NULL, ids, 1);
    printf("one commit at a time: %.2f ms\n", (now_s() - one) * 10);
    one = now_s();
    store_load_feeds(store, count_feed, &loaded, &err);
    printf("load %d feeds: %.3f s\n", loaded, now_s() - one);
    ask(r, "all", (struct item_query){0});
    ask(r, "one feed", (struct item_query){.feed = "feed0"});
    ask(r, "a common word", (struct item_query){.query = "title"});
    ask(r, "two words", (struct item_query){.query = "w1 w2"});
    reader_close(r);
    store_close(store, 10000);
    return 0;
}
