/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/bwrap_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/bwrap/bwrap.h"
#include "backends/process/host.h"
#include "backends/process/state.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"

struct fixture fx;
const struct backend_ops *fx_ops = &bwrap_backend;
const char *fx_folder = STATE_BWRAP;
struct error fx_error;

/* --- once as ourselves, once as somebody ordinary --- */

/* Runs a program and waits. */
static int run_program(char *const *argv)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int copy_program(const char *from, const char *to)
{
    char cp[] = "cp", *a = xstrdup(from), *b = xstrdup(to);
    char *const argv[] = {cp, a, b, NULL};
    int rc = run_program(argv);
    free(a);
    free(b);
    return rc != 0 || chmod(to, 0755) < 0 ? -1 : 0;
}

/* Becomes the user for good and runs the copied test. */
static void run_as(const struct passwd *pw, const char *program)
{
    char *copy = xstrdup(program), flag[] = "--again";
    char *const argv[] = {copy, flag, NULL};
    if (setgroups(0, NULL) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0 || chdir("/") < 0) {
        _exit(99);
    }
    setenv("USER", pw->pw_name, 1);
    setenv("LOGNAME", pw->pw_name, 1);
    unsetenv("XDG_RUNTIME_DIR");
    execv(program, argv);
    _exit(99);
}

static int run_as_ordinary_user(const char *self)
{
    char name[32], useradd[] = "useradd", userdel[] = "userdel", system_flag[] = "-M";
    char folder[] = "/tmp/muthr-test-bin-XXXXXX";
    int status = 0;
    str_format(name, sizeof(name), "mttest%d", (int)getpid());
    char *const add[] = {useradd, system_flag, name, NULL}, *const del[] = {userdel, name, NULL};
    if (!mkdtemp(folder) || chmod(folder, 0755) < 0 || run_program(add) != 0) {
        fprintf(stderr, "cannot make an ordinary user\n");
        return 1;
    }
    char *program = xasprintf("%s/muthr-tui", folder), *test = xasprintf("%s/test", folder);
    int rc = copy_program(getenv("MT_TEST_PROGRAM"), program) < 0 || copy_program(self, test) < 0;
    const struct passwd *pw = getpwnam(name);
    if (rc == 0 && pw) {
        fprintf(stderr, "--- again as the ordinary user %s ---\n", name);
        setenv("MT_TEST_PROGRAM", program, 1);
        pid_t pid = fork();
        if (pid == 0) {
            run_as(pw, test);
        }
        waitpid(pid, &status, 0);
        rc = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    run_program(del);
    fs_remove_tree(folder, NULL);
    free(program);
    free(test);
    return rc;
}

int fixture_main(int argc, char **argv, int (*run)(void))
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    (void)argv;
    if (n <= 0) {
        return 1;
    }
    self[n] = '\0';
    if (argc < 2) {
        /* build/MODE/tests/backends/test_x -> build/MODE/muthr-tui */
        char *end = self + n;
        for (int i = 0; i < 3; i++) {
            while (end > self && *--end != '/') {
            }
        }
        char *program = xasprintf("%.*s/muthr-tui", (int)(end - self), self);
        setenv("MT_TEST_PROGRAM", program, 0);
        free(program);
    }
    int failed = run();
    if (failed == 0 && argc < 2 && geteuid() == 0) {
        return run_as_ordinary_user(self);
    }
    return failed != 0;
}

/* --- the world of a test --- */

/* A fresh backend over the same state. */
static void open_backend(void)
{
    struct backend_env env = {.loop = fx.loop, .paths = &fx.paths};
    fx.be = fx_ops->open(&env, NULL);
    assert_non_null(fx.be);
}

int fixture_setup(void **state)
{
    char base[] = "/tmp/muthr-test-XXXXXX";
    (void)state;
    if (!mkdtemp(base)) {
        return -1;
    }
    fx.base = xstrdup(base);
    char *home = path_join(base, "home"), *xdg = path_join(base, "state");
    fx.workspace = path_join(home, "src/demo");
    setenv("HOME", home, 1);
    setenv("XDG_STATE_HOME", xdg, 1);
    setenv("MT_SECRET", "canary-of-the-environment", 1);
    assert_int_equal(fs_mkdirs(fx.workspace, 0755, NULL), 0);
    char *ssh = path_join(home, ".ssh"), *key = path_join(home, ".ssh/id_canary");
    assert_int_equal(fs_mkdirs(ssh, 0700, NULL), 0);
    assert_int_equal(fs_write_atomic(key, "canary-of-the-home", 18, 0600, NULL), 0);
    free(ssh);
    free(key);
    free(home);
    free(xdg);
    assert_int_equal(paths_init(&fx.paths, "muthr-tui", NULL), 0);
    free(fx.paths.executable);
    fx.paths.executable = xstrdup(getenv("MT_TEST_PROGRAM"));
    fx.loop = loop_new();
    fx.as_root = geteuid() == 0;
    open_backend();
    struct backend_call call = {.verb = BACKEND_PROBE};
    if (call_run(&call) != ERROR_NONE || !call.probe.usable) {
        fprintf(stderr, "%s does not work here: %s %s\n", fx_ops->name, fx_error.msg, call.probe.reason);
        return -1;
    }
    fx.probe = call.probe;
    return 0;
}

