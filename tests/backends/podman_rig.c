/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/podman_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/vfs.h>
#endif

#include "core/io/fd.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/backends/podman_net.h"
#include "tests/backends/podman_sweep.h"
#include "tests/patience.h"
#include "tests/portable.h"
#include "tests/skip.h"

struct pod_world pod;
static int lock_fd = -1, watcher_fd = -1;
static pid_t watcher;
static char podman_path[4096];

/* --- can it run here? --- */

static bool find_program(const char *name, char *path, size_t cap)
{
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t len = strcspn(at, ":");
        str_format(path, cap, "%.*s/%s", (int)len, at, name);
        if (access(path, X_OK) == 0) {
            return true;
        }
        at += len + (at[len] == ':');
    }
    return false;
}

/* Containers need the privileges for mounts and for networks. */
static bool has_privileges(void)
{
    char text[4096];
    unsigned long long caps = 0;
    pod_proc_read(getpid(), "status", text, sizeof(text));
    const char *p = strstr(text, "CapEff:");
    return p && sscanf(p + 7, "%llx", &caps) == 1 && (caps >> 21 & 1) && (caps >> 12 & 1);
}

static const char *why_not(void)
{
    char path[4096];
#if !defined(__linux__)
    return "podman with a private store runs on Linux only";
#endif
    if (geteuid() != 0) {
        return "podman with a private store and network needs root";
    }
    if (!find_program("podman", podman_path, sizeof(podman_path))) {
        return "podman is not installed";
    }
    if (!find_program("busybox", path, sizeof(path))) {
        return "busybox-static is not installed: the test image is made of it";
    }
    return has_privileges() ? NULL : "root here may neither mount nor make networks (no CAP_SYS_ADMIN, CAP_NET_ADMIN)";
}

static void skipped_test(void **state)
{
    (void)state;
    skip_because("%s", pod.skipped);
}

int pod_main(int (*run)(void))
{
    const struct CMUnitTest nothing[] = {cmocka_unit_test(skipped_test)};
    ssize_t n = self_path(pod.program, sizeof(pod.program) - 1);
    char *end = pod.program + (n > 0 ? n : 0);
    /* build/MODE/tests/backends/test_x -> build/MODE/muthr-tui */
    for (int i = 0; i < 3; i++) {
        while (end > pod.program && *--end != '/') {
        }
    }
    str_copy(end, sizeof(pod.program) - (size_t)(end - pod.program), "/muthr-tui");
    pod.skipped = why_not();
    return pod.skipped ? cmocka_run_group_tests_name("podman", nothing, NULL, NULL) : run();
}

/* --- the world --- */

/* Sweeps as soon as the test process is gone without having done so. */
static void watch(int fd)
{
    char ch;
    setsid();
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++) {
        dup2(null, i);
    }
    ssize_t n;
    while ((n = read(fd, &ch, 1)) < 0 && errno == EINTR) {
    }
    if (n == 0) {
        pod_sweep(pod.number, true);
        pod_unlock(pod.number, lock_fd);
    }
    _exit(0);
}

static int start_watcher(void)
{
    int p[2];
    if (fd_pipe(p) < 0 || (watcher = fork()) < 0) {
        return -1;
    }
    if (watcher == 0) {
        close(p[1]);
        watch(p[0]);
    }
    close(p[0]);
    watcher_fd = p[1];
    return 0;
}

static bool interface_exists(const char *name)
{
    char path[128];
    str_format(path, sizeof(path), "/sys/class/net/%s", name);
    return access(path, F_OK) == 0;
}

/* A number of which nothing is on this machine. */
static int take_number(void)
{
    for (int i = 0; i < POD_NUMBERS; i++) {
        int number = 1 + (int)(((unsigned)getpid() * 7u + (unsigned)i) % POD_NUMBERS);
        str_format(pod.base, sizeof(pod.base), POD_FOLDER, number);
        str_format(pod.network, sizeof(pod.network), POD_BRIDGE, number);
        if (interface_exists(pod.network) || (lock_fd = pod_lock(number)) < 0) {
            continue;
        }
        if (mkdir(pod.base, 0755) == 0) {
            pod.number = number;
            pod.port_base = 20000 + number * 20;
            return 0;
        }
        pod_unlock(number, lock_fd);
    }
    fprintf(stderr, "no free number for a podman world\n");
    return -1;
}

