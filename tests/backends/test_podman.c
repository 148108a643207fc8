/* SPDX-License-Identifier: Apache-2.0 */
/* The podman backend on real podman: create, start, stop, delete, exec, sessions and their ends, ports, limits, what is
 * not ours, and a podman that is missing or broken. */
#include "tests/backends/podman_rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <util.h>
#else
#include <pty.h>
#endif

#include "backends/podman/podman.h"
#include "core/io/loop.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"
#include "tests/portable.h"

static struct loop *loop;
static struct paths paths;
static struct backend *be;
static char *workspace;
static struct strbuf text; /* lines of the last call: "O:..." or "E:..." */
static struct error last;
static bool done;

static void on_done(struct backend_call *call, const struct error *err)
{
    (void)call;
    done = true;
    last = err ? *err : ERROR_INIT;
}

static void on_line(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    (void)call;
    strbuf_addstr(&text, is_stderr ? "E:" : "O:");
    strbuf_add(&text, line, len);
    strbuf_addch(&text, '\n');
}

static void on_tick(void *arg)
{
    (void)arg;
}

static bool is_done(const void *arg)
{
    (void)arg;
    return done;
}

static bool turn_until(bool (*cond)(const void *arg), const void *arg, uint64_t timeout_ms)
{
    uint64_t end = clock_mono_ms() + patience(timeout_ms);
    struct timer *tick = timer_new(loop, on_tick, NULL);
    timer_repeat(tick, 5);
    bool ok;
    while (!(ok = cond(arg)) && clock_mono_ms() < end) {
        loop_turn(loop, true);
    }
    timer_close(tick);
    return ok;
}

static void begin(struct backend_call *c, enum backend_verb verb, const char *name)
{
    c->verb = verb;
    c->name = name;
    c->done = on_done;
    c->on_line = on_line;
    done = false;
    strbuf_clear(&text);
    podman_backend.submit(be, c);
    assert_false(done);
}

static enum error_code run(struct backend_call *c, enum backend_verb verb, const char *name)
{
    begin(c, verb, name);
    if (!turn_until(is_done, NULL, 60000)) {
        fail_msg("verb %d did not end", verb);
    }
    return last.code;
}

static void must(enum backend_verb verb, const char *name, bool force)
{
    struct backend_call c = {.force = force};
    if (run(&c, verb, name) != ERROR_NONE) {
        fail_msg("verb %d: %s", verb, last.msg);
    }
    backend_call_release(&c);
}

/* What a test changes before it creates. */
static struct sandbox_spec spec_of(const char *name)
{
    struct sandbox_spec s = {.name = xstrdup(name),
                             .project = xstrdup("demo"),
                             .workspace = xstrdup(workspace),
                             .workspace_mount = xstrdup("/workspace"),
                             .profile = xstrdup("base"),
                             .image = xstrdup(POD_MINI),
                             .config_hash = xstrdup("0123"),
                             .pids = 512};
    return s;
}

static enum error_code create(struct sandbox_spec *s)
{
    struct backend_call c = {.spec = s};
    enum error_code code = run(&c, BACKEND_CREATE, NULL);
    backend_call_release(&c);
    return code;
}

static struct sandbox_info inspect(const char *name)
{
    struct backend_call c = {0};
    assert_int_equal(run(&c, BACKEND_INSPECT, name), ERROR_NONE);
    assert_int_equal(c.info_count, 1);
    struct sandbox_info info = c.infos[0];
    backend_call_release(&c);
    return info;
}

/* Runs sh -c inside; the lines are in `text`. */
static int sh(const char *name, const char *script, bool as_root)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct backend_call c = {.argv = argv, .as_root = as_root};
    run(&c, BACKEND_EXEC, name);
    int code = c.exit_code;
    backend_call_release(&c);
    return code;
}

static void up(struct sandbox_spec *s)
{
    if (create(s) != ERROR_NONE) {
        fail_msg("create: %s", last.msg);
    }
    must(BACKEND_START, s->name, false);
}

static int setup(void **state)
{
    struct error err = ERROR_INIT;
    (void)state;
    text = STRBUF_INIT;
    if (pod_open() < 0 || paths_init(&paths, pod.program, &err) < 0) {
        return -1;
    }
    free(paths.executable);
    paths.executable = xstrdup(pod.program);
    workspace = xasprintf("%s/src,a:b", pod.home);
    loop = loop_new();
    be = podman_backend.open(&(struct backend_env){.loop = loop, .paths = &paths}, &err);
    return be && fs_mkdirs(workspace, 0755, &err) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    podman_backend.close(be);
    loop_run(loop);
    int left = loop_free(loop);
    paths_release(&paths);
    strbuf_release(&text);
    free(workspace);
    return pod_close() < 0 || left != 0 ? -1 : 0;
}

