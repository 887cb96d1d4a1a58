/*
 * floor_child.c - the least that the start of a parser child costs: a program with libc alone that
 * says READY on its socket (parse/frame.h) and waits to be killed.
 */
#include <unistd.h>

#include "parse/frame.h"

int main(void)
{
    struct frame_answer ready = {.kind = FRAME_READY};
    if (write(FRAME_FD, &ready, sizeof ready) != sizeof ready)
        return 1;
    pause();
    return 0;
}
