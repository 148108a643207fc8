/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/command_can.h"

#include <string.h>

#include "core/engine/engine.h"
#include "core/util/compiler.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/address.h"
#include "tui/app.h"
#include "tui/tasktext.h"

/* Says no. */
static bool no(char *why, size_t cap, const char *text)
{
    str_copy(why, cap, text);
    return false;
}

/* A workspace that can have a sandbox is selected. */
bool command_can_workspace(const struct app *app, char *why, size_t cap)
{
    const struct workspace *ws = app_workspace(app);
    if (!ws) {
        return no(why, cap, "no workspace is selected");
    }
    if (ws->reserved) {
        return no(why, cap, "this folder is reserved for muthr itself");
    }
    return ws->name_error[0] ? no(why, cap, ws->name_error) : true;
}

bool command_can_work(const struct app *app, char *why, size_t cap)
{
    if (!command_can_workspace(app, why, cap)) {
        return false;
    }
    const struct workspace *ws = app_workspace(app);
    if (!ws->have_info || !engine_has_other_folder(ws, &ws->info)) {
        return true;
    }
    size_t end = (size_t)(path_base(ws->info.workspace) - ws->info.workspace);
    MT_CLEANUP(xfree) char *root = xstrndup(ws->info.workspace, end > 1 ? end - 1 : end);
    MT_CLEANUP(xfree) char *shown = path_tilde(root, app->paths->home);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    utf8_sanitize(&text, shown, strlen(shown), false);
    str_format(why, cap, "left alone: it is the sandbox of the project in %s (--root with that folder works on it)",
               text.buf);
    return false;
}

/* Does it run, or is it marked together with others? */
static bool is_up(const struct app *app)
{
    const struct workspace *ws = app_workspace(app);
    return app->marked.len > 0 || (ws && ws->info.state == SANDBOX_RUNNING);
}

bool command_can_start(const struct app *app, char *why, size_t cap)
{
    if (app->marked.len > 1) {
        return true; /* what cannot be started of them is left out */
    }
    if (!command_can_work(app, why, cap)) {
        return false;
    }
    const struct workspace *ws = app_workspace(app);
    if (app->marked.len == 0 && ws->info.state == SANDBOX_RUNNING && !ws->drift && !ws->info.halted) {
        return no(why, cap, "it runs already");
    }
    return tree_op_is_live(model_op(app->model, ws->op)) ? no(why, cap, "something is being done with it already")
                                                         : true;
}

bool command_can_stop(const struct app *app, char *why, size_t cap)
{
    return app->marked.len > 1 || (command_can_work(app, why, cap) && (is_up(app) || no(why, cap, "it does not run")));
}

bool command_can_clip(const struct app *app, char *why, size_t cap)
{
    return app_clip_waits(app) || no(why, cap, "no session asks for it");
}

bool command_can_restart(const struct app *app, char *why, size_t cap)
{
    if (app->marked.len <= 1 && !command_can_work(app, why, cap)) {
        return false;
    }
    if (is_up(app)) {
        return true;
    }
    str_format(why, cap, "it does not run: %s starts it", app_key(app, "sandbox.start"));
    return false;
}

bool command_can_backend(const struct app *app, char *why, size_t cap)
{
    const struct workspace *ws = app_workspace(app);
    if (!command_can_work(app, why, cap)) {
        return false;
    }
    return !tree_op_is_live(model_op(app->model, ws->op)) || no(why, cap, "something is being done with it already");
}

bool command_can_delete(const struct app *app, char *why, size_t cap)
{
    const struct workspace *ws = app_workspace(app);
    return app->marked.len > 1 ||
           (command_can_work(app, why, cap) &&
            (app->marked.len > 0 || ws->info.state != SANDBOX_NONE || no(why, cap, "it has no sandbox")));
}

