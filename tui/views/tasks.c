/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/match.h"
#include "tui/opnote.h"
#include "tui/tasktext.h"
#include "tui/views/board.h"
#include "tui/wrap.h"

/* What goes on everywhere: every operation above, the tasks of all workspaces below. One selection goes through both.
 */

#define ABOUT_LEAST_ROWS 16 /* so high a view tells of the selected one below the lists */
#define ABOUT_ROWS 3

struct tasks_view {
    struct overlay base;
    struct line_edit filter;
    bool typing;
    char key[64]; /* of the selected one: "o" and an operation's key, "t" and a session's id */
    size_t at;    /* where it stood: what comes there when it goes is selected next */
    size_t top_op, top_task;
    struct app *app;
    struct dirwatch *watch;
};

/* What there is now. */
struct items {
    struct oplist_row ops[OPLIST_ROWS_MAX];
    size_t op_count;
    struct tasklist tasks;
};

/* Where the parts are. */
struct places {
    struct rect box, in;
    int op_rows, task_rows;      /* lines of the lists, without their heads */
    int ops_y, tasks_y, about_y; /* heads; about_y 0: none */
};

/* --- items --- */

/* Does the filter leave this operation? */
static bool wants_op(const struct app *app, const struct oplist_row *op, const char *filter)
{
    char text[1100];
    const struct workspace *ws = model_workspace_by_sandbox(app->model, op->sandbox);
    str_format(text, sizeof(text), "%s %s %s %s %s", ws ? ws->shown : op->sandbox, op->plan, op->profile, op->step,
               op->text);
    return match_words(filter, text, NULL);
}

/* Fills *it; items_release. */
static void items_get(const struct app *app, const struct tasks_view *v, struct items *it)
{
    it->tasks = (struct tasklist){0};
    it->op_count = 0;
    size_t n = oplist_rows(app->ops, app->model, it->ops, OPLIST_ROWS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (wants_op(app, &it->ops[i], v->filter.text)) {
            it->ops[it->op_count++] = it->ops[i];
        }
    }
    tasklist_build(&it->tasks, app->model, v->filter.text);
}

static void items_release(struct items *it)
{
    tasklist_release(&it->tasks);
}

static size_t items_count(const struct items *it)
{
    return it->op_count + it->tasks.count;
}

/* The key of the i-th. */
static void item_key(const struct items *it, size_t i, char *out, size_t cap)
{
    if (i < it->op_count) {
        str_format(out, cap, "o%s", it->ops[i].key);
    } else {
        str_format(out, cap, "t%s", it->tasks.ids[i - it->op_count]);
    }
}

/* The selected one's place; SIZE_MAX when there is none. */
static size_t selected(const struct tasks_view *v, const struct items *it)
{
    char key[64];
    size_t n = items_count(it);
    for (size_t i = 0; i < n; i++) {
        item_key(it, i, key, sizeof(key));
        if (strcmp(key, v->key) == 0) {
            return i;
        }
    }
    return n ? MT_MIN(v->at, n - 1) : SIZE_MAX;
}

/* The selected operation, or NULL. */
static const struct oplist_row *selected_op(const struct tasks_view *v, const struct items *it)
{
    size_t at = selected(v, it);
    return at < it->op_count ? &it->ops[at] : NULL;
}

/* The selected task, or NULL. */
static const struct session_info *selected_task(const struct app *app, const struct tasks_view *v,
                                                const struct items *it)
{
    size_t at = selected(v, it);
    bool is = at != SIZE_MAX && at >= it->op_count && at - it->op_count < it->tasks.count;
    return is ? model_session(app->model, it->tasks.ids[at - it->op_count]) : NULL;
}

/* --- geometry --- */

/* Shares the rows out: operations get what they need up to a third, tasks the rest. */
static void lay_out(struct rect whole, const struct items *it, struct places *p)
{
    int side = whole.w < 80 ? 0 : 2, over = whole.h < 16 ? 0 : 1;
    p->box = (struct rect){whole.x + side, whole.y + over, whole.w - 2 * side, whole.h - over};
    p->in = (struct rect){p->box.x + 2, p->box.y + 1, p->box.w - 4, p->box.h - 2};
    int h = p->in.h, y = p->in.y;
    bool airy = h >= 14;
    if (airy) {
        y++;
        h--;
    }
    p->about_y = 0;
    if (h >= ABOUT_LEAST_ROWS) {
        h -= ABOUT_ROWS + 1;
        p->about_y = p->in.y + p->in.h - ABOUT_ROWS;
    }
    int want = MT_MAX((int)it->op_count, 1);
    p->op_rows = MT_MIN(want, MT_MAX((h - 2) / (it->tasks.count ? 3 : 1), 1));
    p->op_rows = MT_MIN(p->op_rows, MT_MAX(h - 3, 1));
    p->ops_y = y;
    p->tasks_y = y + 1 + p->op_rows + airy;
    p->task_rows = MT_MAX(h - 2 - p->op_rows - airy, 0);
}

