#include "parse/encoding_asian.h"

#include <stdbool.h>

#include "base/mem.h"

#include "asian_tables.h"

/* Pairs in a table of leads 0x81..0xFE and trails 0x40..0xFE. */
static uint32_t pair(const uint16_t *table, unsigned lead, unsigned trail)
{
    if (lead < 0x81 || lead > 0xfe || trail < 0x40 || trail > 0xfe)
        return 0;
    return table[(lead - 0x81) * 191 + trail - 0x40];
}

static uint32_t gb_four(const unsigned char *s)
{
    uint32_t p = (((s[0] - 0x81u) * 10 + (s[1] - 0x30u)) * 126 + (s[2] - 0x81u)) * 10 + s[3] -
                 0x30u;
    if (p >= 189000)
        return p - 189000 <= 0xfffff ? p - 189000 + 0x10000 : 0;
    if (p >= 39420)
        return 0;
    size_t i = ARRAY_SIZE(gb_ranges) - 1;
    while (i > 0 && gb_ranges[i].pointer > p)
        i--;
    return gb_ranges[i].first ? gb_ranges[i].first + (p - gb_ranges[i].pointer) : 0;
}

size_t asian_gb18030(const unsigned char *s, size_t n, uint32_t *ret)
{
    if (s[0] == 0x80) {
        *ret = 0x20ac;
        return 1;
    }
    if (n < 2)
        return 0;
    if (s[1] >= 0x30 && s[1] <= 0x39) {
        if (n < 4)
            return 0;
        *ret = s[0] <= 0xfe && s[2] >= 0x81 && s[2] <= 0xfe && s[3] >= 0x30 && s[3] <= 0x39
                   ? gb_four(s)
                   : 0;
        return *ret ? 4 : 1;
    }
    *ret = pair(table_gbk, s[0], s[1]);
    return 2;
}

size_t asian_big5(const unsigned char *s, size_t n, uint32_t *ret)
{
    if (n < 2)
        return 0;
    *ret = pair(table_big5, s[0], s[1]);
    if (*ret) {
        size_t p = (s[0] - 0x81u) * 191 + s[1] - 0x40u;
        if (astral_big5[p / 8] >> (p % 8) & 1)
            *ret |= 0x20000;
    }
    return 2;
}

size_t asian_euc_kr(const unsigned char *s, size_t n, uint32_t *ret)
{
    if (n < 2)
        return 0;
    *ret = pair(table_euc_kr, s[0], s[1]);
    return 2;
}

uint32_t asian_jis0208(unsigned pointer)
{
    return pointer < ARRAY_SIZE(table_jis0208) ? table_jis0208[pointer] : 0;
}

size_t asian_shift_jis(const unsigned char *s, size_t n, uint32_t *ret)
{
    if (s[0] >= 0xa1 && s[0] <= 0xdf) {
        *ret = 0xff61 + s[0] - 0xa1u;
        return 1;
    }
    if (s[0] == 0x80) {
        *ret = 0x80;
        return 1;
    }
    if (s[0] == 0xa0 || s[0] > 0xfc) {
        *ret = 0;
        return 1;
    }
    if (n < 2)
        return 0;
    unsigned lead = s[0] - (s[0] < 0xa0 ? 0x81u : 0xc1u);
    unsigned trail = s[1] - (s[1] < 0x7f ? 0x40u : 0x41u);
    bool ok = s[1] >= 0x40 && s[1] != 0x7f && s[1] <= 0xfc;
    unsigned pointer = lead * 188 + trail;
    *ret = !ok                                   ? 0
           : pointer >= 8836 && pointer <= 10715 ? 0xe000 + pointer - 8836
                                                 : asian_jis0208(pointer);
    return 2;
}

size_t asian_euc_jp(const unsigned char *s, size_t n, uint32_t *ret)
{
    size_t size = s[0] == 0x8f ? 3 : 2;
    if (n < size)
        return 0;
    unsigned a = s[size - 2] - 0xa1u, b = s[size - 1] - 0xa1u;
    *ret = 0;
    if (s[0] == 0x8e)
        *ret = s[1] >= 0xa1 && s[1] <= 0xdf ? 0xff61 + b : 0;
    else if (a < 94 && b < 94)
        *ret = size == 3 ? table_jis0212[a * 94 + b] : asian_jis0208(a * 94 + b);
    return size;
}
