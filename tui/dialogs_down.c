/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, stopping and deleting what is marked, or selected: what is asked before, and the time in which a delete can
 * be taken back. */
#include <stdlib.h>
#include <string.h>

#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"

/* What the marked workspaces, or the selected one, hold. */
struct tally {
    workspace_id ids[APP_TARGETS];
    size_t count, left_out, sessions, working;
    size_t waiting; /* changes of an overlay workspace that a delete loses; `unread`: that could not be found out */
    bool unread, force;
    char names[200];
};

/* Does the plan mean anything for this one? Of several marked ones, some may be left out. */
static bool applies(const struct app *app, const struct workspace *ws, enum engine_plan plan)
{
    bool live = tree_op_is_live(model_op(app->model, ws->op));
    if (ws->reserved || ws->name_error[0]) {
        return false;
    }
    switch (plan) {
    case ENGINE_START:
        return !live && !ws->missing && (ws->info.state != SANDBOX_RUNNING || ws->drift || ws->info.halted);
    case ENGINE_DELETE:
        return live || ws->info.state != SANDBOX_NONE;
    default:
        return live || ws->info.state == SANDBOX_RUNNING;
    }
}

/* The targets of a plan, and what runs in them. */
static void count_targets(struct app *app, enum engine_plan plan, struct tally *t)
{
    workspace_id ids[APP_TARGETS];
    size_t n = app_targets(app, ids, MT_ARRAY_LEN(ids));
    *t = (struct tally){0};
    for (size_t i = 0; i < n; i++) {
        const struct workspace *ws = model_workspace(app->model, ids[i]);
        const struct session_info *s;
        if (n > 1 && !applies(app, ws, plan)) {
            t->left_out++;
            continue;
        }
        t->ids[t->count++] = ids[i];
        for (size_t k = 0; (s = model_session_of(app->model, ws->sandbox, k)) != NULL; k++) {
            t->sessions += s->state == SESSION_RUNNING && tree_shows_session(s);
            t->working += s->state == SESSION_RUNNING && s->working;
        }
        str_copy(t->names, sizeof(t->names), ws->shown);
    }
    if (t->count != 1) {
        str_format(t->names, sizeof(t->names), "%zu sandboxes", t->count);
    }
}

/* "1 agent is working", "2 sessions end" */
static void say_tally(const struct tally *t, char *out, size_t cap)
{
    if (t->working) {
        str_format(out, cap, "%zu of %zu %s working", t->working, t->sessions,
                   t->working == 1 ? "session is" : "sessions are");
    } else {
        str_format(out, cap, "%zu %s", t->sessions, t->sessions == 1 ? "session ends" : "sessions end");
    }
}

/* Each of several, a line: name, state, what runs in it. */
static void list_targets(const struct app *app, const struct tally *t, struct strbuf *out)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct workspace *ws = model_workspace(app->model, t->ids[i]);
        size_t live = app_live_sessions(app, ws->sandbox);
        strbuf_addf(out, "%s %s: %s", glyph_text(GLYPH_BULLET, app->ascii), ws->shown,
                    glyph_workspace(app->model, ws).word);
        if (live) {
            strbuf_addf(out, ", %zu %s", live, live == 1 ? "session" : "sessions");
        }
        strbuf_addstr(out, "\n");
    }
    if (t->left_out) {
        strbuf_addf(out, "%zu more marked: nothing to do there\n", t->left_out);
    }
}

/* What is being brought up is to go down: nobody wants to wait until it is up first. */
static void cancel_rise(struct app *app, const struct workspace *ws)
{
    for (size_t i = model_op_count(app->model); ws && i-- > 0;) {
        const struct op_view *op = model_op_at(app->model, i);
        if (strcmp(op->sandbox, ws->sandbox) == 0 && tree_op_is_live(op) && strcmp(op->plan, "stop") != 0 &&
            strcmp(op->plan, "delete") != 0) {
            engine_cancel(app->engine, op->id);
        }
    }
}

