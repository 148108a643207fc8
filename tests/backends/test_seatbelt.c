/* SPDX-License-Identifier: Apache-2.0 */
/* Life of process sandboxes, with the program that plays sandbox-exec (tests/play/sandbox_exec.c): everything but the
 * confinement itself, which only macOS has. */
#include "backends/seatbelt/seatbelt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/process/host.h"
#include "backends/process/port.h"
#include "backends/process/state.h"
#include "backends/seatbelt/members.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "term/host.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/backends/host_rig.h"
#include "tests/backends/seat_stand_in.h"
#include "tests/skip.h"

#define NAME "muthr-demo"

/* --- a sandbox of one's own choice --- */

static enum error_code submit_spec(enum backend_verb verb, const struct sandbox_spec *change)
{
    static char name[] = NAME, profile[] = "base", hash[] = "abc", project[] = "demo";
    struct sandbox_spec spec = *change;
    spec.name = name;
    spec.profile = profile;
    spec.config_hash = hash;
    spec.project = project;
    spec.workspace = spec.workspace ? spec.workspace : fx.workspace;
    spec.workspace_mount = spec.workspace;
    struct backend_call call = {.verb = verb, .spec = &spec};
    return call_run(&call);
}

static enum error_code create_with(const struct sandbox_spec *change)
{
    return submit_spec(BACKEND_CREATE, change);
}

static void up_with(const struct sandbox_spec *change)
{
    if (create_with(change) != ERROR_NONE || call_name(BACKEND_START, NAME) != ERROR_NONE) {
        fail_msg("%s", fx_error.msg);
    }
}

static int pid_in(const char *file)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char *path = path_join(fx.workspace, file);
    if (fs_read(path, 64, &text, NULL) < 0) {
        strbuf_clear(&text);
    }
    free(path);
    return (int)strtol(text.buf, NULL, 10);
}

static bool has_pid(void *arg)
{
    return pid_in(arg) > 1 && host_process_start(pid_in(arg)) != 0;
}

static bool is_state(void *arg)
{
    return sandbox_inspect(NAME).state == *(enum sandbox_state *)arg;
}

static void expect_state(enum sandbox_state want)
{
    if (!wait_for(is_state, &want, 10000)) {
        fail_msg("it is %s", sandbox_state_name(sandbox_inspect(NAME).state));
    }
}

static int shim_pid(void)
{
    struct state_status st;
    char *dir = sandbox_path(NAME, ".");
    state_status_load(dir, &st);
    free(dir);
    assert_true(st.shim_pid > 1);
    return st.shim_pid;
}

/* Nothing of a sandbox, half-made ones included. */
static void expect_no_folder(void)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    char *root = state_root(fx.paths.state, STATE_SEATBELT);
    fs_list(root, &names, NULL);
    for (size_t i = 0; i < names.len; i++) {
        if (strcmp(names.v[i], STATE_CHANGES) != 0) {
            fail_msg("left behind: %s", names.v[i]);
        }
    }
    free(root);
}

/* --- tests --- */

static void test_life(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    char *file = path_join(fx.workspace, "kept");
    assert_int_equal(fs_write_atomic(file, "kept", 4, 0644, NULL), 0);
    up_with(&(struct sandbox_spec){.net = NET_NONE, .memory_bytes = 1u << 30, .pids = 64});
    struct sandbox_info info = sandbox_inspect(NAME);
    assert_int_equal(info.state, SANDBOX_RUNNING);
    assert_non_null(strstr(info.warning, "NOTHING CONFINES IT"));
    assert_non_null(strstr(info.limits, "memory 1.0 GiB (watchdog)"));
    assert_non_null(strstr(info.limits, "not enforced: pids"));
    assert_true(info.net_known && info.net == NET_NONE);
    assert_true(info.port > 0);
    char want[80];
    str_format(want, sizeof(want), "localhost only: listens on %d", info.port);
    assert_string_equal(info.net_detail, want);
    assert_string_equal(info.mount, fx.workspace);
    assert_true(path_is_below(info.tmp, fx.paths.state));
    assert_true(host_process_start(info.pid) != 0);
    /* Its programs: where they are, what they are told, what not. */
    assert_int_equal(sandbox_sh(NAME, &out,
                                "pwd; echo $PORT $MUTHR_PORT; echo \"[$MT_SECRET]\"; ulimit -n; umask; touch made; "
                                "cd && pwd; echo err >&2; exit 7"),
                     7);
    str_format(want, sizeof(want), "%d %d\n[]\n4096\n0022\n", info.port, info.port);
    assert_non_null(strstr(out.buf, want));
    assert_int_equal(strncmp(out.buf, fx.workspace, strlen(fx.workspace)), 0);
    assert_non_null(strstr(out.buf, "/muthr-demo/home\n"));
    assert_non_null(strstr(out.buf, "err\n"));
    /* Its port is free for them. */
    int got, fd = port_bind(info.port, &got);
    assert_true(fd >= 0);
    close(fd);
    struct backend_call stats = {.verb = BACKEND_STATS, .name = NAME};
    assert_int_equal(call_run(&stats), ERROR_NONE);
    assert_int_equal(stats.stats.procs, 1);
    assert_true(stats.stats.memory_bytes > 0);
    assert_int_equal(stats.stats.memory_limit_bytes, 1u << 30);
    call_must(BACKEND_START, NAME); /* it runs: success */
    call_must(BACKEND_STOP, NAME);
    assert_int_equal(sandbox_inspect(NAME).state, SANDBOX_STOPPED);
    assert_true(host_process_start(info.pid) == 0);
    call_must(BACKEND_STOP, NAME);
    assert_int_equal(call_name(BACKEND_STATS, NAME), ERROR_UNAVAILABLE);
    assert_int_equal(sandbox_sh(NAME, NULL, "true"), 125);
    call_must(BACKEND_START, NAME);
    assert_int_equal(sandbox_inspect(NAME).port, info.port); /* the same again */
    call_must(BACKEND_DELETE, NAME);
    assert_int_equal(sandbox_inspect(NAME).state, SANDBOX_NONE);
    expect_no_folder();
    assert_true(fs_exists(file));
    free(file);
}

