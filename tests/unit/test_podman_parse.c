/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/podman/classify.h"
#include "backends/podman/parse.h"
#include "backends/rfc3339.h"
#include "core/util/fs.h"
#include "core/util/json.h"

/* podman's JSON in its shapes (captured from 4.3.1; 3.4 and 5.x from their sources), and its error texts. */

static struct podman_seen seen;
static unsigned count;

static void take(void *arg, const struct podman_seen *s)
{
    (void)arg;
    seen = *s;
    count++;
}

typedef int (*parse_fn)(const char *text, size_t len, void (*each)(void *arg, const struct podman_seen *seen),
                        void *arg, struct error *err);

static void parse(parse_fn fn, const char *text)
{
    struct error err = ERROR_INIT;
    count = 0;
    if (fn(text, strlen(text), take, NULL, &err) < 0) {
        fail_msg("%s", err.msg);
    }
}

static void parse_file(parse_fn fn, const char *path)
{
    struct strbuf text = STRBUF_INIT;
    assert_int_equal(fs_read(path, 0xffffff, &text, NULL), 0);
    parse(fn, text.buf);
    strbuf_release(&text);
    assert_int_equal(count, 1);
}

static void test_captured_ps(void **state)
{
    (void)state;
    parse_file(podman_parse_ps, "tests/data/podman/podman-ps-running.json");
    assert_string_equal(seen.info.name, "muthr-demo");
    assert_int_equal(seen.info.state, SANDBOX_RUNNING);
    assert_int_equal(seen.info.pid, 3037);
    assert_string_equal(seen.info.profile, "base");
    assert_int_equal(seen.info.net, NET_FULL);
    assert_int_equal(seen.info.port_count, 1);
    assert_int_equal(seen.info.ports[0].host_port, 18080);
    assert_int_equal(seen.info.ports[0].container_port, 8080);
    assert_string_equal(seen.info.ports[0].host_ip, "127.0.0.1");
    assert_int_equal(seen.info.started_wall_ms, 1795249030000);
    assert_false(seen.info.foreign);
    parse_file(podman_parse_ps, "tests/data/podman/podman-ps-created.json");
    assert_int_equal(seen.info.state, SANDBOX_STOPPED);
    assert_false(seen.ever_started);
    assert_int_equal(seen.info.started_wall_ms, 0);
    assert_int_equal(seen.info.ports[0].host_port, 0); /* not open while it does not run */
    parse_file(podman_parse_ps, "tests/data/podman/podman-ps-exited.json");
    assert_int_equal(seen.info.state, SANDBOX_STOPPED);
    assert_int_equal(seen.info.exit_code, 143);
    assert_true(seen.exited > 0);
    parse_file(podman_parse_ps, "tests/data/podman/podman-ps-paused.json");
    assert_int_equal(seen.info.state, SANDBOX_RUNNING);
    assert_string_equal(seen.info.reason, "paused");
    assert_true(seen.info.halted);
}

static void test_captured_inspect(void **state)
{
    (void)state;
    parse_file(podman_parse_inspect, "tests/data/podman/podman-inspect-running.json");
    assert_string_equal(seen.container, "muthr-demo");
    assert_int_equal(seen.info.state, SANDBOX_RUNNING);
    assert_int_equal(seen.memory_bytes, 256u << 20);
    assert_int_equal(seen.pids, 256);
    assert_true(seen.cpus > 1.49 && seen.cpus < 1.51);
    assert_int_equal(seen.info.started_wall_ms, 1795249030000);
    assert_string_equal(seen.info.image, "localhost/muthr-mini:latest");
    assert_string_equal(seen.info.image_id, "d43289da06c6b594044a9512c11b02538c72aee342000566c41dd9b5fb43fcaf");
    parse_file(podman_parse_ps, "tests/data/podman/podman-ps-running.json");
    assert_string_equal(seen.info.image_id, "d43289da06c6b594044a9512c11b02538c72aee342000566c41dd9b5fb43fcaf");
    parse_file(podman_parse_inspect, "tests/data/podman/podman-inspect-running.json");
    assert_int_equal(seen.info.ports[0].host_port, 18080);
}