static int write_below(const char *name, const char *text)
{
    struct error err = ERROR_INIT;
    char *path = path_join(pod.base, name);
    int rc = fs_write_atomic(path, text, strlen(text), 0644, &err);
    if (rc < 0) {
        fprintf(stderr, "%s\n", err.msg);
    }
    free(path);
    return rc;
}

/* Layers cannot be stacked on a stacked file system, which is what /tmp is inside some containers. */
static const char *storage_driver(void)
{
#if defined(__linux__)
    struct statfs fs;
    if (statfs(pod.base, &fs) == 0 && fs.f_type == 0x794c7630) {
        return "vfs";
    }
#endif
    return "overlay";
}

static int write_configuration(void)
{
    char path[4096], name[64];
    const char *runtime = find_program("runc", path, sizeof(path)) ? "runc" : "crun";
    int n = pod.number, rc = 0;
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    strbuf_addf(&b, "[containers]\ndefault_ulimits=[\"nofile=1024:1024\",\"nproc=4096:4096\"]\n");
    strbuf_addf(&b, "[network]\nnetwork_config_dir=\"%s/net\"\ndefault_network=\"%s\"\n", pod.base, pod.network);
    strbuf_addf(&b,
                "default_subnet_pools=[{\"base\"=\"10.233.%d.0/24\",\"size\"=29},"
                "{\"base\"=\"10.234.%d.0/24\",\"size\"=29}]\n",
                n, n); /* 64 networks */
    strbuf_addf(&b, "[engine]\nruntime=\"%s\"\ncgroup_manager=\"cgroupfs\"\nevents_logger=\"file\"\n", runtime);
    strbuf_addf(&b, "lock_type=\"file\"\ntmp_dir=\"%s/tmp\"\nexit_command_delay=1\n", pod.base);
    rc |= write_below("containers.conf", b.buf);
    strbuf_clear(&b);
    strbuf_addf(&b, "[storage]\ndriver=\"%s\"\ngraphroot=\"%s/root\"\nrunroot=\"%s/run\"\n", storage_driver(), pod.base,
                pod.base);
    rc |= write_below("storage.conf", b.buf);
    rc |= write_below("registries.conf", "unqualified-search-registries = []\n");
    strbuf_clear(&b);
    strbuf_addf(&b,
                "{\"name\":\"%s\",\"id\":\"%064d\",\"driver\":\"bridge\",\"network_interface\":\"%s\","
                "\"created\":\"2026-01-01T00:00:00Z\",\"subnets\":[{\"subnet\":\"10.232.%d.0/24\","
                "\"gateway\":\"10.232.%d.1\"}],\"ipv6_enabled\":false,\"internal\":false,\"dns_enabled\":false,"
                "\"ipam_options\":{\"driver\":\"host-local\"}}\n",
                pod.network, n, pod.network, n, n);
    str_format(name, sizeof(name), "net/%s.json", pod.network);
    return rc | write_below(name, b.buf);
}

static int make_folders(void)
{
    static const struct {
        const char *name;
        mode_t mode;
    } FOLDERS[] = {{"net", 0755}, {"home", 0755}, {"tmp", 0755}, {"root", 0755},
                   {"run", 0755}, {"bin", 0755},  {"user", 0700}};
    int rc = 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(FOLDERS); i++) {
        char *path = path_join(pod.base, FOLDERS[i].name);
        rc |= fs_mkdirs(path, FOLDERS[i].mode, NULL);
        free(path);
    }
    return rc;
}

/* The image of backends.md 4.1: 2 MB, half a second, no network. $1 work folder, $2 name, $3 commands in its root. */
static int import_image(const char *name, const char *more)
{
    static const char SCRIPT[] =
        "set -e; d=$1/mini; busybox=$(command -v busybox)\n"
        "for f in bin etc tmp root home/muthr proc sys dev run workspace var/lib; do mkdir -p $d/$f; done\n"
        "chmod 755 $d; chmod 1777 $d/tmp; cp -L $busybox $d/bin/busybox\n"
        "for a in $($d/bin/busybox --list); do [ $a = busybox ] || ln -s busybox $d/bin/$a; done\n"
        "printf 'root:x:0:0::/root:/bin/sh\\nmuthr:x:1000:1000::/home/muthr:/bin/sh\\n' >$d/etc/passwd\n"
        "printf 'root:x:0:\\nmuthr:x:1000:\\n' >$d/etc/group\n"
        "(cd $d; eval \"$3\"); tar -C $d --owner=0 --group=0 -cf $1/mini.tar .\n"
        "podman import -q --change 'CMD [\"/bin/sh\"]' --change 'ENV PATH=/bin' --change 'LABEL " POD_MINI_LABEL
        "' --change 'WORKDIR /workspace' $1/mini.tar $2 >/dev/null\n"
        "rm -rf $d $1/mini.tar\n";
    struct pod_ran r = POD_RAN_INIT;
    const char *const argv[] = {"sh", "-c", SCRIPT, "mini", pod.base, name, more, NULL};
    int code = pod_run_argv(&r, argv, POD_DEADLINE_MS);
    if (code != 0) {
        fprintf(stderr, "cannot make the test image (%d): %s\n", code, r.err.buf);
    }
    pod_ran_release(&r);
    return code == 0 ? 0 : -1;
}