static void test_exec(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    up_with(&(struct sandbox_spec){.net = NET_NONE, .cpu_seconds = 1});
    assert_non_null(strstr(sandbox_inspect(NAME).limits, "1 s of processor time a program"));
    assert_int_equal(sandbox_sh(NAME, &out, "ulimit -t; ulimit -c"), 0);
    assert_string_equal(out.buf, "1\n0\n");
    assert_int_equal(sandbox_sh(NAME, NULL, "exec sh -c 'while :; do :; done'"), 137); /* at its hard limit: KILL */
    const char *const cat[] = {"sh", "-c", "wc -c; echo $A; pwd", NULL}, *const env[] = {"A=b c", NULL};
    char *big = xcalloc(1, 300000);
    struct backend_call call = {
        .verb = BACKEND_EXEC, .name = NAME, .argv = cat, .env = env, .cwd = "/", .input = big, .input_len = 300000};
    assert_int_equal(call_run(&call), ERROR_NONE);
    free(big);
    const char *const missing[] = {"no-such-program", NULL};
    call = (struct backend_call){.verb = BACKEND_EXEC, .name = NAME, .argv = missing};
    assert_int_equal(call_run(&call), ERROR_EXIT);
    assert_int_equal(call.exit_code, 127);
    assert_non_null(strstr(fx_error.msg, "no-such-program"));
    call = (struct backend_call){.verb = BACKEND_EXEC, .name = NAME, .argv = cat, .cwd = "/no/such/folder"};
    assert_int_equal(call_run(&call), ERROR_EXIT);
    assert_int_equal(call.exit_code, 126);
    /* The run's mark cannot be set by who asks. */
    const char *const forged[] = {"MUTHR_SEATBELT=x", NULL}, *const show[] = {"sh", "-c", "[ $MUTHR_SEATBELT != x ]",
                                                                              NULL};
    call = (struct backend_call){.verb = BACKEND_EXEC, .name = NAME, .argv = show, .env = forged};
    assert_int_equal(call_run(&call), ERROR_NONE);
    /* Every program goes under the stored profile: a broken one stops them all. */
    char *path = sandbox_path(NAME, "sandbox.sb");
    assert_int_equal(fs_write_atomic(path, "(version 1)(allow default)", 26, 0600, NULL), 0);
    assert_int_equal(sandbox_sh(NAME, &out, "true"), 65);
    assert_non_null(strstr(out.buf, "(deny default)"));
    free(path);
    /* No images, said in so many words. */
    call = (struct backend_call){.verb = BACKEND_COMMIT, .name = NAME, .tag = "x"};
    assert_int_equal(call_run(&call), ERROR_INVALID);
    assert_non_null(strstr(fx_error.msg, "has no images"));
}

static struct strbuf log_lines;

static void on_log(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    (void)call;
    strbuf_addf(&log_lines, "%s", is_stderr ? "E:" : "O:");
    strbuf_add(&log_lines, line, len);
    strbuf_addch(&log_lines, '\n');
}

