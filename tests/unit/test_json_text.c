/* What was parsed is written again as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "model/json_text.h"

static void there_and_back(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "[0.1,13.376294444444444,1e+300,-0.5,12345678901234,1.1]",
        "{\"z\":1,\"a\":{\"b\":[true,false,null]},\"\\\"\":\"x\"}",
        "[\"caf\303\251 \344\270\226 \\\"q\\\" \\\\ \\n \\u0001\",\"\"]",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        json_t *v = json_loads(texts[i], 0, NULL);
        assert_non_null(v);
        CLEANUP_FREE char *again = json_text(v);
        assert_string_equal(again, texts[i]);
        json_decref(v);
    }
    CLEANUP_FREE char *nothing = json_text(NULL);
    assert_string_equal(nothing, "null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