int pod_ready(void)
{
    return import_image(POD_READY, "mkdir -p var/lib/muthr; echo 2 >var/lib/muthr/container-baseline-v2\n"
                                   "printf '#!/bin/sh\\nexec /bin/sh \"$@\"\\n' >bin/bash; chmod 755 bin/bash");
}

static int open_world(bool connected)
{
    const char *tag = getenv("TEST_TAG");
    umask(022);
    pod_sweep_stale();
    if (take_number() < 0 || (!connected && pod_own_network() < 0)) {
        return -1;
    }
    pod.podman = podman_path;
    str_format(pod.home, sizeof(pod.home), "%s/home", pod.base);
    if (start_watcher() < 0 || make_folders() != 0 || write_configuration() != 0) {
        return -1;
    }
    if (tag && write_below("tag", tag) < 0) { /* tests/run.sh looks whether the world of a test outlives it */
        return -1;
    }
    pod_environment(pod.base);
    setenv("MT_TEST_PROGRAM", pod.program, 0);
    setenv("MUTHR_TUI_BACKENDS", "bwrap,podman", 1); /* other tests' worlds never look at the machine's own podman */
    return import_image(POD_MINI, ":");
}

int pod_open(void)
{
    return open_world(false);
}

int pod_open_connected(void)
{
    return open_world(true);
}

int pod_close(void)
{
    size_t ended = pod_sweep(pod.number, false);
    if (write(watcher_fd, "q", 1) == 1) {
        waitpid(watcher, NULL, 0);
    }
    close(watcher_fd);
    pod_unlock(pod.number, lock_fd);
    return ended > 0 ? -1 : 0;
}

/* --- podman by hand --- */

void pod_ran_release(struct pod_ran *r)
{
    strbuf_release(&r->out);
    strbuf_release(&r->err);
}

/* Reads both outputs until they end, or the deadline. A grandchild that holds them does not hold us for longer than
 * half a second after the program itself is gone. */
static bool carry(struct pod_ran *r, pid_t pid, int *status, struct pollfd *p, uint64_t timeout_ms)
{
    uint64_t deadline = clock_mono_ms() + patience(timeout_ms);
    bool ended = false;
    char buf[65536];
    while ((p[0].fd >= 0 || p[1].fd >= 0 || !ended) && clock_mono_ms() < deadline) {
        poll(p, 2, 20);
        for (int i = 0; i < 2; i++) {
            if (p[i].fd >= 0 && p[i].revents) {
                ssize_t n = read(p[i].fd, buf, sizeof(buf));
                if (n > 0) {
                    strbuf_add(i == 0 ? &r->out : &r->err, buf, (size_t)n);
                } else {
                    p[i].fd = -1;
                }
            }
        }
        if (!ended && waitpid(pid, status, WNOHANG) == pid) {
            ended = true;
            deadline = clock_mono_ms() + 500;
        }
    }
    return ended;
}

