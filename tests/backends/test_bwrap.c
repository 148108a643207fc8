/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/bwrap_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/bwrap/bwrap.h"
#include "backends/process/state.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"

/* Life of sandboxes: create, list, start, stop, delete, crash. */

static void test_create_and_read_back(void **state)
{
    (void)state;
    assert_int_equal(sandbox_inspect("muthr-none").state, SANDBOX_NONE);
    assert_int_equal(sandbox_create("muthr-one", NET_NONE, 0, 512), ERROR_NONE);
    assert_int_equal(sandbox_create("muthr-one", NET_NONE, 0, 512), ERROR_EXISTS);
    struct sandbox_info info = sandbox_inspect("muthr-one");
    assert_int_equal(info.state, SANDBOX_STOPPED);
    assert_string_equal(info.name, "muthr-one");
    assert_string_equal(info.project, "demo");
    assert_string_equal(info.config_hash, "abc");
    assert_string_equal(info.workspace, fx.workspace);
    assert_string_equal(info.reason, "");
    assert_int_equal(sandbox_create("muthr-Größe_2", NET_FULL, 0, 512), ERROR_NONE);
    assert_string_equal(sandbox_inspect("muthr-Größe_2").name, "muthr-Größe_2");
    struct backend_call call = {.verb = BACKEND_LIST};
    assert_int_equal(call_run(&call), ERROR_NONE);
    assert_int_equal(call.info_count, 2);
    backend_call_release(&call);
    call_must(BACKEND_DELETE, "muthr-one");
    call_must(BACKEND_DELETE, "muthr-one"); /* what is gone stays gone */
    assert_int_equal(sandbox_inspect("muthr-one").state, SANDBOX_NONE);
    call_must(BACKEND_DELETE, "muthr-Größe_2");
    assert_true(fs_is_dir(fx.workspace));
}

static void test_refused_workspaces(void **state)
{
    (void)state;
    char *mine = fx.workspace, *with_key = path_join(fx.paths.home, "src/keys"), *inside = path_join(with_key, ".ssh");
    const char *const bad[] = {"/", fx.paths.home, fx.base, fx.paths.state, with_key};
    assert_int_equal(fs_mkdirs(inside, 0700, NULL), 0);
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        fx.workspace = xstrdup(bad[i]);
        enum error_code code = fs_is_dir(bad[i]) ? sandbox_create("muthr-bad", NET_NONE, 0, 0) : ERROR_DENIED;
        free(fx.workspace);
        assert_int_equal(code, ERROR_DENIED);
    }
    char missing[] = "/nowhere/at/all";
    fx.workspace = missing;
    assert_int_equal(sandbox_create("muthr-bad", NET_NONE, 0, 0), ERROR_NOT_FOUND);
    fx.workspace = mine;
    assert_int_equal(sandbox_inspect("muthr-bad").state, SANDBOX_NONE);
    free(with_key);
    free(inside);
}

static void test_start_stop_restart(void **state)
{
    (void)state;
    assert_int_equal(call_name(BACKEND_START, "muthr-none"), ERROR_NOT_FOUND);
    call_must(BACKEND_STOP, "muthr-none");
    sandbox_up("muthr-life", NET_NONE, 0, 512);
    struct sandbox_info info = sandbox_inspect("muthr-life");
    assert_int_equal(info.state, SANDBOX_RUNNING);
    assert_true(info.pid > 1 && info.port > 0 && info.net_known);
    assert_int_equal(info.net, NET_NONE);
    assert_non_null(strstr(info.limits, "pids 512"));
    assert_int_equal(strstr(info.warning, "root") != NULL, fx.as_root);
    call_must(BACKEND_START, "muthr-life"); /* running already */
    assert_int_equal(sandbox_inspect("muthr-life").pid, info.pid);
    assert_int_equal(
        sandbox_sh("muthr-life", NULL, "echo kept > ~/file; echo gone > /tmp/file; echo shared > /workspace/file"), 0);
    call_must(BACKEND_STOP, "muthr-life");
    assert_true(process_is_gone(&info.pid));
    assert_int_equal(sandbox_inspect("muthr-life").state, SANDBOX_STOPPED);
    assert_string_equal(sandbox_inspect("muthr-life").reason, "");
    call_must(BACKEND_START, "muthr-life");
    assert_int_equal(sandbox_inspect("muthr-life").port, info.port);
    assert_int_equal(
        sandbox_sh("muthr-life", NULL, "grep -q kept ~/file && test ! -e /tmp/file && grep -q shared file"), 0);
    /* Delete ends it, and leaves the workspace alone. */
    info = sandbox_inspect("muthr-life");
    call_must(BACKEND_DELETE, "muthr-life");
    assert_true(process_is_gone(&info.pid));
    char *file = path_join(fx.workspace, "file");
    assert_true(fs_exists(file));
    free(file);
}

