/* SPDX-License-Identifier: Apache-2.0 */
/* backends/profiles/baseline.sh in a root folder that holds nothing but busybox (S4). */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/skip.h"

#define SCRIPT "backends/profiles/baseline.sh"
#define BUSYBOX "/bin/busybox"

static char root[64];

static void make_dir(const char *rel)
{
    MT_CLEANUP(xfree) char *path = path_join(root, rel);
    assert_int_equal(fs_mkdirs(path, 0755, NULL), 0);
}

static void put(const char *rel, const char *text)
{
    MT_CLEANUP(xfree) char *path = path_join(root, rel);
    assert_int_equal(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

/* Caller frees. */
static char *get(const char *rel)
{
    MT_CLEANUP(xfree) char *path = path_join(root, rel);
    struct strbuf text = STRBUF_INIT;
    assert_int_equal(fs_read(path, 1 << 20, &text, NULL), 0);
    return strbuf_detach(&text, NULL);
}

static int setup(void **state)
{
    static const char *const TOOLS[] = {"sh",    "cat",    "cp", "chown", "date", "echo", "grep", "ls",
                                        "mkdir", "printf", "rm", "stat",  "test", "[",    "touch"};
    (void)state;
    if (geteuid() != 0 || access(BUSYBOX, X_OK) != 0) {
        return 0;
    }
    str_copy(root, sizeof(root), "/tmp/muthr-base-XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(chmod(root, 0755), 0);
    static const char *const DIRS[] = {"bin", "etc", "tmp", "root", "var/lib", "workspace", "home", "dev"};
    for (size_t i = 0; i < MT_ARRAY_LEN(DIRS); i++) {
        make_dir(DIRS[i]);
    }
    MT_CLEANUP(strbuf) struct strbuf bin = STRBUF_INIT;
    MT_CLEANUP(xfree) char *busybox = path_join(root, "bin/busybox");
    assert_int_equal(fs_read(BUSYBOX, 16 << 20, &bin, NULL), 0);
    assert_int_equal(fs_write_atomic(busybox, bin.buf, bin.len, 0755, NULL), 0);
    assert_int_equal(chmod(busybox, 0755), 0);
    for (size_t i = 0; i < MT_ARRAY_LEN(TOOLS); i++) {
        MT_CLEANUP(xfree) char *link = xasprintf("%s/bin/%s", root, TOOLS[i]);
        assert_int_equal(symlink("busybox", link), 0);
    }
    put("dev/null", "");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (root[0] != '\0') {
        assert_int_equal(fs_remove_tree(root, NULL), 0);
        root[0] = '\0';
    }
    return 0;
}

/* Runs the script as root in there; its output is for the caller. */
static char *run(const char *uid, const char *gid, int want)
{
    MT_CLEANUP(strbuf) struct strbuf script = STRBUF_INIT;
    struct strbuf out = STRBUF_INIT;
    int fds[2], status;
    char buf[512];
    ssize_t n;
    assert_int_equal(fs_read(SCRIPT, 1 << 20, &script, NULL), 0);
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], 1);
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        if (chroot(root) != 0 || chdir("/") != 0) {
            _exit(99);
        }
        execl("/bin/sh", "sh", "-c", script.buf, "baseline", uid, gid, "/workspace", (char *)NULL);
        _exit(98);
    }
    close(fds[1]);
    while ((n = read(fds[0], buf, sizeof(buf))) > 0) {
        strbuf_add(&out, buf, (size_t)n);
    }
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != want) {
        fail_msg("status %d: %s", status, out.buf);
    }
    return strbuf_detach(&out, NULL);
}

/* Runs it when what it says does not matter. */
static void run_well(const char *uid, const char *gid)
{
    free(run(uid, gid, 0));
}

static bool can_run(void)
{
    if (root[0] == '\0') {
        skip_because("needs root and %s", BUSYBOX);
    }
    return true;
}

static uid_t owner(const char *rel)
{
    MT_CLEANUP(xfree) char *path = path_join(root, rel);
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_uid;
}

