/* What upkeep takes away and what it leaves, at times the test chooses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "store/commit.h"
#include "store/maintain.h"
#include "store_temp.h"

#define DAY 86400000LL

static int64_t now;

static int set_up(void **state)
{
    struct td_err err = {""};
    temp_set_up(state);
    if (temp_open(*state, &err) < 0)
        fail_msg("%s", err.msg);
    now = clock_now_ms();
    temp_sql(*state, "INSERT INTO feed(feed_id, name, url, origin, enabled) VALUES"
                     "(1, 'a', 'http://a', 0, 1), (2, 'b', 'http://b', 0, 1)");
    return 0;
}

/* N items of FEED, seen at AT, with their events and idents. */
static void add(struct temp *t, int feed, int n, int64_t at)
{
    CLEANUP_FREE char *sql = xasprintf(
        "WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < %d)"
        " INSERT INTO item(feed_id, first_seen, revised_at, revision, backlog, id, title, json)"
        " SELECT %d, %lld, %lld, 1, 0, 'x', 'word', '{}' FROM k;"
        "INSERT INTO event(kind, at, feed_id, item_id, revision) SELECT 1, first_seen, feed_id,"
        " item_id, 1 FROM item WHERE item_id > (SELECT coalesce(max(item_id), 0) FROM event);"
        "INSERT INTO seen SELECT feed_id, item_id, item_id, 0, 0, %lld FROM item"
        " WHERE item_id > (SELECT coalesce(max(item_id), 0) FROM seen)",
        n, feed, (long long)at, (long long)at, (long long)commit_day(at));
    temp_sql(t, sql);
}

/* Upkeep until it sleeps; no step may take more than its share. */
static void keep_up(struct temp *t, struct maintain *m)
{
    struct td_err err = {""};
    int64_t wake;
    for (;;) {
        int64_t before = db_int(t->d, "SELECT count(*) FROM item", 0) +
                         db_int(t->d, "SELECT count(*) FROM seen", 0);
        int r = maintain_step(m, now, &wake, &err);
        if (r < 0)
            fail_msg("%s", err.msg);
        int64_t after = db_int(t->d, "SELECT count(*) FROM item", 0) +
                        db_int(t->d, "SELECT count(*) FROM seen", 0);
        assert_true(before - after <= 2 * LIMIT_RETENTION_STEP);
        if (r == 0)
            break;
    }
    assert_true(wake > now);
}

static int64_t count(struct temp *t, const char *what)
{
    CLEANUP_FREE char *sql = xasprintf("SELECT count(*) FROM %s", what);
    return db_int(t->d, sql, -1);
}

static void sweep(struct temp *t, int64_t age, int64_t keep)
{
    struct maintain *m = maintain_new(t->d);
    maintain_set_retention(m, 1, age, keep);
    keep_up(t, m);
    maintain_free(m);
}

static void age_counts_from_first_seen(void **state)
{
    struct temp *t = *state;
    add(t, 1, 1200, now - 50 * DAY);
    add(t, 2, 3, now - 50 * DAY);
    add(t, 1, 4, now - DAY);
    temp_sql(t, "UPDATE item SET revised_at = revised_at + 86400000 WHERE item_id = 7");
    sweep(t, 10 * DAY, 0);
    assert_int_equal(count(t, "item WHERE feed_id = 1"), 4);
    assert_int_equal(count(t, "item WHERE feed_id = 2"), 3); /* has no rule */
    assert_int_equal(count(t, "seen"), 1207);
    assert_int_equal(count(t, "item_fts('word')"), 7);
    temp_sql(t, "INSERT INTO item_fts(item_fts) VALUES('integrity-check')");
}

static void count_keeps_the_newest(void **state)
{
    struct temp *t = *state;
    add(t, 1, 700, now - DAY);
    sweep(t, 0, 10);
    assert_int_equal(count(t, "item"), 10);
    assert_int_equal(db_int(t->d, "SELECT min(item_id) FROM item", 0), 691);
    sweep(t, 100 * DAY, 10); /* both rules: nothing is old, nothing is too many */
    assert_int_equal(count(t, "item"), 10);
}

