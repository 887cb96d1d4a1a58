#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve/param.h"
#include "serve/request.h"
#include "serve/route.h"

static const struct route table[] = {
    {"GET", "/", NULL},       {"GET", "/a", "x y"},        {"POST", "/a", NULL},
    {"GET", "/a/{id}", NULL}, {"DELETE", "/a/{id}", NULL}, {"POST", "/a/{id}/ack", NULL},
};

static int find(const char *method, const char *path, size_t *ret_i, char **ret_arg, char *allow)
{
    const struct route *r;
    struct td_err err;
    int result = route_find(table, ARRAY_SIZE(table), method, path, &r, ret_arg, allow, 64, &err);
    if (result == 0)
        *ret_i = (size_t)(r - table);
    return result;
}

static void paths(void **state)
{
    static const struct {
        const char *method, *path;
        int result;
        size_t i;
        const char *arg;
    } cases[] = {
        {"GET", "/", 0, 0, NULL},
        {"GET", "/a", 0, 1, NULL},
        {"HEAD", "/a", 0, 1, NULL},
        {"POST", "/a", 0, 2, NULL},
        {"GET", "/a/7", 0, 3, "7"},
        {"GET", "/a/feed%2F12", 0, 3, "feed/12"},
        {"GET", "/a/a+b%20c", 0, 3, "a+b c"},
        {"DELETE", "/a/http:%2F%2Fx%2F?", 0, 4, "http://x/?"},
        {"POST", "/a/7/ack", 0, 5, "7"},
        {"GET", "", -ENOENT},
        {"GET", "/b", -ENOENT},
        {"GET", "/a/", -ENOENT},
        {"GET", "/a/7/", -ENOENT},
        {"GET", "/a/7/8", -ENOENT},
        {"GET", "/A", -ENOENT},
        {"PUT", "/a/7", -EOPNOTSUPP},
        {"PUT", "/", -EOPNOTSUPP},
        {"GET", "/a/%zz", -EINVAL},
        {"GET", "/a/%00", -EINVAL},
        {"GET", "/a/%", -EINVAL},
        {"GET", "/a/%4", -EINVAL},
        {"GET", "/a/%ff", -EINVAL},
    };
    for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
        CLEANUP_FREE char *arg = NULL;
        size_t i = 99;
        char allow[64];
        assert_int_equal(find(cases[k].method, cases[k].path, &i, &arg, allow), cases[k].result);
        if (cases[k].result == 0)
            assert_int_equal(i, cases[k].i);
        assert_true(str_same(arg, cases[k].arg));
    }
    char allow[64];
    size_t i;
    char *arg = NULL;
    find("PUT", "/a/7", &i, &arg, allow);
    assert_string_equal(allow, "GET, HEAD, DELETE");
    find("BREW", "/a/7/ack", &i, &arg, allow);
    assert_string_equal(allow, "POST");
}

static void queries(void **state)
{
    struct params p;
    struct td_err err;
    assert_int_equal(params_parse(&p, "x=a%20b+c&y=&z", &err), 0);
    assert_int_equal(p.n, 3);
    assert_string_equal(param_str(&p, "x"), "a b c");
    assert_null(param_str(&p, "y"));
    assert_null(param_str(&p, "w"));
    assert_int_equal(params_check(&p, "x y z", &err), 0);
    assert_int_equal(params_check(&p, "xx yy x y", &err), -EINVAL);
    assert_non_null(strstr(err.msg, "unknown query parameter z: allowed are xx yy x y"));
    assert_int_equal(params_check(&p, NULL, &err), -EINVAL);
    params_fini(&p);
    assert_int_equal(params_parse(&p, NULL, &err), 0);
    assert_int_equal(params_check(&p, NULL, &err), 0);
    params_fini(&p);
    static const char *const bad[] = {
        "x=%",     "x=%00", "x=%ff",
        "x=1&x=2", "%zz=1", "a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q="};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(params_parse(&p, bad[i], &err), -EINVAL);
}

