#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/item_json.h"

static const struct td_item_facts facts = {
    .item_id = 7,
    .feed_id = 3,
    .feed = "a \"b\"",
    .first_seen = 1577836800000,
    .revision = 1,
};

#define FACTS                                               \
    "\"item_id\":7,\"feed_id\":3,\"feed\":\"a \\\"b\\\"\"," \
    "\"first_seen\":\"2020-01-01T00:00:00Z\",\"revision\":1"

static void spliced(const char *json, const char *expected)
{
    CLEANUP_BUF struct buf out = BUF_INIT(4096);
    td_item_json(&out, json, strlen(json), &facts);
    assert_string_equal(buf_str(&out), expected);
    assert_true(td_item_json_valid(json, strlen(json)));
}

static void splice(void **state)
{
    spliced("{\"id\":\"1\"}", "{\"id\":\"1\",\"_tidings\":{" FACTS "}}");
    spliced("{\"id\":\"1\",\"_tidings\":{\"a\":1}}",
            "{\"id\":\"1\",\"_tidings\":{\"a\":1," FACTS "}}");
    spliced("{\"id\":\"1\",\"_tidings\":{}}", "{\"id\":\"1\",\"_tidings\":{" FACTS "}}");
    spliced("{\"id\":\"1\",\"_tidings\":{\"geo\":{\"lat\":1}}}",
            "{\"id\":\"1\",\"_tidings\":{\"geo\":{\"lat\":1}," FACTS "}}");
    spliced("{\"id\":\"}}\"}", "{\"id\":\"}}\",\"_tidings\":{" FACTS "}}");
    spliced("{\"id\":\"1\",\"authors\":[{\"name\":\"x\"}]}",
            "{\"id\":\"1\",\"authors\":[{\"name\":\"x\"}],\"_tidings\":{" FACTS "}}");
}

static void splice_backlog(void **state)
{
    CLEANUP_BUF struct buf out = BUF_INIT(4096);
    struct td_item_facts f = facts;
    f.backlog = true;
    f.feed_title = "T";
    td_item_json(&out, "{\"id\":\"1\"}", 10, &f);
    assert_true(str_ends(buf_str(&out), ",\"revision\":1,\"backlog\":true}}"));
    assert_non_null(strstr(buf_str(&out), ",\"feed_title\":\"T\","));
}

/* Each byte at each place of a string that is otherwise plain. */
static void every_byte_everywhere(void **state)
{
    for (int c = 1; c < 256; c++)
        for (size_t at = 0; at < 20; at++) {
            char json[64] = "{\"id\":\"!!!!!!!!!!!!!!!!!!!!\"}";
            json[7 + at] = (char)c;
            assert_int_equal(td_item_json_valid(json, strlen(json)),
                             c >= 0x20 && c < 0x80 && c != '"' && c != '\\');
        }
}

/* A text of JSON that is nested N deep: the object is 1, the arrays in it 2 to N. */
static char *nested(size_t n, size_t *ret_len)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    buf_adds(&b, "{\"a\":");
    for (size_t i = 1; i < n; i++)
        buf_addc(&b, '[');
    for (size_t i = 1; i < n; i++)
        buf_addc(&b, ']');
    buf_addc(&b, '}');
    return buf_take(&b, ret_len);
}

static void validity(void **state)
{
    static const struct {
        bool ok;
        const char *json;
    } cases[] = {
        {true, "{\"a\":\"\\u00e9\\n\\/\xe2\x82\xac\",\"b\":[-0.5e+10,0,true,false,null,[],[{}]]}"},
        {true, "{ \"a\" : 1 , \"_tidings\" : { \"b\" : { \"c\" : 2 } }}"},
        {true, "{\"a\":\"\\ud83d\\ude00\"}"},
        {true, "{\"authors\":[{\"name\":\"x\",\"_tidings\":{\"email\":\"y\"}}]}"},
        {false, ""},
        {false, "{}"},
        {false, "[]"},
        {false, "\"x\""},
        {false, "{\"a\":1"},
        {false, "{\"a\":1}}"},
        {false, "{\"a\":1} "},
        {false, " {\"a\":1}"},
        {false, "{\"a\":1,}"},
        {false, "{\"a\"}"},
        {false, "{\"a\":}"},
        {false, "{a:1}"},
        {false, "{\"a\":01}"},
        {false, "{\"a\":1.}"},
        {false, "{\"a\":.5}"},
        {false, "{\"a\":1e}"},
        {false, "{\"a\":+1}"},
        {false, "{\"a\":tru}"},
        {false, "{\"a\":NaN}"},
        {false, "{\"a\":\"\\x\"}"},
        {false, "{\"a\":\"\\u12\"}"},
        {false, "{\"a\":\"\\u0000\"}"},
        {false, "{\"a\":\"\\ud83d\"}"},
        {false, "{\"a\":\"\\ude00\"}"},
        {false, "{\"a\":\"\t\"}"},
        {false, "{\"a\":\"\xff\"}"},
        {false, "{\"a\":\n1}"},
        {false, "{\"a\":[1 2]}"},
        {false, "{\"a\":[1,]}"},
        {false, "{\"a\":{\"b\":1}}"},                 /* an object that is not _tidings */
        {false, "{\"_tidings\":{\"b\":1},\"a\":1}"},  /* not the last */
        {false, "{\"a\":1,\"_tidings\":{\"b\":1} }"}, /* the splice looks for "}}" */
        {false, "{\"a\":1,\"_tidings\":{ }}"},
        {false, "{\"a\":1,\"_tidings\":1}"},
        {false, "{\"a\":1,\"_tid\\u0069ngs\":1}"}, /* the same name in disguise */
        {false, "{\"a\":1,\"_tidings\":{\"item_id\":1}}"},
        {false, "{\"a\":1,\"_tidings\":{\"it\\u0065m_id\":1}}"},
        {false, "{\"a\":1,\"_tidings\":{\"x\":1,\"backlog\":true}}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (td_item_json_valid(cases[i].json, strlen(cases[i].json)) != cases[i].ok)
            fail_msg("%s should be %s", cases[i].json, cases[i].ok ? "valid" : "refused");
}

static void depth(void **state)
{
    size_t n;
    CLEANUP_FREE char *deep = nested(LIMIT_DEPTH, &n);
    assert_true(td_item_json_valid(deep, n));
    CLEANUP_FREE char *deeper = nested(LIMIT_DEPTH + 1, &n);
    assert_false(td_item_json_valid(deeper, n));
    CLEANUP_FREE char *abyss = nested(400000, &n);
    assert_false(td_item_json_valid(abyss, n));
}

/* No prefix of an object is one, and looking at it stays inside it. */
static void prefixes(void **state)
{
    static const char json[] =
        "{\"a\":\"\\ud83d\\ude00\\u00e9\xe2\x82\xac\",\"b\":[-1.5e3,true,null],"
        "\"_tidings\":{\"c\":{\"d\":false}}}";
    for (size_t n = 0; n < sizeof json - 1; n++) {
        CLEANUP_FREE char *exact = xmalloc(n);
        memcpy(exact, json, n);
        assert_false(td_item_json_valid(exact, n));
    }
    assert_true(td_item_json_valid(json, sizeof json - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splice),   cmocka_unit_test(splice_backlog),
        cmocka_unit_test(validity), cmocka_unit_test(every_byte_everywhere),
        cmocka_unit_test(depth),    cmocka_unit_test(prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
