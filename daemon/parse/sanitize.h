/*
 * sanitize.h - HTML of strangers made safe for any browser.
 *
 * The input is read with the tokenizer of the HTML standard and written anew by an allow-list: only
 * names from our tables leave, every value quoted and escaped, every element closed, nothing in
 * which browsers read text by other rules than ordinary HTML content (no raw text, no comments, no
 * SVG: of that the text stays). So what comes out has one reading. The text does not change. Output
 * is a fixed point: sanitising it again changes nothing. One pass, linear time, memory bounded by
 * LIMIT_DEPTH. Pure.
 */
#ifndef TIDINGS_PARSE_SANITIZE_H
#define TIDINGS_PARSE_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct sanitize_opts {
    const char *base_url; /* links are resolved against it, NULL = they stay as they are */
    bool keep_pixels;     /* do not drop 1x1 images */
    bool unwrap_div;      /* Atom XHTML: a div around everything is not part of the value */
    struct buf *text; /* gets the plain text too (text_add_html), up to its ceiling; may be NULL */
};

/* Adds the safe form of the N bytes of HTML (valid UTF-8) to OUT, trimmed. OPTS NULL: all defaults.
 * 0; or -EFBIG when OUT was full: what is in OUT then is well-formed and safe, but the rest of the
 * input is missing. */
int sanitize_html(struct buf *out, const char *html, size_t n, const struct sanitize_opts *opts);

#endif
