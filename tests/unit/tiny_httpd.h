/*
 * tiny_httpd.h - a server on loopback that answers with whatever bytes a test wants, well-formed or
 * not. A thread per connection, blocking sockets; everything ends with httpd_stop.
 */
#ifndef TIDINGS_TESTS_TINY_HTTPD_H
#define TIDINGS_TESTS_TINY_HTTPD_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct httpd;
/* Answers one request on FD; REQUEST is its header as text. True: keep the connection. */
typedef bool httpd_answer_fn(struct httpd *s, int fd, const char *request);

#define HTTPD_MAX 256
struct httpd {
    int fd, port;
    httpd_answer_fn *answer;
    pthread_t accepter;
    pthread_mutex_t lock;
    pthread_t threads[HTTPD_MAX];
    int fds[HTTPD_MAX]; /* -1 = closed */
    int n_connections;
    int n_requests;
    char last_request[16384];
    bool closing;
};

static inline bool httpd_send(int fd, const void *p, size_t n)
{
    const char *at = p;
    while (n) {
        ssize_t k = send(fd, at, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        at += k;
        n -= (size_t)k;
    }
    return true;
}

static inline bool httpd_sends(int fd, const char *s)
{
    return httpd_send(fd, s, strlen(s));
}

/* True when the peer has gone; waits at most MS. */
static inline bool httpd_gone(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};
    return poll(&p, 1, ms) > 0;
}

/* Sends PIECE every MS until the peer goes. */
static inline void httpd_drip(int fd, const char *piece, int ms)
{
    while (httpd_sends(fd, piece) && !httpd_gone(fd, ms))
        ;
}

/* Requests so far, and the bytes of the last: for who has its answer, so that no more comes in. */
static inline int httpd_requests(struct httpd *s)
{
    pthread_mutex_lock(&s->lock);
    int n = s->n_requests;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static inline const char *httpd_last(struct httpd *s)
{
    httpd_requests(s); /* what was written under the lock is seen from here on */
    return s->last_request;
}

struct httpd_connection {
    struct httpd *server;
    int slot, fd;
};

static inline void *httpd_serve(void *arg)
{
    struct httpd_connection c = *(struct httpd_connection *)arg;
    struct httpd *s = c.server;
    char buf[16384];
    size_t len = 0;
    bool keep = true;
    free(arg);
    while (keep) {
        ssize_t n = recv(c.fd, buf + len, sizeof buf - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        buf[len] = 0;
        if (!strstr(buf, "\r\n\r\n"))
            continue;
        pthread_mutex_lock(&s->lock);
        s->n_requests++;
        memcpy(s->last_request, buf, len + 1);
        pthread_mutex_unlock(&s->lock);
        keep = s->answer(s, c.fd, buf);
        len = 0;
    }
    pthread_mutex_lock(&s->lock);
    s->fds[c.slot] = -1;
    close(c.fd);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static inline void *httpd_accept(void *arg)
{
    struct httpd *s = arg;
    int fd;
    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        struct httpd_connection *c = malloc(sizeof *c);
        pthread_mutex_lock(&s->lock);
        int i = s->n_connections;
        if (s->closing || i == HTTPD_MAX || !c) {
            pthread_mutex_unlock(&s->lock);
            close(fd);
            free(c);
            continue;
        }
        *c = (struct httpd_connection){s, i, fd};
        s->fds[i] = fd;
        s->n_connections++;
        pthread_create(&s->threads[i], NULL, httpd_serve, c);
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

static inline struct httpd *httpd_start(httpd_answer_fn *answer)
{
    struct httpd *s = calloc(1, sizeof *s);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    pthread_mutex_init(&s->lock, NULL);
    s->answer = answer;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(s->fd, (struct sockaddr *)&a, n) < 0 || listen(s->fd, 512) < 0 ||
        getsockname(s->fd, (struct sockaddr *)&a, &n) < 0)
        abort();
    s->port = ntohs(a.sin_port);
    pthread_create(&s->accepter, NULL, httpd_accept, s);
    return s;
}

static inline void httpd_stop(struct httpd *s)
{
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    for (int i = 0; i < s->n_connections; i++)
        if (s->fds[i] >= 0)
            shutdown(s->fds[i], SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->accepter, NULL);
    close(s->fd);
    for (int i = 0; i < s->n_connections; i++)
        pthread_join(s->threads[i], NULL);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static inline int httpd_connections(struct httpd *s)
{
    pthread_mutex_lock(&s->lock);
    int n = s->n_connections;
    pthread_mutex_unlock(&s->lock);
    return n;
}

#endif
