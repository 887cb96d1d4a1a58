/*
 * auth.h - who may ask over TCP: bearer tokens (RFC 6750), and the checks that keep a page in
 * somebody's browser from asking in his name. Pure.
 *
 * A token can only be sent by who knows it, so a foreign page cannot use it. Host and Origin are
 * looked at all the same: some routes need no token, and a page that has been given an address of
 * this machine by its own name server (DNS rebinding) should not even learn that there is a daemon.
 */
#ifndef TIDINGS_SERVE_AUTH_H
#define TIDINGS_SERVE_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "model/token.h"

enum auth_result {
    AUTH_GOOD,
    AUTH_MISSING, /* no header, or another scheme */
    AUTH_WRONG,   /* no token of ours */
};

/* AUTHORIZATION is that header's value, NULL = none. Takes the same time whichever token it is, and
 * however much of one is right. */
enum auth_result auth_check(const struct td_token *tokens, size_t n, const char *authorization,
                            const struct td_token **ret);

/* May HOST (the header; NULL = none, as in HTTP/1.0) be meant for us? An IP address, localhost, or
 * one of NAMES (joined by '\n', NULL = none); the port is not looked at. */
bool auth_host_ok(const char *host, const char *names);
/* Does a browser's request with this Origin (NULL = none) come from a page of HOST itself? */
bool auth_origin_ok(const char *origin, const char *host);

#endif
