/*
 * sub.h - a subscription: what a consumer wants to be told, where to, and how patiently.
 *
 * Plain data between config/ (or an API request), the daemon's joining code and notify/.
 */
#ifndef TIDINGS_MODEL_SUB_H
#define TIDINGS_MODEL_SUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"
#include "model/cidr.h"
#include "model/feed.h"

enum td_sink { TD_SINK_STREAM, TD_SINK_WEBHOOK, TD_SINK_EXEC, TD_SINK_FILE, TD_SINK_MAIL };
#define TD_SINKS 5
/* "stream", "webhook", ... */
extern const char *const td_sink_names[TD_SINKS];

/* What a webhook's body is. */
enum td_sub_format {
    TD_FORMAT_STANDARD, /* Standard Webhooks: {"type","timestamp","data"} */
    TD_FORMAT_CLOUDEVENTS,
    TD_FORMAT_CLOUDEVENTS_BINARY,
    TD_FORMAT_NTFY,
    TD_FORMAT_APPRISE,
    TD_FORMAT_SLACK,
    TD_FORMAT_DISCORD,
    TD_FORMAT_MATRIX,
    TD_FORMAT_WEBSUB, /* made by our hub (hub.h): the members hub_... */
};
#define TD_SUB_FORMATS 9
extern const char *const td_sub_format_names[TD_SUB_FORMATS];

/* What an event is told for. */
enum td_sub_per { TD_PER_ITEM, TD_PER_ARTICLE, TD_PER_STORY };
#define TD_SUB_PERS 3
extern const char *const td_sub_per_names[TD_SUB_PERS];

struct td_sub_conf {
    char *name;
    enum td_origin origin;
    enum td_sink sink;
    char *target;        /* webhook: URL; file: path; mail: addresses joined by '\n'; else NULL */
    char **argv;         /* exec: the command; mail: the sendmail-compatible one; NULL-terminated */
    char *query;         /* NULL = every event of these kinds */
    char *events;        /* kinds joined by '\n' ("item.new", "feed.*"); NULL = all */
    enum td_sub_per per; /* STORY: `events` are those of stories */
    int strictness;      /* per story: items that are in theirs with less than these thousandths are
                            told by themselves; 0 = none */
    enum td_sub_format format;
    bool handshake;      /* cloudevents: the receiver is asked first whether it wants them */
    char *secrets;       /* of signatures, "whsec_..." joined by '\n'; NULL = unsigned */
    char *authorization; /* value of the header, NULL = none */
    char *topic;         /* of ntfy; the tag of Apprise; NULL = as the URL says */
    char *from;          /* of mail; NULL = tidings@HOST */
    int batch;           /* events in one message at most */
    int64_t collect_ms;  /* a message waits so long for company */
    int64_t retry_ms[LIMIT_SUB_RETRIES]; /* pause before attempt i; the first is usually 0 */
    int n_retry;                         /* attempts in all */
    int64_t answer_timeout_ms;           /* for the sink's answer */
    int64_t rotate_bytes;                /* file: a new one when it is larger; 0 = never */
    struct cidr *allow;                  /* webhook: addresses beside those of the daemon */
    size_t n_allow;
    char *hub_topic, *hub_url; /* websub: the feed's address and our hub's */
    char *hub_title;           /* of the feed; NULL = none */
    char *hub_secret;          /* NULL = deliveries are not signed */
    int64_t hub_expires_at;    /* the end of its lease */
};

/* How far a subscription has come, as it is stored. */
struct td_sub_state {
    int64_t seq;           /* everything up to it is settled */
    int64_t batch_upto;    /* last seq of the batch that is being tried again; 0 = none */
    int failures;          /* of that batch, in a row */
    int64_t failing_since; /* the first failure after the last success; TD_NEVER = none */
    int64_t next_try_at;   /* TD_NEVER = at once */
    bool paused;           /* by a user */
    bool disabled;         /* the consumer said that it is gone (410) */
};

/* A secret of Standard Webhooks, "whsec_" and base64 of 24 to 64 bytes, into OUT: its length, or
 * -EINVAL. */
#define TD_SECRET_MAX 64
ssize_t td_secret_decode(const char *text, unsigned char out[TD_SECRET_MAX]);

void td_sub_conf_free(struct td_sub_conf *c); /* accepts NULL */
struct td_sub_conf *td_sub_conf_copy(const struct td_sub_conf *c);
/* The same in everything. */
bool td_sub_conf_same(const struct td_sub_conf *a, const struct td_sub_conf *b);

#endif
