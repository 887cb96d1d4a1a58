/*
 * stories_pass: items get the same stories whenever they get them. Random histories of feeds, the
 * pass run after each commit, at the end, and in single steps with kills and failures between; what
 * the tables hold in the end is compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "store/commit.h"
#include "store/recover.h"
#include "store/stories.h"
#include "store_temp.h"

#define T0    1795500000000LL
#define HOUR  3600000LL
#define FEEDS 3

static struct td_story_rules rules;

static int set_up(void **state)
{
    struct td_err err = {""};
    temp_set_up(state);
    struct temp *t = *state;
    rules = td_story_default;
    if (temp_open(t, &err) < 0)
        fail_msg("%s", err.msg);
    temp_sql(t, "PRAGMA synchronous=off"); /* no power fails here */
    for (int i = 1; i <= FEEDS; i++) {
        CLEANUP_FREE char *sql = xasprintf("INSERT INTO feed(feed_id, name, url, origin, enabled)"
                                           " VALUES(%d, 'feed%d', 'http://f%d/', 0, 1)",
                                           i, i, i);
        temp_sql(t, sql);
    }
    return 0;
}

/* ---- a history ---- */

static uint32_t seed;
static bool steady; /* no feed changes its name, which is kept nowhere */

static uint32_t rnd(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static const char *const things[] = {
    "Ferry runs aground off Kalmar",      "Parliament votes on tax",
    "Glacier lake bursts above Altkirch", "Striker leaves Porto",
    "Quake of 5.1 shakes Bergamo",        "Quake of 4.3 shakes Lyon"};
static const char *const words[] = {"again", "today", "mayor",   "storm",
                                    "late",  "night", "minister"};

static char *some_words(struct arena *a, int n)
{
    char *s = arena_strdup(a, "");
    for (int i = 0; i < n; i++)
        s = arena_printf(a, "%s %s", s, words[rnd(ARRAY_SIZE(words))]);
    return s;
}

/* What the feed shows: items of its last days, some of them changed since, some with a text that
 * they had before. */
static struct td_batch *show(int feed, int turn)
{
    struct td_batch *b = td_batch_new();
    uint32_t n = 1 + rnd(6);
    b->format = "rss20";
    if (rnd(8) || steady)
        b->title = arena_printf(&b->arena, "The Feed %d%s", feed,
                                steady || rnd(9) ? "" : " Weekly");
    b->entries = arena_zalloc(&b->arena, n * sizeof *b->entries);
    for (uint32_t i = 0; i < n; i++) {
        struct td_entry *e = &b->entries[b->n_entries++];
        int number = turn * 3 + (int)rnd(6) - (int)rnd(12);
        uint32_t version = rnd(3), thing = (uint32_t)(number + feed) % ARRAY_SIZE(things);
        uint32_t kept = seed;
        e->id = arena_printf(&b->arena, "%d", number);
        e->url = arena_printf(&b->arena, "http://out%d.example/%d", (number + feed) % 5, number);
        seed = (uint32_t)number * 7 + version; /* a version of an item is always the same */
        e->title = arena_printf(&b->arena, "%s%s%s", things[thing], some_words(&b->arena, 2),
                                rnd(3) ? "" : arena_printf(&b->arena, " - The Feed %d", feed));
        e->text = rnd(3) ? some_words(&b->arena, 12) : NULL;
        e->json = arena_printf(
            &b->arena, "{\"id\":\"%d\"%s}", number,
            rnd(4) ? "" : ",\"_tidings\":{\"original_url\":\"http://first.example/a\"}");
        e->fingerprint = (uint64_t)number * 10 + version;
        seed = kept;
        e->json_len = strlen(e->json);
        e->date_published = rnd(3) ? T0 + number * HOUR / 3 : TD_NEVER;
        e->date_modified = TD_NEVER;
    }
    return b;
}

static void commit(struct temp *t, struct stories *s, int feed, int turn)
{
    struct td_err err = {""};
    struct store_commit c = {.feed_id = feed, .now = T0 + turn * HOUR, .backlog_ms = 20 * HOUR};
    struct store_commit_result r;
    bool known;
    td_feed_state_init(&c.state);
    c.state.imported = turn > 5;
    c.batch = show(feed, turn);
    c.state.title = xstrdup_or_null(c.batch->title);
    if (commit_apply(t->d, &c, &r, &known, &err) < 0)
        fail_msg("%s", err.msg);
    if (r.n_new)
        stories_wrote(s);
    td_batch_free(c.batch);
    td_feed_state_fini(&c.state);
}

static int64_t pass(struct stories *s, int64_t ms)
{
    struct td_err err = {""};
    int64_t seq = 0;
    if (stories_pass(s, T0, ms, &seq, &err) < 0 || stories_flush(s, &err) < 0)
        fail_msg("%s", err.msg);
    return seq;
}

enum when { AT_ONCE, AT_THE_END, IN_PIECES };

/* DAMAGE: what happens to the tables in the middle of it, while nobody runs; NULL = nothing. */
static void run_history(struct temp *t, uint32_t from, enum when when, const char *damage)
{
    struct stories *s = stories_new(t->d, &rules);
    for (int turn = 0; turn < 40; turn++) {
        if (damage && turn == 20) {
            stories_free(s);
            temp_sql(t, damage);
            s = stories_new(t->d, &rules);
        }
        temp_sql(t, "BEGIN");
        seed = from + (uint32_t)turn * 1000;
        for (int i = (int)rnd(3); i >= 0; i--)
            commit(t, s, 1 + (int)rnd(FEEDS), turn);
        if (when == AT_ONCE)
            pass(s, 1000000);
        temp_sql(t, "COMMIT");
        for (uint32_t i = when == IN_PIECES ? rnd(5) : 0; i > 0 && stories_behind(s); i--) {
            temp_sql(t, "BEGIN");
            pass(s, 0); /* one item */
            if (rnd(4)) {
                temp_sql(t, "COMMIT");
                continue;
            }
            temp_sql(t, "ROLLBACK");
            if (rnd(2)) { /* the disk was full */
                stories_rolled_back(s);
            } else { /* killed */
                stories_free(s);
                s = stories_new(t->d, &rules);
            }
        }
    }
    temp_sql(t, "BEGIN");
    pass(s, 1000000);
    temp_sql(t, "COMMIT");
    assert_false(stories_behind(s));
    assert_int_equal(stories_waiting(s), 0);
    stories_free(s);
}

/* ---- comparing ---- */

static char *dump(struct temp *t)
{
    static const char *const questions[] = {
        "SELECT group_concat(json_array(item_id, revision, title), char(10)) FROM item",
        "SELECT group_concat(json_array(item_id, story_id, article_id, outlet, at, p, how, why),"
        " char(10)) FROM story_item",
        "SELECT group_concat(json_array(story_id, first_at, last_at, n_items, n_outlets, told,"
        " lead_item, title), char(10)) FROM story",
        "SELECT group_concat(json_array(story_id, touch, hex(state)), char(10)) FROM story_live",
        "SELECT hex(value) FROM story_state WHERE key = 'head'",
        "SELECT group_concat(json_array(kind, item_id, story_id, outlets, note), char(10))"
        " FROM event WHERE kind IN (20, 21)"};
    CLEANUP_BUF struct buf b = BUF_INIT(16u << 20);
    for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
        sqlite3_stmt *q = NULL;
        assert_int_equal(sqlite3_prepare_v2(db_handle(t->d), questions[i], -1, &q, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        buf_addf(&b, "%s\n\n", db_text(q, 0));
        sqlite3_finalize(q);
    }
    return buf_take(&b, NULL);
}

static char *history(uint32_t from, enum when when)
{
    void *state;
    set_up(&state);
    run_history(state, from, when, NULL);
    char *text = dump(state);
    struct temp *t = state;
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM story_wait", -1), 0);
    assert_int_equal(db_int(t->d,
                            "SELECT count(*) FROM item WHERE item_id NOT IN"
                            " (SELECT item_id FROM story_item)",
                            -1),
                     0);
    assert_int_equal(db_int(t->d,
                            "SELECT count(*) FROM story JOIN item ON item_id = lead_item"
                            " WHERE story.title IS NOT item.title",
                            -1),
                     0);
    if (when != AT_ONCE) /* else it would prove nothing */
        assert_true(db_int(t->d, "SELECT count(*) FROM item WHERE revision > 1", 0) > 0 &&
                    db_int(t->d, "SELECT count(*) FROM story WHERE n_items > 1", 0) > 3);
    temp_tear_down(&state);
    return text;
}

static void always_the_same_stories(void **state)
{
    for (uint32_t from = 1; from <= 5; from++) {
        CLEANUP_FREE char *want = history(from, AT_ONCE), *late = history(from, AT_THE_END),
                          *pieces = history(from, IN_PIECES);
        assert_string_equal(late, want);
        assert_string_equal(pieces, want);
    }
}

/* The state of the clusterer is lost or damaged: built again from the items, it decides as before.
 */
static void a_lost_state_is_built_again(void **state)
{
    static const char *const damages[] = {
        "SELECT 1",
        "DELETE FROM story_live; DELETE FROM story_words; DELETE FROM story_state",
        "UPDATE story_state SET value = x'00' WHERE key = 'head'",
        "UPDATE story_live SET state = substr(state, 1, 30) WHERE story_id = 3",
        "UPDATE story_words SET words = substr(words, 1, length(words) - 3)",
    };
    char *want = NULL;
    steady = true;
    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        void *t;
        set_up(&t);
        run_history(t, 5, AT_ONCE, damages[i]);
        char *got = dump(t);
        temp_tear_down(&t);
        if (want)
            assert_string_equal(got, want);
        else
            want = xstrdup(got);
        free(got);
    }
    free(want);
    steady = false;
}

static int64_t story_of(struct temp *t, int64_t item_id)
{
    CLEANUP_FREE char *sql = xasprintf("SELECT story_id FROM story_item WHERE item_id = %lld",
                                       (long long)item_id);
    return db_int(t->d, sql, -1);
}

/* ITEM's text comes again, in another feed and under no address: the story that it joins. */
static int64_t story_of_copy(struct temp *t, struct stories *s, int64_t item_id)
{
    CLEANUP_FREE char *sql = xasprintf(
        "INSERT INTO item(feed_id, first_seen, revised_at, revision, backlog, id, title, text, "
        "json)"
        " SELECT 1 + feed_id %% %d, first_seen, 0, 1, 0, 'copy', title, text, '{}' FROM item"
        " WHERE item_id = %lld",
        FEEDS, (long long)item_id);
    temp_sql(t, sql);
    stories_wrote(s);
    pass(s, 1000000);
    return story_of(t, db_int(t->d, "SELECT max(item_id) FROM item", 0));
}

/* An item of a story of several, whose title no other has, of another story than BUT. */
static int64_t some_item(struct temp *t, int64_t but)
{
    CLEANUP_FREE char *sql = xasprintf(
        "SELECT item_id FROM item JOIN story_item USING(item_id) JOIN story s USING(story_id)"
        " WHERE s.n_items > 2 AND text IS NOT NULL AND item_id <> s.lead_item AND story_id <> %lld"
        " AND article_id = item_id AND (SELECT count(*) FROM item o WHERE o.title = item.title) = 1"
        " AND (SELECT count(*) FROM story_item o WHERE o.article_id = item.item_id) = 1",
        (long long)but);
    int64_t id = db_int(t->d, sql, 0);
    assert_true(id > 0);
    return id;
}

enum loss { NO_LOSS, LOST_STATE, RECOVERED };

/* What people have corrected holds for later items, also when the state is built again, also in a
 * store that was recovered. */
static void corrections_hold(enum loss loss)
{
    void *state;
    struct td_err err = {""};
    struct recovered got;
    int64_t seq = 0, own, pinned;
    set_up(&state);
    struct temp *t = state;
    run_history(t, 5, AT_ONCE, NULL);
    struct stories *s = stories_new(t->d, &rules);
    int64_t split = some_item(t, 0), from = story_of(t, split), other = some_item(t, from),
            into = story_of(t, other), third = db_int(t->d, "SELECT max(story_id) FROM story", 0);
    assert_int_equal(stories_move(s, split, 0, false, T0, &own, &seq, &err), 0);
    assert_int_equal(stories_merge(s, into, from, T0, &seq, &err), 0);
    assert_int_equal(stories_move(s, other, third, true, T0, &pinned, &seq, &err), 0);
    assert_int_equal(stories_flush(s, &err), 0);
    stories_free(s);
    if (loss == LOST_STATE)
        temp_sql(t, "DELETE FROM story_live; DELETE FROM story_words; DELETE FROM story_state");
    if (loss == RECOVERED) {
        CLEANUP_FREE char *new = xasprintf("%s/new.db", t->dir);
        db_close(t->d);
        t->d = NULL;
        assert_int_equal(recover_store(t->path, new, &got, &err), 0);
        snprintf(t->path, sizeof t->path, "%s", new);
        assert_int_equal(temp_open(t, &err), 0);
        assert_int_equal(got.story_fixes, 3);
    }
    s = stories_new(t->d, &rules);
    assert_int_equal(story_of(t, split), own);
    assert_int_equal(story_of(t, other), third);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM v1_story_items WHERE how = 'pinned'", 0),
                     1);
    assert_int_equal(story_of_copy(t, s, split), own);
    assert_int_equal(story_of_copy(t, s, other), third);
    CLEANUP_FREE char *moved = xasprintf("SELECT count(*) FROM story WHERE story_id = %lld AND"
                                         " merged_into = %lld",
                                         (long long)from, (long long)into);
    assert_int_equal(db_int(t->d, moved, 0), 1);
    stories_free(s);
    temp_tear_down(&state);
}

