/* file: a feed that another program writes. Read in one go: a local disk and at most max-body. */
#include "fetch/fetcher.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

/* "file:/path" and "file:///path", also with localhost as the host; percent signs stay what they
 * are, because the configuration means a path. */
static const char *path_of(const char *url)
{
    const char *p = str_casestarts(url, "file:") ? url + strlen("file:") : url;
    if (str_starts(p, "//localhost/"))
        return p + strlen("//localhost");
    return str_starts(p, "///") ? p + 2 : p;
}

/* Changes whenever the content was written or the file replaced. */
static char *file_etag(const struct stat *st)
{
    return xasprintf("%" PRId64 "%09ld-%" PRId64 "-%" PRIu64, (int64_t)st->st_mtim.tv_sec,
                     st->st_mtim.tv_nsec, (int64_t)st->st_size, (uint64_t)st->st_ino);
}

/* The content into the result; false after a failure. */
static bool read_body(struct fetch *h, const char *path, int fd, off_t size)
{
    struct td_result *r = &h->result;
    int e = (uint64_t)size > h->req->max_body_bytes ? -EFBIG : io_read_all(fd, &r->body);
    r->wire_bytes = r->body.len;
    r->outcome = TD_OUT_OK;
    if (e == 0 && r->body.len)
        return true;
    buf_free(&r->body);
    if (e == -EFBIG)
        fetch_fail(h, TD_OUT_TOO_LARGE, "%s is larger than max-body (%zu bytes)", path,
                   h->req->max_body_bytes);
    else if (e < 0)
        fetch_fail(h, TD_OUT_SOURCE, "%s: %s", path, strerror(-e));
    else /* its writer has just begun, or never will */
        fetch_fail(h, TD_OUT_INCOMPLETE, "%s is empty", path);
    return false;
}

static void read_feed(struct fetch *h, const char *path, int fd)
{
    struct td_result *r = &h->result;
    struct stat st;
    if (fstat(fd, &st) < 0) {
        fetch_fail(h, TD_OUT_SOURCE, "%s: %s", path, strerror(errno));
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        fetch_fail(h, TD_OUT_SOURCE, "%s is not a regular file", path);
        return;
    }
    CLEANUP_FREE char *etag = file_etag(&st);
    if (h->req->etag && str_eq(etag, h->req->etag))
        r->outcome = TD_OUT_NOT_MODIFIED;
    else if (!read_body(h, path, fd, st.st_size))
        return;
    r->val.etag = TAKE(etag);
    r->has_etag = true;
    fetch_finish(h);
}

void file_start(struct fetch *h)
{
    const char *path = path_of(h->req->url);
    /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        fetch_fail(h, TD_OUT_SOURCE, "%s: %s", path, strerror(errno));
    else
        read_feed(h, path, fd);
}

static void file_stop(struct fetch *h)
{
}

struct fetch *file_new(void)
{
    struct fetch *h = xcalloc(1, sizeof *h);
    h->stop = file_stop;
    return h;
}
