#include "config/keys.h"

#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/keys_access.h"
#include "config/keys_api.h"
#include "config/keys_read.h"
#include "config/queries.h"
#include "config/sub.h"

#define YEAR_MS (366 * DAY_MS)

#define DAEMON(field) \
    .offset = offsetof(struct settings, field), .size = sizeof(((struct settings *)0)->field)
#define FEED(field)                                 \
    .offset = offsetof(struct td_feed_conf, field), \
    .size = sizeof(((struct td_feed_conf *)0)->field)

#define ACCESS(field)                                                                       \
    .offset = offsetof(struct td_access, field), .size = sizeof(char *), .in_access = true, \
    .is_string = true
#define SITE(field) \
    .offset = offsetof(struct td_site, field), .size = sizeof(((struct td_site *)0)->field)

#define QUERY(field)                                  \
    .offset = offsetof(struct td_saved_query, field), \
    .size = sizeof(((struct td_saved_query *)0)->field)

const struct key config_keys[] = {
    {"store", IN_DAEMON, "the path of a file", "/var/lib/tidings/tidings.db",
     "Database with all items; relative to the working directory. Restart to change.", set_path,
     DAEMON(store), .is_string = true, .max = PATH_MAX - 64},
    {"socket", IN_DAEMON, "the path of a file, at most 107 bytes", "/run/tidings/tidings.sock",
     "Unix socket of the API; relative to the working directory. Restart to change.", set_path,
     DAEMON(socket), .is_string = true, .max = 107},
    {"listen", IN_DAEMON, "addresses such as 127.0.0.1:8420 or [::1]:8420, separated by spaces",
     NULL, "TCP addresses of the API, for holders of a [token NAME]. Restart to change.",
     set_listen, DAEMON(listen)},
    {"listen-names", IN_DAEMON, "host names separated by spaces", NULL,
     "Names by which the API is asked over TCP, besides addresses and this machine's own.",
     set_listen_names, DAEMON(listen_names)},
    {"public-url", IN_DAEMON, "an http or https address without a query", NULL,
     "Where others reach the API (a reverse proxy): the beginning of the addresses in its feeds.",
     set_address, DAEMON(public_url), .is_string = true, .max = LIMIT_URL_BYTES},
    {"query", IN_QUERY, "a query, see tidings-query(7)", NULL, "Which items are meant.", set_query,
     QUERY(query)},
    {"title", IN_QUERY, "text of at most 500 bytes", NULL, "The title of its feed; else the name.",
     set_string, QUERY(title), .max = LIMIT_TITLE},
    {"public", IN_QUERY, "yes or no", "no",
     "yes: its feed needs no token at the API's TCP addresses.", set_bool, QUERY(open)},
    {"secret", IN_TOKEN, "credential:NAME, file:/PATH or sha256:HEX", NULL,
     "The token, or its hash; sent as Authorization: Bearer.", set_token_secret,
     .offset = offsetof(struct td_token, sha256), .size = SHA256_BYTES},
    {"scope", IN_TOKEN, "read or write", "read",
     "read: questions and following; write: changes too.", set_token_scope,
     .offset = offsetof(struct td_token, write), .size = sizeof(bool)},
    {"contact", IN_DAEMON, "a URL or mail address in ASCII, without spaces and parentheses", NULL,
     "Whom a site's owner may ask; part of the User-Agent.", set_contact, DAEMON(contact),
     .is_string = true, .max = 256},
    {"allow-addresses", IN_DAEMON, "IP addresses and blocks such as 192.168.0.0/16", NULL,
     "Addresses that feeds may be fetched from although they are not public.", set_allow,
     DAEMON(allow)},
    {"stories", IN_DAEMON, "yes or no", "yes",
     "Whether items are put into stories: what several outlets tell.", set_not,
     DAEMON(stories.off)},
    {"strictness", IN_DAEMON, "0.05 to 0.99", "0.6",
     "How probable it must be that an item tells a story for it to join.", set_strictness,
     DAEMON(stories.strictness), .min = 50, .max = 990},
    {"story-steps", IN_DAEMON, "rising numbers from 2 to 10000, at most 16", "2 3 5 10 20",
     "Numbers of outlets at which a growing story is told again.", set_story_steps, DAEMON(stories),
     .min = 2, .max = 10000},
    {"concurrency", IN_DAEMON, "1 to 1024", "64", "Transfers at once.", set_int,
     DAEMON(concurrency), .min = 1, .max = 1024},
    {"per-host", IN_DAEMON, "1 to 64", "2", "Transfers at once to one host.", set_int,
     DAEMON(per_host), .min = 1, .max = 64},
    {"host-spacing", IN_DAEMON, "a duration from 0 to 1h", "1s",
     "Least time between two requests to one host.", set_duration, DAEMON(host_spacing_ms),
     .min = 0, .max = 3600 * SECOND_MS},
    {"starts-per-second", IN_DAEMON, "0 to 100000; 0 = no limit", "10",
     "Pace of overdue and new feeds after a start, a sleep or an import.", set_int,
     DAEMON(starts_per_s), .min = 0, .max = 100000},
    {"parsers", IN_DAEMON, "auto or 1 to 64", "auto",
     "Parser processes; auto is one for each processor, at most 8. Restart to change.", set_parsers,
     DAEMON(parsers), .min = 1, .max = 64},
    {"log-age", IN_DAEMON, "a duration from 1h to 10y", "90d",
     "Events of the log go when they are older, but not what a named consumer has not had yet.",
     set_duration, DAEMON(log_age_ms), .min = 3600 * SECOND_MS, .max = 3650 * DAY_MS},
    {"log-events", IN_DAEMON, "1000 to 1000000000", "10000000",
     "At most so many events are kept, with the same exception.", set_count, DAEMON(log_events),
     .min = 1000, .max = 1000000000},
    {"log-level", IN_DAEMON, "error, warning, notice, info or debug", "info",
     "The least important lines that are logged.", set_log_level, DAEMON(log_level)},
    {"per-host", IN_SITE, "1 to 64", NULL, "Transfers at once to all hosts of the site together.",
     set_int, SITE(per_host), .min = 1, .max = 64},
    {"host-spacing", IN_SITE, "a duration from 0 to 1h", NULL,
     "Least time between two requests to any host of the site.", set_duration, SITE(spacing_ms),
     .min = 0, .max = 3600 * SECOND_MS},
    {"rate", IN_SITE, "N/DURATION such as 60/1h or 10/min, up to a day", NULL,
     "Most requests to the site in a time, evenly spread.", set_rate, SITE(rate_ms)},
    {"websub-callback", IN_DAEMON, "an http or https URL without query and fragment", NULL,
     "Where hubs reach this daemon from outside; with it feeds with a hub are told by push.",
     set_address, DAEMON(websub_callback), .is_string = true, .max = 1024},
    {"websub-listen", IN_DAEMON, "an address and a port such as 127.0.0.1:8421 or [::1]:8421",
     "127.0.0.1:8421", "Where websub-callback arrives, if it is set: nothing else is served there.",
     set_endpoint, DAEMON(websub_listen)},
    {"url", IN_FEED, "an http, https, file: or exec: address", NULL,
     "Where the feed is. file: is relative to the config file; exec: is a command without a shell.",
     set_url, FEED(url), .is_string = true},
    {"title", IN_FEED, "text of at most 500 bytes", NULL, "Shown in place of the feed's own title.",
     set_string, FEED(title), .is_string = true, .max = LIMIT_TITLE},
    {"tags", IN_DEFAULTS | IN_FEED, "words separated by commas", NULL,
     "Tags of the feed; a feed's own replace those of [defaults].", set_tags, FEED(tags),
     .is_string = true},
    {"enabled", IN_DEFAULTS | IN_FEED, "yes or no", "yes", "no: keep its items, do not fetch it.",
     set_bool, FEED(enabled)},
    {"interval", IN_DEFAULTS | IN_FEED, "auto or a duration of at least min-interval, at most 1y",
     "auto",
     "Time between fetches; auto follows the feed's rhythm. The publisher may ask for longer.",
     set_interval, FEED(interval_ms), .min = SECOND_MS, .max = YEAR_MS},
    {"min-interval", IN_DEFAULTS | IN_FEED, "a duration from 1s to 7d", "5min",
     "Never fetched more often than this.", set_duration, FEED(min_interval_ms), .min = SECOND_MS,
     .max = 7 * DAY_MS},
    {"hints", IN_DEFAULTS | IN_FEED, "obey or ignore", "obey",
     "ignore: max-age, ttl, sy:update* and skip hours do not delay fetches. Retry-After does.",
     set_hints, FEED(ignore_hints)},
    {"push", IN_DEFAULTS | IN_FEED, "yes or no", "yes",
     "no: no subscription at the feed's hub, only polls. See websub-callback.", set_not,
     FEED(no_push)},
    {"robots", IN_DEFAULTS | IN_FEED, "yes or no", "no",
     "yes: only what the host's robots.txt allows is asked for, no more often than it says.",
     set_bool, FEED(robots)},
    {"move-after", IN_DEFAULTS | IN_FEED, "a duration from 0 to 90d", "24h",
     "A permanent redirect is taken over when three polls over this time have seen it.",
     set_duration, FEED(move_after_ms), .min = 0, .max = 90 * DAY_MS},
    {"timeout", IN_DAEMON | IN_DEFAULTS | IN_FEED, "a duration from 1s to 1h", "1min",
     "For a whole transfer or command.", set_duration, FEED(timeout_ms), .min = SECOND_MS,
     .max = 3600 * SECOND_MS},
    {"max-body", IN_DAEMON | IN_DEFAULTS | IN_FEED, "bytes such as 512K or 10M, from 1K to 64M",
     "10M", "Largest document, decoded.", set_bytes, FEED(max_body_bytes), .min = 1 << 10,
     .max = LIMIT_BODY_MAX_BYTES},
    {"retention", IN_DEFAULTS | IN_FEED,
     "forever, an age from 1h (90d), N items, or both: 90d, N items", "forever",
     "What is kept of the feed's items.", set_retention,
     .offset = offsetof(struct td_feed_conf, retention_age_ms), .size = 2 * sizeof(int64_t)},
    {"backlog", IN_DEFAULTS | IN_FEED, "all or a duration from 1s", "24h",
     "On first import only items younger than this are announced.", set_backlog, FEED(backlog_ms),
     .min = SECOND_MS, .max = INT64_MAX},
    {"user", IN_FEED, "text without a colon, credential:NAME or file:PATH", NULL,
     "User name of HTTP Basic; sent to the scheme, host and port of url alone, as all of access.",
     set_user, ACCESS(user), .is_secret = true},
    {"password", IN_FEED, "text, credential:NAME or file:PATH", NULL, "Password of HTTP Basic.",
     set_secret, ACCESS(password), .is_secret = true},
    {"bearer-token", IN_FEED, "text, credential:NAME or file:PATH", NULL,
     "Sent as Authorization: Bearer.", set_secret, ACCESS(bearer), .is_secret = true},
    {"header", IN_FEED, "NAME: VALUE, the value also credential:NAME or file:PATH", NULL,
     "One more request header; may stand several times.", set_header, ACCESS(headers),
     .is_secret = true, .repeats = true},
    {"cookie-file", IN_FEED, "the path of a readable file, or credential:NAME", NULL,
     "Cookies in Netscape format; never written.", set_access_file, ACCESS(cookie_file),
     .is_file = true},
    {"client-cert", IN_FEED, "the path of a readable PEM file, or credential:NAME", NULL,
     "Certificate that is shown to the server.", set_access_file, ACCESS(client_cert),
     .is_file = true},
    {"client-key", IN_FEED, "the path of a readable PEM file, or credential:NAME", NULL,
     "Its key, when that is not in client-cert.", set_access_file, ACCESS(client_key),
     .is_file = true},
    {"client-key-password", IN_FEED, "text, credential:NAME or file:PATH", NULL,
     "Password of the key.", set_secret, ACCESS(client_key_password), .is_secret = true},
    {"ca-file", IN_FEED, "the path of a readable PEM file, or credential:NAME", NULL,
     "Authorities that are trusted in place of the system's.", set_access_file, ACCESS(ca_file),
     .is_file = true},
    {"tls-pin", IN_FEED, "sha256//BASE64 of a public key, several separated by spaces", NULL,
     "The server's key is trusted in place of a certificate chain, and no other is.", set_tls_pin,
     ACCESS(tls_pin)},
    {"allow-addresses", IN_FEED, "IP addresses and blocks such as 192.168.0.0/16", NULL,
     "The same for this feed alone, redirects included.", set_feed_allow,
     .offset = offsetof(struct td_feed_conf, access), .size = sizeof(struct td_access *)},
    {"proxy", IN_DEFAULTS | IN_FEED, "none, or http://, https:// or socks5h:// HOST:PORT", NULL,
     "Way to the server, for redirects too; the environment's is never used.", set_proxy,
     ACCESS(proxy), .is_secret = true},
    {"proxy-user", IN_DEFAULTS | IN_FEED, "text without a colon, credential:NAME or file:PATH",
     NULL, "User name at the proxy.", set_user, ACCESS(proxy_user), .is_secret = true},
    {"proxy-password", IN_DEFAULTS | IN_FEED, "text, credential:NAME or file:PATH", NULL,
     "Password at the proxy.", set_secret, ACCESS(proxy_password), .is_secret = true},
};
const size_t n_config_keys = ARRAY_SIZE(config_keys);
_Static_assert(ARRAY_SIZE(config_keys) <= KEYS_MAX, "the sets of keys are 64 bits");