static void test_stubborn_processes_are_killed(void **state)
{
    (void)state;
    sandbox_up("muthr-stub", NET_NONE, 0, 512);
    assert_int_equal(
        sandbox_sh("muthr-stub", NULL,
                   "setsid sh -c \"trap '' TERM HUP; : >/tmp/deaf; while :; do sleep 1; done\" >/dev/null 2>&1 & "
                   "until test -e /tmp/deaf; do sleep 0.01; done"),
        0);
    struct backend_call call = {.verb = BACKEND_STOP, .name = "muthr-stub", .grace_ms = 400};
    uint64_t before = clock_mono_ms();
    assert_int_equal(call_run(&call), ERROR_NONE);
    assert_true(clock_mono_ms() - before >= 350 && clock_mono_ms() - before < patience(5000));
    assert_non_null(strstr(sandbox_inspect("muthr-stub").reason, "killed after"));
    call_must(BACKEND_DELETE, "muthr-stub");
}

static void test_update(void **state)
{
    (void)state;
    char name[] = "muthr-update", mount[] = "/elsewhere", profile[] = "codex", hash[] = "def", project[] = "demo";
    struct sandbox_spec spec = {.name = name,
                                .project = project,
                                .workspace = fx.workspace,
                                .workspace_mount = mount,
                                .profile = profile,
                                .config_hash = hash,
                                .net = NET_NONE,
                                .pids = 100};
    struct backend_call call = {.verb = BACKEND_UPDATE, .spec = &spec};
    assert_int_equal(call_run(&call), ERROR_NOT_FOUND);
    sandbox_up(name, NET_NONE, 0, 100);
    assert_int_equal(call_run(&call), ERROR_BUSY); /* not under a running one */
    call_must(BACKEND_STOP, name);
    assert_int_equal(call_run(&call), ERROR_NONE);
    struct sandbox_info info = sandbox_inspect(name);
    assert_string_equal(info.profile, "codex");
    assert_string_equal(info.config_hash, "def");
    call_must(BACKEND_START, name);
    assert_int_equal(sandbox_sh(name, NULL, "test $PWD = /elsewhere && test ! -e /workspace"), 0);
    call_must(BACKEND_DELETE, name);
}

/* --- several at once --- */

struct racer {
    struct backend_call call;
    bool done, ok;
    int launches;
};

static void race_line(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    (void)is_stderr, (void)len;
    ((struct racer *)call->arg)->launches += strcmp(line, "starting bwrap") == 0;
}

static void race_done(struct backend_call *call, const struct error *err)
{
    struct racer *r = call->arg;
    r->done = true;
    r->ok = !err;
}

static bool race_over(void *arg)
{
    struct racer *r = arg;
    for (int i = 0; i < 6; i++) {
        if (!r[i].done) {
            return false;
        }
    }
    return true;
}

static void test_six_starts_make_one(void **state)
{
    (void)state;
    struct racer racers[6] = {{.done = false}};
    int launches = 0;
    assert_int_equal(sandbox_create("muthr-race", NET_NONE, 0, 512), ERROR_NONE);
    for (int i = 0; i < 6; i++) {
        racers[i].call = (struct backend_call){
            .verb = BACKEND_START, .name = "muthr-race", .on_line = race_line, .done = race_done, .arg = &racers[i]};
        bwrap_backend.submit(fx.be, &racers[i].call);
    }
    assert_true(wait_for(race_over, racers, DEADLINE_MS));
    for (int i = 0; i < 6; i++) {
        assert_true(racers[i].ok);
        launches += racers[i].launches;
    }
    assert_int_equal(launches, 1);
    call_must(BACKEND_DELETE, "muthr-race");
}

