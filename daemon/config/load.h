/*
 * load.h - what the files of settings_load share while they read: settings.c the files,
 * load_lines.c their lines into drafts, load_check.c what no single line tells.
 */
#ifndef TIDINGS_CONFIG_LOAD_H
#define TIDINGS_CONFIG_LOAD_H

#include "config/ini.h"
#include "config/keys.h"
#include "config/sub.h"

/* A feed as it is being read. */
struct draft {
    struct td_feed_conf *conf;
    uint64_t given; /* keys its section names, as bits of config_keys */
    int file, line; /* of its section */
};

/* A subscription as it is being read. */
struct sub_section {
    char *name;
    struct sub_draft draft;
    int file, line;
};

struct place {
    int file, line;
    bool said; /* what is wrong there */
};

struct loader {
    struct settings *s;
    struct buf *problems;
    size_t n_problems;
    char *folder; /* of the config file, absolute */
    char **files; /* names, for messages */
    int n_files;
    enum section section;     /* 0 = none */
    bool in_wrong;            /* in a section that is refused: its keys are passed over */
    int lines[KEYS_MAX];      /* where this section named each key, 0 = not yet */
    struct td_feed_conf base; /* max-body and timeout of [daemon] */
    uint64_t given_base, given_defaults;
    int defaults_file, defaults_line; /* of the last key of [defaults] that bears on the interval */
    struct place token_at[LIMIT_TOKENS], listen_at; /* file 0, line 0: not given */
    struct place query_at[LIMIT_SAVED_QUERIES];
    struct draft *drafts;
    size_t n_drafts, cap_drafts;
    struct sub_section *subs;
    size_t n_subs;
};

/* One line of `problems`: of FILES[FILE], LINE 0 = of the whole file. */
void load_problem(struct loader *l, int file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A line of the file that was opened last (an ini_fn; CTX is the struct loader). */
void load_line(void *ctx, const struct ini_line *in);

/* After the last line: what is inherited, what has to be there, what may stand once; then the
 * drafts are L->s. */
void load_finish(struct loader *l);

/* The keys that the least interval hangs on, as bits of config_keys. */
uint64_t load_interval_keys(void);

#endif
