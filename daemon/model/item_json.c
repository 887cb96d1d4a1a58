#include "model/item_json.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"

void td_item_json(struct buf *out, const char *json, size_t json_len, const struct td_item_facts *f)
{
    bool has = json_len >= 2 && memcmp(json + json_len - 2, "}}", 2) == 0;
    struct jw w = {.b = out};
    if (has) {
        buf_add(out, json, json_len - 2);
        w.comma = true;
    } else {
        buf_add(out, json, json_len - 1);
        buf_adds(out, ",\"_tidings\":{");
    }
    jw_int(&w, "item_id", f->item_id);
    jw_int(&w, "feed_id", f->feed_id);
    jw_str(&w, "feed", f->feed);
    jw_str(&w, "feed_title", f->feed_title);
    jw_time(&w, "first_seen", f->first_seen);
    jw_int(&w, "revision", f->revision);
    if (f->backlog)
        jw_bool(&w, "backlog", true);
    buf_adds(out, "}}");
}