static void test_cancelled_start_leaves_nothing(void **state)
{
    (void)state;
    struct racer r = {.done = false};
    assert_int_equal(sandbox_create("muthr-cancel", NET_NONE, 0, 512), ERROR_NONE);
    r.call = (struct backend_call){.verb = BACKEND_START, .name = "muthr-cancel", .done = race_done, .arg = &r};
    bwrap_backend.submit(fx.be, &r.call);
    loop_turn(fx.loop, true);
    uint64_t before = clock_mono_ms();
    bwrap_backend.cancel(fx.be, &r.call);
    bwrap_backend.cancel(fx.be, &r.call);
    while (!r.done) {
        loop_turn(fx.loop, true);
    }
    assert_false(r.ok);
    assert_true(clock_mono_ms() - before < patience(1500));
    call_must(BACKEND_STOP, "muthr-cancel");
    assert_true(sandbox_inspect("muthr-cancel").state != SANDBOX_RUNNING);
    call_must(BACKEND_DELETE, "muthr-cancel");
}

/* --- crashes --- */

static int holder(const char *name)
{
    char *dir = sandbox_path(name, ".");
    int pid = state_lock_holder(dir);
    free(dir);
    return pid;
}

static bool is_failed(void *arg)
{
    return sandbox_inspect(arg).state == SANDBOX_FAILED;
}

static bool is_stopped(void *arg)
{
    return sandbox_inspect(arg).state == SANDBOX_STOPPED;
}

static int changes;
static void on_change(void *arg, const char *name)
{
    (void)arg, (void)name;
    changes++;
}

static bool has_changed(void *arg)
{
    (void)arg;
    return changes > 0;
}

static void test_killed_shim_takes_all_along(void **state)
{
    (void)state;
    char name[] = "muthr-crash";
    sandbox_up(name, NET_NONE, 64u << 20, 100);
    assert_int_equal(sandbox_sh(name, NULL, "setsid sleep 600 >/dev/null 2>&1 &"), 0);
    int pid = sandbox_inspect(name).pid, shim = holder(name);
    assert_true(shim > 1);
    bwrap_backend.watch(fx.be, on_change, NULL);
    changes = 0;
    assert_int_equal(kill(shim, SIGKILL), 0);
    assert_true(wait_for(process_is_gone, &pid, 5000));
    assert_true(wait_for(is_failed, name, 5000));
    assert_true(wait_for(has_changed, NULL, 5000)); /* the guard tells */
    bwrap_backend.watch(fx.be, NULL, NULL);
    assert_non_null(strstr(sandbox_inspect(name).reason, "crashed"));
    assert_int_equal(sandbox_sh(name, NULL, "true"), 125);
    call_must(BACKEND_START, name);
    assert_int_equal(sandbox_sh(name, NULL, "true"), 0);
    call_must(BACKEND_DELETE, name);
}

static void test_killed_init_and_monitor(void **state)
{
    (void)state;
    char name[] = "muthr-kill";
    sandbox_up(name, NET_NONE, 0, 100);
    int pid = sandbox_inspect(name).pid;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_true(wait_for(is_stopped, name, 5000));
    assert_non_null(strstr(sandbox_inspect(name).reason, "signal 9"));
    call_must(BACKEND_START, name);
    pid = sandbox_inspect(name).pid;
    int monitor = parent_of(pid);
    assert_true(monitor > 1);
    assert_int_equal(kill(monitor, SIGKILL), 0);
    assert_true(wait_for(process_is_gone, &pid, 5000));
    assert_true(wait_for(is_stopped, name, 5000));
    call_must(BACKEND_START, name);
    assert_int_equal(sandbox_sh(name, NULL, "true"), 0);
    call_must(BACKEND_DELETE, name);
}

/* While its remains are being cleared up it can be stopped and started as at any other time. */
static void test_stop_and_start_in_the_middle_of_a_crash(void **state)
{
    (void)state;
    char name[] = "muthr-again";
    sandbox_up(name, NET_NONE, 0, 100);
    for (int i = 0; i < 12; i++) {
        int init = sandbox_inspect(name).pid, victim = i % 2 == 0 ? init : holder(name);
        assert_true(init > 1 && victim > 1);
        assert_int_equal(kill(victim, SIGKILL), 0);
        assert_true(wait_for(process_is_gone, i < 6 ? &init : &victim, 5000));
        call_must(BACKEND_STOP, name);
        call_must(BACKEND_START, name);
        assert_int_equal(sandbox_inspect(name).state, SANDBOX_RUNNING);
        assert_int_equal(sandbox_sh(name, NULL, "true"), 0);
    }
    call_must(BACKEND_DELETE, name);
}

