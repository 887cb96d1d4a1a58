/*
 * exec: a command whose standard output is the feed.
 *
 * It is over when it exits: what it wrote is in the pipe by then. Whatever is left of its group is
 * killed at that moment, and on timeout, too much output and cancel; libev's default loop reaps
 * every child, so nobody has to wait for it.
 */
#include "fetch/fetcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/command.h"
#include "base/mem.h"
#include "base/str.h"

struct command {
    struct fetch base;
    ev_io out, err; /* fd -1 = closed */
    ev_child child;
    ev_timer deadline;
    pid_t group;      /* 0 = none */
    struct buf words; /* the end of its stderr */
};

static void close_pipe(struct command *c, ev_io *w)
{
    ev_io_stop(c->base.fetcher->loop, w);
    mem_close_p(&w->fd);
    w->fd = -1;
}

static void exec_stop(struct fetch *h)
{
    struct command *c = (struct command *)h;
    ev_timer_stop(h->fetcher->loop, &c->deadline);
    ev_child_stop(h->fetcher->loop, &c->child);
    close_pipe(c, &c->out);
    close_pipe(c, &c->err);
    if (c->group)
        kill(-c->group, SIGKILL);
    buf_free(&c->words);
}

/* The last words on stderr as the tail of a sentence; "" when it said nothing. Borrowed from TEXT.
 */
static const char *last_words(const struct command *c, struct buf *text)
{
    const char *p = buf_str(&c->words);
    size_t n = str_trim(&p, c->words.len);
    if (!n)
        return "";
    if (n > LIMIT_EXEC_WORDS_BYTES) {
        p += n - LIMIT_EXEC_WORDS_BYTES;
        n = LIMIT_EXEC_WORDS_BYTES;
    }
    buf_adds(text, ": ");
    str_add_printable(text, p, n);
    return buf_str(text);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* What is there now: 1 more may come, 0 end, -EFBIG. */
static int read_out(struct command *c)
{
    char part[65536];
    for (;;) {
        ssize_t n = read(c->out.fd, part, sizeof part);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0)
            return 0;
        if (buf_add(&c->base.result.body, part, (size_t)n) < 0)
            return -EFBIG;
    }
}

static void fail_too_large(struct command *c)
{
    buf_free(&c->base.result.body);
    fetch_fail(&c->base, TD_OUT_TOO_LARGE, "%s wrote more than max-body (%zu bytes)",
               c->base.req->argv[0], c->base.req->max_body_bytes);
}

static void on_out(struct ev_loop *loop, ev_io *w, int revents)
{
    struct command *c = w->data;
    int r = read_out(c);
    if (r == 0)
        close_pipe(c, w);
    else if (r < 0)
        fail_too_large(c);
}

/* The same for stderr, of which the end is kept; at most a pipe's worth, it may never stop. */
static int read_err(struct command *c)
{
    char part[LIMIT_EXEC_WORDS_BYTES];
    for (int i = 0; i < 65536 / LIMIT_EXEC_WORDS_BYTES; i++) {
        ssize_t n = read(c->err.fd, part, sizeof part);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0)
            return 0;
        if (c->words.len + (size_t)n > c->words.max)
            buf_consume(&c->words, c->words.len + (size_t)n - c->words.max);
        buf_add(&c->words, part, (size_t)n);
    }
    return 1;
}

static void on_err(struct ev_loop *loop, ev_io *w, int revents)
{
    struct command *c = w->data;
    if (read_err(c) == 0)
        close_pipe(c, w);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void judge_exit(struct command *c, int status)
{
    struct fetch *h = &c->base;
    const char *name = h->req->argv[0];
    CLEANUP_BUF struct buf text = BUF_INIT(8 * LIMIT_EXEC_WORDS_BYTES);
    const char *words = last_words(c, &text);
    h->result.wire_bytes = h->result.body.len;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && h->result.body.len) {
        h->result.outcome = TD_OUT_OK;
        fetch_finish(h);
        return;
    }
    buf_free(&h->result.body);
    if (WIFSIGNALED(status))
        fetch_fail(h, TD_OUT_SOURCE, "%s was killed by signal %d (%s)%s", name, WTERMSIG(status),
                   strsignal(WTERMSIG(status)), words);
    else if (WEXITSTATUS(status))
        fetch_fail(h, TD_OUT_SOURCE, "%s ended with exit status %d%s", name, WEXITSTATUS(status),
                   words);
    else
        fetch_fail(h, TD_OUT_INCOMPLETE, "%s wrote nothing%s", name, words);
}

static void on_child(struct ev_loop *loop, ev_child *w, int revents)
{
    struct command *c = w->data;
    if (c->err.fd >= 0)
        read_err(c);
    if (c->out.fd >= 0 && read_out(c) < 0)
        fail_too_large(c);
    else
        judge_exit(c, w->rstatus);
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int revents)
{
    struct command *c = t->data;
    char limit[32];
    CLEANUP_BUF struct buf text = BUF_INIT(8 * LIMIT_EXEC_WORDS_BYTES);
    const char *words = last_words(c, &text);
    buf_free(&c->base.result.body);
    fetch_fail(&c->base, TD_OUT_TIMEOUT, "%s did not end within %s%s", c->base.req->argv[0],
               str_duration(limit, sizeof limit, c->base.req->timeout_ms), words);
}

/* ---- the start ------------------------------------------------------------------------------ */

/* A pipe of which we read one end without blocking. */
static int make_pipe(int *ret_read, int *ret_write)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) < 0)
        return -errno;
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    *ret_read = fd[0];
    *ret_write = fd[1];
    return 0;
}

void exec_start(struct fetch *h)
{
    struct command *c = (struct command *)h;
    struct ev_loop *loop = h->fetcher->loop;
    CLEANUP_CLOSE int out = -1;
    CLEANUP_CLOSE int err = -1;
    int r = make_pipe(&c->out.fd, &out);
    if (r == 0)
        r = make_pipe(&c->err.fd, &err);
    if (r == 0)
        r = command_start(h->req->argv, NULL, -1, out, err, &c->group);
    if (r < 0) {
        fetch_fail(h, TD_OUT_SOURCE, "cannot run %s: %s", h->req->argv[0], strerror(-r));
        return;
    }
    ev_io_set(&c->out, c->out.fd, EV_READ);
    ev_io_set(&c->err, c->err.fd, EV_READ);
    ev_io_start(loop, &c->out);
    ev_io_start(loop, &c->err);
    ev_child_set(&c->child, c->group, 0);
    ev_child_start(loop, &c->child);
    ev_timer_set(&c->deadline, (double)h->req->timeout_ms / 1000., 0.);
    ev_timer_start(loop, &c->deadline);
}

struct fetch *exec_new(void)
{
    struct command *c = xcalloc(1, sizeof *c);
    c->base.stop = exec_stop;
    c->words = BUF_INIT(2 * LIMIT_EXEC_WORDS_BYTES);
    ev_init(&c->out, on_out);
    ev_init(&c->err, on_err);
    ev_init(&c->child, on_child);
    ev_init(&c->deadline, on_deadline);
    c->out.fd = c->err.fd = -1;
    c->out.data = c->err.data = c->child.data = c->deadline.data = c;
    return &c->base;
}
