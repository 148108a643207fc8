/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/command.h"

#include <signal.h>
#include <string.h>

#include "core/util/compiler.h"
#include "tui/address.h"
#include "tui/app.h"
#include "tui/command_can.h"
#include "tui/command_copy.h"
#include "tui/command_split.h"

#define L CONTEXT_LIST
#define S CONTEXT_SESSION
#define C CONTEXT_COPY
#define P CONTEXT_PROVISION
#define K CONTEXT_TASKS

/* --- app --- */

static void quit_yes(struct app *app, void *arg, int value)
{
    (void)arg;
    (void)value;
    app_quit(app);
}

static void app_cmd_quit(struct app *app)
{
    if (app->config.confirm_quit && model_session_count(app->model) > 0) {
        struct ask_opts opts = {.title = "Leave? Everything that runs goes on.",
                                .answers = {{'y', "leave", THEME_TEXT, 1}},
                                .count = 1,
                                .declined = "Not left",
                                .on_answer = quit_yes};
        ask_open(app, &opts);
        return;
    }
    app_quit(app);
}

static void app_cmd_redraw(struct app *app)
{
    screen_invalidate(app->screen);
    app_tree_dirty(app);
}

static void app_cmd_attention(struct app *app)
{
    const struct session_info *s = app_next_attention(app);
    if (s) {
        app_select_session(app, s->id, true);
    }
}

static void app_cmd_zoom(struct app *app)
{
    app->zoom = !app->zoom;
    if (app->zoom) {
        app->focus = FOCUS_MAIN;
    }
}

static void app_cmd_focus(struct app *app)
{
    enum app_main kind = app_main_kind(app);
    if (app->focus == FOCUS_LIST && app->layout.tasks.h > 0) {
        task_panel_enter(app);
        return;
    }
    app_set_focus(app, app->focus != FOCUS_MAIN && (kind == MAIN_SESSION || kind == MAIN_OP) ? FOCUS_MAIN : FOCUS_LIST);
}

static void app_cmd_rescan(struct app *app)
{
    const struct backend_view *down = NULL;
    for (size_t i = 0; i < model_backend_count(app->model); i++) {
        const struct backend_view *b = model_backend_at(app->model, i);
        if (b->host[0] && b->probed && !b->probe.usable) {
            engine_retry_backend(app->engine, b->name, b->host);
            down = b;
        }
    }
    engine_rescan(app->engine);
    if (down) {
        app_say(app, "Looking again: %s", down->probe.reason);
    } else {
        app_say(app, "Looking at the workspaces again");
    }
}

/* --- list --- */

static void list_move(struct app *app, int delta)
{
    if (app_context(app) == CONTEXT_TASKS) {
        task_panel_move(app, delta);
        return;
    }
    app_select_row(app, tree_step(&app->tree, app->selected_row, delta));
}
static void list_cmd_down(struct app *app)
{
    list_move(app, 1);
}
static void list_cmd_up(struct app *app)
{
    list_move(app, -1);
}
static void list_cmd_top(struct app *app)
{
    list_move(app, -(int)MT_MAX(app->tree.count, app->tasks.count));
}
static void list_cmd_bottom(struct app *app)
{
    list_move(app, (int)MT_MAX(app->tree.count, app->tasks.count));
}
static void list_cmd_page_down(struct app *app)
{
    list_move(app, MT_MAX(app->layout.list.h - 2, 1));
}
static void list_cmd_page_up(struct app *app)
{
    list_move(app, -MT_MAX(app->layout.list.h - 2, 1));
}

static void list_cmd_sort(struct app *app)
{
    app->sort = (enum tree_sort)((app->sort + 1) % TREE_SORT_COUNT);
    app_tree_dirty(app);
    app_say(app, "Sorted: %s", tree_sort_name(app->sort));
}

static void list_cmd_mark(struct app *app)
{
    if (app->selected.ws) {
        tree_set_toggle(&app->marked, app->selected.ws);
        list_move(app, 1);
    }
}

