/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/container/isolation.h"
#include "backends/container/parse.h"
#include "core/util/fs.h"
#include "core/util/json.h"

/* The JSON of Apple's container in its three generations, and what is none. */

static struct ctr_seen seen[4];
static size_t count;

static void take(void *arg, const struct ctr_seen *s)
{
    (void)arg;
    if (count < MT_ARRAY_LEN(seen)) {
        seen[count] = *s;
    }
    count++;
}

static int parse(const char *text, struct error *err)
{
    count = 0;
    return ctr_parse_list(text, strlen(text), take, NULL, err);
}

static void parse_good(const char *text)
{
    struct error err = ERROR_INIT;
    if (parse(text, &err) < 0) {
        fail_msg("%s", err.msg);
    }
}

static char *load(const char *path)
{
    struct strbuf text = STRBUF_INIT;
    assert_int_equal(fs_read(path, 0xffffff, &text, NULL), 0);
    return strbuf_detach(&text, NULL);
}

static void parse_file(const char *path)
{
    char *text = load(path);
    parse_good(text);
    free(text);
}

static void test_oldest(void **state)
{
    (void)state;
    parse_file("tests/data/container/list-0.7.json");
    assert_int_equal(count, 2);
    assert_string_equal(seen[0].info.name, "muthr-homepage");
    assert_int_equal(seen[0].info.state, SANDBOX_STOPPED);
    assert_true(seen[0].info.foreign); /* managed, but nobody's project */
    assert_int_equal(seen[0].memory_bytes, 1073741824);
    assert_string_equal(seen[1].container, "muthr-tool");
    assert_int_equal(seen[1].info.state, SANDBOX_RUNNING);
    assert_true(seen[1].info.foreign);
    assert_int_equal(seen[1].info.net, NET_FULL);
    assert_string_equal(seen[1].info.gateway, "192.168.64.1");
}

static void test_middle(void **state)
{
    (void)state;
    parse_file("tests/data/container/list-0.12.json");
    assert_int_equal(count, 1);
    assert_string_equal(seen[0].state, "running");
    assert_int_equal(seen[0].info.started_wall_ms, 1777049765250); /* 798742565.25 s behind 2001-01-01 */
    assert_string_equal(seen[0].info.gateway, "192.168.64.1");
    assert_int_equal(seen[0].cpus, 4);
    assert_true(seen[0].caps_known);
    assert_string_equal(seen[0].cap_drop, "");
    assert_int_equal(seen[0].mount_count, 1);
    assert_string_equal(seen[0].mounts[0].kind, "virtiofs");
    assert_string_equal(seen[0].mounts[0].source, "/Users/dev/src/homepage");
    assert_string_equal(seen[0].main_user, "0:0");
}

static void test_newest(void **state)
{
    (void)state;
    parse_file("tests/data/container/list-1.2.json");
    assert_int_equal(count, 1);
    const struct sandbox_info *i = &seen[0].info;
    assert_false(i->foreign);
    assert_int_equal(i->state, SANDBOX_RUNNING);
    assert_int_equal(i->started_wall_ms, 1786127765000);
    assert_int_equal(i->created_wall_ms, 1786127761000);
    assert_true(i->net_known);
    assert_int_equal(i->net, NET_FULL);
    assert_int_equal(i->port_count, 1);
    assert_int_equal(i->ports[0].host_port, 18080);
    assert_int_equal(i->ports[0].container_port, 8080);
    assert_string_equal(i->ports[0].host_ip, "127.0.0.1");
    assert_string_equal(i->image, "example.invalid/library/debian:13-slim");
    assert_int_equal(strlen(i->image_id), 64);
    assert_string_equal(i->limits, "memory 1.0 GiB, cpus 4 (virtual machine)");
}

#define OURS "\"labels\":{\"muthr.managed\":\"true\",\"muthr.owner\":\"project\",\"muthr.user\":\"501:20\"}"
#define ONE(state, networks)                                                                                           \
    "[{\"id\":\"muthr-x\",\"configuration\":{\"id\":\"muthr-x\"," OURS ",\"networks\":" networks                       \
    ",\"publishedPorts\":[{\"hostPort\":80,\"containerPort\":8,\"count\":3}]},\"status\":{\"state\":\"" state          \
    "\",\"networks\":[]}}]"

static void test_states(void **state)
{
    (void)state;
    parse_good(ONE("stopping", "[{\"network\":\"default\"}]"));
    assert_int_equal(seen[0].info.state, SANDBOX_RUNNING);
    assert_true(seen[0].info.halted);
    assert_string_equal(seen[0].info.reason, "stopping");
    parse_good(ONE("unknown", "[]"));
    assert_int_equal(seen[0].info.state, SANDBOX_UNKNOWN);
    parse_good(ONE("bootstrapped", "[]")); /* of a version to come */
    assert_int_equal(seen[0].info.state, SANDBOX_UNKNOWN);
    assert_non_null(strstr(seen[0].info.reason, "bootstrapped"));
    parse_good(ONE("running", "[]"));
    assert_true(seen[0].info.net_known);
    assert_int_equal(seen[0].info.net, NET_NONE);
    assert_string_equal(seen[0].user, "501:20");
    parse_good(ONE("running", "[{\"network\":\"default\"}]")); /* no address yet: cannot be told */
    assert_false(seen[0].info.net_known);
    parse_good(ONE("stopped", "[\"default\"]"));
    assert_true(seen[0].info.net_known);
    assert_int_equal(seen[0].info.net, NET_FULL);
    assert_int_equal(seen[0].info.port_count, 3);
    assert_int_equal(seen[0].info.ports[2].container_port, 10);
    assert_int_equal(seen[0].info.ports[0].host_port, 0); /* closed while it does not run */
    assert_int_equal(seen[0].host_ports[2], 82);
}

