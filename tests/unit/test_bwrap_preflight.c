/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/bwrap/limits.h"
#include "backends/bwrap/preflight.h"
#include "backends/cgroup.h"
#include "core/util/utf8.h"

/* What bwrap's texts mean, on which distribution; where control groups are. */

static const char ubuntu2404[] =
    "PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nID=ubuntu\nID_LIKE=debian\n";
static const char ubuntu2504[] = "VERSION_ID=\"25.04\"\nID=ubuntu\nID_LIKE=debian\n";
static const char debian12[] = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian";
static const char fedora[] = "ID=fedora\nVERSION_ID=41\n";
static const char rocky[] = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\n";
static const char mint[] = "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=\"22\"\n";
static const char arch[] = "ID=arch\n";
static const char alpine[] = "ID=alpine\nVERSION_ID=3.20.1\n";
static const char suse[] = "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n";

static void test_distributions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum preflight_family family;
        int version;
        const char *command;
    } table[] = {
        {ubuntu2404, FAMILY_UBUNTU, 2404, "sudo apt-get install x"},
        {ubuntu2504, FAMILY_UBUNTU, 2504, "sudo apt-get install x"},
        {debian12, FAMILY_DEBIAN, 1200, "sudo apt-get install x"},
        {fedora, FAMILY_FEDORA, 4100, "sudo dnf install x"},
        {rocky, FAMILY_FEDORA, 904, "sudo dnf install x"},
        {mint, FAMILY_UBUNTU, 2200, "sudo apt-get install x"},
        {arch, FAMILY_ARCH, 0, "sudo pacman -S x"},
        {alpine, FAMILY_ALPINE, 320, "sudo apk add x"},
        {suse, FAMILY_SUSE, 0, "sudo zypper install x"},
        {"", FAMILY_OTHER, 0, "install the package 'x'"},
        {"ID=\n\nID_LIKE\n=\nVERSION_ID=\"-1.x\"", FAMILY_OTHER, 0, "install the package 'x'"},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        struct preflight_distro d;
        char command[96];
        preflight_parse_distro(table[i].text, &d);
        assert_int_equal(d.family, table[i].family);
        assert_int_equal(d.version, table[i].version);
        preflight_install_command(&d, "x", command, sizeof(command));
        assert_string_equal(command, table[i].command);
    }
}

static void test_every_text_of_the_table(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason, *fix;
    } table[] = {
        {"bwrap: setting up uid map: Permission denied\n", "AppArmor", "bwrap-userns-restrict"},
        {"bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted\n", "AppArmor", "apparmor"},
        {"bwrap: No permissions to creating new namespace, likely because the kernel does not allow", "ordinary users",
         "kernel.unprivileged_userns_clone=1"},
        {"bwrap: No permissions to create new namespace, likely because the kernel does not allow", "ordinary users",
         "kernel.unprivileged_userns_clone=1"},
        {"bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)",
         "user.max_", "user.max_user_namespaces=15000"},
        {"bwrap: Creating new namespace failed: Invalid argument", "refuses new namespaces", "on the host itself"},
        {"bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "/proc", "unmask=ALL"},
        {"bwrap: Can't mount proc on /newroot/proc: Invalid argument", "/proc", "systempaths=unconfined"},
        {"bwrap: Can't find source path /home/u/gone: No such file or directory", "/home/u/gone", "mounts"},
        {"bwrap: Can't mkdir /usr/x: Read-only file system", "read-only", "target"},
        {"bwrap: Can't create file at /etc/x: Read-only file system", "read-only", "target"},
        {"bwrap: execvp /run/muthr/init: Permission denied", "init", "rebuild"},
        {"bwrap: execvp /run/muthr/init: No such file or directory", "init", "rebuild"},
        {"bwrap: execvp true: No such file or directory", "basic programs", "coreutils"},
        {"bwrap: Unknown option --bind-fd", "too old", "update"},
        {"bwrap: Unexpected capabilities but not setuid, old file caps config?", "extra capabilities", "without"},
        {"bwrap: Failed to make / slave: Permission denied", "outer container", "on the host itself"},
        {"bwrap: Failed to mount tmpfs: Permission denied", "outer container", "on the host itself"},
        {"bwrap: Failed to mount tmpfs: No such file or directory", "no /tmp", "mkdir"},
        {"bwrap: The --size option is not permitted in setuid mode", "setuid", "chmod u-s"},
        {"bwrap: something new\x1b[31m happened", "something new", ""},
        {"", "without a message", ""},
    };
    struct preflight_distro d;
    preflight_parse_distro(ubuntu2404, &d);
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        char reason[320], fix[480];
        preflight_classify(table[i].text, &d, reason, sizeof(reason), fix, sizeof(fix));
        if (!strstr(reason, table[i].reason) || !strstr(fix, table[i].fix) || (!*table[i].fix && *fix)) {
            fail_msg("'%s': '%s' / '%s'", table[i].text, reason, fix);
        }
        assert_null(strchr(reason, '\x1b'));
        assert_true(utf8_is_valid(reason, strlen(reason)) && utf8_is_valid(fix, strlen(fix)));
    }
}

