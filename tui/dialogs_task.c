/* SPDX-License-Identifier: Apache-2.0 */
/* Which task is run: one that is written down, the person's or the project's, or any command. What a project wants to
 * run is shown as it is, and nothing of it runs before somebody said yes to it. */
#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/tasktext.h"

#define OTHER "\n" /* of "another command": no task is called so */
#define WARNINGS_TOLD 3

/* --- consent --- */

static void consent_yes(struct app *app, void *arg, int value)
{
    struct flow *f = arg;
    const struct workspace *ws = model_workspace(app->model, f->ws);
    struct task_list list = TASK_LIST_INIT;
    struct error err = ERROR_INIT;
    (void)value;
    if (!ws) {
        return;
    }
    tasks_list(&list, app->paths, ws);
    const struct task_def *def = tasks_find(&list, f->task);
    if (!def || strcmp(def->id, f->command) != 0) { /* it was changed while the question stood there */
        app_warn(app, "%s: the task %s has just been changed: look at it again", ws->shown, f->task);
    } else if (tasks_consent(app->paths, ws, def, &err) != 0) {
        app_fail(app, &err);
    } else {
        f->command[0] = '\0';
        task_want(app, f);
    }
    task_list_release(&list);
}

void dialog_task_consent(struct app *app, const struct flow *f, const struct task_def *def)
{
    const struct workspace *ws = model_workspace(app->model, f->ws);
    MT_CLEANUP(strbuf) struct strbuf raw = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    char title[420];
    if (!ws) {
        return;
    }
    struct flow *copy = xmalloc(sizeof(*copy));
    *copy = *f;
    str_copy(copy->command, sizeof(copy->command), def->id);
    task_def_describe(def, &raw);
    utf8_sanitize(&body, raw.buf, raw.len, true);
    strbuf_addf(&body,
                "\nSo says %s. It runs inside the sandbox, with its network and the project folder. A yes is for "
                "exactly this, and is kept; whatever is changed of it is asked for again.",
                def->place ? def->place : TASKS_FILE);
    str_format(title, sizeof(title), "%s: run the project's task %s?", ws->shown, def->name);
    struct ask_opts opts = {.title = title,
                            .read_first = true,
                            .body = body.buf,
                            .title_role = THEME_WARN,
                            .answers = {{'y', "run it", THEME_WARN, 1}},
                            .count = 1,
                            .declined = "Not run",
                            .on_answer = consent_yes,
                            .arg = copy,
                            .free_arg = free};
    ask_open(app, &opts);
}

/* --- another command --- */

static void policy_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    struct flow *f = arg;
    (void)count;
    f->policy.restart = choices[index].key == 'f'   ? TASK_RESTART_ON_FAILURE
                        : choices[index].key == 'a' ? TASK_RESTART_ALWAYS
                                                    : TASK_RESTART_NEVER;
    task_want(app, f);
}

/* The second question: what becomes of it when it ends. */
static void ask_policy(struct app *app, const struct flow *f)
{
    struct choice_build b = {0};
    struct flow *copy = xmalloc(sizeof(*copy));
    *copy = *f;
    choice_add(&b, "Run once", "its end is told, and what it printed is kept")->key = 'n';
    choice_add(&b, "Restart on failure", "after 1 s, then 2, 4, ... 60 s, until it ends well")->key = 'f';
    choice_add(&b, "Restart always", "the same, however it ends, until it is stopped")->key = 'a';
    struct chooser_opts opts = {.title = "When it ends",
                                .note = f->command,
                                .on_choose = policy_choose,
                                .arg = copy,
                                .free_arg = free,
                                .verb = "run it"};
    chooser_open(app, b.v, b.count, &opts);
}

static bool command_enter(struct app *app, void *arg, const char *text, char *message, size_t cap)
{
    struct flow f = {.ws = (workspace_id)(uintptr_t)arg, .kind = SESSION_TASK};
    struct error err = ERROR_INIT;
    text += strspn(text, " ");
    if (task_check_command(text, &err) != 0) {
        str_copy(message, cap, *text ? err.msg : "A command for sh -c, please; Esc leaves");
        return false;
    }
    str_copy(f.command, sizeof(f.command), text);
    ask_policy(app, &f);
    return true;
}

