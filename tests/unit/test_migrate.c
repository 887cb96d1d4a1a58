/* The machine of migrations, with three formats of its own in place of the store's (the linker
 * takes these functions before those of the library). The real formats: test_store_formats.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "store/schema.h"
#include "store_temp.h"

static int newest;
static struct schema_step steps[] = {
    {"one", "CREATE TABLE a(x INTEGER PRIMARY KEY) STRICT; INSERT INTO a VALUES(1), (2);"},
    {"two", "ALTER TABLE a ADD COLUMN y TEXT; UPDATE a SET y = 'row ' || x;"},
    {"three", NULL},
};

const struct schema_step *schema_step(int version)
{
    return version >= 0 && version < newest ? &steps[version] : NULL;
}

int schema_version(void)
{
    return newest;
}

static void an_old_store_is_copied_and_becomes_new(void **state)
{
    struct temp *t = *state, old = {.d = NULL};
    struct td_err err;
    steps[2].sql = "CREATE INDEX a_y ON a(y)";
    newest = 1;
    assert_int_equal(temp_open(t, &err), 0);
    assert_int_equal(db_version(t->d), 1);
    assert_int_equal(db_int(t->d, "PRAGMA page_size", 0), 16384);
    temp_sql(t, "INSERT INTO a VALUES(3)");
    newest = 3;
    assert_int_equal(temp_open(t, &err), 0);
    assert_int_equal(db_version(t->d), 3);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM a WHERE y = 'row ' || x", 0), 3);
    CLEANUP_FREE char *copy = xasprintf("%s.v1", t->path);
    assert_int_equal(db_open(&old.d, copy, false, &err), 0);
    assert_int_equal(db_version(old.d), 1);
    assert_int_equal(db_int(old.d, "SELECT sum(x) FROM a", 0), 6);
    db_close(old.d);
    CLEANUP_FREE char *fresh = xasprintf("%s.v0", t->path);
    assert_int_not_equal(access(fresh, F_OK), 0); /* of nothing there is no copy */
}

static void a_step_that_fails_leaves_the_store_as_it_was(void **state)
{
    struct temp *t = *state;
    struct td_err err = {""};
    newest = 1;
    assert_int_equal(temp_open(t, &err), 0);
    newest = 3;
    steps[2].sql = "DELETE FROM a; INSERT INTO nowhere VALUES(1)";
    assert_true(temp_open(t, &err) < 0);
    assert_non_null(strstr(err.msg, "three"));
    assert_non_null(strstr(err.msg, "nowhere"));
    assert_int_equal(db_version(t->d), 2); /* step two is whole, of step three nothing is there */
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM a", 0), 2);
    steps[2].sql =
        "DELETE FROM a WHERE x = 1"; /* the mended version goes on; its copy is kept too */
    assert_int_equal(temp_open(t, &err), 0);
    assert_int_equal(db_version(t->d), 3);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM a", 0), 1);
}

static void others_are_refused(void **state)
{
    struct temp *t = *state;
    struct td_err err = {""};
    steps[2].sql = "CREATE INDEX a_y ON a(y)";
    newest = 3;
    assert_int_equal(temp_open(t, &err), 0);
    newest = 2;
    assert_int_equal(temp_open(t, &err), -EPROTO);
    assert_non_null(strstr(err.msg, "newer"));
    temp_sql(t, "PRAGMA user_version=0");
    assert_int_equal(temp_open(t, &err), -EPROTO);
    assert_non_null(strstr(err.msg, "another program"));
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM a", 0), 2);
}

static void a_damaged_page_is_seen_and_left_alone(void **state)
{
    struct temp *t = *state;
    struct td_err err = {""};
    newest = 1;
    assert_int_equal(temp_open(t, &err), 0);
    temp_sql(t, "PRAGMA wal_checkpoint(TRUNCATE)");
    db_close(t->d);
    t->d = NULL;
    FILE *f = fopen(t->path, "r+b");
    char junk[4096];
    assert_non_null(f);
    memset(junk, 0xa5, sizeof junk);
    assert_int_equal(fseek(f, 16384, SEEK_SET), 0); /* the second page: table a */
    assert_int_equal(fwrite(junk, sizeof junk, 1, f), 1);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(temp_open(t, &err), -EUCLEAN);
    assert_non_null(strstr(err.msg, "damaged"));
    char now[sizeof junk];
    f = fopen(t->path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 16384, SEEK_SET), 0);
    assert_int_equal(fread(now, sizeof now, 1, f), 1);
    fclose(f);
    assert_memory_equal(now, junk, sizeof junk);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
    const struct CMUnitTest tests[] = {
        T(an_old_store_is_copied_and_becomes_new),
        T(a_step_that_fails_leaves_the_store_as_it_was),
        T(others_are_refused),
        T(a_damaged_page_is_seen_and_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
