/* A query's text: whatever it is, it is refused at a place inside it, or it can be planned, shown
 * with a caret, put into a set and asked, and the set agrees with asking it alone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "query/plan.h"
#include "query/set.h"

#define NOW 1795600800000LL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void refused(const char *text, const struct query_error *e)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    if (e->at > strlen(text) || e->at + e->len > strlen(text) || !e->column || !e->reason[0])
        abort();
    query_add_caret(&b, text, e, 2);
    const char *nl = b.data ? strchr(b.data, '\n') : NULL;
    if (!nl || strchr(nl + 1, '\n') != b.data + b.len - 1)
        abort(); /* two lines */
}

static void count(void *ctx, uint64_t id)
{
    ++*(int *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct query_doc docs[] = {
        {.title = "Caf\xc3\xa9 army calls",
         .author = "M. Linde",
         .text = "a b c a b ferry one two a",
         .url = "https://u@www.example.org:80/x",
         .language = "en_GB",
         .tags = "C++\nnews",
         .feed = "wire",
         .feed_id = 7,
         .feed_url = "https://f.example/",
         .feed_tags = "x",
         .date_published = NOW - 1000,
         .first_seen = NOW,
         .enclosure = true},
        {.first_seen = 0, .date_published = INT64_MIN},
    };
    CLEANUP_FREE char *text = xstrndup((const char *)data, n);
    struct query_error e;
    struct query_plan plan;
    struct query *q;
    if (query_parse(&q, text, &e) < 0) {
        refused(text, &e);
        return 0;
    }
    struct matcher *m = matcher_new();
    struct query_set *s = query_set_new();
    query_plan_make(&plan, q, NOW, false);
    query_set_add(s, 1, q);
    for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
        int hits = 0;
        matcher_set(m, &docs[i]);
        query_set_match(s, m, NOW, count, &hits);
        if (hits != matcher_matches(m, q, NOW))
            abort();
    }
    query_plan_fini(&plan);
    query_set_free(s);
    matcher_free(m);
    query_free(q);
    return 0;
}
