/* A store is made, pages of it are spoilt, and what is on the others must come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store/recover.h"
#include "store_temp.h"

#define PAGE     16384
#define ITEMS    2000
#define PER_PAGE 12 /* items of about 1.5 KB on one page, rounded up */

static const char *new_path(const struct temp *t)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/new.db", t->dir);
    return path;
}

/* Two feeds, ITEMS items with an event and an ident each, a cursor; in one file. */
static int set_up(void **state)
{
    struct td_err err = {""};
    temp_set_up(state);
    struct temp *t = *state;
    if (temp_open(t, &err) < 0)
        fail_msg("%s", err.msg);
    CLEANUP_FREE char *items = xasprintf(
        "WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < %d)"
        " INSERT INTO item(feed_id, first_seen, revised_at, revision, backlog, id, title, json)"
        " SELECT 1 + i %% 2, 1, 1, 1, 0, 'id-' || i, 'title ' || i,"
        " json_object('id', 'id-' || i, 'text', hex(randomblob(700))) FROM k",
        ITEMS);
    temp_sql(t, "INSERT INTO feed(feed_id, name, url, origin, enabled) VALUES"
                "(1, 'a', 'http://a', 0, 1), (2, 'b', 'http://b', 0, 1)");
    temp_sql(t, items);
    temp_sql(t, "INSERT INTO event(kind, at, feed_id, item_id, revision)"
                " SELECT 1, 1, feed_id, item_id, 1 FROM item;"
                "INSERT INTO seen SELECT feed_id, item_id, item_id, 7, 0, 1 FROM item;"
                "INSERT INTO revision(item_id, revision, seen_at, fingerprint, json) VALUES"
                " (1, 1, 1, 1, '{}'), (1, 2, 1, 1, '{}');"
                "INSERT INTO cursor VALUES('desk', 17, 1);"
                "INSERT INTO subscription(name, created_at) VALUES('hook', 1);"
                "INSERT INTO dead_letter VALUES(1, 'hook', 1, 1, 1, NULL, '{}');"
                "INSERT INTO pacing VALUES('a:80', 60000, 1, 0, NULL), ('b:80', 1000, 1, 0, 7);"
                "INSERT INTO shown VALUES(1, x'00'), (2, x'00');"
                "UPDATE poll SET why = 'hourly', missing = 2 WHERE feed_id = 1;"
                "INSERT INTO story VALUES(1, 1, 1, 1, 1, 0, 1, 'title', NULL);"
                "INSERT INTO story_item VALUES(1, 1, 1, 1, 'a', 1, 1000, 0, NULL);"
                "INSERT INTO story_wait(item_id, title) VALUES(1500, 'as it was stored');"
                "INSERT INTO meta VALUES('query:rail', 'title:rail\n\nr');"
                "UPDATE meta SET value = 1400 WHERE key = 'story_item';"
                "UPDATE meta SET value = 5 WHERE key = 'story_quiet';"
                "INSERT INTO story_fix VALUES(9, 1, 'merge', 1, 2, NULL);"
                "DELETE FROM story_fix;"
                "INSERT INTO story_fix(at, what, story_id) VALUES(1, 'merge', 1);"
                "DELETE FROM event WHERE seq > 1990"); /* numbers that were given all the same */
    temp_sql(t, "PRAGMA wal_checkpoint(TRUNCATE)");
    return 0;
}

/* The page of the table's tree that holds KEY, found by looking for the row's bytes. */
static int64_t page_of(const struct temp *t, const char *text)
{
    static char page[PAGE];
    int fd = open(t->path, O_RDONLY);
    for (int64_t n = 0; pread(fd, page, PAGE, n * PAGE) == PAGE; n++)
        if (page[0] == 0x0d && memmem(page, PAGE, text, strlen(text))) {
            close(fd);
            return n;
        }
    close(fd);
    fail_msg("%s is on no page", text);
    return -1;
}

static void spoil(const struct temp *t, int64_t page)
{
    static char junk[PAGE];
    memset(junk, 0x5a, sizeof junk);
    int fd = open(t->path, O_WRONLY);
    assert_int_equal(pwrite(fd, junk, PAGE, page * PAGE), PAGE);
    close(fd);
}

