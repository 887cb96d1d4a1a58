/*
 * exec: a command for each event: its object on stdin, the main values in the environment, exit 0
 * is the acknowledgement. The next one starts when it has ended.
 */
#include "notify/sink.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "notify/child.h"
#include "notify/fields.h"

#define VARIABLES 16

struct exec {
    struct sink base;
    struct child *child;
    char *input;
};

static void over(struct exec *x)
{
    free(TAKE(x->input));
}

static void on_done(void *ctx, int result, const struct td_err *err)
{
    struct exec *x = ctx;
    x->child = NULL;
    over(x);
    sink_answer(&x->base, result < 0 ? DELIVERY_FAILED : DELIVERY_ACK, TD_NEVER, err);
}

/* "TIDINGS_NAME=value" on one line, cut to LIMIT_EXEC_ENV_BYTES; nothing for NULL. */
static void add(char **env, size_t *n, const char *name, const char *value)
{
    if (str_empty(value))
        return;
    CLEANUP_BUF struct buf safe = BUF_INIT(LIMIT_EXEC_ENV_BYTES * 4);
    str_add_printable(&safe, value, MIN(strlen(value), (size_t)LIMIT_EXEC_ENV_BYTES));
    size_t len = utf8_cut(buf_str(&safe), MIN(safe.len, (size_t)LIMIT_EXEC_ENV_BYTES));
    env[(*n)++] = xasprintf("TIDINGS_%s=%.*s", name, (int)len, buf_str(&safe));
}

static void add_number(char **env, size_t *n, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    add(env, n, name, value ? text : NULL);
}

/* The same names as `tidings follow --exec` uses, and which subscription and attempt this is. */
static void environment(char **env, const struct sink *s, const struct sink_message *m)
{
    size_t n = 0;
    struct fields f;
    add(env, &n, "SUBSCRIPTION", s->conf->name);
    add_number(env, &n, "ATTEMPT", m->attempt);
    add_number(env, &n, "SEQ", m->events[0].seq);
    add(env, &n, "EVENT", m->events[0].kind);
    if (fields_read(&f, m->events[0].json, m->events[0].json_len) < 0)
        return;
    add_number(env, &n, "ITEM_ID", f.item_id);
    add_number(env, &n, "REVISION", f.revision);
    add(env, &n, "FEED", f.feed);
    add(env, &n, "FEED_TITLE", f.feed_title);
    add(env, &n, "TITLE", f.title);
    add(env, &n, "URL", f.url);
    add(env, &n, "AUTHOR", f.author);
    add(env, &n, "DATE_PUBLISHED", f.date);
    fields_fini(&f);
}

static void exec_send(struct sink *s, const struct sink_message *m)
{
    struct exec *x = (struct exec *)s;
    char *env[VARIABLES] = {NULL};
    environment(env, s, m);
    x->input = xasprintf("%.*s\n", (int)m->events[0].json_len, m->events[0].json);
    struct child_conf c = {.loop = s->env->loop,
                           .argv = s->conf->argv,
                           .more = (const char *const *)env,
                           .input = x->input,
                           .input_len = strlen(x->input),
                           .timeout_ms = s->conf->answer_timeout_ms,
                           .done = on_done,
                           .ctx = x};
    x->child = child_start(&c);
    for (char **e = env; *e; e++)
        free(*e);
}

static void exec_cancel(struct sink *s)
{
    struct exec *x = (struct exec *)s;
    child_cancel(TAKE(x->child));
    over(x);
}

static void exec_free(struct sink *s)
{
    free(s);
}

static struct sink *exec_make(const struct sink_env *env, const struct td_sub_conf *conf)
{
    return xcalloc(1, sizeof(struct exec));
}

const struct sink_type sink_exec = {exec_make, exec_send, exec_cancel, exec_free};
