#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <jansson.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "fake_store.h"
#include "notify/filter.h"
#include "notify/stream.h"

struct world {
    struct ev_loop *loop;
    struct store *store;
    struct asker *asker;
    struct stream *stream;
};

static void log_grew(void *ctx, int64_t last)
{
    struct world *w = ctx;
    stream_log_grew(w->stream, last);
}

static void world_init(struct world *w, int events, size_t bytes)
{
    w->loop = ev_loop_new(0);
    w->stream = NULL;
    w->store = fake_store_new(w->loop, log_grew, w);
    w->asker = asker_new(w->loop, w->store);
    w->stream = stream_new(w->store, w->asker);
    if (events)
        fake_store_append(w->store, events, bytes);
}

static void world_fini(struct world *w)
{
    asker_close(w->asker);
    stream_free(w->stream);
    asker_free(w->asker);
    fake_store_free(w->store);
    ev_loop_destroy(w->loop);
}

/* Reads all it can, checks the order, remembers how it went. */
struct reading {
    struct follower *f;
    int64_t last, n, woken, step; /* step: at most so many at a wake; 0 = all */
    int result;
    struct td_err err;
};

static void read_on(struct reading *r)
{
    const struct event_text *e;
    int64_t had = r->n;
    while ((!r->step || r->n < had + r->step) &&
           (r->result = follower_next(r->f, &e, &r->err)) == 1) {
        assert_true(e->seq > r->last);
        r->last = e->seq;
        r->n++;
    }
}

static void on_wake(void *ctx)
{
    struct reading *r = ctx;
    r->woken++;
    read_on(r);
}

static void begin_filtered(struct world *w, struct reading *r, int64_t after, int64_t until,
                           int64_t limit, const struct filter *filter)
{
    struct follower_conf c = {.after = after,
                              .until = until,
                              .limit = limit,
                              .filter = filter,
                              .wake = on_wake,
                              .ctx = r};
    *r = (struct reading){.last = after, .step = r->step};
    r->f = follower_new(w->stream, &c);
    read_on(r);
}

static void begin(struct world *w, struct reading *r, int64_t after, int64_t until, int64_t limit)
{
    begin_filtered(w, r, after, until, limit, NULL);
}

#define UNTIL(w, condition)            \
    while (!(condition)) {             \
        ev_run((w)->loop, EVRUN_ONCE); \
    }

/* The loop has nothing left to do and the reader thread neither. */
static void settle_run(struct ask *a, struct reader *r)
{
}

static void settle_done(struct ask *a)
{
    a->run = NULL;
}

static void settle(struct world *w)
{
    for (int i = 0; i < 3; i++) {
        struct ask a = {.run = settle_run, .done = settle_done};
        assert_int_equal(asker_ask(w->asker, &a), 0);
        UNTIL(w, a.run == NULL);
    }
}

static void from_the_beginning_and_live(void **state)
{
    struct world w;
    struct reading r = {0};
    world_init(&w, 1000, 10);
    begin(&w, &r, 0, INT64_MAX, 0);
    UNTIL(&w, r.n == 1000);
    assert_int_equal(r.result, 0);
    for (int i = 0; i < 10; i++)
        fake_store_append(w.store, 3, 10);
    UNTIL(&w, r.n == 1030);
    assert_int_equal(follower_position(r.f), 1030);
    follower_free(r.f);
    world_fini(&w);
}

/* Many who are behind by a little, each at a place of its own, do not read the store
 * each for himself. */
static void laggards_share_pages(void **state)
{
    enum { N = 200, EVENTS = 3000 };
    struct world w;
    static struct reading r[N];
    struct stream_counts sc;
    world_init(&w, EVENTS, 200);
    for (int i = 0; i < N; i++) {
        r[i].step = 5;
        begin(&w, &r[i], i, INT64_MAX, 0);
    }
    for (bool all = false; !all;) {
        all = true;
        for (int i = 0; i < N; i++) {
            if (r[i].last < EVENTS)
                read_on(&r[i]);
            all = all && r[i].last == EVENTS;
        }
        ev_run(w.loop, EVRUN_NOWAIT);
    }
    stream_count(w.stream, &sc);
    assert_true(sc.pages < 20 * EVENTS / LIMIT_PAGE_EVENTS); /* each for himself: N of them */
    assert_int_equal(sc.delivered, N * EVENTS - N * (N - 1) / 2);
    for (int i = 0; i < N; i++)
        follower_free(r[i].f);
    stream_count(w.stream, &sc);
    assert_int_equal(sc.page_bytes, 0);
    world_fini(&w);
}

