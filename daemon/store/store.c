/*
 * store.c - opens the store and runs its two threads: the writer (writer.c) and the reader, below.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/feeds.h"
#include "store/migrate.h"
#include "store/reader.h"
#include "model/saved_query.h"
#include "store/subs.h"
#include "store/writer.h"

struct query {
    struct query *next;
    store_run_fn *run;
    store_ran_fn *done;
    void *ctx;
};

struct store {
    struct ev_loop *loop;
    struct writer *writer;
    char instance[STORE_INSTANCE];
    int lock_fd;
    /* the reader thread */
    struct reader *reader;
    pthread_mutex_t reading; /* by that thread, or by the loop in what is loaded at start */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct query *queue, **queue_tail, *ran, **ran_tail;
    bool stop;
    ev_async finished;
};

/* One daemon a store: an advisory lock beside it, which ends with the process. */
static int lock_store(const char *path, int *ret_fd, struct td_err *err)
{
    CLEANUP_FREE char *name = xasprintf("%s.lock", path);
    CLEANUP_CLOSE int fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT)
        return td_err(err, -ENOENT,
                      "the folder of the store %s is not there: make it, or say another place with "
                      "store = in [daemon]",
                      path);
    if (fd < 0)
        return td_err(err, -errno, "%s: %s for user %u, who needs to write the store's folder",
                      name, strerror(errno), geteuid());
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return td_err(err, errno == EWOULDBLOCK ? -EBUSY : -errno,
                      "%s is in use by another tidingsd", path);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

/* ---- the reader thread ---------------------------------------------------------------------- */

static void *reader_main(void *arg)
{
    struct store *s = arg;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        struct query *q = s->queue;
        if (!q) {
            pthread_cond_wait(&s->wake, &s->lock);
            continue;
        }
        s->queue = q->next;
        if (!s->queue)
            s->queue_tail = &s->queue;
        pthread_mutex_unlock(&s->lock);
        pthread_mutex_lock(&s->reading);
        q->run(s->reader, q->ctx);
        pthread_mutex_unlock(&s->reading);
        pthread_mutex_lock(&s->lock);
        q->next = NULL;
        *s->ran_tail = q;
        s->ran_tail = &q->next;
        ev_async_send(s->loop, &s->finished);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void on_ran(struct ev_loop *loop, ev_async *a, int revents)
{
    struct store *s = a->data;
    pthread_mutex_lock(&s->lock);
    struct query *q = s->ran, *next;
    s->ran = NULL;
    s->ran_tail = &s->ran;
    pthread_mutex_unlock(&s->lock);
    for (; q; q = next) {
        next = q->next;
        if (q->done)
            q->done(q->ctx);
        free(q);
    }
}

void store_read(struct store *s, store_run_fn *run, store_ran_fn *done, void *ctx)
{
    struct query *q = xcalloc(1, sizeof *q);
    *q = (struct query){.run = run, .done = done, .ctx = ctx};
    pthread_mutex_lock(&s->lock);
    *s->queue_tail = q;
    s->queue_tail = &q->next;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static void start_reader(struct store *s)
{
    s->queue_tail = &s->queue;
    s->ran_tail = &s->ran;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->reading, NULL);
    pthread_cond_init(&s->wake, NULL);
    ev_async_init(&s->finished, on_ran);
    s->finished.data = s;
    ev_async_start(s->loop, &s->finished);
    if (pthread_create(&s->thread, NULL, reader_main, s) != 0)
        abort(); /* no thread can be made: a broken environment */
}

static void free_queries(struct query *q)
{
    while (q) {
        struct query *next = q->next;
        free(q);
        q = next;
    }
}

static void stop_reader(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    ev_async_stop(s->loop, &s->finished);
    free_queries(s->queue);
    free_queries(s->ran);
    reader_close(s->reader);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->reading);
    pthread_cond_destroy(&s->wake);
}

/* Temporary files of SQLite (a vacuum's) belong beside the store: /tmp may be memory, and too
 * small. Global to the process, so before there are threads. */
static void set_temp_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    sqlite3_free(sqlite3_temp_directory);
    sqlite3_temp_directory = slash ? sqlite3_mprintf("%.*s", MAX((int)(slash - path), 1), path)
                                   : sqlite3_mprintf(".");
}

/* ---- open and close -------------------------------------------------------------------------- */

static int prepare(struct db *d, const struct store_conf *conf, struct td_err *err)
{
    int r = migrate_check(d, conf->path, err);
    if (r == 0)
        r = migrate_run(d, conf->path, conf->progress, conf->progress_ctx, err);
    sqlite3_db_release_memory(db_handle(d)); /* the check has filled the cache */
    return r;
}