static void test_image_id(void **state)
{
    char id[PODMAN_IMAGE_ID_MAX];
    (void)state;
    podman_parse_image_id("sha256:0123456789abcdef\n", id);
    assert_string_equal(id, "0123456789abcdef");
    podman_parse_image_id("0123456789ab", id);
    assert_string_equal(id, "0123456789ab");
    podman_parse_image_id("Error: 0123456789ab", id);
    assert_string_equal(id, "");
    podman_parse_image_id("0123456789ab; rm -rf /", id);
    assert_string_equal(id, "");
    podman_parse_image_id("", id);
    assert_string_equal(id, "");
}

#define OURS "\"Labels\":{\"muthr.managed\":\"true\",\"muthr.owner\":\"project\"}"

static void test_shapes(void **state)
{
    (void)state;
    parse(podman_parse_ps, "");
    assert_int_equal(count, 0);
    parse(podman_parse_ps, "[]\n");
    assert_int_equal(count, 0);
    /* Nobody's, half ours, infrastructure, a pod's own. */
    parse(podman_parse_ps, "[{\"Names\":[\"a\"],\"Labels\":null,\"State\":\"running\"},"
                           "{\"Names\":[\"b\"],\"Labels\":{\"muthr.managed\":\"true\"}},"
                           "{\"Names\":[\"muthr-services\"]," OURS "},{\"Names\":[\"p\"],\"IsInfra\":true," OURS "},"
                           "{\"Names\":null," OURS "},7,null]");
    assert_int_equal(count, 1); /* the service (N7), marked: it is no sandbox, whatever its labels say */
    assert_string_equal(seen.info.name, "muthr-services");
    assert_true(seen.info.service);
    assert_false(seen.info.foreign);
    assert_string_equal(seen.info.project, "");
    /* The CLI's, with no owner, and somebody's of that name. */
    parse(podman_parse_ps, "[{\"Names\":[\"muthr-searxng\"],\"Labels\":{\"muthr.managed\":\"true\"}}]");
    assert_true(count == 1 && seen.info.service && !seen.info.foreign);
    parse(podman_parse_ps, "[{\"Names\":[\"muthr-searxng\"],\"Labels\":null}]");
    assert_true(count == 1 && seen.info.service && seen.info.foreign);
    /* 3.4: camel case, configured; null everywhere. */
    parse(podman_parse_ps,
          "[{\"ID\":\"x\",\"Names\":[\"muthr-a\"],\"State\":\"configured\",\"Ports\":[{\"hostPort\":81,"
          "\"containerPort\":80,\"protocol\":\"tcp\",\"hostIP\":\"\"}],\"Networks\":null,\"StartedAt\":"
          "-62135596800," OURS "}]");
    assert_int_equal(count, 1);
    assert_string_equal(seen.state, "created");
    assert_int_equal(seen.info.ports[0].container_port, 80);
    /* Dates as texts (REST, 5.x), a range of ports, a crash. */
    parse(podman_parse_ps,
          "[{\"Id\":\"x\",\"Names\":[\"muthr-a\"],\"State\":\"running\",\"Ports\":[{\"host_port\":9000,"
          "\"container_port\":80,\"range\":3,\"protocol\":\"udp\"}],\"Networks\":[\"muthr-model-a\"],"
          "\"Created\":\"2026-11-21T08:17:10.5+01:00\",\"StartedAt\":1795249030," OURS "}]");
    assert_int_equal(seen.info.port_count, 3);
    assert_int_equal(seen.info.net, NET_MODEL);
    assert_int_equal(seen.info.created_wall_ms, 1795245430000);
    /* tcp first, in the manifest's order; what that does not name comes last. */
    parse(podman_parse_ps,
          "[{\"Names\":[\"muthr-a\"],\"State\":\"running\",\"Ports\":[{\"host_port\":53,\"container_port\":53,"
          "\"protocol\":\"udp\"},{\"host_port\":9,\"container_port\":9},{\"host_port\":1080,\"container_port\":80},"
          "{\"host_port\":2000,\"container_port\":443}],\"Labels\":{\"muthr.managed\":\"true\",\"muthr.owner\":"
          "\"project\",\"muthr.port-order\":\"53/udp 443/tcp 80/tcp\"}}]");
    assert_int_equal(seen.info.port_count, 4);
    assert_int_equal(seen.info.ports[0].container_port, 443);
    assert_int_equal(seen.info.ports[1].container_port, 80);
    assert_int_equal(seen.info.ports[2].container_port, 9);
    assert_true(seen.info.ports[3].udp);
    parse(podman_parse_ps, "[{\"Names\":[\"muthr-a\"],\"State\":\"exited\",\"ExitCode\":3," OURS "}]");
    assert_int_equal(seen.info.state, SANDBOX_FAILED);
    assert_string_equal(seen.info.reason, "crashed: exit 3");
    parse(podman_parse_ps, "[{\"Names\":[\"muthr-a\"],\"State\":\"odd\"," OURS "}]");
    assert_int_equal(seen.info.state, SANDBOX_UNKNOWN);
    /* 5.x inspect: entrypoint an array, stop signal a text; killed for memory; foreign ones are there, marked. */
    parse(podman_parse_inspect,
          "[{\"Name\":\"/muthr-a\",\"State\":{\"Status\":\"exited\",\"OOMKilled\":true,\"ExitCode\":"
          "137},\"Config\":{\"Entrypoint\":[\"sh\"],\"StopSignal\":\"SIGTERM\"," OURS
          "},\"NetworkSettings\":{\"Networks\":null},\"HostConfig\":{\"NetworkMode\":\"none\"}}]");
    assert_int_equal(seen.info.state, SANDBOX_FAILED);
    assert_int_equal(seen.info.net, NET_NONE);
    assert_string_equal(seen.container, "muthr-a");
    parse(podman_parse_inspect,
          "[{\"Name\":\"muthr-a\",\"State\":{\"Status\":\"running\"},\"Config\":{\"Labels\":null}}]");
    assert_true(seen.info.foreign);
}

