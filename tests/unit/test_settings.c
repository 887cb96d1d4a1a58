#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/keys.h"
#include "config/settings.h"

static char dir[64];
#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static char *in_dir(const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

static void put(const char *name, const char *text)
{
    CLEANUP_FREE char *path = in_dir(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int setup(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/tidings-settings-XXXXXX");
    assert_non_null(mkdtemp(dir));
    CLEANUP_FREE char *dropins = in_dir("feeds.conf.d");
    return mkdir(dropins, 0700);
}

static int teardown(void **state)
{
    static const char *const names[] = {"feeds.conf.d/10-a.conf",
                                        "feeds.conf.d/20-b.conf",
                                        "feeds.conf.d/.x.conf",
                                        "feeds.conf.d/note.txt",
                                        "feeds.conf.d",
                                        "feeds.conf",
                                        "other.conf"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        CLEANUP_FREE char *path = in_dir(names[i]);
        if (unlink(path) < 0)
            rmdir(path);
    }
    return rmdir(dir);
}

/* Loads TEXT as feeds.conf; PROBLEMS may be NULL. */
static int load(const char *text, struct settings **ret, struct buf *problems)
{
    CLEANUP_FREE char *path = in_dir("feeds.conf");
    put("feeds.conf", text);
    return settings_load(path, ret, problems);
}

static struct settings *good(const char *text)
{
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16);
    struct settings *s = NULL;
    if (load(text, &s, &problems) < 0)
        fail_msg("%s", buf_str(&problems));
    assert_int_equal(problems.len, 0);
    return s;
}

/* TEXT has exactly one problem, at LINE, whose words hold PART. */
static void bad(const char *text, int line, const char *part)
{
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16);
    struct settings *s = NULL;
    CLEANUP_FREE char *start = xasprintf("%s/feeds.conf:%d: ", dir, line);
    int r = load(text, &s, &problems);
    if (r != -EINVAL || !str_starts(buf_str(&problems), start) ||
        !strstr(buf_str(&problems), part) || !strstr(buf_str(&problems), "; allowed") ||
        strchr(buf_str(&problems), '\n') != problems.data + problems.len - 1)
        fail_msg("%s\ngave %d: %s\nnot: %s ... %s", text, r, buf_str(&problems), start, part);
    assert_null(s);
}

static void defaults(void **state)
{
    struct settings *s = good("");
    assert_string_equal(s->store, "/var/lib/tidings/tidings.db");
    assert_string_equal(s->state_dir, "/var/lib/tidings");
    assert_string_equal(s->socket, "/run/tidings/tidings.sock");
    assert_null(s->contact);
    assert_int_equal(s->n_allow, 0);
    assert_int_equal(s->concurrency, LIMIT_TRANSFERS);
    assert_int_equal(s->per_host, LIMIT_PER_HOST);
    assert_int_equal(s->host_spacing_ms, LIMIT_HOST_SPACING_MS);
    assert_int_equal(s->starts_per_s, LIMIT_STARTS_PER_S);
    assert_true(s->parsers >= 1 && s->parsers <= 8);
    assert_int_equal(s->log_level, LOG_INFO);
    assert_true(s->defaults.enabled);
    assert_false(s->defaults.ignore_hints);
    assert_false(s->defaults.robots);
    assert_int_equal(s->defaults.interval_ms, 0);
    assert_int_equal(s->defaults.min_interval_ms, LIMIT_INTERVAL_FLOOR_MS);
    assert_int_equal(s->defaults.timeout_ms, LIMIT_FETCH_MS);
    assert_int_equal(s->defaults.max_body_bytes, LIMIT_BODY_BYTES);
    assert_int_equal(s->defaults.retention_age_ms, 0);
    assert_int_equal(s->defaults.retention_count, 0);
    assert_int_equal(s->defaults.backlog_ms, 24 * 3600 * 1000);
    settings_free(s);
}

