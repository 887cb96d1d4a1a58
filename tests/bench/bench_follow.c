/*
 * bench_follow FOLDER [quick] - how fast news reaches those who follow, in a new FOLDER.
 *
 * The server's stages as the daemon joins them (store, notify, serve on a unix socket) in one
 * process, followers in another, beside a floor that only copies the same bytes into as many
 * sockets.
 *
 *  - latency: items committed one at a time; from the commit (its `done` on the loop; and from
 *    inside the transaction, before the disk is synced) to the read in each follower.
 *  - fan-out: many followers at a steady rate of events; is all of it delivered, does memory grow.
 *  - catch-up: one reader gets a log that is long already.
 *
 * Both processes share the machine's processors.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "serve/frontend.h"
#include "serve/listener.h"
#include "serve/serve.h"

#define MAX_SEQ    2000000
#define MAX_CONNS  1100
#define HIST       200000 /* of 10 us */
#define TEXT_BYTES 400
#define N_FEEDS    200 /* a commit each in turn: news comes from many */
#define OF_EVENT   "{\"seq\":"

/* Both processes see this. */
struct shared {
    atomic_int connected, stop;
    _Atomic int64_t events, bytes; /* read by all followers */
    _Atomic int64_t least;         /* events that the slowest follower has read */
    int64_t committed_ns[MAX_SEQ], in_commit_ns[MAX_SEQ];
    uint32_t since_commit[HIST], since_write[HIST];
};
static struct shared *sh;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_follow: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the followers' process -------------------------------------------------------------------
 */

struct conn {
    int fd;
    int64_t events, bytes;
    char carry[64]; /* the end of the last read, when an event's head may be cut */
    size_t n_carry;
};

static void note(uint32_t *hist, int64_t ns)
{
    int64_t i = ns / 10000;
    hist[i < 0 ? 0 : i >= HIST ? HIST - 1 : i]++;
}

/* Events that begin in the N bytes at P (which have room before them for what was carried). */
static void count(struct conn *c, char *p, size_t n, bool timed)
{
    int64_t at = now_ns();
    p -= c->n_carry;
    n += c->n_carry;
    memcpy(p, c->carry, c->n_carry);
    char *end = p + n, *from = p, *hit;
    while ((hit = memmem(from, (size_t)(end - from), OF_EVENT, sizeof OF_EVENT - 1)) &&
           end - hit >= 32) {
        int64_t seq = strtoll(hit + sizeof OF_EVENT - 1, NULL, 10);
        c->events++;
        atomic_fetch_add_explicit(&sh->events, 1, memory_order_relaxed);
        if (timed && seq < MAX_SEQ && sh->committed_ns[seq]) {
            note(sh->since_commit, at - sh->committed_ns[seq]);
            note(sh->since_write, at - sh->in_commit_ns[seq]);
        }
        from = hit + sizeof OF_EVENT - 1;
    }
    size_t keep = MIN((size_t)(end - from), (size_t)40);
    char *rest = hit ? hit : end - keep;
    c->n_carry = (size_t)(end - rest);
    memcpy(c->carry, rest, c->n_carry);
}

static void follower_connect(struct conn *c, const char *socket_path, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char request[512];
    strcpy(a.sun_path, socket_path);
    c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    while (connect(c->fd, (struct sockaddr *)&a, sizeof a) < 0)
        if (errno != EAGAIN && errno != EINTR)
            die("connect");
    /* 1.0: no chunks, which each one's frames would make different. */
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
    if (write(c->fd, request, (size_t)n) != n)
        die("request");
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

/* What the slowest has: all get the same bytes, so only the first one's are looked into. */
static int64_t least_of(const struct conn *conns, int n)
{
    int64_t least = conns[0].bytes, one = conns[0].bytes / MAX(conns[0].events, (int64_t)1);
    for (int i = 1; i < n; i++)
        least = MIN(least, conns[i].bytes);
    return conns[0].events - (conns[0].bytes - least + one - 1) / MAX(one, (int64_t)1);
}

/* Reads from all CONNS until told to stop or all have ended. TIMED: all look for events, else the
 * first one alone: reading is to cost little beside what is measured. */
static void follow_all(struct conn *conns, int n, bool timed)
{
    static char room[64 + (1 << 18)];
    struct epoll_event ev[256];
    int ep = epoll_create1(0), open = n;
    int64_t all = 0;
    for (int i = 0; i < n; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &conns[i]};
        epoll_ctl(ep, EPOLL_CTL_ADD, conns[i].fd, &e);
    }
    atomic_store(&sh->connected, n);
    while (open > 0 && !atomic_load(&sh->stop)) {
        int k = epoll_wait(ep, ev, 256, 100);
        for (int i = 0; i < k; i++) {
            struct conn *c = ev[i].data.ptr;
            ssize_t got = read(c->fd, room + 64, sizeof room - 64);
            if (got <= 0) {
                if (got < 0 && (errno == EAGAIN || errno == EINTR))
                    continue;
                close(c->fd);
                open--;
                continue;
            }
            c->bytes += got;
            all += got;
            if (timed || c == conns)
                count(c, room + 64, (size_t)got, timed);
        }
        atomic_store(&sh->bytes, all);
        atomic_store(&sh->least, least_of(conns, n));
    }
    for (int i = 0; i < n; i++)
        close(conns[i].fd);
    close(ep);
}