/* --- life --- */

static void test_probe(void **state)
{
    struct backend_call c = {0};
    (void)state;
    assert_int_equal(run(&c, BACKEND_PROBE, NULL), ERROR_NONE);
    print_message("%s | %s | %s | %s\n", c.probe.version, c.probe.limits, c.probe.warning, c.probe.full_reason);
    assert_true(c.probe.usable);
    assert_true(c.probe.version[0] >= '3');
    assert_true(c.probe.caps & BACKEND_CAP_NET_FULL);
    assert_non_null(strstr(c.probe.limits, "memory"));
}

static void test_life(void **state)
{
    struct backend_call c = {0};
    struct sandbox_spec s = spec_of("muthr-life");
    (void)state;
    assert_int_equal(inspect("muthr-life").state, SANDBOX_NONE);
    s.memory_bytes = 128u << 20;
    s.cpus = 0.5;
    assert_int_equal(create(&s), ERROR_NONE);
    assert_int_equal(create(&s), ERROR_EXISTS);
    struct sandbox_info i = inspect("muthr-life");
    assert_int_equal(i.state, SANDBOX_STOPPED);
    assert_string_equal(i.workspace, workspace);
    assert_string_equal(i.config_hash, "0123");
    must(BACKEND_START, "muthr-life", false);
    must(BACKEND_START, "muthr-life", false); /* running already */
    i = inspect("muthr-life");
    assert_int_equal(i.state, SANDBOX_RUNNING);
    assert_int_equal(i.pid, pod_pid("muthr-life"));
    assert_true(i.started_wall_ms > 0 && i.net_known && i.net == NET_NONE && !i.workspace_missing);
    print_message("%s | %s\n", i.limits, i.warning);
    assert_string_equal(i.limits, "memory 128.0 MiB (cgroup), pids 512 (cgroup), cpus 0.5 (cgroup)");
    /* The list says the same, with one call each time from the second on. */
    assert_int_equal(run(&c, BACKEND_LIST, NULL), ERROR_NONE);
    assert_int_equal(c.info_count, 1);
    assert_string_equal(c.infos[0].limits, i.limits);
    assert_string_equal(c.infos[0].warning, i.warning);
    assert_true(c.infos[0].started_wall_ms == i.started_wall_ms); /* S8 compares them */
    backend_call_release(&c);
    /* Another folder in its project's place is not the one that it has. */
    MT_CLEANUP(xfree) char *aside = xasprintf("%s.aside", workspace);
    assert_int_equal(rename(workspace, aside), 0);
    assert_true(inspect("muthr-life").workspace_missing);
    assert_int_equal(mkdir(workspace, 0755), 0);
    assert_true(inspect("muthr-life").workspace_missing);
    assert_int_equal(rmdir(workspace), 0);
    assert_int_equal(rename(aside, workspace), 0);
    assert_false(inspect("muthr-life").workspace_missing);
    uint64_t start = clock_mono_ms();
    c = (struct backend_call){.grace_ms = 5000};
    assert_int_equal(run(&c, BACKEND_STOP, "muthr-life"), ERROR_NONE);
    assert_true(clock_mono_ms() - start < patience(3000)); /* its init passes TERM on */
    assert_int_equal(inspect("muthr-life").state, SANDBOX_STOPPED);
    must(BACKEND_STOP, "muthr-life", false);
    must(BACKEND_START, "muthr-life", false);
    must(BACKEND_DELETE, "muthr-life", false);
    must(BACKEND_DELETE, "muthr-life", false);
    pod_expect("muthr-life", "", 1000);
    char *volumes = pod_text("volume", "ls", "-q");
    assert_string_equal(volumes, "");
    free(volumes);
    assert_true(fs_is_dir(workspace));
    sandbox_spec_release(&s);
}

