/*
 * cmd_parse.c - commands that need neither store nor daemon: parse, version.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/client.h"
#include "client/fetching.h"
#include "client/file.h"
#include "client/out.h"
#include "config/settings.h"
#include "fetch/warc.h"
#include "parse/parse.h"

#define AT(field) offsetof(struct args, field)

/* ---- parse --------------------------------------------------------------------------------- */

static const struct opt parse_opts[] = {
    {"json", 0, OPT_FLAG, NULL, "print the feed as one JSON object (what parse does anyway)",
     AT(json)},
    {"base-url", 0, OPT_STRING, "URL", "the address the document was fetched from", AT(base_url)},
    {"content-type", 0, OPT_STRING, "TYPE", "the Content-Type header it came with",
     AT(content_type)},
    {0},
};

/* The document at the end of a recording of `tidings fetch`. */
static int parse_recording(const char *p, size_t n, struct td_batch **ret, struct td_err *err)
{
    struct td_recording rec = {0};
    struct fetching g = {.rec = &rec};
    int r = warc_read(p, n, &rec, err);
    if (r == 0)
        r = fetching_run(&g, NULL, err);
    if (r == 0 && !(*ret = TAKE(g.batch)))
        r = td_err(err, -ENOMSG, "no document was recorded: %s",
                   g.res.error ? g.res.error : td_outcome_name(g.res.outcome));
    fetching_fini(&g);
    td_recording_fini(&rec);
    return r;
}

static int run_parse(struct client *c)
{
    const struct args *a = &c->args;
    CLEANUP_BUF struct buf bytes = BUF_INIT(LIMIT_BODY_MAX_BYTES), out = BUF_INIT(SIZE_MAX / 2);
    struct td_err err;
    struct td_batch *batch = NULL;
    int r = file_read(a->operands[0], &bytes, &err);
    if (r < 0)
        return client_errno(r, &err);
    struct parse_in in = {.bytes = buf_str(&bytes),
                          .n = bytes.len,
                          .base_url = a->base_url,
                          .content_type = a->content_type};
    r = warc_is(in.bytes, in.n) ? parse_recording(in.bytes, in.n, &batch, &err)
                                : parse_feed(&in, &batch, &err);
    if (r < 0)
        return client_fail(1, "%s: %s", a->operands[0], err.msg);
    parse_print_json(batch, &out);
    td_batch_free(batch);
    CLEANUP_BUF struct buf shown = BUF_INIT(SIZE_MAX / 2);
    out_add_json(&shown, &c->term, buf_str(&out), out.len);
    if (!shown.len || shown.data[shown.len - 1] != '\n')
        buf_addc(&shown, '\n');
    return client_written(out_write(STDOUT_FILENO, shown.data, shown.len));
}

const struct command cmd_parse = {
    .name = "parse",
    .operands = "FILE",
    .help = "Parses a feed document and prints it as JSON; FILE may be - for stdin",
    .details =
        "FILE may also be a recording of 'tidings fetch'.\n"
        "Exit status 1: FILE is not a feed; nothing is printed then, the reason is on stderr.",
    .opts = parse_opts,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_parse,
};

/* ---- version ------------------------------------------------------------------------------- */

static const struct opt no_opts[] = {{0}};

static int run_version(struct client *c)
{
    static const char text[] = "tidings " TIDINGS_VERSION "\n";
    return client_written(out_write(STDOUT_FILENO, text, sizeof text - 1));
}

const struct command cmd_version = {
    .name = "version",
    .operands = "",
    .help = "Prints the version",
    .opts = no_opts,
    .run = run_version,
};
