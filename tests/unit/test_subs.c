/* Subscriptions in the store: each step of a delivery is one transaction that outlives a restart.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "store/reader.h"
#include "store/store.h"

struct fixture {
    char dir[64], path[96];
    struct ev_loop *loop;
    struct store *store;
    int result;
    char seen[1024];
};

static void open_store(struct fixture *f)
{
    struct td_err err = {""};
    struct store_conf c = {.path = f->path};
    if (store_open(&f->store, f->loop, &c, &err) < 0)
        fail_msg("%s", err.msg);
}

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/tidings-subs-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/t.db", f->dir);
    f->loop = ev_loop_new(0);
    open_store(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    CLEANUP_FREE char *rm = xasprintf("rm -rf %s", f->dir);
    store_close(f->store, 1000);
    ev_loop_destroy(f->loop);
    assert_int_equal(system(rm), 0);
    free(f);
    return 0;
}

static void on_done(void *ctx, int result, const struct td_err *err)
{
    struct fixture *f = ctx;
    f->result = result;
    ev_break(f->loop, EVBREAK_ONE);
}

static int waited(struct fixture *f)
{
    ev_run(f->loop, 0);
    return f->result;
}

static void reopen(struct fixture *f)
{
    store_close(f->store, 1000);
    open_store(f);
}

static int see(void *ctx, const struct sub_row *row)
{
    struct fixture *f = ctx;
    size_t n = strlen(f->seen);
    snprintf(f->seen + n, sizeof f->seen - n, "%s|%s|%d|%d|%d|%d|%s|%s|%d dead|%d done\n",
             row->name, row->conf ? row->conf : "-", (int)row->state.seq,
             (int)row->state.batch_upto, row->state.failures, (int)row->state.next_try_at,
             row->state.paused     ? "paused"
             : row->state.disabled ? "disabled"
                                   : "on",
             row->error ? row->error : "-", (int)row->n_dead, (int)row->n_delivered);
    return 0;
}

static const char *all(struct fixture *f)
{
    struct td_err err = {""};
    f->seen[0] = 0;
    if (store_load_subs(f->store, see, f, &err) < 0)
        fail_msg("%s", err.msg);
    return f->seen;
}

static int see_dead(void *ctx, const struct dead_row *row)
{
    struct fixture *f = ctx;
    size_t n = strlen(f->seen);
    snprintf(f->seen + n, sizeof f->seen - n, "%d:%d %d %s %s\n", (int)row->id, (int)row->seq,
             row->attempts, row->error ? row->error : "-", row->event);
    return 0;
}

/* The dead letters of NAME after AFTER, read by a second connection. */
static const char *letters(struct fixture *f, const char *name, int64_t after, int limit)
{
    struct td_err err = {""};
    struct reader *r;
    if (reader_open(&r, f->path, &err) < 0 ||
        (f->seen[0] = 0, reader_dead_letters(r, name, after, limit, see_dead, f, &err)) < 0)
        fail_msg("%s", err.msg);
    reader_close(r);
    return f->seen;
}

static struct store_sub_save save_of(int64_t seq)
{
    return (struct store_sub_save){
        .state = {.seq = seq, .failing_since = TD_NEVER, .next_try_at = TD_NEVER}};
}

static void a_step_is_kept(void **state)
{
    struct fixture *f = *state;
    store_sub_put(f->store, "hook", NULL, 5, on_done, f);
    assert_int_equal(waited(f), 0);
    store_sub_put(f->store, "live", "sink = stream\n", 0, on_done, f);
    assert_int_equal(waited(f), 0);
    struct store_sub_save v = save_of(7);
    v.state.batch_upto = 9;
    v.state.failures = 2;
    v.state.next_try_at = 77;
    v.error = xstrdup("HTTP 500");
    v.n_delivered = 2;
    store_sub_save(f->store, "hook", &v, on_done, f);
    assert_null(v.error); /* taken */
    assert_int_equal(waited(f), 0);
    reopen(f);
    assert_string_equal(all(f), "hook|-|7|9|2|77|on|HTTP 500|0 dead|2 done\n"
                                "live|sink = stream\n|0|0|0|0|on|-|0 dead|0 done\n");
    v = save_of(9);
    v.state.paused = true;
    v.n_delivered = 3;
    store_sub_save(f->store, "hook", &v, on_done, f);
    assert_int_equal(waited(f), 0);
    assert_non_null(strstr(all(f), "hook|-|9|0|0|0|paused|-|0 dead|5 done\n"));
    /* Put again by the next start: nothing but the definition changes. */
    store_sub_put(f->store, "hook", "sink = file x\n", 1, on_done, f);
    assert_int_equal(waited(f), 0);
    assert_non_null(strstr(all(f), "hook|sink = file x\n|9|0|0|0|paused|-|0 dead|5 done\n"));
}

