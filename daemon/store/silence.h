/*
 * silence.h - when a feed that published regularly counts as silent. Pure.
 *
 * Its own last items say what is usual: silent is a pause of three times the longest pause among
 * them, at least eight times the mean one and at least LIMIT_SILENCE_MS. Who publishes without any
 * rhythm has had long pauses and is therefore given longer ones. A feed with few items, or one that
 * was silent already when we came, says nothing.
 */
#ifndef TIDINGS_STORE_SILENCE_H
#define TIDINGS_STORE_SILENCE_H

#include <stddef.h>
#include <stdint.h>

#define SILENCE_ITEMS 30 /* that are looked at */

/* DATES of the last N items, newest first; the newest was first seen at SEEN. The time from which
 * on the feed is silent unless something comes; INT64_MAX = no rhythm can be told. */
int64_t silence_from(const int64_t *dates, size_t n, int64_t seen);

#endif
