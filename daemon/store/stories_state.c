/*
 * stories_state.c - the clusterer in the tables story_live, story_words and story_state.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/stories_private.h"
#include "story/live.h"

#define WORDS_ROW_BYTES   (1u << 20) /* a row of story_words is at most about as large */
#define WORDS_LOG_BYTES   (4u << 20) /* log before a checkpoint: as large as that can become */
#define STORY_STATE_BYTES (1u << 20) /* one story: 10 KB at most */
#define WORDS_STATE_BYTES (8u << 20) /* a checkpoint of the counts: 5 MB at most */

void story_ids_add(struct story_ids *ids, int64_t id)
{
    if (ids->n && ids->list[ids->n - 1] == id)
        return;
    if (ids->n == ids->cap) {
        ids->cap = ids->cap * 2 + 64;
        ids->list = xreallocarray(ids->list, ids->cap, sizeof *ids->list);
    }
    ids->list[ids->n++] = id;
}

void stories_touched(struct stories *s, int64_t story_id)
{
    story_ids_add(&s->changed, story_id);
    s->head_changed = true;
}

static void on_gone(void *ctx, int64_t id)
{
    struct stories *s = ctx;
    story_ids_add(&s->gone, id);
}

static void forget_changes(struct stories *s)
{
    s->changed.n = s->gone.n = 0;
    buf_clear(&s->words);
    s->head_changed = false;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef int load_fn(struct cluster *c, const void *p, size_t n);

/* Gives each BLOB of SQL to LOAD: how many, or negative errno. */
static int64_t load_each(struct stories *s, const char *sql, load_fn *load, int64_t *ret_bytes)
{
    sqlite3_stmt *q = db_stmt(s->d, sql);
    int64_t n = 0;
    int code = SQLITE_ERROR, r = 0;
    while (q && r == 0 && (code = sqlite3_step(q)) == SQLITE_ROW) {
        r = load(s->c, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0));
        *ret_bytes += sqlite3_column_bytes(q, 0);
        n++;
    }
    sqlite3_reset(q);
    return r < 0 || code != SQLITE_DONE ? -EINVAL : n;
}

static void make_cluster(struct stories *s)
{
    cluster_free(s->c);
    s->c = cluster_new(s->rules.strictness);
    cluster_on_gone(s->c, on_gone, s);
}

static void empty_tables(struct stories *s)
{
    sqlite3_exec(db_handle(s->d),
                 "DELETE FROM story_live; DELETE FROM story_words; DELETE FROM story_state", NULL,
                 NULL, NULL);
}

/* What is kept is of no use: the stories of the last days are taken from their items. */
static void begin_anew(struct stories *s)
{
    struct td_err err;
    int64_t newest = db_int(s->d, "SELECT max(last_at) FROM story", 0);
    make_cluster(s);
    forget_changes(s);
    s->words_bytes = 0;
    if (db_exec(s->d, "BEGIN IMMEDIATE", &err) < 0)
        return;
    empty_tables(s);
    if (stories_begin_anew(s, newest - STORY_WINDOW_S * 1000LL, &err) < 0 ||
        stories_flush(s, &err) < 0 || db_exec(s->d, "COMMIT", &err) < 0) {
        log_warning("store: stories could not be built again: %s", err.msg);
        sqlite3_exec(db_handle(s->d), "ROLLBACK", NULL, NULL, NULL);
        make_cluster(s);
        forget_changes(s);
    }
}

static int load_all(struct stories *s)
{
    int64_t ignored = 0;
    s->words_bytes = 0;
    int64_t heads = load_each(s, "SELECT value FROM story_state WHERE key = 'head'",
                              cluster_load_head, &ignored);
    if (heads == 0) /* a new store, or one that was recovered */
        return db_int(s->d, "SELECT EXISTS (SELECT 1 FROM story)", 0) ? -ENODATA : 0;
    if (heads < 0 ||
        load_each(s, "SELECT value FROM story_state WHERE key = 'words'", cluster_load_words,
                  &ignored) < 0 ||
        load_each(s, "SELECT words FROM story_words ORDER BY batch", cluster_load_counted,
                  &s->words_bytes) < 0 ||
        load_each(s, "SELECT state FROM story_live ORDER BY touch", cluster_load_story, &ignored) <
            0)
        return -EINVAL;
    return 0;
}

