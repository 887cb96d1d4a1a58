/*
 * args.h - the command line as values, read by one table of commands. Pure.
 *
 * Every option of every command is a row of a table; parsing, --help, the man page's check and
 * shell completion all read the same rows. Strings are borrowed from argv.
 */
#ifndef TIDINGS_CLIENT_ARGS_H
#define TIDINGS_CLIENT_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JSONL, FORMAT_TSV, FORMAT_CSV };

/* The values of all options of all commands; a command has those of its table. */
struct args {
    const char *socket, *store, *api, *token_file;
    int64_t colour; /* enum colour_when */
    int64_t format; /* enum format */
    bool help, list_options;

    const char *feed, *tag, *name, *unread_by, *from, *as, *to, *sink;
    const char *title; /* of a feed or query */
    const char *base_url, *content_type, *record, *replay, *config, *state, *strictness;
    const char *tags[LIMIT_TAGS];
    size_t n_tags;
    int64_t since, until; /* TD_NEVER = not given */
    int64_t limit, id, outlets, order, per;
    bool full, all, watch, problems, revisions, diff, changes, dry_run, json;
    char **exec; /* the rest of the command line, NULL = not given */

    char **operands;
    int n_operands;
};

enum opt_kind {
    OPT_FLAG,   /* bool */
    OPT_STRING, /* const char *, not empty */
    OPT_NUMBER, /* int64_t, 1 .. max */
    OPT_TIME,   /* int64_t, words_parse_time */
    OPT_CHOICE, /* int64_t, index into choices */
    OPT_TAGS,   /* adds to tags[] */
    OPT_REST,   /* char **: all that follows on the command line, at least one word */
};
struct opt {
    const char *name; /* without the dashes; NULL ends the table */
    char letter;      /* 0 = none */
    enum opt_kind kind;
    const char *arg;  /* what the value is called in --help, NULL for a flag */
    const char *help; /* one line */
    size_t offset;    /* in struct args */
    int64_t max;
    const char *const *choices; /* NULL-terminated */
};

struct client;
struct command {
    const char *name;
    const char *operands; /* of the synopsis: "FEED", "[QUERY...]", "" */
    const char *help;     /* one line */
    const char *details;  /* further paragraphs of --help, NULL = none */
    const struct opt *opts;
    int min_operands, max_operands; /* max -1 = any */
    bool has_format;
    bool has_object_format; /* --format, but no table */
    bool local;             /* works on the store's file: not over TCP */
    int (*run)(struct client *c);
};

/* Options that every command has. */
extern const struct opt common_opts[];

/* Reads the words behind the command's name (ARGV of ARGC, reordered so that the operands come
 * last). NOW is for relative times. 0, or -EINVAL with the reason and, for a typo, a suggestion. */
int args_parse(struct args *ret, const struct command *cmd, int argc, char **argv, int64_t now,
               struct td_err *err);
/* The command of that name: NULL and the reason with a suggestion when there is none. */
const struct command *args_command(const struct command *const *table, const char *name,
                                   struct td_err *err);
/* The text of `tidings COMMAND --help`. */
void args_help(struct buf *out, const struct command *cmd);
/* One line an option: "--name<TAB>ARG<TAB>help<TAB>choices", for shell completion. */
void args_list_options(struct buf *out, const struct command *cmd);

#endif
