/*
 * parser_main.c - tidings-parser: the program of a parser child, with nothing in it but what
 * parsing needs.
 */
#include <stdio.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/str.h"
#include "parse/child.h"
#include "parse/frame.h"

int main(int argc, char **argv)
{
    if (argc != 3 || !str_eq(argv[1], FRAME_ARG)) {
        fputs("tidings-parser " TIDINGS_VERSION " is started by tidingsd(8). "
              "To parse a file: tidings parse FILE\n",
              stderr);
        return EX_USAGE;
    }
    if (!str_eq(argv[2], TIDINGS_VERSION)) {
        log_error("tidings-parser is of version %s, tidingsd of version %s: install both from one",
                  TIDINGS_VERSION, argv[2]);
        return FRAME_EX_VERSION;
    }
    return child_main(FRAME_FD);
}
