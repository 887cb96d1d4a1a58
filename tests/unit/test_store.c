/* The store as the daemon uses it: real threads, a real loop, a real file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "store/reader.h"
#include "store/store.h"

/* 40 days ago: past what a silent cursor may hold, well within what the log keeps. */
static int64_t T0;

struct fixture {
    char dir[64], path[96];
    struct ev_loop *loop;
    struct store *store;
    int64_t log_seq;
    int result;
    struct store_commit_result counts;
    bool gone;
};

static void on_log(void *ctx, int64_t seq)
{
    ((struct fixture *)ctx)->log_seq = seq;
}

static void open_store(struct fixture *f)
{
    struct td_err err = {""};
    struct store_conf c = {.path = f->path, .log_grew = on_log, .ctx = f};
    if (store_open(&f->store, f->loop, &c, &err) < 0)
        fail_msg("%s", err.msg);
}

static void reopen(struct fixture *f)
{
    store_close(f->store, 1000);
    open_store(f);
}

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/tidings-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/t.db", f->dir);
    f->loop = ev_loop_new(0);
    open_store(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    CLEANUP_FREE char *rm = xasprintf("rm -rf %s", f->dir);
    store_close(f->store, 1000);
    ev_loop_destroy(f->loop);
    assert_int_equal(system(rm), 0);
    free(f);
    return 0;
}

static void on_done(void *ctx, int result, const struct td_err *err)
{
    struct fixture *f = ctx;
    f->result = result;
    ev_break(f->loop, EVBREAK_ONE);
}

static int64_t put_feed(struct fixture *f, const char *name)
{
    struct td_feed_conf c = {
        .name = (char *)name, .url = (char *)"http://example.org/feed", .enabled = true};
    store_feed_put(f->store, &c, on_done, f);
    ev_run(f->loop, 0);
    assert_true(f->result > 0);
    return f->result;
}

struct item {
    const char *id, *title, *url;
    int64_t date;
};

static void add_entry(struct td_batch *b, const struct item *it)
{
    struct td_entry *e = &b->entries[b->n_entries++];
    CLEANUP_FREE char *all = xasprintf("%s|%s", it->title, it->url ? it->url : "");
    memset(e, 0, sizeof *e);
    e->id = arena_strdup(&b->arena, it->id);
    e->title = arena_strdup(&b->arena, it->title);
    e->url = it->url ? arena_strdup(&b->arena, it->url) : NULL;
    e->text = arena_printf(&b->arena, "Text of %s", it->title);
    e->date_published = it->date ? it->date : TD_NEVER;
    e->date_modified = TD_NEVER;
    e->fingerprint = crypto_hash64(all, strlen(all));
    e->json = arena_printf(&b->arena, "{\"id\":\"%s\",\"title\":\"%s\"}", it->id, it->title);
    e->json_len = strlen(e->json);
}

static void finish(struct store_commit *c, const struct store_commit_result *r)
{
    c->state.n_unchanged = r->n_new;
    if (c->batch)
        c->state.imported = true;
}

static void on_commit(struct store_commit *c, const struct store_commit_result *r)
{
    struct fixture *f = c->ctx;
    f->gone = !r;
    f->counts = r ? *r : (struct store_commit_result){0};
    ev_break(f->loop, EVBREAK_ONE);
}

static struct store_commit *make_commit(struct fixture *f, int64_t feed_id, bool imported,
                                        const struct item *items, size_t n)
{
    struct store_commit *c = xcalloc(1, sizeof *c);
    c->feed_id = feed_id;
    c->now = T0;
    c->batch = td_batch_new();
    c->batch->format = "rss20";
    c->batch->entries = arena_alloc(&c->batch->arena, (n + 1) * sizeof *c->batch->entries);
    for (size_t i = 0; i < n; i++)
        add_entry(c->batch, &items[i]);
    td_feed_state_init(&c->state);
    c->state.imported = imported;
    c->state.val.etag = xstrdup("\"e\"");
    c->finish = finish;
    c->done = on_commit;
    c->ctx = f;
    return c;
}

