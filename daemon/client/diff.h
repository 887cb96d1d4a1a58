/*
 * diff.h - what changed between two texts, word by word. Pure.
 *
 * Myers' greedy algorithm over words and line ends, after the common beginning and end are set
 * aside. Beyond DIFF_MAX_EDITS differences the middle is told as "all of this became all of that":
 * nobody reads more, and time and memory stay bounded.
 */
#ifndef TIDINGS_CLIENT_DIFF_H
#define TIDINGS_CLIENT_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define DIFF_MAX_EDITS 1000

enum diff_kind { DIFF_SAME, DIFF_DELETED, DIFF_INSERTED };
struct diff_run {
    enum diff_kind kind;
    char *text; /* words joined by one space, '\n' where a line ends */
};
struct diff {
    struct diff_run *runs;
    size_t n;
};

struct diff *diff_words(const char *old, const char *new);
void diff_free(struct diff *d);
bool diff_is_empty(const struct diff *d); /* nothing changed */
/* Adds it wrapped to WIDTH: with colour deletions red and insertions green, without [-old-]{+new+}
 * as wdiff writes them. Unchanged stretches are cut to CONTEXT words around each change. */
void diff_add(struct buf *out, const struct diff *d, int width, int context, bool colour);

#endif
