/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/podman_sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"

#if defined(__linux__)
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#endif

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

/* --- one number, one owner --- */

static void lock_path(char *path, size_t cap, int number)
{
    str_format(path, cap, POD_FOLDER ".lock", number);
}

int pod_lock(int number)
{
    char path[64];
    struct stat ours, there;
    lock_path(path, sizeof(path), number);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return -1;
    }
    /* Whoever ended the world removed the file: then this lock is one of a name that is gone. */
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &ours) < 0 || stat(path, &there) < 0 ||
        ours.st_ino != there.st_ino) {
        close(fd);
        return -1;
    }
    return fd;
}

void pod_unlock(int number, int fd)
{
    char path[64];
    lock_path(path, sizeof(path), number);
    unlink(path);
    close(fd);
}

void pod_environment(const char *base)
{
    static const char *const FOLDERS[][2] = {
        {"TMPDIR", ""},
        {"HOME", "/home"},
        {"XDG_CONFIG_HOME", "/home/.config"},
        {"XDG_DATA_HOME", "/home/.local/share"},
        {"XDG_STATE_HOME", "/home/.local/state"},
        {"XDG_CACHE_HOME", "/home/.cache"},
        {"XDG_RUNTIME_DIR", "/user"},
        {"CONTAINERS_CONF", "/containers.conf"},
        {"CONTAINERS_STORAGE_CONF", "/storage.conf"},
        {"CONTAINERS_REGISTRIES_CONF", "/registries.conf"},
    };
    static const char *const GONE[] = {
        "CONTAINER_HOST",       "CONTAINER_CONNECTION",
        "CONTAINER_SSHKEY",     "DOCKER_HOST",
        "STORAGE_DRIVER",       "STORAGE_OPTS",
        "PODMAN_USERNS",        "BUILDAH_FORMAT",
        "BUILDAH_ISOLATION",    "CONTAINERS_CONF_OVERRIDE",
        "MUTHR_WORKSPACE_ROOT", "MUTHR_TUI_CONFIG",
    };
    for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(*FOLDERS); i++) {
        char *value = xasprintf("%s%s", base, FOLDERS[i][1]);
        setenv(FOLDERS[i][0], value, 1);
        free(value);
    }
    for (size_t i = 0; i < sizeof(GONE) / sizeof(*GONE); i++) {
        unsetenv(GONE[i]);
    }
    /* `podman info` asks dpkg which package its helpers are of, six times, which is most of what it costs; nobody here
     * wants to know. Without a database the answer comes at once. */
    char *none = xasprintf("%s/dpkg", base);
    setenv("DPKG_ADMINDIR", none, 1);
    /* Its calls are short: a fifth of their work is to collect garbage that goes with them. */
    setenv("GOGC", "off", 1);
    setenv("GOMEMLIMIT", "512MiB", 1);
    free(none);
}

/* --- processes --- */

int pod_quiet(const char *const *argv, unsigned timeout_ms)
{
    int status = 0;
    struct strvec copy = STRVEC_INIT;
    uint64_t deadline = clock_mono_ms() + patience(timeout_ms);
    strvec_pushv(&copy, argv);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        setpgid(0, 0);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execvp(copy.v[0], copy.v);
        _exit(127);
    }
    strvec_release(&copy);
    while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_mono_ms() > deadline) {
            kill(-pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        nap();
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

size_t pod_proc_read(pid_t pid, const char *file, char *buf, size_t cap)
{
    char path[64];
    size_t len = 0;
    ssize_t n;
    str_format(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && len + 1 < cap && (n = read(fd, buf + len, cap - 1 - len)) > 0) {
        len += (size_t)n;
    }
    if (fd >= 0) {
        close(fd);
    }
    for (size_t i = 0; i < len; i++) {
        buf[i] = buf[i] ? buf[i] : ' ';
    }
    buf[len] = '\0';
    return len;
}

/* Does `text` name this folder or something below, and not one whose number only starts like it? */
static bool names_folder(const char *text, const char *base)
{
    size_t len = strlen(base);
    for (const char *p = text; (p = strstr(p, base)); p += len) {
        if (p[len] < '0' || p[len] > '9') {
            return true;
        }
    }
    return false;
}

/* Is the root of its file system a layer of this world? (A mount of the world that it sees elsewhere means nothing.) */
static bool root_is_in(char *mountinfo, const char *base)
{
    for (char *line = mountinfo, *next; line; line = next) {
        char at[8] = "";
        next = strchr(line, '\n');
        if (next) {
            *next++ = '\0';
        }
        if (sscanf(line, "%*s %*s %*s %*s %7s", at) == 1 && strcmp(at, "/") == 0 && names_folder(line, base)) {
            return true;
        }
    }
    return false;
}

static pid_t parent_pid(pid_t pid)
{
    char text[1024];
    int parent = 0;
    pod_proc_read(pid, "stat", text, sizeof(text));
    const char *p = strrchr(text, ')');
    return p && sscanf(p + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static bool is_ancestor(pid_t pid)
{
    for (pid_t p = getpid(); p > 1; p = parent_pid(p)) {
        if (p == pid) {
            return true;
        }
    }
    return false;
}

size_t pod_processes_of(const char *base, pid_t *pids, size_t cap)
{
    enum { ROOM = 1 << 18 };
    DIR *d = opendir("/proc");
    char *buf = xmalloc(ROOM);
    size_t n = 0;
    for (const struct dirent *e; d && n < cap && (e = readdir(d));) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid <= 1 || is_ancestor(pid)) {
            continue;
        }
        bool ours = pod_proc_read(pid, "cmdline", buf, ROOM) > 0 && names_folder(buf, base);
        if (strstr(buf, "/aardvark-dns ")) {
            continue; /* one for the machine: it serves whoever is left, and ends with the last network */
        }
        ours = ours || (pod_proc_read(pid, "environ", buf, ROOM) > 0 && names_folder(buf, base));
        ours = ours || (pod_proc_read(pid, "mountinfo", buf, ROOM) > 0 && root_is_in(buf, base));
        if (ours) {
            pids[n++] = pid;
        }
    }
    if (d) {
        closedir(d);
    }
    free(buf);
    return n;
}

/* Ends what is left, by pid. Conmon and the clean-up that it starts go by themselves within a second. */
static size_t end_processes(const char *base, bool quiet)
{
    pid_t left[256];
    char cmd[512];
    size_t n, ended = 0;
    uint64_t by_itself = clock_mono_ms() + (quiet ? 0 : patience(4000)), deadline = by_itself + 10000;
    while ((n = pod_processes_of(base, left, sizeof(left) / sizeof(*left))) > 0 && clock_mono_ms() < deadline) {
        if (clock_mono_ms() > by_itself) {
            for (size_t i = 0; i < n; i++) {
                if (!quiet && pod_proc_read(left[i], "cmdline", cmd, sizeof(cmd)) > 0) {
                    fprintf(stderr, "process %d of the podman world is left: %s\n", (int)left[i], cmd);
                }
                ended += kill(left[i], SIGKILL) == 0;
            }
        }
        nap();
    }
    return ended;
}

/* --- mounts, network --- */

#if defined(__linux__)

/* One mount point of ours, the innermost last mounted; NULL when there is none. */
static char *last_mount(const char *base)
{
    char *found = NULL, line[4096], at[2048];
    FILE *f = fopen("/proc/self/mountinfo", "r");
    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%*s %*s %*s %*s %2047s", at) == 1 && names_folder(at, base) &&
            strncmp(at, base, strlen(base)) == 0) {
            free(found);
            found = xstrdup(at);
        }
    }
    if (f) {
        fclose(f);
    }
    return found;
}