static void commit(struct fixture *f, int64_t feed_id, bool imported, const struct item *items,
                   size_t n)
{
    store_commit(f->store, make_commit(f, feed_id, imported, items, n));
    ev_run(f->loop, 0);
    while (store_stories_waiting(f->store)) /* a slow build has them told after the items */
        ev_run(f->loop, EVRUN_ONCE);
}

/* ---- looking ---- */

struct seen {
    int n_story; /* events of stories, which are not among the others */
    char titles[40][64];
    int64_t ids[40], revisions[40];
    int n;
};

static int see(void *ctx, const struct item_row *row)
{
    struct seen *s = ctx;
    snprintf(s->titles[s->n], sizeof s->titles[0], "%s", row->title);
    s->ids[s->n] = row->item_id;
    s->revisions[s->n++] = row->revision;
    return 0;
}

static int see_event(void *ctx, const struct event_row *row)
{
    struct seen *s = ctx;
    if (strncmp(row->kind, "story.", 6) == 0) {
        s->n_story++;
        return 0;
    }
    snprintf(s->titles[s->n], sizeof s->titles[0], "%s %s", row->kind, row->item.title);
    s->ids[s->n] = row->seq;
    s->revisions[s->n++] = row->revision;
    return 0;
}

static struct reader *reader(struct fixture *f)
{
    struct reader *r;
    struct td_err err = {""};
    if (reader_open(&r, f->path, &err) < 0)
        fail_msg("%s", err.msg);
    return r;
}

static struct seen items(struct fixture *f, struct item_query q)
{
    struct seen s = {.n = 0};
    struct td_err err = {""};
    struct reader *r = reader(f);
    q.limit = 40;
    if (!q.since)
        q.since = TD_NEVER;
    if (!q.until)
        q.until = TD_NEVER;
    if (reader_items(r, &q, see, &s, &err) < 0)
        fail_msg("%s", err.msg);
    reader_close(r);
    return s;
}

static struct seen events(struct fixture *f, int64_t after)
{
    struct seen s = {.n = 0};
    struct reader *r = reader(f);
    assert_int_equal(reader_events(r, after, 40, see_event, &s, NULL), 0);
    reader_close(r);
    return s;
}

static struct item call = {"c", "Army chief and defence secretary speak", "http://e.org/call", 0};
static struct item ferry = {"f", "Night ferry returns", "http://e.org/ferry", 0};

static void new_items_become_events_once(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a");
    commit(f, id, true, (struct item[]){call, ferry}, 2);
    assert_int_equal(f->counts.n_new, 2);
    assert_int_equal(f->counts.last_seq, 2);
    assert_int_equal(f->log_seq, 4); /* each opens a story */
    commit(f, id, true, (struct item[]){call, ferry}, 2);
    assert_int_equal(f->counts.n_new + f->counts.n_changed, 0);
    struct seen s = items(f, (struct item_query){0}), e = events(f, 0);
    assert_int_equal(s.n, 2);
    assert_string_equal(s.titles[0], call.title); /* stood first in the document: the newest */
    assert_int_equal(e.n, 2);
    assert_string_equal(e.titles[0], "item.new Night ferry returns");
    assert_int_equal(e.n_story, 2);
    assert_int_equal(events(f, 1).n, 1);
}