static void close_store(struct temp *t)
{
    db_close(t->d);
    t->d = NULL;
}

/* Recovers into new.db, which T->d is then. */
static void recover(struct temp *t, struct recovered *got)
{
    struct td_err err = {""};
    int r = recover_store(t->path, new_path(t), got, &err);
    if (r < 0 || db_open(&t->d, new_path(t), true, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(migrate_check(t->d, new_path(t), &err), 0);
    assert_int_equal(migrate_run(t->d, new_path(t), NULL, NULL, &err), 0);
    assert_int_equal(db_int(t->d, "SELECT integrity_check = 'ok' FROM pragma_integrity_check", 0),
                     1);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM item", 0), got->items);
}

static void whole(void **state)
{
    struct temp *t = *state;
    struct recovered got;
    close_store(t);
    recover(t, &got);
    assert_int_equal(got.feeds, 2);
    assert_int_equal(got.polls, 2);
    assert_int_equal(db_int(t->d, "SELECT missing FROM poll WHERE why = 'hourly'", 0), 2);
    assert_int_equal(got.items, ITEMS);
    assert_int_equal(got.events, 1990);
    assert_int_equal(got.seen, ITEMS);
    assert_int_equal(got.revisions, 2);
    assert_int_equal(got.cursors, 1);
    assert_int_equal(got.subscriptions, 1);
    assert_int_equal(got.dead_letters, 1);
    assert_int_equal(got.damaged, 0);
    assert_int_equal(got.queries, 1); /* of meta nothing else: the new store has its own */
    assert_int_equal(
        db_int(t->d, "SELECT value LIKE 'title:rail%' FROM meta WHERE key = 'query:rail'", 0), 1);
    assert_int_equal(db_int(t->d, "SELECT seq FROM sqlite_sequence WHERE name = 'event'", 0),
                     ITEMS);
    assert_int_equal(db_int(t->d, "SELECT seq FROM cursor WHERE name = 'desk'", 0), 17);
}

static int64_t meta(struct temp *t, const char *key)
{
    CLEANUP_FREE char *sql = xasprintf("SELECT value FROM meta WHERE key = '%s'", key);
    return db_int(t->d, sql, -2);
}

/* Items that waited for their stories go on waiting, and no others. */
static void the_stories_pass_goes_on(void **state)
{
    struct temp *t = *state;
    struct recovered got;
    close_store(t);
    recover(t, &got);
    assert_int_equal(meta(t, "story_item"), 1400);
    assert_int_equal(meta(t, "story_quiet"), 5);
}

/* Nobody knows how far it was: behind the last item that has a story, and nobody is told of those
 * that waited. */
static void the_stories_pass_lost_its_place(void **state)
{
    struct temp *t = *state;
    struct recovered got;
    temp_sql(t, "DELETE FROM meta WHERE key LIKE 'story_%'");
    close_store(t);
    recover(t, &got);
    assert_int_equal(meta(t, "story_item"), 1);
    assert_int_equal(meta(t, "story_quiet"), ITEMS);
}

/* Made anew from the others: the index, and what the clusterer holds in memory. */
static bool is_derived(const char *table)
{
    static const char *const names[] = {"meta",        "reindex",     "item_fts",    "story_live",
                                        "story_words", "story_state", "sqlite_stat1"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(table, names[i]) == 0)
            return true;
    return strncmp(table, "item_fts_", 9) == 0 || strcmp(table, "sqlite_sequence") == 0;
}

/* Whatever table a later format adds: set_up gives it a row, and that row is recovered. */
static void every_table(void **state)
{
    struct temp *t = *state;
    struct recovered got;
    struct td_err err;
    struct db *old;
    close_store(t);
    recover(t, &got);
    assert_int_equal(db_open(&old, t->path, false, &err), 0);
    sqlite3_stmt *s = db_stmt(old, "SELECT name FROM sqlite_schema WHERE type = 'table'");
    int n = 0;
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *name = db_text(s, 0);
        if (is_derived(name))
            continue;
        CLEANUP_FREE char *sql = xasprintf("SELECT count(*) FROM %s", name);
        int64_t before = db_int(old, sql, 0), after = db_int(t->d, sql, 0);
        if (!before || after != before)
            fail_msg("%s: %lld rows, recovered %lld", name, (long long)before, (long long)after);
        n++;
    }
    sqlite3_reset(s);
    db_close(old);
    assert_true(n >= 13);
    assert_int_equal(db_int(t->d, "SELECT seq FROM sqlite_sequence WHERE name = 'story_fix'", 0),
                     10);
}

/* Three leaves of items: their items are lost, no other, and no item becomes unknown. */
static void leaves(void **state)
{
    struct temp *t = *state;
    struct recovered got;
    struct td_err err;
    close_store(t);
    spoil(t, page_of(t, "id-100\""));
    spoil(t, page_of(t, "id-1000\""));
    spoil(t, page_of(t, "id-2000\""));
    recover(t, &got);
    assert_in_range(got.items, ITEMS - 3 * PER_PAGE, ITEMS - 3);
    assert_int_equal(got.events, 1990);
    assert_int_equal(got.damaged, 3);
    assert_int_equal(db_int(t->d,
                            "SELECT count(*) FROM item WHERE id IN ('id-80', 'id-120',"
                            "'id-980', 'id-1020', 'id-1980', 'id-1')",
                            0),
                     6);
    assert_int_equal(recover_store(t->path, new_path(t), &got, &err), -EEXIST);
}

/* The root of the items: all of them are lost, the rest is not. */
static void root(void **state)
{
    struct temp *t = *state;
    struct recovered got;
    int64_t page = db_int(t->d, "SELECT rootpage FROM sqlite_schema WHERE name = 'item'", 0);
    close_store(t);
    spoil(t, page - 1);
    recover(t, &got);
    assert_int_equal(got.items, 0);
    assert_int_equal(got.events, 1990);
    assert_int_equal(got.seen, ITEMS);
    assert_int_equal(db_int(t->d, "SELECT seq FROM sqlite_sequence WHERE name = 'item'", 0), ITEMS);
}

/* Feeds and idents lost: the items stay visible and known, and no number comes twice. */
static void items_without_feeds(void **state)
{
    struct temp *t = *state;
    struct recovered got;
    static const char *const lost[] = {"feed", "seen", "sqlite_sequence"};
    int64_t pages[3];
    for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
        CLEANUP_FREE char *sql = xasprintf("SELECT rootpage FROM sqlite_schema WHERE name = '%s'",
                                           lost[i]);
        pages[i] = db_int(t->d, sql, 0);
    }
    close_store(t);
    for (size_t i = 0; i < ARRAY_SIZE(lost); i++)
        spoil(t, pages[i] - 1);
    recover(t, &got);
    assert_int_equal(got.items, ITEMS);
    assert_int_equal(got.feeds_made, 2);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM v1_items WHERE feed = 'recovered-2'", 0),
                     ITEMS / 2);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM seen", 0), ITEMS);
    assert_true(db_int(t->d, "SELECT seq FROM sqlite_sequence WHERE name = 'event'", 0) > ITEMS);
}

static void what_is_no_store(void **state)
{
    struct temp *t = *state;
    struct recovered got;
    struct td_err err;
    assert_int_equal(recover_store("/nonexistent/t.db", new_path(t), &got, &err), -ENOENT);
    close_store(t);
    spoil(t, 0);
    assert_int_equal(recover_store(t->path, new_path(t), &got, &err), -EUCLEAN);
    assert_true(access(new_path(t), F_OK) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_table, set_up, temp_tear_down),
        cmocka_unit_test_setup_teardown(whole, set_up, temp_tear_down),
        cmocka_unit_test_setup_teardown(the_stories_pass_goes_on, set_up, temp_tear_down),
        cmocka_unit_test_setup_teardown(the_stories_pass_lost_its_place, set_up, temp_tear_down),
        cmocka_unit_test_setup_teardown(leaves, set_up, temp_tear_down),
        cmocka_unit_test_setup_teardown(root, set_up, temp_tear_down),
        cmocka_unit_test_setup_teardown(items_without_feeds, set_up, temp_tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_store, set_up, temp_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
