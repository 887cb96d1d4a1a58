/* gunzip: members, cuts and limits, with the bytes in pieces of every size. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/mem.h"
#include "fetch/gunzip.h"

static size_t gzip(unsigned char *to, size_t room, const char *text, size_t n)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)text;
    z.avail_in = (unsigned)n;
    z.next_out = to;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static int decode(const unsigned char *data, size_t n, size_t step, struct buf *out,
                  bool *ret_whole)
{
    struct gunzip *g = gunzip_new();
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i += step)
        r = gunzip_add(g, data + i, MIN(step, n - i), out);
    *ret_whole = gunzip_complete(g);
    gunzip_free(g);
    return r;
}

static void members_are_one_document(void **state)
{
    unsigned char z[400];
    size_t n = gzip(z, sizeof z, "one ", 4);
    n += gzip(z + n, sizeof z - n, "", 0);
    n += gzip(z + n, sizeof z - n, "two", 3);
    memcpy(z + n, "\x1f then garbage", 14);
    for (size_t tail = 0; tail <= 14; tail += 7)
        for (size_t step = 1; step <= n + tail; step++) {
            CLEANUP_BUF struct buf out = BUF_INIT(100);
            bool whole;
            assert_int_equal(decode(z, n + tail, step, &out, &whole), 0);
            assert_string_equal(buf_str(&out), "one two");
            assert_true(whole);
        }
}

static void a_cut_is_seen(void **state)
{
    unsigned char z[400];
    size_t first = gzip(z, sizeof z, "one ", 4);
    size_t n = first + gzip(z + first, sizeof z - first, "two", 3);
    for (size_t cut = 0; cut <= n; cut++) {
        CLEANUP_BUF struct buf out = BUF_INIT(100);
        bool whole;
        assert_int_equal(decode(z, cut, 5, &out, &whole), 0);
        /* one byte of magic behind a member may be garbage as well */
        assert_int_equal(whole, cut == n || cut == first || cut == first + 1);
    }
}

static void what_is_no_gzip_is_refused(void **state)
{
    unsigned char z[400];
    CLEANUP_BUF struct buf out = BUF_INIT(100);
    bool whole;
    assert_int_equal(decode((const unsigned char *)"<rss>", 5, 5, &out, &whole), -EBADMSG);
    size_t n = gzip(z, sizeof z, "text", 4);
    z[n - 6] ^= 1; /* its checksum */
    assert_int_equal(decode(z, n, 3, &out, &whole), -EBADMSG);
}

static void the_ceiling_holds(void **state)
{
    static unsigned char z[8192];
    char *zeros = xcalloc(1, 1 << 20);
    size_t n = gzip(z, sizeof z, zeros, 1 << 20);
    free(zeros);
    CLEANUP_BUF struct buf out = BUF_INIT(100000);
    bool whole;
    assert_int_equal(decode(z, n, n, &out, &whole), -EFBIG);
    assert_true(out.len <= 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_one_document),
        cmocka_unit_test(a_cut_is_seen),
        cmocka_unit_test(what_is_no_gzip_is_refused),
        cmocka_unit_test(the_ceiling_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
