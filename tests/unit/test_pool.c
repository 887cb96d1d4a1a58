/* The pool with a double of the parser: this program is its own child (--parser-child), and the
 * document's text says what the child does with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/child.h"
#include "parse/frame.h"
#include "parse/launch.h"
#include "parse/parse.h"
#include "parse/pool.h"
#include "parse/sandbox.h"

/* ---- the double: runs in the child ---------------------------------------------------------- */

static void answer_raw(uint32_t kind, uint32_t len, const void *p, size_t n)
{
    struct frame_answer a = {kind, len};
    if (write(FRAME_FD, &a, sizeof a) < 0 || (n && write(FRAME_FD, p, n) < 0))
        _exit(9);
}

static void work_ms(int64_t ms)
{
    for (int64_t end = clock_mono_ms() + ms; clock_mono_ms() < end;)
        continue;
}

/* What a taken-over parser might try. */
static void forbidden(const char *what)
{
    int v[2];
    char *argv[] = {NULL};
    if (str_eq(what, "open"))
        syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
    else if (str_eq(what, "socket"))
        syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    else if (str_eq(what, "exec"))
        syscall(SYS_execve, "/bin/true", argv, argv);
    else if (str_eq(what, "fork"))
        syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    else if (str_eq(what, "kill"))
        syscall(SYS_kill, getpid(), 0);
    else if (str_eq(what, "tgkill"))
        syscall(SYS_tgkill, 1, 1, SIGABRT);
    else if (str_eq(what, "pipe"))
        syscall(SYS_pipe2, v, 0);
    else if (str_eq(what, "dup"))
        syscall(SYS_dup, FRAME_FD);
    else if (str_eq(what, "read-stdin"))
        syscall(SYS_read, 0, v, 1);
    else if (str_eq(what, "exec-memory"))
        syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    else if (str_eq(what, "mprotect"))
        syscall(SYS_mprotect, NULL, 0, PROT_READ | PROT_EXEC);
    else if (str_eq(what, "prlimit"))
        syscall(SYS_prlimit64, 0, RLIMIT_AS, NULL, NULL);
    else if (str_eq(what, "ioctl"))
        syscall(SYS_ioctl, FRAME_FD, 0, 0);
    else if (str_eq(what, "ptrace"))
        syscall(SYS_ptrace, 0, 0, 0, 0);
}

static const char *const forbidden_calls[] = {
    "open", "socket",     "exec",        "fork",     "kill",    "tgkill", "pipe",
    "dup",  "read-stdin", "exec-memory", "mprotect", "prlimit", "ioctl",  "ptrace",
};

static void lie(const char *how)
{
    if (str_eq(how, "kind"))
        answer_raw(77, 0, NULL, 0);
    else if (str_eq(how, "ready"))
        answer_raw(FRAME_READY, 0, NULL, 0);
    else if (str_eq(how, "length"))
        answer_raw(FRAME_BATCH, LIMIT_WIRE_BYTES + 1, NULL, 0);
    else if (str_eq(how, "batch"))
        answer_raw(FRAME_BATCH, 10, "0123456789", 10);
    else if (str_eq(how, "empty"))
        answer_raw(FRAME_BATCH, 0, NULL, 0);
    else if (str_eq(how, "reason"))
        answer_raw(FRAME_NOT_FEED, 3, "abc", 3);
    else if (str_eq(how, "link"))
        answer_raw(FRAME_NOT_FEED, 12, "why\0http://x", 12);
    else if (str_eq(how, "links"))
        answer_raw(FRAME_TOO_LARGE, 10, "why\0u\tt\tt", 10);
    else if (str_eq(how, "short"))
        answer_raw(FRAME_BATCH, 1000, "x", 1);
    work_ms(1000000);
}

static const char *const lies[] = {
    "kind", "ready", "length", "batch", "empty", "reason", "link", "links", "short",
};

static volatile int *volatile nowhere = (volatile int *)64;

static void misbehave(const char *word, const char *arg)
{
    if (str_eq(word, "crash"))
        *nowhere = 1;
    else if (str_eq(word, "abort"))
        abort();
    else if (str_eq(word, "hang"))
        work_ms(1000000);
    else if (str_eq(word, "slow"))
        work_ms(atoi(arg));
    else if (str_eq(word, "exit"))
        _exit(7);
    else if (str_eq(word, "eat"))
        for (;;)
            memset(xmalloc(16 << 20), 1, 16 << 20);
    else if (str_eq(word, "forbidden"))
        forbidden(arg);
    else if (str_eq(word, "lie"))
        lie(arg);
}