static void test_isolation(void **state)
{
    struct sandbox_spec s = spec_of("muthr-iso");
    (void)state;
    up(&s);
    assert_int_equal(sh("muthr-iso",
                        "echo x >/workspace/f && echo y >$HOME/h && cat $HOME/h && id -u && pwd && echo "
                        "$USER; grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status",
                        false),
                     0);
    print_message("%s", text.buf);
    assert_non_null(strstr(text.buf, "O:y\nO:0\nO:/workspace\nO:muthr\n"));
    assert_non_null(strstr(text.buf, "CapEff:\t0000000000000000"));
    assert_non_null(strstr(text.buf, "CapBnd:\t0000000000000000"));
    assert_non_null(strstr(text.buf, "NoNewPrivs:\t1"));
    assert_non_null(strstr(text.buf, "Seccomp:\t2"));
    char *file = xasprintf("%s/f", workspace);
    assert_true(fs_exists(file));
    free(file);
    /* The root, set-id files, user namespaces, chroot. */
    assert_int_not_equal(sh("muthr-iso", "touch /etc/x", false), 0);
    assert_int_not_equal(sh("muthr-iso", "touch /workspace/s && chmod 4755 /workspace/s", false), 0);
    assert_int_not_equal(sh("muthr-iso", "unshare -U true", false), 0);
    assert_int_not_equal(sh("muthr-iso", "chroot / true", false), 0);
    assert_int_equal(sh("muthr-iso", "ls /sys/class/net", false), 0);
    assert_string_equal(text.buf, "O:lo\n");
    /* What was written to the home outlives a stop. */
    must(BACKEND_STOP, "muthr-iso", false);
    must(BACKEND_START, "muthr-iso", false);
    assert_int_equal(sh("muthr-iso", "cat $HOME/h", false), 0);
    must(BACKEND_DELETE, "muthr-iso", true);
    sandbox_spec_release(&s);
}

/* A root that may be written to: root inside has what a package manager needs, and no more. */
static void test_writable_root(void **state)
{
    struct sandbox_spec s = spec_of("muthr-rw");
    (void)state;
    s.writable_root = true;
    up(&s);
    assert_int_equal(sh("muthr-rw",
                        "touch /etc/x && chown 33:33 /etc/x && chmod 4755 /etc/x && cat /etc/x && echo "
                        "$HOME && grep CapBnd /proc/self/status",
                        true),
                     0);
    print_message("%s", text.buf);
    assert_non_null(strstr(text.buf, "O:/root\n"));
    /* CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETFCAP */
    assert_non_null(strstr(text.buf, "CapBnd:\t00000000800000fb"));
    assert_int_not_equal(sh("muthr-rw", "mknod /tmp/n c 1 3", true), 0);
    must(BACKEND_DELETE, "muthr-rw", true);
    /* A project of another user's is worked on as that user: nothing in effect, and no way to get it. */
    assert_int_equal(chown(workspace, 1234, 1235), 0);
    up(&s);
    assert_int_equal(sh("muthr-rw", "chmod 4755 /bin/busybox", true), 0);
    assert_int_equal(sh("muthr-rw", "id -u; id -g; touch /workspace/mine; grep CapEff /proc/self/status", false), 0);
    assert_string_equal(text.buf, "O:1234\nO:1235\nO:CapEff:\t0000000000000000\n");
    /* A process that has not looked before asks for the user. */
    struct backend *kept = be;
    be = podman_backend.open(&(struct backend_env){.loop = loop, .paths = &paths}, NULL);
    assert_int_equal(sh("muthr-rw", "id -u; id -g", false), 0);
    podman_backend.close(be);
    be = kept;
    assert_string_equal(text.buf, "O:1234\nO:1235\n");
    assert_int_equal(chown(workspace, 0, 0), 0);
    must(BACKEND_DELETE, "muthr-rw", true);
    sandbox_spec_release(&s);
}

