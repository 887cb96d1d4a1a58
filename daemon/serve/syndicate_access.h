/*
 * syndicate_access.h - who may read a feed, and where it is: of api_syndicate.c, for the hub too.
 */
#ifndef TIDINGS_SERVE_SYNDICATE_ACCESS_H
#define TIDINGS_SERVE_SYNDICATE_ACCESS_H

#include <stdbool.h>

struct request;

/* May Q's sender read a feed that is OPEN to all, or has TOKEN in its address (NULL = none)? */
bool syndicate_may_read(struct request *q, const char *token, bool open);
/* Where others reach the API: as the config says, else as it was asked (gives). */
char *syndicate_base(const struct request *q);

#endif