/* A batch that shows what the child saw; its title is the child's process id. */
static struct td_batch *echo(const struct parse_in *in)
{
    struct td_batch *b = td_batch_new();
    b->format = "rss20";
    b->title = arena_printf(&b->arena, "%d", (int)getpid());
    b->home_page_url = in->base_url ? arena_strdup(&b->arena, in->base_url) : NULL;
    b->entries = arena_zalloc(&b->arena, sizeof *b->entries);
    b->n_entries = 1;
    struct td_entry *e = b->entries;
    e->id = "1";
    e->author = in->content_type ? arena_strdup(&b->arena, in->content_type) : NULL;
    e->language = in->link ? arena_strdup(&b->arena, in->link) : NULL;
    CLEANUP_BUF struct buf json = BUF_INIT(LIMIT_ITEM_JSON_BYTES);
    buf_adds(&json, "{\"id\":\"1\",\"content_text\":\"");
    buf_add(&json, in->bytes, in->n);
    buf_adds(&json, "\"}");
    e->json_len = json.len;
    e->json = arena_strndup(&b->arena, json.data, json.len);
    return b;
}

int parse_feed(const struct parse_in *in, struct td_batch **ret, struct td_err *err)
{
    char text[40] = "";
    memcpy(text, in->bytes, MIN(in->n, sizeof text - 1));
    char *arg = strchr(text, ' ');
    if (arg)
        *arg++ = 0;
    misbehave(text, arg ? arg : "");
    if (str_eq(text, "page"))
        return td_err(err, -ENOMSG, "an HTML page\x1b[31m");
    if (str_eq(text, "large"))
        return td_err(err, -EFBIG, "5001 items");
    *ret = echo(in);
    if (str_eq(text, "chatter"))
        answer_raw(FRAME_NOT_FEED, 1, "", 1); /* and then the batch, unasked */
    return 0;
}

size_t parse_discover(const struct parse_in *in, struct arena *arena, struct discovered *ret,
                      size_t max)
{
    if (max < 2)
        return 0;
    ret[0] = (struct discovered){"http://x/feed", "One\ttab", "application/rss+xml"};
    ret[1] = (struct discovered){"http://x/atom", NULL, NULL};
    return 2;
}

/* ---- the test's side ------------------------------------------------------------------------ */

struct place {
    struct ev_loop *loop;
    struct pool *pool;
    char dir[64], folder[80];
    ev_timer guard;
    int n_answers, wanted;
    bool urgent; /* what is submitted is */
};

struct seen {
    struct place *place;
    int n; /* answers to this job */
    enum pool_status status;
    char msg[1024];
    char links[256];
    int pid;
    struct td_batch *batch;
};

static void on_guard(struct ev_loop *loop, ev_timer *w, int revents)
{
    fail_msg("no answer within 30 s");
}

