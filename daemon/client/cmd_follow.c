/*
 * cmd_follow.c - `tidings follow`: every new item as it is committed.
 *
 * Reads /v1/events as JSON Lines. When the daemon goes away it waits and goes on after the last
 * event it had; nothing is shown twice and nothing is left out, as far as the log reaches.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/api.h"
#include "client/client.h"
#include "client/follow.h"
#include "client/follow_story.h"
#include "client/items.h"
#include "client/out.h"
#include "client/source.h"

#define AT(field)  offsetof(struct args, field)
#define ACK_EVENTS 100

enum { PER_ITEM, PER_ARTICLE, PER_STORY };
static const char *const pers[] = {"item", "article", "story", NULL};

static const struct opt follow_opts[] = {
    {"from", 0, OPT_STRING, "SEQ|now", "begin after this event number; 0: all that is kept",
     AT(from)},
    {"as", 0, OPT_STRING, "NAME", "be the consumer NAME: go on where it stopped, remember how far",
     AT(as)},
    {"per", 0, OPT_CHOICE, "WHAT", "item (default), article (not again in other feeds) or story",
     AT(per), 0, pers},
    {"changes", 0, OPT_FLAG, NULL, "also items that were changed", AT(changes)},
    {"exec", 0, OPT_REST, "CMD [ARG...]", "run CMD for each item; the last option", AT(exec)},
    {0},
};

struct follow {
    struct client *c;
    const char *query; /* NULL = all */
    struct out *out;   /* NULL with --exec, and for stories */
    struct story_lines lines;
    int64_t last_seq, acked_seq;
    char *last_id; /* of that event: in another store it is none; NULL = it had none yet */
    int code;      /* why it ended */
    bool connected;
    struct td_err err; /* of the server, inside the stream */
};

/* ---- one event ----------------------------------------------------------------------------- */

/* The item's JSON as the command's stdin: a file in memory, so that a command which does not read
 * it cannot hold us up. */
