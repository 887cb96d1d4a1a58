/*
 * exchange.h - a recorded fetch: the bytes of each hop, and all that decided what they meant.
 *
 * Made by fetch/ (td_request.record), written and read by fetch/warc.h, played back by fetch/
 * (td_request.replay). What is recorded is what stood on the wire, but for secrets, which are
 * overwritten with as many 'x'.
 */
#ifndef TIDINGS_MODEL_EXCHANGE_H
#define TIDINGS_MODEL_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/fetch.h"

/* One hop. */
struct td_exchange {
    struct td_exchange *next;
    char *url; /* without user */
    int64_t asked_at, ended_at;
    char *ip;                   /* of the peer (a proxy's, behind one); NULL = no connection */
    bool is_http;               /* false: `answer` is the document of a file or command */
    bool cut;                   /* the answer was longer than what is kept */
    struct buf request, answer; /* header and body as they were sent (HTTP/2: as HTTP/1 writes it,
                                   without frames) */
    /* How it ended. CODE is libcurl's (0 = whole), WORDS its own. */
    int code, os_errno;
    char *words;
    enum td_outcome outcome;
    char *reason; /* of a failure, in our words */
    char *proxy, *bound_to;
    bool let_in; /* as struct exchange of fetch/outcome.h */
};

struct td_recording {
    struct td_exchange *hops; /* in the order of time */
    char *software;           /* "tidings/0.1.0" */
    char *feed;               /* name of a known feed; NULL = the address was given */
    bool full;                /* the whole document was asked for: no validators were sent */
    /* The settings and the state before, as far as they decide; strings: url and validators. */
    struct td_feed_conf conf;
    struct td_feed_state state;
    /* What the store said: what would become of each entry of the document, in its order (enum
     * td_fate as characters), NULL = not asked; and the daemon's own decision. */
    char *fates;
    int64_t decided_at; /* 0 = nobody has decided yet */
    int64_t next_due_at;
    char *why;
};

/* What a commit makes of an entry. */
enum td_fate {
    TD_FATE_NEW = 'n',
    TD_FATE_BACKLOG = 'b', /* new, but not announced */
    TD_FATE_CHANGED = 'c',
    TD_FATE_KNOWN = 'k',
    TD_FATE_DOUBLE = 'd', /* the same item as another entry of the document */
};

/* A zeroed exchange with room for an answer to a request with this body limit, at the end of REC's
 * list. */
struct td_exchange *td_recording_add(struct td_recording *rec, size_t max_body_bytes);
void td_recording_fini(struct td_recording *rec);

/* Overwrites what must not be seen in X: credentials, cookies, and each secret of ACCESS (may be
 * NULL) wherever it stands. */
void td_exchange_redact(struct td_exchange *x, const struct td_access *access);

#endif