/* The followers: N of PATH at the server, or with FDS of a floor. */
static pid_t start_followers(int n, const char *socket_path, const char *path, const int *fds,
                             bool timed)
{
    atomic_store(&sh->stop, 0);
    atomic_store(&sh->connected, 0);
    atomic_store(&sh->events, 0);
    atomic_store(&sh->bytes, 0);
    atomic_store(&sh->least, 0);
    memset(sh->since_commit, 0, sizeof sh->since_commit);
    memset(sh->since_write, 0, sizeof sh->since_write);
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    static struct conn conns[MAX_CONNS];
    for (int i = 0; i < n; i++)
        if (fds)
            conns[i].fd = fds[i];
        else
            follower_connect(&conns[i], socket_path, path);
    follow_all(conns, n, timed);
    _exit(0);
}

static void end_followers(pid_t pid)
{
    int status;
    atomic_store(&sh->stop, 1);
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        fprintf(stderr, "bench_follow: the followers ended with %d\n", status);
}

static double percentile(const uint32_t *hist, double p)
{
    uint64_t total = 0, seen = 0;
    for (int i = 0; i < HIST; i++)
        total += hist[i];
    for (int i = 0; i < HIST; i++) {
        seen += hist[i];
        if ((double)seen >= p * (double)total)
            return (double)(i + 1) / 100;
    }
    return HIST / 100.;
}

/* ---- the server -------------------------------------------------------------------------------
 */

static struct ev_loop *loop;
static struct store *store;
static struct serve *serve;
static int64_t feeds[N_FEEDS], n_items, n_commits, last_seq;
static int n_feeds;

static void on_grew(void *ctx, int64_t seq)
{
    last_seq = seq;
    if (serve)
        serve_log_grew(serve, seq);
}

static void on_finish(struct store_commit *c, const struct store_commit_result *r)
{
    int64_t at = now_ns();
    for (int64_t s = r->first_seq; s && s <= r->last_seq && s < MAX_SEQ; s++)
        sh->in_commit_ns[s] = at;
}

static void on_commit(struct store_commit *c, const struct store_commit_result *r)
{
    int64_t at = now_ns();
    for (int64_t s = r->first_seq; s && s <= r->last_seq && s < MAX_SEQ; s++)
        sh->committed_ns[s] = at;
}

static void commit(int n)
{
    static char text[TEXT_BYTES + 1];
    memset(text, 'x', TEXT_BYTES);
    struct store_commit *c = xcalloc(1, sizeof *c);
    struct td_batch *b = td_batch_new();
    td_feed_state_init(&c->state);
    c->state.imported = true;
    b->format = "rss20";
    b->entries = arena_zalloc(&b->arena, (size_t)n * sizeof *b->entries);
    for (int i = 0; i < n; i++, n_items++) {
        struct td_entry *e = &b->entries[b->n_entries++];
        e->id = arena_printf(&b->arena, "urn:item:%lld", (long long)n_items);
        e->url = arena_printf(&b->arena, "https://site.example/items/%lld", (long long)n_items);
        e->title = arena_printf(&b->arena, "Title of item %lld", (long long)n_items);
        e->json = arena_printf(&b->arena,
                               "{\"id\":\"%s\",\"url\":\"%s\",\"title\":\"%s\","
                               "\"content_text\":\"%s\"}",
                               e->id, e->url, e->title, text);
        e->json_len = strlen(e->json);
        e->date_published = clock_now_ms();
        e->date_modified = TD_NEVER;
        e->fingerprint = (uint64_t)n_items;
    }
    c->feed_id = feeds[n_commits++ % N_FEEDS];
    c->now = clock_now_ms();
    c->batch = b;
    c->finish = on_finish;
    c->done = on_commit;
    store_commit(store, c);
}

