/*
 * site.h - which hosts belong together: the sites of the config, and registrable domains. Pure.
 */
#ifndef TIDINGS_SCHEDULE_SITE_H
#define TIDINGS_SCHEDULE_SITE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/site.h"

/* The most exact of SITES for HOST, "host:port" as schedule_host_key gives it: a name is that host
 * and all below it, the longest name wins; a block of addresses is the hosts in it that have no
 * name, the longest prefix wins. NULL = none. */
const struct td_site *site_find(const struct td_site *sites, size_t n, const char *host);

/* The registrable domain of HOST ("host:port") by the Public Suffix List: "example.co.uk" for
 * "a.b.example.co.uk:443". Points into HOST, *RET_LEN bytes. NULL for addresses and for names that
 * are public suffixes themselves ("localhost", "github.io"). */
const char *site_domain(const char *host, size_t *ret_len);

#endif