static void everything(void **state)
{
    struct settings *s = good(
        "\xef\xbb\xbf[daemon]\r\nstore = a/b.db\nsocket = s\n"
        "contact = https://me.example/\nallow-addresses = 127.0.0.1/32, ::1\n"
        "concurrency = 3\nper-host=1\nhost-spacing = 500ms\n"
        "starts-per-second = 0\nparsers = 2\nlog-level = debug\n"
        "timeout = 7\nmax-body = 1M\n"
        "websub-callback = https://me.example/hub//\n"
        "websub-listen = [::1]:8000\n"
        "[feed One two]\nurl = http://h/1#x\ntags = a, b c ,\n"
        "retention = 90d, 1000 items\nbacklog = all\nhints = ignore\n"
        "push = no\nrobots = yes\n# comment\n[defaults]\ninterval = 2h\ntags = d\nmax-body = 2M\n"
        "[feed f]\nurl = file:x.xml\nenabled = no\ntags =\ntitle = T # 1\n"
        "[feed e]\nurl = exec:/bin/cmd 'a b'\ninterval = auto\n");
    assert_string_equal(s->state_dir, "a");
    assert_string_equal(s->contact, "https://me.example/");
    assert_int_equal(s->n_allow, 2);
    assert_int_equal(s->allow[0].family, AF_INET);
    assert_int_equal(s->allow[1].bits, 128);
    assert_int_equal(s->host_spacing_ms, 500);
    assert_int_equal(s->starts_per_s, 0);
    assert_int_equal(s->log_level, LOG_DEBUG);
    assert_int_equal(s->defaults.timeout_ms, 7000);
    assert_int_equal(s->defaults.max_body_bytes, 2 << 20);
    assert_int_equal(s->n_feeds, 3);
    const struct td_feed_conf *c = s->feeds[0];
    assert_string_equal(c->name, "One two");
    assert_string_equal(c->url, "http://h/1");
    assert_string_equal(c->tags, "a\nb c");
    assert_int_equal(c->interval_ms, 7200000); /* from [defaults], which stands behind it */
    assert_int_equal(c->timeout_ms, 7000);     /* from [daemon] */
    assert_int_equal(c->max_body_bytes, 2 << 20);
    assert_int_equal(c->retention_age_ms, 90LL * 86400000);
    assert_int_equal(c->retention_count, 1000);
    assert_int_equal(c->backlog_ms, 0);
    assert_true(c->ignore_hints);
    assert_true(c->no_push);
    assert_true(c->robots);
    assert_false(s->defaults.no_push);
    assert_string_equal(s->websub_callback, "https://me.example/hub");
    assert_int_equal(s->websub_listen.addr.ss_family, AF_INET6);
    c = s->feeds[1];
    CLEANUP_FREE char *abs = xasprintf("file:%s/x.xml", dir);
    assert_string_equal(c->url, abs);
    assert_int_equal(c->source, TD_SOURCE_FILE);
    assert_false(c->enabled);
    assert_null(c->tags);
    assert_string_equal(c->title, "T # 1");
    c = s->feeds[2];
    assert_int_equal(c->source, TD_SOURCE_EXEC);
    assert_string_equal(c->argv[1], "a b");
    assert_string_equal(c->tags, "d");
    assert_int_equal(c->interval_ms, 0);
    settings_free(s);
}

#define F "[feed a]\nurl = http://h/a\n"