static void list_cmd_mark_all(struct app *app)
{
    if (app->marked.len) {
        app->marked.len = 0;
        return;
    }
    for (size_t i = 0; i < app->tree.count; i++) {
        if (app->tree.rows[i].kind == TREE_WORKSPACE) {
            tree_set_put(&app->marked, app->tree.rows[i].ws, true);
        }
    }
}

static void list_cmd_open(struct app *app)
{
    if (app_session(app)) {
        app_set_focus(app, FOCUS_MAIN);
    } else if (app->selected.ws) {
        flow_open(app, app->selected.ws);
    }
}

static void list_cmd_expand(struct app *app)
{
    tree_set_put(&app->collapsed, app->selected.ws, false);
    app_tree_dirty(app);
}

static void list_cmd_collapse(struct app *app)
{
    tree_set_put(&app->collapsed, app->selected.ws, true);
    app->selected.session[0] = '\0';
    app_tree_dirty(app);
}

/* --- sandbox --- */

static void sandbox_cmd_address(struct app *app)
{
    app_copy_address(app, app->selected.ws);
}

static void sandbox_cmd_log(struct app *app)
{
    if (app_session(app)) {
        task_log(app, app->selected.session);
    } else {
        dialog_log(app);
    }
}

static void sandbox_cmd_undo(struct app *app)
{
    undo_delete(app);
}

static void sandbox_cmd_cancel(struct app *app)
{
    const struct workspace *ws = app_workspace(app);
    if (ws && ws->op) {
        engine_cancel(app->engine, ws->op);
    }
}

/* --- task --- */

static void task_cmd_stop(struct app *app)
{
    task_stop(app, app->selected.session);
}
static void task_cmd_restart(struct app *app)
{
    task_restart(app, app->selected.session);
}
static void task_cmd_log(struct app *app)
{
    task_log(app, app->selected.session);
}
static void task_cmd_dismiss(struct app *app)
{
    task_dismiss(app, app->selected.session);
}

/* --- session --- */

/* The next or previous session in the order of the list, folded workspaces included, round to the other end. */
static void session_step(struct app *app, int dir)
{
    const struct session_info *s, *first = NULL, *last = NULL, *before = NULL, *after = NULL;
    bool passed = false; /* what is selected: the ones behind it come next */
    for (size_t i = 0; i < app->tree.count; i++) {
        const struct tree_row *row = &app->tree.rows[i];
        const struct workspace *ws = row->kind == TREE_WORKSPACE ? model_workspace(app->model, row->ws) : NULL;
        passed = passed || (ws && ws->id == app->selected.ws && !app->selected.session[0]);
        for (size_t k = 0; ws && ws->sandbox[0] && (s = model_session_of(app->model, ws->sandbox, k)) != NULL; k++) {
            if (!tree_shows_session(s)) {
                continue;
            }
            bool here = strcmp(s->id, app->selected.session) == 0;
            first = first ? first : s;
            last = s;
            before = passed || here ? before : s;
            after = passed && !after && !here ? s : after;
            passed = passed || here;
        }
    }
    const struct session_info *to = dir > 0 ? (after ? after : first) : (before ? before : last);
    if (to) {
        app_select_session(app, to->id, true);
    }
}
static void session_cmd_next(struct app *app)
{
    session_step(app, 1);
}
static void session_cmd_prev(struct app *app)
{
    session_step(app, -1);
}
static void session_cmd_list(struct app *app)
{
    app_set_focus(app, FOCUS_LIST);
}
static void session_cmd_dismiss(struct app *app)
{
    flow_close_session(app, app->selected.session);
}
static void session_cmd_prefix(struct app *app)
{
    pane_key(app->pane, keymap_prefix(app->keymap));
}

static void session_cmd_reset(struct app *app)
{
    struct error err = ERROR_INIT;
    if (sessions_reset(app->sessions, app->selected.session, &err) != 0) {
        app_say(app, "The terminal is not reset: %s. In a shell there is the command reset.", err.msg);
        return;
    }
    app_say(app, "The terminal is as new; what stood on it is in the scrollback. Enter or Ctrl-L brings most programs "
                 "back");
}