static void values(void **state)
{
    struct params p;
    struct td_err err;
    int64_t v = 5;
    bool b = true;
    int64_t now = 1000000000000;
    params_parse(&p,
                 "n=12&neg=-3&big=99999999999999999999&w=x&yes=true&no=0&t=2026-11-23T08:15:00Z"
                 "&d=2026-11-23&ago=90min&bad=yesterday",
                 &err);
    assert_int_equal(param_int(&p, "none", 0, 9, &v, &err), 0);
    assert_int_equal(v, 5);
    assert_int_equal(param_int(&p, "n", 1, 12, &v, &err), 0);
    assert_int_equal(v, 12);
    assert_int_equal(param_int(&p, "n", 1, 11, &v, &err), -EINVAL);
    assert_string_equal(err.msg, "n=12: a whole number from 1 to 11 is allowed");
    assert_int_equal(param_int(&p, "neg", 0, 11, &v, &err), -EINVAL);
    assert_int_equal(param_int(&p, "big", 0, INT64_MAX, &v, &err), -EINVAL);
    assert_int_equal(param_int(&p, "w", 0, 11, &v, &err), -EINVAL);
    assert_int_equal(v, 12);
    assert_int_equal(param_bool(&p, "no", &b, &err), 0);
    assert_false(b);
    assert_int_equal(param_bool(&p, "yes", &b, &err), 0);
    assert_true(b);
    assert_int_equal(param_bool(&p, "w", &b, &err), -EINVAL);
    assert_int_equal(param_time(&p, "t", now, &v, &err), 0);
    assert_int_equal(v, 1795421700000);
    assert_int_equal(param_time(&p, "d", now, &v, &err), 0);
    assert_int_equal(v, 1795392000000);
    assert_int_equal(param_time(&p, "ago", now, &v, &err), 0);
    assert_int_equal(v, now - 5400000);
    assert_int_equal(param_time(&p, "bad", now, &v, &err), -EINVAL);
    params_fini(&p);
}

static void cursor_names(void **state)
{
    char longest[LIMIT_NAME_BYTES + 2];
    struct td_err err;
    memset(longest, 'a', sizeof longest);
    longest[LIMIT_NAME_BYTES + 1] = 0;
    assert_int_equal(param_cursor_name(longest, &err), -EINVAL);
    longest[LIMIT_NAME_BYTES] = 0;
    assert_int_equal(param_cursor_name(longest, &err), 0);
    assert_int_equal(param_cursor_name("my laptop", &err), 0);
    assert_int_equal(param_cursor_name("", &err), -EINVAL);
    assert_int_equal(param_cursor_name("a/b", &err), -EINVAL);
    assert_int_equal(param_cursor_name("a\nb", &err), -EINVAL);
    assert_int_equal(param_cursor_name("a\xff", &err), -EINVAL);
}

/* The table itself: every row can be reached and says what it is. */
static void real_table(void **state)
{
    for (size_t i = 0; i < n_routes; i++) {
        const struct route *r;
        CLEANUP_FREE char *arg = NULL;
        struct td_err err;
        char allow[64], path[100];
        snprintf(path, sizeof path, "%s", routes[i].pattern);
        char *brace = strchr(path, '{');
        if (brace) /* what stands behind the argument stays */
            snprintf(brace, sizeof path - (size_t)(brace - path), "7%s",
                     strchr(routes[i].pattern, '}') + 1);
        assert_int_equal(route_find(routes, n_routes, routes[i].method, path, &r, &arg, allow,
                                    sizeof allow, &err),
                         0);
        assert_ptr_equal(r, &routes[i]);
        assert_true(!str_empty(r->help));
        assert_true(r->start || r->run);
    }
}

static void statuses(void **state)
{
    assert_int_equal(request_status(0), 200);
    assert_int_equal(request_status(-EINVAL), 400);
    assert_int_equal(request_status(-ENOENT), 404);
    assert_int_equal(request_status(-EEXIST), 409);
    assert_int_equal(request_status(-ESTALE), 410);
    assert_int_equal(request_status(-EAGAIN), 503);
    assert_int_equal(request_status(-ENODATA), 502);
    assert_int_equal(request_status(-EIO), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),        cmocka_unit_test(queries),    cmocka_unit_test(values),
        cmocka_unit_test(cursor_names), cmocka_unit_test(real_table), cmocka_unit_test(statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
