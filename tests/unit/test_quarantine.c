#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/quarantine.h"

struct place {
    char dir[64], folder[80];
};

static int set_up(void **state)
{
    struct place *p = xcalloc(1, sizeof *p);
    strcpy(p->dir, "/tmp/tidings-quarantine-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->folder, sizeof p->folder, "%s/q", p->dir);
    *state = p;
    return 0;
}

static size_t each_file(const char *dir, bool remove)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_type != DT_REG)
            continue;
        n++;
        if (remove)
            unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
    return n;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    each_file(p->folder, true);
    rmdir(p->folder);
    unlink(p->folder);
    rmdir(p->dir);
    free(p);
    return 0;
}

static void names(void **state)
{
    char a[QUARANTINE_NAME], b[QUARANTINE_NAME];
    assert_string_equal(quarantine_name(a, 1577836800123, 0xabc, "heise online/../x"),
                        "20200101T000000.123-0000000000000abc-heise_online_.._x.doc");
    assert_string_equal(quarantine_name(a, 0, 1, NULL),
                        "19700101T000000.000-0000000000000001-.doc");
    char feed[500];
    memset(feed, '\xc3', sizeof feed - 1);
    feed[sizeof feed - 1] = 0;
    quarantine_name(a, 1577836800123, UINT64_MAX, feed);
    assert_true(strlen(a) < QUARANTINE_NAME - 1);
    assert_true(str_ends(a, ".doc"));
    quarantine_name(b, 1577836800124, 0, "a");
    assert_true(strcmp(a, b) < 0); /* later sorts behind */
}

static void kept_whole_and_once(void **state)
{
    struct place *p = *state;
    struct td_err err;
    char name[QUARANTINE_NAME], again[QUARANTINE_NAME], path[300], got[16] = "";
    assert_int_equal(quarantine_keep(p->folder, "f", "a\0b", 3, 1000, name, &err), 0);
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, got, sizeof got), 3);
    close(fd);
    assert_memory_equal(got, "a\0b", 3);
    assert_int_equal(quarantine_keep(p->folder, "g", "a\0b", 3, 2000, again, &err), 0);
    assert_string_equal(again, name);
    assert_int_equal(each_file(p->folder, false), 1);
}

static void bounded_and_oldest_go(void **state)
{
    struct place *p = *state;
    char name[QUARANTINE_NAME], first[QUARANTINE_NAME], path[300];
    struct td_err err;
    for (int i = 0; i < LIMIT_QUARANTINE_FILES + 20; i++) {
        assert_int_equal(quarantine_keep(p->folder, "f", &i, sizeof i, 1000 + i, name, &err), 0);
        if (i == 19)
            strcpy(first, name);
    }
    assert_int_equal(each_file(p->folder, false), LIMIT_QUARANTINE_FILES);
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    assert_int_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/%s", p->folder, first); /* the last one that had to go */
    assert_int_equal(access(path, F_OK), -1);
}

/* Files of others in the folder are neither counted nor removed. */
static void strangers_stay(void **state)
{
    struct place *p = *state;
    char name[QUARANTINE_NAME], path[300];
    struct td_err err;
    static const char *const others[] = {"README", "00000000-notes.doc", "20200101T000000.000-x"};
    assert_int_equal(mkdir(p->folder, 0700), 0);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        snprintf(path, sizeof path, "%s/%s", p->folder, others[i]);
        close(open(path, O_WRONLY | O_CREAT, 0600));
    }
    for (int i = 0; i < LIMIT_QUARANTINE_FILES + 3; i++)
        assert_int_equal(quarantine_keep(p->folder, "f", &i, sizeof i, 1000 + i, name, &err), 0);
    assert_int_equal(each_file(p->folder, false), LIMIT_QUARANTINE_FILES + ARRAY_SIZE(others));
}

static void failure_says_where(void **state)
{
    struct place *p = *state;
    char name[QUARANTINE_NAME] = "untouched";
    struct td_err err = {""};
    close(open(p->folder, O_WRONLY | O_CREAT, 0600)); /* a file where the folder should be */
    assert_true(quarantine_keep(p->folder, "f", "x", 1, 1000, name, &err) < 0);
    assert_non_null(strstr(err.msg, p->folder));
    assert_string_equal(name, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test_setup_teardown(kept_whole_and_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounded_and_oldest_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strangers_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failure_says_where, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
