/*
 * Queries as feeds for other readers: who may read one, its addresses, and conditional requests
 * (RFC 9110, 13.1). The documents are made by syndicate.c.
 */
#include "serve/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/saved_query.h"
#include "serve/auth.h"
#include "notify/syndicate.h"
#include "serve/syndicate_access.h"

#define DEFAULT_LIMIT 50
#define ADDRESS_BYTES (LIMIT_URL_BYTES + 4 * LIMIT_QUERY_BYTES)
/* How long a reader need not ask again. */
#define CACHE "max-age=60"

struct work {
    struct item_query query;
    struct syndicate_conf conf;
    int64_t limit, n, last_id, go_on;
    bool more;
    char *text, *title, *self, *first, *base, *hub; /* owned */
    char *none_match, *modified_since;              /* the request's headers */
    struct buf items;
    struct request *q;
};

static void work_free(void *p)
{
    struct work *w = p;
    free(w->text);
    free(w->title);
    free(w->self);
    free(w->first);
    free(w->base);
    free(w->hub);
    free(w->none_match);
    free(w->modified_since);
    buf_free(&w->items);
}

/* ---- who may read it ----------------------------------------------------------------------- */

static bool secret_good(const struct request *q, const char *secret)
{
    const struct td_token *token;
    if (str_empty(secret))
        return false;
    CLEANUP_FREE char *header = xasprintf("Bearer %s", secret);
    return auth_check(q->s->tokens, q->s->n_tokens, header, &token) == AUTH_GOOD;
}

/* Readers can send a password (any name, the token behind it) or have the token in the address. */
bool syndicate_may_read(struct request *q, const char *token, bool open)
{
    char *password = NULL;
    if (!q->stranger || open || secret_good(q, token))
        return true;
    char *name = MHD_basic_auth_get_username_password(q->conn, &password);
    bool good = name && secret_good(q, password);
    if (name)
        MHD_free(name);
    if (password)
        MHD_free(password);
    return good;
}

/* ---- its addresses ------------------------------------------------------------------------- */

/* This request's address, without its page and (for what names the feed) without the token, and on
 * the page below BEFORE unless that is 0. */
static char *address(const struct work *w, bool page, bool token, int64_t before)
{
    const struct request *q = w->q;
    struct buf b = BUF_INIT(ADDRESS_BYTES);
    char c = '?';
    buf_addf(&b, "%s%s", w->base, q->path);
    for (size_t i = 0; i < q->params.n; i++) {
        const char *name = q->params.v[i].name;
        if ((str_eq(name, "before") && (before || !page)) || (str_eq(name, "token") && !token))
            continue;
        buf_addc(&b, c);
        param_encode(&b, name);
        buf_addc(&b, '=');
        param_encode(&b, q->params.v[i].value);
        c = '&';
    }
    if (before)
        buf_addf(&b, "%cbefore=%lld", c, (long long)before);
    return buf_take(&b, NULL);
}

static const char *header(const struct request *q, const char *name)
{
    return MHD_lookup_connection_value(q->conn, MHD_HEADER_KIND, name);
}

char *syndicate_base(const struct request *q)
{
    const char *host = request_host(q);
    if (q->s->public_url)
        return xstrdup(q->s->public_url);
    return xasprintf("http://%.255s", !str_empty(host) ? host : "localhost");
}

/* ---- the question -------------------------------------------------------------------------- */

/* q or query: the text and the title. */
static int choose_query(struct work *w, const struct td_saved_query **ret)
{
    struct request *q = w->q;
    const char *name = param_str(&q->params, "query"), *title = param_str(&q->params, "title");
    const struct td_saved_query *saved = NULL;
    struct query *query;
    struct td_err err;
    if (name && param_str(&q->params, "q")) {
        request_fail(q, 400, "q and query: one of both is allowed");
        return -EINVAL;
    }
    if (name && !(saved = td_saved_query_find(q->s->queries, q->s->n_queries, name))) {
        td_err(&err, -ENOENT, "there is no query %.100s", name);
        request_errno(q, -ENOENT, &err, NULL);
        return -ENOENT;
    }
    if (request_query(q, "q", &query) < 0)
        return -EINVAL;
    query_free(query);
    w->text = xstrdup_or_null(saved ? saved->query : param_str(&q->params, "q"));
    if (title)
        w->title = xstrdup(title);
    else if (saved)
        w->title = xstrdup(saved->title ? saved->title : saved->name);
    else
        w->title = w->text ? xasprintf("tidings: %s", w->text) : xstrdup("tidings");
    *ret = saved;
    return 0;
}

