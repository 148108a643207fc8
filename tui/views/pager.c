/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/views/pager_text.h"

struct pager {
    struct overlay base;
    struct pager_text *text;
    char *title, *note;
    const char *empty;
    size_t top; /* the first wrapped row in view */
    bool to_end, follow, wide;
    const struct pager_owner *owner;
    void *arg;
    char needle[128];
    size_t hit; /* the row that was searched for and found */
};

/* --- building lines --- */

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

void pager_mark_link(struct pager_build *b, const char *address)
{
    free(b->lines[b->count - 1].link);
    b->lines[b->count - 1].link = xstrdup(address);
}

/* overlay_ops.release */
static void release(struct overlay *o)
{
    struct pager *p = (struct pager *)o;
    if (p->owner && p->owner->closed) {
        p->owner->closed(p->arg);
    }
    pager_text_release(p->text);
    free(p->text);
    free(p->title);
    free(p->note);
}

/* --- geometry --- */

/* Blank columns beside the text: few where there are few. */
static int margin(struct rect whole)
{
    return whole.w < 60 ? 2 : 3;
}

/* The frame's place; the lines are wrapped for it. */
static struct rect place(const struct pager *p, struct rect whole)
{
    int side = margin(whole) - 2, most = whole.w - 2 * side;
    int title = utf8_columns(p->title, strlen(p->title)) + 4;
    struct rect body = {whole.x + side, whole.y + 1, most, whole.h - 2};
    int w = p->wide ? most : MT_MIN(MT_MAX(MT_MAX(p->text->widest, title) + 6, 64), most);
    pager_text_wrap(p->text, MT_MAX(w - 2 * margin(whole), 1));
    return overlay_box(body, w, p->wide ? body.h : (int)MT_MIN(p->text->flat.len, 10000) + 4);
}

/* The first line in view, clamped to what there is. */
static size_t clamp_top(const struct pager *p, int rows)
{
    size_t count = p->text->flat.len, max = count > (size_t)rows ? count - (size_t)rows : 0;
    return p->to_end ? max : MT_MIN(p->top, max);
}

/* Lines of text in a frame: blank lines at its edges only where there is room. */
static int rows_in(const struct pager *p, struct rect r)
{
    bool tight = p->wide || (r.h < 14 && p->text->flat.len + 4 > (size_t)r.h);
    return MT_MAX(r.h - (tight ? 2 : 4), 1);
}

/* Rows of text in view on this screen. */
static int rows_now(const struct app *app, const struct pager *p)
{
    return rows_in(p, place(p, (struct rect){0, 0, app->cols, app->rows - 1}));
}

/* --- drawing --- */

/* Lights what was searched for. */
static void light(const struct app *app, const struct pager *p, struct surface *s, int x, int y, size_t row)
{
    const char *text = p->text->flat.v[row];
    struct style hot = theme_style(&app->theme, row == p->hit ? THEME_COPY_SELECTION : THEME_MATCH);
    size_t n = strlen(p->needle);
    for (long at = pager_text_match(text, p->needle, 0); at >= 0;
         at = pager_text_match(text, p->needle, (size_t)at + n)) {
        int from = utf8_columns(text, (size_t)at), cols = utf8_columns(text + at, n);
        struct style st = {.fg = hot.fg, .bg = row == p->hit ? hot.bg : SURFACE_KEEP, .attrs = hot.attrs};
        surface_tint(s, (struct rect){x + from, y, cols, 1}, st);
    }
}

/* One wrapped row. */
static void draw_row(const struct app *app, const struct pager *p, struct surface *s, int x, int y, size_t row)
{
    const struct pager_text *t = p->text;
    const struct pager_line *l = &t->lines[t->line[row]];
    const char *text = t->flat.v[row];
    bool first = row == 0 || t->line[row - 1] != t->line[row];
    surface_text(s, x, y, t->cols, theme_on(&app->theme, l->role, THEME_DIALOG), text);
    if (l->key_cols && first) {
        struct style key = theme_on(&app->theme, THEME_KEY, THEME_DIALOG);
        surface_tint(s, (struct rect){x, y, l->key_cols, 1}, key);
    }
    const char *shown = l->link ? strstr(text, l->link) : NULL;
    if (shown) {
        struct rect at = {x + utf8_columns(text, (size_t)(shown - text)), y, (int)strlen(l->link), 1};
        surface_tint(s, at, (struct style){SURFACE_KEEP, SURFACE_KEEP, (uint16_t)(CELL_UL_SINGLE << CELL_UL_SHIFT)});
        surface_link(s, at, l->link);
    }
    if (p->needle[0]) {
        light(app, p, s, x, y, row);
    }
}

