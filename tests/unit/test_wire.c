#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/entry.h"
#include "model/wire.h"

/* A batch with everything in it, and one entry that has only what must be there. */
static struct td_batch *sample(void)
{
    struct td_batch *b = td_batch_new();
    struct arena *a = &b->arena;
    b->format = "rss20";
    b->encoding = "utf-8";
    b->well_formed = false;
    b->truncated = true;
    b->repaired = "a bare & was read as text";
    b->title = "Wetter \xe2\x82\xac";
    b->home_page_url = "https://example.org/";
    b->language = "de";
    b->hubs = arena_zalloc(a, 2 * sizeof *b->hubs);
    b->hubs[0].url = "https://hub.example/";
    b->hubs[1].url = "https://hub2.example/";
    b->n_hubs = 2;
    b->hints = (struct td_hints){.ttl_ms = 3600000, .skip_hours = 0xffffff, .skip_days = 0x41};
    b->json = "{\"title\":\"x\",\"_tidings\":{\"format\":\"rss20\"}}";
    b->json_len = strlen(b->json);
    b->entries = arena_zalloc(a, 2 * sizeof *b->entries);
    b->entries[0] = (struct td_entry){
        .id = "urn:1",
        .id_source = TD_ID_GUID,
        .url = "https://example.org/1",
        .title = "Eins",
        .author = "A, B",
        .tags = "x\ny",
        .text = "Text",
        .original_url = "https://example.net/1",
        .date_published = 1577836800000,
        .date_modified = TD_NEVER,
        .n_attachments = 3,
        .fingerprint = UINT64_MAX,
        .json = "{\"id\":\"urn:1\"}",
        .json_len = 14,
    };
    b->entries[1] = (struct td_entry){
        .id = "sha256:00",
        .id_source = TD_ID_HASH,
        .date_published = TD_NEVER,
        .date_modified = TD_NEVER,
        .json = "{\"id\":\"sha256:00\"}",
        .json_len = 18,
    };
    b->n_entries = 2;
    return b;
}

static void same_string(const char *a, const char *b)
{
    assert_true(str_same(a, b));
}

static void round_trip(void **state)
{
    CLEANUP_BUF struct buf out = BUF_INIT(1 << 20);
    struct td_batch *b = sample(), *c = NULL;
    struct td_err err = {""};
    assert_int_equal(td_wire_write(&out, b), 0);
    assert_int_equal(td_wire_read(out.data, out.len, &c, &err), 0);
    same_string(b->format, c->format);
    same_string(b->encoding, c->encoding);
    same_string(b->repaired, c->repaired);
    same_string(b->title, c->title);
    same_string(b->home_page_url, c->home_page_url);
    same_string(b->feed_url, c->feed_url);
    same_string(b->description, c->description);
    same_string(b->language, c->language);
    same_string(b->icon, c->icon);
    same_string(b->older_url, c->older_url);
    same_string(b->json, c->json);
    assert_int_equal(b->json_len, c->json_len);
    assert_false(c->well_formed);
    assert_true(c->truncated);
    assert_false(c->dropped);
    assert_int_equal(c->n_hubs, 2);
    same_string(b->hubs[1].url, c->hubs[1].url);
    assert_int_equal(c->hints.ttl_ms, 3600000);
    assert_int_equal(c->hints.skip_hours, 0xffffff);
    assert_int_equal(c->hints.skip_days, 0x41);
    assert_int_equal(c->n_entries, 2);
    for (int i = 0; i < 2; i++) {
        const struct td_entry *x = b->entries + i, *y = c->entries + i;
        same_string(x->id, y->id);
        same_string(x->url, y->url);
        same_string(x->title, y->title);
        same_string(x->author, y->author);
        same_string(x->language, y->language);
        same_string(x->tags, y->tags);
        same_string(x->text, y->text);
        same_string(x->original_url, y->original_url);
        same_string(x->json, y->json);
        assert_int_equal(x->json_len, y->json_len);
        assert_int_equal(x->id_source, y->id_source);
        assert_true(x->date_published == y->date_published);
        assert_true(x->date_modified == y->date_modified);
        assert_true(x->fingerprint == y->fingerprint);
        assert_int_equal(x->n_attachments, y->n_attachments);
    }
    td_batch_free(b);
    td_batch_free(c);
}

/* Writes the sample as CHANGE left it, reads it, and expects a refusal that says WHAT. */
static void refused(void (*change)(struct td_batch *), const char *what)
{
    CLEANUP_BUF struct buf out = BUF_INIT(32 << 20);
    struct td_batch *b = sample(), *c = NULL;
    struct td_err err = {""};
    change(b);
    assert_int_equal(td_wire_write(&out, b), 0);
    assert_int_equal(td_wire_read(out.data, out.len, &c, &err), -EBADMSG);
    assert_null(c);
    assert_non_null(strstr(err.msg, what));
    td_batch_free(b);
}

