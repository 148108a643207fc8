/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/cockpit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/pick.h"
#include "core/io/pace.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"
#include "term/proto.h"
#include "term/rules.h"
#include "tui/app.h"
#include "tui/boot.h"
#include "tui/clip.h"
#include "tui/editor.h"
#include "tui/opnote.h"
#include "tui/output.h"

#define EXIT_USAGE 64
#define MINUTE_MS 60000
#define FIRST_FRAME_MS 25 /* the first frame waits no longer than this for the sessions, which answer within 2 ms */
#define PROBE_AFTER_MS 20 /* looking for backends starts processes, from which the first frames would be held up */

/* --- callbacks that only record --- */

/* screen_opts.on_resize */
static void on_resize(void *arg, int cols, int rows)
{
    struct app *app = arg;
    app->cols = MT_MAX(cols, 1);
    app->rows = MT_MAX(rows, 1);
    app->tree_dirty = true;
    app_dirty_now(app);
}

/* screen_opts.on_writable */
static void on_writable(void *arg)
{
    struct app *app = arg;
    app->painting_blocked = false;
    if (app->dirty) {
        timer_start(app->frame_timer, 0);
    }
}

/* screen_opts.on_hangup, and signals: the cockpit leaves, nothing else does. */
static void on_hangup(void *arg)
{
    app_quit(arg);
}

static void on_signal(void *arg, int signum)
{
    if (signum == SIGINT && editor_has_terminal(arg)) {
        return; /* it was meant for the editor */
    }
    log_info("signal %d: leaving", signum);
    app_quit(arg);
}

/* port_viewer.on_frame: new rows of a viewed session. */
static void on_frame(void *arg, const char *id)
{
    struct app *app = arg;
    struct pane *p = app_pane_of(app, id);
    if (app->quitting || !p) {
        return;
    }
    bool now = p->key_sent || clock_mono_ms() < p->key_ms + PROTO_KEY_WINDOW_MS;
    p->key_sent = false;
    pane_on_frame(p);
    app_type_ahead(app);
    app_dirty_rows(app, now); /* what a key brought is painted at once */
}

/* port_viewer.on_clipboard */
static void on_clipboard(void *arg, const char *id, const char *text, size_t len)
{
    app_on_clipboard(arg, id, text, len);
}

/* A moment of the spinner, or a minute of the clock. */
static void on_moment(void *arg)
{
    app_dirty(arg);
}

/* An ESC that nothing followed is the Escape key. */
static void on_esc(void *arg)
{
    struct app *app = arg;
    input_flush(app->input);
}

static void watch_files(struct app *app);

/* engine_on_ready: by now the first run has made the configuration folder. */
static void on_ready(void *arg)
{
    struct app *app = arg;
    app->ready = true;
    watch_files(app);
    app_select_last_used(app);
    app_tick_soon(app);
    app_tree_dirty(app);
}

/* port_on_scanned: every live session is known. */
static void on_scanned(void *arg)
{
    struct app *app = arg;
    app_split_scanned(app);
    if (app->opts->session) {
        str_copy(app->want_session, sizeof(app->want_session), app->opts->session);
        app_tick_soon(app);
    }
    app_select_last_used(app);
    app->tree_dirty = true;
    app_dirty_now(app);
}

/* pane_events */
static void pane_dirty(void *arg)
{
    app_dirty(arg);
}

static void pane_copied(void *arg, const char *text, size_t len)
{
    struct app *app = arg;
    clip_copy(app->loop, app->screen, text, len);
}

static void pane_held(void *arg, struct pane *p, const struct key *keys, size_t count)
{
    struct app *app = arg;
    if (p == app->pane) {
        app_press(app, keys, count);
    }
}

static void pane_message(void *arg, const char *text)
{
    app_say(arg, "%s", text);
}

