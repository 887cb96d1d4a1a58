/*
 * encoding.h - which encoding a document is in, and the document as UTF-8.
 *
 * Labels and tables are those of the WHATWG Encoding Standard plus UTF-32 and EBCDIC cp037. The
 * tables are ours (made at build time by encoding_tables.py), not iconv's: iconv_open() loads
 * modules from disk, which a sandboxed child must not, and reads some labels differently. Pure, no
 * state, nothing to prepare before the sandbox.
 */
#ifndef TIDINGS_PARSE_ENCODING_H
#define TIDINGS_PARSE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum encoding_source { /* what the decision rests on */
                       ENCODING_BOM,
                       ENCODING_HTTP,     /* charset of the content type */
                       ENCODING_DECLARED, /* XML declaration or HTML meta */
                       ENCODING_BYTES,    /* UTF-16/32 or EBCDIC by the bytes of "<?" and "{" */
                       ENCODING_DEFAULT,  /* UTF-8, and the bytes are valid */
                       ENCODING_GUESSED,  /* statistics, at last windows-1252 */
};

struct encoding_result {
    const char *text; /* valid UTF-8 without BOM; points into the input or into the buffer */
    size_t n;
    const char *name; /* lower case WHATWG name ("utf-8", "windows-1252", "utf-32le", "cp037") */
    enum encoding_source source;
    bool contradicted; /* a candidate was named (BOM, HTTP, declaration) but the bytes are not valid
                          in it, or its label is unknown */
    bool lossy;        /* some bytes could not be read and became U+FFFD */
    bool cleaned;      /* control characters that XML forbids were dropped */
    bool cut_tail;     /* the last character is incomplete: a sign of truncation; it was dropped */
};

/* Converts N BYTES. CONTENT_TYPE is the HTTP header's value or NULL. OUT is used only when the text
 * cannot stay where it is. 0 or -EFBIG (OUT full). */
int encoding_to_utf8(const char *bytes, size_t n, const char *content_type, struct buf *out,
                     struct encoding_result *ret);

/* The name of the encoding that a label means ("latin1" -> "windows-1252"), NULL if none. */
const char *encoding_by_label(const char *label, size_t n);

#endif