static void no_id(struct td_batch *b)
{
    b->entries[1].id = NULL;
}
static void no_json(struct td_batch *b)
{
    b->entries[0].json = NULL;
}
static void no_format(struct td_batch *b)
{
    b->format = NULL;
}
static void latin1(struct td_batch *b)
{
    b->title = "caf\xe9";
}
static void two_lines(struct td_batch *b)
{
    b->entries[0].json = "{\"id\":\n\"urn\"}";
    b->entries[0].json_len = strlen(b->entries[0].json);
}
static void nul_in_json(struct td_batch *b)
{
    b->entries[0].json = "{\"id\":\"a\0b\"}";
    b->entries[0].json_len = 12;
}
static void false_fact(struct td_batch *b)
{
    b->entries[0].json = "{\"id\":\"1\",\"_tidings\":{\"item_id\":7}}";
    b->entries[0].json_len = strlen(b->entries[0].json);
}
static void hour_25(struct td_batch *b)
{
    b->hints.skip_hours = 1u << 24;
}
static void source_9(struct td_batch *b)
{
    b->entries[0].id_source = (enum td_id_source)9;
}
static void long_text(struct td_batch *b)
{
    char *s = arena_alloc(&b->arena, LIMIT_SEARCH_TEXT_BYTES + 2);
    memset(s, 'a', LIMIT_SEARCH_TEXT_BYTES + 1);
    s[LIMIT_SEARCH_TEXT_BYTES + 1] = 0;
    b->entries[0].text = s;
}
static void many(struct td_batch *b)
{
    struct td_entry *e = arena_alloc(&b->arena, (LIMIT_ITEMS + 1) * sizeof *e);
    for (size_t i = 0; i <= LIMIT_ITEMS; i++)
        e[i] = b->entries[0];
    b->entries = e;
    b->n_entries = LIMIT_ITEMS + 1;
}

static void refusals(void **state)
{
    refused(no_id, "identity");
    refused(no_json, "identity");
    refused(no_format, "format");
    refused(latin1, "UTF-8");
    refused(two_lines, "JSON");
    refused(nul_in_json, "JSON");
    refused(false_fact, "JSON");
    refused(hour_25, "impossible");
    refused(source_9, "identity");
    refused(long_text, "length");
    refused(many, "more items");
}

/* As many hubs and items as a document may have. */
static void at_the_limits(void **state)
{
    CLEANUP_BUF struct buf out = BUF_INIT(32 << 20);
    struct td_batch *b = sample(), *c = NULL;
    struct td_err err = {""};
    many(b);
    b->n_entries = LIMIT_ITEMS;
    b->hubs = arena_zalloc(&b->arena, (LIMIT_HUBS + 5) * sizeof *b->hubs);
    b->n_hubs = LIMIT_HUBS + 5; /* the writer leaves the rest out */
    for (uint32_t i = 0; i < b->n_hubs; i++)
        b->hubs[i].url = "https://hub.example/";
    b->icon = ""; /* absent */
    assert_int_equal(td_wire_write(&out, b), 0);
    assert_int_equal(td_wire_read(out.data, out.len, &c, &err), 0);
    assert_int_equal(c->n_entries, LIMIT_ITEMS);
    assert_int_equal(c->n_hubs, LIMIT_HUBS);
    assert_null(c->icon);
    td_batch_free(b);
    td_batch_free(c);
}

static void ceiling(void **state)
{
    CLEANUP_BUF struct buf out = BUF_INIT(200);
    struct td_batch *b = sample();
    assert_int_equal(td_wire_write(&out, b), -EFBIG);
    td_batch_free(b);
}

/* Every prefix is refused; with any one byte changed the reader refuses or gives a batch that can
 * be written again. (Under ASan this shows that nothing is read beyond the message.) */
static void damaged(void **state)
{
    CLEANUP_BUF struct buf out = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
    struct td_batch *b = sample(), *c = NULL;
    struct td_err err;
    assert_int_equal(td_wire_write(&out, b), 0);
    td_batch_free(b);
    for (size_t n = 0; n < out.len; n++) {
        char *exact = xmalloc(n);
        memcpy(exact, out.data, n);
        assert_int_equal(td_wire_read(exact, n, &c, &err), -EBADMSG);
        free(exact);
    }
    size_t accepted = 0;
    static const unsigned char masks[] = {0x01, 0x20, 0x80, 0xff};
    for (size_t i = 0; i < out.len * ARRAY_SIZE(masks); i++) {
        unsigned char *at = (unsigned char *)out.data + i / ARRAY_SIZE(masks);
        unsigned char old = *at;
        *at ^= masks[i % ARRAY_SIZE(masks)];
        if (td_wire_read(out.data, out.len, &c, &err) == 0) {
            accepted++;
            buf_clear(&again);
            assert_int_equal(td_wire_write(&again, c), 0);
            td_batch_free(c);
        }
        *at = old;
    }
    assert_true(accepted > 0); /* another letter in a title is no damage */
    buf_addc(&out, 'x');
    assert_int_equal(td_wire_read(out.data, out.len, &c, &err), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(refusals), cmocka_unit_test(at_the_limits),
        cmocka_unit_test(ceiling),    cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
