/*
 * settings.h - feeds.conf as typed values.
 *
 * `settings_load` reads the file and its drop-ins (FILE's folder, `<basename>.d/`*.conf in name
 * order), checks everything and either gives a whole settings object or all problems at once; it
 * never gives half. Later files and lines win in [daemon] and [defaults]; a feed stands in one
 * place. Relative `file:` paths start at the config file's folder, also in drop-ins. Nothing here
 * touches the network or the store. Loop thread only; may take a while for 100,000 feeds, so a
 * reload runs it before anything changes.
 */
#ifndef TIDINGS_CONFIG_SETTINGS_H
#define TIDINGS_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/story.h"
#include "model/cidr.h"
#include "model/endpoint.h"
#include "model/feed.h"
#include "model/sub.h"
#include "model/saved_query.h"
#include "model/token.h"
#include "model/site.h"

struct settings {
    char *path;              /* the config file */
    char *store;             /* path of the database, default /var/lib/tidings/tidings.db */
    char *socket;            /* unix socket of the API, default /run/tidings/tidings.sock */
    struct endpoint *listen; /* TCP addresses of the API; none without a token */
    size_t n_listen;
    char *listen_names; /* host names it may be asked by, joined by '\n', NULL = none */
    struct td_token *tokens;
    size_t n_tokens;
    char *public_url; /* where others reach the API, without a slash at its end; NULL = not said */
    struct td_saved_query *queries; /* [query NAME] */
    size_t n_queries;
    char *contact;         /* URL or mail address for the User-Agent, NULL = the project's */
    char *state_dir;       /* folder of the store: quarantine/ lives beside it */
    char *websub_callback; /* public URL, no slash at its end; NULL = no subscriptions */
    struct endpoint websub_listen; /* where it arrives */
    struct cidr *allow; /* addresses that may be connected to although they are not public */
    size_t n_allow;
    int concurrency;         /* transfers at once */
    int per_host;            /* transfers at once to one host */
    int64_t host_spacing_ms; /* between starts to one host */
    int starts_per_s;        /* pace of overdue and new feeds; 0 = none */
    int parsers;             /* parser children */
    struct td_story_rules stories;
    int log_level;                  /* LOG_* of syslog.h */
    int64_t log_age_ms, log_events; /* what is kept of the event log */
    struct td_site *sites;          /* [site NAME], all values set */
    size_t n_sites;
    struct td_feed_conf
        defaults; /* [defaults]; name and url NULL. Feeds of the API inherit it too */
    struct td_feed_conf **feeds; /* in file order */
    size_t n_feeds;
    struct td_sub_conf **subs; /* [subscription NAME], in file order */
    size_t n_subs;
};

/* 0 and a settings object to free, or -ENOENT/-EACCES/-EINVAL. PROBLEMS (may be NULL) gets one line
 * per problem: "FILE:LINE: what was found; what is allowed\n". */
int settings_load(const char *path, struct settings **ret, struct buf *problems);
void settings_free(struct settings *s); /* accepts NULL */

/* A feed of `tidings add`: the defaults with this URL, name, title and tags (copied). NULL and ERR
 * when one of them is not allowed (URL: only http and https; LIMIT_URL_BYTES; the others: no
 * control characters). NAME NULL: made from host and path, lower case; the caller makes it unique.
 * TITLE NULL: the feed's own; TAGS NULL: those of the defaults. */
struct td_feed_conf *settings_api_feed(const struct settings *s, const char *url, const char *name,
                                       const char *title, const char *tags, struct td_err *err);

/* What a reload changes, by feed name. Borrowed pointers into OLD and NEW. */
struct settings_diff {
    struct td_feed_conf **added, **changed, **removed; /* changed: the new one */
    size_t n_added, n_changed, n_removed;
    bool defaults_changed; /* feeds of the API are to be made anew (settings_api_feed) */
    bool restart_needed;   /* store, socket, listen or parsers changed: said in the log, applied at
                              the next start */
    char restart_why[64];  /* "store and parsers" */
};
void settings_diff(const struct settings *old, const struct settings *new,
                   struct settings_diff *ret);
void settings_diff_fini(struct settings_diff *d);

/* All keys with section, type, default and help, one a line, tab-separated: "[defaults] [feed
 * NAME]\tinterval\tauto or a ...\tauto\tTime between ...". For the check of the documentation. */
void settings_describe(struct buf *out);

#endif
