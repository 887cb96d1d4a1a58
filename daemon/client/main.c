/*
 * main.c - tidings: finds the command and runs it.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "client/client.h"
#include "client/out.h"
#include "config/credential.h"

const struct command *const commands[] = {
    &cmd_status,
    &cmd_items,
    &cmd_search,
    &cmd_show,
    &cmd_stories,
    &cmd_story,
    &cmd_why_story,
    &cmd_follow,
    &cmd_subscriptions,
    &cmd_subscribe,
    &cmd_unsubscribe,
    &cmd_query,
    &cmd_feeds,
    &cmd_why,
    &cmd_fetch,
    &cmd_add,
    &cmd_remove,
    &cmd_refresh,
    &cmd_backfill,
    &cmd_reload,
    &cmd_check_config,
    &cmd_opml,
    &cmd_parse,
    &cmd_backup,
    &cmd_recover,
    &cmd_vacuum,
    &cmd_cluster,
    &cmd_version,
    NULL,
};

static int print_line(int fd, const char *prefix, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
static int print_line(int fd, const char *prefix, const char *fmt, va_list ap)
{
    CLEANUP_BUF struct buf text = BUF_INIT(LIMIT_TEXT_BYTES), out = BUF_INIT(LIMIT_TEXT_BYTES * 4);
    char *save = NULL;
    buf_adds(&out, prefix);
    buf_vaddf(&text, fmt, ap);
    for (char *line = text.len ? strtok_r(text.data, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        str_add_printable(&out, line, strlen(line));
        buf_addc(&out, '\n');
    }
    return out_write(fd, buf_str(&out), out.len);
}

int client_fail(int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print_line(STDERR_FILENO, "tidings: ", fmt, ap);
    va_end(ap);
    return code;
}

void client_note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print_line(STDERR_FILENO, "tidings: ", fmt, ap);
    va_end(ap);
}

int client_say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int r = print_line(STDOUT_FILENO, "", fmt, ap);
    va_end(ap);
    return client_written(r);
}

int client_errno(int r, const struct td_err *err)
{
    static const struct {
        int error, code;
    } codes[] = {
        {ENOENT, EX_NOINPUT},     {EACCES, EX_NOPERM},
        {EPERM, EX_NOPERM},       {EINVAL, EX_USAGE},
        {EEXIST, EX_CANTCREAT},   {EUCLEAN, EX_DATAERR},
        {EPROTO, EX_DATAERR},     {ESTALE, EX_DATAERR},
        {ENOMSG, EX_DATAERR},     {EFBIG, EX_DATAERR},
        {EBADMSG, EX_DATAERR},    {ECONNREFUSED, EX_UNAVAILABLE},
        {EAGAIN, EX_TEMPFAIL},    {EBUSY, EX_TEMPFAIL},
        {ETIMEDOUT, EX_TEMPFAIL}, {EIO, EX_IOERR},
        {ENOSPC, EX_IOERR},       {EROFS, EX_CANTCREAT},
        {EISDIR, EX_NOINPUT},     {ENOTDIR, EX_NOINPUT},
        {ELOOP, EX_NOINPUT},      {ENAMETOOLONG, EX_NOINPUT},
    };
    int code = EX_SOFTWARE;
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (codes[i].error == -r)
            code = codes[i].code;
    return client_fail(code, "%s", err->msg);
}

int client_written(int r)
{
    return r < 0 ? client_fail(EX_IOERR, "stdout: %s", strerror(-r)) : EX_OK;
}

static void help(struct buf *out)
{
    buf_adds(out, "Usage: tidings COMMAND [OPTION]... [ARGUMENT]...\n"
                  "\n"
                  "Reads and steers the feeds that tidingsd keeps.\n"
                  "\n"
                  "Commands:\n");
    for (const struct command *const *c = commands; *c; c++)
        buf_addf(out, "  %-14s %s\n", (*c)->name, (*c)->help);
    buf_adds(out, "\n'tidings COMMAND --help' tells more; the manual is tidings(1).\n");
}

static int list_commands(void)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    for (const struct command *const *c = commands; *c; c++)
        buf_addf(&b, "%s\t%s\t%s\n", (*c)->name, (*c)->operands, (*c)->help);
    return client_written(out_write(STDOUT_FILENO, b.data, b.len));
}

static int print_help(const struct command *cmd)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
    if (cmd)
        args_help(&b, cmd);
    else
        help(&b);
    return client_written(out_write(STDOUT_FILENO, b.data, b.len));
}

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return str_empty(value) ? NULL : value;
}

/* The token of --token-file, or of the environment. */
static int take_token(struct client *c)
{
    struct td_err err;
    const char *path = c->args.token_file ? c->args.token_file
                                          : from_environment("TIDINGS_TOKEN_FILE");
    char *token = path ? credential_read_file(path, &err) : NULL;
    if (path && !token)
        return client_fail(EX_NOINPUT, "%s", err.msg);
    api_set_token(token ? token : from_environment("TIDINGS_TOKEN"));
    free(token);
    return EX_OK;
}

