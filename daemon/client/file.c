#include "client/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define PIECE_BYTES (64u << 10)

int file_read(const char *path, struct buf *out, struct td_err *err)
{
    bool is_stdin = str_eq(path, "-");
    CLEANUP_CLOSE int own = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    int fd = is_stdin ? STDIN_FILENO : own;
    CLEANUP_FREE char *piece = xmalloc(PIECE_BYTES);
    if (fd < 0)
        return td_err(err, -errno, "%s: %s", path, strerror(errno));
    for (;;) {
        ssize_t n = read(fd, piece, PIECE_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return td_err(err, -errno, "%s: %s", path, strerror(errno));
        if (n == 0)
            return 0;
        if (buf_add(out, piece, (size_t)n) < 0)
            return td_err(err, -EFBIG, "%s: larger than %zu bytes", path, out->max);
    }
}
