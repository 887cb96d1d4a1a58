/*
 * https: what a poll costs and which certificates pass.
 *
 * The server is `openssl s_server`, a process of its own, so that getrusage(RUSAGE_SELF) is the
 * fetcher alone. The CA bundle is the system's with our certificate at its end: the cost that is
 * guarded here is that of parsing all of it for each connection. No session is resumed: a reader of
 * many hosts rarely can.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <curl/curl.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "fetch_harness.h"
#include "tiny_httpd.h"

#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define POLLS         20
/* CPU of a poll by that of the same poll by libcurl alone, which parses the bundle once.
 * Measured: 1.0 to 1.1 in each build. With the bundle parsed each time: 16 plain, 24 with the
 * address and 36 with the thread sanitizer. */
#define MOST_RATIO 5.0

static char dir[64], cert[128], key[128], bundle[128], other[128];
static pid_t server;
static int server_out, port;
static struct fetcher *fetcher;

/* ARGV[0] is looked up in PATH; its standard output goes to OUT. */
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

static void make_certificate(const char *to)
{
    const char *argv[] = {"openssl",
                          "req",
                          "-x509",
                          "-newkey",
                          "ec",
                          "-pkeyopt",
                          "ec_paramgen_curve:prime256v1",
                          "-nodes",
                          "-days",
                          "2",
                          "-subj",
                          "/CN=tidings test",
                          "-addext",
                          "subjectAltName=IP:127.0.0.1",
                          "-keyout",
                          key,
                          "-out",
                          to,
                          NULL};
    int status;
    assert_int_equal(waitpid(start(argv, -1), &status, 0) > 0 ? status : -1, 0);
}

static void append(FILE *to, const char *from)
{
    char part[65536];
    size_t n;
    FILE *f = fopen(from, "r");
    assert_non_null(f);
    while ((n = fread(part, 1, sizeof part, f)))
        fwrite(part, 1, n, to);
    fclose(f);
}

static void start_server(const char *tickets)
{
    const char *argv[] = {"openssl",      "s_server", "-accept",   "127.0.0.1:0", "-www",
                          "-num_tickets", tickets,    "-no_cache", "-cert",       cert,
                          "-key",         key,        NULL};
    port = 0;
    int fds[2];
    char line[256];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    server = start(argv, fds[1]);
    close(fds[1]);
    server_out = fds[0];
    FILE *f = fdopen(dup(server_out), "r");
    while (!port && fgets(line, sizeof line, f))
        sscanf(line, "ACCEPT 127.0.0.1:%d", &port);
    fclose(f);
    assert_true(port > 0);
}

static int group_setup(void **state)
{
    if (access(SYSTEM_BUNDLE, R_OK) < 0) {
        print_message("no %s: nothing to measure\n", SYSTEM_BUNDLE);
        exit(77); /* skipped */
    }
    snprintf(dir, sizeof dir, "/tmp/test-tls-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    snprintf(bundle, sizeof bundle, "%s/bundle.pem", dir);
    snprintf(other, sizeof other, "%s/other.pem", dir);
    make_certificate(other);
    make_certificate(cert);
    FILE *f = fopen(bundle, "w");
    assert_non_null(f);
    append(f, SYSTEM_BUNDLE);
    append(f, cert);
    assert_int_equal(fclose(f), 0);
    start_server("0");
    return 0;
}

static int group_teardown(void **state)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    close(server_out);
    unlink(cert);
    unlink(key);
    unlink(bundle);
    unlink(other);
    return rmdir(dir);
}

static int resolve(const char *host, char *text, size_t size)
{
    snprintf(text, size, "127.0.0.1");
    return 0;
}

static void new_fetcher(const char *ca_file)
{
    static struct cidr allow;
    assert_int_equal(cidr_parse("127.0.0.1", &allow), 0);
    fetcher = fetcher_new(ev_default_loop(0),
                          &(struct fetch_conf){.allow = &allow,
                                               .n_allow = 1,
                                               .max_transfers = 4,
                                               .ca_file = ca_file,
                                               .resolve = resolve},
                          NULL);
    assert_non_null(fetcher);
}

static struct td_result get(const char *host, int at_port, int64_t timeout_ms)
{
    char url[128];
    snprintf(url, sizeof url, "https://%s:%d/", host, at_port);
    struct td_request req = REQUEST(url);
    req.timeout_ms = timeout_ms;
    return harness_get(fetcher, &req);
}

static double cpu_ms(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static size_t discard(char *p, size_t size, size_t n, void *to)
{
    return size * n;
}

/* One handle of libcurl with the same bundle, and a new connection for each transfer. */
static CURL *plain_curl(void)
{
    char url[64];
    CURL *c = curl_easy_init();
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", port);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_CAINFO, bundle);
    curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, discard);
    return c;
}

