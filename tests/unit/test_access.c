#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "model/access.h"
#include "model/feed.h"

static struct td_access all = {
    .user = (char *)"Aladdin",
    .password = (char *)"open sesame",
    .bearer = (char *)"t0ken",
    .headers = (char *)"X-Key: k3y\nX-Other: a: b",
    .cookie_file = (char *)"/c",
    .client_cert = (char *)"/cert",
    .client_key = (char *)"/key",
    .client_key_password = (char *)"kpw",
    .ca_file = (char *)"/ca",
    .tls_pin = (char *)"sha256//x",
    .proxy = (char *)"http://p.example:3128",
    .proxy_user = (char *)"pu",
    .proxy_password = (char *)"ppw",
};

static void copies(void **state)
{
    assert_null(td_access_copy(NULL));
    assert_true(td_access_same(NULL, NULL));
    assert_true(td_access_same(NULL, &(struct td_access){0}));
    assert_false(td_access_same(NULL, &all));
    struct td_access *copy = td_access_copy(&all);
    assert_true(td_access_same(copy, &all));
    td_secret_replace(&copy->proxy_password, "other"); /* the last member counts too */
    assert_false(td_access_same(copy, &all));
    td_access_free(copy);
    struct cidr blocks[2] = {{{10}, 2, 8}, {{11}, 2, 8}};
    struct td_access local = {.allow = blocks, .n_allow = 2},
                     less = {.allow = blocks, .n_allow = 1};
    assert_false(td_access_same(&local, &less));
    copy = td_access_copy(&local);
    assert_true(td_access_same(copy, &local) && copy->allow != blocks);
    copy->allow[1].bits = 16;
    assert_false(td_access_same(copy, &local));
    td_access_free(copy);
    td_access_free(NULL);

    struct td_feed_conf conf = {.access = &all};
    struct td_feed_conf *c = td_feed_conf_copy(&conf);
    assert_true(c->access != &all && td_access_same(c->access, &all));
    assert_true(td_feed_conf_same(c, &conf));
    td_secret_replace(&c->access->bearer, NULL);
    assert_false(td_feed_conf_same(c, &conf));
    td_feed_conf_free(c);
}

static void bound(void **state)
{
    assert_false(td_access_is_bound(NULL));
    assert_false(td_access_is_bound(&(struct td_access){.proxy = (char *)"http://p:1"}));
    assert_true(td_access_is_bound(&(struct td_access){.cookie_file = (char *)"/c"}));
}

static void count(void *ctx, const char *secret)
{
    struct buf *b = ctx;
    buf_addf(b, "%s|", secret);
}

/* The words for people hold no secret; the list of secrets holds each, as it is sent. */
static void words(void **state)
{
    CLEANUP_BUF struct buf text = BUF_INIT(1000), secrets = BUF_INIT(1000);
    td_access_words(&text, NULL);
    assert_string_equal(buf_str(&text), "");
    td_access_words(&text, &all);
    assert_string_equal(buf_str(&text), "basic, bearer, header, cookies, client certificate, "
                                        "ca-file, tls-pin, proxy http://p.example:3128");
    struct cidr block = {{10}, 2, 8};
    buf_clear(&text);
    td_access_words(&text, &(struct td_access){.proxy = (char *)"", .allow = &block, .n_allow = 1});
    assert_string_equal(buf_str(&text), "allow-addresses");
    td_access_secrets(&all, count, &secrets);
    assert_string_equal(buf_str(&secrets), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==|open sesame|cHU6cHB3|ppw|"
                                           "t0ken|kpw|k3y|a: b|");
    td_access_secrets(NULL, count, &secrets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies),
        cmocka_unit_test(bound),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
