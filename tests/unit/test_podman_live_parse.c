/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/podman/logs.h"
#include "backends/podman/stats.h"
#include "backends/podman/watch.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"

/* Lines as podman 4.3.1 wrote them (ids shortened), and one of 5.x. */
static void test_events(void **state)
{
    static const struct {
        const char *line;
        enum podman_event_kind kind;
        const char *name;
    } cases[] = {
        {"{\"ID\":\"784f\",\"Image\":\"i\",\"Name\":\"muthr-a\",\"Status\":\"died\",\"Time\":\"2026-11-21T15:01:34Z\","
         "\"Type\":\"container\",\"Attributes\":{\"muthr.managed\":\"true\"},\"ContainerExitCode\":137}",
         PODMAN_EVENT_NAME, "muthr-a"},
        {"{\"ID\":\"784f\",\"Name\":\"box\",\"Status\":\"remove\",\"Type\":\"container\","
         "\"Attributes\":{\"muthr.managed\":\"true\"},\"time\":1795273294,\"timeNano\":1795273294000000000}",
         PODMAN_EVENT_NAME, "box"},
        {"{\"ID\":\"784f\",\"Name\":\"muthr-a\",\"network\":\"n\",\"Status\":\"disconnect\",\"Type\":\"network\","
         "\"Attributes\":null}",
         PODMAN_EVENT_ALL, ""},
        {"{\"Name\":\"muthr-x-1f\",\"Status\":\"start\",\"Type\":\"container\",\"Attributes\":"
         "{\"muthr.managed\":\"true\",\"muthr.sandbox\":\"muthr-Ã¤\"}}",
         PODMAN_EVENT_NAME, "muthr-Ã¤"},
        {"{\"Name\":\"other\",\"network\":\"n\",\"Status\":\"connect\",\"Type\":\"network\",\"Attributes\":null}",
         PODMAN_EVENT_NONE, ""},
        {"{\"Name\":\"other\",\"Status\":\"start\",\"Type\":\"container\",\"Attributes\":{\"a\":\"b\"}}",
         PODMAN_EVENT_NONE, ""},
        {"{\"Name\":\"muthr-a\",\"Status\":\"exec_died\",\"Type\":\"container\",\"Attributes\":null}",
         PODMAN_EVENT_NONE, ""},
        {"{\"Name\":\"new\",\"Status\":\"rename\",\"Type\":\"container\",\"Attributes\":null}", PODMAN_EVENT_ALL, ""},
        {"{\"Type\":\"system\",\"Status\":\"log-rotation\"}", PODMAN_EVENT_ALL, ""},
        {"{\"Name\":\"muthr-a\",\"Status\":\"died\",\"Type\":\"contai", PODMAN_EVENT_NONE, ""},
        {"", PODMAN_EVENT_NONE, ""},
        {"[1,2]", PODMAN_EVENT_NONE, ""},
    };
    struct podman_event event;
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        podman_event_parse(cases[i].line, strlen(cases[i].line), &event);
        assert_int_equal(event.kind, cases[i].kind);
        assert_string_equal(event.name, cases[i].name);
    }
    /* A name that does not fit is never reported cut. */
    char line[400], name[200];
    memset(name, 'x', sizeof(name) - 1);
    memcpy(name, "muthr-", 6);
    name[sizeof(name) - 1] = '\0';
    str_format(line, sizeof(line), "{\"Name\":\"%s\",\"Status\":\"died\",\"Type\":\"container\"}", name);
    podman_event_parse(line, strlen(line), &event);
    assert_int_equal(event.kind, PODMAN_EVENT_ALL);
}

static void test_samples(void **state)
{
    static const char line[] = "muthr-a 210793169 1417216 268435456 3";
    struct podman_sample s;
    (void)state;
    assert_true(podman_sample_parse(line, strlen(line), 25ull << 30, &s));
    assert_string_equal(s.name, "muthr-a");
    assert_int_equal(s.stats.cpu_ns, 210793169);
    assert_int_equal(s.stats.memory_bytes, 1417216);
    assert_int_equal(s.stats.memory_limit_bytes, 268435456);
    assert_int_equal(s.stats.procs, 3);
    /* The machine's whole memory is no limit; of another machine it is not known. */
    assert_true(podman_sample_parse(line, strlen(line), 268435456, &s));
    assert_int_equal(s.stats.memory_limit_bytes, 0);
    assert_true(podman_sample_parse(line, strlen(line), 0, &s));
    assert_int_equal(s.stats.memory_limit_bytes, 268435456);
    static const char *const bad[] = {"", "muthr-a", "muthr-a 1 2 3", "muthr-a 1 2 3 4 5", "Error: x y z a b"};
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        assert_false(podman_sample_parse(bad[i], strlen(bad[i]), 0, &s));
    }
}

static void test_log_lines(void **state)
{
    static const struct {
        const char *line, *stamp, *text;
    } good[] = {
        {"2026-11-21T14:43:03.262095333Z tick 120", "2026-11-21T14:43:03.262095333", "tick 120"},
        {"2026-11-21T14:43:03.26Z  two spaces", "2026-11-21T14:43:03.260000000", " two spaces"},
        {"2026-11-21T14:43:03+02:00 x", "2026-11-21T14:43:03.000000000", "x"},
        {"2026-11-21T14:43:03.000000001-05:30 ", "2026-11-21T14:43:03.000000001", ""},
        {"2026-11-21T14:43:03Z", "2026-11-21T14:43:03.000000000", ""},
    };
    static const char *const bad[] = {
        "",      "2026-11-21T14:43:03",          "Error: no container with name or ID \"x\" found",
        "2026-", "2026-11-21 14:43:03.1Z other", "time=\"2026-11-21T14:42:36Z\" level=warning msg=\"x\"",
    };
    char stamp[PODMAN_STAMP_MAX];
    size_t at;
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(good); i++) {
        assert_true(podman_log_split(good[i].line, strlen(good[i].line), stamp, &at));
        assert_string_equal(stamp, good[i].stamp);
        assert_string_equal(good[i].line + at, good[i].text);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        assert_false(podman_log_split(bad[i], strlen(bad[i]), stamp, &at));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_log_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
