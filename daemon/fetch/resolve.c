#include "fetch/resolve.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

#define STUCK_LOOK_S 0.2 /* how often threads are looked after while names wait */

/* One name being asked about. A thread has it between `started_at` and the done list; the loop
 * thread has `waiters` and the hash at all times. */
struct job {
    UT_hash_handle hh; /* resolver.jobs, by host; loop thread */
    struct job *prev, *next;
    struct lookup *waiters; /* loop thread */
    int64_t started_at;     /* on the monotonic clock, 0 = waits; under the lock */
    enum td_standing standing;
    int error;
    char text[RESOLVE_TEXT_BYTES];
    char host[]; /* never changes */
};

struct lookup {
    struct lookup *prev, *next;
    struct job *job;
    struct resolver *resolver;
    resolved_fn *done;
    void *ctx;
};

struct known {
    UT_hash_handle hh;
    int64_t until;
    char *addresses;
    char host[];
};

/* What threads and loop share; whoever leaves last frees it. */
struct shared {
    pthread_mutex_t lock;
    struct job *queues[TD_STANDINGS]; /* wait for a thread */
    struct job *running, *done;
    int n_running[TD_STANDINGS];
    struct ev_loop *loop;
    ev_async *wake;
    resolve_fn *blocking;
    int n_threads;
    bool closed; /* the resolver is gone: touch neither loop nor wake */
};

struct resolver {
    struct ev_loop *loop;
    ev_async wake;
    ev_timer stuck; /* while names wait for a thread */
    struct shared *shared;
    struct job *jobs;
    struct known *known; /* insertion order = age */
};

/* localhost and all below it are this machine (RFC 6761 6.3), also where no /etc/hosts says so. */
static bool is_localhost(const char *host)
{
    static const char name[] = "localhost";
    size_t n = strlen(host), len = sizeof name - 1;
    n -= n > 0 && host[n - 1] == '.';
    return n >= len && strncasecmp(host + n - len, name, len) == 0 &&
           (n == len || host[n - len - 1] == '.');
}

static int system_lookup(const char *host, char *text, size_t size)
{
    if (is_localhost(host)) {
        snprintf(text, size, "127.0.0.1,[::1]");
        return 0;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list;
    int error = getaddrinfo(host, NULL, &hints, &list);
    if (error)
        return error;
    size_t len = 0;
    for (struct addrinfo *a = list; a; a = a->ai_next) {
        char ip[NI_MAXHOST];
        if (getnameinfo(a->ai_addr, a->ai_addrlen, ip, sizeof ip, NULL, 0, NI_NUMERICHOST))
            continue;
        bool v6 = a->ai_family == AF_INET6;
        if (len + strlen(ip) + 4 > size)
            break;
        len += (size_t)snprintf(text + len, size - len, "%s%s%s%s", len ? "," : "", v6 ? "[" : "",
                                ip, v6 ? "]" : "");
    }
    freeaddrinfo(list);
    return len ? 0 : EAI_NONAME;
}

static void shared_free(struct shared *sh)
{
    pthread_mutex_destroy(&sh->lock);
    free(sh);
}

/* Under the lock: how many more of a standing may run. */
static int room_for(const struct shared *sh, enum td_standing standing)
{
    const int *n = sh->n_running;
    int others = LIMIT_RESOLVERS_STUCK - n[TD_STRANGE] - n[TD_DOUBTFUL];
    int doubtful = LIMIT_RESOLVERS / 2 - n[TD_DOUBTFUL];
    return standing == TD_KNOWN ? INT_MAX : standing == TD_STRANGE ? others : MIN(others, doubtful);
}

/* Under the lock: the next job, now running; NULL = none that may start. */
static struct job *take_job(struct shared *sh)
{
    enum td_standing s = TD_KNOWN;
    while (s < TD_STANDINGS && (!sh->queues[s] || room_for(sh, s) <= 0))
        s++;
    if (s == TD_STANDINGS)
        return NULL;
    struct job *j = sh->queues[s];
    DL_DELETE(sh->queues[s], j);
    sh->n_running[s]++;
    j->started_at = clock_mono_ms();
    DL_APPEND(sh->running, j);
    return j;
}

/* Takes one job after the other; ends when there is none. */
static void *resolver_thread(void *arg)
{
    struct shared *sh = arg;
    struct job *j;
    pthread_mutex_lock(&sh->lock);
    while ((j = take_job(sh))) {
        pthread_mutex_unlock(&sh->lock);
        int error = sh->blocking(j->host, j->text, sizeof j->text);
        pthread_mutex_lock(&sh->lock);
        DL_DELETE(sh->running, j);
        sh->n_running[j->standing]--;
        j->error = error;
        if (sh->closed) {
            free(j);
            continue;
        }
        DL_APPEND(sh->done, j);
        ev_async_send(sh->loop, sh->wake);
    }
    bool last = --sh->n_threads == 0 && sh->closed;
    pthread_mutex_unlock(&sh->lock);
    if (last)
        shared_free(sh);
    return NULL;
}

/* Under the lock. Signals stay with the loop's thread. */
static bool start_thread(struct shared *sh)
{
    sigset_t all, old;
    pthread_t t;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(&t, NULL, resolver_thread, sh);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r)
        return false;
    pthread_detach(t);
    sh->n_threads++;
    return true;
}