static void errors(void **state)
{
    bad("[demon]\nstore = x\n", 1, "did you mean [daemon]?");
    bad("[subscribers x]\nquery = y\n", 1, "unknown section 'subscribers'");
    bad("[daemon x]\n", 1, "[daemon] with a name: 'x'");
    bad("[feed]\nurl = http://h/\n", 1, "[feed] without a name");
    bad("store = x\n", 1, "store before any section; allowed: after [daemon], ");
    bad("store = x\n", 1, "[token NAME] or [subscription NAME]");
    bad("[daemon] # mine\n", 1, "alone on its line (a comment has one of its own)");
    bad("[feed a]\nurl = https://a.org/ # mine\n", 2, "(a comment has a line of its own)");
    bad("[subscription a]\nsink = stream\nper = story # mine\n", 3, "(a comment has a line of");
    bad("[subscription a]\nsink = webhook ftp://a.org/\n", 2, "allowed: webhook http://");
    bad("[subscription a]\nsink = webhook file:/a\n", 2, "allowed: webhook http://");
    bad("[daemon]\nstroe = x\n", 2, "did you mean store?");
    bad("[daemon]\ninterval = 1h\n", 2, "allowed in: [defaults] [feed NAME]");
    bad("[defaults]\nurl = http://h/\n", 2, "url does not stand in this section");
    bad("[daemon]\nparsers = 1\nparsers = 2\n", 3, "first in line 2");
    bad("[daemon\n", 1, "not closed");
    bad("[daemon]\nstore\n", 2, "KEY = VALUE");
    bad("[daemon]\nstore =\n", 2, "store = ''");
    bad("[daemon]\nstore = /a/\n", 2, "store = '/a/'");
    bad("[daemon]\ncontact = a (b)\n", 2, "contact = 'a (b)'");
    bad("[daemon]\nallow-addresses = 10.0.0.1/8\n", 2, "bits behind its prefix");
    bad("[daemon]\nallow-addresses = 10.0.0.0/8, localhost\n", 2, "'localhost'");
    bad("[daemon]\nwebsub-callback = me.example\n", 2, "an http or https URL");
    bad("[daemon]\nwebsub-callback = https://\n", 2, "an http or https URL");
    bad("[daemon]\nwebsub-callback = https:///x\n", 2, "an http or https URL");
    bad("[daemon]\nwebsub-callback = https://h/?x=1\n", 2, "without query");
    bad("[daemon]\nwebsub-callback = https://u:p@h/\n", 2, "an http or https URL");
    bad("[daemon]\nwebsub-callback = https://h/a b\n", 2, "an http or https URL");
    bad("[daemon]\nwebsub-listen = localhost:80\n", 2, "an address and a port");
    bad("[daemon]\nwebsub-listen = 127.0.0.1\n", 2, "an address and a port");
    bad("[defaults]\npush = maybe\n", 2, "yes or no");
    bad("[daemon]\nconcurrency = 0\n", 2, "1 to 1024");
    bad("[daemon]\nper-host = 1.5\n", 2, "1 to 64");
    bad("[daemon]\nhost-spacing = 2h\n", 2, "0 to 1h");
    bad("[daemon]\nparsers = many\n", 2, "auto or 1 to 64");
    bad("[daemon]\nlog-level = loud\n", 2, "error, warning");
    bad("[defaults]\ntimeout = 0\n", 2, "1s to 1h");
    bad("[defaults]\nmax-body = 1G\n", 2, "64M");
    bad("[defaults]\nmin-interval = 1\xc2\xb5s\n", 2, "min-interval = ");
    bad("[defaults]\nbacklog = 0\n", 2, "all or a duration");
    bad("[defaults]\nrobots = obey\n", 2, "yes or no");
    bad("[defaults]\nhints = no\n", 2, "obey or ignore");
    bad("[defaults]\nenabled = maybe\n", 2, "yes or no");
    bad("[defaults]\nretention = 0 items\n", 2, "retention = '0 items'");
    bad("[defaults]\nretention = 90d, 80d\n", 2, "retention = ");
    bad("[defaults]\nretention = 90d,\n", 2, "retention = ");
    bad("[defaults]\nretention = 99999999999999999999 items\n", 2, "retention = ");
    bad("[defaults]\nretention = -5d\n", 2, "retention = ");
    bad("[site]\n", 1, "[site] with the name ''");
    bad("[site a b]\n", 1, "[site] with the name 'a b'");
    bad("[site \"a]\n", 1, "a host such as example.org");
    bad("[site .a]\n", 1, "[site] with the name '.a'");
    bad("[site 10.0.0.1/8]\n", 1, "bits behind its prefix");
    bad("[site A.example]\n[site \"a.example\"]\n", 2, "[site a.example] a second time");
    bad("[site a]\nper-host = 0\n", 2, "1 to 64");
    bad("[site a]\nstore = x\n", 2, "store does not stand in this section; allowed in: [daemon]");
    bad("[site a]\nrte = 1/s\n", 2, "did you mean rate?");
    bad("[daemon]\nrate = 1/min\n", 2, "allowed in: [site NAME]");
    bad("[site a]\nrate = 5\n", 2, "rate = '5'; allowed: N/DURATION");
    bad("[site a]\nrate = 0/min\n", 2, "rate = '0/min'");
    bad("[site a]\nrate = 1/\n", 2, "rate = '1/'");
    bad("[site a]\nrate = /1h\n", 2, "rate = '/1h'");
    bad("[site a]\nrate = 1/2d\n", 2, "rate = '1/2d'");
    bad("[feed a]\ntitle = x\n", 1, "[feed a] without url");
    bad("[feed a]\nurl = feed:gopher://h/\n", 2, "a feed: address; allowed: http");
    bad(F "[feed b]\nurl = feed://h/a\n", 3, "feeds.conf:1");
    bad(F "[feed b]\nurl = Feed:http://h/a\n", 3, "feeds.conf:1");
    bad("[feed a]\nurl = gopher://h/\n", 2, "a gopher: address; allowed: http");
    bad(F "interval = 1min\n", 1, "at least its min-interval (5 min)");
    bad("[defaults]\ntags = x\ninterval = 1s\n" F, 3, "[defaults]: interval of 1 s");
    bad("[defaults]\nmin-interval = 2h\n" F "interval = 1h\n", 3, "min-interval (2 h)");
    bad(F "interval = never\n", 3, "interval = 'never'");
    bad(F "[feed a]\nurl = http://h/b\n", 3, "feeds.conf:1; allowed: a name once");
    bad(F "[feed b]\nurl = HTTP://H/a#frag\n", 3, "feeds.conf:1");
    bad(F "title = \xff\n", 3, "not UTF-8");
    bad(F "title = a\x01"
          "b\n",
        3, "title = ");

    char name[LIMIT_NAME_BYTES + 2];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = 0;
    CLEANUP_FREE char *text = xasprintf("[feed %s]\nurl = http://h/\n", name);
    bad(text, 1, "129 bytes");
}

