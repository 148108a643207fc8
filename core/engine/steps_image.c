/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: the image a sandbox is made from (S13, S14, S16), what must be inside before a profile's script runs (S4), the
 * repository's own set-up command (S15), and making an image of a sandbox. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/engine/engine_private.h"
#include "core/engine/golden.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define BASELINE_VERSION "v2"
#define SCRIPT_MAX (64u << 10)

/* --- what is needed --- */

void image_prepare(struct run *r, const struct workspace *ws)
{
    bool images = (r->slot->ops->caps & BACKEND_CAP_IMAGES) != 0;
    struct error ignored = ERROR_INIT;
    record_set_text(&r->record, RECORD_IMAGES, images ? "yes" : "");
    if (r->wanted_image != NULL) {
        record_set_text(&r->record, RECORD_IMAGE_CHOICE, r->wanted_image);
    }
    MT_CLEANUP(xfree) char *real = ws->host[0] == '\0' ? path_real(ws->path, &ignored) : NULL;
    if (real == NULL) {
        return;
    }
    devcontainer_release(&r->dev);
    devcontainer_load(&r->dev, real);
    if (r->allow_image && r->dev.image != NULL && consent_matches(r->e, r->sandbox, true, r->dev.image)) {
        record_set_text(&r->record, RECORD_IMAGE_CONSENT, r->dev.image);
    }
    if (r->allow_post_create && r->dev.set_up != NULL && consent_matches(r->e, r->sandbox, false, r->dev.set_up_id)) {
        record_set_text(&r->record, RECORD_SET_UP_CONSENT, r->dev.set_up_id);
    }
}

bool image_is_of_other(const struct run *r, struct strbuf *why)
{
    const char *const others[] = {r->info.profile, r->record.profile};
    bool drift = r->info.config_hash[0] != '\0' && strcmp(r->info.config_hash, r->spec.config_hash) != 0;
    if (drift && (r->record.spec == NULL || spec_image_differs(r->record.spec, r->spec_text.buf))) {
        if (why != NULL && r->record.spec != NULL) {
            spec_diff(r->record.spec, r->spec_text.buf, why);
        } else if (why != NULL) {
            strbuf_addstr(why, "made from another configuration");
        }
        return true;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(others); i++) { /* one without a script left nothing of itself in it */
        if (strcmp(others[i], r->profile.name) != 0 && record_revision(&r->record, others[i])[0] != '\0') {
            if (why != NULL) {
                strbuf_addf(why, "profile %s was provisioned in it", others[i]);
            }
            return true;
        }
    }
    return false;
}

/* S16: an image that is called after a profile is made of that profile. One that runs on as it is may hold another. */
static int check_bake(const struct run *r, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf why = STRBUF_INIT;
    if (r->plan != ENGINE_BAKE || r->do_create || !image_is_of_other(r, &why)) {
        return 0;
    }
    return error_hint(err, ERROR_INVALID,
                      "stop it, and ask again: a stopped one is made anew for that profile, with its home, before it "
                      "becomes the image",
                      "it runs with something else than what %s starts from: %.200s", r->profile.name, why.buf);
}

/* S15: does the repository's command run now, or why not? */
static void decide_set_up(struct run *r)
{
    bool due = r->dev.set_up != NULL && (r->do_create || set_up_is_due(&r->record, &r->info));
    bool allowed =
        r->e->opts.config->allow_post_create ||
        (r->dev.set_up != NULL && strcmp(record_text(&r->record, RECORD_SET_UP_CONSENT), r->dev.set_up_id) == 0);
    r->do_set_up = due && allowed;
    if (due && !allowed) {
        MT_CLEANUP(xfree)
        char *note =
            xasprintf("the repository's set-up command was not run: %.120s (sandbox.allow_post_create, or a yes "
                      "in the cockpit, allows it)",
                      r->dev.set_up);
        run_note(r, note);
    }
}