static void changes_keep_the_old_revision(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a");
    struct item changed = call;
    changed.title = "Army chief speaks again";
    commit(f, id, true, &call, 1);
    commit(f, id, true, &changed, 1);
    assert_int_equal(f->counts.n_changed, 1);
    struct seen e = events(f, 0), r = {.n = 0};
    assert_string_equal(e.titles[0], "item.new Army chief and defence secretary speak");
    assert_string_equal(e.titles[1], "item.changed Army chief speaks again");
    struct reader *rd = reader(f);
    assert_int_equal(reader_revisions(rd, 1, see, &r, NULL), 0);
    assert_int_equal(reader_revisions(rd, 99, see, &r, NULL), -ENOENT);
    reader_close(rd);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.revisions[0], 2);
    assert_string_equal(r.titles[1], call.title);
    commit(f, id, true, &call,
           1); /* and back again within the day: it flaps, nothing is announced */
    assert_int_equal(f->counts.n_changed, 0);
    assert_int_equal(events(f, 0).n, 2);
    assert_string_equal(items(f, (struct item_query){0}).titles[0], call.title);
}

static void first_import_is_backlog(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a");
    struct item old = {"o", "Old", NULL, T0 - 48 * 3600000LL}, undated = {"u", "Undated", NULL, 0};
    struct store_commit *c = make_commit(f, id, false, (struct item[]){call, old, undated}, 3);
    c->backlog_ms = 24 * 3600000LL;
    store_commit(f->store, c);
    ev_run(f->loop, 0);
    assert_int_equal(f->counts.n_new, 3);
    assert_int_equal(f->counts.n_backlog, 2);
    assert_int_equal(events(f, 0).n, 1);
}

/* A dry commit tells what a real one would do, and leaves no trace. */
static void dry_commits(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a");
    struct item changed = {"c", "Army chief changed", call.url, call.date};
    struct item fresh = {"n", "New one", "http://e.org/n", T0};
    char fates[5] = "";
    commit(f, id, true, (struct item[]){call, ferry}, 2);
    for (int i = 0; i < 2; i++) { /* twice: nothing became known the first time */
        struct store_commit *c = make_commit(f, id, true,
                                             (struct item[]){fresh, changed, ferry, ferry}, 4);
        c->dry = true;
        c->fates = fates;
        store_commit(f->store, c);
        ev_run(f->loop, 0);
        assert_int_equal(f->counts.n_new, 1);
        assert_int_equal(f->counts.n_changed, 1);
        assert_int_equal(f->counts.last_seq, 0);
        assert_string_equal(fates, "nckd");
        assert_int_equal(events(f, 0).n, 2);
        assert_int_equal(items(f, (struct item_query){0}).n, 2);
    }
    commit(f, id, true, (struct item[]){fresh}, 1);
    assert_int_equal(f->counts.first_seq, 5); /* no number of the log was used up */
}

static void see_state(void *ctx, struct td_feed_conf *conf, struct td_feed_state *s)
{
    *(int32_t *)ctx = s->n_unchanged;
}

/* An archive: what is new is stored without a word, what is known stays as it is. */
static void archives_are_backlog(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a");
    struct item older = {"c", "Army chief, older version", call.url, call.date};
    struct item old = {"o", "Old one", "http://e.org/o", T0 - 999999};
    char fates[3] = "";
    int32_t unchanged = 0;
    commit(f, id, true, (struct item[]){call, ferry}, 2);
    struct store_commit *c = make_commit(f, id, false, (struct item[]){older, old}, 2);
    c->items_only = true;
    c->finish = NULL;
    c->fates = fates;
    store_commit(f->store, c);
    ev_run(f->loop, 0);
    assert_int_equal(f->counts.n_new, 1);
    assert_int_equal(f->counts.n_backlog, 1);
    assert_string_equal(fates, "kb");
    assert_int_equal(events(f, 0).n, 2);
    struct seen s = items(f, (struct item_query){0});
    assert_int_equal(s.n, 3);
    assert_string_equal(s.titles[1], call.title);
    struct td_err err;
    assert_int_equal(store_load_feeds(f->store, see_state, &unchanged, &err), 0);
    assert_int_equal(unchanged, 2); /* the poll's state */
}

