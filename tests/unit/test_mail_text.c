/* Messages that mail programs read: by a strict reading of the header, and by decoding the body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str.h"
#include "notify/fields.h"
#include "notify/mail_text.h"

static struct sink_event event(const char *title, const char *html, const char *text)
{
    json_t *item = json_pack("{s:s, s:s, s:{s:I, s:s, s:s}}", "id", "urn:x", "url",
                             "https://f.example/a", "_tidings", "item_id", (json_int_t)7, "feed",
                             "harbour", "feed_title", "Harbour");
    if (title)
        json_object_set_new(item, "title", json_string(title));
    if (html)
        json_object_set_new(item, "content_html", json_string(html));
    if (text)
        json_object_set_new(item, "content_text", json_string(text));
    json_t *o = json_pack("{s:I, s:s, s:o}", "seq", (json_int_t)5, "event", "item.new", "item",
                          item);
    char *json = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return (struct sink_event){
        .seq = 5, .at = 0, .kind = "item.new", .json = json, .json_len = strlen(json)};
}

static char *message(const struct sink_event *e, int n)
{
    CLEANUP_BUF struct buf b = BUF_INIT(16 << 20);
    struct mail_conf c = {.from = "Tidings <t@h.example>",
                          .to = "a@x.example\nB <b@y.example>",
                          .subscription = "p\xc3\xb6st",
                          .host = "h.example",
                          .id = "0011-5"};
    struct sink_message m = {.events = e, .n = n, .attempt = 1};
    assert_int_equal(mail_text(&b, &c, &m, 1614265330000), 0);
    return buf_take(&b, NULL);
}

/* Header lines are "Name: value" or a continuation, ASCII, at most 78 bytes; only names we write.
 */
static void check_head(const char *text)
{
    static const char *const names[] = {"Date",
                                        "From",
                                        "To",
                                        "Subject",
                                        "Message-ID",
                                        "MIME-Version",
                                        "Content-Type",
                                        "Content-Transfer-Encoding",
                                        "Auto-Submitted",
                                        "X-Tidings-Subscription",
                                        "X-Tidings-Feed",
                                        "X-Tidings-URL"};
    const char *end = strstr(text, "\n\n");
    assert_non_null(end);
    for (const char *p = text; p <= end;) {
        size_t n = strcspn(p, "\n"), name = strcspn(p, ":");
        bool known = *p == ' ';
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            known = known || (strlen(names[i]) == name && memcmp(p, names[i], name) == 0);
        if (!known)
            fail_msg("a header line of its own: %.*s", (int)n, p);
        if (n > 78 && !str_starts(p, "Content-Type"))
            fail_msg("%zu bytes: %.*s", n, (int)n, p);
        for (size_t i = 0; i < n; i++)
            assert_true(p[i] >= ' ' && p[i] <= '~');
        p += n + 1;
    }
}

/* The value of a header, unfolded, encoded words decoded. */
static char *value(const char *text, const char *name)
{
    CLEANUP_BUF struct buf out = BUF_INIT(1 << 16);
    CLEANUP_FREE char *key = xasprintf("\n%s: ", name);
    const char *p = strstr(text, key);
    assert_non_null(p);
    p += strlen(key);
    while (*p && !(*p == '\n' && p[1] != ' ')) {
        if (str_starts(p, "\n =?") || *p == '\n') {
            p += *p == '\n' && str_starts(p, "\n =?") ? 2 : 1;
            continue;
        }
        if (str_starts(p, "=?UTF-8?B?")) {
            const char *end = strstr(p, "?=");
            unsigned char bytes[64];
            CLEANUP_FREE char *word = xstrndup(p + 10, (size_t)(end - p - 10));
            assert_true((size_t)(end + 2 - p) <= 75); /* RFC 2047 2 */
            ssize_t n = base64_decode(word, bytes, sizeof bytes);
            assert_true(n > 0 && utf8_valid((char *)bytes, (size_t)n));
            buf_add(&out, bytes, (size_t)n);
            p = end + 2;
            continue;
        }
        buf_addc(&out, *p++);
    }
    return buf_take(&out, NULL);
}

