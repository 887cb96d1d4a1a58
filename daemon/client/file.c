#include "client/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

int file_read(const char *path, struct buf *out, struct td_err *err)
{
    bool is_stdin = str_eq(path, "-");
    CLEANUP_CLOSE int own = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    int fd = is_stdin ? STDIN_FILENO : own;
    int r = fd < 0 ? -errno : io_read_all(fd, out);
    if (r == -EFBIG)
        return td_err(err, r, "%s: larger than %zu bytes", path, out->max);
    return r < 0 ? td_err(err, r, "%s: %s", path, strerror(-r)) : 0;
}
