/*
 * head.h - the header of an answer, collected line by line as it arrives. Pure.
 *
 * Only the final answer counts: each status line that follows a 1xx answer starts anew, and lines
 * after the final header's end (trailers) are ignored (FETCHING L7, B9). Values stay the bytes that
 * came, white space around them cut off. LIMIT_HEADER_BYTES and LIMIT_HEADER_LINES count over
 * everything received, interim answers too.
 */
#ifndef TIDINGS_FETCH_HEAD_H
#define TIDINGS_FETCH_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct head {
    struct buf text;     /* "Name: value\n" lines of the current answer */
    size_t n_bytes;      /* received in all */
    unsigned n_lines;    /* the same */
    int status;          /* of the current answer, 0 = no status line yet */
    bool complete;       /* the empty line of the current answer was seen */
    const char *overrun; /* which limit was passed, NULL = none */
};

void head_init(struct head *h);
void head_fini(struct head *h);
/* One line with its line end; a folded line (obs-fold) joins the one before. 0, or -EFBIG when a
 * limit is passed: h->overrun says which. */
int head_line(struct head *h, const char *line, size_t n);
/* True when the header of a final answer (not 1xx) is there as a whole. */
bool head_is_final(const struct head *h);

/* The next value of header NAME (any case): borrowed, *RET_LEN bytes, not NUL-terminated; NULL when
 * there is no more. *POS starts as 0. */
const char *head_next(const struct head *h, const char *name, size_t *pos, size_t *ret_len);
/* The first value as a string, NULL = none. Owned by the caller. */
char *head_dup(const struct head *h, const char *name);
/* How many elements the list of that name has, over all its lines. */
size_t head_count(const struct head *h, const char *name);
/* All values joined by ", ", NULL = none. Owned by the caller. */
char *head_join(const struct head *h, const char *name);

#endif