static void a_cursor_holds_for_thirty_days(void **state)
{
    struct temp *t = *state;
    add(t, 1, 5, now - 40 * DAY);
    add(t, 1, 5, now - 20 * DAY);
    add(t, 1, 5, now - 10 * DAY);
    temp_sql(t, "INSERT INTO cursor VALUES('slow', 0, 0), ('quick', 15, 0)");
    sweep(t, 0, 1); /* the first five wait for longer than LIMIT_CURSOR_HOLD_MS */
    assert_int_equal(count(t, "item"), 10);
    temp_sql(t, "UPDATE cursor SET seq = 10 WHERE name = 'slow'");
    sweep(t, 0, 1);
    assert_int_equal(count(t, "item"), 5);
    temp_sql(t, "UPDATE cursor SET seq = 15 WHERE name = 'slow'");
    sweep(t, 0, 1);
    assert_int_equal(count(t, "item"), 1);
}

static void the_log_goes_by_age(void **state)
{
    struct temp *t = *state;
    add(t, 1, 600, now - LIMIT_EVENT_KEEP_MS - DAY);
    add(t, 1, 5, now - LIMIT_EVENT_KEEP_MS + DAY);
    sweep(t, 0, 0);
    assert_int_equal(count(t, "event"), 5);
    assert_int_equal(db_int(t->d, "SELECT min(seq) FROM event", 0), 601);
    assert_int_equal(count(t, "item"), 605);
}

static void idents_outlive_a_feed_that_rests(void **state)
{
    struct temp *t = *state;
    int64_t years = 3 * LIMIT_SEEN_DAYS * DAY;
    add(t, 1, 600, now - years - (LIMIT_SEEN_DAYS + 1) * DAY);
    add(t, 1, 7, now - years);
    temp_sql(t, "DELETE FROM item; DELETE FROM event");
    sweep(t, 0, 0);
    assert_int_equal(count(t, "seen"), 7); /* of its last document, years ago */
}

static void a_deleted_feed_leaves_nothing(void **state)
{
    struct temp *t = *state;
    add(t, 1, 1100, now - DAY);
    add(t, 2, 3, now - DAY);
    struct maintain *m = maintain_new(t->d);
    keep_up(t, m);
    assert_int_equal(count(t, "item_fts('word')"), 1103);
    temp_sql(t, "UPDATE feed SET deleted = 1 WHERE feed_id = 1");
    maintain_deleted(m);
    keep_up(t, m);
    maintain_free(m);
    assert_int_equal(count(t, "item"), 3);
    assert_int_equal(count(t, "seen"), 3);
    assert_int_equal(count(t, "feed"), 1);
    assert_int_equal(count(t, "item_fts('word')"), 3);
    assert_int_equal(count(t, "v1_events"), 3);
}

static void a_rule_told_during_a_sweep_is_not_forgotten(void **state)
{
    struct temp *t = *state;
    struct td_err err;
    int64_t wake;
    add(t, 1, 2000, now - DAY);
    struct maintain *m = maintain_new(t->d);
    maintain_set_retention(m, 1, 0, 1990);
    while (count(t, "item") == 2000)
        assert_int_equal(maintain_step(m, now, &wake, &err), 1);
    maintain_set_retention(m, 2, 0, 5);
    keep_up(t, m);
    assert_int_equal(maintain_step(m, now, &wake, &err), 0);
    assert_true(wake <= clock_now_ms() + 1000); /* not in an hour */
    maintain_free(m);
}

/* How far the index is can be seen while it catches up. */
static void the_index_tells_how_far_it_is(void **state)
{
    struct temp *t = *state;
    struct td_err err;
    int64_t wake, seen = 0;
    add(t, 1, 250, now);
    struct maintain *m = maintain_new(t->d);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(maintain_step(m, now, &wake, &err), 1);
        int64_t at = db_int(t->d, "SELECT value FROM meta WHERE key = 'index_seq'", 0);
        assert_true(at > seen);
        assert_int_equal(at, db_int(t->d, "SELECT value FROM meta WHERE key = 'index_item'", -1));
        seen = at;
    }
    assert_int_equal(seen, 250);
    maintain_free(m);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, temp_tear_down)
    const struct CMUnitTest tests[] = {
        T(age_counts_from_first_seen),       T(count_keeps_the_newest),
        T(a_cursor_holds_for_thirty_days),   T(the_log_goes_by_age),
        T(idents_outlive_a_feed_that_rests), T(a_deleted_feed_leaves_nothing),
        T(the_index_tells_how_far_it_is),    T(a_rule_told_during_a_sweep_is_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
