/*
 * cmd_recover.c - what can be read of a damaged store, into a new one.
 */
#include <inttypes.h>

#include "client/client.h"
#include "store/recover.h"

static const struct opt no_opts[] = {{0}};

static int run_recover(struct client *c)
{
    const char *path = c->args.operands[0];
    struct recovered got;
    struct td_err err;
    int r = recover_store(c->place.store, path, &got, &err);
    if (r < 0)
        return client_errno(r, &err);
    if (got.feeds_made)
        client_note("%" PRId64 " feeds were lost but not their items, which are now in feeds named "
                    "recovered-N",
                    got.feeds_made);
    return client_say(
        "%s: %" PRId64 " feeds, %" PRId64 " items, %" PRId64 " old revisions, %" PRId64
        " events, %" PRId64 " cursors, %" PRId64 " subscriptions, %" PRId64
        " dead letters; damaged places in %s: %" PRId64
        "\nStop tidingsd, keep the damaged store elsewhere with its -wal and -shm, and "
        "put this one in its place, with the same owner\n",
        path, got.feeds, got.items, got.revisions, got.events, got.cursors, got.subscriptions,
        got.dead_letters, c->place.store, got.damaged);
}

const struct command cmd_recover = {
    .name = "recover",
    .local = true,
    .operands = "FILE",
    .help = "Writes what can be read of a damaged store into FILE, which must not exist",
    .details =
        "The damaged store (--store) is only read. What stood on damaged pages is lost, and said.",
    .opts = no_opts,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_recover,
};