static void test_limits(void **state)
{
    (void)state;
    parse_good("[{\"status\":\"stopped\",\"networks\":[],\"configuration\":{\"id\":\"muthr-x\"," OURS
               ",\"resources\":{\"cpus\":2,\"memoryInBytes\":209715200},\"initProcess\":{\"rlimits\":[{\"limit\":"
               "\"RLIMIT_NPROC\",\"soft\":512,\"hard\":512}]}}}]");
    assert_int_equal(seen[0].pids, 512);
    assert_string_equal(seen[0].info.limits, "memory 200.0 MiB, cpus 2 (virtual machine), pids 512 (per user)");
}

/* A service that is down must never look like "no containers". */
static void test_no_answers(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " \n",
        "{}",
        "null",
        "\"[]\"",
        "[",
        "[1]",
        "[null]",
        "[{}]",
        "[{\"configuration\":{},\"status\":\"running\"}]",
        "[{\"configuration\":{\"id\":\"x\"}}]",
        "[{\"id\":\"x\",\"status\":{\"state\":\"running\"}}]",
        "[{\"configuration\":{\"id\":\"x\"},\"status\":{}}]",
        "Error: XPC connection error: Connection invalid",
        "[] []",
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        struct error err = ERROR_INIT;
        assert_int_equal(parse(bad[i], &err), -1);
        assert_int_equal(err.code, ERROR_PARSE);
    }
    parse_good("[]");
    assert_int_equal(count, 0);
    char *text = load("tests/data/container/list-1.2.json");
    for (size_t cut = 1; cut < strlen(text) - 2; cut += 37) { /* half an answer */
        struct error err = ERROR_INIT;
        count = 0;
        assert_int_equal(ctr_parse_list(text, cut, take, NULL, &err), -1);
    }
    free(text);
}

/* Ten megabytes: read whole, and as an error when a piece is missing. */
static void test_big(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    strbuf_addch(&text, '[');
    for (unsigned i = 0; text.len < (10u << 20); i++) {
        strbuf_addf(&text,
                    "%s{\"status\":\"stopped\",\"networks\":[],\"configuration\":{\"id\":\"muthr-%u\"," OURS "}}",
                    i ? "," : "", i);
    }
    size_t len = text.len;
    strbuf_addch(&text, ']');
    count = 0;
    assert_int_equal(ctr_parse_list(text.buf, text.len, take, NULL, &err), 0);
    assert_true(count > 50000);
    assert_int_equal(ctr_parse_list(text.buf, len, take, NULL, &err), -1);
    strbuf_release(&text);
}

/* What a container may say of itself is not believed. */
static void test_hostile(void **state)
{
    (void)state;
    parse_good("[{\"status\":\"running\",\"networks\":[{\"ipv4Gateway\":\"1.2.3.4; rm\"}],\"configuration\":{\"id\":"
               "\"muthr-a\",\"labels\":{\"muthr.managed\":\"true\",\"muthr.owner\":\"project\",\"muthr.sandbox\":"
               "\"muthr-b\",\"muthr.profile\":\"x\\u001b[2J\"}}}]");
    assert_string_equal(seen[0].info.name, "muthr-a");
    assert_string_equal(seen[0].info.gateway, "");
    assert_null(strchr(seen[0].info.profile, '\033'));
    parse_good("[{\"status\":\"running\",\"networks\":[],\"configuration\":{\"id\":\"muthr-services\",\"labels\":{"
               "\"muthr.managed\":\"true\",\"muthr.owner\":\"project\"}}}]");
    assert_true(seen[0].info.service);
}

static void test_versions(void **state)
{
    (void)state;
    struct ctr_system s;
    struct error err = ERROR_INIT;
    static const char up[] = "[{\"appName\":\"container\",\"version\":\"1.2.2\"},{\"appName\":\"container-apiserver\","
                             "\"version\":\"container-apiserver version 1.2.2 (build: release)\"}]",
                      down[] = "[{\"appName\":\"container\",\"version\":\"0.8.0\"}]";
    assert_int_equal(ctr_parse_system_version(up, strlen(up), &s, &err), 0);
    assert_true(s.service_up);
    assert_int_equal(s.version[1], 2);
    assert_int_equal(ctr_parse_system_version(down, strlen(down), &s, &err), 0);
    assert_false(s.service_up);
    assert_int_equal(ctr_parse_system_version("[]", 2, &s, &err), -1);
}