/* A start that fails says why, in sandbox-exec's own words, leaves nothing behind, and can be tried again. */
static void test_failed_start(void **state)
{
    (void)state;
    assert_int_equal(create_with(&(struct sandbox_spec){.net = NET_NONE}), ERROR_NONE);
    char *exec = xstrdup(getenv("MUTHR_TEST_SANDBOX_EXEC"));
    /* Its environment is its own: what the test says must come by the program that is run. */
    char *wrapper = path_join(fx.base, "nested");
    MT_CLEANUP(strbuf) struct strbuf script = STRBUF_INIT;
    strbuf_addf(&script, "#!/bin/sh\nSANDBOX_EXEC_NESTED=1 exec '%s' \"$@\"\n", exec);
    assert_int_equal(fs_write_atomic(wrapper, script.buf, script.len, 0755, NULL), 0);
    setenv("MUTHR_TEST_SANDBOX_EXEC", wrapper, 1);
    enum error_code code = call_name(BACKEND_START, NAME);
    struct error why = fx_error;
    setenv("MUTHR_TEST_SANDBOX_EXEC", exec, 1);
    assert_int_equal(code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(why.msg, "macOS does not nest them"));
    struct sandbox_info info = sandbox_inspect(NAME);
    assert_int_equal(info.state, SANDBOX_FAILED);
    assert_non_null(strstr(info.reason, "does not nest"));
    strbuf_init(&log_lines);
    struct backend_call logs = {.verb = BACKEND_LOGS, .name = NAME, .tail = 5, .on_line = on_log};
    assert_int_equal(call_run(&logs), ERROR_NONE);
    assert_string_equal(log_lines.buf, "E:sandbox-exec: sandbox_apply: Operation not permitted\n");
    strbuf_release(&log_lines);
    call_must(BACKEND_START, NAME);
    assert_int_equal(sandbox_inspect(NAME).state, SANDBOX_RUNNING);
    free(exec);
    free(wrapper);
}

/* What ignores TERM, went into a session of its own or lost its parent is ended, too. */
static void test_stop_ends_all(void **state)
{
    (void)state;
    up_with(&(struct sandbox_spec){.net = NET_NONE});
    int bystander = fork();
    if (bystander == 0) {
        execlp("sleep", "sleep", "1000", (char *)NULL);
        _exit(1);
    }
    assert_int_equal(sandbox_sh(NAME, NULL,
                                "(setsid sh -c 'echo $$ >a; trap \"\" TERM HUP; while :; do sleep 1; done' "
                                ">/dev/null 2>&1 &)\n"
                                "(sh -c 'echo $$ >b; exec sleep 1000' >/dev/null 2>&1 &)\n"
                                "until [ -s a ] && [ -s b ]; do :; done"),
                     0);
    char a[] = "a", b[] = "b";
    assert_true(has_pid(a) && has_pid(b));
    struct backend_call stats = {.verb = BACKEND_STATS, .name = NAME};
    assert_int_equal(call_run(&stats), ERROR_NONE);
    assert_true(stats.stats.procs >= 3);
    struct backend_call stop = {.verb = BACKEND_STOP, .name = NAME, .grace_ms = 300};
    assert_int_equal(call_run(&stop), ERROR_NONE);
    assert_true(host_process_start(pid_in("a")) == 0);
    assert_true(host_process_start(pid_in("b")) == 0);
    assert_string_equal(sandbox_inspect(NAME).reason, "killed after 1 s");
    assert_true(host_process_start(bystander) != 0);
    kill(bystander, SIGKILL);
    waitpid(bystander, NULL, 0);
}

/* A supervisor that is killed takes everything with it; so does the main process. */
static void test_crash(void **state)
{
    (void)state;
    up_with(&(struct sandbox_spec){.net = NET_NONE});
    assert_int_equal(
        sandbox_sh(NAME, NULL,
                   "(setsid sh -c 'echo $$ >a; exec sleep 1000' >/dev/null 2>&1 &)\nuntil [ -s a ]; do :; done"),
        0);
    int orphan = pid_in("a"), main_pid = sandbox_inspect(NAME).pid;
    kill(shim_pid(), SIGKILL);
    expect_state(SANDBOX_FAILED);
    assert_non_null(strstr(sandbox_inspect(NAME).reason, "crashed"));
    assert_true(wait_for(process_is_gone, &orphan, 10000));
    assert_true(wait_for(process_is_gone, &main_pid, 10000));
    /* Killed together with its guard: whoever looks next clears up. */
    call_must(BACKEND_START, NAME);
    assert_int_equal(sandbox_sh(NAME, NULL, "rm a"), 0);
    main_pid = sandbox_inspect(NAME).pid;
    int shim = shim_pid();
    struct host_process *list;
    size_t count = host_processes(&list);
    assert_int_equal(
        sandbox_sh(NAME, NULL,
                   "(setsid sh -c 'echo $$ >a; exec sleep 1000' >/dev/null 2>&1 &)\nuntil [ -s a ]; do :; done"),
        0);
    for (size_t i = 0; i < count; i++) {
        if (list[i].parent == shim && list[i].pid != main_pid) {
            kill(list[i].pid, SIGKILL);
        }
    }
    free(list);
    kill(shim, SIGKILL);
    expect_state(SANDBOX_FAILED);
    struct backend_call probe = {.verb = BACKEND_PROBE};
    assert_int_equal(call_run(&probe), ERROR_NONE);
    orphan = pid_in("a");
    assert_true(wait_for(process_is_gone, &orphan, 10000));
    /* A status that somebody damaged does not hide that it runs. */
    call_must(BACKEND_START, NAME);
    char *status = sandbox_path(NAME, "run/status.json");
    MT_CLEANUP(strbuf) struct strbuf good = STRBUF_INIT;
    assert_int_equal(fs_read(status, 1u << 16, &good, NULL), 0);
    assert_int_equal(fs_write_atomic(status, "{", 1, 0600, NULL), 0);
    struct sandbox_info info = sandbox_inspect(NAME);
    assert_int_equal(info.state, SANDBOX_RUNNING);
    assert_non_null(strstr(info.warning, "damaged"));
    assert_int_equal(fs_write_atomic(status, good.buf, good.len, 0600, NULL), 0);
    free(status);
    main_pid = sandbox_inspect(NAME).pid;
    kill(main_pid, SIGKILL);
    expect_state(SANDBOX_STOPPED);
    assert_string_equal(sandbox_inspect(NAME).reason, "killed by signal 9");
    assert_int_equal(sandbox_inspect(NAME).exit_code, 137);
    call_must(BACKEND_START, NAME);
    call_must(BACKEND_STOP, NAME);
}