/* Runs a plan for the workspaces that were counted; a delete waits a while, so that it can be taken back. */
static void run_tally(struct app *app, const struct tally *t, enum engine_plan plan)
{
    uint64_t wait = plan == ENGINE_DELETE ? (uint64_t)app->config.undo_seconds * 1000 : 0;
    if (plan == ENGINE_DELETE) {
        app->undo.count = app->undo.taken_back = 0;
    }
    for (size_t i = 0; i < t->count; i++) {
        if (plan != ENGINE_START) {
            cancel_rise(app, model_workspace(app->model, t->ids[i]));
        }
        const struct workspace *ws = model_workspace(app->model, t->ids[i]);
        /* One that runs is asked for its new settings; one that is stopped gets them anyway, and is else left whole. */
        bool anew = plan == ENGINE_START && t->count == 1 && ws && ws->info.state == SANDBOX_RUNNING && ws->drift;
        flow_run(app,
                 &(struct flow){.ws = t->ids[i], .plan = plan, .delay_ms = wait, .recreate = anew, .force = t->force});
        const struct flow *f = wait ? flow_of(app, t->ids[i]) : NULL;
        if (f && f->plan == ENGINE_DELETE && app->undo.count < APP_TARGETS) {
            app->undo.ops[app->undo.count] = f->op;
            app->undo.ws[app->undo.count++] = f->ws;
        }
    }
    if (wait) {
        app->undo.until_ms = loop_now_ms(app->loop) + wait;
    }
    app->marked.len = 0;
}

static void tally_yes(struct app *app, void *arg, int value)
{
    run_tally(app, arg, (enum engine_plan)value);
}

/* A heap copy for a dialog's argument. */
static struct tally *keep(const struct tally *t)
{
    struct tally *copy = xmalloc(sizeof(*copy));
    memcpy(copy, t, sizeof(*copy));
    return copy;
}

/* Nothing of what is marked is concerned. */
static bool is_void(struct app *app, const struct tally *t)
{
    if (t->count == 0 && t->left_out) {
        app_say(app, "Nothing to do for what is marked");
    }
    return t->count == 0;
}

/* One box for several: it lists them. */
static void ask_several(struct app *app, const struct tally *t, enum engine_plan plan, const char *verb,
                        const char *answer, const char *tail)
{
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    char title[300];
    list_targets(app, t, &body);
    strbuf_addstr(&body, tail);
    str_format(title, sizeof(title), "%s %s?", verb, t->names);
    struct ask_opts opts = {.title = title,
                            .body = body.buf,
                            .title_role = plan == ENGINE_DELETE ? THEME_BAD : THEME_TEXT,
                            .count = 1,
                            .declined = "Left as they are",
                            .on_answer = tally_yes,
                            .free_arg = free,
                            .arg = keep(t),
                            .answers = {{'y', answer, plan == ENGINE_START ? THEME_TEXT : THEME_BAD, (int)plan}}};
    ask_open(app, &opts);
}

/* Asks before sessions end; does it at once when there are none. */
static void ask_down(struct app *app, const char *verb, enum engine_plan plan)
{
    struct tally t;
    const char *answer = plan == ENGINE_STOP ? "stop" : "restart";
    count_targets(app, plan, &t);
    if (is_void(app, &t)) {
        return;
    }
    if (t.count > 1) {
        ask_several(app, &t, plan, verb, answer, "\nTheir sessions end; their private homes stay.");
        return;
    }
    if (t.sessions == 0) {
        run_tally(app, &t, plan);
        return;
    }
    char what[80], title[400];
    say_tally(&t, what, sizeof(what));
    str_format(title, sizeof(title), "%s %s? %s", verb, t.names, what);
    struct ask_opts opts = {.title = title,
                            .answers = {{'y', answer, THEME_BAD, (int)plan}},
                            .count = 1,
                            .declined = plan == ENGINE_STOP ? "Not stopped" : "Not restarted",
                            .on_answer = tally_yes,
                            .arg = keep(&t),
                            .free_arg = free};
    ask_open(app, &opts);
}

