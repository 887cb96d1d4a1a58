/*
 * Credentials, certificates and proxies: what is sent where, and what is not.
 *
 * "home" is the address the settings belong to; "away" is the same server under another port.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "fetch_harness.h"
#include "tiny_httpd.h"

#define FEED "<rss version='2.0'><channel><title>t</title></channel></rss>"

static struct httpd *home, *away;
static struct fetcher *fetcher;
static char dir[64], path[128];

static bool answer(struct httpd *s, int fd, const char *request)
{
    char head[256];
    if (strstr(request, " /401"))
        return httpd_sends(fd, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
    if (strstr(request, " /cookie"))
        snprintf(head, sizeof head,
                 "HTTP/1.1 200 OK\r\nSet-Cookie: given=1\r\nContent-Length: %zu\r\n\r\n",
                 strlen(FEED));
    else
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(FEED));
    return httpd_sends(fd, head) && httpd_sends(fd, FEED);
}

static int resolve(const char *host, char *text, size_t size)
{
    if (!str_ends(host, ".example"))
        return EAI_NONAME;
    snprintf(text, size, "127.0.0.1");
    return 0;
}

static int setup(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/test-access-XXXXXX");
    assert_non_null(mkdtemp(dir));
    home = httpd_start(answer);
    away = httpd_start(answer);
    fetcher = harness_fetcher(resolve);
    return 0;
}

static int teardown(void **state)
{
    fetcher_free(fetcher);
    httpd_stop(home);
    httpd_stop(away);
    char command[80];
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static char *in_dir(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* GET of PATH at HOST:PORT with the access settings A of home. */
static struct td_result ask(const struct td_access *a, const char *host, int port, const char *at)
{
    char url[256], home_url[128];
    snprintf(url, sizeof url, "http://%s:%d%s", host, port, at);
    snprintf(home_url, sizeof home_url, "http://a.example:%d/feed", home->port);
    struct td_request req = REQUEST(url);
    req.access = a;
    req.access_url = home_url;
    req.allow = a ? a->allow : NULL;
    req.n_allow = a ? a->n_allow : 0;
    return harness_get(fetcher, &req);
}

static bool sent(struct httpd *s, const char *text)
{
    return strstr(httpd_last(s), text);
}

/* ---- at home and away ----------------------------------------------------------------------- */

