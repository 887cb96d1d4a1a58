/*
 * file.h - whole files in and out.
 */
#ifndef TIDINGS_CLIENT_FILE_H
#define TIDINGS_CLIENT_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Reads PATH ("-" = stdin) up to the ceiling of OUT: 0, -EFBIG or what the system says, with the
 * reason. */
int file_read(const char *path, struct buf *out, struct td_err *err);

#endif
