#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/credential.h"
#include "config/settings.h"

static char dir[] = "/tmp/test-credential-XXXXXX";

static int set_up(void **state)
{
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    CLEANUP_FREE char *rm = xasprintf("rm -r %s", dir);
    return system(rm);
}

static void put(const char *name, const char *text, size_t n)
{
    CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

static void reads(void **state)
{
    struct td_err err;
    put("one", "s3cret\n", 7);
    put("bare", "s3cret", 6);
    CLEANUP_FREE char *a = credential_read(dir, "credential:one", &err);
    CLEANUP_FREE char *b = credential_read(dir, "credential:bare", &err);
    assert_string_equal(a, "s3cret");
    assert_string_equal(b, "s3cret");
    assert_true(credential_is("credential:x"));
    assert_false(credential_is("https://credential:x@example.org/"));
}

static void refuses(void **state)
{
    static char large[LIMIT_CREDENTIAL_BYTES + 1];
    static const char *const bad[] = {"",      "../one", "a/b",   ".hidden", "missing",
                                      "empty", "lines",  "zeros", "large"};
    struct td_err err;
    memset(large, 'x', sizeof large);
    put("empty", "\n", 1);
    put("lines", "a\nb\n", 4);
    put("zeros", "a\0b", 3);
    put("large", large, sizeof large);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CLEANUP_FREE char *value = xasprintf("credential:%s", bad[i]);
        err.msg[0] = 0;
        assert_null(credential_read(dir, value, &err));
        assert_non_null(strstr(err.msg, "allowed: "));
    }
    assert_null(credential_read(NULL, "credential:one", &err));
    assert_non_null(strstr(err.msg, "LoadCredential=one:PATH"));
}

static int load(const char *text, struct settings **ret, struct buf *problems)
{
    CLEANUP_FREE char *path = xasprintf("%s/feeds.conf", dir);
    put("feeds.conf", text, strlen(text));
    return settings_load(path, ret, problems);
}

/* In a config: any value of text; what is wrong with a secret does not show it. */
static void in_settings(void **state)
{
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16);
    struct settings *s = NULL;
    put("url", "https://me:pass@example.org/feed\n", 33);
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    assert_int_equal(load("[feed a]\nurl = credential:url\n", &s, &problems), 0);
    assert_string_equal(s->feeds[0]->url, "https://example.org/feed");
    assert_string_equal(s->feeds[0]->access->password, "pass");
    settings_free(s);
    put("key", "-", 1);
    assert_int_equal(load("[feed a]\nurl = http://h/\nheader = X-Key: credential:url\n"
                          "client-cert = credential:key\n",
                          &s, &problems),
                     0);
    assert_string_equal(s->feeds[0]->access->headers, "X-Key: https://me:pass@example.org/feed");
    assert_true(str_ends(s->feeds[0]->access->client_cert, "/key")); /* the file itself */
    settings_free(s);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0); /* no core holds a secret */
    put("url", "s3cret word\n", 12);
    assert_true(load("[feed a]\nurl = credential:url\n", &s, &problems) < 0);
    assert_non_null(
        strstr(buf_str(&problems), "feeds.conf:2: url = the content of credential:url"));
    assert_null(strstr(buf_str(&problems), "s3cret"));
    unsetenv("CREDENTIALS_DIRECTORY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(refuses),
        cmocka_unit_test(in_settings),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