/* The reader sees a commit before the loop is told of it: no follower takes that for another log.
 */
static void events_that_are_not_announced_yet(void **state)
{
    struct world w;
    struct reading r[2] = {{0}};
    world_init(&w, 5, 10);
    begin(&w, &r[0], 0, INT64_MAX, 0);
    begin(&w, &r[1], 5, INT64_MAX, 0);
    fake_store_append_hidden(w.store, 3);
    UNTIL(&w, r[0].n >= 5);
    settle(&w);
    fake_store_append_hidden(w.store, 2);
    fake_store_announce(w.store);
    UNTIL(&w, r[0].last == 10 && r[1].last == 10);
    fake_store_append_hidden(w.store, 2);
    fake_store_append(w.store, 1, 10); /* announces its own, before the two */
    UNTIL(&w, r[0].last >= 11 && r[1].last >= 11);
    settle(&w);
    fake_store_announce(w.store);
    UNTIL(&w, r[0].last == 13 && r[1].last == 13);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(r[i].result, 0);
        assert_int_equal(r[i].n, i == 0 ? 13 : 8);
        follower_free(r[i].f);
    }
    world_fini(&w);
}

static void text_has_both_forms(void **state)
{
    struct event_row row = {.seq = 17,
                            .at = 1000,
                            .kind = "item.new",
                            .item = {.item_id = 4,
                                     .feed = "alpha",
                                     .first_seen = 2000,
                                     .revision = 1,
                                     .json = "{\"id\":\"x\",\r\n\"title\":\"data: y\\n\\nid: 9\"}",
                                     .json_len = 39}};
    row.item.json_len = strlen(row.item.json);
    struct event_text *t = event_text_new(&row, NULL);
    assert_int_equal(strncmp(t->text, "id: 17\nevent: item.new\ndata: {", 30), 0);
    assert_memory_equal(t->text + t->len - 2, "\n\n", 2);
    assert_int_equal(t->text[t->json_off], '{');
    assert_int_equal(t->text[t->json_off + t->json_len - 1], '}');
    assert_int_equal(t->text[t->json_off + t->json_len], '\n');
    assert_null(memchr(t->text + t->json_off, '\n', t->json_len));
    assert_null(memchr(t->text + t->json_off, '\r', t->json_len));
    event_text_unref(t);
}

/* A thousand that wait cost one question, not a thousand. */
static void many_share(void **state)
{
    enum { N = 1000 };
    static struct reading r[N];
    struct world w;
    struct stream_counts before, after;
    world_init(&w, 5, 10);
    for (int i = 0; i < N; i++)
        begin(&w, &r[i], 5, INT64_MAX, 0);
    settle(&w);
    stream_count(w.stream, &before);
    fake_store_append(w.store, 1, 10);
    UNTIL(&w, r[N - 1].n == 1);
    stream_count(w.stream, &after);
    assert_int_equal(after.pages - before.pages, 1);
    assert_int_equal(after.delivered - before.delivered, N);
    assert_int_equal(after.followers, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(r[i].n, 1);
        follower_free(r[i].f);
    }
    stream_count(w.stream, &after);
    assert_int_equal(after.ring_bytes, 0);
    /* Laggards at one position share their pages too. */
    for (int i = 0; i < N; i++)
        begin(&w, &r[i], 0, INT64_MAX, 0);
    UNTIL(&w, r[N - 1].n == 6);
    stream_count(w.stream, &before);
    assert_true(before.pages - after.pages < 5);
    for (int i = 0; i < N; i++)
        follower_free(r[i].f);
    world_fini(&w);
}

