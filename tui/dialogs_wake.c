/* SPDX-License-Identifier: Apache-2.0 */
/* A backend whose service does not run: the person is asked whether to start it, and whether it may download a kernel
 * where it has none; what they wanted to do goes on when it works. */
#include <stdlib.h>
#include <string.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"

enum wake_answer { WAKE_PLAIN = 1, WAKE_KERNEL, WAKE_OTHER };

struct wake {
    struct app *app;
    char backend[16], use_other[48];
    struct flow flow; /* ws 0: none */
};

/* The first backend of this machine that is asleep, or that one if it is; NULL: none. */
static const struct backend_view *asleep(const struct app *app, const char *name)
{
    for (size_t i = 0; i < model_backend_count(app->model); i++) {
        const struct backend_view *b = model_backend_at(app->model, i);
        if (!b->host[0] && b->probed && !b->probe.usable && b->probe.asleep && (!name || strcmp(b->name, name) == 0)) {
            return b;
        }
    }
    return NULL;
}

const char *wake_name(const struct app *app)
{
    const struct backend_view *b = asleep(app, NULL);
    return b ? b->name : NULL;
}

static void on_line(void *arg, bool is_stderr, const char *line, size_t len)
{
    struct wake *w = arg;
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    (void)is_stderr;
    utf8_sanitize(&clean, line, MT_MIN(len, (size_t)200), false);
    if (clean.len > 0) {
        app_say(w->app, "%s: %s", w->backend, clean.buf);
    }
}

static void on_done(void *arg, const struct backend_call *call, const struct error *err)
{
    struct wake *w = arg;
    struct app *app = w->app;
    (void)call;
    if (app->quitting) {
        free(w);
        return;
    }
    if (err) {
        struct error mine = *err;
        app->waking[0] = '\0';
        error_wrap(&mine, "%s", w->backend);
        app_fail(app, &mine);
    } else {
        app->after_wake = w->flow; /* it is looked at now */
        app_say(app, "%s: its service runs", w->backend);
    }
    free(w);
}

void wake_on_backend(struct app *app)
{
    const struct backend_view *b = app->waking[0] ? model_backend(app->model, app->waking, NULL) : NULL;
    if (!b || !b->probed || !b->probe.usable) {
        return;
    }
    struct flow f = app->after_wake;
    app->waking[0] = '\0';
    app->after_wake.ws = 0;
    if (f.ws) {
        flow_run(app, &f);
    }
}

static void answer(struct app *app, void *arg, int value)
{
    const struct wake *asked = arg;
    struct error err = ERROR_INIT;
    if (value == WAKE_OTHER) {
        struct flow f = asked->flow;
        f.wake_told = true;
        flow_run(app, &f);
        return;
    }
    if (value != WAKE_PLAIN && value != WAKE_KERNEL) {
        return;
    }
    struct wake *w = xmalloc(sizeof(*w));
    *w = *asked;
    const struct engine_wake_request req = {
        .backend = w->backend, .install_kernel = value == WAKE_KERNEL, .on_line = on_line, .done = on_done, .arg = w};
    if (engine_wake(app->engine, &req, NULL, &err) != 0) {
        app_fail(app, &err);
        free(w);
        return;
    }
    str_copy(app->waking, sizeof(app->waking), w->backend);
    app_say(app, "%s: starting its service...", w->backend);
}

/* `other`: the backend that would do it instead, or NULL; `lacks`: what it cannot give then, or "". */
static void ask(struct app *app, const struct backend_view *b, const struct flow *f, const char *other,
                const char *lacks)
{
    char title[120], body[900], instead[260] = "";
    struct wake *w = xcalloc(1, sizeof(*w));
    w->app = app;
    str_copy(w->backend, sizeof(w->backend), b->name);
    if (f) {
        w->flow = *f;
    }
    str_format(title, sizeof(title), "Start the service of %s?", b->name);
    if (other) {
        str_format(instead, sizeof(instead), " While it is down, %s runs this one%s%s.", other,
                   lacks[0] ? ", without " : "", lacks);
        str_format(w->use_other, sizeof(w->use_other), "leave it, and use %s", other);
    }
    str_format(body, sizeof(body),
               "%s.\n\nIt runs each sandbox in a virtual machine and needs a Linux kernel for that. Where none is "
               "installed yet, it can download the one that its makers recommend; without one, nothing starts.%s",
               b->probe.reason[0] ? b->probe.reason : "Its service is not running", instead);
    struct ask_opts opts = {.title = title,
                            .body = body,
                            .title_role = THEME_ACCENT,
                            .answers = {{'k', "start it, download a kernel if it has none", THEME_TEXT, WAKE_KERNEL},
                                        {'s', "start it, download nothing", THEME_TEXT, WAKE_PLAIN},
                                        {'o', w->use_other, THEME_TEXT, WAKE_OTHER}},
                            .count = other ? 3 : 2,
                            .declined = "Not started",
                            .on_answer = answer,
                            .arg = w,
                            .free_arg = free};
    ask_open(app, &opts);
}

/* What it would be better for, if it worked: "" as such; NULL: it would not be preferred for a new sandbox. */
static const char *better_for(const struct engine_pick *pick, const char *name)
{
    for (size_t i = 0; i < pick->better_count; i++) {
        if (strcmp(pick->better[i].backend, name) == 0) {
            return pick->better[i].good_for;
        }
    }
    return NULL;
}

bool wake_ask(struct app *app, const struct flow *f)
{
    const struct workspace *ws = model_workspace(app->model, f->ws);
    bool brings_up = f->plan == ENGINE_START || f->plan == ENGINE_RESTART || f->plan == ENGINE_PROVISION;
    const struct backend_view *b = asleep(app, f->backend[0] ? f->backend : NULL);
    struct engine_pick pick = {.better_count = 0};
    struct error ignored = ERROR_INIT;
    if (!ws || !b || !brings_up || f->wake_told || app->waking[0]) {
        return false;
    }
    bool its = strcmp(f->backend[0] ? f->backend : ws->backend, b->name) == 0;
    if (!its && (f->backend[0] || (ws->have_info && ws->info.state != SANDBOX_NONE))) {
        return false; /* another one has it */
    }
    bool other = !its && engine_pick(app->engine, ws->sandbox, f->profile[0] ? f->profile : NULL, &pick, &ignored) == 0;
    const char *lacks = other ? better_for(&pick, b->name) : "";
    if (!lacks) {
        return false;
    }
    ask(app, b, f, other ? pick.backend : NULL, lacks);
    return true;
}

void dialog_wake(struct app *app)
{
    const struct backend_view *b = asleep(app, NULL);
    if (!b || app->waking[0]) {
        app_say(app, b ? "It is being started" : "No backend waits for its service");
        return;
    }
    ask(app, b, NULL, NULL, "");
}
