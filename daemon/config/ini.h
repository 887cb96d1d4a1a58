/*
 * ini.h - the syntax of feeds.conf: sections, `key = value`, comments. No meaning.
 *
 * A value goes to the end of its line, white space around it cut off; `#` and `;` begin a comment
 * only at the start of a line (a URL may hold '#'). A byte order mark at the start and CR before
 * the line's end are accepted; NUL and invalid UTF-8 are problems. Pure.
 */
#ifndef TIDINGS_CONFIG_INI_H
#define TIDINGS_CONFIG_INI_H

#include <stddef.h>

enum ini_kind {
    INI_SECTION, /* [NAME ARG]; arg is "" when there is none */
    INI_VALUE,   /* NAME = ARG; arg may be "" */
    INI_BROKEN,  /* arg says what is wrong, and what is allowed */
};

struct ini_line {
    enum ini_kind kind;
    int line; /* from 1 */
    char *name, *arg;
};

typedef void ini_fn(void *ctx, const struct ini_line *line);

/* Calls FN for each line of TEXT that says something, in order. TEXT holds N bytes, is followed by
 * a NUL, and is cut up in place; the strings given to FN point into it. */
void ini_parse(char *text, size_t n, ini_fn *fn, void *ctx);

#endif
