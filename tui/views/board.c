/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/views/board.h"

#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "tui/glyph.h"
#include "tui/tasktext.h"

#define NUMBER_COLS 3
#define SIGN_COLS 2
#define GAP 2
#define STATE_COLS 34
#define STATE_WAITS_COLS 30
#define STATE_LEAST 14
#define TIME_COLS 6
#define RESTARTS_COLS 8
#define LAST_LEAST 14
#define STEP_COLS 14

struct style board_ground(const struct app *app, bool on)
{
    return theme_style(&app->theme, on ? THEME_SELECTION : THEME_DIALOG);
}

/* A role on a row's ground. */
static struct style ink(const struct app *app, enum theme_role role, bool on)
{
    return theme_on(&app->theme, role, on ? THEME_SELECTION : THEME_DIALOG);
}

void board_measure(const struct app *app, const struct session_info *task, struct board_widths *widths)
{
    const char *in = tasklist_place(app->model, task), *called = session_shown(task);
    char state[400], ports[80];
    tasktext_state(task, clock_wall_ms(), state, sizeof(state));
    tasktext_ports(task, ports, sizeof(ports));
    widths->place = MT_MAX(widths->place, utf8_columns(in, strlen(in)));
    widths->name = MT_MAX(widths->name, utf8_columns(called, strlen(called)));
    /* A countdown gets no narrower with its seconds. */
    int needs = tasktext_waits(task) ? STATE_WAITS_COLS : utf8_columns(state, strlen(state));
    widths->state = MT_MAX(widths->state, needs);
    widths->ports = MT_MAX(widths->ports, (int)strlen(ports));
    widths->restarts = widths->restarts || task->task.restarts;
}

struct board_columns board_columns(int w, const struct board_widths *widths)
{
    int place = widths->place, name = widths->name, ports = widths->ports;
    bool restarts = widths->restarts;
    struct board_columns c = {.place = NUMBER_COLS + SIGN_COLS};
    int room = w - c.place, most = w >= 100 ? 24 : w >= 70 ? 16 : MT_MAX(w / 4, 6);
    c.place_w = MT_MIN(MT_MAX(place, 9), most);
    c.name_w = MT_MIN(MT_MAX(name, 4), most);
    room -= c.place_w + c.name_w + 2 * GAP;
    c.state_w = MT_MIN(MT_MIN(MT_MAX(widths->state, STATE_LEAST), STATE_COLS), room);
    room -= c.state_w;
    /* What matters most gets its room first. */
    if (room < TIME_COLS + GAP && c.state_w - TIME_COLS - GAP >= STATE_LEAST) {
        room += TIME_COLS + GAP - MT_MAX(room, 0);
        c.state_w = w - c.place - c.place_w - c.name_w - 2 * GAP - TIME_COLS - GAP;
    }
    if (room >= TIME_COLS + GAP) {
        c.time_w = TIME_COLS;
        room -= TIME_COLS + GAP;
    }
    if (ports && room >= 6 + GAP) {
        c.ports_w = MT_MIN(MT_MAX(ports, 5), MT_MIN(room - GAP, 18));
        room -= c.ports_w + GAP;
    }
    if (restarts && room >= RESTARTS_COLS + GAP) {
        c.restarts_w = RESTARTS_COLS;
        room -= RESTARTS_COLS + GAP;
    }
    if (room >= LAST_LEAST + GAP) {
        c.last_w = room - GAP;
    }
    c.name = c.place + c.place_w + GAP;
    c.state = c.name + c.name_w + GAP;
    c.ports = c.state + c.state_w + GAP;
    c.time = c.ports + (c.ports_w ? c.ports_w + GAP : 0);
    c.last = c.time + (c.time_w ? c.time_w + GAP : 0) + (c.restarts_w ? c.restarts_w + GAP : 0);
    return c;
}

