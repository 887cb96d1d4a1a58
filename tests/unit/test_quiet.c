/* Events about what did not come, through the commits of a real store; the end of the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "store/commit.h"
#include "store/logcut.h"
#include "store/reader.h"
#include "store_temp.h"

#define T0   1795600800000LL
#define HOUR 3600000LL
#define DAY  (24 * HOUR)

static int set_up(void **state)
{
    struct td_err err = {""};
    temp_set_up(state);
    struct temp *t = *state;
    if (temp_open(t, &err) < 0)
        fail_msg("%s", err.msg);
    temp_sql(
        t,
        "INSERT INTO feed(feed_id, name, url, origin, enabled) VALUES(1, 'a', 'http://a/', 0, 1)");
    return 0;
}

enum how { WHOLE, PART, TRUNCATED, DROPPED, MOVED, RENUMBERED };

/* The feed shows the items that TEXT names, newest first; "" = 304. New ones are dated NOW. */
static void show(struct temp *t, const char *text, int64_t now, enum how how)
{
    struct td_err err = {""};
    struct store_commit c = {
        .feed_id = 1, .now = now, .unchanged = !*text, .whole = *text && how != PART};
    struct store_commit_result r;
    bool known;
    size_t n = strlen(text);
    td_feed_state_init(&c.state);
    c.state.imported = true;
    c.state.last_new_at = db_int(t->d, "SELECT max(first_seen) FROM item", TD_NEVER);
    c.event = how == MOVED ? TD_FEED_MOVED : TD_FEED_NO_EVENT;
    if (n) {
        c.batch = td_batch_new();
        c.batch->format = "rss20";
        c.batch->truncated = how == TRUNCATED;
        c.batch->dropped = how == DROPPED;
        c.batch->entries = arena_zalloc(&c.batch->arena, n * sizeof *c.batch->entries);
        for (size_t i = 0; i < n; i++) {
            struct td_entry *e = &c.batch->entries[c.batch->n_entries++];
            CLEANUP_FREE char *sql = xasprintf("SELECT date_published FROM item WHERE title = '%c'",
                                               text[i]);
            e->id = arena_printf(&c.batch->arena, "%s%c",
                                 how == RENUMBERED ? "http://new.host/" : "http://x/", text[i]);
            e->url = e->id;
            e->title = arena_printf(&c.batch->arena, "%c", text[i]);
            e->date_published = db_int(t->d, sql, now - (int64_t)i * 1000);
            e->date_modified = TD_NEVER;
            e->fingerprint = (uint64_t)text[i];
            e->json = "{\"id\":\"1\"}";
            e->json_len = 10;
        }
    }
    temp_sql(t, "BEGIN");
    if (commit_apply(t->d, &c, &r, &known, &err) < 0)
        fail_msg("%s", err.msg);
    temp_sql(t, "COMMIT");
    td_batch_free(c.batch);
    td_feed_state_fini(&c.state);
}

static int see(void *ctx, const struct event_row *row)
{
    char *out = ctx;
    if (strcmp(row->kind, "item.new") == 0 || strcmp(row->kind, "feed.moved") == 0)
        return 0;
    sprintf(out + strlen(out), "%s %s;", row->kind,
            row->detail    ? row->detail
            : row->item_id ? row->item.title
                           : row->item.feed);
    return 0;
}

/* The events but for item.new. */
static const char *told(struct temp *t)
{
    static char text[2048];
    struct reader *r;
    struct td_err err = {""};
    text[0] = 0;
    assert_int_equal(reader_open(&r, t->path, &err), 0);
    assert_int_equal(reader_events(r, 0, 10000, see, text, &err), 0);
    reader_close(r);
    return text;
}

static void an_item_vanishes(void **state)
{
    struct temp *t = *state;
    show(t, "hgfedcba", T0, WHOLE);
    show(t, "hgfdcba", T0 + HOUR, WHOLE);
    assert_string_equal(told(t), "");
    show(t, "", T0 + 3 * HOUR, WHOLE);
    assert_string_equal(told(t), "item.vanished e;");
    show(t, "", T0 + 9 * HOUR, WHOLE);
    show(t, "ihgfdcba", T0 + 10 * HOUR, WHOLE);
    assert_string_equal(told(t), "item.vanished e;");
    assert_int_equal(db_int(t->d,
                            "SELECT count(*) FROM v1_events WHERE event = 'item.vanished'"
                            " AND item_id = 5 AND revision = 1 AND feed = 'a'",
                            0),
                     1);
}

/* None of these says that e was taken out. */
static void doubtful_documents_say_nothing(void **state)
{
    static const enum how hows[] = {PART, TRUNCATED, DROPPED, MOVED, RENUMBERED};
    for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
        struct temp *t;
        set_up((void **)&t);
        show(t, "hgfedcba", T0, WHOLE);
        show(t, "hgfdcba", T0 + HOUR, hows[i]);
        show(t, "hgfdcba", T0 + 3 * HOUR, hows[i]);
        const char *got = told(t);
        if (strstr(got, "vanished"))
            fail_msg("%d: %s", hows[i], got);
        temp_tear_down((void **)&t);
    }
}