static struct store_dead *dead(int64_t seq, const char *event)
{
    struct store_dead *d = xcalloc(1, sizeof *d);
    *d = (struct store_dead){seq, xstrdup(event)};
    return d;
}

static void dead_letters(void **state)
{
    struct fixture *f = *state;
    store_sub_put(f->store, "hook", NULL, 0, NULL, NULL);
    store_sub_put(f->store, "other", NULL, 0, on_done, f);
    assert_int_equal(waited(f), 0);
    for (int i = 1; i <= 3; i++) {
        struct store_sub_save v = save_of(i);
        CLEANUP_FREE char *event = xasprintf("{\"seq\":%d}", i);
        v.dead = dead(i, event);
        v.n_dead = 1;
        v.attempts = 10;
        v.error = xstrdup("timeout");
        store_sub_save(f->store, i == 3 ? "other" : "hook", &v, on_done, f);
        assert_int_equal(waited(f), 0);
    }
    assert_string_equal(letters(f, "hook", 0, 10), "1:1 10 timeout {\"seq\":1}\n"
                                                   "2:2 10 timeout {\"seq\":2}\n");
    assert_string_equal(letters(f, "hook", 1, 10), "2:2 10 timeout {\"seq\":2}\n");
    assert_string_equal(letters(f, "hook", 0, 1), "1:1 10 timeout {\"seq\":1}\n");
    struct store_sub_save v = save_of(2);
    v.replayed = 1;
    store_sub_save(f->store, "hook", &v, on_done, f);
    assert_int_equal(waited(f), 0);
    assert_string_equal(letters(f, "hook", 0, 10), "2:2 10 timeout {\"seq\":2}\n");
    store_dead_forget(f->store, "hook", 3, on_done, f); /* another's */
    assert_int_equal(waited(f), -ENOENT);
    store_dead_forget(f->store, "hook", 0, on_done, f);
    assert_int_equal(waited(f), 0);
    assert_string_equal(letters(f, "hook", 0, 10), "");
    assert_string_equal(letters(f, "other", 0, 10), "3:3 10 timeout {\"seq\":3}\n");
}

