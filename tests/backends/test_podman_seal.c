/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a sandbox of podman's apart, on real podman: networks that are cut and how that fails, what is read back
 * of the isolation, and the whole life of one that is sealed. */
#include "tests/backends/podman_live.h"
#include "tests/backends/podman_net.h"
#include "tests/backends/podman_rig.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/podman/podman.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/portable.h"

/* A listener on all addresses of this machine, and on loopback only. */
static int listen_on(in_addr_t address, int *port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    socklen_t len = sizeof(sin);
    int fd = self_socket(AF_INET, SOCK_STREAM, false);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    *port = ntohs(sin.sin_port);
    return fd;
}

/* Can a program inside connect to this? */
static bool reaches(const char *container, const char *address, int port)
{
    struct pod_ran ran = POD_RAN_INIT;
    char text[16];
    str_format(text, sizeof(text), "%d", port);
    int code = pod_run(&ran, "exec", container, "nc", "-w", "2", address, text, "-e", "true");
    pod_ran_release(&ran);
    return code == 0;
}

static char *gateway_of(const char *container)
{
    return pod_text("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}", container);
}

static const struct isolation_fact *find_fact(const struct backend_call *call, const char *name)
{
    for (size_t i = 0; i < call->fact_count; i++) {
        if (strcmp(call->facts[i].name, name) == 0) {
            return &call->facts[i];
        }
    }
    fail_msg("no fact '%s'", name);
    return NULL;
}

static void expect_network(const char *name, enum net_policy wanted, enum isolation_verdict verdict, const char *word)
{
    struct live_call c = {0};
    struct sandbox_spec spec = {.net = wanted, .net_after = wanted};
    c.call.spec = &spec;
    assert_int_equal(live_run(&c, BACKEND_ISOLATION, name), ERROR_NONE);
    const struct isolation_fact *f = find_fact(&c.call, "network");
    if (f->verdict != verdict || !strstr(f->actual, word)) {
        fail_msg("network: %s (%d)", f->actual, (int)f->verdict);
    }
    live_release(&c);
}

/* The host as seen from inside, by inspect and by the list, which keeps what it read. */
static void expect_gateway(const char *name, enum net_policy net, const char *gateway)
{
    static const enum backend_verb verbs[] = {BACKEND_INSPECT, BACKEND_LIST, BACKEND_LIST};
    for (size_t i = 0; i < MT_ARRAY_LEN(verbs); i++) {
        struct live_call c = {0};
        assert_int_equal(live_run(&c, verbs[i], verbs[i] == BACKEND_INSPECT ? name : NULL), ERROR_NONE);
        assert_int_equal(c.call.info_count, 1);
        assert_string_equal(c.call.infos[0].gateway, gateway);
        assert_true(c.call.infos[0].net_known);
        assert_int_equal(c.call.infos[0].net, net);
        live_release(&c);
    }
}

static void expect_ok(struct live_call *c, enum backend_verb verb, const char *name)
{
    if (live_run(c, verb, name) != ERROR_NONE) {
        fail_msg("verb %d: %s", (int)verb, c->err.msg);
    }
}

