/*
 * fake_store.h - a store in memory behind store.h and reader.h, for tests of notify/ and serve/.
 *
 * One log of events, each of an item of its own, with a reader thread as the real store has. Its
 * own knobs: the oldest events can be dropped, texts can be huge, the reader thread can be held.
 */
#ifndef TIDINGS_TESTS_FAKE_STORE_H
#define TIDINGS_TESTS_FAKE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "store/reader.h"
#include "store/store.h"

/* LOG_GREW is called from the loop (fake_store_append runs there). */
struct store *fake_store_new(struct ev_loop *loop, void (*log_grew)(void *, int64_t), void *ctx);
void fake_store_free(struct store *s);
/* N items more, each with BYTES of text, in one commit; then log_grew. Loop thread. */
void fake_store_append(struct store *s, int n, size_t bytes);
/* N items that are durable, but of which the loop does not know yet; and it is told. */
void fake_store_append_hidden(struct store *s, int n);
void fake_store_announce(struct store *s);
/* Events up to SEQ are not kept any more. */
void fake_store_drop(struct store *s, int64_t seq);
/* Events FROM..TO vanish from the middle (a feed was removed). */
void fake_store_hole(struct store *s, int64_t from, int64_t to);
/* Events after SEQ are of items that wait for their story; then log_grew. */
void fake_store_place(struct store *s, int64_t seq);
/* The reader thread does nothing while held. */
void fake_store_hold(struct store *s, int hold);
/* Makes the next questions fail with -EIO. */
void fake_store_break(struct store *s, int n);

/* What was saved of a subscription; NULL = there is none. Not while the reader is asked. */
#define FAKE_SUBS 4
#define FAKE_DEAD 200
struct fake_sub {
    char name[LIMIT_NAME_BYTES + 1], error[200];
    struct td_sub_state state;
    int n_saves, n_dead;
    int64_t n_delivered;
    struct {
        int64_t id, seq; /* id 0: it was replayed */
    } dead[FAKE_DEAD];
};
struct fake_sub *fake_store_sub(struct store *s, const char *name);

#endif
