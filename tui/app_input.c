/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/clock.h"
#include "core/util/log.h"
#include "tui/app.h"

#define TOAST_LEAST_MS 1200
#define AHEAD_MS 3000

/* A message has been there long enough to be read: the next key takes it away. Esc does at once. */
static void see_toast(struct app *app, struct key key)
{
    if (app->toast.visible &&
        (key.sym == KEYSYM_ESCAPE || loop_now_ms(app->loop) - app->toast.since_ms >= TOAST_LEAST_MS)) {
        app->toast.visible = false;
        app_dirty(app);
    }
}

void app_run_command(struct app *app, const struct command *c)
{
    char why[200] = "";
    if (!c) {
        return;
    }
    if (c->enabled && !c->enabled(app, why, sizeof(why))) {
        app_say(app, "%s: %s", c->label, why);
        return;
    }
    log_debug("command %s", c->name);
    c->run(app);
    app_dirty(app);
}

/* A command by key, in the context at hand; in a session then in the list's. Not while a sandbox comes up: who types
 * ahead for the shell must not delete anything. */
static bool run_key(struct app *app, enum command_context context, struct key key)
{
    const struct command *c = keymap_lookup(app->keymap, context, key);
    if (!c && context == CONTEXT_SESSION) {
        c = keymap_lookup(app->keymap, CONTEXT_LIST, key);
    }
    app_run_command(app, c);
    return c != NULL;
}

/* Alt-1 to Alt-9 jump, wherever one is, unless turned off; Alt-0 lists all where there are more than digits. */
static bool alt_digit(struct app *app, struct key key)
{
    if (!app->config.alt_digits || key.mods != KEYMOD_ALT || key.sym < '0' || key.sym > '9') {
        return false;
    }
    if (key.sym == '0') {
        bool more = false;
        for (int i = APP_DIGITS; i < APP_NUMBERS && !more; i++) {
            more = app->numbers[i][0] != '\0';
        }
        if (more) {
            dialog_sessions(app);
        }
        return more;
    }
    const char *id = app->numbers[key.sym - '1'];
    return *id && app_select_session(app, id, true);
}

/* Right after a key that moved a border, the next such key needs no prefix. */
static bool resize_again(struct app *app, struct key key)
{
    const struct command *c = keymap_lookup(app->keymap, CONTEXT_SESSION, key);
    if (!app->split_repeat_ms) {
        return false;
    }
    if (!c || strncmp(c->name, "split.resize_", 13) != 0 || loop_now_ms(app->loop) > app->split_repeat_ms) {
        app->split_repeat_ms = 0;
        return false;
    }
    app_run_command(app, c);
    return true;
}

/* Keys while a program has the focus: all are its own but the prefix. */
static void session_key(struct app *app, struct key key)
{
    struct key prefix = keymap_prefix(app->keymap);
    if (!app->prefix && resize_again(app, key)) {
        return;
    }
    if (app->prefix) {
        app->prefix = false;
        app_dirty(app);
        if (key_equal(key, prefix)) {
            pane_key(app->pane, key);
        } else if (key.sym != KEYSYM_ESCAPE && !run_key(app, CONTEXT_SESSION, key)) {
            char name[32];
            key_format_into(key, name, sizeof(name));
            app_say(app, "%s %s does nothing. %s ? shows all keys.", app->config.prefix, name, app->config.prefix);
        }
    } else if (key_equal(key, prefix)) {
        app->prefix = true;
        app_dirty_now(app);
    } else {
        screen_lend(app->screen); /* its echo */
        pane_key(app->pane, key);
    }
}

/* A program that ended: Enter closes, r runs it again, Esc goes back. */
static bool ended_key(struct app *app, struct key key)
{
    if (key.mods || (key.sym != KEYSYM_ENTER && key.sym != 'r' && key.sym != KEYSYM_ESCAPE)) {
        return false;
    }
    if (key.sym == KEYSYM_ENTER) {
        flow_close_session(app, app->selected.session);
    } else if (key.sym == 'r') {
        flow_again(app, app->selected.session);
    } else {
        app_set_focus(app, FOCUS_LIST);
    }
    return true;
}

/* Esc in the list clears, one thing at a time: filter, marks. */
static void list_escape(struct app *app)
{
    if (app->filter[0]) {
        app->filter[0] = '\0';
    } else {
        app->marked.len = 0;
    }
    app_tree_dirty(app);
}

/* The session that keys were kept for is in front of the person, and its program has ended already: what was typed for
 * it goes nowhere, and what is typed now is meant for what is seen. */
static void end_ahead(struct app *app)
{
    const struct session_info *s = app_session(app);
    if (app->ahead.active && s && strcmp(s->id, app->ahead.id) == 0 &&
        (s->state == SESSION_EXITED || s->state == SESSION_LOST)) {
        app->ahead.active = false;
        app->ahead.count = 0;
    }
}