static int set_up(void **state)
{
    struct place *p = xcalloc(1, sizeof *p);
    p->loop = ev_default_loop(0);
    strcpy(p->dir, "/tmp/tidings-pool-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->folder, sizeof p->folder, "%s/quarantine", p->dir);
    ev_timer_init(&p->guard, on_guard, 30, 0);
    ev_timer_start(p->loop, &p->guard);
    *state = p;
    return 0;
}

static size_t kept(struct place *p, bool remove)
{
    size_t n = 0;
    DIR *d = opendir(p->folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_type != DT_REG)
            continue;
        n++;
        if (remove)
            unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
    return n;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char exe[100];
    ev_timer_stop(p->loop, &p->guard);
    pool_free(p->pool);
    kept(p, true);
    rmdir(p->folder);
    snprintf(exe, sizeof exe, "%s/exe", p->dir);
    unlink(exe);
    rmdir(p->dir);
    free(p);
    return 0;
}

static void make_pool(struct place *p, struct pool_conf conf)
{
    struct td_err err = {""};
    conf.children = conf.children ? conf.children : 1;
    conf.exe = conf.exe ? conf.exe : "/proc/self/exe";
    conf.quarantine = p->folder;
    p->pool = pool_new(p->loop, &conf, &err);
    assert_non_null(p->pool);
}

static void on_done(void *ctx, struct pool_answer *a)
{
    struct seen *s = ctx;
    s->n++;
    s->status = a->status;
    s->batch = a->batch;
    s->pid = a->batch ? atoi(a->batch->title) : 0;
    strcpy(s->msg, a->err.msg);
    s->links[0] = 0;
    for (char **l = a->links; l && *l; l++) {
        strncat(s->links, *l, sizeof s->links - strlen(s->links) - 2);
        strcat(s->links, "|");
    }
    if (++s->place->n_answers >= s->place->wanted)
        ev_break(s->place->loop, EVBREAK_ONE);
}

static struct pool_job *submit_bytes(struct place *p, struct seen *s, const char *bytes, size_t n)
{
    struct pool_request req = {
        .body = BUF_INIT(64u << 20),
        .base_url = "http://localhost/feed",
        .content_type = "text/xml",
        .feed = "a feed",
        .want_discovery = true,
        .urgent = p->urgent,
    };
    buf_add(&req.body, bytes, n);
    *s = (struct seen){.place = p};
    struct pool_job *j = pool_submit(p->pool, &req, on_done, s);
    assert_null(req.body.data); /* taken */
    assert_int_equal(s->n, 0);  /* never from within */
    return j;
}

static struct pool_job *submit(struct place *p, struct seen *s, const char *text)
{
    return submit_bytes(p, s, text, strlen(text));
}

static void await(struct place *p, int n)
{
    p->n_answers = 0;
    p->wanted = n;
    ev_run(p->loop, 0);
    assert_int_equal(p->n_answers, n);
}

static void forget(struct seen *s)
{
    td_batch_free(TAKE(s->batch));
}

/* One document alone; the batch is freed. */
static struct seen one(struct place *p, const char *text)
{
    struct seen s;
    submit(p, &s, text);
    await(p, 1);
    assert_int_equal(s.n, 1);
    forget(&s);
    return s;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void there_and_back(void **state)
{
    struct place *p = *state;
    struct seen s;
    make_pool(p, (struct pool_conf){0});
    assert_false(pool_busy(p->pool));
    submit(p, &s, "hello");
    assert_true(pool_busy(p->pool));
    await(p, 1);
    assert_int_equal(s.status, POOL_OK);
    assert_string_equal(s.batch->home_page_url, "http://localhost/feed");
    assert_string_equal(s.batch->entries[0].author, "text/xml");
    assert_null(s.batch->entries[0].language);
    assert_string_equal(s.batch->entries[0].json, "{\"id\":\"1\",\"content_text\":\"hello\"}");
    assert_int_not_equal(s.pid, getpid());
    forget(&s);
    submit_bytes(p, &s, "", 0);
    await(p, 1);
    assert_int_equal(s.status, POOL_OK);
    forget(&s);
    assert_false(pool_busy(p->pool));
    assert_true(clock_mono_ms() - pool_progress_at(p->pool) < 10000);
}

/* Far beyond what a socket buffer holds, in both directions. */
static void big_document(void **state)
{
    struct place *p = *state;
    struct seen s;
    size_t n = 3 << 20;
    CLEANUP_FREE char *text = xmalloc(n);
    memset(text, 'x', n);
    make_pool(p, (struct pool_conf){0});
    submit_bytes(p, &s, text, n);
    await(p, 1);
    assert_int_equal(s.status, POOL_OK);
    assert_int_equal(s.batch->entries[0].json_len,
                     n + strlen("{\"id\":\"1\",\"content_text\":\"\"}"));
    forget(&s);
}

static void not_a_feed(void **state)
{
    struct place *p = *state;
    make_pool(p, (struct pool_conf){0});
    struct seen s = one(p, "page");
    assert_int_equal(s.status, POOL_NOT_A_FEED);
    assert_true(str_starts(s.msg, "an HTML page"));
    assert_null(strchr(s.msg, 0x1b));
    assert_string_equal(s.links, "http://x/feed\tapplication/rss+xml\tOne tab|http://x/atom\t\t|");
    s = one(p, "large");
    assert_int_equal(s.status, POOL_TOO_LARGE);
    assert_string_equal(s.msg, "5001 items");
    assert_string_equal(s.links, "");
    assert_int_equal(kept(p, false), 0);
}

/* One child: the document that kills it is the only one that fails. */
static void crash_costs_one_job(void **state)
{
    struct place *p = *state;
    struct seen s[9];
    make_pool(p, (struct pool_conf){0});
    for (int i = 0; i < 9; i++)
        submit(p, s + i, i % 3 == 1 ? "crash" : "fine");
    await(p, 9);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(s[i].n, 1);
        assert_int_equal(s[i].status, i % 3 == 1 ? POOL_DIED : POOL_OK);
        forget(s + i);
    }
    if (sandbox_is_full())
        assert_non_null(strstr(s[1].msg, "died by SIGSEGV"));
    assert_non_null(strstr(s[1].msg, p->folder));
    assert_int_equal(kept(p, false), 1); /* the same bytes thrice */
}

static void neighbours_are_unaffected(void **state)
{
    struct place *p = *state;
    struct seen slow, bad[3];
    make_pool(p, (struct pool_conf){.children = 2});
    submit(p, &slow, "slow 300");
    submit(p, bad, "crash 1");
    submit(p, bad + 1, "exit 2");
    submit(p, bad + 2, "abort 3");
    await(p, 4);
    assert_int_equal(slow.status, POOL_OK);
    forget(&slow);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bad[i].status, POOL_DIED);
    assert_non_null(strstr(bad[1].msg, "exited with status 7"));
    assert_non_null(strstr(bad[2].msg, "SIGABRT"));
    assert_int_equal(kept(p, false), 3);
}