/* One does not read while others get far more than the ring holds; then it gets all of it. */
static void slow_one(void **state)
{
    enum { EVENTS = 300, BYTES = 100000 }; /* 30 MB */
    struct world w;
    struct reading fast = {0}, slow = {0};
    const struct event_text *e;
    struct stream_counts sc;
    world_init(&w, 1, 10);
    begin(&w, &fast, 1, INT64_MAX, 0);
    begin(&w, &slow, 1, INT64_MAX, 0);
    slow.step = 1;
    for (int i = 0; i < EVENTS; i++) {
        fake_store_append(w.store, 1, BYTES);
        UNTIL(&w, fast.n == i + 1);
        stream_count(w.stream, &sc);
        assert_true(sc.ring_bytes <= LIMIT_RING_BYTES);
    }
    assert_int_equal(slow.n, 1);
    slow.step = 0;
    read_on(&slow);
    UNTIL(&w, slow.n == EVENTS);
    assert_int_equal(follower_next(slow.f, &e, NULL), 0);
    follower_free(slow.f);
    follower_free(fast.f);
    world_fini(&w);
}

/* Hundreds are behind, each elsewhere, and none reads on: what is held for them is bounded. */
static void slow_crowd(void **state)
{
    enum { N = 600, BYTES = 30000 };
    static struct reading r[N];
    struct world w;
    struct stream_counts sc;
    world_init(&w, 2 * N, BYTES);
    for (int i = 0; i < N; i++) {
        r[i].step = 1;
        begin(&w, &r[i], i, INT64_MAX, 0);
    }
    UNTIL(&w, r[N - 1].n == 1);
    stream_count(w.stream, &sc);
    assert_true(sc.page_bytes > LIMIT_PAGES_BYTES / 2); /* it would be N * LIMIT_FOLLOWER_BYTES */
    assert_true(sc.page_bytes < LIMIT_PAGES_BYTES + LIMIT_FOLLOWER_BYTES + N * (BYTES + 1000));
    for (int i = 0; i < N; i++) {
        if (i % 200 == 0) { /* who reads on has lost nothing */
            r[i].step = 0;
            read_on(&r[i]);
            UNTIL(&w, r[i].last == 2 * N);
            assert_int_equal(r[i].n, 2 * N - i);
        }
        follower_free(r[i].f);
    }
    stream_count(w.stream, &sc);
    assert_int_equal(sc.page_bytes, 0);
    world_fini(&w);
}

/* Who wants to be sure hears of a doubtful item by itself, not as a story's growth. */
static void strictness(void **state)
{
    static const struct {
        const char *kind;
        int p;
        bool judged, normal, strict;
    } cases[] = {
        {"story.new", 700, true, true, true},      {"story.grew", 700, true, true, false},
        {"item.new", 700, true, false, true},      {"story.grew", 900, true, true, true},
        {"item.new", 900, true, false, false},     {"item.new", 700, false, false, false},
        {"story.grew", 700, false, true, true},    {"story.changed", 700, true, true, true},
        {"item.changed", 700, true, false, false},
    };
    struct filter *f[2];
    struct td_err err;
    for (int i = 0; i < 2; i++)
        assert_int_equal(filter_new(&f[i], NULL, "story.*", NULL, &err), 0);
    filter_set_strictness(f[1], 900);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct event_row row = {
            .seq = 1,
            .item_id = 1,
            .kind = cases[i].kind,
            .item = {.json = "{}", .json_len = 2},
            .story = {.story_id = 1, .p = cases[i].p, .judged = cases[i].judged}};
        struct event_text *e = event_text_new(&row, NULL);
        if (filter_passes(f[0], e) != cases[i].normal || filter_passes(f[1], e) != cases[i].strict)
            fail_msg("case %zu", i);
        event_text_unref(e);
    }
    filter_free(f[0]);
    filter_free(f[1]);
}

