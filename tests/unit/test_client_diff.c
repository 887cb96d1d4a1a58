#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "client/diff.h"
#include "client/term.h"

static void shows(const char *old, const char *new, const char *want)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    struct diff *d = diff_words(old, new);
    diff_add(&b, d, 1000, 3, false);
    diff_free(d);
    assert_string_equal(buf_str(&b), want);
}

static void marks_words(void **state)
{
    shows("the quick brown fox", "the slow brown fox", "the [-quick-] {+slow+} brown fox\n");
    shows("a b", "a b c d", "a b {+c d+}\n");
    shows("a b c d", "c d", "[-a b-] c d\n");
    shows("", "new text", "{+new text+}\n");
    shows("old", "", "[-old-]\n");
    shows("", "", "");
    shows("1 2 3 4 5 6 7 8 9 x", "1 2 3 4 5 6 7 8 9 y", "… 7 8 9 [-x-] {+y+}\n");
    shows("a 1 2 3 4 5 6 7 8 9 b", "A 1 2 3 4 5 6 7 8 9 B",
          "[-a-] {+A+} 1 2 3 … 7 8 9 [-b-] {+B+}\n");
}

static void keeps_lines(void **state)
{
    shows("one\ntwo\n", "one\n2\n", "one\n[-two-] {+2+}\n");
}

/* The words of the runs that are not of kind WITHOUT. */
static void rebuild(const struct diff *d, enum diff_kind without, struct buf *out)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->runs[i].kind != without) {
            if (out->len && out->data[out->len - 1] != ' ')
                buf_addc(out, ' ');
            buf_adds(out, d->runs[i].text);
        }
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

static void random_text(unsigned *seed, struct buf *b)
{
    for (unsigned n = next_random(seed) % 40; n; n--)
        buf_addf(b, "%s%c", b->len ? " " : "", 'a' + (int)(next_random(seed) % 4));
}

static void both_texts_are_in_it(void **state)
{
    unsigned seed = 7;
    for (int i = 0; i < 500; i++) {
        CLEANUP_BUF struct buf a = BUF_INIT(4096), b = BUF_INIT(4096), old = BUF_INIT(4096),
                               new = BUF_INIT(4096);
        random_text(&seed, &a);
        random_text(&seed, &b);
        struct diff *d = diff_words(buf_str(&a), buf_str(&b));
        rebuild(d, DIFF_INSERTED, &old);
        rebuild(d, DIFF_DELETED, &new);
        assert_string_equal(buf_str(&old), buf_str(&a));
        assert_string_equal(buf_str(&new), buf_str(&b));
        assert_int_equal(diff_is_empty(d), strcmp(buf_str(&a), buf_str(&b)) == 0);
        diff_free(d);
    }
}

static void is_the_shortest(void **state)
{
    struct diff *d = diff_words("a b c a b b a", "c b a b a c");
    int edits = 0;
    for (size_t i = 0; i < d->n; i++)
        if (d->runs[i].kind != DIFF_SAME)
            edits += (int)(strlen(d->runs[i].text) + 1) / 2;
    assert_int_equal(edits, 5); /* the example of Myers' paper */
    diff_free(d);
}

static void gives_up_on_what_has_nothing_in_common(void **state)
{
    CLEANUP_BUF struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);
    buf_adds(&a, "same");
    buf_adds(&b, "same");
    for (int i = 0; i < 3 * DIFF_MAX_EDITS; i++) {
        buf_addf(&a, " a%d", i);
        buf_addf(&b, " b%d", i);
    }
    buf_adds(&a, " end");
    buf_adds(&b, " end");
    struct diff *d = diff_words(a.data, b.data);
    assert_int_equal(d->n, 4);
    assert_int_equal(d->runs[0].kind, DIFF_SAME);
    assert_int_equal(d->runs[1].kind, DIFF_DELETED);
    assert_int_equal(d->runs[2].kind, DIFF_INSERTED);
    assert_string_equal(d->runs[3].text, "end");
    diff_free(d);
}

static void colours_and_wraps(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    struct diff *d = diff_words("aaaa bbbb cccc", "aaaa xxxx cccc");
    diff_add(&b, d, 9, 3, true);
    diff_free(d);
    assert_string_equal(b.data, "aaaa \033[31mbbbb\033[0m\n\033[32mxxxx\033[0m cccc\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_words),
        cmocka_unit_test(keeps_lines),
        cmocka_unit_test(both_texts_are_in_it),
        cmocka_unit_test(is_the_shortest),
        cmocka_unit_test(gives_up_on_what_has_nothing_in_common),
        cmocka_unit_test(colours_and_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
