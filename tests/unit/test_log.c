#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"

/* What the log writes to stderr between begin and end. */
static int saved = -1, from = -1;

static void begin(void)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    saved = dup(STDERR_FILENO);
    assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    close(fds[1]);
    from = fds[0];
}

static const char *end(void)
{
    static char got[65536];
    size_t n = 0;
    ssize_t k;
    dup2(saved, STDERR_FILENO);
    close(saved);
    while ((k = read(from, got + n, sizeof got - 1 - n)) > 0)
        n += (size_t)k;
    close(from);
    got[n] = 0;
    return got;
}

static int set_up(void **state)
{
    unsetenv("JOURNAL_STREAM");
    log_set_level(LOG_INFO);
    return 0;
}

static void levels(void **state)
{
    begin();
    log_error("one %d", 1);
    log_info("two");
    log_debug("three");
    log_set_level(LOG_ERR);
    log_warning("four");
    log_event(LOG_WARNING, &(struct log_fields){.feed = "f"}, "five");
    log_event(LOG_ERR, NULL, "six");
    assert_string_equal(end(), "one 1\ntwo\nsix\n");
    assert_true(log_wants(LOG_ERR));
    assert_false(log_wants(LOG_WARNING));
}

/* JOURNAL_STREAM that names our stderr, as systemd sets it. */
static void claim_stderr(void)
{
    struct stat st;
    char stream[64];
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
}

/* Somebody else's JOURNAL_STREAM means nothing; ours without a journal gets the prefix. */
static void journal_prefix(void **state)
{
    begin();
    setenv("JOURNAL_STREAM", "8:1", 1);
    log_warning("x");
    claim_stderr();
    log_set_journal("/nonexistent/journal");
    log_warning("y");
    assert_string_equal(end(), "x\n<4>y\n");
}

static void journal_fields(void **state)
{
    char dir[] = "/tmp/test-log-XXXXXX";
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char got[4096];
    assert_non_null(mkdtemp(dir));
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s/journal", dir);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    begin();
    claim_stderr();
    log_set_journal(addr.sun_path);
    struct log_fields f = {.feed = "a\nPRIORITY=0", .outcome = "http-404", .message_id = "0123"};
    log_event(LOG_WARNING, &f, "feed %s: lost", "a\nb");
    assert_string_equal(end(), "");
    ssize_t n = recv(fd, got, sizeof got - 1, 0);
    assert_true(n > 0);
    got[n] = 0;
    assert_string_equal(got, "PRIORITY=4\nSYSLOG_IDENTIFIER=test_log\nMESSAGE=feed a b: lost\n"
                             "MESSAGE_ID=0123\nTIDINGS_FEED=a PRIORITY=0\n"
                             "TIDINGS_OUTCOME=http-404\n");
    close(fd);
    unlink(addr.sun_path);
    rmdir(dir);
}

/* A storm is cut, says how much of it, and leaves errors their own room. */
static void bounded(void **state)
{
    int null = open("/dev/null", O_WRONLY), keep = dup(STDERR_FILENO);
    dup2(null, STDERR_FILENO);
    for (int i = 0; i < LIMIT_LOG_BURST + 2000; i++)
        log_info("storm");
    dup2(keep, STDERR_FILENO);
    close(keep);
    close(null);
    begin();
    log_info("still too much");
    log_error("heard");
    log_set_level(LOG_DEBUG);
    log_info("after");
    const char *got = end();
    assert_null(strstr(got, "still too much"));
    assert_true(str_starts(got, "heard\n"));
    assert_non_null(strstr(got, " lines were left out: more than 100 a second\nafter\n"));
}

static void one_harmless_line(void **state)
{
    begin();
    log_info("a\nb\x1b[31m\xff %s", "c\rd");
    const char *got = end();
    assert_true(str_ends(got, "c d\n"));
    assert_true(strchr(got, '\n') == got + strlen(got) - 1);
    assert_null(strchr(got, 0x1b));
    assert_true(utf8_valid(got, strlen(got)));
}

/* A long line is cut between characters, and what it began with is there. */
static void long_lines(void **state)
{
    char text[9000];
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 4);
    begin();
    log_info("x%s", text);
    const char *got = end();
    assert_in_range(strlen(got), 4000, 4097);
    assert_true(str_starts(got, "x\xe2\x82\xac"));
    assert_true(str_ends(got, "\xe2\x82\xac\n"));
    memset(text, 0xff, sizeof text);
    text[sizeof text - 1] = 0;
    begin();
    log_info("%s", text); /* each byte becomes three */
    got = end();
    assert_in_range(strlen(got), 3 * 4000, 3 * 4096 + 1);
    assert_true(str_ends(got, "\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(levels, set_up),
        cmocka_unit_test_setup(journal_prefix, set_up),
        cmocka_unit_test_setup(journal_fields, set_up),
        cmocka_unit_test_setup(one_harmless_line, set_up),
        cmocka_unit_test_setup(long_lines, set_up),
        cmocka_unit_test_setup(bounded, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
