/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: what this machine offers, in the order in which a person would mend it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/engine/profiles.h"
#include "core/engine/tasks.h"
#include "core/util/audit.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "term/rules.h"
#include "tui/keymap.h"
#include "tui/theme.h"
#include "tui/verb.h"

/* Where findings go: lines of their own in text form, because texts and advice are too long for columns. */
struct report {
    bool text;
    bool bad; /* at least one thing is broken */
    struct output *out;
};

/* The text form of one finding. */
static void finding_print(const char *what, const char *state, const char *text, const char *fix)
{
    bool color = output_color(STDOUT_FILENO);
    const char *tint = !color                       ? ""
                       : strcmp(state, "ok") == 0   ? "\033[32m"
                       : strcmp(state, "warn") == 0 ? "\033[33m"
                                                    : "\033[31m";
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;

    utf8_sanitize(&clean, text, strlen(text), false);
    printf("%s%-4s%s  %-17s  %s\n", tint, state, color ? "\033[0m" : "", what, clean.buf);
    if (fix != NULL && fix[0] != '\0') {
        printf("%25s-> %s\n", "", fix);
    }
}

/* One finding. `fix` may be NULL or "". In JSON one more fact can go with it (key NULL: none). */
static void finding_fact(struct report *out, const char *what, const char *state, const char *text, const char *fix,
                         const char *key, const char *value)
{
    out->bad = out->bad || strcmp(state, "bad") == 0;
    if (out->text) {
        finding_print(what, state, text, fix);
        return;
    }
    struct json *row = json_new_object();

    while (*what == ' ') {
        what++; /* the indent of the text form */
    }
    json_set_string(row, "check", what);
    json_set_string(row, "state", state);
    json_set_string(row, "text", text);
    json_set_string(row, "fix", fix != NULL && fix[0] != '\0' ? fix : NULL);
    if (key != NULL) {
        json_set_string(row, key, value[0] != '\0' ? value : NULL);
    }
    output_row_take(out->out, row);
}

static void finding(struct report *out, const char *what, const char *state, const char *text, const char *fix)
{
    finding_fact(out, what, state, text, fix, NULL, "");
}

/* Can we write below `dir`? Makes it, writes and removes a file. */
static void check_writable(struct report *out, const char *what, const char *dir)
{
    struct error err = ERROR_INIT;
    MT_CLEANUP(xfree) char *probe = xasprintf("%s/.doctor-%d", dir, (int)getpid());

    if (fs_mkdirs(dir, 0700, &err) < 0 || fs_write_atomic(probe, "x", 1, 0600, &err) < 0) {
        finding(out, what, "bad", err.msg, err.hint);
        return;
    }
    unlink(probe);
    finding(out, what, "ok", dir, NULL);
}

/* Sandboxes of it that nobody can see now. */
static int count_unseen(const struct verb_ctx *ctx, const struct backend_view *b)
{
    int n = 0;

    for (size_t i = 0; i < model_workspace_count(ctx->model); i++) {
        const struct workspace *ws = model_workspace_at(ctx->model, i);

        n += b->host[0] == '\0' && ws->remembered && strcmp(ws->backend, b->name) == 0;
    }
    return n;
}

/* What it means that a backend cannot be used: nothing is broken by the lack of one that nobody asked for. */
static const char *unusable_state(const struct verb_ctx *ctx, const struct backend_view *b)
{
    if (b->host[0] != '\0' || strcmp(ctx->config.backend, b->name) == 0 || count_unseen(ctx, b) > 0) {
        return "bad";
    }
    for (size_t i = 0; i < model_backend_count(ctx->model); i++) {
        const struct backend_view *other = model_backend_at(ctx->model, i);

        if (other->host[0] == '\0' && other->probe.usable) {
            return "warn";
        }
    }
    return "bad";
}

/* One that cannot be used: why, what of it is out of sight, what it would be better for, and the cure. */
static void check_unusable(const struct verb_ctx *ctx, struct report *out, const char *what,
                           const struct backend_view *b)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct engine_pick pick;
    struct error ignored = ERROR_INIT;
    const char *better = "";
    int unseen = count_unseen(ctx, b);

    strbuf_addstr(&text, b->probe.reason);
    if (unseen > 0) {
        strbuf_addf(&text, "; %d sandbox%s of it cannot be seen", unseen, unseen == 1 ? "" : "es");
    }
    bool picked = b->host[0] == '\0' && engine_pick(ctx->engine, NULL, NULL, &pick, &ignored) == 0;
    for (size_t i = 0; picked && i < pick.better_count; i++) {
        if (strcmp(pick.better[i].backend, b->name) == 0) {
            better = pick.better[i].good_for[0] != '\0' ? pick.better[i].good_for : "all of them";
            strbuf_addf(&text, "; it would be better than %s for %s", pick.backend, better);
        }
    }
    finding_fact(out, what, unusable_state(ctx, b), text.buf, b->probe.fix, "better_for", better);
}

