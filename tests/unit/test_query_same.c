/* The same query gives the same items live (matcher) and on history (full-text index and SQL):
 * random queries on random items in many scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "query/plan.h"
#include "query/set.h"
#include "store/revise.h"
#include "store/maintain.h"
#include "store/reader.h"
#include "store_temp.h"

#define T0      1795600800000LL
#define ITEMS   250
#define QUERIES 500
#define WORDS   90

static uint64_t seed = 20261125;
static uint32_t below(uint32_t n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed >> 33) % n;
}

/* Letters, marks, digits and signs of many scripts; some ranges hold what folds in odd ways. */
static const uint32_t ranges[][2] = {
    {'a', 'z'},         {'A', 'Z'},         {'0', '9'},         {0xc0, 0x17f},
    {0x180, 0x24f},     {0x300, 0x36f},     {0x370, 0x3ff},     {0x400, 0x52f},
    {0x530, 0x58f},     {0x590, 0x5ff},     {0x600, 0x6ff},     {0x900, 0x97f},
    {0xe00, 0xe7f},     {0x10a0, 0x10ff},   {0x1100, 0x11ff},   {0x13a0, 0x13ff},
    {0x1e00, 0x1eff},   {0x1f00, 0x1fff},   {0x2000, 0x206f},   {0x20d0, 0x20ff},
    {0x2100, 0x218f},   {0x2c00, 0x2c5f},   {0x3040, 0x30ff},   {0x4e00, 0x4e40},
    {0xa640, 0xa69f},   {0xac00, 0xac40},   {0xe000, 0xe010},   {0xfb00, 0xfb4f},
    {0xff00, 0xffef},   {0x10400, 0x1044f}, {0x1d400, 0x1d440}, {0x1f300, 0x1f340},
    {0x20000, 0x20010}, {0x3fff0, 0x3ffff},
};

static char words[WORDS][64];

static void make_word(char *out)
{
    size_t n = 0;
    const uint32_t *one = ranges[below(ARRAY_SIZE(ranges))];
    for (uint32_t k = 1 + below(5); k; k--) {
        const uint32_t *r = below(3) ? one : ranges[below(ARRAY_SIZE(ranges))];
        uint32_t c = r[0] + below(r[1] - r[0] + 1);
        n += utf8_encode(c == '"' ? 'q' : c, out + n);
    }
    out[n] = 0;
}

static const char *word(void)
{
    uint32_t n = below(WORDS), m = below(WORDS); /* some are common */
    return words[n < m ? n : m];
}

/* Some characters of a word: in a script without spaces a part is found like the whole. */
static const char *part(void)
{
    static char out[64];
    const char *w = word();
    size_t n = strlen(w), from = utf8_cut(w, below((uint32_t)n)),
           to = from + utf8_cut(w + from, 1 + below((uint32_t)(n - from)));
    snprintf(out, sizeof out, "%.*s", (int)(to - from), w + from);
    return to > from ? out : w;
}

static void make_text(struct buf *b, uint32_t n)
{
    static const char *const between[] = {
        " ", " ", " ", ", ", "-", "\n", "'", "\xe2\x80\x94", "", "\xe3\x80\x82"};
    buf_clear(b);
    buf_adds(b, "");
    while (n--)
        buf_addf(b, "%s%s", word(), between[below(ARRAY_SIZE(between))]);
}