/* Keeps a key for the session that is about to open. Esc gives the wait up. */
static bool keep_ahead(struct app *app, struct key key)
{
    end_ahead(app);
    if (!app->ahead.active || app->overlay) {
        return false;
    }
    if (key.sym == KEYSYM_ESCAPE || loop_now_ms(app->loop) - app->ahead.since_ms > AHEAD_MS) {
        app->ahead.active = false;
        app->ahead.count = 0;
        return key.sym == KEYSYM_ESCAPE;
    }
    if (app->ahead.count < MT_ARRAY_LEN(app->ahead.keys)) {
        app->ahead.keys[app->ahead.count++] = key;
    }
    return true;
}

/* A sandbox that takes this long to come up, or is being provisioned, is watched: keys are the provisioning view's. */
#define SOON_MS 900

/* Most sandboxes are up in a blink: who presses Enter and types on means the shell, not "c cancel". */
static bool keep_soon(struct app *app, struct key key)
{
    const struct flow *f = flow_of(app, app->selected.ws);
    const struct op_view *op = f ? model_op(app->model, f->op) : NULL; /* not in the model in its first turn */
    if (!f || !f->then_session || f->kind == SESSION_TASK || key.mods || key.sym == KEYSYM_ESCAPE ||
        (op && op->state != OP_RUNNING && op->state != OP_QUEUED) || (op && op->session[0]) ||
        (op && op->started_ms && clock_mono_ms() - op->started_ms > SOON_MS)) {
        return false;
    }
    if (app->ahead.soon != app->selected.ws) {
        app->ahead.soon = app->selected.ws;
        app->ahead.count = 0;
    }
    if (app->ahead.count < MT_ARRAY_LEN(app->ahead.keys)) {
        app->ahead.keys[app->ahead.count++] = key;
    }
    return true;
}

/* Right after the start: a command that must know backends and sandboxes waits until they were looked at, and the keys
 * behind it wait too, so that nothing typed at once is lost or goes elsewhere. Esc gives it up. */
static bool keep_early(struct app *app, struct key key)
{
    if (app->ready || app->overlay) {
        return false;
    }
    const struct command *c = keymap_lookup(app->keymap, CONTEXT_LIST, key);
    if (app->early.count == 0 && (!c || app_pane_takes_keys(app) ||
                                  (strncmp(c->name, "sandbox.", 8) != 0 && strcmp(c->name, "list.open") != 0 &&
                                   strcmp(c->name, "session.new") != 0))) {
        return false;
    }
    if (key.sym == KEYSYM_ESCAPE || (c && strcmp(c->name, "app.quit") == 0)) {
        app->early.count = 0;
        return key.sym == KEYSYM_ESCAPE;
    }
    if (app->early.count < MT_ARRAY_LEN(app->early.keys)) {
        app->early.keys[app->early.count++] = key;
    }
    return true;
}

/* In copy mode of one pane the prefix leads to the others. */
static bool prefix_in_copy(struct app *app, struct key key)
{
    bool armed = app->prefix;
    app->prefix = !armed && key_equal(key, keymap_prefix(app->keymap));
    app_dirty(app);
    if (armed && key.sym != KEYSYM_ESCAPE) {
        run_key(app, CONTEXT_SESSION, key);
    }
    return armed || app->prefix || resize_again(app, key);
}

/* What the control characters have always meant, for terminals that tell them from the keys they stand for. */
static struct key old_names(struct key key)
{
    static const struct {
        uint32_t letter, sym;
    } names[] = {{'[', KEYSYM_ESCAPE}, {'i', KEYSYM_TAB}, {'m', KEYSYM_ENTER}};
    for (size_t i = 0; i < MT_ARRAY_LEN(names) && key.mods == KEYMOD_CTRL; i++) {
        if (key.sym == names[i].letter) {
            return (struct key){.sym = names[i].sym};
        }
    }
    return key;
}

/* One key press. */
static void on_key(struct app *app, struct key key)
{
    key = app->overlay || !app_pane_takes_keys(app) ? old_names(key) : key;
    app->touched = true;
    see_toast(app, key);
    if (keep_early(app, key) || keep_ahead(app, key)) {
        return;
    }
    if (app->overlay) {
        app->overlay->ops->on_key(app, app->overlay, key);
        return;
    }
    app_catch_up(app);
    enum command_context context = app_context(app);
    if (context != CONTEXT_DIALOG && alt_digit(app, key)) {
        return;
    }
    if (app_pane_takes_keys(app)) {
        session_key(app, key);
        return;
    }
    if (context == CONTEXT_COPY && (pane_find_key(app->pane, key) || pane_copy_key(app->pane, key))) {
        return;
    }
    if (app_main_kind(app) == MAIN_START && start_key(app, key)) {
        return;
    }
    if (context == CONTEXT_COPY && app->view.joined && prefix_in_copy(app, key)) {
        return;
    }
    if (key_equal(key, keymap_prefix(app->keymap))) {
        return; /* the prefix is not needed here, but a hand that is used to it must not go wrong */
    }
    if (app->focus == FOCUS_MAIN && context != CONTEXT_COPY && keep_soon(app, key)) {
        return;
    }
    if (context == CONTEXT_SESSION && app_session(app) && ended_key(app, key)) {
        return;
    }
    if (run_key(app, context, key) || key.sym != KEYSYM_ESCAPE) {
        return;
    }
    if (context == CONTEXT_LIST && app->focus == FOCUS_LIST) {
        list_escape(app);
    } else {
        app_set_focus(app, FOCUS_LIST);
    }
}

