/* The pool with the real parser in its sandbox: what a document does not do (open a file, ask for
 * the time zone, grow for ever) shows only here. The program is its own child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/str.h"
#include "parse/child.h"
#include "parse/frame.h"
#include "parse/pool.h"
#include "parse/sandbox.h"

#define RSS                                                                                       \
    "<?xml version=\"1.0\"?><!DOCTYPE rss [<!ENTITY e \"entity\">]>"                              \
    "<rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" "                         \
    "xmlns:media=\"http://search.yahoo.com/mrss/\"><channel><title>Harbour &e;</title>"           \
    "<link>http://localhost/</link><ttl>60</ttl>"                                                 \
    "<item><title>Ferry late</title><guid>urn:1</guid><dc:creator>A. Pilot</dc:creator>"          \
    "<pubDate>Tue, 07 Jan 2020 10:00:00 Europe/Berlin</pubDate><description>&lt;p style='x'>The " \
    "ferry &lt;b>waits&lt;/b>&lt;img src='/a.png'>&lt;/p></description>"                          \
    "<media:content url=\"http://localhost/a.mp4\" type=\"video/mp4\"/></item>"                   \
    "<item><description>No title, no guid &amp;nbsp;</description></item></channel></rss>"

#define ATOM                                                                                    \
    "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:base=\"http://localhost/\"><title>Quay"    \
    "</title><id>urn:q</id><updated>2020-01-07T10:00:00Z</updated><link rel=\"hub\" "           \
    "href=\"http://localhost/hub\"/><entry><id>urn:2</id><title type=\"html\">&lt;i>One&lt;/i>" \
    "</title><link href=\"one\"/><updated>2020-01-07T10:00:00+01:00</updated><content "         \
    "type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Text</p></div></content>"    \
    "</entry></feed>"

#define RDF                                                                                   \
    "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" "                     \
    "xmlns=\"http://purl.org/rss/1.0/\"><channel rdf:about=\"http://localhost/\"><title>Pier" \
    "</title><link>http://localhost/</link></channel><item rdf:about=\"http://localhost/3\">" \
    "<title>Three</title><link>http://localhost/3</link></item></rdf:RDF>"

#define JSON_FEED                                                                      \
    "{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"Dock\",\"items\":[" \
    "{\"id\":\"4\",\"content_html\":\"<p>Four</p>\",\"date_published\":"               \
    "\"2020-01-07T10:00:00Z\",\"tags\":[\"a\"],\"authors\":[{\"name\":\"B\"}]}]}"

#define PAGE                                                              \
    "<!DOCTYPE html><html><head><title>x</title><link rel=\"alternate\" " \
    "type=\"application/rss+xml\" title=\"News\" href=\"/feed.xml\"></head><body>x</body></html>"

struct place {
    struct ev_loop *loop;
    struct pool *pool;
    ev_timer guard;
    int n[POOL_DIED + 1]; /* answers by status */
    int left;             /* answers that are waited for */
    struct td_batch *last;
    char msg[1024], link[256];
};

static void on_guard(struct ev_loop *loop, ev_timer *w, int revents)
{
    fail_msg("no answer within 50 s");
}

static int set_up(void **state)
{
    struct td_err err;
    struct pool_conf conf = {.children = 1, .exe = "/proc/self/exe", .max_jobs = 100000};
    struct place *p = xcalloc(1, sizeof *p);
    p->loop = ev_default_loop(0);
    p->pool = pool_new(p->loop, &conf, &err);
    ev_timer_init(&p->guard, on_guard, 50, 0);
    ev_timer_start(p->loop, &p->guard);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    ev_timer_stop(p->loop, &p->guard);
    pool_free(p->pool);
    td_batch_free(p->last);
    free(p);
    return 0;
}

static void on_done(void *ctx, struct pool_answer *a)
{
    struct place *p = ctx;
    p->n[a->status]++;
    td_batch_free(p->last);
    p->last = a->batch;
    strcpy(p->msg, a->err.msg);
    snprintf(p->link, sizeof p->link, "%s", a->links ? a->links[0] : "");
    if (--p->left == 0)
        ev_break(p->loop, EVBREAK_ONE);
}

