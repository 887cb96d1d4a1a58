/*
 * files.h - how many files (and sockets) this process may have open, and who gets how many of them.
 *
 * A shell gives 1,024, which a thousand followers use up; nothing in here uses select(2). Where
 * even the hard limit is small, everybody gets a share, so that no part can lock out another:
 * transfers a quarter, the API a third, idle connections a sixteenth for each of three fetchers;
 * the rest is for the store, the parsers and the loop.
 */
#ifndef TIDINGS_BASE_FILES_H
#define TIDINGS_BASE_FILES_H

/* Asks for LIMIT_OPEN_FILES, or what the hard limit gives. Once, at the start. */
void files_raise(void);
/* WANTED, or the N-th part of the files that may be open if that is less; at least 1. Loop thread
 * only. */
int files_share(int wanted, int n);

#define FILES_TRANSFERS 4  /* of all */
#define FILES_BRISK     8  /* of those that count (LIMIT_BRISK_MS) */
#define FILES_KEPT      16 /* idle connections of one fetcher */
#define FILES_CLIENTS   3  /* connections of the API */

#endif
