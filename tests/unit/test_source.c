/* file: and exec: sources through the real fetcher. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "fetch_harness.h"

static struct fetcher *fetcher;
static char dir[64], path[128];

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static struct td_result get_file(const char *prefix, const char *etag, size_t max)
{
    CLEANUP_FREE char *url = xasprintf("%s%s", prefix, path);
    struct td_request req = {.source = TD_SOURCE_FILE,
                             .url = url,
                             .etag = etag,
                             .max_body_bytes = max,
                             .timeout_ms = 1000};
    return harness_get(fetcher, &req);
}

static struct td_result run(const char *script, int64_t timeout_ms, size_t max)
{
    CLEANUP_FREE char *copy = xstrdup(script);
    char sh[] = "sh", c[] = "-c";
    char *argv[] = {sh, c, copy, NULL};
    struct td_request req = {.source = TD_SOURCE_EXEC,
                             .url = "exec:sh",
                             .argv = argv,
                             .max_body_bytes = max,
                             .timeout_ms = timeout_ms};
    return harness_get(fetcher, &req);
}

/* ---- file: ---------------------------------------------------------------------------------- */

static void file_is_read(void **state)
{
    static const char *const prefixes[] = {"file:", "file://", "file://localhost", "FILE:"};
    write_file("<rss/>");
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        struct td_result r = get_file(prefixes[i], NULL, 6);
        assert_int_equal(r.outcome, TD_OUT_OK);
        assert_string_equal(buf_str(&r.body), "<rss/>");
        assert_non_null(r.val.etag);
        assert_true(r.has_etag);
        assert_null(r.content_type);
        td_result_fini(&r);
    }
}

static void file_not_modified(void **state)
{
    write_file("one");
    struct td_result first = get_file("file:", NULL, 100);
    struct td_result r = get_file("file:", first.val.etag, 100);
    assert_int_equal(r.outcome, TD_OUT_NOT_MODIFIED);
    assert_string_equal(r.val.etag, first.val.etag);
    assert_int_equal(r.body.len, 0);
    td_result_fini(&r);

    /* Another size, another time, another inode: each is a change. */
    write_file("three");
    r = get_file("file:", first.val.etag, 100);
    assert_int_equal(r.outcome, TD_OUT_OK);
    td_result_fini(&r);
    write_file("two");
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    r = get_file("file:", first.val.etag, 100);
    assert_int_equal(r.outcome, TD_OUT_OK);
    CLEANUP_FREE char *old = xstrdup(r.val.etag);
    td_result_fini(&r);
    CLEANUP_FREE char *aside = xasprintf("%s.old", path);
    assert_int_equal(rename(path, aside), 0);
    write_file("new");
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    r = get_file("file:", old, 100);
    assert_int_equal(r.outcome, TD_OUT_OK);
    td_result_fini(&r);
    unlink(aside);
    td_result_fini(&first);
}

static void file_failures(void **state)
{
    struct td_result r = get_file("file:", NULL, 100);
    assert_int_equal(r.outcome, TD_OUT_SOURCE);
    assert_non_null(strstr(r.error, path));
    assert_non_null(strstr(r.error, strerror(ENOENT)));
    td_result_fini(&r);

    write_file("");
    r = get_file("file:", NULL, 100);
    assert_int_equal(r.outcome, TD_OUT_INCOMPLETE);
    td_result_fini(&r);

    write_file("1234567");
    r = get_file("file:", NULL, 6);
    assert_int_equal(r.outcome, TD_OUT_TOO_LARGE);
    assert_null(r.val.etag);
    assert_int_equal(r.body.len, 0);
    td_result_fini(&r);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes: opening it would wait */
    r = get_file("file:", NULL, 100);
    assert_int_equal(r.outcome, TD_OUT_SOURCE);
    assert_non_null(strstr(r.error, "not a regular file"));
    td_result_fini(&r);
    assert_int_equal(unlink(path), 0);

    assert_int_equal(mkdir(path, 0700), 0);
    r = get_file("file:", NULL, 100);
    assert_int_equal(r.outcome, TD_OUT_SOURCE);
    td_result_fini(&r);
    assert_int_equal(rmdir(path), 0);
}

/* ---- exec: ---------------------------------------------------------------------------------- */

static void exec_output(void **state)
{
    struct td_result r = run("echo hello; echo words >&2", 10000, 100);
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_string_equal(buf_str(&r.body), "hello\n");
    td_result_fini(&r);
    /* More than a pipe holds. */
    r = run("head -c 300000 /dev/zero", 10000, 300000);
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_int_equal(r.body.len, 300000);
    td_result_fini(&r);
}

