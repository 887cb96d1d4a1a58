#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "store/vanish.h"

#define T0   1795600800000LL
#define HOUR 3600000LL

/* A feed's items are letters, oldest first; a window is kept from document to document. */
struct feed {
    struct shown window[64];
    size_t n;
    char gone[64];
};

static void take_gone(struct feed *f, const uint64_t *gone, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(f->gone + strlen(f->gone), sizeof f->gone - strlen(f->gone), "%c", (char)gone[i]);
}

/* What has vanished when the feed shows TEXT at NOW. */
static const char *show(struct feed *f, const char *text, int64_t now)
{
    uint64_t idents[64], gone[64];
    struct shown next[128];
    size_t n = strlen(text), n_gone;
    for (size_t i = 0; i < n; i++)
        idents[i] = (uint64_t)text[i];
    f->gone[0] = 0;
    f->n = vanish_document(f->window, f->n, idents, n, now, next, gone, &n_gone);
    memcpy(f->window, next, f->n * sizeof *next);
    take_gone(f, gone, n_gone);
    return f->gone;
}

static const char *unchanged(struct feed *f, int64_t now)
{
    uint64_t gone[64];
    size_t n_gone;
    f->gone[0] = 0;
    f->n = vanish_unchanged(f->window, f->n, now, gone, &n_gone);
    take_gone(f, gone, n_gone);
    return f->gone;
}

static void what_was_taken_out_has_vanished_after_an_hour(void **state)
{
    struct feed f = {.n = 0};
    assert_string_equal(show(&f, "abcdefgh", T0), "");
    assert_string_equal(show(&f, "abcdfgh", T0 + HOUR), "");
    assert_string_equal(show(&f, "abcdfghi", T0 + HOUR + LIMIT_VANISH_MS - 1), "");
    assert_string_equal(show(&f, "abcdfghi", T0 + HOUR + LIMIT_VANISH_MS), "e");
    assert_string_equal(show(&f, "abcdfghi", T0 + 90 * HOUR), ""); /* once */
}

static void a_304_confirms_it(void **state)
{
    struct feed f = {.n = 0};
    show(&f, "abcdefgh", T0);
    show(&f, "abcdefg", T0 + HOUR); /* the newest is taken back at once */
    assert_string_equal(unchanged(&f, T0 + HOUR + LIMIT_VANISH_MS - 1), "");
    assert_string_equal(unchanged(&f, T0 + HOUR + LIMIT_VANISH_MS), "h");
    assert_string_equal(unchanged(&f, T0 + 90 * HOUR), "");
}

static void what_falls_off_the_end_has_not(void **state)
{
    struct feed f = {.n = 0};
    show(&f, "abcdefgh", T0);
    for (int64_t h = 1; h < 9; h++) { /* eight new ones, one after the other */
        char text[9];
        for (int i = 0; i < 8; i++)
            text[i] = (char)('a' + h + i);
        text[8] = 0;
        assert_string_equal(show(&f, text, T0 + h * HOUR), "");
    }
    assert_string_equal(show(&f, "lmnop", T0 + 20 * HOUR), ""); /* a shorter window */
    assert_string_equal(show(&f, "", T0 + 30 * HOUR), "");
    assert_string_equal(show(&f, "lmnop", T0 + 40 * HOUR), "");
}

/* Missing, but by the time it would have vanished the window has gone past it. */
static void a_window_that_moves_on_says_nothing(void **state)
{
    struct feed f = {.n = 0};
    show(&f, "abcdefgh", T0);
    assert_string_equal(show(&f, "acdefgh", T0 + 1), "");
    assert_string_equal(show(&f, "cdefghi", T0 + 2 * HOUR), "");
    assert_string_equal(show(&f, "cdefghi", T0 + 90 * HOUR), "");
}

static void yesterdays_document_from_a_cache_is_no_retraction(void **state)
{
    struct feed f = {.n = 0};
    show(&f, "abcdefgh", T0);
    assert_string_equal(show(&f, "abcdefg", T0 + HOUR / 2), ""); /* without the newest */
    assert_string_equal(show(&f, "abcdefgh", T0 + HOUR), "");    /* and here it is */
    assert_string_equal(show(&f, "abcdefgh", T0 + 9 * HOUR), "");
    assert_string_equal(show(&f, "abcdefg", T0 + 10 * HOUR), ""); /* the hour begins again */
}

static void another_view_of_the_feed_is_no_retraction(void **state)
{
    struct feed f = {.n = 0};
    show(&f, "abcdefgh", T0);
    assert_string_equal(show(&f, "aceg", T0 + HOUR), ""); /* half of them */
    assert_string_equal(show(&f, "aceg", T0 + 9 * HOUR), "");
    assert_string_equal(show(&f, "xyz", T0 + 10 * HOUR), ""); /* all of them */
    assert_string_equal(show(&f, "xyz", T0 + 20 * HOUR), "");
    show(&f, "abcdefghijkl", T0 + 30 * HOUR);
    show(&f, "abdefghikl", T0 + 31 * HOUR); /* two of twelve */
    assert_string_equal(show(&f, "abdefghikl", T0 + 40 * HOUR), "cj");
}

static void a_clock_that_goes_back_does_not_hurry(void **state)
{
    struct feed f = {.n = 0};
    show(&f, "abcdefgh", T0);
    show(&f, "abdefgh", T0 + 90 * HOUR);
    assert_string_equal(show(&f, "abdefgh", T0), ""); /* begins again */
    assert_string_equal(show(&f, "abdefgh", T0 + LIMIT_VANISH_MS - 1), "");
    assert_string_equal(show(&f, "abdefgh", T0 + LIMIT_VANISH_MS), "c");
}

static void dates_must_run_one_way(void **state)
{
    static const struct {
        int dates[9]; /* 0 = none */
        uint32_t n;
        bool ok;
    } cases[] = {
        {{9, 8, 7, 6, 5, 4, 3, 2, 1}, 9, true},  {{1, 2, 3, 4, 5, 6, 7, 8, 9}, 9, true},
        {{9, 8, 7, 6, 7, 4, 3, 2, 1}, 9, true}, /* one was corrected */
        {{9, 2, 8, 3, 7, 4, 6, 5, 1}, 9, false}, {{0, 0, 0, 0, 0, 0, 0, 0, 0}, 9, false},
        {{5, 5, 5, 5, 5, 5, 5, 5, 5}, 9, true},  {{9, 8, 7, 6, 5, 4, 0, 0, 1}, 9, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct td_entry entries[9] = {0};
        struct td_batch b = {.entries = entries, .n_entries = cases[i].n};
        for (uint32_t k = 0; k < cases[i].n; k++) {
            entries[k].date_modified = TD_NEVER;
            entries[k].date_published = cases[i].dates[k] ? T0 + cases[i].dates[k] * HOUR
                                                          : TD_NEVER;
        }
        if (vanish_in_order(&b) != cases[i].ok)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_taken_out_has_vanished_after_an_hour),
        cmocka_unit_test(a_304_confirms_it),
        cmocka_unit_test(what_falls_off_the_end_has_not),
        cmocka_unit_test(a_window_that_moves_on_says_nothing),
        cmocka_unit_test(yesterdays_document_from_a_cache_is_no_retraction),
        cmocka_unit_test(another_view_of_the_feed_is_no_retraction),
        cmocka_unit_test(a_clock_that_goes_back_does_not_hurry),
        cmocka_unit_test(dates_must_run_one_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