static void deadline_kills(void **state)
{
    struct place *p = *state;
    make_pool(p, (struct pool_conf){.deadline_ms = 200});
    int64_t from = clock_mono_ms();
    struct seen s = one(p, "hang");
    assert_int_equal(s.status, POOL_DIED);
    assert_non_null(strstr(s.msg, "longer than 200 ms"));
    assert_true(clock_mono_ms() - from < 5000);
    assert_int_equal(kept(p, false), 1);
    assert_int_equal(one(p, "fine").status, POOL_OK);
}

static void lies_are_seen(void **state)
{
    struct place *p = *state;
    char text[40];
    make_pool(p, (struct pool_conf){.deadline_ms = 2000});
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        snprintf(text, sizeof text, "lie %s", lies[i]);
        struct seen s = one(p, text);
        assert_int_equal(s.status, POOL_DIED);
        const char *why = str_eq(lies[i], "short") ? "longer than" : "answer is damaged";
        if (!strstr(s.msg, why))
            fail_msg("%s: %s", text, s.msg);
    }
    assert_int_equal(one(p, "fine").status, POOL_OK);
    struct seen s = one(p, "chatter"); /* its second answer finds nobody waiting */
    assert_int_equal(s.status, POOL_NOT_A_FEED);
    s = one(p, "fine");
    assert_true(s.status == POOL_OK || s.status == POOL_DIED);
}

static void memory_is_limited(void **state)
{
    struct place *p = *state;
    if (!sandbox_is_full())
        skip();
    make_pool(p, (struct pool_conf){0});
    struct seen s = one(p, "eat");
    assert_int_equal(s.status, POOL_DIED);
    assert_non_null(strstr(s.msg, "SIGABRT (out of memory"));
}

static void forbidden_calls_kill(void **state)
{
    struct place *p = *state;
    char text[40];
    if (!sandbox_is_full())
        skip();
    make_pool(p, (struct pool_conf){0});
    for (size_t i = 0; i < ARRAY_SIZE(forbidden_calls); i++) {
        snprintf(text, sizeof text, "forbidden %s", forbidden_calls[i]);
        struct seen s = one(p, text);
        if (s.status != POOL_DIED || !strstr(s.msg, "SIGSYS"))
            fail_msg("%s: status %d, %s", text, s.status, s.msg);
    }
}

/* A child has /dev/null thrice and its socket, whatever the daemon has open. */
static void nothing_is_inherited(void **state)
{
    struct place *p = *state;
    char path[64], to[128];
    if (!sandbox_is_full() || geteuid() != 0) /* /proc/PID/fd of an undumpable process */
        skip();
    int fd = open("/", O_RDONLY); /* not close-on-exec */
    make_pool(p, (struct pool_conf){0});
    struct seen s = one(p, "fine");
    for (int i = 0; i < 64; i++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", s.pid, i);
        ssize_t n = readlink(path, to, sizeof to - 1);
        to[MAX(n, 0)] = 0;
        if (i < 3)
            assert_string_equal(to, "/dev/null");
        else if (i == FRAME_FD)
            assert_true(str_starts(to, "socket:"));
        else
            assert_int_equal(n, -1);
    }
    close(fd);
}

