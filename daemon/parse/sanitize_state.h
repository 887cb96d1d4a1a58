/*
 * sanitize_state.h - the sanitiser at work. Internal to sanitize.c (text, nesting, tags) and
 * sanitize_attr.c (what of a tag's attributes may leave).
 */
#ifndef TIDINGS_PARSE_SANITIZE_STATE_H
#define TIDINGS_PARSE_SANITIZE_STATE_H

#include "base/limits.h"
#include "parse/html_token.h"
#include "parse/sanitize.h"
#include "parse/text.h"
#include "parse/url.h"

struct open_element {
    const struct html_tag *tag;
    bool hidden; /* was not written (the wrapping div) */
    bool plain;  /* has no attributes */
};

struct sanitizer {
    struct buf *out;
    size_t start, limit; /* length of OUT before; at which it counts as full */
    bool full;
    const struct sanitize_opts *opts;
    struct url base;
    bool has_base;
    struct html_scan sc;
    struct text_sink text;
    size_t depth;
    size_t too_deep; /* open elements that did not fit and were left out */
    size_t svg;      /* open <svg>: its title is text, not the document's title */
    bool unwrap;     /* a div that comes now is the wrapper */
    struct open_element stack[LIMIT_DEPTH];
};

/* What one start tag has shown so far. */
struct tag_state {
    uint64_t seen[HTML_ATTR_MAX / 64];
    unsigned n;
    bool plain;
    bool thin, low; /* an image at most one pixel wide, high */
};

/* Writes what may leave of the attribute A of TAG, if anything. */
void sanitize_attribute(struct sanitizer *z, const struct html_tag *tag, struct tag_state *st,
                        const struct html_attr *a);

/* The first byte from P on that must not be copied as it is, END if none: < > and control
 * characters; & is seen to before. */
const char *sanitize_next_special(const char *p, const char *end);

#endif
