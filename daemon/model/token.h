/*
 * token.h - who may use the API over TCP: a name, the hash of a secret, and what for.
 */
#ifndef TIDINGS_MODEL_TOKEN_H
#define TIDINGS_MODEL_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/crypto.h"

struct td_token {
    char *name;
    unsigned char sha256[SHA256_BYTES]; /* of the secret, which is not kept */
    bool write;                         /* changes too; else questions and following */
};

/* Each owns its name. */
struct td_token *td_tokens_copy(const struct td_token *t, size_t n);
void td_tokens_free(struct td_token *t, size_t n);

#endif
