/*
 * service.h - talking to the service manager that started us: sd_notify(3), the watchdog and
 * inherited sockets.
 *
 * The protocol is three environment variables and a datagram, so there is no library. Without a
 * manager (NOTIFY_SOCKET unset: a terminal, runit, OpenRC, a container) everything here does
 * nothing. Loop thread only; service_extend also before the loop runs.
 */
#ifndef TIDINGS_SERVE_SERVICE_H
#define TIDINGS_SERVE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Reads what the manager said and takes it out of the environment, so that no child of ours talks
 * to it. First thing in main, before any descriptor is opened. */
void service_init(void);

/* The descriptor of the inherited listening socket NAME (FileDescriptorName=), ours from now on;
 * -1 when there is none. */
int service_take_socket(const char *name);
/* Closes inherited sockets that nobody took: how many those were. */
int service_close_rest(void);

/* How often the manager wants to hear from us, 0 = never. Half of it is a good rhythm. */
int64_t service_watchdog_ms(void);

/* STATUS of systemctl status, in words; sent along with the next of these (NULL = as before). */
void service_ready(const char *status);
/* With PING also the watchdog's sign of life. Sends nothing when there is nothing new to say. */
void service_tick(const char *status, bool ping);
/* The end of a reload is service_ready. */
void service_reloading(void);
void service_stopping(void);
/* Starting or stopping takes at least MS more. */
void service_extend(int64_t ms, const char *status);

#endif
