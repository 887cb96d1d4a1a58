/* feeds.conf of any bytes: settings, or at least one problem that names the file; never both, never
 * neither. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP_CLOSE int fd = memfd_create("feeds.conf", MFD_CLOEXEC);
    char path[64];
    if (fd < 0 || write(fd, data, n) != (ssize_t)n)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 20);
    struct settings *s = NULL, *again = NULL;
    int r = settings_load(path, &s, &problems);
    if ((r == 0) != (s != NULL) || (r < 0 && !strstr(buf_str(&problems), path)))
        abort();
    if (r == 0 && settings_load(path, &again, NULL) == 0) {
        struct settings_diff d = {0};
        settings_diff(s, again, &d);
        if (d.n_added || d.n_changed || d.n_removed)
            abort();
        settings_diff_fini(&d);
    }
    settings_free(again);
    settings_free(s);
    return 0;
}