int fixture_teardown(void **state)
{
    (void)state;
    struct backend_call call = {.verb = BACKEND_LIST};
    if (call_run(&call) == ERROR_NONE) {
        for (size_t i = 0; i < call.info_count; i++) {
            struct backend_call del = {.verb = BACKEND_DELETE, .name = call.infos[i].name, .force = true};
            call_run(&del);
        }
    }
    backend_call_release(&call);
    fx_ops->close(fx.be);
    for (int i = 0; i < 50 && loop_turn(fx.loop, false); i++) {
    }
    int left = loop_free(fx.loop);
    fs_remove_tree(fx.base, NULL);
    free(fx.base);
    free(fx.workspace);
    paths_release(&fx.paths);
    return left;
}

/* --- calls --- */

struct waiting {
    bool done;
    enum error_code code;
};

static void on_done(struct backend_call *call, const struct error *err)
{
    struct waiting *w = call->arg;
    w->done = true;
    w->code = err ? err->code : ERROR_NONE;
    fx_error = err ? *err : ERROR_INIT;
}

static bool is_done(void *arg)
{
    return ((struct waiting *)arg)->done;
}

static void on_tick(void *arg)
{
    (void)arg;
}

bool wait_for(bool (*cond)(void *arg), void *arg, uint64_t timeout_ms)
{
    uint64_t deadline = clock_mono_ms() + patience(timeout_ms);
    struct timer *tick = timer_new(fx.loop, on_tick, NULL); /* conditions of the world have no event */
    bool ok;
    timer_repeat(tick, 5);
    while (!(ok = cond(arg)) && clock_mono_ms() < deadline) {
        loop_turn(fx.loop, true);
    }
    timer_close(tick);
    return ok;
}

enum error_code call_run(struct backend_call *call)
{
    struct waiting w = {0};
    call->done = on_done;
    call->arg = &w;
    fx_ops->submit(fx.be, call);
    assert_false(w.done); /* never inside submit */
    assert_true(wait_for(is_done, &w, DEADLINE_MS));
    return w.code;
}

enum error_code call_name(enum backend_verb verb, const char *name)
{
    struct backend_call call = {.verb = verb, .name = name, .grace_ms = 3000};
    enum error_code code = call_run(&call);
    backend_call_release(&call);
    return code;
}

void call_must(enum backend_verb verb, const char *name)
{
    if (call_name(verb, name) != ERROR_NONE) {
        fail_msg("%s: verb %d: %s", name, (int)verb, fx_error.msg);
    }
}

enum error_code sandbox_create(const char *name, enum net_policy net, uint64_t memory_bytes, unsigned pids)
{
    char text[128], mount[] = "/workspace", profile[] = "base", hash[] = "abc", project[] = "demo";
    str_copy(text, sizeof(text), name);
    struct sandbox_spec spec = {.name = text,
                                .project = project,
                                .workspace = fx.workspace,
                                .workspace_mount = mount,
                                .profile = profile,
                                .config_hash = hash,
                                .net = net,
                                .net_after = net,
                                .memory_bytes = memory_bytes,
                                .pids = pids};
    struct backend_call call = {.verb = BACKEND_CREATE, .spec = &spec};
    return call_run(&call);
}

void sandbox_up(const char *name, enum net_policy net, uint64_t memory_bytes, unsigned pids)
{
    if (sandbox_create(name, net, memory_bytes, pids) != ERROR_NONE || call_name(BACKEND_START, name) != ERROR_NONE) {
        fail_msg("%s: %s", name, fx_error.msg);
    }
}

struct sandbox_info sandbox_inspect(const char *name)
{
    struct backend_call call = {.verb = BACKEND_INSPECT, .name = name};
    struct sandbox_info info;
    assert_int_equal(call_run(&call), ERROR_NONE);
    assert_int_equal(call.info_count, 1);
    info = call.infos[0];
    backend_call_release(&call);
    return info;
}

static struct strbuf *collect_into;

static void collect(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    (void)call, (void)is_stderr;
    if (collect_into) {
        strbuf_add(collect_into, line, len);
        strbuf_addch(collect_into, '\n');
    }
}

int sandbox_sh(const char *name, struct strbuf *out, const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct backend_call call = {.verb = BACKEND_EXEC, .name = name, .argv = argv, .on_line = collect};
    collect_into = out;
    if (out) {
        strbuf_clear(out);
    }
    call_run(&call);
    collect_into = NULL;
    return call.exit_code;
}

bool process_is_gone(void *arg)
{
    return host_process_start(*(int *)arg) == 0 || parent_of(*(int *)arg) < 0;
}

int parent_of(int pid)
{
    char path[64], text[512];
    int ppid = -1;
    char status = '?';
    str_format(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
    const char *p = strrchr(text, ')');
    if (!p || sscanf(p + 1, " %c %d", &status, &ppid) != 2 || status == 'Z') {
        return -1;
    }
    return ppid;
}

char *sandbox_path(const char *name, const char *rest)
{
    char *root = state_root(fx.paths.state, fx_folder), *dir = state_dir_of(root, name), *path = path_join(dir, rest);
    free(root);
    free(dir);
    return path;
}
