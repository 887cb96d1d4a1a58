/* push: what is known of a subscription survives as text; what is shown of it holds no secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/push.h"

#define KEY1 "0123456789abcdef0123456789abcdef0123456789abcdef"
#define KEY2 "fedcba9876543210fedcba9876543210fedcba9876543210"
#define T0   1700000000000

static void sub(struct td_push_sub *s, const char *key, const char *secret)
{
    s->hub = xstrdup("https://hub.example/");
    s->topic = xstrdup("https://a.example/feed?x=1 2");
    s->callback = xasprintf("https://me.example/websub/%s", key);
    s->key = xstrdup(key);
    s->secret = xstrdup_or_null(secret);
}

static void whole(struct td_push *p)
{
    td_push_init(p);
    p->hubs = xstrdup("https://hub.example/\nhttps://u:p@other.example/hub");
    p->topic = xstrdup("https://a.example/feed?x=1 2");
    sub(&p->live, KEY1, "s3cret");
    sub(&p->asked, KEY2, NULL);
    p->lease_until = T0 + 5000;
    p->lease_ms = 5000;
    p->live_since = T0;
    p->renew_at = T0 + 3000;
    p->n_failures = 2;
    p->n_misses = 1;
    p->last_push_at = T0 + 1;
}

static void text_and_back(void **state)
{
    struct td_push p, q;
    CLEANUP_BUF struct buf one = BUF_INIT(10000), two = BUF_INIT(10000);
    whole(&p);
    td_push_write(&p, &one);
    td_push_read(&q, buf_str(&one));
    td_push_write(&q, &two);
    assert_string_equal(one.data, two.data);
    assert_string_equal(q.hubs, p.hubs);
    assert_string_equal(q.live.secret, "s3cret");
    assert_null(q.asked.secret);
    assert_null(q.left.key);
    assert_int_equal(q.lease_until, T0 + 5000);
    assert_int_equal(q.suspect_at, TD_NEVER);
    assert_int_equal(q.n_failures, 2);
    td_push_fini(&p);
    td_push_fini(&q);
}

static void nothing_is_nothing(void **state)
{
    struct td_push p;
    CLEANUP_BUF struct buf b = BUF_INIT(1000);
    td_push_read(&p, NULL);
    assert_null(p.hubs);
    assert_string_equal(td_push_state(&p), "none");
    td_push_write(&p, &b);
    assert_int_equal(b.len, 0);
    struct jw w = {.b = &b};
    td_push_json(&w, &p);
    assert_int_equal(b.len, 0);
    td_push_fini(&p);
}

/* A store of a newer version, a damaged one: what is left is whole or gone. */
static void damage(void **state)
{
    struct td_push p;
    td_push_read(
        &p, "hub https://h/\ntopic t\nlive-key " KEY1 "\nlive-hub https://h/\n"
            "asked-hub h\nasked-topic t\nasked-callback c\nasked-key short\n"
            "left-hub h\nleft-topic t\nleft-callback c\nleft-key " KEY2 "\n"
            "lease-until soon\nfailures -3\nmisses 99999999999\nfrom-the-future 7\nnonsense\n");
    assert_null(p.live.key); /* without topic and callback */
    assert_null(p.live.hub);
    assert_null(p.asked.key);
    assert_string_equal(p.left.key, KEY2);
    assert_int_equal(p.lease_until, TD_NEVER);
    assert_int_equal(p.n_failures, 0);
    assert_int_equal(p.n_misses, INT32_MAX);
    assert_string_equal(td_push_state(&p), "offered");
    td_push_fini(&p);
    td_push_read(&p, "hub https://h/\n");
    assert_null(p.hubs); /* no topic: nothing to ask for */
    td_push_fini(&p);
}

static void a_line_end_in_a_value_is_not_written(void **state)
{
    struct td_push p;
    CLEANUP_BUF struct buf b = BUF_INIT(1000);
    td_push_init(&p);
    p.topic = xstrdup("t\nlive-key x");
    td_push_write(&p, &b);
    assert_int_equal(b.len, 0);
    td_push_fini(&p);
}

static const char *shown(struct buf *b, const struct td_push *p)
{
    buf_clear(b);
    struct jw w = {.b = b};
    jw_begin_object(&w, NULL);
    td_push_json(&w, p);
    jw_end_object(&w);
    return buf_str(b);
}

static void what_is_shown(void **state)
{
    struct td_push p;
    CLEANUP_BUF struct buf b = BUF_INIT(10000);
    whole(&p);
    const char *json = shown(&b, &p);
    assert_string_equal(
        json, "{\"push\":{\"state\":\"live\",\"hub\":\"https://hub.example/\",\"topic\":"
              "\"https://a.example/feed?x=1 2\",\"since\":\"2023-11-14T22:13:20Z\",\"lease_until\":"
              "\"2023-11-14T22:13:25Z\",\"renew_at\":\"2023-11-14T22:13:23Z\",\"last_push_at\":"
              "\"2023-11-14T22:13:20Z\",\"signed\":true,\"misses\":1}}");
    td_push_sub_fini(&p.live);
    assert_non_null(strstr(shown(&b, &p), "\"state\":\"asked\""));
    assert_null(strstr(buf_str(&b), KEY2));
    td_push_sub_fini(&p.asked);
    xreplace(&p.hubs, "https://u:p@other.example/hub");
    p.retry_at = T0;
    assert_non_null(
        strstr(shown(&b, &p), "\"state\":\"offered\",\"hub\":\"https://other.example/hub\""));
    assert_non_null(strstr(buf_str(&b), "retry_at"));
    xreplace(&p.error, "the hub said HTTP 403");
    assert_non_null(strstr(shown(&b, &p), "\"state\":\"failed\""));
    p.distrusted_until = T0 + 1;
    assert_non_null(strstr(shown(&b, &p), "\"state\":\"distrusted\""));
    td_push_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_back), cmocka_unit_test(nothing_is_nothing),
        cmocka_unit_test(damage),        cmocka_unit_test(a_line_end_in_a_value_is_not_written),
        cmocka_unit_test(what_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