static void test_foreign_is_left_alone(void **state)
{
    struct backend_call c = {0};
    struct sandbox_spec s = spec_of("muthr-foreign");
    static const enum backend_verb verbs[] = {BACKEND_START, BACKEND_STOP, BACKEND_DELETE};
    (void)state;
    pod_do("run", "-d", "--init", "--name", "muthr-foreign", "--label", "muthr.managed=true", POD_MINI, "sleep", "99");
    pod_do("run", "-d", "--init", "--name", "muthr-services", "--label", "muthr.managed=true", "--label",
           "muthr.owner=project", POD_MINI, "sleep", "99");
    assert_true(inspect("muthr-foreign").foreign);
    assert_int_equal(run(&c, BACKEND_LIST, NULL), ERROR_NONE);
    assert_int_equal(c.info_count, 1); /* N7: told apart by its flag, whatever its labels say */
    assert_true(c.infos[0].service && strcmp(c.infos[0].name, "muthr-services") == 0);
    backend_call_release(&c);
    assert_true(inspect("muthr-services").foreign);
    for (size_t i = 0; i < MT_ARRAY_LEN(verbs); i++) {
        c = (struct backend_call){.force = true};
        assert_int_equal(run(&c, verbs[i], "muthr-foreign"), ERROR_DENIED);
        assert_non_null(strstr(last.msg, "not one of muthr's"));
        c = (struct backend_call){.force = true};
        assert_int_equal(run(&c, verbs[i], "muthr-services"), ERROR_DENIED);
        c = (struct backend_call){.force = true, .service = true};
        assert_int_equal(run(&c, verbs[i], "muthr-foreign"), ERROR_DENIED);
    }
    assert_int_equal(create(&s), ERROR_DENIED);
    assert_true(pod_is("muthr-foreign", "running") && pod_is("muthr-services", "running"));
    pod_do("rm", "-f", "-t", "0", "muthr-foreign", "muthr-services");
    sandbox_spec_release(&s);
}

/* A name that podman refuses gets the reduced one, and keeps its own for us. */
static void test_unicode_name(void **state)
{
    struct backend_call c = {0};
    struct sandbox_spec s = spec_of("muthr-größe");
    (void)state;
    up(&s);
    assert_int_equal(inspect("muthr-größe").state, SANDBOX_RUNNING);
    assert_int_equal(run(&c, BACKEND_LIST, NULL), ERROR_NONE);
    assert_int_equal(c.info_count, 1);
    assert_string_equal(c.infos[0].name, "muthr-größe");
    backend_call_release(&c);
    assert_int_equal(sh("muthr-größe", "true", false), 0);
    must(BACKEND_DELETE, "muthr-größe", true);
    assert_int_equal(inspect("muthr-größe").state, SANDBOX_NONE);
    sandbox_spec_release(&s);
}

/* --- failures --- */

static void test_failures(void **state)
{
    struct sandbox_spec s = spec_of("muthr-bad");
    (void)state;
    free(s.image);
    s.image = xstrdup("localhost/none:1");
    assert_int_equal(create(&s), ERROR_NOT_FOUND);
    assert_non_null(strstr(last.msg, "image not known"));
    assert_non_null(last.hint);
    char *volumes = pod_text("volume", "ls", "-q");
    assert_string_equal(volumes, ""); /* nothing is left behind */
    free(volumes);
    free(s.image);
    s.image = xstrdup(POD_MINI);
    free(s.workspace_mount);
    s.workspace_mount = xstrdup("/proc/x");
    assert_int_equal(create(&s), ERROR_INVALID);
    struct backend_call c = {0};
    assert_int_equal(run(&c, BACKEND_START, "muthr-bad"), ERROR_NOT_FOUND);
    assert_int_equal(sh("muthr-bad", "true", false), 125);
    assert_int_equal(last.code, ERROR_NOT_FOUND);
    /* A workspace that went away. */
    free(s.workspace);
    free(s.workspace_mount);
    s.workspace_mount = xstrdup("/workspace");
    s.workspace = xasprintf("%s/gone", pod.home);
    fs_mkdirs(s.workspace, 0755, NULL);
    assert_int_equal(create(&s), ERROR_NONE);
    assert_int_equal(rmdir(s.workspace), 0);
    assert_int_equal(run(&c, BACKEND_START, "muthr-bad"), ERROR_NOT_FOUND);
    assert_non_null(strstr(last.msg, "is not there"));
    assert_int_equal(sh("muthr-bad", "true", false), 125); /* not running */
    assert_int_equal(last.code, ERROR_UNAVAILABLE);
    must(BACKEND_DELETE, "muthr-bad", false);
    sandbox_spec_release(&s);
}

/* An image with nothing to run in it: what it said is in the message, its log goes with it. */
static void test_image_without_a_shell(void **state)
{
    struct sandbox_spec s = spec_of("muthr-bare");
    char *file = path_join(pod.home, "Containerfile");
    struct backend_call c = {0};
    (void)state;
    assert_int_equal(fs_write_atomic(file, "FROM scratch\nLABEL a=b\n", 23, 0644, NULL), 0);
    pod_do("build", "-q", "-t", "localhost/muthr-bare", "-f", file, pod.home);
    free(s.image);
    s.image = xstrdup("localhost/muthr-bare");
    assert_int_equal(create(&s), ERROR_NONE);
    assert_int_equal(run(&c, BACKEND_START, "muthr-bare"), ERROR_UNAVAILABLE);
    assert_non_null(strstr(last.msg, "ended as soon as it was started: exit"));
    assert_non_null(strstr(last.msg, "No such file or directory"));
    assert_non_null(strstr(last.hint, "must have sh"));
    must(BACKEND_DELETE, "muthr-bare", false);
    pod_do("rmi", "localhost/muthr-bare");
    free(file);
    sandbox_spec_release(&s);
}

