/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/bwrap/args.h"
#include "backends/bwrap/bwrap.h"
#include "backends/bwrap/client.h"
#include "backends/bwrap/files.h"
#include "backends/bwrap/limits.h"
#include "backends/bwrap/overlay_mount.h"
#include "backends/bwrap/preflight.h"
#include "backends/bwrap/shim.h"
#include "backends/process/home.h"
#include "backends/process/report.h"
#include "backends/process/state.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

/* The verbs that write, wait or start something, each in a short process of its own: they may block. Progress goes to
 * stdout a line each; a failure ends with a line of \x1e and the error as JSON. */

#define DEFAULT_GRACE_MS 30000
#define OTHER_LIMIT_MS 30000 /* for another start */
#define CLEAR_UP_MS 5000     /* for what clears up behind a sandbox */
#define FORCE_GRACE_MS 1     /* as bwrap.c gives it: by force */

void helper_say(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

/* Reads the spec from stdin. */
static int read_spec(struct sandbox_spec *out, struct error *err)
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
    return args_check_workspace(real, h->paths.home, h->paths.state, h->paths.config, err);
}

/* Builds the folder under a temporary name; the rename makes it exist all at once or not at all. */
static int verb_create(struct helper *h, struct error *err)
{
    struct sandbox_spec spec;
    if (read_spec(&spec, err) < 0) {
        return -1;
    }
    char *tmp = xasprintf("%s.tmp-%d-%llx", h->dir, (int)getpid(), (unsigned long long)clock_mono_ns());
    char *run = path_join(tmp, "run");
    int rc = fix_workspace(h, &spec, err);
    if (rc == 0 && fs_exists(h->dir)) {
        rc = error_set(err, ERROR_EXISTS, "sandbox %s exists already", h->name);
    }
    rc = rc ? rc : fs_mkdirs(h->root, 0700, err);
    rc = rc ? rc : fs_mkdirs(run, 0700, err);
    if (rc == 0) {
        rc = state_config_save(tmp, &spec, false, err);
        rc = rc ? rc : home_make(tmp, err);
        rc = rc ? rc : home_make_scratch(tmp, err);
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

/* Does its workspace hold work that is nowhere else? */
static bool has_changes(const struct helper *h)
{
    struct state_config config;
    state_config_load(h->dir, &config);
    bool any = !config.missing && overlay_has_changes(h->dir, config.spec.workspace);
    state_config_release(&config);
    return any;
}

static int verb_update(struct helper *h, struct error *err)
{
    struct sandbox_spec spec;
    int lock = -1, rc = read_spec(&spec, err);
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
    if (rc == 0 && spec.workspace_mode != WORKSPACE_OVERLAY && has_changes(h)) {
        rc = error_hint(err, ERROR_DENIED, "apply or discard them first",
                        "the workspace of %s holds changes that were not applied", h->name);
    }
    rc = rc ? rc : state_config_save(h->dir, &spec, false, err);
    if (lock >= 0) {
        close(lock);
        state_poke(h->root, path_base(h->dir));
    }
    sandbox_spec_release(&spec);
    return rc;
}

/* How the shim is started: in a scope of the user's systemd where that helps, else plainly. */
enum start_way { START_SCOPE_CONTINUE, START_SCOPE, START_PLAIN, START_WAYS };

/* Becomes systemd-run, which becomes us again (verb "supervise") inside of the scope. Returns only when there is no
 * systemd-run. */
static void enter_scope(struct helper *h, enum start_way way)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    struct state_config config;
    const char *const command[] = {h->paths.executable, "shim", "supervise", h->name, NULL};
    char *unit = xasprintf("muthr-%s-%d", path_base(h->dir), (int)getpid());
    state_config_load(h->dir, &config);
    limits_scope_argv(&config.spec, unit, way == START_SCOPE_CONTINUE, command, &argv);
    setenv(LIMITS_SCOPE_ENV, "1", 1);
    execvp(argv.v[0], argv.v);
    _exit(1);
}

/* Leaves the shim behind: own session, nothing of ours open but the ready pipe. */
static void become_shim(struct helper *h, int ready_fd, enum start_way way)
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
    syscall(SYS_close_range, 4u, ~0u, 0);
    umask(077);
    if (way != START_PLAIN) {
        enter_scope(h, way);
    }
    unsetenv(LIMITS_SCOPE_ENV);
    fcntl(3, F_SETFD, FD_CLOEXEC);
    _exit(shim_supervise(&h->paths, h->root, h->name, 3));
}