/* Where new sandboxes go, and why; two of one name. */
static void check_choice(struct verb_ctx *ctx, struct report *out)
{
    struct engine_pick pick;
    struct error err = ERROR_INIT;

    if (engine_pick(ctx->engine, NULL, NULL, &pick, &err) == 0) {
        MT_CLEANUP(xfree)
        char *text = xasprintf("go to %s: %s%s%s", pick.backend, pick.why, pick.loss[0] != '\0' ? "; " : "", pick.loss);
        finding_fact(out, "new sandboxes", "ok", text, NULL, "backend", pick.backend);
    } else {
        finding_fact(out, "new sandboxes", "bad", err.msg, NULL, "backend", "");
    }
    if (ctx->config.backends[0] != '\0') {
        MT_CLEANUP(xfree)
        char *text = xasprintf("only %s: tui.backends (MUTHR_TUI_BACKENDS) says so", ctx->config.backends);
        finding(out, "  looked at", "ok", text, NULL);
    }
    for (size_t i = 0; i < model_workspace_count(ctx->model); i++) {
        const struct workspace *ws = model_workspace_at(ctx->model, i);

        if (ws->other_backend[0] != '\0') {
            MT_CLEANUP(xfree)
            char *fix = xasprintf("`muthr-tui delete %s --backend %s` (or %s) deletes one of them; the folder stays.",
                                  ws->shown, ws->backend, ws->other_backend);
            finding(out, ws->sandbox, "bad", ws->info.reason, fix);
        }
    }
}

/* The backends, and what each lacks. Returns how many work. */
static int check_backends(struct verb_ctx *ctx, struct report *out)
{
    int usable = 0;

    for (size_t i = 0; i < model_backend_count(ctx->model); i++) {
        const struct backend_view *b = model_backend_at(ctx->model, i);
        MT_CLEANUP(xfree)
        char *what = b->host[0] != '\0' ? xasprintf("host %s", b->host) : xasprintf("backend %s", b->name);

        if (b->host[0] != '\0' && !b->probed) {
            finding(out, what, "warn", "does not answer yet", NULL);
            continue;
        }
        if (!b->probe.usable) {
            check_unusable(ctx, out, what, b);
            continue;
        }
        usable++;
        finding(out, what, "ok", b->probe.version[0] != '\0' ? b->probe.version : "works", NULL);
        if ((b->probe.caps & BACKEND_CAP_NET_FULL) == 0) {
            finding(out, "  network full", "warn", b->probe.full_reason, NULL);
        } else {
            finding(out, "  network full", "ok",
                    (b->probe.caps & BACKEND_CAP_HOST_PATHS) != 0
                        ? "the outside over this machine's own network; of localhost only what is listed"
                    : (b->probe.caps & BACKEND_CAP_NET_COMMON) != 0
                        ? "outside access over one network that all of its sandboxes share: they see each other"
                        : "an isolated network with outside access",
                    NULL);
        }
        if ((b->probe.caps & BACKEND_CAP_OVERLAY) != 0) {
            finding(out, "  overlay", "ok", "workspaces can be copy-on-write views", NULL);
        } else if (b->probe.overlay_reason[0] != '\0') {
            finding(out, "  overlay", "warn", b->probe.overlay_reason,
                    "Install bubblewrap 0.11 or newer, or fuse-overlayfs.");
        }
        if (b->probe.limits[0] != '\0') {
            finding(out, "  limits", "ok", b->probe.limits, NULL);
        }
        if (b->probe.warning[0] != '\0') {
            finding(out, "  note", "warn", b->probe.warning, NULL);
        }
    }
    return usable;
}

/* What the cockpit would say about [tui.keys] and the theme. */
static void check_look(struct verb_ctx *ctx, struct report *out)
{
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    struct error err = ERROR_INIT;
    struct theme theme;

    if (theme_load(&theme, ctx->paths, ctx->config.theme, &err) < 0) {
        finding(out, "theme", "bad", err.msg, err.hint);
    }

    keymap_free(keymap_new(&ctx->config, &problems));
    for (size_t i = 0; i < problems.len; i++) {
        finding(out, "keys", "bad", problems.v[i],
                "Keys are written C-x, M-x, S-Up, F5; `:` in the cockpit lists the commands.");
    }
}

