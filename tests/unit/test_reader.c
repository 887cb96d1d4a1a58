/* Questions to a store whose rows the test wrote itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "store/maintain.h"
#include "store/reader.h"
#include "store_temp.h"

#define T0 1763971200000LL /* 2025-11-24T08:00:00Z */

static struct reader *reader;

/* Items 1..6: odd ones of feed a (tag x), even ones of b; item N came N hours after T0. Item 5 is
 * dated two days earlier, item 6 far in the future. */
static int set_up(void **state)
{
    struct td_err err = {""};
    int64_t wake;
    temp_set_up(state);
    struct temp *t = *state;
    if (temp_open(t, &err) < 0)
        fail_msg("%s", err.msg);
    temp_sql(t, "INSERT INTO feed(feed_id, name, url, origin, enabled, tags, title) VALUES"
                " (1, 'a', 'http://a/feed', 0, 1, 'x' || char(10) || 'y', 'Feed A'),"
                " (2, 'b', 'http://b/feed', 1, 1, NULL, NULL),"
                " (3, '17', 'http://c/feed', 0, 1, NULL, NULL)");
    temp_sql(t,
             "WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 6)"
             " INSERT INTO item(feed_id, first_seen, revised_at, revision, backlog, date_published,"
             " id, title, author, tags, json, text) SELECT 2 - i % 2, 1763971200000 + i * 3600000,"
             " 1763971200000 + i * 3600000, 1, i = 2,"
             " CASE i WHEN 5 THEN 1763971200000 - 172800000 WHEN 6 THEN 9999999999999 END,"
             " 'id' || i, 'Title ' || i, 'Ann', iif(i = 4, 'Long Reads', NULL), '{}',"
             " iif(i < 4, 'harbour', 'ferry') FROM k");
    temp_sql(
        t, "INSERT INTO event(kind, at, feed_id, item_id, revision) SELECT 1, first_seen, feed_id,"
           " item_id, 1 FROM item WHERE backlog = 0");
    temp_sql(t, "INSERT INTO cursor VALUES('me', 3, 0)");
    struct maintain *m = maintain_new(t->d);
    while (maintain_step(m, T0, &wake, &err) > 0)
        ;
    maintain_free(m);
    if (reader_open(&reader, t->path, &err) < 0)
        fail_msg("%s", err.msg);
    return 0;
}

static int tear_down(void **state)
{
    reader_close(reader);
    return temp_tear_down(state);
}

static int see(void *ctx, const struct item_row *row)
{
    size_t n = strlen(ctx);
    snprintf((char *)ctx + n, 40 - n, "%d ", (int)row->item_id);
    return 0;
}

