/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/clip.h"
#include "tui/glyph.h"
#include "tui/wrap.h"

/* The list of what went wrong, newest first: the selected one in full, the others a line each. */

struct errors_view {
    struct overlay base;
    size_t at, top;
};

static void release(struct overlay *o)
{
    (void)o;
}

/* The frame's place. */
static struct rect place(const struct app *app, struct rect whole)
{
    int side = whole.w < 60 ? 0 : 2;
    int rows = (int)app->problems.count + (app->problems.count ? 8 : 3);
    return overlay_box(whole, MT_MIN(whole.w - 2 * side, 120), MT_MIN(rows, whole.h < 14 ? whole.h : whole.h - 2));
}

/* "14:02", or with the day when it is not of today. */
static void when_text(uint64_t wall_ms, char *out, size_t cap)
{
    char hhmm[8];
    clock_hhmm(wall_ms, hhmm);
    str_copy(out, cap, hhmm);
}

/* The lines of the selected one: text, then what can be done, both wrapped. */
static void full_lines(const struct app *app, const struct problem *p, int cols, struct strvec *out)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf brief = STRBUF_INIT;
    app_shorten(app, p->text, &brief);
    const char *text = brief.buf, *hint = p->hint;
    while (wrap_next(&text, cols, &line) >= 0) {
        strvec_push(out, line.buf);
    }
    while (p->hint[0] && wrap_next(&hint, cols - 2, &line) >= 0) {
        strvec_pushf(out, "> %s", line.buf);
    }
}

/* Whose it is, as the list calls it. */
static const char *owner(const struct app *app, const struct problem *p)
{
    const struct workspace *ws = p->sandbox[0] ? model_workspace_by_sandbox(app->model, p->sandbox) : NULL;
    return ws ? ws->shown : p->sandbox;
}

/* One entry from row y on; returns the rows used. */
static int draw_entry(const struct app *app, struct surface *s, struct rect r, int y, const struct problem *p, bool on)
{
    struct style ground = theme_style(&app->theme, on ? THEME_SELECTION : THEME_DIALOG);
    struct style words = theme_on(&app->theme, p->error ? THEME_BAD : THEME_WARN, on ? THEME_SELECTION : THEME_DIALOG);
    struct style dim = theme_on(&app->theme, on ? THEME_TEXT : THEME_DIM, on ? THEME_SELECTION : THEME_DIALOG);
    MT_CLEANUP(strvec) struct strvec lines = STRVEC_INIT;
    char when[16], times[24] = "";
    const char *who = owner(app, p);
    bool narrow = r.w < 60;
    int x = r.x + 8 + (narrow || !*who ? 0 : 14), cols = MT_MAX(r.x + r.w - x - 1, 8), used = 1;
    if (on) {
        full_lines(app, p, cols, &lines);
        used = MT_MAX((int)lines.len, 1) + (narrow && *who);
    }
    surface_fill(s, (struct rect){r.x, y, r.w, used}, ground);
    when_text(p->wall_ms, when, sizeof(when));
    surface_text(s, r.x, y, 1, words, glyph_text(p->error ? GLYPH_FAILED : GLYPH_ATTENTION, app->ascii));
    surface_text(s, r.x + 2, y, 5, dim, when);
    if (p->times > 1) {
        str_format(times, sizeof(times), " (%u times)", p->times);
    }
    if (!narrow && *who) {
        surface_text(s, r.x + 8, y, 13, dim, who);
    }
    if (!on) {
        MT_CLEANUP(strbuf) struct strbuf brief = STRBUF_INIT;
        app_shorten(app, p->text, &brief);
        surface_textf(s, x, y, cols, words, "%s%s", brief.buf, times);
        return 1;
    }
    if (narrow && *who) {
        surface_textf(s, x, y++, cols, dim, "%s%s", who, times);
    }
    for (size_t i = 0; i < lines.len; i++, y++) {
        surface_text(s, x, y, cols, lines.v[i][0] == '>' ? dim : words, lines.v[i]);
    }
    return used;
}

/* overlay_ops.draw */
static void draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct errors_view *v = (const struct errors_view *)o;
    const struct problems *p = &app->problems;
    struct rect r = place(app, whole);
    struct style st = theme_style(&app->theme, THEME_DIALOG), border = theme_style(&app->theme, THEME_BORDER_FOCUS);
    border.bg = st.bg;
    surface_fill(s, r, st);
    surface_frame(s, r, border, "Errors and warnings", theme_style(&app->theme, THEME_DIALOG_TITLE));
    struct rect in = {r.x + 2, r.y + 1, r.w - 4, r.h - 2};
    struct rect old = surface_clip(s, in);
    if (p->count == 0) {
        struct style dim = theme_on(&app->theme, THEME_DIM, THEME_DIALOG);
        surface_text(s, in.x, in.y + (in.h > 4), in.w, dim, "Nothing went wrong so far, or it was put away.");
    }
    int y = in.y;
    for (size_t i = v->top; i < p->count && y < in.y + in.h; i++) {
        y += draw_entry(app, s, in, y, &p->v[i], i == v->at);
    }
    surface_unclip(s, old);
    if (p->count) {
        char where[48];
        str_format(where, sizeof(where), " %zu of %zu ", v->at + 1, p->count);
        struct style dim = theme_on(&app->theme, THEME_DIM, THEME_DIALOG);
        surface_text_right(s, r.x + r.w - 2, r.y + r.h - 1, r.w - 4, dim, where);
    }
}