static bool is_stopping(const void *name)
{
    return pod_is(name, "stopping");
}

/* "stopping" after its client was killed. */
static void test_stale_stopping(void **state)
{
    struct sandbox_spec s = spec_of("muthr-stale");
    (void)state;
    up(&s);
    /* Its main program stands still, so that it does not hear TERM. */
    char path[64];
    MT_CLEANUP(strbuf) struct strbuf children = STRBUF_INIT;
    str_format(path, sizeof(path), "/proc/%d/task/%d/children", (int)pod_pid("muthr-stale"),
               (int)pod_pid("muthr-stale"));
    assert_int_equal(fs_read(path, 4096, &children, NULL), 0);
    assert_int_equal(kill((pid_t)strtol(children.buf, NULL, 10), SIGSTOP), 0);
    struct backend_call c = {.grace_ms = 30000};
    begin(&c, BACKEND_STOP, "muthr-stale");
    assert_true(turn_until(is_stopping, "muthr-stale", 10000));
    /* Canceled: done soon, and the stop goes on by itself. */
    uint64_t start = clock_mono_ms();
    podman_backend.cancel(be, &c);
    assert_true(turn_until(is_done, NULL, 2000));
    assert_int_equal(last.code, ERROR_CANCELED);
    assert_true(clock_mono_ms() - start < patience(1000));
    pid_t client = pod_process("stop", "muthr-stale");
    assert_true(client > 0);
    kill(client, SIGKILL);
    assert_true(pod_is("muthr-stale", "stopping"));
    assert_string_equal(inspect("muthr-stale").reason, "stopping");
    must(BACKEND_START, "muthr-stale", false);
    assert_true(pod_is("muthr-stale", "running"));
    must(BACKEND_DELETE, "muthr-stale", true);
    sandbox_spec_release(&s);
}

static void test_require_limits(void **state)
{
    struct sandbox_spec s = spec_of("muthr-limit");
    (void)state;
    s.require_limits = true;
    s.memory_bytes = 64u << 20;
    up(&s);
    assert_int_equal(inspect("muthr-limit").state, SANDBOX_RUNNING);
    must(BACKEND_DELETE, "muthr-limit", true);
    sandbox_spec_release(&s);
}

/* --- ports --- */

