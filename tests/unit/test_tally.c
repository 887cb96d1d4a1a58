#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "schedule/tally.h"

/* Hashes that crowd into few places, so that removing has runs to close up. */
static uint64_t hash_of(unsigned i)
{
    return 1 + i / 7 + ((uint64_t)i << 32);
}

static void against_an_array(void **state)
{
    enum { N = 300 };
    struct tally t = {0};
    uint64_t counts[N] = {0}, x = 88172645463325252u;
    for (int step = 0; step < 200000; step++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        unsigned i = (unsigned)(x >> 20) % N;
        /* In waves: mostly adding, then mostly removing. */
        if (x % 4 ? step / 2000 % 2 == 0 : step / 2000 % 2)
            assert_int_equal(tally_add(&t, hash_of(i)), ++counts[i]);
        else if (counts[i])
            assert_int_equal(tally_remove(&t, hash_of(i)), --counts[i]);
        else
            assert_int_equal(tally_remove(&t, hash_of(i)), 0);
    }
    uint32_t n = 0;
    for (unsigned i = 0; i < N; i++) {
        n += counts[i] > 0;
        while (counts[i])
            assert_int_equal(tally_remove(&t, hash_of(i)), --counts[i]);
    }
    assert_true(n > 0);
    assert_int_equal(t.n, 0);
    tally_fini(&t);
}

static void nobody_is_not_counted(void **state)
{
    struct tally t = {0};
    assert_int_equal(tally_remove(&t, 5), 0);
    assert_int_equal(tally_add(&t, 0), 0);
    assert_int_equal(tally_add(&t, 5), 1);
    assert_int_equal(tally_remove(&t, 0), 0);
    assert_int_equal(tally_add(&t, 5), 2);
    tally_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_an_array),
        cmocka_unit_test(nobody_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
