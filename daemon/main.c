/*
 * main.c - tidingsd: options and the exit code.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "app.h"
#include "base/files.h"
#include "base/log.h"
#include "base/mem.h"
#include "serve/service.h"

static const char help[] =
    "Usage: tidingsd [OPTION]...\n"
    "\n"
    "Keeps feeds up to date: fetches, parses, deduplicates and stores them, and tells\n"
    "consumers what is new. Runs in the foreground until SIGTERM; SIGHUP reloads the config.\n"
    "\n"
    "  -c, --config FILE     feeds and settings (default: " TIDINGS_SYSCONFDIR "/feeds.conf)\n"
    "  -l, --log-level LEVEL error, warning, notice, info or debug (default: as in the config)\n"
    "  -f, --foreground      as it does anyway; for scripts that say so\n"
    "  -h, --help            this text\n"
    "  -V, --version         the version\n"
    "\n"
    "Exit status: 0 after SIGTERM or SIGINT; 64 wrong usage; 65 the store is damaged or made by\n"
    "a newer version; 71 the system lacks something; 73 the store or the socket cannot be\n"
    "created; 75 another tidingsd uses the store; 78 the config has errors (all are listed).\n"
    "\n"
    "The client is tidings(1), the config feeds.conf(5).\n";

static int log_level(const char *name)
{
    static const char *const names[] = {[LOG_ERR] = "error",
                                        [LOG_WARNING] = "warning",
                                        [LOG_NOTICE] = "notice",
                                        [LOG_INFO] = "info",
                                        [LOG_DEBUG] = "debug"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

static int usage(const char *what, const char *arg)
{
    fprintf(stderr, "tidingsd: %s%s\nTry 'tidingsd --help'.\n", what, arg);
    return EX_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"log-level", required_argument, NULL, 'l'},
        {"foreground", no_argument, NULL, 'f'},   {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},      {0},
    };
    struct app_options o = {.config = TIDINGS_SYSCONFDIR "/feeds.conf", .log_level = -1};
    service_init();
    for (int c; (c = getopt_long(argc, argv, "c:l:fhV", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            o.config = optarg;
            break;
        case 'l':
            if ((o.log_level = log_level(optarg)) < 0)
                return usage("--log-level is one of error, warning, notice, info, debug, not ",
                             optarg);
            break;
        case 'f':
            break;
        case 'h':
            fputs(help, stdout);
            return EX_OK;
        case 'V':
            puts("tidingsd " TIDINGS_VERSION);
            return EX_OK;
        default:
            fputs("Try 'tidingsd --help'.\n", stderr);
            return EX_USAGE;
        }
    }
    if (optind < argc)
        return usage("takes no argument such as ", argv[optind]);
    files_raise();
    return app_run(&o);
}