/* The rules for the screens of agents: the shipped ones are there, and the person's own are right. */
static void check_rules(struct verb_ctx *ctx, struct report *out)
{
    MT_CLEANUP(xfree) char *own = path_join(ctx->paths->config, RULES_FILE);
    MT_CLEANUP(xfree) char *shipped = path_join(ctx->paths->data, RULES_FILE);
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    size_t mine = rules_problems(own, &problems), theirs = rules_problems(shipped, &problems);

    for (size_t i = 0; i < problems.len; i++) {
        finding(out, "attention", "bad", problems.v[i], "The rule is left out; the head of the shipped file explains.");
    }
    if (theirs == 0) {
        MT_CLEANUP(xfree) char *text = xasprintf("no rules for the screens of agents in %s", shipped);
        finding(out, "attention", "warn", text, "Install muthr-tui again.");
    } else if (problems.len == 0) {
        MT_CLEANUP(xfree) char *text = xasprintf("%zu rules for the screens of agents, %zu of your own", theirs, mine);
        finding(out, "attention", "ok", text, NULL);
    }
}

/* Manifests that cannot be read, and keys in them that nobody knows. */
static void check_profiles(struct verb_ctx *ctx, struct report *out)
{
    struct profile_entry *list;
    size_t count = engine_profiles(ctx->engine, &list);

    for (size_t i = 0; i < count; i++) {
        MT_CLEANUP(xfree) char *what = xasprintf("profile %s", list[i].name);

        if (list[i].broken) {
            finding(out, what, "bad", list[i].description, "Mend the file; the manual lists the keys of a manifest.");
        }
        for (size_t k = 0; k < list[i].warnings.len; k++) {
            finding(out, what, "warn", list[i].warnings.v[k], NULL);
        }
    }
    profile_list_free(list, count);
}

/* Is sandbox.backend one that there is here? */
static bool check_backend_setting(struct verb_ctx *ctx, struct report *out)
{
    const char *wanted = ctx->config.backend;
    MT_CLEANUP(strbuf) struct strbuf there = STRBUF_INIT;

    for (size_t i = 0; i < model_backend_count(ctx->model); i++) {
        const struct backend_view *b = model_backend_at(ctx->model, i);

        if (b->host[0] == '\0' && strcmp(b->name, wanted) == 0) {
            return true;
        }
        if (b->host[0] == '\0') {
            strbuf_addf(&there, ", %s", b->name);
        }
    }
    if (strcmp(wanted, "auto") == 0) {
        return true;
    }
    MT_CLEANUP(xfree) char *text = xasprintf("sandbox.backend: there is no backend \"%s\" here", wanted);
    MT_CLEANUP(xfree) char *fix = xasprintf("Set one of auto%s in %s.", there.buf, ctx->config.path);
    finding(out, "config", "bad", text, fix);
    return false;
}

/* Is sandbox.profile one that can be loaded? One that is listed and broken has a line of its own. */
static bool check_profile_setting(struct verb_ctx *ctx, struct report *out)
{
    const char *wanted = ctx->config.profile;
    struct error err = ERROR_INIT;
    struct profile profile;
    struct profile_entry *list;
    size_t count = engine_profiles(ctx->engine, &list);
    bool known = false;

    for (size_t i = 0; i < count; i++) {
        known = known || strcmp(list[i].name, wanted) == 0;
    }
    profile_list_free(list, count);
    if (known) {
        return true;
    }
    if (profile_load(&profile, ctx->paths, wanted, &err) == 0) { /* base needs no files */
        profile_release(&profile);
        return true;
    }
    MT_CLEANUP(xfree) char *text = xasprintf("sandbox.profile: %s", err.msg);
    MT_CLEANUP(xfree)
    char *fix = xasprintf("`muthr-tui profiles` lists those that there are; set one of them in %s.", ctx->config.path);
    finding(out, "config", "bad", text, fix);
    return false;
}