/* What ends the daemon does not end the children before it. */
static void signals_of_the_group(void **state)
{
    struct place *p = *state;
    struct seen s;
    make_pool(p, (struct pool_conf){0});
    int pid = one(p, "fine").pid;
    submit(p, &s, "slow 100");
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(kill(pid, SIGINT), 0);
    assert_int_equal(kill(pid, SIGHUP), 0);
    await(p, 1);
    assert_int_equal(s.status, POOL_OK);
    assert_int_equal(s.pid, pid);
    forget(&s);
}

/* Children come when jobs wait, up to the limit, and are used again. */
static void started_when_needed(void **state)
{
    struct place *p = *state;
    struct seen s[6];
    make_pool(p, (struct pool_conf){.children = 2});
    int first = one(p, "fine").pid;
    for (int i = 0; i < 5; i++)
        assert_int_equal(one(p, "fine").pid, first);
    for (int i = 0; i < 6; i++)
        submit(p, s + i, "slow 60");
    assert_int_equal(pool_waiting(p->pool), 5);
    await(p, 6);
    int other = 0;
    for (int i = 0; i < 6; i++) {
        if (s[i].pid != first && other)
            assert_int_equal(s[i].pid, other);
        if (s[i].pid != first)
            other = s[i].pid;
        forget(s + i);
    }
    assert_int_not_equal(other, 0);
    assert_int_equal(pool_waiting(p->pool), 0);
}

static void replaced_after_jobs(void **state)
{
    struct place *p = *state;
    int pids[9];
    make_pool(p, (struct pool_conf){.max_jobs = 3});
    for (int i = 0; i < 9; i++) {
        struct seen s = one(p, "fine");
        assert_int_equal(s.status, POOL_OK);
        pids[i] = s.pid;
        assert_true(i % 3 == 0 || pids[i] == pids[i - 1]);
        assert_true(i % 3 != 0 || i == 0 || pids[i] != pids[i - 1]);
    }
    assert_int_equal(kept(p, false), 0);
}

static void cancelling(void **state)
{
    struct place *p = *state;
    struct seen running, waiting, last;
    make_pool(p, (struct pool_conf){0});
    assert_int_equal(one(p, "fine").status, POOL_OK);
    struct pool_job *a = submit(p, &running, "slow 50");
    struct pool_job *b = submit(p, &waiting, "fine");
    submit(p, &last, "fine");
    pool_cancel(a);
    pool_cancel(b);
    assert_int_equal(pool_waiting(p->pool), 1);
    await(p, 1);
    assert_int_equal(running.n + waiting.n, 0);
    assert_int_equal(last.status, POOL_OK);
    forget(&last);
}

static void back_pressure(void **state)
{
    struct place *p = *state;
    size_t n = LIMIT_POOL_BYTES / 4;
    struct seen s[4];
    CLEANUP_FREE char *text = xmalloc(n);
    memset(text, 'x', n);
    memcpy(text, "page ", 5);
    make_pool(p, (struct pool_conf){0});
    for (int i = 0; i < 4; i++) {
        assert_true(pool_has_room(p->pool));
        submit_bytes(p, s + i, text, n);
    }
    assert_false(pool_has_room(p->pool));
    await(p, 4);
    assert_int_equal(s[3].status, POOL_NOT_A_FEED);
    assert_false(pool_busy(p->pool));
    assert_true(pool_has_room(p->pool));
}

/* Makes DIR/exe a copy of this program, whole before it is there. */
static void copy_self(struct place *p, mode_t mode)
{
    char exe[100], new[110], block[65536];
    snprintf(exe, sizeof exe, "%s/exe", p->dir);
    snprintf(new, sizeof new, "%s.new", exe);
    CLEANUP_CLOSE int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CLEANUP_CLOSE int to = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    assert_true(from >= 0 && to >= 0);
    for (ssize_t n; (n = read(from, block, sizeof block)) > 0;)
        assert_int_equal(write(to, block, (size_t)n), n);
    assert_int_equal(rename(new, exe), 0);
}