int store_open(struct store **ret, struct ev_loop *loop, const struct store_conf *conf,
               struct td_err *err)
{
    CLEANUP_CLOSE int lock_fd = -1;
    struct db *d;
    struct reader *reader;
    int r = lock_store(conf->path, &lock_fd, err);
    if (r < 0)
        return r;
    set_temp_folder(conf->path);
    if ((r = db_open(&d, conf->path, true, err)) < 0)
        return r;
    if ((r = prepare(d, conf, err)) < 0 || (r = reader_open(&reader, conf->path, err)) < 0) {
        db_close(d);
        return r;
    }
    struct store *s = xcalloc(1, sizeof *s);
    s->loop = loop;
    s->reader = reader;
    s->lock_fd = lock_fd;
    lock_fd = -1;
    int64_t last = db_int(d, "SELECT seq FROM sqlite_sequence WHERE name = 'event'", 0);
    r = reader_instance(reader, s->instance, err);
    start_reader(s);
    s->writer = writer_new(d, loop, conf, last);
    if (r < 0) {
        store_close(s, 0);
        return r;
    }
    *ret = s;
    return 0;
}

void store_close(struct store *s, int64_t wait_ms)
{
    if (!s)
        return;
    stop_reader(s);
    writer_free(s->writer, wait_ms);
    close(s->lock_fd);
    free(s);
}

int store_load_feeds(struct store *s, store_feed_fn *cb, void *ctx, struct td_err *err)
{
    pthread_mutex_lock(&s->reading);
    int r = reader_load_feeds(s->reader, cb, ctx, err);
    pthread_mutex_unlock(&s->reading);
    return r;
}

int store_load_learned(struct store *s, store_learned_fn *cb, void *ctx, struct td_err *err)
{
    pthread_mutex_lock(&s->reading);
    int r = reader_load_learned(s->reader, cb, ctx, err);
    pthread_mutex_unlock(&s->reading);
    return r;
}

/* ---- operations ------------------------------------------------------------------------------ */

bool store_has_room(const struct store *s)
{
    return writer_has_room(s->writer);
}

int64_t store_busy_since(const struct store *s)
{
    return writer_busy_since(s->writer);
}

int64_t store_last_seq(const struct store *s)
{
    return writer_last_seq(s->writer);
}

const char *store_instance(const struct store *s)
{
    return s->instance;
}

int store_load_cursor(struct store *s, const char *name, int64_t *ret_seq, struct td_err *err)
{
    pthread_mutex_lock(&s->reading);
    int r = reader_has_cursor(s->reader, name, ret_seq, err);
    pthread_mutex_unlock(&s->reading);
    return r;
}

int store_load_queries(struct store *s, query_row_fn *cb, void *ctx, struct td_err *err)
{
    pthread_mutex_lock(&s->reading);
    int r = reader_queries(s->reader, cb, ctx, err);
    pthread_mutex_unlock(&s->reading);
    return r;
}

int store_load_subs(struct store *s, int (*cb)(void *ctx, const struct sub_row *row), void *ctx,
                    struct td_err *err)
{
    pthread_mutex_lock(&s->reading);
    int r = reader_subs(s->reader, cb, ctx, err);
    pthread_mutex_unlock(&s->reading);
    return r;
}

static struct op *new_op(enum op_kind kind, store_done_fn *done, void *ctx)
{
    struct op *op = xcalloc(1, sizeof *op);
    op->kind = kind;
    op->bytes = sizeof *op;
    op->done = done;
    op->ctx = ctx;
    return op;
}

void store_commit(struct store *s, struct store_commit *c)
{
    struct op *op = new_op(OP_COMMIT, NULL, NULL);
    op->commit = c;
    op->bytes += sizeof *c + (c->batch ? td_batch_bytes(c->batch) : 0);
    writer_put(s->writer, op);
}

void store_feed_put(struct store *s, const struct td_feed_conf *conf, store_done_fn *done,
                    void *ctx)
{
    struct op *op = new_op(OP_PUT, done, ctx);
    op->conf = td_feed_conf_copy(conf);
    writer_put(s->writer, op);
}

void store_feed_put_many(struct store *s, const struct td_feed_conf *const *confs, size_t n,
                         int64_t *ids, store_done_fn *done, void *ctx)
{
    struct op *op = new_op(OP_PUT, done, ctx);
    op->confs = confs;
    op->n = n;
    op->ids = ids;
    writer_put(s->writer, op);
}

void store_feed_push(struct store *s, int64_t feed_id, const char *push)
{
    struct op *op = new_op(OP_PUSH, NULL, NULL);
    op->id = feed_id;
    op->name = xstrdup_or_null(push);
    writer_put(s->writer, op);
}

