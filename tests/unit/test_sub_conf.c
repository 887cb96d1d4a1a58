/* [subscription NAME]: what is taken, what is refused and how it is said, what differs at run time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/settings.h"
#include "config/sub.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static char path[64];

static int set_up(void **state)
{
    strcpy(path, "/tmp/tidings-sub-XXXXXX");
    assert_non_null(mkdtemp(path));
    return 0;
}

static int tear_down(void **state)
{
    CLEANUP_FREE char *rm = xasprintf("rm -rf %s", path);
    return system(rm);
}

/* Loads TEXT as feeds.conf: 0, or the problems in PROBLEMS. */
static int load(const char *text, struct settings **ret, struct buf *problems)
{
    CLEANUP_FREE char *file = xasprintf("%s/feeds.conf", path);
    FILE *f = fopen(file, "w");
    fputs(text, f);
    fclose(f);
    return settings_load(file, ret, problems);
}

static void all_keys(void **state)
{
    struct settings *s;
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16);
    int r = load("[subscription hook]\n"
                 "sink = webhook HTTPS://Consumer.example/in?x=1#frag\n"
                 "query = harbour OR tag:news\n"
                 "events = item.new, feed.*\n"
                 "format = cloudevents\n"
                 "signing-secret = " SECRET " " SECRET "\n"
                 "authorization = Bearer abc\n"
                 "batch = 10\ncollect = 1min\nretry = 0, 5s, 1h\nanswer-timeout = 5s\n"
                 "allow = 10.0.0.0/8 fd00::/8\n"
                 "[subscription plain]\nsink = stream\n"
                 "[subscription run]\nsink = exec /usr/bin/notify 'a b' c\n"
                 "[subscription log]\nsink = file out.jsonl\nrotate = 10M\nevents = all\n"
                 "[subscription post]\nsink = mail me@example.org, A Reader <you@example.org>\n"
                 "from = tidings <t@example.org>\nbatch = 100\ncollect = 1d\n",
                 &s, &problems);
    if (r < 0)
        fail_msg("%s", buf_str(&problems));
    assert_int_equal(s->n_subs, 5);
    const struct td_sub_conf *c = s->subs[0];
    assert_int_equal(c->sink, TD_SINK_WEBHOOK);
    assert_string_equal(c->target, "https://consumer.example/in?x=1");
    assert_string_equal(c->query, "harbour OR tag:news");
    assert_string_equal(c->events, "item.new\nfeed.*");
    assert_int_equal(c->format, TD_FORMAT_CLOUDEVENTS);
    assert_string_equal(c->secrets, SECRET "\n" SECRET);
    assert_string_equal(c->authorization, "Bearer abc");
    assert_true(c->batch == 10 && c->collect_ms == 60000 && c->answer_timeout_ms == 5000);
    assert_true(c->n_retry == 3 && c->retry_ms[1] == 5000 && c->retry_ms[2] == 3600000);
    assert_int_equal(c->n_allow, 2);
    c = s->subs[1];
    assert_true(c->sink == TD_SINK_STREAM && c->n_retry == 10 && c->retry_ms[9] == 86400000);
    assert_string_equal(c->events, "item.new");
    c = s->subs[2];
    assert_string_equal(c->argv[1], "a b");
    assert_null(c->argv[3]);
    c = s->subs[3];
    CLEANUP_FREE char *out = xasprintf("%s/out.jsonl", path);
    assert_string_equal(c->target, out); /* beside the config */
    assert_true(c->rotate_bytes == 10 << 20 && !c->events);
    c = s->subs[4];
    assert_string_equal(c->target, "me@example.org\nA Reader <you@example.org>");
    assert_string_equal(c->argv[0], "/usr/sbin/sendmail");
    struct td_sub_conf *copy = td_sub_conf_copy(s->subs[0]);
    assert_true(td_sub_conf_same(copy, s->subs[0]));
    copy->allow[1].bits++;
    assert_false(td_sub_conf_same(copy, s->subs[0]));
    td_sub_conf_free(copy);
    settings_free(s);
}

