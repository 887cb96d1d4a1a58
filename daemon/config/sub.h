/*
 * sub.h - the keys of [subscription NAME], also of a subscription that is made at run time. Pure
 * but for secrets, which are read where they are named.
 *
 * What is made at run time comes from whoever may use the API, so it is narrower: no commands, no
 * files, no mail, no secrets of the service, no addresses beyond those the config allows.
 */
#ifndef TIDINGS_CONFIG_SUB_H
#define TIDINGS_CONFIG_SUB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/sub.h"

/* One that is being read. */
struct sub_draft {
    struct td_sub_conf *conf;
    bool runtime;
    uint32_t given; /* keys that were named */
};

/* A subscription's name: as a cursor's, 1 to LIMIT_NAME_BYTES printable bytes of UTF-8, no '/'. */
int sub_name_check(const char *name, struct td_err *err);
/* Begins with the defaults. */
void sub_draft_init(struct sub_draft *d, const char *name, bool runtime);
void sub_draft_fini(struct sub_draft *d);
/* Is KEY one of them? 0, or -EINVAL and which there are. */
int sub_key_check(const char *key, struct td_err *err);
/* One key: 0, or -EINVAL and "what was found; what is allowed". DIR: where relative paths begin. */
int sub_draft_set(struct sub_draft *d, const char *key, const char *value, const char *dir,
                  struct td_err *err);
/* Do the keys go together? Gives the definition, or NULL and the reason; fini is needed anyhow. */
struct td_sub_conf *sub_draft_finish(struct sub_draft *d, struct td_err *err);

/* Reads "key = value" lines (as a store keeps them) as one made at run time; NULL and the reason.
 */
struct td_sub_conf *sub_conf_read(const char *name, const char *text, struct td_err *err);

/* Rows for settings_describe. */
void sub_describe(struct buf *out);

#endif
