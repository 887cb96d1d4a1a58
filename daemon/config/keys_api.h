/*
 * keys_api.h - how the keys of the API over TCP are read: listen, listen-names, and the secret and
 * scope of a [token NAME]; the table is in keys.c.
 */
#ifndef TIDINGS_CONFIG_KEYS_API_H
#define TIDINGS_CONFIG_KEYS_API_H

#include "config/keys.h"

/* Targets: struct settings for the first two, struct td_token for the others. */
key_fn set_listen, set_listen_names, set_token_secret, set_token_scope;

/* Has a secret been read into T? */
bool token_has_secret(const struct td_token *t);

#endif
