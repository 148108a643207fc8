/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "core/util/clock.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/editor.h"
#include "tui/savefile.h"

/* --- search --- */

static void search_change(struct app *app, void *arg, const char *text, char *message, size_t cap)
{
    (void)arg;
    pane_find_type(app->pane, text, message, cap);
}

static bool search_enter(struct app *app, void *arg, const char *text, char *message, size_t cap)
{
    (void)arg;
    (void)text;
    (void)message;
    (void)cap;
    pane_find_end(app->pane, true);
    return true;
}

static void search_cancel(struct app *app, void *arg)
{
    (void)arg;
    pane_find_end(app->pane, false);
}

void dialog_search(struct app *app, bool backward)
{
    struct prompt_opts opts = {.label = backward ? "search back:" : "search:",
                               .text = "",
                               .keys = "Enter go there  Esc back",
                               .on_change = search_change,
                               .on_enter = search_enter,
                               .on_cancel = search_cancel};
    pane_find_begin(app->pane, backward);
    prompt_open(app, &opts);
}

/* --- to a file --- */

/* "~/api-shell-20261121-194503.txt" */
static void default_path(const struct app *app, char *out, size_t cap)
{
    const struct workspace *ws = app_workspace(app);
    const struct session_info *se = app_session(app);
    time_t now = (time_t)(clock_wall_ms() / 1000);
    char when[32] = "";
    struct tm tm;
    if (localtime_r(&now, &tm)) {
        (void)strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
    }
    char name[128];
    str_format(name, sizeof(name), "%s-%s-%s", ws ? ws->name : "session", se ? session_kind_name(se->kind) : "text",
               when);
    for (char *p = name; *p; p++) {
        *p = *p == '/' || *p == ' ' ? '-' : *p;
    }
    str_format(out, cap, "~/%s.txt", name);
}

/* What was asked about when the same path is entered again. */
struct save {
    char asked[512];
};

static bool save_enter(struct app *app, void *arg, const char *text, char *message, size_t cap)
{
    struct save *s = arg;
    struct error err = ERROR_INIT;
    bool overwrite = s->asked[0] && strcmp(s->asked, text) == 0;
    if (savefile_start(app, app->pane, text, overwrite, &err) == 0) {
        free(s);
        return true;
    }
    s->asked[0] = '\0';
    if (err.code == ERROR_EXISTS) {
        str_copy(s->asked, sizeof(s->asked), text);
    }
    str_copy(message, cap, err.msg);
    return false;
}

static void save_cancel(struct app *app, void *arg)
{
    (void)app;
    free(arg);
}

void dialog_save(struct app *app)
{
    char path[256];
    default_path(app, path, sizeof(path));
    struct prompt_opts opts = {.label = app->pane->copy.selecting ? "write selection to:" : "write everything to:",
                               .text = path,
                               .keys = "Enter write  Esc cancel",
                               .on_enter = save_enter,
                               .on_cancel = save_cancel,
                               .arg = xcalloc(1, sizeof(struct save))};
    prompt_open(app, &opts);
}

void dialog_editor(struct app *app)
{
    struct error err = ERROR_INIT;
    if (editor_start(app, app->pane, &err) != 0) {
        app_say(app, "%s", err.msg);
    }
}
