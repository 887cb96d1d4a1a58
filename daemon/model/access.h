/*
 * access.h - what one feed needs to be let in: credentials, certificates, a proxy.
 *
 * Plain data, made by config/, used by fetch/. Everything but the proxy is bound to scheme, host
 * and port of the feed's own address: a redirect to anywhere else goes without it (FETCHING H3).
 * The proxy is the way out of the house and serves every hop. Secrets are overwritten before their
 * memory is given back; they are written nowhere: not into the store, a log, an error, an answer.
 */
#ifndef TIDINGS_MODEL_ACCESS_H
#define TIDINGS_MODEL_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "model/cidr.h"

/* NULL = not given. */
struct td_access {
    char *user, *password;                                /* Basic (RFC 7617) */
    char *bearer;                                         /* Bearer (RFC 6750) */
    char *headers;                                        /* "Name: value" lines joined by '\n' */
    char *cookie_file;                                    /* Netscape format; only read */
    char *client_cert, *client_key, *client_key_password; /* PEM files */
    char *ca_file; /* PEM; trusted in place of the system's authorities */
    char *tls_pin; /* "sha256//BASE64", several joined by ';'; trusted in place of a chain */
    char *proxy;   /* http://, https:// or socks5h:// HOST:PORT, without a user */
    char *proxy_user, *proxy_password;
    struct cidr *allow; /* addresses for this feed alone, beside those of the daemon; every hop */
    size_t n_allow;
};

/* NULL gives NULL. */
struct td_access *td_access_copy(const struct td_access *a);
void td_access_free(struct td_access *a); /* accepts NULL */
bool td_access_same(const struct td_access *a, const struct td_access *b);

/* Overwrites the string at *P, frees it and stores a copy of S (may be NULL). */
void td_secret_replace(char **p, const char *s);

/* Is there anything that is sent to the feed's own address alone? */
bool td_access_is_bound(const struct td_access *a);
/* "basic, proxy socks5h://127.0.0.1:9050": what is there, without any secret. Accepts NULL. */
void td_access_words(struct buf *out, const struct td_access *a);
/* Calls FN for each text that must not be seen, also in the forms in which it is sent. */
void td_access_secrets(const struct td_access *a, void (*fn)(void *ctx, const char *secret),
                       void *ctx);

#endif
