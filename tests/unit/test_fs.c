/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#include <sys/mount.h>
#endif

#include <cmocka.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/skip.h"

static char g_dir[64];

static int setup(void **state)
{
    (void)state;
    (void)str_format(g_dir, sizeof(g_dir), "/tmp/mt-fs-XXXXXX");
    return mkdtemp(g_dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return fs_remove_tree(g_dir, NULL);
}

/* A path in the test's folder; freed with the process: at most some hundred short strings. */
static const char *in(const char *name)
{
    static char buf[8][512];
    static unsigned next;
    char *p = buf[next++ % 8];
    (void)str_format(p, sizeof(buf[0]), "%s/%s", g_dir, name);
    return p;
}

static void put(const char *name, const char *text)
{
    struct error err = ERROR_INIT;
    if (fs_write_atomic(in(name), text, strlen(text), 0600, &err) != 0) {
        fail_msg("%s", err.msg);
    }
}

static void holds(const char *name, const char *text)
{
    struct strbuf sb = STRBUF_INIT;
    struct error err = ERROR_INIT;
    if (fs_read(in(name), 1 << 20, &sb, &err) != 0) {
        fail_msg("%s", err.msg);
    }
    assert_string_equal(sb.buf, text);
    strbuf_release(&sb);
}

/* How many names are in the test's folder. */
static size_t count_names(const char *path)
{
    struct strvec v = STRVEC_INIT;
    assert_int_equal(fs_list(path, &v, NULL), 0);
    size_t n = v.len;
    strvec_release(&v);
    return n;
}

/* Runs `fn` in a child, as nobody when we are root; its result. */
static int in_child(int (*fn)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(99);
        }
        _exit(fn());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static void test_mkdirs(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct stat st;
    umask(022);
    assert_int_equal(fs_mkdirs(in("a/b//c/"), 0700, &err), 0);
    assert_int_equal(fs_mkdirs(in("a/b/c"), 0700, &err), 0);
    assert_int_equal(stat(in("a/b"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    put("file", "x");
    assert_int_equal(fs_mkdirs(in("file"), 0700, &err), -1);
    assert_int_equal(err.sys, ENOTDIR);
    assert_int_equal(fs_mkdirs(in("file/sub"), 0700, &err), -1);
    assert_non_null(strstr(err.msg, "file"));
    assert_int_equal(fs_mkdirs("", 0700, &err), -1);
    assert_int_equal(symlink("a", in("link")), 0);
    assert_int_equal(fs_mkdirs(in("link/d"), 0700, &err), 0);
    assert_true(fs_is_dir(in("a/d")));
    assert_int_equal(fs_mkdirs("/", 0700, &err), 0);
}

static void test_read(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct strbuf sb = STRBUF_INIT;
    put("f", "12345");
    strbuf_addstr(&sb, ">");
    assert_int_equal(fs_read(in("f"), 5, &sb, &err), 0);
    assert_string_equal(sb.buf, ">12345");
    assert_int_equal(fs_read(in("f"), 4, &sb, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    /* What was there stays. */
    assert_string_equal(sb.buf, ">12345");
    assert_int_equal(fs_read(g_dir, 100, &sb, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(fs_read("/dev/zero", 100, &sb, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    /* A FIFO without a writer must not hang. */
    assert_int_equal(mkfifo(in("fifo"), 0600), 0);
    assert_int_equal(fs_read(in("fifo"), 100, &sb, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(fs_read(in("none"), 100, &sb, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.msg, in("none")));
    strbuf_release(&sb);
}

static void test_write_atomic(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct stat st;
    umask(077);
    assert_int_equal(fs_write_atomic(in("f"), "one", 3, 0644, &err), 0);
    assert_int_equal(fs_write_atomic(in("f"), "two", 3, 0600, &err), 0);
    holds("f", "two");
    assert_int_equal(stat(in("f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fs_write_atomic(in("f"), "", 0, 0644, &err), 0);
    holds("f", "");
    assert_int_equal(stat(in("f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(fs_write_atomic(in("none/f"), "x", 1, 0600, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(fs_write_atomic(g_dir, "x", 1, 0600, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    /* A link into a dotfiles folder stays a link for a person's files; one in the place of our own is replaced. */
    assert_int_equal(mkdir(in("dots"), 0700), 0);
    put("dots/real", "old");
    assert_int_equal(symlink("dots/real", in("link")), 0);
    assert_int_equal(fs_write_through(in("link"), "new", 3, 0600, &err), 0);
    holds("dots/real", "new");
    assert_int_equal(lstat(in("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    put("link", "own");
    holds("dots/real", "new");
    holds("link", "own");
    assert_int_equal(lstat(in("link"), &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_true(fs_is_same(in("dots/real"), in("dots/../dots/real")));
    assert_false(fs_is_same(in("link"), in("dots/real")));
    assert_false(fs_is_same(in("none"), in("none")));
    assert_int_equal(count_names(g_dir), 3);
    assert_int_equal(count_names(in("dots")), 1);
}

/* No room: the old file survives and nothing is left behind. RLIMIT_FSIZE stands in for a full disk everywhere. */
static int write_too_much(void)
{
    static char big[65536];
    struct error err = ERROR_INIT;
    struct rlimit limit = {1000, 1000};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 2;
    }
    if (fs_write_atomic(in("open/f"), big, sizeof(big), 0600, &err) == 0) {
        return 3;
    }
    return err.sys == EFBIG && strstr(err.msg, "open/f") ? 0 : 4;
}

static void test_no_room(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(chmod(g_dir, 0755), 0);
    assert_int_equal(mkdir(in("open"), 0777), 0);
    assert_int_equal(chmod(in("open"), 0777), 0);
    put("open/f", "precious");
    assert_int_equal(in_child(write_too_much), 0);
    holds("open/f", "precious");
    assert_int_equal(count_names(in("open")), 1);
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(fs_append("/dev/full", "x", 1, 0600, &err), -1);
        assert_int_equal(err.sys, ENOSPC);
        assert_non_null(err.hint);
    }
}

#if defined(__linux__)
/* One line into a file of /proc; the kernel wants it in one write. */
static void proc_write(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = write(fd, line, strlen(line));
        (void)n;
        close(fd);
    }
}

/* A mount namespace of our own: with a user namespace, mapped to ourselves, when we are not root. */
static bool private_mounts(void)
{
    char uid[64], gid[64];
    bool root = geteuid() == 0;
    (void)str_format(uid, sizeof(uid), "0 %lu 1", (unsigned long)geteuid());
    (void)str_format(gid, sizeof(gid), "0 %lu 1", (unsigned long)getegid());
    if (unshare(CLONE_NEWNS | (root ? 0 : CLONE_NEWUSER)) != 0) {
        return false;
    }
    if (!root) {
        proc_write("/proc/self/setgroups", "deny");
        proc_write("/proc/self/uid_map", uid);
        proc_write("/proc/self/gid_map", gid);
    }
    return mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0;
}

/* The real thing where a private mount namespace can be had: a tmpfs of 64 KiB. 77: not possible here. */
static int fill_tmpfs(void)
{
    static char big[1 << 20];
    struct error err = ERROR_INIT;
    if (!private_mounts() || mount("tmpfs", g_dir, "tmpfs", 0, "size=64k") != 0) {
        return 77;
    }
    if (fs_write_atomic(in("f"), "precious", 8, 0600, &err) != 0) {
        return 2;
    }
    if (fs_write_atomic(in("f"), big, sizeof(big), 0600, &err) == 0 || err.sys != ENOSPC || !err.hint) {
        return 3;
    }
    struct strbuf sb = STRBUF_INIT;
    bool kept = fs_read(in("f"), 100, &sb, &err) == 0 && strcmp(sb.buf, "precious") == 0;
    strbuf_release(&sb);
    return kept && count_names(g_dir) == 1 ? 0 : 4;
}

static void test_full_disk(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(fill_tmpfs());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        skip_because("no private mount of a small tmpfs is to be had");
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}
#endif

/* As an ordinary user in a folder that cannot be written. */
static int write_denied(void)
{
    struct error err = ERROR_INIT;
    struct strbuf sb = STRBUF_INIT;
    if (fs_write_atomic(in("f"), "x", 1, 0600, &err) == 0 || err.code != ERROR_DENIED || !err.hint) {
        return 2;
    }
    if (fs_append(in("new"), "x", 1, 0600, &err) == 0 || err.code != ERROR_DENIED) {
        return 3;
    }
    if (fs_mkdirs(in("d/e"), 0700, &err) == 0 || err.code != ERROR_DENIED) {
        return 4;
    }
    if (fs_read(in("f"), 100, &sb, &err) == 0 || err.code != ERROR_DENIED) {
        return 5;
    }
    if (fs_remove_tree(in("sub"), &err) == 0 || err.code != ERROR_DENIED) {
        return 6;
    }
    return 0;
}

static void test_read_only(void **state)
{
    (void)state;
    put("f", "kept");
    assert_int_equal(mkdir(in("sub"), 0755), 0);
    put("sub/x", "kept");
    assert_int_equal(chmod(in("f"), 0), 0);
    assert_int_equal(chmod(in("sub"), 0555), 0);
    assert_int_equal(chmod(g_dir, 0555), 0);
    int rc = in_child(write_denied);
    assert_int_equal(chmod(g_dir, 0755), 0);
    assert_int_equal(chmod(in("f"), 0600), 0);
    /* Without root the owner is the same: sub is emptied (its mode is repaired), and only its own name resists. */
    assert_int_equal(rc, 0);
    holds("f", "kept");
}

static void test_append(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(fs_append(in("f"), "one\n", 4, 0600, &err), 0);
    assert_int_equal(fs_append(in("f"), "two\n", 4, 0600, &err), 0);
    holds("f", "one\ntwo\n");
    assert_int_equal(fs_append(in("none/f"), "x", 1, 0600, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_set_aside(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *name = NULL;
    for (int i = 1; i <= 2; i++) {
        put("s.json", i == 1 ? "first" : "second");
        assert_int_equal(fs_set_aside(in("s.json"), &name, &err), 0);
        assert_string_equal(name, in(i == 1 ? "s.json.broken-1" : "s.json.broken-2"));
        free(name);
    }
    holds("s.json.broken-1", "first");
    holds("s.json.broken-2", "second");
    assert_false(fs_exists(in("s.json")));
    assert_int_equal(fs_set_aside(in("s.json"), NULL, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_list(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct strvec v = STRVEC_INIT;
    put("b", "");
    put("a\nb", "");
    put(".hidden", "");
    assert_int_equal(fs_list(g_dir, &v, &err), 0);
    assert_int_equal(v.len, 3);
    assert_string_equal(v.v[0], ".hidden");
    assert_string_equal(v.v[1], "a\nb");
    assert_int_equal(fs_list(in("b"), &v, &err), -1);
    assert_int_equal(fs_list(in("none"), &v, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(v.len, 3);
    assert_true(fs_exists(in("b")) && !fs_is_dir(in("b")) && fs_is_dir(g_dir) && !fs_exists(in("none")));
    strvec_release(&v);
}

static void test_remove_tree(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(fs_remove_tree(in("none"), &err), 0);
    assert_int_equal(fs_mkdirs(in("outside/deep"), 0700, &err), 0);
    put("outside/deep/keep", "x");
    assert_int_equal(fs_mkdirs(in("t/a/b"), 0700, &err), 0);
    put("t/a/f", "x");
    put("t/a/b/-rf\n*", "x");
    assert_int_equal(symlink("../outside", in("t/link")), 0);
    assert_int_equal(symlink("/", in("t/a/root")), 0);
    assert_int_equal(mkfifo(in("t/fifo"), 0600), 0);
    assert_int_equal(chmod(in("t/a/b"), 0), 0);
    assert_int_equal(chmod(in("t/a"), 0500), 0);
    assert_int_equal(fs_remove_tree(in("t"), &err), 0);
    assert_false(fs_exists(in("t")));
    holds("outside/deep/keep", "x");
    /* A symlink given itself: the link goes, its target stays. A file is removed too. */
    assert_int_equal(symlink("outside", in("l")), 0);
    assert_int_equal(fs_remove_tree(in("l"), &err), 0);
    holds("outside/deep/keep", "x");
    put("file", "x");
    assert_int_equal(fs_remove_tree(in("file"), &err), 0);
    assert_false(fs_exists(in("file")));
}

/* Deeper than there are descriptors, and far beyond PATH_MAX. */
static void test_remove_deep(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(mkdir(in("t"), 0700), 0);
    int fd = open(in("t"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(fd, "a_rather_long_name", 0700), 0);
        if (i % 100 == 0) {
            assert_int_equal(symlinkat("/", fd, "root"), 0);
        }
        int below = openat(fd, "a_rather_long_name", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(below >= 0);
        close(fd);
        fd = below;
    }
    close(fd);
    if (fs_remove_tree(in("t"), &err) != 0) {
        fail_msg("%s", err.msg);
    }
    assert_false(fs_exists(in("t")));
}

static void test_copy_tree(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct stat st;
    char target[64] = {0};
    assert_int_equal(fs_mkdirs(in("t/a"), 0700, &err), 0);
    put("t/a/f", "data");
    put("t/run.sh", "#!");
    assert_int_equal(chmod(in("t/run.sh"), 0755), 0);
    assert_int_equal(symlink("/nowhere", in("t/link")), 0);
    assert_int_equal(mkfifo(in("t/fifo"), 0600), 0);
    assert_int_equal(chmod(in("t/a"), 0550), 0);
    assert_int_equal(fs_copy_tree(in("t"), in("u"), &err), 0);
    holds("u/a/f", "data");
    assert_int_equal(stat(in("u/run.sh"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    assert_int_equal(stat(in("u/a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0550);
    assert_true(readlink(in("u/link"), target, sizeof(target) - 1) > 0);
    assert_string_equal(target, "/nowhere");
    assert_false(fs_exists(in("u/fifo")));
    /* Nothing is overwritten. */
    assert_int_equal(fs_copy_tree(in("t"), in("u"), &err), -1);
    assert_int_equal(err.code, ERROR_EXISTS);
    assert_int_equal(fs_copy_tree(in("none"), in("v"), &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_false(fs_exists(in("v")));
    assert_int_equal(fs_copy_tree(in("t"), in("no/such/place"), &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mkdirs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_atomic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
#if defined(__linux__)
        cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
#endif
        cmocka_unit_test_setup_teardown(test_read_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_append, setup, teardown),
        cmocka_unit_test_setup_teardown(test_set_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove_deep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy_tree, setup, teardown),
    };
    return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
