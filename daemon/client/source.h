/*
 * source.h - where a command reads: the store's file, or the daemon's API when the file may not be
 * read (a user of the socket alone). Both give the same rows.
 */
#ifndef TIDINGS_CLIENT_SOURCE_H
#define TIDINGS_CLIENT_SOURCE_H

#include <jansson.h>

#include "base/err.h"
#include "client/client.h"
#include "store/reader.h"

struct source;

/* 0, -ENOENT no store and no daemon, or what keeps both from being read; the reason tells what to
 * do. */
int source_open(struct source **ret, const struct client *c, struct td_err *err);
void source_close(struct source *s); /* accepts NULL */
/* query:NAME is known from now on: the N queries of MORE, a config's, and those that users have
 * saved in STORE. Negative when it cannot be read (-ENOENT: there is none): then MORE alone. */
int source_names(const char *store, const struct td_saved_query *more, size_t n,
                 struct td_err *err);
#define CLEANUP_SOURCE __attribute__((cleanup(source_close_p)))
void source_close_p(struct source **s);
/* The store itself, NULL when the API is read. */
struct reader *source_reader(struct source *s);

/* Newest first; Q->limit may be larger than a page. In the rows, json is the whole item object
 * (td_item_json), with the store's facts. */
int source_items(struct source *s, const struct item_query *q, item_row_fn *cb, void *ctx,
                 struct td_err *err);
int source_item(struct source *s, int64_t item_id, item_row_fn *cb, void *ctx, struct td_err *err);
/* Newest first, the current one included. */
int source_revisions(struct source *s, int64_t item_id, item_row_fn *cb, void *ctx,
                     struct td_err *err);

/* An item object of the API as a row. */
int source_item_object(const json_t *item, item_row_fn *cb, void *ctx);

/* Feeds as the API's objects (docs/API.md, feed), by name. NAME NULL = all; else name, feed_id or
 * URL: -ENOENT with a suggestion when none fits. */
typedef int feed_fn(void *ctx, json_t *feed);
int source_feeds(struct source *s, const char *name, feed_fn *cb, void *ctx, struct td_err *err);

/* The store's counts in what GET /v1/status answered. */
void source_counts_of(const json_t *status, struct store_counts *ret);
int source_counts(struct source *s, struct store_counts *ret, struct td_err *err);

/* A question that both answer with JSON: READ on the store, else GET PATH. *RET is the caller's. */
typedef int source_read_fn(struct reader *r, const void *q, struct buf *out, struct td_err *err);
int source_json(struct source *s, const char *path, source_read_fn *read, const void *q,
                json_t **ret, struct td_err *err);

#endif