/* A network that is cut afterwards has to be there while something is installed. */
static void decide_network(struct run *r)
{
    bool there = strcmp(record_text(&r->record, RECORD_BASELINE), BASELINE_VERSION) == 0;
    bool baseline = (r->do_create || !there) && (r->slot->ops->caps & BACKEND_CAP_BASELINE) != 0;
    /* Where nobody could cut it, the baseline does with what the image has. */
    bool can_cut = (r->slot->ops->caps & BACKEND_CAP_SEAL) != 0 || offline_is_used(r);
    bool there_already = r->from_golden && offline_is_used(r); /* not an image of an image for nothing */
    bool open = r->do_provision || r->do_set_up || (baseline && can_cut && !there_already);
    r->spec.net = net_policy_is_sealed(r->spec.net_after) && open ? NET_FULL : r->spec.net_after;
}

/* What runs inside before it is ready, and the network that this needs. */
static void decide_inside(struct run *r)
{
    if (r->do_remove) {
        r->do_provision = r->profile.script != NULL && !r->no_provision; /* what was installed goes with it */
    }
    decide_set_up(r);
    decide_network(r);
}

/* S9: limits that are required and that nobody enforces. */
static int check_limits(const struct run *r, struct error *err)
{
    bool limited = r->spec.memory_bytes > 0 || r->spec.cpus > 0 || r->spec.pids > 0;
    if (!r->do_start || !r->spec.require_limits || !limited || (r->slot->probe.caps & BACKEND_CAP_LIMITS) != 0) {
        return 0;
    }
    const char *why = r->slot->probe.limits;
    why += strncmp(why, "none: ", 6) == 0 ? 6 : 0;
    return error_hint(err, ERROR_UNAVAILABLE, "make limits possible, or set sandbox.require_resource_limits = false",
                      "%s cannot enforce limits here, and they are required%s%.160s", r->slot->ops->name,
                      why[0] != '\0' ? ": " : "", why);
}

/* A step that has something to do here gets its line. */
static void show_step(struct run *r, const char *name, bool shown)
{
    struct op_view *v = op_get_view(r->op);
    for (int i = 0; i < v->step_count; i++) {
        if (strcmp(v->steps[i].name, name) == 0) {
            v->steps[i].minor = !shown;
        }
    }
}

int image_plan(struct run *r, struct error *err)
{
    unsigned caps = r->slot->ops->caps;
    if (r->plan == ENGINE_BAKE && (caps & BACKEND_CAP_COMMIT) != 0 && r->slot->probe.usable &&
        (r->slot->probe.caps & BACKEND_CAP_COMMIT) == 0) {
        return error_hint(err, ERROR_UNAVAILABLE, "update it, or use a project whose sandbox another backend runs",
                          "%s %s cannot make an image of a sandbox", r->slot->ops->name, r->slot->probe.version);
    }
    if (r->plan == ENGINE_BAKE && (caps & BACKEND_CAP_COMMIT) == 0) {
        return error_hint(
            err, ERROR_UNAVAILABLE,
            "use a project whose sandbox a backend with images runs, or delete this one and start it again with "
            "--backend",
            "backend %s cannot make an image of a sandbox", r->slot->ops->name);
    }
    r->do_image = (caps & BACKEND_CAP_IMAGES) != 0 && (r->do_create || r->do_start || r->recreate);
    r->spec.writable_root = r->spec.writable_root || (caps & BACKEND_CAP_BASELINE) != 0;
    decide_inside(r);
    if (offline_reopens(r)) {
        r->do_remove = r->do_create = true;
        decide_inside(r);
    }
    show_step(r, "stop", r->do_stop);
    show_step(r, "remove", r->do_remove);
    show_step(r, "image", r->do_image);
    show_step(r, "post_create", r->do_set_up);
    show_step(r, "commit", r->plan == ENGINE_BAKE);
    show_step(r, "seal_image", offline_is_used(r) && r->spec.net != r->spec.net_after);
    return offline_check_plan(r, err) < 0 || check_bake(r, err) < 0 ? -1 : check_limits(r, err);
}

