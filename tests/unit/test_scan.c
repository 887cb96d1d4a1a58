#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/scan.h"

/* The lowest mark is at the first byte that is meant, and there is one if there is such a byte. */
static void check(uint64_t marks, size_t first)
{
    if (first == 8)
        assert_true(marks == 0);
    else
        assert_int_equal(scan_first(marks), first);
}

static void marks(void **state)
{
    uint64_t seed = 1;
    for (int round = 0; round < 200000; round++) {
        unsigned char s[8], c = (unsigned char)(round % 256), below = (unsigned char)(1 + c % 0x80);
        size_t first_equal = 8, first_below = 8;
        for (size_t i = 0; i < 8; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            unsigned r = (unsigned)(seed >> 40);
            s[i] = r % 4 ? (unsigned char)(r >> 8)
                         : (unsigned char)(c + r / 4 % 3); /* neighbours */
            if (s[i] == c && first_equal == 8)
                first_equal = i;
            if (s[i] < below && first_below == 8)
                first_below = i;
        }
        uint64_t w = scan_load((const char *)s);
        check(scan_equal(w, c), first_equal);
        check(scan_below(w, below), first_below);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(marks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