void board_head(const struct app *app, struct surface *s, struct rect r, const struct board_columns *c)
{
    struct style dim = ink(app, THEME_DIM, false);
    surface_text(s, r.x + c->place, r.y, c->place_w, dim, "workspace");
    surface_text(s, r.x + c->name, r.y, c->name_w, dim, "task");
    surface_text(s, r.x + c->state, r.y, c->state_w, dim, "state");
    if (c->ports_w) {
        surface_text(s, r.x + c->ports, r.y, c->ports_w, dim, "ports");
    }
    if (c->time_w) {
        surface_text_right(s, r.x + c->time + c->time_w, r.y, c->time_w, dim, "time");
    }
    if (c->restarts_w) {
        surface_text_right(s, r.x + c->last - GAP, r.y, c->restarts_w, dim, "restarts");
    }
    if (c->last_w) {
        surface_text(s, r.x + c->last, r.y, c->last_w, dim, "last line");
    }
}

void board_task(const struct app *app, struct surface *s, struct rect r, const struct board_columns *c,
                const struct session_info *task, bool on)
{
    struct state_look look = glyph_session(task);
    bool over = tasktext_is_over(task) && !tasktext_has_failed(task); /* nothing to do about it */
    struct style dim = ink(app, THEME_DIM, on), plain = ink(app, over && !on ? THEME_DIM : THEME_TEXT, on);
    char state[400], time[24], ports[80];
    uint64_t now = clock_wall_ms();
    int number = app_number(app, task->id);
    surface_fill(s, r, board_ground(app, on));
    if (number) {
        surface_textf(s, r.x, r.y, 2, ink(app, number <= APP_DIGITS ? THEME_KEY : THEME_DIM, on), "%2d", number);
    }
    surface_text(s, r.x + NUMBER_COLS, r.y, 1, ink(app, look.role, on), glyph_text(look.glyph, app->ascii));
    surface_text(s, r.x + c->place, r.y, c->place_w, plain, tasklist_place(app->model, task));
    surface_text(s, r.x + c->name, r.y, c->name_w, on ? board_ground(app, on) : plain, session_shown(task));
    tasktext_state(task, now, state, sizeof(state));
    if (utf8_columns(state, strlen(state)) > c->state_w) {
        char brief[400];
        tasktext_brief(task, now, brief, sizeof(brief));
        str_copy(state, sizeof(state), c->state_w < STATE_COLS || tasktext_waits(task) ? brief : state);
    }
    surface_text(s, r.x + c->state, r.y, c->state_w, ink(app, look.role, on), state);
    tasktext_ports(task, ports, sizeof(ports));
    if (c->ports_w) {
        surface_text(s, r.x + c->ports, r.y, c->ports_w, ink(app, THEME_ACCENT, on), ports);
    }
    tasktext_time(task, now, time, sizeof(time));
    if (c->time_w) {
        surface_text_right(s, r.x + c->time + c->time_w, r.y, c->time_w, dim, time);
    }
    if (c->restarts_w && task->task.restarts) {
        char count[16];
        str_format(count, sizeof(count), "%u", task->task.restarts);
        surface_text_right(s, r.x + c->last - GAP, r.y, c->restarts_w, ink(app, THEME_WARN, on), count);
    }
    if (c->last_w) {
        surface_text(s, r.x + c->last, r.y, c->last_w, dim, task->last_line);
    }
}

/* "1:12", or "20 s" below a minute. */
static void span_text(uint64_t ms, char *out, size_t cap)
{
    if (ms < 60000) {
        str_format(out, cap, "%llu s", (unsigned long long)(ms / 1000));
    } else {
        clock_mmss(ms, out, cap);
    }
}

/* "20 s of 61 s", "slow: 3:20 of 61 s": now, and the last time. */
static void times_text(uint64_t took, uint64_t last, char *out, size_t cap)
{
    char now[24], before[24];
    span_text(took, now, sizeof(now));
    span_text(last, before, sizeof(before));
    str_format(out, cap, last >= 1000 ? "%s, last %s" : "%s", now, before);
}

/* What is done, in words: "start dev", "stop". */
static void plan_text(const struct oplist_row *op, char *out, size_t cap)
{
    bool named = op->profile[0] && strcmp(op->plan, "stop") != 0 && strcmp(op->plan, "delete") != 0;
    str_format(out, cap, named ? "%s %s" : "%s", op->plan, op->profile);
}

