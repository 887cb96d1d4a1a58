#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "query/set.h"

#define NOW     1795600800000LL
#define QUERIES 600
#define ITEMS   500

static uint64_t seed = 42;
static uint32_t below(uint32_t n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed >> 33) % n;
}

static const char *const vocabulary[] = {"one",
                                         "two",
                                         "three",
                                         "Four",
                                         "f\xc3\xbcnf",
                                         "sechs",
                                         "the",
                                         "of",
                                         "a",
                                         "army",
                                         "ferry",
                                         "fernweh",
                                         "\xd0\xbc\xd0\xb8\xd1\x80",
                                         "\xe6\x97\xa5",
                                         "linux",
                                         "kernel"};
static const char *word(void)
{
    return vocabulary[below(below(3) ? 6 : ARRAY_SIZE(vocabulary))];
}

static void add_query(struct buf *b, int depth)
{
    switch (below(depth > 3 ? 9 : 13)) {
    case 0:
        buf_addf(b, "\"%s %s\"", word(), word());
        break;
    case 1:
        buf_addf(b, "%.1s*", "ftolsk" + below(6));
        break;
    case 2:
        buf_addf(b, "feed:%s", below(2) ? "Alpha" : "7");
        break;
    case 3:
        buf_addf(b, "tag:%s", word());
        break;
    case 4:
        buf_addf(b, "site:%s", below(2) ? "example.org" : "b.example.net");
        break;
    case 5:
        buf_addf(b, "lang:%s", below(2) ? "en" : "de-AT");
        break;
    case 6:
        buf_addf(b, "%s NEAR/%u %s", word(), below(4), word());
        break;
    case 9:
        buf_adds(b, "-(");
        add_query(b, depth + 1);
        buf_addc(b, ')');
        break;
    case 10:
        buf_addc(b, '(');
        add_query(b, depth + 1);
        buf_adds(b, " OR ");
        add_query(b, depth + 1);
        buf_addc(b, ')');
        break;
    case 11:
    case 12:
        buf_addc(b, '(');
        add_query(b, depth + 1);
        buf_addc(b, ' ');
        add_query(b, depth + 1);
        buf_addc(b, ')');
        break;
    default:
        buf_adds(b, word());
        break;
    }
}

static struct query *random_query(void)
{
    struct buf b = BUF_INIT(1 << 16);
    struct query_error e;
    struct query *q = NULL;
    add_query(&b, 0);
    if (query_parse(&q, b.data, &e) < 0)
        fail_msg("%s: %s", b.data, e.reason);
    buf_free(&b);
    return q;
}

static void random_item(struct query_doc *d, struct buf *title, struct buf *text)
{
    static const char *const urls[] = {"https://example.org/x", "http://a.b.example.net/",
                                       "http://other.test", NULL};
    static const char *const langs[] = {"en-GB", "de_AT", "de", NULL};
    buf_clear(title);
    buf_clear(text);
    for (uint32_t n = below(5); n; n--)
        buf_addf(title, "%s ", word());
    for (uint32_t n = below(30); n; n--)
        buf_addf(text, "%s ", word());
    *d = (struct query_doc){.title = title->data,
                            .text = text->data,
                            .url = urls[below(4)],
                            .language = langs[below(4)],
                            .tags = below(2) ? word() : NULL,
                            .feed = below(2) ? "alpha" : "beta",
                            .feed_id = 6 + below(3),
                            .date_published = TD_NEVER,
                            .first_seen = NOW};
}

struct told {
    bool had[QUERIES];
    size_t n;
};

static void on_match(void *ctx, uint64_t id)
{
    struct told *t = ctx;
    assert_false(t->had[id]); /* once */
    t->had[id] = true;
    t->n++;
}

/* The index finds exactly the queries that asking one by one finds, while queries come and go. */
static void the_index_agrees_with_asking_each(void **state)
{
    struct query *queries[QUERIES];
    bool in[QUERIES] = {false};
    struct query_set *s = query_set_new();
    struct matcher *m = matcher_new();
    struct buf title = BUF_INIT(4096), text = BUF_INIT(4096);
    size_t found = 0;
    for (size_t i = 0; i < QUERIES; i++)
        queries[i] = random_query();
    for (int item = 0; item < ITEMS; item++) {
        struct query_doc d;
        struct told told = {.n = 0};
        size_t want = 0;
        for (int i = 0; i < 5; i++) {
            uint32_t at = below(QUERIES);
            if (in[at])
                query_set_remove(s, at);
            else
                query_set_add(s, at, queries[at]);
            in[at] = !in[at];
        }
        random_item(&d, &title, &text);
        matcher_set(m, &d);
        query_set_match(s, m, NOW, on_match, &told);
        for (size_t i = 0; i < QUERIES; i++) {
            bool yes = in[i] && matcher_matches(m, queries[i], NOW);
            want += yes;
            if (yes != told.had[i])
                fail_msg("item %d (%s| %s), query %s: %s", item, buf_str(&title), buf_str(&text),
                         query_text(queries[i]), yes ? "missed" : "told wrongly");
        }
        assert_int_equal(told.n, want);
        found += want;
    }
    assert_true(found > 1000); /* the test tests something */
    query_set_free(s);
    matcher_free(m);
    buf_free(&title);
    buf_free(&text);
    for (size_t i = 0; i < QUERIES; i++)
        query_free(queries[i]);
}

static void ignore(void *ctx, uint64_t id)
{
}

/* A query under a word that turns out to be common moves to a rarer one. */
static void keys_follow_the_news(void **state)
{
    CLEANUP_QUERY struct query *q = NULL;
    struct query_set *s = query_set_new();
    struct matcher *m = matcher_new();
    struct query_set_counts c;
    struct query_doc d = {.title = "commonlongword", .first_seen = NOW, .date_published = TD_NEVER};
    assert_int_equal(query_parse(&q, "commonlongword abc", NULL), 0);
    query_set_add(s, 1, q);
    for (int i = 0; i < 300; i++) {
        matcher_set(m, &d);
        query_set_match(s, m, NOW, ignore, NULL);
    }
    query_set_count(s, &c);
    assert_int_equal(c.items, 300);
    assert_true(c.candidates > 0 && c.candidates < 50);
    assert_int_equal(c.matches, 0);
    query_set_remove(s, 1);
    query_set_remove(s, 1);
    assert_int_equal(query_set_size(s), 0);
    query_set_free(s);
    matcher_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_agrees_with_asking_each),
        cmocka_unit_test(keys_follow_the_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
