/*
 * message.h - what RFC 9112 asks of a server, and libmicrohttpd does not look at. Pure but for
 * asking libmicrohttpd for header fields.
 */
#ifndef TIDINGS_SERVE_MESSAGE_H
#define TIDINGS_SERVE_MESSAGE_H

#include <stddef.h>

#include <microhttpd.h>

/* The path and query of TARGET, which may be in absolute form (3.2.2: "http://HOST/PATH"): borrowed
 * from it; "" for a path that is not there. *RET_HOST: HOST of an absolute one, of *RET_N bytes,
 * which counts in place of the Host field; NULL = it is in origin form. */
const char *message_target(const char *target, const char **ret_host, size_t *ret_n);

/* Where does the body of the request end, and for whom is it? 0 when there is one answer to that;
 * else a status and the REASON, and the connection must be closed behind the answer: another
 * machine on the way may have read it in another way (6.1, 6.3, 11.2: request smuggling). */
int message_check(struct MHD_Connection *conn, const char *version, const char **reason);

#endif
