/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/boot.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/wrap.h"

/* :up and :down: what will be done is listed and asked about, then each part is shown as it goes. The view may be
 * closed meanwhile; what was begun goes on and is told of at its end. */

#define BOX_COLS 96
#define ITEM_ROWS 3

struct boot_view {
    struct overlay base;
    int top;
};

/* --- the live list --- */

static struct state_look look_of(enum boot_state s)
{
    static const struct state_look looks[] = {[BOOT_WAITING] = {GLYPH_PENDING, false, "", THEME_DIM},
                                              [BOOT_RUNNING] = {GLYPH_RUNNING, true, "", THEME_BUSY},
                                              [BOOT_DONE] = {GLYPH_DONE, false, "", THEME_OK},
                                              [BOOT_FAILED] = {GLYPH_FAILED, false, "", THEME_BAD},
                                              [BOOT_CANCELED] = {GLYPH_SKIPPED, false, "", THEME_WARN},
                                              [BOOT_NOTHING] = {GLYPH_SKIPPED, false, "", THEME_DIM}};
    return looks[s];
}

/* What is said of one part now. */
static void words_of(const struct boot_item *item, struct strbuf *out)
{
    bool plan = item->state == BOOT_NOTHING || item->state == BOOT_WAITING || !item->text[0];
    strbuf_addstr(out, plan ? item->what : item->text);
    if (item->state == BOOT_FAILED && item->error.hint) {
        strbuf_addf(out, "; %s", item->error.hint);
    }
}

/* Columns of the names, and rows of one part beside them. */
static int name_columns(const struct boot *b, int w)
{
    int widest = 8;
    for (size_t i = 0; i < boot_item_count(b); i++) {
        const char *name = boot_item(b, i)->name;
        widest = MT_MAX(widest, utf8_columns(name, strlen(name)));
    }
    return MT_MIN(widest, MT_MAX(w / 3, 8));
}

static int text_columns(int w, int name_w)
{
    return MT_MAX(w - 3 - name_w - 2, 10);
}

static int item_rows(const struct boot_item *item, int w, int name_w)
{
    MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT;
    words_of(item, &all);
    return MT_MAX(MT_MIN(wrap_count(all.buf, text_columns(w, name_w)), ITEM_ROWS), 1);
}

/* Draws one part; returns the rows used. */
static int draw_item(const struct app *app, struct surface *s, struct rect r, int name_w, const struct boot_item *item)
{
    struct state_look look = look_of(item->state);
    struct style st = theme_on(&app->theme, look.role, THEME_DIALOG);
    MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT, piece = STRBUF_INIT;
    words_of(item, &all);
    const char *rest = all.buf;
    int w = text_columns(r.w, name_w), y = 0;
    surface_text(s, r.x, r.y, 2, st,
                 look.spins ? glyph_spinner(clock_mono_ms(), app->ascii) : glyph_text(look.glyph, app->ascii));
    surface_text(s, r.x + 3, r.y, name_w, theme_on(&app->theme, THEME_TEXT, THEME_DIALOG), item->name);
    for (; y < ITEM_ROWS && wrap_next(&rest, w, &piece) >= 0; y++) {
        surface_text(s, r.x + 3 + name_w + 2, r.y + y, w, st, piece.buf);
    }
    return MT_MAX(y, 1);
}

/* The box, as high as what is in it. */
static struct rect box_of(const struct boot *b, struct rect whole)
{
    int w = overlay_box(whole, BOX_COLS, 4).w - 4, h = 5, name_w = b ? name_columns(b, w) : 8;
    for (size_t i = 0; b && i < boot_item_count(b); i++) {
        h += item_rows(boot_item(b, i), w, name_w);
    }
    return overlay_box(whole, BOX_COLS, h);
}

static void draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct boot_view *view = (const struct boot_view *)o;
    size_t n = app->boot ? boot_item_count(app->boot) : 0;
    struct rect box = box_of(app->boot, whole), in = {box.x + 2, box.y + 1, box.w - 4, box.h - 2};
    char note[120] = "";
    surface_fill(s, box, theme_style(&app->theme, THEME_DIALOG));
    surface_frame(s, box, theme_on(&app->theme, THEME_BORDER_FOCUS, THEME_DIALOG),
                  app->boot_is_up ? "Bringing up" : "Taking down", theme_style(&app->theme, THEME_DIALOG_TITLE));
    struct rect old = surface_clip(s, in);
    int y = in.y + (in.h > 4), name_w = app->boot ? name_columns(app->boot, in.w) : 8;
    for (size_t i = (size_t)view->top; i < n && y < in.y + in.h - 1; i++) {
        y += draw_item(app, s, (struct rect){in.x, y, in.w, 1}, name_w, boot_item(app->boot, i));
    }
    surface_fill(s, (struct rect){in.x, in.y + in.h - 1, in.w, 1}, theme_style(&app->theme, THEME_DIALOG));
    if (app->boot && boot_is_over(app->boot)) {
        size_t failed = boot_count(app->boot, BOOT_FAILED), left = boot_count(app->boot, BOOT_CANCELED);
        str_format(note, sizeof(note), failed || left ? "Over: %zu failed, %zu left as it was" : "Done", failed, left);
        surface_text(s, in.x, in.y + in.h - 1, in.w,
                     theme_on(&app->theme,
                              failed ? THEME_BAD
                              : left ? THEME_WARN
                                     : THEME_OK,
                              THEME_DIALOG),
                     note);
    }
    surface_unclip(s, old);
}

