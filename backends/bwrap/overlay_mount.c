/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/overlay_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/bwrap/overlay_private.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define FUSE_MAGIC 0x65735546
#define FUSE_READY_MS 5000

static const char *const way_names[] = {[OVERLAY_WAY_NONE] = "none",
                                        [OVERLAY_WAY_BWRAP] = "bwrap --overlay",
                                        [OVERLAY_WAY_OWN] = "own mount",
                                        [OVERLAY_WAY_FUSE] = "fuse-overlayfs"};

const char *overlay_way_name(enum overlay_way way)
{
    return way_names[way];
}

enum overlay_kind overlay_way_kind(enum overlay_way way)
{
    return way == OVERLAY_WAY_FUSE ? OVERLAY_FUSE : OVERLAY_KERNEL;
}

/* Says what did not work, with errno, where bwrap's own words go. */
static int complain(const char *what)
{
    char line[200];
    str_format(line, sizeof(line), "overlay workspace: %s: %s\n", what, strerror(errno));
    ssize_t n = write(2, line, strlen(line));
    (void)n;
    return -1;
}

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t n = write(fd, text, strlen(text)), len = (ssize_t)strlen(text);
    int sys = errno;
    close(fd);
    errno = sys;
    return n == len ? 0 : -1;
}

/* Namespaces in which we may mount: root needs no user namespace. Ids stay as they are. */
static int enter_namespaces(void)
{
    bool root = geteuid() == 0;
    char map[64];
    unsigned uid = (unsigned)geteuid(), gid = (unsigned)getegid();
    if (unshare(CLONE_NEWNS | (root ? 0 : CLONE_NEWUSER)) < 0) {
        return complain("no namespaces of its own");
    }
    if (!root) {
        str_format(map, sizeof(map), "%u %u 1\n", uid, uid);
        write_file("/proc/self/setgroups", "deny\n");
        if (write_file("/proc/self/uid_map", map) < 0) {
            return complain("uid map");
        }
        str_format(map, sizeof(map), "%u %u 1\n", gid, gid);
        if (write_file("/proc/self/gid_map", map) < 0) {
            return complain("gid map");
        }
    }
    return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? complain("mount namespace") : 0;
}

/* A folder, in the mount namespace that we are in now: descriptors from before belong to the old one. */
static int open_folder(const char *dir, const char *name)
{
    char path[4400];
    if (str_format(path, sizeof(path), "%s/overlay/%s", dir, name) < 0) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int overlay_mount_here(const struct overlay_mount *m)
{
    struct stat st;
    char options[256];
    if (enter_namespaces() < 0) {
        return -1;
    }
    int lower = overlay_open_project(m->workspace, NULL);
    if (lower < 0 || fstat(lower, &st) < 0) {
        return complain("project folder");
    }
    if ((uint64_t)st.st_dev != m->dev || (uint64_t)st.st_ino != m->ino) {
        errno = ESTALE;
        return complain("another folder took the place of the project");
    }
    int upper = open_folder(m->dir, "upper"), work = open_folder(m->dir, "work"),
        merged = open_folder(m->dir, "merged");
    if (upper < 0 || work < 0 || merged < 0) {
        return complain("upper, work or merged");
    }
    /* By descriptor: no name can be swapped, and no character in one ends an option. */
    str_format(options, sizeof(options),
               "lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,userxattr", lower, upper,
               work);
    char target[64];
    str_format(target, sizeof(target), "/proc/self/fd/%d", merged);
    if (mount("overlay", target, "overlay", MS_NOSUID | MS_NODEV, options) < 0) {
        return complain("the kernel refuses the mount");
    }
    const int fds[] = {lower, upper, work, merged};
    for (size_t i = 0; i < MT_ARRAY_LEN(fds); i++) {
        close(fds[i]);
    }
    return 0;
}

/* --- fuse --- */

/* /usr/bin first, then /bin and /usr/local/bin; NULL when it is nowhere. */
static const char *fuse_program(void)
{
    static const char *const paths[] = {"/usr/bin/fuse-overlayfs", "/bin/fuse-overlayfs",
                                        "/usr/local/bin/fuse-overlayfs"};
    for (size_t i = 0; i < MT_ARRAY_LEN(paths); i++) {
        if (access(paths[i], X_OK) == 0) {
            return paths[i];
        }
    }
    return NULL;
}

/* A path as a value of an option: a comma or colon in it would end it. */
static bool is_plain_option(const char *path)
{
    return strpbrk(path, ",:\\") == NULL;
}

static bool is_mounted(const char *merged)
{
    struct statfs fs;
    return statfs(merged, &fs) == 0 && (unsigned long)fs.f_type == FUSE_MAGIC;
}

int overlay_fuse_start(const char *dir, const char *workspace, pid_t *pid, struct error *err)
{
    MT_CLEANUP(xfree) char *merged = path_join(dir, "overlay/merged");
    MT_CLEANUP(xfree)
    char *options = xasprintf("lowerdir=%s,upperdir=%s/overlay/upper,workdir=%s/overlay/work", workspace, dir, dir);
    const char *program = fuse_program();
    pid_t self = getpid();
    *pid = 0;
    if (program == NULL || !is_plain_option(workspace) || !is_plain_option(dir)) {
        return error_set(err, ERROR_UNAVAILABLE, "fuse-overlayfs %s",
                         program == NULL ? "is not installed" : "cannot take a path with , : or a backslash in it");
    }
    overlay_fuse_end(dir, 0); /* what a crash may have left */
    pid_t child = fork();
    if (child == 0) {
        char name[] = "fuse-overlayfs", f[] = "-f", o[] = "-o";
        char *const argv[] = {name, f, o, options, merged, NULL};
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self) {
            _exit(126);
        }
        execv(program, argv);
        _exit(127);
    }
    if (child < 0) {
        return error_sys(err, errno, "start fuse-overlayfs");
    }
    for (uint64_t end = clock_mono_ms() + FUSE_READY_MS; clock_mono_ms() < end; poll(NULL, 0, 5)) {
        int status;
        if (is_mounted(merged)) {
            *pid = child;
            return 0;
        }
        if (waitpid(child, &status, WNOHANG) == child) {
            return error_set(err, ERROR_UNAVAILABLE, "fuse-overlayfs could not mount the workspace%s",
                             access("/dev/fuse", R_OK | W_OK) < 0 ? ": /dev/fuse: permission denied" : "");
        }
    }
    overlay_fuse_end(dir, child);
    return error_set(err, ERROR_TIMEOUT, "fuse-overlayfs did not mount the workspace in time");
}