static void one_that_is_not_stored_any_more_is_not_told_of(void **state)
{
    struct temp *t = *state;
    show(t, "hgfedcba", T0, WHOLE);
    temp_sql(t,
             "DELETE FROM item WHERE title = 'e'; UPDATE item SET backlog = 1 WHERE title = 'd'");
    show(t, "hgfcba", T0 + HOUR, WHOLE);
    show(t, "", T0 + 3 * HOUR, WHOLE);
    assert_string_equal(told(t), "");
}

/* Daily for twelve days, then nothing: told once, and again after it spoke and fell silent anew. */
static void a_feed_falls_silent(void **state)
{
    struct temp *t = *state;
    char text[32] = "";
    for (int day = 0; day < 12; day++) {
        memmove(text + 1, text, sizeof text - 2);
        text[0] = (char)('a' + day);
        show(t, text, T0 + day * DAY, WHOLE);
    }
    for (int day = 12; day < 19; day++)
        show(t, "", T0 + day * DAY, WHOLE);
    assert_string_equal(told(t), "");
    for (int day = 19; day < 40; day++)
        show(t, "", T0 + day * DAY, WHOLE);
    assert_string_equal(told(t), "feed.silent a;");
    memmove(text + 1, text, sizeof text - 2);
    text[0] = 'z';
    show(t, text, T0 + 40 * DAY, WHOLE);
    show(t, "", T0 + 60 * DAY, WHOLE);
    assert_string_equal(told(t), "feed.silent a;");
    show(t, "", T0 + 40 * DAY + 3 * 29 * DAY, WHOLE); /* three times its longest pause */
    assert_string_equal(told(t), "feed.silent a;feed.silent a;");
}

static void add_events(struct temp *t, int n, int64_t at)
{
    CLEANUP_FREE char *sql = xasprintf(
        "WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < %d)"
        " INSERT INTO event(kind, at, feed_id, item_id, revision) SELECT 3, %lld, 1, 0, 0 FROM k",
        n, (long long)at);
    temp_sql(t, sql);
}

static int64_t cut(struct temp *t, int64_t age_ms, int64_t count, int64_t now)
{
    struct logcut_rule rule = {age_ms, count};
    struct td_err err = {""};
    int64_t raised = 0;
    int r;
    while ((r = logcut_step(t->d, &rule, now, &raised, &err)) > 0)
        ;
    assert_int_equal(r, 0);
    return raised;
}

static int64_t first(struct temp *t)
{
    return db_int(t->d, "SELECT min(seq) FROM event", 0);
}

static void the_log_ends_by_age_and_number(void **state)
{
    struct temp *t = *state;
    add_events(t, 1200, T0);
    add_events(t, 800, T0 + 10 * DAY);
    assert_int_equal(cut(t, 20 * DAY, 0, T0 + 11 * DAY), 0);
    assert_int_equal(first(t), 1);
    cut(t, 5 * DAY, 0, T0 + 11 * DAY);
    assert_int_equal(first(t), 1201);
    cut(t, 0, 100, T0 + 11 * DAY);
    assert_int_equal(first(t), 1901);
    cut(t, 1, 0, T0 + 100 * DAY);
    assert_int_equal(first(t), 0);
    assert_int_equal(cut(t, 1, 1, T0 + 100 * DAY), 0);
}

static void a_cursor_holds_the_log_within_limits(void **state)
{
    struct temp *t = *state;
    add_events(t, 1200, T0);
    add_events(t, 800, T0 + 10 * DAY);
    temp_sql(t, "INSERT INTO cursor VALUES('slow', 700, 0), ('quick', 1500, 0), ('lost', 0, 0)");
    temp_sql(t, "DELETE FROM cursor WHERE name = 'lost'");
    assert_int_equal(cut(t, DAY, 0, T0 + 20 * DAY), 0); /* not past slow */
    assert_int_equal(first(t), 701);
    assert_string_equal(strstr(told(t), "log.cut") ? "cut" : "", "");
    /* 30 days: slow loses its place, which is told once, though it takes several steps */
    int64_t raised = cut(t, DAY, 0, T0 + 31 * DAY);
    assert_int_equal(raised, 2001);
    assert_int_equal(first(t), 1201);
    assert_non_null(strstr(told(t), "log.cut {\"first_seq\":1201,\"cursors\":[\"slow\"]};"));
    assert_int_equal(cut(t, DAY, 0, T0 + 31 * DAY), 0);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM v1_events WHERE event = 'log.cut'", 0), 1);
    /* by number: four times as many as are kept otherwise */
    cut(t, 0, 150, T0 + 31 * DAY);
    assert_int_equal(first(t), 2001 - 4 * 150 + 1);
    cut(t, 0, 100, T0 + 31 * DAY);
    assert_int_equal(first(t), 2001 - 4 * 100 + 1);
    assert_non_null(strstr(told(t), "\"cursors\":[\"quick\"]"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, temp_tear_down)
    const struct CMUnitTest tests[] = {
        T(an_item_vanishes),
        T(doubtful_documents_say_nothing),
        T(one_that_is_not_stored_any_more_is_not_told_of),
        T(a_feed_falls_silent),
        T(the_log_ends_by_age_and_number),
        T(a_cursor_holds_the_log_within_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