static void sites(void **state)
{
    struct settings *s = good("[site \"Reddit.com\"]\nrate = 10/min\n"
                              "[site 192.0.2.0/24]\nper-host = 8\n"
                              "[daemon]\nper-host = 3\nhost-spacing = 2s\n"
                              "[site b\xc3\xbc.example]\nhost-spacing = 90s\n"
                              "rate = 60/1h\n"
                              "[site quick]\nrate = 20/1s\n");
    assert_int_equal(s->n_sites, 4);
    assert_string_equal(s->sites[0].name, "reddit.com");
    assert_int_equal(s->sites[0].per_host, 3);
    assert_int_equal(s->sites[0].spacing_ms, 6000);
    assert_int_equal(s->sites[1].block.bits, 24);
    assert_int_equal(s->sites[1].per_host, 8);
    assert_int_equal(s->sites[1].spacing_ms, 2000);  /* as [daemon], wherever that stands */
    assert_int_equal(s->sites[2].spacing_ms, 90000); /* the stricter of the two */
    assert_int_equal(s->sites[3].spacing_ms, 50);
    assert_int_equal(s->per_host, 3);
    settings_free(s);
}

static void all_problems_at_once(void **state)
{
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16);
    struct settings *s = NULL;
    put("feeds.conf.d/10-a.conf", "[feed b]\nurl = no\n");
    assert_int_equal(load("[x]\n[daemon]\nparsers = x\n[feed b]\nurl = http://h/\n", &s, &problems),
                     -EINVAL);
    put("feeds.conf.d/10-a.conf", "");
    size_t lines = 0;
    for (const char *p = buf_str(&problems); (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 4);
    assert_non_null(strstr(buf_str(&problems), "feeds.conf:1: unknown section"));
    assert_non_null(strstr(buf_str(&problems), "feeds.conf:3: parsers = 'x'"));
    assert_non_null(strstr(buf_str(&problems), "feeds.conf.d/10-a.conf:2: url: no address"));
    assert_non_null(strstr(buf_str(&problems), "feeds.conf.d/10-a.conf:1: [feed b] a second time"));
}

static void drop_ins(void **state)
{
    put("feeds.conf.d/20-b.conf", "[daemon]\nconcurrency = 20\n[feed c]\nurl = file:c\n");
    put("feeds.conf.d/10-a.conf", "[daemon]\nconcurrency = 10\n[feed b]\nurl = http://h/b\n");
    put("feeds.conf.d/.x.conf", "broken");
    put("feeds.conf.d/note.txt", "broken");
    struct settings *s = good("[daemon]\nconcurrency = 1\n" F);
    assert_int_equal(s->concurrency, 20);
    assert_int_equal(s->n_feeds, 3);
    assert_string_equal(s->feeds[1]->name, "b");
    CLEANUP_FREE char *abs = xasprintf("file:%s/c", dir);
    assert_string_equal(s->feeds[2]->url, abs);
    settings_free(s);
    put("feeds.conf.d/10-a.conf", "");
    put("feeds.conf.d/20-b.conf", "");
}