static void corrections_hold_whatever_is_lost(void **state)
{
    steady = true;
    for (int loss = NO_LOSS; loss <= RECOVERED; loss++)
        corrections_hold((enum loss)loss);
    steady = false;
}

/* ---- stores that had no stories ---- */

static void fill(struct temp *t, int64_t n, int64_t first_at, int64_t each)
{
    CLEANUP_FREE char *sql = xasprintf(
        "WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < %lld)"
        " INSERT INTO item(feed_id, first_seen, revised_at, revision, backlog, id, title, json)"
        " SELECT 1, %lld + i * %lld, 0, 1, 0, i, 'Thing number ' || i || ' of ' || i, '{}' FROM k",
        (long long)n, (long long)first_at, (long long)each);
    temp_sql(t, sql);
}

/* Of an older store the items within the window get stories, and nobody is told of them. */
static void older_stores_get_theirs(void **state)
{
    struct temp *t = *state;
    fill(t, 200, T0, HOUR);
    temp_sql(t, "UPDATE meta SET value = -1 WHERE key = 'story_item';"
                "UPDATE meta SET value = 200 WHERE key = 'story_quiet'");
    struct stories *s = stories_new(t->d, &rules);
    assert_true(stories_behind(s));
    assert_int_equal(pass(s, 1000000), 0);
    assert_int_equal(db_int(t->d, "SELECT min(item_id) FROM story_item", 0), 200 - 96);
    assert_int_equal(db_int(t->d, "SELECT max(item_id) FROM story_item", 0), 200);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM story WHERE told", -1), 0);
    fill(t, 1, T0 + 300 * HOUR, 0); /* what comes now is told */
    stories_wrote(s);
    assert_true(pass(s, 1000000) > 0);
    stories_free(s);
}

/* With stories off nothing waits, and later nothing is made up for. */
static void off_means_none(void **state)
{
    struct temp *t = *state;
    struct stories *s = stories_new(t->d, &rules);
    rules.off = true;
    stories_set_rules(s, &rules);
    fill(t, 50, T0, 1000);
    stories_wrote(s);
    pass(s, 1000000);
    assert_int_equal(stories_waiting(s), 0);
    rules.off = false;
    stories_set_rules(s, &rules);
    fill(t, 5, T0 + HOUR, 1000);
    stories_wrote(s);
    assert_int_equal(stories_waiting(s), 5);
    pass(s, 1000000);
    assert_int_equal(db_int(t->d, "SELECT count(*) FROM story_item", -1), 5);
    stories_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(always_the_same_stories),
        cmocka_unit_test(a_lost_state_is_built_again),
        cmocka_unit_test(corrections_hold_whatever_is_lost),
        cmocka_unit_test_setup_teardown(older_stores_get_theirs, set_up, temp_tear_down),
        cmocka_unit_test_setup_teardown(off_means_none, set_up, temp_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
