/*
 * file: each event's object is a line at the end of a file.
 *
 * A message is one write(2), and is acknowledged when fdatasync(2) has brought it to the disk. The
 * file is opened for each message, so who renames it (logrotate) needs no signal: the next message
 * makes a new one. With `rotate` a file that has grown beyond the size becomes FILE.1, what was
 * FILE.1 becomes FILE.2, up to LIMIT_FILE_ROTATIONS. A write that fails half-way, and a line of
 * ours that a crash cut in the middle, are taken back, so every line is whole; another last line
 * without an end, which somebody else wrote, gets one.
 *
 * Disks may hang, so this runs on a thread of its own for each message; a thread that never comes
 * back is left behind with its part of the memory.
 */
#include "notify/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"

/* Shared by the loop and the thread; who lets go last frees it. */
struct job {
    pthread_mutex_t lock;
    bool wanted, running;
    char *path;
    int64_t rotate_bytes;
    struct buf text;
    struct ev_loop *loop;
    ev_async *ended;
    int result;
    struct td_err err;
};

struct file {
    struct sink base;
    ev_async ended;
    struct job *job;
};

static void job_free(struct job *j)
{
    pthread_mutex_destroy(&j->lock);
    free(j->path);
    buf_free(&j->text);
    free(j);
}

/* ---- on the thread -------------------------------------------------------------------------- */

#define LINE_BYTES (4 * (size_t)LIMIT_ITEM_JSON_BYTES) /* an event's; event_text.c */

/* Where the last line begins of a file of SIZE bytes; SIZE when the last one has its end. */
static int last_line(int fd, off_t size, off_t *ret)
{
    char part[4096];
    *ret = 0;
    for (off_t end = size; end > 0;) {
        off_t from = end > (off_t)sizeof part ? end - (off_t)sizeof part : 0;
        ssize_t n = pread(fd, part, (size_t)(end - from), from);
        if (n != end - from)
            return n < 0 ? -errno : -EIO;
        const char *line = memrchr(part, '\n', (size_t)n);
        if (line) {
            *ret = from + (line + 1 - part);
            return 0;
        }
        end = from;
    }
    return 0;
}

/* Are the N bytes from FROM the beginning of a line of ours, and not all of it? 1 or 0. */
static int is_torn(int fd, off_t from, off_t n)
{
    static const char ours[] = "{\"seq\":";
    if (n > (off_t)LINE_BYTES)
        return 0;
    CLEANUP_FREE char *line = xmalloc((size_t)n);
    ssize_t got = pread(fd, line, (size_t)n, from);
    if (got != n)
        return got < 0 ? -errno : -EIO;
    if (memcmp(line, ours, MIN((size_t)n, sizeof ours - 1)) != 0)
        return 0;
    json_t *whole = json_loadb(line, (size_t)n, 0, NULL);
    json_decref(whole);
    return !whole;
}

/* A crash left it in the middle of a line of ours: that goes. Any other last line without an end
 * gets one. *RET: the size. */
static int repair(int fd, off_t *ret)
{
    off_t size = lseek(fd, 0, SEEK_END), line = size;
    int r = size < 0 ? -errno : last_line(fd, size, &line);
    if (r < 0)
        return r;
    *ret = size;
    if (line == size)
        return 0;
    if ((r = is_torn(fd, line, size - line)) < 0)
        return r;
    *ret = r ? line : size + 1;
    if (!r)
        return io_write_all(fd, "\n", 1);
    return ftruncate(fd, line) < 0 ? -errno : 0;
}

static void rotate(const char *path)
{
    for (int i = LIMIT_FILE_ROTATIONS; i > 0; i--) {
        CLEANUP_FREE char *to = xasprintf("%s.%d", path, i);
        CLEANUP_FREE char *from = i > 1 ? xasprintf("%s.%d", path, i - 1) : xstrdup(path);
        rename(from, to); /* the older ones may not be there */
    }
}

