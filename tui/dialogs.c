/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/engine/naming.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"

/* --- filter, search, palette, theme --- */

static void filter_change(struct app *app, void *arg, const char *text, char *message, size_t cap)
{
    (void)arg;
    (void)message;
    (void)cap;
    str_copy(app->filter, sizeof(app->filter), text);
    app_rebuild(app);
}

static bool filter_enter(struct app *app, void *arg, const char *text, char *message, size_t cap)
{
    filter_change(app, arg, text, message, cap);
    return true;
}

static void filter_cancel(struct app *app, void *arg)
{
    filter_change(app, arg, "", NULL, 0);
}

void dialog_filter(struct app *app)
{
    struct prompt_opts opts = {.label = "/",
                               .text = app->filter,
                               .on_change = filter_change,
                               .on_enter = filter_enter,
                               .on_cancel = filter_cancel,
                               .passes_moves = true,
                               .keys = "Enter keep  Esc clear"};
    app_set_focus(app, FOCUS_LIST);
    prompt_open(app, &opts);
}

static void palette_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    (void)arg;
    (void)count;
    app_run_command(app, command_find(choices[index].value));
}

void dialog_palette(struct app *app)
{
    struct choice_build b = {0};
    enum command_context context = app_context(app);
    bool behind = context == CONTEXT_SESSION && app_pane_takes_keys(app); /* the prefix comes before the key */
    char why[200];
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &command_table[i];
        if (!(c->contexts & (context | CONTEXT_LIST)) || strcmp(c->name, "app.palette") == 0) {
            continue;
        }
        bool digit = strncmp(c->name, "session.", 8) == 0 && c->name[8] >= '1' && c->name[8] <= '9';
        struct choice *ch = choice_add(&b, digit ? c->help : c->label, digit ? "Go to it" : c->help);
        ch->name = xstrdup(c->name);
        const char *chord = keymap_chord(app->keymap, context, c);
        chord = chord ? chord : keymap_chord(app->keymap, CONTEXT_LIST, c);
        ch->right = !chord ? NULL : behind ? xasprintf("%s %s", app->config.prefix, chord) : xstrdup(chord);
        ch->value = xstrdup(c->name);
        ch->off = c->enabled && !c->enabled(app, why, sizeof(why));
    }
    struct chooser_opts opts = {.title = "Commands",
                                .searchable = true,
                                .searches_detail = true,
                                .takes_off = true,
                                .on_choose = palette_choose,
                                .verb = "do it",
                                .width = 110};
    chooser_open(app, b.v, b.count, &opts);
}

static void theme_highlight(struct app *app, void *arg, const struct choice *c)
{
    (void)arg;
    app_theme_set(app, c->value, false);
}

static void theme_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    (void)arg;
    (void)count;
    app_theme_set(app, choices[index].value, true);
}

static void theme_cancel(struct app *app, void *arg)
{
    app_theme_set(app, arg, false);
}

void dialog_theme(struct app *app)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    struct choice_build b = {0};
    struct chooser_opts opts = {.title = "Theme",
                                .on_highlight = theme_highlight,
                                .on_choose = theme_choose,
                                .on_cancel = theme_cancel,
                                .free_arg = free,
                                .verb = "keep",
                                .arg = xstrdup(app->theme_name),
                                .preview = true};
    MT_CLEANUP(xfree) char *file = path_tilde(app->config.path ? app->config.path : "muthr.toml", app->paths->home);
    MT_CLEANUP(strbuf) struct strbuf note = STRBUF_INIT;
    strbuf_addf(&note, "Enter keeps it for this run. For good: its line below [tui] in %s", file);
    opts.note = note.buf;
    theme_names(app->paths, &names);
    for (size_t i = 0; i < names.len; i++) {
        char line[80];
        str_format(line, sizeof(line), "theme = \"%s\"", names.v[i]);
        struct choice *c = choice_add(&b, names.v[i], line);
        c->value = xstrdup(names.v[i]);
        if (strcmp(names.v[i], app->theme_name) == 0) {
            opts.selected = i;
        }
    }
    chooser_open(app, b.v, b.count, &opts);
}

/* --- sessions --- */

/* Opens a session now, or after the sandbox is up. */
static void want_session(struct app *app, workspace_id id, enum session_kind kind, const char *command)
{
    const struct workspace *ws = model_workspace(app->model, id);
    if (!ws) {
        return;
    }
    if (ws->info.state == SANDBOX_RUNNING) {
        flow_session(app, id, kind, command);
        return;
    }
    struct flow f = {.ws = id, .plan = ENGINE_START, .then_session = true, .kind = kind};
    str_copy(f.command, sizeof(f.command), command ? command : "");
    flow_run(app, &f);
}