static void credentials_stay_at_home(void **state)
{
    FILE *f = fopen(in_dir("cookies.txt"), "w");
    fputs("# Netscape HTTP Cookie File\n.example\tTRUE\t/\tFALSE\t0\tsession\tc00kie\n"
          "a.example\tFALSE\t/\tFALSE\t0\tmine\tc00kie\n"
          "other.example\tFALSE\t/\tFALSE\t0\tforeign\tno\n",
          f);
    fclose(f);
    static const struct {
        struct td_access a;
        const char *line;
    } cases[] = {
        {{.user = (char *)"Aladdin", .password = (char *)"open sesame"},
         "\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"},
        {{.user = (char *)"Aladdin"}, "\r\nAuthorization: Basic QWxhZGRpbjo=\r\n"},
        {{.bearer = (char *)"t0ken"}, "\r\nAuthorization: Bearer t0ken\r\n"},
        {{.headers = (char *)"X-Key: k3y\nX-Other: 2"}, "\r\nX-Key: k3y\r\nX-Other: 2\r\n"},
        {{.cookie_file = path}, "mine=c00kie"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct td_result r = ask(&cases[i].a, "a.example", home->port, "/feed");
        assert_int_equal(r.outcome, TD_OUT_OK);
        if (!sent(home, cases[i].line))
            fail_msg("case %zu: not sent: %s", i, httpd_last(home));
        assert_false(sent(home, "foreign"));
        td_result_fini(&r);

        const struct {
            const char *host;
            struct httpd *s;
        } others[] = {{"a.example", away}, {"b.example", home}, {"127.0.0.1", home}};
        for (size_t k = 0; k < ARRAY_SIZE(others); k++) {
            r = ask(&cases[i].a, others[k].host, others[k].s->port, "/401");
            assert_int_equal(r.http_status, 401);
            assert_non_null(strstr(r.error, "access settings are those of another host"));
            static const char *const none[] = {"Authorization", "k3y", "Cookie"};
            for (size_t j = 0; j < ARRAY_SIZE(none); j++)
                assert_false(sent(others[k].s, none[j]));
            td_result_fini(&r);
        }
        /* Nothing is left in what is used again. */
        r = ask(NULL, "a.example", home->port, "/cookie");
        td_result_fini(&r);
        r = ask(NULL, "a.example", home->port, "/feed");
        assert_int_equal(r.outcome, TD_OUT_OK);
        assert_false(sent(home, "Authorization"));
        assert_false(sent(home, "Cookie"));
        assert_false(sent(home, "X-Key"));
        td_result_fini(&r);
    }
}

/* A feed's cookies are its file's: those that a server gives are not kept. */
static void cookies_are_only_read(void **state)
{
    struct td_access a = {.cookie_file = in_dir("cookies.txt")};
    for (int i = 0; i < 2; i++) {
        struct td_result r = ask(&a, "a.example", home->port, "/cookie");
        assert_int_equal(r.outcome, TD_OUT_OK);
        assert_true(sent(home, "mine=c00kie"));
        assert_false(sent(home, "given=1"));
        td_result_fini(&r);
    }
}

static void denied(void **state)
{
    struct td_access a = {.user = (char *)"u", .password = (char *)"hunter2"};
    struct td_result r = ask(&a, "a.example", home->port, "/401");
    assert_int_equal(r.outcome, TD_OUT_HTTP);
    assert_string_equal(r.error, "HTTP 401 Unauthorized, with the feed's access settings");
    td_result_fini(&r);
    r = ask(NULL, "a.example", home->port, "/401");
    assert_string_equal(r.error, "HTTP 401 Unauthorized");
    td_result_fini(&r);
}

/* ---- proxies -------------------------------------------------------------------------------- */

static struct td_access proxy_at(const char *scheme, const char *host, int port, char *text)
{
    snprintf(text, 64, "%s://%s:%d", scheme, host, port);
    return (struct td_access){
        .proxy = text, .proxy_user = (char *)"pu", .proxy_password = (char *)"p/w"};
}

/* AWAY is an http proxy here: it sees the whole address. */
static void http_proxy(void **state)
{
    char text[64];
    struct td_access a = proxy_at("http", "127.0.0.1", away->port, text);
    a.bearer = (char *)"t0ken";
    struct td_result r = ask(&a, "a.example", home->port, "/feed");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_true(sent(away, "GET http://a.example:"));
    assert_true(sent(away, "\r\nProxy-Authorization: Basic cHU6cC93\r\n"));
    assert_true(sent(away, "\r\nAuthorization: Bearer t0ken\r\n"));
    td_result_fini(&r);
    r = ask(&a, "nowhere.invalid", 80, "/feed"); /* the proxy knows names, we ask for none */
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_true(sent(away, "GET http://nowhere.invalid/feed"));
    assert_false(sent(away, "t0ken"));
    td_result_fini(&r);

    a = (struct td_access){.proxy = (char *)""}; /* none */
    r = ask(&a, "a.example", home->port, "/feed");
    assert_int_equal(r.outcome, TD_OUT_OK);
    assert_true(sent(home, "GET /feed"));
    assert_false(sent(home, "Proxy-Authorization"));
    td_result_fini(&r);
}

/* A request to a hub goes the way of its feed: past a proxy it would tell who we are, and its name
 * would be looked up here. */
static void a_post_takes_the_proxy(void **state)
{
    char text[64];
    struct td_access a = proxy_at("http", "127.0.0.1", away->port, text);
    a.bearer = (char *)"t0ken";
    for (int at_home = 0; at_home < 2; at_home++) {
        char url[128], feed[128], line[256];
        if (at_home)
            snprintf(url, sizeof url, "http://a.example:%d/hub", home->port);
        else
            snprintf(url, sizeof url, "http://hub.invalid/");
        snprintf(feed, sizeof feed, "http://a.example:%d/feed", home->port);
        struct td_request req = REQUEST(url);
        req.access = &a;
        req.access_url = feed;
        req.post = "x=y";
        req.post_bytes = 3;
        struct td_result r = harness_get(fetcher, &req);
        assert_int_equal(r.outcome, TD_OUT_OK);
        snprintf(line, sizeof line, "POST %s HTTP/1.1", url);
        assert_true(sent(away, line));
        assert_true(sent(away, "\r\nProxy-Authorization: Basic cHU6cC93\r\n"));
        assert_int_equal(sent(away, "t0ken"), at_home);
        td_result_fini(&r);
    }
}

/* No connection through a proxy is used by others, and none of others by it. */
static void proxies_lend_nothing(void **state)
{
    char text[64];
    struct td_access a = proxy_at("http", "127.0.0.1", away->port, text);
    int before = httpd_connections(away);
    for (int i = 1; i <= 2; i++) {
        struct td_result r = ask(&a, "c.example", away->port, "/feed");
        assert_int_equal(r.outcome, TD_OUT_OK);
        assert_int_equal(httpd_connections(away), before + i);
        td_result_fini(&r);
    }
    struct td_result r = ask(NULL, "c.example", away->port, "/feed");
    assert_int_equal(httpd_connections(away), before + 3);
    assert_false(sent(away, "http://"));
    td_result_fini(&r);
}

static void guard_at_the_proxy(void **state)
{
    char text[64];
    struct td_access a = proxy_at("http", "127.0.0.1", away->port, text);
    static const char *const inside[] = {"127.0.0.2", "2130706434",      "10.0.0.1",
                                         "[::1]",     "169.254.169.254", "[::ffff:10.0.0.1]"};
    int requests = httpd_requests(away);
    for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
        struct td_result r = ask(&a, inside[i], 80, "/feed");
        if (r.outcome != TD_OUT_REFUSED)
            fail_msg("%s: %s", inside[i], td_outcome_name(r.outcome));
        td_result_fini(&r);
    }
    assert_int_equal(httpd_requests(away), requests);
    /* Where the config names an address, that address may be a proxy; a name is judged. */
    fetcher_configure(fetcher, &(struct fetch_conf){.max_transfers = 4});
    struct td_result r = ask(&a, "public.example", 80, "/feed");
    assert_int_equal(r.outcome, TD_OUT_OK);
    td_result_fini(&r);
    static const char *const local[] = {"localhost",
                                        "x.localhost",
                                        "localhost.",
                                        "\uff4cocalhost",
                                        "\uff11\uff12\uff17.0.0.1",
                                        "\u2460\u2461\u2466.1",
                                        "\u2461130706433"};
    for (size_t i = 0; i < ARRAY_SIZE(local); i++) {
        r = ask(&a, local[i], 80, "/feed");
        assert_int_equal(r.outcome, TD_OUT_REFUSED);
        td_result_fini(&r);
    }
    a = proxy_at("http", "proxy.example", away->port, text);
    r = ask(&a, "public.example", 80, "/feed");
    assert_int_equal(r.outcome, TD_OUT_REFUSED);
    assert_non_null(strstr(r.error, "the proxy http://proxy.example"));
    td_result_fini(&r);
    fetcher_free(fetcher);
    fetcher = harness_fetcher(resolve);
}

