/*
 * quarantine.h - the documents that killed a parser, kept for whoever mends the parser.
 *
 * Files TIME-HASH-FEED.doc, mode 0600, at most LIMIT_QUARANTINE_FILES, the oldest go first. The
 * same bytes are kept once: a broken feed that is polled every hour does not push the others out.
 * Blocking file I/O without fsync, on the caller's thread: it happens after a crash only.
 */
#ifndef TIDINGS_PARSE_QUARANTINE_H
#define TIDINGS_PARSE_QUARANTINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define QUARANTINE_NAME 128 /* room for a file's name */

/* The file's name for a document of FEED (any bytes; NULL = none): the time first, so that names
 * sort by age; then the bytes' hash; then what is harmless of the feed's name. Pure. Returns BUF.
 */
const char *quarantine_name(char buf[QUARANTINE_NAME], int64_t now_ms, uint64_t hash,
                            const char *feed);

/* Keeps N bytes in the folder DIR, which is made (0700) if it is missing; its parent must be there.
 * The file appears whole or not at all. RET_NAME gets its name, or that of the file which already
 * holds these bytes. 0 or a negative errno with the reason. */
int quarantine_keep(const char *dir, const char *feed, const void *p, size_t n, int64_t now_ms,
                    char ret_name[QUARANTINE_NAME], struct td_err *err);

#endif