static void a_feed_that_moves_is_not_told_again(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a");
    struct item moved[] = {{"https://new/c", call.title, "https://new.example/call/", call.date},
                           {"https://new/f", ferry.title, "https://new.example/ferry/", ferry.date},
                           {"https://new/x", "Really new", "https://new.example/x/", T0}};
    commit(f, id, true, (struct item[]){call, ferry}, 2);
    commit(f, id, true, moved, 3);
    assert_int_equal(f->counts.n_new, 1);
    assert_int_equal(f->counts.n_changed, 0);
    commit(f, id, true, moved, 3);
    assert_int_equal(f->counts.n_new + f->counts.n_changed, 0);
    assert_int_equal(items(f, (struct item_query){0}).n, 3);
}

static void search_finds_words_also_after_a_change(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a");
    struct item changed = call;
    changed.title = "Generals keep the line open";
    commit(f, id, true, (struct item[]){call, ferry}, 2);
    for (int i = 0; i < 200 && items(f, (struct item_query){.query = "defence"}).n == 0; i++)
        usleep(10000); /* the index follows on the writer's thread, which tells nobody */
    assert_int_equal(items(f, (struct item_query){.query = "defence -ferry"}).n, 1);
    assert_int_equal(items(f, (struct item_query){.query = "returns OR chief"}).n, 2);
    assert_int_equal(items(f, (struct item_query){.query = "feed:a"}).n, 2);
    assert_int_equal(items(f, (struct item_query){.query = "feed:b"}).n, 0);
    commit(f, id, true, &changed, 1);
    assert_int_equal(items(f, (struct item_query){.query = "secretary"}).n, 0);
    for (int i = 0; i < 200 && items(f, (struct item_query){.query = "generals"}).n == 0; i++)
        usleep(10000);
    assert_int_equal(items(f, (struct item_query){.query = "generals"}).n, 1);
}

static void retention_expires_and_nothing_comes_back(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a");
    commit(f, id, true, (struct item[]){call, ferry}, 2);
    store_cursor_set(f->store, "reader", 0, on_done,
                     f); /* has had nothing: within 30 days it holds */
    ev_run(f->loop, 0);
    store_set_retention(f->store, id, 0, 1);
    for (int i = 0; i < 400 && items(f, (struct item_query){0}).n > 1; i++)
        usleep(10000);
    assert_int_equal(items(f, (struct item_query){0}).n, 1); /* T0 is more than 30 days ago */
    assert_string_equal(items(f, (struct item_query){0}).titles[0], call.title);
    commit(f, id, true, (struct item[]){call, ferry}, 2);
    assert_int_equal(f->counts.n_new, 0);
    assert_int_equal(items(f, (struct item_query){0}).n, 1);
}

static void a_cursor_holds_what_it_has_not_had(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a");
    struct store_commit *c = make_commit(f, id, true, (struct item[]){call, ferry}, 2);
    c->now = clock_now_ms();
    store_commit(f->store, c);
    ev_run(f->loop, 0);
    store_cursor_set(f->store, "reader", 1, on_done, f);
    ev_run(f->loop, 0);
    assert_int_equal(items(f, (struct item_query){.unread_by = "reader"}).n, 1);
    store_set_retention(f->store, id, 0, 1);
    usleep(1300000); /* the sweep runs one second after a rule changes; nothing to await: it must do
                        nothing */
    assert_int_equal(items(f, (struct item_query){0}).n, 2);
    store_cursor_delete(f->store, "reader", on_done, f);
    ev_run(f->loop, 0);
    assert_int_equal(f->result, 0);
    store_cursor_delete(f->store, "reader", on_done, f);
    ev_run(f->loop, 0);
    assert_int_equal(f->result, -ENOENT);
}

struct loaded {
    int n;
    struct td_feed_state state;
    char *name;
};

static void load(void *ctx, struct td_feed_conf *conf, struct td_feed_state *s)
{
    struct loaded *l = ctx;
    l->n++;
    l->state = *s;
    l->name = TAKE(conf->name);
    memset(s, 0, sizeof *s);
}

