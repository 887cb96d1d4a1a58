/*
 * encoding_asian.h - the multi-byte encodings of China, Taiwan, Korea and Japan, one character at a
 * time. Internal to encoding_decode.c.
 */
#ifndef TIDINGS_PARSE_ENCODING_ASIAN_H
#define TIDINGS_PARSE_ENCODING_ASIAN_H

#include <stddef.h>
#include <stdint.h>

/* One character at S, N > 0: its length, 0 for the beginning of one. RET 0: no such character. */
typedef size_t asian_fn(const unsigned char *s, size_t n, uint32_t *ret);

asian_fn asian_gb18030, asian_big5, asian_euc_kr, asian_shift_jis, asian_euc_jp;

/* By (row - 1) * 94 + cell - 1 of JIS X 0208; 0: nothing there. */
uint32_t asian_jis0208(unsigned pointer);

#endif
