/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/standin_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"
#include "tests/portable.h"

#define DEADLINE_MS 20000

const char *const standin_versions[] = {"0.7.1", "0.12.3", "1.2.2", NULL};

static char *root, *path_before, *program_dir;
static char *images; /* a state folder whose images others take over: unpacking them is most of a test's beginning */
static bool root_is_ours;

/* Can a process of ours have namespaces of its own? */
static bool has_namespaces(void)
{
#if defined(__linux__)
    int status = 1;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(unshare(CLONE_NEWNS | CLONE_NEWPID | (geteuid() != 0 ? CLONE_NEWUSER : 0)) != 0);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
#else
    return false;
#endif
}

const char *standin_unusable(void)
{
    if (access("/bin/busybox", X_OK) != 0 && access("/usr/bin/busybox", X_OK) != 0) {
        return "busybox is not installed";
    }
    return has_namespaces() ? NULL : "no namespaces for processes here";
}

/* The folder that the stand-in was built into. */
static const char *find_program(void)
{
    char self[4096];
    ssize_t n = self_path(self, sizeof(self) - 1);
    if (!program_dir && n > 0) {
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        program_dir = xasprintf("%s/../play/container", self);
    }
    return program_dir;
}

void standin_version(const char *version)
{
    setenv("CONTAINER_STANDIN_VERSION", version, 1);
}

static void symlink_or_end(const char *to, const char *name)
{
    if (symlink(to, name) != 0) {
        perror(name);
        exit(1);
    }
}

static void remove_images(void)
{
    fs_remove_tree(images, NULL);
    free(images);
    images = NULL;
}

/* Images never change: a folder takes over where they are, and its own list of their names. */
static void take_over_images(void)
{
    struct strvec names = STRVEC_INIT;
    struct standin_ran r = STANDIN_RAN_INIT;
    char own[] = "/tmp/muthr-standin-images-XXXXXX";
    if (!images) {
        images = mkdtemp(own) ? xstrdup(own) : NULL;
        atexit(remove_images);
        setenv("CONTAINER_STANDIN", images, 1);
        standin_run(&r, "image", "list");
        setenv("CONTAINER_STANDIN", root, 1);
        standin_ran_release(&r);
    }
    char *from = path_join(images, "images"), *to = path_join(root, "images");
    if (fs_mkdirs(to, 0755, NULL) < 0 || fs_list(from, &names, NULL) < 0) {
        fprintf(stderr, "no images in %s\n", from);
        exit(1);
    }
    for (size_t i = 0; i < names.len; i++) {
        char *there = path_join(from, names.v[i]), *here = path_join(to, names.v[i]);
        struct strbuf text = STRBUF_INIT;
        if (strcmp(names.v[i], "index.json") != 0) {
            symlink_or_end(there, here);
        } else if (fs_read(there, 1 << 20, &text, NULL) == 0) {
            fs_write_atomic(here, text.buf, text.len, 0644, NULL);
        }
        strbuf_release(&text);
        free(there);
        free(here);
    }
    strvec_release(&names);
    free(from);
    free(to);
}

void standin_open(const char *base, const char *version)
{
    char own[] = "/tmp/muthr-standin-XXXXXX";
    root_is_ours = !base;
    if (!base && !mkdtemp(own)) {
        perror(own);
        exit(1);
    }
    root = base ? path_join(base, "standin") : xstrdup(own);
    path_before = xstrdup(getenv("PATH"));
    char *path = xasprintf("%s:%s", find_program(), path_before);
    if (fs_mkdirs(root, 0755, NULL) < 0) {
        exit(1);
    }
    setenv("PATH", path, 1);
    setenv("CONTAINER_STANDIN", root, 1);
    standin_version(version);
    setenv("CONTAINER_STANDIN_STATS_MS", "20", 1);
    setenv("CONTAINER_STANDIN_PULL_MS", "20", 1);
    take_over_images();
    free(path);
}

void standin_close(void)
{
    struct standin_ran r = STANDIN_RAN_INIT;
    standin_file("down", NULL);
    standin_file("faults", NULL);
    standin_end_hung();
    standin_run(&r, "delete", "--all", "--force");
    if (r.code != 0) {
        fprintf(stderr, "containers are left: %s\n", r.err.buf);
    }
    standin_ran_release(&r);
    fs_remove_tree(root, NULL);
    setenv("PATH", path_before, 1);
    unsetenv("CONTAINER_STANDIN");
    unsetenv("CONTAINER_STANDIN_VERSION");
    free(root);
    free(path_before);
    root = path_before = NULL;
}

const char *standin_root(void)
{
    return root;
}

