#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
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

/* Are all eight bytes at S printable ASCII but for the quote and backslash? Most of a text is, and
 * eight at a time halves the time of writing it. */
static bool eight_plain(const char *s)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t w, quote, back, del;
    memcpy(&w, s, sizeof w);
    quote = w ^ ones * '"';
    back = w ^ ones * 0x5c;
    del = w ^ ones * 0x7f;
    /* a byte of X is below N (at most 0x80): (X - ones * N) & ~X & high; equal to 0 is below 1 */
    uint64_t bad = ((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((back - ones) & ~back) |
                   ((del - ones) & ~del) | w;
    return !(bad & high);
}

void json_add_quoted(struct buf *b, const char *s, size_t n)
{
    buf_addc(b, '"');
    size_t from = 0, i = 0;
    while (i < n) {
        if (n - i >= 8 && eight_plain(s + i)) {
            i += 8;
            continue;
        }
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            i++;
            continue;
        }
        size_t k = c >= 0x80 ? utf8_decode(s + i, n - i, NULL) : 0;
        if (k) {
            i += k;
            continue;
        }
        buf_add(b, s + from, i - from);
        if (c >= 0x80)
            buf_add(b, "\xef\xbf\xbd", 3);
        else
            add_escape(b, c);
        from = ++i;
    }
    buf_add(b, s + from, n - from);
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

void jw_double(struct jw *w, const char *key, double v)
{
    char s[40];
    if (!isfinite(v))
        return;
    for (int prec = 6; prec <= 17; prec++) {
        snprintf(s, sizeof s, "%.*g", prec, v);
        if (strtod(s, NULL) == v)
            break;
    }
    before(w, key);
    buf_adds(w->b, s);
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
