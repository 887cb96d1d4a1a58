/*
 * table.h - a set of things by name, made once, asked often. Keys and values are borrowed.
 */
#ifndef TIDINGS_CONFIG_TABLE_H
#define TIDINGS_CONFIG_TABLE_H

#include <stddef.h>

struct table;

struct table *table_new(size_t max); /* at most MAX entries */
void table_free(struct table *t);    /* accepts NULL */
/* Puts VALUE unless KEY is there: NULL, or the value that is there already. */
void *table_put(struct table *t, const char *key, void *value);
void *table_get(const struct table *t, const char *key); /* NULL = not there */

#endif
