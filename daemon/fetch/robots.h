/*
 * robots.h - what a robots.txt allows (RFC 9309). Pure.
 *
 * Of a document only the groups for `tidings` are kept, else those for `*` (2.2.1). A path is
 * compared octet by octet after percent-decoding: RFC 9309 2.2.2 wants all but the unreserved
 * characters encoded on both sides, which says the same. The longest rule counts, of two as long
 * the one that allows; `*` and a `$` at the end are as in 2.2.3. Of the lines that the RFC does not
 * know, only Crawl-delay is read: a rule of its group.
 */
#ifndef TIDINGS_FETCH_ROBOTS_H
#define TIDINGS_FETCH_ROBOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct robots;

struct robots_rule {
    const char *path; /* as it stands there; borrowed of the struct robots, LEN bytes */
    size_t len;
    int line; /* from 1 */
    bool allow;
};

/* Never NULL: what cannot be read says nothing. Of more than LIMIT_ROBOTS_BYTES the rest is
 * ignored (2.5). N 0: everything is allowed. */
struct robots *robots_parse(const char *text, size_t n);
void robots_free(struct robots *r); /* accepts NULL */
/* May URL (absolute) be asked? When not, *RET is the rule. /robots.txt always may. */
bool robots_allows(const struct robots *r, const char *url, struct robots_rule *ret);
/* Between two requests, at most LIMIT_CRAWL_DELAY_MS; 0 = none. */
int64_t robots_crawl_delay_ms(const struct robots *r);
/* The memory that it takes. */
size_t robots_bytes(const struct robots *r);
/* Path and query of URL as they stand there ("" = the root); *RET_LEN bytes of it. */
const char *robots_path(const char *url, size_t *ret_len);

#endif
