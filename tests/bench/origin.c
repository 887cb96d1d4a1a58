/*
 * origin.c - a web server with any number of generated feeds, for the benchmarks.
 *
 *     origin [--port N] [--items N] [--min-bytes N] [--max-bytes N] [--tls-cert FILE --tls-key
 * FILE]
 *
 * Listens on the loopback interface only, under every address of 127.0.0.0/8 (so that each feed can
 * have a host of its own), and prints its port. /feed/I is feed I with an ETag; a matching
 * If-None-Match is answered 304. Ends when its standard input does.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <microhttpd.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "generate.h"

#define MAX_CONNECTIONS 4096

static enum MHD_Result send_empty(struct MHD_Connection *c, unsigned status, const char *etag)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    if (etag)
        MHD_add_response_header(r, "ETag", etag);
    enum MHD_Result ok = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return ok;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
    char *end, etag[64];
    static int seen;
    if (!*request) { /* the first call brings only the head */
        *request = &seen;
        return MHD_YES;
    }
    if (strncmp(url, "/feed/", 6) != 0)
        return send_empty(c, MHD_HTTP_NOT_FOUND, NULL);
    uint64_t i = strtoull(url + 6, &end, 10);
    if (end == url + 6 || *end)
        return send_empty(c, MHD_HTTP_NOT_FOUND, NULL);
    generate_etag(i, etag, sizeof etag);
    const char *have = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");
    if (have && strcmp(have, etag) == 0)
        return send_empty(c, MHD_HTTP_NOT_MODIFIED, etag);
    size_t len;
    char *body = generate_feed(ctx, i, &len);
    struct MHD_Response *r = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(r, "ETag", etag);
    MHD_add_response_header(r, "Content-Type", generate_type(i));
    enum MHD_Result ok = MHD_queue_response(c, MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return ok;
}

/* On every address, but tied to the loopback interface: nobody outside can connect. */
static int listen_on_loopback(int port, int *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t len = sizeof a;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) < 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
        perror("origin: listening on lo");
        exit(1);
    }
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static char *read_file(const char *path)
{
    static char all[2][65536];
    static int n;
    char *text = all[n++ % 2];
    FILE *f = fopen(path, "r");
    size_t len = f ? fread(text, 1, sizeof all[0] - 1, f) : 0;
    if (!len) {
        perror(path);
        exit(1);
    }
    text[len] = 0;
    fclose(f);
    return text;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"port", required_argument, NULL, 'p'},
                                            {"items", required_argument, NULL, 'n'},
                                            {"min-bytes", required_argument, NULL, 'l'},
                                            {"max-bytes", required_argument, NULL, 'h'},
                                            {"tls-cert", required_argument, NULL, 'c'},
                                            {"tls-key", required_argument, NULL, 'k'},
                                            {0}};
    struct generate_conf conf = {.items = 25, .min_bytes = 600, .max_bytes = 2000};
    int port = 0;
    char c, *cert = NULL, *key = NULL;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == '?')
            return 64;
        if (o == 'c' || o == 'k') {
            *(o == 'c' ? &cert : &key) = read_file(optarg);
            continue;
        }
        *(o == 'p'   ? &port
          : o == 'n' ? &conf.items
          : o == 'l' ? &conf.min_bytes
                     : &conf.max_bytes) = atoi(optarg);
    }
    if (conf.items < 0 || conf.min_bytes < 1 || conf.max_bytes < conf.min_bytes) {
        fputs("origin: sizes must be positive, --max-bytes at least --min-bytes\n", stderr);
        return 64;
    }
    generate_init();
    int fd = listen_on_loopback(port, &port);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, key},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | (cert && key ? MHD_USE_TLS : 0), 0, NULL, NULL, on_request,
        &conf, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_ARRAY, cert && key ? tls : tls + 2,
        MHD_OPTION_END);
    if (!d) {
        fputs("origin: libmicrohttpd does not start\n", stderr);
        return 1;
    }
    printf("%d\n", port);
    fflush(stdout);
    while (read(STDIN_FILENO, &c, 1) > 0)
        ;
    MHD_stop_daemon(d);
    return 0;
}
