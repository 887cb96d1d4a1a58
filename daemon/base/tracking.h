/*
 * tracking.h - parameters of an address that follow the reader and not the article. Pure.
 */
#ifndef TIDINGS_BASE_TRACKING_H
#define TIDINGS_BASE_TRACKING_H

#include <stdbool.h>
#include <stddef.h>

/* Is the parameter "name" or "name=value" at S, of N bytes, one that only tracks (utm_*, fbclid,
 * gclid, mc_cid ...)? */
bool url_is_tracking(const char *s, size_t n);

#endif