static void missing_file(void **state)
{
    CLEANUP_FREE char *path = in_dir("none.conf");
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16);
    struct settings *s = NULL;
    assert_int_equal(settings_load(path, &s, &problems), -ENOENT);
    assert_non_null(strstr(buf_str(&problems), "none.conf: cannot be read: No such file"));
    assert_int_equal(settings_load(dir, &s, NULL), -EINVAL); /* a folder */
    assert_null(s);
}

/* Each key says what it is, and its default is what it allows. */
#define A_HASH  "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define A_TOKEN "[token t]\nsecret = " A_HASH "\n"

static void queries(void **state)
{
    struct settings *s = good("[daemon]\npublic-url = https://n.example/t//\n"
                              "[query rail]\nquery = strike OR (walkout -lang:de)\n"
                              "title = Rail\npublic = yes\n[query all]\nquery =\n");
    assert_string_equal(s->public_url, "https://n.example/t");
    assert_int_equal(s->n_queries, 2);
    assert_string_equal(s->queries[0].name, "rail");
    assert_string_equal(s->queries[0].query, "strike OR (walkout -lang:de)");
    assert_string_equal(s->queries[0].title, "Rail");
    assert_true(s->queries[0].open && !s->queries[1].open);
    assert_string_equal(s->queries[1].query, "");
    settings_free(s);
    bad("[query]\n", 1, "printable text without /");
    bad("[query a/b]\n", 1, "printable text without /");
    bad("[query a]\n", 1, "without a query");
    bad("[query a]\nquery = a OR\n", 2, "nothing stands behind OR at character 3");
    bad("[query a]\nquery = a\n[query a]\n", 3, "a second time");
    bad("[query a]\nquery = a\npublic = maybe\n", 3, "yes or no");
    bad("[daemon]\npublic-url = https://\n", 2, "without a query");
    bad("[daemon]\npublic-url = https://h/?a\n", 2, "without a query");
}

static void table(void **state)
{
    CLEANUP_BUF struct buf all = BUF_INIT(1 << 16);
    settings_describe(&all);
    assert_false(all.overflow);
    for (size_t i = 0; i < n_config_keys; i++) {
        const struct key *k = &config_keys[i];
        assert_true(*k->type && strlen(k->help) > 10);
        assert_non_null(strstr(all.data, k->help));
        assert_int_equal(key_find_in(k->name, k->sections & -k->sections), i);
        const char *value = k->def ? k->def
                            : str_eq(k->name, "url") || str_eq(k->name, "websub-callback") ||
                                    str_eq(k->name, "public-url")
                                ? "http://h/x"
                            : str_eq(k->name, "allow-addresses") ? "10.0.0.0/8"
                            : str_eq(k->name, "listen")          ? "127.0.0.1:1\n" A_TOKEN
                            : str_eq(k->name, "secret")          ? A_HASH
                            : str_eq(k->name, "header")          ? "X-Key: words"
                            : str_eq(k->name, "tls-pin")         ? PIN
                            : str_eq(k->name, "proxy")           ? "none"
                            : str_eq(k->name, "per-host")        ? "3"
                            : str_eq(k->name, "host-spacing")    ? "3s"
                            : str_eq(k->name, "rate")            ? "3/h"
                            : k->is_file                         ? "feeds.conf"
                                                                 : "words";
        static const char *const where[] = {
            "[daemon]\n", "[defaults]\n",       "[feed x]\nurl = http://h/\n", A_TOKEN,
            "[site x]\n", "[subscription x]\n", "[query x]\nquery = y\n"};
        const char *with = str_eq(k->name, "password")         ? "user = u"
                           : str_starts(k->name, "client-key") ? "client-cert = feeds.conf"
                           : str_eq(k->name, "proxy-password") ? "proxy-user = u"
                                                               : "";
        for (unsigned bit = 0; bit < ARRAY_SIZE(where); bit++) {
            if (!(k->sections >> bit & 1))
                continue;
            CLEANUP_FREE char *text = xasprintf("%s%s = %s\n%s\n",
                                                str_eq(k->name, "url")      ? "[feed x]\n"
                                                : str_eq(k->name, "secret") ? "[token t]\n"
                                                : str_eq(k->name, "query")  ? "[query x]\n"
                                                                            : where[bit],
                                                k->name, value, with);
            settings_free(good(text));
        }
    }
}

