/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/podman/isolation.h"
#include "backends/podman/logs.h"
#include "backends/podman/net.h"
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

static void test_networks(void **state)
{
    char name[PODMAN_NET_NAME_MAX];
    struct error err = ERROR_INIT;
    struct facts_net net;
    (void)state;
    podman_net_name("muthr-web", false, name);
    assert_string_equal(name, "muthr-net-web");
    podman_net_name("muthr-web", true, name);
    assert_string_equal(name, "muthr-model-web");
    podman_net_name("other", true, name);
    assert_string_equal(name, "muthr-model-other");
    assert_true(podman_net_can_cut("muthr-net-web", &err));
    assert_true(podman_net_can_cut("bridge", &err));
    assert_true(podman_net_can_cut("none", &err));
    static const char *const firm[] = {"host",  "slirp4netns", "slirp4netns:cidr=10.1.0.0/24",
                                       "pasta", "container:x", "ns:/run/netns/x"};
    for (size_t i = 0; i < MT_ARRAY_LEN(firm); i++) {
        assert_false(podman_net_can_cut(firm[i], &err));
        assert_int_equal(err.code, ERROR_DENIED);
        assert_non_null(err.hint);
    }

    /* What a program inside printed: both files one after the other. */
    static const char inside[] = "Inter-|   Receive  |  Transmit\n face |bytes |bytes\n    lo: 0 0\n  eth0: 1 2\n"
                                 "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
                                 "eth0\t00000000\t0128E70A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
    podman_net_parse_inside(inside, &net);
    assert_int_equal(net.interfaces, 1);
    assert_true(net.default_route);
    podman_net_parse_inside("Inter-|\n face |\n    lo: 0 0\nIface\tDestination\n", &net);
    assert_int_equal(net.interfaces, 0);
    assert_false(net.default_route);
}

static const struct isolation_fact *find(const struct facts *f, const char *name)
{
    for (size_t i = 0; i < f->len; i++) {
        if (strcmp(f->v[i].name, name) == 0) {
            return &f->v[i];
        }
    }
    fail_msg("no fact '%s'", name);
    return NULL;
}

/* Parts of what inspect of 4.3.1 says, with what nobody asked for in it. */
static void test_inspect(void **state)
{
    static const char text[] =
        "{\"OCIRuntime\":\"crun\",\"ImageName\":\"localhost/i:1\",\"ImageDigest\":\"sha256:0123456789abcdef\","
        "\"ProcessLabel\":\"system_u:system_r:container_t:s0\","
        "\"Mounts\":[{\"Destination\":\"/workspace\",\"Source\":\"/elsewhere\"}],"
        "\"NetworkSettings\":{\"Networks\":{\"muthr-model-web\":{\"Gateway\":\"10.89.1.1\"}},"
        "\"Ports\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}],\"81/tcp\":null}},"
        "\"HostConfig\":{\"Privileged\":true,\"IpcMode\":\"host\",\"Memory\":1048576,\"PidsLimit\":7,"
        "\"Devices\":[{\"PathOnHost\":\"/dev/kvm\"}]}}";
    char workspace[] = "/home/me/web", mount[] = "/workspace";
    struct sandbox_spec spec = {.workspace = workspace, .workspace_mount = mount};
    struct json *j = json_parse(text, sizeof(text) - 1, NULL);
    struct facts f = {0};
    (void)state;
    assert_non_null(j);
    facts_add(&f, ISOLATION_OK, "mount /workspace", "writable", "writable (rw)");
    podman_mount_sources(&f, j, &spec);
    podman_inspect_facts(&f, j, &spec);
    podman_remote_limits(&f, j);
    assert_int_equal(find(&f, "mount /workspace")->verdict, ISOLATION_WEAKER);
    assert_non_null(strstr(find(&f, "mount /workspace")->actual, "from /elsewhere"));
    assert_int_equal(find(&f, "privileged")->verdict, ISOLATION_WEAKER);
    assert_int_equal(find(&f, "namespaces")->verdict, ISOLATION_WEAKER);
    assert_string_equal(find(&f, "devices")->actual, "/dev/kvm");
    assert_int_equal(find(&f, "devices")->verdict, ISOLATION_WEAKER);
    assert_int_equal(find(&f, "published ports")->verdict, ISOLATION_WEAKER);
    assert_string_equal(find(&f, "published ports")->actual, "all addresses:8080 -> 80/tcp");
    assert_string_equal(find(&f, "image")->actual, "localhost/i:1 (digest sha256:0123456789ab)");
    assert_non_null(strstr(find(&f, "mandatory access control")->actual, "container_t"));
    assert_non_null(strstr(find(&f, "network, what it lets through")->actual, "name server"));
    assert_string_equal(find(&f, "memory limit")->actual, "podman there says: 1 MiB");
    assert_string_equal(find(&f, "cpu limit")->actual, "podman there says: none");
    free(f.v);
    json_free(j);

    /* An object with nothing in it: no crash, and nothing claimed to be firm that was not seen. */
    f = (struct facts){0};
    j = json_parse("{}", 2, NULL);
    podman_mount_sources(&f, j, NULL);
    podman_inspect_facts(&f, j, NULL);
    assert_string_equal(find(&f, "published ports")->actual, "none");
    assert_int_equal(find(&f, "privileged")->verdict, ISOLATION_UNKNOWN);
    assert_int_equal(find(&f, "devices")->verdict, ISOLATION_UNKNOWN);
    free(f.v);
    json_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),   cmocka_unit_test(test_samples), cmocka_unit_test(test_log_lines),
        cmocka_unit_test(test_networks), cmocka_unit_test(test_inspect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
