#include "config/settings.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/keys.h"
#include "config/url.h"

static int set(struct td_feed_conf *c, const char *key, const char *value, struct td_err *err)
{
    const struct key *k = &config_keys[key_find_in(key, IN_FEED)];
    return value ? k->set(k, c, value, err) : 0;
}

struct td_feed_conf *settings_api_feed(const struct settings *s, const char *url, const char *name,
                                       const char *title, const char *tags, struct td_err *err)
{
    struct td_feed_conf *c = td_feed_conf_copy(&s->defaults);
    c->origin = TD_ORIGIN_API;
    CLEANUP_FREE char *http = url_http(url);
    if (!http)
        td_err(err, -EINVAL, "not an http or https address; allowed: http://... or https://...");
    else if (!utf8_valid(url, strlen(url)))
        td_err(err, -EINVAL, "an address that is not UTF-8; allowed: %%XX in its place");
    else if (url_read(c, url, err) == 0) {
        c->name = name ? xstrdup(name) : url_name(c->url);
        if (feed_name_check(c->name, err) == 0 && set(c, "title", title, err) == 0 &&
            set(c, "tags", tags, err) == 0)
            return c;
    }
    td_feed_conf_free(c);
    return NULL;
}
