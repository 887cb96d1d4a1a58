#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/feed.h"

static char *argv[] = {(char *)"cmd", (char *)"-x", NULL};
static char *argv_longer[] = {(char *)"cmd", (char *)"-x", (char *)"y", NULL};

static struct td_feed_conf sample(void)
{
    return (struct td_feed_conf){
        .name = (char *)"n",
        .url = (char *)"https://example.org/",
        .title = (char *)"t",
        .tags = (char *)"a\nb",
        .argv = argv,
        .enabled = true,
        .interval_ms = 1,
        .min_interval_ms = 2,
        .move_after_ms = 8,
        .timeout_ms = 3,
        .max_body_bytes = 4,
        .retention_age_ms = 5,
        .retention_count = 6,
        .backlog_ms = 7,
    };
}

static void conf_copy_is_deep(void **state)
{
    struct td_feed_conf c = sample();
    struct td_feed_conf *d = td_feed_conf_copy(&c);
    assert_true(td_feed_conf_same(&c, d));
    assert_ptr_not_equal(c.url, d->url);
    assert_ptr_not_equal(c.argv, d->argv);
    assert_ptr_not_equal(c.argv[0], d->argv[0]);
    assert_null(d->argv[2]);
    td_feed_conf_free(d);
    struct td_feed_conf little = {.name = (char *)"n", .url = (char *)"u"};
    d = td_feed_conf_copy(&little);
    assert_true(td_feed_conf_same(&little, d));
    td_feed_conf_free(d);
    td_feed_conf_free(NULL);
}

/* A change of any one member is a difference, both ways round. */
static void conf_same_sees_all(void **state)
{
    const struct td_feed_conf a = sample();
    struct td_feed_conf b[20];
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_SIZE(b); i++)
        b[i] = a;
    b[n++].name = (char *)"other";
    b[n++].url = (char *)"other";
    b[n++].title = (char *)"other";
    b[n++].title = NULL;
    b[n++].tags = NULL;
    b[n++].argv = NULL;
    b[n++].argv = argv_longer;
    b[n++].source = TD_SOURCE_EXEC;
    b[n++].origin = TD_ORIGIN_API;
    b[n++].enabled = false;
    b[n++].ignore_hints = true;
    b[n++].robots = true;
    b[n++].interval_ms = 99;
    b[n++].min_interval_ms = 99;
    b[n++].move_after_ms = 99;
    b[n++].timeout_ms = 99;
    b[n++].max_body_bytes = 99;
    b[n++].retention_age_ms = 99;
    b[n++].retention_count = 99;
    b[n++].backlog_ms = 99;
    assert_int_equal(n, ARRAY_SIZE(b));
    for (size_t i = 0; i < n; i++)
        if (td_feed_conf_same(&a, b + i) || td_feed_conf_same(b + i, &a))
            fail_msg("difference %zu is not seen", i);
}

static void outcome_names(void **state)
{
    for (int i = 0; i < TD_OUT_N; i++) {
        const char *name = td_outcome_name((enum td_outcome)i);
        assert_non_null(name);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(name, td_outcome_name((enum td_outcome)k));
    }
    assert_string_equal(td_outcome_name(TD_OUT_NOT_MODIFIED), "not-modified");
    assert_string_equal(td_outcome_name(TD_OUT_N), "unknown");
    assert_string_equal(td_outcome_name((enum td_outcome) - 1), "unknown");
    assert_true(td_outcome_good(TD_OUT_NOT_MODIFIED));
    assert_false(td_outcome_good(TD_OUT_INCOMPLETE));
}

static void state_begins_unknown(void **state)
{
    struct td_feed_state s;
    memset(&s, 0xff, sizeof s);
    td_feed_state_init(&s);
    assert_int_equal(s.feed_id, 0);
    assert_int_equal(s.next_due_at, 0);
    assert_true(s.last_fetch_at == TD_NEVER && s.last_success_at == TD_NEVER);
    assert_true(s.last_new_at == TD_NEVER && s.failing_since == TD_NEVER);
    assert_true(s.retry_after_at == TD_NEVER && s.moved_since == TD_NEVER);
    assert_true(s.rate_per_day < 0);
    assert_null(s.val.etag);
    assert_null(s.why);
    assert_int_equal(s.n_history, 0);
    assert_int_equal(td_feed_state_last(&s)->outcome, TD_OUT_NONE);
    td_feed_state_fini(&s);
}