/* --- the image --- */

bool skip_image(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    str_copy(why, STEP_WHY_MAX,
             (r->slot->ops->caps & BACKEND_CAP_IMAGES) == 0 ? "programs come from the host, read-only"
                                                            : "it runs already");
    return !r->do_image;
}

/* The golden image has today's revision of the profile's script in it. What is known of it follows what was found: a
 * person may have removed it, or given its name to another one, whose content nobody knows. */
static bool is_baked(const struct run *r, bool found)
{
    const struct paths *paths = r->e->opts.paths;
    const char *host = slot_host(r->slot);
    struct golden g;
    struct error err = ERROR_INIT;
    golden_load(paths, r->profile.name, host, &g);
    if (!found) {
        golden_forget(paths, r->profile.name, host);
        return false;
    }
    if (r->call.image_id[0] != '\0' && strcmp(g.id, r->call.image_id) != 0 && r->spec.mise == NULL) {
        g.rev[0] = g.id[0] != '\0' ? '\0' : g.rev[0]; /* an earlier version of us kept no id */
        str_copy(g.id, sizeof(g.id), r->call.image_id);
        if (golden_save(paths, r->profile.name, host, &g, &err) < 0) {
            log_warn("%s", err.msg);
        }
    }
    return r->profile.rev[0] != '\0' && strcmp(g.rev, r->profile.rev) == 0;
}

/* Is what the sandbox was made from another image than what there is now, by its name or behind it? */
static bool image_differs(const struct run *r, bool *rebuilt)
{
    const char *before = record_text(&r->record, RECORD_IMAGE), *id = r->info.image_id;
    bool named = strcmp(before, r->call.image) == 0;
    *rebuilt = named && id[0] != '\0' && r->call.image_id[0] != '\0' && strcmp(id, r->call.image_id) != 0;
    return before[0] != '\0' && (!named || *rebuilt);
}

/* S5: one that is made from another image is made anew, while it is down or when that was asked for. */
static void compare_image(struct run *r)
{
    bool down = r->info.state == SANDBOX_STOPPED || r->info.state == SANDBOX_FAILED, rebuilt;
    if (r->do_create || r->info.state == SANDBOX_NONE || !image_differs(r, &rebuilt)) {
        return;
    }
    if (!down && !r->do_stop && !r->recreate) {
        run_note(r, rebuilt ? "its image was re-built: re-create it to apply (--recreate)"
                            : "its image has changed: re-create it to apply (--recreate)");
        return;
    }
    run_note(r, rebuilt ? "its image was re-built: it was created again, with its home"
                        : "its image has changed: it was created again, with its home");
    r->do_stop = !down;
    r->do_remove = r->do_create = r->do_start = true;
    show_step(r, "stop", r->do_stop);
    show_step(r, "remove", true);
    r->do_update = false;
    r->do_provision = r->profile.script != NULL && !r->no_provision;
}

/* The image is here: what CREATE uses, and what that means for the rest. */
static int settle_image(struct run *r, struct error *err)
{
    bool golden = r->spec.golden != NULL && strcmp(r->spec.golden, r->call.image) == 0;
    if (r->call.image[0] == '\0') {
        return error_set(err, ERROR_ANSWER, "%s: the backend did not say which image to use", r->sandbox);
    }
    bool baked = r->spec.golden != NULL && (golden || r->spec.mise == NULL) && is_baked(r, golden);
    compare_image(r);
    free(r->spec.image);
    free(r->spec.golden);
    free(r->spec.containerfile);
    free(r->spec.mise);
    r->spec.image = xstrdup(r->call.image);
    r->spec.golden = r->spec.containerfile = r->spec.mise = NULL;
    str_copy(r->image_notice, sizeof(r->image_notice), r->call.image_notice);
    if (r->image_notice[0] != '\0') {
        run_note(r, r->image_notice);
    }
    if (r->do_create && golden && !r->reprovision && r->do_provision && baked) {
        r->do_provision = false;
        r->from_golden = true;
    }
    decide_set_up(r);
    show_step(r, "post_create", r->do_set_up);
    decide_network(r);
    show_step(r, "seal_image", offline_is_used(r) && r->spec.net != r->spec.net_after);
    return offline_check_plan(r, err) < 0 ? -1 : plan_check_network(r, err);
}