static void on_put(void *ctx, int result, const struct td_err *err)
{
    feeds[n_feeds++] = result;
}

static void run_for(double seconds)
{
    int64_t until = now_ns() + (int64_t)(seconds * 1e9);
    while (now_ns() < until) {
        ev_run(loop, EVRUN_NOWAIT);
        struct timespec t = {.tv_nsec = 200000};
        nanosleep(&t, NULL);
    }
}

struct rate {
    int64_t begun_ns, made;
    int per_s;
};

/* What is due, also what a late turn of the loop has missed. */
static void on_tick(struct ev_loop *l, ev_timer *t, int revents)
{
    struct rate *r = t->data;
    int64_t due = (now_ns() - r->begun_ns) / 1000 * r->per_s / 1000000;
    if (due > r->made)
        commit((int)(due - r->made));
    r->made = due;
}

/* Commits events at a rate, every 10 ms or one by one, while the loop runs for SECONDS. */
static void commit_at_rate(int per_s, double seconds)
{
    ev_timer tick;
    struct rate r = {.begun_ns = now_ns(), .per_s = per_s};
    double period = MAX(0.01, 1. / per_s);
    ev_now_update(loop);
    ev_timer_init(&tick, on_tick, period, period);
    tick.data = &r;
    ev_timer_start(loop, &tick);
    int64_t until = r.begun_ns + (int64_t)(seconds * 1e9);
    while (now_ns() < until)
        ev_run(loop, EVRUN_ONCE);
    ev_timer_stop(loop, &tick);
}

/* Until the slowest follower has N events, or SECONDS are over: false. */
static bool await_least(int64_t n, double seconds)
{
    int64_t until = now_ns() + (int64_t)(seconds * 1e9);
    while (atomic_load(&sh->least) < n && now_ns() < until) {
        ev_run(loop, EVRUN_NOWAIT);
        struct timespec t = {.tv_nsec = 100000};
        nanosleep(&t, NULL);
    }
    return atomic_load(&sh->least) >= n;
}

static void await_connected(int n)
{
    while (atomic_load(&sh->connected) < n)
        run_for(0.01);
    run_for(n > 1 ? 1. : 0.2);
}

static long rss_kib(void)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "VmRSS: %ld", &kib);
    if (f)
        fclose(f);
    return kib;
}

