#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/args.h"

#define AT(field) offsetof(struct args, field)
static const char *const sizes[] = {"small", "large", NULL};
static const struct opt opts[] = {
    {"feed", 'f', OPT_STRING, "FEED", "of this feed", AT(feed)},
    {"watch", 'w', OPT_FLAG, NULL, "live", AT(watch)},
    {"diff", 'd', OPT_FLAG, NULL, "changes", AT(diff)},
    {"limit", 'n', OPT_NUMBER, "N", "at most", AT(limit), 1000},
    {"since", 0, OPT_TIME, "TIME", "from then on", AT(since)},
    {"size", 0, OPT_CHOICE, "SIZE", "how large", AT(colour), 0, sizes},
    {"tag", 't', OPT_TAGS, "TAG", "a tag", AT(tags)},
    {"exec", 0, OPT_REST, "CMD [ARG...]", "a command", AT(exec)},
    {0},
};
static const struct command cmd = {.name = "try",
                                   .operands = "ONE [TWO]",
                                   .help = "Tries things",
                                   .opts = opts,
                                   .min_operands = 1,
                                   .max_operands = 2,
                                   .has_format = true};

/* Parses the words of LINE, split at spaces. */
static char words_of[512];
static char *argv_of[32];
static int parse(const char *line, struct args *a, struct td_err *err)
{
    int argc = 0;
    char *save = NULL;
    err->msg[0] = 0;
    snprintf(words_of, sizeof words_of, "%s", line);
    for (char *w = strtok_r(words_of, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv_of[argc++] = w;
    argv_of[argc] = NULL;
    return args_parse(a, &cmd, argc, argv_of, 1000000, err);
}

static void takes_options_in_every_spelling(void **state)
{
    struct args a;
    struct td_err err;
    assert_int_equal(parse("--feed=x one -n5 --size large -wd two -t a --tag=b", &a, &err), 0);
    assert_string_equal(a.feed, "x");
    assert_int_equal(a.limit, 5);
    assert_int_equal(a.colour, 1);
    assert_true(a.watch && a.diff && !a.help);
    assert_int_equal(a.n_tags, 2);
    assert_string_equal(a.tags[1], "b");
    assert_int_equal(a.n_operands, 2);
    assert_string_equal(a.operands[0], "one");
    assert_string_equal(a.operands[1], "two");
    assert_int_equal(a.since, TD_NEVER);
    assert_int_equal(parse("one --since 10s", &a, &err), 0);
    assert_int_equal(a.since, 990000);
}

static void dashes_end_the_options(void **state)
{
    struct args a;
    struct td_err err;
    assert_int_equal(parse("-w -- -one --two", &a, &err), 0);
    assert_string_equal(a.operands[0], "-one");
    assert_string_equal(a.operands[1], "--two");
    assert_int_equal(parse("-", &a, &err), 0); /* stdin is an operand */
    assert_string_equal(a.operands[0], "-");
}

static void exec_takes_the_rest(void **state)
{
    struct args a;
    struct td_err err;
    assert_int_equal(parse("one two --exec sh -c --watch three", &a, &err), 0);
    assert_string_equal(a.exec[0], "sh");
    assert_string_equal(a.exec[2], "--watch");
    assert_string_equal(a.exec[3], "three");
    assert_null(a.exec[4]);
    assert_false(a.watch);
    assert_int_equal(a.n_operands, 2);
    assert_int_equal(parse("one --exec", &a, &err), -EINVAL);
    assert_int_equal(parse("one --exec=sh", &a, &err), -EINVAL);
}

static void refuses_and_suggests(void **state)
{
    static const struct {
        const char *line, *said;
    } cases[] = {
        {"one --fedd x", "did you mean --feed"},
        {"one --formt json", "did you mean --format"},
        {"one --zzzzzzzzzzzz", "no option --zzzzzzzzzzzz"},
        {"one -x", "no option -x"},
        {"one --feed", "--feed needs a value: FEED"},
        {"one --feed=", "not empty"},
        {"one --watch=yes", "takes no value"},
        {"one -n 0", "from 1 to 1000, not 0"},
        {"one -n 1001", "not 1001"},
        {"one -n 5x", "not 5x"},
        {"one --size larg", "did you mean large"},
        {"one --format yaml", "text, json, jsonl, tsv, csv, not yaml"},
        {"one --since soon", "not soon"},
        {"", "needs ONE [TWO]"},
        {"one two three", "no such argument: three"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct args a = {.limit = 77};
        struct td_err err;
        assert_int_equal(parse(cases[i].line, &a, &err), -EINVAL);
        if (!strstr(err.msg, cases[i].said))
            fail_msg("%s: %s", cases[i].line, err.msg);
        assert_int_equal(a.limit, 77); /* untouched */
    }
}

static void help_needs_no_operand(void **state)
{
    struct args a;
    struct td_err err;
    assert_int_equal(parse("--help", &a, &err), 0);
    assert_true(a.help);
    assert_int_equal(parse("--list-options", &a, &err), 0);
    assert_true(a.list_options);
}

static void help_names_every_option(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16), list = BUF_INIT(1 << 16);
    args_help(&b, &cmd);
    args_list_options(&list, &cmd);
    assert_non_null(strstr(b.data, "Usage: tidings try [OPTION]... ONE [TWO]\n"));
    for (const struct opt *o = opts; o->name; o++) {
        char text[64];
        snprintf(text, sizeof text, "--%s ", o->name);
        assert_non_null(strstr(b.data, text));
        snprintf(text, sizeof text, "--%s\t", o->name);
        assert_non_null(strstr(list.data, text));
    }
    assert_non_null(strstr(list.data, "--size\tSIZE\thow large\tsmall large\n"));
    assert_null(strstr(b.data, "list-options"));
    assert_null(strstr(list.data, "list-options"));
}

static void finds_commands(void **state)
{
    static const struct command other = {.name = "other", .operands = ""};
    const struct command *const table[] = {&cmd, &other, NULL};
    struct td_err err;
    assert_ptr_equal(args_command(table, "other", &err), &other);
    assert_null(args_command(table, "othr", &err));
    assert_string_equal(err.msg, "no command othr; did you mean other?");
    assert_null(args_command(table, "qqqqqqqqqqqq", &err));
    assert_string_equal(err.msg, "no command qqqqqqqqqqqq");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_options_in_every_spelling),
        cmocka_unit_test(dashes_end_the_options),
        cmocka_unit_test(exec_takes_the_rest),
        cmocka_unit_test(refuses_and_suggests),
        cmocka_unit_test(help_needs_no_operand),
        cmocka_unit_test(help_names_every_option),
        cmocka_unit_test(finds_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