static int choose_place(struct client *c)
{
    const struct args *a = &c->args;
    const char *url = a->api;
    if (url && (a->socket || a->store))
        return client_fail(EX_USAGE,
                           "--api names a daemon elsewhere: no --socket or --store with it");
    if (!url && !a->socket && !a->store)
        url = from_environment("TIDINGS_API");
    if (url && c->cmd->local) /* what it needs is a file here */
        return client_fail(EX_USAGE, "%s works on the store's file: not with --api", c->cmd->name);
    if (url && !place_is_url(url))
        return client_fail(EX_USAGE, "--api is http://HOST:PORT or https://HOST, not %s", url);
    if (url) {
        place_elsewhere(&c->place, url);
        return take_token(c);
    }
    place_choose(&c->place, a->socket ? a->socket : from_environment("TIDINGS_SOCKET"),
                 a->store ? a->store : from_environment("TIDINGS_STORE"), place_look);
    if (c->place.distrusted)
        client_note("./%s belongs to neither you nor root and is left alone; --socket or --store "
                    "names it in spite of that",
                    c->place.distrusted);
    return EX_OK;
}

static int run(struct client *c, int argc, char **argv)
{
    struct td_err err;
    c->now = clock_now_ms();
    if (args_parse(&c->args, c->cmd, argc, argv, c->now, &err) < 0)
        return client_fail(EX_USAGE, "%s\nTry 'tidings %s --help'.", err.msg, c->cmd->name);
    if (c->args.help)
        return print_help(c->cmd);
    if (c->args.list_options) {
        CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
        args_list_options(&b, c->cmd);
        return client_written(out_write(STDOUT_FILENO, b.data, b.len));
    }
    term_look(&c->term, (enum colour_when)c->args.colour);
    int code = choose_place(c);
    if (code == EX_OK)
        code = c->cmd->run(c);
    place_fini(&c->place);
    api_set_token(NULL);
    return code;
}

int main(int argc, char **argv)
{
    struct client c = {0};
    struct td_err err;
    signal(SIGPIPE, SIG_DFL); /* `tidings items | head` ends quietly */
    signal(SIGXFSZ, SIG_IGN); /* at a limit on files a write fails, and what is half done goes */
    if (argc < 2)
        return print_help(NULL), EX_USAGE;
    const char *name = argv[1];
    if (str_eq(name, "--help") || str_eq(name, "-h"))
        return print_help(NULL);
    if (str_eq(name, "--list-commands"))
        return list_commands();
    if (str_eq(name, "--version") || str_eq(name, "-V"))
        name = "version";
    if (str_eq(name, "help")) {
        if (argc == 2)
            return print_help(NULL);
        c.cmd = args_command(commands, argv[2], &err);
        return c.cmd ? print_help(c.cmd) : client_fail(EX_USAGE, "%s", err.msg);
    }
    c.cmd = args_command(commands, name, &err);
    if (!c.cmd && *name == '-')
        return client_fail(EX_USAGE,
                           "%s stands before the command; options come behind it: "
                           "tidings COMMAND %s\nTry 'tidings --help'.",
                           name, name);
    if (!c.cmd)
        return client_fail(EX_USAGE, "%s\nTry 'tidings --help'.", err.msg);
    return run(&c, argc - 2, argv + 2);
}
