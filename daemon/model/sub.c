#include "model/sub.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str.h"

const char *const td_sink_names[TD_SINKS] = {"stream", "webhook", "exec", "file", "mail"};
const char *const td_sub_format_names[TD_SUB_FORMATS] = {
    "standard", "cloudevents", "cloudevents-binary", "ntfy", "apprise", "slack", "discord",
    "matrix",   "websub"};

const char *const td_sub_per_names[TD_SUB_PERS] = {"item", "article", "story"};

static void free_words(char **words)
{
    for (char **w = words; w && *w; w++)
        free(*w);
    free(words);
}

static char **copy_words(char *const *words)
{
    size_t n = 0;
    if (!words)
        return NULL;
    while (words[n])
        n++;
    char **copy = xcalloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = xstrdup(words[i]);
    return copy;
}

static bool same_words(char *const *a, char *const *b)
{
    if (!a || !b)
        return a == b;
    for (; *a && *b; a++, b++)
        if (!str_eq(*a, *b))
            return false;
    return *a == *b;
}

void td_sub_conf_free(struct td_sub_conf *c)
{
    if (!c)
        return;
    free(c->name);
    free(c->target);
    free_words(c->argv);
    free(c->query);
    free(c->events);
    free(c->secrets);
    free(c->authorization);
    free(c->topic);
    free(c->from);
    free(c->allow);
    free(c->hub_topic);
    free(c->hub_url);
    free(c->hub_title);
    free(c->hub_secret);
    free(c);
}

struct td_sub_conf *td_sub_conf_copy(const struct td_sub_conf *c)
{
    struct td_sub_conf *n = xmalloc(sizeof *n);
    *n = *c;
    n->name = xstrdup_or_null(c->name);
    n->target = xstrdup_or_null(c->target);
    n->argv = copy_words(c->argv);
    n->query = xstrdup_or_null(c->query);
    n->events = xstrdup_or_null(c->events);
    n->secrets = xstrdup_or_null(c->secrets);
    n->authorization = xstrdup_or_null(c->authorization);
    n->topic = xstrdup_or_null(c->topic);
    n->from = xstrdup_or_null(c->from);
    n->hub_topic = xstrdup_or_null(c->hub_topic);
    n->hub_url = xstrdup_or_null(c->hub_url);
    n->hub_title = xstrdup_or_null(c->hub_title);
    n->hub_secret = xstrdup_or_null(c->hub_secret);
    n->allow = NULL;
    if (c->n_allow) {
        n->allow = xcalloc(c->n_allow, sizeof *n->allow);
        memcpy(n->allow, c->allow, c->n_allow * sizeof *n->allow);
    }
    return n;
}

bool td_sub_conf_same(const struct td_sub_conf *a, const struct td_sub_conf *b)
{
    return str_same(a->name, b->name) && a->origin == b->origin && a->sink == b->sink &&
           str_same(a->target, b->target) && same_words(a->argv, b->argv) &&
           str_same(a->query, b->query) && str_same(a->events, b->events) &&
           a->format == b->format && a->handshake == b->handshake && a->per == b->per &&
           a->strictness == b->strictness && str_same(a->secrets, b->secrets) &&
           str_same(a->authorization, b->authorization) && str_same(a->topic, b->topic) &&
           str_same(a->from, b->from) && str_same(a->hub_topic, b->hub_topic) &&
           str_same(a->hub_url, b->hub_url) && str_same(a->hub_title, b->hub_title) &&
           str_same(a->hub_secret, b->hub_secret) && a->hub_expires_at == b->hub_expires_at &&
           a->batch == b->batch && a->collect_ms == b->collect_ms && a->n_retry == b->n_retry &&
           memcmp(a->retry_ms, b->retry_ms, (size_t)a->n_retry * sizeof *a->retry_ms) == 0 &&
           a->answer_timeout_ms == b->answer_timeout_ms && a->rotate_bytes == b->rotate_bytes &&
           a->n_allow == b->n_allow &&
           (!a->n_allow || memcmp(a->allow, b->allow, a->n_allow * sizeof *a->allow) == 0);
}

ssize_t td_secret_decode(const char *text, unsigned char out[TD_SECRET_MAX])
{
    if (!str_starts(text, "whsec_"))
        return -EINVAL;
    ssize_t n = base64_decode(text + strlen("whsec_"), out, TD_SECRET_MAX);
    return n < 24 ? -EINVAL : n;
}
