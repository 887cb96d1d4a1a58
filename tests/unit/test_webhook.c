/* The bytes of a webhook: signatures by the specification's own example, bodies of each format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "notify/handshake.h"
#include "notify/webhook.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define NOW    1614265330000

static const struct sink_env env = {.instance = "00112233aabbccdd"};

static char url[] = "https://h.example/in/topic", secrets[] = SECRET, authorization[] = "Bearer x";

static struct td_sub_conf conf(enum td_sub_format format, int batch)
{
    return (struct td_sub_conf){.sink = TD_SINK_WEBHOOK,
                                .target = url,
                                .format = format,
                                .batch = batch,
                                .secrets = secrets};
}

/* An event with BYTES of content; the caller frees its JSON. */
static struct sink_event event(int64_t seq, size_t bytes, const char *title)
{
    json_t *item = json_pack("{s:s, s:s, s:{s:I, s:s, s:s}}", "id", "urn:x", "url",
                             "https://f.example/a?b=1&c=2", "_tidings", "item_id",
                             (json_int_t)(seq * 10), "feed", "harbour", "feed_title",
                             "Harbour <G>");
    if (title)
        json_object_set_new(item, "title", json_string(title));
    CLEANUP_FREE char *text = xcalloc(bytes + 1, 1);
    memset(text, 'w', bytes);
    for (size_t i = 10; i < bytes; i += 10)
        text[i] = ' ';
    json_object_set_new(item, "content_html", json_sprintf("<p>%s</p>", text));
    json_t *o = json_pack("{s:I, s:s, s:s, s:o}", "seq", (json_int_t)seq, "event", "item.new", "at",
                          "2021-02-25T15:02:10Z", "item", item);
    char *json = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return (struct sink_event){
        .seq = seq, .at = NOW, .kind = "item.new", .json = json, .json_len = strlen(json)};
}

static const char *header(const struct webhook *w, const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; i < w->n_headers; i++)
        if (strncmp(w->headers[i], name, n) == 0 && w->headers[i][n] == ':')
            return w->headers[i] + n + 2;
    return NULL;
}

/* The body of N events of BYTES each, as JSON to be freed; W is to be ended. */
static json_t *render(struct webhook *w, const struct td_sub_conf *c, int n, size_t bytes,
                      const char *title)
{
    struct sink_event list[LIMIT_SUB_BATCH];
    for (int i = 0; i < n; i++)
        list[i] = event(i + 5, bytes, title);
    struct sink_message m = {.events = list, .n = n, .attempt = 1};
    assert_int_equal(webhook_render(w, c, &env, &m, NOW), 0);
    for (int i = 0; i < n; i++)
        free((char *)list[i].json);
    json_error_t err;
    json_t *o = json_loadb(w->body.data, w->body.len, 0, &err);
    if (!o)
        fail_msg("%s: %s", err.text, w->body.data);
    return o;
}

