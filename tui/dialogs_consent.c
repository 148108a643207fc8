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
enum consent_answer { CONSENT_YES = 1, CONSENT_NO, CONSENT_NEVER };

/* What is asked, and what is to be done afterwards. */
struct consent {
    struct flow flow;
    enum consent_kind kind;
    char refusal[HASH_HEX_LEN + 1]; /* names this question: asked again when the text is another one */
};

/* The name of a question in the list of refusals. */
static void name_question(const char *sandbox, enum consent_kind kind, const char *text, char out[HASH_HEX_LEN + 1])
{
    MT_CLEANUP(strbuf) struct strbuf whole = STRBUF_INIT;
    strbuf_addf(&whole, "%s\n%d\n%s", sandbox, (int)kind, text);
    hash_sha256_hex(whole.buf, whole.len, out);
}

/* Was it answered with "never"? */
static bool is_refused(const struct app *app, const char *name)
{
    for (size_t i = 0; i < app->refused.len; i++) {
        if (strcmp(app->refused.v[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void answer(struct app *app, void *arg, int value)
{
    struct consent *c = arg;
    struct flow f = c->flow;
    if (c->kind == CONSENT_IMAGE) {
        f.image_told = true;
        f.allow_image = value == CONSENT_YES;
    } else {
        f.command_told = true;
        f.allow_command = value == CONSENT_YES;
    }
    if (value == CONSENT_NEVER) {
        strvec_push(&app->refused, c->refusal);
        app_save_prefs(app);
    }
    flow_run(app, &f);
}

/* Asks one of the two. */
static void ask(struct app *app, const struct workspace *ws, const struct flow *f, enum consent_kind kind,
                const char *text, const char *refusal)
{
    bool image = kind == CONSENT_IMAGE;
    struct consent *c = xcalloc(1, sizeof(*c));
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    char title[400];
    c->flow = *f;
    c->kind = kind;
    str_copy(c->refusal, sizeof(c->refusal), refusal);
    utf8_sanitize(&body, text, strlen(text), true); /* first: it is what the answer depends on */
    strbuf_addstr(&body,
                  image ? "\n\nThe project names this image, which was not made for muthr. What is in it runs inside "
                          "the sandbox, with its network and the project folder."
                        : "\n\nThe project asks to run this inside, once, after the sandbox is made: with its "
                          "network and the project folder.");
    str_format(title, sizeof(title), image ? "%s: use the project's image?" : "%s: run the project's set-up command?",
               ws->shown);
    struct ask_opts opts = {
        .title = title,
        .body = body.buf,
        .title_role = THEME_WARN,
        .count = 3,
        .declined = "Not started",
        .on_answer = answer,
        .arg = c,
        .free_arg = free,
        .answers = {{'y', image ? "use it" : "run it", THEME_WARN, CONSENT_YES},
                    {'n', "start without it", THEME_TEXT, CONSENT_NO},
                    {'v', "start without it, and never ask for this one again", THEME_TEXT, CONSENT_NEVER}}};
    ask_open(app, &opts);
}

bool consent_ask(struct app *app, const struct flow *f)
{
    const struct workspace *ws = model_workspace(app->model, f->ws);
    struct engine_consent want;
    char image[HASH_HEX_LEN + 1] = "", command[HASH_HEX_LEN + 1] = "";
    if (!ws || (f->plan != ENGINE_START && f->plan != ENGINE_RESTART) || !ws->sandbox[0]) {
        return false;
    }
    engine_consent(app->engine, ws->sandbox, &want);
    if (want.image) {
        name_question(ws->sandbox, CONSENT_IMAGE, want.image, image);
    }
    if (want.post_create) {
        name_question(ws->sandbox, CONSENT_COMMAND, want.post_create, command);
    }
    bool asks = true;
    if (want.image && !f->image_told && !is_refused(app, image)) {
        ask(app, ws, f, CONSENT_IMAGE, want.image, image);
    } else if (want.post_create && !f->command_told && !is_refused(app, command)) {
        ask(app, ws, f, CONSENT_COMMAND, want.post_create, command);
    } else {
        asks = false;
    }
    engine_consent_release(&want);
    return asks;
}

/* --- backend --- */

static void backend_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    struct flow f = {.ws = (workspace_id)(uintptr_t)arg, .plan = ENGINE_START};
    (void)count;
    str_copy(f.backend, sizeof(f.backend), choices[index].value);
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
    struct chooser_opts opts = {.on_choose = backend_choose, .arg = (void *)(uintptr_t)ws->id, .verb = "start with it"};
    for (size_t i = 0; i < model_backend_count(app->model); i++) {
        const struct backend_view *v = model_backend_at(app->model, i);
        if (strcmp(v->host, ws->host) != 0) {
            continue;
        }
        struct choice *c = choice_add(&b, v->name, v->probe.usable ? v->probe.version : v->probe.reason);
        c->off = !v->probe.usable;
        c->value = xstrdup(v->name);
        c->right = strcmp(v->name, ws->backend) == 0 ? xstrdup("by itself") : NULL;
        opts.selected = strcmp(v->name, ws->backend) == 0 ? b.count - 1 : opts.selected;
    }
    str_format(title, sizeof(title), "What runs %s?", ws->shown);
    opts.title = title;
    opts.note = "The sandbox is made and started with it, and stays with it until it is deleted.";
    chooser_open(app, b.v, b.count, &opts);
}
