/*
 * Many standing queries on one core: bench_query [-q QUERIES] [-n ITEMS]. 10,000 queries of the
 * kinds people write are asked about items of 2 KB, as query_set does for each event. The floor, in
 * the same run, is nothing but FTS5's tokenizer over the same items: whoever matches words as the
 * index does has to do that much. For comparison the queries are also asked one by one about a few
 * items. Exit status 1 when the goal, 1000 items a second, is missed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "measure.h"
#include "query/set.h"
#include "query/words.h"

#define VOCABULARY 30000
#define FEEDS      2000
#define TAGS       200
#define GOAL       1000.0 /* items a second */
#define ONE_BY_ONE 20     /* items */

static uint64_t state = 7;

static uint32_t below(uint32_t n)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

/* Word K of a made-up language; the low numbers are frequent, about as Zipf says. */
static uint32_t frequent(void)
{
    double r = (below(1000000) + 1) / 1000001.0;
    double k = 1;
    for (int i = 0; i < 3; i++)
        k *= r;
    return (uint32_t)(k * VOCABULARY);
}

static const char *word(uint32_t k)
{
    static const char *const syllables[] = {"ra",  "men", "to", "li", "ver",  "sa", "no", "ki",
                                            "del", "po",  "an", "fi", "ster", "gu", "ho", "wen"};
    static char ring[8][64];
    static unsigned at;
    char *out = ring[at++ % 8], *p = out;
    uint32_t bits = (k + 1) * 2654435761u;
    for (uint32_t left = 1 + (k > 30) + (k > 500) + (k > 5000); left; left--, bits >>= 5)
        p = stpcpy(p, syllables[(bits >> 4) & 15]);
    sprintf(p, "%x", k & 15);
    return out;
}

/* What a query asks for: seldom one of the very frequent words. */
static const char *asked(void)
{
    uint32_t k = frequent();
    return word(below(20) ? k + 100 + below(2000) : k);
}

static struct query *make_query(void)
{
    char text[512];
    struct query *q;
    uint32_t kind = below(100);
    if (kind < 35)
        snprintf(text, sizeof text, "%s %s", asked(), asked());
    else if (kind < 50)
        snprintf(text, sizeof text, "\"%s %s\"", asked(), word(frequent()));
    else if (kind < 65)
        snprintf(text, sizeof text, "%s OR %s OR title:%s", asked(), asked(), asked());
    else if (kind < 75)
        snprintf(text, sizeof text, "%s -%s -tag:tag%u", asked(), asked(), below(TAGS));
    else if (kind < 83)
        snprintf(text, sizeof text, "feed:feed%u (%s OR %s)", below(FEEDS), asked(), asked());
    else if (kind < 88)
        snprintf(text, sizeof text, "tag:tag%u %s", below(TAGS), asked());
    else if (kind < 92)
        snprintf(text, sizeof text, "%s NEAR/5 %s", asked(), asked());
    else if (kind < 96)
        snprintf(text, sizeof text, "%.6s* lang:en", asked());
    else if (kind < 98)
        snprintf(text, sizeof text, "site:site%u.example", below(FEEDS));
    else
        snprintf(text, sizeof text, "title:/%s.*%s/i %s", asked(), asked(), asked());
    if (query_parse(&q, text, NULL) < 0)
        abort();
    return q;
}

struct item {
    char *title, *text, url[64], feed[32], tag[32];
};

static struct item make_item(void)
{
    struct buf b = BUF_INIT(1 << 16);
    struct item it;
    for (int i = 0; i < 9; i++)
        buf_addf(&b, "%s ", word(frequent()));
    it.title = buf_take(&b, NULL);
    while (b.len < 2048)
        buf_addf(&b, "%s%s", word(frequent()), below(9) ? " " : ", ");
    it.text = buf_take(&b, NULL);
    snprintf(it.url, sizeof it.url, "https://www.site%u.example/a/b", below(FEEDS));
    snprintf(it.feed, sizeof it.feed, "feed%u", below(FEEDS));
    snprintf(it.tag, sizeof it.tag, "tag%u", below(TAGS));
    return it;
}

static void set_item(struct matcher *m, const struct item *it, int64_t id)
{
    struct query_doc doc = {.title = it->title,
                            .text = it->text,
                            .url = it->url,
                            .feed = it->feed,
                            .feed_id = id,
                            .tags = it->tag,
                            .language = "en"};
    matcher_set(m, &doc);
}

static void count_token(void *ctx, const char *token, size_t n)
{
    ++*(size_t *)ctx;
}

static void count_match(void *ctx, uint64_t id)
{
    ++*(size_t *)ctx;
}

int main(int argc, char **argv)
{
    int n_queries = 10000, n_items = 5000, opt;
    while ((opt = getopt(argc, argv, "q:n:")) != -1)
        if (opt == 'q')
            n_queries = atoi(optarg);
        else if (opt == 'n')
            n_items = atoi(optarg);
        else
            return 64;
    struct item *items = xcalloc((size_t)n_items, sizeof *items);
    struct query **queries = xcalloc((size_t)n_queries, sizeof *queries);
    struct matcher *m = matcher_new();
    struct words *w = words_new();
    size_t tokens = 0, matches = 0, one_by_one = 0, same = 0;
    for (int i = 0; i < n_items; i++)
        items[i] = make_item();

    struct measure floor = measure_begin();
    for (int i = 0; i < n_items; i++) {
        words_each(w, items[i].title, strlen(items[i].title), count_token, &tokens);
        words_each(w, items[i].text, strlen(items[i].text), count_token, &tokens);
    }
    measure_end(&floor);

    struct query_set *set = query_set_new();
    struct measure add = measure_begin();
    for (int i = 0; i < n_queries; i++) {
        queries[i] = make_query();
        query_set_add(set, (uint64_t)i, queries[i]);
    }
    measure_end(&add);
    struct measure run = measure_begin();
    for (int i = 0; i < n_items; i++) {
        set_item(m, &items[i], i);
        query_set_match(set, m, 0, count_match, &matches);
        if (i + 1 == ONE_BY_ONE)
            same = matches;
    }
    measure_end(&run);
    struct measure slow = measure_begin();
    for (int i = 0; i < ONE_BY_ONE && i < n_items; i++) {
        set_item(m, &items[i], i);
        for (int k = 0; k < n_queries; k++)
            one_by_one += matcher_matches(m, queries[k], 0);
    }
    measure_end(&slow);
    struct query_set_counts c;
    query_set_count(set, &c);
    double rate = n_items / run.cpu_s;
    printf("%d standing queries, %d items of 2 KB, %zu words each\n", n_queries, n_items,
           tokens / (size_t)n_items);
    printf("  time : %.2f x FTS5's tokenizer alone; one by one it is %.0f x\n",
           run.cpu_s / floor.cpu_s, slow.cpu_s / ONE_BY_ONE * n_items / floor.cpu_s);
    printf("  asked: %.1f of the queries about an item, %.1f matched, %zu are asked about every "
           "item\n",
           (double)c.candidates / n_items, (double)c.matches / n_items, c.unkeyed);
    printf("  goal : %.0f items a second on one core: %s\n", GOAL, rate >= GOAL ? "met" : "MISSED");
    printf("  (here %.0f a second; a query is added in %.1f us)\n", rate,
           add.cpu_s * 1e6 / n_queries);
    if (n_items >= ONE_BY_ONE && same != one_by_one)
        printf("  DIFFERS: %zu by the index, %zu one by one\n", same, one_by_one);
    return rate < GOAL || (n_items >= ONE_BY_ONE && same != one_by_one);
}