static void test_seal_cuts(void **state)
{
    int port, fd = listen_on(INADDR_ANY, &port);
    struct live_call c = {0};
    (void)state;
    pod_do("network", "create", LABELS, "muthr-net-n");
    pod_do("run", "-d", "--init", "--name", "muthr-n", "--network", "muthr-net-n", LABELS, "--label",
           "muthr.network=muthr-net-n", POD_MINI, "sleep", "1000");
    char *gateway = gateway_of("muthr-n");
    assert_true(reaches("muthr-n", gateway, port));
    expect_gateway("muthr-n", NET_FULL, gateway);
    assert_true(reaches("muthr-n", POD_UPLINK_ADDRESS, port));
    expect_network("muthr-n", NET_NONE, ISOLATION_WEAKER, "eth0");

    uint64_t start = clock_mono_ms();
    c.call.net = NET_MODEL;
    if (live_run(&c, BACKEND_SEAL, "muthr-n") != ERROR_NONE) {
        fail_msg("%s", c.err.msg);
    }
    print_message("to model: %d ms\n", (int)(clock_mono_ms() - start));
    assert_false(reaches("muthr-n", gateway, port));
    assert_false(reaches("muthr-n", POD_UPLINK_ADDRESS, port));
    char *model = gateway_of("muthr-n");
    assert_string_not_equal(model, gateway);
    assert_true(reaches("muthr-n", model, port)); /* where the inference server is */
    expect_network("muthr-n", NET_MODEL, ISOLATION_OK, "no route out");
    expect_gateway("muthr-n", NET_MODEL, model);
    expect_network("muthr-n", NET_NONE, ISOLATION_WEAKER, "no route out");
    assert_int_equal(live_run(&c, BACKEND_SEAL, "muthr-n"), ERROR_NONE); /* again: nothing to do */

    start = clock_mono_ms();
    c.call.net = NET_NONE;
    if (live_run(&c, BACKEND_SEAL, "muthr-n") != ERROR_NONE) {
        fail_msg("%s", c.err.msg);
    }
    print_message("to none: %d ms\n", (int)(clock_mono_ms() - start));
    assert_false(reaches("muthr-n", model, port));
    char *left = pod_text("exec", "muthr-n", "ls", "/sys/class/net");
    assert_string_equal(left, "lo");
    free(left);
    expect_network("muthr-n", NET_NONE, ISOLATION_OK, "loopback");
    expect_gateway("muthr-n", NET_NONE, "");
    pod_do("restart", "-t", "0", "muthr-n");
    expect_network("muthr-n", NET_NONE, ISOLATION_OK, "loopback"); /* it stays cut */
    for (int net = NET_NONE; net <= NET_FULL; net++) {             /* until somebody starts it with a network again */
        pod_do("stop", "-t", "0", "muthr-n");
        c.call.net = (enum net_policy)net;
        expect_ok(&c, BACKEND_START, "muthr-n");
        assert_int_equal(reaches("muthr-n", gateway, port), net == NET_FULL);
    }
    c.call.net = NET_NONE;
    expect_ok(&c, BACKEND_SEAL, "muthr-n");
    expect_network("muthr-n", NET_NONE, ISOLATION_OK, "loopback");
    pod_do("rm", "-f", "-t", "0", "muthr-n");
    pod_do("network", "rm", "muthr-net-n", "muthr-model-n");
    free(gateway);
    free(model);
    close(fd);
    live_release(&c);
}

static void test_seal_fails_closed(void **state)
{
    struct live_call c = {0};
    (void)state;
    pod_do("run", "-d", "--init", "--name", "muthr-h", "--network", "host", LABELS, "--label", "muthr.network=host",
           POD_MINI, "sleep", "1000");
    pod_do("run", "-d", "--init", "--name", "muthr-f", POD_MINI, "sleep", "1000");
    c.call.net = NET_NONE;
    assert_int_equal(live_run(&c, BACKEND_SEAL, "muthr-h"), ERROR_DENIED);
    assert_non_null(strstr(c.err.msg, "cannot be cut"));
    assert_int_equal(live_run(&c, BACKEND_SEAL, "muthr-f"), ERROR_DENIED); /* not ours */
    assert_int_equal(live_run(&c, BACKEND_SEAL, "muthr-none"), ERROR_NOT_FOUND);
    c.call.net = NET_FULL;
    assert_int_equal(live_run(&c, BACKEND_SEAL, "muthr-h"), ERROR_INVALID);
    expect_network("muthr-h", NET_NONE, ISOLATION_WEAKER, "host's own");
    /* Somebody else's network of that name is not used. */
    pod_do("network", "create", "muthr-model-m");
    pod_do("network", "create", "muthr-net-m");
    pod_do("run", "-d", "--init", "--name", "muthr-m", "--network", "muthr-net-m", LABELS, "--label",
           "muthr.network=muthr-net-m", POD_MINI, "sleep", "1000");
    c.call.net = NET_MODEL;
    assert_int_equal(live_run(&c, BACKEND_SEAL, "muthr-m"), ERROR_DENIED);
    assert_non_null(strstr(c.err.msg, "muthr-model-m"));
    pod_do("rm", "-f", "-t", "0", "muthr-h", "muthr-f", "muthr-m");
    pod_do("network", "rm", "muthr-model-m", "muthr-net-m");
    live_release(&c);
}

/* --- isolation --- */

static void expect_fact(const struct backend_call *call, const char *name, enum isolation_verdict verdict,
                        const char *word)
{
    const struct isolation_fact *f = find_fact(call, name);
    if (f->verdict != verdict || !strstr(f->actual, word)) {
        fail_msg("%s: %s (%d), not %s (%d)", name, f->actual, (int)f->verdict, word, (int)verdict);
    }
}