static int json_file(const char *json, size_t n)
{
    int fd = memfd_create("tidings-item", MFD_CLOEXEC);
    if (fd >= 0 &&
        (out_write(fd, json, n) < 0 || out_write(fd, "\n", 1) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Runs the command and waits: 0, or its failure is told and an exit code for us is returned. */
static int run_command(struct follow *f, int64_t seq, const char *event, const struct item_row *it)
{
    char **argv = f->c->args.exec;
    CLEANUP_CLOSE int fd = json_file(it->json, it->json_len);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t ours; /* that we ignore, and the command need not */
    pid_t pid;
    int status;
    if (fd < 0)
        return client_fail(EX_OSERR, "memfd_create: %s", strerror(errno));
    char **env = follow_environment(follow_inherit(environ), seq, event, it);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
    posix_spawnattr_init(&attr);
    sigemptyset(&ours);
    sigaddset(&ours, SIGXFSZ);
    posix_spawnattr_setsigdefault(&attr, &ours);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    int r = posix_spawnp(&pid, argv[0], &actions, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    follow_env_free(env);
    if (r != 0)
        return client_fail(EX_UNAVAILABLE, "%s: %s", argv[0], strerror(r));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return client_fail(EX_OSERR, "waitpid: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return client_fail(EX_TEMPFAIL, "%s: %s %d on event %" PRId64, argv[0],
                       WIFEXITED(status) ? "exit status" : "signal",
                       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), seq);
}

/* Tells the daemon how far NAME has come. What is shown is acknowledged in steps (a lost step is
 * shown again), what a command was run for at once. */
static int acknowledge(struct follow *f)
{
    CLEANUP_BUF struct buf path = BUF_INIT(4096);
    struct td_err err;
    json_t *body = json_pack("{s:I}", "seq", (json_int_t)f->last_seq);
    buf_adds(&path, "/v1/cursors");
    api_add_segment(&path, f->c->args.as);
    int r = api_call(f->c->place.socket, "POST", path.data, body, NULL, &err);
    json_decref(body);
    if (r == 0)
        f->acked_seq = f->last_seq;
    /* without a connection: the stream will notice, and what is not acknowledged comes again */
    return r == 0 || r == -ECONNREFUSED || r == -ECONNRESET ? 0 : client_errno(r, &err);
}

struct one_item {
    struct follow *f;
    int64_t seq;
    const char *event;
};

static int on_item(void *ctx, const struct item_row *it)
{
    struct one_item *o = ctx;
    struct follow *f = o->f;
    if (!f->c->args.exec) {
        items_row(f->out, &f->c->term, it, clock_now_ms());
        f->code = client_written(out_error(f->out));
    } else {
        int code = run_command(f, o->seq, o->event, it);
        /* without a name nobody would give it again: go on with the next */
        f->code = f->c->args.as || code == EX_OSERR || code == EX_UNAVAILABLE ? code : 0;
    }
    return f->code;
}

static int on_story(struct follow *f, const json_t *event, const char *line, size_t n)
{
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_ANSWER_BYTES);
    if (f->c->args.format == FORMAT_TEXT) {
        term_measure(&f->c->term);
        story_lines_event(&f->lines, &f->c->term, event, &out);
    } else {
        out_add_json(&out, &f->c->term, line, n);
        if (!out.len || out.data[out.len - 1] != '\n')
            buf_addc(&out, '\n');
    }
    return client_written(out_write(STDOUT_FILENO, buf_str(&out), out.len));
}

static int on_line(void *ctx, const char *line, size_t n)
{
    struct follow *f = ctx;
    json_t *event = json_loadb(line, n, 0, NULL);
    json_t *error = json_object_get(event, "error"), *item = json_object_get(event, "item");
    const char *kind = json_string_value(json_object_get(event, "event"));
    int64_t seq = json_integer_value(json_object_get(event, "seq"));
    f->connected = true;
    if (error) {
        const char *reason = json_string_value(json_object_get(error, "reason"));
        bool replaced = json_integer_value(json_object_get(error, "status")) == 409;
        f->code = client_fail(replaced ? EX_TEMPFAIL : EX_DATAERR, "%s",
                              reason ? reason : "the daemon ended the stream");
    } else if (kind && item && seq > f->last_seq) {
        struct one_item one = {f, seq, kind};
        bool changed = str_eq(kind, "item.changed") && f->c->args.changes;
        if (f->c->args.per == PER_STORY && json_object_get(event, "story"))
            f->code = on_story(f, event, line, n);
        else if (str_eq(kind, "item.new") || changed)
            source_item_object(item, on_item, &one);
        if (f->code == 0) {
            f->last_seq = seq;
            xreplace(&f->last_id, json_string_value(json_object_get(event, "id")));
            if (f->c->args.as && (f->c->args.exec || seq - f->acked_seq >= ACK_EVENTS))
                f->code = acknowledge(f);
        }
    }
    json_decref(event);
    return f->code;
}

static void on_tick(void *ctx)
{
    struct follow *f = ctx;
    struct pollfd out = {.fd = STDOUT_FILENO};
    if (f->c->args.as && f->acked_seq < f->last_seq && f->code == 0)
        f->code = acknowledge(f);
    if (!f->c->args.exec && poll(&out, 1, 0) == 1 && out.revents & POLLERR)
        raise(SIGPIPE); /* the reader has left: not only when there is something to write */
}

/* ---- the connection ------------------------------------------------------------------------ */

/* Where to begin: after *RET. */
static int begin_after(struct client *c, int64_t *ret, struct td_err *err)
{
    const struct args *a = &c->args;
    json_t *answer = NULL, *cursor;
    size_t i;
    uint64_t from;
    int r;
    if (a->from && !str_eq(a->from, "now")) {
        if (str_to_u64(a->from, &from) < 0 || from > INT64_MAX)
            return td_err(err, -EINVAL, "--from is an event number or now, not %s", a->from);
        *ret = (int64_t)from;
        return 0;
    }
    if (a->as && !a->from) {
        r = api_call(c->place.socket, "GET", "/v1/cursors", NULL, &answer, err);
        json_array_foreach (json_object_get(answer, "cursors"), i, cursor) {
            const char *name = json_string_value(json_object_get(cursor, "name"));
            if (str_same(name, a->as)) {
                *ret = json_integer_value(json_object_get(cursor, "seq"));
                json_decref(answer);
                return 0;
            }
        }
        json_decref(answer);
        if (r < 0)
            return r;
    }
    r = api_call(c->place.socket, "GET", "/v1/status", NULL, &answer, err);
    if (r == 0) {
        struct store_counts n;
        source_counts_of(answer, &n);
        *ret = n.last_seq;
    }
    json_decref(answer);
    return r;
}

static int stream(struct follow *f, struct td_err *err)
{
    CLEANUP_BUF struct buf path = BUF_INIT(4096);
    char after[STR_INT_BYTES];
    buf_adds(&path, "/v1/events?format=jsonl");
    api_add_param(&path, "after", f->last_id ? f->last_id : str_int(after, f->last_seq));
    api_add_param(&path, "q", f->query);
    if (f->c->args.per)
        api_add_param(&path, "per", pers[f->c->args.per]);
    api_add_param(&path, "as", f->c->args.as); /* a subscription's query counts too */
    return api_stream(f->c->place.socket, path.data, on_line, on_tick, f, err);
}

/* Streams until something ends it for good: the exit code. */
static int keep_following(struct follow *f)
{
    struct td_err err;
    for (int attempt = 0;; attempt++) {
        f->connected = false;
        int r = stream(f, &err);
        if (f->code)
            return f->code;
        if (r < 0 && r != -ECONNREFUSED && r != -ECONNRESET && r != -EAGAIN) {
            int code = client_errno(r, &err);
            if (strstr(err.msg, "after=now")) /* as the API calls it */
                client_note("'after' is --from here");
            return code;
        }
        if (f->connected)
            attempt = 0;
        if (attempt == 1)
            client_note("the daemon at %s is away; waiting for it", f->c->place.socket);
        poll(NULL, 0, (int)follow_backoff_ms(attempt));
    }
}

static int run_follow(struct client *c)
{
    struct follow f = {.c = c};
    struct td_err err;
    CLEANUP_FREE char *query = NULL;
    if (client_query(c, &query) != 0)
        return EX_USAGE;
    if (c->args.per == PER_STORY && (c->args.exec || c->args.format > FORMAT_JSONL))
        return client_fail(EX_USAGE, "--per story has the formats text and jsonl, and no --exec; a "
                                     "subscription with events = story.* runs commands");
    f.query = query;
    int r = begin_after(c, &f.last_seq, &err);
    if (r < 0)
        return client_errno(r, &err);
    if (c->args.as && (r = acknowledge(&f)) != 0) /* the name exists from now on */
        return r;
    if (!c->args.exec && c->args.per != PER_STORY) {
        enum format format = (enum format)c->args.format;
        f.out = out_new(STDOUT_FILENO, format == FORMAT_JSON ? FORMAT_JSONL : format, &c->term,
                        item_columns, ITEM_COLUMNS, true);
    }
    int code = keep_following(&f);
    free(f.last_id);
    if (f.out)
        out_end(f.out, false);
    return code;
}

const struct command cmd_follow = {
    .name = "follow",
    .operands = "[QUERY...]",
    .help = "Prints each new item as it is stored, or runs a command for it",
    .details =
        "With QUERY only items that match it (tidings-query(7), as in `tidings items`).\n\n"
        "Begins now, unless --from or --as say otherwise. When the daemon goes away it waits for\n"
        "it and goes on after the last item.\n\n"
        "--as NAME: the daemon remembers how far NAME has come, also over restarts of both; items\n"
        "come at least once. Who follows as NAME later goes on, and the other ends with status "
        "75.\n"
        "`tidings items --unread-by NAME` lists what is still to come.\n\n"
        "--per story prints one line a story and keeps it up to date on a terminal; --per article\n"
        "leaves out items that are the same article in another feed.\n\n"
        "--exec CMD [ARG...]: everything behind --exec is the command and its arguments, run\n"
        "without a shell, one item at a time. The item is JSON on its stdin, and TIDINGS_SEQ,\n"
        "_EVENT, _ITEM_ID, _FEED, _FEED_TITLE, _TITLE, _URL, _AUTHOR, _DATE_PUBLISHED and\n"
        "_REVISION are in its environment, those that the item has. If it fails: with --as follow\n"
        "ends with status 75 and the item comes again next time; else it is said and the next one\n"
        "follows. Example:\n"
        "  tidings follow --as desk --exec sh -c 'notify-send -- \"$TIDINGS_TITLE\"'\n\n"
        "--format json is the same as jsonl here: one object a line.",
    .opts = follow_opts,
    .max_operands = -1,
    .has_format = true,
    .run = run_follow,
};
