#include "client/progress.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/out.h"

#define QUIET_MS  1000 /* nothing is shown for what ends sooner */
#define REDRAW_MS 100

void progress_line(struct buf *out, const char *what, double done, int64_t elapsed_ms, int width)
{
    char span[32];
    if (done < 0) {
        buf_addf(out, "%s … %s", what, str_duration(span, sizeof span, elapsed_ms));
        return;
    }
    done = done > 1 ? 1 : done;
    CLEANUP_BUF struct buf tail = BUF_INIT(128);
    buf_addf(&tail, " %3d %%", (int)(done * 100));
    if (done > 0.01 && done < 1)
        buf_addf(
            &tail, ", %s left",
            str_duration(span, sizeof span,
                         ((int64_t)((double)elapsed_ms / done * (1 - done)) / 1000 + 1) * 1000));
    buf_addf(out, "%s [", what);
    int bar = width - text_width(what, strlen(what)) - 3 - text_width(tail.data, tail.len);
    bar = bar > 40 ? 40 : bar;
    for (int i = 0; i < bar; i++)
        buf_addc(out, i < (int)(done * bar) ? '#' : '.');
    buf_addf(out, "]%s", tail.data);
}

void progress_begin(struct progress *p, const struct term *term, const char *what)
{
    *p = (struct progress){.term = term, .what = what, .started_mono = clock_mono_ms()};
}

void progress_at(struct progress *p, double done)
{
    int64_t now = clock_mono_ms();
    if (!p->term->err_tty || now - p->started_mono < QUIET_MS || now - p->shown_mono < REDRAW_MS)
        return;
    CLEANUP_BUF struct buf line = BUF_INIT(4096);
    buf_adds(&line, "\r\033[K");
    progress_line(&line, p->what, done, now - p->started_mono, p->term->width - 1);
    out_write(STDERR_FILENO, line.data, line.len);
    p->shown_mono = now;
    p->shown = true;
}

void progress_end(struct progress *p)
{
    if (p->shown)
        out_write(STDERR_FILENO, "\r\033[K", 4);
    p->shown = false;
}
