/* Deliveries on a real loop: a store in memory, a consumer that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "fake_store.h"
#include "notify/outbox.h"

#define POSTS 4096

struct posted { /* with a consumer */
    sink_posted_fn *done;
    void *ctx;
    char id[SINK_ID_BYTES];
    char path[64];
};

struct world {
    struct ev_loop *loop;
    struct store *store;
    struct asker *asker;
    struct stream *stream;
    struct outbox *outbox;
    struct sink_env env;
    struct posted *posts[POSTS];
    int n, n_cancelled;
    int answered; /* of posts, in order, by answer_all */
};

static struct world *w;

static void *post(void *app, const struct sink_post *p, sink_posted_fn *done, void *ctx)
{
    struct posted *x = w->posts[w->n++] = xcalloc(1, sizeof *x);
    assert_true(w->n < POSTS);
    x->done = done;
    x->ctx = ctx;
    snprintf(x->path, sizeof x->path, "%s", strrchr(p->url, '/'));
    for (const char *const *h = p->headers; *h; h++)
        if (str_starts(*h, "webhook-id: 0123456789abcdef-"))
            snprintf(x->id, sizeof x->id, "%s", *h + strlen("webhook-id: 0123456789abcdef-"));
    return x;
}

static void post_cancel(void *app, void *handle)
{
    ((struct posted *)handle)->done = NULL;
    w->n_cancelled++;
}

static void on_grew(void *ctx, int64_t last)
{
    if (w->stream)
        stream_log_grew(w->stream, last);
}

static int set_up(void **state)
{
    w = xcalloc(1, sizeof *w);
    log_set_level(LOG_ERR);
    w->loop = ev_default_loop(0);
    w->store = fake_store_new(w->loop, on_grew, NULL);
    w->asker = asker_new(w->loop, w->store);
    w->stream = stream_new(w->store, w->asker);
    w->env = (struct sink_env){
        .loop = w->loop, .instance = "0123456789abcdef", .post = post, .post_cancel = post_cancel};
    w->outbox = outbox_new(w->store, w->asker, w->stream, &w->env);
    return 0;
}

static int tear_down(void **state)
{
    outbox_free(w->outbox);
    asker_close(w->asker);
    stream_free(w->stream);
    asker_free(w->asker);
    fake_store_free(w->store);
    for (int i = 0; i < w->n; i++)
        free(w->posts[i]);
    free(w);
    return 0;
}

static void late(struct ev_loop *loop, ev_timer *t, int revents)
{
    fail_msg("nothing happened for 10 seconds");
}

/* Runs the loop until COND. */
#define AWAIT(cond)                           \
    do {                                      \
        ev_timer late_;                       \
        ev_now_update(w->loop);               \
        ev_timer_init(&late_, late, 10., 0.); \
        ev_timer_start(w->loop, &late_);      \
        while (!(cond))                       \
            ev_run(w->loop, EVRUN_ONCE);      \
        ev_timer_stop(w->loop, &late_);       \
    } while (0)

/* Lets the loop do what it has to do; nothing more may come. */
static void settle(void)
{
    for (int i = 0; i < 50; i++)
        ev_run(w->loop, EVRUN_NOWAIT);
    /* the reader thread has a moment too */
    struct timespec t = {.tv_nsec = 20000000};
    nanosleep(&t, NULL);
    for (int i = 0; i < 50; i++)
        ev_run(w->loop, EVRUN_NOWAIT);
}

static void subscribe_to(const char *name, const char *query, int batch, int n_retry)
{
    struct td_err err = {""};
    struct td_sub_conf *c = xcalloc(1, sizeof *c);
    c->name = xstrdup(name);
    c->sink = TD_SINK_WEBHOOK;
    c->target = xasprintf("http://x.example/%s", name);
    c->query = xstrdup_or_null(query);
    c->events = xstrdup("item.new");
    c->batch = batch;
    c->n_retry = n_retry;
    c->retry_ms[1] = c->retry_ms[2] = 1;
    c->answer_timeout_ms = 1000;
    store_sub_put(w->store, name, NULL, 0, NULL, NULL);
    struct sub_row row = {.name = name, .state = fake_store_sub(w->store, name)->state};
    if (outbox_add(w->outbox, c, &row, &err) < 0)
        fail_msg("%s", err.msg);
}

static struct fake_sub *saved(const char *name)
{
    return fake_store_sub(w->store, name);
}

static void answer(int i, int status)
{
    struct td_err err = {"HTTP"};
    struct posted *p = w->posts[i];
    assert_non_null(p->done);
    sink_posted_fn *done = p->done;
    p->done = NULL;
    done(p->ctx, &(struct sink_posted){.status = status, .retry_after_at = TD_NEVER, .err = &err});
}

