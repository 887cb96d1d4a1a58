/*
 * listen.c - the sockets at which the daemon answers: those the service manager hands over, found
 * by name, else those the config names.
 */
#include "app_private.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "serve/frontend.h"
#include "serve/listener.h"
#include "serve/service.h"

static int open_api(struct app *a, struct td_err *err)
{
    struct listener l;
    int fd = service_take_socket("api");
    int r = 0;
    if (fd >= 0)
        listener_inherited(&l, fd);
    else
        r = listener_unix(&l, a->settings->socket, err);
    if (r == 0)
        serve_listen(a->serve, &l, &frontend_api);
    return r;
}

/* The API goes over the wire as it is: a word to who opens it to others. */
static void tell_http(const struct app *a, const struct listener *l)
{
    struct sockaddr_storage addr = {0};
    socklen_t len = sizeof addr;
    char shown[ENDPOINT_SHOWN];
    if (getsockname(l->fd, (struct sockaddr *)&addr, &len) < 0)
        return;
    endpoint_show(shown, &addr);
    log_notice("API on %s for %zu token%s", shown, a->settings->n_tokens,
               a->settings->n_tokens == 1 ? "" : "s");
    if (a->settings->n_tokens == 0)
        log_warning("%s: there is no [token NAME] in the config: all requests there are refused",
                    shown);
    if (!endpoint_is_loopback(&addr))
        log_notice("%s: plain HTTP: who is on the way can read the token; a reverse proxy with TLS "
                   "or a tunnel prevents that",
                   shown);
}

static int open_http(struct app *a, struct td_err *err)
{
    const struct settings *s = a->settings;
    struct listener l;
    int fd, r = 0;
    size_t n = 0;
    while ((fd = service_take_socket("http")) >= 0) {
        listener_inherited(&l, fd);
        tell_http(a, &l);
        serve_listen(a->serve, &l, &frontend_http);
        n++;
    }
    for (size_t i = 0; i < s->n_listen && n == 0 && r == 0; i++) {
        r = listener_tcp(&l, &s->listen[i], err);
        if (r < 0)
            break;
        tell_http(a, &l);
        serve_listen(a->serve, &l, &frontend_http);
    }
    return r;
}

void listen_configure(struct app *a)
{
    const struct settings *s = a->settings;
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    CLEANUP_FREE char *names = xasprintf("%s%s%s", host, s->listen_names ? "\n" : "",
                                         s->listen_names ? s->listen_names : "");
    serve_set_access(a->serve, s->tokens, s->n_tokens, names);
    store_set_log(a->store, s->log_age_ms, s->log_events);
    saved_configure(a);
}

int listen_start(struct app *a, struct td_err *err)
{
    struct serve_conf vc = {.ops = &control_ops, .app = a};
    int r = serve_new(&a->serve, a->loop, a->store, &vc, err);
    if (r < 0)
        return r;
    listen_configure(a);
    r = open_api(a, err);
    if (r == 0)
        r = open_http(a, err);
    if (r < 0)
        return r;
    if (service_close_rest() > 0)
        log_warning("inherited sockets other than 'api', 'http' and 'websub' are not used "
                    "(FileDescriptorName=)");
    return 0;
}
