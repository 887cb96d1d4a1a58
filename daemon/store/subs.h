/*
 * subs.h - subscriptions in the tables: definition, position, dead letters. Writer thread, inside a
 * transaction; public side: store.h, reader.h.
 */
#ifndef TIDINGS_STORE_SUBS_H
#define TIDINGS_STORE_SUBS_H

#include "store/db.h"
#include "store/store.h"

enum sub_what { SUB_PUT, SUB_SAVE, SUB_DELETE, SUB_FORGET };

/* One change, as the writer queues it. Owns all. */
struct sub_op {
    enum sub_what what;
    char *name, *conf;
    int64_t seq; /* PUT: where its cursor begins; FORGET: a dead letter, 0 = all */
    struct store_sub_save save;
};

void sub_op_free(struct sub_op *op); /* accepts NULL */
/* What it holds of memory. */
size_t sub_op_bytes(const struct sub_op *op);
/* 0, -ENOENT when there is no such subscription or letter, or db_fail. */
int subs_apply(struct db *d, const struct sub_op *op, struct td_err *err);

#endif
