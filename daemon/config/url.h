/*
 * url.h - feed addresses as feeds.conf and `tidings add` take them. Pure.
 */
#ifndef TIDINGS_CONFIG_URL_H
#define TIDINGS_CONFIG_URL_H

#include "base/err.h"
#include "model/feed.h"

/* Reads URL into c->url, c->source and c->argv (replaced). http and https: scheme and host become
 * lower case and a fragment goes, so that equal addresses are equal strings; the rest stays byte
 * for byte. `file:` (RFC 8089) is percent-decoded; a relative one stays relative
 * (url_resolve_file). `exec:` is cut into words, quoting as in sh(1) and nothing else of a shell.
 * 0, or -EINVAL and "found; allowed". */
int url_read(struct td_feed_conf *c, const char *url, struct td_err *err);

/* Makes the path of a file: feed absolute: relative ones start at DIR. */
void url_resolve_file(struct td_feed_conf *c, const char *dir);

/* A name for a feed from its http address: host and path in lower case, to be freed. */
char *url_name(const char *url);

#endif