/* A feed that may go where others may not leaves no connection behind for them. */
static void an_allow_list_of_its_own(void **state)
{
    struct cidr block = {{127, 0, 0, 1}, AF_INET, 32};
    struct td_access a = {.allow = &block, .n_allow = 1};
    fetcher_configure(fetcher, &(struct fetch_conf){.max_transfers = 4});
    for (int i = 0; i < 2; i++) {
        struct td_result r = ask(&a, "d.example", home->port, "/feed");
        assert_int_equal(r.outcome, TD_OUT_OK);
        td_result_fini(&r);
        int requests = httpd_requests(home);
        r = ask(NULL, "d.example", home->port, "/feed");
        assert_int_equal(r.outcome, TD_OUT_REFUSED);
        assert_int_equal(httpd_requests(home), requests);
        td_result_fini(&r);
    }
    char text[64]; /* nor does it open the way to what a proxy would be asked for by address */
    struct td_access p = proxy_at("http", "127.0.0.1", away->port, text);
    struct td_result r = ask(&p, "127.0.0.1", home->port, "/feed");
    assert_int_equal(r.outcome, TD_OUT_REFUSED);
    td_result_fini(&r);
    p.allow = &block;
    p.n_allow = 1;
    r = ask(&p, "127.0.0.1", home->port, "/feed");
    assert_int_equal(r.outcome, TD_OUT_OK);
    td_result_fini(&r);
    fetcher_free(fetcher);
    fetcher = harness_fetcher(resolve);
}

static void broken_proxy(void **state)
{
    char text[64];
    struct td_access a = proxy_at("http", "127.0.0.1", 1, text);
    struct td_result r = ask(&a, "a.example", home->port, "/feed");
    assert_int_equal(r.outcome, TD_OUT_CONNECT);
    assert_string_equal(
        r.error, "no connection to a.example by the proxy http://127.0.0.1:1: Connection refused");
    td_result_fini(&r);
    a = proxy_at("http", "nowhere.invalid", 1, text);
    r = ask(&a, "a.example", home->port, "/feed");
    assert_int_equal(r.outcome, TD_OUT_DNS_TEMP); /* not the feed's fault: no back-off of days */
    assert_null(strstr(r.error, "p/w"));
    td_result_fini(&r);
}