static bool command_enter(struct app *app, void *arg, const char *text, char *message, size_t cap)
{
    workspace_id ws = (workspace_id)(uintptr_t)arg;
    if (!*text) {
        str_copy(message, cap, "A command for sh -c, please; Esc leaves");
        return false;
    }
    want_session(app, ws, SESSION_SHELL, text);
    return true;
}

static void new_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    workspace_id ws = (workspace_id)(uintptr_t)arg;
    (void)count;
    switch (choices[index].key) {
    case 's':
        want_session(app, ws, SESSION_SHELL, NULL);
        break;
    case 'a':
        want_session(app, ws, SESSION_AGENT, NULL);
        break;
    case 'c': {
        struct prompt_opts opts = {
            .label = "sh -c", .keys = "Enter run  Esc cancel", .on_enter = command_enter, .arg = (void *)(uintptr_t)ws};
        prompt_open(app, &opts);
        break;
    }
    case 'p':
        app_select_workspace(app, ws);
        dialog_profile(app);
        break;
    default:
        break;
    }
}

void dialog_new_session(struct app *app)
{
    const struct workspace *ws = app_workspace(app);
    if (!ws) {
        return;
    }
    struct choice_build b = {0};
    struct profile_entry *profiles = NULL;
    size_t n = engine_profiles(app->engine, &profiles);
    const char *mine = ws->profile[0] ? ws->profile : ws->info.profile, *agent = NULL;
    for (size_t i = 0; i < n; i++) {
        agent = strcmp(profiles[i].name, mine) == 0 ? profiles[i].agent : agent;
    }
    choice_add(&b, "Shell", "bash, in the project folder")->key = 's';
    struct choice *c = choice_add(&b, "Agent", agent ? agent : "this profile has none");
    c->key = 'a';
    c->off = !agent;
    choice_add(&b, "Command", "one line for sh -c")->key = 'c';
    choice_add(&b, "Another profile", "with an agent of its own")->key = 'p';
    char title[340];
    str_format(title, sizeof(title), "New session in %s", ws->shown);
    struct chooser_opts opts = {.title = title,
                                .on_choose = new_choose,
                                .arg = (void *)(uintptr_t)ws->id,
                                .verb = "open",
                                .note = ws->info.state == SANDBOX_RUNNING ? NULL : "The sandbox is started first."};
    chooser_open(app, b.v, b.count, &opts);
    profile_list_free(profiles, n);
}

static void session_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    (void)arg;
    (void)count;
    if (!app_select_session(app, choices[index].value, true)) {
        app_say(app, "That session is gone");
    }
}

static void bring_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    (void)arg;
    (void)count;
    app_split_bring(app, choices[index].value);
}

/* One line of the list of all sessions: number, where, what, and its state. */
static void add_session(const struct app *app, struct choice_build *b, const struct session_info *s)
{
    const struct workspace *ws = model_workspace_by_sandbox(app->model, s->sandbox);
    MT_CLEANUP(strbuf) struct strbuf label = STRBUF_INIT;
    char number[8] = "";
    if (app_number(app, s->id)) {
        str_format(number, sizeof(number), "%d", app_number(app, s->id));
    }
    strbuf_addf(&label, "%-3s %s %s %s", number, ws ? ws->shown : s->sandbox, glyph_text(GLYPH_ARROW, app->ascii),
                session_shown(s));
    char call[200];
    glyph_call(s, false, call, sizeof(call));
    const char *told = call[0] ? call : *session_told(s) ? session_told(s) : s->last_line; /* four are called "shell" */
    struct choice *c = choice_add(b, label.buf, *told ? told : NULL);
    c->right = xstrdup(glyph_session(s).word);
    c->value = xstrdup(s->id);
}

/* The list of all sessions, for what `opts` says. */
static void list_sessions(struct app *app, struct chooser_opts opts)
{
    struct choice_build b = {0};
    opts.note = "Type its number, or a part of what its line says.";
    opts.searchable = opts.searches_detail = true;
    size_t n = model_session_count(app->model);
    for (int number = 1; number <= APP_NUMBERS; number++) {
        const struct session_info *s =
            app->numbers[number - 1][0] ? model_session(app->model, app->numbers[number - 1]) : NULL;
        if (s) {
            opts.selected = strcmp(s->id, app->selected.session) == 0 ? b.count : opts.selected;
            add_session(app, &b, s);
        }
    }
    for (size_t i = 0; i < n; i++) { /* more than there are numbers */
        const struct session_info *s = model_session_at(app->model, i);
        if (tree_shows_session(s) && !app_number(app, s->id)) {
            add_session(app, &b, s);
        }
    }
    if (b.count == 0) {
        choices_free(b.v, b.count);
        return;
    }
    chooser_open(app, b.v, b.count, &opts);
}

void dialog_sessions(struct app *app)
{
    list_sessions(app, (struct chooser_opts){.title = "Go to a session", .on_choose = session_choose, .verb = "go"});
}

