/*
 * bench_pool.c - what the sandboxed parser processes cost beside the parse itself.
 *
 *     bench_pool TIDINGSD FILE...
 *
 * TIDINGSD is the daemon, whose hidden role the children are: what it links with is loaded too. How
 * long a child needs from nothing to its first answer; then one child reads all files, three
 * times over: what it holds afterwards must be the same each time. Prints a line of JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <ev.h>

#include "base/limits.h"
#include "base/mem.h"
#include "measure.h"
#include "parse/pool.h"

enum { STARTS = 20, ROUNDS = 3 };

static const char tiny[] = "<rss version='2.0'><channel><title>t</title></channel></rss>";

static int read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    char block[65536];
    size_t n;
    if (!f)
        return -1;
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        buf_add(out, block, n);
    fclose(f);
    return out->overflow ? -1 : 0;
}

static void on_done(void *ctx, struct pool_answer *a)
{
    td_batch_free(a->batch);
    ev_break(EV_DEFAULT, EVBREAK_ONE);
}

static void parse_in_child(struct pool *p, struct buf *body)
{
    struct pool_request req = {.body = *body};
    *body = BUF_INIT(LIMIT_BODY_BYTES);
    pool_submit(p, &req, on_done, NULL);
    ev_run(EV_DEFAULT, 0);
}

static struct pool *new_pool(const char *exe)
{
    struct td_err err;
    struct pool_conf conf = {.children = 1, .exe = exe, .max_jobs = INT32_MAX};
    struct pool *p = pool_new(EV_DEFAULT, &conf, &err);
    if (!p) {
        fprintf(stderr, "%s\n", err.msg);
        exit(EXIT_FAILURE);
    }
    return p;
}

/* The fastest of several, in ms: what else the machine does only adds. */
static double start_ms(const char *exe)
{
    double best = 1e9;
    for (int i = 0; i < STARTS; i++) {
        struct pool *p = new_pool(exe);
        struct buf body = BUF_INIT(LIMIT_BODY_BYTES);
        buf_adds(&body, tiny);
        double from = measure_clock(CLOCK_MONOTONIC);
        parse_in_child(p, &body);
        best = MIN(best, measure_clock(CLOCK_MONOTONIC) - from);
        pool_free(p);
    }
    return best * 1e3;
}

/* Resident KB of the one child. */
static long child_kb(void)
{
    char path[64];
    long pid = 0, all = 0, pages = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%ld", &pid) != 1)
        pid = 0;
    if (f)
        fclose(f);
    snprintf(path, sizeof path, "/proc/%ld/statm", pid);
    f = fopen(path, "r");
    if (f && fscanf(f, "%ld %ld", &all, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("Usage: bench_pool TIDINGSD FILE...\n", stderr);
        return 64;
    }
    printf("{\"start_ms\": %.2f, \"resident_kb\": [", start_ms(argv[1]));
    struct pool *p = new_pool(argv[1]);
    for (int round = 0; round < ROUNDS; round++) {
        struct buf body = BUF_INIT(LIMIT_BODY_BYTES);
        for (int i = 2; i < argc; i++)
            if (read_file(argv[i], &body) == 0)
                parse_in_child(p, &body);
        buf_adds(&body, tiny); /* the child gives memory back after each answer */
        parse_in_child(p, &body);
        printf("%s%ld", round ? ", " : "", child_kb());
    }
    puts("]}");
    pool_free(p);
    return EXIT_SUCCESS;
}
