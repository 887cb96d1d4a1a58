/* A record as JSON: the fields of fields.h, `_tidings` and the extension objects in it last. */
#include "parse/finish.h"

static enum group place(enum field f, enum json_kind kind)
{
    return kind == JSON_FEED ? field_infos[f].feed : field_infos[f].item;
}

static const char *const group_keys[] = {
    [G_ITUNES] = "itunes", [G_PODCAST] = "podcast", [G_MEDIA] = "media"};

/* The fields stand in the order of their groups: an extension object opens at its first one. */
static void write_tidings(struct jw *w, const struct record *rec, enum json_kind kind)
{
    enum group open = G_NONE;
    for (unsigned f = 0; f < F_COUNT; f++) {
        enum group g = place(f, kind);
        if (g < G_TIDINGS || rec->v[f].kind == VAL_NONE)
            continue;
        if (open == G_NONE) {
            jw_begin_object(w, "_tidings");
            open = G_TIDINGS;
        }
        if (g != open) {
            if (open != G_TIDINGS)
                jw_end_object(w);
            jw_begin_object(w, group_keys[g]);
            open = g;
        }
        val_write(w, field_infos[f].key, &rec->v[f]);
    }
    if (open > G_TIDINGS)
        jw_end_object(w);
    if (open != G_NONE)
        jw_end_object(w);
}

void json_write_record(struct buf *out, const struct record *rec, enum json_kind kind)
{
    struct jw w = {.b = out};
    jw_begin_object(&w, NULL);
    if (kind == JSON_FEED)
        jw_str(&w, "version", "https://jsonfeed.org/version/1.1");
    for (unsigned f = 0; f < F_COUNT; f++)
        if (place(f, kind) == G_TOP)
            val_write(&w, field_infos[f].key, &rec->v[f]);
    write_tidings(&w, rec, kind);
    jw_end_object(&w);
}
