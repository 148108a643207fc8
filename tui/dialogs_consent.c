/* SPDX-License-Identifier: Apache-2.0 */
/* What only a person can decide before a sandbox is started: the image and the set-up command that a repository asks
 * for (S13, S15), shown as they are written, and the backend where there are several. */
#include <stdlib.h>
#include <string.h>

#include "core/util/hash.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"

enum consent_kind { CONSENT_IMAGE, CONSENT_COMMAND };
enum consent_answer { CONSENT_YES = 1, CONSENT_ALWAYS, CONSENT_NO, CONSENT_NEVER };

/* What is asked, and what is to be done afterwards. */
struct consent {
    struct flow flow;
    enum consent_kind kind;
    char name[HASH_HEX_LEN + 1]; /* of this question: asked again when the text is another one */
};

/* The name of a question in the lists of those that were answered for good. */
static void name_question(const char *sandbox, enum consent_kind kind, const char *text, char out[HASH_HEX_LEN + 1])
{
    MT_CLEANUP(strbuf) struct strbuf whole = STRBUF_INIT;
    strbuf_addf(&whole, "%s\n%d\n%s", sandbox, (int)kind, text);
    hash_sha256_hex(whole.buf, whole.len, out);
}

/* Writes down what was said to one of the two in what is going to be done. */
static void tell(struct flow *f, enum consent_kind kind, bool allow)
{
    if (kind == CONSENT_IMAGE) {
        f->image_told = true;
        f->allow_image = allow;
    } else {
        f->command_told = true;
        f->allow_command = allow;
    }
}

static void answer(struct app *app, void *arg, int value)
{
    struct consent *c = arg;
    struct flow f = c->flow;
    tell(&f, c->kind, value == CONSENT_YES || value == CONSENT_ALWAYS);
    if (value == CONSENT_ALWAYS || value == CONSENT_NEVER) {
        strvec_push(value == CONSENT_ALWAYS ? &app->agreed : &app->refused, c->name);
        app_save_prefs(app);
    }
    flow_run(app, &f);
}

/* What is asked: the text itself first, because the answer depends on it. */
static void write_body(struct strbuf *body, bool image, const char *text, const char *place)
{
    utf8_sanitize(body, text, strlen(text), true);
    strbuf_addf(body, "\n\nSo says %s in the project. ", place ? place : "devcontainer.json");
    strbuf_addstr(body, image ? "The image was not made for muthr. What is in it runs inside the sandbox, with its "
                                "network and the project folder."
                              : "It runs inside, once, after the sandbox is made: with its network and the project "
                                "folder.");
    strbuf_addstr(body, " Every answer is for exactly this text.");
}

/* Asks one of the two. */
static void ask(struct app *app, const struct workspace *ws, const struct flow *f, enum consent_kind kind,
                const struct engine_consent *want, const char *name)
{
    bool image = kind == CONSENT_IMAGE;
    struct consent *c = xcalloc(1, sizeof(*c));
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    char title[400];
    c->flow = *f;
    c->kind = kind;
    str_copy(c->name, sizeof(c->name), name);
    write_body(&body, image, image ? want->image : want->post_create, want->place);
    str_format(title, sizeof(title), image ? "%s: use the project's image?" : "%s: run the project's set-up command?",
               ws->shown);
    struct ask_opts opts = {.title = title,
                            .read_first = true,
                            .body = body.buf,
                            .title_role = THEME_WARN,
                            .count = 4,
                            .declined = "Not started",
                            .on_answer = answer,
                            .arg = c,
                            .free_arg = free,
                            .answers = {{'y', image ? "use it" : "run it", THEME_WARN, CONSENT_YES},
                                        {'a', image ? "always use it" : "always run it", THEME_WARN, CONSENT_ALWAYS},
                                        {'n', "start without it", THEME_TEXT, CONSENT_NO},
                                        {'v', image ? "never use it" : "never run it", THEME_TEXT, CONSENT_NEVER}}};
    ask_open(app, &opts);
}

/* One of the two: true when it has to be asked; else what was said for good is told. */
static bool needs_asking(struct app *app, const struct workspace *ws, struct flow *f, enum consent_kind kind,
                         const struct engine_consent *want)
{
    const char *text = kind == CONSENT_IMAGE ? want->image : want->post_create;
    char name[HASH_HEX_LEN + 1];
    if (!text || (kind == CONSENT_IMAGE ? f->image_told : f->command_told)) {
        return false;
    }
    name_question(ws->sandbox, kind, text, name);
    if (strvec_index(&app->agreed, name) >= 0 || strvec_index(&app->refused, name) >= 0) {
        tell(f, kind, strvec_index(&app->agreed, name) >= 0);
        return false;
    }
    ask(app, ws, f, kind, want, name);
    return true;
}

