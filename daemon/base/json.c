#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/scan.h"
#include "base/str.h"

static void before(struct jw *w, const char *key)
{
    if (w->comma)
        buf_addc(w->b, ',');
    w->comma = true;
    if (key) {
        buf_addc(w->b, '"');
        buf_adds(w->b, key);
        buf_add(w->b, "\":", 2);
    }
}

void jw_begin_object(struct jw *w, const char *key)
{
    before(w, key);
    buf_addc(w->b, '{');
    w->comma = false;
}

void jw_end_object(struct jw *w)
{
    buf_addc(w->b, '}');
    w->comma = true;
}

void jw_begin_array(struct jw *w, const char *key)
{
    before(w, key);
    buf_addc(w->b, '[');
    w->comma = false;
}

void jw_end_array(struct jw *w)
{
    buf_addc(w->b, ']');
    w->comma = true;
}

static void add_escape(struct buf *b, unsigned char c)
{
    switch (c) {
    case '"':
        buf_add(b, "\\\"", 2);
        break;
    case '\\':
        buf_add(b, "\\\\", 2);
        break;
    case '\n':
        buf_add(b, "\\n", 2);
        break;
    case '\r':
        buf_add(b, "\\r", 2);
        break;
    case '\t':
        buf_add(b, "\\t", 2);
        break;
    default:
        buf_addf(b, "\\u%04x", c);
    }
}

/* Is there nothing special in the SCAN_BLOCK bytes at S? */
static bool plain_block(const char *s)
{
    unsigned char special = 0;
    for (size_t i = 0; i < SCAN_BLOCK; i++) {
        unsigned char c = (unsigned char)s[i];
        special |= (c < 0x20) | (c == '"') | (c == '\\') | (c == 0x7f);
    }
    return !special;
}

/* The first byte of S at or behind I that is not written as it is: a control character, quote or
 * backslash. Bytes from 0x80 on are plain here. */
static size_t next_special(const char *s, size_t i, size_t n)
{
    while (n - i >= SCAN_BLOCK && plain_block(s + i))
        i += SCAN_BLOCK;
    for (; n - i >= 8; i += 8) {
        uint64_t w = scan_load(s + i);
        uint64_t marks = scan_below(w, 0x20) | scan_equal(w, '"') | scan_equal(w, '\\') |
                         scan_equal(w, 0x7f);
        if (marks)
            return i + scan_first(marks);
    }
    while (i < n && (unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' && s[i] != 0x7f)
        i++;
    return i;
}

/* Adds valid UTF-8 escaped. */
static void add_escaped(struct buf *b, const char *s, size_t n)
{
    for (size_t from = 0;;) {
        size_t i = next_special(s, from, n);
        buf_add(b, s + from, i - from);
        if (i == n)
            return;
        add_escape(b, (unsigned char)s[i]);
        from = i + 1;
    }
}

void json_add_quoted(struct buf *b, const char *s, size_t n)
{
    buf_addc(b, '"');
    while (!utf8_valid(s, n)) { /* seldom: nearly all that is written was checked before */
        size_t good = 0, k;
        while ((k = utf8_decode(s + good, n - good, NULL)))
            good += k;
        add_escaped(b, s, good);
        buf_add(b, "\xef\xbf\xbd", 3);
        s += good + 1;
        n -= good + 1;
    }
    add_escaped(b, s, n);
    buf_addc(b, '"');
}

void jw_strn(struct jw *w, const char *key, const char *s, size_t n)
{
    if (!s || n == 0)
        return;
    before(w, key);
    json_add_quoted(w->b, s, n);
}

void jw_str(struct jw *w, const char *key, const char *s)
{
    if (s)
        jw_strn(w, key, s, strlen(s));
}

void jw_int(struct jw *w, const char *key, int64_t v)
{
    before(w, key);
    buf_addf(w->b, "%lld", (long long)v);
}

void json_add_double(struct buf *b, double v)
{
    char s[40] = "0";
    for (int prec = 6; prec <= 17 && isfinite(v); prec++) {
        snprintf(s, sizeof s, "%.*g", prec, v);
        if (strtod(s, NULL) == v)
            break;
    }
    buf_adds(b, s);
}

void jw_double(struct jw *w, const char *key, double v)
{
    if (!isfinite(v))
        return;
    before(w, key);
    json_add_double(w->b, v);
}

void jw_bool(struct jw *w, const char *key, bool v)
{
    before(w, key);
    buf_adds(w->b, v ? "true" : "false");
}

void jw_time(struct jw *w, const char *key, int64_t at_ms)
{
    char t[CLOCK_TEXT];
    jw_str(w, key, clock_rfc3339(t, at_ms));
}

void jw_raw(struct jw *w, const char *key, const char *json, size_t n)
{
    before(w, key);
    buf_add(w->b, json, n);
}
