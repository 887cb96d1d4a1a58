/*
 * keys_access.h - how the keys of access (struct td_access) are read; the table is in keys.c.
 */
#ifndef TIDINGS_CONFIG_KEYS_ACCESS_H
#define TIDINGS_CONFIG_KEYS_ACCESS_H

#include "config/keys.h"

/* The member of K in the access settings of CONF, which come into being. */
char **access_member(const struct key *k, struct td_feed_conf *conf);

key_fn set_secret, set_user, set_header, set_access_file, set_tls_pin, set_proxy;

#endif
