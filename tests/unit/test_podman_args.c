/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backends/podman/args.h"
#include "core/util/xmalloc.h"

/* The argv of `podman create`, for made-up machines. */

static char name[] = "muthr-demo", project[] = "demo", workspace[] = "/home/u/src/demo", mount[] = "/workspace",
            profile[] = "base", hash[] = "abcd";
static struct sandbox_spec spec;
static struct podman_args_input in;
static struct strvec out;
static struct strbuf warning;
static struct error err;

static int setup(void **state)
{
    (void)state;
    spec = (struct sandbox_spec){.name = name,
                                 .project = project,
                                 .workspace = workspace,
                                 .workspace_mount = mount,
                                 .profile = profile,
                                 .config_hash = hash,
                                 .pids = 512};
    in = (struct podman_args_input){.spec = &spec,
                                    .container = name,
                                    .image = "localhost/x:1",
                                    .network = "muthr-net-demo",
                                    .seccomp = "/state/seccomp.json",
                                    .home = "muthr-demo-home",
                                    .can_memory = true,
                                    .can_pids = true,
                                    .can_cpu = true,
                                    .has_passwd_entry = true,
                                    .has_user = true,
                                    .uid = 1001,
                                    .gid = 1002};
    out = STRVEC_INIT;
    warning = STRBUF_INIT;
    err = ERROR_INIT;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    strvec_release(&out);
    strbuf_release(&warning);
    return 0;
}

static int build(void)
{
    strvec_clear(&out);
    strbuf_clear(&warning);
    return podman_args_create(&in, &out, &warning, &err);
}

/* Does `option value` stand there, before the image? */
static bool has(const char *option, const char *value)
{
    for (size_t i = 0; i + 1 < out.len && strcmp(out.v[i], in.image) != 0; i++) {
        if (strcmp(out.v[i], option) == 0 && strcmp(out.v[i + 1], value) == 0) {
            return true;
        }
    }
    return false;
}

static void test_hardening(void **state)
{
    (void)state;
    assert_int_equal(build(), 0);
    assert_string_equal(out.v[0], "create");
    assert_true(strvec_index(&out, "--pull=never") > 0 && strvec_index(&out, "--init") > 0);
    /* What an image made from another sandbox tells does not hold for this one. */
    assert_true(has("--label", "muthr.ports=") && has("--label", "muthr.warning="));
    assert_true(has("--label", "muthr.managed=true") && has("--label", "muthr.owner=project"));
    assert_true(has("--cap-drop", "ALL") && has("--security-opt", "no-new-privileges"));
    assert_true(has("--security-opt", "seccomp=/state/seccomp.json"));
    assert_int_equal(strvec_index(&out, "--cap-add"), -1);
    assert_true(strvec_index(&out, "--read-only") > 0);
    assert_true(has("--pids-limit", "512") && has("--user", "1001:1002"));
    assert_int_equal(strvec_index(&out, "--userns"), -1);
    assert_true(has("--mount", "type=bind,source=/home/u/src/demo,target=/workspace,ro=false"));
    assert_true(has("--volume", "muthr-demo-home:/home/muthr") && has("--workdir", "/workspace"));
    assert_string_equal(warning.buf, "");
    spec.writable_root = true;
    in.home = NULL;
    assert_int_equal(build(), 0);
    assert_int_equal(strvec_index(&out, "--read-only"), -1);
    assert_true(has("--cap-drop", "ALL") && has("--cap-add", "CHOWN") && has("--cap-add", "SETUID"));
    assert_true(has("--user", "0:0") && has("--label", "muthr.user=1001:1002")); /* see podman_package_caps */
    assert_false(has("--cap-add", "SYS_ADMIN") || has("--cap-add", "NET_RAW") || has("--cap-add", "MKNOD"));
    in.rootless = true;
    assert_int_equal(build(), 0);
    assert_true(has("--userns", "keep-id"));
}

