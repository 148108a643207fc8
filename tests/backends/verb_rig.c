/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/verb_rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"

struct verb_rig vr;
static int background_count;

/* --- the home --- */

static char *home_path(const char *relative)
{
    return path_join(vr.home, relative);
}

void home_write(const char *relative, const char *text)
{
    char *path = home_path(relative), *dir = xstrdup(path);
    *strrchr(dir, '/') = '\0';
    assert_int_equal(fs_mkdirs(dir, 0755, NULL), 0);
    assert_int_equal(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
    free(path);
    free(dir);
}

bool home_exists(const char *relative)
{
    char *path = home_path(relative);
    bool there = fs_exists(path);
    free(path);
    return there;
}

/* A whole file, "" without one. */
static char *read_whole(const char *path)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char buf[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0) {
        strbuf_add(&text, buf, (size_t)n);
    }
    if (fd >= 0) {
        close(fd);
    }
    return xstrndup(text.buf, text.len);
}

char *home_read(const char *relative)
{
    char *path = home_path(relative), *text = read_whole(path);
    free(path);
    return text;
}

void profile_write(const char *name, const char *script)
{
    char *path = xasprintf(".config/muthr/sandbox.d/container/provision.d/%s.sh", name);
    home_write(path, script);
    home_write(".config/muthr/sandbox.d/container/provision.d/lib/empty.sh", "# nothing\n");
    free(path);
}

int verb_setup(void **state)
{
    static const char *const names[] = {"demo", "other", "a b"};
    char base[] = "/tmp/muthr-verbs-XXXXXX";
    (void)state;
    if (!mkdtemp(base)) {
        return -1;
    }
    vr = (struct verb_rig){.base = xstrdup(base), .as_root = geteuid() == 0};
    vr.home = path_join(base, "home");
    vr.src = path_join(vr.home, "src");
    char *run = path_join(base, "run");
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        char *dir = path_join(vr.src, names[i]);
        assert_int_equal(fs_mkdirs(dir, 0755, NULL), 0);
        free(dir);
    }
    assert_int_equal(fs_mkdirs(run, 0700, NULL), 0);
    setenv("HOME", vr.home, 1);
    setenv("XDG_RUNTIME_DIR", run, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("MUTHR_WORKSPACE_ROOT");
    setenv("NO_COLOR", "1", 1);
    setenv("MUTHR_TUI_BACKENDS", "bwrap", 0); /* not the machine's podman; pod_open (podman_rig.h) says otherwise */
    /* Whatever is shipped does not matter here, and an ordinary user may not see the build tree. */
    char *data = path_join(base, "data/profiles");
    assert_int_equal(fs_mkdirs(data, 0755, NULL), 0);
    *strrchr(data, '/') = '\0';
    setenv("MUTHR_TUI_DATA", data, 1);
    free(data);
    free(run);
    return 0;
}

/* Hosts of programs that have ended keep the last screen until someone looks: nobody will. */
static void end_hosts(void)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "sessions", "-o", "json");
    struct json *list = json_parse(r.out.buf, r.out.len, NULL);
    for (const struct json *row = json_is_array(list) ? json_first(list) : NULL; row; row = json_next(row)) {
        const char *status = json_get_string(row, "status", "");
        pid_t host = (pid_t)json_get_int(row, "host_pid", 0);
        if (host > 0 && (strncmp(status, "exited", 6) == 0 || strncmp(status, "killed", 6) == 0)) {
            kill(host, SIGTERM);
        }
    }
    json_free(list);
    ran_release(&r);
}

int verb_teardown(void **state)
{
    struct ran r = RAN_INIT;
    pid_t left[32];
    (void)state;
    verb_run(&r, "ls", "-o", "json");
    struct json *list = json_parse(r.out.buf, r.out.len, NULL);
    for (const struct json *row = json_is_array(list) ? json_first(list) : NULL; row; row = json_next(row)) {
        verb_run(&r, "delete", "--yes", "--force", json_get_string(row, "name", ""));
        if (r.code != 0) {
            fprintf(stderr, "cannot delete: %s\n", r.err.buf);
        }
    }
    json_free(list);
    ran_release(&r);
    end_hosts();
    uint64_t deadline = clock_mono_ms() + patience(8000);
    size_t n;
    while ((n = verb_processes(left, MT_ARRAY_LEN(left))) > 0 && clock_mono_ms() < deadline) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    for (size_t i = 0; i < n; i++) {
        char *path = xasprintf("/proc/%d/cmdline", (int)left[i]), *cmd = read_whole(path);
        fprintf(stderr, "process %d is left: %s\n", (int)left[i], cmd);
        kill(left[i], SIGKILL);
        free(path);
        free(cmd);
    }
    fs_remove_tree(vr.base, NULL);
    free(vr.base);
    free(vr.home);
    free(vr.src);
    return n > 0 ? -1 : 0;
}

