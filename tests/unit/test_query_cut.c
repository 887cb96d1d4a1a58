/* cut: scripts without spaces as the index sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "query/cut.h"

static void texts(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"東京都", "東京 京都 都 "},
        {"東", "東 "},
        {"2026年 ferry東京です", "2026 年  ferry 東京 京で です す "},
        {"서울에서 왔다", "서울 울에 에서 서  왔다 다 "},
        {"カタカナ・ひらがな。", "カタ タカ カナ ナ ・ ひら らが がな な 。"},
        {"ที่นี่", "ทน น "}, /* vowels and tones above are marks */
        {"𠀀𠀁", "𠀀𠀁 𠀁 "},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_BUF struct buf b = BUF_INIT(1000);
        assert_true(cut_concerns(cases[i].text, strlen(cases[i].text)));
        cut_text(&b, cases[i].text, strlen(cases[i].text));
        assert_string_equal(buf_str(&b), cases[i].want);
    }
}

static void other_texts_stay(void **state)
{
    static const char *const texts[] = {
        "",       "Night ferry, returns — at 5", "Ночной паром", "नमस्ते",
        "السلام", "\xff\xfe bytes \xe4\xb8",     "ﬁn 🚢"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        CLEANUP_BUF struct buf b = BUF_INIT(1000);
        bool prefix = false;
        assert_false(cut_concerns(texts[i], strlen(texts[i])));
        cut_text(&b, texts[i], strlen(texts[i]));
        assert_string_equal(buf_str(&b), texts[i]);
        buf_clear(&b);
        cut_phrase(&b, texts[i], strlen(texts[i]), &prefix);
        assert_string_equal(buf_str(&b), texts[i]);
        assert_false(prefix);
    }
}

static void phrases(void **state)
{
    static const struct {
        const char *text, *want;
        bool prefix;
    } cases[] = {
        {"東京都", "東京 京都 ", false}, /* the run may go on */
        {"東", "東 ", true},
        {"東京 ferry", "東京 京  ferry", false}, /* here it may not */
        {"ferry東", "ferry 東 ", true},
        {"東京。", "東京 ", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_BUF struct buf b = BUF_INIT(1000);
        bool prefix = false;
        cut_phrase(&b, cases[i].text, strlen(cases[i].text), &prefix);
        assert_string_equal(buf_str(&b), cases[i].want);
        assert_int_equal(prefix, cases[i].prefix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(other_texts_stay),
        cmocka_unit_test(phrases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
