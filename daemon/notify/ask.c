#include "notify/ask.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"

struct asker {
    struct ev_loop *loop;
    struct store *store;
    ev_async woken;
    atomic_bool closing;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle;  /* n_running became 0 */
    int n_running;        /* handed to the store and not run yet */
    struct ask *ran, **ran_tail;
};

static void deliver(struct asker *k)
{
    pthread_mutex_lock(&k->lock);
    struct ask *a = TAKE(k->ran);
    k->ran_tail = &k->ran;
    pthread_mutex_unlock(&k->lock);
    while (a) {
        struct ask *next = a->next; /* done may free A */
        a->done(a);
        a = next;
    }
}

static void on_woken(struct ev_loop *loop, ev_async *w, int revents)
{
    deliver(w->data);
}

/* Reader thread. */
static void run_one(struct reader *r, void *ctx)
{
    struct ask *a = ctx;
    struct asker *k = a->asker;
    a->run(a, r);
    pthread_mutex_lock(&k->lock);
    a->next = NULL;
    *k->ran_tail = a;
    k->ran_tail = &a->next;
    ev_async_send(k->loop, &k->woken); /* under the lock: K may be freed once it is released */
    if (--k->n_running == 0)
        pthread_cond_signal(&k->idle);
    pthread_mutex_unlock(&k->lock);
}

struct asker *asker_new(struct ev_loop *loop, struct store *store)
{
    struct asker *k = xcalloc(1, sizeof *k);
    k->loop = loop;
    k->store = store;
    k->ran_tail = &k->ran;
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->idle, NULL);
    ev_async_init(&k->woken, on_woken);
    k->woken.data = k;
    ev_async_start(loop, &k->woken);
    return k;
}

int asker_ask(struct asker *k, struct ask *a)
{
    if (asker_closing(k))
        return -ESHUTDOWN;
    a->asker = k;
    pthread_mutex_lock(&k->lock);
    k->n_running++;
    pthread_mutex_unlock(&k->lock);
    store_read(k->store, run_one, NULL, a);
    return 0;
}

bool asker_closing(const struct asker *k)
{
    return atomic_load(&k->closing);
}

void asker_close(struct asker *k)
{
    atomic_store(&k->closing, true);
    pthread_mutex_lock(&k->lock);
    while (k->n_running > 0)
        pthread_cond_wait(&k->idle, &k->lock);
    pthread_mutex_unlock(&k->lock);
    deliver(k);
}

void asker_free(struct asker *k)
{
    if (!k)
        return;
    ev_async_stop(k->loop, &k->woken);
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->idle);
    free(k);
}