bool consent_ask(struct app *app, struct flow *f)
{
    const struct workspace *ws = model_workspace(app->model, f->ws);
    struct engine_consent want;
    if (!ws || (f->plan != ENGINE_START && f->plan != ENGINE_RESTART) || !ws->sandbox[0]) {
        return false;
    }
    const struct engine_request req = {.sandbox = ws->sandbox, .backend = f->backend, .profile = f->profile};
    engine_consent(app->engine, &req, &want);
    bool asks = needs_asking(app, ws, f, CONSENT_IMAGE, &want) || needs_asking(app, ws, f, CONSENT_COMMAND, &want);
    engine_consent_release(&want);
    return asks;
}

/* --- backend --- */

/* A backend that was chosen for a workspace, until it is decided. */
struct wish {
    workspace_id ws;
    char backend[16], profile[64];
};

/* What a backend gives, in a few words. */
static void say_kind(const struct backend_view *v, struct strbuf *out)
{
    unsigned caps = v->probe.caps;
    strbuf_addstr(out, (caps & BACKEND_CAP_IMAGES) == 0
                           ? "processes, walled in, with this machine's programs, no images"
                       : (caps & BACKEND_CAP_VM) != 0 ? "virtual machines made from images"
                                                      : "containers made from images");
    strbuf_addstr(out, (caps & BACKEND_CAP_PORTS) != 0 ? ", ports" : "");
    strbuf_addstr(out, (caps & BACKEND_CAP_OVERLAY) != 0 ? ", overlay workspaces" : "");
    bool own_net = (caps & BACKEND_CAP_NET_FULL) != 0 && (caps & BACKEND_CAP_HOST_PATHS) == 0;
    strbuf_addstr(out, !own_net                               ? "; no network of their own here"
                       : (caps & BACKEND_CAP_NET_COMMON) != 0 ? "; one network for all of them"
                                                              : "");
    strbuf_addstr(out, (caps & BACKEND_CAP_LIMITS) == 0 ? "; limits cannot be enforced here" : "");
}

/* Why it cannot be used, and what cures that. */
static void say_trouble(const struct backend_view *v, struct strbuf *out)
{
    size_t n = strlen(v->name);
    bool named = strncmp(v->probe.reason, v->name, n) == 0 && strncmp(v->probe.reason + n, ": ", 2) == 0;
    strbuf_addf(out, "cannot be used: %s%s%s", v->probe.reason + (named ? n + 2 : 0), v->probe.fix[0] ? "; " : "",
                v->probe.fix);
}

/* The old one goes, then the new one is made. */
static void move_answer(struct app *app, void *arg, int value)
{
    const struct wish *w = arg;
    struct flow f = {.ws = w->ws, .plan = (enum engine_plan)value};
    str_copy(f.then_backend, sizeof(f.then_backend), w->backend);
    str_copy(f.profile, sizeof(f.profile), w->profile);
    flow_run(app, &f);
}

/* One of the two is deleted; which that is stands in the wish. */
static void twin_answer(struct app *app, void *arg, int value)
{
    const struct wish *w = arg;
    struct flow f = {.ws = w->ws, .plan = (enum engine_plan)value};
    str_copy(f.backend, sizeof(f.backend), w->backend);
    flow_run(app, &f);
}

/* Two of one name: the one that is not to stay goes. */
static void ask_twin(struct app *app, const struct workspace *ws, const char *keep)
{
    struct wish *w = xcalloc(1, sizeof(*w));
    const char *go = strcmp(keep, ws->backend) == 0 ? ws->other_backend : ws->backend;
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    char title[400];
    w->ws = ws->id;
    str_copy(w->backend, sizeof(w->backend), go);
    strbuf_addf(&body, "Two sandboxes are called %s.\n\n", ws->sandbox);
    strbuf_addf(&body, "Goes:   that of %s, and what was installed in its home\n", go);
    strbuf_addf(&body, "Stays:  that of %s, and the project folder", keep);
    str_format(title, sizeof(title), "Delete the %s sandbox of %s?", go, ws->shown);
    struct ask_opts opts = {.title = title,
                            .read_first = true,
                            .body = body.buf,
                            .title_role = THEME_BAD,
                            .count = 1,
                            .declined = "Both are as they were",
                            .on_answer = twin_answer,
                            .arg = w,
                            .free_arg = free,
                            .answers = {{'y', "delete that one", THEME_BAD, ENGINE_DELETE}}};
    ask_open(app, &opts);
}

/* Its backend does not answer: a new one is made beside what may be there. */
static void ask_beside(struct app *app, const struct workspace *ws, const char *backend)
{
    struct wish *w = xcalloc(1, sizeof(*w));
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    char title[400];
    w->ws = ws->id;
    str_copy(w->backend, sizeof(w->backend), backend);
    strbuf_addf(&body, "%s has a sandbox that is run by %s, which does not answer now (%s).\n\n", ws->shown,
                ws->backend, ws->info.reason);
    strbuf_addf(&body,
                "It stays where it is. When %s works again, two have this name, and you will be asked which is to "
                "stay.",
                ws->backend);
    str_format(title, sizeof(title), "Make another one with %s?", backend);
    struct ask_opts opts = {.title = title,
                            .read_first = true,
                            .body = body.buf,
                            .title_role = THEME_WARN,
                            .count = 1,
                            .declined = "Left as it is",
                            .on_answer = twin_answer,
                            .arg = w,
                            .free_arg = free,
                            .answers = {{'y', "make another one", THEME_WARN, ENGINE_START}}};
    ask_open(app, &opts);
}

