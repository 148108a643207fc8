/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/container/args.h"
#include "core/util/xmalloc.h"

/* The argv of `container create`, for each version that differs. */

static char name[] = "muthr-demo", project[] = "demo", workspace[] = "/Users/u/src/demo", mount[] = "/workspace",
            profile[] = "base", hash[] = "abcd";
static struct sandbox_spec spec;
static struct ctr_args_input in;
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
                                 .net = NET_FULL,
                                 .net_after = NET_FULL,
                                 .pids = 512,
                                 .writable_root = true};
    in = (struct ctr_args_input){.spec = &spec,
                                 .container = name,
                                 .image = "local/x:1",
                                 .home = "muthr-demo-home",
                                 .version = {1, 2, 2},
                                 .uid = 501,
                                 .gid = 20};
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

static int build(int major, int minor)
{
    in.version[0] = major;
    in.version[1] = minor;
    strvec_clear(&out);
    strbuf_clear(&warning);
    err = ERROR_INIT;
    return ctr_args_create(&in, &out, &warning, &err);
}

static char *joined(void)
{
    struct strbuf text = STRBUF_INIT;
    for (size_t i = 0; i < out.len; i++) {
        strbuf_addf(&text, "%s%s", i ? "|" : "", out.v[i]);
    }
    return strbuf_detach(&text, NULL);
}

#define LABELS                                                                                                         \
    "--label|muthr.managed=true|--label|muthr.owner=project|--label|muthr.backend=container|"                          \
    "--label|muthr.sandbox=muthr-demo|--label|muthr.project=demo|--label|muthr.profile=base|"                          \
    "--label|muthr.config-hash=abcd|--label|muthr.workspace=/Users/u/src/demo|--label|muthr.mount=/workspace|"         \
    "--label|muthr.net=%s|--label|muthr.require-limits=false|--label|muthr.user=501:20|"
#define IDENTITY                                                                                                       \
    "--user|0:0|--env|HOME=/home/muthr|--env|USER=muthr|--env|LOGNAME=muthr|--env|LANG=C.UTF-8|"                       \
    "--env|MUTHR_PROJECT=demo|--env|MUTHR_SANDBOX=muthr-demo|"
#define PLACES "--volume|muthr-demo-home:/home/muthr|--volume|/Users/u/src/demo:/workspace|--workdir|/workspace|"
#define MAIN "--entrypoint|sh|local/x:1|-c|trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"

static void check(int major, int minor, const char *net, const char *begin, const char *rest)
{
    char *wanted = xasprintf("%s" LABELS IDENTITY "%s", begin, net, rest);
    if (build(major, minor) < 0) {
        fail_msg("%s", err.msg);
    }
    char *text = joined();
    assert_string_equal(text, wanted);
    free(text);
    free(wanted);
}

/* What a version does not have is not asked of it: an unknown option is a usage error. */
static void test_versions(void **state)
{
    (void)state;
    check(0, 6, "full", "create|--name|muthr-demo|",
          PLACES "--label|muthr.warning=limits not enforced: pids (container has none before 0.9)|" MAIN);
    check(0, 10, "full", "create|--name|muthr-demo|--init|", "--ulimit|nproc=512|" PLACES MAIN);
    check(0, 12, "full", "create|--name|muthr-demo|--init|",
          "--cap-drop|ALL|--cap-add|CHOWN|--cap-add|DAC_OVERRIDE|--cap-add|FOWNER|--cap-add|FSETID|--cap-add|KILL|"
          "--cap-add|SETGID|--cap-add|SETUID|--cap-add|SETFCAP|--ulimit|nproc=512|" PLACES MAIN);
    spec.net = NET_NONE;
    spec.writable_root = false;
    check(1, 2, "none", "create|--name|muthr-demo|--init|",
          "--cap-drop|ALL|--shm-size|256M|--ulimit|nproc=512|" PLACES "--network|none|" MAIN);
    assert_string_equal(warning.buf, "");
}

static bool has(const char *option, const char *value)
{
    for (size_t i = 0; i + 1 < out.len; i++) {
        if (strcmp(out.v[i], option) == 0 && strcmp(out.v[i + 1], value) == 0) {
            return true;
        }
    }
    return false;
}

/* Fractions and less than 200 MiB would be refused: raised, and said. */
static void test_limits(void **state)
{
    (void)state;
    spec.cpus = 1.5;
    spec.memory_bytes = 64u << 20;
    assert_int_equal(build(1, 2), 0);
    assert_true(has("--cpus", "2"));
    assert_true(has("--memory", "200M"));
    assert_string_equal(warning.buf,
                        "cpus 1.5 raised to 2: container gives whole ones only; memory 64 MiB raised to 200 "
                        "MiB: container gives no less");
    assert_true(has("--label",
                    "muthr.warning=cpus 1.5 raised to 2: container gives whole ones only; memory 64 MiB raised "
                    "to 200 MiB: container gives no less"));
    spec.cpus = 4;
    spec.memory_bytes = (2048ull << 20) + 1;
    assert_int_equal(build(1, 2), 0);
    assert_true(has("--cpus", "4"));
    assert_true(has("--memory", "2049M"));
    assert_string_equal(warning.buf, "");
    spec.require_limits = true;
    assert_int_equal(build(1, 2), 0);
    assert_true(has("--ulimit", "nproc=512"));
    assert_int_equal(build(0, 8), -1); /* no such option yet */
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "cannot limit processes"));
    in.uid = 0; /* exempt from it */
    assert_int_equal(build(1, 2), -1);
    assert_non_null(strstr(err.msg, "processes of root"));
    spec.require_limits = false;
    assert_int_equal(build(1, 2), 0);
    assert_string_equal(warning.buf, "limits not enforced: pids (root inside is exempt)");
    spec.require_limits = true;
    spec.pids = 0;
    assert_int_equal(build(1, 2), 0);
    assert_string_equal(warning.buf, "");
}

