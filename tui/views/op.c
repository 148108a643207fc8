/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/clock.h"
#include "core/util/strbuf.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/wrap.h"

/* A step that takes this many times what it took last time is marked. */
#define OP_SLOW_FACTOR 3

/* How the rows of the view are shared out: header, steps, trouble, rule, terminal. */
struct op_rows {
    int head, steps, trouble, pane; /* head: with a blank line below it, where there is room */
};

const char *op_session(const struct app *app, const struct op_view *op)
{
    return op && op->session[0] && model_session(app->model, op->session) ? op->session : NULL;
}

/* Book-keeping is shown only when it takes this long, or fails. */
#define OP_MINOR_MS 500

/* Is this step worth a line? Those left out without a word are not. */
static bool step_shows(const struct op_step_view *st)
{
    switch (st->state) {
    case OP_STEP_FAILED:
    case OP_STEP_CANCELED:
        return true;
    case OP_STEP_RUNNING:
        return !st->minor || clock_mono_ms() - st->started_ms > OP_MINOR_MS;
    case OP_STEP_SKIPPED:
        return !st->minor && st->text[0] != '\0';
    case OP_STEP_DONE:
    case OP_STEP_PENDING:
        break;
    }
    return !st->minor;
}

/* The step that matters: the one that failed (what tidies up runs after it), else the current one. */
static int current_step(const struct op_view *op)
{
    for (int i = 0; op->state == OP_FAILED && i < op->step_count; i++) {
        if (op->steps[i].state == OP_STEP_FAILED) {
            return i;
        }
    }
    return op->step;
}

/* The steps that get a line, in order; returns how many. `at` (may be NULL) is the place of the one that matters. */
static int shown_steps(const struct op_view *op, int out[OP_STEPS_MAX], int *at)
{
    int n = 0, current = current_step(op);

    for (int i = 0; i < op->step_count; i++) {
        if (at && i == current) {
            *at = n;
        }
        if (step_shows(&op->steps[i])) {
            out[n++] = i;
        }
    }
    return n;
}

void op_count(const struct op_view *op, int *at, int *of)
{
    int shown[OP_STEPS_MAX], place = 0;

    *of = shown_steps(op, shown, &place);
    *at = MT_MIN(place + 1, *of);
}

int op_percent(const struct op_view *op)
{
    const struct op_step_view *st = op->step >= 0 && op->step < op->step_count ? &op->steps[op->step] : NULL;
    return st && st->state == OP_STEP_RUNNING && st->percent >= 0 ? MT_MIN(st->percent, 100) : -1;
}

/* Lines that tell of a failure: a blank one, the error, and what to do. */
static int trouble_lines(const struct op_view *op, int cols)
{
    if (op->state != OP_FAILED) {
        return 0;
    }
    return 1 + wrap_count(op->error.msg, cols) + (op->error.hint ? wrap_count(op->error.hint, cols) : 0);
}

/* The terminal gets what the steps leave, but never less than a third. */
static struct op_rows share(const struct app *app, const struct op_view *op, int w, int h)
{
    bool pane = op_session(app, op) != NULL;
    int shown[OP_STEPS_MAX];
    int needs = trouble_lines(op, MT_MAX(w - 3, 8)), head = needs > 0 && needs + 3 > h ? 1 : 2;
    struct op_rows rows = {
        .head = head, .steps = shown_steps(op, shown, NULL), .trouble = MT_MIN(needs, MT_MAX(h - head - 1, 0))};
    int room = MT_MAX(h - head - rows.trouble, 1);
    if (pane) {
        room = MT_MAX(room - 1 - MT_MAX(h / 3, 3), 1);
    }
    rows.steps = MT_MIN(rows.steps, room);
    rows.pane = pane ? MT_MAX(h - head - rows.trouble - rows.steps - 1, 0) : 0;
    return rows;
}

struct rect op_pane_rect(const struct app *app, struct rect r)
{
    const struct op_view *op = app_op(app);
    if (!op) {
        return (struct rect){r.x, r.y, 0, 0};
    }
    struct op_rows rows = share(app, op, r.w, r.h);
    return (struct rect){r.x + 1, r.y + r.h - rows.pane, MT_MAX(r.w - 1, 0), rows.pane};
}

/* "0.1 s", "48.0 s", "2:05" */
static void time_text(uint64_t ms, char *out, size_t cap)
{
    if (ms < 60000) {
        str_format(out, cap, "%llu.%llu s", (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000 / 100));
    } else {
        clock_mmss(ms, out, cap);
    }
}

