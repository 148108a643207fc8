/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_APP_H
#define MT_TUI_APP_H

/* The one struct that owns the cockpit. Callbacks record and mark dirty; app_tick acts on ended operations; one frame
 * callback draws. Views read it const. Selection is the single source of what is shown: the right side shows what the
 * list has selected, and `focus` says where keys go. */

#include <stdbool.h>
#include <stdint.h>

#include "core/engine/engine.h"
#include "core/engine/tasks.h"
#include "core/io/loop.h"
#include "core/model/config.h"
#include "core/model/model.h"
#include "tui/alert.h"
#include "tui/cockpit.h"
#include "tui/input.h"
#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/oplist.h"
#include "tui/outer.h"
#include "tui/overlay.h"
#include "tui/pane.h"
#include "tui/port.h"
#include "tui/problems.h"
#include "tui/screen.h"
#include "tui/server.h"
#include "tui/split_store.h"
#include "tui/tasklist.h"
#include "tui/theme.h"
#include "tui/tree.h"
#include "tui/usage.h"

#define APP_NUMBERS 99
#define APP_TARGETS 256 /* so many marked ones are worked on at once */
#define APP_DIGITS 9    /* so many have a key of their own */

enum app_focus { FOCUS_LIST, FOCUS_MAIN, FOCUS_TASKS /* the panel below the list */ };
enum app_main { MAIN_START, MAIN_CARD, MAIN_SESSION, MAIN_OP };
enum app_start { START_NONE, START_LOOKING, START_ROOT_MISSING, START_ROOT_BAD, START_NO_BACKEND, START_EMPTY };

/* Something we asked the engine for, what shall follow, and what a retry needs. */
struct flow {
    op_id op;
    workspace_id ws;
    enum engine_plan plan;
    char profile[64];
    enum net_policy net;
    bool net_given, recreate, reprovision, as_is, force;
    bool then_session; /* open one when it is up */
    enum session_kind kind;
    char command[SESSION_COMMAND_MAX];
    /* Kind TASK: what it is called ("": made from the command), by its definition as that stands then, or by
     * `command` and `policy`. */
    char task[TASK_NAME_MAX];
    bool task_defined;
    struct task_policy policy;
    bool wake_told;                                            /* not with a backend that is asleep, said the person */
    bool image_told, allow_image, command_told, allow_command; /* what the person said to the project's wishes */
    char backend[16];                                          /* chosen by a person; "": as configured */
    char then_backend[16];                                     /* after a delete: made anew by this one */
    uint64_t delay_ms;                                         /* a delete that can be taken back so long */
    bool reported;                                             /* its failure was told */
};

struct app_toast {
    char text[700];
    enum theme_role role;
    uint64_t since_ms;
    bool visible;
    bool listed; /* it is among the errors and warnings, too */
};

/* What the right side shows of sessions: one pane, or those of a layout. */
struct app_panes {
    int count;              /* in sight */
    int hidden;             /* of the layout, out of sight: no room, or zoomed */
    int focus;              /* of those in sight */
    bool joined;            /* several, with title lines and borders of their own */
    struct rect area;       /* of them all, title lines included */
    struct split_plan plan; /* when joined */
    struct pane *shown[SPLIT_MAX];
    struct rect at[SPLIT_MAX]; /* where each one's rows are */
};

/* A session is being opened that belongs into the layout. */
struct app_split_next {
    bool active;
    bool instead; /* it takes the place of `of`, which is dismissed; else it stands beside or below it */
    enum split_kind kind;
    char of[SESSION_ID_MAX];
    workspace_id ws; /* that it is opened in */
    int cols, rows;  /* that it will have; 0: not known */
};

struct app {
    const struct cockpit_opts *opts;
    const struct paths *paths;
    struct loop *loop;
    struct config config;
    struct config *retired; /* reloaded away; engine and port may still point at their strings */
    size_t retired_count;
    struct bus *bus;
    struct bus_sub *sub;
    struct server *server; /* the inference servers: what they did, and the job that starts one */
    struct opnotes *notes; /* tells other processes of our operations */
    struct oplist *ops;    /* ours and theirs, for the list of them */
    struct model *model;
    struct port *port;
    struct sessions *sessions;
    struct engine *engine;
    struct screen *screen;
    struct input *input;
    struct theme theme;
    char theme_name[48];
    struct keymap *keymap;
    struct timer *frame_timer, *spin_timer, *esc_timer, *minute_timer, *age_timer, *quit_timer;
    struct signal_watch *signals[3];
    struct dirwatch *config_watch, *theme_watch;
    bool ascii;