/* Numbers that somebody else has now, or had in another boot, are nobody's to kill. */
static void test_pid_reuse(void **state)
{
    (void)state;
    assert_int_equal(create_with(&(struct sandbox_spec){.net = NET_NONE}), ERROR_NONE);
    for (int other_boot = 0; other_boot < 2; other_boot++) {
        int stranger = fork();
        if (stranger == 0) {
            execlp("sleep", "sleep", "1000", (char *)NULL);
            _exit(1);
        }
        struct state_status st = {.shim_pid = stranger, .init_pid = stranger};
        char line[64], *dir = sandbox_path(NAME, "."), *members = sandbox_path(NAME, "run/members");
        unsigned long long start = host_process_start(stranger);
        host_boot_id(st.boot_id);
        st.boot_id[0] = (char)(other_boot ? 'x' : st.boot_id[0]);
        st.shim_start = st.init_start = start + !other_boot;
        str_copy(st.phase, sizeof(st.phase), "running");
        assert_int_equal(state_status_save(dir, &st, NULL), 0);
        str_format(line, sizeof(line), "%d %llu\n", stranger, start + !other_boot);
        assert_int_equal(fs_write_atomic(members, line, strlen(line), 0600, NULL), 0);
        call_must(BACKEND_STOP, NAME); /* clears up */
        assert_true(host_process_start(stranger) != 0);
        assert_int_equal(fs_write_atomic(members, line, strlen(line), 0600, NULL), 0);
        assert_int_equal(state_status_save(dir, &st, NULL), 0);
        call_must(BACKEND_START, NAME);
        call_must(BACKEND_STOP, NAME);
        assert_true(host_process_start(stranger) != 0);
        kill(stranger, SIGKILL);
        waitpid(stranger, NULL, 0);
        free(dir);
        free(members);
    }
}

struct several {
    int left, failed;
};

static void on_started(struct backend_call *call, const struct error *err)
{
    struct several *s = call->arg;
    s->left--;
    s->failed += err != NULL;
}

static bool all_started(void *arg)
{
    return ((struct several *)arg)->left == 0;
}

static void test_two_starters(void **state)
{
    (void)state;
    struct several s = {.left = 5};
    struct backend_call calls[5];
    assert_int_equal(create_with(&(struct sandbox_spec){.net = NET_NONE}), ERROR_NONE);
    for (size_t i = 0; i < 5; i++) {
        calls[i] = (struct backend_call){.verb = BACKEND_START, .name = NAME, .done = on_started, .arg = &s};
        seatbelt_backend.submit(fx.be, &calls[i]);
    }
    assert_true(wait_for(all_started, &s, DEADLINE_MS));
    assert_int_equal(s.failed, 0);
    assert_int_equal(sandbox_inspect(NAME).state, SANDBOX_RUNNING);
    struct backend_call stats = {.verb = BACKEND_STATS, .name = NAME};
    assert_int_equal(call_run(&stats), ERROR_NONE);
    assert_int_equal(stats.stats.procs, 1); /* one main process */
}

