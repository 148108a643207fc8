/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "tui/address.h"

static void test_addresses(void **state)
{
    struct workspace ws = {.info = {.state = SANDBOX_RUNNING, .port = 40001}};
    struct address a;

    (void)state;
    ws.info.ports[0] = (struct port_spec){.host_port = 8080, .container_port = 80};
    ws.info.ports[1] = (struct port_spec){.host_port = 0, .container_port = 81}; /* not published now */
    ws.info.ports[2] = (struct port_spec){.host_port = 5353, .container_port = 5353, .udp = true};
    ws.info.ports[3] = (struct port_spec){.host_ip = "::1", .host_port = 9000, .container_port = 9000};
    ws.info.port_count = 4;
    assert_int_equal(address_get(&ws, 0, &a), 0);
    assert_string_equal(a.url, "http://127.0.0.1:8080");
    assert_string_equal(a.text, a.url);
    assert_string_equal(a.note, "to 80 inside");
    assert_int_equal(address_get(&ws, 1, &a), 0);
    assert_string_equal(a.url, "");
    assert_string_equal(a.text, "127.0.0.1:5353 udp");
    assert_int_equal(address_get(&ws, 2, &a), 0);
    assert_string_equal(a.url, "http://[::1]:9000");
    assert_int_equal(address_get(&ws, 3, &a), 0);
    assert_string_equal(a.url, "http://127.0.0.1:40001");
    assert_int_equal(address_get(&ws, 4, &a), -1);
    ws.info.port = 8080; /* told already */
    assert_int_equal(address_get(&ws, 3, &a), -1);
    str_copy(ws.host, sizeof(ws.host), "gpu1");
    assert_int_equal(address_get(&ws, 0, &a), 0);
    assert_string_equal(a.url, "");
    assert_string_equal(a.text, "127.0.0.1:8080 on gpu1");
    ws.info.state = SANDBOX_STOPPED;
    assert_int_equal(address_get(&ws, 0, &a), -1);
    assert_int_equal(address_get(NULL, 0, &a), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses)};
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
