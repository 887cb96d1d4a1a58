/*
 * bench_pool.c - what the sandboxed parser processes cost beside the parse itself.
 *
 *     bench_pool PARSER FLOOR FILE...
 *
 * PARSER is the program tidings-parser, FLOOR bench_floor_child. How long each needs from nothing
 * until it says that it is ready, wall and processor time, in turn; then one child reads all files,
 * three times over: what it holds afterwards must be the same each time. Prints a line of JSON.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <ev.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "measure.h"
#include "parse/frame.h"
#include "parse/launch.h"
#include "parse/pool.h"

enum { STARTS = 40, ROUNDS = 3 };

static const char tiny[] = "<rss version='2.0'><channel><title>t</title></channel></rss>";

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

struct start {
    double wall_ms, cpu_ms;
};

static double ms(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

/* Takes BEST down to what one start costs: what else the machine does only adds. */
static void start_once(int exe, struct start *best)
{
    pid_t pid;
    int fd, status;
    struct frame_answer ready;
    struct rusage used;
    double from = measure_clock(CLOCK_MONOTONIC);
    if (launch_parser(exe, &pid, &fd) < 0 ||
        recv(fd, &ready, sizeof ready, MSG_WAITALL) != sizeof ready) {
        fputs("bench_pool: a child did not start\n", stderr);
        exit(EXIT_FAILURE);
    }
    best->wall_ms = MIN(best->wall_ms, (measure_clock(CLOCK_MONOTONIC) - from) * 1e3);
    kill(pid, SIGKILL);
    wait4(pid, &status, 0, &used);
    best->cpu_ms = MIN(best->cpu_ms, ms(used.ru_utime) + ms(used.ru_stime));
    close(fd);
}

static void measure_starts(char **programs, struct start best[2])
{
    struct td_err err;
    int exe[2];
    for (int k = 0; k < 2; k++) {
        best[k] = (struct start){1e9, 1e9};
        if ((exe[k] = launch_open(programs[k], &err)) < 0) {
            fprintf(stderr, "%s\n", err.msg);
            exit(EXIT_FAILURE);
        }
    }
    for (int i = 0; i < STARTS; i++)
        for (int k = 0; k < 2; k++)
            start_once(exe[k], best + k);
    for (int k = 0; k < 2; k++)
        close(exe[k]);
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
    if (argc < 3) {
        fputs("Usage: bench_pool PARSER FLOOR FILE...\n", stderr);
        return 64;
    }
    struct start best[2];
    measure_starts(argv + 1, best);
    printf("{\"start_ms\": %.2f, \"start_cpu_ms\": %.2f, \"floor_ms\": %.2f, "
           "\"floor_cpu_ms\": %.2f, \"resident_kb\": [",
           best[0].wall_ms, best[0].cpu_ms, best[1].wall_ms, best[1].cpu_ms);
    struct pool *p = new_pool(argv[1]);
    for (int round = 0; round < ROUNDS; round++) {
        struct buf body = BUF_INIT(LIMIT_BODY_BYTES);
        for (int i = 3; i < argc; i++)
            if (io_read_file(argv[i], &body) == 0)
                parse_in_child(p, &body);
        buf_adds(&body, tiny); /* the child gives memory back after each answer */
        parse_in_child(p, &body);
        printf("%s%ld", round ? ", " : "", child_kb());
    }
    puts("]}");
    pool_free(p);
    return EXIT_SUCCESS;
}