static void test_mounts(void **state)
{
    (void)state;
    char source[] = "/Users/u/data", target[] = "/data", odd[] = "/Users/u/src/a:b", in_proc[] = "/proc/x";
    struct mount_spec m = {.source = source, .target = target, .read_only = true};
    spec.mounts = &m;
    spec.mount_count = 1;
    assert_int_equal(build(1, 2), 0);
    assert_true(has("--volume", "/Users/u/data:/data:ro"));
    m.target = in_proc;
    assert_int_equal(build(1, 2), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    spec.mount_count = 0;
    spec.workspace = odd;
    assert_int_equal(build(1, 2), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_string_equal(err.msg, "container cannot mount a folder with a ':' in its path: /Users/u/src/a:b");
    char line[] = "/Users/u/src/a\nb";
    spec.workspace = line;
    assert_int_equal(build(1, 2), -1);
    char equals[] = "/Users/u/src/a=b"; /* could be mounted, but not be kept in a label */
    spec.workspace = equals;
    assert_int_equal(build(1, 2), -1);
    assert_non_null(strstr(err.msg, "with a '=' in it"));
    assert_int_equal(ctr_check_label("x", "plain value: fine", &err), 0);
}

static void test_networks(void **state)
{
    (void)state;
    spec.net = NET_NONE;
    assert_int_equal(build(0, 6), 0);
    assert_true(has("--network", "none"));
    assert_int_equal(build(0, 5), -1);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    spec.net = NET_SHARED;
    assert_int_equal(build(1, 2), -1);
    assert_non_null(strstr(err.msg, "virtual machine"));
    spec.net = NET_MODEL;
    assert_int_equal(build(1, 2), -1);
    assert_non_null(err.hint);
    spec.net = NET_FULL;
    assert_int_equal(build(1, 2), 0);
    assert_false(has("--network", "none"));
}

static void test_ports(void **state)
{
    (void)state;
    struct port_spec ports[] = {{.host_port = 8080, .container_port = 80},
                                {.host_port = 8080, .container_port = 81},
                                {.container_port = 90},
                                {.host_ip = "::1", .host_port = 53, .container_port = 53, .udp = true}};
    in.ports = ports;
    in.port_count = MT_ARRAY_LEN(ports);
    assert_int_equal(build(1, 2), 0);
    assert_true(has("--publish", "127.0.0.1:8080:80/tcp"));
    assert_true(has("--publish", "[::1]:53:53/udp"));
    assert_string_equal(warning.buf, "port 8080/tcp is mapped twice: only the first is published; port 90/tcp is not "
                                     "published: no free port was found for it");
    in.port_count = 1;
    in.dropped = "9000/tcp 53/udp";
    assert_int_equal(build(1, 2), 0);
    assert_string_equal(warning.buf, "port in use, not published: 9000/tcp 53/udp");
    spec.net = NET_NONE;
    assert_int_equal(build(1, 2), 0);
    for (size_t i = 0; i < out.len; i++) {
        assert_string_not_equal(out.v[i], "--publish");
    }
}

static void test_names(void **state)
{
    (void)state;
    char got[CTR_NAME_MAX], again[CTR_NAME_MAX], longest[100];
    assert_int_equal(ctr_container_name("muthr-web", got, &err), 0);
    assert_string_equal(got, "muthr-web");
    assert_int_equal(ctr_container_name("muthr-caf\xc3\xa9", got, &err), 0);
    assert_int_equal(strncmp(got, "muthr-caf-", 10), 0);
    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "muthr-", 6);
    longest[63] = '\0';
    assert_int_equal(ctr_container_name(longest, got, &err), 0);
    assert_string_equal(got, longest);
    longest[63] = 'a';
    longest[64] = '\0';
    assert_int_equal(ctr_container_name(longest, got, &err), 0);
    assert_int_equal(strlen(got), 63);
    longest[63] = 'b';
    assert_int_equal(ctr_container_name(longest, again, &err), 0);
    assert_string_not_equal(got, again);
    assert_int_equal(ctr_container_name(got, again, &err), 0); /* one of its own names stays what it is */
    assert_string_equal(got, again);
    assert_int_equal(ctr_container_name("muthr-\xc3\xa9", got, &err), -1);
}

static void test_features(void **state)
{
    (void)state;
    int v[3];
    assert_true(ctr_parse_version("container CLI version 0.12.3 (build: release, commit: 0a1b2c3)", v));
    assert_int_equal(v[0] * 10000 + v[1] * 100 + v[2], 1203);
    assert_true(ctr_version_has(v, CTR_CAPABILITIES));
    assert_false(ctr_version_has(v, CTR_COPY));
    assert_true(ctr_parse_version("container-apiserver version 1.2.3 (build: debug)", v));
    assert_int_equal(v[2], 3);
    assert_true(ctr_parse_version("0.5.0", v));
    assert_false(ctr_version_is_usable(v));
    assert_true(ctr_parse_version("1.0.0-beta1", v));
    assert_true(ctr_version_has(v, CTR_COPY));
    assert_false(ctr_parse_version("container CLI version unspecified", v));
    assert_false(ctr_parse_version("", v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mounts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_networks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test(test_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