/* --- children --- */

void ran_release(struct ran *r)
{
    strbuf_release(&r->out);
    strbuf_release(&r->err);
}

static void child_exec(const struct verb_how *how, const char *const *args)
{
    struct strvec argv = STRVEC_INIT;
    char *cwd = how->cwd ? xstrdup(how->cwd) : path_join(vr.src, "demo");
    signal(SIGPIPE, SIG_DFL);
    if (chdir(cwd) < 0 && chdir(vr.home) < 0) {
        _exit(98);
    }
    strvec_push(&argv, getenv("MT_TEST_PROGRAM"));
    strvec_pushv(&argv, args);
    if (how->full_stdout) {
        dup2(open("/dev/full", O_WRONLY), 1);
    }
    if (how->broken_stdout) {
        int p[2];
        if (pipe(p) == 0) {
            close(p[0]);
            dup2(p[1], 1);
            close(p[1]);
        }
    }
    if (how->close_stdout) {
        close(1);
    }
    if (how->close_stdin) {
        close(0);
    }
    if (how->prepare) {
        how->prepare();
    }
    execv(argv.v[0], argv.v);
    _exit(99);
}

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Carries both outputs and the input until the outputs end or the deadline. */
static void carry(struct ran *r, const struct verb_how *how, int in, int out, int err)
{
    struct pollfd p[3] = {{.fd = in, .events = POLLOUT}, {.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
    uint64_t deadline = clock_mono_ms() + patience(RIG_DEADLINE_MS);
    size_t sent = 0, input_len = how->input_len ? how->input_len : how->input ? strlen(how->input) : 0;
    char buf[65536];
    while ((p[1].fd >= 0 || p[2].fd >= 0) && clock_mono_ms() < deadline) {
        if (p[0].fd >= 0 && sent == input_len) {
            close(p[0].fd);
            p[0].fd = -1;
        }
        poll(p, 3, 1000);
        if (p[0].fd >= 0 && p[0].revents) {
            ssize_t n = write(p[0].fd, how->input + sent, input_len - sent);
            sent = n > 0 ? sent + (size_t)n : n < 0 && errno == EAGAIN ? sent : input_len;
        }
        for (int i = 1; i < 3; i++) {
            if (p[i].fd >= 0 && p[i].revents) {
                ssize_t n = read(p[i].fd, buf, sizeof(buf));
                if (n <= 0) {
                    p[i].fd = -1;
                } else {
                    strbuf_add(i == 1 ? &r->out : &r->err, buf, (size_t)n);
                }
            }
        }
    }
    if (p[0].fd >= 0) {
        close(p[0].fd);
    }
}

void verb_run_how(struct ran *r, const struct verb_how *how, const char *const *args)
{
    static const struct verb_how usual;
    int in[2], out[2], err[2];
    how = how ? how : &usual;
    strbuf_clear(&r->out);
    strbuf_clear(&r->err);
    signal(SIGPIPE, SIG_IGN);
    if (fd_pipe(in) < 0 || fd_pipe(out) < 0 || fd_pipe(err) < 0) {
        fail_msg("pipes");
    }
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(how->input ? in[0] : open("/dev/null", O_RDONLY), 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        child_exec(how, args);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    carry(r, how, in[1], out[0], err[0]);
    close(out[0]);
    close(err[0]);
    r->code = verb_wait(pid, 2000);
}

void ran_expect(const struct ran *r, int code)
{
    if (r->code != code) {
        fail_msg("exit code %d, not %d; stdout: %.2000s; stderr: %.3000s", r->code, code, r->out.buf, r->err.buf);
    }
}

void expect_text(const struct strbuf *in, const char *text)
{
    if (!strstr(in->buf, text)) {
        fail_msg("'%s' does not stand in: %.3000s", text, in->buf);
    }
}

struct json *ran_json(const struct ran *r)
{
    struct error err = ERROR_INIT;
    struct json *j = json_parse(r->out.buf, r->out.len, &err);
    if (!j) {
        fail_msg("no JSON (%s): %.2000s", err.msg, r->out.buf);
    }
    return j;
}

pid_t verb_start_argv(const char *const *args)
{
    static const struct verb_how usual;
    char *out = xasprintf("%s/bg.%d.out", vr.base, ++background_count);
    char *err = xasprintf("%s/bg.%d.err", vr.base, background_count);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
        dup2(open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
        child_exec(&usual, args);
    }
    free(out);
    free(err);
    return pid;
}

char *verb_said(const char *ext)
{
    char *path = xasprintf("%s/bg.%d.%s", vr.base, background_count, ext), *text = read_whole(path);
    free(path);
    return text;
}

struct awaited {
    pid_t pid;
    int *status;
};

static bool has_ended(const void *arg)
{
    const struct awaited *a = arg;
    return waitpid(a->pid, a->status, WNOHANG) == a->pid;
}

int verb_wait(pid_t pid, uint64_t timeout_ms)
{
    int status = 0;
    struct awaited a = {pid, &status};
    if (!verb_until(has_ended, &a, timeout_ms)) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        return -1;
    }
    return code_of(status);
}

bool verb_until(bool (*cond)(const void *arg), const void *arg, uint64_t timeout_ms)
{
    uint64_t deadline = clock_mono_ms() + patience(timeout_ms);
    bool ok;
    while (!(ok = cond(arg)) && clock_mono_ms() < deadline) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return ok;
}

bool src_exists(const void *relative)
{
    char *path = path_join(vr.src, relative);
    bool there = fs_exists(path);
    free(path);
    return there;
}

bool pid_is_gone(const void *pid)
{
    return kill(*(const pid_t *)pid, 0) < 0 && errno == ESRCH;
}

char *sandbox_status(const char *sandbox)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "ls", "-o", "json");
    struct json *list = ran_json(&r);
    char *status = NULL;
    for (const struct json *row = json_first(list); row; row = json_next(row)) {
        if (!status && strcmp(json_get_string(row, "name", ""), sandbox) == 0) {
            status = xstrdup(json_get_string(row, "status", ""));
        }
    }
    json_free(list);
    ran_release(&r);
    return status ? status : xstrdup("");
}

