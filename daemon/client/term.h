/*
 * term.h - what the terminal is, and text measured in its columns.
 *
 * Text that came from outside is made harmless (str_add_printable) before it is measured or shown;
 * the functions here that take text expect that. Width is wcwidth's: East Asian wide characters and
 * emoji take two columns, combining marks none.
 */
#ifndef TIDINGS_CLIENT_TERM_H
#define TIDINGS_CLIENT_TERM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct term {
    bool out_tty, err_tty; /* stdout, stderr is a terminal */
    bool colour;           /* may stdout have colour */
    int width;             /* columns of the terminal, 80 when unknown */
    int height;
};

enum colour_when { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };
/* Looks at the file descriptors, COLUMNS, TERM and NO_COLOR (https://no-color.org); sets LC_CTYPE
 * so that wcwidth knows Unicode. */
void term_look(struct term *t, enum colour_when when);
/* Width and height as they are now (after SIGWINCH). */
void term_measure(struct term *t);

enum style {
    STYLE_NONE,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_RED,
    STYLE_GREEN,
    STYLE_YELLOW,
    STYLE_BLUE,
    STYLE_CYAN,
};
/* The escape sequence that starts STYLE, "" without colour; and the one that ends any. */
const char *style_on(bool colour, enum style s);
const char *style_off(bool colour, enum style s);

/* Columns that S takes; of one character. */
int text_width(const char *s, size_t n);
int char_width(unsigned cp);
/* Bytes of S that fit into COLUMNS; *RET_WIDTH (may be NULL) is what they take. */
size_t text_fit(const char *s, size_t n, int columns, int *ret_width);
/* Adds S cut to COLUMNS, with "…" for what is gone; returns the columns taken. */
int text_add_cut(struct buf *b, const char *s, size_t n, int columns);
void text_add_spaces(struct buf *b, int n);

#endif