static void questions(void **state)
{
    static const struct {
        struct item_query q;
        const char *ids, *error;
    } cases[] = {
        {{.limit = 10}, "6 5 4 3 2 1 "},
        {{.limit = 2}, "6 5 "},
        {{.limit = 2, .before_id = 5}, "4 3 "},
        {{.limit = 10, .feed = "a"}, "5 3 1 "},
        {{.limit = 10, .feed = "1"}, "5 3 1 "},
        {{.limit = 10, .feed = "http://a/feed"}, "5 3 1 "},
        {{.limit = 10, .feed = "nobody"},
         NULL,
         "there is no feed nobody; those that there are: 17, a, b"},
        {{.limit = 10, .tag = "X"}, "5 3 1 "}, /* the feed's */
        {{.limit = 10, .tag = "long reads"}, "4 "},
        {{.limit = 10, .tag = "long"}, ""},
        {{.limit = 10, .since = T0 + 4 * 3600000}, "6 4 "}, /* 5 is dated before */
        {{.limit = 10, .until = T0 + 2 * 3600000}, "5 2 1 "},
        {{.limit = 10, .unread_by = "me"}, "6 5 "},
        {{.limit = 10, .unread_by = "stranger"},
         NULL,
         "no consumer stranger; those that there are: me"},
        {{.limit = 10, .unread_by = "mee"}, NULL, "no consumer mee; did you mean me?"},
        {{.limit = 10, .query = "harbour"}, "3 2 1 "},
        {{.limit = 10, .query = "harbour -title:2 feed:a"}, "3 1 "},
        {{.limit = 1, .query = "harb*", .before_id = 3}, "2 "},
        {{.limit = 10, .query = "ferry", .since = T0 + 4 * 3600000}, "6 4 "},
        {{.limit = 10, .query = "author:ann ferry", .tag = "x"}, "5 "},
        {{.limit = 10, .query = "feed:A"}, "5 3 1 "},
        {{.limit = 10, .query = "feed:17"}, ""}, /* the name of one that has no items */
        {{.limit = 10, .query = "feed:2"}, "6 4 2 "},
        {{.limit = 2, .query = "(feed:2 OR harbour) -title:3"}, "6 4 "},
        {{.limit = 10, .query = "title:/[35]$/"}, "5 3 "},
        {{.limit = 10, .query = "title:/[35]$/", .before_id = 5}, "3 "},
        {{.limit = 10, .query = "ferry before:2025-11-24"}, "5 "},
        {{.limit = 10, .query = "tag:\"long reads\""}, "4 "},
        {{.limit = 10, .query = "titel:x"}, NULL, "there is no field titel"},
        {{.limit = 10, .query = "\"\" harbour"}, NULL, ""},
        {{.limit = 10, .query = "zebra'; DROP TABLE item;"}, ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct item_query q = cases[i].q;
        struct td_err err = {""};
        char ids[40] = "";
        q.since = q.since ? q.since : TD_NEVER;
        q.until = q.until ? q.until : TD_NEVER;
        int r = reader_items(reader, &q, see, ids, &err);
        if (r != (cases[i].ids       ? 0
                  : cases[i].q.query ? -EINVAL
                                     : -ENOENT) ||
            (cases[i].error && !strstr(err.msg, cases[i].error)))
            fail_msg("case %zu: %d %s", i, r, err.msg);
        if (cases[i].ids && strcmp(ids, cases[i].ids) != 0)
            fail_msg("case %zu: %s, not %s", i, ids, cases[i].ids);
    }
}

/* Looking for long stops, and goes on where it stopped, until all is seen. */
static void a_long_look_stops_and_goes_on(void **state)
{
    struct temp *t = *state;
    struct td_err err = {""};
    char ids[40] = "";
    int64_t next = 0;
    int stops = 0;
    temp_sql(t, "UPDATE item SET text = printf('%.*c!', 60000, 'a'), tags = NULL");
    do {
        struct item_query q = {.query = "-text:/(a+)+$/ text:/!$/",
                               .limit = 10,
                               .since = TD_NEVER,
                               .until = TD_NEVER,
                               .before_id = next,
                               .max_ms = 1,
                               .ret_next = &next};
        next = 0;
        assert_int_equal(reader_items(reader, &q, see, ids, &err), 0);
        stops += next != 0;
    } while (next && stops < 20);
    assert_string_equal(ids, "6 5 4 3 2 1 ");
    assert_true(stops >= 4 && stops < 20);
}

static int see_feed(void *ctx, const struct feed_row *row)
{
    size_t n = strlen(ctx);
    snprintf((char *)ctx + n, 40 - n, "%s:%d ", row->conf->name, (int)row->n_items);
    return 0;
}

static void feeds_by_name_number_and_url(void **state)
{
    static const struct {
        const char *name, *found;
    } cases[] = {
        {NULL, "17:0 a:3 b:3 "},   {"a", "a:3 "}, {"2", "b:3 "}, {"17", "17:0 "},
        {"http://a/feed", "a:3 "},
    };
    struct td_err err;
    char found[40];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        found[0] = 0;
        assert_int_equal(reader_feeds(reader, cases[i].name, see_feed, found, &err), 0);
        assert_string_equal(found, cases[i].found);
    }
    assert_int_equal(reader_feeds(reader, "c", see_feed, found, &err), -ENOENT);
}

static int stop(void *ctx, const struct item_row *row)
{
    return ++*(int *)ctx;
}

static int see_event(void *ctx, const struct event_row *row)
{
    size_t n = strlen(ctx);
    snprintf((char *)ctx + n, 40 - n, "%d:%d ", (int)row->seq, (int)row->item_id);
    return 0;
}

static void the_rest(void **state)
{
    struct temp *t = *state;
    struct td_err err;
    struct reader *none;
    struct store_counts n;
    int calls = 0;
    int64_t seq = -1;
    char log[40] = "";
    assert_int_equal(reader_item(reader, 1, stop, &calls, &err), 0);
    struct item_query q = {.limit = 10, .since = TD_NEVER, .until = TD_NEVER};
    assert_int_equal(reader_items(reader, &q, stop, &calls, &err), 0);
    assert_int_equal(calls, 2); /* one each: a callback ends the question */
    assert_int_equal(reader_item(reader, 7, stop, &calls, &err), -ENOENT);
    assert_int_equal(reader_events(reader, 2, 2, see_event, log, &err), 0);
    assert_string_equal(log, "3:4 4:5 ");
    assert_int_equal(reader_cursor(reader, "me", &seq, &err), 0);
    assert_int_equal(seq, 3);
    err.msg[0] = 0;
    assert_int_equal(reader_has_cursor(reader, "me", &seq, &err), 1);
    assert_int_equal(reader_has_cursor(reader, "you", &seq, &err), 0);
    assert_true(seq == 3 && !err.msg[0]); /* nobody looks for what may be meant */
    assert_int_equal(reader_cursor(reader, "you", &seq, &err), -ENOENT);
    assert_non_null(strstr(err.msg, "me"));
    assert_int_equal(reader_counts(reader, &n, &err), 0);
    assert_true(n.feeds == 3 && n.items == 6 && n.events == 5 && n.last_seq == 5);
    assert_int_equal(n.index_seq, 5);
    CLEANUP_FREE char *missing = xasprintf("%s/no.db", t->dir);
    assert_int_equal(reader_open(&none, missing, &err), -ENOENT);
    temp_sql(t, "UPDATE feed SET deleted = 1, name = name || '-' WHERE feed_id = 1");
    assert_int_equal(reader_item(reader, 1, stop, &calls, &err), -ENOENT); /* at once */
    assert_int_equal(reader_counts(reader, &n, &err), 0);
    assert_int_equal(n.feeds, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(questions),
        T(a_long_look_stops_and_goes_on),
        T(feeds_by_name_number_and_url),
        T(the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
