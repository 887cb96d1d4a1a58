/*
 * url.h - feed addresses as feeds.conf and `tidings add` take them. Pure.
 */
#ifndef TIDINGS_CONFIG_URL_H
#define TIDINGS_CONFIG_URL_H

#include "base/err.h"
#include "model/feed.h"

/* Reads URL into c->url, c->source and c->argv (replaced). http and https: scheme and host become
 * lower case, a fragment goes, and user and password go to c->access, so that equal addresses are
 * equal strings and hold no secret; the rest stays byte for byte. `file:` (RFC 8089) is
 * percent-decoded; a relative one stays relative (url_resolve_file). `exec:` is cut into words,
 * quoting as in sh(1) and nothing else of a shell. 0, or -EINVAL and "found; allowed". */
int url_read(struct td_feed_conf *c, const char *url, struct td_err *err);

/* The http or https address that URL is (gives); NULL = it is none. As links to feeds are sometimes
 * written, feed://HOST/PATH is the http one, and feed:https://HOST/PATH the one behind it. */
char *url_http(const char *url);

/* Cuts TEXT, which is what stands behind "://": the host (with its port, lower case, checked), user
 * and password (percent-decoded, NULL = not there), and where the rest begins. 0, or -EINVAL and
 * "found; allowed". */
struct url_parts {
    char *user, *password, *host;
    const char *rest;
};
int url_cut(struct url_parts *ret, const char *text, struct td_err *err);
void url_parts_fini(struct url_parts *u);

/* Makes the path of a file: feed absolute: relative ones start at DIR. */
void url_resolve_file(struct td_feed_conf *c, const char *dir);

/* A name for a feed from its http address: host and path in lower case, to be freed. */
char *url_name(const char *url);

#endif
