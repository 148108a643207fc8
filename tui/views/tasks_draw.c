/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/glyph.h"
#include "tui/tasktext.h"
#include "tui/views/board.h"
#include "tui/views/tasks_view.h"
#include "tui/wrap.h"

/* A part's heading: its name, and how many. */
static int draw_title(const struct app *app, struct surface *s, struct rect r, const char *title, const char *note)
{
    int x = r.x;
    x += surface_text(s, x, r.y, r.w, theme_on(&app->theme, THEME_TITLE_FOCUS, THEME_DIALOG), title) + 2;
    if (x < r.x + r.w) {
        x += surface_text(s, x, r.y, r.x + r.w - x, theme_on(&app->theme, THEME_DIM, THEME_DIALOG), note);
    }
    return x;
}

/* "2 running, 1 waiting", "nothing is going on" */
static void ops_note(const struct tasks_items *it, char *out, size_t cap)
{
    size_t running = 0, queued = 0;
    for (size_t i = 0; i < it->op_count; i++) {
        running += it->ops[i].state == OP_RUNNING;
        queued += it->ops[i].state == OP_QUEUED;
    }
    if (running + queued == 0) {
        str_copy(out, cap, it->op_count ? "nothing is going on any more" : "");
    } else {
        str_format(out, cap, queued ? "%zu running, %zu waiting" : "%zu running", running, queued);
    }
}

/* Columns of the widest name in a part. */
static int op_places(const struct app *app, const struct tasks_items *it, int w)
{
    int widest = 9;
    for (size_t i = 0; i < it->op_count; i++) {
        const struct workspace *ws = model_workspace_by_sandbox(app->model, it->ops[i].sandbox);
        const char *name = ws ? ws->shown : it->ops[i].sandbox;
        widest = MT_MAX(widest, utf8_columns(name, strlen(name)));
    }
    return MT_MIN(widest, w >= 100 ? 24 : w >= 70 ? 16 : MT_MAX(w / 4, 6));
}

static void draw_ops(const struct app *app, const struct tasks_view *v, struct surface *s, const struct tasks_places *p,
                     const struct tasks_items *it)
{
    char note[64];
    size_t at = tasks_selected(v, it),
           top = tasks_clamp_top(v->top_op, it->op_count, (size_t)p->op_rows, at < it->op_count ? at : SIZE_MAX);
    struct rect r = {p->in.x, p->ops_y, p->in.w, 1};
    ops_note(it, note, sizeof(note));
    draw_title(app, s, r, "Operations", note);
    int place_w = op_places(app, it, r.w);
    for (int y = 0; y < p->op_rows && top + (size_t)y < it->op_count; y++) {
        r.y = p->ops_y + 1 + y;
        board_op(app, s, r, place_w, &it->ops[top + (size_t)y], top + (size_t)y == at);
    }
    if (it->op_count == 0) {
        surface_text(s, r.x + 3, p->ops_y + 1, r.w - 3, theme_on(&app->theme, THEME_DIM, THEME_DIALOG),
                     v->filter.len ? "None matches." : "Nothing is being brought up, stopped or deleted.");
    }
}

/* The columns for the tasks in view: work does not grow with what is not. */
static struct board_columns task_columns(const struct app *app, const struct tasks_items *it, size_t top, int rows,
                                         int w)
{
    struct board_widths widths = {.place = 9, .name = 4};
    for (size_t i = top; i < it->tasks.count && i < top + (size_t)rows; i++) {
        const struct session_info *t = model_session(app->model, it->tasks.ids[i]);
        if (t) {
            board_measure(app, t, &widths);
        }
    }
    return board_columns(w, &widths);
}

static void draw_tasks(const struct app *app, const struct tasks_view *v, struct surface *s,
                       const struct tasks_places *p, const struct tasks_items *it)
{
    struct style dim = theme_on(&app->theme, THEME_DIM, THEME_DIALOG);
    size_t at = tasks_selected(v, it), count = it->tasks.count,
           of_tasks = at != SIZE_MAX && at >= it->op_count ? at - it->op_count : SIZE_MAX;
    int rows = p->task_rows - (p->task_rows > 2), y = p->tasks_y + 1;
    size_t top = tasks_clamp_top(v->top_task, count, (size_t)MT_MAX(rows, 0), of_tasks);
    struct rect r = {p->in.x, p->tasks_y, p->in.w, 1};
    char note[64] = "";
    if (count > (size_t)MT_MAX(rows, 0)) {
        str_format(note, sizeof(note), "%zu-%zu of %zu", top + 1, MT_MIN(top + (size_t)rows, count), count);
    } else if (count != it->tasks.all) {
        str_format(note, sizeof(note), "%zu of %zu", count, it->tasks.all);
    } else if (count) {
        str_format(note, sizeof(note), "%zu", count);
    }
    draw_title(app, s, r, "Tasks", note);
    struct board_columns c = task_columns(app, it, top, rows, r.w);
    if (p->task_rows > 2 && count) {
        board_head(app, s, (struct rect){r.x, y++, r.w, 1}, &c);
    }
    for (size_t i = top; i < count && i < top + (size_t)MT_MAX(rows, 0); i++, y++) {
        const struct session_info *t = model_session(app->model, it->tasks.ids[i]);
        if (t) {
            board_task(app, s, (struct rect){r.x, y, r.w, 1}, &c, t, i == of_tasks);
        }
    }
    if (count == 0 && p->task_rows > 0) {
        surface_textf(s, r.x + 3, y, r.w - 3, dim,
                      it->tasks.all ? "None matches. Esc clears the filter."
                                    : "There are none. %s in the list runs one.",
                      app_key(app, "task.new"));
    }
}

