#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "client/place.h"

static enum place_file sock_there, db_there;

static enum place_file look(const char *path)
{
    return str_ends(path, ".sock") ? sock_there : db_there;
}

static void chosen(const char *socket, const char *store, const char *want_socket,
                   const char *want_store)
{
    struct place p;
    place_choose(&p, socket, store, look);
    assert_string_equal(p.socket, want_socket);
    assert_string_equal(p.store, want_store);
    place_fini(&p);
}

static void the_system_if_nothing_is_here(void **state)
{
    sock_there = db_there = PLACE_ABSENT;
    chosen(NULL, NULL, PLACE_SOCKET, PLACE_STORE);
}

static void the_working_directory_as_a_pair(void **state)
{
    sock_there = PLACE_TRUSTED, db_there = PLACE_ABSENT;
    chosen(NULL, NULL, "tidings.sock", "tidings.db");
    sock_there = PLACE_ABSENT, db_there = PLACE_TRUSTED; /* the daemon is stopped */
    chosen(NULL, NULL, "tidings.sock", "tidings.db");
}

static void a_stranger_s_files_are_left_alone(void **state)
{
    struct place p;
    sock_there = PLACE_DISTRUSTED, db_there = PLACE_TRUSTED;
    place_choose(&p, NULL, NULL, look);
    assert_string_equal(p.socket, PLACE_SOCKET);
    assert_string_equal(p.store, PLACE_STORE);
    assert_string_equal(p.distrusted, "tidings.sock");
    place_fini(&p);
}

static void said_paths_win_and_bring_their_neighbour(void **state)
{
    sock_there = db_there = PLACE_TRUSTED;
    chosen("/a/x.sock", "/b/y.db", "/a/x.sock", "/b/y.db");
    chosen("/a/x.sock", NULL, "/a/x.sock", "/a/tidings.db");
    chosen(NULL, "b/y.db", "b/tidings.sock", "b/y.db");
    chosen(NULL, "y.db", "tidings.sock", "y.db");
    chosen(PLACE_SOCKET, NULL, PLACE_SOCKET, PLACE_STORE);
    chosen(NULL, PLACE_STORE, PLACE_SOCKET, PLACE_STORE);
}

static void looks_at_owners(void **state)
{
    assert_int_equal(place_look("/proc/self/no-such-file"), PLACE_ABSENT);
    assert_int_equal(place_look("/proc/self/status"), PLACE_TRUSTED);
}

static void elsewhere(void **state)
{
    struct place p;
    place_elsewhere(&p, "https://feeds.example.org/tidings//");
    assert_string_equal(p.socket, "https://feeds.example.org/tidings");
    assert_null(p.store);
    assert_true(place_is_url(p.socket));
    assert_false(place_is_url("tidings.sock"));
    assert_false(place_is_url("http:"));
    place_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elsewhere),
        cmocka_unit_test(the_system_if_nothing_is_here),
        cmocka_unit_test(the_working_directory_as_a_pair),
        cmocka_unit_test(a_stranger_s_files_are_left_alone),
        cmocka_unit_test(said_paths_win_and_bring_their_neighbour),
        cmocka_unit_test(looks_at_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
