/* A disk that refuses: the store waits, says so once, loses nothing. The refusals come from a VFS
 * that stands before SQLite's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <ev.h>

#include "base/mem.h"
#include "store/reader.h"
#include "store/store.h"
#include "store_temp.h"

/* ---- the disk ---- */

static atomic_int write_code, sync_code; /* what a call answers; SQLITE_OK = does its work */
static sqlite3_vfs real, faulty;
static struct {
    const sqlite3_io_methods *real;
    sqlite3_io_methods faulty;
} kinds[4]; /* database and journal have other locks; filled before a thread runs */
static int (*real_write)(sqlite3_file *, const void *, int, sqlite3_int64);
static int (*real_sync)(sqlite3_file *, int);

static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    int code = write_code;
    return code ? code : real_write(f, p, n, at);
}

static int on_sync(sqlite3_file *f, int flags)
{
    int code = sync_code;
    return code ? code : real_sync(f, flags);
}

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    int r = real.xOpen(vfs, name, f, flags, out);
    if (r != SQLITE_OK)
        return r;
    size_t i = 0;
    while (kinds[i].real && kinds[i].real != f->pMethods)
        if (++i == ARRAY_SIZE(kinds))
            abort();
    if (!kinds[i].real) {
        kinds[i].faulty = *f->pMethods;
        real_write = f->pMethods->xWrite; /* the same of all kinds */
        real_sync = f->pMethods->xSync;
        kinds[i].faulty.xWrite = on_write;
        kinds[i].faulty.xSync = on_sync;
        kinds[i].real = f->pMethods;
    }
    f->pMethods = &kinds[i].faulty;
    return r;
}

static void install(void)
{
    real = *sqlite3_vfs_find(NULL);
    faulty = real;
    faulty.zName = "faulty";
    faulty.xOpen = on_open;
    assert_int_equal(sqlite3_vfs_register(&faulty, 1), SQLITE_OK);
}

/* ---- the store on it ---- */

struct fixture {
    struct temp *t;
    struct ev_loop *loop;
    struct store *s;
    int64_t feed_id;
    int n_done, n_trouble, n_well;
    int64_t last_seq;
    char why[1024];
};

static void on_trouble(void *ctx, const struct td_err *err)
{
    struct fixture *f = ctx;
    if (err)
        snprintf(f->why, sizeof f->why, "%s", err->msg);
    f->n_trouble += err != NULL;
    f->n_well += err == NULL;
}

static void on_put(void *ctx, int result, const struct td_err *err)
{
    ((struct fixture *)ctx)->feed_id = result;
}

static void on_done(struct store_commit *c, const struct store_commit_result *r)
{
    struct fixture *f = c->ctx;
    assert_non_null(r);
    assert_int_equal(r->n_new, 1);
    assert_true(r->first_seq > f->last_seq); /* in order, each its own */
    f->last_seq = r->last_seq;
    f->n_done++;
}

static void finish(struct store_commit *c, const struct store_commit_result *r)
{
    c->state.n_unchanged++; /* runs once, however often the transaction is tried */
    c->state.imported = true;
}

static void commit(struct fixture *f, int i)
{
    struct store_commit *c = xcalloc(1, sizeof *c);
    struct td_batch *b = c->batch = td_batch_new();
    struct td_entry *e = b->entries = arena_zalloc(&b->arena, sizeof *e);
    b->n_entries = 1;
    b->format = "rss20";
    e->id = arena_printf(&b->arena, "id-%d", i);
    e->title = e->id;
    e->date_published = e->date_modified = TD_NEVER;
    e->fingerprint = (uint64_t)i;
    e->json = "{\"id\":\"x\"}";
    e->json_len = strlen(e->json);
    td_feed_state_init(&c->state);
    c->state.val.etag = xasprintf("\"%d\"", i);
    c->feed_id = f->feed_id;
    c->now = clock_now_ms();
    c->finish = finish;
    c->done = on_done;
    c->ctx = f;
    store_commit(f->s, c);
}

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct td_err err = {""};
    temp_set_up((void **)&f->t);
    f->loop = ev_loop_new(0);
    struct store_conf c = {.path = f->t->path, .trouble = on_trouble, .ctx = f};
    if (store_open(&f->s, f->loop, &c, &err) < 0)
        fail_msg("%s", err.msg);
    struct td_feed_conf conf = {
        .name = (char *)"a", .url = (char *)"http://a.example/", .enabled = true};
    store_feed_put(f->s, &conf, on_put, f);
    while (!f->feed_id)
        ev_run(f->loop, EVRUN_ONCE);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    write_code = sync_code = SQLITE_OK;
    store_close(f->s, 1000);
    ev_loop_destroy(f->loop);
    temp_tear_down((void **)&f->t);
    free(f);
    return 0;
}