static void mistakes(void **state)
{
    static const struct {
        const char *lines, *want;
    } rows[] = {
        {"query = x\n", ":1: [subscription s] without sink; allowed: sink = stream, webhook URL"},
        {"sink = pigeon x\n", ":2: sink = 'pigeon x'; allowed: stream, webhook URL"},
        {"sink = webhook\n", ":2: sink = 'webhook'; allowed:"},
        {"sink = webhook http://x/\nhub-secret = x\n", ":3: hub-secret in the config"},
        {"sink = stream x\n", ":2: sink = 'stream x'; allowed:"},
        {"sink = webhook ftp://x/\n", ":2: sink = webhook"},
        {"sink = webhook file:x\n", ":2: sink = "},
        {"sink = file /tmp/\n", ":2: sink = 'file /tmp/'; allowed:"},
        {"sink = mail a b\n", ":2: sink = 'a b'; allowed:"},
        {"sink = mail a@b, -oQ/tmp@x\n", ":2: sink = 'a@b, -oQ/tmp@x'; allowed:"},
        {"sink = mail X <-q@x>\n", ":2: sink = 'X <-q@x>'; allowed:"},
        {"sink = exec 'x\n", ":2: sink: "},
        {"sink = stream\nquerry = x\n", ":3: unknown key 'querry' (did you mean query?)"},
        {"sink = stream\nquery = title:(x\n", ":3: query: "},
        {"sink = stream\nper = day\n", ":3: per = 'day'; allowed: item, article or story"},
        {"sink = stream\nper = story\nevents = item.new\n", ":1: events does not go with per"},
        {"sink = stream\nper = story\nstrictness = 2\n", ":4: strictness = '2'; allowed: 0.05"},
        {"sink = webhook http://x/\nformat = ntfy\ntopic = t\nhandshake = yes\n",
         ":1: handshake = yes with"},
        {"sink = stream\nhandshake = maybe\n", ":3: handshake = 'maybe'; allowed: yes or no"},
        {"sink = stream\nstrictness = 0.9\n", ":1: strictness does not go with per = item"},
        {"sink = stream\nevents = new\n",
         ":3: events: 'new' is no kind of event; allowed: item.new, "},
        {"sink = stream\nevents = item.new, item.typo\n", ":3: events: 'item.typo' is no kind"},
        {"sink = stream\nevents = ,\n", ":3: events = ','; allowed: kinds"},
        {"sink = stream\nsink = stream\n", ":3: sink a second time; allowed: once"},
        {"sink = stream\nbatch = 5\n", ":1: batch does not go with sink = stream"},
        {"sink = exec a\nbatch = 5\n", ":1: batch = 5 with sink = exec"},
        {"sink = webhook http://x/\nbatch = 17\n", "; allowed: 1 to 16"},
        {"sink = webhook http://x/\nformat = discord\nbatch = 11\n", "; allowed: 1 to 10"},
        {"sink = webhook http://x/\nformat = cloudevents-binary\nbatch = 2\n", "allowed: 1 to 1"},
        {"sink = webhook http://x/\nformat = ntfy\n", "format = ntfy without a topic"},
        {"sink = webhook http://x/\nformat = soap\n", ":3: format = 'soap'; allowed: standard"},
        {"sink = webhook http://x/\nsigning-secret = whsec_c2hvcnQ=\n",
         ":3: signing-secret: the 1. one cannot be"},
        {"sink = webhook http://x/\nsigning-secret = " SECRET " hunter2\n",
         "signing-secret: the 2. one cannot be"},
        {"sink = webhook http://x/\nauthorization = credential:nix\n", ":3: authorization: "},
        {"sink = webhook http://x/\nauthorization = file:nix\n", ":3: authorization: "},
        {"sink = webhook http://x/\nretry = 5s\n", ":3: retry = '5s'; allowed: 1 to 16"},
        {"sink = webhook http://x/\nretry = 0, 8d\n", ":3: retry = '0, 8d'; allowed:"},
        {"sink = webhook http://x/\nallow = 10.0.0.1/8\n",
         ":3: allow: '10.0.0.1/8' has bits behind its prefix"},
        {"sink = webhook http://x/\nallow = here\n", ":3: allow = 'here'; allowed: IP addresses"},
        {"sink = file x\nsigning-secret = " SECRET "\n",
         ":1: signing-secret does not go with sink = file"},
        {"sink = file x\nrotate = 5\n", ":3: rotate = '5'; allowed: never"},
        {"sink = mail a@b\nfrom = a\\nBcc: x\n", ":3: from = "},
        {"sink = stream\n[subscription s]\nsink = stream\n", ":3: [subscription s] a second time"},
        {"sink = stream\n[subscription]\n", ":3: a subscription's name of 0 bytes"},
        {"sink = stream\n[subscription a/b]\n", ":3: a subscription's name of 3 bytes"},
        {"sink = stream\n[subscriptions x]\n", "(did you mean [subscription]?)"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct settings *s;
        CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16);
        CLEANUP_FREE char *text = xasprintf("[subscription s]\n%s", rows[i].lines);
        if (load(text, &s, &problems) != -EINVAL)
            fail_msg("taken: %s", rows[i].lines);
        if (!strstr(buf_str(&problems), rows[i].want))
            fail_msg("%s: %s", rows[i].lines, buf_str(&problems));
        if (strstr(buf_str(&problems), "hunter2") || strstr(buf_str(&problems), "c2hvcnQ"))
            fail_msg("a secret is repeated: %s", buf_str(&problems));
    }
}

