/*
 * reader_private.h - what the files of reader.h share; nobody else includes it.
 */
#ifndef TIDINGS_STORE_READER_PRIVATE_H
#define TIDINGS_STORE_READER_PRIVATE_H

#include "store/db.h"
#include "store/reader.h"

struct reader {
    struct db *d;
};

#endif