/* Every string of a state, by address, so that none is forgotten. */
static char **string_of(struct td_feed_state *s, int i)
{
    char **all[] = {&s->val.etag, &s->val.last_modified,
                    &s->title,    &s->home_page_url,
                    &s->moved_to, &s->error,
                    &s->why,      &s->url,
                    &s->push,     NULL};
    return all[i];
}

static void state_copy_is_deep(void **state)
{
    struct td_feed_state a, b = {0};
    td_feed_state_init(&a);
    for (int i = 0; string_of(&a, i); i++)
        *string_of(&a, i) = xasprintf("text %d", i);
    a.next_due_at = 42;
    a.rate_per_day = 1.5;
    a.hints.skip_hours = 7;
    td_feed_state_note(&a, &(struct td_fetch_note){.at = 9, .outcome = TD_OUT_OK});
    td_feed_state_copy(&b, &a);
    td_feed_state_copy(&b, &a); /* what was there is freed (LeakSanitizer) */
    for (int i = 0; string_of(&a, i); i++) {
        assert_string_equal(*string_of(&a, i), *string_of(&b, i));
        assert_ptr_not_equal(*string_of(&a, i), *string_of(&b, i));
    }
    td_feed_state_fini(&a);
    assert_null(a.val.etag);
    assert_string_equal(b.why, "text 6");
    assert_int_equal(b.next_due_at, 42);
    assert_int_equal(b.hints.skip_hours, 7);
    assert_int_equal(b.history[0].at, 9);
    td_feed_state_copy(&b, &a);
    assert_null(b.why);
    td_feed_state_fini(&b);
    td_feed_state_fini(&b); /* again is harmless */
}

static void notes_newest_first(void **state)
{
    struct td_feed_state s;
    td_feed_state_init(&s);
    for (int i = 1; i <= LIMIT_FEED_HISTORY + 3; i++)
        td_feed_state_note(&s, &(struct td_fetch_note){.at = i, .outcome = TD_OUT_OK});
    assert_int_equal(s.n_history, LIMIT_FEED_HISTORY);
    for (int i = 0; i < LIMIT_FEED_HISTORY; i++)
        assert_int_equal(s.history[i].at, LIMIT_FEED_HISTORY + 3 - i);
    td_feed_state_fini(&s);
}

static void slim_keeps_what_the_next_fetch_needs(void **state)
{
    struct td_feed_state s;
    td_feed_state_init(&s);
    td_feed_state_slim(&s);
    assert_int_equal(s.n_history, 0);
    for (int i = 0; string_of(&s, i); i++)
        *string_of(&s, i) = xasprintf("text %d", i);
    for (int i = 1; i <= 4; i++)
        td_feed_state_note(
            &s, &(struct td_fetch_note){.at = i, .outcome = i > 2 ? TD_OUT_GONE : TD_OUT_OK});
    td_feed_state_slim(&s);
    assert_string_equal(s.val.etag, "text 0");
    assert_string_equal(s.error, "text 5");
    assert_true(!s.title && !s.home_page_url && !s.why);
    assert_int_equal(s.n_history, 2); /* the run of 410s */
    assert_int_equal(s.history[1].at, 3);
    td_feed_state_note(&s, &(struct td_fetch_note){.at = 5, .outcome = TD_OUT_OK});
    td_feed_state_slim(&s);
    assert_int_equal(s.n_history, 1);
    assert_int_equal(td_feed_state_last(&s)->at, 5);
    td_feed_state_fini(&s);
}

static void public_urls(void **state)
{
    static const char *const pairs[][2] = {
        {"https://me:pass@example.org/a@b?c@d", "https://example.org/a@b?c@d"},
        {"http://a@b:c@example.org", "http://example.org"},
        {"http://example.org/x@y", "http://example.org/x@y"},
        {"http://example.org?x@y", "http://example.org?x@y"},
        {"exec:curl http://me:pass@x/", "exec:curl http://me:pass@x/"},
        {"file:/a", "file:/a"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        CLEANUP_FREE char *url = td_url_public(pairs[i][0]);
        assert_string_equal(url, pairs[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conf_copy_is_deep),
        cmocka_unit_test(conf_same_sees_all),
        cmocka_unit_test(outcome_names),
        cmocka_unit_test(state_begins_unknown),
        cmocka_unit_test(state_copy_is_deep),
        cmocka_unit_test(notes_newest_first),
        cmocka_unit_test(slim_keeps_what_the_next_fetch_needs),
        cmocka_unit_test(public_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
