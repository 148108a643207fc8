/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/match.h"
#include "tui/tasktext.h"

#define CALL_LEAST 10 /* columns in which the words of a call say something */

#define UNDERLINED ((uint32_t)CELL_UL_SINGLE << CELL_UL_SHIFT)
#define DOUBLE_CLICK_MS 400
/* So wide a list has columns of use. */
#define USE_LIST_COLS 44
#define USE_MEMORY_COLS 11
#define USE_CPU_COLS 5

/* The pen of one row: role colours on the row's background. */
struct pen {
    const struct app *app;
    struct surface *s;
    struct rect r;
    struct style base;
    bool on;
};

/* A role on this row's background. */
static struct style ink(const struct pen *p, enum theme_role role)
{
    struct style st = theme_style(&p->app->theme, role);
    st.bg = p->base.bg;
    if (p->on) {
        st.attrs |= p->base.attrs & (CELL_REVERSE | UNDERLINED);
        if (p->base.attrs & CELL_REVERSE) {
            st.fg = p->base.fg; /* without colours a selected row is reversed whole */
        }
    }
    return st;
}

/* Minutes, hours or days since then; `young` below a minute: nobody needs to see seconds ticking. */
static void age(uint64_t since_wall_ms, const char *young, char *out, size_t cap)
{
    uint64_t now = clock_wall_ms();
    out[0] = '\0';
    if (since_wall_ms && now >= since_wall_ms + 60000) {
        clock_short((now - since_wall_ms) / 60000 * 60000, out, cap);
    } else if (since_wall_ms) {
        str_copy(out, cap, young);
    }
}

/* A row's right text, and what is left of the width for its name. */
static int right_text(const struct pen *p, const char *text, enum theme_role role, int max)
{
    int end = p->r.x + p->r.w - 1;
    if (!*text) {
        return end;
    }
    return surface_text_right(p->s, end, p->r.y, max, ink(p, role), text) - 1;
}

/* Lights what the filter matched. */
static void light(const struct pen *p, const char *text, int x, int end)
{
    struct match m;
    struct style hot = theme_style(&p->app->theme, THEME_MATCH);
    if (!p->app->filter[0] || !match_words(p->app->filter, text, &m)) {
        return;
    }
    for (size_t i = 0; i < MATCH_BYTES && text[i] && x < end;) {
        int w = 0;
        size_t n = utf8_cluster(text + i, strlen(text + i), &w);
        if (m.hit[i]) {
            surface_tint(p->s, (struct rect){x, p->r.y, w, 1},
                         (struct style){.fg = hot.fg, .bg = 0xFFFFFFFF, .attrs = hot.attrs});
        }
        x += w;
        i += n;
    }
}

