/*
 * What a whole parse costs, as a ratio to libxml2 making a plain DOM of the same bytes in the same
 * run: bench_parse [-n ROUNDS] FILE... Each file is read both ways ROUNDS times (default 5), the
 * fastest round counts. Exit status 1 when the ratio over all files is above LIMIT (-l).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <libxml/parser.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "parse/parse.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    char block[65536];
    size_t n;
    if (!f)
        return -1;
    buf_clear(out);
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        buf_add(out, block, n);
    fclose(f);
    return out->overflow ? -1 : 0;
}

static double dom_seconds(const struct buf *in)
{
    double start = now();
    xmlFreeDoc(xmlReadMemory(in->data, (int)in->len, NULL, NULL,
                             XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
    return now() - start;
}

/* Negative when it is no feed. */
static double parse_seconds(const struct buf *in)
{
    struct parse_in p = {.bytes = in->data, .n = in->len, .base_url = "http://feed.example/x"};
    struct td_batch *b;
    double start = now();
    if (parse_feed(&p, &b, NULL) < 0)
        return -1;
    td_batch_free(b);
    return now() - start;
}

int main(int argc, char **argv)
{
    int rounds = 5, files = 0, i = 1;
    double dom = 0, ours = 0, limit = 0, bytes = 0;
    CLEANUP_BUF struct buf in = BUF_INIT(LIMIT_BODY_BYTES);
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (str_eq(argv[i], "-n"))
            rounds = atoi(argv[i + 1]);
        else if (str_eq(argv[i], "-l"))
            limit = atof(argv[i + 1]);
    }
    parse_init();
    for (; i < argc; i++) {
        double best_dom = 1e9, best = 1e9;
        if (read_file(argv[i], &in) < 0 || !in.len || parse_seconds(&in) < 0)
            continue;
        for (int r = 0; r < rounds; r++) {
            best_dom = MIN(best_dom, dom_seconds(&in));
            best = MIN(best, parse_seconds(&in));
        }
        if (getenv("BENCH_VERBOSE"))
            printf("%6.2f %8.0f KB %7.1f MB/s  %s\n", best / best_dom, (double)in.len / 1e3,
                   (double)in.len / best / 1e6, argv[i]);
        dom += best_dom;
        ours += best;
        bytes += (double)in.len;
        files++;
    }
    if (!files) {
        fprintf(stderr, "no feeds\n");
        return 2;
    }
    printf("%d feeds, %.1f MB: libxml2 DOM %.1f MB/s, whole parse %.1f MB/s, ratio %.2f\n", files,
           bytes / 1e6, bytes / dom / 1e6, bytes / ours / 1e6, ours / dom);
    return limit > 0 && ours / dom > limit;
}