static char *decode_qp(const char *p, size_t n)
{
    CLEANUP_BUF struct buf out = BUF_INIT(16 << 20);
    const char *end = p + n;
    while (p < end) {
        if (*p != '=') {
            buf_addc(&out, *p++);
        } else if (p[1] == '\n') {
            p += 2;
        } else {
            unsigned c = 0;
            bool hex = strspn(p + 1, "0123456789ABCDEF") >= 2 && sscanf(p + 1, "%2X", &c) == 1;
            buf_addc(&out, hex ? (char)c : '='); /* "=_" of a boundary is none */
            p += hex ? 3 : 1;
        }
    }
    return buf_take(&out, NULL);
}

static void a_plain_message(void **state)
{
    struct sink_event e = event("Night ferry returns", NULL, "It sails.\n.\nFrom here on.");
    CLEANUP_FREE char *text = message(&e, 1);
    check_head(text);
    assert_non_null(strstr(text, "Date: Thu, 25 Feb 2021 15:02:10 +0000\n"));
    assert_non_null(
        strstr(text, "From: Tidings <t@h.example>\nTo: a@x.example,\n B <b@y.example>\n"));
    assert_non_null(strstr(text, "Subject: Night ferry returns\n"));
    assert_non_null(strstr(text, "Message-ID: <0011-5@h.example>\n"));
    assert_non_null(strstr(text, "Content-Type: text/plain; charset=utf-8\n"));
    CLEANUP_FREE char *name = value(text, "X-Tidings-Subscription");
    assert_string_equal(name, "p\xc3\xb6st");
    const char *body = strstr(text, "\n\n") + 2;
    assert_null(strstr(body, "\n.\n")); /* ends a message in SMTP */
    assert_null(strstr(body, "\nFrom "));
    CLEANUP_FREE char *plain = decode_qp(body, strlen(body));
    assert_non_null(strstr(plain, "It sails.\n.\nFrom here on.\n"));
    free((char *)e.json);
}

static void titles_cannot_add_headers(void **state)
{
    static const char *const titles[] = {
        "x\nBcc: all@y.example\n\nbody",
        "x\r\nBcc: all@y.example",
        "\xe2\x80\xa8"
        "Bcc: a",
        "=?utf-8?q?=0ABcc:_a?=",
        "\x0b\x0c"
        "Bcc: b",
        "\xe2\x80\xae evil",
    };
    for (size_t i = 0; i < ARRAY_SIZE(titles); i++) {
        struct sink_event e = event(titles[i], NULL, "x");
        CLEANUP_FREE char *text = message(&e, 1);
        check_head(text);
        CLEANUP_FREE char *subject = value(text, "Subject");
        assert_null(strpbrk(subject, "\r\n"));
        free((char *)e.json);
    }
}

static void long_and_foreign_titles(void **state)
{
    CLEANUP_BUF struct buf title = BUF_INIT(4096);
    for (int i = 0; i < 60; i++)
        buf_adds(&title, i % 2 ? "\xf0\x9f\x9a\xa2" : "\xc3\xa4");
    struct sink_event e = event(buf_str(&title), NULL, "x");
    CLEANUP_FREE char *text = message(&e, 1);
    check_head(text);
    CLEANUP_FREE char *subject = value(text, "Subject");
    assert_string_equal(subject, buf_str(&title));
    free((char *)e.json);
    e = event("plain but so long that it does not fit into one line of a header at all, really",
              NULL, "x");
    CLEANUP_FREE char *other = message(&e, 1);
    check_head(other);
    CLEANUP_FREE char *same = value(other, "Subject");
    assert_string_equal(same, "plain but so long that it does not fit into one line of a header at "
                              "all, really");
    free((char *)e.json);
}

static void html_has_two_parts(void **state)
{
    struct sink_event e = event(
        "T",
        "<p>One &amp; <a href=\"https://x.example/?a=1&amp;b=2\">two</a></p><ul><li>\xc3\xa4"
        "</li></ul>",
        NULL);
    CLEANUP_FREE char *text = message(&e, 1);
    check_head(text);
    assert_non_null(strstr(text, "multipart/alternative; boundary=\"=_0011-5\""));
    assert_non_null(strstr(text, "\n--=_0011-5\nContent-Type: text/plain"));
    const char *html = strstr(text, "\n--=_0011-5\nContent-Type: text/html");
    assert_non_null(html);
    assert_true(str_ends(text, "\n--=_0011-5--\n"));
    CLEANUP_FREE char *all = decode_qp(text, strlen(text));
    assert_non_null(strstr(all, "One & two <https://x.example/?a=1&b=2>\n"));
    assert_non_null(strstr(all, "- \xc3\xa4"));
    free((char *)e.json);
}

