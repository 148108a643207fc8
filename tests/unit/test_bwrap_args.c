/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/bwrap/args.h"
#include "backends/bwrap/net.h"
#include "backends/process/workspace.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

/* bwrap's options, built for made-up machines. */

static char host[64];
static char project[] = "demo", name[] = "muthr-demo", workspace[] = "/home/u/src/demo", mount[] = "/workspace";
static struct sandbox_spec spec = {.name = name, .project = project, .workspace = workspace, .workspace_mount = mount};
static struct preflight_features features;
static struct args_input in;

static void make(const char *path)
{
    char *full = xasprintf("%s%s", host, path);
    assert_int_equal(fs_mkdirs(full, 0755, NULL), 0);
    free(full);
}

static int setup(void **state)
{
    (void)state;
    memcpy(host, "/tmp/muthr-args-XXXXXX", 23);
    if (!mkdtemp(host)) {
        return -1;
    }
    memset(&features, 0, sizeof(features));
    features.perms = features.size = features.disable_userns = features.bind_fd = true;
    spec.mounts = NULL;
    spec.mount_count = 0;
    spec.workspace_mount = mount;
    in = (struct args_input){.spec = &spec,
                             .features = &features,
                             .host_root = host,
                             .dir = "/state/x",
                             .uid = 1000,
                             .gid = 1001,
                             .net = NET_NONE,
                             .workspace_by_fd = true};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return fs_remove_tree(host, NULL);
}

/* The options as one line with blanks. */
static char *build(struct strbuf *skipped)
{
    struct strvec v = STRVEC_INIT;
    struct strbuf out = STRBUF_INIT;
    struct error err = ERROR_INIT;
    if (args_build(&in, &v, skipped, &err) < 0) {
        fail_msg("%s", err.msg);
    }
    for (size_t i = 0; i < v.len; i++) {
        strbuf_addf(&out, " %s", v.v[i]);
    }
    strbuf_addch(&out, ' ');
    strvec_release(&v);
    return strbuf_detach(&out, NULL);
}

static void expect(const char *text)
{
    char *line = build(NULL);
    if (!strstr(line, text)) {
        fail_msg("no '%s' in '%s'", text, line);
    }
    free(line);
}

static void expect_not(const char *text)
{
    char *line = build(NULL);
    if (strstr(line, text)) {
        fail_msg("'%s' in '%s'", text, line);
    }
    free(line);
}

static void test_isolation_is_spelled_out(void **state)
{
    (void)state;
    expect(
        " --unshare-user --unshare-ipc --unshare-pid --unshare-uts --unshare-cgroup-try --unshare-net --disable-userns "
        "--die-with-parent --as-pid-1 --new-session --cap-drop ALL ");
    expect(" --uid 1000 --gid 1001 --clearenv ");
    expect(" --remount-ro /dev --remount-ro / --chdir /workspace --seccomp 6 --info-fd 7 --block-fd 8 ");
    expect_not("--unshare-all");
    in.net = NET_FULL;
    expect(" --unshare-net ");
    in.net = NET_SHARED;
    expect_not("--unshare-net");
}

/* /dev/shm is memory: at most half of the limit. */
static void test_size_of_shm(void **state)
{
    (void)state;
    expect(" --size 268435456 --perms 1777 --tmpfs /dev/shm ");
    spec.memory_bytes = 4ull << 30;
    expect(" --size 268435456 ");
    spec.memory_bytes = 200u << 20;
    expect(" --size 104857600 ");
    spec.memory_bytes = 0;
}

/* The workspace as bwrap 0.11 mounts it, or as it is mounted already. */
static void test_overlay(void **state)
{
    (void)state;
    in.overlay_by_bwrap = true;
    expect(" --overlay-src /home/u/src/demo --overlay /state/x/overlay/upper /state/x/overlay/work /workspace ");
    expect_not("--bind-fd");
    in.overlay_by_bwrap = false;
    in.overlay_view = "/state/x/overlay/merged";
    expect(" --bind /state/x/overlay/merged /workspace ");
    expect_not("--bind-fd");
    expect_not("--overlay");
}

static void test_old_and_setuid_bwrap(void **state)
{
    (void)state;
    features.size = features.disable_userns = features.bind_fd = false;
    in.workspace_by_fd = false;
    expect_not("--size");
    expect_not("--disable-userns");
    expect(" --bind /home/u/src/demo /workspace ");
    features.size = features.disable_userns = features.is_setuid = true;
    expect_not("--size");
    expect_not("--disable-userns");
}

static void test_system_folders(void **state)
{
    (void)state;
    char *link_path = xasprintf("%s/bin", host);
    assert_int_equal(symlink("usr/bin", link_path), 0);
    free(link_path);
    make("/lib"); /* not merged */
    make("/opt");
    make("/etc/java-17-openjdk");
    make("/etc/ssl/certs");
    make("/etc/ssl/private");
    make("/etc/ssh");
    make("/proc/sys");
    make("/proc/kcore");
    make("/proc/acpi");
    expect(" --symlink usr/bin /bin ");
    expect(" --ro-bind /lib /lib ");
    expect(" --ro-bind /opt /opt ");
    expect_not("/lib64");
    expect(" --ro-bind-try /etc/java-17-openjdk /etc/java-17-openjdk ");
    expect(" --ro-bind-try /etc/ssl/certs /etc/ssl/certs ");
    expect_not("/etc/ssl/private");
    expect_not("/etc/ssh");
    expect(" --ro-bind /proc/sys /proc/sys ");
    expect(" --ro-bind /dev/null /proc/kcore ");
    expect(" --tmpfs /proc/acpi --remount-ro /proc/acpi ");
    expect(" --ro-bind /state/x/etc/passwd /etc/passwd ");
}

