/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/wrap.h"

/* Columns for typing below which the keys give way. */
#define PROMPT_LEAST 24
#define MESSAGE_LINES 4

struct prompt {
    struct overlay base;
    struct prompt_opts opts;
    char *label;
    struct line_edit edit;
    char message[400];
};

/* overlay_ops.release */
static void release(struct overlay *o)
{
    struct prompt *p = (struct prompt *)o;
    free(p->label);
    if (p->opts.free_arg) {
        p->opts.free_arg(p->opts.arg);
    }
}

/* The part of the text that ends at the cursor and fits in `room` columns begins here. */
static size_t visible_from(const struct line_edit *e, int room)
{
    size_t from = 0;
    while (from < e->at && utf8_columns(e->text + from, e->at - from) >= room) {
        from += utf8_cluster(e->text + from, e->len - from, NULL);
    }
    return from;
}

/* What is wrong with the text, in as many lines above the prompt as it takes. */
static void draw_message(const struct app *app, struct surface *s, struct rect r, int most, const char *text)
{
    struct style bad = theme_style(&app->theme, THEME_ERROR);
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    int lines = MT_MIN(wrap_count(text, r.w - 2), most);
    for (int i = 0; i < lines && wrap_next(&text, r.w - 2, &line) >= 0; i++) {
        struct rect at = {r.x, r.y - lines + i, r.w, 1};
        surface_fill(s, at, bad);
        surface_text(s, at.x + 1, at.y, at.w - 2, bad, line.buf);
    }
}

/* overlay_ops.draw: the bottom line; what is wrong with the text stands above it. */
static void draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct prompt *p = (const struct prompt *)o;
    struct rect r = {whole.x, whole.y + whole.h - 1, whole.w, 1};
    struct style st = theme_style(&app->theme, THEME_INPUT), label = theme_style(&app->theme, THEME_KEY);
    label.bg = st.bg;
    surface_fill(s, r, st);
    int x = r.x + 1;
    x += surface_text(s, x, r.y, r.w - 2, label, p->label) + 1;
    const char *keys = p->opts.keys ? p->opts.keys : "Enter ok  Esc cancel";
    int end = r.x + r.w - 1;
    if (r.w - (x - r.x) - (int)strlen(keys) >= PROMPT_LEAST) {
        struct style dim = theme_style(&app->theme, THEME_DIM);
        dim.bg = st.bg;
        end = surface_text_right(s, end, r.y, r.w / 2, dim, keys) - 2;
    }
    int room = end - x;
    if (room > 0) {
        size_t from = visible_from(&p->edit, room);
        surface_text(s, x, r.y, room, st, p->edit.text + from);
        s->cursor.visible = true;
        s->cursor.shape = 0;
        s->cursor.x = x + utf8_columns(p->edit.text + from, p->edit.at - from);
        s->cursor.y = r.y;
    }
    if (p->message[0] && whole.h > 2) {
        draw_message(app, s, r, MT_MIN(MESSAGE_LINES, whole.h - 2), p->message);
    }
}

/* Tells the owner of the new text. */
static void changed(struct app *app, struct prompt *p)
{
    p->message[0] = '\0';
    if (p->opts.on_change) {
        p->opts.on_change(app, p->opts.arg, p->edit.text, p->message, sizeof(p->message));
    }
    app_dirty(app);
}

/* Keys that move the list while its filter is being typed. */
static bool move_list(struct app *app, struct key key)
{
    int delta = key.sym == KEYSYM_DOWN   ? 1
                : key.sym == KEYSYM_UP   ? -1
                : key.sym == KEYSYM_PGDN ? 10
                : key.sym == KEYSYM_PGUP ? -10
                                         : 0;
    if (delta) {
        app_select_row(app, tree_step(&app->tree, app->selected_row, delta));
    }
    return delta != 0;
}

/* overlay_ops.on_key */
static void on_key(struct app *app, struct overlay *o, struct key key)
{
    struct prompt *p = (struct prompt *)o;
    if (key.sym == KEYSYM_ESCAPE || (key.mods == KEYMOD_CTRL && key.sym == 'c')) {
        struct prompt_opts opts = p->opts;
        overlay_close(app, o);
        if (opts.on_cancel) {
            opts.on_cancel(app, opts.arg);
        }
    } else if (key.sym == KEYSYM_ENTER) {
        struct prompt_opts opts = p->opts;
        char message[400] = "";
        struct line_edit edit = p->edit;
        /* The owner may open the next overlay: that must lie on what is below this one. */
        if (opts.on_enter(app, opts.arg, edit.text, message, sizeof(message))) {
            overlay_close(app, o);
        } else {
            str_copy(p->message, sizeof(p->message), message);
            app_dirty(app);
        }
    } else if (!(p->opts.passes_moves && move_list(app, key)) && line_edit_key(&p->edit, key)) {
        changed(app, p);
    }
}

/* overlay_ops.on_text */
static void on_text(struct app *app, struct overlay *o, const char *text, size_t len)
{
    struct prompt *p = (struct prompt *)o;
    line_edit_insert(&p->edit, text, len);
    changed(app, p);
}

/* overlay_ops.hints: the prompt takes the whole line. */
static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    (void)app;
    (void)o;
    (void)out;
    (void)cap;
    return 0;
}

static const struct overlay_ops prompt_ops = {.name = "prompt",
                                              .draw = draw,
                                              .on_key = on_key,
                                              .on_text = on_text,
                                              .release = release,
                                              .hints = hints,
                                              .one_line = true};

void prompt_open(struct app *app, const struct prompt_opts *opts)
{
    struct prompt *p = xcalloc(1, sizeof(*p));
    p->base.ops = &prompt_ops;
    p->opts = *opts;
    p->label = xstrdup(opts->label);
    line_edit_set(&p->edit, opts->text ? opts->text : "");
    overlay_push(app, &p->base);
}
