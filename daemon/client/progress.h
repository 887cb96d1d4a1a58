/*
 * progress.h - a line on stderr for what takes longer than a second: a bar, how much, time left.
 *
 * Only on a terminal; silent for the first second. progress_end wipes the line.
 */
#ifndef TIDINGS_CLIENT_PROGRESS_H
#define TIDINGS_CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "client/term.h"

struct progress {
    const struct term *term;
    const char *what; /* "backup" */
    int64_t started_mono, shown_mono;
    bool shown;
};

void progress_begin(struct progress *p, const struct term *term, const char *what);
/* DONE from 0 to 1; below 0 when nobody can tell (then the time so far is shown). */
void progress_at(struct progress *p, double done);
void progress_end(struct progress *p);
/* The line itself, at most WIDTH columns; ELAPSED_MS since the beginning. Pure. */
void progress_line(struct buf *out, const char *what, double done, int64_t elapsed_ms, int width);

#endif
