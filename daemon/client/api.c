#include "client/api.h"

#include <errno.h>
#include <string.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/place.h"

#define ANSWER_BYTES LIMIT_WIRE_BYTES /* a page of items with their content */
#define PARALLEL     16               /* POSTs of an import at once: each waits for a first fetch */

static char *token_header; /* "Authorization: Bearer ..." */

void api_set_token(const char *token)
{
    free(token_header);
    token_header = token ? xasprintf("Authorization: Bearer %s", token) : NULL;
}

/* One exchange. */
struct call {
    CURL *curl;
    struct curl_slist *headers;
    struct buf answer;
    char *body, *url;
    size_t index;
};

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct call *c = ctx;
    return buf_add(&c->answer, p, size * n) < 0 ? 0 : size * n;
}

static void call_fini(struct call *c)
{
    curl_easy_cleanup(c->curl);
    curl_slist_free_all(c->headers);
    buf_free(&c->answer);
    free(c->body);
    free(c->url);
}

static void call_init(struct call *c, const char *socket, const char *method, const char *path,
                      const json_t *body)
{
    *c = (struct call){.curl = curl_easy_init(), .answer = BUF_INIT(ANSWER_BYTES)};
    bool remote = place_is_url(socket);
    c->url = xasprintf("%s%s", remote ? socket : "http://tidings", path);
    curl_easy_setopt(c->curl, CURLOPT_URL, c->url);
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!remote)
        curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    if (!str_starts(c->url, "https:")) /* http_proxy is not meant for this */
        curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
    if (remote) {
        curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, LIMIT_CLIENT_CONNECT_S);
        curl_easy_setopt(c->curl, CURLOPT_TCP_KEEPALIVE, 1L); /* a follower is silent for long */
        if (token_header)
            c->headers = curl_slist_append(c->headers, token_header);
    }
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
    if (body) {
        c->body = json_dumps(body, JSON_COMPACT);
        c->headers = curl_slist_append(c->headers, "Content-Type: application/json");
        /* no "Expect: 100-continue" round trip for a large body */
        c->headers = curl_slist_append(c->headers, "Expect:");
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, c->body);
    }
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
}

static int no_remote(CURLcode code, const char *url, struct td_err *err)
{
    bool refused = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                   code == CURLE_OPERATION_TIMEDOUT;
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        return td_err(err, -EACCES, "%s: its certificate is not trusted: %s", url,
                      curl_easy_strerror(code));
    return td_err(err,
                  refused                     ? -ECONNREFUSED
                  : code == CURLE_WRITE_ERROR ? -EFBIG
                                              : -ECONNRESET,
                  refused ? "no daemon answers at %s: %s" : "the connection to %s broke: %s", url,
                  curl_easy_strerror(code));
}

/* What a transfer that did not come to an answer means. */
static int no_answer(struct call *c, CURLcode code, const char *socket, struct td_err *err)
{
    long os = 0;
    if (place_is_url(socket))
        return no_remote(code, socket, err);
    curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &os);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return td_err(err, -ETIMEDOUT,
                      "the daemon at %s says nothing for %ld s: is it stopped, or out of file "
                      "descriptors?",
                      socket, LIMIT_CLIENT_SILENCE_S);
    if (code != CURLE_COULDNT_CONNECT)
        return td_err(err, code == CURLE_WRITE_ERROR ? -EFBIG : -ECONNRESET,
                      "the connection to the daemon at %s broke: %s", socket,
                      curl_easy_strerror(code));
    if (os == EACCES || os == EPERM)
        return td_err(err, -EACCES,
                      "you may not use the daemon's socket %s: ask for the group that may, or use "
                      "sudo",
                      socket);
    return td_err(err, -ECONNREFUSED,
                  "no daemon answers at %s: start tidingsd, or name its socket with --socket",
                  socket);
}

static int status_errno(long status)
{
    static const struct {
        long status;
        int error;
    } map[] = {{400, EINVAL}, {401, EACCES},     {421, EPERM},  {403, EPERM},
               {404, ENOENT}, {405, EOPNOTSUPP}, {409, EEXIST}, {410, ESTALE},
               {413, EFBIG},  {502, EBADMSG},    {503, EAGAIN}, {504, ETIMEDOUT}};
    for (size_t i = 0; i < ARRAY_SIZE(map); i++)
        if (map[i].status == status)
            return -map[i].error;
    return -EIO;
}

