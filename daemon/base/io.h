/*
 * io.h - all of a file, whatever read(2) and write(2) do at once.
 */
#ifndef TIDINGS_BASE_IO_H
#define TIDINGS_BASE_IO_H

#include <stddef.h>

#include "base/buf.h"

/* Writes N bytes to a descriptor that blocks: 0 or -errno. */
int io_write_all(int fd, const void *p, size_t n);
/* Adds all that FD gives: 0, -EFBIG when it is more than OUT's ceiling, or -errno. */
int io_read_all(int fd, struct buf *out);
/* The same of the file at PATH. */
int io_read_file(const char *path, struct buf *out);

#endif