/* Thousands of programs that have ended leave the list short, and hide none that lives. */
static void test_many_programs(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    up_with(&(struct sandbox_spec){.net = NET_NONE});
    char *path = sandbox_path(NAME, "run/members");
    for (int i = 0; i < 8000; i++) {
        strbuf_addf(&text, "%d %d\n", 3000000 + i, 1000 + i);
    }
    assert_int_equal(fs_append(path, text.buf, text.len, 0600, NULL), 0);
    assert_int_equal(
        sandbox_sh(NAME, NULL, "(sh -c 'echo $$ >a; exec sleep 1000' >/dev/null 2>&1 &)\nuntil [ -s a ]; do :; done"),
        0);
    assert_int_equal(sandbox_sh(NAME, NULL, "true"), 0);
    strbuf_clear(&text);
    assert_int_equal(fs_read(path, 1u << 20, &text, NULL), 0);
    assert_true(text.len < 200);
    char *dir = sandbox_path(NAME, ".");
    members_tidy(dir);
    strbuf_clear(&text);
    assert_int_equal(fs_read(path, 1u << 20, &text, NULL), 0);
    char want[64];
    str_format(want, sizeof(want), "%d ", sandbox_inspect(NAME).pid);
    assert_int_equal(strncmp(text.buf, want, strlen(want)), 0);
    size_t lines = 0;
    for (const char *p = text.buf; (p = strchr(p, '\n')) != NULL; p++) {
        lines++;
    }
    assert_int_equal(lines, 2); /* the main process, and the session in which somebody still is */
    free(dir);
    struct backend_call stats = {.verb = BACKEND_STATS, .name = NAME};
    assert_int_equal(call_run(&stats), ERROR_NONE);
    assert_int_equal(stats.stats.procs, 2);
    call_must(BACKEND_STOP, NAME);
    assert_true(host_process_start(pid_in("a")) == 0);
    free(path);
}

/* B6: a wish that is taken is not insisted on; who sets PORT means it. */
static void test_port(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    int busy, fd = port_bind(0, &busy);
    up_with(&(struct sandbox_spec){.net = NET_NONE, .port = busy});
    int port = sandbox_inspect(NAME).port;
    assert_true(port > 0 && port != busy);
    close(fd);
    const char *const env[] = {"PORT=99", NULL}, *const show[] = {"sh", "-c", "[ $PORT = 99 ]", NULL};
    struct backend_call call = {.verb = BACKEND_EXEC, .name = NAME, .argv = show, .env = env};
    assert_int_equal(call_run(&call), ERROR_NONE);
    char *path = sandbox_path(NAME, "sandbox.sb"), rule[80];
    assert_int_equal(fs_read(path, 1u << 16, &out, NULL), 0);
    str_format(rule, sizeof(rule), "(allow network-bind\n  (local ip \"localhost:%d\"))", port);
    assert_non_null(strstr(out.buf, rule));
    assert_null(strstr(out.buf, "*:*"));
    free(path);
}

static bool is_memory_killed(void *arg)
{
    (void)arg;
    return strncmp(sandbox_inspect(NAME).reason, "killed: memory limit 64 MiB: ", 29) == 0;
}

/* B3. */
static void test_watchdog(void **state)
{
    (void)state;
    up_with(&(struct sandbox_spec){.net = NET_NONE, .memory_bytes = 64u << 20});
    /* A process that holds as much, and no more: it waits for a reader of the rest. */
    assert_int_equal(
        sandbox_sh(NAME, NULL, "mkfifo f; dd bs=90M count=1 if=/dev/zero of=f 2>/dev/null & exec 3<f; wait $!"), 137);
    assert_true(wait_for(is_memory_killed, NULL, 5000));
    assert_int_equal(sandbox_inspect(NAME).state, SANDBOX_RUNNING);
    assert_int_equal(sandbox_sh(NAME, NULL, "true"), 0);
}

/* What ran open is ended, what starts is closed; it stays so over restarts, until the next update. */
static void test_seal(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    char *path = sandbox_path(NAME, "sandbox.sb");
    const struct sandbox_spec spec = {
        .net = NET_FULL, .net_after = NET_MODEL, .model_port = 8123, .connect = {5432}, .connect_count = 1};
    up_with(&spec);
    assert_int_equal(sandbox_inspect(NAME).net, NET_FULL);
    assert_int_equal(fs_read(path, 1u << 16, &out, NULL), 0);
    assert_non_null(strstr(out.buf, "; network: full\n"));
    assert_non_null(strstr(out.buf, "(deny network-outbound (remote ip \"localhost:*\"))"));
    assert_int_equal(
        sandbox_sh(NAME, NULL, "(sh -c 'echo $$ >a; exec sleep 1000' >/dev/null 2>&1 &)\nuntil [ -s a ]; do :; done"),
        0);
    int open_one = pid_in("a");
    struct backend_call seal = {.verb = BACKEND_SEAL, .name = NAME, .net = NET_MODEL};
    assert_int_equal(call_run(&seal), ERROR_NONE);
    assert_true(host_process_start(open_one) == 0);
    for (int i = 0; i < 2; i++) {
        struct sandbox_info info = sandbox_inspect(NAME);
        assert_int_equal(info.state, SANDBOX_RUNNING);
        assert_int_equal(info.net, NET_MODEL);
        assert_non_null(strstr(info.net_detail, "connects to 5432, 8123"));
        strbuf_clear(&out);
        assert_int_equal(fs_read(path, 1u << 16, &out, NULL), 0);
        assert_null(strstr(out.buf, "*:*"));
        assert_non_null(strstr(out.buf, "(remote ip \"localhost:8123\")"));
        call_must(BACKEND_STOP, NAME);
        call_must(BACKEND_START, NAME);
    }
    call_must(BACKEND_STOP, NAME);
    assert_int_equal(submit_spec(BACKEND_UPDATE, &spec), ERROR_NONE);
    call_must(BACKEND_START, NAME);
    assert_int_equal(sandbox_inspect(NAME).net, NET_FULL);
    free(path);
}

