/*
 * child.h - a parser child from the inside: what tidings-parser does (launch.h starts it).
 */
#ifndef TIDINGS_PARSE_CHILD_H
#define TIDINGS_PARSE_CHILD_H

/* Memory that a child keeps between documents: what a feed of 800 KB needs. More goes back to the
 * system, for 10,000 documents must not leave a child as big as the biggest of them; all of it
 * would have to be cleared by the kernel again for the next one, a tenth of the time of a whole
 * parse. */
#define CHILD_KEPT_BYTES (8u << 20)
/* A block beyond this is mapped by itself, and goes at once. */
#define CHILD_BLOCK_BYTES (1u << 20)

/* Sets malloc(3) up for that. For one thread, before anything big is allocated. */
void child_tune_malloc(void);

/* Warms up, closes the sandbox (sandbox.h) and answers one document after the other on socket FD
 * (frame.h) until the daemon is gone. All descriptors above FD are closed first. The exit code. */
int child_main(int fd);

#endif