static void test_networks(void **state)
{
    (void)state;
    static const char *const files[] = {"tests/data/container/network-0.7.json",
                                        "tests/data/container/network-0.12.json",
                                        "tests/data/container/network-1.2.json"};
    char gateway[64];
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < MT_ARRAY_LEN(files); i++) {
        char *text = load(files[i]);
        assert_int_equal(ctr_parse_network(text, strlen(text), "default", gateway, sizeof(gateway), &err), 0);
        assert_string_equal(gateway, "192.168.64.1");
        assert_int_equal(ctr_parse_network(text, strlen(text), "other", gateway, sizeof(gateway), &err), 0);
        assert_string_equal(gateway, "");
        free(text);
    }
}

static void take_sample(void *arg, const struct ctr_sample *s)
{
    *(struct ctr_sample *)arg = *s;
}

static void test_stats(void **state)
{
    (void)state;
    struct ctr_sample s = {.container = ""};
    struct error err = ERROR_INIT;
    static const char text[] = "[{\"id\":\"muthr-x\",\"memoryUsageBytes\":1048576,\"memoryLimitBytes\":1073741824,"
                               "\"cpuUsageUsec\":1234567,\"numProcesses\":3}]",
                      bare[] = "[{\"id\":\"muthr-y\"}]";
    assert_int_equal(ctr_parse_stats(text, strlen(text), take_sample, &s, &err), 0);
    assert_string_equal(s.container, "muthr-x");
    assert_int_equal(s.stats.cpu_ns, 1234567000);
    assert_int_equal(s.stats.memory_bytes, 1048576);
    assert_int_equal(s.stats.procs, 3);
    assert_int_equal(ctr_parse_stats(bare, strlen(bare), take_sample, &s, &err), 0); /* all but the id may be absent */
    assert_int_equal(s.stats.cpu_ns, 0);
    assert_int_equal(ctr_parse_stats("[{}]", 4, take_sample, &s, &err), -1);
}

static const struct isolation_fact *fact(const struct facts *f, const char *name)
{
    for (size_t i = 0; i < f->len; i++) {
        if (strcmp(f->v[i].name, name) == 0) {
            return &f->v[i];
        }
    }
    fail_msg("no fact %s", name);
    return NULL;
}

static void test_isolation(void **state)
{
    (void)state;
    char workspace[] = "/Users/dev/src/homepage", mount[] = "/workspace";
    struct sandbox_spec spec = {.workspace = workspace,
                                .workspace_mount = mount,
                                .net_after = NET_NONE,
                                .memory_bytes = 1ull << 30,
                                .cpus = 2,
                                .pids = 512};
    struct facts f = {0};
    const int now[3] = {1, 2, 2}, old[3] = {0, 7, 1};
    parse_file("tests/data/container/list-1.2.json");
    ctr_isolation_facts(&f, &seen[0], &spec, now);
    assert_int_equal(fact(&f, "network")->verdict, ISOLATION_WEAKER); /* none was wanted */
    assert_int_equal(fact(&f, "capabilities")->verdict, ISOLATION_WEAKER);
    assert_int_equal(fact(&f, "mount /workspace")->verdict, ISOLATION_OK);
    assert_int_equal(fact(&f, "memory limit")->verdict, ISOLATION_OK);
    assert_int_equal(fact(&f, "cpu limit")->verdict, ISOLATION_WEAKER); /* 4 */
    assert_non_null(strstr(fact(&f, "process limit")->actual, "none"));
    assert_int_equal(fact(&f, "process limit")->verdict, ISOLATION_WEAKER);
    assert_int_equal(fact(&f, "no-new-privileges")->verdict, ISOLATION_WEAKER);
    seen[0].pids = 512;
    assert_int_equal(fact(&f, "published ports")->verdict, ISOLATION_OK);
    free(f.v);
    memset(&f, 0, sizeof(f));
    str_copy(seen[0].cap_drop, sizeof(seen[0].cap_drop), "ALL");
    workspace[7] = 'D';
    ctr_isolation_facts(&f, &seen[0], &spec, now);
    assert_int_equal(fact(&f, "capabilities")->verdict, ISOLATION_OK);
    assert_string_equal(fact(&f, "capabilities")->actual, "none");
    assert_int_equal(fact(&f, "process limit")->verdict, ISOLATION_OK);
    assert_int_equal(fact(&f, "mount /workspace")->verdict, ISOLATION_WEAKER); /* another folder */
    free(f.v);
    memset(&f, 0, sizeof(f));
    ctr_isolation_facts(&f, &seen[0], NULL, old);
    assert_int_equal(fact(&f, "capabilities")->verdict, ISOLATION_WEAKER);
    free(f.v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oldest),   cmocka_unit_test(test_middle),  cmocka_unit_test(test_newest),
        cmocka_unit_test(test_states),   cmocka_unit_test(test_limits),  cmocka_unit_test(test_no_answers),
        cmocka_unit_test(test_big),      cmocka_unit_test(test_hostile), cmocka_unit_test(test_versions),
        cmocka_unit_test(test_networks), cmocka_unit_test(test_stats),   cmocka_unit_test(test_isolation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
