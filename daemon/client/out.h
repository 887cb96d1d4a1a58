/*
 * out.h - rows on stdout: an aligned table for people, or JSON, JSON Lines, TSV, CSV for programs.
 *
 * A column has a key (the header of tsv and csv: fixed, documented in tidings(1)) and, if people
 * see it, a heading. Rows are borrowed for the call. Text of feeds goes in as it is: this module
 * makes it harmless for a terminal.
 *
 * TSV: TAB, LF, CR and backslash inside a value are written \t \n \r \\. CSV: RFC 4180 with CRLF;
 * text (not numbers and times) that starts with = + - @ TAB or CR gets an apostrophe in front, so
 * that a spreadsheet does not run it as a formula.
 */
#ifndef TIDINGS_CLIENT_OUT_H
#define TIDINGS_CLIENT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "client/args.h"
#include "client/term.h"

#define OUT_COLUMNS 16

enum {
    COL_RIGHT = 1,  /* numbers */
    COL_SHRINK = 2, /* may be cut when the terminal is too narrow */
    COL_SAFE = 4,   /* our own words and numbers: no apostrophe in csv */
};
struct column {
    const char *key;  /* NULL: not for programs */
    const char *head; /* NULL: not for people */
    int flags;
};

/* One value of a row. NULL is empty. */
struct cell {
    const char *value; /* for programs */
    const char *shown; /* for people; NULL = value */
    enum style style;
};

struct out;

/* Writes to the file descriptor FD (1 outside tests). COLUMNS is borrowed. LIVE: rows are shown at
 * once and the columns' widths grow with what comes (follow). */
struct out *out_new(int fd, enum format format, const struct term *term,
                    const struct column *columns, size_t n, bool live);
/* One row. JSON is the object for json and jsonl (text without newlines, jw or jansson made it). */
void out_row(struct out *o, const struct cell *cells, const char *json, size_t json_len);
size_t out_rows(const struct out *o);
/* Writes what is left and frees it: 0, or the negative errno of a write that failed. COMPLETE
 * false: the rows end in the middle of a failure, so nothing closes them and nobody takes them for
 * whole. */
int out_end(struct out *o, bool complete);
/* The error of an earlier write, 0 while all is well: a caller may stop early. */
int out_error(const struct out *o);

/* ---- for other output: text that was put together in a buf -------------------------------- */

/* write(2) of all: 0 or negative errno. */
int out_write(int fd, const char *p, size_t n);
/* A JSON text on a line of its own; on a terminal what could steer it is escaped as \uXXXX. */
void out_add_json(struct buf *b, const struct term *term, const char *json, size_t n);

#endif
