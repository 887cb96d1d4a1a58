/* cluster, item, live, score, state: items become stories, the same ones every time. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "story/cluster_private.h"
#include "story/fixed.h"

#define T0 1700000000
#define H  3600

static int64_t next_item;

static struct story_out put(struct cluster *c, int64_t at, const char *outlet, const char *title,
                            const char *text)
{
    struct story_in in = {.item = ++next_item,
                          .time_s = T0 + at,
                          .title = title,
                          .text = text,
                          .outlet = outlet,
                          .byline = outlet};
    struct story_out r;
    cluster_assign(c, &in, &r);
    return r;
}

static int setup(void **state)
{
    next_item = 0;
    *state = cluster_new(STORY_STRICTNESS);
    return 0;
}

static int teardown(void **state)
{
    cluster_free(*state);
    return 0;
}

/* What a busy day says besides, so that words have their weights. */
static void background(struct cluster *c, int64_t at, int n)
{
    static const char *const who[] = {"Council", "Hospital", "Airline", "Striker", "Museum",
                                      "Court",   "Bakery",   "Senator", "Tunnel",  "Orchestra"};
    static const char *const what[] = {"opens new wing in", "loses appeal over", "hires staff for",
                                       "celebrates record at", "warns of delays near"};
    static const char *const where[] = {"Leeds",  "Porto",  "Tampere", "Gdansk", "Bergen", "Lyon",
                                        "Malaga", "Zagreb", "Tartu",   "Ghent",  "Turin"};
    char title[100];
    for (int i = 0; i < n; i++) {
        snprintf(title, sizeof title, "%s %s %s", who[i % 10], what[i / 10 % 5], where[i % 11]);
        put(c, at + i, "Wire", title, NULL);
    }
}

static void test_rewrites_join(void **state)
{
    struct cluster *c = *state;
    background(c, 0, 50);
    struct story_out a = put(c, H, "Gazette", "Ferry with 80 aboard runs aground off Kalmar",
                             "The ferry Solvind ran aground on a reef off Kalmar on Monday; all 80 "
                             "passengers were taken off by the coast guard.");
    struct story_out b = put(c, 2 * H, "Observer",
                             "Passengers rescued after Kalmar ferry grounding",
                             "The coast guard took 80 passengers off the ferry Solvind, which ran "
                             "onto a reef near Kalmar on Monday.");
    struct story_out d = put(
        c, 2 * H, "Observer", "Ferry operator in Messina cuts fares for winter",
        "Travellers between Messina and the mainland will pay a fifth less from "
        "December, the operator said.");
    assert_true(a.opened);
    assert_false(b.opened);
    assert_int_equal(b.story, a.story);
    assert_true(b.p > Q16 * 6 / 10);
    assert_true(d.opened);
}

static void test_templates_stay_apart(void **state)
{
    struct cluster *c = *state;
    background(c, 0, 50);
    struct story_out a = put(c, H, "Quakes", "M 5.4 earthquake strikes 12 km off Hachinohe, Japan",
                             NULL);
    struct story_out b = put(c, 2 * H, "Quakes",
                             "M 4.9 earthquake strikes 40 km off Hachinohe, Japan", NULL);
    struct story_out d = put(c, 3 * H, "Code", "Tern 7.8.1 released", "Bugs were fixed.");
    struct story_out e = put(c, 4 * H, "Code", "Tern 7.8.2 released", "Bugs were fixed.");
    assert_int_not_equal(a.story, b.story);
    assert_int_not_equal(d.story, e.story);
}

static void test_exact(void **state)
{
    struct cluster *c = *state;
    const char *title = "Parliament passes the harbour bill", *lead = "The vote was 90 to 12.";
    struct story_out a = put(c, 0, "Gazette", title, lead);
    struct story_out b = put(c, 9, "Observer", "PARLIAMENT passes the Harbour Bill - Observer",
                             lead);
    struct story_in in = {.item = ++next_item,
                          .time_s = T0 + 20,
                          .title = "Something else entirely about cats",
                          .outlet = "A",
                          .address = "news.example/1"};
    struct story_out d, e;
    assert_true(b.exact);
    assert_int_equal(b.story, a.story);
    assert_int_equal(b.article, 1);
    cluster_assign(c, &in, &d);
    in.item = ++next_item;
    in.outlet = "B";
    in.title = "Its headline was changed at the other paper";
    cluster_assign(c, &in, &e);
    assert_true(d.opened);
    assert_true(e.exact);
    assert_int_equal(e.article, d.article);
}

static void test_same_outlet_repeats_its_titles(void **state)
{
    struct cluster *c = *state;
    struct story_out a = put(c, 0, "Weather", "Forecast for the north coast today", NULL);
    struct story_out b = put(c, 24 * H, "Weather", "Forecast for the north coast today", NULL);
    assert_int_equal(a.article, 1);
    assert_int_equal(b.article, 2); /* another article, whatever its story */
    assert_false(b.exact);
}

static void test_window(void **state)
{
    struct cluster *c = *state;
    struct story_out a = put(c, 0, "A", "Glacier lake bursts above the village of Altkirch", NULL);
    put(c, STORY_WINDOW_S + H, "B", "Tax office moves to new building in spring", NULL);
    assert_int_equal(live_find(c->live, a.story), LIVE_NONE);
    struct story_out b = put(c, STORY_WINDOW_S + 2 * H, "C",
                             "Glacier lake bursts above the village of Altkirch", NULL);
    assert_true(b.opened);
    struct story_out back = put(c, 0, "D", "An item that comes late", NULL); /* the clock stays */
    assert_true(back.opened);
    assert_int_equal(c->now_s, T0 + STORY_WINDOW_S + 2 * H);
}

