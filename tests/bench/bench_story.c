/*
 * bench_story.c - the story clusterer alone: items a second as history grows, memory of a full
 * table.
 *
 *     bench_story [ITEMS]     1,000,000 unless given
 *
 * Items are made up: words by rank (Zipf) from 200,000, a third of them rewrites of an earlier
 * item. Titles of ten words alone, then with 80 words of text. Prints a line for each tenth.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "story/cluster_private.h"

#define WORDS   200000
#define DAY_ROW 20000 /* items a day */

static uint64_t state = 88172645463325252u;

static uint32_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

/* Ranks like those of a language: a word of rank R about 1/R as often as the first. */
static uint32_t word(void)
{
    double u = rnd() / 4294967296.0;
    double r = 1;
    for (double x = u * 12.2; x > 0; x -= 0.7) /* ln(200000) = 12.2; doubling a step */
        r *= x >= 0.7 ? 2 : 1 + x / 0.7;
    return r < WORDS ? (uint32_t)r : WORDS;
}

static void add_words(struct buf *b, int n)
{
    for (int i = 0; i < n; i++) {
        uint32_t w = word() * 2654435761u;
        char text[12];
        int k = 0;
        for (; k < 4 + (int)(w & 3); k++, w /= 19)
            text[k] = (char)('a' + w % 19);
        buf_addf(b, "%.*s ", k, text);
    }
}

/* Of this thread: other work on the machine does not count. */
static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

static long rss_kib(void)
{
    long pages = 0, ignored;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &ignored, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return pages * 4;
}

static void run(const char *what, int64_t items, bool text, int64_t day)
{
    long before = rss_kib();
    struct cluster *c = cluster_new(STORY_STRICTNESS);
    CLEANUP_FREE char *kept = xcalloc(1000, 120);
    int64_t n_joined = 0, spent = 0, part = items / 10, from = 0;
    for (int64_t i = 0; i < items; i++) {
        CLEANUP_BUF struct buf t = BUF_INIT(4096), b = BUF_INIT(4096);
        struct story_out o;
        char *slot = kept + (rnd() % 1000) * 120;
        if (i > 1000 && rnd() % 3 == 0) { /* a rewrite: most of the words, some new ones */
            buf_addf(&t, "%.*s ", 60, slot);
            add_words(&t, 3);
        } else {
            add_words(&t, 10);
            snprintf(slot, 120, "%s", t.data);
        }
        if (text)
            add_words(&b, 80);
        struct story_in in = {.item = i + 1,
                              .time_s = i * 86400 / day,
                              .title = t.data,
                              .text = text ? b.data : NULL,
                              .outlet = i % 2 ? "a" : "b"};
        int64_t start = cpu_ns();
        cluster_assign(c, &in, &o);
        spent += cpu_ns() - start;
        n_joined += !o.opened;
        if ((i + 1) % part == 0) {
            printf(
                "%s: %8lld items, %8.0f items/s, %6zu live stories, %5.1f %% joined, %6.1f MiB\n",
                what, (long long)i + 1, (double)part / (double)(spent - from) * 1e9,
                live_count(c->live), 100.0 * (double)n_joined / (double)(i + 1),
                (double)(rss_kib() - before) / 1024);
            from = spent;
        }
    }
    cluster_free(c);
}

int main(int argc, char **argv)
{
    int64_t items = argc > 1 ? atoll(argv[1]) : 1000000;
    run("titles        ", items, false, DAY_ROW);
    run("with 80 words ", items / 2, true, DAY_ROW);
    run("full table    ", MIN(items / 4, (int64_t)200000), true, 400000);
    return 0;
}