static void test_isolation(void **state)
{
    char mount[] = "/workspace", data[] = "/data", ro[] = "/ro";
    struct mount_spec mounts[] = {{.source = pod.home, .target = data, .read_only = true},
                                  {.source = pod.home, .target = ro, .read_only = true}};
    struct sandbox_spec spec = {.net = NET_FULL,
                                .net_after = NET_FULL,
                                .workspace = pod.home,
                                .workspace_mount = mount,
                                .memory_bytes = 64u << 20,
                                .pids = 50,
                                .cpus = 0.5,
                                .mounts = mounts,
                                .mount_count = 2};
    struct live_call c = {.call = {.spec = &spec}};
    (void)state;
    char *workspace = xasprintf("%s:/workspace", pod.home), *data_mount = xasprintf("%s:/data", pod.base),
         *ro_mount = xasprintf("%s:/ro:ro", pod.home);
    pod_do("run", "-d", "--init", "--name", "muthr-i", LABELS, "-v", workspace, "-v", ro_mount, "--memory", "64m",
           "--pids-limit", "50", "--cpus", "0.5", "--read-only", "--cap-drop", "ALL", "--user", "1000:1000",
           "--security-opt", "no-new-privileges", "-p", "127.0.0.1::8080", POD_MINI, "sleep", "1000");
    assert_int_equal(live_run(&c, BACKEND_ISOLATION, "muthr-i"), ERROR_NONE);
    for (size_t i = 0; i < c.call.fact_count; i++) {
        print_message("%-26s %d %s\n", c.call.facts[i].name, (int)c.call.facts[i].verdict, c.call.facts[i].actual);
    }
    expect_fact(&c.call, "network", ISOLATION_OK, "eth0");
    expect_fact(&c.call, "user", ISOLATION_OK, "uid 1000");
    expect_fact(&c.call, "capabilities", ISOLATION_OK, "none");
    expect_fact(&c.call, "seccomp", ISOLATION_OK, "filter");
    expect_fact(&c.call, "no-new-privileges", ISOLATION_OK, "yes");
    expect_fact(&c.call, "processes", ISOLATION_OK, "its own");
    expect_fact(&c.call, "root filesystem", ISOLATION_OK, "read-only");
    expect_fact(&c.call, "mount /workspace", ISOLATION_OK, pod.home);
    expect_fact(&c.call, "mount /ro", ISOLATION_OK, "read-only");
    expect_fact(&c.call, "memory limit", ISOLATION_OK, "64 MiB (cgroup)");
    expect_fact(&c.call, "process limit", ISOLATION_OK, "50 (cgroup)");
    expect_fact(&c.call, "cpu limit", ISOLATION_OK, "0.5 (cgroup)");
    expect_fact(&c.call, "privileged", ISOLATION_OK, "no");
    expect_fact(&c.call, "devices", ISOLATION_OK, "none");
    expect_fact(&c.call, "published ports", ISOLATION_OK, "-> 8080/tcp");
    expect_fact(&c.call, "image", ISOLATION_INFO, POD_MINI);
    live_release(&c);

    /* The same wishes, and a container that keeps none of them. */
    pod_do("run", "-d", "--name", "muthr-p", LABELS, "-v", workspace, "-v", data_mount, "--privileged", "--network",
           "host", "--security-opt", "seccomp=unconfined", "--pid", "host", POD_MINI, "sleep", "1000");
    assert_int_equal(live_run(&c, BACKEND_ISOLATION, "muthr-p"), ERROR_NONE);
    expect_fact(&c.call, "network", ISOLATION_WEAKER, "host's own");
    expect_fact(&c.call, "user", ISOLATION_WEAKER, "uid 0");
    expect_fact(&c.call, "capabilities", ISOLATION_WEAKER, "");
    expect_fact(&c.call, "seccomp", ISOLATION_WEAKER, "off");
    expect_fact(&c.call, "no-new-privileges", ISOLATION_WEAKER, "no");
    expect_fact(&c.call, "processes", ISOLATION_WEAKER, "host");
    expect_fact(&c.call, "root filesystem", ISOLATION_WEAKER, "writable");
    expect_fact(&c.call, "mount /data", ISOLATION_WEAKER, "not the folder");
    expect_fact(&c.call, "memory limit", ISOLATION_WEAKER, "none");
    expect_fact(&c.call, "cpu limit", ISOLATION_WEAKER, "none");
    expect_fact(&c.call, "privileged", ISOLATION_WEAKER, "yes");
    live_release(&c);
    pod_do("stop", "-t", "0", "muthr-i");
    assert_int_equal(live_run(&c, BACKEND_ISOLATION, "muthr-i"), ERROR_UNAVAILABLE);
    live_release(&c);
    pod_do("rm", "-f", "-t", "0", "muthr-i", "muthr-p");
    free(workspace);
    free(data_mount);
    free(ro_mount);
}

/* --- the whole life by the backend's own verbs --- */

static char *networks_of_ours(void)
{
    return pod_text("network", "ls", "--filter", "label=muthr.managed=true", "--format", "{{.Name}}");
}

