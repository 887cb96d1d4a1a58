/*
 * sub_keys.h - what the values of a subscription's keys may be: functions that read one into a
 * draft. Which keys there are, and which go together, is sub.c's table.
 */
#ifndef TIDINGS_CONFIG_SUB_KEYS_H
#define TIDINGS_CONFIG_SUB_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "config/sub.h"

struct sub_key;
/* Reads V for key K: 0, or -EINVAL (-EPERM: not at run time) and the reason. DIR: where relative
 * paths begin. */
typedef int sub_key_fn(const struct sub_key *k, struct sub_draft *d, const char *v, const char *dir,
                       struct td_err *err);
struct sub_key {
    const char *name, *type, *def, *help; /* help NULL: our hub's own, not shown */
    unsigned sinks;                       /* for which it has a meaning, bits of enum td_sink */
    sub_key_fn *set;
    size_t offset; /* of the member, for those that say so */
    int64_t min, max;
};

/* sub_sink.c: where to. */
sub_key_fn sub_set_sink, sub_set_sendmail, sub_set_from;
/* The same as sendmail's value, without a draft. */
int sub_set_command(const struct sub_key *k, struct td_sub_conf *c, const char *v,
                    struct td_err *err);
/* sub_values.c: text and duration at `offset`, the others each for its key. */
sub_key_fn sub_set_text, sub_set_duration, sub_set_secret, sub_set_authorization, sub_set_events,
    sub_set_query, sub_set_per, sub_set_strictness, sub_set_format, sub_set_handshake,
    sub_set_batch, sub_set_retry, sub_set_rotate, sub_set_allow, sub_set_hub_text,
    sub_set_hub_expires;

/* "KEY = VALUE; allowed: ...": -EINVAL. */
int sub_refuse(const struct sub_key *k, const char *value, struct td_err *err);
bool sub_has_control(const char *s);
void *sub_member(const struct sub_key *k, struct sub_draft *d);

#endif
