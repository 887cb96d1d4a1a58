/*
 * hub.h - what somebody asks of our WebSub hub (W3C WebSub, 5). Plain data between serve/ and the
 * daemon's joining code.
 */
#ifndef TIDINGS_MODEL_HUB_H
#define TIDINGS_MODEL_HUB_H

#include <stdbool.h>
#include <stdint.h>

struct td_hub_request { /* all borrowed; LF and other control characters are not in them */
    bool subscribe;     /* else unsubscribe */
    const char *callback;
    const char *topic;  /* the feed's address, as its subscriber wrote it */
    const char *query;  /* what it finds, NULL = all items */
    const char *title;  /* of the feed */
    const char *hub;    /* our own address */
    const char *secret; /* NULL = deliveries are not signed */
    int64_t lease_s;
};

#endif
