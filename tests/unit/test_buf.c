#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

static void ceiling_is_exact_and_sticky(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(10);
    assert_int_equal(buf_adds(&b, "12345"), 0);
    assert_int_equal(buf_adds(&b, "123456"), -EFBIG); /* whole or not at all */
    assert_string_equal(b.data, "12345");
    assert_true(b.overflow);
    assert_int_equal(buf_addc(&b, 'x'), -EFBIG); /* even though it would fit */
    buf_clear(&b);
    assert_int_equal(buf_adds(&b, "1234567890"), 0);
    assert_int_equal(b.len, 10);
    assert_true(b.cap <= 11);
    assert_int_equal(buf_addc(&b, 'x'), -EFBIG);
}

static void grows_to_any_size(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20), no_limit = BUF_INIT(SIZE_MAX);
    for (int i = 0; i < 1 << 20; i++)
        assert_int_equal(buf_addc(&b, (char)i), 0);
    for (int i = 0; i < 1 << 20; i++)
        assert_int_equal(b.data[i], (char)i);
    assert_int_equal(b.data[b.len], 0);
    assert_int_equal(buf_addc(&b, 'x'), -EFBIG);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buf_adds(&no_limit, "0123456789"), 0);
    assert_int_equal(no_limit.len, 10000);
    assert_int_equal(buf_reserve(&no_limit, SIZE_MAX), -EFBIG);
}

static void formats(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(300);
    assert_int_equal(buf_addf(&b, "%d %s", 7, "x"), 0);
    assert_int_equal(buf_addf(&b, "|%0200d", 1), 0);
    assert_int_equal(b.len, 3 + 201);
    assert_int_equal(buf_addf(&b, "%0200d", 1), -EFBIG);
    assert_int_equal(b.len, 3 + 201);
}

static void consume(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(100);
    buf_adds(&b, "abcdef");
    buf_consume(&b, 2);
    assert_string_equal(b.data, "cdef");
    buf_consume(&b, 100);
    assert_int_equal(b.len, 0);
    assert_string_equal(buf_str(&b), "");
}

static void take(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(100);
    size_t n = 99;
    CLEANUP_FREE char *empty = buf_take(&b, &n);
    assert_string_equal(empty, "");
    assert_int_equal(n, 0);
    assert_string_equal(buf_str(&b), "");
    buf_add(&b, "a\0b", 3);
    CLEANUP_FREE char *bytes = buf_take(&b, &n);
    assert_memory_equal(bytes, "a\0b", 4);
    assert_int_equal(n, 3);
    assert_null(b.data);
    assert_int_equal(b.max, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ceiling_is_exact_and_sticky),
        cmocka_unit_test(grows_to_any_size),
        cmocka_unit_test(formats),
        cmocka_unit_test(consume),
        cmocka_unit_test(take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
