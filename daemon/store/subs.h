/*
 * subs.h - subscriptions in the tables: definition, position, dead letters; and queries with a
 * name, which are rows of meta. Writer thread, inside a transaction; public side: store.h,
 * reader.h.
 */
#ifndef TIDINGS_STORE_SUBS_H
#define TIDINGS_STORE_SUBS_H

#include "store/db.h"
#include "store/store.h"

enum sub_what { SUB_PUT, SUB_SAVE, SUB_DELETE, SUB_FORGET, SUB_QUERY_PUT, SUB_QUERY_DELETE };

/* One change, as the writer queues it. Owns all. */
struct sub_op {
    enum sub_what what;
    char *name, *conf; /* QUERY_PUT: its row */
    int64_t seq;       /* PUT: where its cursor begins; FORGET: a dead letter, 0 = all */
    struct store_sub_save save;
};

/* A query with a name: meta.key is the prefix and the name, meta.value three lines: the query, the
 * title, and flags: 'p' public, 'r' saved at run time. */
#define QUERY_KEY "query:"
#define SUB_NAMES "SELECT name FROM subscription ORDER BY name" /* for db_unknown */

void sub_op_free(struct sub_op *op); /* accepts NULL */
/* What it holds of memory. */
size_t sub_op_bytes(const struct sub_op *op);
/* 0, -ENOENT when there is no such subscription or letter, or db_fail. */
int subs_apply(struct db *d, const struct sub_op *op, struct td_err *err);

#endif