/* The entry of a new file in its folder. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    CLEANUP_FREE char *dir = slash ? xstrndup(path, MAX((size_t)(slash - path), 1u)) : xstrdup(".");
    CLEANUP_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        fsync(fd);
}

static int append(struct job *j)
{
    struct stat st;
    off_t size;
    if (j->rotate_bytes && stat(j->path, &st) == 0 && st.st_size >= j->rotate_bytes)
        rotate(j->path);
    bool is_new = access(j->path, F_OK) < 0;
    CLEANUP_CLOSE int fd = open(j->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return -EINVAL;
    if (flock(fd, LOCK_EX) < 0) /* a message that was cancelled may still be writing */
        return -errno;
    int r = repair(fd, &size);
    if (r < 0)
        return r;
    r = io_write_all(fd, buf_str(&j->text), j->text.len);
    if (r == 0 && fdatasync(fd) < 0)
        r = -errno;
    if (r == 0 && is_new)
        sync_folder(j->path);
    if (r < 0 && ftruncate(fd, size) < 0)
        r = -EIO;
    return r;
}

static void *thread_main(void *arg)
{
    struct job *j = arg;
    int r = append(j);
    pthread_mutex_lock(&j->lock);
    j->running = false;
    j->result = r;
    bool wanted = j->wanted;
    if (wanted)
        ev_async_send(j->loop, j->ended); /* under the lock: the sink cannot go meanwhile */
    pthread_mutex_unlock(&j->lock);
    if (!wanted)
        job_free(j);
    return NULL;
}

/* ---- on the loop ---------------------------------------------------------------------------- */

static void on_ended(struct ev_loop *loop, ev_async *w, int revents)
{
    struct file *f = w->data;
    struct job *j = f->job;
    struct td_err err;
    if (!j)
        return;
    pthread_mutex_lock(&j->lock);
    bool running = j->running; /* an older wake-up, of a job that was cancelled */
    pthread_mutex_unlock(&j->lock);
    if (running)
        return;
    int r = j->result;
    td_err(&err, 0, "%s: %s", j->path,
           r == -EINVAL ? "it is no ordinary file"
           : r < 0      ? strerror(-r)
                        : "");
    job_free(TAKE(f->job));
    ev_async_stop(loop, w);
    sink_answer(&f->base, r < 0 ? DELIVERY_FAILED : DELIVERY_ACK, TD_NEVER, r < 0 ? &err : NULL);
}

static void file_send(struct sink *s, const struct sink_message *m)
{
    struct file *f = (struct file *)s;
    struct job *j = f->job = xcalloc(1, sizeof *j);
    pthread_attr_t attr;
    pthread_t thread;
    pthread_mutex_init(&j->lock, NULL);
    j->wanted = j->running = true;
    j->path = xstrdup(s->conf->target);
    j->rotate_bytes = s->conf->rotate_bytes;
    j->loop = s->env->loop;
    j->ended = &f->ended;
    j->text = BUF_INIT(SIZE_MAX / 2); /* the queue of the delivery has bounds */
    for (int i = 0; i < m->n; i++) {
        buf_add(&j->text, m->events[i].json, m->events[i].json_len);
        buf_addc(&j->text, '\n');
    }
    ev_async_start(s->env->loop, &f->ended);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, thread_main, j) != 0) {
        j->running = false; /* too many: told as a failure, tried again */
        j->result = -EAGAIN;
        ev_async_send(s->env->loop, &f->ended);
    }
    pthread_attr_destroy(&attr);
}

static void file_cancel(struct sink *s)
{
    struct file *f = (struct file *)s;
    struct job *j = TAKE(f->job);
    if (!j)
        return;
    ev_async_stop(s->env->loop, &f->ended);
    pthread_mutex_lock(&j->lock);
    j->wanted = false;
    bool running = j->running;
    pthread_mutex_unlock(&j->lock);
    if (!running)
        job_free(j);
}

static void file_free(struct sink *s)
{
    free(s);
}

static struct sink *file_make(const struct sink_env *env, const struct td_sub_conf *conf)
{
    struct file *f = xcalloc(1, sizeof *f);
    ev_async_init(&f->ended, on_ended);
    f->ended.data = f;
    return &f->base;
}

const struct sink_type sink_file = {file_make, file_send, file_cancel, file_free};
