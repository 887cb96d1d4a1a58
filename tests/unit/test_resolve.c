/* Names that need no network. How questions are queued, merged and given up: test_fetch.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <ev.h>

#include "base/mem.h"
#include "base/str.h"
#include "fetch/resolve.h"

static char answer[RESOLVE_TEXT_BYTES];
static int error;

static void on_resolved(void *ctx, int e, const char *addresses)
{
    error = e;
    snprintf(answer, sizeof answer, "%s", e ? "" : addresses);
    ev_break(ctx, EVBREAK_ALL);
}

/* RFC 6761 6.3, whatever /etc/hosts says. */
static void localhost_is_this_machine(void **state)
{
    static const char *const names[] = {"localhost", "LocalHost", "localhost.", "feeds.localhost",
                                        "a.b.localhost."};
    struct ev_loop *loop = ev_loop_new(0);
    struct resolver *r = resolver_new(loop, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        *answer = 0;
        assert_non_null(resolver_ask(r, names[i], false, on_resolved, loop));
        ev_run(loop, 0);
        assert_int_equal(error, 0);
        assert_string_equal(answer, "127.0.0.1,[::1]");
    }
    resolver_free(r);
    ev_loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(localhost_is_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