static void pane_stuck(void *arg)
{
    struct app *app = arg;
    const char *chord = keymap_chord(app->keymap, CONTEXT_SESSION, command_find("session.interrupt"));
    app_say(app, "%s %s interrupts it: Ctrl-C waits behind what was pasted and it does not read", app->config.prefix,
            chord ? chord : ": session.interrupt");
}

/* The configuration, or a theme of the person's own, was saved. */
static void on_config_change(void *arg, const char *name)
{
    struct app *app = arg;
    if (!app->quitting && (!name || strcmp(name, path_base(app->config.path)) == 0)) {
        app_config_reload(app, false);
    }
    if (!app->quitting && (!name || strcmp(name, RULES_FILE) == 0)) {
        app_check_rules(app);
    }
}

static void on_theme_change(void *arg, const char *name)
{
    struct app *app = arg;
    size_t n = strlen(app->theme_name);
    if (!app->quitting && (!name || (strncmp(name, app->theme_name, n) == 0 && strcmp(name + n, ".toml") == 0))) {
        app_theme_set(app, app->theme_name, false);
    }
}

/* Follows the configuration and the person's own themes, as soon as their folders exist. */
static void watch_files(struct app *app)
{
    MT_CLEANUP(xfree) char *themes = path_join(app->paths->config, "themes");
    if (!app->config_watch && fs_is_dir(app->paths->config)) {
        app->config_watch = dirwatch_new(app->loop, app->paths->config, on_config_change, app, NULL);
    }
    if (!app->theme_watch && fs_is_dir(themes)) {
        app->theme_watch = dirwatch_new(app->loop, themes, on_theme_change, app, NULL);
    }
}

/* --- opening --- */

/* The terminal first: without one there is nothing to do. */
static int open_screen(struct app *app, struct error *err)
{
    const char *no_color = getenv("NO_COLOR");
    struct screen_opts opts = {
        .mouse = app->config.mouse && !app->opts->no_mouse,
        .no_color = no_color && *no_color,
        .on_input = app_on_bytes,
        .on_resize = on_resize,
        .on_writable = on_writable,
        .on_hangup = on_hangup,
        .arg = app,
    };
    app->input = input_new(app_on_input, app);
    if (screen_open(&app->screen, app->loop, &opts, err) != 0) {
        return -1;
    }
    screen_add_keys(app->screen, app->input);
    screen_size(app->screen, &app->cols, &app->rows);
    screen_send(app->screen, "\033[22;2t", 7); /* keeps the window's own title for later */
    surface_init(&app->frame, app->cols, app->rows);
    app->frame_timer = timer_new(app->loop, app_paint, app);
    app->spin_timer = timer_new(app->loop, on_moment, app);
    app->esc_timer = timer_new(app->loop, on_esc, app);
    app->minute_timer = timer_new(app->loop, on_moment, app);
    app->age_timer = timer_new(app->loop, on_moment, app);
    timer_repeat(app->minute_timer, MINUTE_MS); /* clock and ages show minutes */
    return 0;
}

/* Sessions and engine. */
static int open_engine(struct app *app, struct error *err)
{
    struct port_viewer viewer = {.on_frame = on_frame, .on_clipboard = on_clipboard, .arg = app};
    struct pane_events pane = {.on_dirty = pane_dirty,
                               .on_copied = pane_copied,
                               .on_message = pane_message,
                               .on_stuck = pane_stuck,
                               .on_held = pane_held,
                               .arg = app};
    if (port_open(&app->port, app->loop, app->paths, &app->config, app->model, err) != 0) {
        return -1;
    }
    app->sessions = port_sessions(app->port);
    sessions_lend(app->sessions, screen_terminal(app->screen));
    port_set_viewer(app->port, &viewer);
    for (size_t i = 0; i < MT_ARRAY_LEN(app->panes); i++) {
        pane_init(&app->panes[i], app->loop, app->sessions, &pane);
    }
    struct engine_opts opts = {.loop = app->loop,
                               .paths = app->paths,
                               .config = &app->config,
                               .model = app->model,
                               .bus = app->bus,
                               .registry = backend_registry,
                               .order = pick_order(PICK_PLATFORM),
                               .idle_stop = true,
                               .probe_after_ms = PROBE_AFTER_MS};
    port_fill(app->port, &opts.port);
    app->engine = engine_new(&opts, err);
    if (!app->engine) {
        return -1;
    }
    engine_on_ready(app->engine, on_ready, app);
    app_sync_inference(app);
    port_on_scanned(app->port, on_scanned, app);
    return 0;
}