/* What stands right in a workspace's row: a state that is not plain, else who runs it. */
static enum theme_role workspace_word(const struct app *app, const struct workspace *ws, const struct op_view *op,
                                      char *out, size_t cap)
{
    enum sandbox_state state = model_shown_state(app->model, ws);
    struct state_look look = glyph_workspace(app->model, ws);
    if (op && tree_op_is_live(op)) {
        uint64_t undo = undo_left_ms(app, ws->id);
        if (undo && !op->canceling) {
            str_format(out, cap, "deleting in %llu s", (unsigned long long)(undo + 999) / 1000);
            return THEME_WARN;
        }
        bool down = strcmp(op->plan, "stop") == 0, gone = strcmp(op->plan, "delete") == 0;
        str_format(out, cap, "%s",
                   op->canceling                      ? "canceling"
                   : op->state == OP_QUEUED           ? "waiting"
                   : down                             ? "stopping"
                   : gone                             ? "deleting"
                   : strcmp(op->plan, "apply") == 0   ? "applying"
                   : strcmp(op->plan, "discard") == 0 ? "forgetting"
                                                      : look.word);
        return THEME_BUSY;
    }
    if (host_is_down(app, ws)) {
        str_copy(out, cap, "out of reach");
        return THEME_DIM;
    }
    if (ws->name_error[0]) {
        str_copy(out, cap, "unusable");
        return THEME_WARN;
    }
    if (op && op->state == OP_FAILED) {
        str_format(out, cap, "%s failed", op->plan);
        return THEME_BAD;
    }
    if (ws->elsewhere) {
        str_copy(out, cap, "no project here");
        return THEME_WARN;
    }
    if (ws->missing || ws->info.workspace_missing) {
        str_copy(out, cap, ws->missing ? "folder gone" : "folder replaced");
        return THEME_BAD;
    }
    if (state == SANDBOX_FAILED && ws->info.reason[0]) {
        str_copy(out, cap, ws->info.reason);
        return look.role;
    }
    if (state == SANDBOX_RUNNING && ws->info.halted) {
        str_copy(out, cap, ws->info.reason);
        return THEME_WARN;
    }
    if ((state == SANDBOX_RUNNING || state == SANDBOX_STOPPED) && ws->provisioned == 0) {
        str_copy(out, cap, app->layout.list.w >= 50 ? look.word : "not provisioned");
        return THEME_WARN;
    }
    if (ws->orphan) {
        str_copy(out, cap, "left over");
        return THEME_WARN;
    }
    if (state == SANDBOX_RUNNING && !ws->drift) {
        idle_text(ws, out, cap);
        if (out[0]) {
            return THEME_INFO;
        }
    }
    if (state == SANDBOX_RUNNING) {
        str_copy(out, cap, ws->drift ? "running, changed" : look.word);
        return ws->drift ? THEME_WARN : THEME_DIM;
    }
    /* Before everything was looked at once, nobody knows that there is none. */
    str_copy(out, cap, ws->reserved ? "reserved" : state == SANDBOX_NONE && !app->ready ? "" : look.word);
    return look.role;
}

/* Who runs it is worth a word where there is room, and more than one does. */
static const char *backend_word(const struct app *app, const struct workspace *ws)
{
    if (ws->info.state == SANDBOX_NONE || app->layout.list.w < 44) {
        return "";
    }
    for (size_t i = 0; i < model_workspace_count(app->model); i++) {
        const struct workspace *other = model_workspace_at(app->model, i);
        if (other->info.state != SANDBOX_NONE && strcmp(other->backend, ws->backend) != 0) {
            return ws->backend;
        }
    }
    return "";
}

/* Does a session in the folded workspace want a person? */
static bool wants_person(const struct app *app, const struct workspace *ws)
{
    const struct session_info *s;
    for (size_t i = 0; ws->sandbox[0] && (s = model_session_of(app->model, ws->sandbox, i)) != NULL; i++) {
        if (tree_shows_session(s) && session_wants_person(s)) {
            return true;
        }
    }
    return false;
}

bool list_shows_use(const struct app *app)
{
    return app->layout.list.w >= USE_LIST_COLS && app->tree.count > 0;
}

/* CPU and memory in their columns instead of the word that it runs; returns where they begin. */
static int draw_use(const struct pen *p, const struct workspace *ws)
{
    char text[40], mem[16], limit[16];
    uint32_t cpu = 0;
    uint64_t memory = 0;
    int end = p->r.x + p->r.w - 1;
    const struct usage_ring *ring = usage_of(&p->app->usage, ws->id);
    if (!ws->have_stats) {
        return right_text(p, "running", THEME_DIM, 12);
    }
    usage_bytes(ws->stats.memory_bytes, mem, sizeof(mem));
    usage_bytes(ws->stats.memory_limit_bytes, limit, sizeof(limit));
    bool bound = ws->stats.memory_limit_bytes != 0;
    bool tight = bound && ws->stats.memory_bytes > ws->stats.memory_limit_bytes / 10 * 9;
    str_format(text, sizeof(text), "%s%s%s", mem, bound ? "/" : "", bound ? limit : "");
    surface_text_right(p->s, end, p->r.y, USE_MEMORY_COLS, ink(p, tight ? THEME_WARN : THEME_DIM), text);
    end -= USE_MEMORY_COLS + 1;
    if (usage_get(ring, 0, &cpu, &memory)) {
        str_format(text, sizeof(text), "%u%%", cpu);
        surface_text_right(p->s, end, p->r.y, USE_CPU_COLS, ink(p, cpu >= 100 ? THEME_BUSY : THEME_DIM), text);
    }
    return end - USE_CPU_COLS - 1;
}

