#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"

enum { BYTES = 100000 };

static int temp(char path[32])
{
    strcpy(path, "/tmp/tidings-io-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    return fd;
}

static void there_and_back(void **state)
{
    char path[32];
    CLEANUP_FREE char *bytes = xmalloc(BYTES);
    CLEANUP_BUF struct buf in = BUF_INIT(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 7);
    CLEANUP_CLOSE int fd = temp(path);
    assert_int_equal(io_write_all(fd, bytes, BYTES), 0);
    assert_int_equal(io_read_file(path, &in), 0);
    assert_int_equal(in.len, BYTES);
    assert_memory_equal(in.data, bytes, BYTES);
    unlink(path);
}

static void refusals(void **state)
{
    char path[32];
    CLEANUP_BUF struct buf in = BUF_INIT(4);
    CLEANUP_CLOSE int fd = temp(path);
    assert_int_equal(io_write_all(fd, "12345", 5), 0);
    assert_int_equal(io_read_file(path, &in), -EFBIG);
    assert_int_equal(io_read_file("/tmp", &in), -EISDIR);
    unlink(path);
    assert_int_equal(io_read_file(path, &in), -ENOENT);
    assert_int_equal(io_write_all(-1, "1", 1), -EBADF);
    assert_int_equal(io_write_all(-1, "", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
