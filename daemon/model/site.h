/*
 * site.h - a [site] of the config: what the hosts of one site bear together.
 */
#ifndef TIDINGS_MODEL_SITE_H
#define TIDINGS_MODEL_SITE_H

#include <stddef.h>
#include <stdint.h>

#include "model/cidr.h"

struct td_site {
    char *name;        /* lower case; a host's name (A-labels), or an address or block as written */
    struct cidr block; /* family 0: NAME is a name */
    int per_host;      /* requests at once to all its hosts together */
    int64_t spacing_ms; /* between two requests to any of them */
};

#endif
