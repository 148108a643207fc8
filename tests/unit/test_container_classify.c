/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/container/classify.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"

/* Error texts of Apple's container, in both styles: `message (cause: ...)` since 0.10, `code: "message"` before. */

static const struct {
    const char *text;
    int exit_code;
    enum error_code code;
    const char *msg, *hint; /* hint: a part of it; NULL: none */
} table[] = {
    {"Error: container with id muthr-x already exists\n", 1, ERROR_EXISTS,
     "container: container with id muthr-x already exists", "rename"},
    {"Error: exists: \"container already exists: muthr-x\"\n", 1, ERROR_EXISTS,
     "container: container already exists: muthr-x", "rename"},
    {"Error: hostname(s) already exist: [\"muthr-x\"]\n", 1, ERROR_EXISTS, NULL, "rename"},
    {"Error: container not found: muthr-x\n", 1, ERROR_NOT_FOUND, "container: container not found: muthr-x", NULL},
    {"Error: notFound: \"container with ID muthr-x not found\"\n", 1, ERROR_NOT_FOUND,
     "container: container with ID muthr-x not found", NULL},
    {"Error: failed to delete one or more containers: [\"muthr-x\"] (cause: \"notFound: \\\"no\\\"\")\n", 1,
     ERROR_NOT_FOUND, NULL, NULL},
    {"Error: container muthr-x is not running\n", 1, ERROR_UNAVAILABLE, NULL, "start the sandbox"},
    {"Error: invalidState: \"container muthr-x is running and can not be deleted\"\n", 1, ERROR_BUSY,
     "container: container muthr-x is running and can not be deleted", "stop the sandbox"},
    {"Error: XPC connection error: Connection invalid\n", 1, ERROR_UNAVAILABLE, NULL, "backend start container"},
    {"Error: interrupted: \"XPC connection error: Connection interrupted\"\nEnsure container system service has been "
     "started with `container system start`.\n",
     1, ERROR_UNAVAILABLE, NULL, "backend start container"},
    {"Error: interrupted: \"internalError: \"XPC connection error: Connection invalid\"\nEnsure container system "
     "service "
     "has been started with `container system start`.\"\n",
     1, ERROR_UNAVAILABLE, "container: XPC connection error: Connection invalid", "backend start container"},
    {"Error: notFound: \"no \"box\" here\" (cause: \"x\")\n", 1, ERROR_NOT_FOUND, "container: no \"box\" here", NULL},
    {"Error: Plugins are unavailable. Start the container system services and retry:\n\n    container system start\n",
     64, ERROR_UNAVAILABLE, NULL, "backend start container"},
    {"Error: Plugin 'container-update' not found.\n\nSee 'container --help'.\n", 64, ERROR_UNAVAILABLE, NULL,
     "no such command"},
    {"Error: XPC timeout for request to com.apple.container.apiserver/containerList\n", 1, ERROR_TIMEOUT, NULL,
     "container system stop"},
    {"Error: path '/Users/u/gone' does not exist\n", 1, ERROR_NOT_FOUND, NULL, "mounted"},
    {"Error: mount source path '/Users/u/gone' does not exist\n", 1, ERROR_NOT_FOUND, NULL, "mounted folder is gone"},
    {"Error: Permission denied while binding to host port 80\n", 1, ERROR_DENIED, NULL, "1024"},
    {"Error: bind(descriptor:ptr:bytes:): Address already in use (errno: 48)\n", 1, ERROR_BUSY, NULL, "host port"},
    {"Error: minimum memory amount allowed is 200 MiB (got 104857600 bytes) (cause: \"x\")\n", 1, ERROR_INVALID, NULL,
     "memory"},
    {"Error: failed to find target executable foo\n", 1, ERROR_NOT_FOUND, NULL, "no such program"},
    {"Error: non-default network configuration requires macOS 26 or newer\n", 1, ERROR_UNAVAILABLE, NULL, "macOS 26"},
    {"Error: Unknown option '--init'\nUsage: container create ...\n", 64, ERROR_UNAVAILABLE, NULL, "too old"},
    {"Error: invalid label format a=b=c\n", 1, ERROR_INVALID, NULL, NULL},
    {"2026-08-07T10:00:00+0200 error: com.apple.container.cli : failed to delete container muthr-x: invalidState: "
     "\"container muthr-x is stopping and can not be deleted\"\n"
     "Error: internalError: \"delete failed for one or more containers: [\"muthr-x\"]\"\n",
     1, ERROR_BUSY,
     "container: failed to delete container muthr-x: invalidState: \"container muthr-x is stopping and can not be "
     "deleted\"",
     "stop the sandbox"},
    {"Error: No such container: muthr-x\n", 1, ERROR_NOT_FOUND, NULL, NULL},
    {"Error: something new\n", 1, ERROR_EXIT, "container: something new", NULL},
    {"", 1, ERROR_EXIT, "container: exit 1 without a word", NULL},
    {"[1/2] Fetching image 45%\nError: image not found: x\n", 1, ERROR_NOT_FOUND, "container: image not found: x",
     NULL},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        struct error err = ERROR_INIT;
        assert_int_equal(ctr_classify(table[i].exit_code, table[i].text, &err), -1);
        if (err.code != table[i].code) {
            fail_msg("%s: %s", table[i].text, error_code_name(err.code));
        }
        if (table[i].msg) {
            assert_string_equal(err.msg, table[i].msg);
        }
        if (table[i].hint) {
            assert_non_null(err.hint);
            assert_non_null(strstr(err.hint, table[i].hint));
        } else {
            assert_null(err.hint);
        }
        assert_int_equal(err.sys, err.code == ERROR_EXIT ? table[i].exit_code : 0);
    }
}

