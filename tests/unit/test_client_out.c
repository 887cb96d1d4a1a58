#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/follow.h"
#include "client/out.h"
#include "client/progress.h"

static const struct column columns[] = {
    {"id", "ID", COL_RIGHT | COL_SAFE},
    {"name", "NAME", COL_SHRINK},
    {"note", NULL, 0},
    {"title", "TITLE", COL_SHRINK},
};

struct line {
    const char *id, *name, *note, *title, *json;
};

/* What the rows look like. */
static char *print(enum format format, const struct term *t, const struct line *rows, size_t n,
                   bool complete)
{
    int fd[2];
    static char text[65536];
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    struct out *o = out_new(fd[1], format, t, columns, ARRAY_SIZE(columns), false);
    for (size_t i = 0; i < n; i++) {
        struct cell cells[] = {
            {rows[i].id}, {rows[i].name, NULL, STYLE_RED}, {rows[i].note}, {rows[i].title}};
        out_row(o, cells, rows[i].json, rows[i].json ? strlen(rows[i].json) : 0);
    }
    assert_int_equal(out_rows(o), n);
    assert_int_equal(out_end(o, complete), 0);
    close(fd[1]);
    ssize_t len = read(fd[0], text, sizeof text - 1);
    text[len < 0 ? 0 : len] = 0;
    close(fd[0]);
    return text;
}

static const struct term plain = {.width = 80}, narrow = {.out_tty = true, .width = 30},
                         coloured = {.out_tty = true, .width = 80, .colour = true};

static void plain_text_is_aligned_and_whole(void **state)
{
    const struct line rows[] = {{"1", "ab", "n",
                                 "A title that is longer than the line of eighty "
                                 "columns which nobody has cut it to so far"},
                                {"20", "世界", NULL, "t"}};
    assert_string_equal(print(FORMAT_TEXT, &plain, rows, 2, true),
                        " 1  ab    A title that is longer than the line of eighty columns which "
                        "nobody has cut it to so far\n20  世界  t\n");
}

static void a_terminal_gets_a_head_and_cut_titles(void **state)
{
    const struct line rows[] = {{"1", "name", NULL, "a rather long title, too long"},
                                {"2", "世界世界世界世界", NULL, "short"}};
    assert_string_equal(print(FORMAT_TEXT, &narrow, rows, 2, true),
                        "ID  NAME          TITLE\n"
                        " 1  name          a rather lo…\n"
                        " 2  世界世界世…   short\n");
}

static void colour_only_where_wanted(void **state)
{
    const struct line rows[] = {{"1", "x", NULL, "y"}};
    assert_string_equal(print(FORMAT_TEXT, &coloured, rows, 1, true),
                        "\033[2mID\033[0m  \033[2mNAME\033[0m  \033[2mTITLE\033[0m\n"
                        " 1  \033[31mx\033[0m     y\n");
}

static void text_cannot_steer_the_terminal(void **state)
{
    const struct line rows[] = {{"1", "\033[2J", NULL,
                                 "\xe2\x80\xae"
                                 "evil\xc2\x9b\xff\n"}};
    char *text = print(FORMAT_TEXT, &plain, rows, 1, true);
    assert_null(strchr(text, '\033'));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_null(strstr(text, "\xc2\x9b"));
    assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
}

static void tsv_and_csv(void **state)
{
    const struct line rows[] = {
        {"-1", "a\tb\nc\\", "=1+1", "say \"hi\", you"},
        {"2", NULL, " x", "@cmd"},
    };
    assert_string_equal(print(FORMAT_TSV, &plain, rows, 2, true),
                        "id\tname\tnote\ttitle\n"
                        "-1\ta\\tb\\nc\\\\\t=1+1\tsay \"hi\", you\n"
                        "2\t\t x\t@cmd\n");
    assert_string_equal(print(FORMAT_CSV, &plain, rows, 2, true),
                        "id,name,note,title\r\n"
                        "-1,\"a\tb\nc\\\",\"'=1+1\",\"say \"\"hi\"\", you\"\r\n"
                        "2,,\" x\",\"'@cmd\"\r\n");
    assert_string_equal(print(FORMAT_CSV, &plain, NULL, 0, true), "id,name,note,title\r\n");
    assert_string_equal(print(FORMAT_CSV, &plain, NULL, 0, false), "");
}

