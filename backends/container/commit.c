/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/container/image_job.h"
#include "backends/container/image_parse.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* COMMIT: there is no such command. A stopped container's root can be exported (from 0.10 on), and an image be built
 * around it, with the settings of the image that it was made from. One that runs is stopped meanwhile. */

#define ANSWER_MAX (8u << 20)
#define INSPECT_TIMEOUT_MS 30000
#define START_TIMEOUT_MS 120000
#define EXPORT_TIMEOUT_MS 1800000
#define STOP_GRACE_S 10
#define SETTLE_MS 45000 /* the virtual machine goes down */
#define AGAIN_MS 300
#define PREFIX "commit-"

struct committing {
    char base[256]; /* the image that it was made from */
    struct strbuf recipe;
    char *dir; /* private, removed on every way out */
    bool was_running, restarted;
    uint64_t until_ms;
    struct error failed; /* why there is no image; told after it runs again */
};

static struct committing *committing_of(struct request *r)
{
    return r->state;
}

/* Nobody waits for this one. */
static void on_let_go(void *arg, const struct proc_result *res, const struct error *err)
{
    (void)arg;
    (void)res;
    if (err) {
        log_warn("after the image was given up: %s", err->msg);
    }
}

/* A cancelled one leaves it as it was: it runs again, and nothing lies about. */
static void release_commit(struct request *r)
{
    struct committing *c = committing_of(r);
    struct error err = ERROR_INIT;
    const char *const args[] = {"start", r->container, NULL};
    struct cli_opts opts = {.args = args, .timeout_ms = START_TIMEOUT_MS, .let_go = true, .on_done = on_let_go};
    if (c->was_running && !c->restarted && ctr_cli_start(NULL, r->be, &opts, &err) < 0) {
        log_warn("%s: %s", r->container, err.msg);
    }
    if (c->dir && fs_remove_tree(c->dir, &err) < 0) {
        log_warn("%s", err.msg);
    }
    strbuf_release(&c->recipe);
    free(c->dir);
    free(c);
}

/* What a killed one of us left: an export may have gigabytes. */
static void sweep(const char *root)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    struct error ignored = ERROR_INIT;
    if (!fs_is_dir(root) || fs_list(root, &names, &ignored) < 0) {
        return;
    }
    for (size_t i = 0; i < names.len; i++) {
        long pid = strncmp(names.v[i], PREFIX, strlen(PREFIX)) == 0 ? strtol(names.v[i] + strlen(PREFIX), NULL, 10) : 0;
        if (pid > 1 && kill((pid_t)pid, 0) != 0 && errno == ESRCH) {
            MT_CLEANUP(xfree) char *path = path_join(root, names.v[i]);
            fs_remove_tree(path, &ignored);
        }
    }
}

/* --- the end --- */

static void on_restarted(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct committing *c = committing_of(r);
    (void)res;
    if (err && c->failed.code == ERROR_NONE) {
        c->failed = *err;
        error_wrap(&c->failed, "the image is made, but %s did not start again", r->container);
    }
    ctr_changed(r->be, r->call->name);
    ctr_finish(r, c->failed.code != ERROR_NONE ? &c->failed : NULL);
}

/* The image is made, or not; the sandbox is as it was. */
static void end(struct request *r, const struct error *err)
{
    struct committing *c = committing_of(r);
    const char *const args[] = {"start", r->container, NULL};
    struct cli_opts opts = {.args = args, .timeout_ms = START_TIMEOUT_MS};
    struct error mine = ERROR_INIT;
    c->failed = err ? *err : ERROR_INIT;
    if (!c->was_running) {
        ctr_finish(r, err);
        return;
    }
    c->restarted = true;
    if (ctr_run(r, &opts, on_restarted, &mine) < 0) {
        ctr_finish(r, &mine);
    }
}

/* Which image it is now. */
static void on_new_id(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct ctr_image img = {.id = ""};
    struct error ignored = ERROR_INIT;
    if (!err) {
        ctr_image_parse(res->out->buf, res->out->len, ctr_image_arch(), &img, &ignored);
        str_copy(r->call->image_id, sizeof(r->call->image_id), img.id);
        ctr_image_release(&img);
    }
    end(r, NULL);
}

static int ask_image(struct request *r, const char *ref, requests_then_fn then, struct error *err)
{
    const char *const args[] = {"image", "inspect", ref, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = ANSWER_MAX, .timeout_ms = INSPECT_TIMEOUT_MS};
    return ctr_run(r, &opts, then, err);
}

static void on_built(struct request *r, const struct error *err)
{
    struct error mine = ERROR_INIT;
    if (r->canceled) {
        ctr_finish(r, err);
    } else if (err || ask_image(r, r->call->tag, on_new_id, &mine) < 0) {
        end(r, err);
    }
}

/* --- the way there --- */

static void say(struct request *r, const char *text)
{
    if (r->call->on_line) {
        r->call->on_line(r->call, false, text, strlen(text));
    }
}

static void export_root(struct request *r);