/* The first of `count` in view so that `at` is. */
static size_t clamp_top(size_t top, size_t count, size_t rows, size_t at)
{
    if (at != SIZE_MAX && at < top) {
        top = at;
    } else if (at != SIZE_MAX && rows && at >= top + rows) {
        top = at - rows + 1;
    }
    return count > rows ? MT_MIN(top, count - rows) : 0;
}

/* --- drawing --- */

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
static void ops_note(const struct items *it, char *out, size_t cap)
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
static int op_places(const struct app *app, const struct items *it, int w)
{
    int widest = 9;
    for (size_t i = 0; i < it->op_count; i++) {
        const struct workspace *ws = model_workspace_by_sandbox(app->model, it->ops[i].sandbox);
        const char *name = ws ? ws->shown : it->ops[i].sandbox;
        widest = MT_MAX(widest, utf8_columns(name, strlen(name)));
    }
    return MT_MIN(widest, w >= 100 ? 24 : w >= 70 ? 16 : MT_MAX(w / 4, 6));
}

static void draw_ops(const struct app *app, const struct tasks_view *v, struct surface *s, const struct places *p,
                     const struct items *it)
{
    char note[64];
    size_t at = selected(v, it),
           top = clamp_top(v->top_op, it->op_count, (size_t)p->op_rows, at < it->op_count ? at : SIZE_MAX);
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
static struct board_columns task_columns(const struct app *app, const struct items *it, size_t top, int rows, int w)
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

static void draw_tasks(const struct app *app, const struct tasks_view *v, struct surface *s, const struct places *p,
                       const struct items *it)
{
    struct style dim = theme_on(&app->theme, THEME_DIM, THEME_DIALOG);
    size_t at = selected(v, it), count = it->tasks.count,
           of_tasks = at != SIZE_MAX && at >= it->op_count ? at - it->op_count : SIZE_MAX;
    int rows = p->task_rows - (p->task_rows > 2), y = p->tasks_y + 1;
    size_t top = clamp_top(v->top_task, count, (size_t)MT_MAX(rows, 0), of_tasks);
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
static void draw_about(const struct app *app, const struct tasks_view *v, struct surface *s, const struct places *p,
                       const struct items *it)
{
    const struct session_info *t = selected_task(app, v, it);
    const struct oplist_row *op = selected_op(v, it);
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
        int rows = ABOUT_ROWS - (op->pid != 0);
        for (int y = 0; y < rows && wrap_next(&rest, r.w, &piece) >= 0; y++) {
            surface_text(s, r.x, p->about_y + y, r.w, words, piece.buf);
        }
        if (op->pid) {
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

/* overlay_ops.draw */
static void draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct tasks_view *v = (const struct tasks_view *)o;
    struct items *it = xmalloc(sizeof(*it));
    struct places p;
    items_get(app, v, it);
    lay_out(whole, it, &p);
    surface_fill(s, p.box, theme_style(&app->theme, THEME_DIALOG));
    surface_frame(s, p.box, theme_on(&app->theme, THEME_BORDER_FOCUS, THEME_DIALOG), "Operations and tasks",
                  theme_style(&app->theme, THEME_DIALOG_TITLE));
    draw_filter(app, v, s, p.box);
    struct rect old = surface_clip(s, p.in);
    draw_ops(app, v, s, &p, it);
    draw_tasks(app, v, s, &p, it);
    draw_about(app, v, s, &p, it);
    surface_unclip(s, old);
    items_release(it);
    free(it);
}

/* overlay_ops.next_ms: spinners and seconds of what runs, countdowns of tasks in view. */
static uint64_t next_ms(const struct app *app, const struct overlay *o)
{
    const struct tasks_view *v = (const struct tasks_view *)o;
    struct items *it = xmalloc(sizeof(*it));
    struct places p;
    items_get(app, v, it);
    lay_out((struct rect){0, 0, app->cols, app->rows - 1}, it, &p);
    uint64_t next = oplist_next_ms(it->ops, it->op_count, OVERLAY_SPIN_MS), now = clock_wall_ms();
    size_t at = selected(v, it);
    size_t top = clamp_top(v->top_task, it->tasks.count, (size_t)p.task_rows,
                           at != SIZE_MAX && at >= it->op_count ? at - it->op_count : SIZE_MAX);
    for (size_t i = top; i < it->tasks.count && i < top + (size_t)p.task_rows; i++) {
        const struct session_info *t = model_session(app->model, it->tasks.ids[i]);
        uint64_t due = t ? tasktext_next_ms(t, now) : 0;
        next = due && (next == 0 || due < next) ? due : next;
    }
    items_release(it);
    free(it);
    return next;
}

/* --- moving --- */

/* Selects the i-th and keeps it in view. */
static void go(struct app *app, struct tasks_view *v, const struct items *it, long to)
{
    struct places p;
    size_t n = items_count(it);
    if (n == 0) {
        return;
    }
    v->at = (size_t)MT_MAX(MT_MIN(to, (long)n - 1), 0L);
    item_key(it, v->at, v->key, sizeof(v->key));
    lay_out((struct rect){0, 0, app->cols, app->rows - 1}, it, &p);
    if (v->at < it->op_count) {
        v->top_op = clamp_top(v->top_op, it->op_count, (size_t)p.op_rows, v->at);
    } else {
        size_t rows = (size_t)MT_MAX(p.task_rows - (p.task_rows > 2), 0);
        v->top_task = clamp_top(v->top_task, it->tasks.count, rows, v->at - it->op_count);
    }
    app_dirty(app);
}

/* Keys that move. True: it was one. */
static bool move_key(struct app *app, struct tasks_view *v, const struct items *it, struct key key, bool letters)
{
    size_t now = selected(v, it);
    long at = now == SIZE_MAX ? 0 : (long)now, page = MT_MAX(app->rows / 2, 1);
    switch (key.sym) {
    case KEYSYM_DOWN:
        go(app, v, it, at + 1);
        return true;
    case KEYSYM_UP:
        go(app, v, it, at - 1);
        return true;
    case KEYSYM_PGDN:
        go(app, v, it, at + page);
        return true;
    case KEYSYM_PGUP:
        go(app, v, it, at - page);
        return true;
    case KEYSYM_HOME:
        go(app, v, it, 0);
        return true;
    case KEYSYM_END:
        go(app, v, it, (long)items_count(it));
        return true;
    case KEYSYM_TAB: /* to the first of the other part */
        go(app, v, it, at < (long)it->op_count ? (long)it->op_count : 0);
        return true;
    default:
        break;
    }
    if (!letters || (key.sym != 'j' && key.sym != 'k' && key.sym != 'g' && key.sym != 'G')) {
        return false;
    }
    go(app, v, it, key.sym == 'j' ? at + 1 : key.sym == 'k' ? at - 1 : key.sym == 'g' ? 0 : (long)items_count(it));
    return true;
}

/* --- doing --- */

/* Goes to the operation's own screen, or where its workspace is. */
static void visit_op(struct app *app, struct tasks_view *v, const struct oplist_row *op)
{
    const struct workspace *ws = model_workspace_by_sandbox(app->model, op->sandbox);
    if (!ws) {
        app_say(app, "There is nothing to go to: %s is not in the list", op->sandbox);
        return;
    }
    workspace_id id = ws->id;
    overlay_close(app, &v->base);
    app_select_workspace(app, id);
    app_set_focus(app, app_op(app) ? FOCUS_MAIN : FOCUS_LIST);
}

static void cancel_yes(struct app *app, void *arg, int value)
{
    (void)value;
    engine_cancel(app->engine, (op_id)(uintptr_t)arg);
}

/* Cancels; asks where work is lost by it. */
static void cancel_op(struct app *app, const struct oplist_row *op)
{
    const char *lost = oplist_loses(op);
    const struct workspace *ws = model_workspace_by_sandbox(app->model, op->sandbox);
    char title[600], took[24];
    if (!oplist_is_live(op)) {
        app_say(app, "It has ended already");
    } else if (op->pid) {
        app_say(app, "Process %d runs it: it can only be canceled there", op->pid);
    } else if (!lost) {
        engine_cancel(app->engine, op->id);
    } else {
        clock_mmss(op->took_ms, took, sizeof(took));
        str_format(title, sizeof(title), "Cancel %s of %s after %s? %s", op->plan, ws ? ws->shown : op->sandbox, took,
                   lost);
        struct ask_opts opts = {.title = title,
                                .answers = {{'y', "cancel it", THEME_BAD, 1}},
                                .count = 1,
                                .declined = "It goes on",
                                .on_answer = cancel_yes,
                                .arg = (void *)(uintptr_t)op->id};
        ask_open(app, &opts);
    }
}

/* Enter on the selected one. */
static void visit(struct app *app, struct tasks_view *v, const struct items *it)
{
    const struct oplist_row *op = selected_op(v, it);
    const struct session_info *t = selected_task(app, v, it);
    if (op) {
        visit_op(app, v, op);
    } else if (t && app_select_session(app, t->id, true)) {
        overlay_close(app, &v->base);
    }
}

/* Keys that do something with the selected one. */
static void act(struct app *app, struct tasks_view *v, const struct items *it, uint32_t sym)
{
    const struct oplist_row *op = selected_op(v, it);
    const struct session_info *t = selected_task(app, v, it);
    if (sym == KEYSYM_ENTER) {
        visit(app, v, it);
    } else if (op && sym == 'c') {
        cancel_op(app, op);
    } else if (op && op->id && sym == 'd' && op->state == OP_FAILED) {
        const struct workspace *ws = model_workspace_by_sandbox(app->model, op->sandbox);
        if (ws && ws->op == op->id) {
            flow_put_aside(app, ws->id);
        }
    } else if (t && sym == 's') {
        task_stop(app, t->id);
    } else if (t && sym == 'r') {
        task_restart(app, t->id);
    } else if (t && sym == 'l') {
        task_log(app, t->id);
    } else if (t && (sym == 'd' || sym == 'D')) {
        task_dismiss(app, t->id);
    }
}

/* A key while the filter is typed. */
static bool filter_key(struct app *app, struct tasks_view *v, struct key key)
{
    if (!v->typing) {
        return false;
    }
    if (key.sym == KEYSYM_ESCAPE || (key.mods == KEYMOD_CTRL && key.sym == 'c')) {
        line_edit_set(&v->filter, "");
        v->typing = false;
    } else if (key.sym == KEYSYM_ENTER) {
        v->typing = false;
    } else if (!line_edit_key(&v->filter, key)) {
        return false;
    }
    v->at = 0;
    app_dirty(app);
    return true;
}

/* Esc: the filter first, then the view. */
static void leave(struct app *app, struct tasks_view *v)
{
    if (v->filter.len) {
        line_edit_set(&v->filter, "");
        app_dirty(app);
    } else {
        overlay_close(app, &v->base);
    }
}

/* overlay_ops.on_key */
static void on_key(struct app *app, struct overlay *o, struct key key)
{
    struct tasks_view *v = (struct tasks_view *)o;
    struct items *it = xmalloc(sizeof(*it));
    bool typing = v->typing;
    items_get(app, v, it);
    if (!(typing && move_key(app, v, it, key, false)) && !filter_key(app, v, key) && !typing &&
        !move_key(app, v, it, key, true)) {
        if (key.sym == '/') {
            v->typing = true;
            app_dirty(app);
        } else if (key.sym == KEYSYM_ESCAPE || key.sym == 'q') {
            leave(app, v);
        } else if (key.mods == 0) {
            act(app, v, it, key.sym);
        }
    }
    items_release(it);
    free(it);
}

/* overlay_ops.on_text */
static void on_text(struct app *app, struct overlay *o, const char *text, size_t len)
{
    struct tasks_view *v = (struct tasks_view *)o;
    if (v->typing) {
        line_edit_insert(&v->filter, text, len);
        v->at = 0;
        app_dirty(app);
    }
}

/* overlay_ops.on_mouse: a click selects, a second one opens, the wheel moves, outside it closes. */
static void on_mouse(struct app *app, struct overlay *o, const struct mouse_event *ev)
{
    struct tasks_view *v = (struct tasks_view *)o;
    struct items *it = xmalloc(sizeof(*it));
    struct places p;
    items_get(app, v, it);
    lay_out((struct rect){0, 0, app->cols, app->rows - 1}, it, &p);
    size_t now = selected(v, it);
    if (ev->kind != MOUSE_PRESS || now == SIZE_MAX) {
        /* nothing to press */
    } else if (ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN) {
        go(app, v, it, (long)now + (ev->button == MOUSE_WHEEL_UP ? -3 : 3));
    } else if (rect_has(p.in, ev->col, ev->row) && ev->button == MOUSE_BUTTON_LEFT) {
        int first = p.tasks_y + 1 + (p.task_rows > 2);
        long hit = ev->row > p.ops_y && ev->row <= p.ops_y + p.op_rows ? (long)v->top_op + ev->row - p.ops_y - 1 : -1;
        hit = hit >= (long)it->op_count ? -1 : hit;
        if (ev->row >= first && ev->row < p.tasks_y + 1 + p.task_rows) {
            hit = (long)it->op_count + (long)v->top_task + ev->row - first;
        }
        if (hit >= 0 && hit < (long)items_count(it)) {
            bool again = (size_t)hit == now && v->key[0];
            go(app, v, it, hit);
            if (again) {
                visit(app, v, it);
            }
        }
    }
    if (ev->kind == MOUSE_PRESS && ev->button == MOUSE_BUTTON_LEFT && !rect_has(p.box, ev->col, ev->row)) {
        overlay_close(app, o);
    }
    items_release(it);
    free(it);
}

/* overlay_ops.hints */
static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    const struct tasks_view *v = (const struct tasks_view *)o;
    struct items *it = xmalloc(sizeof(*it));
    items_get(app, v, it);
    const struct oplist_row *op = selected_op(v, it);
    const struct session_info *t = selected_task(app, v, it);
    bool over = t && tasktext_is_over(t);
    struct hint table[10];
    size_t n = 0;
    if (v->typing) {
        table[n++] = (struct hint){"Enter", "keep", 0, false};
        table[n++] = (struct hint){"Esc", "clear", 0, false};
    } else {
        table[n++] = (struct hint){"Enter", op ? "its screen" : "open", 1, !op && !t};
        if (op) {
            table[n++] = (struct hint){"c", "cancel", 2, !oplist_is_live(op) || op->pid != 0};
        } else {
            table[n++] = (struct hint){"s", "stop", 2, !t || over};
            table[n++] = (struct hint){"r", "restart", 3, !t};
            table[n++] = (struct hint){"l", "log", 3, !t};
            table[n++] = (struct hint){"d", "dismiss", 5, !over};
        }
        table[n++] = (struct hint){"/", "filter", 4, false};
        table[n++] = (struct hint){"Tab", op ? "tasks" : "operations", 7, it->op_count == 0 || it->tasks.count == 0};
        table[n++] = (struct hint){"Esc", v->filter.len ? "clears the filter" : "close", 0, false};
    }
    items_release(it);
    free(it);
    n = MT_MIN(n, cap);
    memcpy(out, table, n * sizeof(*out));
    return n;
}

/* --- opening --- */

/* Somebody told of an operation. */
static void on_told(void *arg, const char *name)
{
    struct app *app = arg;
    (void)name;
    if (app->ops && !app->quitting) {
        oplist_look(app->ops);
        app_dirty(app);
    }
}

/* overlay_ops.release: what others tell is not looked at any more. */
static void release(struct overlay *o)
{
    struct tasks_view *v = (struct tasks_view *)o;
    dirwatch_close(v->watch);
    oplist_look_away(v->app->ops);
}

static const struct overlay_ops tasks_ops = {.name = "tasks",
                                             .draw = draw,
                                             .on_key = on_key,
                                             .on_mouse = on_mouse,
                                             .on_text = on_text,
                                             .release = release,
                                             .hints = hints,
                                             .next_ms = next_ms};

void dialog_tasks(struct app *app)
{
    struct tasks_view *v = xcalloc(1, sizeof(*v));
    const struct session_info *s = app_session(app);
    MT_CLEANUP(xfree) char *dir = opnote_dir(app->paths);
    v->base.ops = &tasks_ops;
    v->app = app;
    if (s && s->kind == SESSION_TASK) {
        str_format(v->key, sizeof(v->key), "t%s", s->id);
    }
    fs_mkdirs(dir, 0700, NULL); /* followed from the first operation of whoever it is */
    v->watch = dirwatch_new(app->loop, dir, on_told, app, NULL);
    oplist_look(app->ops);
    overlay_push(app, &v->base);
    app_dirty(app);
}