int key_find_in(const char *name, enum section section)
{
    for (size_t i = 0; i < n_config_keys; i++)
        if (config_keys[i].sections & section && str_eq(name, config_keys[i].name))
            return (int)i;
    return key_find(name);
}

int key_find(const char *name)
{
    for (size_t i = 0; i < n_config_keys; i++)
        if (str_eq(name, config_keys[i].name))
            return (int)i;
    return -1;
}

bool key_is_feeds(const struct key *k)
{
    return k->sections & (IN_DEFAULTS | IN_FEED);
}

void key_inherit(const struct key *k, struct td_feed_conf *dst, const struct td_feed_conf *src)
{
    if (k->in_access) {
        if (src->access && *access_member(k, (struct td_feed_conf *)(uintptr_t)src))
            td_secret_replace(access_member(k, dst),
                              *access_member(k, (struct td_feed_conf *)(uintptr_t)src));
        return;
    }
    char *to = (char *)dst + k->offset;
    const char *from = (const char *)src + k->offset;
    if (k->is_string)
        xreplace((char **)(void *)to, *(char *const *)(const void *)from);
    else
        memcpy(to, from, k->size);
}

const char *key_sections(unsigned sections)
{
    switch (sections) {
    case IN_DAEMON:
        return "[daemon]";
    case IN_FEED:
        return "[feed NAME]";
    case IN_TOKEN:
        return "[token NAME]";
    case IN_QUERY:
        return "[query NAME]";
    case IN_SITE:
        return "[site NAME]";
    case IN_DEFAULTS | IN_FEED:
        return "[defaults] [feed NAME]";
    default:
        return "[daemon] [defaults] [feed NAME]";
    }
}

void settings_describe(struct buf *out)
{
    for (size_t i = 0; i < n_config_keys; i++) {
        const struct key *k = &config_keys[i];
        buf_addf(out, "%s\t%s\t%s\t%s\t%s\n", key_sections(k->sections), k->name, k->type,
                 k->def ? k->def : "", k->help);
    }
    sub_describe(out);
}
