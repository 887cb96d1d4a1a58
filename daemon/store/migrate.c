#include "store/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/schema.h"

#define CHECK_BYTES (64 << 20) /* quick_check reads about 500 MB/s: well under a second */
#define STEP_OPS    2000000    /* of SQLite's virtual machine between two signs of life: some ms */
#define COPY_PAGES  256        /* of 16 KiB a step: progress is told every 4 MiB */

static int quick_check(struct db *d, const char *path, struct td_err *err)
{
    sqlite3_stmt *s = NULL;
    int r = 0;
    if (sqlite3_prepare_v2(db_handle(d), "PRAGMA quick_check(1)", -1, &s, NULL) != SQLITE_OK ||
        sqlite3_step(s) != SQLITE_ROW)
        r = td_err(err, -EUCLEAN, "%s is damaged: %s", path, sqlite3_errmsg(db_handle(d)));
    else if (strcmp(db_text(s, 0), "ok") != 0)
        r = td_err(err, -EUCLEAN, "%s is damaged: %s", path, db_text(s, 0));
    sqlite3_finalize(s);
    return r;
}

int migrate_check(struct db *d, const char *path, struct td_err *err)
{
    int version = db_version(d);
    if (version < 0)
        return td_err(err, -EUCLEAN, "%s is damaged: %s", path, sqlite3_errmsg(db_handle(d)));
    if (version > schema_version())
        return td_err(
            err, -EPROTO,
            "%s has format %d, this version knows up to %d: it was made by a newer tidings", path,
            version, schema_version());
    if (version == 0 && db_int(d, "SELECT count(*) FROM sqlite_schema", 0) > 0)
        return td_err(err, -EPROTO, "%s is a database of another program", path);
    if (version == 0)
        return 0;
    int64_t bytes = db_int(d, "PRAGMA page_count", 0) * db_int(d, "PRAGMA page_size", 0);
    if (bytes <= CHECK_BYTES)
        return quick_check(d, path, err);
    static const char sample[] =
        "SELECT count(*) FROM (SELECT * FROM feed LIMIT 1000) UNION ALL"
        " SELECT count(*) FROM (SELECT * FROM event ORDER BY seq DESC LIMIT 1000)"
        " UNION ALL SELECT count(*) FROM (SELECT item_id, json FROM item"
        " ORDER BY item_id DESC LIMIT 1000)";
    return db_exec(d, sample, err) < 0 ? td_err_prefix(err, -EUCLEAN, "%s is damaged", path) : 0;
}

int migrate_copy(struct db *d, const char *path, int (*progress)(void *ctx, double done), void *ctx,
                 struct td_err *err)
{
    CLEANUP_FREE char *part = xasprintf("%s.part", path);
    sqlite3 *to = NULL;
    int r = 0, code;
    if (access(path, F_OK) == 0)
        return td_err(err, -EEXIST, "%s exists already", path);
    unlink(part);
    int fd = open(part, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return td_err(err, -errno, "%s: %s", part, strerror(errno));
    close(fd);
    if (sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        r = td_err(err, -EIO, "%s: %s", part, sqlite3_errmsg(to));
        sqlite3_close(to);
        return r;
    }
    sqlite3_backup *b = sqlite3_backup_init(to, "main", db_handle(d), "main");
    while (b && ((code = sqlite3_backup_step(b, COPY_PAGES)) == SQLITE_OK || code == SQLITE_BUSY ||
                 code == SQLITE_LOCKED)) {
        int total = sqlite3_backup_pagecount(b);
        if (progress && total && progress(ctx, 1 - (double)sqlite3_backup_remaining(b) / total)) {
            r = td_err(err, -ECANCELED, "cancelled");
            break;
        }
        if (code != SQLITE_OK)
            sqlite3_sleep(20);
    }
    if (r == 0 && (!b || sqlite3_backup_finish(b) != SQLITE_OK))
        r = td_err(err, -EIO, "%s: %s", path, sqlite3_errmsg(to));
    else if (r < 0)
        sqlite3_backup_finish(b);
    /* The copy is one file: no -wal beside it. */
    if (r == 0 && sqlite3_exec(to, "PRAGMA journal_mode=delete", NULL, NULL, NULL) != SQLITE_OK)
        r = td_err(err, -EIO, "%s: %s", path, sqlite3_errmsg(to));
    sqlite3_close(to);
    if (r == 0 && rename(part, path) != 0)
        r = td_err(err, -errno, "%s: %s", path, strerror(errno));
    if (r < 0)
        unlink(part);
    return r;
}

struct telling {
    void (*progress)(void *ctx, const char *what, double done);
    void *ctx;
    const char *what; /* the step under way */
    double done;
};

static int tell_copy(void *ctx, double done)
{
    struct telling *t = ctx;
    if (t->progress)
        t->progress(t->ctx, "copying the old store", done);
    return 0;
}

/* Within one long statement: alive, though not known how far. */
static int tell_alive(void *ctx)
{
    struct telling *t = ctx;
    t->progress(t->ctx, t->what, t->done);
    return 0;
}

static int take_step(struct db *d, int version, struct td_err *err)
{
    const struct schema_step *step = schema_step(version);
    CLEANUP_FREE char *set = xasprintf("PRAGMA user_version=%d", version + 1);
    int r = db_exec(d, "BEGIN EXCLUSIVE", err);
    if (r == 0)
        r = db_exec(d, step->sql, err);
    if (r == 0)
        r = db_exec(d, set, err);
    if (r == 0)
        r = db_exec(d, "COMMIT", err);
    if (r < 0)
        sqlite3_exec(db_handle(d), "ROLLBACK", NULL, NULL, NULL);
    return r < 0 ? td_err_prefix(err, r, "%s", step->what) : 0;
}

int migrate_run(struct db *d, const char *path,
                void (*progress)(void *ctx, const char *what, double done), void *ctx,
                struct td_err *err)
{
    int version = db_version(d), r;
    if (version == 0 && (r = db_exec(d, "PRAGMA page_size=16384", err)) < 0)
        return r;
    r = db_exec(d,
                "PRAGMA journal_mode=wal; PRAGMA synchronous=full; PRAGMA foreign_keys=off;"
                " PRAGMA journal_size_limit=67108864", /* one big import does not stay as -wal */
                err);
    if (r < 0)
        return r;
    if (version > 0 && version < schema_version()) {
        CLEANUP_FREE char *copy = xasprintf("%s.v%d", path, version);
        struct telling t = {.progress = progress, .ctx = ctx};
        log_notice("store: format %d becomes %d; the old store is kept as %s", version,
                   schema_version(), copy);
        r = migrate_copy(d, copy, tell_copy, &t, err);
        if (r < 0 &&
            r != -EEXIST) /* an earlier try was cut off after its copy: that one is the original */
            return r;
    }
    const bool tell = progress && version > 0; /* a new store is made at once */
    for (; version < schema_version(); version++) {
        struct telling t = {progress, ctx, schema_step(version)->what,
                            (double)version / schema_version()};
        if (tell) {
            tell_alive(&t);
            sqlite3_progress_handler(db_handle(d), STEP_OPS, tell_alive, &t);
        }
        r = take_step(d, version, err);
        sqlite3_progress_handler(db_handle(d), 0, NULL, NULL);
        if (r < 0)
            return r;
    }
    return 0;
}
