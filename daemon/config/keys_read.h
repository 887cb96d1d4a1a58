/*
 * keys_read.h - how values are read that are no matter of access or of the API over TCP; the table
 * is in keys.c.
 *
 * Each takes what the `type` of its keys says, from `min` to `max` of them.
 */
#ifndef TIDINGS_CONFIG_KEYS_READ_H
#define TIDINGS_CONFIG_KEYS_READ_H

#include "config/keys.h"

key_fn set_string, set_path, set_contact, set_tags, set_address; /* char *, owned; NULL = empty */
key_fn set_int, set_parsers, set_log_level, set_strictness;      /* int */
key_fn set_count;                                                /* int64_t */
key_fn set_duration, set_interval, set_backlog; /* int64_t, ms; 0 for "auto" and "all" */
key_fn set_rate;                                /* int64_t, ms between two requests */
key_fn set_retention;                           /* two int64_t: ms, items; 0 = no limit */
key_fn set_bytes;                               /* size_t */
key_fn set_bool, set_hints;                     /* bool; of hints: are they ignored? */
key_fn set_not;                                 /* bool, true for no */
key_fn set_endpoint;                            /* struct endpoint */
key_fn set_story_steps;                         /* struct td_story_rules */
key_fn set_allow;                               /* TARGET is a struct settings */
key_fn set_feed_allow, set_url;                 /* TARGET is a struct td_feed_conf */

#endif