static void submit(struct place *p, const char *bytes, size_t n)
{
    struct pool_request req = {
        .body = BUF_INIT(1 << 20),
        .base_url = "http://localhost/",
        .feed = "f",
        .want_discovery = true,
    };
    buf_add(&req.body, bytes, n);
    p->left++;
    pool_submit(p->pool, &req, on_done, p);
}

static void one(struct place *p, const char *bytes, size_t n)
{
    submit(p, bytes, n);
    ev_run(p->loop, 0);
}

static void feeds(void **state)
{
    struct place *p = *state;
    static const struct {
        const char *text, *format, *title;
        uint32_t n;
    } cases[] = {
        {RSS, "rss20", "Harbour entity", 2},
        {ATOM, "atom10", "Quay", 1},
        {RDF, "rss10", "Pier", 1},
        {JSON_FEED, "jsonfeed", "Dock", 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        one(p, cases[i].text, strlen(cases[i].text));
        if (!p->last)
            fail_msg("%s: %s", cases[i].format, p->msg);
        assert_string_equal(p->last->format, cases[i].format);
        assert_string_equal(p->last->title, cases[i].title);
        assert_int_equal(p->last->n_entries, cases[i].n);
    }
    assert_int_equal(p->n[POOL_OK], ARRAY_SIZE(cases));
}

static void no_feeds(void **state)
{
    struct place *p = *state;
    one(p, PAGE, strlen(PAGE));
    assert_int_equal(p->n[POOL_NOT_A_FEED], 1);
    assert_string_not_equal(p->msg, "");
    assert_string_equal(p->link, "http://localhost/feed.xml\tapplication/rss+xml\tNews");
    one(p, "", 0);
    assert_int_equal(p->n[POOL_NOT_A_FEED], 2);
    assert_string_equal(p->link, "");
}

/* No encoding's name makes the child reach for a file. */
static void encodings(void **state)
{
    struct place *p = *state;
    static const char *const names[] = {
        "utf-8",     "utf-16",  "utf-32",      "iso-8859-1", "iso-8859-15",  "windows-1251",
        "koi8-r",    "gb18030", "gb2312",      "gbk",        "big5",         "big5-hkscs",
        "shift_jis", "euc-jp",  "iso-2022-jp", "euc-kr",     "iso-2022-kr",  "hz-gb-2312",
        "cp037",     "ibm866",  "macintosh",   "us-ascii",   "utf-7",        "tcvn",
        "armscii-8", "ucs-4",   "unicode",     "x-unknown",  "../../passwd", "",
    };
    static const char high[] = "\xc4\xe3\xba\xc3\x83\x65\x1b$B";
    char text[300];
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        int n = snprintf(text, sizeof text,
                         "<?xml version=\"1.0\" encoding=\"%s\"?><rss version=\"2.0\"><channel>"
                         "<title>%s</title><item><title>x</title></item></channel></rss>",
                         names[i], high);
        one(p, text, (size_t)n);
        if (p->n[POOL_DIED])
            fail_msg("%s: %s", names[i], p->msg);
    }
}

/* What has broken parsers before. */
static void bombs(void **state)
{
    struct place *p = *state;
    CLEANUP_BUF struct buf b = BUF_INIT(4 << 20);
    static const char *const laughs =
        "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
        "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;\">"
        "<!ENTITY e \"&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;\"><!ENTITY f \"&e;&e;&e;&e;&e;&e;&e;&e;&e;\">"
        "<!ENTITY g \"&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;\"><!ENTITY h SYSTEM \"file:///etc/passwd\">"
        "<!ENTITY i SYSTEM \"http://localhost:1/\">]><rss version=\"2.0\"><channel><title>&g;"
        "</title><item><title>&h;&i;</title></item></channel></rss>";
    one(p, laughs, strlen(laughs));
    assert_int_equal(p->n[POOL_DIED], 0);
    if (p->last)
        assert_null(strstr(p->last->n_entries ? p->last->entries[0].json : "", "root:"));
    static const struct {
        const char *head, *unit, *tail;
        int n;
    } repeated[] = {
        {"<rss><channel>", "<a>", "", 100000},
        {"<rss><channel><item><description>", "&lt;b>", "", 100000},
        {"<rss ", "a='1' ", "><channel/></rss>", 20000},
        {"<rss><channel>", "<item/>", "</channel></rss>", 100000},
        {"<feed xmlns='http://www.w3.org/2005/Atom'>", "<link href='x'/>", "</feed>", 50000},
        {"{\"version\":\"https://jsonfeed.org/version/1\",\"items\":", "[", "", 100000},
        {"", "<", "", 300000},
        {"", "&", "", 300000},
    };
    for (size_t i = 0; i < ARRAY_SIZE(repeated); i++) {
        buf_clear(&b);
        buf_adds(&b, repeated[i].head);
        for (int k = 0; k < repeated[i].n; k++)
            buf_adds(&b, repeated[i].unit);
        buf_adds(&b, repeated[i].tail);
        one(p, b.data, b.len);
        if (p->n[POOL_DIED])
            fail_msg("%s%s...: %s", repeated[i].head, repeated[i].unit, p->msg);
    }
}

