/*
 * The API over TCP in feeds.conf: where it listens, by which names, who holds a token.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/settings.h"

#define SECRET "0123456789abcdefghijkl"
/* printf %s 0123456789abcdefghijkl | sha256sum */
#define HASH "26594ba2c73ebc172047f2305663bc2c5e6ff60a88182eef43e353f48fc95b94"

#define OTHER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char dir[] = "/tmp/tidings-keys-api-XXXXXX";

static void put(const char *name, const char *text, mode_t mode)
{
    CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fchmod(fileno(f), mode);
    fclose(f);
}

static int setup(void **state)
{
    assert_non_null(mkdtemp(dir));
    put("cred", SECRET "\n", 0600);
    put("short", "0123456789abcdefghijk\n", 0600);
    put("odd", "0123456789 abcdefghijklm\n", 0600);
    put("open", SECRET "\n", 0644);
    return setenv("CREDENTIALS_DIRECTORY", dir, 1);
}

static int teardown(void **state)
{
    CLEANUP_FREE char *rm = xasprintf("rm -r %s", dir);
    return system(rm);
}

/* TEXT is good (PART NULL), or has one problem, at LINE, whose words hold PART. %s is the folder.
 */
static struct settings *load(const char *text, int line, const char *part)
{
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16), t = BUF_INIT(1 << 16);
    CLEANUP_FREE char *path = xasprintf("%s/feeds.conf", dir);
    CLEANUP_FREE char *start = xasprintf("%s:%d: ", path, line);
    struct settings *s = NULL;
    buf_addf(&t, text, dir);
    put("feeds.conf", buf_str(&t), 0600);
    int r = settings_load(path, &s, &problems);
    bool fits = part ? r < 0 && str_starts(buf_str(&problems), start) &&
                           strstr(problems.data, part) && strstr(problems.data, "; allowed") &&
                           strchr(problems.data, '\n') == problems.data + problems.len - 1
                     : r == 0;
    if (!fits)
        fail_msg("%s\ngave %d: %s\nnot: %s ... %s", text, r, buf_str(&problems), start, part);
    return s;
}

static void good(void **state)
{
    struct settings *s = load("[daemon]\nlisten = 127.0.0.1:8420, [::1]:8420\n"
                              "listen-names = feeds.example.org box\n"
                              "[token reader]\nsecret = credential:cred\n",
                              0, NULL);
    char shown[ENDPOINT_SHOWN], hash[2 * SHA256_BYTES + 1];
    assert_int_equal(s->n_listen, 2);
    assert_string_equal(endpoint_show(shown, &s->listen[1].addr), "[::1]:8420");
    assert_string_equal(s->listen_names, "feeds.example.org\nbox");
    assert_int_equal(s->n_tokens, 1);
    assert_string_equal(s->tokens[0].name, "reader");
    assert_false(s->tokens[0].write);
    assert_string_equal(crypto_hex(s->tokens[0].sha256, SHA256_BYTES, hash), HASH);

    struct settings *other = load("[token b]\nscope = write\nsecret = file:%s/cred\n", 0, NULL);
    assert_true(other->tokens[0].write);
    assert_memory_equal(other->tokens[0].sha256, s->tokens[0].sha256, SHA256_BYTES);
    struct settings_diff d;
    settings_diff(s, other, &d);
    assert_true(d.restart_needed);
    assert_string_equal(d.restart_why, "listen");
    settings_diff_fini(&d);
    settings_free(other);
    settings_free(s);
    settings_free(load("[token b]\nsecret = sha256:" HASH "\n", 0, NULL));
}

static void listening(void **state)
{
    load("[daemon]\nlisten = 127.0.0.1:8420\n", 2, "listen without a token");
    load("[daemon]\nlisten = localhost:8420\n[token b]\nsecret = sha256:" HASH "\n", 2,
         "'localhost:8420'");
    load("[daemon]\nlisten-names = a/b\n", 2, "'a/b'");
}

static void tokens(void **state)
{
    load("[token]\nsecret = credential:cred\n", 1, "without a usable name");
    load("[token a]\nscope = write\n", 1, "without a secret");
    load("[token a]\nscope = all\nsecret = credential:cred\n", 2, "read or write");
    load("[token a]\nsecret = credential:short\n", 2, "21 characters");
    load("[token a]\nsecret = credential:odd\n", 2, "no header can carry");
    load("[token a]\nsecret = file:%s/open\n", 2, "mode 0644");
    load("[token a]\nsecret = file:relative\n", 2, "something else");
    load("[token a]\nsecret = sha256:abc\n", 2, "'sha256:abc'");
    load("[token a]\nsecret = credential:missing\n", 2, "missing");
    load("[token a]\nsecret = credential:cred\n[token a]\nsecret = sha256:" OTHER "\n", 3,
         "the name of that at");
    load("[token a]\nsecret = credential:cred\n[token b]\nsecret = sha256:" HASH "\n", 3,
         "the secret of that at");
}

/* Whoever writes the secret itself there must not find it in the log. */
static void not_shown(void **state)
{
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16);
    CLEANUP_FREE char *path = xasprintf("%s/feeds.conf", dir);
    struct settings *s = NULL;
    put("feeds.conf", "[token a]\nsecret = " SECRET "\n[token b]\nsecret = credential:odd\n", 0600);
    assert_true(settings_load(path, &s, &problems) < 0);
    assert_null(strstr(problems.data, "0123456789"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(listening),
                                       cmocka_unit_test(tokens), cmocka_unit_test(not_shown)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