/* How an attempt to start went, besides 0 and -1. */
enum { START_SILENT = 1, START_AGAIN = 2 };

/* Is the lock held by the supervisor that the status names? Not, when it is still to write it, or when somebody clears
 * up after one that was killed. */
static bool is_supervised(const struct helper *h, int holder)
{
    struct state_status st;
    state_status_load(h->dir, &st);
    return st.valid && st.shim_pid == holder;
}

/* Somebody else has the lock. Another start: its outcome is ours. Who clears up is waited for: START_AGAIN. */
static int wait_for_other(struct helper *h, struct error *err)
{
    struct sandbox_info info;
    bool is_start = false;
    for (uint64_t deadline = clock_mono_ms() + OTHER_LIMIT_MS; clock_mono_ms() < deadline; poll(NULL, 0, 10)) {
        int holder = state_lock_holder(h->dir);
        is_start = is_start || (holder > 0 && is_supervised(h, holder));
        if (holder <= 0 && !is_start) {
            return START_AGAIN;
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

/* Reads the shim's lines until it is running, has failed, or went away (START_SILENT: without a word). */
static int follow_start(struct helper *h, int fd, struct error *err)
{
    FILE *in = fdopen(fd, "r");
    char *line = NULL;
    size_t cap = 0;
    int rc = START_SILENT;
    ssize_t n;
    while (rc == START_SILENT && in && (n = getline(&line, &cap, in)) > 0) {
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

/* One attempt to start; as follow_start. */
static int start_by(struct helper *h, enum start_way way, struct error *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) {
        return error_sys(err, errno, "start %s", h->name);
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        become_shim(h, fds[1], way);
    }
    close(fds[1]);
    if (pid > 0) {
        waitpid(pid, NULL, 0);
    }
    return follow_start(h, fds[0], err);
}

static int verb_start(struct helper *h, struct error *err)
{
    struct state_config config;
    int rc = START_SILENT;
    if (!fs_is_dir(h->dir)) {
        return error_set(err, ERROR_NOT_FOUND, "there is no sandbox %s", h->name);
    }
    state_config_load(h->dir, &config);
    int way = limits_want_scope(&config.spec) ? START_SCOPE_CONTINUE : START_PLAIN;
    state_config_release(&config);
    /* systemd-run refuses without a manager that answers, or a property that it does not know: then the next way is
     * tried. */
    uint64_t deadline = clock_mono_ms() + OTHER_LIMIT_MS;
    while (way < START_WAYS && (rc == START_SILENT || (rc == START_AGAIN && clock_mono_ms() < deadline))) {
        rc = start_by(h, (enum start_way)way, err);
        way += rc == START_SILENT;
    }
    if (rc == START_AGAIN) {
        return error_set(err, ERROR_BUSY, "sandbox %s is held by other processes all the time", h->name);
    }
    return rc == START_SILENT ? error_set(err, ERROR_SYS, "the sandbox's supervisor ended without a word") : rc;
}

/* The shim again, inside of its scope; the ready pipe is descriptor 3. */
static int verb_supervise(struct helper *h, struct error *err)
{
    (void)err;
    fcntl(3, F_SETFD, FD_CLOEXEC);
    _exit(shim_supervise(&h->paths, h->root, h->name, 3));
}

/* Waits on a connection for its end. True when it ended in time. */
static bool wait_end(int fd, uint64_t timeout_ms)
{
    char drop[16];
    return client_recv(fd, drop, sizeof(drop), NULL, timeout_ms, NULL) == 0;
}

/* Kills the shim, checked twice so that a reused pid cannot be hit; the sandbox goes with it. */
static void kill_shim(struct helper *h)
{
    int pid = state_lock_holder(h->dir), fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (fd >= 0 && state_lock_holder(h->dir) == pid) {
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* Until nobody holds the lock. False when that takes longer. */
static bool wait_unlocked(struct helper *h, uint64_t timeout_ms)
{
    for (uint64_t deadline = clock_mono_ms() + timeout_ms; state_lock_holder(h->dir) > 0; poll(NULL, 0, 2)) {
        if (clock_mono_ms() > deadline) {
            return false;
        }
    }
    return true;
}

/* Has the supervisor come up once? Without its socket it is clearing up then. */
static bool is_ending(const struct helper *h)
{
    struct state_status st;
    state_status_load(h->dir, &st);
    return st.valid && strcmp(st.phase, "starting") != 0;
}

static int verb_stop(struct helper *h, struct error *err)
{
    uint64_t grace = h->grace_ms ? h->grace_ms : DEFAULT_GRACE_MS;
    struct shim_ask ask = {.type = SHIM_STOP, .grace_ms = grace};
    int fd = -1, holder;
    /* One that starts has not written its status yet; one that clears up soon ends: neither is to be killed. */
    for (uint64_t deadline = clock_mono_ms() + CLEAR_UP_MS;
         (holder = state_lock_holder(h->dir)) > 0 && !is_supervised(h, holder) && clock_mono_ms() < deadline;
         poll(NULL, 0, 2)) {
    }
    if (!fs_is_dir(h->dir) || holder <= 0) {
        shim_clean_up(h->root, path_base(h->dir));
        return 0;
    }
    bool heard =
        client_connect(h->dir, "shim.sock", &fd, NULL) == 0 && client_send(fd, &ask, sizeof(ask), NULL, 0, NULL) == 0;
    bool ended = heard ? wait_end(fd, grace + 5000) : is_ending(h) && wait_unlocked(h, CLEAR_UP_MS);
    if (fd >= 0) {
        close(fd);
    }
    if (!ended) {
        kill_shim(h);
    }
    return wait_unlocked(h, CLEAR_UP_MS) ? 0 : error_set(err, ERROR_TIMEOUT, "sandbox %s does not stop", h->name);
}

static int verb_delete(struct helper *h, struct error *err)
{
    int lock = -1;
    if (!fs_is_dir(h->dir)) {
        return 0;
    }
    if (verb_stop(h, err) < 0 || state_lock(h->dir, &lock, err) < 0) {
        return -1;
    }
    overlay_fuse_end(h->dir, 0);
    if (h->grace_ms != FORCE_GRACE_MS && has_changes(h)) {
        close(lock);
        return error_hint(err, ERROR_DENIED,
                          "C in the cockpit, or `muthr-tui changes`, shows them; --force deletes them too",
                          "the workspace of %s holds changes that were not applied", h->name);
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

static int ask_seal(struct helper *h, struct error *err)
{
    struct shim_ask ask = {.type = SHIM_SEAL};
    struct shim_reply reply;
    int fd;
    if (client_connect(h->dir, "shim.sock", &fd, err) < 0) {
        return -1;
    }
    int rc = client_send(fd, &ask, sizeof(ask), NULL, 0, err);
    ssize_t n = rc < 0 ? -1 : client_recv(fd, &reply, sizeof(reply), NULL, 10000, err);
    close(fd);
    if (n < 0) {
        return -1;
    }
    if (n != (ssize_t)sizeof(reply)) {
        return error_set(err, ERROR_UNAVAILABLE, "the sandbox went away");
    }
    reply.text[sizeof(reply.text) - 1] = '\0';
    return reply.ok ? 0 : error_set(err, ERROR_UNAVAILABLE, "%s", reply.text);
}

/* Cuts the network. The host's own network cannot be taken away from a running sandbox: that one is restarted without.
 */
static int verb_seal(struct helper *h, struct error *err)
{
    struct sandbox_info info;
    if (!state_info(h->dir, &info)) {
        return error_set(err, ERROR_NOT_FOUND, "there is no sandbox %s", h->name);
    }
    bool running = info.state == SANDBOX_RUNNING;
    if (running && info.net != NET_SHARED) {
        return ask_seal(h, err);
    }
    if (running) {
        helper_say("restarting without the host's network");
        if (verb_stop(h, err) < 0) {
            return -1;
        }
    }
    struct state_config config;
    int lock, rc;
    state_config_load(h->dir, &config);
    rc = config.missing ? error_set(err, ERROR_INVALID, "%s", config.problem) : state_lock(h->dir, &lock, err);
    if (rc == 0) {
        rc = state_config_save(h->dir, &config.spec, true, err);
        close(lock);
    }
    state_config_release(&config);
    return rc == 0 && running ? verb_start(h, err) : rc;
}

/* Half-made and half-removed folders of processes that are gone, and sandboxes whose shim was killed together with its
 * guard. */
static void collect_garbage(struct helper *h)
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
                shim_clean_up(h->root, names.v[i]);
            }
        }
        free(dir);
    }
}

/* Prints the result as one line of JSON. */
static int verb_probe(struct helper *h, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct backend_probe p;
    (void)err;
    collect_garbage(h);
    preflight_run(h->paths.state, &p);
    struct json *j = json_new_object();
    json_set_bool(j, "usable", p.usable);
    json_set_string(j, "version", p.version);
    json_set_string(j, "reason", p.reason);
    json_set_string(j, "fix", p.fix);
    json_set_string(j, "full_reason", p.full_reason);
    json_set_string(j, "overlay_reason", p.overlay_reason);
    json_set_string(j, "limits", p.limits);
    json_set_string(j, "warning", p.warning);
    json_set_int(j, "caps", p.caps);
    json_write(j, false, &text);
    json_free(j);
    helper_say(text.buf);
    return 0;
}

/* --- the verbs --- */

static const struct {
    const char *name;
    int (*run)(struct helper *h, struct error *err);
    bool needs_name;
} verbs[] = {
    {"probe", verb_probe, false},  {"create", verb_create, true},       {"update", verb_update, true},
    {"start", verb_start, true},   {"stop", verb_stop, true},           {"delete", verb_delete, true},
    {"seal", verb_seal, true},     {"supervise", verb_supervise, true}, {"changes", helper_changes, true},
    {"apply", helper_apply, true}, {"discard", helper_discard, true},
};

/* Runs one verb; the error, if any, becomes the last line. */
static int run_verb(size_t index, struct helper *h)
{
    struct error err = ERROR_INIT;
    if (verbs[index].run(h, &err) == 0) {
        return 0;
    }
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    strbuf_addch(&text, '\x1e');
    report_error_write(&err, &text);
    helper_say(text.buf);
    return 1;
}

/* Usage: shim VERB [NAME [GRACE_MS]] */
int bwrap_shim_main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "shim") == 0) {
        argc--;
        argv++;
    }
    struct helper h = {.name = argc > 2 ? argv[2] : NULL, .grace_ms = argc > 3 ? strtoull(argv[3], NULL, 10) : 0};
    struct error err = ERROR_INIT;
    size_t i = 0;
    while (i < MT_ARRAY_LEN(verbs) && (argc < 2 || strcmp(argv[1], verbs[i].name) != 0)) {
        i++;
    }
    if (i == MT_ARRAY_LEN(verbs) || (verbs[i].needs_name && !(h.name && *h.name))) {
        fprintf(stderr, "muthr-tui shim: not meant to be run by hand\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    if (paths_init(&h.paths, "muthr-tui", &err) < 0) {
        fprintf(stderr, "muthr-tui shim: %s\n", err.msg);
        return 1;
    }
    umask(077);
    h.root = state_root(h.paths.state, STATE_BWRAP);
    h.dir = h.name ? state_dir_of(h.root, h.name) : NULL;
    int rc = run_verb(i, &h);
    free(h.root);
    free(h.dir);
    paths_release(&h.paths);
    return rc;
}
