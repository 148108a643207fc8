/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/serverline.h"

#define BAR_HINTS 64
#define SERVER_MIN_COLS 60 /* on a narrower screen the header is for the workspaces alone */

/* Sandboxes that run. */
static size_t running_count(const struct app *app)
{
    size_t n = 0;
    for (size_t i = 0; i < model_workspace_count(app->model); i++) {
        n += model_workspace_at(app->model, i)->info.state == SANDBOX_RUNNING;
    }
    return n;
}

/* The selected sandbox's inference endpoint at the right edge, as much of it as there is room for after column `from`.
 */
static void draw_server(const struct app *app, struct surface *s, struct rect r, int from)
{
    struct serverline line;
    struct style bar = theme_style(&app->theme, THEME_BAR);
    int end = r.x + r.w - 1;
    if (r.w < SERVER_MIN_COLS) {
        return;
    }
    char job[240], text[260];
    server_text(app->server, job, sizeof(job));
    if (job[0] != '\0') { /* what is being done to it matters more than how it is */
        struct style st = theme_style(&app->theme, THEME_BUSY);
        st.bg = bar.bg;
        str_format(text, sizeof(text), "%s %s", glyph_spinner(loop_now_ms(app->loop), app->ascii), job);
        surface_text_right(s, end, r.y, end - from, st, text);
        return;
    }
    const struct inference_view *v = model_inference_for(app->model, app_workspace(app));
    serverline_build(v, model_inference_count(app->model) > 1 ? v->name : NULL, end - from, app->ascii, &line);
    for (int i = 0, x = end - line.columns; i < line.count; i++) {
        struct style st = theme_style(&app->theme, line.pieces[i].role);
        st.bg = bar.bg;
        x += line.pieces[i].gap;
        x += surface_text(s, x, r.y, end - x, st, line.pieces[i].text);
    }
}

void top_draw(const struct app *app, struct surface *s, struct rect r)
{
    if (r.h <= 0) {
        return;
    }
    struct style bar = theme_style(&app->theme, THEME_BAR), dim = theme_style(&app->theme, THEME_BAR_DIM),
                 strong = theme_style(&app->theme, THEME_BAR_STRONG);
    surface_fill(s, r, bar);
    int x = r.x + 1;
    x += surface_text(s, x, r.y, r.w - 2, strong, "muthr") + 2;
    size_t workspaces = model_workspace_count(app->model), running = running_count(app),
           need = app_attention_count(app);
    x += surface_textf(s, x, r.y, r.x + r.w - x, workspaces ? bar : dim, "%zu %s", workspaces,
                       workspaces == 1 ? "workspace" : "workspaces") +
         2;
    if (app->ready || running) {
        x += surface_textf(s, x, r.y, r.x + r.w - x, running ? bar : dim, "%zu running", running) + 2;
    }
    if (need && x < r.x + r.w) {
        struct style st = theme_style(&app->theme, THEME_ATTENTION);
        st.bg = bar.bg;
        x += surface_textf(s, x, r.y, r.x + r.w - x, st, "%zu %s you", need, need == 1 ? "needs" : "need") + 2;
    }
    size_t unseen = problems_unseen(&app->problems);
    if (unseen && x < r.x + r.w) {
        struct style st = theme_style(&app->theme, THEME_BAD);
        const char *chord = keymap_chord(app->keymap, CONTEXT_LIST, command_find("app.errors"));
        st.bg = bar.bg;
        x += surface_textf(s, x, r.y, r.x + r.w - x, st, "%s %zu new", glyph_text(GLYPH_FAILED, app->ascii), unseen);
        x += 1 + surface_textf(s, x + 1, r.y, r.x + r.w - x - 1, dim, "%s", chord ? chord : "") + 2;
    }
    draw_server(app, s, r, x);
}

/* Adds the commands of a context that have a key and a place in the bottom line. */
static size_t add_commands(const struct app *app, enum command_context context, struct hint *out, size_t n)
{
    char why[200];
    bool ended = context == CONTEXT_SESSION && !app_pane_takes_keys(app);
    for (size_t i = 0; i < command_count && n < BAR_HINTS; i++) {
        const struct command *c = &command_table[i];
        bool inside =
            context == CONTEXT_SESSION && strncmp(c->name, "sandbox.", 8) == 0; /* in a session, its own keys matter */
        bool told = ended && strcmp(c->name, "session.list") == 0;              /* Esc does it, and stands there */
        const char *chord =
            c->rank > 0 && !inside && !told && (c->contexts & context) ? keymap_chord(app->keymap, context, c) : NULL;
        if (chord) {
            out[n++] = (struct hint){.chord = strcmp(chord, "Escape") == 0 ? "Esc" : chord,
                                     .label = c->label,
                                     .rank = c->rank,
                                     .off = c->enabled && !c->enabled(app, why, sizeof(why))};
        }
    }
    return n;
}

