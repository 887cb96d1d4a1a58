/*
 * sites.h - the [site NAME] sections while a config is read. Pure.
 */
#ifndef TIDINGS_CONFIG_SITES_H
#define TIDINGS_CONFIG_SITES_H

#include "base/err.h"
#include "config/settings.h"

/* A new last of S->sites, with nothing set, for what stands behind "site" in the section's line:
 * a host's name, an address or a block of addresses, perhaps in quotes. 0, or -EINVAL and "found;
 * allowed". */
int sites_open(struct settings *s, const char *arg, struct td_err *err);
/* What a section did not say is as in [daemon]. When everything is read. */
void sites_finish(struct settings *s);
void sites_free(struct settings *s);

#endif