/* Glyph and role of a step. */
static const char *step_sign(const struct app *app, enum op_step_state state, enum theme_role *role)
{
    switch (state) {
    case OP_STEP_RUNNING:
        *role = THEME_BUSY;
        return glyph_spinner(loop_now_ms(app->loop), app->ascii);
    case OP_STEP_DONE:
        *role = THEME_OK;
        return glyph_text(GLYPH_DONE, app->ascii);
    case OP_STEP_FAILED:
        *role = THEME_BAD;
        return glyph_text(GLYPH_FAILED, app->ascii);
    case OP_STEP_SKIPPED:
        *role = THEME_DIM;
        return glyph_text(GLYPH_SKIPPED, app->ascii);
    case OP_STEP_CANCELED:
        *role = THEME_WARN;
        return glyph_text(GLYPH_FAILED, app->ascii);
    case OP_STEP_PENDING:
        break;
    }
    *role = THEME_DIM;
    return glyph_text(GLYPH_PENDING, app->ascii);
}

#define PERCENT_COLS 16

/* A bar and its number; returns the columns used. */
static int draw_percent(const struct app *app, struct surface *s, int x, int y, int percent)
{
    struct style full = theme_style(&app->theme, THEME_GAUGE), empty = theme_style(&app->theme, THEME_GAUGE_BACK);
    for (int i = 0; i < PERCENT_COLS; i++) {
        bool on = i < percent * PERCENT_COLS / 100;
        surface_text(s, x + i, y, 1, on ? full : empty, glyph_text(on ? GLYPH_BAR_FULL : GLYPH_BAR_EMPTY, app->ascii));
    }
    return PERCENT_COLS + 1 +
           surface_textf(s, x + PERCENT_COLS + 1, y, 5, theme_style(&app->theme, THEME_STRONG), "%3d%%", percent);
}

/* One step: sign, name, time, what it does, how long it took the last time. */
static void draw_step(const struct app *app, struct surface *s, struct rect r, const struct op_view *op, int index)
{
    const struct op_step_view *st = &op->steps[index];
    bool running = st->state == OP_STEP_RUNNING;
    enum theme_role role;
    const char *sign = step_sign(app, st->state, &role);
    char text[64] = "";
    int end = r.x + r.w - 1;
    uint64_t took = st->started_ms ? (running || !st->ended_ms ? clock_mono_ms() : st->ended_ms) - st->started_ms : 0;
    surface_text(s, r.x + 2, r.y, 1, theme_style(&app->theme, role), sign);
    bool quiet = st->state == OP_STEP_PENDING || st->state == OP_STEP_SKIPPED;
    surface_text(s, r.x + 4, r.y, 13,
                 theme_style(&app->theme, quiet     ? THEME_DIM
                                          : running ? THEME_STRONG
                                                    : THEME_TEXT),
                 st->name);
    if (st->state == OP_STEP_DONE || running || st->state == OP_STEP_FAILED) {
        time_text(took, text, sizeof(text));
        surface_text_right(s, r.x + 26, r.y, 9, theme_style(&app->theme, running ? THEME_BUSY : THEME_DIM), text);
    }
    if (running && st->last_time_ms) {
        char last[24];
        bool slow = took > st->last_time_ms * OP_SLOW_FACTOR && took > 2000;
        time_text(st->last_time_ms, last, sizeof(last));
        str_format(text, sizeof(text), slow ? "slow: last time %s" : "last time %s", last);
        end = surface_text_right(s, end, r.y, r.w - 30, theme_style(&app->theme, slow ? THEME_WARN : THEME_DIM), text) -
              2;
    } else if (st->tries > 1) {
        str_format(text, sizeof(text), "try %d", st->tries);
        end = surface_text_right(s, end, r.y, 10, theme_style(&app->theme, THEME_WARN), text) - 2;
    }
    /* What went wrong stands below, in full. */
    bool told = st->state == OP_STEP_FAILED && op->state == OP_FAILED;
    const char *doing = told                                                            ? "failed"
                        : running && strcmp(st->name, "provision") == 0 && op->phase[0] ? op->phase
                                                                                        : st->text;
    int x = r.x + 29;
    if (running && st->percent >= 0 && end > x + PERCENT_COLS + 5) {
        x += draw_percent(app, s, x, r.y, MT_MIN(st->percent, 100)) + 2;
    }
    if (end > x) {
        enum theme_role words = st->state == OP_STEP_FAILED ? THEME_BAD : running ? THEME_TEXT : THEME_DIM;
        surface_text(s, x, r.y, end - x, theme_style(&app->theme, words), doing);
    }
}