static void test_mounts(void **state)
{
    char source[] = "/data/a:b,c\"d", target[] = "/data", bad[] = "/proc/x", dots[] = "/a/../b";
    struct mount_spec mounts[] = {{.source = source, .target = target, .read_only = true}};
    (void)state;
    spec.mounts = mounts;
    spec.mount_count = 1;
    assert_int_equal(build(), 0);
    assert_true(has("--mount", "type=bind,\"source=/data/a:b,c\"\"d\",target=/data,ro=true"));
    mounts[0].target = bad;
    assert_int_equal(build(), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    mounts[0].target = dots;
    assert_int_equal(build(), -1);
}

static void test_limits(void **state)
{
    (void)state;
    spec.memory_bytes = 1u << 30;
    spec.cpus = 1.5;
    assert_int_equal(build(), 0);
    assert_true(has("--memory", "1073741824") && has("--cpus", "1.50"));
    in.can_memory = in.can_cpu = in.can_pids = false;
    assert_int_equal(build(), 0);
    assert_int_equal(strvec_index(&out, "--memory"), -1);
    assert_non_null(strstr(warning.buf, "limits not enforced: processes, memory, cpus"));
    spec.require_limits = true;
    assert_int_equal(build(), -1);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_non_null(err.hint);
}

static void test_ports(void **state)
{
    struct port_spec ports[] = {{.host_port = 8080, .container_port = 80},
                                {.container_port = 81, .udp = true},
                                {.host_port = 8080, .container_port = 82},
                                {.host_ip = "::1", .host_port = 8081, .container_port = 83}};
    (void)state;
    spec.ports = ports;
    spec.port_count = 4;
    spec.net = NET_FULL;
    assert_int_equal(build(), 0);
    assert_true(has("--publish", "127.0.0.1:8080:80/tcp") && has("--publish", "127.0.0.1::81/udp"));
    assert_true(has("--publish", "[::1]:8081:83/tcp"));
    assert_false(has("--publish", "127.0.0.1:8080:82/tcp"));
    assert_true(has("--label", "muthr.port-order=80/tcp 81/udp 83/tcp"));
    assert_non_null(strstr(warning.buf, "mapped twice"));
    spec.net = NET_NONE;
    in.network = "none";
    assert_int_equal(build(), 0);
    assert_int_equal(strvec_index(&out, "--publish"), -1);
}

static void test_drop_port(void **state)
{
    struct strvec again = STRVEC_INIT, more = STRVEC_INIT;
    struct port_spec ports[] = {{.host_port = 8080, .container_port = 80}, {.host_port = 18080, .container_port = 81}};
    (void)state;
    spec.ports = ports;
    spec.port_count = 2;
    spec.net = NET_FULL;
    assert_int_equal(build(), 0);
    struct strvec created = STRVEC_INIT;
    strvec_pushl(&created, "podman", "--url", "unix:///x", NULL);
    strvec_pushv(&created, (const char *const *)out.v);
    assert_int_equal(podman_args_drop_port(&created, 9, false, &again), -1);
    strvec_clear(&again);
    assert_int_equal(podman_args_drop_port(&created, 8080, true, &again), -1);
    strvec_clear(&again);
    assert_int_equal(podman_args_drop_port(&created, 8080, false, &again), 0);
    assert_string_equal(again.v[0], "create");
    assert_string_equal(again.v[2], "muthr.ports=8080/tcp");
    assert_int_equal(strvec_index(&again, "127.0.0.1:8080:80/tcp"), -1);
    assert_true(strvec_index(&again, "127.0.0.1:18080:81/tcp") > 0);
    assert_int_equal(again.len, out.len - 2); /* a mapping went, the label tells it now */
    assert_int_equal(podman_args_drop_port(&again, 18080, false, &more), 0);
    assert_string_equal(more.v[2], "muthr.ports=8080/tcp 18080/tcp");
    assert_int_equal(strvec_index(&more, "--publish"), -1);
    strvec_release(&created);
    strvec_release(&again);
    strvec_release(&more);
}

static void test_names(void **state)
{
    char reduced[PODMAN_NAME_MAX], other[PODMAN_NAME_MAX];
    (void)state;
    assert_int_equal(podman_container_name("muthr-homepage", reduced, &err), 0);
    assert_string_equal(reduced, "muthr-homepage");
    assert_int_equal(podman_container_name("muthr-größe", reduced, &err), 0);
    assert_int_equal(strncmp(reduced, "muthr-gre-", 10), 0);
    assert_int_equal(podman_container_name("muthr-grüße", other, &err), 0);
    assert_string_not_equal(reduced, other);
    assert_int_equal(podman_container_name("--all", reduced, &err), 0);
    assert_int_equal(strncmp(reduced, "muthr-", 6), 0); /* no option */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hardening, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mounts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drop_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