static void the_oldest_letters_go(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db;
    store_sub_put(f->store, "hook", NULL, 0, on_done, f);
    assert_int_equal(waited(f), 0);
    CLEANUP_FREE char *many = xasprintf(
        "WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < %d)"
        " INSERT INTO dead_letter(sub, seq, at, attempts, event) SELECT 'hook', i, 0, 1, '{}' FROM "
        "k",
        LIMIT_DEAD_LETTERS);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000); /* the writer may be at work */
    assert_int_equal(sqlite3_exec(db, many, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    struct store_sub_save v = save_of(20000);
    v.dead = dead(20000, "{}");
    v.n_dead = 1;
    store_sub_save(f->store, "hook", &v, on_done, f);
    assert_int_equal(waited(f), 0);
    assert_string_equal(letters(f, "hook", 0, 1), "2:2 1 - {}\n");
    CLEANUP_FREE char *want = xasprintf("%d dead", LIMIT_DEAD_LETTERS);
    assert_non_null(strstr(all(f), want));
}

static void deleted(void **state)
{
    struct fixture *f = *state;
    store_sub_put(f->store, "hook", "x", 4, on_done, f);
    assert_int_equal(waited(f), 0);
    struct store_sub_save v = save_of(4);
    v.dead = dead(4, "{}");
    v.n_dead = 1;
    store_sub_save(f->store, "hook", &v, NULL, NULL);
    store_sub_delete(f->store, "hook", on_done, f);
    assert_int_equal(waited(f), 0);
    v = save_of(5); /* an answer that came late */
    v.dead = dead(5, "{}");
    v.n_dead = 1;
    store_sub_save(f->store, "hook", &v, on_done, f);
    assert_int_equal(waited(f), -ENOENT);
    store_sub_delete(f->store, "hook", on_done, f);
    assert_int_equal(waited(f), -ENOENT);
    assert_string_equal(all(f), "");
    assert_string_equal(letters(f, "hook", 0, 10), "");
    struct reader *r;
    struct td_err err;
    int64_t seq;
    assert_int_equal(reader_open(&r, f->path, &err), 0);
    assert_int_equal(reader_cursor(r, "hook", &seq, &err), -ENOENT);
    reader_close(r);
}

/* Who may read may make cursors, but not without end. */
static void cursors_are_bounded(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db;
    CLEANUP_FREE char *fill = xasprintf(
        "WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < %d)"
        " INSERT INTO cursor SELECT 'c' || i, 0, 0 FROM k",
        LIMIT_CURSORS - 1);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    assert_int_equal(sqlite3_exec(db, fill, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    store_cursor_set(f->store, "last", 1, on_done, f);
    assert_int_equal(waited(f), 0);
    store_cursor_set(f->store, "one more", 1, on_done, f);
    assert_int_equal(waited(f), -EDQUOT);
    store_cursor_set(f->store, "last", 2, on_done, f); /* those that there are go on */
    assert_int_equal(waited(f), 0);
    store_cursor_delete(f->store, "c1", on_done, f);
    assert_int_equal(waited(f), 0);
    store_cursor_set(f->store, "one more", 1, on_done, f);
    assert_int_equal(waited(f), 0);
}

/* A consumer's cursor is no subscription: it is not lost by a wrong name. */
static void a_cursor_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct reader *r;
    struct td_err err;
    int64_t seq = 0;
    store_cursor_set(f->store, "laptop", 7, on_done, f);
    assert_int_equal(waited(f), 0);
    store_sub_delete(f->store, "laptop", on_done, f);
    assert_int_equal(waited(f), -ENOENT);
    assert_int_equal(reader_open(&r, f->path, &err), 0);
    assert_int_equal(reader_cursor(r, "laptop", &seq, &err), 0);
    assert_int_equal(seq, 7);
    reader_close(r);
}

/* Times of the log's events to positions; with holes, and with a clock that went back. */
static void positions_by_time(void **state)
{
    struct fixture *f = *state;
    struct td_err err = {""};
    struct reader *r;
    sqlite3 *db;
    int64_t seq = -1;
    assert_int_equal(reader_open(&r, f->path, &err), 0);
    assert_int_equal(reader_seq_before(r, 5, &seq, &err), 0);
    assert_int_equal(seq, 0);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000); /* the writer may be at work */
    assert_int_equal(sqlite3_exec(db,
                                  "INSERT INTO event(seq, kind, at, feed_id, item_id, revision)"
                                  " VALUES(11,1,100,1,1,1),(12,1,200,1,2,1),"
                                  "(15,1,300,1,3,1),(16,1,300,1,4,1),(40,1,400,1,5,1)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    static const struct {
        int64_t at, first_after;
    } want[] = {{50, 11},  {100, 11}, {101, 12}, {200, 12},
                {300, 15}, {301, 40}, {400, 40}, {401, 99}};
    static const int64_t seqs[] = {11, 12, 15, 16, 40, 99};
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        if (reader_seq_before(r, want[i].at, &seq, &err) < 0)
            fail_msg("%s", err.msg);
        size_t j = 0;
        while (seqs[j] <= seq)
            j++;
        assert_int_equal(seqs[j], want[i].first_after);
    }
    assert_true(seq == 40);
    reader_close(r);
}

static void each_store_has_a_name(void **state)
{
    struct fixture *f = *state;
    char first[32];
    snprintf(first, sizeof first, "%s", store_instance(f->store));
    assert_int_equal(strlen(first), 16);
    reopen(f);
    assert_string_equal(store_instance(f->store), first);
    struct fixture *g;
    set_up((void **)&g);
    assert_string_not_equal(store_instance(g->store), first);
    tear_down((void **)&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_step_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dead_letters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_letters_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cursors_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cursor_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(positions_by_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_store_has_a_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
