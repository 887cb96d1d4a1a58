/*
 * listen.c - the sockets at which the daemon answers: those the service manager hands over, found
 * by name, else those the config names.
 */
#include "app_private.h"

#include <string.h>

#include "base/log.h"
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

int listen_start(struct app *a, struct td_err *err)
{
    struct serve_conf vc = {.ops = &control_ops, .app = a};
    int r = serve_new(&a->serve, a->loop, a->store, &vc, err);
    if (r == 0)
        r = open_api(a, err);
    if (r < 0)
        return r;
    if (service_close_rest() > 0)
        log_warning("inherited sockets other than 'api' are not used (FileDescriptorName=api)");
    return 0;
}