    /* painting */
    struct surface frame;
    struct layout layout;
    int cols, rows, list_width;
    bool dirty, tree_dirty, painting_blocked, tick_pending;
    int all_inference; /* how many views show every inference endpoint: all are kept up to date while one is open */
    bool whole;        /* more than rows of panes is dirty */
    uint64_t painted_ms;

    /* what is shown */
    struct tree tree;
    struct tree_set collapsed, marked;
    struct tree_set warned; /* whose failed provisioning was mentioned when a shell was opened */
    enum tree_sort sort;
    char filter[128];
    struct tree_target selected;
    int selected_row, list_top;
    int list_rows;         /* as list_top was last made for; 0: the list was out of sight */
    struct tasklist tasks; /* those of workspaces in the list, for the panel below it */
    int tasks_top;
    char tasks_at[SESSION_ID_MAX]; /* that was brought into view there last */
    enum app_focus focus;
    bool zoom, prefix, divider_drag;
    struct pane panes[SPLIT_MAX];
    struct pane *pane;                    /* the one that has, or would get, the keys */
    struct rect pane_rect;                /* where that one was drawn */
    struct pane *mouse_pane, *paste_pane; /* a button went down there; text is being pasted there */
    struct outer outer;                   /* what the terminal said of itself */
    unsigned outer_keys;                  /* kitty flags that it keeps now */
    struct {
        struct strbuf text;
        uint64_t until_ms;
    } clip;                /* what a program wants on the clipboard, while the person may allow it */
    bool outer_focus;      /* the outer terminal has the focus (as far as it tells) */
    struct editor *editor; /* is open, or about to be; NULL: none */
    struct app_panes view;
    struct split_store splits;
    struct app_split_next split_next;
    struct timer *split_timer; /* until the layouts are written */
    struct dirwatch *split_watch;
    char split_held[SESSION_ID_MAX]; /* while it is looked at, what another cockpit made of its layout waits */
    uint64_t split_repeat_ms;        /* until then a key that resizes needs no prefix */
    int bar_drag;                    /* node of the border that is being moved, plus 1; 0: none */
    struct overlay *overlay;
    struct app_toast toast;
    struct problems problems;
    struct alerts alerts; /* what the outer terminal was told */
    op_id told_ops[16];   /* failed operations that are among the problems already */
    size_t told_next;
    /* Deletes that can be taken back. */
    struct {
        workspace_id ws[APP_TARGETS];
        op_id ops[APP_TARGETS];
        size_t count;
        size_t taken_back; /* how many went on living the last time */
        uint64_t until_ms;
    } undo;
    struct strvec refused, agreed; /* wishes of projects that were answered with "never", with "always" */
    size_t undone;                 /* deletes that leaving took back */
    char numbers[APP_NUMBERS][SESSION_ID_MAX];
    char want_session[SESSION_ID_MAX]; /* focus it as soon as the model has it */
    bool want_quiet;                   /* only select it */
    /* A session is being opened to be gone into: keys typed meanwhile are meant for it, not for the list. */
    struct {
        bool active;
        uint64_t since_ms;
        struct key keys[128];
        size_t count;
        char id[SESSION_ID_MAX]; /* of that session, once it is known */
        workspace_id soon;       /* keys kept while its sandbox was only just being brought up; 0 none */
    } ahead;
    char last_title[200];
    struct {
        int x, y;
        uint64_t ms;
    } click;

    struct flow after_wake; /* ws 0: nothing; what is done when the backend `waking` works */
    char waking[16];        /* whose service is being started; "": none's */
    struct boot *boot;      /* :up or :down, the last one; NULL: none yet */
    bool boot_is_up;        /* it is :up */
    unsigned services_told; /* bit per service: that it failed was told */