/* --- damaged state --- */

static void write_state(const char *name, const char *rest, const char *text)
{
    char *path = sandbox_path(name, rest);
    assert_int_equal(fs_write_atomic(path, text, strlen(text), 0600, NULL), 0);
    free(path);
}

static void test_damaged_files(void **state)
{
    (void)state;
    char name[] = "muthr-damaged";
    assert_int_equal(sandbox_create(name, NET_NONE, 0, 100), ERROR_NONE);
    write_state(name, "run/status.json", "{\"state\": \"runn");
    struct sandbox_info info = sandbox_inspect(name);
    assert_int_equal(info.state, SANDBOX_UNKNOWN);
    assert_non_null(strstr(info.reason, "status.json"));
    write_state(name, "run/status.json",
                "{\"state\": \"running\", \"shim_pid\": 1, \"init_pid\": -4, \"cgroups\": [\"/etc\", 7]}");
    info = sandbox_inspect(name);
    assert_int_equal(info.state, SANDBOX_FAILED);
    write_state(name, "config.json", "{\"name\": ");
    info = sandbox_inspect(name);
    assert_int_equal(info.state, SANDBOX_FAILED);
    assert_string_equal(info.name, name);
    assert_non_null(strstr(info.reason, "config"));
    char *aside = sandbox_path(name, "config.json.broken-1");
    assert_true(fs_exists(aside));
    free(aside);
    assert_int_not_equal(call_name(BACKEND_START, name), ERROR_NONE);
    assert_non_null(strstr(fx_error.msg, "configuration"));
    call_must(BACKEND_DELETE, name);
}

static void test_unwritable_state(void **state)
{
    (void)state;
    char *root = state_root(fx.paths.state, STATE_BWRAP);
    assert_int_equal(fs_mkdirs(root, 0700, NULL), 0);
    assert_int_equal(chmod(root, 0500), 0);
    enum error_code code = sandbox_create("muthr-ro", NET_NONE, 0, 0);
    chmod(root, 0700);
    free(root);
    assert_int_equal(code, ERROR_DENIED);
    assert_int_equal(sandbox_inspect("muthr-ro").state, SANDBOX_NONE);
}

/* --- the workspace --- */

static void test_workspace_replaced(void **state)
{
    (void)state;
    char name[] = "muthr-ws", *moved = xasprintf("%s.moved", fx.workspace);
    sandbox_up(name, NET_NONE, 0, 100);
    assert_false(sandbox_inspect(name).workspace_missing);
    assert_int_equal(rename(fx.workspace, moved), 0);
    assert_true(sandbox_inspect(name).workspace_missing);
    assert_int_equal(mkdir(fx.workspace, 0755), 0);
    assert_true(sandbox_inspect(name).workspace_missing); /* another folder of that name is not it */
    call_must(BACKEND_STOP, name);
    /* A symlink to the keys in its place is not followed. */
    char *ssh = path_join(fx.paths.home, ".ssh");
    assert_int_equal(rmdir(fx.workspace), 0);
    assert_int_equal(symlink(ssh, fx.workspace), 0);
    assert_int_equal(call_name(BACKEND_START, name), ERROR_DENIED);
    assert_int_equal(unlink(fx.workspace), 0);
    assert_int_equal(call_name(BACKEND_START, name), ERROR_NOT_FOUND);
    assert_int_equal(rename(moved, fx.workspace), 0);
    call_must(BACKEND_START, name);
    call_must(BACKEND_DELETE, name);
    free(ssh);
    free(moved);
}

