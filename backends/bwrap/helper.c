/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/bwrap/bwrap.h"
#include "backends/bwrap/client.h"
#include "backends/bwrap/limits.h"
#include "backends/bwrap/overlay_mount.h"
#include "backends/bwrap/preflight.h"
#include "backends/bwrap/shim.h"
#include "backends/process/state.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

/* The verbs of bwrap's sandboxes: what they do as others do stands in process/helper.c. */

#define DEFAULT_GRACE_MS 30000
#define OTHER_LIMIT_MS 30000 /* for another start */
#define CLEAR_UP_MS 5000     /* for what clears up behind a sandbox */

/* Does its workspace hold work that is nowhere else? */
static bool has_changes(const struct helper *h)
{
    struct state_config config;
    state_config_load(h->dir, &config);
    bool any = !config.missing && overlay_has_changes(h->dir, config.spec.workspace);
    state_config_release(&config);
    return any;
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

static int verb_start(struct helper *h, struct error *err)
{
    struct state_config config;
    int rc = HELPER_START_SILENT;
    if (!fs_is_dir(h->dir)) {
        return error_set(err, ERROR_NOT_FOUND, "there is no sandbox %s", h->name);
    }
    state_config_load(h->dir, &config);
    int way = limits_want_scope(&config.spec) ? START_SCOPE_CONTINUE : START_PLAIN;
    state_config_release(&config);
    /* systemd-run refuses without a manager that answers, or a property that it does not know: then the next way is
     * tried. */
    uint64_t deadline = clock_mono_ms() + OTHER_LIMIT_MS;
    while (way < START_WAYS &&
           (rc == HELPER_START_SILENT || (rc == HELPER_START_AGAIN && clock_mono_ms() < deadline))) {
        rc = helper_start(h, way, err);
        way += rc == HELPER_START_SILENT;
    }
    if (rc == HELPER_START_AGAIN) {
        return error_set(err, ERROR_BUSY, "sandbox %s is held by other processes all the time", h->name);
    }
    return rc == HELPER_START_SILENT ? error_set(err, ERROR_SYS, "the sandbox's supervisor ended without a word") : rc;
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
         (holder = state_lock_holder(h->dir)) > 0 && !helper_is_supervised(h, holder) && clock_mono_ms() < deadline;
         poll(NULL, 0, 2)) {
    }
    if (!fs_is_dir(h->dir) || holder <= 0) {
        shim_clean_up(h->root, path_base(h->dir));
        return 0;
    }
    bool heard =
        client_connect(h->dir, "shim.sock", &fd, NULL) == 0 && client_send(fd, &ask, sizeof(ask), NULL, 0, NULL) == 0;
    bool ended = heard ? wait_end(fd, grace + 5000) : is_ending(h) && helper_wait_unlocked(h, CLEAR_UP_MS);
    if (fd >= 0) {
        close(fd);
    }
    if (!ended) {
        helper_kill_supervisor(h);
    }
    return helper_wait_unlocked(h, CLEAR_UP_MS) ? 0
                                                : error_set(err, ERROR_TIMEOUT, "sandbox %s does not stop", h->name);
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
    int rc = helper_store_seal(h, NULL, err);
    return rc == 0 && running ? verb_start(h, err) : rc;
}

static int verb_probe(struct helper *h, struct error *err)
{
    struct backend_probe p;
    (void)err;
    helper_collect_garbage(h);
    preflight_run(h->paths.state, &p);
    helper_say_probe(&p);
    return 0;
}

/* helper_kind.supervise: in a scope of the user's systemd, or here. */
static int supervise(struct helper *h, int ready_fd, int way)
{
    if (way != START_PLAIN) {
        enter_scope(h, (enum start_way)way);
    }
    unsetenv(LIMITS_SCOPE_ENV);
    fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
    return shim_supervise(&h->paths, h->root, h->name, ready_fd);
}

/* helper_kind.check: an overlay is not given up with work in it. */
static int check(struct helper *h, const struct sandbox_spec *spec, struct error *err)
{
    if (spec->workspace_mode == WORKSPACE_OVERLAY || !fs_is_dir(h->dir) || !has_changes(h)) {
        return 0;
    }
    return error_hint(err, ERROR_DENIED, "apply or discard them first",
                      "the workspace of %s holds changes that were not applied", h->name);
}

/* helper_kind.let_go: nor deleted with it, unless by force. */
static int let_go(struct helper *h, struct error *err)
{
    overlay_fuse_end(h->dir, 0);
    if (h->grace_ms != HELPER_FORCE_GRACE_MS && has_changes(h)) {
        return error_hint(err, ERROR_DENIED,
                          "C in the cockpit, or `muthr-tui changes`, shows them; --force deletes them too",
                          "the workspace of %s holds changes that were not applied", h->name);
    }
    return 0;
}

/* --- the verbs --- */

static const struct helper_verb verbs[] = {
    {"probe", verb_probe, false},  {"create", helper_create, true},     {"update", helper_update, true},
    {"start", verb_start, true},   {"stop", verb_stop, true},           {"delete", helper_delete, true},
    {"seal", verb_seal, true},     {"supervise", verb_supervise, true}, {"changes", helper_changes, true},
    {"apply", helper_apply, true}, {"discard", helper_discard, true},
};

static const struct helper_kind kind = {
    .name = "shim",
    .folder = STATE_BWRAP,
    .verbs = verbs,
    .verb_count = MT_ARRAY_LEN(verbs),
    .check = check,
    .supervise = supervise,
    .stop = verb_stop,
    .let_go = let_go,
    .clean_up = shim_clean_up,
};

int bwrap_shim_main(int argc, char **argv)
{
    return helper_main(&kind, argc, argv);
}