static int begin(struct request *q, enum syndicate_format format)
{
    struct work *w = q->work = xcalloc(1, sizeof *w);
    const struct td_saved_query *saved = NULL;
    struct td_err err;
    q->work_free = work_free;
    w->q = q;
    w->items = BUF_INIT(LIMIT_ANSWER_BYTES);
    w->limit = DEFAULT_LIMIT;
    const char *name = param_str(&q->params, "query");
    const struct td_saved_query *named =
        name ? td_saved_query_find(q->s->queries, q->s->n_queries, name) : NULL;
    if (!syndicate_may_read(q, param_str(&q->params, "token"),
                            named && named->open)) { /* before anything is told of what there is */
        q->challenge = "Basic realm=\"tidings\"";
        return request_fail(q, 401,
                            "a token is needed: as the password, as token=, or as "
                            "Authorization: Bearer TOKEN");
    }
    if (choose_query(w, &saved) < 0)
        return 0;
    if (param_int(&q->params, "limit", 1, LIMIT_PAGE_ITEMS, &w->limit, &err) < 0 ||
        param_int(&q->params, "before", 1, INT64_MAX, &w->query.before_id, &err) < 0)
        return request_errno(q, -EINVAL, &err, NULL);
    w->query.query = w->text;
    w->query.since = w->query.until = TD_NEVER;
    w->query.limit = (int)MIN(w->limit + 1, LIMIT_PAGE_ITEMS);
    w->query.max_ms = LIMIT_QUERY_MS;
    w->query.ret_next = &w->go_on;
    w->base = syndicate_base(q);
    w->hub = xasprintf("%s/v1/hub", w->base);
    w->self = address(w, true, true, 0);
    w->first = address(w, false, false, 0);
    w->none_match = xstrdup_or_null(header(q, MHD_HTTP_HEADER_IF_NONE_MATCH));
    w->modified_since = xstrdup_or_null(header(q, MHD_HTTP_HEADER_IF_MODIFIED_SINCE));
    w->conf = (struct syndicate_conf){.format = format,
                                      .instance = store_instance(q->s->store),
                                      .title = w->title,
                                      .self = w->self,
                                      .first = w->first,
                                      .hub = w->hub,
                                      .updated = TD_NEVER};
    return 0;
}

int api_atom_start(struct request *q)
{
    return begin(q, SYNDICATE_ATOM);
}

int api_rss_start(struct request *q)
{
    return begin(q, SYNDICATE_RSS);
}

int api_jsonfeed_start(struct request *q)
{
    return begin(q, SYNDICATE_JSON);
}

/* ---- the answer ---------------------------------------------------------------------------- */

static int add_item(void *ctx, const struct item_row *row)
{
    struct work *w = ctx;
    size_t before = w->items.len;
    if (w->n == w->limit || asker_closing(w->q->s->asker)) {
        w->more = true;
        return 1;
    }
    if (w->n > 0 && w->conf.format == SYNDICATE_JSON)
        buf_addc(&w->items, ',');
    syndicate_item(&w->items, &w->conf, row);
    if (w->n > 0 && (w->items.overflow || w->items.len > LIMIT_ANSWER_BYTES / 2)) {
        w->items.overflow = false;
        w->items.len = before; /* this one begins the next page */
        w->items.data[before] = 0;
        w->more = true;
        return 1;
    }
    w->conf.updated = MAX(w->conf.updated, row->revised_at);
    w->last_id = row->item_id;
    w->n++;
    return 0;
}

static const char *http_date(char *buf, size_t size, int64_t at)
{
    time_t t = (time_t)(at / 1000);
    struct tm tm;
    buf[0] = 0;
    if (gmtime_r(&t, &tm)) /* the C locale's names: the daemon sets none */
        strftime(buf, size, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return buf;
}

/* Does the reader have this very document? If-None-Match goes before the other (RFC 9110, 13.2.2).
 */
static bool is_unchanged(const struct work *w)
{
    const struct request *q = w->q;
    struct tm tm = {0};
    if (w->none_match)
        return str_eq(w->none_match, "*") || strstr(w->none_match, q->etag);
    if (!w->modified_since || w->conf.updated == TD_NEVER ||
        !strptime(w->modified_since, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        return false;
    return w->conf.updated / 1000 <= (int64_t)timegm(&tm);
}

static void set_validators(struct work *w)
{
    struct request *q = w->q;
    unsigned char h[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    crypto_sha256(buf_str(&q->out), q->out.len, h);
    crypto_hex(h, 16, hex);
    q->etag = xasprintf("\"%s\"", hex);
    /* Not before its second is over: an item that came later in it would have the same date (RFC
     * 9110, 8.8.2.2), and never be told to a reader that has but the date. */
    if (w->conf.updated != TD_NEVER && w->conf.updated / SECOND_MS < clock_now_ms() / SECOND_MS)
        http_date(q->last_modified, sizeof q->last_modified, w->conf.updated);
    q->cache = CACHE;
}

void api_syndicate(struct request *q, struct reader *r)
{
    struct work *w = q->work;
    struct td_err err = {0};
    int result = reader_items(r, &w->query, add_item, w, &err);
    if (result < 0) {
        request_errno(q, result, &err, NULL);
        return;
    }
    bool more = w->more || w->n == LIMIT_PAGE_ITEMS || w->go_on;
    CLEANUP_FREE char *next = more ? address(w, true, true, w->go_on ? w->go_on : w->last_id)
                                   : NULL;
    w->conf.next = next;
    syndicate_document(&q->out, &w->conf, &w->items);
    buf_free(&w->items);
    q->type = syndicate_type(w->conf.format);
    q->link = xasprintf("<%s>; rel=\"self\", <%s>; rel=\"hub\"%s%s%s", w->self, w->hub,
                        next ? ", <" : "", next ? next : "", next ? ">; rel=\"next\"" : "");
    set_validators(w);
    if (!is_unchanged(w))
        return;
    q->status = 304;
    buf_clear(&q->out);
}
