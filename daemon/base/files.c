#include "base/files.h"

#include <sys/resource.h>

#include "base/limits.h"
#include "base/mem.h"

void files_raise(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < MIN(l.rlim_max, LIMIT_OPEN_FILES)) {
        l.rlim_cur = MIN(l.rlim_max, LIMIT_OPEN_FILES);
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

int files_share(int wanted, int n)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || (rlim_t)wanted <= l.rlim_cur / (rlim_t)n)
        return wanted;
    return MAX((int)(l.rlim_cur / (rlim_t)n), 1);
}
