#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <netdb.h>
#include <pthread.h>

#include "base/limits.h"
#include "base/mem.h"
#include "fetch/resolve.h"

/* A resolver that answers only while the gate is open, and counts. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_open;
static int n_calls, n_inside, most_inside;

static int gated(const char *host, char *text, size_t size)
{
    pthread_mutex_lock(&lock);
    n_calls++;
    n_inside++;
    most_inside = MAX(most_inside, n_inside);
    pthread_cond_broadcast(&changed);
    while (!is_open)
        pthread_cond_wait(&changed, &lock);
    n_inside--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (strncmp(host, "bad", 3) == 0)
        return EAI_NONAME;
    snprintf(text, size, "192.0.2.1");
    return 0;
}

static void set_gate(bool open)
{
    pthread_mutex_lock(&lock);
    is_open = open;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* Until N calls are in the resolver at once. */
static void wait_inside(int n)
{
    pthread_mutex_lock(&lock);
    while (n_inside != n)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static struct ev_loop *loop;
static struct resolver *resolver;

struct asked {
    int n, error;
    char addresses[64];
};

static void on_answer(void *ctx, int error, const char *addresses)
{
    struct asked *a = ctx;
    a->n++;
    a->error = error;
    snprintf(a->addresses, sizeof a->addresses, "%s", error ? "" : addresses);
}

static void on_late(struct ev_loop *l, ev_timer *t, int revents)
{
    fail_msg("no answer within 20 seconds");
}

static void wait_for(struct asked *a)
{
    ev_timer late;
    ev_timer_init(&late, on_late, 20., 0.);
    ev_timer_start(loop, &late);
    while (!a->n)
        ev_run(loop, EVRUN_ONCE);
    ev_timer_stop(loop, &late);
}

static void answers(void **state)
{
    struct asked good = {0}, bad = {0};
    set_gate(true);
    assert_null(resolver_known(resolver, "good.example"));
    resolver_ask(resolver, "good.example", on_answer, &good);
    resolver_ask(resolver, "bad.example", on_answer, &bad);
    assert_int_equal(good.n, 0); /* never from within */
    wait_for(&good);
    wait_for(&bad);
    assert_int_equal(good.error, 0);
    assert_string_equal(good.addresses, "192.0.2.1");
    assert_int_equal(bad.error, EAI_NONAME);
    assert_string_equal(resolver_known(resolver, "good.example"), "192.0.2.1");
    assert_null(resolver_known(resolver, "bad.example")); /* a failure is not kept */
}

static void one_question_for_many(void **state)
{
    struct asked a[5] = {0};
    set_gate(false);
    for (int i = 0; i < 5; i++)
        resolver_ask(resolver, "same.example", on_answer, &a[i]);
    wait_inside(1);
    set_gate(true);
    for (int i = 0; i < 5; i++) {
        wait_for(&a[i]);
        assert_int_equal(a[i].n, 1);
    }
    assert_int_equal(n_calls, 1);
}

static void threads_are_bounded(void **state)
{
    enum { N = 3 * LIMIT_RESOLVERS };
    struct asked a[N] = {0};
    struct lookup *l[N];
    char host[N][16];
    set_gate(false);
    for (int i = 0; i < N; i++) {
        snprintf(host[i], sizeof host[i], "h%d", i);
        l[i] = resolver_ask(resolver, host[i], on_answer, &a[i]);
    }
    wait_inside(LIMIT_RESOLVERS);
    assert_true(lookup_running_ms(l[0]) >= 0);
    assert_int_equal(lookup_running_ms(l[N - 1]), -1);
    lookup_cancel(l[N - 1]); /* still queued: it is never asked */
    lookup_cancel(l[0]);     /* with a thread: its answer is kept all the same */
    set_gate(true);
    for (int i = 1; i < N - 1; i++)
        wait_for(&a[i]);
    assert_int_equal(most_inside, LIMIT_RESOLVERS);
    assert_int_equal(n_calls, N - 1);
    assert_int_equal(a[0].n + a[N - 1].n, 0);
    struct asked again = {0};
    resolver_ask(resolver, host[N - 1], on_answer, &again);
    wait_for(&again);
    assert_int_equal(again.error, 0);
}

static void cache_is_bounded(void **state)
{
    char host[32];
    set_gate(true);
    for (int i = 0; i < RESOLVE_CACHE_MAX + 10; i++) {
        struct asked a = {0};
        snprintf(host, sizeof host, "h%d", i);
        resolver_ask(resolver, host, on_answer, &a);
        wait_for(&a);
    }
    assert_null(resolver_known(resolver, "h0"));
    assert_null(resolver_known(resolver, "h9"));
    assert_non_null(resolver_known(resolver, "h10"));
    assert_non_null(resolver_known(resolver, host));
}

static void freed_with_threads_inside(void **state)
{
    enum { N = LIMIT_RESOLVERS + 5 };
    struct asked a[N] = {0};
    char host[16];
    set_gate(false);
    for (int i = 0; i < N; i++) {
        snprintf(host, sizeof host, "h%d", i);
        resolver_ask(resolver, host, on_answer, &a[i]);
    }
    wait_inside(LIMIT_RESOLVERS);
    resolver_free(resolver);
    resolver = NULL;
    set_gate(true);
    wait_inside(0);
    ev_run(loop, EVRUN_NOWAIT);
    for (int i = 0; i < N; i++)
        assert_int_equal(a[i].n, 0);
    assert_int_equal(n_calls, LIMIT_RESOLVERS);
}

/* /etc/hosts answers without a network. */
static void the_system(void **state)
{
    struct asked a = {0};
    resolver_free(resolver);
    resolver = resolver_new(loop, NULL);
    resolver_ask(resolver, "localhost", on_answer, &a);
    wait_for(&a);
    assert_int_equal(a.error, 0);
    assert_true(strstr(a.addresses, "127.0.0.1") || strstr(a.addresses, "[::1]"));
}

static int setup(void **state)
{
    n_calls = n_inside = most_inside = 0;
    loop = ev_default_loop(0);
    resolver = resolver_new(loop, gated);
    return 0;
}

static int teardown(void **state)
{
    resolver_free(resolver);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers),          TEST(one_question_for_many),     TEST(threads_are_bounded),
        TEST(cache_is_bounded), TEST(freed_with_threads_inside), TEST(the_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
