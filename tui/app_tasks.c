/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/tasktext.h"

static void stop_yes(struct app *app, void *arg, int value)
{
    (void)value;
    sessions_kill(app->sessions, arg);
}

void task_stop(struct app *app, const char *id)
{
    const struct session_info *s = model_session(app->model, id);
    char title[600];
    if (!s || tasktext_is_over(s)) {
        app_say(app, "%s", s ? "It has ended already" : "It is gone");
        return;
    }
    str_format(title, sizeof(title), "Stop %s in %s?", session_shown(s), tasklist_place(app->model, s));
    struct ask_opts opts = {.title = title,
                            .answers = {{'y', "stop it", THEME_BAD, 1}},
                            .count = 1,
                            .declined = "Not stopped",
                            .on_answer = stop_yes,
                            .arg = xstrdup(s->id),
                            .free_arg = free};
    ask_open(app, &opts);
}

void task_restart(struct app *app, const char *id)
{
    const struct session_info *s = model_session(app->model, id);
    if (s && tasktext_is_over(s)) {
        flow_again(app, s->id);
    } else if (s) {
        app_say(app, "%s runs: stop it first", session_shown(s));
    }
}

void task_dismiss(struct app *app, const char *id)
{
    const struct session_info *s = model_session(app->model, id);
    if (s && tasktext_is_over(s) && strcmp(app->selected.session, id) == 0) {
        flow_close_session(app, id);
    } else if (s && tasktext_is_over(s)) {
        sessions_dismiss(app->sessions, id);
    } else if (s) {
        app_say(app, "%s still runs: stop it first", session_shown(s));
    }
}
