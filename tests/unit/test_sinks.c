/* Sinks that touch the system: commands and files, on the default loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "notify/sink.h"

static char dir[64], path[96];
static struct sink_env env = {.instance = "0011"};

struct got {
    bool done;
    struct sink_answer a;
};

static void on_done(void *ctx, const struct sink_answer *a)
{
    struct got *g = ctx;
    assert_false(g->done);
    *g = (struct got){true, *a};
    ev_break(env.loop, EVBREAK_ONE);
}

static int set_up(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    env.loop = ev_default_loop(0);
    strcpy(dir, "/tmp/tidings-sinks-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/out", dir);
    return 0;
}

static int tear_down(void **state)
{
    CLEANUP_FREE char *rm = xasprintf("rm -rf %s", dir);
    return system(rm);
}

static void late(struct ev_loop *loop, ev_timer *t, int revents)
{
    fail_msg("nothing happened for 10 seconds");
}

static const char *const events[] = {
    "{\"seq\":1,\"event\":\"item.new\",\"item\":{\"title\":\"One\\nline\",\"url\":\"http://x/\","
    "\"authors\":[{\"name\":\"Ann\"}],\"_tidings\":{\"item_id\":7,\"feed\":\"f\"}}}",
    "{\"seq\":2,\"event\":\"item.new\"}",
};

/* Sends events 1..N and waits: the answer. */
static struct sink_answer send_to(struct sink *s, int n)
{
    struct sink_event list[2];
    struct got g = {false};
    ev_timer t;
    for (int i = 0; i < n; i++)
        list[i] = (struct sink_event){
            .seq = i + 1, .kind = "item.new", .json = events[i], .json_len = strlen(events[i])};
    struct sink_message m = {.events = list, .n = n, .attempt = 3};
    sink_send(s, &m, on_done, &g);
    assert_false(g.done); /* never from within */
    ev_now_update(env.loop);
    ev_timer_init(&t, late, 10., 0.);
    ev_timer_start(env.loop, &t);
    while (!g.done)
        ev_run(env.loop, 0);
    ev_timer_stop(env.loop, &t);
    return g.a;
}

static char *content(const char *name)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    io_read_file(name, &b);
    return buf_take(&b, NULL);
}

/* ---- commands ------------------------------------------------------------------------------- */

/* Runs SCRIPT for one event. */
static struct sink_answer run(const char *script, int64_t timeout_ms)
{
    char sh[] = "sh", c[] = "-c";
    char *argv[] = {sh, c, (char *)script, NULL};
    char name[] = "desk";
    struct td_sub_conf conf = {
        .name = name, .sink = TD_SINK_EXEC, .argv = argv, .answer_timeout_ms = timeout_ms};
    struct sink *s = sink_open(&env, &conf);
    struct sink_answer a = send_to(s, 1);
    sink_close(s);
    return a;
}

static void a_command_gets_the_event(void **state)
{
    CLEANUP_FREE char *script = xasprintf("cat > %s; env | grep ^TIDINGS_ | sort >> %s", path,
                                          path);
    struct sink_answer a = run(script, 5000);
    assert_int_equal(a.answer, DELIVERY_ACK);
    CLEANUP_FREE char *got = content(path);
    CLEANUP_FREE char *want = xasprintf("%s\nTIDINGS_ATTEMPT=3\nTIDINGS_AUTHOR=Ann\n"
                                        "TIDINGS_EVENT=item.new\nTIDINGS_FEED=f\n"
                                        "TIDINGS_ITEM_ID=7\nTIDINGS_SEQ=1\n"
                                        "TIDINGS_SUBSCRIPTION=desk\nTIDINGS_TITLE=One line\n"
                                        "TIDINGS_URL=http://x/\n",
                                        events[0]);
    assert_string_equal(got, want);
}

static void commands_that_fail(void **state)
{
    struct sink_answer a = run("echo no room on the shelf >&2; exit 3", 5000);
    assert_int_equal(a.answer, DELIVERY_FAILED);
    assert_string_equal(a.err.msg, "sh ended with exit status 3: no room on the shelf");
    a = run("kill -9 $$", 5000);
    assert_non_null(strstr(a.err.msg, "signal 9"));
    a = run("sleep 60", 100);
    assert_non_null(strstr(a.err.msg, "did not end within"));
    a = run("exit 0", 5000); /* does not read its stdin */
    assert_int_equal(a.answer, DELIVERY_ACK);
    a = run("yes | head -c 3000000; exit 1", 5000); /* says too much */
    assert_int_equal(a.answer, DELIVERY_FAILED);
    assert_true(strlen(a.err.msg) < 700);
}

