#include "client/follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

int64_t follow_backoff_ms(int n)
{
    int64_t ms = 250;
    while (n-- > 0 && ms < 15000)
        ms *= 2;
    return MIN(ms, 15000);
}

static const char *const names[] = {"SEQ",   "EVENT", "ITEM_ID", "FEED",           "FEED_TITLE",
                                    "TITLE", "URL",   "AUTHOR",  "DATE_PUBLISHED", "REVISION"};

static bool is_ours(const char *entry)
{
    if (!str_starts(entry, "TIDINGS_"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t n = strlen(names[i]);
        if (strncmp(entry + 8, names[i], n) == 0 && entry[8 + n] == '=')
            return true;
    }
    return false;
}

static size_t count(char *const *env)
{
    size_t n = 0;
    while (env[n])
        n++;
    return n;
}

char **follow_inherit(char *const *environ)
{
    char **env = xcalloc(count(environ) + 1, sizeof *env);
    size_t n = 0;
    for (char *const *e = environ; *e; e++)
        if (!is_ours(*e)) /* an item without a title must not have somebody else's */
            env[n++] = xstrdup(*e);
    return env;
}

void follow_env_free(char **env)
{
    for (char **e = env; e && *e; e++)
        free(*e);
    free(env);
}

static char *entry(const char *name, const char *value)
{
    CLEANUP_BUF struct buf safe = BUF_INIT(LIMIT_TEXT_BYTES * 4);
    str_add_printable(&safe, value, MIN(strlen(value), (size_t)LIMIT_EXEC_ENV_BYTES));
    size_t n = utf8_cut(buf_str(&safe), MIN(safe.len, (size_t)LIMIT_EXEC_ENV_BYTES));
    return xasprintf("TIDINGS_%s=%.*s", name, (int)n, buf_str(&safe));
}

char **follow_environment(char **env, int64_t seq, const char *event, const struct item_row *it)
{
    char seq_text[24], id[24], revision[24], date[CLOCK_TEXT];
    snprintf(seq_text, sizeof seq_text, "%" PRId64, seq);
    snprintf(id, sizeof id, "%" PRId64, it->item_id);
    snprintf(revision, sizeof revision, "%" PRId64, it->revision);
    const char *values[ARRAY_SIZE(names)] = {
        seq_text, event,          id,
        it->feed, it->feed_title, it->title,
        it->url,  it->author,     clock_rfc3339(date, it->date_published),
        revision};
    size_t n = count(env);
    env = xreallocarray(env, n + ARRAY_SIZE(names) + 1, sizeof *env);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (!str_empty(values[i]))
            env[n++] = entry(names[i], values[i]);
    env[n] = NULL;
    return env;
}
