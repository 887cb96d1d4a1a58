/*
 * scan.h - looking for special bytes many at a time. Most of a text is plain; loops that copy it
 * look at blocks, then words of eight bytes, and only where one is marked at the bytes.
 *
 * A block of SCAN_BLOCK bytes is looked at by a loop without an early end, which compilers turn
 * into vector instructions. A word is loaded with the first byte lowest. The functions mark bytes
 * in their highest bit. Above a marked byte a mark may be wrong, never a missing one: the lowest
 * mark is exact, and no mark means that there is none.
 */
#ifndef TIDINGS_BASE_SCAN_H
#define TIDINGS_BASE_SCAN_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SCAN_BLOCK 32
#define SCAN_ONES  UINT64_C(0x0101010101010101)
#define SCAN_HIGH  UINT64_C(0x8080808080808080)

static inline uint64_t scan_load(const char *s)
{
    uint64_t w;
    memcpy(&w, s, sizeof w);
    return le64toh(w);
}

/* Marks bytes below N, which is at most 0x80. */
static inline uint64_t scan_below(uint64_t w, unsigned char n)
{
    return (w - SCAN_ONES * n) & ~w & SCAN_HIGH;
}

static inline uint64_t scan_equal(uint64_t w, unsigned char c)
{
    return scan_below(w ^ SCAN_ONES * c, 1);
}

/* Index of the first marked byte; MARKS is not 0. */
static inline size_t scan_first(uint64_t marks)
{
    return (size_t)__builtin_ctzll(marks) / 8;
}

#endif