/* Signals and files that are followed while it runs; without them it works all the same. */
static void open_watches(struct app *app)
{
    static const int signals[] = {SIGTERM, SIGHUP, SIGINT};
    for (size_t i = 0; i < MT_ARRAY_LEN(signals); i++) {
        app->signals[i] = signal_watch_new(app->loop, signals[i], on_signal, app, NULL);
    }
    watch_files(app);
    app_split_watch(app);
}

/* --- closing, in the reverse order --- */

static void close_screen(struct app *app)
{
    editor_close(app);
    timer_close(app->frame_timer);
    timer_close(app->spin_timer);
    timer_close(app->esc_timer);
    timer_close(app->minute_timer);
    timer_close(app->age_timer);
    timer_close(app->quit_timer);
    timer_close(app->split_timer);
    app->frame_timer = NULL;
    if (app->screen) {
        static const char back[] = "\033]2;\033\\\033[23;2t"; /* its own title again */
        screen_send(app->screen, back, sizeof(back) - 1);
        screen_close(app->screen);
        surface_release(&app->frame);
    }
    app->screen = NULL;
    input_free(app->input);
}

static void close_watches(struct app *app)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(app->signals); i++) {
        if (app->signals[i]) {
            signal_watch_close(app->signals[i]);
        }
    }
    if (app->config_watch) {
        dirwatch_close(app->config_watch);
    }
    if (app->theme_watch) {
        dirwatch_close(app->theme_watch);
    }
    dirwatch_close(app->split_watch);
}

/* Everything that is only memory. */
static void release_state(struct app *app)
{
    app_clip_forget(app);
    tree_release(&app->tree);
    tasklist_release(&app->tasks);
    tree_set_release(&app->collapsed);
    tree_set_release(&app->marked);
    tree_set_release(&app->warned);
    problems_release(&app->problems);
    alert_release(&app->alerts);
    split_store_release(&app->splits);
    usage_release(&app->usage);
    strvec_release(&app->refused);
    strvec_release(&app->agreed);
    free(app->flows);
    keymap_free(app->keymap);
    for (size_t i = 0; i < app->retired_count; i++) {
        config_release(&app->retired[i]);
    }
    free(app->retired);
    config_release(&app->config);
}

/* What goes on without us, told on the normal screen. */
static void say_goodbye(size_t sessions, size_t undone)
{
    if (undone) {
        printf("nothing was deleted: leaving took %s back\n", undone == 1 ? "the delete" : "the deletes");
    }
    if (sessions) {
        printf("%zu %s on; `muthr-tui` brings %s back\n", sessions, sessions == 1 ? "session goes" : "sessions go",
               sessions == 1 ? "it" : "them");
    }
}

/* Sessions whose programs run. */
static size_t running_sessions(const struct app *app)
{
    size_t n = 0;
    for (size_t i = 0; i < model_session_count(app->model); i++) {
        n += model_session_at(app->model, i)->state == SESSION_RUNNING;
    }
    return n;
}

/* The log file; without one the ring of the error view goes on. */
static void open_log(struct app *app)
{
    struct error err = ERROR_INIT;
    MT_CLEANUP(xfree)
    char *path = app->config.log[0] ? path_expand(app->config.log, app->paths->home)
                                    : path_join(app->paths->state, "muthr-tui.log");
    if (fs_mkdirs(app->paths->state, 0700, &err) != 0 || log_open(path, &err) != 0) {
        log_warn("no log file: %s", err.msg);
    }
}

