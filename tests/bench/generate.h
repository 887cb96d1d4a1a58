/*
 * generate.h - the benchmark's feeds: deterministic text, the same for the same number.
 *
 * Feed I is RSS 2.0 when I is even, else Atom. Each item has its own id, link, title and date, and
 * HTML text of MIN_BYTES to MAX_BYTES made of sentences drawn from a pool of a few thousand. Making
 * one costs little more than copying it, so the origin keeps none. One thread at a time for
 * generate_init; generate_feed is free of state.
 */
#ifndef TIDINGS_BENCH_GENERATE_H
#define TIDINGS_BENCH_GENERATE_H

#include <stddef.h>
#include <stdint.h>

struct generate_conf {
    int items;                /* of one feed */
    int min_bytes, max_bytes; /* of one item's text */
};

/* Makes the pool of sentences. Call once. */
void generate_init(void);
/* Gives the document of feed I (malloc'd) and its length. */
char *generate_feed(const struct generate_conf *conf, uint64_t i, size_t *ret_len);
/* "application/rss+xml" or the other. */
const char *generate_type(uint64_t i);
/* Feed I's ETag into BUF, with its quotes. */
void generate_etag(uint64_t i, char *buf, size_t size);

#endif