/* What stands in the lower edge: a note, the place in the text. */
static void draw_foot(const struct app *app, const struct pager *p, struct surface *s, struct rect r, size_t top,
                      int rows)
{
    struct style dim = theme_on(&app->theme, THEME_DIM, THEME_DIALOG);
    size_t count = p->text->flat.len;
    int end = r.x + r.w - 2, y = r.y + r.h - 1;
    if (count > (size_t)rows) {
        char where[48];
        str_format(where, sizeof(where), " %zu-%zu of %zu ", top + 1, MT_MIN(top + (size_t)rows, count), count);
        end = surface_text_right(s, end, y, r.w - 4, dim, where) - 1;
    }
    const char *note = p->note ? p->note : "", *state = !p->follow ? "" : p->to_end ? "following" : "standing still";
    bool both = *note && *state && p->owner && p->owner->find; /* a part of something that is followed */
    state = *note && !both ? "" : state;
    if ((*note || *state) && end - r.x > 6) {
        surface_textf(s, r.x + 2, y, end - r.x - 2, dim, " %s%s%s ", state, both ? ", " : "", note);
    }
}

/* overlay_ops.draw */
static void draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct pager *p = (const struct pager *)o;
    struct rect r = place(p, whole);
    struct style st = theme_style(&app->theme, THEME_DIALOG);
    struct style border = theme_on(&app->theme, THEME_BORDER_FOCUS, THEME_DIALOG);
    surface_fill(s, r, st);
    surface_frame(s, r, border, p->title, theme_style(&app->theme, THEME_DIALOG_TITLE));
    int rows = rows_in(p, r), x = r.x + margin(whole), y0 = r.y + (r.h - rows) / 2;
    size_t top = clamp_top(p, rows), count = p->text->flat.len;
    struct rect old = surface_clip(s, (struct rect){r.x + 1, r.y + 1, r.w - 2, r.h - 2});
    for (int y = 0; y < rows && top + (size_t)y < count; y++) {
        draw_row(app, p, s, x, y0 + y, top + (size_t)y);
    }
    if (count == 0 && p->empty) {
        surface_text(s, x, y0, p->text->cols, theme_on(&app->theme, THEME_DIM, THEME_DIALOG), p->empty);
    }
    surface_unclip(s, old);
    draw_foot(app, p, s, r, top, rows);
}

/* --- moving --- */

/* Scrolls by lines; reaching the end of what is followed follows it again. */
static void scroll_by(struct app *app, struct pager *p, long delta)
{
    int rows = rows_now(app, p);
    size_t top = clamp_top(p, rows);
    p->to_end = false;
    p->top = delta < 0 ? (top > (size_t)-delta ? top - (size_t)-delta : 0) : top + (size_t)delta;
    p->top = clamp_top(p, rows);
    bool at_end = p->top + (size_t)rows >= p->text->flat.len;
    p->to_end = p->follow && delta > 0 && at_end;
    if (p->owner && p->owner->more && ((delta < 0 && p->top == 0) || (delta > 0 && at_end))) {
        p->owner->more(app, p, p->arg, delta < 0);
    }
    app_dirty(app);
}

/* Goes to the next place of what is searched for. */
static void search_on(struct app *app, struct pager *p, bool back, bool here)
{
    int rows = rows_now(app, p);
    size_t top = clamp_top(p, rows);
    bool in_view = p->hit != SIZE_MAX && p->hit >= top && p->hit < top + (size_t)rows;
    size_t from = in_view ? p->hit + (back || here ? 0 : 1) : top;
    size_t at = p->needle[0] ? pager_text_find(p->text, p->needle, from, back) : SIZE_MAX;
    if (!p->needle[0]) {
        return;
    }
    bool round = at == SIZE_MAX || (back ? at >= from : at < from);
    if (round && p->owner && p->owner->find && p->owner->find(app, p, p->arg, p->needle, back)) {
        rows_now(app, p); /* wrapped anew */
        at = pager_text_find(p->text, p->needle, 0, back);
        top = SIZE_MAX;
    }
    p->hit = at;
    if (at == SIZE_MAX) {
        app_say(app, "\"%s\" is not there", p->needle);
    } else if (top == SIZE_MAX || at < top || at >= top + (size_t)rows) {
        p->to_end = false;
        p->top = at > (size_t)rows / 3 ? at - (size_t)rows / 3 : 0;
    } else {
        p->top = top;
        p->to_end = false;
    }
    app_dirty(app);
}