static void a_command_that_is_not_there(void **state)
{
    char no[] = "/nonexistent/command";
    char *argv[] = {no, NULL};
    char name[] = "desk";
    struct td_sub_conf conf = {
        .name = name, .sink = TD_SINK_EXEC, .argv = argv, .answer_timeout_ms = 1000};
    struct sink *s = sink_open(&env, &conf);
    struct sink_answer a = send_to(s, 1);
    sink_close(s);
    assert_int_equal(a.answer, DELIVERY_FAILED);
    assert_string_equal(a.err.msg, "cannot run /nonexistent/command: No such file or directory");
}

static void a_cancelled_command_is_killed(void **state)
{
    CLEANUP_FREE char *script = xasprintf("echo $$ > %s; sleep 60", path);
    char sh[] = "sh", c[] = "-c", name[] = "desk";
    char *argv[] = {sh, c, script, NULL};
    struct td_sub_conf conf = {
        .name = name, .sink = TD_SINK_EXEC, .argv = argv, .answer_timeout_ms = 60000};
    struct sink *s = sink_open(&env, &conf);
    struct sink_event e = {.seq = 1, .kind = "x", .json = "{}", .json_len = 2};
    struct sink_message m = {.events = &e, .n = 1};
    struct got g = {false};
    sink_send(s, &m, on_done, &g);
    CLEANUP_FREE char *pid = NULL;
    for (int i = 0; i < 10000 && (!pid || !strchr(pid, '\n')); i++) {
        free(pid);
        ev_run(env.loop, EVRUN_NOWAIT);
        usleep(1000);
        pid = content(path);
    }
    assert_true(atoi(pid) > 0);
    sink_close(s);
    for (int i = 0; i < 10000 && kill(atoi(pid), 0) == 0; i++) {
        ev_run(env.loop, EVRUN_NOWAIT); /* reaps it */
        usleep(1000);
    }
    assert_int_not_equal(kill(atoi(pid), 0), 0);
    assert_false(g.done);
}

/* ---- files ---------------------------------------------------------------------------------- */

static struct td_sub_conf file_conf(int64_t rotate)
{
    static char name[] = "archive";
    return (struct td_sub_conf){
        .name = name, .sink = TD_SINK_FILE, .target = path, .rotate_bytes = rotate};
}

static void lines_are_appended(void **state)
{
    struct td_sub_conf conf = file_conf(0);
    struct sink *s = sink_open(&env, &conf);
    assert_int_equal(send_to(s, 2).answer, DELIVERY_ACK);
    assert_int_equal(send_to(s, 1).answer, DELIVERY_ACK);
    CLEANUP_FREE char *moved = xasprintf("%s.moved", path);
    assert_int_equal(rename(path, moved), 0); /* as logrotate does, without a signal */
    assert_int_equal(send_to(s, 1).answer, DELIVERY_ACK);
    sink_close(s);
    CLEANUP_FREE char *first = content(moved), *second = content(path);
    CLEANUP_FREE char *want = xasprintf("%s\n%s\n%s\n", events[0], events[1], events[0]);
    CLEANUP_FREE char *one = xasprintf("%s\n", events[0]);
    assert_string_equal(first, want);
    assert_string_equal(second, one);
}

static void a_torn_line_is_cut_off(void **state)
{
    struct td_sub_conf conf = file_conf(0);
    static const char *const torn[][2] = {{"{\"a\":1}\n{\"seq\":", "{\"a\":1}\n"},
                                          {"{\"seq\":", ""},
                                          {"{", ""},
                                          {"ok\n{\"seq\":7,\"title\":\"", "ok\n"}};
    for (size_t i = 0; i < ARRAY_SIZE(torn); i++) {
        FILE *f = fopen(path, "w");
        fputs(torn[i][0], f);
        for (int k = 0; k < 3000 && i == 3; k++) /* longer than a block */
            fputs("xxxxxxxxxx", f);
        fclose(f);
        struct sink *s = sink_open(&env, &conf);
        assert_int_equal(send_to(s, 1).answer, DELIVERY_ACK);
        sink_close(s);
        CLEANUP_FREE char *got = content(path);
        CLEANUP_FREE char *want = xasprintf("%s%s\n", torn[i][1], events[0]);
        assert_string_equal(got, want);
    }
}

/* What somebody else wrote, or edited with a program that leaves out the last end of line, stays.
 */