/* No child can be started: that is no feed's fault. What is urgent fails with the reason, without
 * quarantine, the rest waits, and there is no room for more; when the environment is mended, it
 * works again by itself. */
static void broken_environment(void **state)
{
    struct place *p = *state;
    char exe[100];
    struct seen s[5];
    snprintf(exe, sizeof exe, "%s/exe", p->dir);
    copy_self(p, 0600);
    make_pool(p, (struct pool_conf){.children = 2, .exe = exe});
    assert_null(pool_trouble(p->pool));
    for (int i = 0; i < 5; i++) {
        p->urgent = i == 1 || i == 3;
        submit(p, s + i, "fine");
    }
    await(p, 2);
    for (int i = 1; i < 5; i += 2) {
        assert_int_equal(s[i].status, POOL_DIED);
        assert_non_null(strstr(s[i].msg, "no parser can be started"));
        assert_non_null(strstr(s[i].msg, exe));
    }
    assert_int_equal(s[0].n + s[2].n + s[4].n, 0);
    assert_int_equal(pool_waiting(p->pool), 3);
    assert_false(pool_has_room(p->pool));
    assert_false(pool_busy(p->pool)); /* the watchdog is not to blame anybody */
    assert_non_null(strstr(pool_trouble(p->pool), exe));
    assert_int_equal(kept(p, false), 0);

    assert_int_equal(chmod(exe, 0700), 0);
    await(p, 3);
    for (int i = 0; i < 5; i += 2) {
        assert_int_equal(s[i].status, POOL_OK);
        forget(s + i);
    }
    assert_null(pool_trouble(p->pool));
    assert_true(pool_has_room(p->pool));
}

/* A program that ends before it is ready is a failed start too. */
static void dies_at_start(void **state)
{
    struct place *p = *state;
    make_pool(p, (struct pool_conf){.exe = "/bin/false"});
    p->urgent = true;
    struct seen s = one(p, "fine");
    assert_int_equal(s.status, POOL_DIED);
    assert_non_null(strstr(s.msg, "no parser can be started"));
    assert_non_null(strstr(s.msg, "status 1"));
    assert_int_equal(kept(p, false), 0);
    struct td_err err;
    launch_words(&err, W_EXITCODE(FRAME_EX_VERSION, 0));
    assert_non_null(strstr(err.msg, "of another version than tidingsd"));
}

/* An upgrade under a daemon that runs: its next children are still those it was started with. */
static void replaced_on_disk(void **state)
{
    struct place *p = *state;
    char exe[100];
    snprintf(exe, sizeof exe, "%s/exe", p->dir);
    copy_self(p, 0700);
    make_pool(p, (struct pool_conf){.exe = exe, .max_jobs = 1});
    int first = one(p, "fine").pid;
    assert_int_equal(unlink(exe), 0);
    assert_int_equal(symlink("/bin/false", exe), 0);
    struct seen s = one(p, "fine");
    assert_int_equal(s.status, POOL_OK);
    assert_int_not_equal(s.pid, first);
}

static void missing_program(void **state)
{
    struct td_err err = {""};
    struct pool_conf conf = {.children = 1, .exe = "/nowhere/tidings-parser"};
    assert_null(pool_new(ev_default_loop(0), &conf, &err));
    assert_string_equal(err.msg, "the parser /nowhere/tidings-parser cannot be opened: "
                                 "No such file or directory");
}

/* What waits for a parser that cannot be started may be cancelled, or freed with the pool. */
static void waiting_for_a_parser_ends(void **state)
{
    struct place *p = *state;
    struct seen s[3], urgent;
    struct pool_job *jobs[3];
    make_pool(p, (struct pool_conf){.exe = "/bin/false"});
    for (int i = 0; i < 3; i++)
        jobs[i] = submit(p, s + i, "fine");
    p->urgent = true;
    submit(p, &urgent, "fine");
    await(p, 1);
    pool_cancel(jobs[0]);
    pool_cancel(jobs[2]);
    assert_int_equal(pool_waiting(p->pool), 1);
    assert_int_equal(one(p, "fine").status, POOL_DIED);
    assert_int_equal(pool_waiting(p->pool), 1);
}

