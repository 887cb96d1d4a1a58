/*
 * json.h - writing JSON into a buf. (Reading JSON is jansson's work.)
 *
 * A writer keeps track of commas only; the caller opens and closes what it opened. Keys are trusted
 * literals. Values are UTF-8; an invalid byte becomes U+FFFD, so output is always valid JSON.
 * Overflow of the buf is sticky there (buf.h): look once at the end.
 */
#ifndef TIDINGS_BASE_JSON_H
#define TIDINGS_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct jw {
    struct buf *b;
    bool comma; /* something stands before at this level */
};

void jw_begin_object(struct jw *w, const char *key); /* key NULL: array element or top level */
void jw_end_object(struct jw *w);
void jw_begin_array(struct jw *w, const char *key);
void jw_end_array(struct jw *w);
/* key NULL: an array element. A NULL or empty string value writes nothing. */
void jw_str(struct jw *w, const char *key, const char *s);
void jw_strn(struct jw *w, const char *key, const char *s, size_t n);
void jw_int(struct jw *w, const char *key, int64_t v);
void jw_double(struct jw *w, const char *key, double v); /* shortest form that reads back equal */
void jw_bool(struct jw *w, const char *key, bool v);
/* A time as clock_rfc3339 writes it; nothing for TD_NEVER. */
void jw_time(struct jw *w, const char *key, int64_t at_ms);
/* Finished JSON text as the value. */
void jw_raw(struct jw *w, const char *key, const char *json, size_t n);
/* The shortest form that reads back equal, alone; 0 for what is no number. */
void json_add_double(struct buf *b, double v);
/* "quoted and escaped" alone, without commas. */
void json_add_quoted(struct buf *b, const char *s, size_t n);

#endif
