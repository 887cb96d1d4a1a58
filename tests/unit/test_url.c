#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "parse/url.h"

static void check_resolved(const char *base, const char *ref, const char *want)
{
    struct arena a = {0};
    const char *got = url_resolve(&a, base, ref, strlen(ref));
    if ((got && want) ? strcmp(got, want) != 0 : got != want)
        fail_msg("\"%s\" in %s: got %s, want %s", ref, base ? base : "-", got ? got : "none",
                 want ? want : "none");
    arena_free(&a);
}

static void rfc3986(void **state)
{
    static const struct {
        const char *ref, *want;
    } rows[] = {
        /* the examples of RFC 3986, 5.4 */
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q#s"},
        {"g#s", "http://a/b/c/g#s"},
        {"g?y#s", "http://a/b/c/g?y#s"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"g#s/../x", "http://a/b/c/g#s/../x"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check_resolved("http://a/b/c/d;p?q", rows[i].ref, rows[i].want);
}

static void fields(void **state)
{
    check_resolved("http://a", "b", "http://a/b");
    check_resolved("http://a?q", "b", "http://a/b");
    check_resolved("https://a/x", "//b/y", "https://b/y");
    check_resolved("http://a/", "  b\n c.html\t", NULL); /* a space, and no scheme */
    check_resolved("http://a/", "\n b\r\n/c\t.html ", "http://a/b/c.html");
    check_resolved("http://a/", "http://b/x y", "http://b/x y");
    check_resolved("http://a/", "Not a link", NULL);
    check_resolved("http://a/", "", NULL);
    check_resolved("http://a/", " \t", NULL);
    check_resolved(NULL, "b/c", "b/c");
    check_resolved("relative/base", "b/c", "b/c");
    check_resolved("urn:isbn:1", "b/c", "b/c");
    check_resolved("mailto:a@b", "b/c", "b/c");
    check_resolved("http://a/", "http://B/%7eX/../Y?Q=%c3",
                   "http://B/%7eX/../Y?Q=%c3"); /* as written */
    check_resolved("http://a/ä/b", "ö?ü", "http://a/ä/ö?ü");
    check_resolved("http://a/", "mailto:x@y.z", "mailto:x@y.z");
    check_resolved("http://a/", "HTTP://b/", "HTTP://b/");
    check_resolved("http://a/", "javascript:alert(1)", NULL);
    check_resolved("http://a/", "magnet:?xt=urn:btih:abc", "magnet:?xt=urn:btih:abc");
    char *longer = xmalloc(LIMIT_URL_BYTES + 2);
    memset(longer, 'a', LIMIT_URL_BYTES + 1);
    longer[LIMIT_URL_BYTES + 1] = 0;
    check_resolved("http://a/", longer, NULL);
    free(longer);
}

static void dangerous(void **state)
{
    static const char *const bad[] = {
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "\x01javascript:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "jav\x0d\x0a"
        "ascript:alert(1)",
        "javascript\t:alert(1)",
        "java\xe2\x80\x8bscript:alert(1)",
        "java\xc2\xadscript:alert(1)",
        "\xef\xbb\xbfjavascript:alert(1)",
        "\xc2\xa0javascript:alert(1)",
        "java script:alert(1)",
        "vbscript:msgbox(1)",
        "VBScript:x",
        "livescript:x",
        "mocha:x",
        "data:text/html,<script>alert(1)</script>",
        "DATA:text/html;base64,PHNjcmlwdD4=",
        "data:,x",
        "data:image/svg+xml,<svg onload=alert(1)>",
        "data:image/svg+xml;base64,AAAA",
        "data:application/xhtml+xml,x",
        "da\nta:text/html,x",
        "feed:javascript:alert(1)",
        "feed:feed:javascript:alert(1)",
        "feed:data:text/html,x",
        "view-source:javascript:alert(1)",
        "jar:http://a/x.jar!/y",
        "about:blank",
        "blob:http://a/x",
        "filesystem:http://a/x",
    };
    static const char *const good[] = {
        "http://a/javascript:alert(1)",
        "https://a/?u=javascript:x",
        "javascript",
        "javascript/x.js",
        "/javascript:x",
        "data:image/png;base64,AAAA",
        "data:image/gif,AAAA",
        "feed:http://a/",
        "feed://a/",
        "database:x",
        "javascripts:x",
        "",
        "#javascript:x",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (!url_is_dangerous(bad[i], strlen(bad[i])))
            fail_msg("not seen: %s", bad[i]);
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        if (url_is_dangerous(good[i], strlen(good[i])))
            fail_msg("refused: %s", good[i]);
}

static void canonical(void **state)
{
    static const struct {
        const char *url, *want;
    } rows[] = {
        {"http://Example.org/A/b/?utm_source=rss&id=7&utm_medium=feed#frag",
         "https://example.org/A/b?id=7"},
        {"https://www.example.org:443/A/b?id=7&fbclid=x", "https://example.org/A/b?id=7"},
        {"http://example.org:80", "https://example.org"},
        {"http://example.org/", "https://example.org"},
        {"http://user@example.org:8080/x", "https://example.org:8080/x"},
        {"http://example.org/?UTM_Source=x", "https://example.org"},
        {"http://example.org/?a=1&&gclid=2&b=3&mc_cid=4&mc_eid", "https://example.org?a=1&b=3"},
        {"http://example.org/x?utm=1", "https://example.org/x?utm=1"},
        {"urn:uuid:A", "urn:uuid:A"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP_BUF struct buf b = BUF_INIT(1000);
        assert_int_equal(url_add_canonical(&b, rows[i].url, strlen(rows[i].url)), 0);
        assert_string_equal(buf_str(&b), rows[i].want);
    }
}

static void full_buffer(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(10);
    struct url base;
    url_split(&base, "http://a/b/", 11);
    assert_int_equal(url_add_resolved(&b, &base, "ccc", 3), -EFBIG);
    assert_int_equal(b.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3986),   cmocka_unit_test(fields),      cmocka_unit_test(dangerous),
        cmocka_unit_test(canonical), cmocka_unit_test(full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
