/*
 * schema.h - the store's format as a list of steps; `PRAGMA user_version` counts those that were
 * taken. The SQL of step N is schema/vN.sql, which the build puts into the program.
 *
 * A step that was released is never edited: append the next one, and a fixture of the format that
 * becomes old (tests/unit/store_formats).
 */
#ifndef TIDINGS_STORE_SCHEMA_H
#define TIDINGS_STORE_SCHEMA_H

struct schema_step {
    const char *what; /* for the progress line */
    const char *sql;  /* statements, run in one transaction */
};

/* The step that leads from VERSION to VERSION + 1, NULL at the newest. */
const struct schema_step *schema_step(int version);
/* The newest version. */
int schema_version(void);

#endif