static void test_service(void **state)
{
    (void)state;
    assert_true(ctr_is_service_down("Error: XPC connection error: Connection invalid\n"));
    assert_true(ctr_is_service_down("Error: Plugins are unavailable. Start the container system services\n"));
    assert_false(ctr_is_service_down("Error: container not found: muthr-x\n"));
    assert_false(ctr_is_service_down(""));
    assert_true(ctr_is_cli_error("warning\nError: x\n"));
    assert_false(ctr_is_cli_error("sh: Error: x\n"));
}

/* Only that very container. */
static void test_none(void **state)
{
    (void)state;
    static const char *const none[] = {"Error: container not found: muthr-x\n",
                                       "Error: container not found: muthr-y, muthr-x\n",
                                       "Error: notFound: \"container with ID muthr-x not found\"\n",
                                       "Error: get failed: container muthr-x not found (cause: \"x\")\n",
                                       "Error: there is none: not found muthr-x.\n"};
    static const char *const other[] = {"",
                                        "Error: container not found: muthr-x2\n",
                                        "Error: container not found: muthr-x.old\n",
                                        "Error: container not found: a-muthr-x\n",
                                        "Error: file '/v/muthr-x/config.json' does not exist\n",
                                        "Error: Plugin 'container-inspect' not found.\n",
                                        "Error: plugin for container-runtime-linux not found\n",
                                        "Error: container muthr-x is not running\n"};
    for (size_t i = 0; i < MT_ARRAY_LEN(none); i++) {
        assert_true(ctr_says_none(none[i], "muthr-x"));
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(other); i++) {
        assert_false(ctr_says_none(other[i], "muthr-x"));
    }
}

static void test_ports(void **state)
{
    (void)state;
    uint16_t port = 1;
    assert_true(ctr_port_error("Error: Permission denied while binding to host port 80\n", &port));
    assert_int_equal(port, 80);
    assert_true(ctr_port_error("Error: bind(descriptor:ptr:bytes:): Address already in use (errno: 48)\n", &port));
    assert_int_equal(port, 0);
    assert_false(ctr_port_error("Error: container not found: host port 80\n", &port));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_service),
                                       cmocka_unit_test(test_none), cmocka_unit_test(test_ports)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