void store_feed_rename(struct store *s, int64_t feed_id, const char *name)
{
    struct op *op = new_op(OP_RENAME, NULL, NULL);
    op->id = feed_id;
    op->name = xstrdup(name);
    writer_put(s->writer, op);
}

void store_learned(struct store *s, const struct td_learned *l)
{
    struct op *op = new_op(OP_PACING, NULL, NULL);
    op->learned = *l;
    op->learned.key = op->name = xstrdup(l->key);
    writer_put(s->writer, op);
}

void store_feed_delete(struct store *s, int64_t feed_id, store_done_fn *done, void *ctx)
{
    struct op *op = new_op(OP_DELETE, done, ctx);
    op->id = feed_id;
    writer_put(s->writer, op);
}

void store_cursor_set(struct store *s, const char *name, int64_t seq, store_done_fn *done,
                      void *ctx)
{
    struct op *op = new_op(OP_CURSOR_SET, done, ctx);
    op->name = xstrdup(name);
    op->id = seq;
    writer_put(s->writer, op);
}

void store_cursor_delete(struct store *s, const char *name, store_done_fn *done, void *ctx)
{
    struct op *op = new_op(OP_CURSOR_DELETE, done, ctx);
    op->name = xstrdup(name);
    writer_put(s->writer, op);
}

void store_set_log(struct store *s, int64_t age_ms, int64_t count)
{
    writer_set_log(s->writer, age_ms, count);
}

void store_set_retention(struct store *s, int64_t feed_id, int64_t age_ms, int64_t count)
{
    writer_set_retention(s->writer, feed_id, age_ms, count);
}

int64_t store_stories_placed(const struct store *s)
{
    return writer_stories_placed(s->writer);
}

int64_t store_stories_waiting(const struct store *s)
{
    return writer_stories_waiting(s->writer);
}

void store_set_story_rules(struct store *s, const struct td_story_rules *rules)
{
    writer_set_story_rules(s->writer, rules);
}

void store_story_fix(struct store *s, enum store_story_fix what, int64_t a, int64_t b,
                     store_done_fn *done, void *ctx)
{
    struct op *op = new_op(OP_STORY, done, ctx);
    op->fix = what;
    op->id = a;
    op->other = b;
    writer_put(s->writer, op);
}

void store_vacuum(struct store *s, store_done_fn *done, void *ctx)
{
    writer_put(s->writer, new_op(OP_VACUUM, done, ctx));
}

/* ---- subscriptions --------------------------------------------------------------------------- */

static struct op *new_sub_op(enum sub_what what, const char *name, store_done_fn *done, void *ctx)
{
    struct op *op = new_op(OP_SUB, done, ctx);
    op->sub = xcalloc(1, sizeof *op->sub);
    op->sub->what = what;
    op->sub->name = xstrdup(name);
    return op;
}

void store_sub_put(struct store *s, const char *name, const char *conf, int64_t seq,
                   store_done_fn *done, void *ctx)
{
    struct op *op = new_sub_op(SUB_PUT, name, done, ctx);
    op->sub->conf = xstrdup_or_null(conf);
    op->sub->seq = seq;
    writer_put(s->writer, op);
}

void store_sub_save(struct store *s, const char *name, struct store_sub_save *save,
                    store_done_fn *done, void *ctx)
{
    struct op *op = new_sub_op(SUB_SAVE, name, done, ctx);
    op->sub->save = *save;
    *save = (struct store_sub_save){.n_dead = 0};
    op->bytes += sub_op_bytes(op->sub);
    writer_put(s->writer, op);
}

void store_sub_delete(struct store *s, const char *name, store_done_fn *done, void *ctx)
{
    writer_put(s->writer, new_sub_op(SUB_DELETE, name, done, ctx));
}

void store_query_put(struct store *s, const struct td_saved_query *q, store_done_fn *done,
                     void *ctx)
{
    struct op *op = new_sub_op(SUB_QUERY_PUT, q->name, done, ctx);
    op->sub->conf = xasprintf("%s\n%s\n%s%s", q->query ? q->query : "", q->title ? q->title : "",
                              q->open ? "p" : "", q->runtime ? "r" : "");
    writer_put(s->writer, op);
}

void store_query_delete(struct store *s, const char *name, store_done_fn *done, void *ctx)
{
    writer_put(s->writer, new_sub_op(SUB_QUERY_DELETE, name, done, ctx));
}

void store_dead_forget(struct store *s, const char *name, int64_t id, store_done_fn *done,
                       void *ctx)
{
    struct op *op = new_sub_op(SUB_FORGET, name, done, ctx);
    op->sub->seq = id;
    writer_put(s->writer, op);
}
