/*
 * cmd_store.c - the store as a whole: backup, vacuum.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>

#include "base/mem.h"
#include "client/api.h"
#include "client/client.h"
#include "client/out.h"
#include "client/progress.h"
#include "client/source.h"
#include "client/words.h"
#include "store/reader.h"
#include "store/store.h"

static const struct opt no_opts[] = {{0}};

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* ---- backup -------------------------------------------------------------------------------- */

static int on_backup(void *ctx, double done)
{
    progress_at(ctx, done);
    return 0;
}

static int run_backup(struct client *c)
{
    const char *path = c->args.operands[0];
    char size[WORDS_BYTES];
    struct reader *reader = NULL;
    struct progress p;
    struct td_err err;
    int r = reader_open(&reader, c->place.store, &err);
    if (r < 0)
        return client_errno(r, &err);
    progress_begin(&p, &c->term, "backup");
    r = reader_backup(reader, path, on_backup, &p, &err);
    progress_end(&p);
    reader_close(reader);
    if (r == -ENOENT || r == -ENOTDIR) /* of FILE: the store is open */
        return client_fail(EX_CANTCREAT, "%s", err.msg);
    return r < 0 ? client_errno(r, &err)
                 : client_say("%s: %s\n", path, words_bytes(size, size_of(path)));
}

const struct command cmd_backup = {
    .name = "backup",
    .local = true,
    .operands = "FILE",
    .help = "Copies the store into FILE while the daemon runs; FILE must not exist",
    .details = "The copy is consistent: a store of its own, as it was at one instant.",
    .opts = no_opts,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_backup,
};

/* ---- vacuum -------------------------------------------------------------------------------- */

/* VACUUM writes the database three times (a copy, the log, back into the file): how far it is can
 * be seen from the bytes that the writing process has written. */
struct vacuum {
    struct client *c;
    struct progress progress;
    char io_path[64]; /* of the process that does it */
    int64_t bytes_before, written_before;
    struct ev_loop *loop;
    int result;
    struct td_err err;
};

/* Bytes that the process has written; -1 when it may not be looked at. */
static int64_t written_by(const char *io_path)
{
    long long n;
    FILE *f = fopen(io_path, "re");
    if (!f)
        return -1;
    int found = fscanf(f, "rchar: %*d wchar: %lld", &n);
    fclose(f);
    return found == 1 ? n : -1;
}

static void vacuum_tick(void *ctx)
{
    struct vacuum *v = ctx;
    int64_t now = written_by(v->io_path);
    bool known = now >= 0 && v->written_before >= 0 && v->bytes_before > 0;
    double done = known ? (double)(now - v->written_before) / (3.0 * (double)v->bytes_before) : -1;
    progress_at(&v->progress, done > 0.99 ? 0.99 : done);
}

/* BEFORE: the store's size, of which a part may stand in its log. */
static void vacuum_begin(struct vacuum *v, struct client *c, int64_t pid, int64_t before)
{
    *v = (struct vacuum){.c = c, .bytes_before = before};
    snprintf(v->io_path, sizeof v->io_path, "/proc/%" PRId64 "/io", pid);
    v->written_before = written_by(v->io_path);
    progress_begin(&v->progress, &c->term, "vacuum");
}

static int vacuum_end(struct vacuum *v, int r, const struct td_err *err)
{
    char before[WORDS_BYTES], after[WORDS_BYTES];
    progress_end(&v->progress);
    if (r < 0)
        return client_errno(r, err);
    return client_say("%s: %s, was %s", v->c->place.store,
                      words_bytes(after, size_of(v->c->place.store)),
                      words_bytes(before, v->bytes_before));
}

static void on_vacuumed(void *ctx, int result, const struct td_err *err)
{
    struct vacuum *v = ctx;
    v->result = result;
    if (err)
        v->err = *err;
    ev_break(v->loop, EVBREAK_ALL);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    vacuum_tick(w->data);
}

/* No daemon runs: this process is the writer for as long as it takes. */
static int vacuum_here(struct client *c)
{
    struct store *store = NULL;
    struct vacuum v;
    struct td_err err;
    struct store_conf conf = {.path = c->place.store, .no_upkeep = true};
    if (access(conf.path, F_OK) < 0)
        return client_fail(EX_NOINPUT, "there is no store %s", conf.path);
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    int r = store_open(&store, loop, &conf, &err);
    if (r < 0) {
        ev_loop_destroy(loop);
        return client_errno(r, &err);
    }
    vacuum_begin(&v, c, getpid(), size_of(conf.path));
    v.loop = loop;
    ev_timer timer;
    ev_timer_init(&timer, on_timer, 0.2, 0.2);
    timer.data = &v;
    ev_timer_start(loop, &timer);
    store_vacuum(store, on_vacuumed, &v);
    ev_run(loop, 0);
    ev_timer_stop(loop, &timer);
    store_close(store, 5000);
    ev_loop_destroy(loop);
    return vacuum_end(&v, v.result, &v.err);
}

static void tick_elsewhere(void *ctx)
{
    progress_at(ctx, -1);
}

static int vacuum_elsewhere(struct client *c)
{
    struct td_err err;
    struct progress p;
    progress_begin(&p, &c->term, "vacuum");
    int r = api_call_long(c->place.socket, "POST", "/v1/vacuum", NULL, tick_elsewhere, &p, NULL,
                          &err);
    progress_end(&p);
    return r < 0 ? client_errno(r, &err) : client_say("%s: done\n", c->place.socket);
}

static int run_vacuum(struct client *c)
{
    struct td_err err;
    json_t *status = NULL;
    int r = api_call(c->place.socket, "GET", "/v1/status", NULL, &status, &err);
    if (r == -ECONNREFUSED && c->place.store)
        return vacuum_here(c);
    if (r < 0)
        return json_decref(status), client_errno(r, &err);
    if (!c->place.store) {
        json_decref(status);
        return vacuum_elsewhere(c);
    }
    struct vacuum v;
    struct store_counts n;
    source_counts_of(status, &n);
    vacuum_begin(&v, c, json_integer_value(json_object_get(status, "pid")), n.db_bytes);
    json_decref(status);
    r = api_call_long(c->place.socket, "POST", "/v1/vacuum", NULL, vacuum_tick, &v, NULL, &err);
    return vacuum_end(&v, r, &err);
}

const struct command cmd_vacuum = {
    .name = "vacuum",
    .operands = "",
    .help = "Gives the space of deleted items back to the file system",
    .details =
        "Rewrites the whole store: takes a while, and needs as much free space again. A daemon\n"
        "that runs does it itself and writes nothing else meanwhile.",
    .opts = no_opts,
    .run = run_vacuum,
};
