#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "store/dedup.h"

static struct td_entry entry(const char *id, const char *url, const char *title,
                             uint64_t fingerprint)
{
    return (struct td_entry){.id = id,
                             .id_source = TD_ID_GUID,
                             .url = url,
                             .title = title,
                             .date_published = TD_NEVER,
                             .date_modified = TD_NEVER,
                             .fingerprint = fingerprint};
}

static void ids_ignore_scheme_and_slash(void **state)
{
    struct td_entry a = entry("http://Example.org/a/", NULL, "t", 1);
    struct td_entry b = entry("https://example.org/a", NULL, "t", 1);
    struct td_entry c = entry("https://example.org/A", NULL, "t", 1);
    struct td_entry d = entry("urn:x:1", NULL, "t", 1), e = entry("URN:x:1", NULL, "t", 1);
    assert_int_equal(dedup_ident(&a, DEDUP_BY_ID), dedup_ident(&b, DEDUP_BY_ID));
    assert_int_not_equal(dedup_ident(&a, DEDUP_BY_ID), dedup_ident(&c, DEDUP_BY_ID));
    assert_int_not_equal(dedup_ident(&d, DEDUP_BY_ID), dedup_ident(&e, DEDUP_BY_ID));
    assert_int_not_equal(dedup_ident(&a, DEDUP_BY_ID), 0);
}

static void repeated_guids_fall_back(void **state)
{
    struct td_entry links[] = {entry("same", "http://e/1", "one", 1),
                               entry("same", "http://e/2", "two", 2)};
    struct td_batch b = {.entries = links, .n_entries = 2};
    assert_int_equal(dedup_rule_for(&b, DEDUP_BY_ID), DEDUP_BY_URL);
    assert_int_equal(dedup_rule_for(&b, DEDUP_BY_HASH), DEDUP_BY_HASH);
    struct td_entry bare[] = {entry("same", NULL, "one", 1), entry("same", NULL, "two", 2)};
    b.entries = bare;
    assert_int_equal(dedup_rule_for(&b, DEDUP_BY_ID), DEDUP_BY_URL);
    assert_int_not_equal(dedup_ident(&bare[0], DEDUP_BY_URL), dedup_ident(&bare[1], DEDUP_BY_URL));
    struct td_entry one_page[] = {entry("same", "http://e/", "one", 1),
                                  entry("same", "http://e/", "two", 2),
                                  entry("other", "http://e/3", "three", 3)};
    b = (struct td_batch){.entries = one_page, .n_entries = 3};
    /* under one link these two are two versions of one item; nothing to fall back for */
    assert_int_equal(dedup_rule_for(&b, DEDUP_BY_ID), DEDUP_BY_ID);
    struct td_entry board[] = {entry("same", "http://e/", "one", 1),
                               entry("same", "http://e/", "two", 2),
                               entry("same", "http://e/", "three", 3)};
    b = (struct td_batch){.entries = board,
                          .n_entries = 3}; /* a status page: id and link are its own */
    assert_int_equal(dedup_rule_for(&b, DEDUP_BY_ID), DEDUP_BY_HASH);
    struct td_entry copies[] = {entry("same", "http://e/1", "one", 1),
                                entry("same", "http://e/1", "one", 1)};
    b = (struct td_batch){.entries = copies, .n_entries = 2};
    assert_int_equal(dedup_rule_for(&b, DEDUP_BY_ID), DEDUP_BY_ID);
}

static void lists_oldest_first_without_copies(void **state)
{
    struct td_entry e[] = {entry("c", NULL, "c", 3), entry("b", NULL, "b", 2),
                           entry("b", NULL, "b", 2), entry("a", NULL, "a", 1)};
    struct td_batch b = {.entries = e, .n_entries = 4};
    struct dedup_entry list[4];
    assert_int_equal(dedup_list(&b, DEDUP_BY_ID, list), 3);
    assert_string_equal(list[0].entry->id, "a");
    assert_string_equal(list[2].entry->id, "c");
    e[0].date_published = 1000; /* this feed puts the oldest first */
    e[3].date_published = 2000;
    assert_int_equal(dedup_list(&b, DEDUP_BY_ID, list), 3);
    assert_string_equal(list[0].entry->id, "c");
    assert_ptr_equal(list[1].entry, &e[1]);
    b.n_entries = 0;
    assert_int_equal(dedup_list(&b, DEDUP_BY_ID, list), 0);
}

static void moved_feeds_are_recognised(void **state)
{
    assert_true(dedup_suspicious(10, 10, true));
    assert_true(dedup_suspicious(1, 1, true));
    assert_false(dedup_suspicious(1, 10, true));
    assert_false(dedup_suspicious(10, 10, false));
    struct td_entry old = entry("http://old.example/?p=7", "http://old.example/2026/call",
                                "The call", 1);
    struct td_entry now = entry("https://new.example/?p=7", "https://new.example/2026/call/",
                                "The call", 2);
    old.date_published = now.date_published = 1000;
    uint64_t key = dedup_moved_key(&old);
    assert_true(key && key == dedup_moved_key(&now));
    now.date_published = 2000; /* an hourly bulletin: one title, one link, another hour */
    assert_int_not_equal(dedup_moved_key(&now), key);
    now.date_published = 1000;
    now.title = "Another";
    assert_int_not_equal(dedup_moved_key(&now), key);
    now.title = old.title;
    now.url = "https://new.example/2026/other";
    assert_int_not_equal(dedup_moved_key(&now), key);
    old.date_published = now.date_published = TD_NEVER; /* undated: the text decides */
    now.url = old.url;
    old.text = "one";
    now.text = "two";
    assert_int_not_equal(dedup_moved_key(&now), dedup_moved_key(&old));
    now.text = "one";
    assert_int_equal(dedup_moved_key(&now), dedup_moved_key(&old));
    struct td_entry bare = entry("7", "http://e.org/", NULL, 1);
    assert_int_equal(dedup_moved_key(&bare), 0);
}

static void a_link_moves_with_its_site(void **state)
{
    static const struct {
        const char *old, *now;
        bool moved;
    } cases[] = {
        {"http://e.org/a", "https://e.org/a", true},
        {"http://e.org/a/", "https://www.e.org/a", true},
        {"http://e.org/a", "http://e.org/a", false}, /* nothing changed */
        {"http://e.org/a", "https://e.org/b", false},
        {"http://e.org/?p=1", "https://e.org/?p=2", false},
        {"urn:a", "urn:b", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(dedup_url_moved(cases[i].old, cases[i].now), cases[i].moved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_ignore_scheme_and_slash),
        cmocka_unit_test(repeated_guids_fall_back),
        cmocka_unit_test(lists_oldest_first_without_copies),
        cmocka_unit_test(moved_feeds_are_recognised),
        cmocka_unit_test(a_link_moves_with_its_site),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