static void test_hostile_paths(void **state)
{
    (void)state;
    static const char *const names[] = {"a\"b", "a\\b", "a\nb", "x\") (allow default) (x \""};
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        char *path = path_join(fx.paths.home, names[i]);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_int_equal(create_with(&(struct sandbox_spec){.workspace = path}), ERROR_INVALID);
        assert_non_null(strstr(fx_error.msg, "cannot stand in a sandbox profile"));
        char target[] = "/data";
        struct mount_spec mount = {.source = path, .target = target};
        assert_int_equal(create_with(&(struct sandbox_spec){.mounts = &mount, .mount_count = 1}), ERROR_INVALID);
        expect_no_folder();
        free(path);
    }
    /* Its own settings, and the home with its keys. */
    struct mount_spec mount = {.source = fx.base, .target = fx.base};
    assert_int_equal(create_with(&(struct sandbox_spec){.mounts = &mount, .mount_count = 1}), ERROR_INVALID);
    assert_int_equal(create_with(&(struct sandbox_spec){.workspace = fx.paths.home}), ERROR_DENIED);
    expect_no_folder();
    /* A link that takes the workspace's place is not followed. */
    assert_int_equal(create_with(&(struct sandbox_spec){.net = NET_NONE}), ERROR_NONE);
    char *away = path_join(fx.base, "away");
    assert_int_equal(rename(fx.workspace, away), 0);
    assert_int_equal(symlink(fx.paths.home, fx.workspace), 0);
    assert_int_equal(call_name(BACKEND_START, NAME), ERROR_DENIED);
    assert_int_equal(sandbox_inspect(NAME).state, SANDBOX_FAILED);
    free(away);
}

/* A folder as image becomes a root of the sandbox's own. */
static void test_clone(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    char *image = path_join(fx.base, "image"), *bin = path_join(image, "bin"), *tool = path_join(bin, "tool");
    char *link = path_join(bin, "other-tool");
    static const char script[] = "#!/bin/sh\necho from the image\n";
    assert_int_equal(fs_mkdirs(bin, 0755, NULL), 0);
    assert_int_equal(fs_write_atomic(tool, script, sizeof(script) - 1, 0755, NULL), 0);
    assert_int_equal(symlink("tool", link), 0);
    up_with(&(struct sandbox_spec){.image = image});
    assert_int_equal(sandbox_sh(NAME, &out, "other-tool"), 0); /* its programs come first */
    assert_string_equal(out.buf, "from the image\n");
    assert_int_equal(sandbox_sh(NAME, &out, "echo changed >$MUTHR_ROOT/bin/tool; cat $MUTHR_ROOT/bin/other-tool"), 0);
    assert_string_equal(out.buf, "changed\n");
    strbuf_clear(&out);
    assert_int_equal(fs_read(tool, 4096, &out, NULL), 0);
    assert_string_equal(out.buf, script); /* the image is as it was */
    call_must(BACKEND_DELETE, NAME);
    char missing[] = "/no/such/image";
    assert_int_equal(create_with(&(struct sandbox_spec){.image = missing}), ERROR_NOT_FOUND);
    expect_no_folder();
    char reference[] = "debian:13";
    up_with(&(struct sandbox_spec){.image = reference});
    assert_non_null(strstr(sandbox_inspect(NAME).warning, "its image is not used"));
    free(image);
    free(bin);
    free(tool);
    free(link);
}

/* A full disk is said, and nothing is left of what was begun. */
static void test_full_disk(void **state)
{
    (void)state;
    char *image = path_join(fx.base, "image"), *root = state_root(fx.paths.state, STATE_SEATBELT);
    assert_int_equal(fs_mkdirs(image, 0755, NULL), 0);
    assert_int_equal(fs_mkdirs(root, 0700, NULL), 0);
    if (mount("none", root, "tmpfs", 0, "size=1m,mode=700") < 0) {
        int sys = errno;
        free(image);
        free(root);
        skip_because("no small file system here: %s", strerror(sys));
    }
    char *junk = xcalloc(1, 1u << 20);
    for (int i = 0; i < 3; i++) {
        char *file = xasprintf("%s/file%d", image, i);
        assert_int_equal(fs_write_atomic(file, junk, 1u << 20, 0644, NULL), 0);
        free(file);
    }
    enum error_code code = create_with(&(struct sandbox_spec){.image = image});
    struct error why = fx_error;
    expect_no_folder();
    umount2(root, MNT_DETACH);
    assert_int_equal(code, ERROR_SYS);
    assert_non_null(strstr(why.msg, "the disk is full"));
    free(junk);
    free(image);
    free(root);
}

