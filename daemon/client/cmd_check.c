/*
 * cmd_check.c - tidings check-config: all that is wrong with a config file, as the daemon sees it.
 *
 * What query:NAME stands for is known only with the queries that users have saved, which are in the
 * store that the file names. A name that is in neither stops no daemon, only what uses it.
 */
#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/client.h"
#include "client/out.h"
#include "client/source.h"
#include "config/settings.h"
#include "query/query.h"

/* A warning for TEXT of [SECTION NAME], if it names what is not there. HINT: why that may be wrong.
 */
static size_t check_query(struct buf *out, const char *path, const char *section, const char *name,
                          const char *text, const char *hint)
{
    struct query *q = NULL;
    struct td_err err;
    int r = text ? query_parse_err(&q, text, &err) : 0;
    query_free(q);
    if (r == 0)
        return 0;
    CLEANUP_FREE char *line = xasprintf("%s: [%s %s]: %s%s", path, section, name, err.msg, hint);
    str_add_printable(out, line, strlen(line));
    buf_addc(out, '\n');
    return 1;
}

/* The config can be used. */
static int accepted(const char *path, const struct settings *s)
{
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_CONFIG_BYTES * 2), line = BUF_INIT(1 << 16);
    CLEANUP_FREE char *hint = NULL;
    struct td_err err;
    size_t n = 0;
    int r = source_names(s->store, s->queries, s->n_queries, &err);
    hint = r < 0 && r != -ENOENT ? xasprintf(" (or it is saved: %s)", err.msg) : xstrdup("");
    for (size_t i = 0; i < s->n_queries; i++)
        n += check_query(&out, path, "query", s->queries[i].name, s->queries[i].query, hint);
    for (size_t i = 0; i < s->n_subs; i++)
        n += check_query(&out, path, "subscription", s->subs[i]->name, s->subs[i]->query, hint);
    out_write(STDERR_FILENO, buf_str(&out), out.len);
    buf_addf(&line, "%s: %zu feed%s, no problems", path, s->n_feeds, s->n_feeds == 1 ? "" : "s");
    if (n)
        buf_addf(&line, ", %zu warning%s", n, n == 1 ? "" : "s");
    buf_addc(&line, '\n');
    return client_written(out_write(STDOUT_FILENO, line.data, line.len));
}

static const struct opt no_opts[] = {{0}};

static int run_check_config(struct client *c)
{
    const char *path = c->args.n_operands ? c->args.operands[0] : TIDINGS_SYSCONFDIR "/feeds.conf";
    struct settings *s = NULL;
    CLEANUP_BUF struct buf problems = BUF_INIT(LIMIT_CONFIG_BYTES),
                           line = BUF_INIT(LIMIT_CONFIG_BYTES * 2);
    int r = settings_load(path, &s, &problems);
    if (r == 0) {
        int code = accepted(path, s);
        settings_free(s);
        return code;
    }
    size_t n = 0;
    char *save = NULL;
    for (char *p = problems.len ? strtok_r(problems.data, "\n", &save) : NULL; p;
         p = strtok_r(NULL, "\n", &save), n++) {
        str_add_printable(&line, p, strlen(p));
        buf_addc(&line, '\n');
    }
    out_write(STDERR_FILENO, buf_str(&line), line.len);
    if (r == -ENOENT)
        return EX_NOINPUT;
    return r == -EACCES ? EX_NOPERM
                        : client_fail(EX_CONFIG, "%s: %zu problem%s", path, n, n == 1 ? "" : "s");
}

const struct command cmd_check_config = {
    .name = "check-config",
    .operands = "[FILE]",
    .help = "Checks a config file and lists all its problems",
    .details = "FILE is " TIDINGS_SYSCONFDIR
               "/feeds.conf unless given. Exit status 78: it has problems.\n"
               "A query that names one which is neither in FILE nor saved in its store is a\n"
               "warning.",
    .opts = no_opts,
    .max_operands = 1,
    .run = run_check_config,
};
