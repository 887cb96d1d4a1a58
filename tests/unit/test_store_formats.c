/* A store of every format that was released (store_formats/vN.sql, a dump made by that version)
 * opens, keeps what it held and becomes the same as a new one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/io.h"
#include "store/reader.h"
#include "store/recover.h"
#include "store/schema.h"
#include "store_temp.h"

/* Fills the file at T's path from the fixture of VERSION. */
static void restore(struct temp *t, int version)
{
    CLEANUP_FREE char *name = xasprintf("%s/tests/unit/store_formats/v%d.sql",
                                        getenv("TIDINGS_SOURCE"), version);
    CLEANUP_BUF struct buf sql = BUF_INIT(1 << 20);
    sqlite3 *db;
    if (io_read_file(name, &sql) < 0)
        fail_msg("%s is missing: each released format has a fixture", name);
    assert_int_equal(sqlite3_open(t->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, buf_str(&sql), NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", name, sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* The SQL of all that the store made itself (FTS5's own tables are FTS5's matter). */
static char *schema_of(struct temp *t)
{
    sqlite3_stmt *s;
    assert_int_equal(
        sqlite3_prepare_v2(db_handle(t->d),
                           "SELECT group_concat(type || ' ' || name || ': ' || sql, char(10)) FROM"
                           " (SELECT * FROM sqlite_schema WHERE name NOT LIKE 'item\\_fts\\_%'"
                           " ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name)",
                           -1, &s, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    char *text = xstrdup(db_text(s, 0));
    sqlite3_finalize(s);
    return text;
}

static int see(void *ctx, const struct item_row *row)
{
    snprintf(ctx, 100, "%s|%s|%d|%d", row->feed, row->title, (int)row->revision,
             (int)row->json_len);
    return 0;
}

static void holds_what_it_held(struct temp *t)
{
    struct reader *r;
    struct td_err err = {""};
    char row[100];
    int64_t first, last;
    if (reader_open(&r, t->path, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(reader_item(r, 2, see, row, &err), 0);
    assert_non_null(strstr(row, "harbour|Harbour wall repaired|2|"));
    struct item_query q = {
        .since = TD_NEVER, .until = TD_NEVER, .query = "night ferry", .limit = 10};
    row[0] = 0;
    assert_int_equal(reader_items(r, &q, see, row, &err), 0);
    assert_non_null(strstr(row, "harbour|Ferry returns|1|"));
    assert_int_equal(reader_log_bounds(r, &first, &last, &err), 0);
    assert_true(first == 1 && last == 3);
    reader_close(r);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM v1_revisions WHERE item_id = 2", 0), 2);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM v1_feeds WHERE error LIKE '503%'", 0), 1);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM seen", 0), 2);
    assert_int_equal(db_int(t->d, "PRAGMA page_size", 0), 16384);
    temp_sql(t, "INSERT INTO item_fts(item_fts) VALUES('integrity-check')");
}

static int see_sub(void *ctx, const struct sub_row *row)
{
    snprintf(ctx, 100, "%s|%d|%d|%s|%d", row->name, (int)row->state.seq, row->state.failures,
             row->error, (int)row->n_dead);
    return 0;
}

static void holds_subscriptions(struct temp *t)
{
    struct reader *r;
    struct td_err err = {""};
    char row[100] = "", instance[STORE_INSTANCE];
    assert_int_equal(reader_open(&r, t->path, &err), 0);
    assert_int_equal(reader_subs(r, see_sub, row, &err), 0);
    assert_string_equal(row, "hook|2|2|HTTP 503|1");
    assert_int_equal(reader_instance(r, instance, &err), 0);
    assert_string_equal(instance, "00112233445566aa");
    reader_close(r);
}

/* What `tidings recover` makes of it knows how its feeds were fetched, too. */
static void recovers(struct temp *t, int version)
{
    struct td_err err = {""};
    struct recovered got;
    struct temp new = {.d = NULL};
    snprintf(new.path, sizeof new.path, "%s/new.db", t->dir);
    if (recover_store(t->path, new.path, &got, &err) < 0 || temp_open(&new, &err) < 0)
        fail_msg("format %d: %s", version, err.msg);
    assert_int_equal(db_int(new.d,
                            "SELECT count(*) FROM v1_feeds WHERE error LIKE '503%' AND n_failures"
                            " = 3 OR last_success IS NOT NULL AND why LIKE 'every hour%'",
                            0),
                     2);
    assert_int_equal(db_int(new.d, "SELECT count(*) FROM poll WHERE length(history) = 24", 0), 2);
    db_close(new.d);
}

static void every_released_format_opens(void **state)
{
    struct temp *fresh = *state;
    struct td_err err = {""};
    assert_int_equal(temp_open(fresh, &err), 0);
    CLEANUP_FREE char *want = schema_of(fresh);
    for (int version = 1; version <= schema_version(); version++) {
        struct temp *t;
        temp_set_up((void **)&t);
        restore(t, version);
        recovers(t, version);
        if (temp_open(t, &err) < 0)
            fail_msg("format %d: %s", version, err.msg);
        assert_int_equal(db_version(t->d), schema_version());
        CLEANUP_FREE char *got = schema_of(t);
        assert_string_equal(got, want); /* differs also when a released step was edited */
        holds_what_it_held(t);
        if (version >= 3)
            holds_subscriptions(t);
        if (version >= 7)
            assert_int_equal(db_int(t->d,
                                    "SELECT count(*) FROM v1_story_items JOIN v1_stories"
                                    " USING(story_id) WHERE items = 2",
                                    0),
                             2);
        temp_tear_down((void **)&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_released_format_opens, temp_set_up, temp_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