void dialog_bring(struct app *app)
{
    list_sessions(app, (struct chooser_opts){
                           .title = "Bring a session into this pane", .on_choose = bring_choose, .verb = "bring"});
}

/* prompt_opts.on_enter: arg is the session's id. */
static bool rename_enter(struct app *app, void *arg, const char *text, char *message, size_t cap)
{
    struct error err = ERROR_INIT;
    const struct session_info *s = model_session(app->model, arg);
    const char *name = text + strspn(text, " ");
    if (s && (s->name[0] || *name) && sessions_rename(app->sessions, arg, name, &err) != 0) {
        str_format(message, cap, "Not named: %s", err.msg);
        return false;
    }
    return true;
}

void dialog_rename(struct app *app)
{
    const struct session_info *s = app_session(app);
    if (!s) {
        return;
    }
    struct prompt_opts opts = {.label = "name:",
                               .text = s->name,
                               .keys = "Enter ok, empty: its own  Esc cancel",
                               .on_enter = rename_enter,
                               .arg = xstrdup(s->id),
                               .free_arg = free};
    prompt_open(app, &opts);
}

static void kill_yes(struct app *app, void *arg, int value)
{
    (void)value;
    sessions_kill(app->sessions, arg);
}

void dialog_kill(struct app *app)
{
    const struct session_info *s = app_session(app);
    const struct workspace *ws = app_workspace(app);
    if (!s || !ws) {
        return;
    }
    if (s->state == SESSION_EXITED || s->state == SESSION_LOST) {
        flow_close_session(app, s->id);
        return;
    }
    char title[500];
    str_format(title, sizeof(title), "End %s in %s?%s", session_shown(s), ws->shown,
               s->working ? " It is working." : "");
    struct ask_opts opts = {.title = title,
                            .answers = {{'y', "end it", THEME_BAD, 1}},
                            .count = 1,
                            .declined = "Not ended",
                            .on_answer = kill_yes,
                            .arg = xstrdup(s->id),
                            .free_arg = free};
    ask_open(app, &opts);
}

/* --- leaving --- */

static void quit_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    size_t asked = 0;
    (void)arg;
    (void)index;
    for (size_t i = 0; i < count; i++) {
        const struct workspace *ws =
            choices[i].checked ? model_workspace_by_sandbox(app->model, choices[i].value) : NULL;
        if (ws) {
            flow_run(app, &(struct flow){.ws = ws->id, .plan = ENGINE_STOP});
            asked++;
        }
    }
    if (asked == 0) {
        app_quit(app);
        return;
    }
    app->leave_when_stopped = true;
    app_say(app, "Stopping %zu, then leaving", asked);
    app_tick_soon(app);
}

void dialog_quit_stop(struct app *app)
{
    struct choice_build b = {0};
    for (size_t i = 0; i < model_workspace_count(app->model); i++) {
        const struct workspace *ws = model_workspace_at(app->model, i);
        if (ws->info.state != SANDBOX_RUNNING) {
            continue;
        }
        char detail[96];
        const struct session_info *s;
        size_t live = app_live_sessions(app, ws->sandbox), working = 0;
        for (size_t k = 0; (s = model_session_of(app->model, ws->sandbox, k)) != NULL; k++) {
            working += s->state == SESSION_RUNNING && s->working;
        }
        str_format(detail, sizeof(detail), working ? "%zu %s, %zu working" : "%zu %s", live,
                   live == 1 ? "session" : "sessions", working);
        struct choice *c = choice_add(&b, ws->shown, detail);
        c->value = xstrdup(ws->sandbox);
        c->checkable = true;
    }
    if (b.count == 0) {
        choices_free(b.v, b.count);
        app_quit(app);
        return;
    }
    struct chooser_opts opts = {.title = "Leave, and stop what is marked",
                                .on_choose = quit_choose,
                                .verb = "leave",
                                .note = "Space marks. What is not marked goes on running, with its sessions.\nProject "
                                        "folders and private homes stay in any case."};
    chooser_open(app, b.v, b.count, &opts);
}

/* --- workspace root --- */

static bool root_enter(struct app *app, void *arg, const char *text, char *message, size_t cap)
{
    struct error err = ERROR_INIT;
    char *path = NULL;
    (void)arg;
    int rc = naming_root(text, app->paths, &path, &err);
    free(path);
    if (rc != 0 && err.code != ERROR_NOT_FOUND) {
        str_copy(message, cap, err.msg);
        return false;
    }
    app_set_root(app, text); /* one that does not exist yet is offered for creation by the screen that follows */
    return true;
}

void dialog_root(struct app *app)
{
    struct prompt_opts opts = {.label = "workspace root:",
                               .text = app->config.workspace_root,
                               .keys = "Enter use it  Esc cancel",
                               .on_enter = root_enter};
    prompt_open(app, &opts);
}