/* ---- access --------------------------------------------------------------------------------- */

static void access_settings(void **state)
{
    put("other.conf", "s3cret\n");
    CLEANUP_FREE char *secret = in_dir("other.conf");
    assert_int_equal(chmod(secret, 0640), 0);
    struct settings *s = good(
        "[daemon]\nallow-addresses = 127.0.0.1\n[defaults]\nproxy = socks5h://Me:p%2fw@[::1]:9050\n"
        "[feed a]\nurl = https://u%40x:pa%20ss@H.example:81/x?a@b\n"
        "[feed b]\nurl = http://h/b\nuser = u\npassword = file:other.conf\n"
        "proxy = http://p:3128\nheader = X-A: 1\nheader = x-b:  c: d \n"
        "header = X-C: file:other.conf\n"
        "[feed c]\nurl = http://h/c\nproxy = none\n"
        "client-cert = feeds.conf\nclient-key = other.conf\n"
        "[feed d]\nurl = http://u:p@h/d\nallow-addresses = 10.0.0.0/8, ::1\n[feed e]\nurl = "
        "http://v:p@h/d\n");
    const struct td_access *a = s->feeds[0]->access;
    assert_string_equal(s->feeds[0]->url, "https://h.example:81/x?a@b");
    assert_string_equal(a->user, "u@x");
    assert_string_equal(a->password, "pa ss");
    assert_string_equal(a->proxy, "socks5h://[::1]:9050");
    assert_string_equal(a->proxy_user, "Me");
    assert_string_equal(a->proxy_password, "p/w");
    a = s->feeds[1]->access;
    assert_string_equal(a->password, "s3cret");
    assert_string_equal(a->headers, "X-A: 1\nx-b: c: d\nX-C: s3cret");
    assert_string_equal(a->proxy, "http://p:3128");
    assert_null(a->proxy_user); /* that of the other proxy does not go to this one */
    a = s->feeds[2]->access;
    assert_string_equal(a->proxy, "");
    assert_null(a->proxy_user);
    assert_true(str_starts(a->client_key, dir) && str_ends(a->client_key, "/other.conf"));
    assert_int_equal(s->n_allow, 1);
    assert_int_equal(s->feeds[3]->access->n_allow, 2); /* of this feed alone */
    assert_int_equal(s->feeds[4]->access->n_allow, 0);
    struct td_err err; /* feeds of the API take the proxy of [defaults] too */
    struct td_feed_conf *api = settings_api_feed(s, "http://h/new", NULL, NULL, NULL, &err);
    assert_string_equal(api->access->proxy, "socks5h://[::1]:9050");
    td_feed_conf_free(api);
    settings_free(s);
}

static void access_errors(void **state)
{
    bad(F "user = a:b\n", 3, "a colon");
    bad(F "password = x\n", 1, "password without user");
    bad(F "user = a\nbearer-token = b\n", 1, "more than one Authorization");
    bad(F "user = a\nheader = authorization: b\n", 1, "more than one Authorization");
    bad(F "header = x\n", 3, "no NAME: VALUE");
    bad(F "header = a b: x\n", 3, "no NAME: VALUE");
    bad(F "header = X:\n", 3, "no NAME: VALUE");
    bad(F "header = host: x\n", 3, "host is not yours to set");
    bad(F "header = If-None-Match: x\n", 3, "not yours");
    bad(F "client-key = feeds.conf\n", 1, "client-key without client-cert");
    bad(F "cookie-file = no-such\n", 3, "No such file");
    bad(F "password = file:no-such\nuser = u\n", 3, "No such file");
    put("other.conf", "s3cret\n");
    CLEANUP_FREE char *secret = in_dir("other.conf");
    assert_int_equal(chmod(secret, 0644), 0);
    bad(F "user = u\npassword = file:other.conf\n", 4, "has mode 0644");
    bad(F "proxy = socks5://h:1\n", 3, "socks5h://");
    bad(F "proxy = http://h\n", 3, "no SCHEME://HOST:PORT");
    bad(F "proxy = http://h:1/x\n", 3, "no SCHEME://HOST:PORT");
    bad(F "tls-pin = sha256//abc=\n", 3, "sha256//BASE64");
    bad(F "ca-file = feeds.conf\ntls-pin = " PIN "\n", 1, "one of them");
    bad(F "allow-addresses = 10.0.0.1/8\n", 3, "bits behind its prefix");
    bad("[defaults]\nuser = u\n", 2, "user does not stand in this section");
    bad("[feed x]\nurl = exec:id\nuser = u\n", 1, "file: or exec:");
    bad("[feed x]\nurl = http://a:%0a@h/\n", 2, "cannot be sent");
    bad("[feed a]\nurl = http://u:p@h/d\n[feed b]\nurl = http://u:p@h/d\n", 3, "has the address");
}

