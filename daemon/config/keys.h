/*
 * keys.h - every key of feeds.conf in one table: where it may stand, what it takes, where it goes.
 *
 * The table is the only place that knows a key; the loader, the suggestions, the documentation
 * check and the defaults read it. A default is written as a user would write it and goes through
 * the same reader. Pure.
 */
#ifndef TIDINGS_CONFIG_KEYS_H
#define TIDINGS_CONFIG_KEYS_H

#include <stddef.h>

#include "base/err.h"
#include "config/settings.h"

enum section {
    IN_DAEMON = 1,
    IN_DEFAULTS = 2,
    IN_FEED = 4,
    IN_TOKEN = 8,
    IN_SITE = 16,
    IN_SUB = 32,
    IN_QUERY = 64
};

struct key;
/* Reads VALUE into the member of TARGET (struct settings for keys of [daemon] alone, struct
 * td_token for those of [token NAME], struct td_site for [site NAME], else struct td_feed_conf). 0,
 * or negative errno and "what was found; what is allowed" in ERR. */
typedef int key_fn(const struct key *k, void *target, const char *value, struct td_err *err);

struct key {
    const char *name;
    unsigned sections;
    const char *type; /* what is allowed, in words */
    const char *def;  /* NULL = none */
    const char *help; /* one line */
    key_fn *set;
    size_t offset, size;
    bool is_string; /* the member is an owned char * */
    bool in_access; /* OFFSET is in struct td_access (is_string) */
    bool is_secret; /* no message repeats a value; file:PATH is the file's content */
    bool is_file;   /* a path; relative to the config's folder; must be readable */
    bool repeats;   /* may stand more than once in a section */
    int64_t min, max;
};

#define KEYS_MAX 64 /* sets of keys are uint64_t */
extern const struct key config_keys[];
extern const size_t n_config_keys;

/* Index of NAME, or -1. A name may stand for one key in [site] and another elsewhere. */
int key_find(const char *name);
/* The same, of SECTION if it has the name. */
int key_find_in(const char *name, enum section section);
/* The key of [defaults] and [feed] (struct td_feed_conf), not of [daemon] alone? */
bool key_is_feeds(const struct key *k);
/* "[defaults] [feed NAME]" for a set of enum section. */
const char *key_sections(unsigned sections);
/* Copies the key's member from SRC to DST. */
void key_inherit(const struct key *k, struct td_feed_conf *dst, const struct td_feed_conf *src);

/* VALUE in quotes, safe to show, cut when long. For messages; BUF is returned. */
#define KEY_SHOWN 96
const char *key_shown(char buf[KEY_SHOWN], const char *value);

/* VALUE with what it refers to in its place (gives): "credential:NAME" for values of text,
 * "file:PATH" for secrets, paths relative to FOLDER. CREDENTIALS is $CREDENTIALS_DIRECTORY, NULL =
 * none. NULL and the reason. */
char *key_resolve(const struct key *k, const char *value, const char *folder,
                  const char *credentials, struct td_err *err);
/* The blocks of V, separated by spaces, tabs and commas, into *RET, which is replaced; NAME and
 * TYPE are the key's. */
int key_read_blocks(const char *name, const char *type, const char *v, struct cidr **ret,
                    size_t *ret_n, struct td_err *err);
/* The keys of access that belong together: 0, or -EINVAL and what is wrong with them. */
int key_check_access(const struct td_feed_conf *c, struct td_err *err);

/* A feed's name: 1 to LIMIT_NAME_BYTES of UTF-8 without control characters. */
int feed_name_check(const char *name, struct td_err *err);

#endif