void dialog_start(struct app *app)
{
    struct tally t;
    count_targets(app, ENGINE_START, &t);
    if (is_void(app, &t)) {
        return;
    }
    if (t.count > 1) {
        ask_several(app, &t, ENGINE_START, "Start", "start", "");
        return;
    }
    const struct workspace *ws = model_workspace(app->model, t.ids[0]);
    if (ws && ws->info.state == SANDBOX_RUNNING && ws->drift) {
        dialog_restart(app); /* its sessions would end: not without a question */
    } else {
        run_tally(app, &t, ENGINE_START);
    }
}

void dialog_stop(struct app *app)
{
    ask_down(app, "Stop", ENGINE_STOP);
}

void dialog_restart(struct app *app)
{
    ask_down(app, "Restart", ENGINE_RESTART);
}

/* What a delete takes and leaves, of one sandbox. */
static void delete_text(const struct app *app, const struct tally *t, struct strbuf *body)
{
    const struct workspace *ws = model_workspace(app->model, t->ids[0]);
    strbuf_addstr(body, "Goes:   the sandbox, and what was installed in its home\n");
    if (t->waiting) {
        strbuf_addf(body, "        %zu %s not applied: %s shows %s\n", t->waiting,
                    t->waiting == 1 ? "change that was" : "changes that were", app_key(app, "sandbox.changes"),
                    t->waiting == 1 ? "it" : "them");
    } else if (t->unread) {
        strbuf_addf(body, "        (its changes could not be read: it stays if some were not applied)\n");
    }
    if (t->sessions) {
        strbuf_addf(body, "        %zu running %s%s\n", t->sessions, t->sessions == 1 ? "session" : "sessions",
                    t->working ? ", some of them working" : "");
    }
    if (tree_op_is_live(model_op(app->model, ws->op))) {
        strbuf_addf(body, "        what is being done with it now (%s) is canceled\n",
                    model_op(app->model, ws->op)->plan);
    }
    if (!ws->missing || ws->elsewhere) {
        MT_CLEANUP(xfree) char *shown = path_tilde(ws->path, app->paths->home);
        strbuf_addf(body, "\nStays:  the project folder %s\n        provisioning starts anew the next time", shown);
    } else {
        strbuf_addstr(body, "\nThe project folder is gone already.");
    }
}

/* Asks about one sandbox. With changes that were not applied it is a delete by force, and has a key of its own. */
static void ask_delete(struct app *app, const struct tally *t)
{
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    char title[300];
    struct tally *copy = keep(t);
    copy->force = t->waiting > 0;
    delete_text(app, t, &body);
    str_format(title, sizeof(title), "Delete %s?", t->names);
    struct ask_opts opts = {.title = title,
                            .body = body.buf,
                            .title_role = THEME_BAD,
                            .count = 1,
                            .declined = "Not deleted",
                            .on_answer = tally_yes,
                            .free_arg = free,
                            .arg = copy,
                            .answers = {{copy->force ? 'f' : 'y', copy->force ? "delete it with its changes" : "delete",
                                         THEME_BAD, ENGINE_DELETE}}};
    ask_open(app, &opts);
}

/* A delete of an overlay sandbox, before its question. */
struct deletion {
    struct app *app;
    workspace_id ws;
    enum app_focus focus;
};

/* engine_look's answer: how many changes would be lost. Who went on to something else meanwhile is not asked. */
static void on_waiting(void *arg, const struct backend_call *call, const struct error *err)
{
    struct deletion *d = arg;
    struct app *app = d->app;
    if (!app->quitting && !app->overlay && app->focus == d->focus && app->selected.ws == d->ws &&
        app->marked.len <= 1) {
        struct tally t;
        count_targets(app, ENGINE_DELETE, &t);
        if (t.count == 1 && t.ids[0] == d->ws) {
            t.waiting = err ? 0 : call->change_count;
            t.unread = err != NULL;
            ask_delete(app, &t);
        }
    }
    free(d);
}

