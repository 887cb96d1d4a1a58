/* measure.h - wall and processor seconds of a stretch of a benchmark. */
#ifndef TIDINGS_BENCH_MEASURE_H
#define TIDINGS_BENCH_MEASURE_H

#include <time.h>

struct measure {
    double wall_s, cpu_s; /* while it runs: the clocks at its begin */
};

static inline double measure_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline struct measure measure_begin(void)
{
    return (struct measure){measure_clock(CLOCK_MONOTONIC),
                            measure_clock(CLOCK_PROCESS_CPUTIME_ID)};
}

static inline void measure_end(struct measure *m)
{
    m->wall_s = measure_clock(CLOCK_MONOTONIC) - m->wall_s;
    m->cpu_s = measure_clock(CLOCK_PROCESS_CPUTIME_ID) - m->cpu_s;
}

/* Goes on with M after a pause: what came before counts. */
static inline void measure_resume(struct measure *m)
{
    m->wall_s = measure_clock(CLOCK_MONOTONIC) - m->wall_s;
    m->cpu_s = measure_clock(CLOCK_PROCESS_CPUTIME_ID) - m->cpu_s;
}

#endif