static void test_mounts(void **state)
{
    (void)state;
    char a[] = "/data", b[] = "/gone", c[] = "/data/../etc", target[] = "/data", second[] = "/x";
    struct mount_spec mounts[] = {{a, target, true}, {b, second, false}, {c, second, false}};
    MT_CLEANUP(strbuf) struct strbuf skipped = STRBUF_INIT;
    make("/data");
    spec.mounts = mounts;
    spec.mount_count = 3;
    char *line = build(&skipped), *want = xasprintf(" --ro-bind %s/data /data ", host);
    assert_non_null(strstr(line, want));
    assert_null(strstr(line, "/gone"));
    assert_string_equal(skipped.buf, "/gone, /data/../etc");
    free(line);
    free(want);
}

static void test_bad_targets(void **state)
{
    (void)state;
    static const char *const bad[] = {"relative",   "/",     "/a/../b", "/a/..",      "/proc", "/proc/x",
                                      "/usr/local", "/etc",  "/dev/x",  "/run/muthr", "",      "//proc",
                                      "/./etc",     "/x//y", "/x/.",    "/run",       "//"};
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        struct strvec v = STRVEC_INIT;
        struct error err = ERROR_INIT;
        char text[64];
        str_copy(text, sizeof(text), bad[i]);
        spec.workspace_mount = text;
        assert_int_equal(args_build(&in, &v, NULL, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        strvec_release(&v);
    }
    static const char *const good[] = {"/workspace", "/data/", "/srv/.hidden/..x", "/runner"};
    for (size_t i = 0; i < MT_ARRAY_LEN(good); i++) {
        struct strvec v = STRVEC_INIT;
        char text[64];
        str_copy(text, sizeof(text), good[i]);
        spec.workspace_mount = text;
        assert_int_equal(args_build(&in, &v, NULL, NULL), 0);
        strvec_release(&v);
    }
}

static void test_environment(void **state)
{
    (void)state;
    expect_not("PORT");
    in.port = 4100;
    in.ca_file = "/etc/ssl/certs/ca-certificates.crt";
    expect(" --setenv PORT 4100 --setenv MUTHR_PORT 4100 ");
    expect(" --setenv SSL_CERT_FILE /etc/ssl/certs/ca-certificates.crt ");
    expect_not("/run/muthr/ca.pem");
    in.ca_file = "/home/u/private-ca.pem"; /* not visible inside: shown at a fixed place */
    expect(" --ro-bind /home/u/private-ca.pem /run/muthr/ca.pem --setenv SSL_CERT_FILE /run/muthr/ca.pem ");
}

static void test_workspace_rules(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int rc;
    } table[] = {
        {"/", -1},
        {"/home", -1},
        {"/home/u", -1},
        {"/home/u/src/demo", 0},
        {"/home/u/.ssh", -1},
        {"/home/u/.ssh/x", -1},
        {"/var", -1},
        {"/var/state/muthr", -1},
        {"/home/user2", 0},
        {"relative", -1},
        {"/home/u/.aws", -1},
        {"/srv/project", 0},
        {"/home/u/cfg", -1},
        {"/home/u/cfg/muthr", -1},
        {"/home/u/cfg/muthr/themes", -1},
        {"/home/u/cfg/muthr2", 0},
        {"/var/state/muthr/x", -1},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        struct error err = ERROR_INIT;
        int rc = workspace_check(table[i].path, "/home/u", "/var/state/muthr", "/home/u/cfg/muthr", &err);
        if (rc != table[i].rc) {
            fail_msg("%s: %d %s", table[i].path, rc, err.msg);
        }
        assert_int_equal(err.code, rc ? ERROR_DENIED : ERROR_NONE);
    }
}

static void test_network_helpers(void **state)
{
    (void)state;
    struct strvec v = STRVEC_INIT;
    net_argv(NET_HELPER_PASTA, 10, 20, 5, 6, &v);
    assert_true(strvec_index(&v, "--no-map-gw") > 0);
    assert_true(strvec_index(&v, "/proc/10/fd/5") > 0 && strvec_index(&v, "/proc/20/ns/net") > 0);
    strvec_clear(&v);
    net_argv(NET_HELPER_SLIRP, 10, 20, 5, 6, &v);
    assert_true(strvec_index(&v, "--disable-host-loopback") > 0);
    assert_true(strvec_index(&v, "--userns-path=/proc/10/fd/5") > 0 && strvec_index(&v, "/proc/10/fd/6") > 0);
    strvec_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_isolation_is_spelled_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size_of_shm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overlay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_and_setuid_bwrap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_system_folders, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mounts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_workspace_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(test_network_helpers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
