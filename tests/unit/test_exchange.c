#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "model/exchange.h"

static void redacts(void **state)
{
    static const char request[] = "GET /?key=k3y HTTP/1.1\r\nHost: h\r\n"
                                  "authorization: Basic dTpw\r\nCookie: a=b\r\nX-Key: k3y\r\n\r\n";
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nSet-Cookie: id=1; Path=/\r\nETag: \"k3y\"\r\n\r\n"
        "Set-Cookie: in the body\r\nhunter2 k3y k3";
    struct td_access a = {
        .user = (char *)"u", .password = (char *)"hunter2", .headers = (char *)"X-Key: k3y"};
    struct td_recording rec = {0};
    struct td_exchange *x = td_recording_add(&rec, 1000);
    x->is_http = true;
    buf_adds(&x->request, request);
    buf_adds(&x->answer, answer);
    td_exchange_redact(x, &a);
    assert_string_equal(buf_str(&x->request),
                        "GET /?key=xxx HTTP/1.1\r\nHost: h\r\nauthorization: xxxxxxxxxx\r\n"
                        "Cookie: xxx\r\nX-Key: xxx\r\n\r\n");
    assert_string_equal(buf_str(&x->answer),
                        "HTTP/1.1 200 OK\r\nSet-Cookie: xxxxxxxxxxxx\r\nETag: \"xxx\"\r\n\r\n"
                        "Set-Cookie: in the body\r\nxxxxxxx xxx k3");
    td_exchange_redact(td_recording_add(&rec, 10), &a); /* empty ones */
    td_recording_fini(&rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redacts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