/* A workspace's row. */
static void draw_workspace(const struct pen *p, const struct tree_row *row)
{
    const struct app *app = p->app;
    const struct workspace *ws = model_workspace(app->model, row->ws);
    if (!ws) {
        return;
    }
    const struct op_view *op = model_op(app->model, ws->op);
    struct state_look look = glyph_workspace(app->model, ws);
    bool live = tree_op_is_live(op);
    if (!live && op && op->state == OP_FAILED) {
        look.glyph = GLYPH_FAILED;
        look.role = THEME_BAD;
    }
    char word[200];
    enum theme_role role = workspace_word(app, ws, op, word, sizeof(word));
    int x = p->r.x, y = p->r.y;
    if (tree_set_has(&app->marked, ws->id)) {
        surface_text(p->s, x, y, 1, ink(p, THEME_ACCENT), glyph_text(GLYPH_MARK, app->ascii));
    }
    if (row->has_children) {
        surface_text(p->s, x + 1, y, 1, ink(p, THEME_DIM),
                     glyph_text(row->expanded ? GLYPH_EXPANDED : GLYPH_FOLDED, app->ascii));
    }
    const char *sign =
        live || look.spins ? glyph_spinner(loop_now_ms(app->loop), app->ascii) : glyph_text(look.glyph, app->ascii);
    surface_text(p->s, x + 3, y, 1, ink(p, live ? THEME_BUSY : look.role), sign);
    bool plain = role == THEME_DIM && look.glyph == GLYPH_RUNNING && !live;
    int end = plain && list_shows_use(app) ? draw_use(p, ws) : right_text(p, word, role, MT_MAX(p->r.w / 2, 12));
    const char *backend = backend_word(app, ws);
    if (*backend) {
        end = surface_text_right(p->s, end - 1, y, 10, ink(p, THEME_DIM), backend) - 1;
    }
    bool quiet = (look.role == THEME_DIM && !live) || host_is_down(app, ws);
    int used = surface_text(p->s, x + 5, y, end - x - 5,
                            p->on ? ink(p, THEME_SELECTION)
                                  : ink(p, host_is_down(app, ws) ? THEME_DIM
                                           : quiet               ? THEME_TEXT
                                                                 : THEME_STRONG),
                            ws->shown);
    light(p, ws->shown, x + 5, x + 5 + used);
    if (row->has_children && !row->expanded && wants_person(app, ws) && x + 6 + used < end) {
        surface_text(p->s, x + 6 + used, y, 1, ink(p, THEME_ATTENTION), glyph_text(GLYPH_ATTENTION, app->ascii));
        used += 2;
    }
    const struct inference_view *v = model_inference_for(app->model, ws);
    int cols = utf8_columns(v->name, strlen(v->name));
    if (strcmp(v->name, INFERENCE_DEFAULT) != 0 && ws->info.state == SANDBOX_RUNNING && x + 6 + used + cols < end) {
        surface_text(p->s, x + 6 + used, y, cols, ink(p, THEME_DIM), v->name);
    }
}

void op_bar(const struct app *app, struct surface *s, int x, int y, int w, const struct op_view *op)
{
    struct style full = theme_style(&app->theme, THEME_GAUGE), empty = theme_style(&app->theme, THEME_GAUGE_BACK);
    int at, of;
    op_count(op, &at, &of);
    int percent = op_percent(op);
    int done = of > 0 ? ((at - 1) * 100 + MT_MAX(percent, 0)) * w / (of * 100) : 0;
    for (int i = 0; i < w; i++) {
        surface_text(s, x + i, y, 1, i < done ? full : empty,
                     glyph_text(i < done ? GLYPH_BAR_FULL : GLYPH_BAR_EMPTY, app->ascii));
    }
}

