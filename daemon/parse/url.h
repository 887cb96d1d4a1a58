/*
 * url.h - references in documents: resolved, cleaned, judged.
 *
 * RFC 3986 with the WHATWG habits that feeds need (trimmed, inner CR, LF and TAB removed). Path,
 * query and case stay as written, IRIs stay IRIs, nothing is percent-encoded anew. Pure. Input is
 * UTF-8.
 */
#ifndef TIDINGS_PARSE_URL_H
#define TIDINGS_PARSE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

/* What a URL is made of (RFC 3986 section 3): slices of the string that was split, without the
 * delimiters. A part that is not there has p == NULL. */
struct url_part {
    const char *p;
    size_t n;
};
struct url {
    struct url_part scheme, authority, path, query, fragment;
};
void url_split(struct url *ret, const char *s, size_t n);

/* True when it starts with a scheme: letters, digits, "+-." and a colon. */
bool url_has_scheme(const char *s, size_t n);

/* True when a browser that follows it could run what the document says: javascript:, vbscript:,
 * data: other than a raster image, and their kin, however they are spelt (case, white space and
 * control characters in between). References must have been decoded before. */
bool url_is_dangerous(const char *s, size_t n);

/* Adds REF, resolved against BASE (NULL or a relative one: REF stays as it is), to OUT. 0, -EINVAL
 * for a dangerous or overlong (LIMIT_URL_BYTES) one, of which nothing is added, -EFBIG when OUT is
 * full. An empty REF adds BASE without its fragment. */
int url_add_resolved(struct buf *out, const struct url *base, const char *ref, size_t n);

/* The same into an arena, for a URL field: NULL when the text is empty, dangerous, overlong, or has
 * inner white space (other than line breaks) but no scheme. BASE NULL: unknown. */
const char *url_resolve(struct arena *a, const char *base, const char *ref, size_t n);

/* The text of a URL field that is not resolved (an xml:base without parent ...): trimmed, line
 * breaks removed. NULL as above. */
const char *url_clean(struct arena *a, const char *s, size_t n);

/* Adds a form of URL in which two addresses of the same article are equal: scheme and host in lower
 * case, http as https, default port, "www.", trailing slash, fragment and tracking parameters
 * (utm_*, fbclid, gclid, mc_cid ...) left out. For comparing only, never shown or fetched. */
int url_add_canonical(struct buf *out, const char *url, size_t n);

#endif