static double cpu_s(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_utime.tv_sec + (double)r.ru_stime.tv_sec +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* ---- what is measured ---------------------------------------------------------------------------
 */

/* Copies of N events of BYTES to COUNT sockets, a write each: seconds. */
static double floor_fan_out(int count, int n, size_t bytes, int per_write)
{
    static int fds[MAX_CONNS], ours[MAX_CONNS];
    char *block = xcalloc(1, bytes * (size_t)per_write);
    for (int i = 0; i < per_write; i++) {
        memset(block + (size_t)i * bytes, 'x', bytes);
        memcpy(block + (size_t)i * bytes, "{\"seq\":1,", 9);
    }
    for (int i = 0; i < count; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
            die("socketpair");
        ours[i] = pair[0];
        fds[i] = pair[1];
    }
    pid_t pid = start_followers(count, NULL, NULL, fds, false);
    for (int i = 0; i < count; i++)
        close(fds[i]);
    while (atomic_load(&sh->connected) < count)
        usleep(1000);
    int64_t from = now_ns();
    for (int k = 0; k < n / per_write; k++)
        for (int i = 0; i < count; i++)
            for (size_t at = 0; at < bytes * (size_t)per_write;) {
                ssize_t w = write(ours[i], block + at, bytes * (size_t)per_write - at);
                if (w > 0)
                    at += (size_t)w;
            }
    while (atomic_load(&sh->bytes) < (int64_t)count * (n / per_write) * (int64_t)bytes * per_write)
        usleep(500);
    double s = (double)(now_ns() - from) / 1e9;
    for (int i = 0; i < count; i++)
        close(ours[i]);
    end_followers(pid);
    free(block);
    return s;
}

/* The same as latency() with a write to each socket in place of the server. */
static double floor_latency(int count, int rate, int seconds)
{
    static int fds[MAX_CONNS], ours[MAX_CONNS];
    char block[700];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < count; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
            die("socketpair");
        ours[i] = pair[0];
        fds[i] = pair[1];
    }
    pid_t pid = start_followers(count, NULL, NULL, fds, true);
    while (atomic_load(&sh->connected) < count)
        usleep(1000);
    for (int k = 0; k < seconds * rate; k++) {
        int seq = MAX_SEQ - 1 - k;
        usleep((unsigned)(1000000 / rate));
        memcpy(block, OF_EVENT, sizeof OF_EVENT - 1);
        snprintf(block + sizeof OF_EVENT - 1, 20, "%d,", seq);
        sh->committed_ns[seq] = sh->in_commit_ns[seq] = now_ns();
        for (int i = 0; i < count; i++)
            if (write(ours[i], block, sizeof block) < 0)
                die("write");
    }
    while (atomic_load(&sh->events) < (int64_t)count * seconds * rate)
        usleep(1000);
    for (int i = 0; i < count; i++) {
        close(ours[i]);
        close(fds[i]);
    }
    end_followers(pid);
    printf("  the floor, a write to each socket: p50 %.2f ms, p99 %.2f ms\n",
           percentile(sh->since_commit, 0.5), percentile(sh->since_commit, 0.99));
    return percentile(sh->since_commit, 0.99);
}

static void latency(const char *socket_path, int n, int rate, int seconds)
{
    pid_t pid = start_followers(n, socket_path, "/v1/events", NULL, true);
    await_connected(n);
    int64_t before = last_seq;
    commit_at_rate(rate, seconds);
    bool all = await_least(last_seq - before, 10);
    end_followers(pid);
    double p50 = percentile(sh->since_commit, 0.5), p99 = percentile(sh->since_commit, 0.99);
    printf("latency, %4d followers, %d events/s for %d s: p50 %.2f ms, p99 %.2f ms; with the sync "
           "p50 %.2f, p99 %.2f ms; goal p99 < 10 ms: %s%s\n",
           n, rate, seconds, p50, p99, percentile(sh->since_write, 0.5),
           percentile(sh->since_write, 0.99), p99 < 10 ? "reached" : "NOT reached",
           all ? "" : " (NOT ALL ARRIVED)");
    double floor_p99 = floor_latency(n, rate, seconds);
    printf("  p99 is %.2f times the floor's\n", p99 / floor_p99);
}

static void fan_out(const char *socket_path, int n, int rate, int warm_s, int seconds)
{
    pid_t pid = start_followers(n, socket_path, "/v1/events", NULL, false);
    await_connected(n);
    int64_t before = last_seq;
    commit_at_rate(rate, warm_s); /* until the ring of newest events is full */
    long rss[4] = {rss_kib()};
    double cpu = cpu_s();
    int64_t from = now_ns(), begun = last_seq;
    for (int i = 1; i <= 3; i++) {
        commit_at_rate(rate, seconds / 3.);
        rss[i] = rss_kib();
    }
    double wall = (double)(now_ns() - from) / 1e9;
    int64_t behind = last_seq - before - atomic_load(&sh->least);
    double made = (double)(last_seq - begun) / wall;
    cpu = cpu_s() - cpu;
    bool all = await_least(last_seq - before, 60);
    double drained = (double)(now_ns() - from) / 1e9;
    int64_t bytes = atomic_load(&sh->bytes), total = last_seq - before;
    double each = (double)bytes / ((double)n * (double)MAX(total, (int64_t)1));
    end_followers(pid);
    printf("fan-out, %d followers: %.0f events/s for %d s, %.0f bytes each; the slowest is %lld "
           "behind at the end and has all after %.1f s: %s; processor %.2f of one; memory %ld KiB, "
           "%+ld %+ld %+ld in each third\n",
           n, made, seconds, each, (long long)behind, drained,
           all && behind < rate && made > 0.98 * rate ? "kept up" : "NOT kept up", cpu / wall,
           rss[0], rss[1] - rss[0], rss[2] - rss[1], rss[3] - rss[2]);
    int copied = (int)MIN(total / 10 * 10, (int64_t)rate * 5);
    double floor_s = floor_fan_out(n, copied, (size_t)each, 10);
    printf(
        "  the floor copies the same bytes, ten events at once, at %.0f events/s to all of them: "
        "%.2f of it is used\n",
        copied / floor_s, made * floor_s / copied);
}

