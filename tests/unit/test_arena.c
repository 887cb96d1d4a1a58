#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"

static void pieces_do_not_overlap(void **state)
{
    struct arena a = {0};
    unsigned char *p[300];
    for (size_t i = 0; i < 300; i++) {
        p[i] = arena_alloc(&a, i * 7);
        assert_int_equal((uintptr_t)p[i] % 8, 0);
        memset(p[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < i * 7; k++)
            assert_int_equal(p[i][k], (unsigned char)i);
    arena_free(&a);
    assert_int_equal(a.bytes, 0);
    assert_string_equal(arena_strdup(&a, "usable again"), "usable again");
    arena_free(&a);
}

static void bytes_are_counted(void **state)
{
    struct arena a = {0};
    arena_alloc(&a, 1);
    assert_in_range(a.bytes, 4096, 4096 + 64);
    size_t before = a.bytes;
    arena_alloc(&a, 1 << 20);
    assert_in_range(a.bytes, before + (1 << 20), before + (1 << 20) + 64);
    before = a.bytes;
    arena_alloc(&a, 8); /* blocks of ordinary size follow a big one */
    assert_in_range(a.bytes, before, before + (256 << 10) + 64);
    arena_free(&a);
}

static void strings(void **state)
{
    struct arena a = {0};
    assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(&a, NULL, 0), "");
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
    static const char zero[100];
    memset(arena_alloc(&a, 100), 0xff, 100);
    assert_memory_equal(arena_zalloc(&a, 100), zero, 100);
    char big[9000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    assert_int_equal(strlen(arena_printf(&a, "%s", big)), sizeof big - 1);
    arena_free(&a);
}

static void reset_keeps_a_small_block(void **state)
{
    struct arena a = {0};
    arena_reset(&a);
    assert_int_equal(a.bytes, 0);
    for (int i = 0; i < 100; i++)
        arena_alloc(&a, 1000);
    arena_reset(&a);
    assert_in_range(a.bytes, 4096, (256 << 10) + 64);
    size_t kept = a.bytes;
    arena_alloc(&a, 1000);
    assert_int_equal(a.bytes, kept);
    arena_alloc(&a, 10 << 20);
    arena_reset(&a);
    assert_in_range(a.bytes, 0, (256 << 10) + 64);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(bytes_are_counted),
        cmocka_unit_test(strings),
        cmocka_unit_test(reset_keeps_a_small_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