/* Does a backend of this machine that needs no image work? */
static bool works_without(const struct run *r)
{
    const struct engine *e = r->e;
    for (size_t i = 0; r->slot->host == NULL && i < e->slot_count; i++) {
        const struct slot *s = &e->slots[i];
        if (s->host == NULL && s->probe.usable && (s->ops->caps & BACKEND_CAP_IMAGES) == 0) {
            return true;
        }
    }
    return false;
}

/* Names the image; one that exists already starts without. */
static void explain_image(struct run *r, struct error *err)
{
    const char *name = r->spec.containerfile != NULL ? r->spec.containerfile : r->spec.image;
    if (err->code == ERROR_CANCELED) {
        return;
    }
    if (!r->do_create && r->info.state != SANDBOX_NONE) {
        log_warn("%s: image: %s", r->sandbox, err->msg);
        run_note(r, "its image could not be looked at: started as it is");
        *err = ERROR_INIT;
        return;
    }
    if (name != NULL && strstr(err->msg, name) == NULL) {
        error_wrap(err, "image %.120s", name);
    }
    /* A newcomer without a network has asked for no image: what works without one is worth a word. */
    bool anyones = r->profile.manifest.image == NULL && r->profile.containerfile == NULL && r->wanted_image == NULL;
    if (anyones && !r->pick.named && r->info.state == SANDBOX_NONE && works_without(r)) {
        err->hint =
            "is the network up? Another backend here works without an image: --backend, or \"backend\" among the "
            "cockpit's commands";
    } else if (err->hint == NULL) {
        err->hint = "check its name and the network, or choose another one in the profile's manifest";
    }
}

enum step_result step_image(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    (void)err;
    r->call.spec = &r->spec;
    r->call.image[0] = r->call.image_notice[0] = '\0';
    r->explain = explain_image;
    return run_submit(r, BACKEND_IMAGE, settle_image);
}

void image_note_created(struct run *r)
{
    record_set_text(&r->record, RECORD_BASELINE, "");
    record_set_text(&r->record, RECORD_IMAGE, r->do_image && r->spec.image != NULL ? r->spec.image : "");
    record_set_text(&r->record, RECORD_IMAGE_NOTICE, r->image_notice[0] != '\0' ? r->image_notice : r->pick.loss);
    record_set_text(&r->record, RECORD_SET_UP, r->dev.set_up != NULL ? "due" : "");
}

/* --- the baseline --- */

bool skip_baseline(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    bool there = strcmp(record_text(&r->record, RECORD_BASELINE), BASELINE_VERSION) == 0;
    bool none = (r->slot->ops->caps & BACKEND_CAP_BASELINE) == 0;
    str_copy(why, STEP_WHY_MAX, none ? "programs come from the host, read-only" : "it is there");
    return none || (there && !r->do_create);
}

static const char MISSING_TEXT[] = "missing in the image:";

bool image_lacks(const char *notice, const char *program)
{
    const char *list = strstr(notice, MISSING_TEXT);
    size_t n = strlen(program);
    for (const char *p = list != NULL ? list + strlen(MISSING_TEXT) : ""; *p == ' ';) {
        size_t len = strcspn(++p, " ;");
        if (len == n && memcmp(p, program, n) == 0) {
            return true;
        }
        p += len;
    }
    return false;
}

