#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "query/names.h"
#include "base/str.h"
#include "query/plan.h"

#define NOW 1795600800000LL /* 2026-11-25T10:00:00Z */

/* What the store is asked, for each form of the language. */
static void plans_say_what_the_index_can(void **state)
{
    static const struct {
        const char *query, *fts;
        bool exact;
    } cases[] = {
        {"", "", true},
        {"call", "((\"call\"))", true},
        {" army  call ", "((\"army\" AND \"call\"))", true},
        {"army AND call", "((\"army\" AND \"call\"))", true},
        {"\"army chief\"", "((\"army chief\"))", true},
        {"army OR navy call", "(((\"army\" OR \"navy\") AND \"call\"))", true},
        {"call -ferry", "((\"call\") NOT \"ferry\")", true},
        {"call NOT ferry NOT beaver", "((\"call\") NOT \"ferry\" NOT \"beaver\")", true},
        {"-ferry", "", false},
        {"def*", "((\"def\"*))", true},
        {"\"army ch\"*", "((\"army ch\"*))", true},
        {"title:call author:\"m linde\"", "(({title}:\"call\" AND {author}:\"m linde\"))", true},
        {"title:(a b)", "(({title}:\"a\" AND {title}:\"b\"))", true},
        {"a NEAR/3 \"b c\"", "((NEAR(\"a\" \"b c\", 3)))", true},
        {"text:a NEAR b NEAR c*", "(({text}:NEAR(\"a\" \"b\" \"c\"*, 10)))", true},
        {"a-b x.y", "((\"a-b\" AND \"x.y\"))", true},
        {"https://a.example/x 10:30 Re:Zero",
         "((\"https://a.example/x\" AND \"10:30\" AND \"Re:Zero\"))", true},
        {"feed:lwn kernel", "((\"kernel\"))", true},
        {"feed:lwn OR kernel", "", false},
        {"feed:lwn* kernel", "((\"kernel\"))", false},
        {"kernel -feed:lwn", "((\"kernel\"))", false},
        {"kernel -(linux tag:x)", "((\"kernel\"))", false},
        {"kernel -(linux mint)", "((\"kernel\") NOT ((\"linux\" AND \"mint\")))", true},
        {"title:/x/ kernel", "((\"kernel\"))", false},
        {"before:2026 after:2d", "", true},
        {"has:enclosure a", "((\"a\"))", false},
        {"-(-a)", "", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct query_error e = {.reason = ""};
        CLEANUP_QUERY struct query *q = NULL;
        struct query_plan p;
        if (query_parse(&q, cases[i].query, &e) < 0)
            fail_msg("%s: %s at %zu", cases[i].query, e.reason, e.column);
        query_plan_make(&p, q, NOW, false);
        assert_string_equal(buf_str(&p.fts), cases[i].fts);
        assert_int_equal(p.exact, cases[i].exact);
        query_plan_fini(&p);
    }
}

static void bounds_are_taken_out(void **state)
{
    CLEANUP_QUERY struct query *q = NULL;
    struct query_plan p;
    assert_int_equal(
        query_parse(&q, "feed:\"my feed\" after:2026-11-20 before:today after:1d x", NULL), 0);
    query_plan_make(&p, q, NOW, false);
    assert_string_equal(p.feed, "my feed");
    assert_int_equal(p.since, NOW - 86400000); /* the later of both */
    assert_int_equal(p.before, NOW - 10 * 3600 * 1000);
    assert_true(p.exact);
    query_plan_fini(&p);
    assert_true(query_needs(q) & QUERY_NEEDS_TEXT);
}

static void mistakes_have_a_place(void **state)
{
    static const struct {
        const char *query;
        size_t column, len;
        const char *says;
    } cases[] = {
        {"a \"b", 3, 1, "not closed"},
        {"(a b", 1, 1, "not closed"},
        {"a) b", 2, 1, "never opened"},
        {"a ()", 3, 1, "between the parentheses"},
        {"title: a", 1, 6, "missing after the colon"},
        {"a title:", 3, 6, "missing after the colon"},
        {"a OR", 3, 2, "behind OR"},
        {"OR a", 1, 2, "before OR"},
        {"a OR OR b", 6, 2, "before OR"},
        {"a NOT", 3, 3, "behind NOT"},
        {"- a", 1, 1, "behind -"},
        {"a AND b OR c", 3, 3, "parentheses must say"},
        {"a NEAR/x b", 3, 6, "number of words"},
        {"a NEAR/5000 b", 3, 9, "number of words"},
        {"a NEAR/3", 3, 6, "behind NEAR"},
        {"a NEAR tag:x", 8, 5, "words and phrases only"},
        {"tag:x NEAR a", 1, 6, "words and phrases only"},
        {"a NEAR/1 b NEAR/2 c", 12, 6, "one distance"},
        {"title:a NEAR text:b", 14, 6, "one field"},
        {"titel:x", 1, 6, "did you mean title?"},
        {"\xc3\xa4\xc3\xb6 !!", 4, 2, "letters and digits"},
        {"a*b", 2, 1, "end of a word"},
        {"before:soon", 8, 4, "how long ago"},
        {"after:12", 7, 2, "how long ago"},
        {"lang:en_", 6, 3, "language tag"},
        {"site:a/b", 6, 3, "a host"},
        {"has:money", 5, 5, "enclosure"},
        {"url:x", 1, 4, "takes a pattern"},
        {"title:/a(/", 10, 1, "cannot be read"},
        {"title:/a", 7, 1, "not closed"},
        {"title:/etc/passwd", 12, 1, "ignore case"},
        {"tag:(a b)", 1, 4, "one value"},
        {"title:(a text:b)", 10, 5, "inside the parentheses"},
        {"a \xff", 3, 1, "UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct query_error e = {0};
        struct query *q = NULL;
        if (query_parse(&q, cases[i].query, &e) == 0)
            fail_msg("%s: was read", cases[i].query);
        assert_null(q);
        if (!strstr(e.reason, cases[i].says) || e.column != cases[i].column ||
            e.len != cases[i].len)
            fail_msg("%s: %zu+%zu %s", cases[i].query, e.column, e.len, e.reason);
    }
}

static void too_much_is_refused(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    struct query_error e;
    struct query *q;
    for (int i = 0; i < 200; i++)
        buf_adds(&b, "(");
    assert_int_not_equal(query_parse(&q, b.data, &e), 0);
    assert_non_null(strstr(e.reason, "deeper"));
    buf_clear(&b);
    for (int i = 0; i < 200; i++)
        buf_adds(&b, "-(");
    assert_int_not_equal(query_parse(&q, b.data, &e), 0);
    buf_clear(&b);
    for (int i = 0; i < 8; i++)
        buf_adds(&b, "title:/a/ ");
    assert_int_equal(query_parse(&q, b.data, &e), 0);
    query_free(q);
    buf_adds(&b, "title:/a/");
    assert_int_not_equal(query_parse(&q, b.data, &e), 0);
    assert_non_null(strstr(e.reason, "more than 8 patterns"));
    buf_clear(&b);
    for (int i = 0; i < 1001; i++)
        buf_adds(&b, "a ");
    assert_int_not_equal(query_parse(&q, b.data, &e), 0);
    assert_non_null(strstr(e.reason, "more than 1000"));
    while (b.len < 17000)
        buf_adds(&b, "          ");
    assert_int_not_equal(query_parse(&q, b.data, &e), 0);
    assert_non_null(strstr(e.reason, "longer than"));
}

/* query:NAME is the query of that name, whatever its own text is. */
static void names(void **state)
{
    static const struct query_name list[] = {
        {"rail", "rail* OR train"}, {"long reads", "query:rail tag:long"},
        {"a", "x query:b"},         {"b", "query:a"},
        {"broken", "has:money"},    {"all", ""},
        {"one", "query:two"},       {"two", "query:three"},
        {"three", "query:four"},    {"four", "query:five"},
        {"five", "word"},
    };
    static const struct {
        const char *query, *matches, *not, *says;
        size_t column, len;
    } cases[] = {
        {"query:rail -strike", "a train", "a train strike", NULL, 0, 0},
        {"query:\"long reads\"", NULL, "a train", NULL, 0, 0},
        {"NOT query:rail", "a bus", "railway", NULL, 0, 0},
        {"(bus OR query:rail) late", "late railway", "a bus", NULL, 0, 0},
        {"query:all -query:rail", "a bus", "a train", NULL, 0, 0},
        {"query:two", "word", "train", NULL, 0, 0},
        {"bus query:trian", NULL, NULL, "there is no query trian", 11, 5},
        {"query:rail*", NULL, NULL, "whole name", 7, 5},
        {"query:a", NULL, NULL, "circle", 7, 1},
        {"query:one", NULL, NULL, "deeper than 4", 7, 3},
        {"query:broken", NULL, NULL, "in it: has: takes", 7, 6},
        {"query:", NULL, NULL, "value is missing", 1, 6},
    };
    struct matcher *m = matcher_new();
    query_names_set(list, ARRAY_SIZE(list));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct query_error e = {0};
        struct query *q = NULL;
        int r = query_parse(&q, cases[i].query, &e);
        if ((r < 0) != (cases[i].says != NULL) ||
            (r < 0 && (!strstr(e.reason, cases[i].says) || e.column != cases[i].column ||
                       e.len != cases[i].len)))
            fail_msg("%s: %d, %zu+%zu %s", cases[i].query, r, e.column, e.len, e.reason);
        for (int yes = 0; r == 0 && yes < 2; yes++) {
            struct query_doc doc = {.title = yes ? cases[i].matches : cases[i].not,
                                    .date_published = TD_NEVER};
            if (!doc.title)
                continue;
            matcher_set(m, &doc);
            if (matcher_matches(m, q, 0) != yes)
                fail_msg("%s: %s", cases[i].query, doc.title);
        }
        query_free(q);
        if (i < 9 && i != 7) /* what is no name is left to who knows them */
            assert_int_equal(query_check(cases[i].query, &e), 0);
    }
    query_names_set(NULL, 0);
    matcher_free(m);
}

static void a_caret_stands_under_the_place(void **state)
{
    static const struct {
        const char *query, *shown;
    } cases[] = {
        {"a titel:x", "  a titel:x\n    ^\n"},
        {"\xe6\x97\xa5\xe6\x9c\xac b)",
         "  \xe6\x97\xa5\xe6\x9c\xac b)\n        ^\n"}, /* wide letters */
        {"a OR", "  a OR\n    ^\n"},
        {"a\x1b[31m !", "  a\xef\xbf\xbd[31m !\n         ^\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct query_error e;
        struct query *q;
        CLEANUP_BUF struct buf b = BUF_INIT(4096);
        assert_int_not_equal(query_parse(&q, cases[i].query, &e), 0);
        query_add_caret(&b, cases[i].query, &e, 2);
        assert_string_equal(b.data, cases[i].shown);
    }
    CLEANUP_BUF struct buf longer = BUF_INIT(4096), shown = BUF_INIT(4096);
    struct query_error e;
    struct query *q;
    for (int i = 0; i < 40; i++)
        buf_adds(&longer, "w\xc3\xb6rter ");
    buf_adds(&longer, ") and more words than fit into the line behind it");
    assert_int_not_equal(query_parse(&q, longer.data, &e), 0);
    query_add_caret(&shown, longer.data, &e, 0);
    char *nl = strchr(shown.data, '\n'), *caret = strchr(shown.data, '^');
    assert_true(str_starts(shown.data, "..."));
    assert_true(nl && caret && caret - nl == 54); /* "..." and 50 characters before it */
}

static void td_err_names_the_character(void **state)
{
    struct td_err err;
    struct query *q;
    assert_int_equal(query_parse_err(&q, "\xc3\xa4 has:x", &err), -22);
    assert_string_equal(err.msg,
                        "query: has: takes enclosure, link, title, author, date, tag or text "
                        "at character 7 of: \xc3\xa4 has:x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_say_what_the_index_can),
        cmocka_unit_test(bounds_are_taken_out),
        cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(names),
        cmocka_unit_test(a_caret_stands_under_the_place),
        cmocka_unit_test(td_err_names_the_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
