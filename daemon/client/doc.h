/*
 * doc.h - an item's content as readable text: paragraphs, lists, quotes, numbered links. Pure.
 *
 * Reads the sanitised HTML that the parser wrote (conformance rules: well-formed, known elements),
 * but whatever the bytes are, nothing worse than odd text comes out.
 */
#ifndef TIDINGS_CLIENT_DOC_H
#define TIDINGS_CLIENT_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct para {
    char *text;   /* printable; '\n' is a line break; lines of `pre` keep their spaces */
    int indent;   /* columns */
    char mark[8]; /* "• ", "3. ", "> " in front of the first line, "" = none */
    bool pre, heading;
    bool tight; /* no empty line before it (list items) */
};
struct doc {
    struct para *paras;
    size_t n;
    char **links; /* link I + 1 is referred to as [I + 1] */
    size_t n_links;
};

struct doc *doc_from_html(const char *html, size_t n);
struct doc *doc_from_text(const char *text, size_t n);
void doc_free(struct doc *d);
/* Adds the document in lines of at most WIDTH columns. */
void doc_add_wrapped(struct buf *out, const struct doc *d, int width, bool colour);
/* Adds the paragraphs as plain text, one a line: what is compared by --diff. */
void doc_add_plain(struct buf *out, const struct doc *d);

/* Adds TEXT in lines of at most WIDTH columns: broken at spaces and between wide characters; a word
 * that is longer stands alone. Each line but the first starts with INDENT spaces; FIRST columns of
 * the first line are taken already. '\n' breaks a line. Ends without a newline. */
void text_add_wrapped(struct buf *out, const char *text, int width, int indent, int first);

#endif
