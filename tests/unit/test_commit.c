/* One fetch's result in the tables: tried again, of a feed that went, and what stays beside it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "store/commit.h"
#include "store/feeds.h"
#include "store_temp.h"

#define T0 1795600800000LL

static int set_up(void **state)
{
    struct td_err err = {""};
    temp_set_up(state);
    struct temp *t = *state;
    if (temp_open(t, &err) < 0)
        fail_msg("%s", err.msg);
    temp_sql(t, "INSERT INTO feed(feed_id, name, url, origin, enabled)"
                " VALUES(1, 'a', 'http://a/', 0, 1)");
    return 0;
}

/* As policy_apply: the counts grow by one, and the first document has been stored. */
static void finish(struct store_commit *c, const struct store_commit_result *r)
{
    struct td_fetch_note note = {.at = c->now, .outcome = TD_OUT_OK};
    c->state.n_failures++;
    c->state.imported = true;
    td_feed_state_note(&c->state, &note);
}

/* A document of two entries, the first of them of the last hour, the other without a date. */
static void begin(struct store_commit *c)
{
    *c = (struct store_commit){
        .feed_id = 1, .now = T0, .backlog_ms = 3600000, .finish = finish, .batch = td_batch_new()};
    td_feed_state_init(&c->state);
    c->batch->format = "rss20";
    c->batch->n_entries = 2;
    c->batch->entries = arena_zalloc(&c->batch->arena, 2 * sizeof *c->batch->entries);
    for (int i = 0; i < 2; i++)
        c->batch->entries[i] = (struct td_entry){.id = i ? "old" : "new",
                                                 .json = "{}",
                                                 .json_len = 2,
                                                 .date_published = i ? TD_NEVER : T0,
                                                 .date_modified = TD_NEVER};
}

static void end(struct store_commit *c)
{
    td_batch_free(c->batch);
    td_feed_state_fini(&c->state);
}

static int attempt(struct temp *t, struct store_commit *c, struct store_commit_result *r,
                   bool *known)
{
    struct td_err err;
    temp_sql(t, "BEGIN");
    int result = commit_apply(t->d, c, r, known, &err);
    temp_sql(t, result < 0 ? "ROLLBACK" : "COMMIT");
    return result;
}

/* Whatever statement fails, what `finish` does is done once, and the backlog stays a backlog. */
static void an_attempt_that_fails_leaves_nothing(void **state)
{
    static const char *const tables[] = {"poll", "event", "item", "seen"};
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        struct temp *t;
        struct store_commit c;
        struct store_commit_result r;
        bool known;
        set_up((void **)&t);
        CLEANUP_FREE char *fail = xasprintf(
            "CREATE TEMP TRIGGER fails BEFORE %s ON main.%s BEGIN SELECT RAISE(ABORT, 'no'); END",
            i ? "INSERT" : "UPDATE", tables[i]);
        temp_sql(t, fail);
        begin(&c);
        assert_true(attempt(t, &c, &r, &known) < 0);
        assert_true(attempt(t, &c, &r, &known) < 0);
        temp_sql(t, "DROP TRIGGER temp.fails");
        assert_int_equal(attempt(t, &c, &r, &known), 0);
        assert_true(known);
        assert_int_equal(r.n_new, 2);
        assert_int_equal(r.n_backlog, 1);
        assert_int_equal(db_int(t->d, "SELECT count(*) FROM event", 0), 1);
        assert_int_equal(db_int(t->d, "SELECT n_failures FROM poll WHERE imported", 0), 1);
        assert_int_equal(db_int(t->d, "SELECT length(history) FROM poll", 0),
                         sizeof(struct td_fetch_note));
        end(&c);
        temp_tear_down((void **)&t);
    }
}

static void a_deleted_feed_is_not_known(void **state)
{
    struct temp *t = *state;
    struct td_err err;
    struct store_commit c;
    struct store_commit_result r;
    bool known = true;
    assert_int_equal(feeds_mark_deleted(t->d, 1, &err), 0);
    assert_int_equal(feeds_mark_deleted(t->d, 1, &err), -ENOENT);
    begin(&c);
    assert_int_equal(attempt(t, &c, &r, &known), 0);
    assert_false(known);
    assert_int_equal(c.state.n_failures, 0);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM item", -1), 0);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM poll", -1), 0);
    end(&c);
}

/* A poll that brings no document leaves what documents said, and the older notes. */
static void what_was_said_stays(void **state)
{
    struct temp *t = *state;
    struct store_commit c;
    struct store_commit_result r;
    bool known;
    begin(&c);
    c.batch->language = "de";
    c.state.title = xstrdup("Title");
    c.state.home_page_url = xstrdup("http://home/");
    assert_int_equal(attempt(t, &c, &r, &known), 0);
    end(&c);
    for (int i = 1; i <= LIMIT_FEED_HISTORY + 1; i++) {
        begin(&c);
        td_batch_free(c.batch);
        c.batch = NULL;
        c.unchanged = true;
        c.now = T0 + i;
        assert_int_equal(attempt(t, &c, &r, &known), 0);
        end(&c);
    }
    assert_int_equal(db_int(t->d,
                            "SELECT count(*) FROM feed WHERE language = 'de' AND title = 'Title'"
                            " AND home_page_url = 'http://home/'",
                            0),
                     1);
    struct feed_poll p;
    assert_int_equal(feeds_read_poll(t->d, 1, &p, &known, NULL), 0);
    assert_int_equal(p.n_history, LIMIT_FEED_HISTORY);
    for (int i = 0; i < LIMIT_FEED_HISTORY; i++) /* the newest first */
        assert_int_equal(p.history[i].at, T0 + LIMIT_FEED_HISTORY + 1 - i);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, temp_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attempt_that_fails_leaves_nothing),
        T(a_deleted_feed_is_not_known),
        T(what_was_said_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