static void answer_all(void)
{
    for (; w->answered < w->n; w->answered++)
        if (w->posts[w->answered]->done)
            answer(w->answered, 200);
}

/* ---- stories -------------------------------------------------------------------------------- */

static void in_order_one_at_a_time(void **state)
{
    subscribe_to("a", NULL, 1, 3);
    fake_store_append(w->store, 50, 10);
    for (int i = 0; i < 50; i++) {
        char want[16];
        AWAIT(w->n == i + 1);
        snprintf(want, sizeof want, "%d", i + 1);
        assert_string_equal(w->posts[i]->id, want);
        assert_int_equal(saved("a")->state.seq, i); /* the one before is durable */
        answer(i, 204);
    }
    AWAIT(saved("a")->state.seq == 50);
    settle();
    assert_int_equal(w->n, 50);
    assert_int_equal(saved("a")->n_delivered, 50);
}

static void batches(void **state)
{
    fake_store_append(w->store, 25, 10);
    subscribe_to("a", NULL, 10, 3);
    AWAIT(w->n == 1);
    assert_true(str_starts(w->posts[0]->id, "1"));
    while (saved("a")->state.seq < 25) {
        answer_all();
        AWAIT(w->n > w->answered || saved("a")->state.seq == 25);
    }
    assert_in_range(w->n, 3, 5);
}

static void failures_become_dead_letters(void **state)
{
    subscribe_to("a", NULL, 1, 3);
    fake_store_append(w->store, 2, 10);
    for (int i = 0; i < 3; i++) {
        AWAIT(w->n == i + 1);
        assert_string_equal(w->posts[i]->id, "1"); /* the same id at each attempt */
        answer(i, 500);
    }
    AWAIT(w->n == 4);
    assert_string_equal(w->posts[3]->id, "2"); /* what is behind goes on */
    assert_int_equal(saved("a")->n_dead, 1);
    assert_int_equal(saved("a")->dead[0].seq, 1);
    assert_string_equal(saved("a")->error, "HTTP");
    answer(3, 200);
    AWAIT(saved("a")->state.seq == 2);
    assert_string_equal(saved("a")->error, "");
    /* And again, by hand: first it fails, then it is delivered and gone. */
    struct sub *s = outbox_find(w->outbox, "a");
    sub_replay(s, 0, false, NULL, NULL);
    AWAIT(w->n == 5);
    assert_string_equal(w->posts[4]->id, "1");
    answer(4, 503);
    settle();
    assert_int_equal(w->n, 5); /* once */
    assert_int_equal(saved("a")->dead[0].id, 1);
    sub_replay(s, 0, false, NULL, NULL);
    AWAIT(w->n == 6);
    answer(5, 200);
    AWAIT(saved("a")->dead[0].id == 0);
    assert_int_equal(saved("a")->state.seq, 2);
}

/* The config names another address while the old one fails, or has said that it is gone: the new
 * one is tried at once, with what was not delivered. */
static void another_address(void **state)
{
    for (int gone = 0; gone < 2; gone++) {
        char name[2] = {(char)('a' + gone)};
        int first = w->n;
        subscribe_to(name, NULL, 1, 3);
        struct sub *s = outbox_find(w->outbox, name);
        struct td_sub_conf *c = td_sub_conf_copy(sub_conf(s));
        struct td_err err;
        c->retry_ms[1] = c->retry_ms[2] = 3600000;
        assert_int_equal(outbox_change(w->outbox, s, td_sub_conf_copy(c), &err), 0);
        if (!gone)
            fake_store_append(w->store, 1, 10);
        AWAIT(w->n == first + 1);
        answer(first, gone ? 410 : 500);
        AWAIT(gone ? saved(name)->state.disabled : saved(name)->state.failures == 1);
        settle();
        assert_int_equal(w->n, first + 1);
        assert_int_equal(outbox_change(w->outbox, s, td_sub_conf_copy(c), &err), 0);
        settle();
        assert_int_equal(w->n, first + 1); /* nothing has changed */
        free(c->target);
        c->target = xstrdup("http://x.example/new");
        assert_int_equal(outbox_change(w->outbox, s, c, &err), 0);
        AWAIT(w->n == first + 2);
        assert_string_equal(w->posts[first + 1]->path, "/new");
        assert_string_equal(w->posts[first + 1]->id, "1");
        answer(first + 1, 200);
        AWAIT(saved(name)->state.seq == 1 && !saved(name)->state.disabled);
        outbox_remove(w->outbox, s);
    }
}