static void test_garbage(void **state)
{
    static const char *const texts[] = {"hello", "{}", "[{", "null", "[{\"Names\":\"x\"}", "\x1b[31m[]"};
    struct error err = ERROR_INIT;
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(texts); i++) {
        assert_int_equal(podman_parse_ps(texts[i], strlen(texts[i]), take, NULL, &err), -1);
        assert_int_equal(err.code, ERROR_PARSE);
    }
    /* Numbers that are none of a port, labels with control characters. */
    parse(podman_parse_ps,
          "[{\"Names\":[\"muthr-a\"],\"State\":\"running\",\"Networks\":[\"x\"],\"Ports\":[{\"host_port\":"
          "99999,\"container_port\":1},{\"host_port\":1,\"container_port\":2,\"range\":1e18}],"
          "\"Labels\":{\"muthr.managed\":\"true\",\"muthr.owner\":\"project\",\"muthr.warning\":"
          "\"a\\u001b[31mb\\nc\",\"muthr.sandbox\":\"somebody-else\"}}]");
    assert_string_equal(seen.info.name, "muthr-a");
    assert_null(strchr(seen.info.warning, '\x1b'));
    assert_null(strchr(seen.info.warning, '\n'));
    assert_true(seen.info.port_count <= SANDBOX_PORTS_MAX);
}

static void test_dates_and_versions(void **state)
{
    int v[3];
    (void)state;
    assert_int_equal(rfc3339_parse("2026-11-21T08:17:10.535101638Z"), 1795249030535);
    assert_int_equal(rfc3339_parse("2026-11-21T10:17:10+02:00"), 1795249030000);
    assert_int_equal(rfc3339_parse("0001-01-01T00:00:00Z"), 0);
    assert_int_equal(rfc3339_parse("yesterday"), 0);
    assert_int_equal(rfc3339_parse(NULL), 0);
    assert_true(podman_parse_version("podman version 4.9.4-rhel", v));
    assert_true(v[0] == 4 && v[1] == 9 && v[2] == 4);
    assert_true(podman_parse_version("5.0.0-rc2", v) && v[0] == 5);
    assert_false(podman_parse_version("none", v));
}

