#include "config/settings.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/load.h"
#include "config/sites.h"

static int load_file(struct loader *l, const char *path)
{
    l->files = xreallocarray(l->files, (size_t)l->n_files + 1, sizeof *l->files);
    l->files[l->n_files++] = xstrdup(path);
    l->section = 0;
    l->in_wrong = false;
    CLEANUP_BUF struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES);
    int r = io_read_file(path, &text);
    if (r == -EFBIG)
        load_problem(l, l->n_files - 1, 0, "too large; allowed: %u MiB", LIMIT_CONFIG_BYTES >> 20);
    else if (r < 0)
        load_problem(l, l->n_files - 1, 0, "cannot be read: %s; allowed: a readable file",
                     strerror(-r));
    else if (text.len) {
        text.data[text.len] = 0;
        ini_parse(text.data, text.len, load_line, l);
    }
    return r;
}

static int is_dropin(const struct dirent *e)
{
    return e->d_name[0] != '.' && str_ends(e->d_name, ".conf");
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_dropins(struct loader *l, const char *path)
{
    CLEANUP_FREE char *dir = xasprintf("%s.d", path);
    struct dirent **list = NULL;
    int n = scandir(dir, &list, is_dropin, by_bytes);
    if (n < 0 && errno != ENOENT)
        load_problem(l, 0, 0, "%s cannot be read: %s; allowed: a folder of *.conf, or none", dir,
                     strerror(errno));
    if (n > LIMIT_CONFIG_DROPINS)
        load_problem(l, 0, 0, "%s holds %d files; allowed: %d", dir, n, LIMIT_CONFIG_DROPINS);
    for (int i = 0; i < n; i++) {
        if (n <= LIMIT_CONFIG_DROPINS) {
            CLEANUP_FREE char *file = xasprintf("%s/%s", dir, list[i]->d_name);
            load_file(l, file);
        }
        free(list[i]);
    }
    free(list);
}

/* The absolute folder of PATH. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    CLEANUP_FREE char *dir = slash ? xstrndup(path, MAX((size_t)(slash - path), 1u)) : xstrdup(".");
    char *abs = realpath(dir, NULL);
    return abs ? abs : TAKE(dir);
}

static void set_defaults(struct settings *s)
{
    for (size_t i = 0; i < n_config_keys; i++) {
        const struct key *k = &config_keys[i];
        if (k->sections & (IN_TOKEN | IN_QUERY)) /* a new one's is 0 */
            continue;
        if (k->def && k->set(k, key_is_feeds(k) ? (void *)&s->defaults : (void *)s, k->def, NULL))
            abort(); /* the table contradicts itself; test_settings reads it */
    }
}

int settings_load(const char *path, struct settings **ret, struct buf *problems)
{
    struct loader l = {.s = xcalloc(1, sizeof *l.s), .problems = problems};
    l.s->path = xstrdup(path);
    l.folder = folder_of(path);
    set_defaults(l.s);
    int r = load_file(&l, path);
    if (r == 0)
        load_dropins(&l, path);
    load_finish(&l);
    if (l.n_problems && r != -ENOENT && r != -EACCES)
        r = -EINVAL;
    for (int i = 0; i < l.n_files; i++)
        free(l.files[i]);
    free(l.files);
    free(l.drafts);
    free(l.folder);
    if (r < 0)
        settings_free(l.s);
    else
        *ret = l.s;
    return r;
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_feeds; i++)
        td_feed_conf_free(s->feeds[i]);
    free(s->feeds);
    for (size_t i = 0; i < s->n_subs; i++)
        td_sub_conf_free(s->subs[i]);
    free(s->subs);
    free(s->path);
    free(s->store);
    free(s->socket);
    free(s->contact);
    free(s->websub_callback);
    free(s->state_dir);
    free(s->allow);
    free(s->listen);
    free(s->listen_names);
    td_tokens_free(s->tokens, s->n_tokens);
    td_saved_queries_free(s->queries, s->n_queries);
    free(s->public_url);
    sites_free(s);
    free(s->defaults.tags);
    td_access_free(s->defaults.access);
    free(s);
}
