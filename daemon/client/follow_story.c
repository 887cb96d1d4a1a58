#include "client/follow_story.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "client/story_text.h"

static void add_line(struct buf *out, const struct term *term, const json_t *event)
{
    const json_t *s = json_object_get(event, "story");
    const char *note = story_text(s, "note"), *title = story_headline(s);
    int64_t outlets = story_number(s, "outlets");
    CLEANUP_BUF struct buf text = BUF_INIT(1 << 16);
    if (!term->out_tty)
        buf_addf(out, "%s  %s  ", story_text(event, "at"), story_text(event, "event"));
    buf_addf(out, "%s%6" PRId64 "%s  %s%3" PRId64 " outlet%s%s  ",
             style_on(term->colour, STYLE_DIM), story_number(s, "story_id"),
             style_off(term->colour, STYLE_DIM),
             style_on(term->colour, outlets > 1 ? STYLE_GREEN : STYLE_NONE), outlets,
             outlets == 1 ? " " : "s", style_off(term->colour, STYLE_GREEN));
    str_add_printable(&text, title, strlen(title));
    if (*note)
        buf_addf(&text, "  (%s)", note);
    if (term->out_tty)
        text_add_cut(out, buf_str(&text), text.len, MAX(term->width - 21, 10));
    else
        buf_add(out, buf_str(&text), text.len);
}

void story_lines_event(struct story_lines *l, const struct term *term, const json_t *event,
                       struct buf *out)
{
    int64_t id = story_number(json_object_get(event, "story"), "story_id");
    size_t up = 0, screen = (size_t)MAX(term->height - 1, 0), seen = MIN(l->n, screen);
    for (size_t i = 1; term->out_tty && i <= seen && !up; i++)
        if (l->ids[l->n - i] == id)
            up = i;
    if (up) {
        buf_addf(out, "\033[%zuA\r\033[K", up);
        add_line(out, term, event);
        buf_addf(out, "\033[%zuB\r", up);
        return;
    }
    add_line(out, term, event);
    buf_addc(out, '\n');
    if (l->n == STORY_LINES)
        memmove(l->ids, l->ids + 1, --l->n * sizeof *l->ids);
    l->ids[l->n++] = id;
}
