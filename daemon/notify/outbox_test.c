/*
 * A made-up event, sent to a consumer beside everything else to see whether it arrives.
 */
#include "notify/outbox_private.h"

#include <errno.h>
#include <string.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/mem.h"

struct test {
    struct outbox *o;
    struct sink *sink;
    struct td_sub_conf *conf;
    struct event_text *event;
    struct sink_event view;
    void (*done)(void *ctx, int result, const struct td_err *err);
    void *ctx;
    struct test *prev, *next;
};

static void test_free(struct test *t)
{
    DL_DELETE(t->o->tests, t);
    sink_close(t->sink);
    event_text_unref(t->event);
    td_sub_conf_free(t->conf);
    free(t);
}

static void on_tested(void *ctx, const struct sink_answer *a)
{
    struct test *t = ctx;
    bool good = a->answer == DELIVERY_ACK;
    t->done(t->ctx, good ? 0 : -EBADMSG, good ? NULL : &a->err);
    test_free(t);
}

static struct event_text *sample(int64_t now)
{
    CLEANUP_BUF struct buf b = BUF_INIT(4096);
    struct jw w = {.b = &b};
    char at[CLOCK_TEXT];
    clock_rfc3339(at, now);
    jw_begin_object(&w, NULL);
    jw_int(&w, "seq", 0);
    jw_str(&w, "event", "item.new");
    jw_str(&w, "at", at);
    jw_begin_object(&w, "item");
    jw_str(&w, "id", "urn:tidings:test");
    jw_str(&w, "url", "https://example.org/tidings-test");
    jw_str(&w, "title", "A test of tidings");
    jw_str(&w, "content_html", "<p>This is no news: it shows that messages arrive.</p>");
    jw_str(&w, "date_published", at);
    jw_begin_object(&w, "_tidings");
    jw_int(&w, "item_id", 0);
    jw_int(&w, "feed_id", 0);
    jw_str(&w, "feed", "test");
    jw_str(&w, "feed_title", "Test of tidings");
    jw_str(&w, "first_seen", at);
    jw_int(&w, "revision", 1);
    jw_bool(&w, "test", true);
    jw_end_object(&w);
    jw_end_object(&w);
    jw_end_object(&w);
    return event_text_kept(0, now, buf_str(&b), b.len);
}

void outbox_test(struct outbox *o, const struct td_sub_conf *conf,
                 void (*done)(void *ctx, int result, const struct td_err *err), void *ctx)
{
    struct td_err err;
    struct test *t = xcalloc(1, sizeof *t);
    *t = (struct test){.o = o, .conf = td_sub_conf_copy(conf), .done = done, .ctx = ctx};
    t->sink = sink_open(o->env, t->conf);
    if (!t->sink) {
        td_err(&err, 0, "%s is a stream: its consumer asks for events", conf->name);
        done(ctx, -EINVAL, &err);
        td_sub_conf_free(t->conf);
        free(t);
        return;
    }
    DL_APPEND(o->tests, t);
    t->event = sample(clock_now_ms());
    t->view = sub_event_view(t->event);
    struct sink_message m = {.events = &t->view, .n = 1, .attempt = 1};
    sink_send(t->sink, &m, on_tested, t);
}

void tests_free(struct outbox *o)
{
    while (o->tests)
        test_free(o->tests);
}