/* Under the lock: threads for the jobs that wait, as many as there may be. The oldest job runs
 * first, so the stuck ones are in front. */
static void start_threads(struct shared *sh)
{
    int n_stuck = 0, n_waiting = 0;
    struct job *j;
    int64_t now = clock_mono_ms();
    for (j = sh->running; j && now - j->started_at > LIMIT_BRISK_MS; j = j->next)
        n_stuck++;
    for (enum td_standing s = TD_KNOWN; s < TD_STANDINGS; s++) {
        int room = room_for(sh, s);
        for (j = sh->queues[s]; j && room > 0; j = j->next, room--)
            n_waiting++;
    }
    int max = LIMIT_RESOLVERS + MIN(n_stuck, LIMIT_RESOLVERS_STUCK);
    int want = MIN(max - sh->n_threads, n_waiting);
    while (want-- > 0 && start_thread(sh))
        ;
}

static void on_stuck(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct resolver *r = w->data;
    struct shared *sh = r->shared;
    pthread_mutex_lock(&sh->lock);
    start_threads(sh);
    bool waits = sh->queues[TD_KNOWN] || sh->queues[TD_STRANGE] || sh->queues[TD_DOUBTFUL];
    pthread_mutex_unlock(&sh->lock);
    if (!waits)
        ev_timer_stop(loop, w);
}

static void remember(struct resolver *r, const struct job *j)
{
    size_t n = strlen(j->host);
    struct known *k;
    HASH_FIND(hh, r->known, j->host, n, k);
    if (!k) {
        k = xcalloc(1, sizeof *k + n + 1);
        memcpy(k->host, j->host, n);
    } else {
        HASH_DEL(r->known, k);
    }
    k->until = clock_mono_ms() + LIMIT_NAME_KEPT_MS;
    xreplace(&k->addresses, j->text);
    HASH_ADD(hh, r->known, host, n, k);
    if (HASH_COUNT(r->known) > LIMIT_NAMES_KEPT) {
        struct known *oldest = r->known;
        HASH_DEL(r->known, oldest);
        free(oldest->addresses);
        free(oldest);
    }
}

/* A waiter may cancel others or ask again from its callback: so the job leaves the resolver first.
 */
static void answer(struct resolver *r, struct job *j)
{
    HASH_DEL(r->jobs, j);
    if (!j->error)
        remember(r, j);
    struct lookup *l;
    while ((l = j->waiters)) {
        DL_DELETE(j->waiters, l);
        resolved_fn *done = l->done;
        void *ctx = l->ctx;
        free(l);
        done(ctx, j->error, j->text);
    }
    free(j);
}

static void on_wake(struct ev_loop *loop, ev_async *w, int revents)
{
    struct resolver *r = w->data;
    struct shared *sh = r->shared;
    pthread_mutex_lock(&sh->lock);
    struct job *done = sh->done;
    sh->done = NULL;
    pthread_mutex_unlock(&sh->lock);
    struct job *j, *tmp;
    DL_FOREACH_SAFE(done, j, tmp)
    {
        answer(r, j);
    }
}