static void secrets_in_files(void **state)
{
    struct settings *s;
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16);
    CLEANUP_FREE char *file = xasprintf("%s/key", path);
    FILE *f = fopen(file, "w");
    fputs(SECRET "\n", f);
    fclose(f);
    assert_int_equal(chmod(file, 0600), 0);
    CLEANUP_FREE char *text = xasprintf("[subscription a]\nsink = webhook http://x/\n"
                                        "signing-secret = file:key credential:key\n"
                                        "authorization = file:%s\n",
                                        file);
    setenv("CREDENTIALS_DIRECTORY", path, 1);
    int r = load(text, &s, &problems);
    unsetenv("CREDENTIALS_DIRECTORY");
    if (r < 0)
        fail_msg("%s", buf_str(&problems));
    assert_string_equal(s->subs[0]->secrets, SECRET "\n" SECRET);
    assert_string_equal(s->subs[0]->authorization, SECRET);
    settings_free(s);
}

static void at_run_time(void **state)
{
    static const struct {
        const char *text, *want; /* NULL = taken */
    } rows[] = {
        {"sink = stream\nquery = x\n", NULL},
        {"sink = webhook http://x/\nsigning-secret = " SECRET "\n", NULL},
        {"sink = exec id\n", "sink = exec at run time; allowed: stream or webhook URL"},
        {"sink = file /etc/x\n", "sink = file at run time"},
        {"sink = mail a@b\n", "sink = mail at run time"},
        {"sink = webhook http://x/\nauthorization = credential:x\n", "at run time"},
        {"sink = webhook http://x/\nsigning-secret = file:/etc/passwd\n", "at run time"},
        {"sink = webhook http://x/\nallow = 127.0.0.0/8\n", "allow at run time"},
        {"sink = stream\nsendmail = id\n", "sendmail does not go with sink = stream"},
        {"sendmail = id\nsink = stream\n", "sendmail does not go with sink = stream"},
        {"nonsense\n", "allowed: key = value"},
        {"sink = webhook http://x/\nformat = websub\nhub-topic = http://t/\nhub-url = http://h/\n"
         "hub-expires = 2026-12-01T00:00:00Z\nhub-secret = a b\nhub-title = T\n",
         NULL},
        {"sink = webhook http://x/\nformat = websub\n", "by asking the hub"},
        {"sink = webhook http://x/\nhub-topic = http://t/\nhub-url = http://h/\n",
         "by asking the hub"},
        {"sink = webhook http://x/\nformat = websub\nhub-topic = http://t/\nhub-url = http://h/\n"
         "hub-expires = soon\n",
         "hub-expires = 'soon'"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct td_err err = {""};
        struct td_sub_conf *c = sub_conf_read("s", rows[i].text, &err);
        if (!c != !!rows[i].want || (rows[i].want && !strstr(err.msg, rows[i].want)))
            fail_msg("%s: %s", rows[i].text, err.msg);
        if (c)
            assert_int_equal(c->origin, TD_ORIGIN_API);
        td_sub_conf_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(secrets_in_files, set_up, tear_down),
        cmocka_unit_test(at_run_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
