#include "store/ops.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/commit.h"
#include "store/feeds.h"
#include "store/learned.h"
#include "store/subs.h"

void op_list_init(struct op_list *l)
{
    *l = (struct op_list){.tail = NULL};
}

void op_list_add(struct op_list *l, struct op *op)
{
    op->next = NULL;
    if (l->head)
        *l->tail = op;
    else
        l->head = op;
    l->tail = &op->next;
    l->n++;
}

struct op *op_list_pop(struct op_list *l)
{
    struct op *op = l->head;
    if (op) {
        l->head = op->next;
        l->n--;
    }
    return op;
}

static int put_feeds(struct db *d, struct op *op, struct td_err *err)
{
    int r = 0;
    if (op->conf)
        return feeds_put(d, op->conf, &op->one_id, err);
    for (size_t i = 0; r == 0 && i < op->n; i++)
        r = feeds_put(d, op->confs[i], &op->ids[i], err);
    return r;
}

static int cursor_write(struct db *d, const struct op *op, struct td_err *err)
{
    sqlite3_stmt *s = op->kind == OP_CURSOR_SET
                          ? db_stmt(
                                d, "INSERT INTO cursor SELECT ?1, ?2, ?3 WHERE EXISTS(SELECT 1 FROM"
                                   " cursor WHERE name = ?1) OR (SELECT count(*) FROM cursor) < ?4"
                                   " ON CONFLICT DO UPDATE SET seq = ?2, updated_at = ?3")
                          : db_stmt(d, "DELETE FROM cursor WHERE name = ?1");
    if (!s)
        return db_fail(d, err);
    db_bind_text(s, 1, op->name);
    if (op->kind == OP_CURSOR_SET) {
        sqlite3_bind_int64(s, 2, op->id);
        sqlite3_bind_int64(s, 3, clock_now_ms());
        sqlite3_bind_int(s, 4, LIMIT_CURSORS);
    }
    int r = db_run(d, s, err);
    if (r == 0 && op->kind == OP_CURSOR_SET && sqlite3_changes(db_handle(d)) == 0)
        return td_err(err, -EDQUOT,
                      "there are %d named cursors, as many as are allowed: "
                      "DELETE /v1/cursors/NAME forgets one",
                      LIMIT_CURSORS);
    if (r == 0 && op->kind == OP_CURSOR_DELETE && sqlite3_changes(db_handle(d)) == 0)
        return td_err(err, -ENOENT, "there is no cursor %s", op->name);
    return r;
}

static int fix_story(struct stories *stories, struct op *op, struct td_err *err)
{
    int64_t now = clock_now_ms(), *seq = &op->counts.last_seq;
    op->counts.last_seq = 0;
    op->one_id = op->id;
    if (op->fix == STORY_FIX_MERGE)
        return stories_merge(stories, op->id, op->other, now, seq, err);
    return stories_move(stories, op->id, op->other, op->fix == STORY_FIX_PIN, now, &op->one_id, seq,
                        err);
}

static int run(struct db *d, struct stories *stories, struct op *op, struct td_err *err)
{
    int r;
    switch (op->kind) {
    case OP_COMMIT:
        r = commit_apply(d, op->commit, &op->counts, &op->known, err);
        if (op->counts.n_new && !op->commit->dry)
            stories_wrote(stories);
        return r;
    case OP_PUT:
        return put_feeds(d, op, err);
    case OP_DELETE:
        return feeds_mark_deleted(d, op->id, err);
    case OP_CURSOR_SET:
    case OP_CURSOR_DELETE:
        return cursor_write(d, op, err);
    case OP_RENAME:
        return feeds_rename(d, op->id, op->name, err);
    case OP_PUSH:
        return feeds_write_push(d, op->id, op->name, err);
    case OP_SUB:
        return subs_apply(d, op->sub, err);
    case OP_PACING:
        return learned_write(d, &op->learned, err);
    case OP_STORY:
        return fix_story(stories, op, err);
    case OP_VACUUM:
        return 0; /* not in a transaction: op_vacuum */
    }
    return -EINVAL;
}

void op_failed(struct op *op, int result, const struct td_err *err)
{
    op->result = result;
    op->err = op->err ? op->err : xmalloc(sizeof *op->err);
    *op->err = *err;
}

int op_run(struct db *d, struct stories *stories, struct op *op, struct td_err *err)
{
    err->msg[0] = 0;
    op->result = run(d, stories, op, err);
    if (op->result < 0)
        op_failed(op, op->result, err);
    return op->result;
}

/* A vacuum writes the whole store into a temporary database first: into a file beside the store
 * (store_open has said where), since memory is bounded and the store is not. */
int op_vacuum(struct db *d, struct td_err *err)
{
    int r = db_exec(d, "PRAGMA temp_store=file", err);
    if (r == 0)
        r = db_exec(d, "INSERT INTO item_fts(item_fts) VALUES('optimize')", err);
    if (r == 0)
        r = db_exec(d, "VACUUM", err);
    db_exec(d, "PRAGMA temp_store=memory", NULL);
    return r == 0 ? db_exec(d, "PRAGMA wal_checkpoint(TRUNCATE)", err) : r;
}

void op_free(struct op *op)
{
    if (op->commit) {
        td_batch_free(op->commit->batch);
        td_feed_state_fini(&op->commit->state);
        free(op->commit);
    }
    td_feed_conf_free(op->conf);
    sub_op_free(op->sub);
    free(op->name);
    free(op->err);
    free(op);
}
