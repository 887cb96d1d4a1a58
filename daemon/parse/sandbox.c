#include "parse/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/limits.h"
#include "base/mem.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define FULL 0
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define FULL 0
#endif
#endif
#ifndef FULL
#define FULL 1
#endif

bool sandbox_is_full(void)
{
    return FULL;
}

static int limit_resources(struct td_err *err)
{
    static const struct {
        int what;
        rlim_t n;
        const char *name;
    } limits[] = {
        {RLIMIT_FSIZE, 0, "file size"},   {RLIMIT_AS, LIMIT_PARSER_AS_BYTES, "address space"},
        {RLIMIT_NOFILE, 0, "open files"}, {RLIMIT_NPROC, 0, "processes"},
        {RLIMIT_CORE, 0, "core size"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        struct rlimit l;
        getrlimit(limits[i].what, &l);
        l.rlim_cur = l.rlim_max = MIN(l.rlim_max, limits[i].n); /* it may be tighter already */
        if (setrlimit(limits[i].what, &l) < 0)
            return td_err(err, -errno, "cannot limit the parser's %s: %s", limits[i].name,
                          strerror(errno));
    }
    return 0;
}

/* The kernel's struct in the newest form used here; older kernels take a shorter one. The headers
 * of Debian 12 know the first member only. */
struct landlock_attr {
    uint64_t fs, net, scoped;
};

/* Landlock without a rule: no file, no TCP port, no signal or abstract socket outside. A kernel
 * without it is fine: seccomp forbids the system calls themselves. */
static void landlock(void)
{
#ifdef SYS_landlock_create_ruleset
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, 1u);
    if (abi < 1)
        return;
    unsigned fs_rights = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
    struct landlock_attr a = {
        .fs = (UINT64_C(1) << fs_rights) - 1,
        .net = abi >= 4 ? 3 : 0,
        .scoped = abi >= 6 ? 3 : 0,
    };
    size_t size = abi >= 6 ? sizeof a : abi >= 4 ? 2 * sizeof a.fs : sizeof a.fs;
    CLEANUP_CLOSE int fd = (int)syscall(SYS_landlock_create_ruleset, &a, size, 0u);
    if (fd >= 0)
        syscall(SYS_landlock_restrict_self, fd, 0u);
#endif
}

/* What malloc, libc and the socket need; nothing that takes a name, makes a descriptor or a
 * process. The calls of abort(3) are there so that running out of memory ends in SIGABRT. */
static int add_rules(scmp_filter_ctx c, int fd)
{
    static const int free_calls[] = {
        SCMP_SYS(brk),           SCMP_SYS(munmap),          SCMP_SYS(mremap),
        SCMP_SYS(madvise),       SCMP_SYS(futex),           SCMP_SYS(exit_group),
        SCMP_SYS(exit),          SCMP_SYS(rt_sigreturn),    SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),    SCMP_SYS(time),
        SCMP_SYS(getrandom),     SCMP_SYS(getpid),          SCMP_SYS(gettid),
        SCMP_SYS(sigaltstack),   SCMP_SYS(restart_syscall),
    };
    static const int fd_calls[] = {
        SCMP_SYS(read),     SCMP_SYS(readv),  SCMP_SYS(write),   SCMP_SYS(writev),
        SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg),
    };
    const uint32_t allow = SCMP_ACT_ALLOW;
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(free_calls) && r == 0; i++)
        r = seccomp_rule_add(c, allow, free_calls[i], 0);
    for (size_t i = 0; i < ARRAY_SIZE(fd_calls) && r == 0; i++)
        r = seccomp_rule_add(c, allow, fd_calls[i], 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd));
    for (int i = 0; i < 2 && r == 0; i++) /* stderr, which is /dev/null by now */
        r = seccomp_rule_add(c, allow, i ? SCMP_SYS(write) : SCMP_SYS(writev), 1,
                             SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO));
    if (r == 0)
        r = seccomp_rule_add(c, allow, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                             SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
    if (r == 0)
        r = seccomp_rule_add(c, allow, SCMP_SYS(mprotect), 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r == 0)
        r = seccomp_rule_add(c, allow, SCMP_SYS(tgkill), 2,
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()),
                             SCMP_A2(SCMP_CMP_EQ, SIGABRT));
    return r;
}

static int load_filter(int fd, struct td_err *err)
{
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!c)
        return td_err(err, -ENOMEM, "cannot make the parser's system call filter");
    int r = seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r == 0)
        r = add_rules(c, fd);
    if (r == 0)
        r = seccomp_load(c);
    seccomp_release(c);
    if (r < 0)
        return td_err(err, r, "cannot load the parser's system call filter: %s", strerror(-r));
    return 0;
}

static int null_stdio(struct td_err *err)
{
    CLEANUP_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return td_err(err, -errno, "cannot open /dev/null for the parser: %s", strerror(errno));
    for (int fd = 0; fd <= (FULL ? STDERR_FILENO : STDOUT_FILENO); fd++)
        if (dup2(null, fd) < 0)
            return td_err(err, -errno, "cannot put /dev/null on descriptor %d of the parser: %s",
                          fd, strerror(errno));
    return 0;
}

int sandbox_enter(int fd, struct td_err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return td_err(err, -errno, "cannot give up new privileges: %s", strerror(errno));
    if (FULL && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return td_err(err, -errno, "cannot make the parser undumpable: %s", strerror(errno));
    int r = null_stdio(err);
    if (!FULL || r < 0)
        return r;
    landlock(); /* while a descriptor can still be made */
    r = limit_resources(err);
    return r < 0 ? r : load_filter(fd, err);
}
