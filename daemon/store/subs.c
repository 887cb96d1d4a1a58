#include "store/subs.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

void sub_op_free(struct sub_op *op)
{
    if (!op)
        return;
    free(op->name);
    free(op->conf);
    free(op->save.error);
    for (size_t i = 0; i < op->save.n_dead; i++)
        free(op->save.dead[i].event);
    free(op->save.dead);
    free(op);
}

size_t sub_op_bytes(const struct sub_op *op)
{
    size_t n = sizeof *op;
    for (size_t i = 0; i < op->save.n_dead; i++)
        n += sizeof *op->save.dead + strlen(op->save.dead[i].event);
    return n;
}

/* Runs SQL with the name as ?1 and one number as ?2. */
static int run(struct db *d, const char *sql, const char *name, int64_t number, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, sql);
    if (!s)
        return db_fail(d, err);
    db_bind_text(s, 1, name);
    if (sqlite3_bind_parameter_count(s) > 1)
        sqlite3_bind_int64(s, 2, number);
    return db_run(d, s, err);
}

static int put(struct db *d, const struct sub_op *op, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "INSERT INTO subscription(name, conf, created_at) VALUES(?1,?2,?3)"
                                 " ON CONFLICT DO UPDATE SET conf = ?2");
    if (!s)
        return db_fail(d, err);
    db_bind_text(s, 1, op->name);
    db_bind_text(s, 2, op->conf);
    sqlite3_bind_int64(s, 3, clock_now_ms());
    int r = db_run(d, s, err);
    if (r < 0)
        return r;
    s = db_stmt(d, "INSERT INTO cursor VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING");
    if (!s)
        return db_fail(d, err);
    db_bind_text(s, 1, op->name);
    sqlite3_bind_int64(s, 2, op->seq);
    sqlite3_bind_int64(s, 3, clock_now_ms());
    return db_run(d, s, err);
}

static int bury(struct db *d, const struct sub_op *op, const struct store_dead *dead,
                struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "INSERT INTO dead_letter(sub, seq, at, attempts, error, event)"
                                 " VALUES(?,?,?,?,?,?)");
    if (!s)
        return db_fail(d, err);
    db_bind_text(s, 1, op->name);
    sqlite3_bind_int64(s, 2, dead->seq);
    sqlite3_bind_int64(s, 3, clock_now_ms());
    sqlite3_bind_int(s, 4, op->save.attempts);
    db_bind_text(s, 5, op->save.error);
    db_bind_text(s, 6, dead->event);
    return db_run(d, s, err);
}

static int save_state(struct db *d, const struct sub_op *op, struct td_err *err)
{
    const struct store_sub_save *v = &op->save;
    const struct td_sub_state *t = &v->state;
    sqlite3_stmt *s = db_stmt(
        d, "UPDATE subscription SET paused = ?2, disabled = ?3, batch_upto = ?4, failures = ?5,"
           " failing_since = ?6, next_try_at = ?7, error = ?8, n_delivered = n_delivered + ?9,"
           " last_delivered_at = coalesce(?10, last_delivered_at) WHERE name = ?1");
    if (!s)
        return db_fail(d, err);
    db_bind_text(s, 1, op->name);
    sqlite3_bind_int(s, 2, t->paused);
    sqlite3_bind_int(s, 3, t->disabled);
    sqlite3_bind_int64(s, 4, t->batch_upto);
    sqlite3_bind_int(s, 5, t->failures);
    db_bind_time(s, 6, t->failing_since);
    db_bind_time(s, 7, t->next_try_at);
    db_bind_text(s, 8, v->error);
    sqlite3_bind_int64(s, 9, v->n_delivered);
    db_bind_time(s, 10, v->n_delivered ? clock_now_ms() : TD_NEVER);
    int r = db_run(d, s, err);
    if (r == 0 && sqlite3_changes(db_handle(d)) == 0)
        return td_err(err, -ENOENT, "there is no subscription %s", op->name);
    return r;
}

static int save(struct db *d, const struct sub_op *op, struct td_err *err)
{
    int r = save_state(d, op, err);
    if (r < 0)
        return r;
    sqlite3_stmt *s = db_stmt(d, "INSERT INTO cursor VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE"
                                 " SET seq = ?2, updated_at = ?3 WHERE seq <> ?2");
    if (!s)
        return db_fail(d, err);
    db_bind_text(s, 1, op->name);
    sqlite3_bind_int64(s, 2, op->save.state.seq);
    sqlite3_bind_int64(s, 3, clock_now_ms());
    r = db_run(d, s, err);
    for (size_t i = 0; r == 0 && i < op->save.n_dead; i++)
        r = bury(d, op, &op->save.dead[i], err);
    if (r == 0 && op->save.n_dead)
        r = run(d,
                "DELETE FROM dead_letter WHERE sub = ?1 AND id <= (SELECT id FROM dead_letter WHERE"
                " sub = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                op->name, LIMIT_DEAD_LETTERS, err);
    if (r == 0 && op->save.replayed)
        r = run(d, "DELETE FROM dead_letter WHERE sub = ?1 AND id = ?2", op->name,
                op->save.replayed, err);
    return r;
}

static int delete_all(struct db *d, const struct sub_op *op, struct td_err *err)
{
    int r = run(d, "DELETE FROM subscription WHERE name = ?1", op->name, 0, err);
    if (r == 0 && sqlite3_changes(db_handle(d)) == 0) /* a cursor of that name is somebody's */
        return db_unknown(d, "subscription", op->name, SUB_NAMES, err);
    if (r == 0)
        r = run(d, "DELETE FROM dead_letter WHERE sub = ?1", op->name, 0, err);
    if (r == 0)
        r = run(d, "DELETE FROM cursor WHERE name = ?1", op->name, 0, err);
    return r;
}

static int forget(struct db *d, const struct sub_op *op, struct td_err *err)
{
    int r = run(d, "DELETE FROM dead_letter WHERE sub = ?1 AND (?2 = 0 OR id = ?2)", op->name,
                op->seq, err);
    if (r == 0 && op->seq && sqlite3_changes(db_handle(d)) == 0)
        return td_err(err, -ENOENT, "%s has no dead letter %lld", op->name, (long long)op->seq);
    return r;
}

static int put_query(struct db *d, const struct sub_op *op, struct td_err *err)
{
    sqlite3_stmt *s = db_stmt(d, "INSERT INTO meta VALUES('" QUERY_KEY "' || ?1, ?2)"
                                 " ON CONFLICT DO UPDATE SET value = ?2");
    if (!s)
        return db_fail(d, err);
    db_bind_text(s, 1, op->name);
    db_bind_text(s, 2, op->conf);
    return db_run(d, s, err);
}

static int delete_query(struct db *d, const struct sub_op *op, struct td_err *err)
{
    int r = run(d, "DELETE FROM meta WHERE key = '" QUERY_KEY "' || ?1", op->name, 0, err);
    if (r == 0 && sqlite3_changes(db_handle(d)) == 0)
        return td_err(err, -ENOENT, "there is no query %s", op->name);
    return r;
}

int subs_apply(struct db *d, const struct sub_op *op, struct td_err *err)
{
    switch (op->what) {
    case SUB_PUT:
        return put(d, op, err);
    case SUB_SAVE:
        return save(d, op, err);
    case SUB_DELETE:
        return delete_all(d, op, err);
    case SUB_FORGET:
        return forget(d, op, err);
    case SUB_QUERY_PUT:
        return put_query(d, op, err);
    case SUB_QUERY_DELETE:
        return delete_query(d, op, err);
    }
    return -EINVAL;
}
