#include "parse/child.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/prctl.h>

#include "base/crypto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/wire.h"
#include "parse/frame.h"
#include "parse/parse.h"
#include "parse/sandbox.h"

/*
 * A parser child: warm up, close the sandbox, then one document after the other until the daemon is
 * gone. Everything that libraries do once and that needs files (time zone, libcrypto's providers,
 * libxml2's tables) is done by parsing SAMPLE before the sandbox closes.
 */

static const char sample[] =
    "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"
    "<rss version=\"2.0\"><channel><title>Warm &amp; up</title><item><title>One</title>"
    "<description>&lt;p class=\"a\"&gt;Text&lt;/p&gt;</description>"
    "<pubDate>Mon, 06 Jan 2020 10:00:00 GMT</pubDate></item></channel></rss>";

static int read_all(int fd, void *to, size_t n)
{
    char *p = to;
    while (n) {
        ssize_t k = read(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0 ? -errno : -EPIPE;
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

static void begin_answer(struct buf *out)
{
    struct frame_answer a = {0};
    buf_clear(out);
    buf_add(out, &a, sizeof a);
}

static int send_answer(int fd, enum frame_kind kind, struct buf *out)
{
    struct frame_answer a = {.kind = kind, .len = (uint32_t)(out->len - sizeof a)};
    memcpy(out->data, &a, sizeof a);
    return io_write_all(fd, out->data, out->len);
}

static void put_reason(struct buf *out, const char *reason)
{
    begin_answer(out);
    buf_add(out, reason, strlen(reason) + 1);
}

/* A piece of a link's line: no control character may be taken for the separator. */
static void put_field(struct buf *out, const char *s, char end)
{
    for (; s && *s; s++)
        buf_addc(out, (unsigned char)*s < 0x20 ? ' ' : *s);
    buf_addc(out, end);
}

static void put_links(struct buf *out, const struct parse_in *in)
{
    struct arena arena = {0};
    struct discovered found[LIMIT_DISCOVERED];
    size_t n = parse_discover(in, &arena, found, ARRAY_SIZE(found));
    for (size_t i = 0; i < n; i++) {
        put_field(out, found[i].url, '\t');
        put_field(out, found[i].type, '\t');
        put_field(out, found[i].title, 0);
    }
    arena_free(&arena);
}

static enum frame_kind answer(const struct parse_in *in, bool discover, struct buf *out)
{
    struct td_batch *batch = NULL;
    struct td_err err = {""};
    int r = parse_feed(in, &batch, &err);
    begin_answer(out);
    if (r == 0) {
        r = td_wire_write(out, batch);
        td_batch_free(batch);
        if (r == 0)
            return FRAME_BATCH;
        td_err(&err, r, "what was read from it exceeds %u bytes", LIMIT_WIRE_BYTES);
    }
    put_reason(out, err.msg);
    if (r == -EFBIG)
        return FRAME_TOO_LARGE;
    if (discover)
        put_links(out, in);
    return FRAME_NOT_FEED;
}

static const char *or_null(const char *s)
{
    return *s ? s : NULL;
}

/* Splits the job's strings and body: the daemon wrote them, so the NULs are there. */
static enum frame_kind run(const struct frame_job *job, const char *strings, const char *body,
                           struct buf *out)
{
    const char *base = strings;
    const char *type = base + strlen(base) + 1;
    const char *link = type + strlen(type) + 1;
    struct parse_in in = {
        .bytes = body,
        .n = job->body,
        .base_url = or_null(base),
        .content_type = or_null(type),
        .link = or_null(link),
    };
    return answer(&in, job->discover, out);
}

/* 0: answered; -EPIPE: the daemon is gone, which is how a child's life ends. */
static int one_job(int fd, struct buf *out)
{
    struct frame_job job;
    int r = read_all(fd, &job, sizeof job);
    if (r < 0)
        return r;
    CLEANUP_FREE char *strings = xmalloc(job.strings);
    CLEANUP_FREE char *body = xmalloc(job.body);
    r = read_all(fd, strings, job.strings);
    if (r == 0)
        r = read_all(fd, body, job.body);
    if (r == 0)
        r = send_answer(fd, run(&job, strings, body, out), out);
    return r;
}

static void give_back(struct buf *out)
{
    size_t held = mallinfo2().fordblks + out->cap;
    if (out->cap > CHILD_KEPT_BYTES)
        buf_free(out);
    if (held > CHILD_KEPT_BYTES)
        malloc_trim(0);
}

static void warm_up(struct buf *out)
{
    unsigned char h[SHA256_BYTES];
    crypto_no_config();
    struct parse_in in = {.bytes = sample, .n = sizeof sample - 1, .base_url = "http://localhost/"};
    crypto_sha256(sample, sizeof sample, h);
    tzset();
    answer(&in, false, out);
}

/* Should memory run out around us, the kernel takes a parser and not the daemon. May fail: no
 * /proc. */
static void volunteer(void)
{
    CLEANUP_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : write(fd, "1000", 4);
    (void)n;
}

void child_tune_malloc(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD,
            CHILD_BLOCK_BYTES); /* fixed: glibc would raise it and keep big blocks */
    mallopt(M_TRIM_THRESHOLD, CHILD_KEPT_BYTES); /* not a brk(2) and its page faults per document */
}

int child_main(int fd)
{
    struct td_err err = {""};
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_WIRE_BYTES + sizeof(struct frame_answer));
    close_range((unsigned)fd + 1, ~0u, 0);
    prctl(PR_SET_NAME, "tidings-parser"); /* it was run as /proc/self/fd/N */
    volunteer();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a child in an endless document has no one to end it */
    child_tune_malloc();
    warm_up(&out);
    if (sandbox_enter(fd, &err) < 0) {
        log_error("parser child: %s", err.msg);
        return EXIT_FAILURE;
    }
    begin_answer(&out);
    int r = send_answer(fd, FRAME_READY, &out);
    while (r == 0) {
        r = one_job(fd, &out);
        give_back(&out);
    }
    return r == -EPIPE ? EXIT_SUCCESS : EXIT_FAILURE;
}