static void ends(void **state)
{
    struct world w;
    struct reading r = {0};
    world_init(&w, 500, 10);
    begin(&w, &r, 0, 300, 0);
    UNTIL(&w, r.result < 0);
    assert_int_equal(r.result, -ENODATA);
    assert_int_equal(r.n, 300);
    follower_free(r.f);
    begin(&w, &r, 10, INT64_MAX, 7);
    UNTIL(&w, r.result < 0);
    assert_int_equal(r.result, -ENODATA);
    assert_int_equal(r.last, 17);
    follower_free(r.f);
    begin(&w, &r, 500, 500, 0);
    assert_int_equal(r.result, -ENODATA);
    follower_free(r.f);
    /* The last events of the log are gone with their feed: the end is reached all the same. */
    fake_store_hole(w.store, 400, 500);
    begin(&w, &r, 390, 500, 0);
    UNTIL(&w, r.result < 0);
    assert_int_equal(r.result, -ENODATA);
    assert_int_equal(r.n, 9);
    follower_free(r.f);
    world_fini(&w);
}

static void holes_are_no_loss(void **state)
{
    struct world w;
    struct reading r = {0}, live = {0};
    world_init(&w, 1000, 10);
    fake_store_hole(w.store, 300, 700);
    begin(&w, &r, 250, INT64_MAX, 0);
    begin(&w, &live, 1000, INT64_MAX, 0);
    UNTIL(&w, r.n == 750 - 401);
    fake_store_hole(w.store, 1001, 1003);
    fake_store_append(w.store, 2, 10); /* nothing of it is there to be had */
    settle(&w);
    assert_int_equal(live.n, 0);
    fake_store_append(w.store, 3, 10);
    UNTIL(&w, live.n == 2 && r.last == 1005);
    assert_int_equal(live.last, 1005);
    follower_free(r.f);
    follower_free(live.f);
    world_fini(&w);
}

static void positions_that_are_not_kept(void **state)
{
    struct world w;
    struct reading r = {0};
    world_init(&w, 100, 10);
    fake_store_drop(w.store, 50);
    begin(&w, &r, 20, INT64_MAX, 0);
    UNTIL(&w, r.result < 0);
    assert_int_equal(r.result, -ESTALE);
    assert_non_null(strstr(r.err.msg, "after=50"));
    assert_int_equal(r.n, 0);
    follower_free(r.f);
    begin(&w, &r, 101, INT64_MAX, 0);
    assert_int_equal(r.result, -ESTALE);
    follower_free(r.f);
    begin(&w, &r, 50, INT64_MAX, 0);
    UNTIL(&w, r.n == 50);
    follower_free(r.f);
    begin(&w, &r, 0, INT64_MAX, 0); /* 0 is "what there is" */
    UNTIL(&w, r.n == 50);
    follower_free(r.f);
    world_fini(&w);
}

static void check_is_pure(void **state)
{
    struct td_err err;
    assert_int_equal(stream_check(0, 0, 0, &err), 0);
    assert_int_equal(stream_check(0, 50, 100, &err), 0);
    assert_int_equal(stream_check(49, 50, 100, &err), 0);
    assert_int_equal(stream_check(48, 50, 100, &err), -ESTALE);
    assert_int_equal(stream_check(100, 0, 100, &err), 0);
    assert_int_equal(stream_check(99, 0, 100, &err), -ESTALE);
    assert_int_equal(stream_check(101, 1, 100, &err), -ESTALE);
}

static void store_fails(void **state)
{
    struct world w;
    struct reading r = {0}, live = {0};
    world_init(&w, 10, 10);
    fake_store_break(w.store, 1);
    begin(&w, &r, 0, INT64_MAX, 0);
    UNTIL(&w, r.result < 0);
    assert_int_equal(r.result, -EIO);
    assert_string_equal(r.err.msg, "the disk is broken");
    begin(&w, &live, 10, INT64_MAX, 0);
    fake_store_break(w.store, 1);
    fake_store_append(w.store, 1, 10);
    UNTIL(&w, live.result < 0);
    assert_int_equal(live.result, -EIO);
    follower_free(live.f);
    begin(&w, &live, 10, INT64_MAX, 0); /* and it goes on where it was */
    UNTIL(&w, live.n == 1);
    follower_free(live.f);
    follower_free(r.f);
    world_fini(&w);
}