/* What is going on, and for how long. */
static void draw_header(const struct app *app, struct surface *s, struct rect r, const struct op_view *op)
{
    char now[24] = "", last[24], text[80] = "";
    uint64_t end_ms = op->ended_ms ? op->ended_ms : clock_mono_ms();
    if (op->started_ms) {
        clock_mmss(end_ms - op->started_ms, now, sizeof(now));
        if (op->last_time_ms >= 1000 && !op->ended_ms) {
            clock_mmss(op->last_time_ms, last, sizeof(last));
            str_format(text, sizeof(text), "%s so far, %s last time", now, last);
        } else {
            str_format(text, sizeof(text), op->ended_ms ? "after %s" : "%s so far", now);
        }
    }
    int x_end = *text
                    ? surface_text_right(s, r.x + r.w - 1, r.y, r.w / 2, theme_style(&app->theme, THEME_DIM), text) - 2
                    : r.x + r.w - 1;
    const char *doing = op->state == OP_QUEUED   ? "waiting for its turn"
                        : op->canceling          ? "canceling"
                        : op->state == OP_FAILED ? "did not come up"
                                                 : "bringing it up";
    if (op->state == OP_FAILED && (strcmp(op->plan, "stop") == 0 || strcmp(op->plan, "delete") == 0)) {
        doing = strcmp(op->plan, "stop") == 0 ? "could not be stopped" : "could not be deleted";
    }
    if (strcmp(op->plan, "apply") == 0 || strcmp(op->plan, "discard") == 0) {
        bool apply = strcmp(op->plan, "apply") == 0;
        doing = op->state != OP_FAILED ? apply ? "applying its changes" : "forgetting its changes"
                : apply                ? "its changes could not be applied"
                                       : "its changes could not be forgotten";
    }
    enum theme_role role = op->state == OP_FAILED ? THEME_BAD : THEME_TEXT;
    surface_textf(s, r.x + 2, r.y, x_end - r.x - 2, theme_style(&app->theme, role),
                  op->profile[0] ? "%s with profile %s" : "%s", doing, op->profile);
}

/* The error and its cure. */
static void draw_trouble(const struct app *app, struct surface *s, struct rect r, const struct op_view *op)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    const char *text = op->error.msg, *hint = op->error.hint ? op->error.hint : "";
    int y = r.y + 1, cols = MT_MAX(r.w - 3, 8);
    while (y < r.y + r.h && wrap_next(&text, cols, &line) >= 0) {
        surface_text(s, r.x + 2, y++, cols, theme_style(&app->theme, THEME_BAD), line.buf);
    }
    while (y < r.y + r.h && wrap_next(&hint, cols, &line) >= 0) {
        surface_text(s, r.x + 2, y++, cols, theme_style(&app->theme, THEME_ACCENT), line.buf);
    }
}

void op_draw(const struct app *app, struct surface *s, struct rect r)
{
    const struct op_view *op = app_op(app);
    surface_fill(s, r, theme_style(&app->theme, THEME_TEXT));
    if (!op || r.h < 3 || r.w < 12) {
        return;
    }
    struct rect old = surface_clip(s, r);
    struct op_rows rows = share(app, op, r.w, r.h);
    draw_header(app, s, (struct rect){r.x, r.y, r.w, 1}, op);
    int y = r.y + rows.head;
    /* When not all fit, the running step stays in view. */
    int shown[OP_STEPS_MAX], at = 0;
    int count = shown_steps(op, shown, &at);
    int from = MT_MAX(MT_MIN(at - rows.steps + MT_MIN(2, rows.steps), count - rows.steps), 0);
    for (int i = 0; i < rows.steps; i++) {
        draw_step(app, s, (struct rect){r.x, y++, r.w, 1}, op, shown[from + i]);
    }
    if (rows.trouble) {
        draw_trouble(app, s, (struct rect){r.x, y, r.w, rows.trouble}, op);
    }
    if (rows.pane > 0) {
        surface_hline(s, r.x, r.y + r.h - rows.pane - 1, r.w, theme_style(&app->theme, THEME_BORDER));
        pane_draw(app->pane, s, op_pane_rect(app, r), &app->theme);
    }
    surface_unclip(s, old);
}