void stories_load(struct stories *s)
{
    make_cluster(s);
    forget_changes(s);
    stories_find_place(s);
    if (load_all(s) < 0) {
        log_notice("store: stories are built again from their items: their state is of another "
                   "version, or damaged");
        begin_anew(s);
    }
    cluster_skip_ids(s->c, 1 + db_int(s->d, "SELECT max(story_id) FROM story", 0));
}

/* ---- writing --------------------------------------------------------------------------------- */

static int put_blob(struct stories *s, const char *sql, const void *key, int64_t number,
                    const struct buf *b, struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(s->d, sql);
    int i = 1;
    if (!q)
        return db_fail(s->d, err);
    if (key)
        db_bind_text(q, i++, key);
    if (number)
        sqlite3_bind_int64(q, i++, number);
    sqlite3_bind_blob64(q, i, buf_str(b), b->len, SQLITE_STATIC);
    return db_run(s->d, q, err);
}

static int put_words_row(struct stories *s, struct td_err *err)
{
    if (!s->words.len)
        return 0;
    int r = put_blob(s, "INSERT INTO story_words(words) VALUES(?)", NULL, 0, &s->words, err);
    s->words_bytes += (int64_t)s->words.len;
    buf_clear(&s->words);
    return r;
}

int stories_counted(struct stories *s, struct td_err *err)
{
    cluster_save_counted(s->c, &s->words);
    return s->words.len > WORDS_ROW_BYTES ? put_words_row(s, err) : 0;
}

static int checkpoint_words(struct stories *s, struct td_err *err)
{
    CLEANUP_BUF struct buf b = BUF_INIT(WORDS_STATE_BYTES);
    cluster_save_words(s->c, &b);
    int r = put_blob(s,
                     "INSERT INTO story_state VALUES(?, ?) ON CONFLICT DO UPDATE SET value ="
                     " excluded.value",
                     "words", 0, &b, err);
    s->words_bytes = 0;
    return r < 0 ? r : db_exec(s->d, "DELETE FROM story_words", err);
}

static int put_story(struct stories *s, int64_t id, struct td_err *err)
{
    CLEANUP_BUF struct buf b = BUF_INIT(STORY_STATE_BYTES);
    int64_t touch;
    cluster_save_story(s->c, id, &b, &touch);
    sqlite3_stmt *q = db_stmt(s->d, "INSERT INTO story_live VALUES(?, ?, ?) ON CONFLICT DO UPDATE"
                                    " SET touch = excluded.touch, state = excluded.state");
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_int64(q, 2, touch);
    sqlite3_bind_blob64(q, 3, b.data, b.len, SQLITE_STATIC);
    return db_run(s->d, q, err);
}

static int drop_story(struct stories *s, int64_t id, struct td_err *err)
{
    sqlite3_stmt *q = db_stmt(s->d, "DELETE FROM story_live WHERE story_id = ?");
    if (!q)
        return db_fail(s->d, err);
    sqlite3_bind_int64(q, 1, id);
    return db_run(s->d, q, err);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int put_stories(struct stories *s, struct td_err *err)
{
    struct story_ids *ids = &s->changed;
    int r = 0;
    if (ids->n)
        qsort(ids->list, ids->n, sizeof *ids->list, by_number);
    for (size_t i = 0; r == 0 && i < ids->n; i++) {
        if (i && ids->list[i] == ids->list[i - 1])
            continue;
        r = cluster_is_live(s->c, ids->list[i]) ? put_story(s, ids->list[i], err)
                                                : drop_story(s, ids->list[i], err);
    }
    for (size_t i = 0; r == 0 && i < s->gone.n; i++)
        if (!cluster_is_live(s->c, s->gone.list[i]))
            r = drop_story(s, s->gone.list[i], err);
    return r;
}

int stories_flush(struct stories *s, struct td_err *err)
{
    CLEANUP_BUF struct buf head = BUF_INIT(100);
    int r = put_stories(s, err);
    if (r == 0)
        r = put_words_row(s, err);
    if (r == 0 && s->words_bytes > (int64_t)WORDS_LOG_BYTES)
        r = checkpoint_words(s, err);
    if (r == 0 && s->head_changed) {
        cluster_save_head(s->c, &head);
        r = put_blob(s,
                     "INSERT INTO story_state VALUES(?, ?) ON CONFLICT DO UPDATE SET value ="
                     " excluded.value",
                     "head", 0, &head, err);
    }
    if (r == 0)
        forget_changes(s);
    return r;
}

void stories_rolled_back(struct stories *s)
{
    stories_load(s);
}
