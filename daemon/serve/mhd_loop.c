#include "serve/mhd_loop.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

void mhd_loop_run(struct mhd_loop *m)
{
    MHD_UNSIGNED_LONG_LONG ms;
    MHD_run(m->mhd);
    ev_timer_stop(m->loop, &m->timeout);
    if (MHD_get_timeout(m->mhd, &ms) == MHD_YES) {
        ev_timer_set(&m->timeout, (double)ms / 1000, 0.);
        ev_timer_start(m->loop, &m->timeout);
    }
}

static void on_ready(struct ev_loop *loop, ev_io *w, int revents)
{
    mhd_loop_run(w->data);
}

static void on_timeout(struct ev_loop *loop, ev_timer *w, int revents)
{
    mhd_loop_run(w->data);
}

void mhd_loop_start(struct mhd_loop *m, struct ev_loop *loop, struct MHD_Daemon *mhd)
{
    m->loop = loop;
    m->mhd = mhd;
    ev_io_init(&m->ready, on_ready, MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
               EV_READ);
    ev_timer_init(&m->timeout, on_timeout, 0., 0.);
    m->ready.data = m->timeout.data = m;
    ev_io_start(loop, &m->ready);
}

void mhd_loop_wake(struct mhd_loop *m)
{
    ev_feed_event(m->loop, &m->ready, EV_READ);
}

void mhd_loop_stop(struct mhd_loop *m)
{
    MHD_run(m->mhd);
    MHD_run(m->mhd);
    ev_io_stop(m->loop, &m->ready);
    ev_clear_pending(m->loop, &m->ready);
    ev_timer_stop(m->loop, &m->timeout);
    MHD_stop_daemon(m->mhd);
}

void mhd_loop_log(void *ctx, const char *fmt, va_list ap)
{
    char line[512];
    if (!log_wants(LOG_DEBUG))
        return;
    vsnprintf(line, sizeof line, fmt, ap);
    line[strcspn(line, "\r\n")] = 0;
    log_debug("%s: %s", (const char *)ctx, line);
}