static bool is_workspace_missing(void *arg)
{
    (void)arg;
    return sandbox_inspect(NAME).workspace_missing;
}

static void count_change(void *arg, const char *name)
{
    int *count = arg;
    *count += name && strcmp(name, NAME) == 0;
}

static bool has_changed(void *arg)
{
    return *(int *)arg > 0;
}

/* The end of the main process is an event; a workspace that went is seen. */
static void test_watch(void **state)
{
    (void)state;
    int count = 0;
    up_with(&(struct sandbox_spec){.net = NET_NONE});
    char *away = path_join(fx.base, "away");
    assert_int_equal(rename(fx.workspace, away), 0);
    assert_true(wait_for(is_workspace_missing, NULL, 5000));
    assert_int_equal(rename(away, fx.workspace), 0);
    assert_false(sandbox_inspect(NAME).workspace_missing);
    seatbelt_backend.watch(fx.be, count_change, &count);
    kill(sandbox_inspect(NAME).pid, SIGTERM);
    assert_true(wait_for(has_changed, &count, 5000));
    expect_state(SANDBOX_STOPPED);
    seatbelt_backend.watch(fx.be, NULL, NULL);
    free(away);
}

static const struct isolation_fact *fact(const struct backend_call *call, const char *name)
{
    for (size_t i = 0; i < call->fact_count; i++) {
        if (strcmp(call->facts[i].name, name) == 0) {
            return &call->facts[i];
        }
    }
    fail_msg("nothing is said of: %s", name);
    return NULL;
}

/* Nothing is claimed that is not so. */
static void test_isolation(void **state)
{
    (void)state;
    struct sandbox_spec spec = {.net = NET_NONE, .memory_bytes = 1u << 28, .pids = 100, .gpu = GPU_MPS};
    up_with(&spec);
    struct backend_call call = {.verb = BACKEND_ISOLATION, .name = NAME, .spec = &spec};
    assert_int_equal(call_run(&call), ERROR_NONE);
    assert_int_equal(fact(&call, "profile")->verdict, ISOLATION_WEAKER);
    assert_non_null(strstr(fact(&call, "profile")->actual, "NOT ENFORCED"));
    assert_string_equal(fact(&call, "GPU")->actual, "mps-only");
    assert_int_equal(fact(&call, "GPU")->verdict, ISOLATION_OK);
    assert_int_equal(fact(&call, "network")->verdict, ISOLATION_OK);
    assert_int_equal(fact(&call, "limits")->verdict, ISOLATION_WEAKER);
    assert_non_null(strstr(fact(&call, "limits")->actual, "not enforced: pids"));
    assert_non_null(strstr(fact(&call, "readable: for a shell")->actual, "/usr/bin"));
    assert_non_null(strstr(fact(&call, "readable: files")->actual, "/private/var/select/sh")); /* not cut off */
    assert_non_null(strstr(fact(&call, "network stack")->actual, "the host's"));
    backend_call_release(&call);
    spec.gpu = GPU_NONE; /* asked for less than it has */
    assert_int_equal(call_run(&call), ERROR_NONE);
    assert_int_equal(fact(&call, "GPU")->verdict, ISOLATION_WEAKER);
    backend_call_release(&call);
    call_must(BACKEND_STOP, NAME);
    assert_int_equal(call_run(&call), ERROR_UNAVAILABLE);
    backend_call_release(&call);
    spec.require_limits = true;
    assert_int_equal(submit_spec(BACKEND_UPDATE, &spec), ERROR_NONE);
    assert_int_equal(call_name(BACKEND_START, NAME), ERROR_UNAVAILABLE);
    assert_non_null(strstr(fx_error.msg, "the kernel does not enforce"));
}

static void test_probe(void **state)
{
    (void)state;
    char *exec = xstrdup(getenv("MUTHR_TEST_SANDBOX_EXEC"));
    struct backend_call call = {.verb = BACKEND_PROBE};
    assert_non_null(strstr(fx.probe.warning, "NOTHING CONFINES"));
    assert_true((fx.probe.caps & BACKEND_CAP_GPU) != 0);
    assert_true((fx.probe.caps & (BACKEND_CAP_IMAGES | BACKEND_CAP_LIMITS)) == 0);
    setenv("SANDBOX_EXEC_NESTED", "1", 1);
    assert_int_equal(call_run(&call), ERROR_NONE);
    unsetenv("SANDBOX_EXEC_NESTED");
    assert_false(call.probe.usable);
    assert_non_null(strstr(call.probe.reason, "does not nest"));
    unsetenv("MUTHR_TEST_SANDBOX_EXEC");
    assert_int_equal(call_run(&call), ERROR_NONE);
    setenv("MUTHR_TEST_SANDBOX_EXEC", exec, 1);
    assert_false(call.probe.usable);
    assert_non_null(strstr(call.probe.reason, "macOS"));
    free(exec);
}

