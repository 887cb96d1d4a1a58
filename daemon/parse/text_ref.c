#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/scan.h"
#include "base/str.h"
#include "parse/text.h"

#include "html_entities.h"

enum {
    NAME_MAX_LEN = 31,  /* CounterClockwiseContourIntegral */
    LEGACY_MAX_LEN = 6, /* frac12, the longest that may lack its ';' */
};

struct name_key {
    const char *s;
    size_t n;
};

static int compare(const void *key, const void *row)
{
    const struct name_key *k = key;
    const char *name = *(const char *const *)row;
    int d = strncmp(k->s, name, k->n);
    return d ? d : name[k->n] ? -1 : 0;
}

/* Is it one of the few that nearly all references are? Its UTF-8 then, else NULL. */
static const char *common(const char *s, size_t n)
{
    switch (n) {
    case 2:
        return s[1] != 't' ? NULL : s[0] == 'l' ? "<" : s[0] == 'g' ? ">" : NULL;
    case 3:
        return memcmp(s, "amp", 3) == 0 ? "&" : NULL;
    case 4:
        return memcmp(s, "quot", 4) == 0 ? "\"" : memcmp(s, "nbsp", 4) == 0 ? "\xc2\xa0" : NULL;
    default:
        return NULL;
    }
}

/* The row of a name, -1 if unknown. */
static int find(const char *s, size_t n)
{
    struct name_key k = {s, n};
    if (n == 0 || n > NAME_MAX_LEN)
        return -1;
    const void *row = bsearch(&k, entities, ARRAY_SIZE(entities), sizeof entities[0], compare);
    return row ? (int)(((const char *)row - (const char *)entities) / sizeof entities[0]) : -1;
}

const char *text_entity(const char *name, size_t n)
{
    const char *utf8 = common(name, n);
    if (utf8)
        return utf8;
    int i = find(name, n);
    return i < 0 ? NULL : entities[i].utf8;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int digit_value(char c, int base)
{
    int v = c >= '0' && c <= '9'                 ? c - '0'
            : base == 16 && c >= 'a' && c <= 'f' ? c - 'a' + 10
            : base == 16 && c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
    return v;
}

/* The character that number stands for; 0 for one that documents must not contain. */
static uint32_t number_char(uint32_t v)
{
    static const uint16_t windows[] = {
        0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
        0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
    if (v == 0 || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return 0xfffd;
    if (v >= 0x80 && v <= 0x9f)
        return windows[v - 0x80];
    if (v == '\f')
        return ' ';
    if ((v < ' ' && v != '\t' && v != '\n' && v != '\r') || v == 0x7f || v == 0xfffe || v == 0xffff)
        return 0;
    return v;
}

static size_t number_ref(const char *s, size_t n, char out[TEXT_REF_BYTES], size_t *ret_len)
{
    size_t i = 2;
    int base = 10;
    if (i < n && (s[i] == 'x' || s[i] == 'X')) {
        base = 16;
        i++;
    }
    size_t first = i;
    uint32_t v = 0;
    for (int d; i < n && (d = digit_value(s[i], base)) >= 0; i++)
        v = v > 0x10ffff ? v : v * (uint32_t)base + (uint32_t)d;
    if (i == first)
        return 0;
    uint32_t c = number_char(v);
    *ret_len = c ? utf8_encode(c, out) : 0;
    return i + (i < n && s[i] == ';');
}

size_t text_ref(const char *s, size_t n, bool in_attr, char out[TEXT_REF_BYTES], size_t *ret_len)
{
    if (n < 2)
        return 0;
    if (s[1] == '#')
        return number_ref(s, n, out, ret_len);
    size_t len = 0, max = MIN(n - 1, (size_t)NAME_MAX_LEN);
    while (len < max && is_alnum(s[1 + len]))
        len++;
    int row = -1;
    size_t used = 0;
    if (1 + len < n && s[1 + len] == ';') {
        const char *utf8 = common(s + 1, len);
        if (utf8) {
            *ret_len = strlen(utf8);
            memcpy(out, utf8, *ret_len);
            return len + 2;
        }
        row = find(s + 1, len);
        used = len + 2;
    }
    for (size_t k = MIN(len, (size_t)LEGACY_MAX_LEN); row < 0 && k >= 2; k--) {
        int i = find(s + 1, k);
        if (i < 0 || !entities[i].legacy)
            continue;
        if (in_attr && 1 + k < n && (s[1 + k] == '=' || is_alnum(s[1 + k])))
            return 0;
        row = i;
        used = k + 1;
    }
    if (row < 0)
        return 0;
    *ret_len = strlen(entities[row].utf8);
    memcpy(out, entities[row].utf8, *ret_len);
    return used;
}

int text_add_decoded(struct buf *out, const char *s, size_t n, bool in_attr)
{
    const char *end = s + n;
    while (s < end) {
        const char *amp = memchr(s, '&', (size_t)(end - s));
        if (!amp)
            return buf_add(out, s, (size_t)(end - s));
        buf_add(out, s, (size_t)(amp - s));
        char c[TEXT_REF_BYTES];
        size_t len, used = text_ref(amp, (size_t)(end - amp), in_attr, c, &len);
        if (used)
            buf_add(out, c, len);
        else
            buf_addc(out, '&');
        s = amp + (used ? used : 1);
    }
    return out->overflow ? -EFBIG : 0;
}

/* What C is written as, NULL: as it is. */
static const char *escape(char c, bool in_attr)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return in_attr ? "&quot;" : NULL;
    default:
        return NULL;
    }
}

int text_add_escaped(struct buf *out, const char *s, size_t n, bool in_attr)
{
    size_t from = 0, i = 0;
    while (i < n) {
        if (n - i >= 8) {
            uint64_t w = scan_load(s + i);
            /* '<' and '>', '"' and '&' differ in one bit each */
            uint64_t marks = scan_equal(w | SCAN_ONES * 2, '>') |
                             scan_equal(w | SCAN_ONES * 4, '&');
            i += marks ? scan_first(marks) : 8;
            if (!marks)
                continue;
        }
        const char *with = escape(s[i], in_attr);
        if (with) {
            buf_add(out, s + from, i - from);
            buf_adds(out, with);
            from = i + 1;
        }
        i++;
    }
    buf_add(out, s + from, n - from);
    return out->overflow ? -EFBIG : 0;
}
