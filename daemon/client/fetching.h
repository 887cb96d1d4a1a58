/*
 * fetching.h - one fetch outside the daemon, by the daemon's own code: from the network or from a
 * recording (fetch/warc.h), over all its redirects, through the parser, to the decision when the
 * feed is asked next.
 */
#ifndef TIDINGS_CLIENT_FETCHING_H
#define TIDINGS_CLIENT_FETCHING_H

#include <stdbool.h>

#include <ev.h>

#include "config/settings.h"
#include "fetch/fetch.h"
#include "model/exchange.h"

struct fetching {
    struct td_recording *rec;       /* the hops are added to it, or played back from it */
    bool live;                      /* ask the network */
    const struct td_access *access; /* live */
    /* What came of it. */
    struct td_result res;   /* of the last hop */
    struct td_batch *batch; /* NULL = no document was read */
    char *url, *moved_to, *found;
    int n_new, n_hops;
    uint64_t wire_bytes;
    struct td_feed_state state; /* after it, with next_due_at and why */
};

/* REC->conf and ->state say what is asked and how; a recording without them (of another program)
 * gets the defaults. SETTINGS: contact, allow-list; NULL = the built-in ones. 0, or -EBADMSG when
 * the recording is not that of this way, -ENOMEM. A fetch that fails is no error: see res. */
int fetching_run(struct fetching *g, const struct settings *settings, struct td_err *err);
void fetching_fini(struct fetching *g);

#endif