void standin_file(const char *name, const char *text)
{
    char *path = path_join(root, name), *dir = xstrdup(path);
    *strrchr(dir, '/') = '\0';
    if (!text) {
        unlink(path);
    } else if (fs_mkdirs(dir, 0755, NULL) < 0 || fs_write_atomic(path, text, strlen(text), 0644, NULL) < 0) {
        fprintf(stderr, "cannot write %s\n", path);
        exit(1);
    }
    free(path);
    free(dir);
}

/* A file of the state folder, "" without one. free(). */
static char *read_file(const char *name)
{
    struct strbuf text = STRBUF_INIT;
    char *path = path_join(root, name);
    if (fs_exists(path)) {
        fs_read(path, 16 << 20, &text, NULL);
    }
    free(path);
    return strbuf_detach(&text, NULL);
}

void standin_fault(const char *line)
{
    char *before = read_file("faults"), *after = xasprintf("%s%s\n", before, line);
    standin_file("faults", after);
    free(before);
    free(after);
}

bool standin_faults_done(void)
{
    char *text = read_file("faults");
    bool done = *text == '\0';
    free(text);
    return done;
}

/* Is it a process of this state folder? Numbers of processes are soon used again. */
static bool is_of_ours(pid_t pid)
{
    char buf[65536], *wanted = xasprintf("CONTAINER_STANDIN=%s", root), *path = xasprintf("/proc/%d/environ", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, buf, sizeof(buf)) : 0;
    bool is = n > 0 && memmem(buf, (size_t)n, wanted, strlen(wanted) + 1) != NULL;
    if (fd >= 0) {
        close(fd);
    }
    free(wanted);
    free(path);
    return is;
}

void standin_end_hung(void)
{
    char *all = read_file("hung");
    for (const char *p = all; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        pid_t pid = (pid_t)strtol(p, NULL, 10);
        if (pid > 1 && is_of_ours(pid)) {
            kill(pid, SIGKILL);
        }
    }
    standin_file("hung", NULL);
    free(all);
}

char *standin_calls(void)
{
    return read_file("calls");
}

void standin_forget_calls(void)
{
    standin_file("calls", NULL);
}

void standin_ran_release(struct standin_ran *r)
{
    strbuf_release(&r->out);
    strbuf_release(&r->err);
}

/* A file that has no name any more. */
static int nameless(const char *text)
{
    char name[] = "/tmp/muthr-standin-io-XXXXXX";
    int fd = mkstemp(name);
    if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || (text && write(fd, text, strlen(text)) < 0)) {
        perror(name);
        exit(1);
    }
    lseek(fd, 0, SEEK_SET);
    unlink(name);
    return fd;
}

/* All of it, and closes it. */
static void take(int fd, struct strbuf *out)
{
    char buf[65536];
    ssize_t n;
    strbuf_clear(out);
    lseek(fd, 0, SEEK_SET);
    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        strbuf_add(out, buf, (size_t)n);
    }
    close(fd);
}

void standin_run_argv(struct standin_ran *r, const char *input, const char *const *args)
{
    struct strvec argv = STRVEC_INIT;
    int in = nameless(input), out = nameless(NULL), err = nameless(NULL), status = 0;
    uint64_t deadline = clock_mono_ms() + patience(DEADLINE_MS);
    char *program = path_join(find_program(), "container");
    strvec_push(&argv, "container");
    strvec_pushv(&argv, args);
    pid_t pid = fork(), done;
    if (pid == 0) {
        dup2(in, 0);
        dup2(out, 1);
        dup2(err, 2);
        execv(program, argv.v);
        _exit(99);
    }
    while ((done = waitpid(pid, &status, WNOHANG)) == 0 && clock_mono_ms() < deadline) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    if (done == 0) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    r->code = done == 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    close(in);
    take(out, &r->out);
    take(err, &r->err);
    strvec_release(&argv);
    free(program);
}

char *standin_state(const char *id)
{
    struct standin_ran r = STANDIN_RAN_INIT;
    standin_run(&r, "list", "--all", "--format", "json");
    struct json *all = json_parse(r.out.buf, r.out.len, NULL);
    char *state = NULL;
    for (const struct json *c = json_first(all); c && !state; c = json_next(c)) {
        const struct json *status = json_get(c, "status");
        if (strcmp(json_get_string(json_get(c, "configuration"), "id", ""), id) == 0) {
            state = xstrdup(json_is_string(status) ? json_string(status) : json_get_string(status, "state", "?"));
        }
    }
    json_free(all);
    standin_ran_release(&r);
    return state ? state : xstrdup("");
}