static void test_strange_input(void **state)
{
    struct cluster *c = *state;
    put(c, 0, NULL, "", NULL);
    put(c, 0, NULL, "", "");
    put(c, 0, "", "\xFF\xFE", "\x01\x02");
    put(c, INT32_MAX, "A", "!!!", "???");
    for (int i = 0; i < 200; i++)
        put(c, INT32_MAX, i % 2 ? "A" : "B", "same same same same", "same text again");
    assert_true(live_count(c->live) >= 1);
}

/* ---- determinism ----------------------------------------------------------------------------- */

/* Item I of a stream with near and far relatives, many stories, words that come and go. */
static struct story_out put_random(struct cluster *c, uint32_t i)
{
    static const char *const words[] = {
        "harbour", "storm", "bank",   "Lima",    "virus", "Oslo",   "strike", "bridge", "Pavlov",
        "tariff",  "flood", "Nakuru", "verdict", "coach", "rocket", "Quito",  "yields", "ballot"};
    char title[200] = "", text[200] = "";
    uint32_t story = i * 2654435761u >> 24, x = (story + 1) * 747796405u;
    for (int k = 0; k < 6; k++) {
        x = x * 747796405u + 2891336453u + (k == 5 ? i : 0);
        size_t n = strlen(title);
        snprintf(title + n, sizeof title - n, "%s%u ", words[(x >> 20) % ARRAY_SIZE(words)],
                 k == 4 ? i % 7 : (x >> 28));
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ",
                 words[(x >> 10) % ARRAY_SIZE(words)]);
    }
    return put(c, (int64_t)i * 400, i % 3 ? "A" : "B", title, i % 4 ? text : NULL);
}

#define STREAM 3000

static void test_restart_is_invisible(void **state)
{
    struct cluster *whole = *state;
    int64_t *want = xcalloc(STREAM, sizeof *want);
    int32_t *p = xcalloc(STREAM, sizeof *p);
    for (uint32_t i = 0; i < STREAM; i++) {
        struct story_out r = put_random(whole, i);
        want[i] = r.story;
        p[i] = r.p;
    }
    next_item = 0;
    struct cluster *c = cluster_new(STORY_STRICTNESS);
    for (uint32_t i = 0; i < STREAM; i++) {
        if (i % 193 == 17) {
            CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_STORY_STATE_BYTES);
            struct td_err err;
            cluster_save(c, &b);
            cluster_free(c);
            c = cluster_new(STORY_STRICTNESS);
            assert_int_equal(cluster_load(c, b.data, b.len, &err), 0);
        }
        struct story_out r = put_random(c, i);
        assert_int_equal(r.story, want[i]);
        assert_int_equal(r.p, p[i]);
    }
    CLEANUP_BUF struct buf x = BUF_INIT(LIMIT_STORY_STATE_BYTES),
                           y = BUF_INIT(LIMIT_STORY_STATE_BYTES);
    cluster_save(whole, &x);
    cluster_save(c, &y);
    assert_int_equal(x.len, y.len);
    assert_true(live_count(c->live) > 100 && whole->next_id < STREAM);
    cluster_free(c);
    free(want);
    free(p);
}

static void test_damaged_state(void **state)
{
    struct cluster *c = *state;
    struct td_err err;
    for (uint32_t i = 0; i < 40; i++)
        put_random(c, i);
    CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_STORY_STATE_BYTES);
    cluster_save(c, &b);
    for (size_t cut = 0; cut < b.len; cut += 97) {
        struct cluster *d = cluster_new(STORY_STRICTNESS);
        assert_int_equal(cluster_load(d, b.data, cut, &err), -EINVAL);
        b.data[cut] ^= 4;
        assert_int_equal(cluster_load(d, b.data, b.len, &err), -EINVAL);
        b.data[cut] ^= 4;
        cluster_free(d);
        if (cut > 3000)
            cut += b.len / 20;
    }
}

static void test_full_table(void **state)
{
    struct live *l = live_new(4);
    struct frequency f;
    struct story_item x;
    frequency_init(&f);
    for (int64_t i = 1; i <= 6; i++) {
        char title[40];
        snprintf(title, sizeof title, "bird number%d sings tree%d", (int)i, (int)i);
        struct story_in in = {.item = i, .time_s = i, .title = title};
        story_item_read(&x, &in, &f);
        live_open(l, i, &x);
        if (i == 4)
            live_add(l, live_find(l, 1), &x); /* 1 was touched last: 2 goes first */
    }
    assert_int_equal(live_count(l), 4);
    assert_int_not_equal(live_find(l, 1), LIVE_NONE);
    assert_int_equal(live_find(l, 2), LIVE_NONE);
    assert_int_equal(live_find(l, 3), LIVE_NONE);
    assert_int_not_equal(live_find(l, 6), LIVE_NONE);
    live_free(l);
    frequency_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rewrites_join, setup, teardown),
        cmocka_unit_test_setup_teardown(test_templates_stay_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_outlet_repeats_its_titles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strange_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart_is_invisible, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_state, setup, teardown),
        cmocka_unit_test(test_full_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