/* The progress line below a workspace. */
static void draw_op(const struct pen *p, const struct tree_row *row)
{
    const struct app *app = p->app;
    const struct workspace *ws = model_workspace(app->model, row->ws);
    const struct op_view *op = ws ? model_op(app->model, ws->op) : NULL;
    if (!op || op->step_count == 0) {
        return;
    }
    char time[24] = "";
    if (op->started_ms) {
        clock_mmss(clock_mono_ms() - op->started_ms, time, sizeof(time));
    }
    int x = p->r.x + 5, w = 10, at, of;
    op_count(op, &at, &of);
    if (p->r.w < 40) {
        w = p->r.w < 30 ? 5 : 7; /* the name of the step is worth more */
    }
    op_bar(app, p->s, x, p->r.y, w, op);
    int end = right_text(p, time, THEME_DIM, 10);
    const struct op_step_view *st = &op->steps[MT_MIN(op->step, op->step_count - 1)];
    char percent[8] = "";
    if (op_percent(op) >= 0) {
        str_format(percent, sizeof(percent), " %d%%", op_percent(op));
    }
    surface_textf(p->s, x + w + 1, p->r.y, end - x - w - 1, ink(p, THEME_DIM), "%d/%d %s%s", at, of, st->name, percent);
}

/* A session's right text: its state and for how long. */
static void session_word(const struct session_info *s, const struct state_look *look, char *out, size_t cap)
{
    char time[24];
    if (s->kind == SESSION_TASK && !s->silent_since_ms && s->attention != ATTENTION_WAITING) {
        tasktext_brief(s, clock_wall_ms(), out, cap);
        return;
    }
    uint64_t since = s->attention != ATTENTION_NONE ? s->attention_since_ms
                     : s->working                   ? s->last_input_wall_ms
                                                    : s->last_output_wall_ms;
    if (s->state == SESSION_EXITED) {
        session_end_text(s->exit_code, s->exit_signal, out, cap);
        return;
    }
    if (s->silent_since_ms) {
        char at[8];
        clock_hhmm(s->silent_since_ms, at);
        str_format(out, cap, "no answer %s", at);
        return;
    }
    age(since, s->attention != ATTENTION_NONE ? "<1m" : "", time, sizeof(time));
    str_format(out, cap, "%s%s%s", look->word, *look->word && *time ? " " : "", time);
}

/* How full an agent's context is, left of column `end`, where the name, which ends at `from`, leaves room for it.
 * Returns where the rest ends. */
static int draw_pressure(const struct pen *p, const struct session_info *s, int end, int from)
{
    char text[40];
    enum theme_role role = s->kind == SESSION_AGENT ? app_pressure_text(p->app, s, text, sizeof(text)) : THEME_DIM;
    int cols = s->kind == SESSION_AGENT ? utf8_columns(text, strlen(text)) : 0;
    if (cols == 0 || end - cols < from + 1) {
        return end;
    }
    surface_text_right(p->s, end, p->r.y, cols, ink(p, role), text);
    return end - cols - 1;
}

/* Is there room for the text, or for so much of it that it can be understood? */
static bool says_something(int cols, const char *text)
{
    return cols >= 14 || (cols > 0 && utf8_columns(text, strlen(text)) <= cols);
}

