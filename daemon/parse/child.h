/*
 * child.h - a parser child from the inside: what tidings-parser does (launch.h starts it).
 */
#ifndef TIDINGS_PARSE_CHILD_H
#define TIDINGS_PARSE_CHILD_H

/* Warms up, closes the sandbox (sandbox.h) and answers one document after the other on socket FD
 * (frame.h) until the daemon is gone. All descriptors above FD are closed first. The exit code. */
int child_main(int fd);

#endif