static void signatures(void **state)
{
    CLEANUP_BUF struct buf out = BUF_INIT(1000), two = BUF_INIT(1000);
    static const char body[] = "{\"test\": 2432232314}";
    webhook_sign(&out, SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, strlen(body));
    assert_string_equal(buf_str(&out), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    webhook_sign(&two, SECRET "\nwhsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                 "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, strlen(body));
    assert_true(str_starts(buf_str(&two), buf_str(&out)));
    assert_true(str_starts(buf_str(&two) + out.len, " v1,"));
    assert_int_equal(two.len, 2 * out.len + 1);
}

static void secrets_are_checked(void **state)
{
    unsigned char key[TD_SECRET_MAX];
    assert_int_equal(td_secret_decode(SECRET, key), 24);
    assert_true(td_secret_decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", key) < 0);
    assert_true(td_secret_decode("whsec_c2hvcnQ=", key) < 0);
    assert_true(td_secret_decode("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", key) < 0);
    assert_true(td_secret_decode("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La aSw", key) < 0);
    char text[BASE64_SIZE(65)], longest[BASE64_SIZE(65) + 6];
    unsigned char bytes[65] = {1};
    snprintf(longest, sizeof longest, "whsec_%s", base64_encode(bytes, 65, text));
    assert_true(td_secret_decode(longest, key) < 0);
    snprintf(longest, sizeof longest, "whsec_%s", base64_encode(bytes, 64, text));
    assert_int_equal(td_secret_decode(longest, key), 64);
}

static void formats(void **state)
{
    struct webhook w;
    struct td_sub_conf c = conf(TD_FORMAT_STANDARD, 1);
    c.authorization = authorization;
    json_t *o = render(&w, &c, 1, 100, "Night ferry");
    assert_string_equal(json_string_value(json_object_get(o, "type")), "item.new");
    assert_string_equal(json_string_value(json_object_get(o, "timestamp")), "2021-02-25T15:02:10Z");
    json_t *data = json_object_get(o, "data");
    assert_int_equal(json_integer_value(json_object_get(data, "seq")), 5);
    assert_string_equal(header(&w, "webhook-id"), "00112233aabbccdd-5");
    assert_string_equal(header(&w, "webhook-timestamp"), "1614265330");
    assert_string_equal(header(&w, "Content-Type"), "application/json");
    assert_string_equal(header(&w, "Authorization"), "Bearer x");
    CLEANUP_BUF struct buf want = BUF_INIT(1000);
    webhook_sign(&want, SECRET, "00112233aabbccdd-5", 1614265330, w.body.data, w.body.len);
    assert_string_equal(header(&w, "webhook-signature"), buf_str(&want));
    assert_string_equal(w.url, url);
    json_decref(o);
    webhook_fini(&w);

    c = conf(TD_FORMAT_STANDARD, 10);
    o = render(&w, &c, 3, 100, "x");
    assert_string_equal(json_string_value(json_object_get(o, "type")), "events");
    assert_int_equal(json_array_size(json_object_get(json_object_get(o, "data"), "events")), 3);
    assert_string_equal(header(&w, "webhook-id"), "00112233aabbccdd-5-7");
    json_decref(o);
    webhook_fini(&w);

    c = conf(TD_FORMAT_CLOUDEVENTS, 1);
    o = render(&w, &c, 1, 100, "x");
    assert_string_equal(json_string_value(json_object_get(o, "specversion")), "1.0");
    assert_string_equal(json_string_value(json_object_get(o, "id")), "00112233aabbccdd-5");
    assert_string_equal(json_string_value(json_object_get(o, "source")),
                        "urn:tidings:00112233aabbccdd");
    assert_string_equal(json_string_value(json_object_get(o, "type")), "tidings.item.new");
    assert_string_equal(json_string_value(json_object_get(o, "time")), "2021-02-25T15:02:10Z");
    assert_non_null(json_object_get(json_object_get(o, "data"), "item"));
    assert_string_equal(header(&w, "Content-Type"), "application/cloudevents+json");
    json_decref(o);
    webhook_fini(&w);

    c = conf(TD_FORMAT_CLOUDEVENTS, 5);
    o = render(&w, &c, 2, 100, "x");
    assert_int_equal(json_array_size(o), 2);
    assert_string_equal(header(&w, "Content-Type"), "application/cloudevents-batch+json");
    json_decref(o);
    webhook_fini(&w);

    c = conf(TD_FORMAT_CLOUDEVENTS_BINARY, 1);
    o = render(&w, &c, 1, 100, "x");
    assert_int_equal(json_integer_value(json_object_get(o, "seq")), 5);
    assert_string_equal(header(&w, "ce-specversion"), "1.0");
    assert_string_equal(header(&w, "ce-id"), "00112233aabbccdd-5");
    assert_string_equal(header(&w, "ce-type"), "tidings.item.new");
    assert_string_equal(header(&w, "Content-Type"), "application/json");
    json_decref(o);
    webhook_fini(&w);
}

/* However large the items are, the body stays below what receivers take, and says what is missing.
 */
static void sizes(void **state)
{
    static const struct {
        enum td_sub_format format;
        int n;
    } rows[] = {{TD_FORMAT_STANDARD, 1},
                {TD_FORMAT_STANDARD, LIMIT_WEBHOOK_BATCH},
                {TD_FORMAT_CLOUDEVENTS, 1},
                {TD_FORMAT_CLOUDEVENTS, LIMIT_WEBHOOK_BATCH},
                {TD_FORMAT_CLOUDEVENTS_BINARY, 1}};
    CLEANUP_FREE char *title = xcalloc(1, 30001);
    memset(title, '"', 30000); /* each of them two bytes of JSON */
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (size_t bytes = 18000; bytes < 200000; bytes = bytes < 21000 ? bytes + 97 : bytes * 3) {
            struct webhook w;
            struct td_sub_conf c = conf(rows[i].format, rows[i].n);
            json_t *o = render(&w, &c, rows[i].n, bytes, bytes > 150000 ? title : "Night ferry");
            if (w.body.len >= LIMIT_WEBHOOK_BYTES)
                fail_msg("%d events of %zu bytes: a body of %zu", rows[i].n, bytes, w.body.len);
            if (bytes > 20000) {
                assert_non_null(strstr(w.body.data, "\"content_left_out\":true"));
                assert_non_null(strstr(w.body.data, "\"content_path\":\"/v1/items/50\""));
                assert_non_null(strstr(w.body.data, "https://f.example/a?b=1&c=2"));
                assert_null(strstr(w.body.data, "content_html"));
            }
            json_decref(o);
            webhook_fini(&w);
        }
}

static void small_items_are_whole(void **state)
{
    static const enum td_sub_format formats[] = {TD_FORMAT_STANDARD, TD_FORMAT_CLOUDEVENTS,
                                                 TD_FORMAT_CLOUDEVENTS_BINARY};
    for (size_t i = 0; i < 5; i++) {
        struct webhook w;
        int n = i < ARRAY_SIZE(formats) ? 1 : LIMIT_WEBHOOK_BATCH;
        struct td_sub_conf c = conf(formats[i % ARRAY_SIZE(formats)], n);
        json_t *o = render(&w, &c, n, n == 1 ? 10000 : 400, "x");
        assert_null(strstr(w.body.data, "content_left_out"));
        assert_non_null(strstr(w.body.data, "content_html"));
        json_decref(o);
        webhook_fini(&w);
    }
}

static void chats(void **state)
{
    struct webhook w;
    struct td_sub_conf c = conf(TD_FORMAT_NTFY, 1);
    json_t *o = render(&w, &c, 1, 30, "A <b> & \"c\"|d");
    assert_string_equal(w.url, "https://h.example/in/");
    assert_string_equal(json_string_value(json_object_get(o, "topic")), "topic");
    assert_string_equal(json_string_value(json_object_get(o, "title")), "A <b> & \"c\"|d");
    assert_string_equal(json_string_value(json_object_get(o, "click")),
                        "https://f.example/a?b=1&c=2");
    CLEANUP_FREE char *of_item = xasprintf("%s-i50", env.instance);
    assert_string_equal(json_string_value(json_object_get(o, "sequence_id")), of_item);
    json_decref(o);
    webhook_fini(&w);

    c = conf(TD_FORMAT_APPRISE, 1);
    o = render(&w, &c, 1, 30, "T");
    assert_string_equal(w.url, url);
    assert_string_equal(json_string_value(json_object_get(o, "title")), "T");
    assert_non_null(strstr(json_string_value(json_object_get(o, "body")), "https://f.example/a"));
    json_decref(o);
    webhook_fini(&w);

    c = conf(TD_FORMAT_SLACK, 1);
    o = render(&w, &c, 1, 30, "A <!channel> & |x>");
    const char *text = json_string_value(json_object_get(o, "text"));
    assert_true(str_starts(text, "<https://f.example/a?b=1&c=2|A &lt;!channel&gt; &amp; /x&gt;> "));
    assert_non_null(strstr(text, "Harbour &lt;G&gt;"));
    json_decref(o);
    webhook_fini(&w);

    c = conf(TD_FORMAT_DISCORD, 10);
    o = render(&w, &c, 10, 30, "@everyone");
    assert_int_equal(json_array_size(json_object_get(o, "embeds")), 10);
    json_t *parse = json_object_get(json_object_get(o, "allowed_mentions"), "parse");
    assert_true(json_is_array(parse) && json_array_size(parse) == 0);
    json_decref(o);
    webhook_fini(&w);

    c = conf(TD_FORMAT_MATRIX, 1);
    o = render(&w, &c, 1, 30, "<img src=x onerror=alert(1)>");
    text = json_string_value(json_object_get(o, "html"));
    assert_null(strstr(text, "<img"));
    assert_non_null(strstr(text, "<a href=\"https://f.example/a?b=1&#38;c=2\">"));
    json_decref(o);
    webhook_fini(&w);

    for (int f = TD_FORMAT_NTFY; f <= TD_FORMAT_MATRIX; f++) { /* no title, much text, many */
        c = conf((enum td_sub_format)f, 10);
        o = render(&w, &c, 10, 100000, NULL);
        assert_true(w.body.len < LIMIT_WEBHOOK_BYTES);
        json_decref(o);
        webhook_fini(&w);
    }
}

static void what_is_no_event_is_refused(void **state)
{
    struct webhook w;
    struct td_sub_conf c = conf(TD_FORMAT_SLACK, 1);
    struct sink_event e = {.seq = 1, .kind = "x", .json = "{nonsense", .json_len = 9};
    struct sink_message m = {.events = &e, .n = 1};
    assert_true(webhook_render(&w, &c, &env, &m, NOW) < 0);
}

/* All that is told of one story has one sequence: the newest takes the older ones' place. */
static void stories_are_updated_in_place(void **state)
{
    static const char *const texts[] = {
        "{\"seq\":1,\"event\":\"story.new\",\"story\":{\"story_id\":7},\"item\":{\"title\":\"a\","
        "\"_tidings\":{\"item_id\":1}}}",
        "{\"seq\":9,\"event\":\"story.grew\",\"story\":{\"story_id\":7},\"item\":{\"title\":\"b\","
        "\"_tidings\":{\"item_id\":4}}}",
        "{\"seq\":10,\"event\":\"feed.gone\",\"feed\":{\"name\":\"x\"}}",
    };
    struct td_sub_conf c = conf(TD_FORMAT_NTFY, 1);
    c.topic = (char *)"t";
    CLEANUP_FREE char *want = xasprintf("%s-s7", env.instance);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct sink_event e = {
            .seq = 1, .kind = "x", .json = texts[i], .json_len = strlen(texts[i])};
        struct sink_message m = {.events = &e, .n = 1};
        struct webhook w;
        assert_int_equal(webhook_render(&w, &c, &env, &m, NOW), 0);
        json_t *o = json_loadb(w.body.data, w.body.len, 0, NULL);
        const char *id = json_string_value(json_object_get(o, "sequence_id"));
        assert_true(i < 2 ? str_eq(id, want) : !id);
        assert_true(strspn(want, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(want));
        json_decref(o);
        webhook_fini(&w);
    }
}

/* May we send there, and how often? */
static void handshakes(void **state)
{
    static const struct {
        const char *origin, *rate, *says;
        int64_t every_ms;
    } cases[] = {
        {"*", NULL, NULL, 0},
        {"News.example.org", "*", NULL, 0},
        {"*", "120", NULL, 500},
        {"*", "7", NULL, 8571},
        {"*", "999999", NULL, 1},
        {"*", "0", NULL, 0},
        {"*", "-5 or so", NULL, 0},
        {NULL, "120", "HTTP 405", 0},
        {"other.example", "*", "not of", 0},
        {"", "*", "not of", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct handshake h = {0};
        struct td_err err = {""};
        assert_true(handshake_is_due(&h, 1000));
        int r = handshake_take(&h, "news.example.org", 405, cases[i].origin, cases[i].rate, 1000,
                               &err);
        if (r != (cases[i].says ? -EPERM : 0) || (r < 0 && !strstr(err.msg, cases[i].says)))
            fail_msg("case %zu: %d %s", i, r, err.msg);
        assert_int_equal(handshake_is_due(&h, 1001), r < 0);
        handshake_sent(&h, 2000);
        assert_int_equal(handshake_wait(&h, 2000), cases[i].every_ms);
        assert_int_equal(handshake_wait(&h, 2000 + 60000), 0);
        assert_true(handshake_is_due(&h, 1000 + LIMIT_HANDSHAKE_MS));
        handshake_revoke(&h);
        assert_true(handshake_is_due(&h, 1001));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshakes),
        cmocka_unit_test(stories_are_updated_in_place),
        cmocka_unit_test(signatures),
        cmocka_unit_test(secrets_are_checked),
        cmocka_unit_test(formats),
        cmocka_unit_test(sizes),
        cmocka_unit_test(small_items_are_whole),
        cmocka_unit_test(chats),
        cmocka_unit_test(what_is_no_event_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