/* A session's row. */
static void draw_session(const struct pen *p, const struct tree_row *row)
{
    const struct app *app = p->app;
    const struct session_info *s = model_session(app->model, row->session);
    if (!s) {
        return;
    }
    struct state_look look = glyph_session(s);
    char word[64], call[200] = "", brief[16] = "";
    if (session_wants_person(s) && s->state == SESSION_RUNNING) {
        glyph_call(s, false, call, sizeof(call));
        glyph_call(s, true, brief, sizeof(brief));
    }
    const char *name = session_shown(s);
    bool spelled = *call && p->r.w - 9 - utf8_columns(name, strlen(name)) - 6 >= CALL_LEAST;
    look.word = spelled ? "" : *brief ? brief : look.word;
    if (s->silent_since_ms) {
        look = (struct state_look){.glyph = GLYPH_UNKNOWN, .word = "", .role = THEME_BAD};
    }
    session_word(s, &look, word, sizeof(word));
    int number = app_number(app, s->id), x = p->r.x, y = p->r.y;
    if (number) { /* one digit is its key; more than one are typed into the list of all sessions */
        surface_textf(p->s, x + 4, y, 2, ink(p, number <= APP_DIGITS ? THEME_KEY : THEME_DIM), "%2d", number);
    }
    const char *sign =
        look.spins ? glyph_spinner(loop_now_ms(app->loop), app->ascii) : glyph_text(look.glyph, app->ascii);
    surface_text(p->s, x + 7, y, 1, ink(p, look.role), sign);
    int end = right_text(p, word, look.role, p->r.w / 2);
    end = spelled ? end : draw_pressure(p, s, end, x + 9 + utf8_columns(name, strlen(name)));
    int used = surface_text(p->s, x + 9, y, end - x - 9, ink(p, p->on ? THEME_SELECTION : THEME_TEXT), name);
    light(p, name, x + 9, x + 9 + used);
    if (s->front[0] && s->state == SESSION_RUNNING && !spelled && x + 11 + used + 2 < end) {
        used += 2 + surface_text(p->s, x + 11 + used, y, end - x - 12 - used, ink(p, THEME_DIM), s->front);
    }
    if (spelled) {
        surface_text(p->s, x + 10 + used, y, end - x - 10 - used, ink(p, THEME_ATTENTION), call);
    } else if (s->attention_text[0] && says_something(end - x - 12 - used, s->attention_text)) {
        surface_text(p->s, x + 11 + used, y, end - x - 12 - used, ink(p, THEME_DIM), s->attention_text);
    }
}

/* The line above the rows: what is shown, of how many, in which order. */
static void draw_head(const struct app *app, struct surface *s, struct rect r)
{
    bool focus = app->focus == FOCUS_LIST;
    int x = r.x + 1 +
            surface_text(s, r.x + 1, r.y, r.w - 2, theme_style(&app->theme, focus ? THEME_TITLE_FOCUS : THEME_TITLE),
                         "Workspaces");
    char note[160];
    int rows = r.h - 1;
    if (app->filter[0]) {
        str_format(note, sizeof(note), "/%s", app->filter);
    } else if (app->marked.len) {
        str_format(note, sizeof(note), "%zu marked", app->marked.len);
    } else if (app->sort != TREE_SORT_NAME) {
        str_copy(note, sizeof(note), tree_sort_name(app->sort));
    } else if ((int)app->tree.count > rows) {
        str_format(note, sizeof(note), "%d-%d of %zu", app->list_top + 1,
                   MT_MIN(app->list_top + rows, (int)app->tree.count), app->tree.count);
    } else if (list_shows_use(app) && app->watched_count) {
        surface_text_right(s, r.x + r.w - 1, r.y, USE_MEMORY_COLS, theme_style(&app->theme, THEME_DIM), "memory");
        surface_text_right(s, r.x + r.w - 2 - USE_MEMORY_COLS, r.y, USE_CPU_COLS, theme_style(&app->theme, THEME_DIM),
                           "cpu");
        return;
    } else {
        return;
    }
    surface_text_right(s, r.x + r.w - 1, r.y, r.x + r.w - x - 3,
                       theme_style(&app->theme, app->filter[0] ? THEME_MATCH : THEME_DIM), note);
}

