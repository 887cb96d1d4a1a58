#include "generate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_WORDS     12000
#define N_SENTENCES 4096
#define FIRST_DATE  1735689600 /* 2025-01-01 */

/* Escaped as in XML text, so that both formats take them as they are. */
static struct sentence {
    char text[320]; /* 13 words of 16 letters, and the marks */
    size_t len;
} sentences[N_SENTENCES];

static uint64_t next(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* Word K of a made-up language: two to four syllables. */
static char *add_word(char *p, uint64_t k)
{
    static const char *const syllables[] = {"ra",  "men", "to", "li", "ver",  "sa", "no", "ki",
                                            "del", "po",  "an", "fi", "ster", "gu", "ho", "wen"};
    uint64_t bits = next(&k);
    for (uint64_t left = 2 + bits % 3; left > 0; left--, bits >>= 5)
        p = stpcpy(p, syllables[(bits >> 4) & 15]);
    return p;
}

void generate_init(void)
{
    uint64_t state = 1;
    for (size_t i = 0; i < N_SENTENCES; i++) {
        char *p = sentences[i].text;
        for (uint64_t w = 0, n = 6 + next(&state) % 8; w < n; w++) {
            uint64_t r = next(&state) % N_WORDS;
            int marked = w == 2 && i % 7 == 0;
            p = stpcpy(p, w ? " " : "");
            p = stpcpy(p, marked ? "&lt;em&gt;" : "");
            p = add_word(p, r * r / N_WORDS); /* squared: some words are frequent */
            p = stpcpy(p, marked ? "&lt;/em&gt;" : "");
        }
        p = stpcpy(p, ". ");
        sentences[i].len = (size_t)(p - sentences[i].text);
    }
}

const char *generate_type(uint64_t i)
{
    return i % 2 ? "application/atom+xml" : "application/rss+xml";
}

void generate_etag(uint64_t i, char *buf, size_t size)
{
    snprintf(buf, size, "\"feed-%llu-1\"", (unsigned long long)i);
}

/* A text that grows; the caller asks for room first. */
struct out {
    char *data;
    size_t len, cap;
};

static void room(struct out *o, size_t more)
{
    if (o->len + more <= o->cap)
        return;
    o->cap = 2 * (o->len + more);
    o->data = realloc(o->data, o->cap);
    if (!o->data)
        abort();
}

__attribute__((format(printf, 2, 3))) static void addf(struct out *o, const char *fmt, ...)
{
    va_list ap;
    room(o, 2048);
    va_start(ap, fmt);
    o->len += (size_t)vsnprintf(o->data + o->len, 2048, fmt, ap);
    va_end(ap);
}

static void add_sentence(struct out *o, uint64_t *state)
{
    const struct sentence *s = &sentences[next(state) % N_SENTENCES];
    room(o, s->len);
    memcpy(o->data + o->len, s->text, s->len);
    o->len += s->len;
}

static void add_text(struct out *o, size_t bytes, uint64_t *state)
{
    for (size_t end = o->len + bytes; o->len < end;) {
        addf(o, "&lt;p&gt;");
        for (int i = 0; i < 4 && o->len < end; i++)
            add_sentence(o, state);
        addf(o, "&lt;/p&gt;\n");
    }
}

static void add_item(struct out *o, const struct generate_conf *conf, uint64_t feed, int item,
                     uint64_t *state)
{
    char date[64], link[128];
    time_t at = FIRST_DATE + (time_t)((feed * 7919 + (uint64_t)item * 3600) % (300 * 86400));
    struct tm tm;
    int atom = feed % 2;
    gmtime_r(&at, &tm);
    strftime(date, sizeof date, atom ? "%Y-%m-%dT%H:%M:%SZ" : "%a, %d %b %Y %H:%M:%S GMT", &tm);
    snprintf(link, sizeof link, "https://site-%llu.example/news/%d", (unsigned long long)feed,
             item);
    addf(o, atom ? "<entry>\n<title>" : "<item>\n<title>");
    uint64_t title_state = *state;
    const struct sentence *s = &sentences[next(&title_state) % N_SENTENCES];
    addf(o, "%.*s</title>\n", (int)s->len - 2, s->text);
    if (atom)
        addf(o,
             "<id>tag:site-%llu.example,2025:%d</id>\n<link href=\"%s\"/>\n"
             "<updated>%s</updated>\n<author><name>Writer %d</name></author>\n"
             "<content type=\"html\">",
             (unsigned long long)feed, item, link, date, item % 5);
    else
        addf(o,
             "<link>%s</link>\n<guid isPermaLink=\"true\">%s</guid>\n<pubDate>%s</pubDate>\n"
             "<category>topic-%d</category>\n<description>",
             link, link, date, item % 9);
    size_t span = (size_t)(conf->max_bytes - conf->min_bytes) + 1;
    add_text(o, (size_t)conf->min_bytes + next(state) % span, state);
    addf(o, atom ? "</content>\n</entry>\n" : "</description>\n</item>\n");
}

char *generate_feed(const struct generate_conf *conf, uint64_t i, size_t *ret_len)
{
    struct out o = {0};
    uint64_t state = i * 0x2545f4914f6cdd1d + 7;
    unsigned long long n = i;
    room(&o, (size_t)conf->items * ((size_t)conf->max_bytes + 1024) + 4096);
    if (i % 2)
        addf(&o,
             "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
             "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<title>Feed %llu</title>\n"
             "<id>tag:site-%llu.example,2025:feed</id>\n"
             "<link "
             "href=\"https://site-%llu.example/\"/>\n<updated>2025-06-01T00:00:00Z</updated>\n",
             n, n, n);
    else
        addf(&o,
             "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\"><channel>\n"
             "<title>Feed %llu</title>\n<link>https://site-%llu.example/</link>\n"
             "<description>One of the benchmark's feeds</description>\n",
             n, n);
    for (int item = 0; item < conf->items; item++)
        add_item(&o, conf, i, item, &state);
    addf(&o, i % 2 ? "</feed>\n" : "</channel></rss>\n");
    *ret_len = o.len;
    return o.data;
}