/* What a slim state leaves out is what the store has. */
static void words_and_history_stay_in_the_store(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a");
    struct td_feed_state s;
    struct loaded l = {.n = 0};
    td_feed_state_init(&s);
    s.title = xstrdup("Harbour Gazette");
    for (int i = 1; i <= LIMIT_FEED_HISTORY + 2; i++) {
        struct store_commit *c = make_commit(f, id, true, &call, 1);
        td_feed_state_note(&s, &(struct td_fetch_note){.at = i, .outcome = TD_OUT_OK});
        td_feed_state_copy(&c->state, &s);
        td_feed_state_slim(&s);
        store_commit(f->store, c);
        ev_run(f->loop, 0);
        assert_int_equal(s.n_history, 1);
    }
    assert_int_equal(store_load_feeds(f->store, load, &l, NULL), 0);
    assert_string_equal(l.state.title, "Harbour Gazette");
    assert_int_equal(l.state.n_history, LIMIT_FEED_HISTORY);
    for (int i = 0; i < LIMIT_FEED_HISTORY; i++)
        assert_int_equal(l.state.history[i].at, LIMIT_FEED_HISTORY + 2 - i);
    free(l.name);
    td_feed_state_fini(&l.state);
    td_feed_state_fini(&s);
}

static void state_survives_and_deleted_feeds_do_not(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a"), other = put_feed(f, "b");
    struct loaded l = {.n = 0};
    commit(f, other, true, &ferry, 1);
    store_feed_delete(f->store, other, on_done, f);
    ev_run(f->loop, 0);
    assert_int_equal(f->result, 0);
    assert_int_equal(items(f, (struct item_query){0}).n, 0);
    commit(f, other, true, &ferry, 1);
    assert_true(f->gone);
    struct store_commit *c = make_commit(f, id, true, &call, 1);
    c->state.next_due_at = T0 + 5;
    c->state.rate_per_day = 2.5;
    xreplace(&c->state.why, TD_WHY_EXPIRES " 3 h; last answer 200");
    td_feed_state_note(&c->state,
                       &(struct td_fetch_note){.at = T0, .outcome = TD_OUT_OK, .http_status = 200});
    store_commit(f->store, c);
    ev_run(f->loop, 0);
    reopen(f);
    assert_int_equal(store_load_feeds(f->store, load, &l, NULL), 0);
    assert_int_equal(l.n, 1);
    assert_string_equal(l.name, "a");
    assert_int_equal(l.state.next_due_at, T0 + 5);
    assert_string_equal(l.state.val.etag, "\"e\"");
    assert_null(l.state.val.last_modified);
    assert_int_equal(l.state.n_history, 1);
    assert_int_equal(td_feed_state_last(&l.state)->http_status, 200);
    assert_int_equal(l.state.n_unchanged, 1);
    assert_true(l.state.imported && l.state.last_fetch_at == TD_NEVER);
    assert_true(l.state.by_expires);
    free(l.name);
    td_feed_state_fini(&l.state);
    put_feed(f, "b"); /* its name is free again */
    assert_int_equal(store_last_seq(f->store), 4);
    commit(f, f->result, true, &ferry, 1);
    assert_true(f->counts.last_seq >= 5); /* numbers are never used twice */
}