/* Asks the terminal of itself; the answers come as input, some time or never. */
static void ask_outer(struct app *app)
{
    MT_CLEANUP(strbuf) struct strbuf ask = STRBUF_INIT;
    outer_ask_all(&ask, screen_depth(app->screen) != COLOR_MONO);
    screen_ask(app->screen, &ask);
    app_outer_tell(app);
}

/* Opens what is needed; the exit code says what was missing. */
static int open_all(struct app *app, struct error *err)
{
    app_config_reload(app, true);
    open_log(app);
    app_load_prefs(app);
    app_split_load(app);
    if (open_screen(app, err) != 0) {
        return EXIT_USAGE;
    }
    app->toast.since_ms = loop_now_ms(app->loop);
    app->bus = bus_new();
    app->model = model_new(app->bus);
    app->server = server_new(app);
    app->sub = bus_subscribe(app->bus, app_on_event, app);
    app->notes = opnotes_new(app->paths, app->bus, app->model);
    MT_CLEANUP(xfree) char *ops = opnote_dir(app->paths);
    app->ops = oplist_new(ops);
    if (open_engine(app, err) != 0) {
        return 1;
    }
    open_watches(app);
    ask_outer(app);
    app->tree_dirty = app->dirty = true;
    timer_start(app->frame_timer, FIRST_FRAME_MS); /* sooner when the sessions are known */
    return 0;
}

/* Closes what was opened, in the reverse order; returns the sessions that go on. */
static size_t close_all(struct app *app)
{
    size_t left = app->model ? running_sessions(app) : 0;
    bool stuck = app->engine != NULL || server_is_busy(app->server) || (app->boot && !boot_is_over(app->boot));
    overlay_close_all(app);
    if (!stuck) {
        boot_free(app->boot);
        app->boot = NULL;
    }
    app_split_save(app);
    close_watches(app);
    opnotes_free(app->notes);
    oplist_free(app->ops);
    if (app->sub) {
        bus_unsubscribe(app->bus, app->sub);
    }
    if (app->port) {
        port_set_viewer(app->port, NULL);
        for (size_t i = 0; i < MT_ARRAY_LEN(app->panes); i++) {
            pane_show(&app->panes[i], NULL, 0, 0);
        }
        port_close(app->port);
        for (size_t i = 0; i < MT_ARRAY_LEN(app->panes); i++) {
            pane_release(&app->panes[i]);
        }
    }
    close_screen(app);
    if (stuck) {
        return left; /* an operation would not end: what it still holds goes with the process */
    }
    server_free(app->server);
    if (app->model) {
        model_free(app->model);
        bus_free(app->bus);
    }
    release_state(app);
    loop_free(app->loop);
    return left;
}

int cockpit_main(const struct cockpit_opts *opts)
{
    struct app *app = xcalloc(1, sizeof(*app));
    struct error err = ERROR_INIT;
    app->opts = opts;
    app->paths = opts->paths;
    app->outer_focus = true;
    app->alerts.begin_wall_ms = clock_wall_ms();
    app->selected_row = -1;
    app->pane = &app->panes[0];
    app->refused = app->agreed = STRVEC_INIT;
    app->loop = loop_new();
    pace_set(PACE_PROMPT); /* keys, and what they bring */
    theme_default(&app->theme);
    str_copy(app->theme_name, sizeof(app->theme_name), "default");
    int rc = open_all(app, &err);
    if (rc == 0) {
        loop_run(app->loop);
        rc = app->exit_code;
    } else if (app->engine) {
        app->quitting = true;
    }
    size_t undone = app->undone;
    size_t left = close_all(app);
    if (rc != 0) {
        output_error(&err);
    } else {
        say_goodbye(left, undone);
    }
    free(app);
    return rc;
}