/* What is wrong with a secret does not show it. */
static void secrets_stay_unseen(void **state)
{
    CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16);
    struct settings *s = NULL;
    assert_int_equal(load(F "user = hunter2:x\nbearer-token = hunter2\x7f\nheader = hunter2\n"
                            "header = Host: hunter2\nproxy = http://u:hunter2@\n"
                            "proxy-user = hunter2:\nproxy-password = hunter2\x01\n"
                            "client-key-password = hunter2\x01\n"
                            "[feed b]\nurl = http://u:hunter2@/\n",
                          &s, &problems),
                     -EINVAL);
    assert_null(strstr(buf_str(&problems), "hunter2"));
    int n = 0;
    for (const char *p = buf_str(&problems); (p = strchr(p, '\n')); p++)
        n++;
    assert_true(n >= 8);
}

static void api_feeds(void **state)
{
    struct settings *s = good("[defaults]\ntags = d\ntimeout = 9s\n");
    struct td_err err;
    struct td_feed_conf *c = settings_api_feed(s, "https://www.Ex.org/Feed/", NULL, NULL, NULL,
                                               &err);
    assert_string_equal(c->name, "ex.org/feed");
    assert_string_equal(c->url, "https://www.ex.org/Feed/");
    assert_string_equal(c->tags, "d");
    assert_int_equal(c->timeout_ms, 9000);
    assert_int_equal(c->origin, TD_ORIGIN_API);
    td_feed_conf_free(c);
    c = settings_api_feed(s, "http://h/", "my feed", "My Feed", "a, b\nc", &err);
    assert_string_equal(c->name, "my feed");
    assert_string_equal(c->title, "My Feed");
    assert_string_equal(c->tags, "a\nb\nc");
    td_feed_conf_free(c);
    assert_null(settings_api_feed(s, "file:///etc/passwd", NULL, NULL, NULL, &err));
    assert_null(settings_api_feed(s, "exec:id", NULL, NULL, NULL, &err));
    assert_null(settings_api_feed(s, "http://h/\xff", NULL, NULL, NULL, &err));
    assert_null(settings_api_feed(s, "http://h/", "a\nb", NULL, NULL, &err));
    assert_null(settings_api_feed(s, "http://h/", "\xff", NULL, NULL, &err));
    assert_null(settings_api_feed(s, "http://h/", "", NULL, NULL, NULL));
    assert_null(settings_api_feed(s, "http://h/", NULL, "two\nlines", NULL, &err));
    settings_free(s);
}

static void diff(void **state)
{
    struct settings *a = good(F "[feed b]\nurl = http://h/b\n[feed c]\nurl = http://h/c\n");
    struct settings *b = good("[daemon]\nstore = x\n[feed d]\nurl = http://h/d\n"
                              "[feed c]\nurl = http://h/c\ntitle = new\n" F);
    struct settings_diff d;
    settings_diff(a, b, &d);
    assert_int_equal(d.n_added, 1);
    assert_string_equal(d.added[0]->name, "d");
    assert_int_equal(d.n_changed, 1);
    assert_string_equal(d.changed[0]->title, "new");
    assert_int_equal(d.n_removed, 1);
    assert_string_equal(d.removed[0]->name, "b");
    assert_true(d.restart_needed);
    assert_string_equal(d.restart_why, "store");
    assert_false(d.defaults_changed);
    settings_diff_fini(&d);
    settings_diff(b, b, &d);
    assert_int_equal(d.n_added + d.n_changed + d.n_removed, 0);
    assert_false(d.restart_needed);
    settings_diff_fini(&d);
    settings_free(a);
    settings_free(b);
}

