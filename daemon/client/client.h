/*
 * client.h - the `tidings` command: what all its commands share.
 *
 * main.c finds the command in the table, reads its options and calls its function, which returns
 * the exit code (sysexits.h). Messages go to stderr as "tidings: ...", results to stdout.
 */
#ifndef TIDINGS_CLIENT_CLIENT_H
#define TIDINGS_CLIENT_CLIENT_H

#include <stdint.h>
#include <sysexits.h>

#include "base/err.h"
#include "client/args.h"
#include "client/place.h"
#include "client/term.h"

struct client {
    const struct command *cmd;
    struct args args;
    struct term term;
    struct place place;
    int64_t now; /* when the command began */
};

/* The table, NULL at its end, in the order of --help. */ /* Reads a query: 0, or EX_USAGE after the
                                                             mistake was shown with a caret under
                                                             it. */
int client_check_query(const char *text);
/* The operands as one query (gives; NULL = there are none): the same. */
int client_query(const struct client *c, char **ret);

extern const struct command *const commands[];

/* Says why on stderr (made safe for a terminal) and returns CODE. */
int client_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for a negative errno and its reason: the exit code that belongs to it. */
int client_errno(int r, const struct td_err *err);
/* A remark on stderr that is no failure. */
void client_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line of result on stdout, made safe for a terminal: the exit code. */
int client_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The exit code of a result of out_end or out_write. */
int client_written(int r);

extern const struct command cmd_status, cmd_feeds, cmd_why, cmd_fetch, cmd_backfill, cmd_add,
    cmd_remove, cmd_refresh, cmd_items, cmd_search, cmd_show, cmd_follow, cmd_parse,
    cmd_check_config, cmd_opml, cmd_reload, cmd_backup, cmd_recover, cmd_vacuum, cmd_cluster,
    cmd_stories, cmd_story, cmd_why_story, cmd_version, cmd_subscribe, cmd_unsubscribe,
    cmd_subscriptions, cmd_query;

#endif
