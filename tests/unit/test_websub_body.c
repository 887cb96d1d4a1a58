#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/str.h"
#include "notify/websub_body.h"

#define ITEM(id, title)                                                           \
    "{\"seq\":1,\"event\":\"item.new\",\"item\":{\"id\":\"x\",\"title\":\"" title \
    "\",\"url\":\"http://i/\",\"_tidings\":{\"item_id\":" #id                     \
    ",\"feed\":\"f\",\"first_seen\":\"2026-11-25T10:00:00Z\"}}}"

static const struct sink_env env = {.instance = "0011"};
static const struct td_sub_conf conf = {
    .format = TD_FORMAT_WEBSUB,
    .target = (char *)"http://s/",
    .hub_topic = (char *)"http://h/v1/feed.atom?query=a&token=b",
    .hub_url = (char *)"http://h/v1/hub",
    .hub_title = (char *)"All of a",
    .hub_secret = (char *)"key"};

static int render(struct webhook *w, const struct td_sub_conf *c, const char *const *json, int n)
{
    struct sink_event events[4];
    for (int i = 0; i < n; i++)
        events[i] = (struct sink_event){.seq = i + 1,
                                        .at = 1795600800000LL,
                                        .kind = "item.new",
                                        .json = json[i],
                                        .json_len = strlen(json[i])};
    struct sink_message m = {events, n, 1};
    return webhook_render(w, c, &env, &m, 0);
}

static bool has_header(const struct webhook *w, const char *line)
{
    for (int i = 0; i < w->n_headers; i++)
        if (str_eq(w->headers[i], line))
            return true;
    return false;
}

static void a_delivery_is_the_feed_of_what_is_new(void **state)
{
    static const char *const json[] = {ITEM(1, "first"), ITEM(2, "old"), ITEM(3, "third"),
                                       ITEM(2, "new")};
    struct webhook w;
    assert_int_equal(render(&w, &conf, json, 4), 0);
    const char *new_ = strstr(w.body.data, "<title>new</title>"),
               *third = strstr(w.body.data, "<title>third</title>"),
               *first = strstr(w.body.data, "<title>first</title>");
    assert_true(new_ && third && first && new_ < third && third < first); /* newest first */
    assert_null(strstr(w.body.data, "<title>old</title>"));               /* it has changed since */
    assert_non_null(strstr(w.body.data, "<title>All of a</title>"));
    assert_non_null(strstr(w.body.data, "href=\"http://h/v1/feed.atom?query=a&amp;token=b\""));
    assert_string_equal(w.url, "http://s/");
    assert_true(has_header(&w, "Content-Type: application/atom+xml; charset=utf-8"));
    assert_true(has_header(
        &w, "Link: <http://h/v1/hub>; rel=\"hub\", <http://h/v1/feed.atom?query=a&token=b>;"
            " rel=\"self\""));
    unsigned char mac[CRYPTO_HMAC_MAX];
    char hex[2 * CRYPTO_HMAC_MAX + 1];
    size_t n = crypto_hmac("sha256", "key", 3, w.body.data, w.body.len, mac);
    CLEANUP_FREE char *signature = xasprintf("X-Hub-Signature: sha256=%s", crypto_hex(mac, n, hex));
    assert_true(has_header(&w, signature));
    assert_int_equal(w.n_headers, 3); /* not those of other webhooks */
    webhook_fini(&w);
}

static void the_topic_says_the_format(void **state)
{
    static const char *const json[] = {ITEM(1, "a"), ITEM(2, "b")};
    struct td_sub_conf c = conf;
    struct webhook w;
    c.hub_secret = NULL;
    c.hub_topic = (char *)"http://h/v1/feed.json?query=a";
    assert_int_equal(render(&w, &c, json, 2), 0);
    assert_non_null(strstr(w.body.data, "\"items\":[{\"id\":\"urn:uuid:"));
    assert_non_null(strstr(w.body.data, "},{"));
    assert_int_equal(w.n_headers, 2); /* no signature */
    webhook_fini(&w);
    c.hub_topic = (char *)"http://h/v1/feed.rss?query=a";
    assert_int_equal(render(&w, &c, json, 1), 0);
    assert_non_null(strstr(w.body.data, "<rss version=\"2.0\""));
    webhook_fini(&w);
}

static void what_is_no_event_is_refused(void **state)
{
    static const char *const json[] = {"{"};
    struct webhook w;
    assert_true(render(&w, &conf, json, 1) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delivery_is_the_feed_of_what_is_new),
        cmocka_unit_test(the_topic_says_the_format),
        cmocka_unit_test(what_is_no_event_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