static int listen_on(uint16_t port)
{
    int fd = self_socket(AF_INET, SOCK_STREAM, false), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void test_ports(void **state)
{
    uint16_t base = (uint16_t)pod.port_base;
    struct port_spec ports[] = {{.host_port = base, .container_port = 80},
                                {.host_port = (uint16_t)(base + 1), .container_port = 81},
                                {.host_port = (uint16_t)(base + 1), .container_port = 82},
                                {.container_port = 83},
                                {.host_port = (uint16_t)(base + 2), .container_port = 84, .udp = true}};
    struct sandbox_spec s = spec_of("muthr-port");
    (void)state;
    int fd = listen_on(base);
    s.net = s.net_after = NET_FULL;
    s.ports = ports;
    s.port_count = MT_ARRAY_LEN(ports);
    up(&s);
    struct sandbox_info i = inspect("muthr-port");
    print_message("%s\n", i.warning);
    assert_int_equal(i.state, SANDBOX_RUNNING);
    assert_int_equal(i.net, NET_FULL);
    assert_int_equal(i.port_count, 3);
    unsigned found = 0;
    for (unsigned k = 0; k < i.port_count; k++) {
        found += i.ports[k].container_port == 81 && i.ports[k].host_port == base + 1;
        found += i.ports[k].container_port == 83 && i.ports[k].host_port > 1024;
        found += i.ports[k].container_port == 84 && i.ports[k].udp;
    }
    assert_int_equal(found, 3);
    char want[80];
    str_format(want, sizeof(want), "port in use, not published: %u/tcp", base);
    assert_non_null(strstr(i.warning, want));
    assert_non_null(strstr(i.warning, "mapped twice"));
    must(BACKEND_DELETE, "muthr-port", true);
    close(fd);
    s.ports = NULL;
    s.port_count = 0;
    sandbox_spec_release(&s);
}

/* --- exec --- */

static void test_exec(void **state)
{
    struct sandbox_spec s = spec_of("muthr-exec");
    const char *const env[] = {"SECRET=s3cr3t", "PATH=/bin:/nowhere", "HOME=/tmp", NULL};
    const char *const show[] = {"sh", "-c", "cat; echo $SECRET $PATH $HOME; pwd; echo err >&2; exit 7", NULL};
    (void)state;
    up(&s);
    struct backend_call c = {.argv = show, .env = env, .cwd = "/tmp", .input = "in\n", .input_len = 3};
    assert_int_equal(run(&c, BACKEND_EXEC, "muthr-exec"), ERROR_EXIT);
    assert_int_equal(c.exit_code, 7);
    assert_non_null(strstr(text.buf, "O:in\nO:s3cr3t /bin:/nowhere /tmp\nO:/tmp\n"));
    assert_non_null(strstr(text.buf, "E:err\n"));
    static const struct {
        const char *script;
        int code;
    } codes[] = {{"exit 125", 125}, {"exit 126", 126}, {"exit 127", 127}, {"exit 255", 255}, {"kill -9 $$", 137}};
    for (size_t i = 0; i < MT_ARRAY_LEN(codes); i++) {
        assert_int_equal(sh("muthr-exec", codes[i].script, false), codes[i].code);
    }
    const char *const missing[] = {"nosuch", NULL};
    c = (struct backend_call){.argv = missing};
    run(&c, BACKEND_EXEC, "muthr-exec");
    assert_int_equal(c.exit_code, 127);
    c = (struct backend_call){.argv = missing, .cwd = "/nowhere"};
    assert_int_not_equal(run(&c, BACKEND_EXEC, "muthr-exec"), ERROR_NONE);
    assert_non_null(strstr(last.msg, "/nowhere"));
    /* Canceled: the program inside ends. */
    const char *const slow[] = {"sh", "-c", "echo up; sleep 4321", NULL};
    c = (struct backend_call){.argv = slow};
    begin(&c, BACKEND_EXEC, "muthr-exec");
    for (int i = 0; i < 500 && !strstr(text.buf, "O:up"); i++) {
        loop_turn(loop, true);
    }
    uint64_t start = clock_mono_ms();
    podman_backend.cancel(be, &c);
    assert_true(turn_until(is_done, NULL, 3000));
    assert_int_equal(last.code, ERROR_CANCELED);
    print_message("cancel: %d ms\n", (int)(clock_mono_ms() - start));
    for (int i = 0; i < 100 && sh("muthr-exec", "ps | grep -v grep | grep -q 'sleep 4321'", false) == 0; i++) {
    }
    assert_int_not_equal(sh("muthr-exec", "ps | grep -v grep | grep -q 'sleep 4321'", false), 0);
    must(BACKEND_DELETE, "muthr-exec", true);
    sandbox_spec_release(&s);
}

/* --- sessions --- */

struct session {
    pid_t pid;
    int fd;
    struct strbuf out;
};

static void session_open(struct session *t, const char *const *inside)
{
    struct strvec argv = STRVEC_INIT, env = STRVEC_INIT;
    const char *const more[] = {"TERM=xterm-256color", "TOKEN=abc", NULL};
    struct exec_spec spec = {.sandbox = "muthr-tty", .argv = inside, .env = more, .cwd = "/workspace", .tty = true};
    struct winsize ws = {.ws_row = 33, .ws_col = 101};
    assert_int_equal(podman_backend.exec_argv(be, &spec, &argv, &env, NULL), 0);
    for (size_t i = 0; i < argv.len; i++) {
        assert_null(strstr(argv.v[i], "abc")); /* values are nobody else's business */
    }
    t->out = STRBUF_INIT;
    t->pid = forkpty(&t->fd, NULL, NULL, &ws);
    if (t->pid == 0) {
        for (size_t i = 0; i < env.len; i++) {
            putenv(env.v[i]);
        }
        execv(argv.v[0], argv.v);
        _exit(99);
    }
    strvec_release(&argv);
    strvec_release(&env);
}

/* Reads until `want` stands in what came since the last clear. */
static void session_expect(struct session *t, const char *want)
{
    uint64_t end = clock_mono_ms() + patience(15000);
    char buf[4096];
    while (!strstr(t->out.buf, want)) {
        struct pollfd p = {.fd = t->fd, .events = POLLIN};
        if (clock_mono_ms() > end || (poll(&p, 1, 1000) > 0 && !(p.revents & POLLIN))) {
            fail_msg("no '%s' in: %s", want, t->out.buf);
        }
        ssize_t n = p.revents & POLLIN ? read(t->fd, buf, sizeof(buf)) : 0;
        strbuf_add(&t->out, buf, n > 0 ? (size_t)n : 0);
    }
}

static void session_type(struct session *t, const char *keys)
{
    strbuf_clear(&t->out);
    assert_int_equal(write(t->fd, keys, strlen(keys)), strlen(keys));
}

static int session_wait(struct session *t)
{
    int status = 0;
    uint64_t end = clock_mono_ms() + patience(10000);
    char buf[4096];
    while (waitpid(t->pid, &status, WNOHANG) == 0) {
        struct pollfd p = {.fd = t->fd, .events = POLLIN};
        if (clock_mono_ms() > end) {
            fail_msg("the relay does not end");
        }
        if (poll(&p, 1, 20) > 0 && p.revents & POLLIN) {
            ssize_t n = read(t->fd, buf, sizeof(buf));
            strbuf_add(&t->out, buf, n > 0 ? (size_t)n : 0);
        } else if (p.revents) {
            usleep(10000); /* hung up: only its end is awaited */
        }
    }
    close(t->fd);
    strbuf_release(&t->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void test_session(void **state)
{
    struct sandbox_spec s = spec_of("muthr-tty");
    struct session t;
    (void)state;
    up(&s);
    uint64_t start = clock_mono_ms();
    session_open(&t, (const char *const[]){"sh", NULL});
    session_expect(&t, "#");
    print_message("prompt: %d ms\n", (int)(clock_mono_ms() - start));
    session_type(&t, "stty size; echo $TERM-$TOKEN; pwd\n");
    session_expect(&t, "33 101");
    session_expect(&t, "xterm-256color-abc");
    struct winsize ws = {.ws_row = 44, .ws_col = 120};
    ioctl(t.fd, TIOCSWINSZ, &ws);
    session_type(&t, "sleep 0.2 2>/dev/null || sleep 1; stty size\n");
    session_expect(&t, "44 120");
    /* ^P comes at once: od shows it before anything else is typed. */
    session_type(&t, "stty -icanon -echo min 1; dd bs=1 count=1 2>/dev/null | od -An -tx1; stty sane; echo rea''dy\n");
    usleep(300000);
    session_type(&t, "\x10");
    session_expect(&t, "10");
    session_expect(&t, "ready");
    /* ^C reaches the program in front, not us. */
    session_type(&t, "sleep 1234\n");
    session_expect(&t, "1234");
    usleep(300000);
    session_type(&t, "\x03");
    session_expect(&t, "#");
    session_type(&t, "echo still; exit 42\n");
    assert_int_equal(session_wait(&t), 42);
    must(BACKEND_DELETE, "muthr-tty", true);
    sandbox_spec_release(&s);
}

static bool none_inside(const char *word)
{
    char script[120];
    str_format(script, sizeof(script), "ps | grep -v grep | grep -q '%s'", word);
    return sh("muthr-tty", script, false) != 0;
}

static void test_session_ends_inside(void **state)
{
    static const int signals[] = {SIGHUP, SIGTERM, SIGINT, 0};
    struct sandbox_spec s = spec_of("muthr-tty");
    (void)state;
    up(&s);
    for (size_t i = 0; i < MT_ARRAY_LEN(signals); i++) {
        struct session t;
        /* A program that ignores HUP and one behind it. */
        session_open(&t,
                     (const char *const[]){"sh", "-c", "trap '' HUP; sleep 777 & echo up; sleep 778; sleep 779", NULL});
        session_expect(&t, "up");
        uint64_t start = clock_mono_ms();
        if (signals[i]) {
            kill(t.pid, signals[i]);
            int code = session_wait(&t);
            assert_int_equal(code, 128 + signals[i]);
        } else { /* the terminal goes away */
            int status;
            close(t.fd);
            assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
            strbuf_release(&t.out);
        }
        print_message("signal %d: relay ends after %d ms", signals[i], (int)(clock_mono_ms() - start));
        uint64_t end = clock_mono_ms() + patience(8000);
        while (!none_inside("sleep 77") && clock_mono_ms() < end) {
        }
        print_message(", inside after %d ms\n", (int)(clock_mono_ms() - start));
        assert_true(none_inside("sleep 77"));
    }
    must(BACKEND_DELETE, "muthr-tty", true);
    sandbox_spec_release(&s);
}

/* The sandbox goes while a session is open; a session in one that is not there. */
static void test_session_without_sandbox(void **state)
{
    struct sandbox_spec s = spec_of("muthr-tty");
    struct session t;
    (void)state;
    up(&s);
    session_open(&t, (const char *const[]){"sh", NULL});
    session_expect(&t, "#");
    must(BACKEND_DELETE, "muthr-tty", true);
    int code = session_wait(&t); /* what podman makes of it depends on how far it was */
    assert_true(code == 137 || code == 125);
    session_open(&t, (const char *const[]){"sh", NULL});
    session_expect(&t, "no container with name or ID");
    assert_int_equal(session_wait(&t), 125);
    sandbox_spec_release(&s);
}

/* --- a podman that is not as it should be --- */

static void probe_with(const char *script, const char *reason)
{
    struct backend_call c = {0};
    struct error err = ERROR_INIT;
    struct backend *fresh = podman_backend.open(&(struct backend_env){.loop = loop, .paths = &paths}, &err);
    struct backend *kept = be;
    pod_stand_in("podman", script);
    be = fresh;
    assert_int_equal(run(&c, BACKEND_PROBE, NULL), ERROR_NONE);
    be = kept;
    pod_stand_in("podman", NULL);
    podman_backend.close(fresh);
    print_message("%s | %s\n", c.probe.reason, c.probe.fix);
    assert_false(c.probe.usable);
    assert_non_null(strstr(c.probe.reason, reason));
    assert_true(c.probe.fix[0] != '\0');
}

static void test_bad_podmans(void **state)
{
    (void)state;
    probe_with("#!/bin/sh\n# Stands for something else of that name.\necho hello\n", "no JSON");
    probe_with(
        "#!/bin/sh\n# Stands for a broken storage.\necho 'Error: database configuration mismatch' >&2; exit 125\n",
        "mismatch");
    probe_with("#!/bin/sh\n# Stands for podman 2.\necho '{\"host\":{},\"version\":{\"Version\":\"2.2.1\"}}'\n",
               "too old");
    probe_with("#!/bin/sh\n# Stands for a user without subordinate ids.\necho '{\"host\":{\"security\":{\"rootless\":"
               "true},\"idMappings\":{\"uidmap\":[{\"container_id\":0,\"host_id\":1000,\"size\":1}]}},\"version\":{"
               "\"Version\":\"4.3.1\"}}'\n",
               "subordinate");
    /* Missing. */
    char *path = xstrdup(getenv("PATH"));
    setenv("PATH", "/nonexistent", 1);
    struct backend_call c = {0};
    assert_int_equal(run(&c, BACKEND_PROBE, NULL), ERROR_NONE);
    setenv("PATH", path, 1);
    free(path);
    print_message("%s | %s\n", c.probe.reason, c.probe.fix);
    assert_false(c.probe.usable);
    assert_string_equal(c.probe.reason, "podman is not installed");
    assert_non_null(strstr(c.probe.fix, "podman"));
}

static void test_hanging_podman(void **state)
{
    struct backend_call c = {0};
    (void)state;
    pod_stand_in("podman", "#!/bin/sh\n# Stands for a podman that waits for a lock for ever.\nexec sleep 600\n");
    begin(&c, BACKEND_LIST, NULL);
    for (int i = 0; i < 20; i++) {
        loop_turn(loop, false);
    }
    uint64_t start = clock_mono_ms();
    podman_backend.cancel(be, &c);
    assert_true(turn_until(is_done, NULL, 3000));
    assert_int_equal(last.code, ERROR_CANCELED);
    assert_true(clock_mono_ms() - start < patience(1500));
    pod_stand_in("podman", NULL);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_isolation),
        cmocka_unit_test(test_writable_root),
        cmocka_unit_test(test_foreign_is_left_alone),
        cmocka_unit_test(test_unicode_name),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_image_without_a_shell),
        cmocka_unit_test(test_stale_stopping),
        cmocka_unit_test(test_require_limits),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_session_ends_inside),
        cmocka_unit_test(test_session_without_sandbox),
        cmocka_unit_test(test_bad_podmans),
        cmocka_unit_test(test_hanging_podman),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

int main(void)
{
    return pod_main(run_all);
}