/* A SOCKS server (RFC 1928, 1929) that keeps what it was told and connects to HOME. */
struct socks {
    int fd, port;
    pthread_t thread;
    char user[256], password[256], name[256];
};

static bool take(int fd, void *p, size_t n)
{
    return recv(fd, p, n, MSG_WAITALL) == (ssize_t)n;
}

static bool take_string(int fd, char *text)
{
    unsigned char n;
    bool ok = take(fd, &n, 1) && take(fd, text, n);
    text[ok ? n : 0] = 0;
    return ok;
}

static void relay(int a, int b)
{
    char part[4096];
    struct pollfd p[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    for (;;) {
        poll(p, 2, 10000);
        for (int i = 0; i < 2; i++)
            if (p[i].revents) {
                ssize_t n = recv(p[i].fd, part, sizeof part, 0);
                if (n <= 0 || !httpd_send(p[!i].fd, part, (size_t)n))
                    return;
            }
    }
}

static void *socks_serve(void *arg)
{
    struct socks *s = arg;
    unsigned char head[4], methods[255], port[2];
    CLEANUP_CLOSE int fd = accept(s->fd, NULL, NULL);
    CLEANUP_CLOSE int to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)home->port)};
    if (take(fd, head, 2) && take(fd, methods, head[1]) && httpd_send(fd, "\5\2", 2) &&
        take(fd, head, 1) && take_string(fd, s->user) && take_string(fd, s->password) &&
        httpd_send(fd, "\1\0", 2) && take(fd, head, 4) && head[3] == 3 &&
        take_string(fd, s->name) && take(fd, port, 2) &&
        connect(to, (struct sockaddr *)&a, sizeof a) == 0 &&
        httpd_send(fd, "\5\0\0\1\0\0\0\0\0\0", 10))
        relay(fd, to);
    return NULL;
}

static void socks_proxy(void **state)
{
    static struct socks s;
    char text[64];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    s.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s.fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(s.fd, 5), 0);
    getsockname(s.fd, (struct sockaddr *)&at, &n);
    pthread_create(&s.thread, NULL, socks_serve, &s);
    struct td_access a = proxy_at("socks5h", "127.0.0.1", ntohs(at.sin_port), text);
    struct td_result r = ask(&a, "hidden.onion", 80, "/feed");
    if (r.outcome != TD_OUT_OK)
        fail_msg("%s", r.error);
    td_result_fini(&r);
    pthread_join(s.thread, NULL);
    close(s.fd);
    assert_string_equal(s.name, "hidden.onion");
    assert_string_equal(s.user, "pu");
    assert_string_equal(s.password, "p/w");
    assert_true(sent(home, "GET /feed"));
}

/* ---- certificates --------------------------------------------------------------------------- */

static pid_t start(const char *const *argv, int out)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(out < 0 ? null : out, 1);
        dup2(null, 2);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return pid;
}

static void shell(const char *script)
{
    int status;
    const char *argv[] = {"sh", "-c", script, NULL};
    assert_int_equal(waitpid(start(argv, -1), &status, 0) > 0 ? status : -1, 0);
}

/* `openssl s_server` with these arguments: its process and port. */
static pid_t serve_tls(const char *more, int *ret_port)
{
    char script[512], line[256];
    int fds[2];
    snprintf(script, sizeof script, "cd %s && exec openssl s_server -accept 127.0.0.1:0 -www %s",
             dir, more);
    const char *argv[] = {"sh", "-c", script, NULL};
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = start(argv, fds[1]);
    close(fds[1]);
    FILE *f = fdopen(fds[0], "r");
    *ret_port = 0;
    while (!*ret_port && fgets(line, sizeof line, f))
        sscanf(line, "ACCEPT 127.0.0.1:%d", ret_port);
    fclose(f);
    assert_true(*ret_port > 0);
    return pid;
}

static struct td_result ask_tls(const struct td_access *a, int port, bool at_home)
{
    char url[128], home_url[128];
    snprintf(url, sizeof url, "https://a.example:%d/", port);
    snprintf(home_url, sizeof home_url, "https://a.example:%d/", at_home ? port : 1);
    struct td_request req = REQUEST(url);
    req.access = a;
    req.access_url = home_url;
    return harness_get(fetcher, &req);
}