/* A sandbox stays with what made it: another one means a new sandbox. */
static void ask_move(struct app *app, const struct workspace *ws, const char *backend)
{
    struct wish *w = xcalloc(1, sizeof(*w));
    size_t live = app_live_sessions(app, ws->sandbox);
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    char title[400];
    w->ws = ws->id;
    str_copy(w->backend, sizeof(w->backend), backend);
    str_copy(w->profile, sizeof(w->profile), ws->profile); /* its record goes with it */
    strbuf_addf(&body, "%s has a sandbox that is run by %s. It has to be deleted first.\n\n", ws->shown, ws->backend);
    strbuf_addstr(&body, "Goes:   that sandbox, and what was installed in its home\n");
    if (live) {
        strbuf_addf(&body, "        %zu running %s\n", live, live == 1 ? "session" : "sessions");
    }
    strbuf_addstr(&body, "Stays:  the project folder");
    str_format(title, sizeof(title), "Make %s anew with %s?", ws->shown, backend);
    struct ask_opts opts = {.title = title,
                            .read_first = true,
                            .body = body.buf,
                            .title_role = THEME_BAD,
                            .count = 1,
                            .declined = "Left as it is",
                            .on_answer = move_answer,
                            .arg = w,
                            .free_arg = free,
                            .answers = {{'y', "delete it and make a new one", THEME_BAD, ENGINE_DELETE}}};
    ask_open(app, &opts);
}

static void backend_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    const struct workspace *ws = model_workspace(app->model, (workspace_id)(uintptr_t)arg);
    const struct choice *c = &choices[index];
    (void)count;
    if (!ws) {
        return;
    }
    if (c->off) {
        app_warn(app, "%s %s", c->label, c->detail);
        return;
    }
    if (ws->other_backend[0]) {
        ask_twin(app, ws, c->value);
        return;
    }
    if (ws->remembered) {
        ask_beside(app, ws, c->value);
        return;
    }
    if (ws->info.state != SANDBOX_NONE && strcmp(ws->backend, c->value) != 0) {
        ask_move(app, ws, c->value);
        return;
    }
    struct flow f = {.ws = ws->id, .plan = ENGINE_START};
    str_copy(f.backend, sizeof(f.backend), c->value);
    flow_run(app, &f);
}

void dialog_backend(struct app *app)
{
    const struct workspace *ws = app_workspace(app);
    struct choice_build b = {0};
    char title[400];
    if (!ws) {
        return;
    }
    bool exists = ws->info.state != SANDBOX_NONE, twins = ws->other_backend[0] != '\0';
    char note[400];
    struct chooser_opts opts = {.on_choose = backend_choose,
                                .arg = (void *)(uintptr_t)ws->id,
                                .takes_off = true,
                                .phrases = true,
                                .verb = "start with it"};
    for (size_t i = 0; i < model_backend_count(app->model); i++) {
        const struct backend_view *v = model_backend_at(app->model, i);
        MT_CLEANUP(strbuf) struct strbuf detail = STRBUF_INIT;
        bool now = strcmp(v->name, ws->backend) == 0, also = twins && strcmp(v->name, ws->other_backend) == 0;
        if (strcmp(v->host, ws->host) != 0 || (twins && !now && !also)) {
            continue;
        }
        if (v->probe.usable) {
            say_kind(v, &detail);
            strbuf_addf(&detail, "%s%s", v->probe.version[0] ? "; version " : "", v->probe.version);
            strbuf_addf(&detail, "%s%s", now && !exists && ws->image_plan[0] ? "; from " : "",
                        now && !exists ? ws->image_plan : "");
        } else {
            say_trouble(v, &detail);
        }
        struct choice *c = choice_add(&b, v->name, detail.buf);
        c->off = !v->probe.usable;
        c->value = xstrdup(v->name);
        c->right = now || also ? xstrdup(twins ? "has one" : exists ? "has it" : "default") : NULL;
        opts.selected = now ? b.count - 1 : opts.selected;
    }
    str_format(title, sizeof(title), twins ? "Which sandbox of %s is to stay?" : "What runs %s?", ws->shown);
    opts.title = title;
    opts.verb = twins ? "keep that one" : opts.verb;
    str_format(note, sizeof(note),
               "The sandbox is made and started with it, and stays with it until it is deleted.%s%s%s%s",
               ws->backend_why[0] ? "\nWithout a choice: " : "", ws->backend_why[0] ? ws->backend : "",
               ws->backend_why[0] ? ", " : "", ws->backend_why);
    opts.note = twins    ? "Two backends have one of this name. The other one is deleted, after a question."
                : exists ? "It has a sandbox already: another choice makes it anew, after a question."
                         : note;
    chooser_open(app, b.v, b.count, &opts);
}