void app_press(struct app *app, const struct key *keys, size_t count)
{
    for (size_t i = 0; i < count && !app->quitting; i++) {
        on_key(app, keys[i]);
    }
}

void app_type_ahead(struct app *app)
{
    struct key keys[MT_ARRAY_LEN(app->ahead.keys)];
    size_t n = app->ahead.count;
    /* The one that is meant, not the one that is still in front, or one beside it. */
    if (!app->ahead.active || !app_pane_takes_keys(app) || strcmp(app->selected.session, app->ahead.id) != 0 ||
        !pane_has_screen(app->pane) || strcmp(app->pane->id, app->ahead.id) != 0) {
        return;
    }
    memcpy(keys, app->ahead.keys, n * sizeof(*keys));
    app->ahead.active = false;
    app->ahead.count = 0;
    for (size_t i = 0; i < n && !app->quitting; i++) {
        on_key(app, keys[i]); /* the prefix is among them as in any other keys */
    }
}

void app_type_early(struct app *app)
{
    size_t n = app->early.count;
    app->early.count = 0;
    if (n > 0 && app->tree_dirty) {
        app_rebuild(app); /* the selection of what is known now */
    }
    for (size_t i = 0; i < n && !app->quitting; i++) {
        on_key(app, app->early.keys[i]);
    }
}

/* Pasted text goes where typed text would. */
static void on_paste(struct app *app, const struct input_event *ev)
{
    if (app->overlay) {
        if (ev->kind == INPUT_PASTE && app->overlay->ops->on_text) {
            app->overlay->ops->on_text(app, app->overlay, ev->data, ev->len);
        }
    } else if (app_pane_takes_keys(app)) {
        app_catch_up(app);
        /* All of it goes to one pane, wherever the focus is led meanwhile. */
        struct pane *p = ev->kind != INPUT_PASTE_BEGIN && app->paste_pane ? app->paste_pane : app->pane;
        app->paste_pane = ev->kind == INPUT_PASTE_END ? NULL : p;
        if (ev->kind == INPUT_PASTE_BEGIN) {
            pane_paste_begin(p);
        } else if (ev->kind == INPUT_PASTE) {
            pane_paste(p, ev->data, ev->len);
        } else {
            pane_paste_end(p);
        }
    }
}

/* A key, and for programs that want to know more of it the bytes it came in. */
static void on_key_event(struct app *app, const struct input_event *ev)
{
    struct pane *p = app->pane;
    p->raw = (struct pane_raw){ev->data, ev->len, app->outer_keys};
    on_key(app, ev->key);
    p->raw = (struct pane_raw){0};
    if (app->outer.kitty) {
        app_outer_keys(app); /* behind the prefix, in a dialog and in the list keys are ours */
    }
}

void app_on_input(void *arg, const struct input_event *ev)
{
    struct app *app = arg;
    if (app->quitting) {
        return;
    }
    switch (ev->kind) {
    case INPUT_KEY:
        on_key_event(app, ev);
        break;
    case INPUT_MOUSE:
        app_on_mouse(app, &ev->mouse);
        break;
    case INPUT_PASTE_BEGIN:
    case INPUT_PASTE:
    case INPUT_PASTE_END:
        on_paste(app, ev);
        break;
    case INPUT_FOCUS_IN:
    case INPUT_FOCUS_OUT:
        app->outer_focus = ev->kind == INPUT_FOCUS_IN;
        app_dirty(app);
        break;
    case INPUT_REPLY:
        app_outer_reply(app, ev->data, ev->len);
        break;
    case INPUT_KEY_RAW:
        if (!app->overlay && !app->prefix && app_pane_takes_keys(app)) {
            pane_raw_key(app->pane, ev->data, ev->len, app->outer_keys);
        }
        break;
    }
}

void app_on_bytes(void *arg, const char *data, size_t len)
{
    struct app *app = arg;
    input_feed(app->input, data, len);
    if (input_pending(app->input)) {
        timer_start(app->esc_timer, input_wait_ms(app->input));
    } else {
        timer_stop(app->esc_timer);
    }
}
