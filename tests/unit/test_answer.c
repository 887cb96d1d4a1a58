#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/answer.h"
#include "parse/parse.h"

/* The pool's library wants a parser; none runs here. */
int parse_feed(const struct parse_in *in, struct td_batch **ret, struct td_err *err)
{
    return -1;
}

size_t parse_discover(const struct parse_in *in, struct arena *arena, struct discovered *ret,
                      size_t max)
{
    return 0;
}

struct seen {
    bool ok;
    struct pool_answer a;
    char *links[LIMIT_DISCOVERED + 1];
    struct buf payload;
};

static void read_bytes(struct seen *s, enum frame_kind kind, const char *bytes, size_t n)
{
    memset(s, 0, sizeof *s);
    s->payload = BUF_INIT(1 << 20);
    buf_add(&s->payload, bytes, n);
    s->ok = answer_read(kind, &s->payload, &s->a, s->links);
}

static void done(struct seen *s)
{
    td_batch_free(s->a.batch);
    buf_free(&s->payload);
}

#define CHECK(kind, bytes, want)                          \
    do {                                                  \
        struct seen one;                                  \
        read_bytes(&one, kind, bytes, sizeof(bytes) - 1); \
        assert_int_equal(one.ok, want);                   \
        done(&one);                                       \
    } while (0)

static void reasons(void **state)
{
    static const char text[] = "no \033[31mfeed\0http://a/\tT\tx\0http://b/\t\t";
    struct seen s;
    read_bytes(&s, FRAME_NOT_FEED, text, sizeof text);
    assert_true(s.ok);
    assert_int_equal(s.a.status, POOL_NOT_A_FEED);
    assert_null(strchr(s.a.err.msg, '\033')); /* a terminal's orders do not come through */
    assert_string_equal(s.a.links[0], "http://a/\tT\tx");
    assert_string_equal(s.a.links[1], "http://b/\t\t");
    assert_null(s.a.links[2]);
    done(&s);
    CHECK(FRAME_NOT_FEED, "why\0", true);
    CHECK(FRAME_TOO_LARGE, "why\0", true);
}

static void lies(void **state)
{
    CHECK(FRAME_NOT_FEED, "", false);
    CHECK(FRAME_NOT_FEED, "no end", false);
    CHECK(FRAME_NOT_FEED, "why\0http://a/\0", false);         /* no fields */
    CHECK(FRAME_NOT_FEED, "why\0http://a/\t\t\t\0", false);   /* too many */
    CHECK(FRAME_NOT_FEED, "why\0\tT\tx\0", false);            /* no address */
    CHECK(FRAME_NOT_FEED, "why\0http://a/\n\t\t\0", false);   /* a control character */
    CHECK(FRAME_NOT_FEED, "why\0http://a/\xff\t\t\0", false); /* not UTF-8 */
    CHECK(FRAME_TOO_LARGE, "why\0http://a/\t\t\0", false);    /* nobody asked for links */
    CHECK(FRAME_BATCH, "no batch", false);
    CHECK(FRAME_N, "x\0", false);
}

static void too_many_links(void **state)
{
    for (size_t n = LIMIT_DISCOVERED; n <= LIMIT_DISCOVERED + 1; n++) {
        struct seen s;
        CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
        buf_add(&b, "why", 4);
        for (size_t i = 0; i < n; i++)
            buf_add(&b, "http://a/\t\t", 12);
        read_bytes(&s, FRAME_NOT_FEED, b.data, b.len);
        assert_int_equal(s.ok, n == LIMIT_DISCOVERED);
        done(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons),
        cmocka_unit_test(lies),
        cmocka_unit_test(too_many_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
