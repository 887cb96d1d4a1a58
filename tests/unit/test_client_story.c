/* story_text, follow_story: stories on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "client/follow_story.h"
#include "client/story_text.h"

static void test_chart_and_age(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1000);
    char age[24];
    json_t *growth = json_pack("[i,i,i,i]", 0, 1, 7, 3);
    story_add_chart(&b, growth);
    assert_string_equal(b.data, "▁▂█▄");
    json_decref(growth);
    buf_clear(&b);
    growth = json_pack("[i,i]", 0, 0);
    story_add_chart(&b, growth);
    assert_string_equal(b.data, "▁▁");
    json_decref(growth);
    assert_string_equal(story_age(age, 0, 59000), "now");
    assert_string_equal(story_age(age, 0, 5 * 60000), "5 min");
    assert_string_equal(story_age(age, 0, 47 * 3600000LL), "47 h");
    assert_string_equal(story_age(age, 0, 72 * 3600000LL), "3 d");
    assert_string_equal(story_age(age, 1000, 0), "now");
}

static void put(struct story_lines *l, const struct term *t, int id, int outlets, const char *title,
                struct buf *out)
{
    json_t *e = json_pack("{s:s,s:s,s:{s:i,s:i,s:s}}", "event", "story.grew", "at", "2026", "story",
                          "story_id", id, "outlets", outlets, "title", title);
    buf_clear(out);
    story_lines_event(l, t, e, out);
    json_decref(e);
}

static void test_lines(void **state)
{
    struct term tty = {.out_tty = true, .width = 60, .height = 4}, file = {.width = 80};
    struct story_lines l = {.n = 0};
    CLEANUP_BUF struct buf b = BUF_INIT(10000);
    put(&l, &tty, 1, 1, "Ferry aground", &b);
    assert_string_equal(b.data, "     1    1 outlet   Ferry aground\n");
    put(&l, &tty, 2, 1, "Bridge", &b);
    put(&l, &tty, 1, 2, "Ferry\033[2J aground", &b); /* its line, one above, is written over */
    assert_string_equal(
        b.data, "\033[2A\r\033[K     1    2 outlets  Ferry\xEF\xBF\xBD[2J aground\033[2B\r");
    put(&l, &tty, 3, 1, "C", &b);
    put(&l, &tty, 4, 1, "D", &b);
    put(&l, &tty, 1, 3, "Ferry aground", &b); /* scrolled away: a new line */
    assert_string_equal(b.data, "     1    3 outlets  Ferry aground\n");
    for (int i = 5; i < 600; i++)
        put(&l, &tty, i, 1, "x", &b);
    assert_int_equal(l.n, STORY_LINES);
    l.n = 0;
    put(&l, &file, 1, 1, "a", &b);
    put(&l, &file, 1, 2, "a", &b);
    assert_string_equal(b.data, "2026  story.grew       1    2 outlets  a\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chart_and_age),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