/* ---- ten thousand ---------------------------------------------------------------------------- */

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

/* A document that was a feed once: cut, doubled, with bytes changed. */
static void damage(struct buf *b, uint64_t *x)
{
    static const char *const seeds[] = {RSS, ATOM, RDF, JSON_FEED, PAGE};
    static const char odd[] = "<>&\"'{}[];/\xff\x80\x01 ";
    const char *seed = seeds[next(x) % ARRAY_SIZE(seeds)];
    size_t n = strlen(seed);
    buf_clear(b);
    buf_add(b, seed, n);
    for (uint64_t i = next(x) % 4; i; i--) { /* pieces again, sometimes many times */
        size_t at = next(x) % n, span = MIN(next(x) % 400, n - at);
        for (uint64_t k = next(x) % 8 ? 1 : 40; k; k--)
            buf_add(b, seed + at, span);
    }
    for (uint64_t i = next(x) % 12; i; i--)
        b->data[next(x) % b->len] = odd[next(x) % (sizeof odd - 1)];
    if (next(x) % 4 == 0)
        b->len = next(x) % b->len;
}

static long resident_kb(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "r");
    long all = 0, resident = 0;
    if (!f || fscanf(f, "%ld %ld", &all, &resident) != 2)
        fail_msg("cannot read %s", path);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* The pool's only child: the one process whose parent we are. */
static int child_pid(void)
{
    char path[64];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *f = fopen(path, "r");
    if (f) {
        if (fscanf(f, "%d", &pid) != 1)
            pid = 0;
        fclose(f);
    }
    return pid;
}

static void ten_thousand(void **state)
{
    struct place *p = *state;
    int total = sandbox_is_full() ? 10000 : 1000;
    uint64_t x = 88172645463325252u;
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    one(p, RSS, strlen(RSS));
    int pid = child_pid();
    long before = pid ? resident_kb(pid) : 0;
    for (int i = 0; i < total; i += 20) {
        for (int k = 0; k < 20; k++) {
            damage(&b, &x);
            submit(p, buf_str(&b), b.len);
        }
        ev_run(p->loop, 0);
    }
    one(p, RSS, strlen(RSS));
    print_message("%d feeds, %d not, %d too large, %d died\n", p->n[POOL_OK], p->n[POOL_NOT_A_FEED],
                  p->n[POOL_TOO_LARGE], p->n[POOL_DIED]);
    assert_int_equal(p->n[POOL_DIED], 0);
    assert_true(p->n[POOL_OK] > total / 4);
    if (!pid)
        return;                         /* a kernel without /proc/PID/task/TID/children */
    assert_int_equal(child_pid(), pid); /* one and the same child read them all */
    print_message("resident: %ld KB, then %ld KB\n", before, resident_kb(pid));
    if (sandbox_is_full())
        assert_true(resident_kb(pid) < before + 8192);
}

int main(int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], FRAME_ARG))
        return child_main(FRAME_FD);
#define POOL_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        POOL_TEST(feeds), POOL_TEST(no_feeds),     POOL_TEST(encodings),
        POOL_TEST(bombs), POOL_TEST(ten_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
