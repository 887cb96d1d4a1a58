#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/ini.h"

static void note(void *ctx, const struct ini_line *l)
{
    if (l->kind == INI_SECTION)
        buf_addf(ctx, "%d[%s|%s]", l->line, l->name, l->arg);
    else if (l->kind == INI_VALUE)
        buf_addf(ctx, "%d<%s|%s>", l->line, l->name, l->arg);
    else
        buf_addf(ctx, "%d!", l->line);
}

static void expect(const char *text, size_t n, const char *want)
{
    CLEANUP_BUF struct buf got = BUF_INIT(1 << 20);
    char *copy = xstrndup("", 0);
    copy = xrealloc(copy, n + 1);
    memcpy(copy, text, n);
    copy[n] = 0;
    ini_parse(copy, n, note, &got);
    assert_string_equal(buf_str(&got), want);
    free(copy);
}
#define EXPECT(text, want) expect(text, sizeof(text) - 1, want)

static void syntax(void **state)
{
    EXPECT("", "");
    EXPECT("[daemon]\nstore = x.db\n", "1[daemon|]2<store|x.db>");
    EXPECT("[feed A b  c ]\nurl=http://h/#a;b # c", "1[feed|A b  c]2<url|http://h/#a;b # c>");
    EXPECT("\xef\xbb\xbf[a]\r\n  k =  v w \r\n", "1[a|]2<k|v w>");
    EXPECT("# c\n; c\n   # c\n\n[a]\nk =\n", "5[a|]6<k|>");
    EXPECT("[feed a]b]\n", "1[feed|a]b]");
    EXPECT("[feed [x]]\n", "1[feed|[x]]");
    EXPECT("k = a = b\n", "1<k|a = b>");
}

static void broken_lines(void **state)
{
    EXPECT("[a\nword\n= v\n[]\n[ ]\n[", "1!2!3!4!5!6!");
    EXPECT("[a]\nk = \xff\nk = v\n", "1[a|]2!3<k|v>");
    EXPECT("[a]\nk = a\0b\nk = v", "1[a|]2!3<k|v>");
    EXPECT("\xef\xbb\xbf\xef\xbb\xbf[a]\n", "1!");
}

static void long_values_are_whole(void **state)
{
    size_t n = 100000;
    char *text = xmalloc(n + 5);
    memcpy(text, "k = ", 4);
    memset(text + 4, 'x', n);
    text[n + 4] = 0;
    CLEANUP_BUF struct buf got = BUF_INIT(1 << 20);
    ini_parse(text, n + 4, note, &got);
    assert_int_equal(got.len, n + strlen("1<k|>"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntax),
        cmocka_unit_test(broken_lines),
        cmocka_unit_test(long_values_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