/* A profile that is sealed after provisioning: every fact is as wanted, and nothing of it is left afterwards. */
static void whole_life(enum net_policy after, const char *networks)
{
    char name[] = "muthr-life", project[] = "life", mount[] = "/workspace", profile[] = "base", hash[] = "h",
         image[] = POD_MINI;
    struct sandbox_spec spec = {.name = name,
                                .project = project,
                                .workspace_mount = mount,
                                .profile = profile,
                                .config_hash = hash,
                                .image = image,
                                .net = NET_FULL,
                                .net_after = after,
                                .memory_bytes = 128u << 20,
                                .pids = 64,
                                .cpus = 1};
    struct live_call c = {0};
    spec.workspace = path_join(pod.home, "life");
    assert_int_equal(fs_mkdirs(spec.workspace, 0755, NULL), 0);
    c.call.spec = &spec;
    expect_ok(&c, BACKEND_CREATE, NULL);
    expect_ok(&c, BACKEND_START, name);
    c.call.net = after;
    expect_ok(&c, BACKEND_SEAL, name);
    char *there = networks_of_ours();
    assert_string_equal(there, networks);
    free(there);
    expect_ok(&c, BACKEND_ISOLATION, name);
    for (size_t i = 0; i < c.call.fact_count; i++) {
        const struct isolation_fact *f = &c.call.facts[i];
        bool root = strcmp(f->name, "user") == 0; /* this test runs as root, and so does what it starts */
        if (f->verdict != ISOLATION_OK && f->verdict != ISOLATION_INFO && !root) {
            fail_msg("%s: %s", f->name, f->actual);
        }
    }
    live_release(&c);
    c = (struct live_call){.call = {.spec = &spec}};
    expect_ok(&c, BACKEND_STATS, name);
    c.call.force = true;
    expect_ok(&c, BACKEND_DELETE, name);
    there = networks_of_ours();
    assert_string_equal(there, "");
    free(there);
    live_release(&c);
    free(spec.workspace);
}

static void test_whole_life_none(void **state)
{
    (void)state;
    whole_life(NET_NONE, "muthr-net-life");
}

static void test_whole_life_model(void **state)
{
    (void)state;
    whole_life(NET_MODEL, "muthr-model-life\nmuthr-net-life");
}

/* The kernel over there is asked by a program inside, which is told; limits are podman's word. */
static void test_remote_isolation(void **state)
{
    struct sandbox_spec spec = {.net = NET_NONE, .net_after = NET_NONE, .pids = 50};
    struct live_call c = {.call = {.spec = &spec}};
    (void)state;
    pod_do("run", "-d", "--init", "--name", "muthr-i", LABELS, "--network", "none", "--pids-limit", "50", "--read-only",
           "--cap-drop", "ALL", "--user", "1000:1000", "--security-opt", "no-new-privileges", POD_MINI, "sleep",
           "1000");
    assert_int_equal(live_run(&c, BACKEND_ISOLATION, "muthr-i"), ERROR_NONE);
    for (size_t i = 0; i < c.call.fact_count; i++) {
        print_message("%-26s %d %s\n", c.call.facts[i].name, (int)c.call.facts[i].verdict, c.call.facts[i].actual);
    }
    expect_fact(&c.call, "network", ISOLATION_OK, "loopback");
    expect_fact(&c.call, "user", ISOLATION_OK, "uid 1000");
    expect_fact(&c.call, "capabilities", ISOLATION_OK, "none");
    expect_fact(&c.call, "seccomp", ISOLATION_OK, "filter");
    expect_fact(&c.call, "no-new-privileges", ISOLATION_OK, "yes");
    expect_fact(&c.call, "root filesystem", ISOLATION_OK, "read-only");
    expect_fact(&c.call, "process limit", ISOLATION_UNKNOWN, "50");
    expect_fact(&c.call, "read by", ISOLATION_INFO, "inside");
    live_release(&c);
    pod_do("rm", "-f", "-t", "0", "muthr-i");
}

static int run_group(void)
{
    const struct CMUnitTest remote[] = {
        cmocka_unit_test(test_seal_cuts),
        cmocka_unit_test(test_seal_fails_closed),
        cmocka_unit_test(test_remote_isolation),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_cuts),        cmocka_unit_test(test_seal_fails_closed),
        cmocka_unit_test(test_isolation),        cmocka_unit_test(test_whole_life_none),
        cmocka_unit_test(test_whole_life_model),
    };
    int failed = cmocka_run_group_tests(tests, live_setup, live_teardown);
    return failed + cmocka_run_group_tests(remote, live_setup_remote, live_teardown);
}

int main(void)
{
    return pod_main(run_group);
}