struct resolver *resolver_new(struct ev_loop *loop, resolve_fn *blocking)
{
    struct resolver *r = xcalloc(1, sizeof *r);
    r->loop = loop;
    r->shared = xcalloc(1, sizeof *r->shared);
    pthread_mutex_init(&r->shared->lock, NULL);
    r->shared->loop = loop;
    r->shared->wake = &r->wake;
    r->shared->blocking = blocking ? blocking : system_lookup;
    ev_async_init(&r->wake, on_wake);
    r->wake.data = r;
    ev_async_start(loop, &r->wake);
    ev_unref(loop); /* a loop with nothing else to do may end */
    ev_timer_init(&r->stuck, on_stuck, STUCK_LOOK_S, STUCK_LOOK_S);
    r->stuck.data = r;
    return r;
}

static void drop_waiters(struct job *j)
{
    struct lookup *l, *tmp;
    DL_FOREACH_SAFE(j->waiters, l, tmp)
    {
        free(l);
    }
    j->waiters = NULL;
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    struct shared *sh = r->shared;
    struct job *j, *tmp, *all[TD_STANDINGS + 1];
    pthread_mutex_lock(&sh->lock);
    sh->closed = true;
    memcpy(all, sh->queues, sizeof sh->queues);
    all[TD_STANDINGS] = sh->done;
    memset(sh->queues, 0, sizeof sh->queues);
    sh->done = NULL;
    bool last = sh->n_threads == 0;
    HASH_ITER (hh, r->jobs, j, tmp) {
        HASH_DEL(r->jobs, j);
        drop_waiters(j);
    }
    pthread_mutex_unlock(&sh->lock);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        DL_FOREACH_SAFE(all[i], j, tmp)
        {
            free(j);
        }
    if (last)
        shared_free(sh);
    struct known *k, *next;
    HASH_ITER (hh, r->known, k, next) {
        HASH_DEL(r->known, k);
        free(k->addresses);
        free(k);
    }
    ev_ref(r->loop);
    ev_async_stop(r->loop, &r->wake);
    ev_timer_stop(r->loop, &r->stuck);
    free(r);
}

const char *resolver_known(struct resolver *r, const char *host)
{
    struct known *k;
    HASH_FIND_STR(r->known, host, k);
    return k && k->until > clock_mono_ms() ? k->addresses : NULL;
}

static struct job *job_new(struct resolver *r, const char *host, enum td_standing standing)
{
    struct shared *sh = r->shared;
    size_t n = strlen(host);
    struct job *j = xcalloc(1, sizeof *j + n + 1);
    memcpy(j->host, host, n);
    j->standing = standing;
    HASH_ADD(hh, r->jobs, host, n, j);
    pthread_mutex_lock(&sh->lock);
    DL_APPEND(sh->queues[standing], j);
    start_threads(sh);
    if (sh->n_threads == 0) {
        DL_DELETE(sh->queues[standing],
                  j); /* the system has no thread for us: an answer like any other */
        j->error = EAI_AGAIN;
        DL_APPEND(sh->done, j);
        ev_async_send(sh->loop, sh->wake);
    }
    pthread_mutex_unlock(&sh->lock);
    if (!ev_is_active(&r->stuck))
        ev_timer_again(r->loop, &r->stuck);
    return j;
}

struct lookup *resolver_ask(struct resolver *r, const char *host, enum td_standing standing,
                            resolved_fn *done, void *ctx)
{
    struct job *j;
    HASH_FIND_STR(r->jobs, host, j);
    if (!j)
        j = job_new(r, host, standing);
    struct lookup *l = xcalloc(1, sizeof *l);
    *l = (struct lookup){.job = j, .resolver = r, .done = done, .ctx = ctx};
    DL_APPEND(j->waiters, l);
    return l;
}

int64_t lookup_running_ms(const struct lookup *l)
{
    struct shared *sh = l->resolver->shared;
    pthread_mutex_lock(&sh->lock);
    int64_t at = l->job->started_at;
    pthread_mutex_unlock(&sh->lock);
    return at ? clock_mono_ms() - at : -1;
}

void lookup_cancel(struct lookup *l)
{
    struct job *j = l->job;
    struct resolver *r = l->resolver;
    DL_DELETE(j->waiters, l);
    free(l);
    if (j->waiters)
        return;
    /* Nobody waits: a question no thread has taken yet is withdrawn, the others run to their end.
     */
    pthread_mutex_lock(&r->shared->lock);
    bool queued = !j->started_at && !j->error;
    if (queued)
        DL_DELETE(r->shared->queues[j->standing], j);
    pthread_mutex_unlock(&r->shared->lock);
    if (queued) {
        HASH_DEL(r->jobs, j);
        free(j);
    }
}
