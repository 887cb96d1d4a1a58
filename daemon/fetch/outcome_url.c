/* Redirect targets: where an answer sends us, and whether we go. */
#include "fetch/outcome.h"

#include <errno.h>

#include "base/mem.h"
#include "base/str.h"

/* With https://host/%20 and the like as they are; what must not be raw (space, 8-bit) is escaped.
 */
#define READ_FLAGS (CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE | CURLU_ALLOW_SPACE)

static void url_cleanup(CURLU **u)
{
    curl_url_cleanup(*u);
}
#define CLEANUP_URL CLEANUP(url_cleanup)

static CURLU *url_read(const char *url)
{
    CURLU *u = curl_url();
    if (u && curl_url_set(u, CURLUPART_URL, url, READ_FLAGS) != CURLUE_OK) {
        curl_url_cleanup(u);
        return NULL;
    }
    return u;
}

/* A part as malloc'd text, NULL = not there. */
static char *part(CURLU *u, CURLUPart what, unsigned flags)
{
    char *p = NULL, *copy = NULL;
    if (curl_url_get(u, what, &p, flags) == CURLUE_OK)
        copy = xstrdup(p);
    curl_free(p);
    return copy;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart what, unsigned flags)
{
    CLEANUP_FREE char *pa = part(a, what, flags), *pb = part(b, what, flags);
    return pa && pb && str_caseeq(pa, pb);
}

static bool same_origin(CURLU *a, CURLU *b)
{
    return same_part(a, b, CURLUPART_SCHEME, 0) && same_part(a, b, CURLUPART_HOST, 0) &&
           same_part(a, b, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

bool outcome_same_origin(const char *a, const char *b)
{
    CLEANUP_URL CURLU *ua = url_read(a);
    CLEANUP_URL CURLU *ub = url_read(b);
    return ua && ub && same_origin(ua, ub);
}

char *outcome_host(const char *url)
{
    CLEANUP_URL CURLU *u = url_read(url);
    CLEANUP_FREE char *name = u ? part(u, CURLUPART_HOST, CURLU_PUNYCODE) : NULL;
    /* Once more: what was letters of some kind may have become a number. */
    CLEANUP_FREE char *again = xasprintf("http://%s/", name ? name : "");
    CLEANUP_URL CURLU *v = url_read(again);
    char *host = v ? part(v, CURLUPART_HOST, 0) : NULL;
    return host ? host : xstrdup("");
}

char *outcome_location(const char *base, const char *location)
{
    CLEANUP_URL CURLU *from = url_read(base);
    CLEANUP_URL CURLU *to = from ? curl_url_dup(from) : NULL;
    if (!to || curl_url_set(to, CURLUPART_URL, location, READ_FLAGS) != CURLUE_OK)
        return NULL;
    bool keep = same_origin(from, to);
    CLEANUP_FREE char *user = keep ? part(from, CURLUPART_USER, 0) : NULL;
    CLEANUP_FREE char *password = keep ? part(from, CURLUPART_PASSWORD, 0) : NULL;
    curl_url_set(to, CURLUPART_USER, user, 0);
    curl_url_set(to, CURLUPART_PASSWORD, password, 0);
    curl_url_set(to, CURLUPART_FRAGMENT, NULL, 0);
    return part(to, CURLUPART_URL, 0);
}

char *outcome_public_url(const char *url)
{
    CLEANUP_URL CURLU *u = url_read(url);
    if (!u)
        return xstrdup("an address that cannot be read");
    curl_url_set(u, CURLUPART_USER, NULL, 0);
    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
    char *text = part(u, CURLUPART_URL, 0);
    return text ? text : xstrdup("an address that cannot be read");
}

int outcome_redirect(struct redirect_chain *chain, const char *from, const char *to, bool permanent,
                     struct td_err *err)
{
    CLEANUP_FREE char *shown = outcome_public_url(to);
    if (chain->hops >= LIMIT_REDIRECTS)
        return td_err(err, -ELOOP, "more than %d redirects, the last one to %s", LIMIT_REDIRECTS,
                      shown);
    if (!str_casestarts(to, "http://") && !str_casestarts(to, "https://"))
        return td_err(err, -EPERM, "redirected to %s; only http and https are followed", shown);
    if (str_casestarts(from, "https://") && !str_casestarts(to, "https://"))
        return td_err(err, -EPERM, "redirected from https to unencrypted %s", shown);
    if (strlen(to) > LIMIT_URL_BYTES)
        return td_err(err, -EPERM, "redirected to an address of %zu bytes; at most %d are allowed",
                      strlen(to), LIMIT_URL_BYTES);
    chain->all_permanent = permanent && (chain->hops == 0 || chain->all_permanent);
    chain->hops++;
    return 0;
}