/* Among several panes: how to go to the others and how to close one, before what the list tells too. */
static size_t add_panes(const struct app *app, struct hint *out, size_t n)
{
    const struct command *left = command_find("split.left"), *next = command_find("session.next"),
                         *close = command_find("split.close");
    const char *to = keymap_chord(app->keymap, CONTEXT_SESSION, left),
               *shut = keymap_chord(app->keymap, CONTEXT_SESSION, close);
    for (size_t i = 0; i < n; i++) {
        out[i].rank = out[i].label == next->label ? 7 : out[i].rank;
    }
    if (to && strcmp(to, "Left") == 0 && n < BAR_HINTS) {
        out[n++] = (struct hint){"arrows", "panes", 4, false};
    }
    if (shut && n < BAR_HINTS) {
        out[n++] = (struct hint){shut, close->label, 5, false};
    }
    return n;
}

/* In copy mode with a search: to the next match. */
static size_t add_match(const struct app *app, struct hint *out, size_t n)
{
    const struct command *c = command_find("copy.search_next");
    const char *chord = keymap_chord(app->keymap, CONTEXT_COPY, c);
    if (app->pane && app->pane->find.pattern && chord && n < BAR_HINTS) {
        out[n++] = (struct hint){chord, c->label, 3, false};
    }
    return n;
}

/* Is there something for the view of operations and tasks to show? */
static bool something_goes_on(const struct app *app)
{
    for (size_t i = 0; i < model_op_count(app->model); i++) {
        if (tree_op_is_live(model_op_at(app->model, i))) {
            return true;
        }
    }
    for (size_t i = 0; i < model_session_count(app->model); i++) {
        if (model_session_at(app->model, i)->kind == SESSION_TASK) {
            return true;
        }
    }
    return false;
}

/* What only matters now: an operation that can be canceled and read, a filter that can be cleared. */
static size_t add_moment(const struct app *app, enum command_context context, struct hint *out, size_t n)
{
    static const struct {
        const char *name;
        int rank;
    } while_live[] = {{"sandbox.cancel", 1}, {"sandbox.log", 2}};
    const struct workspace *ws = app_workspace(app);
    const struct command *undo = undo_left_ms(app, 0) ? command_find("sandbox.undo") : NULL;
    const char *undo_chord = undo ? keymap_chord(app->keymap, context, undo) : NULL;
    if (undo_chord && n < BAR_HINTS) {
        out[n++] = (struct hint){undo_chord, undo->label, 0, false};
    }
    if (context != CONTEXT_LIST) {
        return n;
    }
    const struct command *tasks = something_goes_on(app) ? command_find("app.tasks") : NULL;
    const char *tasks_chord = tasks ? keymap_chord(app->keymap, context, tasks) : NULL;
    if (tasks_chord && n < BAR_HINTS) {
        out[n++] = (struct hint){tasks_chord, tasks->label, 6, false};
    }
    if (app->marked.len && !app->filter[0] && n < BAR_HINTS) {
        out[n++] = (struct hint){"Esc", "clears the marks", 6, false};
    }
    if (app->filter[0] && n < BAR_HINTS) {
        out[n++] = (struct hint){"Esc", "clears the filter", 1, false};
    }
    for (size_t i = 0; ws && tree_op_is_live(model_op(app->model, ws->op)) && i < MT_ARRAY_LEN(while_live); i++) {
        const struct command *c = command_find(while_live[i].name);
        const char *chord = c ? keymap_chord(app->keymap, context, c) : NULL;
        if (chord && n < BAR_HINTS) {
            out[n++] = (struct hint){chord, c->label, while_live[i].rank, false};
        }
    }
    return n;
}

/* Smaller ranks stand further left; insertion sort keeps equal ones as they come. */
static void order(struct hint *h, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct hint x = h[i];
        size_t k = i;
        for (; k > 0 && h[k - 1].rank > x.rank; k--) {
            h[k] = h[k - 1];
        }
        h[k] = x;
    }
}

/* The keys of the moment. */
static size_t collect(const struct app *app, struct hint *out)
{
    if (app->overlay) {
        return app->overlay->ops->hints(app, app->overlay, out, BAR_HINTS);
    }
    enum command_context context = app_context(app);
    enum app_start start = app_start_kind(app);
    const struct session_info *se = app_session(app);
    size_t n = 0;
    if (start != START_NONE && start != START_LOOKING) {
        out[n++] = (struct hint){
            "Enter", start == START_ROOT_BAD || start == START_NO_BACKEND ? "look again" : "create", 1, false};
        out[n++] = start == START_NO_BACKEND ? (struct hint){"Esc", "go on", 2, false}
                                             : (struct hint){"e", "another folder", 2, false};
        if (start == START_NO_BACKEND && wake_name(app)) {
            out[n++] = (struct hint){"s", "start its service", 2, false};
        }
        out[n++] = (struct hint){"q", "leave", 3, false};
        return n;
    }
    if (context == CONTEXT_SESSION && se && !app_pane_takes_keys(app)) {
        out[n++] = (struct hint){"Enter", "close", 1, false};
        out[n++] = (struct hint){"r", "run again", 2, false};
        out[n++] = (struct hint){"Esc", "list", 3, false};
    }
    n = add_commands(app, context, out, n);
    n = context == CONTEXT_SESSION && app->view.joined ? add_panes(app, out, n) : n;
    n = context == CONTEXT_COPY ? add_match(app, out, n) : n;
    n = add_moment(app, context, out, n);
    order(out, n);
    const struct command *leave = command_find("app.quit");
    for (size_t i = 0; leave && i < n; i++) {
        out[i].rank = out[i].label == leave->label && out[i].rank == leave->rank ? 0 : out[i].rank; /* always there */
    }
    const struct command *help = command_find("app.help");
    const char *chord = help ? keymap_chord(app->keymap, context, help) : NULL;
    if (chord && n < BAR_HINTS) {
        out[n++] = (struct hint){chord, "all keys", 0, false};
    }
    return n;
}

