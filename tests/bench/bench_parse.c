/*
 * What a whole parse costs, as a ratio to libxml2 making a plain DOM of the same bytes in the same
 * run: bench_parse [-n ROUNDS] [-l LIMIT] FILE... Files and generated feeds (generate.h) are read
 * both ways ROUNDS times (default 5), the fastest round of each counts. Documents that libxml2
 * gives up on (JSON, damaged XML) have no floor: only their throughput is told. Exit status 1 when
 * a ratio is above LIMIT.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <libxml/parser.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "generate.h"
#include "parse/child.h"
#include "parse/parse.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum { GENERATED = 60 }; /* feeds */

/* Times of one kind of documents. */
struct sum {
    int feeds;
    double bytes, dom, ours;
};

/* Negative when it is no document that libxml2 reads. */
static double dom_seconds(const char *s, size_t n)
{
    double start = now();
    xmlDoc *doc = xmlReadMemory(s, (int)n, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlFreeDoc(doc);
    return doc ? now() - start : -1;
}

/* Negative when it is no feed. */
static double parse_seconds(const char *s, size_t n)
{
    struct parse_in p = {.bytes = s, .n = n, .base_url = "http://feed.example/x"};
    struct td_batch *b;
    double start = now();
    if (parse_feed(&p, &b, NULL) < 0)
        return -1;
    td_batch_free(b);
    return now() - start;
}

/* NAME NULL: not worth a line of its own. */
static void measure(const char *s, size_t n, int rounds, const char *name, struct sum *whole,
                    struct sum *rest)
{
    double dom = dom_seconds(s, n), ours = parse_seconds(s, n);
    struct sum *sum = dom < 0 ? rest : whole;
    if (!n || ours < 0)
        return;
    for (int r = 0; r < rounds; r++)
        dom = MIN(dom, dom_seconds(s, n));
    for (int r = 0; r < rounds;
         r++) /* by itself: the allocator tidies up after the DOM only once */
        ours = MIN(ours, parse_seconds(s, n));
    if (name && getenv("BENCH_VERBOSE"))
        printf("%6.2f %8.0f KB %7.1f MB/s  %s\n", ours / dom, (double)n / 1e3,
               (double)n / ours / 1e6, name);
    sum->feeds++;
    sum->bytes += (double)n;
    sum->dom += dom;
    sum->ours += ours;
}

static void measure_generated(int rounds, struct sum *ret)
{
    struct generate_conf conf = {.items = 25, .min_bytes = 600, .max_bytes = 2000};
    generate_init();
    for (uint64_t i = 0; i < GENERATED; i++) {
        size_t n;
        CLEANUP_FREE char *doc = generate_feed(&conf, i, &n);
        measure(doc, n, rounds, NULL, ret, ret);
    }
}

/* True when the ratio is above LIMIT. */
static bool report(const char *what, const struct sum *s, double limit)
{
    if (!s->feeds)
        return false;
    printf("%-9s %3d feeds, %4.1f MB: libxml2 DOM %5.1f MB/s, whole parse %5.1f MB/s, ratio %.2f\n",
           what, s->feeds, s->bytes / 1e6, s->bytes / s->dom / 1e6, s->bytes / s->ours / 1e6,
           s->ours / s->dom);
    return limit > 0 && s->ours / s->dom > limit;
}

int main(int argc, char **argv)
{
    int rounds = 5, i = 1;
    double limit = 0;
    struct sum files = {0}, rest = {0}, generated = {0};
    CLEANUP_BUF struct buf in = BUF_INIT(LIMIT_BODY_BYTES);
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (str_eq(argv[i], "-n"))
            rounds = atoi(argv[i + 1]);
        else if (str_eq(argv[i], "-l"))
            limit = atof(argv[i + 1]);
    }
    child_tune_malloc(); /* for both */
    parse_init();
    for (; i < argc; i++) {
        buf_clear(&in);
        if (io_read_file(argv[i], &in) == 0)
            measure(in.data, in.len, rounds, argv[i], &files, &rest);
    }
    measure_generated(rounds, &generated);
    bool above = report("files:", &files, limit);
    above |= report("generated", &generated, limit);
    if (rest.feeds)
        printf("%-9s %3d feeds, %4.1f MB that libxml2 does not read: whole parse %5.1f MB/s\n",
               "others:", rest.feeds, rest.bytes / 1e6, rest.bytes / rest.ours / 1e6);
    return above;
}