static void test_fixes_by_distribution(void **state)
{
    (void)state;
    struct preflight_distro d;
    char reason[320], fix[480];
    preflight_parse_distro(fedora, &d);
    preflight_classify(NULL, &d, reason, sizeof(reason), fix, sizeof(fix));
    assert_string_equal(fix, "sudo dnf install bubblewrap");
    assert_non_null(strstr(reason, "not installed"));
    preflight_parse_distro(ubuntu2504, &d);
    preflight_classify("setting up uid map: Permission denied", &d, reason, sizeof(reason), fix, sizeof(fix));
    assert_null(strstr(fix, "apparmor-profiles")); /* shipped since 25.04 */
    assert_non_null(strstr(fix, "apparmor_parser -r"));
}

static void test_features(void **state)
{
    (void)state;
    struct preflight_features f = {.size = true};
    preflight_parse_help("    --size BYTES   Set size\n    --perms OCTAL\n    --bind-fd FD DEST\n    --ro-bind-fd FD "
                         "DEST\n    --as-pid-1\n"
                         "    --clearenv\n    --disable-userns\n",
                         "bubblewrap 0.8.0\n", &f);
    assert_true(f.size && f.perms && f.bind_fd && f.as_pid_1 && f.clearenv && f.disable_userns);
    assert_false(f.overlay);
    assert_string_equal(f.version, "0.8.0");
    preflight_parse_help("    --ro-bind SRC DEST\n", "bubblewrap", &f);
    assert_false(f.size || f.perms || f.bind_fd || f.disable_userns);
    assert_string_equal(f.version, "");
}

static void test_control_groups(void **state)
{
    (void)state;
    static const char mounts[] =
        "30 23 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro\n"
        "31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:1 master:2 - cgroup2 cgroup2 rw\n"
        "32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "33 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    static const char groups[] = "5:cpu,cpuacct:/a\n4:memory:/\n1:name=systemd:/x\n0::/user.slice/b.scope\n";
    char out[256];
    assert_int_equal(cgroup_find(mounts, groups, "memory", out, sizeof(out)), 0);
    assert_string_equal(out, "/sys/fs/cgroup/memory");
    assert_int_equal(cgroup_find(mounts, groups, "cpu", out, sizeof(out)), 0);
    assert_string_equal(out, "/sys/fs/cgroup/cpu,cpuacct/a");
    assert_int_equal(cgroup_find(mounts, groups, NULL, out, sizeof(out)), 0);
    assert_string_equal(out, "/sys/fs/cgroup/unified/user.slice/b.scope");
    assert_int_equal(cgroup_find(mounts, groups, "pids", out, sizeof(out)), -1);
    assert_int_equal(cgroup_find("", "", "memory", out, sizeof(out)), -1);
    assert_int_equal(cgroup_find("x - cgroup\n\n - \n", ":\n::\n", "memory", out, sizeof(out)), -1);
    cgroup_format_bytes(3ull << 29, out, sizeof(out));
    assert_string_equal(out, "1.5 GiB");
    cgroup_format_bytes(300ull << 20, out, sizeof(out));
    assert_string_equal(out, "300 MiB");
}

static void test_scope_command(void **state)
{
    (void)state;
    struct sandbox_spec spec = {.memory_bytes = 2ull << 30, .pids = 512, .cpus = 1.5};
    const char *const command[] = {"/x/muthr-tui", "shim", NULL};
    struct strvec v = STRVEC_INIT;
    limits_scope_argv(&spec, "muthr-a-1", true, command, &v);
    assert_string_equal(v.v[0], "systemd-run");
    assert_true(strvec_index(&v, "--unit=muthr-a-1") > 0);
    assert_true(strvec_index(&v, "MemoryMax=2147483648") > 0 && strvec_index(&v, "MemorySwapMax=0") > 0);
    assert_true(strvec_index(&v, "TasksMax=512") > 0 && strvec_index(&v, "CPUQuota=150%") > 0);
    assert_true(strvec_index(&v, "OOMPolicy=continue") > 0);
    assert_int_equal(strvec_index(&v, "--"), (int)v.len - 3);
    strvec_clear(&v);
    spec = (struct sandbox_spec){.pids = 10};
    limits_scope_argv(&spec, "u", false, command, &v);
    assert_int_equal(strvec_index(&v, "OOMPolicy=continue"), -1);
    assert_int_equal(strvec_index(&v, "MemorySwapMax=0"), -1);
    strvec_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distributions),         cmocka_unit_test(test_every_text_of_the_table),
        cmocka_unit_test(test_fixes_by_distribution), cmocka_unit_test(test_features),
        cmocka_unit_test(test_control_groups),        cmocka_unit_test(test_scope_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
