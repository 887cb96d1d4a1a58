/* fixed, frequency: integers that decide. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "story/fixed.h"
#include "story/frequency.h"

static void test_functions(void **state)
{
    for (uint64_t x = 2; x < UINT64_MAX / 3; x = x * 3 / 2 + 1) {
        assert_true(fabs(fixed_log2(x) - log2((double)x) * LOG) < 2);
        uint64_t r = fixed_sqrt(x);
        assert_true(r * r <= x && (r + 1) * (r + 1) > x);
    }
    assert_int_equal(fixed_log2(0), 0);
    assert_int_equal(fixed_log2(1), 0);
    assert_int_equal(fixed_sqrt(UINT64_MAX), UINT32_MAX);
    for (int64_t z = -14 * Q12; z <= 14 * Q12; z += 777)
        assert_true(fabs(fixed_logistic(z) - 65536 / (1 + exp(-(double)z / Q12))) < 40);
    assert_in_range(fixed_logistic(INT32_MAX), 1, 65535);
    assert_in_range(fixed_logistic(-(int64_t)INT32_MAX), 1, 65535);
    for (int32_t p = 1000; p < 65000; p += 999) {
        assert_true(fixed_logistic(fixed_logit(p)) >= p);
        assert_true(fixed_logistic(fixed_logit(p) - 1) < p);
    }
}

static void test_counts(void **state)
{
    struct frequency f, g;
    uint32_t words[] = {7, 9, 11};
    frequency_init(&f);
    frequency_init(&g);
    for (int i = 0; i < 10; i++)
        frequency_count(&f, words, i < 4 ? 3 : 2, 1000);
    struct frequency_slot common = frequency_get(&f, 7), rare = frequency_get(&f, 11),
                          none = frequency_get(&f, 12);
    assert_int_equal(common.total, 10);
    assert_int_equal(rare.recent, 4);
    int32_t all = frequency_all(&f);
    assert_true(frequency_idf(all, &common) < frequency_idf(all, &rare));
    assert_true(frequency_idf(all, &rare) < frequency_idf(all, &none));
    frequency_count(&f, words, 1, 1000 + 2 * 86400); /* two days: what is recent halves */
    assert_int_equal(frequency_get(&f, 9).recent, 5);
    assert_int_equal(frequency_get(&f, 9).total, 10);
    CLEANUP_BUF struct buf b = BUF_INIT(1000);
    frequency_save(&f, &b);
    struct bytes_in in = {.p = (const unsigned char *)b.data, .n = b.len};
    assert_int_equal(frequency_load(&g, &in), 0);
    assert_int_equal(in.n, 0);
    assert_int_equal(g.items, f.items);
    assert_int_equal(frequency_get(&g, 7).recent, frequency_get(&f, 7).recent);
    frequency_fini(&f);
    frequency_fini(&g);
}

/* More words than the table holds: the oldest counts go, the table stays usable. */
static void test_full_table(void **state)
{
    struct frequency f;
    uint32_t words[64];
    frequency_init(&f);
    for (uint32_t i = 0; i < 20000; i++) {
        for (uint32_t k = 0; k < 64; k++)
            words[k] = i * 64 + k + 1;
        words[63] = 5; /* one that stays */
        frequency_count(&f, words, 64, (int64_t)i);
    }
    assert_true(f.used <= STORY_FREQUENCY_SLOTS / 4 * 3);
    assert_true(frequency_get(&f, 5).total > 1000);
    assert_true(f.items < 20000);
    frequency_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_full_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