static void json(void **state)
{
    const struct line rows[] = {{.json = "{\"a\":1}"},
                                {.json = "{\"b\":\"\xc2\x9b\x7f"
                                         "é\"}"}};
    assert_string_equal(print(FORMAT_JSON, &plain, rows, 1, true), "[\n{\"a\":1}\n]\n");
    assert_string_equal(print(FORMAT_JSON, &plain, rows, 1, false), "[\n{\"a\":1}");
    assert_string_equal(print(FORMAT_JSON, &plain, NULL, 0, true), "[]\n");
    assert_string_equal(print(FORMAT_JSONL, &plain, rows, 2, true),
                        "{\"a\":1}\n{\"b\":\"\xc2\x9b\x7f"
                        "é\"}\n");
    assert_string_equal(print(FORMAT_JSONL, &narrow, rows + 1, 1, true),
                        "{\"b\":\"\\u009b\\u007fé\"}\n");
}

static void a_write_error_is_kept(void **state)
{
    int fd = open("/dev/full", O_WRONLY);
    struct out *o = out_new(fd, FORMAT_TEXT, &plain, columns, ARRAY_SIZE(columns), true);
    struct cell cells[ARRAY_SIZE(columns)] = {{"1"}};
    out_row(o, cells, NULL, 0);
    assert_int_equal(out_error(o), -ENOSPC);
    assert_int_equal(out_end(o, true), -ENOSPC);
    close(fd);
}

static void progress_tells_the_time_left(void **state)
{
    CLEANUP_BUF struct buf b = BUF_INIT(4096);
    progress_line(&b, "copy", 0.25, 10000, 60);
    assert_non_null(strstr(b.data, "copy [#"));
    assert_non_null(strstr(b.data, " 25 %, 31 s left"));
    assert_in_range(text_width(b.data, b.len), 40, 60);
    buf_clear(&b);
    progress_line(&b, "wait", -1, 5000, 60);
    assert_string_equal(b.data, "wait … 5 s");
    buf_clear(&b);
    progress_line(&b, "copy", 2, 5000, 20);
    assert_non_null(strstr(b.data, "100 %"));
}

static void follow_waits_longer_each_time(void **state)
{
    assert_int_equal(follow_backoff_ms(0), 250);
    assert_int_equal(follow_backoff_ms(1), 500);
    assert_int_equal(follow_backoff_ms(6), 15000);
    assert_int_equal(follow_backoff_ms(1000000), 15000);
}

static const char *env_get(char **env, const char *name)
{
    size_t n = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

static void follow_environment_is_one_line_each(void **state)
{
    char path[] = "PATH=/bin", title[] = "TIDINGS_TITLE=old", sock[] = "TIDINGS_SOCKET=/s",
         author[] = "TIDINGS_AUTHOR=x";
    char *const outside[] = {path, title, sock, author, NULL};
    char *longest = xmalloc(50001);
    memset(longest, 'x', 50000);
    longest[50000] = 0;
    struct item_row it = {.item_id = 5,
                          .revision = 1,
                          .date_published = TD_NEVER,
                          .title = "a\nb\033c",
                          .url = longest,
                          .feed = "f"};
    char **env = follow_environment(follow_inherit(outside), 9, "item.new", &it);
    assert_string_equal(env_get(env, "TIDINGS_TITLE"), "a b\xef\xbf\xbd"
                                                       "c");
    assert_string_equal(env_get(env, "TIDINGS_SEQ"), "9");
    assert_string_equal(env_get(env, "TIDINGS_ITEM_ID"), "5");
    assert_string_equal(env_get(env, "TIDINGS_SOCKET"), "/s");
    assert_string_equal(env_get(env, "PATH"), "/bin");
    assert_null(env_get(env, "TIDINGS_AUTHOR"));
    assert_null(env_get(env, "TIDINGS_DATE_PUBLISHED"));
    assert_in_range(strlen(env_get(env, "TIDINGS_URL")), 8000, 8192);
    follow_env_free(env);
    free(longest);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_is_aligned_and_whole),
        cmocka_unit_test(a_terminal_gets_a_head_and_cut_titles),
        cmocka_unit_test(colour_only_where_wanted),
        cmocka_unit_test(text_cannot_steer_the_terminal),
        cmocka_unit_test(tsv_and_csv),
        cmocka_unit_test(json),
        cmocka_unit_test(a_write_error_is_kept),
        cmocka_unit_test(progress_tells_the_time_left),
        cmocka_unit_test(follow_waits_longer_each_time),
        cmocka_unit_test(follow_environment_is_one_line_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
