/*
 * pool_private.h - the pool from the inside: pool.c is the queue and who serves it, pool_child.c
 * the life of one child.
 */
#ifndef TIDINGS_PARSE_POOL_PRIVATE_H
#define TIDINGS_PARSE_POOL_PRIVATE_H

#include "parse/frame.h"
#include "parse/pool.h"

/*
 * A child's life: STARTING until it says READY, then IDLE and BUSY in turn, DYING from the moment
 * we know that it is lost (or have killed it) until the loop has reaped it. Only then is its job
 * answered, because only then is it known what it died of.
 */
enum child_state { NONE, STARTING, IDLE, BUSY, DYING };

struct pool_job {
    struct pool_job *next;
    struct pool *pool;
    bool taken;      /* out of the queue */
    bool urgent;     /* cannot wait for the environment to be mended */
    struct buf head; /* struct frame_job and its strings */
    struct buf body;
    char *feed;
    pool_done_fn *done; /* NULL: cancelled */
    void *ctx;
};

struct child {
    struct pool *pool;
    enum child_state state;
    bool ready; /* it has been IDLE once */
    pid_t pid;
    int fd;
    ev_io io;
    ev_timer deadline;
    ev_child reap;
    struct pool_job *job; /* BUSY, or DYING with a job to answer */
    int n_jobs;
    size_t sent;              /* bytes of the job */
    struct frame_answer head; /* of the answer that is being read */
    size_t head_got;
    struct buf payload;
    struct td_err why; /* DYING: our reason, "" = it went by itself */
};

struct pool {
    struct ev_loop *loop;
    char *exe, *quarantine;
    int exe_fd;
    int64_t deadline_ms;
    int max_jobs;
    struct pool_job *first, **end; /* the queue; may hold cancelled jobs, whose bodies are gone */
    size_t n_waiting, n_urgent, bytes; /* n_urgent: of those that wait */
    long long progress_at;
    int n_failed_starts; /* in a row */
    bool broken;         /* no child can be started; said in the log */
    int64_t retry_at;    /* monotonic */
    struct td_err broken_why;
    ev_timer kick; /* broken: fails what is urgent, and tries the next start */
    int n_children;
    struct child children[];
};

/* pool_child.c */

/* Starts the process of an empty slot, or tells the pool why not. */
void pool_child_start(struct child *c);
/* Gives J to a child that is IDLE. */
void pool_child_give(struct child *c, struct pool_job *j);
/* Frees the slot of a child that was reaped. */
void pool_child_clear(struct child *c);

/* pool.c */

/* Gives what waits to idle children, starts more where some still waits. */
void pool_dispatch(struct pool *p);
/* Hands the answer over and forgets the job. The pool is consistent: DONE may call it. */
void pool_finish(struct pool *p, struct pool_job *j, struct pool_answer *a);
void pool_finish_died(struct pool *p, struct pool_job *j, const char *why);
/* A child is ready: the environment is in order. */
void pool_start_worked(struct pool *p);
void pool_start_failed(struct pool *p, const char *why);

#endif
