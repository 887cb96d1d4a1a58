/*
 * frame.h - what travels on the socketpair between the daemon (pool.c) and a parser child
 * (child.c).
 *
 * A job goes to the child, one answer comes back, then the next job. Host order, one machine and
 * one version. The child trusts the daemon; the daemon trusts no byte of an answer.
 */
#ifndef TIDINGS_PARSE_FRAME_H
#define TIDINGS_PARSE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_FD         3                /* the child's end of the socketpair */
#define FRAME_ARG        "--parser-child" /* and the daemon's version behind it */
#define FRAME_EX_VERSION 76               /* EX_PROTOCOL: the child is of another version */

/* Followed by the three strings, each NUL-terminated ("" = unknown), then the body. */
struct frame_job {
    uint32_t strings; /* bytes of the three strings with their NULs */
    uint32_t body;    /* bytes, at most LIMIT_WIRE_BYTES */
    uint32_t discover;
};

enum frame_kind {
    FRAME_READY,     /* once, when the sandbox is closed and the first job may come; no payload */
    FRAME_BATCH,     /* model/wire.h */
    FRAME_NOT_FEED,  /* the reason, then "URL\tTYPE\tTITLE" per feed found, NUL behind each */
    FRAME_TOO_LARGE, /* the reason, with its NUL */
    FRAME_N,
};

struct frame_answer {
    uint32_t kind;
    uint32_t len; /* of the payload behind it, at most LIMIT_WIRE_BYTES */
};

#endif