/* --- which --- */

/* The living task of that name, or NULL. */
static const struct session_info *living(const struct app *app, const struct workspace *ws, const char *name)
{
    const struct session_info *s;
    for (size_t i = 0; (s = model_session_of(app->model, ws->sandbox, i)) != NULL; i++) {
        if (s->kind == SESSION_TASK && !tasktext_is_over(s) && strcmp(s->label, name) == 0) {
            return s;
        }
    }
    return NULL;
}

/* One that is written down was chosen. */
static void choose_defined(struct app *app, const struct workspace *ws, const char *name)
{
    struct flow f = {.ws = ws->id, .kind = SESSION_TASK, .task_defined = true};
    const struct session_info *s = living(app, ws, name);
    struct task_list list = TASK_LIST_INIT;
    if (s) {
        app_say(app, "%s runs already", name);
        app_select_session(app, s->id, false);
        return;
    }
    str_copy(f.task, sizeof(f.task), name);
    tasks_list(&list, app->paths, ws);
    const struct task_def *def = tasks_find(&list, name);
    if (def && !tasks_consented(app->paths, def)) {
        dialog_task_consent(app, &f, def); /* before anything is brought up for it */
    } else {
        task_want(app, &f);
    }
    task_list_release(&list);
}

static void task_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    const struct workspace *ws = model_workspace(app->model, (workspace_id)(uintptr_t)arg);
    const char *name = choices[index].value;
    (void)count;
    if (!ws) {
        return;
    }
    if (strcmp(name, OTHER) != 0) {
        choose_defined(app, ws, name);
        return;
    }
    struct prompt_opts opts = {
        .label = "Command, for sh -c", .keys = "Enter go on  Esc cancel", .on_enter = command_enter, .arg = arg};
    prompt_open(app, &opts);
}

/* One line of the list. */
static void add_task(const struct app *app, struct choice_build *b, const struct workspace *ws,
                     const struct task_def *def)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    const struct session_info *s = living(app, ws, def->name);
    char state[64];
    utf8_sanitize(&clean, def->command, strlen(def->command), false);
    struct choice *c = choice_add(b, def->name, clean.buf);
    c->value = xstrdup(def->name);
    if (s) {
        tasktext_brief(s, clock_wall_ms(), state, sizeof(state));
        c->right = xstrdup(state);
    } else {
        c->right = xstrdup(!def->consented ? "asks first" : def->origin == TASK_OF_PROJECT ? "project's" : "yours");
    }
}

void dialog_new_task(struct app *app)
{
    const struct workspace *ws = app_workspace(app);
    struct task_list list = TASK_LIST_INIT;
    struct choice_build b = {0};
    MT_CLEANUP(strbuf) struct strbuf note = STRBUF_INIT;
    char title[340];
    if (!ws) {
        return;
    }
    tasks_list(&list, app->paths, ws);
    for (size_t i = 0; i < list.count; i++) {
        if (!list.v[i].hidden) {
            add_task(app, &b, ws, &list.v[i]);
        }
    }
    choice_add(&b, "Another command...", "one line for sh -c")->value = xstrdup(OTHER);
    if (ws->info.state != SANDBOX_RUNNING) {
        strbuf_addstr(&note, "The sandbox is started first.");
    }
    for (size_t i = 0; i < list.warnings.len && i < WARNINGS_TOLD; i++) {
        strbuf_addf(&note, "%s%s", note.len ? "\n" : "", list.warnings.v[i]);
    }
    if (list.count == 0 && list.warnings.len == 0) {
        strbuf_addf(&note, "%sTasks of its own: a [tasks] table in %s, yours or the project's.", note.len ? "\n" : "",
                    TASKS_FILE);
    }
    str_format(title, sizeof(title), "Run a task in %s", ws->shown);
    struct chooser_opts opts = {.title = title,
                                .note = note.len ? note.buf : NULL,
                                .searchable = true,
                                .searches_detail = true,
                                .on_choose = task_choose,
                                .arg = (void *)(uintptr_t)ws->id,
                                .verb = "run"};
    chooser_open(app, b.v, b.count, &opts);
    task_list_release(&list);
}
