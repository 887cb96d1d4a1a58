#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/feed.h"
#include "model/feed_json.h"

static struct td_feed_conf *conf(void)
{
    struct td_feed_conf c = {.name = (char[]){"bbc"},
                             .url = (char[]){"http://x/\"q\""},
                             .tags = (char[]){"news\nuk"},
                             .origin = TD_ORIGIN_API,
                             .enabled = true,
                             .interval_ms = 90500,
                             .retention_count = 100};
    return td_feed_conf_copy(&c);
}

static void never_fetched(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(10000);
    struct td_feed_conf *c = conf();
    struct td_feed_state s;
    td_feed_state_init(&s);
    s.feed_id = 7;
    s.next_due_at = TD_NEVER;
    td_feed_json(&b, c, &s, 0, false);
    assert_string_equal(b.data,
                        "{\"feed_id\":7,\"name\":\"bbc\",\"url\":\"http://x/\\\"q\\\"\",\"tags\":["
                        "\"news\",\"uk\"],\"origin\":\"api\",\"enabled\":true,\"items\":0,"
                        "\"outcome\":\"none\",\"failures\":0}");
    td_feed_state_fini(&s);
    td_feed_conf_free(c);
}

static void in_detail(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(10000);
    struct td_feed_conf *c = conf();
    struct td_feed_state s;
    td_feed_state_init(&s);
    s.rate_per_day = 2.346;
    xreplace(&s.title, "Own title");
    xreplace(&s.why, "every 90.5 s, as configured");
    struct td_fetch_note ok = {.at = 1000,
                               .outcome = TD_OUT_OK,
                               .http_status = 200,
                               .n_new = 3,
                               .bytes = 12345,
                               .duration_ms = 240};
    struct td_fetch_note bad = {.at = 2000, .outcome = TD_OUT_HTTP, .http_status = 404};
    td_feed_state_note(&s, &ok);
    td_feed_state_note(&s, &bad);
    td_feed_json(&b, c, &s, 5, true);
    static const char *const parts[] = {
        "\"title\":\"Own title\"",
        "\"outcome\":\"http\"",
        "\"items_per_day\":2.35",
        "\"why\":\"every 90.5 s, as configured\"",
        "\"interval_seconds\":90.5",
        "\"retention_count\":100",
        "\"history\":[{\"at\":\"1970-01-01T00:00:02Z\",\"outcome\":\"http\",\"http_status\":404,",
        "\"text\":\"http 404, 0 bytes in 0.00 s\"},{",
        "\"text\":\"ok, 3 new, 12345 bytes in 0.24 s\"}]}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (!strstr(b.data, parts[i]))
            fail_msg("%s is not in %s", parts[i], b.data);
    td_feed_state_fini(&s);
    td_feed_conf_free(c);
}

/* What is known of its push, and nothing that is nobody's business. */
static void with_a_hub(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(10000);
    struct td_feed_conf *c = conf();
    struct td_feed_state s;
    td_feed_state_init(&s);
    xreplace(&s.push, "hub https://hub.example/\ntopic http://x/\n");
    td_feed_json(&b, c, &s, 0, false);
    assert_non_null(strstr(b.data,
                           "\"push\":{\"state\":\"offered\",\"hub\":\"https://hub.example/\","
                           "\"topic\":\"http://x/\"}"));
    buf_clear(&b);
    xreplace(&s.push, "");
    td_feed_json(&b, c, &s, 0, true);
    assert_null(strstr(b.data, "push"));
    td_feed_state_fini(&s);
    td_feed_conf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_fetched),
        cmocka_unit_test(in_detail),
        cmocka_unit_test(with_a_hub),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