static void a_second_daemon_and_wrong_files_are_refused(void **state)
{
    struct fixture *f = *state;
    struct store *second;
    struct td_err err = {""};
    struct store_conf c = {.path = f->path};
    assert_int_equal(store_open(&second, f->loop, &c, &err), -EBUSY);
    CLEANUP_FREE char *junk = xasprintf("%s/junk.db", f->dir);
    FILE *out = fopen(junk, "w");
    assert_non_null(out);
    for (int i = 0; i < 9000; i++)
        fputs("not a database ", out);
    fclose(out);
    c.path = junk;
    assert_int_equal(store_open(&second, f->loop, &c, &err), -EUCLEAN);
    CLEANUP_FREE char *newer = xasprintf("%s/newer.db", f->dir);
    CLEANUP_FREE char *cmd = xasprintf(
        "cp %s %s && printf '\\0\\0\\0\\143' | dd of=%s bs=1 seek=60 conv=notrunc"
        " status=none",
        f->path, newer, newer);
    store_close(f->store, 1000);
    assert_int_equal(system(cmd), 0);
    open_store(f);
    c.path = newer;
    assert_int_equal(store_open(&second, f->loop, &c, &err), -EPROTO);
    assert_non_null(strstr(err.msg, "newer"));
}

/* Opens the store of that NAME as a daemon: fails with R and says WORDS and which file. */
static void refused(struct fixture *f, const char *name, int r, const char *file, const char *words)
{
    struct store *s;
    struct td_err err = {""};
    CLEANUP_FREE char *path = xasprintf("%s/%s", f->dir, name),
                      *named = xasprintf("%s/%s", f->dir, file);
    struct store_conf c = {.path = path};
    int got = store_open(&s, f->loop, &c, &err);
    if (got != r || !strstr(err.msg, named) || !strstr(err.msg, words))
        fail_msg("%s: %d, %s", name, got, err.msg);
}

/* What stands in the way is named: the file, and why it cannot be opened. */
static void what_cannot_be_opened_is_named(void **state)
{
    struct fixture *f = *state;
    CLEANUP_FREE char *make = xasprintf("cd %s && mkdir dir && ln -s /nowhere/x.db link &&"
                                        " cp t.db a.db && mkdir a.db-wal && cp t.db b.db &&"
                                        " mkdir b.db-shm && cp t.db c.db && chmod 444 c.db &&"
                                        " cp t.db d.db && chmod 000 d.db && ln -s t.db/x e.db",
                                        f->dir);
    store_close(f->store, 1000);
    f->store = NULL;
    assert_int_equal(system(make), 0);
    refused(f, "dir", -EISDIR, "dir", "is a directory");
    refused(f, "link", -EACCES, "link", "link to /nowhere/x.db, which is not there");
    refused(f, "a.db", -EISDIR, "a.db-wal", "is a directory");
    refused(f, "b.db", -EISDIR, "b.db-shm", "is a directory");
    refused(f, "e.db", -ENOTDIR, "e.db", "Not a directory");
    if (geteuid() == 0) /* may open everything */
        return;
    refused(f, "c.db", -EACCES, "c.db", "Permission denied for user");
    refused(f, "d.db", -EACCES, "d.db", "mode 000");
}

static void backup_is_a_whole_store(void **state)
{
    struct fixture *f = *state;
    struct td_err err = {""};
    CLEANUP_FREE char *copy = xasprintf("%s/copy.db", f->dir);
    commit(f, put_feed(f, "a"), true, (struct item[]){call, ferry}, 2);
    struct reader *r = reader(f);
    assert_int_equal(reader_backup(r, copy, NULL, NULL, &err), 0);
    assert_int_equal(reader_backup(r, copy, NULL, NULL, &err), -EEXIST);
    reader_close(r);
    struct fixture c = *f;
    snprintf(c.path, sizeof c.path, "%s", copy);
    assert_int_equal(items(&c, (struct item_query){0}).n, 2);
}

/* A child commits item after item; it is killed at any moment, in every second round once it has
 * got somewhere (a busy machine may give it nothing for long). What it left must fit together. */
