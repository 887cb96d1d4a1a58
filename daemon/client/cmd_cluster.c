/*
 * cmd_cluster.c - tidings cluster: the daemon's story clusterer over lines of JSON, for judging it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/client.h"
#include "client/file.h"
#include "client/out.h"
#include "story/cluster.h"
#include "story/fixed.h"

#define AT(field) offsetof(struct args, field)

static const struct opt cluster_opts[] = {
    {"jsonl", 0, OPT_FLAG, NULL, "one JSON object a line in and out (what cluster does anyway)",
     AT(json)},
    {"state", 0, OPT_STRING, "FILE", "begin where FILE left off, and leave the state there",
     AT(state)},
    {"strictness", 0, OPT_STRING, "P", "probability from which an item joins a story: 0.6",
     AT(strictness)},
    {0},
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
    (void)sig;
    stop = 1;
}

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* One line: 0, or what to complain about. */
static const char *cluster_line(struct cluster *c, const json_t *o, struct buf *out)
{
    const json_t *i = json_object_get(o, "i"), *time = json_object_get(o, "time");
    struct story_out r;
    if (!json_is_object(o))
        return "not a JSON object";
    if (!json_is_integer(i))
        return "\"i\" must be an integer";
    if (!json_is_number(time))
        return "\"time\" must be a number, Unix seconds";
    struct story_in in = {.item = json_integer_value(i),
                          .time_s = (int64_t)json_number_value(time),
                          .title = text_of(o, "title"),
                          .text = text_of(o, "text"),
                          .outlet = text_of(o, "outlet"),
                          .byline = text_of(o, "outlet")};
    if (!in.title)
        return "\"title\" must be a string";
    cluster_assign(c, &in, &r);
    struct jw w = {.b = out};
    jw_begin_object(&w, NULL);
    jw_int(&w, "i", in.item);
    jw_int(&w, "story", r.story);
    jw_double(&w, "p", (double)(r.p * 1000LL / Q16) / 1000);
    if (r.opened)
        jw_bool(&w, "new", true);
    jw_end_object(&w);
    buf_addc(out, '\n');
    return NULL;
}

/* Lines of stdin until its end or a signal: the exit code. */
static int cluster_all(struct cluster *c)
{
    CLEANUP_BUF struct buf out = BUF_INIT(LIMIT_STORY_LINE_BYTES);
    CLEANUP_FREE char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    for (size_t number = 1; !stop && (n = getline(&line, &cap, stdin)) > 0; number++) {
        json_error_t error;
        if ((size_t)n > LIMIT_STORY_LINE_BYTES)
            return client_fail(EX_DATAERR, "line %zu: %zd bytes; at most %u are allowed", number, n,
                               LIMIT_STORY_LINE_BYTES);
        json_t *o = json_loadb(line, (size_t)n, JSON_ALLOW_NUL, &error);
        if (!o)
            return client_fail(EX_DATAERR, "line %zu: not JSON: %s", number, error.text);
        buf_clear(&out);
        const char *wrong = cluster_line(c, o, &out);
        json_decref(o);
        if (wrong)
            return client_fail(EX_DATAERR, "line %zu: %s", number, wrong);
        int r = out_write(STDOUT_FILENO, out.data, out.len);
        if (r < 0)
            return client_written(r);
    }
    return 0;
}

static int load_state(struct cluster *c, const char *path)
{
    CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_STORY_STATE_BYTES);
    struct td_err err;
    int r = file_read(path, &b, &err);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return client_errno(r, &err);
    if (cluster_load(c, buf_str(&b), b.len, &err) < 0)
        return client_fail(EX_DATAERR, "%s: %s", path, err.msg);
    return 0;
}

/* Beside PATH first, then in its place: a crash leaves the old state or the new one. */
static int save_state(const struct cluster *c, const char *path)
{
    CLEANUP_BUF struct buf b = BUF_INIT(LIMIT_STORY_STATE_BYTES);
    CLEANUP_FREE char *beside = xasprintf("%s.new", path);
    cluster_save(c, &b);
    CLEANUP_CLOSE int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return client_fail(EX_CANTCREAT, "%s: %s", beside, strerror(errno));
    int r = out_write(fd, buf_str(&b), b.len);
    if (r < 0 || fsync(fd) < 0 || rename(beside, path) < 0) {
        r = client_fail(EX_IOERR, "%s: %s", path, strerror(r < 0 ? -r : errno));
        unlink(beside);
        return r;
    }
    return 0;
}

static int run_cluster(struct client *client)
{
    const struct args *a = &client->args;
    int32_t strictness = STORY_STRICTNESS;
    if (a->strictness && (str_to_share(a->strictness, &strictness) < 0 ||
                          strictness < STORY_STRICTNESS_MIN || strictness > STORY_STRICTNESS_MAX))
        return client_fail(EX_USAGE, "--strictness is a number from 0.05 to 0.99, not %s",
                           a->strictness);
    struct cluster *c = cluster_new(strictness);
    struct sigaction act = {.sa_handler = on_signal}; /* no SA_RESTART: a read ends */
    int r = a->state ? load_state(c, a->state) : 0;
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    if (r == 0) {
        r = cluster_all(c);
        int saved = a->state ? save_state(c, a->state) : 0;
        r = r ? r : saved;
    }
    cluster_free(c);
    return r;
}

const struct command cmd_cluster = {
    .name = "cluster",
    .operands = "",
    .help = "Sorts items from stdin into stories, as the daemon would",
    .details =
        "A line is {\"i\": number, \"time\": Unix seconds, \"title\": text}, with \"outlet\" and\n"
        "\"text\" if there are any; the answer is {\"i\", \"story\", \"p\"}, with \"new\" when "
        "the\n"
        "item opened the story.",
    .opts = cluster_opts,
    .max_operands = 0,
    .run = run_cluster,
};