static void many_dead_letters_are_replayed_in_order(void **state)
{
    subscribe_to("a", NULL, 1, 1);
    fake_store_append(w->store, FAKE_DEAD - 50, 10);
    for (int i = 0; i < FAKE_DEAD - 50; i++) {
        AWAIT(w->n == i + 1);
        answer(i, 500);
    }
    AWAIT(saved("a")->n_dead == FAKE_DEAD - 50);
    settle();
    int first = w->n;
    sub_replay(outbox_find(w->outbox, "a"), 0, false, NULL, NULL);
    for (int i = 0; i < FAKE_DEAD - 50; i++) {
        char want[16];
        AWAIT(w->n == first + i + 1);
        snprintf(want, sizeof want, "%d", i + 1);
        assert_string_equal(w->posts[first + i]->id, want);
        answer(first + i, 200);
    }
    settle();
    assert_int_equal(w->n, first + FAKE_DEAD - 50);
}

static void a_stuck_one_delays_nobody(void **state)
{
    subscribe_to("stuck", NULL, 1, 3);
    subscribe_to("well", NULL, 1, 3);
    fake_store_append(w->store, 300, 2000);
    AWAIT(w->n == 2);
    while (saved("well")->state.seq < 300) {
        int n = w->n;
        for (int i = 0; i < n; i++)
            if (w->posts[i]->done && str_eq(w->posts[i]->path, "/well"))
                answer(i, 200);
        if (saved("well")->state.seq < 300)
            AWAIT(w->n > n || saved("well")->state.seq == 300);
    }
    assert_int_equal(saved("stuck")->state.seq, 0);
    assert_int_equal(w->n, 301);
    struct stream_counts c;
    stream_count(w->stream, &c);
    assert_true(c.page_bytes <= LIMIT_FOLLOWER_BYTES * 2);
}

static void gone_is_disabled_until_resume(void **state)
{
    subscribe_to("a", NULL, 1, 3);
    fake_store_append(w->store, 1, 10);
    AWAIT(w->n == 1);
    answer(0, 410);
    AWAIT(saved("a")->state.disabled);
    fake_store_append(w->store, 1, 10);
    settle();
    assert_int_equal(w->n, 1);
    sub_resume(outbox_find(w->outbox, "a"));
    AWAIT(w->n == 2);
    assert_string_equal(w->posts[1]->id, "1");
}

static void pause_rewind_skip(void **state)
{
    struct sub *s;
    subscribe_to("a", NULL, 1, 3);
    s = outbox_find(w->outbox, "a");
    fake_store_append(w->store, 3, 10);
    AWAIT(w->n == 1);
    sub_pause(s);
    answer(0, 200); /* what was with the consumer still counts */
    AWAIT(saved("a")->state.seq == 1 && saved("a")->state.paused);
    settle();
    assert_int_equal(w->n, 1);
    sub_rewind(s, 0);
    sub_resume(s);
    AWAIT(w->n == 2);
    assert_string_equal(w->posts[1]->id, "1");
    sub_rewind(s, 2); /* while it is with the consumer */
    assert_int_equal(w->n_cancelled, 1);
    AWAIT(w->n == 3);
    assert_string_equal(w->posts[2]->id, "3");
    assert_int_equal(sub_skip(s), 0); /* nothing fails yet */
    answer(2, 500);
    AWAIT(saved("a")->state.failures == 1);
    assert_int_equal(sub_skip(s), 1);
    AWAIT(saved("a")->state.seq == 3);
    assert_int_equal(saved("a")->n_dead, 1);
}

static void only_what_matches(void **state)
{
    fake_store_append(w->store, 30, 10);
    subscribe_to("all", NULL, 1, 3); /* so that events are rendered before the query is there */
    AWAIT(w->n == 1);
    subscribe_to("seven", "title:7 OR title:17", 1, 3);
    while (saved("seven")->state.seq < 17) {
        AWAIT(w->n > w->answered || saved("seven")->state.seq >= 17);
        answer_all();
    }
    while (saved("all")->state.seq < 30) {
        AWAIT(w->n > w->answered || saved("all")->state.seq == 30);
        answer_all();
    }
    int n = 0;
    for (int i = 0; i < w->n; i++)
        if (str_eq(w->posts[i]->path, "/seven"))
            assert_string_equal(w->posts[i]->id, n++ ? "17" : "7");
    assert_int_equal(n, 2);
    fake_store_append(w->store, 7, 10); /* 37 is another word */
    answer_all();
    settle();
    answer_all();
    for (int i = 31; i < w->n; i++)
        assert_string_not_equal(w->posts[i]->path, "/seven");
}

