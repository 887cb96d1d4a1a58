#include "store/silence.h"

#include "base/limits.h"
#include "base/mem.h"

#define ITEMS_MIN 10
#define LONGEST   3
#define MEAN      8
#define NEVER_MS  (400LL * 24 * 3600 * 1000) /* who pauses for so long has no rhythm */

int64_t silence_from(const int64_t *dates, size_t n, int64_t seen)
{
    int64_t longest = 0;
    if (n < ITEMS_MIN)
        return INT64_MAX;
    for (size_t i = 1; i < n; i++)
        longest = MAX(longest, dates[i - 1] - dates[i]);
    int64_t mean = (dates[0] - dates[n - 1]) / (int64_t)(n - 1);
    int64_t pause = MAX(LONGEST * longest, MEAN * mean);
    pause = MAX(pause, LIMIT_SILENCE_MS);
    if (pause > NEVER_MS || seen - dates[0] > pause)
        return INT64_MAX;
    return dates[0] + pause;
}