/* What there is to know of the selected one, below the lists. */
static void draw_about(const struct app *app, const struct tasks_view *v, struct surface *s,
                       const struct tasks_places *p, const struct tasks_items *it)
{
    const struct session_info *t = tasks_selected_task(app, v, it);
    const struct oplist_row *op = tasks_selected_op(v, it);
    struct style text = theme_on(&app->theme, THEME_TEXT, THEME_DIALOG),
                 dim = theme_on(&app->theme, THEME_DIM, THEME_DIALOG);
    struct rect r = p->in;
    char line[800], policy[400];
    if (!p->about_y || (!t && !op)) {
        return;
    }
    surface_hline(s, r.x, p->about_y - 1, r.w, theme_on(&app->theme, THEME_BORDER, THEME_DIALOG));
    if (op) {
        MT_CLEANUP(strbuf) struct strbuf piece = STRBUF_INIT;
        const char *rest = op->text;
        struct style words = op->state == OP_FAILED ? theme_on(&app->theme, THEME_BAD, THEME_DIALOG) : text;
        bool elsewhere = op->pid != 0 && oplist_is_live(op);
        int rows = ABOUT_ROWS - elsewhere;
        for (int y = 0; y < rows && wrap_next(&rest, r.w, &piece) >= 0; y++) {
            surface_text(s, r.x, p->about_y + y, r.w, words, piece.buf);
        }
        if (elsewhere) {
            surface_textf(s, r.x, p->about_y + rows, r.w, dim, "Process %d runs it: it can be canceled there", op->pid);
        }
        return;
    }
    tasktext_state(t, clock_wall_ms(), line, sizeof(line));
    surface_textf(s, r.x, p->about_y, r.w, theme_on(&app->theme, glyph_session(t).role, THEME_DIALOG), "%s", line);
    tasktext_policy(t, policy, sizeof(policy));
    surface_text(s, r.x, p->about_y + 1, r.w, dim, *policy ? policy : "runs once");
    surface_text(s, r.x, p->about_y + 2, r.w, text, t->last_line);
}

/* The filter in the frame's upper edge. */
static void draw_filter(const struct app *app, const struct tasks_view *v, struct surface *s, struct rect box)
{
    if (!v->typing && !v->filter.len) {
        return;
    }
    struct style st = theme_style(&app->theme, v->typing ? THEME_INPUT : THEME_DIALOG);
    st.fg = v->typing ? st.fg : theme_style(&app->theme, THEME_MATCH).fg;
    int room = MT_MIN(40, box.w - 26), x = box.x + box.w - 3 - MT_MAX(room, 12);
    surface_fill(s, (struct rect){x, box.y, MT_MAX(room, 12) + 1, 1}, st);
    surface_textf(s, x + 1, box.y, MT_MAX(room, 12) - 1, st, "/%s", v->filter.text);
    if (v->typing) {
        s->cursor.visible = true;
        s->cursor.shape = 0;
        s->cursor.x = MT_MIN(x + 2 + utf8_columns(v->filter.text, v->filter.at), box.x + box.w - 3);
        s->cursor.y = box.y;
    }
}

void tasks_draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct tasks_view *v = (const struct tasks_view *)o;
    struct tasks_items *it = xmalloc(sizeof(*it));
    struct tasks_places p;
    tasks_items_get(app, v, it);
    tasks_lay_out(whole, it, &p);
    surface_fill(s, p.box, theme_style(&app->theme, THEME_DIALOG));
    surface_frame(s, p.box, theme_on(&app->theme, THEME_BORDER_FOCUS, THEME_DIALOG), "Operations and tasks",
                  theme_style(&app->theme, THEME_DIALOG_TITLE));
    draw_filter(app, v, s, p.box);
    struct rect old = surface_clip(s, p.in);
    draw_ops(app, v, s, &p, it);
    draw_tasks(app, v, s, &p, it);
    draw_about(app, v, s, &p, it);
    surface_unclip(s, old);
    tasks_items_release(it);
    free(it);
}