static void killed_at_any_instant(void **state)
{
    struct fixture *f = *state;
    int64_t id = put_feed(f, "a");
    store_close(f->store, 1000);
    unsigned seed = 7;
    int done[2];
    char byte = 0;
    assert_int_equal(pipe(done), 0);
    for (int round = 0; round < 50; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            f->loop = ev_loop_new(0);
            open_store(f);
            for (int i = 0;; i++) {
                char name[32];
                snprintf(name, sizeof name, "%d-%d", round, i);
                struct item it = {name, name, NULL, T0};
                struct store_commit *c = make_commit(f, id, true, &it, 1);
                xreplace(&c->state.val.etag, name);
                store_commit(f->store, c);
                ev_run(f->loop, 0);
                if (i < 3 && round % 2 && write(done[1], &byte, 1) != 1)
                    _exit(1);
            }
        }
        for (int i = 0; i < 3 && round % 2; i++)
            assert_int_equal(read(done[0], &byte, 1), 1);
        usleep(round % 2 ? (useconds_t)(rand_r(&seed) % 10000)
                         : 20000 + (useconds_t)(rand_r(&seed) % 40000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    close(done[0]);
    close(done[1]);
    open_store(f);
    struct loaded l = {.n = 0};
    struct store_counts n;
    struct reader *r = reader(f);
    assert_int_equal(reader_counts(r, &n, NULL), 0);
    assert_true(n.items > 50);
    assert_true(n.items <= n.events);
    assert_int_equal(n.last_seq, n.events);
    assert_int_equal(store_load_feeds(f->store, load, &l, NULL), 0);
    struct seen s = items(f, (struct item_query){0});
    assert_string_equal(s.titles[0],
                        l.state.val.etag); /* the validator is that of the newest item stored */
    reader_close(r);
    free(l.name);
    td_feed_state_fini(&l.state);
}

static void see_learned(void *ctx, const struct td_learned *l)
{
    struct buf *b = ctx;
    buf_addf(b, "%s %d %d %d %d\n", l->key, (int)l->spacing_ms, (int)(l->since - T0),
             (int)l->calm_ms, l->hold_at == TD_NEVER ? -1 : (int)(l->hold_at - T0));
}

/* What servers have taught outlives a restart, until it is forgotten. */
static void what_servers_taught(void **state)
{
    struct fixture *f = *state;
    struct td_err err = {""};
    CLEANUP_BUF struct buf b = BUF_INIT(1000);
    store_learned(f->store, &(struct td_learned){"a:443", 6000, T0, 100, TD_NEVER});
    store_learned(f->store, &(struct td_learned){"b:443", 7000, T0 + 1, 200, T0 + 9});
    store_learned(f->store, &(struct td_learned){"a:443", 8000, T0 + 2, 300, T0});
    store_learned(f->store, &(struct td_learned){"c:443", 0, 0, 0, TD_NEVER});
    reopen(f);
    assert_int_equal(store_load_learned(f->store, see_learned, &b, &err), 0);
    assert_string_equal(buf_str(&b), "a:443 8000 2 300 0\nb:443 7000 1 200 9\n");
    store_learned(f->store, &(struct td_learned){"a:443", 0, 0, 0, TD_NEVER});
    reopen(f);
    b.len = 0;
    assert_int_equal(store_load_learned(f->store, see_learned, &b, &err), 0);
    assert_string_equal(buf_str(&b), "b:443 7000 1 200 9\n");
}

int main(void)
{
    T0 = clock_now_ms() - 40 * 24 * 3600000LL;
    call.date = T0 - 1000;
    ferry.date = T0 - 2000;
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(new_items_become_events_once),
        T(changes_keep_the_old_revision),
        T(first_import_is_backlog),
        T(dry_commits),
        T(archives_are_backlog),
        T(a_feed_that_moves_is_not_told_again),
        T(search_finds_words_also_after_a_change),
        T(retention_expires_and_nothing_comes_back),
        T(a_cursor_holds_what_it_has_not_had),
        T(words_and_history_stay_in_the_store),
        T(state_survives_and_deleted_feeds_do_not),
        T(a_second_daemon_and_wrong_files_are_refused),
        T(what_cannot_be_opened_is_named),
        T(backup_is_a_whole_store),
        T(killed_at_any_instant),
        T(what_servers_taught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
