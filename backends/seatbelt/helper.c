/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/helper.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/process/state.h"
#include "backends/seatbelt/box.h"
#include "backends/seatbelt/clone.h"
#include "backends/seatbelt/preflight.h"
#include "backends/seatbelt/seat.h"
#include "backends/seatbelt/seatbelt.h"
#include "core/util/clock.h"
#include "core/util/fs.h"

#define DEFAULT_GRACE_MS 30000
#define OTHER_LIMIT_MS 30000 /* for another start */
#define CLEAR_UP_MS 5000     /* for what clears up behind a sandbox */

/* helper_kind.check: whatever the profile could not say is refused before anything is made. */
static int check(struct helper *h, const struct sandbox_spec *spec, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    if (spec->workspace_mode == WORKSPACE_OVERLAY) {
        return error_hint(err, ERROR_UNAVAILABLE, "workspace_mode: direct",
                          "a process sandbox of macOS cannot give an overlay workspace");
    }
    return box_profile(h->dir, spec, spec->net, 0, &text, NULL, err);
}

/* helper_kind.furnish: a root of its own, where the image is a folder. */
static int furnish(const char *dir, const struct sandbox_spec *spec, struct error *err)
{
    const char *image = box_image(spec);
    if (!image) {
        return 0;
    }
    helper_say("cloning the image's folder");
    char *root = path_join(dir, "root");
    int rc = clone_tree(image, root, err);
    free(root);
    return rc;
}

static int supervise(struct helper *h, int ready_fd, int way)
{
    (void)way;
    return seat_supervise(&h->paths, h->root, h->name, ready_fd);
}

static int verb_start(struct helper *h, struct error *err)
{
    if (!fs_is_dir(h->dir)) {
        return error_set(err, ERROR_NOT_FOUND, "there is no sandbox %s", h->name);
    }
    int rc = HELPER_START_AGAIN;
    for (uint64_t deadline = clock_mono_ms() + OTHER_LIMIT_MS;
         rc == HELPER_START_AGAIN && clock_mono_ms() < deadline;) {
        rc = helper_start(h, 0, err);
    }
    if (rc == HELPER_START_AGAIN) {
        return error_set(err, ERROR_BUSY, "sandbox %s is held by other processes all the time", h->name);
    }
    return rc == HELPER_START_SILENT ? error_set(err, ERROR_SYS, "the sandbox's supervisor ended without a word") : rc;
}

/* Writes down the grace, then asks. */
static int ask_stop(struct helper *h, int pid, uint64_t grace, struct error *err)
{
    char text[32], *path = path_join(h->dir, "run/stop");
    str_format(text, sizeof(text), "%llu\n", (unsigned long long)grace);
    int rc = fs_write_atomic(path, text, strlen(text), 0600, err);
    free(path);
    /* Who holds the lock lives: its number is nobody else's. */
    if (rc == 0 && state_lock_holder(h->dir) == pid) {
        kill(pid, SIGTERM);
    }
    return rc;
}

static int verb_stop(struct helper *h, struct error *err)
{
    uint64_t grace = h->grace_ms ? h->grace_ms : DEFAULT_GRACE_MS;
    int holder = 0;
    /* One that starts has not written its status yet; one that clears up soon ends: neither is to be killed. */
    for (uint64_t deadline = clock_mono_ms() + CLEAR_UP_MS;
         (holder = state_lock_holder(h->dir)) > 0 && !helper_is_supervised(h, holder) && clock_mono_ms() < deadline;
         poll(NULL, 0, 2)) {
    }
    if (!fs_is_dir(h->dir) || holder <= 0) {
        seat_clean_up(h->root, path_base(h->dir));
        return 0;
    }
    if (helper_is_supervised(h, holder) && ask_stop(h, holder, grace, err) < 0) {
        return -1;
    }
    if (!helper_wait_unlocked(h, grace + CLEAR_UP_MS)) {
        helper_kill_supervisor(h);
    }
    if (!helper_wait_unlocked(h, CLEAR_UP_MS)) {
        return error_set(err, ERROR_TIMEOUT, "sandbox %s does not stop", h->name);
    }
    return 0;
}

/* The profile of a program that runs cannot be changed: all are ended, and from then on everything starts under the
 * closed one. Read back from what is stored. */
static int verb_seal(struct helper *h, struct error *err)
{
    struct sandbox_info info;
    if (!state_info(h->dir, &info)) {
        return error_set(err, ERROR_NOT_FOUND, "there is no sandbox %s", h->name);
    }
    bool running = info.state == SANDBOX_RUNNING;
    if (running) {
        helper_say("restarting it under a profile without the network: what runs in it is ended");
        if (verb_stop(h, err) < 0) {
            return -1;
        }
    }
    enum net_policy wanted;
    int rc = helper_store_seal(h, &wanted, err);
    rc = rc == 0 && running ? verb_start(h, err) : rc;
    if (rc == 0 && running && (!state_info(h->dir, &info) || !info.net_known || info.net != wanted)) {
        rc = error_set(err, ERROR_SYS, "sandbox %s did not come up with the network cut", h->name);
    }
    return rc;
}

static int verb_probe(struct helper *h, struct error *err)
{
    struct backend_probe p;
    (void)err;
    helper_collect_garbage(h);
    preflight_seatbelt(&p);
    helper_say_probe(&p);
    return 0;
}

static const struct helper_verb verbs[] = {
    {"probe", verb_probe, false}, {"create", helper_create, true}, {"update", helper_update, true},
    {"start", verb_start, true},  {"stop", verb_stop, true},       {"delete", helper_delete, true},
    {"seal", verb_seal, true},
};

static const struct helper_kind kind = {
    .name = "seat",
    .folder = STATE_SEATBELT,
    .verbs = verbs,
    .verb_count = MT_ARRAY_LEN(verbs),
    .check = check,
    .furnish = furnish,
    .supervise = supervise,
    .stop = verb_stop,
    .clean_up = seat_clean_up,
};

int seatbelt_main(int argc, char **argv)
{
    return helper_main(&kind, argc, argv);
}