/* Selects another one and keeps it in view, whole where that fits. */
static void go(struct app *app, struct errors_view *v, long to)
{
    long last = (long)app->problems.count - 1;
    v->at = (size_t)MT_MAX(MT_MIN(to, last), 0L);
    v->top = MT_MIN(v->top, v->at);
    struct rect r = place(app, (struct rect){0, 0, app->cols, app->rows - 1});
    int rows = r.h - 2, cols = MT_MAX(r.w - 4 - 22, 8);
    if (v->at < app->problems.count) {
        MT_CLEANUP(strvec) struct strvec lines = STRVEC_INIT;
        full_lines(app, &app->problems.v[v->at], cols, &lines);
        long need = (long)lines.len + 1;
        while ((long)(v->at - v->top) + need > rows && v->top < v->at) {
            v->top++;
        }
    }
    app_dirty(app);
}

/* The workspace that an entry is about, or NULL. */
static const struct workspace *workspace_of(const struct app *app, const struct errors_view *v)
{
    const struct problem *p = v->at < app->problems.count ? &app->problems.v[v->at] : NULL;
    return p && p->sandbox[0] ? model_workspace_by_sandbox(app->model, p->sandbox) : NULL;
}

/* The sandbox that the selected one is about. */
static void visit(struct app *app, struct errors_view *v)
{
    const struct workspace *ws = workspace_of(app, v);
    if (ws) {
        overlay_close(app, &v->base);
        app_select_workspace(app, ws->id);
        app_set_focus(app, FOCUS_LIST);
    } else if (app->problems.count) {
        app_say(app, "There is no sandbox to go to for this one");
    }
}

/* The log's words about a machine come without what helps: its backend knows that. */
static void add_advice(struct app *app)
{
    for (size_t i = 0; i < app->problems.count; i++) {
        struct problem *p = &app->problems.v[i];
        for (size_t k = 0; !p->hint[0] && k < model_backend_count(app->model); k++) {
            const struct backend_view *b = model_backend_at(app->model, k);
            char own[64], list[80];
            str_format(own, sizeof(own), "host %s: ", b->host);
            str_format(list, sizeof(list), "%s on %s: ", b->name, b->host);
            if (b->host[0] && (strncmp(p->text, own, strlen(own)) == 0 || strncmp(p->text, list, strlen(list)) == 0)) {
                str_copy(p->hint, sizeof(p->hint), b->probe.fix);
            }
        }
    }
}

/* The selected one's text, whole, to the clipboard. */
static void copy(struct app *app, const struct errors_view *v)
{
    if (v->at < app->problems.count) {
        const struct problem *p = &app->problems.v[v->at];
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        strbuf_addf(&text, "%s%s%s%s%s", p->sandbox, p->sandbox[0] ? ": " : "", p->text, p->hint[0] ? "\n" : "",
                    p->hint);
        clip_copy(app->loop, app->screen, text.buf, text.len);
        app_say(app, "Copied");
    }
}

/* overlay_ops.on_key */
static void on_key(struct app *app, struct overlay *o, struct key key)
{
    struct errors_view *v = (struct errors_view *)o;
    long page = MT_MAX(app->rows / 2, 1);
    switch (key.sym) {
    case KEYSYM_ESCAPE:
    case 'q':
    case '!':
    case 'E':
        overlay_close(app, o);
        break;
    case KEYSYM_ENTER:
        visit(app, v);
        break;
    case 'j':
    case KEYSYM_DOWN:
        go(app, v, (long)v->at + 1);
        break;
    case 'k':
    case KEYSYM_UP:
        go(app, v, (long)v->at - 1);
        break;
    case ' ':
    case KEYSYM_PGDN:
        go(app, v, (long)v->at + page);
        break;
    case 'b':
    case KEYSYM_PGUP:
        go(app, v, (long)v->at - page);
        break;
    case 'g':
    case KEYSYM_HOME:
        go(app, v, 0);
        break;
    case 'G':
    case KEYSYM_END:
        go(app, v, PROBLEMS_MAX);
        break;
    case 'd':
    case KEYSYM_DELETE:
        problems_dismiss(&app->problems, v->at);
        go(app, v, (long)v->at);
        break;
    case 'D':
        problems_clear(&app->problems);
        go(app, v, 0);
        break;
    case 'y':
        copy(app, v);
        break;
    default:
        break;
    }
}

/* overlay_ops.on_mouse */
static void on_mouse(struct app *app, struct overlay *o, const struct mouse_event *ev)
{
    struct errors_view *v = (struct errors_view *)o;
    struct rect r = place(app, (struct rect){0, 0, app->cols, app->rows - 1});
    if (ev->kind != MOUSE_PRESS) {
        return;
    }
    if (ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN) {
        go(app, v, (long)v->at + (ev->button == MOUSE_WHEEL_UP ? -1 : 1));
    } else if (!rect_has(r, ev->col, ev->row)) {
        overlay_close(app, o);
    }
}

/* overlay_ops.hints */
static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    const struct errors_view *v = (const struct errors_view *)o;
    bool none = app->problems.count == 0;
    const struct hint table[] = {
        {"j/k", "move", 2, none},        {"Enter", "go to the sandbox", 3, !workspace_of(app, v)},
        {"d", "put away", 4, none},      {"D", "put all away", 5, none},
        {"y", "copy its text", 6, none}, {"Esc", "close", 0, false}};
    size_t n = MT_MIN(cap, MT_ARRAY_LEN(table));
    memcpy(out, table, n * sizeof(*out));
    return n;
}

static const struct overlay_ops errors_ops = {
    .name = "errors", .draw = draw, .on_key = on_key, .on_mouse = on_mouse, .release = release, .hints = hints};

void dialog_errors(struct app *app)
{
    struct errors_view *v = xcalloc(1, sizeof(*v));
    v->base.ops = &errors_ops;
    problems_sync(&app->problems);
    add_advice(app);
    problems_see(&app->problems);
    app->toast.visible = false;
    overlay_push(app, &v->base);
    app_dirty(app);
}
