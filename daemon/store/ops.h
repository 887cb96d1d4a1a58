/*
 * ops.h - what the writer is asked to do, one operation at a time. Made on the loop (store.c), run
 * on the writer thread.
 */
#ifndef TIDINGS_STORE_OPS_H
#define TIDINGS_STORE_OPS_H

#include "store/db.h"
#include "store/store.h"
#include "store/stories.h"

enum op_kind {
    OP_COMMIT,
    OP_PUT,
    OP_DELETE,
    OP_CURSOR_SET,
    OP_CURSOR_DELETE,
    OP_RENAME,
    OP_PUSH,
    OP_SUB,
    OP_PACING,
    OP_STORY,
    OP_VACUUM
};

struct op {
    struct op *next;
    enum op_kind kind;
    size_t bytes;                            /* against LIMIT_WRITER_BYTES */
    int64_t id;                              /* feed_id; seq of a cursor */
    char *name;                              /* of a cursor, OP_RENAME; OP_PUSH: its text; owned */
    struct td_learned learned;               /* OP_PACING; its key is `name` */
    struct store_commit *commit;             /* owned */
    const struct td_feed_conf *const *confs; /* OP_PUT: borrowed until done, as ids */
    struct td_feed_conf *conf;               /* OP_PUT of one: owned */
    enum store_story_fix fix;                /* OP_STORY: of `id` and `other` */
    int64_t other;
    struct sub_op *sub; /* owned */
    size_t n;
    int64_t *ids, one_id;
    store_done_fn *done;
    void *ctx;
    /* outcome */
    int result;
    struct td_err *err; /* owned; NULL = it never failed */
    struct store_commit_result counts;
    bool known;
};

/* Does OP inside a transaction: 0 or negative errno, -ENOENT as an answer to who asked; OP keeps
 * result and reason too. */
int op_run(struct db *d, struct stories *stories, struct op *op, struct td_err *err);
/* What becomes of OP when it fails. */
void op_failed(struct op *op, int result, const struct td_err *err);
/* OP_VACUUM, outside of any. */
int op_vacuum(struct db *d, struct td_err *err);
/* With all it owns. */
void op_free(struct op *op);

struct op_list {
    struct op *head, **tail;
    size_t n;
};
void op_list_init(struct op_list *l);
void op_list_add(struct op_list *l, struct op *op);
/* The first, NULL when there is none. */
struct op *op_list_pop(struct op_list *l);

#endif
