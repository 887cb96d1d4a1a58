#include "model/event.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/feed.h"

static const char *const names[] = {
    [EVENT_ITEM_NEW] = "item.new",       [EVENT_ITEM_CHANGED] = "item.changed",
    [TD_FEED_MOVED] = "feed.moved",      [TD_FEED_GONE] = "feed.gone",
    [TD_FEED_DEAD] = "feed.dead",        [TD_FEED_RECOVERED] = "feed.recovered",
    [EVENT_FEED_SILENT] = "feed.silent", [EVENT_ITEM_VANISHED] = "item.vanished",
    [EVENT_LOG_CUT] = "log.cut",         [EVENT_STORY_NEW] = "story.new",
    [EVENT_STORY_GREW] = "story.grew",   [EVENT_STORY_CHANGED] = "story.changed"};

const char *event_kind_name(int kind)
{
    return kind > 0 && kind < (int)ARRAY_SIZE(names) && names[kind] ? names[kind] : "unknown";
}

/* Is KIND meant by the N bytes of WORD? */
static bool is_meant(const char *word, size_t n, const char *kind)
{
    if (n && word[n - 1] == '*')
        return strncmp(kind, word, n - 1) == 0;
    return strlen(kind) == n && memcmp(kind, word, n) == 0;
}

bool event_kinds_have(const char *wanted, const char *kind)
{
    for (const char *p = wanted; *p;) {
        size_t n = strcspn(p, "\n");
        if (is_meant(p, n, kind))
            return true;
        p += n + (p[n] != 0);
    }
    return false;
}

static bool means_any(const char *word, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i] && is_meant(word, n, names[i]))
            return true;
    return false;
}

int event_kinds_check(const char *wanted, struct td_err *err)
{
    for (const char *p = wanted; *p;) {
        size_t n = strcspn(p, "\n");
        if (n && !means_any(p, n)) {
            CLEANUP_BUF struct buf all = BUF_INIT(500);
            for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (names[i])
                    buf_addf(&all, "%s, ", names[i]);
            return td_err(
                err, -EINVAL,
                "'%.*s' is no kind of event; allowed: %sor the beginning of some, as feed.*",
                (int)(n < 64 ? n : 64), p, buf_str(&all));
        }
        p += n + (p[n] != 0);
    }
    return 0;
}
