/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/strvec.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/wrap.h"

/* The lines as wrapped for a width; made anew when that changes. */
struct pager_flat {
    int cols;
    struct strvec text;
    size_t *line, cap; /* which of the lines each belongs to */
};

struct pager {
    struct overlay base;
    struct pager_flat *flat;
    char *title;
    struct pager_line *lines;
    size_t count, top;
    int rows; /* in view at the last drawing */
    bool to_end;
    char needle[128];
};

void pager_add(struct pager_build *b, enum theme_role role, const char *fmt, ...)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    if (b->count == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 64;
        b->lines = xreallocarray(b->lines, b->cap, sizeof(*b->lines));
    }
    b->lines[b->count++] = (struct pager_line){.role = role, .text = strbuf_detach(&text, NULL)};
}

void pager_mark_key(struct pager_build *b, int cols)
{
    b->lines[b->count - 1].key_cols = cols;
}

/* overlay_ops.release */
static void release(struct overlay *o)
{
    struct pager *p = (struct pager *)o;
    for (size_t i = 0; i < p->count; i++) {
        free(p->lines[i].text);
    }
    free(p->lines);
    free(p->title);
    strvec_release(&p->flat->text);
    free(p->flat->line);
    free(p->flat);
}

/* The widest line. */
static int content_width(const struct pager *p)
{
    int w = utf8_columns(p->title, strlen(p->title)) + 4;
    for (size_t i = 0; i < p->count; i++) {
        w = MT_MAX(w, utf8_columns(p->lines[i].text, strlen(p->lines[i].text)));
    }
    return w;
}

/* Blank columns beside the text: few where there are few. */
static int margin(struct rect whole)
{
    return whole.w < 60 ? 2 : 3;
}

/* Wraps the lines to so many columns. */
static void wrap_to(const struct pager *p, int cols)
{
    struct pager_flat *f = p->flat;
    if (f->cols == cols) {
        return;
    }
    f->cols = cols;
    strvec_clear(&f->text);
    for (size_t i = 0; i < p->count; i++) {
        size_t from = f->text.len;
        if (p->lines[i].text[0]) {
            wrap_hanging(p->lines[i].text, cols, &f->text);
        } else {
            strvec_push(&f->text, "");
        }
        if (f->text.len > f->cap) {
            f->cap = f->text.len * 2;
            f->line = xreallocarray(f->line, f->cap, sizeof(*f->line));
        }
        for (; from < f->text.len; from++) {
            f->line[from] = i;
        }
    }
}

/* The frame's place; the lines are wrapped for it. */
static struct rect place(const struct pager *p, struct rect whole)
{
    int side = margin(whole) - 2, most = whole.w - 2 * side;
    struct rect body = {whole.x + side, whole.y + 1, most, whole.h - 2};
    int w = MT_MIN(MT_MAX(content_width(p) + 6, 64), most);
    wrap_to(p, MT_MAX(w - 2 * margin(whole), 1));
    return overlay_box(body, w, (int)MT_MIN(p->flat->text.len, 10000) + 4);
}

/* The first line in view, clamped to what there is. */
static size_t clamp_top(const struct pager *p, int rows)
{
    size_t count = p->flat->text.len, max = count > (size_t)rows ? count - (size_t)rows : 0;
    return p->to_end ? max : MT_MIN(p->top, max);
}

/* Lines of text in a frame: blank lines at its edges only where there is room. */
static int rows_in(const struct pager *p, struct rect r)
{
    bool tight = r.h < 14 && p->flat->text.len + 4 > (size_t)r.h;
    return MT_MAX(r.h - (tight ? 2 : 4), 1);
}