bool command_can_cancel(const struct app *app, char *why, size_t cap)
{
    const struct workspace *ws = app_workspace(app);
    bool overlay = ws && ws->info.workspace_mode == WORKSPACE_OVERLAY && ws->info.state != SANDBOX_NONE;
    if (ws && tree_op_is_live(model_op(app->model, ws->op))) {
        return true;
    }
    str_format(why, cap, "nothing is going on there%s%s%s", overlay ? "; " : "",
               overlay ? app_key(app, "sandbox.changes") : "", overlay ? " shows its changes" : "");
    return false;
}

bool command_can_address(const struct app *app, char *why, size_t cap)
{
    struct address a;
    return address_get(app_workspace(app), 0, &a) == 0 || no(why, cap, "it has no port that is published now");
}

bool command_can_changes(const struct app *app, char *why, size_t cap)
{
    const struct workspace *ws = app_workspace(app);
    if (!command_can_work(app, why, cap)) {
        return false;
    }
    if (ws->info.state == SANDBOX_NONE) {
        return no(why, cap, "it has no sandbox");
    }
    return ws->info.workspace_mode == WORKSPACE_OVERLAY ||
           no(why, cap, "its programs write to the project folder itself");
}

bool command_can_undo(const struct app *app, char *why, size_t cap)
{
    return undo_left_ms(app, 0) > 0 || no(why, cap, "nothing waits to be deleted");
}

bool command_can_session(const struct app *app, char *why, size_t cap)
{
    return app_session(app) || no(why, cap, "no session is selected");
}

bool command_can_task(const struct app *app, char *why, size_t cap)
{
    const struct session_info *s = app_session(app);
    return (s && s->kind == SESSION_TASK) || no(why, cap, "no task is selected");
}

bool command_can_stop_task(const struct app *app, char *why, size_t cap)
{
    return command_can_task(app, why, cap) &&
           (!tasktext_is_over(app_session(app)) || no(why, cap, "it has ended already"));
}

bool command_can_dismiss_task(const struct app *app, char *why, size_t cap)
{
    return command_can_task(app, why, cap) &&
           (tasktext_is_over(app_session(app)) || no(why, cap, "it still runs, or waits to: stop it first"));
}

bool command_can_choose(const struct app *app, char *why, size_t cap)
{
    for (size_t i = 0; i < model_session_count(app->model); i++) {
        if (tree_shows_session(model_session_at(app->model, i))) {
            return true;
        }
    }
    return no(why, cap, "there is no session yet");
}

bool command_can_dismiss(const struct app *app, char *why, size_t cap)
{
    const struct session_info *s = app_session(app);
    return (s && (s->state == SESSION_EXITED || s->state == SESSION_LOST)) || no(why, cap, "its program still runs");
}

bool command_can_reset(const struct app *app, char *why, size_t cap)
{
    const struct session_info *s = app_session(app);
    if (!s) {
        return no(why, cap, "no session is selected");
    }
    return s->state == SESSION_RUNNING || no(why, cap, "its program has ended: what it left is kept");
}

bool command_can_interrupt(const struct app *app, char *why, size_t cap)
{
    const struct session_info *s = app_session(app);
    if (!s) {
        return no(why, cap, "no session is selected");
    }
    return s->state == SESSION_RUNNING || no(why, cap, "its program has ended");
}

bool command_can_zoom(const struct app *app, char *why, size_t cap)
{
    enum app_main kind = app_main_kind(app);
    return kind == MAIN_SESSION || kind == MAIN_OP || no(why, cap, "there is no session here to enlarge");
}

bool command_can_retry(const struct app *app, char *why, size_t cap)
{
    const struct op_view *op = app_op(app);
    return (op && op->state == OP_FAILED) || no(why, cap, "it has not failed");
}

bool command_can_shell(const struct app *app, char *why, size_t cap)
{
    const struct workspace *ws = app_workspace(app);
    return (ws && ws->info.state == SANDBOX_RUNNING) || no(why, cap, "the sandbox does not run yet");
}

bool command_can_attend(const struct app *app, char *why, size_t cap)
{
    return app_next_attention(app) || no(why, cap, "no session does now");
}
