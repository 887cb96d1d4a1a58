#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "store/search.h"

static void words_become_fts5(void **state)
{
    static const struct {
        const char *query, *match;
    } cases[] = {
        {"call", "(\"call\")"},
        {" army  call ", "(\"army\") AND (\"call\")"},
        {"\"army chief\"", "(\"army chief\")"},
        {"army OR navy call", "(\"army\" OR \"navy\") AND (\"call\")"},
        {"call -ferry", "((\"call\")) NOT ((\"ferry\"))"},
        {"call NOT ferry NOT beaver", "((\"call\")) NOT ((\"ferry\") OR (\"beaver\"))"},
        {"def*", "(\"def\"*)"},
        {"title:call author:\"m linde\"", "(title:\"call\") AND (author:\"m linde\")"},
        {"a:b", "(\"a:b\")"},
        {"OR", "(\"OR\")"},
        {"x) OR (y", "(\"x)\" OR \"(y\")"},
        {"col^2", "(\"col^2\")"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct search s;
        struct td_err err = {""};
        assert_int_equal(search_parse(cases[i].query, &s, &err), 0);
        assert_string_equal(buf_str(&s.match), cases[i].match);
        search_fini(&s);
    }
}

static void filters_stand_apart(void **state)
{
    struct search s;
    assert_int_equal(search_parse("feed:lwn -tag:\"long reads\" kernel", &s, NULL), 0);
    assert_string_equal(s.match.data, "(\"kernel\")");
    assert_int_equal(s.n_filters, 2);
    assert_false(s.filters[0].tag || s.filters[0].not_);
    assert_true(s.filters[1].tag && s.filters[1].not_);
    assert_string_equal(s.filters[1].value, "long reads");
    search_fini(&s);
    assert_int_equal(search_parse("feed:lwn", &s, NULL), 0);
    assert_int_equal(s.match.len, 0);
    search_fini(&s);
}

static void mistakes_name_their_place(void **state)
{
    static const struct {
        const char *query, *says;
    } cases[] = {
        {"a \"b", "not closed at character 3"},
        {"call title:", "after the colon at character 6"},
        {"-ferry", "at least one word"},
        {"a OR feed:x", "cannot stand in an OR at character 6"},
        {"feed:x OR a", "cannot stand in an OR at character 1"},
        {"- a", "a word is missing at character 2"},
        {"***", "a word is missing at character 1"},
        {"bad \xff", "not UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct search s;
        struct td_err err = {""};
        assert_int_equal(search_parse(cases[i].query, &s, &err), -EINVAL);
        assert_non_null(strstr(err.msg, cases[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_fts5),
        cmocka_unit_test(filters_stand_apart),
        cmocka_unit_test(mistakes_name_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