static void other_loops_are_refused(void **state)
{
    struct td_err err = {""};
    struct ev_loop *loop = ev_loop_new(0);
    struct pool_conf conf = {.children = 1, .exe = "/proc/self/exe"};
    assert_null(pool_new(loop, &conf, &err));
    assert_non_null(strstr(err.msg, "default loop"));
    ev_loop_destroy(loop);
}

/* Freed with a child at work and jobs in the queue: no callback, no child left. */
static void freed_at_work(void **state)
{
    struct place *p = *state;
    struct seen s[3];
    make_pool(p, (struct pool_conf){0});
    int pid = one(p, "fine").pid;
    for (int i = 0; i < 3; i++)
        submit(p, s + i, "hang");
    pool_free(p->pool);
    p->pool = NULL;
    assert_int_equal(s[0].n + s[1].n + s[2].n, 0);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

/* The other end of the socket is gone: the child ends by itself. */
static void daemon_gone(void **state)
{
    int fds[2];
    struct frame_answer ready;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(fds[1], FRAME_FD) < 0)
            _exit(99);
        if (fds[1] == FRAME_FD)
            fcntl(FRAME_FD, F_SETFD, 0);
        execl("/proc/self/exe", "child", FRAME_ARG, (char *)NULL);
        _exit(98);
    }
    close(fds[1]);
    assert_int_equal(recv(fds[0], &ready, sizeof ready, MSG_WAITALL), sizeof ready);
    assert_int_equal(ready.kind, FRAME_READY);
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static long resident_kb(int pid)
{
    char path[64], line[128] = "";
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "r");
    long all = 0, resident = 0;
    if (!f || !fgets(line, sizeof line, f) || sscanf(line, "%ld %ld", &all, &resident) != 2)
        fail_msg("cannot read %s", path);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Big documents leave no more memory behind in the child than it keeps on purpose;
 * the cost of a hand-over is printed. */
static void memory_and_cost(void **state)
{
    struct place *p = *state;
    struct seen s;
    size_t n = 98 << 10, big = 3 << 20;
    CLEANUP_FREE char *text = xmalloc(big);
    memset(text, 'x', big);
    make_pool(p, (struct pool_conf){0});
    int64_t from = clock_mono_ms();
    int pid = one(p, "fine").pid;
    print_message("first answer after %lld ms\n", (long long)(clock_mono_ms() - from));
    long before = resident_kb(pid);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < 400; i++) {
        submit_bytes(p, &s, text, n);
        await(p, 1);
        assert_int_equal(s.status, POOL_OK);
        forget(&s);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    print_message("hand-over of 98 KB and back: %.3f ms\n",
                  ((double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6) /
                      400);
    for (int i = 0; i < 30; i++) {
        submit_bytes(p, &s, text, i % 2 ? big : n);
        await(p, 1);
        assert_int_equal(s.pid, pid);
        forget(&s);
    }
    assert_int_equal(one(p, "fine").pid, pid); /* it gives back after each answer */
    print_message("resident: %ld KB, then %ld KB\n", before, resident_kb(pid));
    if (sandbox_is_full())
        assert_true(resident_kb(pid) < before + CHILD_KEPT_BYTES / 1024 + 2000);
}

int main(int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], FRAME_ARG))
        return child_main(FRAME_FD);
#define POOL_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        POOL_TEST(there_and_back),
        POOL_TEST(big_document),
        POOL_TEST(not_a_feed),
        POOL_TEST(crash_costs_one_job),
        POOL_TEST(neighbours_are_unaffected),
        POOL_TEST(deadline_kills),
        POOL_TEST(lies_are_seen),
        POOL_TEST(memory_is_limited),
        POOL_TEST(forbidden_calls_kill),
        POOL_TEST(nothing_is_inherited),
        POOL_TEST(signals_of_the_group),
        POOL_TEST(started_when_needed),
        POOL_TEST(replaced_after_jobs),
        POOL_TEST(cancelling),
        POOL_TEST(back_pressure),
        POOL_TEST(broken_environment),
        POOL_TEST(waiting_for_a_parser_ends),
        POOL_TEST(dies_at_start),
        POOL_TEST(replaced_on_disk),
        cmocka_unit_test(missing_program),
        cmocka_unit_test(other_loops_are_refused),
        POOL_TEST(freed_at_work),
        cmocka_unit_test(daemon_gone),
        POOL_TEST(memory_and_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