/* overlay_ops.draw */
static void draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct pager *p = (const struct pager *)o;
    struct rect r = place(p, whole);
    struct style st = theme_style(&app->theme, THEME_DIALOG);
    struct style border = theme_style(&app->theme, THEME_BORDER_FOCUS);
    border.bg = st.bg;
    surface_fill(s, r, st);
    surface_frame(s, r, border, p->title, theme_style(&app->theme, THEME_DIALOG_TITLE));
    const struct pager_flat *f = p->flat;
    int rows = rows_in(p, r), x = r.x + margin(whole), y0 = r.y + (r.h - rows) / 2;
    size_t top = clamp_top(p, rows), count = f->text.len;
    for (int y = 0; y < rows && top + (size_t)y < count; y++) {
        size_t at = top + (size_t)y;
        const struct pager_line *l = &p->lines[f->line[at]];
        struct style line = theme_style(&app->theme, l->role);
        line.bg = st.bg;
        surface_text(s, x, y0 + y, f->cols, line, f->text.v[at]);
        if (l->key_cols && (at == 0 || f->line[at - 1] != f->line[at])) {
            struct style key = theme_style(&app->theme, THEME_KEY);
            key.bg = st.bg;
            surface_tint(s, rect_intersect((struct rect){x, y0 + y, l->key_cols, 1}, r), key);
        }
    }
    if (count > (size_t)rows) {
        char where[48];
        str_format(where, sizeof(where), " %zu-%zu of %zu ", top + 1, MT_MIN(top + (size_t)rows, count), count);
        struct style dim = theme_style(&app->theme, THEME_DIM);
        dim.bg = st.bg;
        surface_text_right(s, r.x + r.w - 2, r.y + r.h - 1, r.w - 4, dim, where);
    }
}

/* Scrolls by lines. */
static void scroll_by(struct app *app, struct pager *p, int delta)
{
    int rows = rows_in(p, place(p, (struct rect){0, 0, app->cols, app->rows - 1}));
    size_t top = clamp_top(p, rows);
    p->to_end = false;
    p->top = delta < 0 ? (top > (size_t)-delta ? top - (size_t)-delta : 0) : top + (size_t)delta;
    p->top = clamp_top(p, rows);
    p->rows = rows;
    app_dirty(app);
}

/* overlay_ops.on_key */
static void on_key(struct app *app, struct overlay *o, struct key key)
{
    struct pager *p = (struct pager *)o;
    int page = MT_MAX(rows_in(p, place(p, (struct rect){0, 0, app->cols, app->rows - 1})) - 1, 1);
    switch (key.sym) {
    case KEYSYM_ESCAPE:
    case 'q':
    case KEYSYM_ENTER:
    case '?':
    case KEYSYM_F1:
        overlay_close(app, o);
        break;
    case 'j':
    case KEYSYM_DOWN:
        scroll_by(app, p, 1);
        break;
    case 'k':
    case KEYSYM_UP:
        scroll_by(app, p, -1);
        break;
    case ' ':
    case 'f':
    case KEYSYM_PGDN:
        scroll_by(app, p, page);
        break;
    case 'b':
    case KEYSYM_PGUP:
        scroll_by(app, p, -page);
        break;
    case 'g':
    case KEYSYM_HOME:
        scroll_by(app, p, -(int)MT_MIN(p->flat->text.len, 1000000));
        break;
    case 'G':
    case KEYSYM_END:
        p->to_end = true;
        app_dirty(app);
        break;
    default:
        break;
    }
}

/* overlay_ops.on_mouse */
static void on_mouse(struct app *app, struct overlay *o, const struct mouse_event *ev)
{
    struct pager *p = (struct pager *)o;
    if (ev->kind != MOUSE_PRESS) {
        return;
    }
    if (ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN) {
        scroll_by(app, p, ev->button == MOUSE_WHEEL_UP ? -3 : 3);
    } else if (!rect_has(place(p, (struct rect){0, 0, app->cols, app->rows - 1}), ev->col, ev->row)) {
        overlay_close(app, o);
    }
}

/* overlay_ops.hints */
static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    (void)app;
    (void)o;
    static const struct hint table[] = {{"j/k", "scroll", 2, false},
                                        {"Space/b", "page", 3, false},
                                        {"g/G", "top, bottom", 4, false},
                                        {"Esc", "close", 0, false}};
    size_t n = MT_MIN(cap, MT_ARRAY_LEN(table));
    memcpy(out, table, n * sizeof(*out));
    return n;
}

static const struct overlay_ops pager_ops = {
    .name = "pager", .draw = draw, .on_key = on_key, .on_mouse = on_mouse, .release = release, .hints = hints};

struct pager *pager_open(struct app *app, const char *title, struct pager_line *lines, size_t count, bool at_end)
{
    struct pager *p = xcalloc(1, sizeof(*p));
    p->base.ops = &pager_ops;
    p->flat = xcalloc(1, sizeof(*p->flat));
    p->flat->text = STRVEC_INIT;
    p->title = xstrdup(title);
    p->lines = lines;
    p->count = count;
    p->to_end = at_end;
    overlay_push(app, &p->base);
    return p;
}