/* A shell on a session's host has the host's terminal itself, and ends with its sandbox. */
static void test_shell(void **state)
{
    (void)state;
    static const char *const bash[] = {"bash", "--norc", "--noprofile", "-i", NULL};
    static const char *const env[] = {"PS1=PROMPT> ", "HISTFILE=", NULL};
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec host_env = STRVEC_INIT;
    struct exec_spec exec = {.sandbox = NAME, .argv = bash, .env = env, .tty = true};
    struct rig rig;
    struct rig_client client;
    char port[32];
    up_with(&(struct sandbox_spec){.net = NET_NONE});
    assert_int_equal(seatbelt_backend.exec_argv(fx.be, &exec, &argv, &host_env, NULL), 0);
    rig_open(&rig);
    rig_client_open(&client, &rig);
    struct session_start start = {.argv = (const char *const *)argv.v, .env = (const char *const *)host_env.v};
    assert_true(rig_start_spec(&client, &start));
    const char *id = client.start_id;
    assert_int_equal(sessions_view(client.s, id, 100, 30, NULL), 0);
    rig_expect(&client, id, "PROMPT>");
    rig_type(&client, id, "echo port=$PORT; stty size\r");
    str_format(port, sizeof(port), "port=%d", sandbox_inspect(NAME).port);
    rig_expect(&client, id, port);
    rig_expect(&client, id, "30 100");
    rig_type(&client, id, "sleep 1000 & echo $! >a; sh -c 'echo front-$((1+1)); exec sleep 1000'\r");
    rig_expect(&client, id, "front-2");
    char a[] = "a";
    assert_true(wait_for(has_pid, a, 5000));
    rig_type(&client, id, "\x03");
    rig_type(&client, id, "echo alive-$((40+2))\r");
    rig_expect(&client, id, "alive-42");
    call_must(BACKEND_STOP, NAME);
    rig_expect_state(&client, id, SESSION_EXITED);
    int job = pid_in("a");
    assert_true(wait_for(process_is_gone, &job, 5000));
    rig_client_close(&client);
    rig_close(&rig);
}

/* By hand the terminal is a person's: the program gets one of its own, and the bytes are carried. */
static void test_by_hand(void **state)
{
    (void)state;
    static const char *const bash[] = {"bash", "--norc", "--noprofile", "-i", NULL};
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec host_env = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf script = STRBUF_INIT;
    struct exec_spec exec = {.sandbox = NAME, .argv = bash, .tty = true};
    struct rig rig;
    struct rig_client client;
    up_with(&(struct sandbox_spec){.net = NET_NONE});
    assert_int_equal(seatbelt_backend.exec_argv(fx.be, &exec, &argv, &host_env, NULL), 0);
    strbuf_addstr(&script, "tty; ");
    for (size_t i = 0; i < argv.len; i++) {
        strbuf_addf(&script, "'%s' ", argv.v[i]);
    }
    strbuf_addstr(&script, "; echo code-$?; stty -a | grep -c ' icanon'; cat");
    rig_open(&rig);
    rig_client_open(&client, &rig);
    const char *id = rig_start(&client, script.buf);
    assert_int_equal(sessions_view(client.s, id, 90, 20, NULL), 0);
    rig_expect(&client, id, "bash-");
    rig_type(&client, id, "PS1='in'side'> '\r");
    rig_expect(&client, id, "inside>");
    rig_type(&client, id, "tty >t; ps -o tty= -p $PPID >o; stty size; sh -c 'echo front-$((1+1)); exec sleep 1000'\r");
    rig_expect(&client, id, "20 90");
    rig_expect(&client, id, "front-2");
    rig_type(&client, id, "\x03");
    rig_type(&client, id, "[ /dev/$(cat o) = $(cat t) ] || echo an\"\"other\r");
    rig_expect(&client, id, "another");
    rig_type(&client, id, "exit 3\r");
    rig_expect(&client, id, "code-3\n1\n"); /* and the terminal is as it was */
    rig_client_close(&client);
    rig_close(&rig);
}

/* --- --- */

static int run(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_probe),     T(test_life),      T(test_exec),          T(test_failed_start), T(test_stop_ends_all),
        T(test_crash),     T(test_pid_reuse), T(test_two_starters),  T(test_port),         T(test_many_programs),
        T(test_watchdog),  T(test_seal),      T(test_hostile_paths), T(test_clone),        T(test_watch),
        T(test_isolation), T(test_shell),     T(test_by_hand),       T(test_full_disk),
    };
    /* The last one mounts a small file system, which is root's to do: the round as an ordinary user is without it. */
    size_t count = MT_ARRAY_LEN(tests) - (geteuid() == 0 ? 0 : 1);
    return _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
    fx_ops = &seatbelt_backend;
    fx_folder = STATE_SEATBELT;
    return stand_in_main(argc, argv, run);
}
