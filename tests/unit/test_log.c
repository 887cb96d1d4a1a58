#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Without a journal socket the fields are dropped, the sentence stays. */
static void journal_prefix(void **state)
{
    setenv("JOURNAL_STREAM", "8:1", 1);
    begin();
    log_warning("x");
    const char *got = end();
    unsetenv("JOURNAL_STREAM");
    assert_string_equal(got, "<4>x\n");
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
        cmocka_unit_test_setup(one_harmless_line, set_up),
        cmocka_unit_test_setup(long_lines, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