/* The settings: whether the file can be read, what in it nobody knows, and names that must be there. */
static void check_config(struct verb_ctx *ctx, struct report *out, bool config_ok)
{
    const struct config *c = &ctx->config;

    if (!config_ok) {
        finding(out, "config", "bad", ctx->failure.msg,
                "Mend the file, or move it away; until then the defaults are in force.");
        return;
    }
    for (size_t i = 0; i < c->warning_count; i++) {
        finding(out, "config", "warn", c->warnings[i].text, NULL);
    }
    bool backend = check_backend_setting(ctx, out), profile = check_profile_setting(ctx, out);
    if (backend && profile && c->warning_count == 0) {
        finding(out, "config", "ok",
                fs_exists(c->path) ? c->path : "none (defaults); `muthr-tui config init` writes one", NULL);
    }
}

/* Tasks of the user's file that were left out. A file that cannot be read at all is told above. */
static void check_tasks(struct verb_ctx *ctx, struct report *out)
{
    struct task_list list;

    tasks_list(&list, ctx->paths, NULL);
    for (size_t i = 0; i < list.warnings.len; i++) {
        finding(out, "tasks", "warn", list.warnings.v[i], NULL);
    }
    task_list_release(&list);
}

/* Settings file, root, directories, terminal. */
static void check_surroundings(struct verb_ctx *ctx, struct report *out, bool config_ok)
{
    struct error err = ERROR_INIT;
    const char *root = NULL;

    check_config(ctx, out, config_ok);
    check_look(ctx, out);
    check_rules(ctx, out);
    if (config_ok) {
        check_tasks(ctx, out);
    }
    check_profiles(ctx, out);
    if (engine_root(ctx->engine, &root, &err) == 0) {
        finding(out, "workspace root", "ok", root, NULL);
    } else {
        finding(out, "workspace root", "bad", err.msg, err.hint);
    }
    check_writable(out, "state", ctx->paths->state);
    check_writable(out, "cache", ctx->paths->cache);
    check_writable(out, "runtime", ctx->paths->runtime);
    if (fs_is_dir(ctx->paths->data)) {
        finding(out, "data", "ok", ctx->paths->data, NULL);
    } else {
        finding(out, "data", "bad", "themes and profiles were not found",
                "Install with `make install`, or set MUTHR_TUI_DATA.");
    }
    const char *term = getenv("TERM");
    bool usable = term != NULL && strcmp(term, "dumb") != 0;
    finding(out, "terminal", usable ? "ok" : "warn", term != NULL ? term : "TERM is not set",
            usable ? NULL : "The cockpit needs a terminal that can address its cursor; verbs work everywhere.");
}

/* --audit FILE: is the chain whole? */
static int check_audit(struct verb_ctx *ctx)
{
    struct audit_result res;
    struct error err = ERROR_INIT;
    struct report report = {.text = ctx->o.format == OUTPUT_TEXT, .out = output_new(ctx->o.format, NULL, 0)};
    char text[400];

    if (audit_verify(ctx->o.audit_check, &res, &err) < 0) {
        output_finish(report.out, NULL);
        return verb_error(ctx, &err);
    }
    if (res.broken > 0) {
        str_format(text, sizeof(text), "%.150s: line %zu is broken: %s", ctx->o.audit_check, res.broken, res.reason);
        finding(&report, "audit", "bad", text, "What stands before that line can be trusted, the rest cannot.");
    } else {
        str_format(text, sizeof(text), "%.150s: %zu lines, each follows the one before it", ctx->o.audit_check,
                   res.lines);
        finding(&report, "audit", "ok", text, NULL);
    }
    ctx->answered = true;
    return output_finish(report.out, NULL) < 0 || report.bad ? 1 : 0;
}

int verb_doctor(struct verb_ctx *ctx)
{
    if (ctx->o.audit_check != NULL) {
        return check_audit(ctx);
    }
    bool config_ok = ctx->exit_code == 0;

    ctx->doubts = true;
    if (verb_open(ctx) < 0) {
        if (!config_ok) {
            output_error(&ctx->failure); /* there is no table to say it in */
        }
        return ctx->exit_code;
    }
    struct report report = {.text = ctx->o.format == OUTPUT_TEXT, .out = output_new(ctx->o.format, NULL, 0)};
    struct report *out = &report;
    ctx->answered = true;
    int usable = check_backends(ctx, out);
    check_choice(ctx, out);
    check_surroundings(ctx, out, config_ok);
    if (output_finish(report.out, NULL) < 0) {
        return 1;
    }
    if (usable == 0) {
        return EXIT_NO_BACKEND;
    }
    return ctx->exit_code == 0 && report.bad ? 1 : ctx->exit_code;
}