static void expect_tls(const struct td_access *a, int port, bool at_home, const char *words)
{
    struct td_result r = ask_tls(a, port, at_home);
    if (words ? r.outcome != TD_OUT_TLS || !strstr(r.error, words) : r.outcome != TD_OUT_OK)
        fail_msg("%s: %s", td_outcome_name(r.outcome), r.error);
    td_result_fini(&r);
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* The key of DIR/NAME.pem as tls-pin takes it. */
static void read_pin(const char *name, char pin[64])
{
    char script[512];
    snprintf(script, sizeof script,
             "cd %s && openssl x509 -in %s -pubkey -noout | openssl pkey -pubin -outform der | "
             "openssl dgst -sha256 -binary | openssl base64 > pin",
             dir, name);
    shell(script);
    FILE *f = fopen(in_dir("pin"), "r");
    char digits[64] = "";
    assert_non_null(fgets(digits, sizeof digits, f));
    fclose(f);
    snprintf(pin, 64, "sha256//%.44s", digits);
}

static void trust(void **state)
{
    static char ca[128], cert[128], pin[64], foreign[64], both[130];
    char script[1024];
    int port;
    snprintf(script, sizeof script,
             "cd %s && for n in own other; do openssl req -x509 -newkey ec -pkeyopt "
             "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$n -addext "
             "subjectAltName=DNS:$n.example -keyout $n.key -out $n.pem; done",
             dir);
    shell(script);
    read_pin("own.pem", pin);
    read_pin("other.pem", foreign);
    snprintf(both, sizeof both, "%s;%s", foreign, pin);
    snprintf(ca, sizeof ca, "%s/own.pem", dir);
    pid_t server = serve_tls("-cert own.pem -key own.key", &port);

    expect_tls(NULL, port, true, "self-signed");
    struct td_access a = {.tls_pin = pin}; /* the wrong name and signer, but the right key */
    expect_tls(&a, port, true, NULL);
    expect_tls(NULL, port, true, "self-signed"); /* which lends nothing to others */
    expect_tls(&a, port, false, "self-signed");  /* and counts at home only */
    a.tls_pin = both;
    expect_tls(&a, port, true, NULL);
    a.tls_pin = foreign;
    expect_tls(&a, port, true, "its key is none that tls-pin names");
    a = (struct td_access){.ca_file = ca};
    expect_tls(&a, port, true, "a.example"); /* trusted, but for another name */
    end(server);

    /* A server without a certificate has no key to compare: never let through. */
    server = serve_tls("-nocert -cipher aNULL@SECLEVEL=0 -tls1_2", &port);
    a = (struct td_access){.tls_pin = pin};
    struct td_result r = ask_tls(&a, port, true);
    assert_int_equal(r.outcome, TD_OUT_TLS);
    td_result_fini(&r);
    end(server);

    snprintf(script, sizeof script,
             "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
             "-days 2 -subj /CN=a -addext subjectAltName=DNS:a.example -keyout a.key -out a.pem",
             dir);
    shell(script);
    snprintf(ca, sizeof ca, "%s/a.pem", dir);
    server = serve_tls("-cert a.pem -key a.key -Verify 1 -CAfile own.pem", &port);
    a = (struct td_access){.ca_file = ca};
    r = ask_tls(&a, port, true); /* the server wants to see a certificate */
    assert_true(r.outcome != TD_OUT_OK);
    td_result_fini(&r);
    char key[128];
    snprintf(cert, sizeof cert, "%s/own.pem", dir);
    snprintf(key, sizeof key, "%s/own.key", dir);
    a.client_cert = cert;
    a.client_key = key;
    expect_tls(&a, port, true, NULL);
    expect_tls(NULL, port, true, "self-signed");
    snprintf(key, sizeof key, "%s/other.key", dir);
    expect_tls(&a, port, true, "a.example");
    end(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_stay_at_home),
        cmocka_unit_test(cookies_are_only_read),
        cmocka_unit_test(denied),
        cmocka_unit_test(http_proxy),
        cmocka_unit_test(a_post_takes_the_proxy),
        cmocka_unit_test(proxies_lend_nothing),
        cmocka_unit_test(guard_at_the_proxy),
        cmocka_unit_test(broken_proxy),
        cmocka_unit_test(socks_proxy),
        cmocka_unit_test(trust),
        cmocka_unit_test(an_allow_list_of_its_own),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
