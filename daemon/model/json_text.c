#include "model/json_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static void add_object(struct buf *out, const json_t *o)
{
    const char *key;
    json_t *v;
    bool more = false;
    buf_addc(out, '{');
    json_object_foreach ((json_t *)o, key, v) {
        if (more)
            buf_addc(out, ',');
        json_add_quoted(out, key, strlen(key));
        buf_addc(out, ':');
        json_text_add(out, v);
        more = true;
    }
    buf_addc(out, '}');
}

static void add_array(struct buf *out, const json_t *a)
{
    buf_addc(out, '[');
    for (size_t i = 0; i < json_array_size(a); i++) {
        if (i)
            buf_addc(out, ',');
        json_text_add(out, json_array_get(a, i));
    }
    buf_addc(out, ']');
}

void json_text_add(struct buf *out, const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        add_object(out, v);
        break;
    case JSON_ARRAY:
        add_array(out, v);
        break;
    case JSON_STRING:
        json_add_quoted(out, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        buf_addf(out, "%lld", (long long)json_integer_value(v));
        break;
    case JSON_REAL:
        json_add_double(out, json_real_value(v));
        break;
    case JSON_TRUE:
        buf_adds(out, "true");
        break;
    case JSON_FALSE:
        buf_adds(out, "false");
        break;
    case JSON_NULL:
        buf_adds(out, "null");
        break;
    }
}

char *json_text(const json_t *v)
{
    CLEANUP_BUF struct buf b = BUF_INIT(SIZE_MAX / 2);
    json_text_add(&b, v);
    return buf_take(&b, NULL);
}
