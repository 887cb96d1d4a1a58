/*
 * fixed.h - the arithmetic of decisions: integers only, so that every machine and every
 * optimisation level decides alike.
 *
 * Q12: 4096 is 1 (features, weights, scores). Q14: 16384 is 1 (terms of unit vectors). Q16: 65536
 * is 1 (probabilities). Logarithms are to base 2, in Q10. Pure.
 */
#ifndef TIDINGS_STORY_FIXED_H
#define TIDINGS_STORY_FIXED_H

#include <stdint.h>

#define Q12 4096
#define Q14 16384
#define Q16 65536
#define LOG 1024 /* fixed_log2(2) */

/* log2(X) * 1024, rounded down to within 2; 0 for X < 2. */
int32_t fixed_log2(uint64_t x);
/* The whole part of the square root. */
uint64_t fixed_sqrt(uint64_t x);
/* 1 / (1 + exp(-Z)) for Z in Q12, as Q16; and the other way round, P in 1..65535. */
int32_t fixed_logistic(int64_t z);
int32_t fixed_logit(int32_t p);

#endif