void overlay_fuse_end(const char *dir, pid_t pid)
{
    MT_CLEANUP(xfree) char *merged = path_join(dir, "overlay/merged");
    struct statfs fs;
    bool stale = statfs(merged, &fs) < 0 && errno == ENOTCONN;
    if (stale || is_mounted(merged)) {
        if (umount2(merged, MNT_DETACH) < 0) {
            static const char *const programs[] = {"/usr/bin/fusermount3", "/bin/fusermount3", "/usr/bin/fusermount"};
            char name[] = "fusermount3", u[] = "-uz", dashes[] = "--";
            char *const argv[] = {name, u, dashes, merged, NULL};
            pid_t child = fork();
            for (size_t i = 0; child == 0 && i < MT_ARRAY_LEN(programs); i++) {
                execv(programs[i], argv);
            }
            if (child == 0) {
                _exit(127);
            }
            while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
            }
        }
    }
    if (pid > 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
}

/* --- the choice --- */

/* Does our own mount work with these folders? */
static bool try_own(const char *dir, char *why, size_t cap)
{
    int fds[2], status = 0;
    struct stat st;
    if (stat(dir, &st) < 0 || pipe2(fds, O_CLOEXEC) < 0) {
        str_copy(why, cap, strerror(errno));
        return false;
    }
    MT_CLEANUP(xfree) char *lower = path_join(dir, "lower");
    pid_t pid = stat(lower, &st) == 0 ? fork() : -1;
    if (pid == 0) {
        struct overlay_mount m = {
            .dir = dir, .workspace = lower, .dev = (uint64_t)st.st_dev, .ino = (uint64_t)st.st_ino};
        dup2(fds[1], 2);
        _exit(overlay_mount_here(&m) < 0 ? 1 : 0);
    }
    close(fds[1]);
    ssize_t n = pid > 0 ? read(fds[0], why, cap - 1) : 0;
    why[n > 0 ? n : 0] = '\0';
    why[strcspn(why, "\n")] = '\0';
    close(fds[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Does fuse-overlayfs? */
static bool try_fuse(const char *dir, char *why, size_t cap)
{
    MT_CLEANUP(xfree) char *lower = path_join(dir, "lower");
    struct error err = ERROR_INIT;
    pid_t pid;
    if (overlay_fuse_start(dir, lower, &pid, &err) < 0) {
        str_copy(why, cap, err.msg);
        return false;
    }
    overlay_fuse_end(dir, pid);
    return true;
}

enum overlay_way overlay_mount_choose(const struct preflight_features *f, const char *scratch, char *why, size_t cap)
{
    static const char *const folders[] = {"lower", "overlay/upper", "overlay/work", "overlay/merged"};
    char own[200], fuse[200];
    enum overlay_way way = OVERLAY_WAY_NONE;
    const char *forced = getenv("MUTHR_TUI_OVERLAY"); /* own, fuse: for tests, and where the first way is broken */
    bool any = forced == NULL || forced[0] == '\0';
    why[0] = own[0] = fuse[0] = '\0';
    if (any && f->overlay && !f->is_setuid) {
        return OVERLAY_WAY_BWRAP;
    }
    MT_CLEANUP(xfree) char *dir = xasprintf("%s/.overlay-probe-XXXXXX", scratch);
    struct error err = ERROR_INIT;
    bool made = fs_mkdirs(scratch, 0700, &err) == 0 && mkdtemp(dir) != NULL;
    for (size_t i = 0; made && i < MT_ARRAY_LEN(folders); i++) {
        MT_CLEANUP(xfree) char *path = path_join(dir, folders[i]);
        made = fs_mkdirs(path, 0700, &err) == 0;
    }
    if (!made) {
        str_format(why, cap, "no place to try it: %s", err.code != ERROR_NONE ? err.msg : strerror(errno));
        return OVERLAY_WAY_NONE;
    }
    if ((any || strcmp(forced, "own") == 0) && try_own(dir, own, sizeof(own))) {
        way = OVERLAY_WAY_OWN;
    } else if ((any || strcmp(forced, "fuse") == 0) && try_fuse(dir, fuse, sizeof(fuse))) {
        way = OVERLAY_WAY_FUSE;
    } else {
        str_format(why, cap, "bwrap %s has no --overlay; %s; %s", f->version, own, fuse);
    }
    fs_remove_tree(dir, NULL);
    return way;
}