void list_draw(const struct app *app, struct surface *s, struct rect r)
{
    struct rect old = surface_clip(s, r);
    surface_fill(s, r, theme_style(&app->theme, THEME_TEXT));
    draw_head(app, s, r);
    for (int y = 1; y < r.h; y++) {
        size_t i = (size_t)(app->list_top + y - 1);
        if (i >= app->tree.count) {
            break;
        }
        const struct tree_row *row = &app->tree.rows[i];
        struct pen p = {.app = app, .s = s, .r = {r.x, r.y + y, r.w, 1}, .on = (int)i == app->selected_row};
        p.base = theme_style(&app->theme, !p.on                      ? THEME_TEXT
                                          : app->focus == FOCUS_LIST ? THEME_SELECTION
                                                                     : THEME_SELECTION_DIM);
        bool dim = p.on && app->focus != FOCUS_LIST && screen_depth(app->screen) == COLOR_MONO;
        if (dim) { /* a shade of grey says nothing without colours */
            p.base.attrs |= UNDERLINED;
        }
        surface_fill(s, p.r, p.base);
        if (dim) {
            surface_text(s, p.r.x, p.r.y, 1, p.base, ">");
        }
        if (row->kind == TREE_WORKSPACE) {
            draw_workspace(&p, row);
        } else if (row->kind == TREE_HOST || row->kind == TREE_HOST_WHY) {
            host_draw(app, s, p.r, row);
        } else if (row->kind == TREE_OP) {
            draw_op(&p, row);
        } else {
            draw_session(&p, row);
        }
    }
    if (app->tree.count == 0 && app->filter[0]) {
        surface_textf(s, r.x + 3, r.y + 2, r.w - 4, theme_style(&app->theme, THEME_DIM),
                      "Nothing matches. Esc clears the filter.");
    }
    surface_unclip(s, old);
}

/* A press on a row: select; on its fold sign: fold; twice: open. */
static void press(struct app *app, const struct mouse_event *ev, int row)
{
    const struct tree_row *r = &app->tree.rows[row];
    uint64_t now = loop_now_ms(app->loop);
    bool twice = app->click.y == ev->row && now - app->click.ms < DOUBLE_CLICK_MS;
    app->click.y = ev->row;
    app->click.ms = twice ? 0 : now;
    if (r->kind == TREE_HOST || r->kind == TREE_HOST_WHY) {
        const struct backend_view *b = tree_host(app->model, r->host);
        if (r->host[0] && b && b->probed && !b->probe.usable) {
            engine_retry_backend(app->engine, b->name, b->host);
            app_say(app, "Looking again: %s", b->probe.reason);
        }
        return;
    }
    if (r->kind == TREE_OP) {
        row = tree_find(&app->tree, &(struct tree_target){.ws = r->ws});
        r = &app->tree.rows[row];
    }
    if (r->kind == TREE_WORKSPACE && r->has_children && ev->col - app->layout.list.x <= 2) {
        tree_set_toggle(&app->collapsed, r->ws);
        app_tree_dirty(app);
        return;
    }
    app_select_row(app, row);
    if (app->layout.side_by_side || !twice) {
        app_set_focus(app, FOCUS_LIST);
    }
    if (twice) {
        const struct command *open = command_find("list.open");
        app_run_command(app, open);
    }
}

bool list_mouse(struct app *app, const struct mouse_event *ev)
{
    if (!rect_has(app->layout.list, ev->col, ev->row)) {
        return false;
    }
    if (ev->kind != MOUSE_PRESS) {
        return true;
    }
    if (ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN) {
        int n = (int)app->tree.count, rows = app->layout.list.h - 1;
        app->list_top = MT_MAX(MT_MIN(app->list_top + (ev->button == MOUSE_WHEEL_UP ? -3 : 3), n - rows), 0);
        app_dirty(app);
        return true;
    }
    int row = app->list_top + ev->row - app->layout.list.y - 1;
    if (ev->button == MOUSE_BUTTON_LEFT && ev->row > app->layout.list.y && row < (int)app->tree.count) {
        press(app, ev, row);
    } else if (ev->button == MOUSE_BUTTON_LEFT) {
        app_set_focus(app, FOCUS_LIST);
    }
    return true;
}