static void a_last_line_without_an_end_is_kept(void **state)
{
    struct td_sub_conf conf = file_conf(0);
    static const char *const there[] = {"a", "note\n# my archive",
                                        "{\"seq\":7,\"event\":\"item.new\"}", "{\"title\":\"x\"}"};
    for (size_t i = 0; i < ARRAY_SIZE(there); i++) {
        FILE *f = fopen(path, "w");
        fputs(there[i], f);
        fclose(f);
        struct sink *s = sink_open(&env, &conf);
        assert_int_equal(send_to(s, 1).answer, DELIVERY_ACK);
        sink_close(s);
        CLEANUP_FREE char *got = content(path);
        CLEANUP_FREE char *want = xasprintf("%s\n%s\n", there[i], events[0]);
        assert_string_equal(got, want);
    }
}

static void files_rotate_by_size(void **state)
{
    struct td_sub_conf conf = file_conf(1);
    struct sink *s = sink_open(&env, &conf);
    for (int i = 0; i < LIMIT_FILE_ROTATIONS + 3; i++)
        assert_int_equal(send_to(s, 1).answer, DELIVERY_ACK);
    sink_close(s);
    CLEANUP_FREE char *one = xasprintf("%s\n", events[0]);
    for (int i = 0; i <= LIMIT_FILE_ROTATIONS; i++) {
        CLEANUP_FREE char *name = i ? xasprintf("%s.%d", path, i) : xstrdup(path);
        CLEANUP_FREE char *got = content(name);
        assert_string_equal(got, one);
    }
    CLEANUP_FREE char *beyond = xasprintf("%s.%d", path, LIMIT_FILE_ROTATIONS + 1);
    assert_int_not_equal(access(beyond, F_OK), 0);
}

/* A file that may not grow: what was written of the message is taken back. */
static void a_full_disk_leaves_whole_lines(void **state)
{
    struct td_sub_conf conf = file_conf(0);
    struct sink *s = sink_open(&env, &conf);
    assert_int_equal(send_to(s, 1).answer, DELIVERY_ACK);
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){strlen(events[0]) + 20, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    struct sink_answer a = send_to(s, 2);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(a.answer, DELIVERY_FAILED);
    assert_non_null(strstr(a.err.msg, "File too large"));
    CLEANUP_FREE char *got = content(path), *one = xasprintf("%s\n", events[0]);
    assert_string_equal(got, one);
    assert_int_equal(send_to(s, 1).answer, DELIVERY_ACK);
    sink_close(s);
}

static void places_that_are_no_files(void **state)
{
    struct td_sub_conf conf = file_conf(0);
    char device[] = "/dev/null", folder[64], nowhere[] = "/nonexistent/x";
    snprintf(folder, sizeof folder, "%s", dir);
    char *targets[] = {device, folder, nowhere};
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        conf.target = targets[i];
        struct sink *s = sink_open(&env, &conf);
        struct sink_answer a = send_to(s, 1);
        sink_close(s);
        assert_int_equal(a.answer, DELIVERY_FAILED);
        assert_non_null(strstr(a.err.msg, targets[i]));
    }
}

static nlink_t n_threads(void)
{
    struct stat st;
    assert_int_equal(stat("/proc/self/task", &st), 0);
    return st.st_nlink;
}

static void cancelled_writes(void **state)
{
    nlink_t before = n_threads();
    struct td_sub_conf conf = file_conf(0);
    for (int i = 0; i < 50; i++) {
        struct sink *s = sink_open(&env, &conf);
        struct sink_event e = {.seq = 1, .kind = "x", .json = "{}", .json_len = 2};
        struct sink_message m = {.events = &e, .n = 1};
        struct got g = {false};
        sink_send(s, &m, on_done, &g);
        for (int k = 0; k < i % 4; k++)
            ev_run(env.loop, EVRUN_NOWAIT);
        sink_cancel(s);
        assert_int_equal(send_to(s, 1).answer, DELIVERY_ACK);
        sink_close(s);
    }
    while (n_threads() > before) /* they would make their file anew */
        sched_yield();
    CLEANUP_FREE char *got = content(path);
    size_t n = 0;
    for (char *p = got; *p; n++) { /* every line is whole */
        size_t k = strcspn(p, "\n");
        assert_true((k == 2 && memcmp(p, "{}", 2) == 0) ||
                    (k == strlen(events[0]) && memcmp(p, events[0], k) == 0));
        p += k + 1;
    }
    assert_true(n >= 50);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_gets_the_event),
        TEST(commands_that_fail),
        TEST(a_command_that_is_not_there),
        TEST(a_cancelled_command_is_killed),
        TEST(lines_are_appended),
        TEST(a_torn_line_is_cut_off),
        TEST(a_last_line_without_an_end_is_kept),
        TEST(files_rotate_by_size),
        TEST(a_full_disk_leaves_whole_lines),
        TEST(places_that_are_no_files),
        TEST(cancelled_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