static void exec_failures(void **state)
{
    static const struct {
        const char *script;
        enum td_outcome outcome;
        const char *words;
    } cases[] = {
        {"echo partial; printf 'it \\033[31m broke\\n' >&2; exit 3", TD_OUT_SOURCE,
         "sh ended with exit status 3: it "},
        {"kill -9 $$", TD_OUT_SOURCE, "killed by signal 9"},
        {"exit 0", TD_OUT_INCOMPLETE, "wrote nothing"},
        {"exec no-such-command-anywhere", TD_OUT_SOURCE, "exit status 127"},
        {"head -c 2000 /dev/zero; sleep 60", TD_OUT_TOO_LARGE, "max-body (1000 bytes)"},
        {"head -c 2000 /dev/zero", TD_OUT_TOO_LARGE, "max-body"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct td_result r = run(cases[i].script, 10000, 1000);
        if (r.outcome != cases[i].outcome || !harness_says(&r, cases[i].words))
            fail_msg("%s: %s, \"%s\"", cases[i].script, td_outcome_name(r.outcome), r.error);
        assert_int_equal(r.body.len, 0);
        assert_null(strchr(r.error, '\033'));
        assert_null(strchr(r.error, '\n'));
        td_result_fini(&r);
    }
    char missing[] = "/no/such/command";
    char *argv[] = {missing, NULL};
    struct td_request req = {.source = TD_SOURCE_EXEC,
                             .url = "exec:x",
                             .argv = argv,
                             .timeout_ms = 1000,
                             .max_body_bytes = 10};
    struct td_result r = harness_get(fetcher, &req);
    assert_int_equal(r.outcome, TD_OUT_SOURCE);
    assert_non_null(strstr(r.error, "cannot run /no/such/command"));
    td_result_fini(&r);
}

static void exec_end_of_stderr(void **state)
{
    struct td_result r = run(
        "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done >&2; exit 1", 10000, 10);
    assert_int_equal(r.outcome, TD_OUT_SOURCE);
    assert_non_null(strstr(r.error, "line 4999"));
    assert_null(strstr(r.error, "line 4900"));
    td_result_fini(&r);
}

/* Waits until the process whose number stands in the file is gone. */
static void assert_dies(void)
{
    int pid = 0;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    assert_true(pid > 1);
    for (int i = 0; i < 2000 && kill(pid, 0) == 0; i++) {
        ev_run(ev_default_loop(0), EVRUN_NOWAIT); /* reaps */
        usleep(1000);
    }
    assert_int_equal(kill(pid, 0), -1);
}

static void exec_timeout_kills_the_group(void **state)
{
    CLEANUP_FREE char *script = xasprintf(
        "trap '' TERM; sleep 60 & echo $! > %s; echo waiting >&2; wait", path);
    struct td_result r = run(script, 300, 100);
    assert_int_equal(r.outcome, TD_OUT_TIMEOUT);
    assert_non_null(strstr(r.error, "waiting"));
    td_result_fini(&r);
    assert_dies();
}

/* A helper left in the background does not hold the feed up, and does not stay. */
static void exec_leaves_nothing_behind(void **state)
{
    CLEANUP_FREE char *script = xasprintf("sleep 60 & echo $! > %s; echo feed", path);
    struct td_result r = run(script, 10000, 100);
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_true(r.duration_ms < 5000);
    td_result_fini(&r);
    assert_dies();
}

static void exec_sees_little(void **state)
{
    setenv("TIDINGS_TEST_SECRET", "x", 1);
    int open_here = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
    struct td_result r = run("env | cut -d= -f1 | sort | tr '\\n' ' '; echo; "
                             "for f in /proc/$$/fd/*; do readlink $f; done | grep -c /; "
                             "[ /proc/$$/fd/0 -ef /dev/null ] && echo null; "
                             "[ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo leader; "
                             "grep -E 'Sig(Ign|Blk)' /proc/self/status | tr -d '\\n\\t'",
                             10000, 10000);
    close(open_here);
    assert_int_equal(r.outcome, TD_OUT_OK);
    const char *out = buf_str(&r.body);
    assert_null(strstr(out, "SECRET"));
    assert_non_null(strstr(out, "PATH "));
    /* /dev/null once: as stdin. The pipes have no slash in their names. */
    assert_non_null(strstr(out, "\n1\nnull\nleader\n"));
    const char *masks = strstr(out, "SigBlk:0000000000000000SigIgn:");
    assert_non_null(masks); /* 32 and 33 are glibc's own */
    assert_int_equal(strtoull(strrchr(masks, ':') + 1, NULL, 16) & 0x7fffffff, 0);
    td_result_fini(&r);
}

static void exec_cancelled(void **state)
{
    struct got g = {0};
    CLEANUP_FREE char *script = xasprintf("echo $$ > %s.new; mv %s.new %s; sleep 60", path, path,
                                          path);
    char sh[] = "sh", c[] = "-c";
    char *argv[] = {sh, c, script, NULL};
    struct td_request req = {.source = TD_SOURCE_EXEC,
                             .url = "exec:sh",
                             .argv = argv,
                             .max_body_bytes = 10,
                             .timeout_ms = 10000};
    struct fetch *h = fetch_start(fetcher, &req, harness_done, &g);
    for (int i = 0; i < 5000 && access(path, F_OK) < 0; i++)
        usleep(1000);
    fetch_cancel(h);
    assert_dies();
    assert_false(g.done);
}

static int setup(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/test-source-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/feed%%20.xml", dir);
    fetcher = harness_fetcher(NULL);
    return 0;
}

static int teardown(void **state)
{
    fetcher_free(fetcher);
    unlink(path);
    return rmdir(dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(file_is_read),
        TEST(file_not_modified),
        TEST(file_failures),
        TEST(exec_output),
        TEST(exec_failures),
        TEST(exec_end_of_stderr),
        TEST(exec_timeout_kills_the_group),
        TEST(exec_leaves_nothing_behind),
        TEST(exec_sees_little),
        TEST(exec_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