/* The answer of a finished transfer. */
static int take_answer(struct call *c, CURLcode code, const char *socket, json_t **ret,
                       struct td_err *err)
{
    long status = 0;
    if (code != CURLE_OK)
        return no_answer(c, code, socket, err);
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    json_t *answer = json_loadb(buf_str(&c->answer), c->answer.len, 0, NULL);
    const char *reason = json_string_value(
        json_object_get(json_object_get(answer, "error"), "reason"));
    int r = status / 100 == 2 ? 0 : status_errno(status);
    if (status == 401)
        td_err(err, r, "%s: %s", socket,
               token_header ? "the token is not known there"
                            : "a token is needed: --token-file FILE, or TIDINGS_TOKEN");
    else if (r < 0 && reason)
        td_err(err, r, "%s", reason);
    else if (r < 0)
        td_err(err, r, "the daemon answered with HTTP status %ld", status);
    if (r == 0 && ret && !answer)
        r = td_err(err, -EIO, "the daemon's answer is no JSON");
    if (ret)
        *ret = answer;
    else
        json_decref(answer);
    return r;
}

int api_call(const char *socket, const char *method, const char *path, const json_t *body,
             json_t **ret, struct td_err *err)
{
    struct call c;
    call_init(&c, socket, method, path, body);
    if (str_eq(method, "GET")) { /* a deed may take as long as it takes */
        curl_easy_setopt(c.curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(c.curl, CURLOPT_LOW_SPEED_TIME, LIMIT_CLIENT_SILENCE_S);
    }
    int r = take_answer(&c, curl_easy_perform(c.curl), socket, ret, err);
    call_fini(&c);
    return r;
}

struct tick {
    api_tick_fn *fn;
    void *ctx;
};

static int on_tick(void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
                   curl_off_t ulnow)
{
    struct tick *t = ctx;
    t->fn(t->ctx);
    return 0;
}

static void set_tick(CURL *curl, struct tick *t)
{
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_tick);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
}

int api_call_long(const char *socket, const char *method, const char *path, const json_t *body,
                  api_tick_fn *tick, void *ctx, json_t **ret, struct td_err *err)
{
    struct call c;
    struct tick t = {tick, ctx};
    call_init(&c, socket, method, path, body);
    set_tick(c.curl, &t);
    int r = take_answer(&c, curl_easy_perform(c.curl), socket, ret, err);
    call_fini(&c);
    return r;
}

int api_call_bytes(const char *socket, const char *method, const char *path, const json_t *body,
                   api_tick_fn *tick, void *ctx, struct buf *ret, struct td_err *err)
{
    struct call c;
    struct tick t = {tick, ctx};
    call_init(&c, socket, method, path, body);
    set_tick(c.curl, &t);
    int r = take_answer(&c, curl_easy_perform(c.curl), socket, NULL, err);
    if (r == 0 && buf_add(ret, buf_str(&c.answer), c.answer.len) < 0)
        r = td_err(err, -EFBIG, "the daemon's answer is too large");
    call_fini(&c);
    return r;
}

bool api_answers(const char *socket)
{
    return api_call(socket, "GET", "/healthz", NULL, NULL, NULL) == 0;
}

/* ---- streams ------------------------------------------------------------------------------- */

struct stream {
    struct call call;
    api_line_fn *line;
    void *ctx;
    int stopped; /* what LINE returned */
};

