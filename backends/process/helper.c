/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "backends/process/home.h"
#include "backends/process/report.h"
#include "backends/process/state.h"
#include "backends/process/workspace.h"
#include "core/io/fd.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/xmalloc.h"

#define OTHER_LIMIT_MS 30000 /* for another start */

void helper_say(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

int helper_read_spec(struct sandbox_spec *out, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char buf[4096];
    ssize_t n;
    bool sealed;
    while ((n = read(0, buf, sizeof(buf))) > 0 && text.len < 1u << 20) {
        strbuf_add(&text, buf, (size_t)n);
    }
    return state_spec_parse(text.buf, text.len, out, &sealed, err);
}

/* Resolves and judges the workspace: what is stored is a real path. */
static int fix_workspace(struct helper *h, struct sandbox_spec *spec, struct error *err)
{
    char *real = path_real(spec->workspace, err);
    if (!real) {
        return error_wrap(err, "workspace %s", spec->workspace);
    }
    free(spec->workspace);
    spec->workspace = real;
    if (!fs_is_dir(real)) {
        return error_set(err, ERROR_INVALID, "workspace %s is not a folder", real);
    }
    return workspace_check(real, h->paths.home, h->paths.state, h->paths.config, err);
}

int helper_create(struct helper *h, struct error *err)
{
    struct sandbox_spec spec;
    if (helper_read_spec(&spec, err) < 0) {
        return -1;
    }
    char *tmp = xasprintf("%s.tmp-%d-%llx", h->dir, (int)getpid(), (unsigned long long)clock_mono_ns());
    char *run = path_join(tmp, "run");
    int rc = fix_workspace(h, &spec, err);
    rc = rc == 0 && h->kind->check ? h->kind->check(h, &spec, err) : rc;
    if (rc == 0 && fs_exists(h->dir)) {
        rc = error_set(err, ERROR_EXISTS, "sandbox %s exists already", h->name);
    }
    rc = rc ? rc : fs_mkdirs(h->root, 0700, err);
    rc = rc ? rc : fs_mkdirs(run, 0700, err);
    if (rc == 0) {
        rc = state_config_save(tmp, &spec, false, err);
        rc = rc ? rc : home_make(tmp, err);
        rc = rc ? rc : home_make_scratch(tmp, err);
        rc = rc == 0 && h->kind->furnish ? h->kind->furnish(tmp, &spec, err) : rc;
        if (rc == 0 && rename(tmp, h->dir) < 0) {
            rc = errno == EEXIST || errno == ENOTEMPTY
                     ? error_set(err, ERROR_EXISTS, "sandbox %s exists already", h->name)
                     : error_sys(err, errno, "%s", h->dir);
        }
        if (rc < 0) {
            fs_remove_tree(tmp, NULL);
        }
    }
    if (rc == 0) {
        state_poke(h->root, path_base(h->dir));
    }
    free(run);
    free(tmp);
    sandbox_spec_release(&spec);
    return rc;
}

int helper_update(struct helper *h, struct error *err)
{
    struct sandbox_spec spec;
    int lock = -1, rc = helper_read_spec(&spec, err);
    if (rc < 0) {
        return -1;
    }
    if (!fs_is_dir(h->dir)) {
        rc = error_set(err, ERROR_NOT_FOUND, "there is no sandbox %s", h->name);
    }
    rc = rc ? rc : fix_workspace(h, &spec, err);
    if (rc == 0 && state_lock(h->dir, &lock, err) < 0) {
        rc = error_wrap(err, "sandbox %s must be stopped first", h->name);
    }
    rc = rc == 0 && h->kind->check ? h->kind->check(h, &spec, err) : rc;
    rc = rc ? rc : state_config_save(h->dir, &spec, false, err);
    if (lock >= 0) {
        close(lock);
        state_poke(h->root, path_base(h->dir));
    }
    sandbox_spec_release(&spec);
    return rc;
}

/* --- starting --- */

/* Leaves the supervisor behind: own session, nothing of ours open but the ready pipe. */
static void become_supervisor(struct helper *h, int ready_fd, int way)
{
    int null = open("/dev/null", O_RDWR);
    setsid();
    if (fork() != 0) {
        _exit(0);
    }
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    if (dup2(ready_fd, 3) != 3 || chdir("/") < 0) {
        _exit(1);
    }
    fd_close_from(4);
    umask(077);
    _exit(h->kind->supervise(h, 3, way));
}

bool helper_is_supervised(const struct helper *h, int holder)
{
    struct state_status st;
    state_status_load(h->dir, &st);
    return st.valid && st.shim_pid == holder;
}

/* Somebody else has the lock. Another start: its outcome is ours. Who clears up is waited for: HELPER_START_AGAIN. */
static int wait_for_other(struct helper *h, struct error *err)
{
    struct sandbox_info info;
    bool is_start = false;
    for (uint64_t deadline = clock_mono_ms() + OTHER_LIMIT_MS; clock_mono_ms() < deadline; poll(NULL, 0, 10)) {
        int holder = state_lock_holder(h->dir);
        is_start = is_start || (holder > 0 && helper_is_supervised(h, holder));
        if (holder <= 0 && !is_start) {
            return HELPER_START_AGAIN;
        }
        if (!state_info(h->dir, &info)) {
            break;
        }
        if (is_start && info.state == SANDBOX_RUNNING) {
            return 0;
        }
        if (is_start && info.state != SANDBOX_CREATING) {
            return error_set(err, ERROR_UNAVAILABLE, "%s",
                             info.reason[0] ? info.reason : "the sandbox did not come up");
        }
    }
    return error_set(err, ERROR_TIMEOUT, "sandbox %s is being started by another process, which does not finish",
                     h->name);
}

/* Reads the supervisor's lines until it is running, has failed, or went away (HELPER_START_SILENT: without a word). */
static int follow_start(struct helper *h, int fd, struct error *err)
{
    FILE *in = fdopen(fd, "r");
    char *line = NULL;
    size_t cap = 0;
    int rc = HELPER_START_SILENT;
    ssize_t n;
    while (rc == HELPER_START_SILENT && in && (n = getline(&line, &cap, in)) > 0) {
        line[n - 1] = '\0';
        if (line[0] == REPORT_PROGRESS) {
            helper_say(line + 1);
        } else if (line[0] == REPORT_RUNNING) {
            rc = 0;
        } else if (line[0] == REPORT_BUSY) {
            rc = wait_for_other(h, err);
        } else if (line[0] == REPORT_FAILED) {
            report_error_parse(line + 1, strlen(line + 1), err);
            rc = -1;
        }
    }
    free(line);
    if (in) {
        fclose(in);
    }
    return rc;
}

int helper_start(struct helper *h, int way, struct error *err)
{
    int fds[2];
    if (fd_pipe(fds) < 0) {
        return error_sys(err, errno, "start %s", h->name);
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        become_supervisor(h, fds[1], way);
    }
    close(fds[1]);
    if (pid > 0) {
        waitpid(pid, NULL, 0);
    }
    return follow_start(h, fds[0], err);
}

/* --- ending --- */

#if defined(__linux__)
void helper_kill_supervisor(struct helper *h)
{
    int pid = state_lock_holder(h->dir), fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (fd >= 0 && state_lock_holder(h->dir) == pid) {
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
}
#else
void helper_kill_supervisor(struct helper *h)
{
    int pid = state_lock_holder(h->dir);
    if (pid > 0 && state_lock_holder(h->dir) == pid) { /* who holds the lock lives: its number is not anybody else's */
        kill(pid, SIGKILL);
    }
}
#endif

bool helper_wait_unlocked(struct helper *h, uint64_t timeout_ms)
{
    for (uint64_t deadline = clock_mono_ms() + timeout_ms; state_lock_holder(h->dir) > 0; poll(NULL, 0, 2)) {
        if (clock_mono_ms() > deadline) {
            return false;
        }
    }
    return true;
}

int helper_store_seal(struct helper *h, enum net_policy *net, struct error *err)
{
    struct state_config config;
    int lock, rc;
    state_config_load(h->dir, &config);
    rc = config.missing ? error_set(err, ERROR_INVALID, "%s", config.problem) : state_lock(h->dir, &lock, err);
    if (rc == 0) {
        rc = state_config_save(h->dir, &config.spec, true, err);
        close(lock);
    }
    config.sealed = true;
    if (net) {
        *net = state_net(&config);
    }
    state_config_release(&config);
    return rc;
}

int helper_delete(struct helper *h, struct error *err)
{
    int lock = -1;
    if (!fs_is_dir(h->dir)) {
        return 0;
    }
    if (h->kind->stop(h, err) < 0 || state_lock(h->dir, &lock, err) < 0) {
        return -1;
    }
    if (h->kind->let_go && h->kind->let_go(h, err) < 0) {
        close(lock);
        return -1;
    }
    char *trash = xasprintf("%s.trash-%d-%llx", h->dir, (int)getpid(), (unsigned long long)clock_mono_ns());
    int rc = rename(h->dir, trash) < 0 ? error_sys(err, errno, "%s", h->dir) : 0;
    close(lock);
    if (rc == 0) {
        helper_say("removing its private files");
        state_poke(h->root, path_base(h->dir));
        char *poke = xasprintf("%s/" STATE_CHANGES "/%s", h->root, path_base(h->dir));
        rc = fs_remove_tree(trash, err);
        unlink(poke);
        free(poke);
    }
    free(trash);
    return rc;
}

void helper_collect_garbage(struct helper *h)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    if (fs_list(h->root, &names, NULL) < 0) {
        return;
    }
    for (size_t i = 0; i < names.len; i++) {
        const char *mark = strstr(names.v[i], ".tmp-");
        mark = mark ? mark + 5 : (mark = strstr(names.v[i], ".trash-")) != NULL ? mark + 7 : NULL;
        char *dir = path_join(h->root, names.v[i]);
        if (mark) {
            int pid = (int)strtol(mark, NULL, 10);
            if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH) {
                fs_remove_tree(dir, NULL);
            }
        } else if (state_is_id(names.v[i]) && state_lock_holder(dir) == 0) {
            struct state_status st;
            state_status_load(dir, &st);
            if (st.valid && strcmp(st.phase, "stopped") != 0 && strcmp(st.phase, "failed") != 0) {
                h->kind->clean_up(h->root, names.v[i]);
            }
        }
        free(dir);
    }
}

