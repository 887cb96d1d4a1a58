/*
 * access.h - a feed's access settings (model/access.h) on one request of libcurl. Loop thread.
 */
#ifndef TIDINGS_FETCH_ACCESS_H
#define TIDINGS_FETCH_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "model/cidr.h"
#include "model/fetch.h"

/* Does URL have the scheme, host and port of the address that REQ's credentials belong to? */
bool access_is_home(const struct td_request *req);
/* The proxy's URL, NULL = the connection goes straight to the host. */
const char *access_proxy(const struct td_request *req);
/* Sets what REQ's feed brings along, header lines at the end of *HEADERS. After all other options
 * of certificates. True: EASY holds what no other request may have (cookies) and is not for use
 * again. */
bool access_set(CURL *easy, const struct td_request *req, struct curl_slist **headers);

/* Behind a proxy the guard sees the proxy's address. It may be connected to when the config names
 * that very address (a name is judged like any other); the target is judged here as far as it is
 * written in the URL: the proxy alone knows what a name means. NULL = go ahead, else the guard's
 * word for the host of URL. */
const char *access_refuses_target(const struct cidr *allow, size_t n_allow, const char *url);
bool access_names_address(const char *proxy, const char *ip);

#endif
