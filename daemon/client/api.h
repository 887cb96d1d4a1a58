/*
 * api.h - the daemon's HTTP API (docs/API.md), with libcurl: over its unix socket, or over TCP.
 *
 * SOCKET is the path of the unix socket, or http://HOST:PORT or https://HOST/PREFIX (place.h); over
 * TCP the token of api_set_token goes along.
 */
#ifndef TIDINGS_CLIENT_API_H
#define TIDINGS_CLIENT_API_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* The token for all calls over TCP from now on (copied); NULL = none. */
void api_set_token(const char *token);

/* One call: METHOD, PATH with its query, BODY (borrowed; NULL = none) as JSON. 0 and the parsed
 * answer (NULL RET: not wanted), or a negative errno with the reason:
 *   -ECONNREFUSED  no daemon answers
 *   -ETIMEDOUT     to a GET it says nothing for half a minute
 *   -EACCES        the socket may not be used, the token is missing or wrong: the reason says what
 * to do others         what the daemon said: -EINVAL 400, -EPERM 403, -ENOENT 404, -EEXIST 409,
 *                  -ESTALE 410, -EBADMSG 502, -EAGAIN 503, -ETIMEDOUT 504, -EIO and so on
 * RET gets the error's object too, when there is one. */
int api_call(const char *socket, const char *method, const char *path, const json_t *body,
             json_t **ret, struct td_err *err);

/* The same for what may take long: TICK is called about once a second meanwhile. */
typedef void api_tick_fn(void *ctx);
int api_call_long(const char *socket, const char *method, const char *path, const json_t *body,
                  api_tick_fn *tick, void *ctx, json_t **ret, struct td_err *err);

/* The same for an answer that is no JSON: its bytes are added to RET. */
int api_call_bytes(const char *socket, const char *method, const char *path, const json_t *body,
                   api_tick_fn *tick, void *ctx, struct buf *ret, struct td_err *err);

/* Is a daemon there? */
bool api_answers(const char *socket);

/* Reads PATH as JSON Lines until the connection ends or LINE returns non-zero (then that is
 * returned); TICK is called about once a second. 0: the daemon closed it. Errors as above;
 * -ECONNRESET when it broke. */
typedef int api_line_fn(void *ctx, const char *line, size_t n);
int api_stream(const char *socket, const char *path, api_line_fn *line, api_tick_fn *tick,
               void *ctx, struct td_err *err);

/* The same POST for N bodies, some at once; DONE is called once for each, in any order, with the
 * result of api_call. Returns when all are done, or DONE returned non-zero. */
typedef int api_done_fn(void *ctx, size_t i, int result, const struct td_err *err, json_t *answer);
int api_post_many(const char *socket, const char *path, json_t *const *bodies, size_t n,
                  api_done_fn *done, void *ctx, struct td_err *err);

/* Adds "?key=value" or "&key=value", percent-encoded; nothing for a NULL value. */
void api_add_param(struct buf *path, const char *key, const char *value);
/* Adds one path segment, percent-encoded. */
void api_add_segment(struct buf *path, const char *segment);

#endif