static void session_cmd_interrupt(struct app *app)
{
    const struct session_info *s = app_session(app);
    sessions_signal(app->sessions, s->id, SIGINT);
    app_say(app, "%s: its program in the foreground was sent the interrupt signal (INT)", session_shown(s));
}

/* Session by number. */
static void session_go(struct app *app, int number)
{
    const char *id = app->numbers[number - 1];
    if (!*id || !app_select_session(app, id, true)) {
        app_say(app, "There is no session %d", number);
    }
}
#define SESSION_GO(n)                                                                                                  \
    static void session_cmd_##n(struct app *app)                                                                       \
    {                                                                                                                  \
        session_go(app, n);                                                                                            \
    }
SESSION_GO(1)
SESSION_GO(2)
SESSION_GO(3)
SESSION_GO(4)
SESSION_GO(5)
SESSION_GO(6)
SESSION_GO(7)
SESSION_GO(8)
SESSION_GO(9)
#undef SESSION_GO

/* --- provisioning view --- */

static void provision_cmd_retry(struct app *app)
{
    flow_retry(app, app->selected.ws);
}

static void provision_cmd_shell(struct app *app)
{
    for (size_t i = 0; i < app->flow_count; i++) {
        if (app->flows[i].ws == app->selected.ws && app->flows[i].kind == SESSION_SHELL) {
            app->flows[i].then_session = false; /* one shell is enough */
        }
    }
    flow_session(app, app->selected.ws, SESSION_SHELL, NULL);
}

static void provision_cmd_close(struct app *app)
{
    flow_put_aside(app, app->selected.ws);
}

