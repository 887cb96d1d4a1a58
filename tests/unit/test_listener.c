/*
 * Listening sockets: made, replaced, refused, removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "serve/listener.h"

struct world {
    char dir[40], path[80];
};

static int setup(void **state)
{
    static struct world w;
    strcpy(w.dir, "/tmp/tidings-listener-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    snprintf(w.path, sizeof w.path, "%s/run/s", w.dir);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    *strrchr(w->path, '/') = 0;
    rmdir(w->path);
    return rmdir(w->dir);
}

/* Only one lives at a path; its file goes with it. */
static void unix_alone(void **state)
{
    struct world *w = *state;
    struct listener first, second;
    struct td_err err;
    struct stat st;
    assert_int_equal(listener_unix(&first, w->path, &err), 0);
    assert_int_equal(lstat(w->path, &st), 0);
    assert_int_equal(st.st_mode & 0117, 0); /* at most 0660 */
    assert_int_equal(listener_unix(&second, w->path, &err), -EADDRINUSE);
    listener_close(&first);
    assert_int_equal(lstat(w->path, &st), -1);
}

/* What a dead daemon leaves, a socket nobody listens at, is replaced. */
static void unix_stale(void **state)
{
    struct world *w = *state;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct listener l;
    struct td_err err;
    struct stat st;
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s/stale", w->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    close(fd);
    assert_int_equal(listener_unix(&l, addr.sun_path, &err), 0);
    /* Another one took the path meanwhile: not ours to remove. */
    unlink(addr.sun_path);
    fd = open(addr.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    listener_close(&l);
    assert_int_equal(lstat(addr.sun_path, &st), 0);
    assert_int_equal(listener_unix(&l, addr.sun_path, &err), -EEXIST);
    unlink(addr.sun_path);
}

static void unix_refused(void **state)
{
    struct listener l;
    struct td_err err;
    char longer[200];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(listener_unix(&l, longer, &err), -ENAMETOOLONG);
    assert_int_equal(listener_unix(&l, "/nonexistent-folder/below/s", &err), -ENOENT);
}

/* The port that LISTENER got. */
static struct endpoint at(const struct listener *l)
{
    struct endpoint e = {.len = sizeof e.addr};
    assert_int_equal(getsockname(l->fd, (struct sockaddr *)&e.addr, &e.len), 0);
    return e;
}

static void tcp(void **state)
{
    static const char *const texts[] = {"127.0.0.1:0", "[::1]:0"};
    for (size_t i = 0; i < 2; i++) {
        struct listener l, second;
        struct endpoint e;
        struct td_err err;
        assert_int_equal(endpoint_parse(texts[i], true, &e), 0);
        if (listener_tcp(&l, &e, &err) < 0) { /* no IPv6 in some containers */
            assert_int_equal(i, 1);
            continue;
        }
        e = at(&l);
        assert_int_equal(listener_tcp(&second, &e, &err), -EADDRINUSE);
        assert_non_null(strstr(err.msg, "Address already in use"));
        int fd = socket(e.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&e.addr, e.len), 0);
        close(fd);
        listener_close(&l);
        /* At once again, although the old connection is not forgotten yet. */
        assert_int_equal(listener_tcp(&l, &e, &err), 0);
        listener_close(&l);
    }
}

static void inherited(void **state)
{
    struct world *w = *state;
    struct listener l, ours;
    struct td_err err;
    struct stat st;
    assert_int_equal(listener_unix(&l, w->path, &err), 0);
    listener_inherited(&ours, dup(l.fd));
    listener_close(&ours);
    assert_int_equal(lstat(w->path, &st), 0); /* the manager's */
    listener_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unix_alone), cmocka_unit_test(unix_stale), cmocka_unit_test(unix_refused),
        cmocka_unit_test(tcp),        cmocka_unit_test(inherited),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
