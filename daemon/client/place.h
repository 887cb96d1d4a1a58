/*
 * place.h - which daemon and which store a command means.
 *
 * Socket and store are looked for as a pair, so that a command never reads one installation and
 * steers another:
 *   --api                      a daemon over TCP, whose store is out of reach
 *   --socket, --store          as said (one alone: the other is its neighbour, below)
 *   TIDINGS_API                as --api
 *   TIDINGS_SOCKET, _STORE     as --socket and --store
 *   ./tidings.sock or .db      both in the working directory, if one is there and trusted
 *   /run/tidings/tidings.sock  and /var/lib/tidings/tidings.db
 * The neighbour of a path is tidings.sock or tidings.db in its folder; /run/tidings and
 * /var/lib/tidings are neighbours of each other.
 *
 * A file of the working directory is trusted if it (and what it links to) belongs to the caller or
 * to root: in /tmp anyone could place a socket that lies, or a database made to do harm. Others are
 * left alone, with a line on stderr; --socket or --store names them in spite of it.
 */
#ifndef TIDINGS_CLIENT_PLACE_H
#define TIDINGS_CLIENT_PLACE_H

#include <stdbool.h>

#define PLACE_SOCKET "/run/tidings/tidings.sock"
#define PLACE_STORE  "/var/lib/tidings/tidings.db"

struct place {
    char *socket;           /* a path, or the URL of a daemon elsewhere */
    char *store;            /* NULL: elsewhere */
    bool named;             /* it was, by option or environment: no other is meant */
    const char *distrusted; /* a file of the working directory that was left alone, NULL = none */
};

enum place_file { PLACE_ABSENT, PLACE_TRUSTED, PLACE_DISTRUSTED };
/* What is at PATH, seen by the caller. */
typedef enum place_file place_look_fn(const char *path);
enum place_file place_look(const char *path);

/* Is it http://... or https://...? */
bool place_is_url(const char *socket);
/* The daemon at URL (copied, without '/' at its end). */
void place_elsewhere(struct place *ret, const char *url);

/* SOCKET and STORE: what option or environment said, NULL = nothing. Allocates both paths. */
void place_choose(struct place *ret, const char *socket, const char *store, place_look_fn *look);
void place_fini(struct place *p);

#endif
