/*
 * Parses a document and looks into the JSON by path: "items.0._tidings.geo.type".
 * expect(doc, path, "\"Point\"") compares the value as compact JSON with sorted keys; NULL: absent.
 */
#ifndef TIDINGS_TESTS_PARSE_HARNESS_H
#define TIDINGS_TESTS_PARSE_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/parse.h"

#define NAMESPACES                                                                          \
    " xmlns:atom='http://www.w3.org/2005/Atom' xmlns:dc='http://purl.org/dc/elements/1.1/'" \
    " xmlns:dcterms='http://purl.org/dc/terms/'"                                            \
    " xmlns:content='http://purl.org/rss/1.0/modules/content/'"                             \
    " xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'"                            \
    " xmlns:podcast='https://podcastindex.org/namespace/1.0'"                               \
    " xmlns:media='http://search.yahoo.com/mrss/'"                                          \
    " xmlns:georss='http://www.georss.org/georss' xmlns:gml='http://www.opengis.net/gml'"   \
    " xmlns:geo='http://www.w3.org/2003/01/geo/wgs84_pos#'"                                 \
    " xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'"                              \
    " xmlns:slash='http://purl.org/rss/1.0/modules/slash/'"                                 \
    " xmlns:wfw='http://wellformedweb.org/CommentAPI/'"                                     \
    " xmlns:thr='http://purl.org/syndication/thread/1.0'"                                   \
    " xmlns:cr='http://backend.userland.com/creativeCommonsRssModule'"                      \
    " xmlns:cc='http://creativecommons.org/ns#'"                                            \
    " xmlns:fb='http://rssnamespace.org/feedburner/ext/1.0'"                                \
    " xmlns:pheedo='http://www.pheedo.com/namespace/pheedo'"                                \
    " xmlns:psc='http://podlove.org/simple-chapters'"                                       \
    " xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'"                              \
    " xmlns:xhtml='http://www.w3.org/1999/xhtml'"
#define CHANNEL(inside) "<rss version='2.0'" NAMESPACES "><channel>" inside "</channel></rss>"
#define ITEM(inside)    CHANNEL("<item>" inside "</item>")
#define FEED(inside)    "<feed xmlns='http://www.w3.org/2005/Atom'" NAMESPACES ">" inside "</feed>"
#define ENTRY(inside)   FEED("<entry>" inside "</entry>")

struct doc {
    struct td_batch *batch;
    json_t *json;
};

static inline struct doc doc_parse_n(const char *s, size_t n, const char *base)
{
    struct parse_in in = {.bytes = s, .n = n, .base_url = base};
    struct doc d;
    struct td_err err;
    json_error_t e;
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_WIRE_BYTES);
    if (parse_feed(&in, &d.batch, &err) < 0)
        fail_msg("%s: %.300s", err.msg, s);
    parse_print_json(d.batch, &out);
    d.json = json_loadb(buf_str(&out), out.len, 0, &e);
    if (!d.json)
        fail_msg("not JSON: %s", e.text);
    return d;
}

static inline struct doc doc_parse(const char *s)
{
    return doc_parse_n(s, strlen(s), NULL);
}

static inline void doc_free(struct doc *d)
{
    json_decref(d->json);
    td_batch_free(d->batch);
}

static inline const json_t *doc_get(const struct doc *d, const char *path)
{
    const json_t *at = d->json;
    char part[64];
    while (at && *path) {
        size_t n = strcspn(path, ".");
        assert_true(n < sizeof part);
        memcpy(part, path, n);
        part[n] = 0;
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(part)) : json_object_get(at, part);
        path += n + (path[n] == '.');
    }
    return at;
}

static inline void expect(const struct doc *d, const char *path, const char *json)
{
    const json_t *v = doc_get(d, path);
    if (!json) {
        if (v)
            fail_msg("%s should be absent", path);
        return;
    }
    if (!v)
        fail_msg("%s is absent, wanted %s", path, json);
    CLEANUP_FREE char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    if (!str_eq(text, json))
        fail_msg("%s is %s, wanted %s", path, text, json);
}

/* The same from the text of a document. */
static inline void check(const char *xml, const char *path, const char *json)
{
    struct doc d = doc_parse(xml);
    expect(&d, path, json);
    doc_free(&d);
}

static inline void check_item(const char *xml, const char *path, const char *json)
{
    char full[128];
    snprintf(full, sizeof full, "items.0.%s", path);
    check(xml, full, json);
}

#endif