/* What the script says to us, and to people. True: not for people. */
static bool baseline_line(struct run *r, const char *line)
{
    static const char MISSING[] = "MUTHR-MISSING:", ERROR[] = "MUTHR-ERROR: ";
    if (strncmp(line, MISSING, strlen(MISSING)) == 0) {
        str_format(r->missing, sizeof(r->missing), "%s%.160s", MISSING_TEXT, line + strlen(MISSING));
        return true;
    }
    if (strncmp(line, ERROR, strlen(ERROR)) == 0) {
        str_copy(r->last_line, sizeof(r->last_line), line + strlen(ERROR));
        r->keep_line = true;
        return true;
    }
    return false;
}

/* The script's own words instead of its exit code. */
static void explain_baseline(struct run *r, struct error *err)
{
    if (err->code == ERROR_EXIT) {
        int code = err->sys;
        error_hint(err, ERROR_EXIT, "cure the cause and start it again, or use an image that has these programs",
                   "baseline: exit %d: %.300s", code, r->last_line);
        err->sys = code;
    }
}

/* Ready for the first shell: remembered. */
static int settle_baseline(struct run *r, struct error *err)
{
    const char *before = record_text(&r->record, RECORD_IMAGE_NOTICE);
    (void)err;
    record_set_text(&r->record, RECORD_BASELINE, BASELINE_VERSION);
    if (r->missing[0] != '\0' && strstr(before, r->missing) == NULL) {
        MT_CLEANUP(xfree) char *both = xasprintf("%s%s%s", before, before[0] != '\0' ? "; " : "", r->missing);
        record_set_text(&r->record, RECORD_IMAGE_NOTICE, both);
    }
    return 0;
}

/* A command inside, with everything set: fields of an earlier one do not stay. */
static enum step_result exec_inside(struct run *r, bool as_root, const char *cwd,
                                    int (*settle)(struct run *r, struct error *err))
{
    r->call.argv = (const char *const *)r->argv.v;
    r->call.env = as_root ? NULL : (const char *const *)r->child_env.v;
    r->call.cwd = cwd;
    r->call.as_root = as_root;
    r->call.input = NULL;
    r->call.input_len = 0;
    r->last_line[0] = '\0';
    r->keep_line = false;
    return run_submit(r, BACKEND_EXEC, settle);
}

enum step_result step_baseline(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    const struct workspace *ws = model_workspace(r->e->opts.model, r->ws);
    /* Its user is told by who owns the project: on another machine, and for root, who works on other people's as they.
     */
    bool by_owner = getuid() == 0 || (ws != NULL && ws->host[0] != '\0');
    MT_CLEANUP(xfree) char *path = path_join(r->e->opts.paths->data, "profiles/baseline.sh");
    MT_CLEANUP(strbuf) struct strbuf script = STRBUF_INIT;
    (void)op;
    if (fs_read(path, SCRIPT_MAX, &script, err) < 0) {
        return STEP_FAIL;
    }
    strvec_clear(&r->argv);
    strvec_pushl(&r->argv, "sh", "-c", script.buf, "baseline", NULL);
    char uid[24], gid[24];
    str_format(uid, sizeof(uid), "%u", (unsigned)getuid());
    str_format(gid, sizeof(gid), "%u", (unsigned)getgid());
    strvec_pushl(&r->argv, by_owner ? "auto" : uid, by_owner ? "auto" : gid, r->spec.workspace_mount, NULL);
    r->missing[0] = '\0';
    r->take_line = baseline_line;
    r->explain = explain_baseline;
    return exec_inside(r, true, "/", settle_baseline);
}

/* --- the repository's set-up command --- */

bool skip_set_up(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    str_copy(why, STEP_WHY_MAX,
             r->dev.set_up == NULL                                         ? "the repository has none"
             : strcmp(record_text(&r->record, RECORD_SET_UP), "done") == 0 ? "it ran before"
                                                                           : "not allowed");
    return !r->do_set_up;
}