/* Nothing is there and nothing can be installed: the user and the home are, and what is missing is said. */
static void test_bare(void **state)
{
    (void)state;
    if (!can_run()) {
        return;
    }
    MT_CLEANUP(xfree) char *out = run("1234", "77", 0);
    assert_non_null(strstr(out, "MUTHR-MISSING: bash curl git node npm sudo ca-certificates"));
    MT_CLEANUP(xfree) char *passwd = get("etc/passwd");
    MT_CLEANUP(xfree) char *group = get("etc/group");
    assert_non_null(strstr(passwd, "muthr:x:1234:77:muthr:/home/muthr:/bin/sh\n"));
    assert_non_null(strstr(group, "muthr:x:77:\n"));
    assert_int_equal(owner("home/muthr"), 1234);
    assert_int_equal(owner("home/muthr/.bashrc"), 1234);
    assert_int_equal(owner("home/muthr/.profile"), 1234);
    put("home/muthr/.bashrc", "# mine\n");
    free(get("var/lib/muthr/container-baseline-v2"));     /* it is there */
    MT_CLEANUP(xfree) char *again = run("1234", "77", 0); /* idempotent: what is somebody's stays */
    assert_null(strstr(again, "[PROC]"));
    MT_CLEANUP(xfree) char *bashrc = get("home/muthr/.bashrc"), *same = get("etc/passwd");
    assert_string_equal(bashrc, "# mine\n");
    assert_string_equal(same, passwd);
}

/* Another user has the uid, or ours another one: programs must show muthr. */
static void test_users(void **state)
{
    (void)state;
    if (!can_run()) {
        return;
    }
    put("etc/passwd", "root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\nmuthr:x:7:7::/x:/bin/sh\n");
    put("etc/group", "root:x:0:\nnode:x:1000:\n");
    put("etc/shadow", "root:*:1::::::\n");
    run_well("1000", "1000");
    MT_CLEANUP(xfree) char *passwd = get("etc/passwd"), *shadow = get("etc/shadow");
    char *ours = strstr(passwd, "muthr:x:1000:1000:"), *theirs = strstr(passwd, "node:");
    assert_true(ours != NULL && theirs != NULL && ours < theirs && strncmp(passwd, "root:", 5) == 0);
    assert_null(strstr(passwd, "muthr:x:7:"));
    assert_non_null(strstr(shadow, "muthr:!:"));
}

/* Another machine's: who owns the project. Root stays root. */
static void test_owner_of_workspace(void **state)
{
    (void)state;
    if (!can_run()) {
        return;
    }
    run_well("0", "0");
    MT_CLEANUP(xfree) char *passwd = get("etc/passwd");
    assert_int_equal(owner("home/muthr"), 0);
    assert_non_null(strstr(passwd, "muthr:x:0:0:"));
    MT_CLEANUP(xfree) char *workspace = path_join(root, "workspace");
    assert_int_equal(chown(workspace, 4321, 4321), 0);
    run_well("auto", "auto");
    assert_int_equal(owner("home/muthr"), 4321);
}

/* A golden image brings a home along; a link in a home leads root nowhere. */
static void test_homes(void **state)
{
    (void)state;
    if (!can_run()) {
        return;
    }
    make_dir("var/lib/muthr/home/.local/bin");
    put("var/lib/muthr/home/.bashrc", "# baked\n");
    put("var/lib/muthr/home/.local/bin/tool", "x");
    run_well("1000", "1000");
    MT_CLEANUP(xfree) char *bashrc = get("home/muthr/.bashrc");
    assert_string_equal(bashrc, "# baked\n");
    assert_int_equal(owner("home/muthr/.local/bin/tool"), 1000);
    MT_CLEANUP(xfree) char *profile = path_join(root, "home/muthr/.profile");
    assert_int_equal(unlink(profile), 0);
    assert_int_equal(symlink("/etc/evil", profile), 0);
    run_well("1000", "1000");
    MT_CLEANUP(xfree) char *evil = path_join(root, "etc/evil");
    assert_false(fs_exists(evil));
}

/* A package manager that fails is a failure with its name, and is tried again. */
static void test_package_manager_fails(void **state)
{
    (void)state;
    if (!can_run()) {
        return;
    }
    put("bin/apt-get", "#!/bin/sh\necho \"$@\" >>/tmp/calls\nexit 100\n");
    MT_CLEANUP(xfree) char *path = path_join(root, "bin/apt-get"), *marker = path_join(root, "var/lib/muthr");
    assert_int_equal(chmod(path, 0755), 0);
    MT_CLEANUP(xfree) char *out = run("1000", "1000", 1);
    assert_non_null(strstr(out, "MUTHR-ERROR: apt-get update failed"));
    assert_false(fs_exists(marker));
    put("bin/apt-get", "#!/bin/sh\necho \"$@\" >>/tmp/calls\n");
    assert_int_equal(chmod(path, 0755), 0);
    run_well("1000", "1000");
    MT_CLEANUP(xfree) char *calls = get("tmp/calls");
    assert_non_null(strstr(calls, "install bash curl git nodejs npm sudo ca-certificates"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bare, setup, teardown),
        cmocka_unit_test_setup_teardown(test_users, setup, teardown),
        cmocka_unit_test_setup_teardown(test_owner_of_workspace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_homes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_package_manager_fails, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
