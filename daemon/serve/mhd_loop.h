/*
 * mhd_loop.h - libmicrohttpd in an ev_loop, without a thread of its own: its epoll is an ev_io, its
 * next timeout an ev_timer, and it only ever runs inside mhd_loop_run.
 */
#ifndef TIDINGS_SERVE_MHD_LOOP_H
#define TIDINGS_SERVE_MHD_LOOP_H

#include <ev.h>
#include <microhttpd.h>
#include <stdarg.h>

struct mhd_loop {
    struct ev_loop *loop;
    struct MHD_Daemon *mhd;
    ev_io ready;
    ev_timer timeout;
};

/* Watches MHD, which was started with MHD_USE_EPOLL; mhd_loop_stop stops it. */
void mhd_loop_start(struct mhd_loop *m, struct ev_loop *loop, struct MHD_Daemon *mhd);
/* Does what can be done now. */
void mhd_loop_run(struct mhd_loop *m);
/* For who has called MHD_resume_connection: it does not notice by itself. Not before the next turn
 * of the loop. */
void mhd_loop_wake(struct mhd_loop *m);
/* Sends the last answers, as far as they can be sent at once. No connection may be suspended. */
void mhd_loop_stop(struct mhd_loop *m);

/* For MHD_OPTION_EXTERNAL_LOGGER; CTX is the word before each line (const char *). */
void mhd_loop_log(void *ctx, const char *fmt, va_list ap);

#endif
