/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/views/tasks_view.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tui/match.h"
#include "tui/opnote.h"
#include "tui/tasktext.h"

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

void tasks_items_get(const struct app *app, const struct tasks_view *v, struct tasks_items *it)
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

void tasks_items_release(struct tasks_items *it)
{
    tasklist_release(&it->tasks);
}

size_t tasks_items_count(const struct tasks_items *it)
{
    return it->op_count + it->tasks.count;
}

/* The key of the i-th. */
static void item_key(const struct tasks_items *it, size_t i, char *out, size_t cap)
{
    if (i < it->op_count) {
        str_format(out, cap, "o%s", it->ops[i].key);
    } else {
        str_format(out, cap, "t%s", it->tasks.ids[i - it->op_count]);
    }
}

/* Where one begins: at an operation that runs, else at the tasks. */
static size_t first_item(const struct tasks_items *it)
{
    for (size_t i = 0; i < it->op_count; i++) {
        if (oplist_is_live(&it->ops[i])) {
            return i;
        }
    }
    return it->tasks.count > 0 ? it->op_count : 0;
}

size_t tasks_selected(const struct tasks_view *v, const struct tasks_items *it)
{
    char key[64];
    size_t n = tasks_items_count(it);
    if (n > 0 && v->key[0] == '\0') {
        return first_item(it);
    }
    for (size_t i = 0; i < n; i++) {
        item_key(it, i, key, sizeof(key));
        if (strcmp(key, v->key) == 0) {
            return i;
        }
    }
    return n ? MT_MIN(v->at, n - 1) : SIZE_MAX;
}

const struct oplist_row *tasks_selected_op(const struct tasks_view *v, const struct tasks_items *it)
{
    size_t at = tasks_selected(v, it);
    return at < it->op_count ? &it->ops[at] : NULL;
}

const struct session_info *tasks_selected_task(const struct app *app, const struct tasks_view *v,
                                               const struct tasks_items *it)
{
    size_t at = tasks_selected(v, it);
    bool is = at != SIZE_MAX && at >= it->op_count && at - it->op_count < it->tasks.count;
    return is ? model_session(app->model, it->tasks.ids[at - it->op_count]) : NULL;
}

/* --- geometry --- */

void tasks_lay_out(struct rect whole, const struct tasks_items *it, struct tasks_places *p)
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

size_t tasks_clamp_top(size_t top, size_t count, size_t rows, size_t at)
{
    if (at != SIZE_MAX && at < top) {
        top = at;
    } else if (at != SIZE_MAX && rows && at >= top + rows) {
        top = at - rows + 1;
    }
    return count > rows ? MT_MIN(top, count - rows) : 0;
}

/* overlay_ops.next_ms: spinners and seconds of what runs, countdowns of tasks in view. */
static uint64_t next_ms(const struct app *app, const struct overlay *o)
{
    const struct tasks_view *v = (const struct tasks_view *)o;
    struct tasks_items *it = xmalloc(sizeof(*it));
    struct tasks_places p;
    tasks_items_get(app, v, it);
    tasks_lay_out((struct rect){0, 0, app->cols, app->rows - 1}, it, &p);
    uint64_t next = oplist_next_ms(it->ops, it->op_count, OVERLAY_SPIN_MS), now = clock_wall_ms();
    size_t at = tasks_selected(v, it);
    size_t top = tasks_clamp_top(v->top_task, it->tasks.count, (size_t)p.task_rows,
                                 at != SIZE_MAX && at >= it->op_count ? at - it->op_count : SIZE_MAX);
    for (size_t i = top; i < it->tasks.count && i < top + (size_t)p.task_rows; i++) {
        const struct session_info *t = model_session(app->model, it->tasks.ids[i]);
        uint64_t due = t ? tasktext_next_ms(t, now) : 0;
        next = due && (next == 0 || due < next) ? due : next;
    }
    tasks_items_release(it);
    free(it);
    return next;
}

/* --- moving --- */

/* Selects the i-th and keeps it in view. */
static void go(struct app *app, struct tasks_view *v, const struct tasks_items *it, long to)
{
    struct tasks_places p;
    size_t n = tasks_items_count(it);
    if (n == 0) {
        return;
    }
    v->at = (size_t)MT_MAX(MT_MIN(to, (long)n - 1), 0L);
    item_key(it, v->at, v->key, sizeof(v->key));
    tasks_lay_out((struct rect){0, 0, app->cols, app->rows - 1}, it, &p);
    if (v->at < it->op_count) {
        v->top_op = tasks_clamp_top(v->top_op, it->op_count, (size_t)p.op_rows, v->at);
    } else {
        size_t rows = (size_t)MT_MAX(p.task_rows - (p.task_rows > 2), 0);
        v->top_task = tasks_clamp_top(v->top_task, it->tasks.count, rows, v->at - it->op_count);
    }
    app_dirty(app);
}

/* Keys that move. True: it was one. */
static bool move_key(struct app *app, struct tasks_view *v, const struct tasks_items *it, struct key key, bool letters)
{
    size_t now = tasks_selected(v, it);
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
        go(app, v, it, (long)tasks_items_count(it));
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
    go(app, v, it,
       key.sym == 'j'   ? at + 1
       : key.sym == 'k' ? at - 1
       : key.sym == 'g' ? 0
                        : (long)tasks_items_count(it));
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
static void visit(struct app *app, struct tasks_view *v, const struct tasks_items *it)
{
    const struct oplist_row *op = tasks_selected_op(v, it);
    const struct session_info *t = tasks_selected_task(app, v, it);
    if (op) {
        visit_op(app, v, op);
    } else if (t && app_select_session(app, t->id, true)) {
        overlay_close(app, &v->base);
    }
}

/* Keys that do something with the selected one. */
static void act(struct app *app, struct tasks_view *v, const struct tasks_items *it, uint32_t sym)
{
    const struct oplist_row *op = tasks_selected_op(v, it);
    const struct session_info *t = tasks_selected_task(app, v, it);
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
    struct tasks_items *it = xmalloc(sizeof(*it));
    bool typing = v->typing;
    tasks_items_get(app, v, it);
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
    tasks_items_release(it);
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
    struct tasks_items *it = xmalloc(sizeof(*it));
    struct tasks_places p;
    tasks_items_get(app, v, it);
    tasks_lay_out((struct rect){0, 0, app->cols, app->rows - 1}, it, &p);
    size_t now = tasks_selected(v, it);
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
        if (hit >= 0 && hit < (long)tasks_items_count(it)) {
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
    tasks_items_release(it);
    free(it);
}

/* overlay_ops.hints */
static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    const struct tasks_view *v = (const struct tasks_view *)o;
    struct tasks_items *it = xmalloc(sizeof(*it));
    tasks_items_get(app, v, it);
    const struct oplist_row *op = tasks_selected_op(v, it);
    const struct session_info *t = tasks_selected_task(app, v, it);
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
    tasks_items_release(it);
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
                                             .draw = tasks_draw,
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