/* Clock and what waits, at the right edge; returns where they begin. */
static int draw_right(const struct app *app, struct surface *s, struct rect r)
{
    char hhmm[8];
    size_t need = app_attention_count(app);
    int end = r.x + r.w - 1;
    struct style dim = theme_style(&app->theme, THEME_BAR_DIM), hot = theme_style(&app->theme, THEME_ATTENTION);
    hot.bg = dim.bg;
    if (r.w >= 60 && need) {
        char text[32];
        str_format(text, sizeof(text), "%s %zu", glyph_text(GLYPH_ATTENTION, app->ascii), need);
        end = surface_text_right(s, end, r.y, 12, hot, text) - 2;
    }
    if (r.w >= 80) {
        clock_hhmm(clock_wall_ms(), hhmm);
        end = surface_text_right(s, end, r.y, 6, dim, hhmm) - 2;
    }
    return end;
}

/* A message stands where the keys were until the next key. */
static void draw_toast(const struct app *app, struct surface *s, struct rect r)
{
    struct style st = theme_style(&app->theme, app->toast.role);
    surface_fill(s, r, st);
    int end = r.x + r.w - 1, signs = app->toast.role == THEME_ERROR ? 2 : 0;
    bool wide = r.w > 60, cut = signs + utf8_columns(app->toast.text, strlen(app->toast.text)) > r.w - 2;
    const struct command *c = command_find("app.errors");
    const char *chord = app->toast.listed && c ? keymap_chord(app->keymap, CONTEXT_LIST, c) : NULL;
    if (chord && (cut || (wide && app->toast.role == THEME_ERROR))) {
        char text[40];
        str_format(text, sizeof(text), "%s%s%s%s", app_pane_takes_keys(app) ? app->config.prefix : "",
                   app_pane_takes_keys(app) ? " " : "", chord, wide ? " all of it" : " all");
        end = surface_text_right(s, end, r.y, 24, st, text) - 2;
    }
    surface_textf(s, r.x + 1, r.y, end - r.x - 1, st, "%s%s%s",
                  app->toast.role == THEME_ERROR ? glyph_text(GLYPH_FAILED, app->ascii) : "",
                  app->toast.role == THEME_ERROR ? " " : "", app->toast.text);
}

void bottom_draw(const struct app *app, struct surface *s, struct rect r)
{
    struct hint hints[BAR_HINTS + 1];
    struct hint_place places[BAR_HINTS + 1];
    struct style bar = theme_style(&app->theme, THEME_BAR);
    if (r.h <= 0) {
        return;
    }
    surface_fill(s, r, bar);
    /* What can still be taken back matters more than a note. */
    bool undo_first = undo_left_ms(app, 0) > 0 && app->toast.role != THEME_ERROR;
    bool fresh = !app->overlay || app->toast.since_ms > app->overlay->since_ms;
    if (app->toast.visible && fresh && !undo_first) {
        draw_toast(app, s, r);
        return;
    }
    int end = draw_right(app, s, r), x = r.x + 1;
    char undo[400];
    undo_text(app, undo, sizeof(undo));
    if (undo[0] && !app->overlay) {
        x += surface_text(s, x, r.y, MT_MAX(r.w - 12, 10), theme_style(&app->theme, THEME_NOTICE), undo) + 2;
    }
    struct style key = theme_style(&app->theme, THEME_KEY), label = theme_style(&app->theme, THEME_KEY_LABEL),
                 off = theme_style(&app->theme, THEME_KEY_OFF);
    key.bg = label.bg = off.bg = bar.bg;
    if (app_context(app) == CONTEXT_SESSION && app_pane_takes_keys(app)) {
        struct style st = app->prefix ? theme_style(&app->theme, THEME_SELECTION) : key;
        x += surface_textf(s, x, r.y, 20, st, app->prefix ? " %s " : "%s", app->config.prefix);
        x += surface_text(s, x, r.y, 7, label, app->prefix ? "  now:" : " then:") + 2;
    }
    size_t n = hints_fit(hints, collect(app, hints), end - x, places);
    for (size_t i = 0; i < n; i++) {
        const struct hint *h = &hints[places[i].index];
        int at = x + places[i].x;
        at += surface_text(s, at, r.y, -1, h->off ? off : key, h->chord) + 1;
        surface_text(s, at, r.y, -1, h->off ? off : label, h->label);
    }
}
