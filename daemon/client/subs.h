/*
 * subs.h - what the commands about subscriptions share.
 */
#ifndef TIDINGS_CLIENT_SUBS_H
#define TIDINGS_CLIENT_SUBS_H

#include <jansson.h>

#include "client/client.h"

/* METHOD on /v1/subscriptions/NAME/WHAT (both may be NULL), which may take long: as api_call_long.
 */
int subs_call(struct client *c, const char *method, const char *name, const char *what,
              const json_t *body, json_t **ret, struct td_err *err);

#endif
