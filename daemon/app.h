/*
 * app.h - the daemon as a whole: builds the stages, joins them, runs the loop.
 *
 *     config -> schedule -> fetch -> parse -> store -> notify -> consumers
 *
 * app.c builds that line; flight.c and settle.c are a feed's way along it; feedset.c is which feeds
 * there are; control.c and status.c are what users ask, watch.c what the service manager hears. The
 * files directly in daemon/ are the only ones that know more than one stage. Loop thread only.
 */
#ifndef TIDINGS_APP_H
#define TIDINGS_APP_H

#include <stdbool.h>

#include "base/err.h"

struct app_options {
    const char *config; /* path of feeds.conf */
    int log_level;      /* LOG_* that overrides the config's, -1 = as configured */
};

/* Runs until SIGTERM or SIGINT. Returns a sysexits.h code; what went wrong has been logged. */
int app_run(const struct app_options *o);

#endif
