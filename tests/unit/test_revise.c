/* A stored item that says something else: what becomes a revision, what is told, what is found. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/str.h"
#include "store/commit.h"
#include "store/revise.h"
#include "store_temp.h"

#define T0   1795600800000LL
#define HOUR 3600000LL
#define URL  "https://a.org/1"

/* Item 1 of feed 1 says "before" and stands in the index. */
static int set_up(void **state)
{
    struct td_err err = {""};
    temp_set_up(state);
    struct temp *t = *state;
    if (temp_open(t, &err) < 0)
        fail_msg("%s", err.msg);
    temp_sql(t, "INSERT INTO feed(feed_id, name, url, origin, enabled)"
                " VALUES(1, 'a', 'http://a/', 0, 1);"
                "INSERT INTO item(item_id, feed_id, first_seen, revised_at, revision, backlog, id,"
                " url, title, json, text) VALUES(1, 1, 1795600800000, 1795600800000, 1, 0, '1',"
                " '" URL "', 'before', '{}', 'before');"
                "INSERT INTO item_fts(rowid, title, author, text) VALUES(1, 'before', NULL,"
                " 'before');"
                "UPDATE meta SET value = 1 WHERE key = 'index_item'");
    return 0;
}

static uint64_t print_of(const char *title)
{
    return crypto_hash64(title, strlen(title));
}

/* The item said WAS and says NOW, at AT: what revise_item returns. */
static int try_revise(struct temp *t, const char *url, const char *was, const char *now, int64_t at,
                      struct td_err *err)
{
    struct store_commit c = {.feed_id = 1, .now = at};
    struct store_commit_result r = {0};
    struct td_entry e = {.id = "1",
                         .url = url,
                         .title = now,
                         .text = now,
                         .json = "{}",
                         .json_len = 2,
                         .date_published = TD_NEVER,
                         .date_modified = TD_NEVER,
                         .fingerprint = print_of(now)};
    int result = revise_item(t->d, &c, &r, &e, 1, print_of(was), err);
    assert_int_equal(r.n_changed, MAX(result, 0));
    return result;
}

static int revise_at(struct temp *t, const char *url, const char *was, const char *now, int64_t at)
{
    struct td_err err = {""};
    int result = try_revise(t, url, was, now, at, &err);
    if (result < 0)
        fail_msg("%s", err.msg);
    return result;
}

static int revise(struct temp *t, const char *was, const char *now, int64_t at)
{
    return revise_at(t, URL, was, now, at);
}

static int64_t count(struct temp *t, const char *sql)
{
    return db_int(t->d, sql, 0);
}

#define REVISION "SELECT revision FROM item"
#define KEPT     "SELECT count(*) FROM revision"
#define EVENTS   "SELECT count(*) FROM v1_events WHERE event = 'item.changed'"

static void a_change_is_a_revision_and_told(void **state)
{
    struct temp *t = *state;
    assert_int_equal(revise(t, "before", "after", T0 + HOUR), 1);
    assert_int_equal(count(t, REVISION), 2);
    assert_int_equal(count(t, KEPT " WHERE revision = 1 AND title = 'before' AND complete = 1"), 1);
    assert_int_equal(count(t, EVENTS " AND item_id = 1 AND revision = 2"), 1);
    temp_sql(t, "UPDATE item SET backlog = 1"); /* was never announced: nor is its change */
    assert_int_equal(revise(t, "after", "later", T0 + 2 * HOUR), 1);
    assert_int_equal(count(t, REVISION), 3);
    assert_int_equal(count(t, EVENTS), 1);
}

static void a_text_of_the_last_day_is_none(void **state)
{
    struct temp *t = *state;
    revise(t, "before", "after", T0);
    assert_int_equal(revise(t, "after", "before", T0 + 23 * HOUR), 0);
    assert_int_equal(count(t, "SELECT revision FROM item WHERE title = 'before'"), 2);
    assert_int_equal(revise(t, "before", "after", T0 + 23 * HOUR), 1); /* new to the kept ones */
    assert_int_equal(revise(t, "after", "before", T0 + 48 * HOUR), 1);
    assert_int_equal(count(t, EVENTS), 3);
}

static int no_fingerprints(void *ctx, int action, const char *table, const char *column,
                           const char *db, const char *trigger)
{
    bool those = action == SQLITE_READ && str_eq(table, "revision") &&
                 str_eq(column, "fingerprint");
    return those ? SQLITE_DENY : SQLITE_OK;
}

/* What the item said before cannot be read: that is no answer, and nothing is written. */
static void an_error_is_not_a_no(void **state)
{
    struct temp *t = *state;
    struct td_err err = {""};
    sqlite3_set_authorizer(db_handle(t->d), no_fingerprints, NULL);
    assert_int_equal(try_revise(t, URL, "before", "after", T0 + HOUR, &err), -EACCES);
    assert_non_null(strstr(err.msg, "revision.fingerprint"));
    assert_int_equal(count(t, KEPT), 0);
    assert_int_equal(count(t, REVISION), 1);
}

static void a_move_of_the_site_is_silent(void **state)
{
    struct temp *t = *state;
    assert_int_equal(revise_at(t, "https://b.org/1", "other", "before", T0 + HOUR), 0);
    assert_int_equal(count(t, "SELECT revision FROM item WHERE url = 'https://b.org/1'"), 1);
    assert_int_equal(revise_at(t, "https://c.org/1", "before", "after", T0 + HOUR), 1);
}

static void what_is_expired_stays_so(void **state)
{
    struct temp *t = *state;
    temp_sql(t, "DELETE FROM item");
    assert_int_equal(revise(t, "before", "after", T0 + HOUR), 0);
    assert_int_equal(count(t, "SELECT (SELECT count(*) FROM item) + (" KEPT ") + (" EVENTS ")"), 0);
}

static void the_last_revisions_are_kept(void **state)
{
    struct temp *t = *state;
    char was[16] = "before", now[16];
    for (int i = 0; i < LIMIT_REVISIONS + 3; i++, strcpy(was, now)) {
        snprintf(now, sizeof now, "text%d", i);
        assert_int_equal(revise(t, was, now, T0 + i * HOUR), 1);
    }
    assert_int_equal(count(t, REVISION), LIMIT_REVISIONS + 4);
    assert_int_equal(count(t, KEPT), LIMIT_REVISIONS);
    assert_int_equal(count(t, "SELECT min(revision) FROM revision"), 4);
}

/* The old words leave the index with the old text; the new ones wait for upkeep, once. */
static void the_index_follows(void **state)
{
    struct temp *t = *state;
    revise(t, "before", "after", T0 + HOUR);
    revise(t, "after", "later", T0 + 2 * HOUR);
    assert_int_equal(count(t, "SELECT count(*) FROM item_fts('before')"), 0);
    assert_int_equal(count(t, "SELECT count(*) FROM reindex WHERE item_id = 1"), 1);
    temp_sql(t, "INSERT INTO item_fts(item_fts) VALUES('integrity-check')");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, temp_tear_down)
    const struct CMUnitTest tests[] = {
        T(a_change_is_a_revision_and_told),
        T(a_text_of_the_last_day_is_none),
        T(an_error_is_not_a_no),
        T(a_move_of_the_site_is_silent),
        T(what_is_expired_stays_so),
        T(the_last_revisions_are_kept),
        T(the_index_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