static uint64_t next_ms(const struct app *app, const struct overlay *o)
{
    (void)o;
    return app->boot && !boot_is_over(app->boot) ? OVERLAY_SPIN_MS : 0;
}

static void on_key(struct app *app, struct overlay *o, struct key key)
{
    struct boot_view *view = (struct boot_view *)o;
    int last = app->boot ? MT_MAX((int)boot_item_count(app->boot) - 1, 0) : 0;
    if (key.sym == KEYSYM_ESCAPE || key.sym == 'q' || key.sym == KEYSYM_ENTER) {
        overlay_close(app, o);
    } else if (key.sym == KEYSYM_DOWN || key.sym == 'j') {
        view->top = MT_MIN(view->top + 1, last);
    } else if (key.sym == KEYSYM_UP || key.sym == 'k') {
        view->top = MT_MAX(view->top - 1, 0);
    } else if (key.sym == 'c' && app->boot && !boot_is_over(app->boot)) {
        boot_cancel(app->boot);
    }
    app_dirty(app);
}

static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    bool over = !app->boot || boot_is_over(app->boot);
    const struct hint table[] = {{"c", "cancel the rest", 1, over},
                                 {"Esc", over ? "close" : "close; it goes on", 0, false}};
    size_t n = MT_MIN(cap, MT_ARRAY_LEN(table));
    (void)o;
    memcpy(out, table, n * sizeof(*out));
    return n;
}

static void release(struct overlay *o)
{
    (void)o;
}

static const struct overlay_ops ops = {
    .name = "boot", .draw = draw, .on_key = on_key, .release = release, .hints = hints, .next_ms = next_ms};

static void show(struct app *app)
{
    for (const struct overlay *o = app->overlay; o; o = o->below) {
        if (o->ops == &ops) {
            return;
        }
    }
    struct boot_view *view = xcalloc(1, sizeof(*view));
    view->base.ops = &ops;
    overlay_push(app, &view->base);
}

/* --- asking --- */

static void on_changed(void *arg, const struct boot_item *item)
{
    struct app *app = arg;
    /* The engine's own ops are among the problems when they fail; the rest is not known there. */
    if (item->state == BOOT_FAILED && item->kind == BOOT_ENGINE) {
        app_problem(app, true, item->name, item->error.msg, item->error.hint);
    }
    app_dirty(app);
}

static void on_done(void *arg)
{
    struct app *app = arg;
    if (app->quitting) {
        app_quit_on(app);
        return;
    }
    size_t failed = boot_count(app->boot, BOOT_FAILED), left = boot_count(app->boot, BOOT_CANCELED);
    if (failed || left) {
        app_warn(app, "%s: %zu failed, %zu left as it was", app->boot_is_up ? "up" : "down", failed, left);
    } else {
        app_say(app, app->boot_is_up ? "Up: what was asked for runs" : "Down: everything is stopped");
    }
    app_dirty(app);
}

static void answer(struct app *app, void *arg, int value)
{
    (void)arg;
    (void)value;
    if (app->boot && boot_is_over(app->boot)) {
        boot_run(app->boot);
        show(app);
    }
}

static void begin(struct app *app, bool up)
{
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    if (app->boot && !boot_is_over(app->boot)) {
        show(app); /* the one that runs */
        return;
    }
    if (!app->ready) {
        app_say(app, "Still looking at what there is: try again in a moment");
        return;
    }
    boot_free(app->boot);
    app->boot_is_up = up;
    app->boot = boot_new(&(struct boot_opts){.loop = app->loop,
                                             .paths = app->paths,
                                             .config = &app->config,
                                             .model = app->model,
                                             .engine = app->engine,
                                             .up = up,
                                             .changed = on_changed,
                                             .done = on_done,
                                             .arg = app});
    boot_list(app->boot, true, &body);
    if (boot_count(app->boot, BOOT_WAITING) == 0) {
        ask_open(app, &(struct ask_opts){.title = up ? "Nothing is to be started" : "Nothing runs",
                                         .body = body.len ? body.buf : "There are no sandboxes, services or servers.",
                                         .title_role = THEME_TITLE_FOCUS,
                                         .count = 0,
                                         .on_answer = NULL});
        return;
    }
    bool working = false;
    for (size_t i = 0; i < boot_item_count(app->boot); i++) {
        working = working || boot_item(app->boot, i)->working;
    }
    ask_open(app,
             &(struct ask_opts){.title = up        ? "Bring this up?"
                                         : working ? "Take this down? Programs are at work in it"
                                                   : "Take this down?",
                                .body = body.buf,
                                .title_role = working ? THEME_BAD
                                              : up    ? THEME_TITLE_FOCUS
                                                      : THEME_WARN,
                                .answers = {{'y', up ? "bring it up" : "take it down", up ? THEME_TEXT : THEME_BAD, 1}},
                                .count = 1,
                                .declined = "Nothing was done",
                                .on_answer = answer});
}

void dialog_up(struct app *app)
{
    begin(app, true);
}

void dialog_down(struct app *app)
{
    begin(app, false);
}
