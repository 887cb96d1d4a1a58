/*
 * ask.h - questions to the store from the loop, that can be given up safely.
 *
 * store_read runs a function on the reader thread; an asker brings the end of it back to the loop
 * and knows which questions are under way, so that the stage that asked can be torn down at any
 * moment without a callback into freed memory. Loop thread, except where said.
 */
#ifndef TIDINGS_NOTIFY_ASK_H
#define TIDINGS_NOTIFY_ASK_H

#include <stdbool.h>

#include <ev.h>

#include "store/reader.h"
#include "store/store.h"

struct asker;

/* Embedded in the asking object, which must live until `done`. */
struct ask {
    /* Reader thread. A long answer should stop early when asker_closing. */
    void (*run)(struct ask *a, struct reader *r);
    void (*done)(struct ask *a); /* loop */
    struct asker *asker;         /* private, as below */
    struct ask *next;
};

struct asker *asker_new(struct ev_loop *loop, struct store *store);
/* Asks; `done` is called later, never from within. After asker_close: -ESHUTDOWN, no callback. */
int asker_ask(struct asker *k, struct ask *a);
/* True once asker_close has begun. Any thread. */
bool asker_closing(const struct asker *k);
/* Waits until no `run` is under way or queued (they are told to be quick), then calls what `done`
 * is left. The store must still be open. */
void asker_close(struct asker *k);
/* Closed ones only; accepts NULL. */
void asker_free(struct asker *k);

#endif
