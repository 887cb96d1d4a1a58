#include "base/files.h"

#include <sys/resource.h>

#include "base/limits.h"
#include "base/mem.h"

static rlim_t allowed; /* 0 = not known yet: it is asked for several times a poll */

void files_raise(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return;
    if (l.rlim_cur < MIN(l.rlim_max, LIMIT_OPEN_FILES)) {
        l.rlim_cur = MIN(l.rlim_max, LIMIT_OPEN_FILES);
        setrlimit(RLIMIT_NOFILE, &l);
    }
    allowed = 0;
}

int files_share(int wanted, int n)
{
    struct rlimit l;
    if (!allowed && getrlimit(RLIMIT_NOFILE, &l) == 0)
        allowed = l.rlim_cur;
    if (!allowed || (rlim_t)wanted <= allowed / (rlim_t)n)
        return wanted;
    return MAX((int)(allowed / (rlim_t)n), 1);
}
