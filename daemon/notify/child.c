#include "notify/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/command.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

struct child {
    struct child_conf conf;
    char *name;    /* argv[0] */
    ev_io in, out; /* fd -1 = closed */
    ev_child watch;
    ev_timer deadline; /* or, of a command that could not be started, the next turn of the loop */
    pid_t group;       /* 0 = none */
    size_t written;
    struct buf words; /* the end of what it said */
    struct td_err err;
};

static void close_pipe(struct child *c, ev_io *w)
{
    ev_io_stop(c->conf.loop, w);
    mem_close_p(&w->fd);
    w->fd = -1;
}

static void child_free(struct child *c)
{
    ev_timer_stop(c->conf.loop, &c->deadline);
    ev_child_stop(c->conf.loop, &c->watch);
    close_pipe(c, &c->in);
    close_pipe(c, &c->out);
    buf_free(&c->words);
    free(c->name);
    free(c);
}

void child_cancel(struct child *c)
{
    if (!c)
        return;
    if (c->group)
        kill(-c->group, SIGKILL); /* libev's default loop reaps it */
    child_free(c);
}

static void finish(struct child *c, int result)
{
    c->conf.done(c->conf.ctx, result, result < 0 ? &c->err : NULL);
    child_free(c);
}

/* ---- its stdin and its words ---------------------------------------------------------------- */

static void on_in(struct ev_loop *loop, ev_io *w, int revents)
{
    struct child *c = w->data;
    while (c->written < c->conf.input_len) {
        ssize_t n = write(w->fd, c->conf.input + c->written, c->conf.input_len - c->written);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break; /* it does not read: that is its business, its status counts */
        c->written += (size_t)n;
    }
    close_pipe(c, w);
}

/* What is there now, at most a pipe's worth: it may never stop. */
static void read_words(struct child *c)
{
    char part[LIMIT_EXEC_OUT_BYTES];
    for (int i = 0; i < 65536 / LIMIT_EXEC_OUT_BYTES; i++) {
        ssize_t n = read(c->out.fd, part, sizeof part);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            close_pipe(c, &c->out);
            return;
        }
        if (c->words.len + (size_t)n > c->words.max)
            buf_consume(&c->words, c->words.len + (size_t)n - c->words.max);
        buf_add(&c->words, part, (size_t)n);
    }
}

static void on_out(struct ev_loop *loop, ev_io *w, int revents)
{
    read_words(w->data);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Adds ": last words" to the reason. */
static void add_words(struct child *c)
{
    CLEANUP_BUF struct buf text = BUF_INIT(8 * LIMIT_EXEC_OUT_BYTES);
    const char *p = buf_str(&c->words);
    size_t n = str_trim(&p, c->words.len), len = strlen(c->err.msg);
    if (!n)
        return;
    if (n > LIMIT_EXEC_OUT_BYTES) {
        p += n - LIMIT_EXEC_OUT_BYTES;
        n = LIMIT_EXEC_OUT_BYTES;
    }
    str_add_printable(&text, p, n);
    snprintf(c->err.msg + len, sizeof c->err.msg - len, ": %s", buf_str(&text));
}

static void on_exit_status(struct ev_loop *loop, ev_child *w, int revents)
{
    struct child *c = w->data;
    int status = w->rstatus;
    if (c->out.fd >= 0)
        read_words(c);
    c->group = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        finish(c, 0);
        return;
    }
    if (WIFSIGNALED(status))
        td_err(&c->err, 0, "%s was killed by signal %d (%s)", c->name, WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    else
        td_err(&c->err, 0, "%s ended with exit status %d", c->name, WEXITSTATUS(status));
    add_words(c);
    finish(c, -ECHILD);
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int revents)
{
    struct child *c = t->data;
    char limit[32];
    if (!c->group) { /* it could not be started */
        finish(c, -ENOEXEC);
        return;
    }
    kill(-c->group, SIGKILL);
    td_err(&c->err, 0, "%s did not end within %s", c->name,
           str_duration(limit, sizeof limit, c->conf.timeout_ms));
    add_words(c);
    finish(c, -ETIMEDOUT);
}

/* ---- the start ------------------------------------------------------------------------------ */

static int start(struct child *c)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) < 0)
        return -errno;
    if (pipe2(out, O_CLOEXEC) < 0) {
        int r = -errno;
        close(in[0]);
        close(in[1]);
        return r;
    }
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    int r = command_start(c->conf.argv, c->conf.more, in[0], out[1], out[1], &c->group);
    close(in[0]);
    close(out[1]);
    ev_io_set(&c->in, in[1], EV_WRITE);
    ev_io_set(&c->out, out[0], EV_READ);
    return r;
}

struct child *child_start(const struct child_conf *conf)
{
    struct child *c = xcalloc(1, sizeof *c);
    c->conf = *conf;
    c->name = xstrdup(conf->argv[0]);
    c->words = BUF_INIT(2 * LIMIT_EXEC_OUT_BYTES);
    ev_init(&c->in, on_in);
    ev_init(&c->out, on_out);
    ev_init(&c->watch, on_exit_status);
    ev_init(&c->deadline, on_deadline);
    c->in.fd = c->out.fd = -1;
    c->in.data = c->out.data = c->watch.data = c->deadline.data = c;
    int r = start(c);
    if (r < 0) {
        c->group = 0;
        td_err(&c->err, 0, "cannot run %s: %s", c->name, strerror(-r));
        ev_timer_set(&c->deadline, 0., 0.);
    } else {
        ev_io_start(conf->loop, &c->in);
        ev_io_start(conf->loop, &c->out);
        ev_child_set(&c->watch, c->group, 0);
        ev_child_start(conf->loop, &c->watch);
        ev_timer_set(&c->deadline, (double)conf->timeout_ms / 1000., 0.);
    }
    ev_now_update(conf->loop);
    ev_timer_start(conf->loop, &c->deadline);
    return c;
}
