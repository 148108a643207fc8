/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/wrap.h"

#define ASK_WIDTH 68

struct ask {
    struct overlay base;
    struct ask_opts opts;
    char *title, *body;
    char keys[5][8]; /* names of the answers' keys, for the hints */
};

/* overlay_ops.release */
static void release(struct overlay *o)
{
    struct ask *a = (struct ask *)o;
    if (a->opts.free_arg) {
        a->opts.free_arg(a->opts.arg);
    }
    free(a->title);
    free(a->body);
}

/* A key's name as the person knows it. */
static void key_text(char key, char out[8])
{
    str_format(out, 8, key == KEYSYM_ENTER ? "Enter" : "%c", key);
}

/* The box: title, text, answers one per line. */
static void draw_box(const struct app *app, const struct ask *a, struct surface *s, struct rect whole)
{
    struct style st = theme_style(&app->theme, THEME_DIALOG);
    int w = MT_MIN(ASK_WIDTH, whole.w - 2), inner = w - 6;
    if (inner < 8) {
        return;
    }
    int lines = wrap_count(a->body, inner);
    struct rect r = overlay_box(whole, w, lines + (int)a->opts.count + 6);
    surface_fill(s, r, st);
    struct style title = theme_style(&app->theme, a->opts.title_role ? a->opts.title_role : THEME_DIALOG_TITLE);
    title.bg = st.bg;
    struct style border = theme_style(&app->theme, THEME_BORDER_FOCUS);
    border.bg = st.bg;
    surface_frame(s, r, border, a->title, title);
    struct rect old = surface_clip(s, (struct rect){r.x + 1, r.y + 1, r.w - 2, r.h - 2});
    int body_room = MT_MAX(r.h - 5 - (int)a->opts.count, 0);
    struct rect old2 = surface_clip(s, (struct rect){r.x, r.y + 2, r.w, MT_MIN(lines, body_room + 1)});
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    const char *text = a->body;
    for (int i = 0; wrap_next(&text, inner, &line) >= 0; i++) {
        surface_text(s, r.x + 3, r.y + 2 + i, inner, st, line.buf);
    }
    surface_unclip(s, old2);
    int y = r.y + r.h - 2 - (int)a->opts.count - 1;
    for (size_t i = 0; i < a->opts.count; i++) {
        char key[8];
        key_text(a->opts.answers[i].key, key);
        struct style ks = theme_style(&app->theme, THEME_KEY), ls = theme_style(&app->theme, a->opts.answers[i].role);
        ks.bg = ls.bg = st.bg;
        surface_text(s, r.x + 3, y + (int)i, 6, ks, key);
        surface_text(s, r.x + 9, y + (int)i, inner - 6, ls, a->opts.answers[i].label);
    }
    struct style ks = theme_style(&app->theme, THEME_KEY), ls = theme_style(&app->theme, THEME_DIM);
    ks.bg = ls.bg = st.bg;
    surface_text(s, r.x + 3, y + (int)a->opts.count, 6, ks, "Esc");
    surface_text(s, r.x + 9, y + (int)a->opts.count, inner - 6, ls, "leave it as it is");
    surface_unclip(s, old);
}

/* The question in the bottom line, default No. */
static void draw_line(const struct app *app, const struct ask *a, struct surface *s, struct rect whole)
{
    struct style st = theme_style(&app->theme, THEME_NOTICE);
    struct rect r = {whole.x, whole.y + whole.h - 1, whole.w, 1};
    surface_fill(s, r, st);
    int x = r.x + 1 + surface_text(s, r.x + 1, r.y, r.w - 8, st, a->title);
    struct style strong = st;
    strong.attrs |= CELL_BOLD;
    x += 1 + surface_text(s, x + 1, r.y, 6, strong, "(y/N)");
    s->cursor.visible = true;
    s->cursor.x = MT_MIN(x + 1, r.x + r.w - 1);
    s->cursor.y = r.y;
    s->cursor.shape = 0;
}

/* overlay_ops.draw */
static void draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct ask *a = (const struct ask *)o;
    if (a->body) {
        draw_box(app, a, s, whole);
    } else {
        draw_line(app, a, s, whole);
    }
}

/* Gives the answer after the box is gone, so that the answer may open another one. */
static void answer(struct app *app, struct ask *a, int value)
{
    struct ask_opts opts = a->opts;
    a->opts.free_arg = NULL;
    overlay_close(app, &a->base);
    if (value >= 0) {
        opts.on_answer(app, opts.arg, value);
    }
    if (opts.free_arg) {
        opts.free_arg(opts.arg);
    }
}

/* overlay_ops.on_key: anything that is no answer is No in the one-line form. */
static void on_key(struct app *app, struct overlay *o, struct key key)
{
    struct ask *a = (struct ask *)o;
    for (size_t i = 0; i < a->opts.count; i++) {
        char k = a->opts.answers[i].key;
        if (key.mods == 0 && (key.sym == (uint32_t)k || (key.sym < 128 && (key.sym | 32) == (uint32_t)k && k >= 'a'))) {
            answer(app, a, a->opts.answers[i].value);
            return;
        }
    }
    if (!a->body || key.sym == KEYSYM_ESCAPE || (key.sym == 'c' && key.mods == KEYMOD_CTRL) || key.sym == 'n' ||
        key.sym == 'q') {
        answer(app, a, -1);
    }
}

/* overlay_ops.hints */
static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    (void)app;
    const struct ask *a = (const struct ask *)o;
    size_t n = 0;
    for (; n < a->opts.count && n + 1 < cap; n++) {
        out[n] = (struct hint){a->keys[n], a->opts.answers[n].label, (int)n + 1, false};
    }
    out[n++] = (struct hint){"Esc", "cancel", 0, false};
    return n;
}

static const struct overlay_ops box_ops = {
    .name = "ask", .draw = draw, .on_key = on_key, .release = release, .hints = hints};
static const struct overlay_ops line_ops = {
    .name = "ask", .draw = draw, .on_key = on_key, .release = release, .hints = hints, .one_line = true};

void ask_open(struct app *app, const struct ask_opts *opts)
{
    struct ask *a = xcalloc(1, sizeof(*a));
    a->base.ops = opts->body ? &box_ops : &line_ops;
    a->opts = *opts;
    a->title = xstrdup(opts->title);
    a->body = xstrdup_null(opts->body);
    for (size_t i = 0; i < opts->count; i++) {
        key_text(opts->answers[i].key, a->keys[i]);
    }
    overlay_push(app, &a->base);
}
