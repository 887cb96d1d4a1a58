/* words, function_words: text of any script as words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "story/function_words.h"
#include "story/words.h"

static struct story_word a[64], b[64];

/* The number of words, and whether both texts have the same. */
static bool same(const char *x, const char *y, size_t n)
{
    size_t k = story_words(x, strlen(x), a, ARRAY_SIZE(a));
    size_t m = story_words(y, strlen(y), b, ARRAY_SIZE(b));
    assert_int_equal(k, n);
    if (k != m)
        return false;
    for (size_t i = 0; i < k; i++)
        if (a[i].hash != b[i].hash)
            return false;
    return true;
}

static void test_case_accents_and_endings(void **state)
{
    assert_true(same("Election", "ELECTED", 1)); /* cut to five letters */
    assert_false(same("Elbow", "Elder", 1));
    assert_true(same("Čeští poslanci", "cesti POSLA", 2));
    assert_true(same("Łódź", "lodz", 1));
    assert_true(same("Straße", "STRASSE", 1));
    assert_true(same("naïve ﬁnance", "naive finance", 2));
    assert_true(same("Ｆｕｌｌ", "full", 1));
    assert_true(same("the mayor's dog", "the mayor dog", 3));
    assert_true(same("the mayor’s dog", "the mayor dog", 3));
    assert_false(same("O'Neill", "ONeill", 2));
    assert_true(same("co\xC2\xADoperate", "cooperate", 1));
}

static void test_numbers(void **state)
{
    assert_true(same("7.8.1", "7.8.1", 1));
    assert_false(same("7.8.1", "7.8.2", 1));
    assert_true(same("1,200", "1200", 1));
    assert_int_equal(story_words("CVE-2024-1234", 13, a, 64), 2);
    assert_true(a[1].flags & WORD_NUMBER);
    assert_false(a[0].flags & WORD_NUMBER);
    assert_true(same("٢٠٢٤", "2024", 1));
    assert_true(same("२०२४", "2024", 1));
    assert_true(same("covid19", "COVID19", 1));
    assert_int_equal(story_words("Rain. 5 dead", 12, a, 64), 3);
}

static void test_capitals(void **state)
{
    const char *s = "Mayor meets Bajwa. Talks in Austin: Deal near";
    assert_int_equal(story_words(s, strlen(s), a, 64), 8);
    assert_true(a[0].flags & WORD_FIRST);
    assert_true(a[2].flags & WORD_CAPITAL); /* Bajwa */
    assert_true(a[3].flags & WORD_FIRST);   /* Talks: begins a sentence */
    assert_true(a[5].flags & WORD_CAPITAL); /* Austin */
    assert_false(a[1].flags & (WORD_FIRST | WORD_CAPITAL));
    assert_int_equal(a[2].at, 12);
    assert_int_equal(a[2].n, 5);
}

static void test_scripts_without_spaces(void **state)
{
    assert_int_equal(story_words("地震が発生", strlen("地震が発生"), a, 64), 4);
    assert_int_equal(story_words("서울 시장", strlen("서울 시장"), a, 64), 2);
    assert_int_equal(story_words("中", 3, a, 64), 1);
    assert_true(a[0].flags & WORD_PAIR);
    assert_true(same("がっこう", "がっこう", 3));
    assert_true(a[0].flags & WORD_FUNCTION); /* hiragana alone is grammar */
    assert_true(same("iPhone発売", "IPHONE 発売", 2));
    assert_int_equal(story_words("กรุงเทพ", strlen("กรุงเทพ"), a, 64) > 3, 1);
    assert_true(same("ﾄｳｷｮｳ", "トウキョウ", 4));
}

static void test_marks_that_matter(void **state)
{
    assert_false(same("काल", "कील", 1)); /* vowel signs make the word */
    assert_false(same("कल", "काल", 1));
    assert_true(same("كِتَاب", "كتاب", 1)); /* Arabic vowels do not */
    assert_true(same("الحكومة", "حكومه", 1));
    assert_true(same("والحكومة", "الحكومة", 1));
    assert_true(same("Ёлка", "елка", 1));
}

static void test_bad_bytes_and_bounds(void **state)
{
    assert_int_equal(story_words("a\xFF"
                                 "b\xC3",
                                 4, a, 64),
                     2);
    assert_int_equal(story_words("", 0, a, 64), 0);
    assert_int_equal(story_words("a b c d", 7, a, 2), 2);
    char *many = xmalloc(1 << 20);
    memset(many, 'x', 1 << 20);
    assert_int_equal(story_words(many, 1 << 20, a, 64), 1);
    memset(many, '7', 1 << 20);
    assert_int_equal(story_words(many, 1 << 20, a, 64), 1);
    free(many);
}

static void test_function_words(void **state)
{
    static const char *const empty[] = {"the", "und", "para", "что", "من", "के"};
    static const char *const full[] = {"earthquake", "Wahl", "gobierno", "война", "حكومة", "सरकार"};
    for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
        assert_int_equal(story_words(empty[i], strlen(empty[i]), a, 64), 1);
        assert_true(story_is_function_word(a[0].hash));
        assert_int_equal(story_words(full[i], strlen(full[i]), a, 64), 1);
        assert_false(story_is_function_word(a[0].hash));
    }
    assert_int_equal(story_word_hash("the", 3), (story_words("The", 3, a, 64), a[0].hash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case_accents_and_endings),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_capitals),
        cmocka_unit_test(test_scripts_without_spaces),
        cmocka_unit_test(test_marks_that_matter),
        cmocka_unit_test(test_bad_bytes_and_bounds),
        cmocka_unit_test(test_function_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