void helper_say_probe(const struct backend_probe *p)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct json *j = json_new_object();
    json_set_bool(j, "usable", p->usable);
    json_set_string(j, "version", p->version);
    json_set_string(j, "reason", p->reason);
    json_set_string(j, "fix", p->fix);
    json_set_string(j, "full_reason", p->full_reason);
    json_set_string(j, "overlay_reason", p->overlay_reason);
    json_set_string(j, "limits", p->limits);
    json_set_string(j, "warning", p->warning);
    json_set_int(j, "caps", p->caps);
    json_write(j, false, &text);
    json_free(j);
    helper_say(text.buf);
}

/* --- the verbs --- */

/* Runs one verb; the error, if any, becomes the last line. */
static int run_verb(size_t index, struct helper *h)
{
    struct error err = ERROR_INIT;
    if (h->kind->verbs[index].run(h, &err) == 0) {
        return 0;
    }
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    strbuf_addch(&text, '\x1e');
    report_error_write(&err, &text);
    helper_say(text.buf);
    return 1;
}

int helper_main(const struct helper_kind *kind, int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], kind->name) == 0) {
        argc--;
        argv++;
    }
    struct helper h = {
        .kind = kind, .name = argc > 2 ? argv[2] : NULL, .grace_ms = argc > 3 ? strtoull(argv[3], NULL, 10) : 0};
    struct error err = ERROR_INIT;
    size_t i = 0;
    while (i < kind->verb_count && (argc < 2 || strcmp(argv[1], kind->verbs[i].name) != 0)) {
        i++;
    }
    if (i == kind->verb_count || (kind->verbs[i].needs_name && !(h.name && *h.name))) {
        fprintf(stderr, "muthr-tui %s: not meant to be run by hand\n", kind->name);
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    if (paths_init(&h.paths, "muthr-tui", &err) < 0) {
        fprintf(stderr, "muthr-tui %s: %s\n", kind->name, err.msg);
        return 1;
    }
    umask(077);
    h.root = state_root(h.paths.state, kind->folder);
    h.dir = h.name ? state_dir_of(h.root, h.name) : NULL;
    int rc = run_verb(i, &h);
    free(h.root);
    free(h.dir);
    paths_release(&h.paths);
    return rc;
}