/* Broken files give problems, each a whole line that says what is allowed, and never half a result.
 */
static void anything(void **state)
{
    static const char seed[] = "[daemon]\nstore = a/b.db\nallow-addresses = 127.0.0.1/32 ::1\n"
                               "[defaults]\ninterval = 1h 30min\nretention = 90d, 1000 items\n"
                               "[feed a]\nurl = http://u@[::1]:8080/x?y#z\ntags = a,b\n"
                               "[feed b]\nurl = exec:cmd 'x y' \"z\\\"\"\nbacklog = all\n"
                               "[feed c]\nurl = file:%20x/./y\nmax-body = 10M\n# end\n";
    static const char bits[] = "[]=\n#;'\"\\%:/@ \t\r\xff\xc3\x01,0aZ";
    uint64_t x = 0x2545f4914f6cdd1du;
#define R(n) (x ^= x << 13, x ^= x >> 7, x ^= x << 17, x % (n))
    int n_good = 0;
    for (int run = 0; run < 1500; run++) {
        char text[2 * sizeof seed];
        size_t n = sizeof seed - 1;
        memcpy(text, seed, sizeof seed);
        for (uint64_t k = R(6); k; k--) {
            size_t at = R(n - 1);
            if (R(3) == 0) { /* a piece goes */
                size_t cut = MIN((size_t)R(20), n - at);
                memmove(text + at, text + at + cut, n - at - cut + 1);
                n -= cut;
            } else {
                text[at] = bits[R(sizeof bits - 1)];
            }
        }
        CLEANUP_BUF struct buf problems = BUF_INIT(1 << 16);
        struct settings *s = NULL;
        int r = load(text, &s, &problems);
        n_good += r == 0;
        assert_true(r == 0 ? s && problems.len == 0 : r == -EINVAL && !s && problems.len);
        assert_true(utf8_valid(buf_str(&problems), problems.len));
        for (const char *p = buf_str(&problems), *nl; *p; p = nl + 1) {
            nl = strchr(p, '\n');
            assert_non_null(nl);
            if (!str_starts(p, dir) || !memmem(p, (size_t)(nl - p), "; allowed", 9))
                fail_msg("%.*s", (int)(nl - p), p);
        }
        settings_free(s);
    }
    assert_true(n_good > 50 && n_good < 1400);
}

/* 100,000 feeds: far from a second (the limit leaves room for sanitizers). */
static void many_feeds(void **state)
{
    CLEANUP_BUF struct buf text = BUF_INIT(64 << 20);
    for (int i = 0; i < 100000; i++)
        buf_addf(&text, "[feed n%d]\nurl = https://host%d.example/feed/%d.xml\ntags = a, b\n\n", i,
                 i % 5000, i);
    clock_t t0 = clock();
    struct settings *s = good(buf_str(&text)), *same = good(buf_str(&text));
    struct settings_diff d;
    settings_diff(s, same, &d);
    int ms = (int)((clock() - t0) * 1000 / CLOCKS_PER_SEC);
    print_message("2 x load and a diff of 100,000 feeds: %d ms of CPU\n", ms);
    assert_true(ms < 10000);
    assert_int_equal(s->n_feeds, 100000);
    assert_int_equal(d.n_added + d.n_changed + d.n_removed, 0);
    settings_diff_fini(&d);
    settings_free(s);
    settings_free(same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(everything),
        cmocka_unit_test(errors),
        cmocka_unit_test(sites),
        cmocka_unit_test(all_problems_at_once),
        cmocka_unit_test(drop_ins),
        cmocka_unit_test(missing_file),
        cmocka_unit_test(queries),
        cmocka_unit_test(table),
        cmocka_unit_test(api_feeds),
        cmocka_unit_test(diff),
        cmocka_unit_test(anything),
        cmocka_unit_test(many_feeds),
        cmocka_unit_test(access_settings),
        cmocka_unit_test(access_errors),
        cmocka_unit_test(secrets_stay_unseen),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