static void search_change(struct app *app, void *arg, const char *text, char *message, size_t cap)
{
    struct pager *p = arg;
    str_copy(p->needle, sizeof(p->needle), text);
    bool part = p->owner && p->owner->find; /* Enter looks at the rest, too */
    if (*text && !part && pager_text_find(p->text, text, 0, false) == SIZE_MAX) {
        str_copy(message, cap, "not there");
    }
    app_dirty(app);
}

static bool search_enter(struct app *app, void *arg, const char *text, char *message, size_t cap)
{
    struct pager *p = arg;
    (void)message;
    (void)cap;
    str_copy(p->needle, sizeof(p->needle), text);
    search_on(app, p, false, true);
    return true;
}

static void search_cancel(struct app *app, void *arg)
{
    struct pager *p = arg;
    p->needle[0] = '\0';
    app_dirty(app);
}

/* Asks what to search for. */
static void search(struct app *app, struct pager *p)
{
    struct prompt_opts opts = {.label = "search:",
                               .text = "",
                               .keys = "Enter search  Esc cancel",
                               .on_change = search_change,
                               .on_enter = search_enter,
                               .on_cancel = search_cancel,
                               .arg = p};
    p->hit = SIZE_MAX;
    prompt_open(app, &opts);
}

/* Keys that move in the text. True: it was one. */
static bool move_key(struct app *app, struct pager *p, struct key key)
{
    long page = MT_MAX(rows_now(app, p) - 1, 1);
    switch (key.sym) {
    case 'j':
    case KEYSYM_DOWN:
        scroll_by(app, p, 1);
        return true;
    case 'k':
    case KEYSYM_UP:
        scroll_by(app, p, -1);
        return true;
    case ' ':
    case 'f':
    case KEYSYM_PGDN:
        scroll_by(app, p, page);
        return true;
    case 'b':
    case KEYSYM_PGUP:
        scroll_by(app, p, -page);
        return true;
    case 'g':
    case KEYSYM_HOME:
        if (p->owner && p->owner->jump) {
            p->owner->jump(app, p, p->arg, true);
        }
        scroll_by(app, p, -1000000000L);
        return true;
    case 'G':
    case KEYSYM_END:
        if (p->owner && p->owner->jump) {
            p->owner->jump(app, p, p->arg, false);
        }
        p->to_end = true;
        app_dirty(app);
        return true;
    default:
        return false;
    }
}

/* overlay_ops.on_key */
static void on_key(struct app *app, struct overlay *o, struct key key)
{
    struct pager *p = (struct pager *)o;
    if ((p->owner && p->owner->on_key && p->owner->on_key(app, p, p->arg, key)) || move_key(app, p, key)) {
        return;
    }
    switch (key.sym) {
    case '/':
        search(app, p);
        break;
    case 'n':
        search_on(app, p, false, false);
        break;
    case 'N':
        search_on(app, p, true, false);
        break;
    case KEYSYM_ESCAPE:
        if (p->needle[0]) {
            p->needle[0] = '\0'; /* first what is lit, then the text */
            app_dirty(app);
            break;
        }
        overlay_close(app, o);
        break;
    case 'q':
    case KEYSYM_ENTER:
    case '?':
    case KEYSYM_F1:
        overlay_close(app, o);
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

/* overlay_ops.on_event */
static void on_event(struct app *app, struct overlay *o, const struct model_event *ev)
{
    struct pager *p = (struct pager *)o;
    if (p->owner && p->owner->on_event) {
        p->owner->on_event(app, p, p->arg, ev);
    }
}

/* overlay_ops.hints */
static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    static const struct hint table[] = {{"j/k", "scroll", 4, false},         {"Space/b", "page", 7, false},
                                        {"g/G", "top, bottom", 8, false},    {"/", "search", 5, false},
                                        {"n/N", "next, previous", 6, false}, {"Esc", "close", 0, false}};
    const struct pager *p = (const struct pager *)o;
    size_t n = p->owner && p->owner->hints ? p->owner->hints(app, p->arg, out, cap) : 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(table) && n < cap; i++) {
        if (p->needle[0] || strcmp(table[i].chord, "n/N") != 0) {
            out[n++] = table[i];
        }
    }
    return n;
}

