#include "story/fixed.h"

#include <stddef.h>

#include "base/mem.h"

int32_t fixed_log2(uint64_t x)
{
    if (x < 2)
        return 0;
    int whole = 63 - __builtin_clzll(x);
    /* The mantissa, 1..2 in Q31, squared again and again: each time it passes 2 gives a bit. */
    uint64_t m = whole >= 31 ? x >> (whole - 31) : x << (31 - whole);
    int32_t r = whole;
    for (int bit = 0; bit < 10; bit++) {
        m = (m * m) >> 31;
        unsigned over = (unsigned)(m >> 32); /* no branch: nobody could foresee it */
        m >>= over;
        r = r << 1 | (int32_t)over;
    }
    return r;
}

uint64_t fixed_sqrt(uint64_t x)
{
    if (x < 2)
        return x;
    uint64_t r = (uint64_t)1 << ((64 - __builtin_clzll(x) + 1) / 2); /* not below the root */
    for (;;) {
        uint64_t next = (r + x / r) / 2;
        if (next >= r)
            return r;
        r = next;
    }
}

/* 1 / (1 + exp(-z)) for z = 0, 1/8 ... 12, in Q16. */
static const int32_t logistic[] = {
    32768, 34813, 36843, 38841, 40793, 42687, 44511, 46254, 47911, 49474, 50941, 52310, 53581,
    54754, 55834, 56822, 57724, 58544, 59287, 59959, 60565, 61109, 61598, 62036, 62428, 62778,
    63090, 63368, 63615, 63835, 64030, 64203, 64357, 64494, 64614, 64721, 64816, 64900, 64974,
    65039, 65097, 65149, 65194, 65234, 65269, 65300, 65328, 65352, 65374, 65393, 65410, 65425,
    65438, 65449, 65459, 65468, 65476, 65483, 65489, 65495, 65500, 65504, 65508, 65511, 65514,
    65517, 65519, 65521, 65523, 65524, 65526, 65527, 65528, 65529, 65530, 65530, 65531, 65532,
    65532, 65533, 65533, 65533, 65534, 65534, 65534, 65534, 65535, 65535, 65535, 65535, 65535,
    65535, 65535, 65535, 65535, 65536, 65536,
};
#define STEP (Q12 / 8)

int32_t fixed_logistic(int64_t z)
{
    int64_t a = z < 0 ? -z : z;
    size_t i = (size_t)(a / STEP);
    int32_t p = 65535;
    if (i + 1 < ARRAY_SIZE(logistic))
        p = logistic[i] + (int32_t)((logistic[i + 1] - logistic[i]) * (a % STEP) / STEP);
    p = MIN(p, 65535);
    return z < 0 ? Q16 - p : p;
}

int32_t fixed_logit(int32_t p)
{
    int32_t low = -12 * Q12, high = 12 * Q12;
    while (low < high) { /* the smallest z that reaches P */
        int32_t mid = low + (high - low) / 2;
        if (fixed_logistic(mid) >= p)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}