/* Who is told of articles waits where nobody knows yet whether it is one; others go on. */
static void articles_wait_for_their_stories(void **state)
{
    struct world w;
    struct reading all = {0}, behind = {0}, live = {0};
    struct filter *filter;
    struct stream_counts before, after;
    world_init(&w, 100, 10);
    assert_int_equal(filter_new(&filter, w.stream, NULL, NULL, NULL), 0);
    filter_set_articles(filter);
    fake_store_place(w.store, 40);
    begin(&w, &all, 0, INT64_MAX, 0);
    begin_filtered(&w, &behind, 0, INT64_MAX, 0, filter);
    begin_filtered(&w, &live, 100, INT64_MAX, 0, filter);
    UNTIL(&w, all.n == 100 && behind.n == 40);
    fake_store_append(w.store, 10, 10);
    UNTIL(&w, all.n == 110);
    settle(&w);
    assert_int_equal(behind.n, 40);
    assert_int_equal(live.n, 0);
    stream_count(w.stream, &before);
    fake_store_place(w.store, 40); /* no news of it: nobody asks again */
    settle(&w);
    stream_count(w.stream, &after);
    assert_int_equal(after.pages, before.pages);
    for (int64_t at = 41; at <= 110; at += 23) {
        fake_store_place(w.store, at);
        UNTIL(&w, behind.n == at);
        settle(&w);
        assert_int_equal(behind.n, at);
        assert_int_equal(live.n, MAX(at - 100, (int64_t)0));
    }
    fake_store_place(w.store, INT64_MAX);
    UNTIL(&w, behind.n == 110 && live.n == 10);
    follower_free(all.f);
    follower_free(behind.f);
    follower_free(live.f);
    filter_free(filter);
    world_fini(&w);
}

/* Followers and the stream go while the reader thread still has their questions. */
static void torn_down(void **state)
{
    struct world w;
    struct reading r[3] = {0};
    world_init(&w, 100, 10);
    fake_store_hold(w.store, 1);
    begin(&w, &r[0], 0, INT64_MAX, 0);
    begin(&w, &r[1], 0, INT64_MAX, 0);
    begin(&w, &r[2], 100, INT64_MAX, 0);
    fake_store_append(w.store, 1, 10);
    follower_free(r[0].f);
    follower_free(r[2].f);
    fake_store_hold(w.store, 0);
    asker_close(w.asker);
    assert_true(r[1].woken > 0); /* whatever had been read by then, it is not left waiting */
    assert_true(r[1].n > 0);
    follower_free(r[1].f);
    world_fini(&w);
}

/* Whatever stands in it, an event is one whole JSON object. */
static void large_events_are_whole(void **state)
{
    CLEANUP_FREE char *large = xmalloc(200001);
    memset(large, '"', 200000); /* each of them two bytes of JSON */
    large[200000] = 0;
    CLEANUP_FREE char *detail = xasprintf("{\"cursors\":[\"%0100000d\"]}", 1);
    struct event_row rows[] = {
        {.seq = 1, .kind = "story.new", .story = {.story_id = 1, .title = large}},
        {.seq = 2, .kind = "log.cut", .detail = detail},
        {.seq = 3, .kind = "feed.gone", .feed_id = 1, .item.feed = "f", .item.feed_title = large},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct event_text *e = event_text_new(&rows[i], NULL);
        json_t *o = json_loadb(e->text + e->json_off, e->json_len, 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(o, "seq")), i + 1);
        assert_int_equal(e->text[e->len - 1], '\n');
        json_decref(o);
        event_text_unref(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_beginning_and_live),
        cmocka_unit_test(laggards_share_pages),
        cmocka_unit_test(events_that_are_not_announced_yet),
        cmocka_unit_test(text_has_both_forms),
        cmocka_unit_test(large_events_are_whole),
        cmocka_unit_test(many_share),
        cmocka_unit_test(slow_one),
        cmocka_unit_test(slow_crowd),
        cmocka_unit_test(strictness),
        cmocka_unit_test(ends),
        cmocka_unit_test(holes_are_no_loss),
        cmocka_unit_test(positions_that_are_not_kept),
        cmocka_unit_test(check_is_pure),
        cmocka_unit_test(store_fails),
        cmocka_unit_test(articles_wait_for_their_stories),
        cmocka_unit_test(torn_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
