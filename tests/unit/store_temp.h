/*
 * store_temp.h - a store's file in a folder of its own, for tests that look below store.h.
 */
#ifndef TIDINGS_TESTS_STORE_TEMP_H
#define TIDINGS_TESTS_STORE_TEMP_H

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/db.h"
#include "store/migrate.h"

struct temp {
    char dir[64], path[96];
    struct db *d; /* NULL until temp_open */
};

static inline int temp_set_up(void **state)
{
    struct temp *t = xcalloc(1, sizeof *t);
    snprintf(t->dir, sizeof t->dir, "/tmp/tidings-store-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    snprintf(t->path, sizeof t->path, "%s/t.db", t->dir);
    *state = t;
    return 0;
}

static inline int temp_tear_down(void **state)
{
    struct temp *t = *state;
    CLEANUP_FREE char *rm = xasprintf("rm -rf %s", t->dir);
    db_close(t->d);
    assert_int_equal(system(rm), 0);
    free(t);
    return 0;
}

/* Opens for writing and brings the format up to date; the result of what failed, else 0. */
static inline int temp_open(struct temp *t, struct td_err *err)
{
    db_close(t->d);
    t->d = NULL;
    int r = db_open(&t->d, t->path, true, err);
    if (r == 0 && (r = migrate_check(t->d, t->path, err)) == 0)
        r = migrate_run(t->d, t->path, NULL, NULL, err);
    return r;
}

static inline void temp_sql(struct temp *t, const char *sql)
{
    struct td_err err = {""};
    if (db_exec(t->d, sql, &err) < 0)
        fail_msg("%s: %s", sql, err.msg);
}

#endif
