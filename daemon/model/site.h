/*
 * site.h - what servers bear: a [site] of the config, and what a server itself has taught.
 */
#ifndef TIDINGS_MODEL_SITE_H
#define TIDINGS_MODEL_SITE_H

#include <stddef.h>
#include <stdint.h>

#include "model/cidr.h"

struct td_site {
    char *name;         /* lower case; a host's name, or an address or block as written */
    struct cidr block;  /* family 0: NAME is a name */
    int per_host;       /* requests at once to all its hosts together */
    int64_t spacing_ms; /* between two requests to any of them */
    int64_t rate_ms;    /* as the config's `rate` says; spacing_ms is at least that */
};

/* What the 429s of a server have taught, kept over a restart (schedule/slowdown.h). */
#define TD_LEARNED_KEY 512 /* bytes of a key with its end, at most */
struct td_learned {
    const char *key;    /* of the host, or of the group of hosts; opaque */
    int64_t spacing_ms; /* 0 = it has healed, forget it */
    int64_t since;
    int64_t calm_ms;
    int64_t hold_at; /* nothing starts before; TD_NEVER = no matter */
};

#endif