/* One command is run as it is; several become one, each after the success of the one before. */
static void set_up_argv(const struct devcontainer *dev, struct strvec *argv)
{
    MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT;
    strvec_clear(argv);
    if (dev->command_count == 1) {
        strvec_pushv(argv, (const char *const *)dev->commands[0].v);
        return;
    }
    for (size_t i = 0; i < dev->command_count; i++) {
        strbuf_addstr(&all, i > 0 ? " && " : "");
        for (size_t k = 0; k < dev->commands[i].len; k++) {
            strbuf_addstr(&all, k > 0 ? " " : "");
            strbuf_add_quoted(&all, dev->commands[i].v[k]);
        }
    }
    strvec_pushl(argv, "sh", "-c", all.buf, NULL);
}

/* Its last line says more than its code. */
static void explain_set_up(struct run *r, struct error *err)
{
    if (err->code == ERROR_EXIT) {
        int code = err->sys;
        error_hint(err, ERROR_EXIT, "it runs again at the next start; a shell in the sandbox shows why it failed",
                   "the repository's set-up command: exit %d: %.300s", code, r->last_line);
        err->sys = code;
    }
}

/* Once is enough. */
static int settle_set_up(struct run *r, struct error *err)
{
    (void)err;
    record_set_text(&r->record, RECORD_SET_UP, "done");
    return 0;
}

enum step_result step_set_up(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    set_up_argv(&r->dev, &r->argv);
    strvec_clear(&r->child_env);
    const struct endpoint *ep = run_endpoint(r);
    if (engine_environment(r->e, r->slot, &r->info, &r->profile, r->spec.workspace_mount, ep, watcher_view(ep->watcher),
                           false, &r->child_env, NULL, err) < 0 ||
        env_add_extra(&r->env, &r->child_env, err) < 0) {
        return STEP_FAIL;
    }
    r->explain = explain_set_up;
    return exec_inside(r, false, r->spec.workspace_mount, settle_set_up);
}

/* --- the golden image --- */

enum step_result step_keep_home(struct op *op, void *ctx, struct error *err)
{
    /* The home is on storage of its own, which is no part of an image: a copy goes along, without what is secret or
     * only of this project. New sandboxes begin with it (baseline.sh). */
    static const char COPY[] =
        "set -e; rm -rf /var/lib/muthr/home; mkdir -p /var/lib/muthr/home; cp -a /home/muthr/. /var/lib/muthr/home/; "
        "cd /var/lib/muthr/home; rm -rf .ssh .gnupg .netrc .git-credentials .bash_history .cache .local/state "
        ".config/gh .claude .claude.json .codex .local/share/opencode .npmrc .docker .aws";
    struct run *r = ctx;
    (void)op;
    (void)err;
    strvec_clear(&r->argv);
    strvec_pushl(&r->argv, "sh", "-c", COPY, NULL);
    return exec_inside(r, true, "/", NULL);
}

bool skip_commit(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    (void)why;
    return r->plan != ENGINE_BAKE;
}

/* Which revision is in it, and which image it is. */
static int settle_commit(struct run *r, struct error *err)
{
    struct golden g = {.rev = ""};
    str_copy(g.rev, sizeof(g.rev), r->profile.rev);
    str_copy(g.id, sizeof(g.id), r->call.image_id);
    refresh_soon(r->e); /* sandboxes that were made from the one before differ now */
    return golden_save(r->e->opts.paths, r->profile.name, slot_host(r->slot), &g, err);
}

enum step_result step_commit(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)err;
    str_format(r->tag_name, sizeof(r->tag_name), "localhost/muthr-profile-%s:latest", r->profile.name);
    op_text(op, "%s", r->tag_name);
    r->call.tag = r->tag_name;
    return run_submit(r, BACKEND_COMMIT, settle_commit);
}