    struct flow *flows;
    size_t flow_count;
    bool ready;         /* the engine has looked at everything once */
    bool config_broken; /* muthr.toml could not be read when it was last looked at */
    bool touched;       /* a key or the mouse was used: what is selected is the person's choice */
    /* Keys from the first one that asks for more than is known yet: they are acted on when the engine is ready. */
    struct {
        struct key keys[64];
        size_t count;
    } early;
    bool no_backend_seen;    /* the person put that screen aside */
    bool leave_when_stopped; /* after the ops that Q asked for */
    bool quitting, closed;
    int exit_code;
    workspace_id watched[USAGE_RINGS]; /* whose numbers of use are read */
    size_t watched_count;
    struct usage usage;
};

/* --- app.c: life of the loop --- */
void app_dirty(struct app *app);
/* The model changed in a way that lists show. */
void app_tree_dirty(struct app *app);
/* Paint on the next turn, not after the frame time. */
void app_dirty_now(struct app *app);
/* Rows of a pane changed, and nothing else; `now`: as app_dirty_now. */
void app_dirty_rows(struct app *app, bool now);
void app_tick_soon(struct app *app);
void app_on_event(void *app, const struct model_event *ev);
void app_paint(void *app);
/* Lines that last until a key is pressed. Problems go to the log (and its view) too. */
void app_say(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void app_warn(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void app_fail(struct app *app, const struct error *err);
/* Something that stays in the list of errors; sandbox and hint may be NULL. */
void app_problem(struct app *app, bool error, const char *sandbox, const char *text, const char *hint);
/* Text with the home directory as ~: room for what matters. */
void app_shorten(const struct app *app, const char *text, struct strbuf *out);
/* An error that is in the log already. */
void app_show_error(struct app *app, const struct error *err);
/* The key of a command in the list as it is bound now, for texts; the palette and its name when it has none. */
const char *app_key(const struct app *app, const char *command);
/* Leaves; sessions and sandboxes go on. */
void app_quit(struct app *app);
/* Something that leaving waits for has ended. */
void app_quit_on(struct app *app);

/* --- app_config.c: settings, and what is remembered from run to run --- */
int app_config_reload(struct app *app, bool at_start);
/* Says what is wrong with the rules in attention.toml; the hosts read them themselves. */
void app_check_rules(struct app *app);
void app_theme_set(struct app *app, const char *name, bool tell);
void app_set_root(struct app *app, const char *path);

/* --- app_inference.c --- */
/* Tells the engine which inference endpoints are in sight: the selected sandbox's, those beside agents in the list, and
 * all where a view asks for that. After every whole paint; cheap when nothing has changed. */
void app_sync_inference(struct app *app);
/* "gpu, 10.0.0.5:8080: Qwen3-8B": the endpoint that a sandbox uses; "" where there is only one for all. */
void app_inference_text(const struct app *app, const struct workspace *ws, char *out, size_t cap);
/* "ctx 62%": how full the context of an agent is; "ctx ~62%": of the server's fullest slot, not surely its own; ""
 * where nothing is known. See pressure.h. The long form says so in words. Return its colour. */
enum theme_role app_pressure_text(const struct app *app, const struct session_info *s, char *out, size_t cap);
enum theme_role app_pressure_long(const struct app *app, const struct session_info *s, char *out, size_t cap);
/* The settings were read again: takes their endpoints, and says whose has changed. */
void app_reload_inference(struct app *app);
/* What is remembered from run to run: the list's width. */
void app_load_prefs(struct app *app);
void app_save_prefs(struct app *app);

/* --- select.c: selection, and what follows from it --- */
const struct workspace *app_workspace(const struct app *app);
/* The selected session, or NULL. */
const struct session_info *app_session(const struct app *app);
/* The operation shown for the selected workspace: in flight, or failed and not put aside. NULL: none. */
const struct op_view *app_op(const struct app *app);
enum app_main app_main_kind(const struct app *app);
enum app_start app_start_kind(const struct app *app);
void app_select_row(struct app *app, int row);
void app_select_workspace(struct app *app, workspace_id id);
bool app_select_session(struct app *app, const char *id, bool focus);
/* Right after the start, while nothing was pressed: the workspace whose running session was typed into last is
 * selected, so that Enter brings who comes back to where they left. */
void app_select_last_used(struct app *app);
/* After the layout: a list of another height shows as much as fits, with the selection in view. */
void app_list_resized(struct app *app);
/* Rebuilds the rows and keeps selection and scroll position. */
void app_rebuild(struct app *app);
/* Layout, list and the session on the right brought up to date, without painting. */
void app_arrange(struct app *app);
void app_set_focus(struct app *app, enum app_focus focus);
/* 1..APP_NUMBERS, or 0. */
int app_number(const struct app *app, const char *session);
/* Marked workspaces, or the selected one. Returns how many; ids valid until the marks change. */
size_t app_targets(const struct app *app, workspace_id *out, size_t cap);
enum command_context app_context(const struct app *app);
/* The first address of a workspace's ports to the clipboard, with a note. */
void app_copy_address(struct app *app, workspace_id ws);
void app_copy_link(struct app *app, const char *address);
bool app_pane_takes_keys(const struct app *app);
/* The pane that shows a session, or NULL. */
struct pane *app_pane_of(struct app *app, const char *id);
size_t app_attention_count(const struct app *app);
/* The session that has waited longest for a person, after the selected one; NULL when nobody waits. */
const struct session_info *app_next_attention(const struct app *app);
/* Sessions of a sandbox whose program runs. */
size_t app_live_sessions(const struct app *app, const char *sandbox);

/* --- app_split.c: several sessions at once --- */
/* The layout that the selected session stands in, or NULL. */
struct split_entry *app_split(const struct app *app);
/* Shows what belongs on the right side, each at the size it has there. */
void app_split_sync(struct app *app);
void app_split_load(struct app *app);
void app_split_save(struct app *app);
/* Follows what other cockpits write; its folder is there by now. */
void app_split_watch(struct app *app);
/* Every session is known by now. */
void app_split_scanned(struct app *app);
/* A session is gone: its pane too. True: a neighbour is selected in its place. */
bool app_split_gone(struct app *app, const char *id);
/* A session is about to be shown by a jump: where the focus is in a layout of its workspace, it comes into that pane.
 * One of another workspace is shown as it stands there. */
void app_split_take(struct app *app, const char *id);
/* A session that was opened is there: into the layout with it, if it belongs there. */
void app_split_arrived(struct app *app, const char *id, workspace_id ws);
/* The program of an ended session is run again: the new one is to take its place in the layout. False: it has none. */
bool app_split_again(struct app *app, const char *id, workspace_id ws);
/* It could not be opened. */
void app_split_failed(struct app *app, workspace_id ws);
/* The session of the workspace's layout that had the focus last, of those whose programs run; or NULL. */
const char *app_split_latest(struct app *app, const struct workspace *ws);
void app_split_new(struct app *app, enum split_kind kind);
/* Any session into the pane that has the focus, or beside it when it is alone; another layout gives it up. Says what
 * stands against it. */
void app_split_bring(struct app *app, const char *id);
void app_split_close(struct app *app);
/* To the pane on that side; without a layout to the session before or behind in the list. */
void app_split_go(struct app *app, enum split_side side);
void app_split_resize(struct app *app, enum split_side side, int cells);
void app_split_even(struct app *app);
/* The border at a place: its node, or -1. */
int app_split_bar(const struct app *app, int col, int row);
void app_split_drag(struct app *app, int node, int col, int row);
/* Focus to the pane of this place in the layout. */
void app_split_focus(struct app *app, int shown);

/* --- flow.c: what the person wants done, over several steps --- */
/* What is to follow the op of this workspace, or NULL; valid until the next flow call. */
struct flow *flow_of(struct app *app, workspace_id ws);
void flow_open(struct app *app, workspace_id ws); /* Enter */
void flow_run(struct app *app, const struct flow *want);
void flow_session(struct app *app, workspace_id ws, enum session_kind kind, const char *command);
void flow_tick(struct app *app);
void flow_retry(struct app *app, workspace_id ws);
/* ENGINE_APPLY or ENGINE_DISCARD of these paths of an overlay workspace; NULL: all. */
void flow_decide(struct app *app, workspace_id ws, enum engine_plan plan, const struct strvec *paths);
void flow_put_aside(struct app *app, workspace_id ws);
void flow_close_session(struct app *app, const char *id);
void flow_again(struct app *app, const char *id); /* the ended session's program once more */

/* --- app_tasks.c: what is done with a task, wherever it is shown --- */
/* Starts the task of a flow in its workspace, which runs; what a project asks for only with a person's yes. */
void task_start(struct app *app, const struct flow *f);
/* The same, bringing the sandbox up first if need be. */
void task_want(struct app *app, const struct flow *f);
void task_stop(struct app *app, const char *id); /* asks */
/* Runs it again from the beginning, whether it runs, waits or is over. */
void task_restart(struct app *app, const char *id);
void task_dismiss(struct app *app, const char *id); /* one that is over */
void task_log(struct app *app, const char *id);     /* what any session has printed: sessionlog.c */

/* --- app_input.c --- */
void app_on_input(void *app, const struct input_event *ev);
void app_on_bytes(void *app, const char *data, size_t len);
/* Keys that had to wait: as if they were pressed now. */
void app_press(struct app *app, const struct key *keys, size_t count);
/* The opened session has a screen: gives it the keys typed meanwhile. */
void app_type_ahead(struct app *app);
/* The engine is ready: acts on the keys that had to wait for that. */
void app_type_early(struct app *app);
void app_run_command(struct app *app, const struct command *c);

/* --- app_outer.c --- */
/* A reply of the outer terminal to a question of ours. */
void app_outer_reply(struct app *app, const char *data, size_t len);
/* Tells programs of colours and abilities: after a change of theme or settings. Cheap. */
void app_outer_tell(struct app *app);
/* Asks the outer terminal for the keys that whoever has the keyboard now wants. Cheap. */
void app_outer_keys(struct app *app);
void app_on_clipboard(struct app *app, const char *id, const char *text, size_t len);
bool app_clip_waits(const struct app *app);
void app_clip_allow(struct app *app);
void app_clip_forget(struct app *app);

/* --- app_lend.c --- */
/* A frame was painted: the host of the pane with the focus may draw echoes into it (screen_lend), if it stands on the
 * terminal as its program left it. */
void app_prepare_loan(struct app *app);

/* --- app_mouse.c --- */
void app_on_mouse(struct app *app, const struct mouse_event *ev);
/* Asks the terminal for motion without a button while a program in sight wants it, and only then: each one wakes us. */
void app_outer_hover(struct app *app);
/* Several keys may come between two frames: what the one before it selected is what the next is meant for, not what was
 * painted last. */
void app_catch_up(struct app *app);

/* --- frame.c --- */
void frame_draw(struct app *app);
bool frame_is_busy(const struct app *app); /* something that spins is in sight */

/* --- views --- */
void list_draw(const struct app *app, struct surface *s, struct rect r);
bool list_shows_use(const struct app *app); /* columns of use: it is wide enough */
void host_draw(const struct app *app, struct surface *s, struct rect r, const struct tree_row *row);
/* Is the machine of this workspace out of reach? */
bool host_is_down(const struct app *app, const struct workspace *ws);
/* "stops in 3 min", or "". */
void idle_text(const struct workspace *ws, char *out, size_t cap);
/* What brings a sandbox up with the settings of now, and what that means: "r restarts it with ...". */
void drift_cure(const struct app *app, const struct workspace *ws, char *out, size_t cap);
/* What its profile says of another backend than the one that has it, and the keys that move it; or "". */
void wanted_backend_text(const struct app *app, const struct workspace *ws, char *out, size_t cap);
/* Rows of use with their graphs from y on; returns the rows used. */
int usage_draw(const struct app *app, struct surface *s, struct rect r, const struct workspace *ws);
bool list_mouse(struct app *app, const struct mouse_event *ev);
/* The panel of tasks below the list. What is selected in it is selected in the list, too. */
void task_panel_build(struct app *app);
void task_panel_draw(const struct app *app, struct surface *s, struct rect r);
void task_panel_follow(struct app *app); /* brings what was selected since into view */
void task_panel_enter(struct app *app);
void task_panel_move(struct app *app, int delta);
bool task_panel_mouse(struct app *app, const struct mouse_event *ev);
/* In how many milliseconds a task in sight, there or in the list, reads otherwise; 0: none does. */
uint64_t task_panel_next_ms(const struct app *app);
void card_draw(const struct app *app, struct surface *s, struct rect r);
void session_title_draw(const struct app *app, struct surface *s, struct rect r);
void session_draw(const struct app *app, struct surface *s, struct rect r);
/* Where the pane's rows are inside the main rectangle: the rest is the bar of an ended session or the steps of an
 * operation. */
struct rect session_pane_rect(const struct session_info *se, struct rect main);
/* A session's rows, or what is to be said in their place, and the bar of one that has ended. */
void session_body_draw(const struct app *app, const struct pane *p, struct surface *s, struct rect r);
/* The panes of a layout with their titles and borders. */
void split_draw(const struct app *app, struct surface *s);
void op_draw(const struct app *app, struct surface *s, struct rect r);
struct rect op_pane_rect(const struct app *app, struct rect main);
const char *op_session(const struct app *app, const struct op_view *op);
/* The current step's place, from 1, among those that the op view shows, and how many these are. */
void op_count(const struct op_view *op, int *at, int *of);
/* Percent of the running step, -1: not known. */
int op_percent(const struct op_view *op);
void op_bar(const struct app *app, struct surface *s, int x, int y, int w, const struct op_view *op);
void start_draw(const struct app *app, struct surface *s, struct rect r);
bool start_key(struct app *app, struct key key);
void top_draw(const struct app *app, struct surface *s, struct rect r);
void bottom_draw(const struct app *app, struct surface *s, struct rect r);

/* --- dialogs.c --- */
void dialog_help(struct app *app);
void dialog_errors(struct app *app);
void dialog_inspect(struct app *app);
void dialog_log(struct app *app);     /* of the last provision run */
void dialog_changes(struct app *app); /* of an overlay workspace */
void dialog_output(struct app *app);  /* of the main process, as it comes */
void dialog_palette(struct app *app);
void dialog_theme(struct app *app);
void dialog_new_session(struct app *app);
void dialog_sessions(struct app *app); /* all of them, by number or name */
void dialog_rename(struct app *app);   /* a name for the selected session */
void dialog_bring(struct app *app);    /* the same, for the pane that has the focus */
void dialog_profile(struct app *app);
void dialog_start(struct app *app);
void dialog_stop(struct app *app);
void dialog_delete(struct app *app);
void dialog_restart(struct app *app);
void dialog_quit_stop(struct app *app);
void dialog_network(struct app *app, const struct flow *failed, const char *why);
void dialog_inference(struct app *app); /* the inference servers */
void dialog_filter(struct app *app);
void dialog_root(struct app *app);
void dialog_kill(struct app *app);
void dialog_services(struct app *app); /* muthr's own services */
void dialog_up(struct app *app);
void dialog_down(struct app *app);
void dialog_tasks(struct app *app); /* every operation and every task */

/* --- dialogs_task.c --- */
void dialog_new_task(struct app *app);
/* Shows what a project's file wants to run, and asks; goes on with task_want. */
void dialog_task_consent(struct app *app, const struct flow *f, const struct task_def *def);

/* --- dialogs_copy.c: copy mode's --- */
void dialog_search(struct app *app, bool backward);
void dialog_save(struct app *app);   /* the selection, or everything, to a file */
void dialog_editor(struct app *app); /* the same, in the person's editor on the outer terminal */

/* --- dialogs_consent.c --- */
/* Asks what only a person can decide before this is done, and goes on with flow_run; false: there is nothing to ask,
 * and what was decided for good is in *f. */
bool consent_ask(struct app *app, struct flow *f);

/* --- dialogs_wake.c --- */
/* Is what would run the sandbox only asleep? Then the person is asked whether its service is to be started, and the
 * flow goes on when it works. True: asked. */
bool wake_ask(struct app *app, const struct flow *f);
/* The same without a sandbox: the first backend that is asleep. */
void dialog_wake(struct app *app);
/* The name of that one, or NULL. */
const char *wake_name(const struct app *app);
/* A backend was looked at. */
void wake_on_backend(struct app *app);
void dialog_backend(struct app *app);

/* --- dialogs_down.c --- */
/* How long the delete of this workspace (0: of any) can still be taken back; 0: not at all. */
uint64_t undo_left_ms(const struct app *app, workspace_id ws);
/* "Deleting api in 8 s", or "". */
void undo_text(const struct app *app, char *out, size_t cap);
/* Takes back what waits to be deleted; returns how many. */
size_t undo_delete(struct app *app);

#endif