const struct command command_table[] = {
    {"list.open", "open", "Open a shell in the workspace, starting its sandbox if need be; go into the session", L | K,
     1, list_cmd_open, NULL},
    {"session.list", "list", "Back to the list", S, 1, session_cmd_list, NULL},
    {"session.new", "new", "A new session: shell, agent, or a shell command", L | S, 2, dialog_new_session,
     command_can_work},
    {"task.new", "task", "Run a task in the workspace: one of its own or of yours, or any command, with restarts",
     L | S | K, 9, dialog_new_task, command_can_work},
    {"sandbox.start", "start", "Start the sandbox (re-creates a stopped one whose settings changed)", L | S, 3,
     dialog_start, command_can_start},
    {"sandbox.stop", "stop", "Stop the sandbox; sessions inside end, its private home stays", L | S, 4, dialog_stop,
     command_can_stop},
    {"sandbox.restart", "restart", "Stop and start the sandbox, with the settings of now", L | S, 0, dialog_restart,
     command_can_restart},
    {"sandbox.delete", "delete", "Delete the sandbox and its private home; the project folder stays, always", L | S, 6,
     dialog_delete, command_can_delete},
    {"sandbox.provision", "provision", "Choose a profile and bring the sandbox up with it", L | S, 7, dialog_profile,
     command_can_work},
    {"sandbox.undo", "undo", "Take a delete back while it waits", L | S | P | K, 0, sandbox_cmd_undo, command_can_undo},
    {"sandbox.backend", "backend", "Choose what runs the sandbox (podman, bwrap, ...), and start it with that", L | S,
     0, dialog_backend, command_can_backend},
    {"sandbox.cancel", "cancel", "Cancel what is being done with the sandbox", L | S, 0, sandbox_cmd_cancel,
     command_can_cancel},
    {"sandbox.log", "log", "What the selected session has printed; of a workspace, its last provisioning", L | S, 0,
     sandbox_cmd_log, command_can_workspace},
    {"sandbox.output", "logs", "What the sandbox's main process prints, as it comes", L | S, 0, dialog_output,
     command_can_workspace},
    {"sandbox.inspect", "inspect", "Isolation, mounts, limits, ports, image, drift: as read back now", L | S, 0,
     dialog_inspect, command_can_workspace},
    {"sandbox.changes", "changes", "What an overlay workspace changed: apply it, or forget it", L | S, 0,
     dialog_changes, command_can_changes},
    {"sandbox.address", "copy address", "Copy the address of its first published port", L | S | P, 0,
     sandbox_cmd_address, command_can_address},
    {"list.filter", "filter", "Show only workspaces and sessions that match; Esc clears", L | K, 8, dialog_filter,
     NULL},
    {"app.next_attention", "needs you", "Go to the next session that needs you", L | S | P | K, 9, app_cmd_attention,
     command_can_attend},
    {"list.down", "line down", "Next line", L | K, 0, list_cmd_down, NULL},
    {"list.up", "line up", "Previous line", L | K, 0, list_cmd_up, NULL},
    {"list.top", "top", "First line", L | K, 0, list_cmd_top, NULL},
    {"list.bottom", "bottom", "Last line", L | K, 0, list_cmd_bottom, NULL},
    {"list.page_down", "page down", "A page down", L | K, 0, list_cmd_page_down, NULL},
    {"list.page_up", "page up", "A page up", L | K, 0, list_cmd_page_up, NULL},
    {"list.sort", "sort", "Sort by name, by who needs you, by last use", L, 0, list_cmd_sort, NULL},
    {"list.mark", "mark", "Mark the workspace: start, stop and delete then mean all marked ones", L, 0, list_cmd_mark,
     NULL},
    {"list.mark_all", "mark all", "Mark every workspace in sight, or take all marks away", L, 0, list_cmd_mark_all,
     NULL},
    {"list.expand", "unfold", "Show the sessions of the workspace", L, 0, list_cmd_expand, NULL},
    {"list.collapse", "fold", "Hide the sessions of the workspace", L, 0, list_cmd_collapse, NULL},
    {"session.next", "next", "The next session", L | S, 3, session_cmd_next, NULL},
    {"session.prev", "previous", "The previous session", L | S, 0, session_cmd_prev, NULL},
    {"session.clipboard", "allow clipboard", "Let a session write the clipboard, as it has just asked", S, 0,
     app_clip_allow, command_can_clip},
    {"session.copy_mode", "scroll, copy", "Scroll back, search and copy", S, 4, copy_cmd_begin, command_can_session},
    {"session.page_up", "page back", "Scroll a page back, in copy mode", S, 0, copy_cmd_page_back, command_can_session},
    {"session.prompt_prev", "previous prompt", "Scroll back to the shell's previous prompt", S, 0, copy_cmd_prompt_prev,
     command_can_session},
    {"session.output", "last output", "Select what the last command printed", S, 0, copy_cmd_output,
     command_can_session},
    {"session.kill", "end", "End the session's program", L | S, 6, dialog_kill, command_can_session},
    {"session.dismiss", "close", "Close a session whose program has ended", L | S, 0, session_cmd_dismiss,
     command_can_dismiss},
    {"session.send_prefix", "send prefix", "Send the prefix key to the program", S, 0, session_cmd_prefix,
     command_can_session},
    {"session.rename", "name", "Give the session a name; an empty one: its own again", L | S | K, 0, dialog_rename,
     command_can_session},
    {"session.interrupt", "interrupt",
     "Interrupt the program as Ctrl-C does, also when it does not read what was typed", L | S, 0, session_cmd_interrupt,
     command_can_interrupt},
    {"session.reset", "reset terminal",
     "Reset the terminal: screen, modes, mouse, cursor, as after a program that died", S, 0, session_cmd_reset,
     command_can_reset},
    {"task.stop", "stop", "Stop the task; it is not started again", L | S | K, 2, task_cmd_stop, command_can_stop_task},
    {"task.restart", "restart", "Run the task again from the beginning", L | S | K, 3, task_cmd_restart,
     command_can_task},
    {"task.log", "log", "What the task has printed, searched and followed", L | S | K, 4, task_cmd_log,
     command_can_task},
    {"task.dismiss", "dismiss", "Put a task away that has ended; its log stays", L | S | K, 5, task_cmd_dismiss,
     command_can_dismiss_task},
    {"session.1", "1", "Session 1", L | S | P | K, 0, session_cmd_1, NULL},
    {"session.2", "2", "Session 2", L | S | P | K, 0, session_cmd_2, NULL},
    {"session.3", "3", "Session 3", L | S | P | K, 0, session_cmd_3, NULL},
    {"session.4", "4", "Session 4", L | S | P | K, 0, session_cmd_4, NULL},
    {"session.5", "5", "Session 5", L | S | P | K, 0, session_cmd_5, NULL},
    {"session.6", "6", "Session 6", L | S | P | K, 0, session_cmd_6, NULL},
    {"session.7", "7", "Session 7", L | S | P | K, 0, session_cmd_7, NULL},
    {"session.8", "8", "Session 8", L | S | P | K, 0, session_cmd_8, NULL},
    {"session.9", "9", "Session 9", L | S | P | K, 0, session_cmd_9, NULL},
    {"session.choose", "sessions", "Every session: go to one by number or name", L | S | P | K, 0, dialog_sessions,
     command_can_choose},
    {"split.beside", "split", "Another session beside this one: the workspace's next, or a new shell", S, 8,
     split_cmd_beside, command_can_session},
    {"split.below", "stack", "Another session below this one: the workspace's next, or a new shell", S, 0,
     split_cmd_below, command_can_session},
    {"split.bring", "bring", "Bring any session, of any workspace, into this pane", S, 0, dialog_bring,
     command_can_session},
    {"split.close", "close pane", "Close this pane: only the view, its session goes on", S, 0, app_split_close,
     command_can_session},
    {"split.left", "left", "To the pane on the left; without panes the previous session", S, 0, split_cmd_left, NULL},
    {"split.right", "right", "To the pane on the right; without panes the next session", S, 0, split_cmd_right, NULL},
    {"split.up", "up", "To the pane above; without panes the previous session", S, 0, split_cmd_up, NULL},
    {"split.down", "down", "To the pane below; without panes the next session", S, 0, split_cmd_down, NULL},
    {"split.resize_left", "border left", "Move the pane's border left; repeats without the prefix", S, 0,
     split_cmd_resize_left, NULL},
    {"split.resize_right", "border right", "Move the pane's border right; repeats without the prefix", S, 0,
     split_cmd_resize_right, NULL},
    {"split.resize_up", "border up", "Move the pane's border up; repeats without the prefix", S, 0, split_cmd_resize_up,
     NULL},
    {"split.resize_down", "border down", "Move the pane's border down; repeats without the prefix", S, 0,
     split_cmd_resize_down, NULL},
    {"split.resize_left_5", "border left", "Move the pane's border left by 5", S, 0, split_cmd_resize_left_5, NULL},
    {"split.resize_right_5", "border right", "Move the pane's border right by 5", S, 0, split_cmd_resize_right_5, NULL},
    {"split.resize_up_5", "border up", "Move the pane's border up by 5", S, 0, split_cmd_resize_up_5, NULL},
    {"split.resize_down_5", "border down", "Move the pane's border down by 5", S, 0, split_cmd_resize_down_5, NULL},
    {"split.even", "even", "Give all panes the same room", S, 0, app_split_even, NULL},
    {"copy.down", "down", "Down a line", C, 0, copy_cmd_down, NULL},
    {"copy.up", "up", "Up a line", C, 0, copy_cmd_up, NULL},
    {"copy.left", "left", "Left", C, 0, copy_cmd_left, NULL},
    {"copy.right", "right", "Right", C, 0, copy_cmd_right, NULL},
    {"copy.page_up", "page up", "A page up", C, 8, copy_cmd_page_up, NULL},
    {"copy.page_down", "page down", "A page down", C, 0, copy_cmd_page_down, NULL},
    {"copy.half_up", "half up", "Half a page up", C, 0, copy_cmd_half_up, NULL},
    {"copy.half_down", "half down", "Half a page down", C, 0, copy_cmd_half_down, NULL},
    {"copy.top", "top", "The oldest line", C, 0, copy_cmd_top, NULL},
    {"copy.bottom", "bottom", "The newest line", C, 0, copy_cmd_bottom, NULL},
    {"copy.view_top", "first row", "The first row in view", C, 0, copy_cmd_view_top, NULL},
    {"copy.view_middle", "middle row", "The middle row in view", C, 0, copy_cmd_view_middle, NULL},
    {"copy.view_bottom", "last row", "The last row in view", C, 0, copy_cmd_view_bottom, NULL},
    {"copy.line_start", "line start", "Start of the line", C, 0, copy_cmd_line_start, NULL},
    {"copy.line_text", "line text", "First character of the line", C, 0, copy_cmd_line_text, NULL},
    {"copy.line_end", "line end", "End of the line", C, 0, copy_cmd_line_end, NULL},
    {"copy.word_next", "next word", "Next word", C, 0, copy_cmd_word_next, NULL},
    {"copy.word_prev", "previous word", "Previous word", C, 0, copy_cmd_word_prev, NULL},
    {"copy.word_end", "word end", "End of the word", C, 0, copy_cmd_word_end, NULL},
    {"copy.paragraph_prev", "previous paragraph", "Previous blank line", C, 0, copy_cmd_paragraph_prev, NULL},
    {"copy.paragraph_next", "next paragraph", "Next blank line", C, 0, copy_cmd_paragraph_next, NULL},
    {"copy.find", "to character", "To the next character typed", C, 0, copy_cmd_find, NULL},
    {"copy.find_back", "back to character", "Back to the next character typed", C, 0, copy_cmd_find_back, NULL},
    {"copy.till", "up to character", "Up to the next character typed", C, 0, copy_cmd_till, NULL},
    {"copy.till_back", "back up to character", "Back up to the next character typed", C, 0, copy_cmd_till_back, NULL},
    {"copy.find_again", "character again", "To the same character again", C, 0, copy_cmd_find_again, NULL},
    {"copy.find_reverse", "character back", "To the same character the other way", C, 0, copy_cmd_find_reverse, NULL},
    {"copy.prompt_prev", "previous prompt", "The shell's previous prompt", C, 7, copy_cmd_prompt_prev, NULL},
    {"copy.prompt_next", "next prompt", "The shell's next prompt", C, 0, copy_cmd_prompt_next, NULL},
    {"copy.select", "select", "Start or end a selection", C, 1, copy_cmd_select, NULL},
    {"copy.select_line", "lines", "Select whole lines", C, 9, copy_cmd_select_line, NULL},
    {"copy.select_block", "block", "Select the same columns of several rows", C, 10, copy_cmd_select_block, NULL},
    {"copy.output", "output", "Select what the last command above printed", C, 6, copy_cmd_output, NULL},
    {"copy.other_end", "other end", "Go to the other end of the selection", C, 0, copy_cmd_other_end, NULL},
    {"copy.yank", "copy", "Copy the selection, or the line, and leave", C, 2, copy_cmd_yank, NULL},
    {"copy.save", "to file", "Write the selection, or everything, to a file", C, 4, dialog_save, NULL},
    {"copy.editor", "editor", "Open the selection, or everything, in $VISUAL or $EDITOR", C, 5, dialog_editor, NULL},
    {"copy.search", "search", "Search forward; the text is an extended regular expression", C, 3, copy_cmd_search,
     NULL},
    {"copy.search_back", "search back", "Search backward", C, 8, copy_cmd_search_back, NULL},
    {"copy.search_next", "next match", "Next match", C, 0, copy_cmd_search_next, NULL},
    {"copy.search_prev", "previous match", "Previous match", C, 0, copy_cmd_search_prev, NULL},
    {"copy.leave", "leave", "Back to the live screen", C, 2, copy_cmd_leave, NULL},
    {"provision.shell", "shell", "Open a shell in the sandbox while it is provisioned, or after that failed", P, 1,
     provision_cmd_shell, command_can_shell},
    {"provision.cancel", "cancel", "Cancel; the sandbox is left as it was before, or clean", P, 2, sandbox_cmd_cancel,
     command_can_cancel},
    {"provision.retry", "retry", "Try again from here after a failure", P, 3, provision_cmd_retry, command_can_retry},
    {"provision.log", "whole log", "The whole log", P, 4, dialog_log, NULL},
    {"provision.close", "list", "Back to the list; it goes on. A failure is put aside", P, 5, provision_cmd_close,
     NULL},
    {"app.zoom", "zoom", "The session, or this pane of several, on the whole screen, and back", L | S | P | K, 5,
     app_cmd_zoom, command_can_zoom},
    {"app.focus_next", "other side", "Move between list, tasks and session", L | S | P | K, 0, app_cmd_focus, NULL},
    {"app.tasks", "tasks", "Operations and the tasks of all workspaces, live: open, stop, restart, logs, cancel",
     L | S | P | K, 0, dialog_tasks, NULL},
    {"app.services", "services", "muthr's own services (MCP bridge, search): state, start, stop, log", L | S | P | K, 0,
     dialog_services, NULL},
    {"app.up", "up", "Bring up the inference server and the services, after a list of what that means", L | S | P | K,
     0, dialog_up, NULL},
    {"app.down", "down", "Stop sandboxes, services and the inference server, after a list of what ends", L | S | P | K,
     0, dialog_down, NULL},
    {"app.palette", "commands", "Every command by name", L | S | P | K, 10, dialog_palette, NULL},
    {"app.help", "help", "All keys", L | S | C | P | K, 0, dialog_help, NULL},
    {"app.theme", "theme", "Choose a theme, with a live preview", L | S | P | K, 0, dialog_theme, NULL},
    {"app.errors", "errors", "Every error and warning, with time and full text", L | S | P | K, 0, dialog_errors, NULL},
    {"app.inference", "model server", "The inference server: what it does, presets, start, stop, log", L | S | P | K, 0,
     dialog_inference, NULL},
    {"app.rescan", "look again", "Look at workspaces, sandboxes, and machines that are down again", L | S | K, 0,
     app_cmd_rescan, NULL},
    {"backend.start", "start service", "Start the service of what runs sandboxes, where it is down (Apple's container)",
     L | S | P | K, 0, dialog_wake, NULL},
    {"app.redraw", "redraw", "Draw the screen anew", L | S | C | P | K, 0, app_cmd_redraw, NULL},
    {"app.quit", "leave", "Leave; everything that runs goes on", L | S | P | K, 12, app_cmd_quit, NULL},
    {"app.quit_stop", "stop and leave", "Choose what to stop, then leave", L | S | P | K, 0, dialog_quit_stop, NULL},
};
const size_t command_count = MT_ARRAY_LEN(command_table);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(command_table[i].name, name) == 0) {
            return &command_table[i];
        }
    }
    return NULL;
}

static const struct {
    enum command_context context;
    const char *name;
} contexts[] = {{CONTEXT_LIST, "list"},           {CONTEXT_SESSION, "session"}, {CONTEXT_COPY, "copy"},
                {CONTEXT_PROVISION, "provision"}, {CONTEXT_DIALOG, "dialog"},   {CONTEXT_TASKS, "tasks"}};

const char *command_context_name(enum command_context c)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(contexts); i++) {
        if (contexts[i].context == c) {
            return contexts[i].name;
        }
    }
    return "all";
}

int command_context_parse(const char *name)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(contexts); i++) {
        if (strcmp(contexts[i].name, name) == 0) {
            return (int)contexts[i].context;
        }
    }
    return -1;
}
