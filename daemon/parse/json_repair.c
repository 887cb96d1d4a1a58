#include "parse/json_repair.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "parse/xml.h"

enum token { START, OPEN, COMMA, COLON, KEY, VALUE };

struct repair {
    const char *p, *end;
    struct buf *out;
    unsigned repairs;
    enum token last; /* a comma is written when something follows */
    size_t depth;
    char closers[LIMIT_JSON_DEPTH];
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Is what comes now a member's name? */
static bool at_key(const struct repair *z)
{
    return z->depth && z->closers[z->depth - 1] == '}' && z->last != KEY && z->last != COLON;
}

/* Writes what is missing before a name or value. */
static void begin(struct repair *z)
{
    if (z->last == KEY)
        buf_addc(z->out, ':');
    else if (z->last == COMMA || z->last == VALUE)
        buf_addc(z->out, ',');
    if (z->last == KEY || z->last == VALUE)
        z->repairs |= REPAIR_OTHER;
}

static void close_one(struct repair *z)
{
    if (z->last == KEY)
        buf_addc(z->out, ':');
    if (z->last == KEY || z->last == COLON)
        buf_adds(z->out, "null");
    if (z->last == KEY || z->last == COLON || z->last == COMMA)
        z->repairs |= REPAIR_OTHER;
    buf_addc(z->out, z->closers[--z->depth]);
    z->last = VALUE;
}

/* ---- strings ------------------------------------------------------------------------------ */

/* The code unit of "\uXXXX" at P, negative when it is none. */
static int code_unit(const struct repair *z, const char *p)
{
    int v = 0;
    if (z->end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        char c = (char)(p[i] | 0x20);
        if (!is_digit(p[i]) && !(c >= 'a' && c <= 'f'))
            return -1;
        v = v * 16 + (is_digit(p[i]) ? p[i] - '0' : c - 'a' + 10);
    }
    return v;
}

static void unicode_escape(struct repair *z)
{
    int high = code_unit(z, z->p);
    if (high < 0) {
        z->repairs |= REPAIR_OTHER;
        z->p++; /* the backslash alone */
        return;
    }
    int low = high >= 0xd800 && high < 0xdc00 ? code_unit(z, z->p + 6) : -1;
    size_t n = low >= 0xdc00 && low < 0xe000 ? 12 : 6;
    if (high == 0 || (n == 6 && high >= 0xd800 && high < 0xe000))
        buf_adds(z->out, "\\ufffd");
    else
        buf_add(z->out, z->p, n);
    z->p += n;
}

static void escape(struct repair *z)
{
    char c = z->end - z->p > 1 ? z->p[1] : 0;
    if (c == 'u') {
        unicode_escape(z);
    } else if (c && strchr("\"\\/bfnrt", c)) {
        buf_add(z->out, z->p, 2);
        z->p += 2;
    } else {
        z->repairs |= REPAIR_OTHER;
        z->p++;
    }
}

static void string(struct repair *z)
{
    bool key = at_key(z);
    begin(z);
    buf_addc(z->out, '"');
    for (z->p++; z->p < z->end && *z->p != '"';) {
        const char *s = z->p;
        while (z->p < z->end && *z->p != '"' && *z->p != '\\' && (unsigned char)*z->p >= ' ')
            z->p++;
        buf_add(z->out, s, (size_t)(z->p - s));
        if (z->p == z->end || *z->p == '"')
            break;
        if (*z->p == '\\') {
            escape(z);
            continue;
        }
        buf_addf(z->out, "\\u%04x", (unsigned char)*z->p++);
        z->repairs |= REPAIR_OTHER;
    }
    buf_addc(z->out, '"');
    z->p += z->p < z->end;
    z->last = key ? KEY : VALUE;
}

/* ---- numbers and words -------------------------------------------------------------------- */

static size_t digits(const char *s, const char *end)
{
    size_t n = 0;
    while (s + n < end && is_digit(s[n]))
        n++;
    return n;
}

/* Is S a number of JSON? *RET_FITS: and one that jansson has a place for. */
static bool is_number(const char *s, const char *end, bool *ret_fits)
{
    s += s < end && *s == '-';
    size_t whole = digits(s, end), exponent = 0;
    bool real = false;
    if (whole == 0 || (whole > 1 && *s == '0'))
        return false;
    s += whole;
    if (s < end && *s == '.') {
        size_t n = digits(s + 1, end);
        if (n == 0)
            return false;
        s += n + 1;
        real = true;
    }
    if (s < end && (*s == 'e' || *s == 'E')) {
        s++;
        s += s < end && (*s == '+' || *s == '-');
        exponent = digits(s, end);
        if (exponent == 0)
            return false;
        s += exponent;
        real = true;
    }
    *ret_fits = real ? whole <= 200 && exponent <= 2 : whole <= 18;
    return s == end;
}

static bool is_word(char c)
{
    return is_digit(c) || c == '-' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static void word(struct repair *z)
{
    const char *s = z->p;
    bool key = at_key(z), fits = true;
    while (z->p < z->end && (is_word(*z->p) || *z->p == '+' || *z->p == '.'))
        z->p++;
    size_t n = (size_t)(z->p - s);
    bool number = is_number(s, z->p, &fits);
    bool known = number || (n == 4 && (memcmp(s, "true", 4) == 0 || memcmp(s, "null", 4) == 0)) ||
                 (n == 5 && memcmp(s, "false", 5) == 0);
    begin(z);
    if (key || !known)
        z->repairs |= REPAIR_OTHER;
    if (known && fits && !key) {
        buf_add(z->out, s, n);
    } else if (key || is_digit(*s) || *s == '-') {
        buf_addc(z->out, '"');
        buf_add(z->out, s, n);
        buf_addc(z->out, '"');
    } else {
        buf_adds(z->out, "null"); /* NaN, undefined */
    }
    z->last = key ? KEY : VALUE;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* Where the comment at P ends, P when none is there. */
static const char *behind_comment(const char *p, const char *end)
{
    if (end - p < 2 || p[0] != '/' || (p[1] != '/' && p[1] != '*'))
        return p;
    const char *q = p[1] == '/' ? memchr(p, '\n', (size_t)(end - p))
                                : memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
    return !q ? end : q + (p[1] == '/' ? 1 : 2);
}

const char *json_start(const char *s, size_t n)
{
    const char *p = s, *end = s + n, *before;
    do {
        before = p;
        while (p < end && *p && strchr(" \t\r\n", *p))
            p++;
        p = behind_comment(p, end);
    } while (p != before);
    return p < end && (*p == '{' || *p == '[') ? p : NULL;
}

/* False: not even nearly JSON. */
static bool open_one(struct repair *z)
{
    if (at_key(z) || z->depth == ARRAY_SIZE(z->closers))
        return false;
    begin(z);
    buf_addc(z->out, *z->p);
    z->closers[z->depth++] = *z->p++ == '{' ? '}' : ']';
    z->last = OPEN;
    return true;
}

static void separator(struct repair *z)
{
    char c = *z->p++;
    if (c == ':' && z->last == KEY) {
        buf_addc(z->out, ':');
        z->last = COLON;
    } else if (c == ',' && z->last == VALUE) {
        z->last = COMMA;
    } else {
        z->repairs |= REPAIR_OTHER;
    }
}

bool json_repair(const char *s, size_t n, struct buf *out, unsigned *repairs)
{
    struct repair z = {.p = s, .end = s + n, .out = out};
    const char *behind;
    while (z.p < z.end && (z.depth || z.last == START) && !out->overflow) {
        if (strchr(" \t\r\n", *z.p)) {
            z.p++;
        } else if ((behind = behind_comment(z.p, z.end)) != z.p) {
            z.p = behind;
            z.repairs |= REPAIR_OTHER;
        } else if (*z.p == '{' || *z.p == '[') {
            if (!open_one(&z))
                return false;
        } else if (z.last == START) {
            return false;
        } else if (*z.p == '}' || *z.p == ']') {
            z.repairs |= *z.p++ != z.closers[z.depth - 1] ? REPAIR_OTHER : 0;
            close_one(&z);
        } else if (*z.p == '"') {
            string(&z);
        } else if (is_word(*z.p)) {
            word(&z);
        } else {
            separator(&z);
        }
    }
    if (z.depth)
        z.repairs |= REPAIR_TRUNCATED;
    while (z.depth)
        close_one(&z);
    *repairs |= z.repairs;
    return z.last != START && !out->overflow;
}