static void ca_bundle_is_parsed_once(void **state)
{
    double ours = 0, plain = 0;
    CURL *c = plain_curl();
    new_fetcher(bundle);
    /* In turn, since a busy machine is that for both then. The first of each parses. */
    for (int i = 0; i <= POLLS; i++) {
        double before = cpu_ms();
        struct td_result r = get("127.0.0.1", port, 10000);
        ours += i ? cpu_ms() - before : 0;
        if (r.outcome != TD_OUT_OK)
            fail_msg("%s: %s", td_outcome_name(r.outcome), r.error);
        td_result_fini(&r);
        before = cpu_ms();
        assert_int_equal(curl_easy_perform(c), CURLE_OK);
        plain += i ? cpu_ms() - before : 0;
    }
    print_message(
        "%.2f ms of CPU per https poll on a new connection, %.2f by libcurl alone: ratio %.1f\n",
        ours / POLLS, plain / POLLS, ours / plain);
    if (ours > MOST_RATIO * plain)
        fail_msg("%.1f times the CPU of libcurl alone; at most %.1f", ours / plain, MOST_RATIO);
    fetcher_free(fetcher);
    curl_easy_cleanup(c);
}

/* -www closes each connection and says in its page whether the session was new. */
static void sessions_are_taken_up_again(void **state)
{
    enum { N = 3 };
    struct got g[N] = {0};
    struct td_request req[N];
    char url[128];
    pid_t first = server;
    int first_out = server_out, first_port = port;
    start_server("2");
    new_fetcher(bundle);
    struct td_result r = get("127.0.0.1", port, 10000);
    assert_non_null(strstr(buf_str(&r.body), "New, TLSv1.3"));
    td_result_fini(&r);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", port);
    for (int i = 0; i < N; i++) { /* at once: two of them on handles that never had a session */
        req[i] = REQUEST(url);
        fetch_start(fetcher, &req[i], harness_done, &g[i]);
    }
    harness_wait(g, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(g[i].result.outcome, TD_OUT_OK);
        assert_non_null(strstr(buf_str(&g[i].result.body), "Reused, TLSv1.3"));
        td_result_fini(&g[i].result);
    }
    fetcher_free(fetcher);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    close(server_out);
    server = first;
    server_out = first_out;
    port = first_port;
}

static int a_free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static int open_sockets(void)
{
    char path[300], to[64];
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(path, sizeof path, "/proc/self/fd/%s", e->d_name);
        ssize_t len = readlink(path, to, sizeof to - 1);
        to[len > 0 ? len : 0] = 0;
        n += strncmp(to, "socket:", 7) == 0;
    }
    closedir(d);
    return n;
}

/* Feeds of one HTTP/2 host share a connection, also when they start before it is there. */
static void http2_carries_several_on_one_connection(void **state)
{
    enum { N = LIMIT_STREAMS };
    struct got g[N] = {0};
    struct td_request req[N];
    char url[128], text[16];
    int at = a_free_port(), before;
    if (system("command -v nghttpd >/dev/null 2>&1") != 0)
        skip();
    snprintf(text, sizeof text, "%d", at);
    const char *argv[] = {"nghttpd", "--address=127.0.0.1", "-d", dir, text, key, cert, NULL};
    pid_t pid = start(argv, -1);
    new_fetcher(bundle);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/cert.pem", at);
    for (int tries = 0; tries < 200; tries++) { /* until it listens */
        struct td_result r = get("127.0.0.1", at, 10000);
        bool up = r.outcome != TD_OUT_CONNECT;
        td_result_fini(&r);
        if (up)
            break;
        usleep(20000);
    }
    fetcher_free(fetcher);
    new_fetcher(bundle);
    before = open_sockets();
    for (int i = 0; i < N; i++) {
        req[i] = REQUEST(url);
        req[i].shares_host = true;
        fetch_start(fetcher, &req[i], harness_done, &g[i]);
    }
    harness_wait(g, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(g[i].result.outcome, TD_OUT_OK);
        assert_true(g[i].result.multiplexed);
        td_result_fini(&g[i].result);
    }
    assert_int_equal(open_sockets() - before, 1);
    fetcher_free(fetcher);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void untrusted_certificates(void **state)
{
    struct td_result r;
    new_fetcher(other);
    r = get("127.0.0.1", port, 10000);
    assert_int_equal(r.outcome, TD_OUT_TLS);
    assert_non_null(strstr(r.error, "self-signed certificate"));
    td_result_fini(&r);
    fetcher_free(fetcher);

    new_fetcher(bundle);
    r = get("other.example", port, 10000); /* trusted, but not for this name */
    assert_int_equal(r.outcome, TD_OUT_TLS);
    assert_non_null(strstr(r.error, "other.example"));
    td_result_fini(&r);
    fetcher_free(fetcher);

    new_fetcher("/no/such/bundle.pem");
    r = get("127.0.0.1", port, 10000);
    assert_int_equal(r.outcome, TD_OUT_TLS);
    td_result_fini(&r);
    fetcher_free(fetcher);
}

static bool answer(struct httpd *s, int fd, const char *request)
{
    return false;
}

static void stalled_handshake(void **state)
{
    struct httpd *silent = httpd_start(answer); /* reads on until an empty line comes */
    new_fetcher(bundle);
    struct td_result r = get("127.0.0.1", silent->port, 300);
    assert_int_equal(r.outcome, TD_OUT_TIMEOUT);
    assert_in_range(r.duration_ms, 250, 3000);
    td_result_fini(&r);
    fetcher_free(fetcher);
    httpd_stop(silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ca_bundle_is_parsed_once),
        cmocka_unit_test(sessions_are_taken_up_again),
        cmocka_unit_test(http2_carries_several_on_one_connection),
        cmocka_unit_test(untrusted_certificates),
        cmocka_unit_test(stalled_handshake),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
