/*
 * text.h - plain text: from HTML, from "HTML or not?", and from text with careless white space.
 *
 * Pure; input and output are UTF-8. White space here is space, TAB, CR, LF, FF; NBSP is a
 * character like any other. What is added to a buffer never starts or ends with white space.
 */
#ifndef TIDINGS_PARSE_TEXT_H
#define TIDINGS_PARSE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

/* ---- plain text fields -------------------------------------------------------------------- */

enum text_kind {
    TEXT_LITERAL, /* markup is text: Atom type text, JSON */
    TEXT_HTML,    /* HTML: tags go, references are decoded */
    TEXT_MAYBE,   /* HTML if text_is_html says so, else literal: RSS titles and the like */
};
/* The value of a plain text field in ARENA, white space collapsed; NULL when nothing is left. */
const char *text_field(struct arena *a, enum text_kind kind, const char *s, size_t n);

/* Has it a tag with a known HTML name, or a valid reference that ends in ';'? */
bool text_is_html(const char *s, size_t n);

/* Text that arrives in pieces: add() collapses white space over the seams, brk() says that what
 * comes is apart from what was. B may be NULL: nothing is written. At the ceiling of B the rest is
 * dropped (B->overflow), cut between characters. */
struct text_sink {
    struct buf *b;
    size_t start; /* length of B before */
    bool space;   /* white space is owed */
};
void text_sink_init(struct text_sink *t, struct buf *b);
void text_sink_add(struct text_sink *t, const char *s, size_t n);
/* The same with references decoded. */
void text_sink_add_refs(struct text_sink *t, const char *s, size_t n);
static inline void text_sink_brk(struct text_sink *t)
{
    t->space = true;
}

/* Adds S with runs of white space as one space, trimmed. 0 or -EFBIG. */
int text_add_plain(struct buf *out, const char *s, size_t n);
/* Adds the text of an HTML fragment: without tags, comments, and the content of script, style and
 * the like; references decoded; the boundary of a block (p, div, li, br ...) is a space. 0 or
 * -EFBIG; then OUT holds as much as fitted, cut between characters. */
int text_add_html(struct buf *out, const char *s, size_t n);

/* ---- character references (HTML Living Standard 13.2.5.72) --------------------------------- */

#define TEXT_REF_BYTES 8 /* what one reference can become */
/* Decodes the reference that starts at S (S[0] is '&'): returns its length with the '&', 0 when it
 * is none and stands for itself. OUT gets *RET_LEN bytes of UTF-8. Numbers as HTML reads them
 * (windows-1252 for 128 to 159, U+FFFD for impossible ones). IN_ATTR: a name without ';' before
 * '=' or a letter or digit is text. */
size_t text_ref(const char *s, size_t n, bool in_attr, char out[TEXT_REF_BYTES], size_t *ret_len);
/* The UTF-8 that a name ("eacute", "nbsp", without & and ;) stands for in HTML5, NULL if unknown.
 */
const char *text_entity(const char *name, size_t n);
/* Adds S with all references decoded. 0 or -EFBIG. */
int text_add_decoded(struct buf *out, const char *s, size_t n, bool in_attr);
/* Adds S so that an HTML or XML parser reads it back as this text: & < > escaped, and with IN_ATTR
 * also the double quote. */
int text_add_escaped(struct buf *out, const char *s, size_t n, bool in_attr);

#endif
