/*
 * address.h - the address of an article, in a form in which its variants are equal. Pure.
 */
#ifndef TIDINGS_STORY_ADDRESS_H
#define TIDINGS_STORY_ADDRESS_H

#include "base/buf.h"

/* Adds to OUT the canonical address of the article at URL: without scheme, "www.", mobile and AMP
 * variants of host, path and query (also AMP caches), default port, fragment, tracking parameters,
 * "index.html" and trailing slash; a link through a redirector that names its target becomes the
 * target. Nothing is added for what is no address of an article: another scheme than http and
 * https, a home page. For comparing only, never shown or fetched. 0 or -EFBIG. */
int story_add_address(struct buf *out, const char *url);

#endif