/* "stopping" lasts a while after the stop: once more in a moment. */
static bool try_again(struct request *r, const struct error *err)
{
    struct committing *c = committing_of(r);
    uint64_t now = clock_mono_ms();
    if (!strstr(err->msg, "not stopped") || (c->until_ms > 0 && now >= c->until_ms)) {
        return false;
    }
    c->until_ms = c->until_ms > 0 ? c->until_ms : now + SETTLE_MS;
    ctr_wait(r, AGAIN_MS, export_root);
    return true;
}

static void on_exported(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct committing *c = committing_of(r);
    MT_CLEANUP(xfree) char *file = path_join(c->dir, "Containerfile");
    struct error mine = err ? *err : ERROR_INIT;
    (void)res;
    if (err && try_again(r, err)) {
        return;
    }
    if (err && strstr(err->msg, "o space left")) {
        error_hint(&mine, ERROR_SYS, "free some space: an export takes as much as all that is in the sandbox",
                   "%s cannot be exported: the disk is full", r->container);
    }
    if (err || fs_write_atomic(file, c->recipe.buf, c->recipe.len, 0600, &mine) < 0 ||
        ctr_job_build(r, r->call->tag, file, c->dir, on_built, &mine) < 0) {
        end(r, &mine);
    }
}

static void export_root(struct request *r)
{
    struct committing *c = committing_of(r);
    MT_CLEANUP(xfree) char *tar = path_join(c->dir, "rootfs.tar");
    const char *const args[] = {"export", "--output", tar, r->container, NULL};
    struct cli_opts opts = {.args = args, .timeout_ms = EXPORT_TIMEOUT_MS};
    struct error mine = ERROR_INIT;
    say(r, "exporting the sandbox's files");
    if (ctr_run(r, &opts, on_exported, &mine) < 0) {
        end(r, &mine);
    }
}

static void on_stopped(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    if (err) {
        end(r, err);
    } else {
        export_root(r);
    }
}

/* The image's settings are known: the rest can be done. */
static int begin(struct request *r, struct error *err)
{
    struct committing *c = committing_of(r);
    MT_CLEANUP(xfree) char *root = path_join(r->be->state, "context");
    char grace[16];
    sweep(root);
    MT_CLEANUP(xfree) char *name = xasprintf(PREFIX "%d-%s", (int)getpid(), r->container);
    c->dir = path_join(root, name);
    if (fs_mkdirs(c->dir, 0700, err) < 0) {
        return -1;
    }
    if (!c->was_running) {
        export_root(r);
        return 0;
    }
    str_format(grace, sizeof(grace), "%d", STOP_GRACE_S);
    const char *const args[] = {"stop", "--time", grace, r->container, NULL};
    struct cli_opts opts = {.args = args, .timeout_ms = (STOP_GRACE_S + 60) * 1000u};
    say(r, "stopping it: only a stopped one can be exported");
    return ctr_run(r, &opts, on_stopped, err);
}

static void on_base(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct committing *c = committing_of(r);
    struct ctr_image img = {.id = ""};
    struct error mine = err ? *err : ERROR_INIT;
    size_t lost = 0;
    bool good = !err && ctr_image_parse(res->out->buf, res->out->len, ctr_image_arch(), &img, &mine) == 0 &&
                ctr_image_recipe(&img, "rootfs.tar", &c->recipe, &lost, &mine) == 0;
    if (!err) {
        ctr_image_release(&img);
    }
    if (good && lost > 0) {
        log_warn("%s: %zu labels of %s with line breaks stay behind", r->call->tag, lost, c->base);
    }
    if (!good || begin(r, &mine) < 0) {
        if (mine.code == ERROR_NOT_FOUND) {
            error_hint(&mine, ERROR_NOT_FOUND, "pull it again: its settings go into the new image",
                       "the image %s that %s was made from is not here any more", c->base, r->container);
        }
        c->was_running = false; /* it was not stopped */
        ctr_finish(r, &mine);
    }
}

static int on_owned(struct request *r, const struct ctr_seen *seen, struct error *err)
{
    struct committing *c = committing_of(r);
    str_copy(c->base, sizeof(c->base), seen->image);
    c->was_running = strcmp(seen->state, "stopped") != 0;
    return ask_image(r, c->base, on_base, err);
}

static int check_version(struct request *r, struct error *err)
{
    if (!ctr_has(r->be, CTR_EXPORT)) {
        return error_hint(err, ERROR_UNAVAILABLE, "update container to 0.10 or newer",
                          "container %s cannot export a sandbox, so that no image can be made of it",
                          r->be->facts.version_text);
    }
    return ctr_owned(r, on_owned, err);
}

int ctr_commit_submit(struct request *r, struct error *err)
{
    if (!r->call->tag) {
        return error_set(err, ERROR_INVALID, "an image needs a name");
    }
    struct committing *c = xcalloc(1, sizeof(*c));
    c->recipe = STRBUF_INIT;
    r->state = c;
    r->release = release_commit;
    return ctr_need_facts(r, check_version, err);
}
