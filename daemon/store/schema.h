/*
 * schema.h - the store's format as a list of steps; `PRAGMA user_version` counts those that were
 * taken.
 */
#ifndef TIDINGS_STORE_SCHEMA_H
#define TIDINGS_STORE_SCHEMA_H

struct schema_step {
    const char *what;   /* for the progress line */
    const char *sql[4]; /* run in order, in one transaction; NULL ends */
};

/* The step that leads from VERSION to VERSION + 1, NULL at the newest. */
const struct schema_step *schema_step(int version);
/* The newest version. */
int schema_version(void);

#endif