void expect_status(const char *sandbox, const char *want)
{
    char *status = sandbox_status(sandbox);
    assert_string_equal(status, want);
    free(status);
}

/* --- processes --- */

/* Does one file of /proc/PID hold the name of our folder? */
static bool proc_mentions(pid_t pid, const char *file)
{
    char *path = xasprintf("/proc/%d/%s", (int)pid, file);
    char buf[65536], *base = strrchr(vr.base, '/') + 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;
    free(path);
    while (fd >= 0 && len < sizeof(buf) && (n = read(fd, buf + len, sizeof(buf) - len)) > 0) {
        len += (size_t)n;
    }
    if (fd >= 0) {
        close(fd);
    }
    return memmem(buf, len, base, strlen(base)) != NULL;
}

size_t verb_processes(pid_t *pids, size_t cap)
{
    DIR *d = opendir("/proc");
    size_t n = 0;
    for (const struct dirent *e; d && n < cap && (e = readdir(d));) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid > 1 && pid != getpid() && (proc_mentions(pid, "environ") || proc_mentions(pid, "mountinfo"))) {
            pids[n++] = pid;
        }
    }
    if (d) {
        closedir(d);
    }
    return n;
}

pid_t verb_process(const char *word, const char *other)
{
    pid_t pids[128], found = 0;
    size_t n = verb_processes(pids, MT_ARRAY_LEN(pids));
    for (size_t i = 0; i < n && found == 0; i++) {
        char *path = xasprintf("/proc/%d/cmdline", (int)pids[i]);
        char cmd[8192];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t len = fd < 0 ? 0 : read(fd, cmd, sizeof(cmd));
        if (len > 0 && memmem(cmd, strnlen(cmd, (size_t)len), word, strlen(word)) &&
            (!other || memmem(cmd, (size_t)len, other, strlen(other)))) {
            found = pids[i];
        }
        if (fd >= 0) {
            close(fd);
        }
        free(path);
    }
    return found;
}