static void make_items(struct temp *t, int from)
{
    static const char *const urls[] = {"https://example.org/a", "http://x.example.org:80/",
                                       "http://other.test/", NULL};
    static const char *const langs[] = {"en", "de-AT", "pt_BR", NULL};
    CLEANUP_BUF struct buf title = BUF_INIT(1 << 16), author = BUF_INIT(1 << 16),
                           text = BUF_INIT(1 << 16);
    sqlite3_stmt *s = db_stmt(t->d,
                              "INSERT INTO item(feed_id, first_seen, revised_at, revision, backlog,"
                              " date_published, id, url, title, author, language, tags, json, text)"
                              " VALUES(?1, ?2, ?2, 1, 0, ?3, 'x', ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    assert_non_null(s);
    temp_sql(t, "BEGIN");
    for (int i = from; i < from + ITEMS; i++) {
        make_text(&title, below(6));
        make_text(&author, below(3));
        make_text(&text, below(40));
        sqlite3_bind_int64(s, 1, 1 + below(3));
        sqlite3_bind_int64(s, 2, T0 + i * 60000LL);
        db_bind_time(s, 3, below(4) ? T0 + (int64_t)below(2 * ITEMS) * 60000 : TD_NEVER);
        db_bind_text(s, 4, urls[below(4)]);
        db_bind_text(s, 5, title.len ? title.data : NULL);
        db_bind_text(s, 6, author.len ? author.data : NULL);
        db_bind_text(s, 7, langs[below(4)]);
        db_bind_text(s, 8, below(3) ? NULL : word());
        db_bind_text(s, 9, below(5) ? "{}" : "{\"attachments\":[{\"url\":\"u\"}]}");
        db_bind_text(s, 10, text.len ? text.data : NULL);
        assert_int_equal(db_run(t->d, s, NULL), 0);
    }
    temp_sql(t, "COMMIT");
}

/* ---- random queries ------------------------------------------------------------------------ */

static void add_query(struct buf *b, int depth);

static void add_filter(struct buf *b)
{
    static const char *const filters[] = {
        "feed:alpha",
        "feed:BETA",
        "feed:3",
        "feed:be*",
        "feed:http://a/feed",
        "lang:en",
        "lang:de",
        "lang:pt-br",
        "site:example.org",
        "site:x.example.org",
        "site:test",
        "has:enclosure",
        "has:author",
        "has:link",
        "has:tag",
        "before:2026-11-25T12:00:00Z",
        "after:2026-11-25T14:00:00Z",
        "title:/a/i",
        "text:/[0-9]$/",
        "url:/^http:/",
        "tag:/./",
        "author:/\\p{Lu}/",
    };
    if (below(6) == 0)
        buf_addf(b, "tag:\"%s\"", word());
    else
        buf_adds(b, filters[below(ARRAY_SIZE(filters))]);
}

static void add_words(struct buf *b)
{
    static const char *const fields[] = {"", "", "", "title:", "author:", "text:"};
    const char *field = fields[below(ARRAY_SIZE(fields))];
    switch (below(8)) {
    case 6:
        buf_addf(b, "%s\"%s\"%s", field, part(), below(2) ? "*" : "");
        break;
    case 7:
        buf_addf(b, "%s\"%s ", field, part());
        buf_addf(b, "%s\"", part());
        break;
    case 0:
        buf_addf(b, "%s\"%s %s\"", field, word(), word());
        break;
    case 1: {
        const char *w = word();
        buf_addf(b, "%s\"%.*s\"*", field, (int)utf8_cut(w, MIN(strlen(w), (size_t)4)), w);
        break;
    }
    case 2:
        buf_addf(b, "%s\"%s\" NEAR/%u \"%s\"", field, word(), below(5), word());
        break;
    case 3:
        buf_addf(b, "%s\"%s\" NEAR/%u \"%s %s\" NEAR/0 \"%s\"", field, word(), 0, word(), word(),
                 word());
        break;
    default:
        buf_addf(b, "%s\"%s\"", field, word());
        break;
    }
}

static void add_query(struct buf *b, int depth)
{
    switch (below(depth > 3 ? 6 : 12)) {
    case 0:
    case 1:
        add_filter(b);
        break;
    case 6:
        buf_adds(b, "-(");
        add_query(b, depth + 1);
        buf_addc(b, ')');
        break;
    case 7:
    case 8:
        buf_addc(b, '(');
        add_query(b, depth + 1);
        buf_adds(b, " OR ");
        add_query(b, depth + 1);
        buf_addc(b, ')');
        break;
    case 9:
    case 10:
    case 11:
        buf_addc(b, '(');
        add_query(b, depth + 1);
        buf_addc(b, ' ');
        add_query(b, depth + 1);
        buf_addc(b, ')');
        break;
    default:
        add_words(b);
        break;
    }
}

/* ---- asking both --------------------------------------------------------------------------- */

struct live {
    struct matcher *m;
    struct query **queries;
    struct query_set *set;
    bool (*hit)[2 * ITEMS + 1]; /* by query and item */
    int64_t item;
};

static void on_match(void *ctx, uint64_t id)
{
    struct live *l = ctx;
    l->hit[id][l->item] = true;
}

static int see_live(void *ctx, const struct item_row *row)
{
    struct live *l = ctx;
    struct query_doc doc;
    item_row_doc(row, ~0u, &doc);
    l->item = row->item_id;
    matcher_set(l->m, &doc);
    query_set_match(l->set, l->m, T0, on_match, l);
    return 0;
}

struct history {
    bool hit[2 * ITEMS + 1];
    int64_t last;
};

static int see_history(void *ctx, const struct item_row *row)
{
    struct history *h = ctx;
    assert_true(row->item_id < h->last); /* newest first */
    h->last = row->item_id;
    h->hit[row->item_id] = true;
    return 0;
}

/* ALL: else history may lack some, but has no others. */
static void compare(struct reader *r, struct live *l, bool all, const char *when)
{
    size_t hits = 0, exact = 0, filled = 0;
    for (int i = 0; i < QUERIES; i++) {
        struct history h = {.last = INT64_MAX};
        struct td_err err = {""};
        struct query_plan p;
        struct item_query q = {.query = query_text(l->queries[i]),
                               .limit = 1000,
                               .since = TD_NEVER,
                               .until = TD_NEVER};
        if (reader_items(r, &q, see_history, &h, &err) < 0)
            fail_msg("%s: %s", q.query, err.msg);
        size_t n = 0;
        for (int item = 1; item <= 2 * ITEMS; item++) {
            if (h.hit[item] != l->hit[i][item] && (all || h.hit[item]))
                fail_msg("%s: item %d, %s: live %d, history %d", when, item, q.query,
                         l->hit[i][item], h.hit[item]);
            n += h.hit[item];
        }
        query_plan_make(&p, l->queries[i], T0, !all);
        exact += p.exact && p.fts.len && n;
        query_plan_fini(&p);
        hits += n;
        filled += n > 0;
    }
    assert_true(exact > 30 && filled > QUERIES / 4 && hits > 5000); /* it tests something */
}

static void keep_index(struct temp *t)
{
    struct td_err err = {""};
    int64_t wake;
    struct maintain *m = maintain_new(t->d);
    int r;
    while ((r = maintain_step(m, T0, &wake, &err)) > 0)
        ;
    if (r < 0)
        fail_msg("%s", err.msg);
    maintain_free(m);
}

/* The index as versions before cut.h made it; some items have changed and are to be indexed again.
 */
static void index_as_before(struct temp *t)
{
    temp_sql(t, "INSERT INTO item_fts(item_fts) VALUES('rebuild');"
                "UPDATE meta SET value = (SELECT max(item_id) FROM item) WHERE key = 'cut_end';"
                "UPDATE meta SET value = 0 WHERE key = 'cut_item';");
    for (int64_t id = 50; id < 90; id++) {
        struct td_err err = {""};
        CLEANUP_FREE char *sql = xasprintf("INSERT INTO reindex VALUES(%lld)", (long long)id);
        if (revise_unindex(t->d, id, &err) < 0)
            fail_msg("%s", err.msg);
        temp_sql(t, sql);
    }
}

static void live_and_history_agree(void **state)
{
    struct temp *t = *state;
    struct td_err err = {""};
    struct query *queries[QUERIES];
    struct live l = {.m = matcher_new(), .queries = queries, .set = query_set_new()};
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    struct reader *r;
    if (getenv("TIDINGS_SEED")) /* to try more than the one */
        seed = strtoull(getenv("TIDINGS_SEED"), NULL, 10);
    assert_int_equal(temp_open(t, &err), 0);
    for (int i = 0; i < WORDS; i++)
        make_word(words[i]);
    temp_sql(t, "INSERT INTO feed(feed_id, name, url, origin, enabled, tags, language) VALUES"
                " (1, 'alpha', 'http://a/feed', 0, 1, 'x', 'en-GB'), (2, 'Beta', 'http://b/feed', "
                "0, 1, NULL, NULL),"
                " (3, '17', 'http://c/feed', 0, 1, NULL, 'de')");
    for (int i = 0; i < QUERIES; i++) {
        struct query_error e;
        for (;;) {
            buf_clear(&b);
            add_query(&b, 0);
            if (query_parse(&queries[i], b.data, &e) == 0)
                break;
            if (!strstr(e.reason, "letters and digits")) /* a word of signs alone is none */
                fail_msg("%s: %s", b.data, e.reason);
        }
        query_set_add(l.set, (uint64_t)i, queries[i]);
    }
    make_items(t, 0);
    keep_index(t);
    make_items(t, ITEMS); /* not in the index yet */
    temp_sql(t, "INSERT INTO item_fts(item_fts, rowid, title, author, text) SELECT 'delete', "
                "item_id, tidings_cut(title),"
                " tidings_cut(author), tidings_cut(text) FROM item WHERE item_id BETWEEN 20 AND "
                "40; INSERT INTO reindex "
                "SELECT item_id"
                " FROM item WHERE item_id BETWEEN 20 AND 40"); /* changed, to be indexed again */
    l.hit = xcalloc(QUERIES, sizeof *l.hit);
    assert_int_equal(reader_open(&r, t->path, &err), 0);
    struct item_query all = {.limit = 2 * ITEMS, .since = TD_NEVER, .until = TD_NEVER};
    assert_int_equal(reader_items(r, &all, see_live, &l, &err), 0);
    compare(r, &l, true, "half indexed");
    keep_index(t);
    compare(r, &l, true, "indexed");
    index_as_before(t);
    compare(r, &l, false, "as it was indexed before");
    keep_index(t);
    assert_int_equal(db_int(t->d, "SELECT value FROM meta WHERE key = 'cut_item'", 0), 2 * ITEMS);
    compare(r, &l, true, "indexed again");
    reader_close(r);
    query_set_free(l.set);
    matcher_free(l.m);
    for (int i = 0; i < QUERIES; i++)
        query_free(queries[i]);
    free(l.hit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(live_and_history_agree, temp_set_up, temp_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
