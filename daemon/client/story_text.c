#include "client/story_text.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/words.h"

void story_add_chart(struct buf *out, const json_t *growth)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const json_t *v;
    size_t i;
    int64_t most = 1;
    json_array_foreach (growth, i, v)
        most = MAX(most, (int64_t)json_integer_value(v));
    json_array_foreach (growth, i, v)
        buf_adds(out, bars[json_integer_value(v) * (int64_t)(ARRAY_SIZE(bars) - 1) / most]);
}

const char *story_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

const char *story_headline(const json_t *o)
{
    const char *title = story_text(o, "title"), *url = story_text(o, "url");
    return *title ? title : *url ? url : "(no title)";
}

int64_t story_number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

int64_t story_time(const json_t *o, const char *key)
{
    int64_t at;
    const char *s = json_string_value(json_object_get(o, key));
    return s && words_parse_time(s, 0, &at) == 0 ? at : TD_NEVER;
}

const char *story_age(char buf[24], int64_t at, int64_t now)
{
    int64_t min = at == TD_NEVER ? 0 : MAX(now - at, (int64_t)0) / 60000;
    if (min < 1)
        snprintf(buf, 24, "now");
    else if (min < 60)
        snprintf(buf, 24, "%d min", (int)min);
    else if (min < 48 * 60)
        snprintf(buf, 24, "%d h", (int)(min / 60));
    else
        snprintf(buf, 24, "%lld d", (long long)(min / 1440));
    return buf;
}