/* Where it stands: "6/10 npm 40%", or what it came to. */
static enum theme_role stand_text(const struct oplist_row *op, char *out, size_t cap)
{
    char percent[8] = "";
    switch (op->state) {
    case OP_QUEUED:
        str_copy(out, cap, op->canceling ? "canceling" : "waits for its turn");
        return THEME_DIM;
    case OP_DONE:
        str_copy(out, cap, "done");
        return THEME_DIM;
    case OP_CANCELED:
        str_copy(out, cap, "canceled");
        return THEME_DIM;
    case OP_FAILED:
        str_format(out, cap, op->step[0] ? "failed in %s" : "failed", op->step);
        return THEME_BAD;
    case OP_RUNNING:
        break;
    }
    if (op->canceling) {
        str_copy(out, cap, "canceling");
        return THEME_WARN;
    }
    if (op->percent >= 0) {
        str_format(percent, sizeof(percent), " %d%%", op->percent);
    }
    if (op->of > 1) {
        str_format(out, cap, "%d/%d %s%s", op->at, op->of, op->step, percent);
    } else {
        str_format(out, cap, "%s%s", op->step, percent);
    }
    return THEME_BUSY;
}

/* The sign of an operation. */
static const char *op_sign(const struct app *app, const struct oplist_row *op)
{
    switch (op->state) {
    case OP_RUNNING:
        return glyph_spinner(loop_now_ms(app->loop), app->ascii);
    case OP_DONE:
        return glyph_text(GLYPH_DONE, app->ascii);
    case OP_FAILED:
    case OP_CANCELED:
        return glyph_text(GLYPH_FAILED, app->ascii);
    case OP_QUEUED:
        break;
    }
    return glyph_text(GLYPH_PENDING, app->ascii);
}

void board_op(const struct app *app, struct surface *s, struct rect r, int place_w, const struct oplist_row *op,
              bool on)
{
    const struct workspace *ws = model_workspace_by_sandbox(app->model, op->sandbox);
    bool live = oplist_is_live(op), told = op->pid != 0;
    char plan[96], stand[64], step[64], whole[64] = "";
    enum theme_role role = stand_text(op, stand, sizeof(stand));
    struct style plain = ink(app, live || on ? THEME_TEXT : THEME_DIM, on), dim = ink(app, THEME_DIM, on);
    int x = r.x + NUMBER_COLS + SIGN_COLS, end = r.x + r.w, plan_w = r.w >= 100 ? 20 : r.w >= 60 ? 14 : 9;
    surface_fill(s, r, board_ground(app, on));
    surface_text(s, r.x + NUMBER_COLS, r.y, 1, ink(app, role, on), op_sign(app, op));
    surface_text(s, x, r.y, place_w, plain, ws ? ws->shown : op->sandbox);
    x += place_w + GAP;
    plan_text(op, plan, sizeof(plan));
    surface_text(s, x, r.y, plan_w, plain, plan);
    x += plan_w + GAP;
    if (r.w >= 50 && op->took_ms >= 1000) {
        if (live && r.w >= 80) {
            times_text(op->took_ms, op->last_ms, whole, sizeof(whole));
        } else {
            span_text(op->took_ms, whole, sizeof(whole));
        }
        end = surface_text_right(s, end, r.y, 20, live ? plain : dim, whole) - GAP;
    }
    int stand_w = MT_MIN(MT_MAX(end - x, 0), 24);
    surface_text(s, x, r.y, stand_w, ink(app, role, on), stand);
    x += stand_w + GAP;
    if (op->state == OP_RUNNING && end - x >= STEP_COLS) {
        times_text(op->step_took_ms, op->step_last_ms, step, sizeof(step));
        int used = surface_textf(s, x, r.y, end - x, ink(app, op->slow ? THEME_WARN : THEME_DIM, on),
                                 op->slow ? "slow: %s" : "%s", step);
        x += MT_MAX(used, STEP_COLS) + GAP;
    }
    if (told && live && end - x >= 16) {
        x += surface_textf(s, x, r.y, 18, dim, "process %d", op->pid) + GAP;
    }
    if (end - x >= 8) {
        surface_text(s, x, r.y, end - x, ink(app, op->state == OP_FAILED ? THEME_BAD : THEME_DIM, on), op->text);
    }
}
