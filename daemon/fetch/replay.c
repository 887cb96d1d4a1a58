#include "fetch/record.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

struct replay {
    struct ev_loop *loop;
    ev_io listening, reading, writing; /* of the server's end; fd -1 = not connected */
    struct buf answer;
    size_t sent;
    char last[4]; /* of the request: where its header ends */
};

static void on_request(struct ev_loop *loop, ev_io *w, int revents)
{
    struct replay *r = w->data;
    char part[4096];
    ssize_t n;
    while ((n = read(w->fd, part, sizeof part)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            memmove(r->last, r->last + 1, sizeof r->last - 1);
            r->last[sizeof r->last - 1] = part[i];
            if (memcmp(r->last, "\r\n\r\n", 4) == 0)
                ev_io_start(loop, &r->writing);
        }
    }
    if (n == 0)
        ev_io_stop(loop, w);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct replay *r = w->data;
    ssize_t n = send(w->fd, r->answer.data + r->sent, r->answer.len - r->sent, MSG_NOSIGNAL);
    if (n > 0)
        r->sent += (size_t)n;
    if (r->sent < r->answer.len && n >= 0)
        return;
    ev_io_stop(loop, w);
    shutdown(w->fd, SHUT_WR);
}

static void on_connection(struct ev_loop *loop, ev_io *w, int revents)
{
    struct replay *r = w->data;
    int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    ev_io_stop(loop, w); /* one is all there is */
    ev_io_set(&r->reading, fd, EV_READ);
    ev_io_set(&r->writing, fd, EV_WRITE);
    ev_io_start(loop, &r->reading);
}

/* A socket in no file system and on no network, with a name that the kernel chose (unix(7),
 * autobind): NAME is what stands behind its NUL. */
static int listen_nowhere(char name[sizeof(struct sockaddr_un)])
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    socklen_t n = sizeof a;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a.sun_family) < 0 || listen(fd, 1) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) < 0)
        abort(); /* out of descriptors in a command that has a handful */
    size_t len = n - offsetof(struct sockaddr_un, sun_path) - 1;
    memcpy(name, a.sun_path + 1, len);
    name[len] = 0;
    return fd;
}

/* Any host will do: nothing is connected to it. The path keeps its bytes. */
static void set_url(CURL *easy, const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host ? host + 3 + strcspn(host + 3, "/?#") : "/";
    CLEANUP_FREE char *local = xasprintf("http://127.0.0.1%s%s", *path == '/' ? "" : "/", path);
    curl_easy_setopt(easy, CURLOPT_URL, local);
}

/* What libcurl writes of an HTTP/2 answer, as the HTTP/1 answer that it can read again. */
static void add_answer(struct buf *out, const struct buf *answer)
{
    const char *p = buf_str(answer), *end = p + answer->len;
    while (end - p > 7 && memcmp(p, "HTTP/2 ", 7) == 0) {
        const char *header_end = memmem(p, (size_t)(end - p), "\r\n\r\n", 4);
        header_end = header_end ? header_end + 4 : end;
        buf_adds(out, "HTTP/1.1");
        buf_add(out, p + 6, (size_t)(header_end - p - 6));
        p = header_end; /* an answer may follow its interim answers */
    }
    buf_add(out, p, (size_t)(end - p));
}

struct replay *replay_new(struct ev_loop *loop, const struct td_exchange *x, CURL *easy)
{
    struct replay *r = xcalloc(1, sizeof *r);
    char name[sizeof(struct sockaddr_un)];
    r->loop = loop;
    r->answer = BUF_INIT(x->answer.len + 64);
    add_answer(&r->answer, &x->answer);
    ev_io_init(&r->listening, on_connection, listen_nowhere(name), EV_READ);
    ev_io_init(&r->reading, on_request, -1, EV_READ);
    ev_io_init(&r->writing, on_writable, -1, EV_WRITE);
    r->listening.data = r->reading.data = r->writing.data = r;
    ev_io_start(loop, &r->listening);
    set_url(easy, x->url);
    curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, name);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, NULL);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, NULL);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    return r;
}

void replay_free(struct replay *r)
{
    if (!r)
        return;
    ev_io_stop(r->loop, &r->listening);
    ev_io_stop(r->loop, &r->reading);
    ev_io_stop(r->loop, &r->writing);
    close(r->listening.fd);
    mem_close_p(&r->reading.fd);
    buf_free(&r->answer);
    free(r);
}

void replay_end(const struct td_exchange *x, struct exchange *end)
{
    end->now_ms = x->ended_at;
    end->proxy = x->proxy;
    end->let_in = x->let_in;
    end->bound_to = x->bound_to;
    if (!x->code)
        return;
    end->code = (CURLcode)x->code;
    end->curl_error = x->words ? x->words : "";
    end->os_errno = x->os_errno;
}