static size_t on_stream(char *p, size_t size, size_t n, void *ctx)
{
    struct stream *s = ctx;
    struct buf *b = &s->call.answer;
    size_t from = b->len, done = 0;
    long status = 0;
    n *= size;
    if (buf_add(b, p, n) < 0)
        return 0;
    curl_easy_getinfo(s->call.curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return n; /* an error's text, read at the end */
    for (char *nl; (nl = memchr(b->data + from, '\n', b->len - from)); from = done) {
        size_t len = (size_t)(nl - (b->data + done));
        s->stopped = len ? s->line(s->ctx, b->data + done, len) : 0; /* empty: keep-alive */
        if (s->stopped)
            return 0;
        done += len + 1;
    }
    buf_consume(b, done);
    return n;
}

int api_stream(const char *socket, const char *path, api_line_fn *line, api_tick_fn *tick,
               void *ctx, struct td_err *err)
{
    struct tick t = {tick, ctx};
    struct stream s = {.line = line, .ctx = ctx};
    long status = 0;
    call_init(&s.call, socket, "GET", path, NULL);
    s.call.headers = curl_slist_append(s.call.headers, "Accept: application/jsonl");
    curl_easy_setopt(s.call.curl, CURLOPT_HTTPHEADER, s.call.headers);
    set_tick(s.call.curl, &t);
    curl_easy_setopt(s.call.curl, CURLOPT_WRITEFUNCTION, on_stream);
    curl_easy_setopt(s.call.curl, CURLOPT_WRITEDATA, &s);
    CURLcode code = curl_easy_perform(s.call.curl);
    curl_easy_getinfo(s.call.curl, CURLINFO_RESPONSE_CODE, &status);
    int r = s.stopped;
    if (!r && (code != CURLE_OK || status != 200))
        r = take_answer(&s.call, code, socket, NULL, err);
    call_fini(&s.call);
    return r;
}

/* ---- many ---------------------------------------------------------------------------------- */

struct many {
    const char *socket, *path;
    json_t *const *bodies;
    size_t n, next, running;
    CURLM *multi;
    api_done_fn *done;
    void *ctx;
};

static void start_one(struct many *m)
{
    struct call *c = xmalloc(sizeof *c);
    call_init(c, m->socket, "POST", m->path, m->bodies[m->next]);
    c->index = m->next++;
    curl_easy_setopt(c->curl, CURLOPT_PRIVATE, c);
    curl_multi_add_handle(m->multi, c->curl);
    m->running++;
}

static int finish_one(struct many *m, CURL *curl, CURLcode code, struct td_err *ret_err)
{
    struct call *c = NULL;
    json_t *answer = NULL;
    struct td_err err = {{0}};
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&c);
    int r = take_answer(c, code, m->socket, &answer, &err);
    int stop = m->done(m->ctx, c->index, r, &err, answer);
    if (stop && ret_err)
        *ret_err = err;
    json_decref(answer);
    curl_multi_remove_handle(m->multi, curl);
    call_fini(c);
    free(c);
    m->running--;
    return stop;
}

int api_post_many(const char *socket, const char *path, json_t *const *bodies, size_t n,
                  api_done_fn *done, void *ctx, struct td_err *err)
{
    struct many m = {socket, path, bodies, n, 0, 0, curl_multi_init(), done, ctx};
    int stop = 0;
    while (m.running || (m.next < n && !stop)) {
        int running, left;
        while (m.running < PARALLEL && m.next < n && !stop)
            start_one(&m);
        curl_multi_perform(m.multi, &running);
        for (CURLMsg *msg; (msg = curl_multi_info_read(m.multi, &left));) {
            int r = finish_one(&m, msg->easy_handle, msg->data.result, err);
            stop = stop ? stop : r;
        }
        if (m.running)
            curl_multi_poll(m.multi, NULL, 0, 200, NULL);
    }
    curl_multi_cleanup(m.multi);
    return stop;
}

/* ---- addresses ----------------------------------------------------------------------------- */

static void add_encoded(struct buf *b, const char *s)
{
    for (; *s; s++) {
        unsigned char ch = (unsigned char)*s;
        if ((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
            strchr("-._~", ch))
            buf_addc(b, *s);
        else
            buf_addf(b, "%%%02X", ch);
    }
}

void api_add_param(struct buf *path, const char *key, const char *value)
{
    if (!value)
        return;
    buf_addf(path, "%c%s=", strchr(buf_str(path), '?') ? '&' : '?', key);
    add_encoded(path, value);
}

void api_add_segment(struct buf *path, const char *segment)
{
    buf_addc(path, '/');
    add_encoded(path, segment);
}