static void end_mounts(const char *base)
{
    char *at;
    while ((at = last_mount(base))) {
        int rc = umount2(at, MNT_DETACH | UMOUNT_NOFOLLOW);
        free(at);
        if (rc < 0) {
            return;
        }
    }
}

/* podman takes the bridge away with its last container; after a kill nobody did. */
static void end_bridge(int number)
{
    struct ifreq req = {0};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    str_format(req.ifr_name, sizeof(req.ifr_name), POD_BRIDGE, number);
    if (fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &req) == 0) {
        req.ifr_flags &= (short)~IFF_UP;
        ioctl(fd, SIOCSIFFLAGS, &req);
        ioctl(fd, SIOCBRDELBR, req.ifr_name);
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* A network namespace that a container had: its name is the only trace once the storage is gone. */
static void end_netns(const char *path)
{
    if (strncmp(path, "/run/netns/netns-", 17) == 0 || strncmp(path, "/var/run/netns/netns-", 21) == 0) {
        umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
        unlink(path);
    }
}

#else

static void end_mounts(const char *base)
{
    (void)base;
}

static void end_bridge(int number)
{
    (void)number;
}

static void end_netns(const char *path)
{
    (void)path;
}

#endif

/* The containers' network namespaces, while podman still knows them. */
static void note_netns(struct strvec *paths)
{
    char line[512];
    FILE *f = popen("podman ps -aq 2>/dev/null | xargs -r podman inspect "
                    "--format '{{.NetworkSettings.SandboxKey}}' 2>/dev/null",
                    "r");
    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0]) {
            strvec_push(paths, line);
        }
    }
    if (f) {
        pclose(f);
    }
}

size_t pod_sweep(int number, bool quiet)
{
    char base[64];
    struct strvec netns = STRVEC_INIT;
    str_format(base, sizeof(base), POD_FOLDER, number);
    char *conf = xasprintf("%s/containers.conf", base);
    bool used = fs_exists(conf);
    free(conf);
    char *stand_ins = xasprintf("%s/bin", base);
    fs_remove_tree(stand_ins, NULL);
    free(stand_ins);
    pod_environment(base);
    if (used) {
        note_netns(&netns);
        if (pod_quiet((const char *const[]){"podman", "rm", "-fa", "-t", "0", NULL}, 60000) != 0) {
            /* once more: `rm -f` fails now and then on a container that changes its state just then */
            pod_quiet((const char *const[]){"podman", "rm", "-fa", "-t", "0", NULL}, 60000);
        }
        pod_quiet((const char *const[]){"podman", "rmi", "-fa", NULL}, 60000);
    }
    size_t ended = end_processes(base, quiet);
    for (size_t i = 0; i < netns.len; i++) {
        end_netns(netns.v[i]);
    }
    strvec_release(&netns);
    end_mounts(base);
    end_bridge(number);
    fs_remove_tree(base, NULL);
    return ended;
}

void pod_sweep_stale(void)
{
    DIR *d = opendir("/tmp");
    int number, fd;
    char more;
    for (const struct dirent *e; d && (e = readdir(d));) {
        if (sscanf(e->d_name, "muthr-pod-%d%c", &number, &more) == 1 && (fd = pod_lock(number)) >= 0) {
            pid_t pid = fork(); /* the environment is the child's own */
            if (pid == 0) {
                pod_sweep(number, true);
                _exit(0);
            }
            waitpid(pid, NULL, 0);
            pod_unlock(number, fd);
        }
    }
    if (d) {
        closedir(d);
    }
}