static void a_digest(void **state)
{
    struct sink_event list[3] = {event("One", "<p>first</p>", NULL), event("Two", NULL, "second"),
                                 event(NULL, NULL, "third has no title")};
    CLEANUP_FREE char *text = message(list, 3);
    check_head(text);
    assert_non_null(strstr(text, "Subject: 3 items: One\n"));
    assert_non_null(strstr(text, "first"));
    assert_non_null(strstr(text, "second"));
    assert_non_null(strstr(text, "third has no title"));
    for (int i = 0; i < 3; i++)
        free((char *)list[i].json);
}

/* Any bytes come back, no line is too long, none ends with a space. */
static void quoted_printable(void **state)
{
    uint32_t x = 1;
    for (int round = 0; round < 2000; round++) {
        char in[300];
        size_t n = 0, len = x % sizeof in;
        for (; n < len; n++) {
            x = x * 1664525 + 1013904223;
            static const char set[] = "aF rom.=\t\n  \xc3\xa4.";
            in[n] = set[(x >> 16) % (sizeof set - 1)];
        }
        x = x * 1664525 + 1013904223;
        CLEANUP_BUF struct buf out = BUF_INIT(4096);
        mail_quoted_printable(&out, in, n);
        for (const char *p = buf_str(&out); *p;) {
            size_t k = strcspn(p, "\n");
            assert_true(k <= 76);
            assert_true(k == 0 || (p[k - 1] != ' ' && p[k - 1] != '\t'));
            assert_false(k > 0 && *p == '.');
            p += k + (p[k] != 0);
        }
        CLEANUP_FREE char *back = decode_qp(buf_str(&out), out.len);
        size_t back_len = strlen(back);
        if (back_len == n + 1) /* the last line is ended */
            back_len--;
        assert_int_equal(back_len, n);
        assert_memory_equal(back, in, n);
    }
}

static void plain_text_of_html(void **state)
{
    static const struct {
        const char *html, *want;
    } rows[] = {
        {"<p>a</p><p>b</p>", "a\n\nb"},
        {"a<br>b", "a\nb"},
        {"<ul><li>x</li><li>y</li></ul>", "- x\n- y"},
        {"  a \n  b  ", "a b"},
        {"&lt;b&gt; &#8212; &#x41; &nosuch;", "<b> \xe2\x80\x94 A &nosuch;"},
        {"<a href=\"https://x/\">https://x/</a>", "https://x/"},
        {"<a href=\"https://x/\">y</a> z", "y <https://x/> z"},
        {"a <img src=\"x\"> b <", "a b"},
        {"", ""},
        {"&#0;&#xd800;&#99999999;", "&#0;&#xd800;&#99999999;"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP_BUF struct buf out = BUF_INIT(4096);
        plain_of_html(&out, rows[i].html, true);
        assert_string_equal(buf_str(&out), rows[i].want);
    }
}

/* On the loop thread: the work grows with the text, not with its square. */
static void much_html_takes_no_time(void **state)
{
    enum { N = 600000 };
    CLEANUP_FREE char *html = xmalloc(3 * N + 1);
    for (int i = 0; i < N; i++)
        memcpy(html + 3 * i, "<a>", 3);
    html[3 * N] = 0;
    CLEANUP_BUF struct buf out = BUF_INIT(1 << 20);
    clock_t begun = clock();
    plain_of_html(&out, html, true);
    assert_int_equal(out.len, 0);
    assert_true(clock() - begun < 20 * CLOCKS_PER_SEC); /* of our own: whatever else runs */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_message),
        cmocka_unit_test(titles_cannot_add_headers),
        cmocka_unit_test(long_and_foreign_titles),
        cmocka_unit_test(html_has_two_parts),
        cmocka_unit_test(a_digest),
        cmocka_unit_test(quoted_printable),
        cmocka_unit_test(plain_text_of_html),
        cmocka_unit_test(much_html_takes_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