static void test_errors(void **state)
{
    static const struct {
        int exit_code;
        const char *text;
        enum error_code code;
    } cases[] = {
        {125,
         "Error: creating container storage: the container name \"p1\" is already in use by ab. You have to remove "
         "that container to be able to reuse that name: that name is already in use\n",
         ERROR_EXISTS},
        {125,
         "time=\"x\" level=warning msg=\"y\"\nError: no container with name or ID \"x\" found: no such container\n",
         ERROR_NOT_FOUND},
        {125, "Error: localhost/none:1: image not known\n", ERROR_NOT_FOUND},
        {126,
         "Error: unable to start container 0123: cannot listen on the TCP port: listen tcp4 127.0.0.1:18090: bind: "
         "address already in use\n",
         ERROR_BUSY},
        {255, "Error: can only create exec sessions on running containers: container state improper\n",
         ERROR_UNAVAILABLE},
        {127,
         "Error: crun: executable file `x` not found in $PATH: No such file or directory: OCI runtime attempted to "
         "invoke a command that was not found\n",
         ERROR_NOT_FOUND},
        {125,
         "Cannot connect to Podman. Please verify\nError: unable to connect to Podman socket: Get: dial unix: "
         "connect: connection refused\n",
         ERROR_UNAVAILABLE},
        {125, "Error: statfs /x: no such file or directory\n", ERROR_NOT_FOUND},
        {125, "Error: container-init binary not found on the host: stat /usr/libexec/podman/catatonit: no such file\n",
         ERROR_UNAVAILABLE},
        {125, "Error: keep-id requires additional UIDs or GIDs defined in /etc/subuid\n", ERROR_UNAVAILABLE},
        {125, "Error: unknown flag: --x\n", ERROR_UNAVAILABLE},
        {125, "Error: mounting storage for container 0123: lstat /x/merged: no such file or directory\n",
         ERROR_UNAVAILABLE},
        {2,
         "Error: cannot remove container 0123 as it is running - running or paused containers cannot be removed "
         "without force: container state improper\n",
         ERROR_BUSY},
        {125, "Error: unable to start container 0123: read /proc/4242/cgroup: no such process\n", ERROR_UNAVAILABLE},
        {125, "Error: never seen before\n", ERROR_EXIT},
        {3, "", ERROR_EXIT},
    };
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        struct error err = ERROR_INIT;
        assert_int_equal(podman_classify(cases[i].exit_code, cases[i].text, &err), -1);
        if (err.code != cases[i].code) {
            fail_msg("%s -> %s", cases[i].text, error_code_name(err.code));
        }
        assert_null(strstr(err.msg, "Error:"));
        assert_null(strstr(err.msg, "level=warning"));
        assert_true(err.code == ERROR_EXIT || err.code == ERROR_NOT_FOUND || err.hint != NULL);
    }
    assert_true(podman_is_noise("failed to connect to syslog: Initialization"));
    assert_false(podman_is_noise("Error: image not known"));
}

static void test_port_errors(void **state)
{
    uint16_t port;
    bool udp;
    (void)state;
    assert_true(podman_port_error("Error: x: listen tcp4 127.0.0.1:18090: bind: address already in use", &port, &udp));
    assert_true(port == 18090 && !udp);
    assert_true(podman_port_error("Error: cannot listen on the UDP port: listen udp4 :53: bind: address already in use",
                                  &port, &udp));
    assert_true(port == 53 && udp);
    assert_true(podman_port_error("listen tcp6 [::1]:443: bind: cannot assign requested address", &port, &udp));
    assert_int_equal(port, 443);
    assert_true(podman_port_error("rootlessport cannot expose privileged port 80, you can add", &port, &udp));
    assert_int_equal(port, 80);
    assert_true(podman_port_error("rootlessport: proxy already running", &port, &udp));
    assert_int_equal(port, 0);
    assert_false(podman_port_error("Error: image not known", &port, &udp));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured_ps), cmocka_unit_test(test_captured_inspect),
        cmocka_unit_test(test_image_id),    cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_garbage),     cmocka_unit_test(test_dates_and_versions),
        cmocka_unit_test(test_errors),      cmocka_unit_test(test_port_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