static void catch_up(const char *socket_path, int n)
{
    int64_t first = last_seq;
    while (last_seq - first < n) {
        int64_t want = last_seq + 1000;
        commit(1000);
        while (last_seq < want)
            ev_run(loop, EVRUN_ONCE);
    }
    run_for(4); /* the full-text index */
    char path[64];
    double best = 1e9;
    int64_t events = 0, bytes = 0;
    snprintf(path, sizeof path, "/v1/events?follow=0&after=%lld", (long long)first);
    for (int i = 0; i < 3; i++) {
        pid_t pid = start_followers(1, socket_path, path, NULL, false);
        int64_t from = 0;
        while (atomic_load(&sh->least) < n) {
            if (!from && atomic_load(&sh->connected))
                from = now_ns();
            ev_run(loop, EVRUN_ONCE);
        }
        best = MIN(best, (double)(now_ns() - from) / 1e9);
        events = atomic_load(&sh->events);
        bytes = atomic_load(&sh->bytes);
        end_followers(pid);
    }
    double floor_s = floor_fan_out(1, n, (size_t)(bytes / events), 200);
    printf("catch-up, one reader, %d events of %.0f bytes: %.0f events/s; goal >= 100000: %s; the "
           "floor "
           "copies %.0f events/s\n",
           n, (double)bytes / (double)events, n / best,
           n / best >= 100000 ? "reached" : "NOT reached", n / floor_s);
}

int main(int argc, char **argv)
{
    char path[256], socket_path[100];
    struct td_err err = {""};
    struct rlimit files;
    bool quick = argc > 2;
    if (argc < 2)
        return fprintf(stderr, "usage: bench_follow FOLDER [quick]\n"), 64;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_ERR);
    mkdir(argv[1], 0700);
    snprintf(path, sizeof path, "%s/bench.db", argv[1]);
    snprintf(socket_path, sizeof socket_path, "%s/s", argv[1]);
    sh = mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    loop = ev_default_loop(0);
    struct store_conf sc = {.path = path, .log_grew = on_grew};
    if (store_open(&store, loop, &sc, &err) < 0)
        return fprintf(stderr, "bench_follow: %s\n", err.msg), 1;
    struct td_story_rules no_stories = {.off = true}; /* one event for each item */
    store_set_story_rules(store, &no_stories);
    static const struct serve_ops ops;
    struct serve_conf vc = {.ops = &ops};
    struct listener l;
    if (serve_new(&serve, loop, store, &vc, &err) < 0 || listener_unix(&l, socket_path, &err) < 0)
        return fprintf(stderr, "bench_follow: %s\n", err.msg), 1;
    serve_listen(serve, &l, &frontend_api);
    for (int i = 0; i < N_FEEDS; i++) {
        char name[16], url[40];
        snprintf(name, sizeof name, "f%d", i);
        snprintf(url, sizeof url, "http://f.example/%d", i);
        struct td_feed_conf conf = {.name = name, .url = url, .enabled = true};
        store_feed_put(store, &conf, on_put, NULL);
    }
    while (n_feeds < N_FEEDS)
        ev_run(loop, EVRUN_ONCE);
    /* First: the store's caches are full then, and memory is to stay as it is. */
    catch_up(socket_path, quick ? 10000 : 200000);
    latency(socket_path, 1, quick ? 20 : 100, quick ? 1 : 5);
    latency(socket_path, quick ? 50 : 1000, 20, quick ? 1 : 5);
    fan_out(socket_path, quick ? 50 : 1000, 1000, quick ? 1 : 12, quick ? 1 : 12);
    serve_free(serve);
    store_close(store, 1000);
    return 0;
}
