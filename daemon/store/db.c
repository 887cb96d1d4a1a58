#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "query/cut.h"

#define WRITER_CACHE_KIB 8192
#define READER_CACHE_KIB 2048
#define MAX_STATEMENTS \
    96 /* literals in this folder are fewer; a new one beyond it fails its test */

struct db {
    sqlite3 *handle;
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } kept[MAX_STATEMENTS];
    size_t n_kept;
};

static int code_to_errno(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_IOERR:
        return -EIO;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CANTOPEN:
        return errno == ENOENT ? -ENOENT : -EACCES;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EUCLEAN;
    default:
        return -EINVAL;
    }
}

bool db_passes(int r)
{
    return r == -ENOSPC || r == -EIO || r == -EROFS || r == -EBUSY || r == -ENOMEM || r == -EACCES;
}

int db_fail(struct db *d, struct td_err *err)
{
    int code = sqlite3_extended_errcode(d->handle);
    return td_err(err, code_to_errno(code), "%s", sqlite3_errmsg(d->handle));
}

/* Before SQLite's first use: no counting of its memory, which takes a lock for each block. (Too
 * late, it is refused and costs only time.) */
static __attribute__((constructor)) void configure_sqlite(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* tidings_cut(TEXT): as the index has it (query/cut.h); most texts as they are. */
static void cut_value(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const char *s = (const char *)sqlite3_value_text(v[0]);
    size_t bytes = s ? (size_t)sqlite3_value_bytes(v[0]) : 0;
    if (!s || !cut_concerns(s, bytes)) {
        sqlite3_result_value(ctx, v[0]);
        return;
    }
    CLEANUP_BUF struct buf b = BUF_INIT(CUT_BYTES);
    cut_text(&b, s, bytes);
    sqlite3_result_text64(ctx, buf_str(&b), b.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int try_open(struct db *d, const char *name, int flags)
{
    sqlite3_close(d->handle);
    d->handle = NULL;
    errno = 0;
    int code = sqlite3_open_v2(name, &d->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_create_function_v2(d->handle, "tidings_cut", 1,
                                          SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                                          NULL, cut_value, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(d->handle, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
    /* A file that may not be written, SQLite opens to read: it is asked (but a new one, which takes
     * its page size at the first write). */
    if (code == SQLITE_OK && flags & SQLITE_OPEN_READWRITE) {
        if (sqlite3_db_readonly(d->handle, "main"))
            code = SQLITE_READONLY;
        else if (db_int(d, "PRAGMA page_count", 0) > 0)
            code = sqlite3_exec(d->handle, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL, NULL);
    }
    return (code & 0xff) == SQLITE_BUSY ? SQLITE_OK : code;
}

/* A store nobody writes, in a folder we may not write, has no -shm: it is read as it lies there. */
static int open_immutable(struct db *d, const char *path)
{
    CLEANUP_BUF struct buf uri = BUF_INIT(8192);
    CLEANUP_FREE char *wal = xasprintf("%s-wal", path);
    if (access(wal, F_OK) == 0)
        return SQLITE_CANTOPEN;
    buf_adds(&uri, "file:");
    for (const char *p = path; *p; p++)
        if (strchr("%?#", *p))
            buf_addf(&uri, "%%%02x", (unsigned char)*p);
        else
            buf_addc(&uri, *p);
    buf_adds(&uri, "?immutable=1");
    return try_open(d, buf_str(&uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

/* A new store is its owner's alone, whatever the umask: it may hold secrets of subscriptions.
 * SQLite makes the files beside it alike. Only what is new is opened here: closing it again would
 * take away the locks that this process has on it. */
static void make_file(const char *path)
{
    CLEANUP_CLOSE int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    (void)fd; /* there already, or not possible: SQLite says so */
}

/* What can be seen from outside of the file PATH+SUFFIX: 0 = nothing that forbids to open it. */
static int see_file(const char *path, const char *suffix, int wanted, struct td_err *err)
{
    CLEANUP_FREE char *name = xasprintf("%s%s", path, suffix);
    char target[256] = "";
    struct stat st;
    if (stat(name, &st) != 0 && errno == ENOENT)
        return readlink(name, target, sizeof target - 1) < 0
                   ? 0
                   : td_err(err, -EACCES, "%s is a link to %s, which is not there", name, target);
    if (stat(name, &st) != 0)
        return td_err(err, -errno, "%s: %s", name, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return td_err(err, S_ISDIR(st.st_mode) ? -EISDIR : -EACCES,
                      "%s is a %s, where a store has a file: move it, or name another store", name,
                      S_ISDIR(st.st_mode) ? "directory" : "special file");
    if (faccessat(AT_FDCWD, name, wanted, AT_EACCESS) == 0)
        return 0;
    return td_err(err, -errno, "%s: %s for user %u: it belongs to user %u, mode %03o", name,
                  strerror(errno), geteuid(), st.st_uid, st.st_mode & 07777);
}

/* SQLite's "unable to open database file" as a sentence that says which file, why and whose. */
static int explain(struct db *d, const char *path, bool writable, int code, struct td_err *err)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    int kind = code & 0xff, r = 0;
    if (kind == SQLITE_CANTOPEN || kind == SQLITE_READONLY || kind == SQLITE_IOERR ||
        kind == SQLITE_PERM)
        for (size_t i = 0; i < ARRAY_SIZE(suffixes) && r == 0; i++)
            r = see_file(path, suffixes[i], writable ? R_OK | W_OK : R_OK, err);
    if (r < 0)
        return r;
    if (!writable && access(path, F_OK) != 0)
        return td_err(err, -ENOENT, "%s: there is no store", path);
    if (kind == SQLITE_NOTADB)
        return td_err(err, -EUCLEAN, "%s is no store: %s", path, sqlite3_errstr(code));
    int number = d->handle ? sqlite3_system_errno(d->handle) : 0;
    return td_err(err, code_to_errno(code), "%s: %s%s%s", path,
                  d->handle ? sqlite3_errmsg(d->handle) : sqlite3_errstr(code), number ? ": " : "",
                  number ? strerror(number) : "");
}

int db_open(struct db **ret, const char *path, bool writable, struct td_err *err)
{
    struct db *d = xcalloc(1, sizeof *d);
    if (writable)
        make_file(path);
    int code = try_open(
        d, path, writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    int kind = code & 0xff;
    if (!writable && access(path, R_OK) == 0 &&
        (kind == SQLITE_CANTOPEN || kind == SQLITE_READONLY))
        code = open_immutable(d, path);
    if (code != SQLITE_OK) {
        int r = explain(d, path, writable, code, err);
        db_close(d);
        return r;
    }
    sqlite3_busy_timeout(d->handle, 5000);
    CLEANUP_FREE char *pragma = xasprintf("PRAGMA cache_size=-%d; PRAGMA temp_store=memory;%s",
                                          writable ? WRITER_CACHE_KIB : READER_CACHE_KIB,
                                          writable ? "" : "PRAGMA query_only=1;");
    sqlite3_exec(d->handle, pragma, NULL, NULL, NULL);
    sqlite3_extended_result_codes(d->handle, 1);
    *ret = d;
    return 0;
}

void db_close(struct db *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n_kept; i++)
        sqlite3_finalize(d->kept[i].stmt);
    sqlite3_close(d->handle);
    free(d);
}

sqlite3 *db_handle(struct db *d)
{
    return d->handle;
}

int db_version(struct db *d)
{
    return (int)db_int(d, "PRAGMA user_version", -1);
}

sqlite3_stmt *db_stmt(struct db *d, const char *sql)
{
    for (size_t i = 0; i < d->n_kept; i++)
        if (d->kept[i].sql == sql) {
            sqlite3_reset(d->kept[i].stmt);
            return d->kept[i].stmt;
        }
    sqlite3_stmt *s = NULL;
    if (d->n_kept == MAX_STATEMENTS ||
        sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
        return NULL;
    d->kept[d->n_kept].sql = sql;
    d->kept[d->n_kept++].stmt = s;
    return s;
}

int db_exec(struct db *d, const char *sql, struct td_err *err)
{
    return sqlite3_exec(d->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(d, err);
}

int db_run(struct db *d, sqlite3_stmt *s, struct td_err *err)
{
    if (!s)
        return db_fail(d, err);
    int r = sqlite3_step(s) == SQLITE_DONE ? 0 : db_fail(d, err);
    sqlite3_reset(s);
    return r;
}

int64_t db_int(struct db *d, const char *sql, int64_t otherwise)
{
    sqlite3_stmt *s = NULL;
    int64_t v = otherwise;
    if (sqlite3_prepare_v2(d->handle, sql, -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
        v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return v;
}

int64_t db_first_item_since(struct db *d, int64_t at)
{
    int64_t low = 1, high = db_int(d, "SELECT max(item_id) FROM item", 0) + 1;
    sqlite3_stmt *s = db_stmt(d, "SELECT item_id, first_seen FROM item WHERE item_id >= ?"
                                 " ORDER BY item_id LIMIT 1");
    while (s && low < high) {
        int64_t mid = low + (high - low) / 2;
        sqlite3_reset(s);
        sqlite3_bind_int64(s, 1, mid);
        if (sqlite3_step(s) != SQLITE_ROW || sqlite3_column_int64(s, 1) >= at)
            high = mid;
        else
            low = sqlite3_column_int64(s, 0) + 1;
    }
    if (s)
        sqlite3_reset(s);
    return low;
}

int db_unknown(struct db *d, const char *what, const char *name, const char *sql,
               struct td_err *err)
{
    char **names = NULL;
    size_t n = 0;
    sqlite3_stmt *s = err ? db_stmt(d, sql) : NULL;
    for (; s && n < LIMIT_NAMES_COMPARED && sqlite3_step(s) == SQLITE_ROW; n++) {
        if (n % 64 == 0)
            names = xreallocarray(names, n + 64, sizeof *names);
        names[n] = xstrdup(db_text(s, 0));
    }
    if (s)
        sqlite3_reset(s);
    td_err_unknown(err, what, name, (const char *const *)names, n);
    while (n)
        free(names[--n]);
    free(names);
    return -ENOENT;
}

void db_bind_text(sqlite3_stmt *s, int i, const char *text)
{
    if (text)
        sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(s, i);
}

void db_bind_blob(sqlite3_stmt *s, int i, const char *text)
{
    if (text)
        sqlite3_bind_blob(s, i, text, (int)strlen(text), SQLITE_STATIC);
    else
        sqlite3_bind_null(s, i);
}

void db_bind_time(sqlite3_stmt *s, int i, int64_t at)
{
    if (at == TD_NEVER)
        sqlite3_bind_null(s, i);
    else
        sqlite3_bind_int64(s, i, at);
}

const char *db_text(sqlite3_stmt *s, int i)
{
    return (const char *)sqlite3_column_text(s, i);
}

int64_t db_time(sqlite3_stmt *s, int i)
{
    return sqlite3_column_type(s, i) == SQLITE_NULL ? TD_NEVER : sqlite3_column_int64(s, i);
}