static const struct overlay_ops pager_ops = {.name = "pager",
                                             .draw = draw,
                                             .on_key = on_key,
                                             .on_mouse = on_mouse,
                                             .on_event = on_event,
                                             .release = release,
                                             .hints = hints};

/* --- for owners --- */

struct pager *pager_show(struct app *app, const struct pager_opts *opts)
{
    struct pager *p = xcalloc(1, sizeof(*p));
    p->base.ops = &pager_ops;
    p->text = xcalloc(1, sizeof(*p->text));
    p->text->flat = STRVEC_INIT;
    p->text->most = opts->most;
    p->title = xstrdup(opts->title);
    p->to_end = opts->at_end || opts->follow;
    p->follow = opts->follow;
    p->wide = opts->wide;
    p->empty = opts->empty;
    p->owner = opts->owner;
    p->arg = opts->arg;
    p->hit = SIZE_MAX;
    pager_text_set(p->text, opts->lines, opts->count);
    overlay_push(app, &p->base);
    return p;
}

struct pager *pager_open(struct app *app, const char *title, struct pager_line *lines, size_t count, bool at_end)
{
    return pager_show(app, &(struct pager_opts){.title = title, .lines = lines, .count = count, .at_end = at_end});
}

void pager_set(struct app *app, struct pager *p, struct pager_line *lines, size_t count)
{
    pager_text_set(p->text, lines, count);
    p->hit = SIZE_MAX;
    app_dirty(app);
}

void pager_show_line(struct app *app, struct pager *p, size_t line, bool at_bottom)
{
    int rows = rows_now(app, p);
    const struct pager_text *t = p->text;
    size_t row = 0;
    while (row < t->flat.len && t->line[row] < line) {
        row++;
    }
    if (at_bottom) {
        while (row + 1 < t->flat.len && t->line[row + 1] == line) {
            row++;
        }
        row = row + 1 > (size_t)rows ? row + 1 - (size_t)rows : 0;
    }
    p->to_end = false;
    p->top = row;
    p->top = clamp_top(p, rows);
    app_dirty(app);
}

size_t pager_line_at_top(struct app *app, struct pager *p)
{
    size_t top = clamp_top(p, rows_now(app, p));
    return top < p->text->flat.len ? p->text->line[top] : 0;
}

size_t pager_line_count(const struct pager *p)
{
    return p->text->count;
}

void pager_append(struct app *app, struct pager *p, enum theme_role role, const char *text)
{
    size_t rows = p->text->flat.len;
    int cols = p->text->cols;
    pager_text_add(p->text, role, text);
    if (cols && p->text->cols == 0) { /* the oldest went: what is in view stays in view */
        pager_text_wrap(p->text, cols);
        size_t less = rows > p->text->flat.len ? rows - p->text->flat.len : 0;
        p->top = p->top > less ? p->top - less : 0;
        p->hit = SIZE_MAX;
    }
    app_dirty(app);
}

void pager_set_title(struct app *app, struct pager *p, const char *title)
{
    free(p->title);
    p->title = xstrdup(title);
    app_dirty(app);
}

void pager_set_note(struct app *app, struct pager *p, const char *note)
{
    free(p->note);
    p->note = xstrdup(note);
    app_dirty(app);
}

bool pager_at_end(const struct pager *p)
{
    return p->to_end;
}

void pager_set_follow(struct app *app, struct pager *p, bool follow)
{
    p->to_end = follow;
    if (!follow) {
        int rows = rows_now(app, p);
        size_t count = p->text->flat.len;
        p->top = count > (size_t)rows ? count - (size_t)rows : 0;
    }
    app_dirty(app);
}