static void all_is_there(struct fixture *f, int n, const char *etag)
{
    struct td_err err;
    struct db *d;
    assert_int_equal(db_open(&d, f->t->path, false, &err), 0);
    assert_int_equal(db_int(d, "SELECT count(*) FROM item", 0), n);
    assert_int_equal(db_int(d, "SELECT count(DISTINCT id) FROM item", 0), n);
    assert_int_equal(
        db_int(d, "SELECT count(*) FROM event e JOIN item USING(item_id) WHERE kind = 1", 0), n);
    /* Every item is in a story, and nothing of a story was left of what was rolled back. */
    assert_int_equal(db_int(d,
                            "SELECT count(*) FROM story_item JOIN item USING(item_id)"
                            " JOIN story USING(story_id)",
                            0),
                     n);
    assert_int_equal(db_int(d, "SELECT count(*) FROM story_item", 0), n);
    assert_int_equal(db_int(d, "SELECT sum(n_items) FROM story", 0), n);
    CLEANUP_FREE char *sql = xasprintf(
        "SELECT count(*) FROM poll WHERE CAST(etag AS TEXT) = '%s' AND n_unchanged = 1", etag);
    assert_int_equal(db_int(d, sql, 0), 1);
    db_close(d);
}

/* Items 1 to N are stored, and have their stories: where time is short those come later. */
static void wait_for(struct fixture *f, int n)
{
    while (f->n_done < n || store_stories_placed(f->s) < n)
        ev_run(f->loop, EVRUN_ONCE);
}

static void refuse_and_resume(struct fixture *f, atomic_int *what, int code)
{
    commit(f, 1);
    wait_for(f, 1);
    *what = code;
    for (int i = 2; i <= 30; i++)
        commit(f, i);
    while (!f->n_trouble)
        ev_run(f->loop, EVRUN_ONCE);
    ev_tstamp until = ev_time() + 0.8; /* long enough for three tries: none of them says it again */
    while (ev_time() < until) {
        ev_run(f->loop, EVRUN_NOWAIT);
        ev_sleep(0.02);
    }
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->n_trouble, 1);
    assert_int_equal(f->n_well, 0);
    all_is_there(f, 1, "\"1\"");
    *what = SQLITE_OK;
    wait_for(f, 30);
    while (!f->n_well)
        ev_run(f->loop, EVRUN_ONCE);
    assert_int_equal(f->n_trouble, 1);
    assert_int_equal(f->n_well, 1);
    all_is_there(f, 30, "\"30\"");
}

static void a_full_disk(void **state)
{
    struct fixture *f = *state;
    refuse_and_resume(f, &write_code, SQLITE_FULL);
    assert_non_null(strstr(f->why, "full"));
}

static void writes_that_fail(void **state)
{
    refuse_and_resume(*state, &write_code, SQLITE_IOERR_WRITE);
}

static void syncs_that_fail(void **state)
{
    refuse_and_resume(*state, &sync_code, SQLITE_IOERR_FSYNC);
}

static void closing_on_a_full_disk_ends(void **state)
{
    struct fixture *f = *state;
    write_code = SQLITE_FULL;
    commit(f, 1);
    int64_t from = clock_mono_ms();
    store_close(f->s, 300);
    assert_true(clock_mono_ms() - from < 5000);
    assert_int_equal(f->n_done, 0);
    write_code = SQLITE_OK;
    struct store_conf c = {.path = f->t->path};
    struct td_err err = {""};
    if (store_open(&f->s, f->loop, &c, &err) < 0)
        fail_msg("%s", err.msg);
}

int main(void)
{
    install();
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_full_disk),
        T(writes_that_fail),
        T(syncs_that_fail),
        T(closing_on_a_full_disk_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