/* The journal: one line for each change of state, none while it stays so, few of one that flaps. */
static void few_lines(void **state)
{
    FILE *f = tmpfile();
    int keep = dup(STDERR_FILENO);
    dup2(fileno(f), STDERR_FILENO);
    log_set_level(LOG_INFO);
    subscribe_to("a", NULL, 1, 1);
    subscribe_to("flaps", NULL, 1, 1);
    fake_store_append(w->store, 100, 10);
    for (int n = 0, flaps = 0; n < 200; n++) {
        AWAIT(w->n > n);
        bool a = str_eq(w->posts[n]->path, "/a");
        answer(n, a || flaps++ % 2 == 0 ? 500 : 200);
    }
    fake_store_append(w->store, 1, 10);
    AWAIT(w->n == 202);
    answer(200, 200);
    answer(201, 200);
    AWAIT(saved("a")->state.seq == 101 && saved("flaps")->state.seq == 101);
    log_set_level(LOG_ERR);
    fflush(stderr);
    dup2(keep, STDERR_FILENO);
    close(keep);
    char line[500], of_a[2000] = "";
    int n_flaps = 0;
    rewind(f);
    while (fgets(line, sizeof line, f)) {
        if (strstr(line, "subscription a: "))
            strcat(of_a, strstr(line, "a: "));
        n_flaps += strstr(line, "subscription flaps: ") != NULL;
    }
    fclose(f);
    assert_string_equal(of_a, "a: 1 event from 1 on not delivered, now dead letters: HTTP\n"
                              "a: works again; 99 events from 2 on: dead letters\n");
    assert_int_equal(n_flaps, LIMIT_SUB_LINES);
    assert_int_equal(saved("flaps")->n_dead, 50);
}

static void a_gap_in_the_log_is_bridged(void **state)
{
    subscribe_to("a", NULL, 1, 3);
    fake_store_append(w->store, 1, 10);
    AWAIT(w->n == 1);
    answer(0, 200);
    AWAIT(saved("a")->state.seq == 1);
    struct td_sub_state at = saved("a")->state;
    outbox_remove(w->outbox, outbox_find(w->outbox, "a"));
    fake_store_append(w->store, 9, 10);
    fake_store_drop(w->store, 5);
    subscribe_to("a", NULL, 1, 3);
    assert_int_equal(at.seq, 1);
    AWAIT(w->n == 2);
    assert_string_equal(w->posts[1]->id, "6");
}

static void a_disk_that_cannot_be_read_stops_for_a_while(void **state)
{
    fake_store_break(w->store, 1);
    fake_store_append(w->store, 1, 10);
    subscribe_to("a", NULL, 1, 3);
    AWAIT(w->n == 1); /* after BROKEN_S */
    assert_string_equal(w->posts[0]->id, "1");
}

static void removed_at_any_moment(void **state)
{
    for (int i = 0; i < 60; i++) {
        subscribe_to("a", i % 2 ? "title:item" : NULL, 1, 3);
        fake_store_append(w->store, 2, 10);
        for (int k = 0; k < i % 12; k++)
            ev_run(w->loop, EVRUN_NOWAIT);
        if (i % 3 == 0)
            sub_replay(outbox_find(w->outbox, "a"), 0, false, NULL, NULL);
        answer_all();
        outbox_remove(w->outbox, outbox_find(w->outbox, "a"));
        store_sub_delete(w->store, "a", NULL, NULL);
    }
    settle();
}

static void on_tested(void *ctx, int result, const struct td_err *err)
{
    *(int *)ctx = result == 0 ? 1 : result;
}

static void a_test_goes_beside_everything(void **state)
{
    int good = 0, bad = 0;
    subscribe_to("a", NULL, 1, 3);
    fake_store_append(w->store, 1, 10);
    AWAIT(w->n == 1);
    outbox_test(w->outbox, sub_conf(outbox_find(w->outbox, "a")), on_tested, &good);
    outbox_test(w->outbox, sub_conf(outbox_find(w->outbox, "a")), on_tested, &bad);
    AWAIT(w->n == 3);
    assert_string_equal(w->posts[1]->id, "0");
    answer(1, 200);
    answer(2, 404);
    assert_int_equal(good, 1);
    assert_true(bad < 0);
    assert_int_equal(saved("a")->state.seq, 0);
    outbox_test(w->outbox, sub_conf(outbox_find(w->outbox, "a")), on_tested,
                &bad); /* never answered */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_order_one_at_a_time),
        TEST(batches),
        TEST(failures_become_dead_letters),
        TEST(another_address),
        TEST(many_dead_letters_are_replayed_in_order),
        TEST(a_stuck_one_delays_nobody),
        TEST(gone_is_disabled_until_resume),
        TEST(pause_rewind_skip),
        TEST(only_what_matches),
        TEST(few_lines),
        TEST(a_gap_in_the_log_is_bridged),
        TEST(a_disk_that_cannot_be_read_stops_for_a_while),
        TEST(removed_at_any_moment),
        TEST(a_test_goes_beside_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