static void test_stats_and_limits(void **state)
{
    (void)state;
    sandbox_up("muthr-stats", NET_NONE, 256u << 20, 100);
    assert_int_equal(sandbox_sh("muthr-stats", NULL,
                                "setsid sleep 600 >/dev/null 2>&1 & i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"),
                     0);
    struct backend_call call = {.verb = BACKEND_STATS, .name = "muthr-stats"};
    uint64_t before = clock_mono_ns();
    assert_int_equal(call_run(&call), ERROR_NONE);
    print_message("stats: %.2f ms\n", (double)(clock_mono_ns() - before) / 1e6);
    assert_int_equal(call.stats.procs, 1);
    assert_true(call.stats.cpu_ns > 0 && call.stats.memory_bytes > 0);
    assert_int_equal(call.stats.memory_limit_bytes, 256u << 20);
    assert_int_equal(call_name(BACKEND_STATS, "muthr-none"), ERROR_NOT_FOUND);
    call_must(BACKEND_DELETE, "muthr-stats");
}

static void test_times(void **state)
{
    (void)state;
    uint64_t start = 0, exec = 0;
    assert_int_equal(sandbox_create("muthr-time", NET_NONE, 0, 512), ERROR_NONE);
    for (int i = 0; i < 5; i++) {
        uint64_t t = clock_mono_ns();
        call_must(BACKEND_START, "muthr-time");
        start += clock_mono_ns() - t;
        t = clock_mono_ns();
        assert_int_equal(sandbox_sh("muthr-time", NULL, "true"), 0);
        exec += clock_mono_ns() - t;
        call_must(BACKEND_STOP, "muthr-time");
    }
    print_message("start: %.1f ms, exec of a program: %.1f ms (means of 5)\n", (double)start / 5e6, (double)exec / 5e6);
    call_must(BACKEND_DELETE, "muthr-time");
}

/* A user manager that is there but refuses, and one whose scope limits nothing: started all the same, and nothing is
 * claimed. (What a real one does cannot be seen on a machine without systemd.) */
static void test_user_manager_that_does_not_help(void **state)
{
    (void)state;
    static const char *const programs[] = {"#!/bin/sh\necho no >&2\nexit 1\n",
                                           "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec \"$@\"\n"};
    char *runtime = path_join(fx.base, "runtime"), *systemd = path_join(runtime, "systemd"),
         *private_socket = path_join(systemd, "private");
    char *program = path_join(runtime, "systemd-run"), *old = xstrdup(getenv("PATH")),
         *path = xasprintf("%s:%s", runtime, old);
    assert_int_equal(fs_mkdirs(systemd, 0700, NULL), 0);
    assert_int_equal(fs_write_atomic(private_socket, "", 0, 0600, NULL), 0);
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    setenv("PATH", path, 1);
    for (size_t i = 0; i < MT_ARRAY_LEN(programs); i++) {
        assert_int_equal(fs_write_atomic(program, programs[i], strlen(programs[i]), 0700, NULL), 0);
        sandbox_up("muthr-scope", NET_NONE, 256u << 20, 100);
        assert_non_null(strstr(sandbox_inspect("muthr-scope").limits, "(watchdog)"));
        assert_int_equal(sandbox_sh("muthr-scope", NULL, "test -z \"$MUTHR_SHIM_SCOPE\""), 0);
        call_must(BACKEND_DELETE, "muthr-scope");
    }
    setenv("PATH", old, 1);
    unsetenv("XDG_RUNTIME_DIR");
    free(runtime);
    free(systemd);
    free(private_socket);
    free(program);
    free(old);
    free(path);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_and_read_back),
        cmocka_unit_test(test_refused_workspaces),
        cmocka_unit_test(test_start_stop_restart),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_stubborn_processes_are_killed),
        cmocka_unit_test(test_six_starts_make_one),
        cmocka_unit_test(test_cancelled_start_leaves_nothing),
        cmocka_unit_test(test_killed_shim_takes_all_along),
        cmocka_unit_test(test_killed_init_and_monitor),
        cmocka_unit_test(test_stop_and_start_in_the_middle_of_a_crash),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_workspace_replaced),
        cmocka_unit_test(test_stats_and_limits),
        cmocka_unit_test(test_times),
    };
    /* Permissions do not stop root, and root needs no user manager. */
    const struct CMUnitTest not_for_root[] = {
        cmocka_unit_test(test_unwritable_state),
        cmocka_unit_test(test_user_manager_that_does_not_help),
    };
    int failed = cmocka_run_group_tests_name("bwrap", tests, fixture_setup, fixture_teardown);
    if (geteuid() != 0) {
        failed += cmocka_run_group_tests_name("bwrap, not for root", not_for_root, fixture_setup, fixture_teardown);
    }
    return failed;
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