int pod_run_argv(struct pod_ran *r, const char *const *argv, uint64_t timeout_ms)
{
    int out[2], err[2], status = 0;
    struct strvec copy = STRVEC_INIT;
    strbuf_clear(&r->out);
    strbuf_clear(&r->err);
    r->code = -1;
    if (fd_pipe(out) < 0 || fd_pipe(err) < 0) {
        return -1;
    }
    strvec_pushv(&copy, argv);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        execvp(copy.v[0], copy.v);
        _exit(127);
    }
    strvec_release(&copy);
    close(out[1]);
    close(err[1]);
    struct pollfd p[2] = {{.fd = out[0], .events = POLLIN}, {.fd = err[0], .events = POLLIN}};
    if (carry(r, pid, &status, p, timeout_ms)) {
        r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } else {
        kill(-pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    close(out[0]);
    close(err[0]);
    return r->code;
}

int pod_podman(struct pod_ran *r, const char *const *args)
{
    struct strvec argv = STRVEC_INIT;
    strvec_push(&argv, pod.podman);
    strvec_pushv(&argv, args);
    int code = pod_run_argv(r, (const char *const *)argv.v, POD_DEADLINE_MS);
    strvec_release(&argv);
    return code;
}

char *pod_text_of(const char *const *args)
{
    struct pod_ran r = POD_RAN_INIT;
    if (pod_podman(&r, args) != 0) {
        print_error("podman %s %s: code %d: %s\n", args[0], args[1] ? args[1] : "", r.code, r.err.buf);
        pod_ran_release(&r);
        fail();
    }
    while (r.out.len > 0 && r.out.buf[r.out.len - 1] == '\n') {
        strbuf_truncate(&r.out, r.out.len - 1);
    }
    char *text = strbuf_detach(&r.out, NULL);
    pod_ran_release(&r);
    return text;
}

const struct json *pod_inspect(const char *container, struct json **doc)
{
    struct pod_ran r = POD_RAN_INIT;
    *doc = NULL;
    if (pod_run(&r, "container", "inspect", container) == 0) {
        *doc = json_parse(r.out.buf, r.out.len, NULL);
    }
    pod_ran_release(&r);
    return *doc ? json_first(*doc) : NULL;
}

char *pod_state(const char *container)
{
    struct json *doc;
    const struct json *c = pod_inspect(container, &doc), *s = c ? json_get(c, "State") : NULL;
    char *state = xstrdup(s ? json_get_string(s, "Status", "") : "");
    json_free(doc);
    return state;
}

bool pod_is(const char *container, const char *state)
{
    char *is = pod_state(container);
    bool same = strcmp(is, state) == 0;
    free(is);
    return same;
}

static pid_t state_pid(const char *container, const char *key)
{
    struct json *doc;
    const struct json *c = pod_inspect(container, &doc), *s = c ? json_get(c, "State") : NULL;
    pid_t pid = s ? (pid_t)json_get_int(s, key, 0) : 0;
    json_free(doc);
    return pid;
}

pid_t pod_conmon(const char *container)
{
    return state_pid(container, "ConmonPid");
}

pid_t pod_pid(const char *container)
{
    return state_pid(container, "Pid");
}

/* --- waiting, processes, stand-ins --- */

bool pod_until(bool (*cond)(const void *arg), const void *arg, uint64_t timeout_ms)
{
    uint64_t deadline = clock_mono_ms() + patience(timeout_ms);
    bool ok;
    while (!(ok = cond(arg)) && clock_mono_ms() < deadline) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return ok;
}

static bool is_in_state(const void *arg)
{
    const char *const *pair = arg;
    return pod_is(pair[0], pair[1]);
}

void pod_expect(const char *container, const char *state, uint64_t timeout_ms)
{
    const char *const pair[] = {container, state};
    if (!pod_until(is_in_state, pair, timeout_ms)) {
        char *is = pod_state(container);
        print_error("%s is \"%s\", not \"%s\"\n", container, is, state);
        free(is);
        fail();
    }
}

size_t pod_processes(pid_t *pids, size_t cap)
{
    return pod_processes_of(pod.base, pids, cap);
}

pid_t pod_process(const char *word, const char *other)
{
    pid_t pids[512];
    char cmd[65536];
    size_t n = pod_processes(pids, MT_ARRAY_LEN(pids));
    for (size_t i = 0; i < n; i++) {
        if (pids[i] != watcher && pod_proc_read(pids[i], "cmdline", cmd, sizeof(cmd)) > 0 &&
            (!word || strstr(cmd, word)) && (!other || strstr(cmd, other))) {
            return pids[i];
        }
    }
    return 0;
}

void pod_command(pid_t pid, char *buf, size_t cap)
{
    pod_proc_read(pid, "cmdline", buf, cap);
}

void pod_stand_in(const char *name, const char *script)
{
    const char *path = getenv("PATH");
    char *dir = path_join(pod.base, "bin"), *file = path_join(dir, name);
    size_t len = strlen(dir);
    if (!script) {
        unlink(file);
    } else {
        assert_int_equal(fs_write_atomic(file, script, strlen(script), 0755, NULL), 0);
    }
    if (path && (strncmp(path, dir, len) != 0 || path[len] != ':')) {
        char *longer = xasprintf("%s:%s", dir, path);
        setenv("PATH", longer, 1);
        free(longer);
    }
    free(dir);
    free(file);
}