/* Looks at what an overlay sandbox holds, then asks. */
static void look_then_ask(struct app *app, struct tally *t, const struct workspace *ws)
{
    struct error err = ERROR_INIT;
    struct deletion *d = xcalloc(1, sizeof(*d));
    *d = (struct deletion){.app = app, .ws = ws->id, .focus = app->focus};
    struct engine_look_request req = {.sandbox = ws->sandbox, .verb = BACKEND_CHANGES, .done = on_waiting, .arg = d};
    if (engine_look(app->engine, &req, NULL, &err) != 0) {
        free(d);
        t->unread = true;
        ask_delete(app, t);
    }
}

/* Does it hold changes of its own, perhaps? */
static bool is_overlay(const struct workspace *ws)
{
    return ws && ws->info.state != SANDBOX_NONE && ws->info.workspace_mode == WORKSPACE_OVERLAY;
}

void dialog_delete(struct app *app)
{
    struct tally t;
    count_targets(app, ENGINE_DELETE, &t);
    if (is_void(app, &t)) {
        return;
    }
    const struct workspace *ws = model_workspace(app->model, t.ids[0]);
    if (t.count == 1 && is_overlay(ws)) {
        look_then_ask(app, &t, ws);
        return;
    }
    if (t.count == 1) {
        ask_delete(app, &t);
        return;
    }
    MT_CLEANUP(strbuf) struct strbuf tail = STRBUF_INIT;
    bool overlay = false;
    for (size_t i = 0; i < t.count; i++) {
        overlay = overlay || is_overlay(model_workspace(app->model, t.ids[i]));
    }
    strbuf_addstr(&tail,
                  "\nGoes:   the sandboxes, and what was installed in their homes\nStays:  every project folder");
    if (overlay) {
        strbuf_addf(&tail, "\n        sandboxes with changes that were not applied: %s shows them",
                    app_key(app, "sandbox.changes"));
    }
    ask_several(app, &t, ENGINE_DELETE, "Delete", "delete them", tail.buf);
}

/* --- taking a delete back --- */

/* Does this delete still wait? */
static bool still_waits(const struct app *app, size_t i)
{
    return tree_op_is_live(model_op(app->model, app->undo.ops[i]));
}

uint64_t undo_left_ms(const struct app *app, workspace_id ws)
{
    uint64_t now = loop_now_ms(app->loop);
    for (size_t i = 0; i < app->undo.count && app->undo.until_ms > now; i++) {
        if ((ws == 0 || app->undo.ws[i] == ws) && still_waits(app, i)) {
            return app->undo.until_ms - now;
        }
    }
    return 0;
}

void undo_text(const struct app *app, char *out, size_t cap)
{
    uint64_t left = undo_left_ms(app, 0);
    size_t n = 0;
    const struct workspace *ws = NULL;
    out[0] = '\0';
    for (size_t i = 0; left && i < app->undo.count; i++) {
        if (still_waits(app, i)) {
            ws = model_workspace(app->model, app->undo.ws[i]);
            n++;
        }
    }
    if (n == 1 && ws) {
        str_format(out, cap, "Deleting %s in %llu s", ws->shown, (unsigned long long)(left + 999) / 1000);
    } else if (n) {
        str_format(out, cap, "Deleting %zu sandboxes in %llu s", n, (unsigned long long)(left + 999) / 1000);
    }
}

size_t undo_delete(struct app *app)
{
    size_t n = 0;
    for (size_t i = 0; undo_left_ms(app, 0) && i < app->undo.count; i++) {
        if (still_waits(app, i)) {
            engine_cancel(app->engine, app->undo.ops[i]);
            n++;
        }
    }
    app->undo.count = 0;
    app->undo.taken_back = n;
    return n;
}
