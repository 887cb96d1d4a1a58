#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "schedule/site.h"

static const char *domain(const char *host)
{
    static char text[300];
    size_t n;
    const char *d = site_domain(host, &n);
    if (!d)
        return "-";
    assert_true(d >= host && d + n <= host + strlen(host));
    snprintf(text, sizeof text, "%.*s", (int)n, d);
    return text;
}

static void registrable_domains(void **state)
{
    static const char *const all[][2] = {
        {"www.reddit.com:443", "reddit.com"},
        {"reddit.com:80", "reddit.com"},
        {"a.b.example.co.uk:443", "example.co.uk"},
        {"x.github.io:443", "x.github.io"}, /* each user's is a site of its own */
        {"github.io:443", "-"},
        {"co.uk:80", "-"},
        {"localhost:8080", "-"},
        {"h:80", "-"},
        {"a.b.invalid:80", "b.invalid"}, /* not in the list: the last label is the suffix */
        {"127.0.0.1:80", "-"},
        {"[2001:db8::1]:443", "-"},
        {"www.xn--bcher-kva.example:80", "xn--bcher-kva.example"},
        {"example.org.:80", "example.org"},
        {":80", "-"},
        {"", "-"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        assert_string_equal(domain(all[i][0]), all[i][1]);
    char host[600];
    memset(host, 'a', sizeof host);
    host[sizeof host - 1] = 0;
    assert_null(site_domain(host, &(size_t){0}));
}

static const char *found(const struct td_site *sites, size_t n, const char *host)
{
    const struct td_site *s = site_find(sites, n, host);
    return s ? s->name : "-";
}

static void the_most_exact_site(void **state)
{
    struct td_site sites[] = {{.name = (char *)"reddit.com"},    {.name = (char *)"old.reddit.com"},
                              {.name = (char *)"192.0.2.0/24"},  {.name = (char *)"192.0.2.7"},
                              {.name = (char *)"2001:db8::/32"}, {.name = (char *)"localhost"}};
    for (size_t i = 2; i < 5; i++)
        assert_int_equal(cidr_parse(sites[i].name, &sites[i].block), 0);
    static const char *const all[][2] = {
        {"reddit.com:443", "reddit.com"},
        {"www.reddit.com:80", "reddit.com"},
        {"old.reddit.com:443", "old.reddit.com"},
        {"x.old.reddit.com:443", "old.reddit.com"},
        {"notreddit.com:443", "-"},
        {"com:443", "-"},
        {"192.0.2.7:80", "192.0.2.7"},
        {"192.0.2.8:8080", "192.0.2.0/24"},
        {"192.0.3.8:80", "-"},
        {"[2001:db8::5]:443", "2001:db8::/32"},
        {"[2001:db9::5]:443", "-"},
        {"localhost:8080", "localhost"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        assert_string_equal(found(sites, ARRAY_SIZE(sites), all[i][0]), all[i][1]);
    assert_null(site_find(NULL, 0, "h:80"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registrable_domains),
        cmocka_unit_test(the_most_exact_site),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
