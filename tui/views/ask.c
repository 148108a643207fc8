/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/strvec.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/wrap.h"

#define ASK_WIDTH 68

struct ask {
    struct overlay base;
    struct ask_opts opts;
    char *title, *body;
    char keys[5][8]; /* names of the answers' keys, for the hints */
    size_t top;      /* the first line of the text in view */
    size_t read;     /* so many of its lines have been in view, wrapped to read_w columns */
    int read_w;
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

/* What a box shows at a size: the text's lines, the answers' lines, and where they are. */
struct ask_page {
    struct strvec body, answers;
    struct rect r;
    int pad;        /* blank lines inside the frame, above and below */
    int body_rows;  /* of the text in view */
    size_t max_top; /* how far the text can be scrolled */
    bool gap;       /* a blank line between text and answers */
};

/* Fits the box: first the blank lines go, then the text scrolls; the answers are always whole. */
static void lay_out(const struct ask *a, struct rect whole, struct ask_page *p)
{
    int w = MT_MIN(ASK_WIDTH, whole.w - 2), inner = MT_MAX(w - 6, 8);
    *p = (struct ask_page){.body = STRVEC_INIT, .answers = STRVEC_INIT};
    wrap_hanging(a->body, inner, &p->body);
    for (size_t i = 0; i < a->opts.count; i++) {
        MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
        strbuf_addf(&line, "%-6s%s", a->keys[i], a->opts.answers[i].label);
        size_t from = p->answers.len;
        const char *rest = line.buf + 6;
        MT_CLEANUP(strbuf) struct strbuf piece = STRBUF_INIT;
        for (; wrap_next(&rest, inner - 6, &piece) >= 0;) {
            strvec_pushf(&p->answers, "%-6s%s", p->answers.len == from ? a->keys[i] : "", piece.buf);
        }
    }
    strvec_pushf(&p->answers, "%-6s%s", "Esc", "leave it as it is");
    int need = (int)(p->body.len + p->answers.len) + 2, blank = MT_MAX(whole.h - need, 0);
    p->gap = blank > 0;
    p->pad = blank > 2;
    int h = MT_MIN(need + p->gap + 2 * p->pad, whole.h);
    p->r = overlay_box(whole, w, h);
    p->body_rows = MT_MAX(h - 2 - 2 * p->pad - p->gap - (int)p->answers.len, 1);
    p->max_top = p->body.len > (size_t)p->body_rows ? p->body.len - (size_t)p->body_rows : 0;
}

/* Lines of the text that have been in view, those that are now among them. */
static size_t lines_read(const struct ask *a, const struct ask_page *p)
{
    size_t now = MT_MIN(a->top, p->max_top) + (size_t)p->body_rows;
    return a->read_w == p->r.w ? MT_MAX(now, a->read) : now;
}

/* Is there something to read before the answers count? */
static bool is_unread(const struct ask *a, const struct ask_page *p)
{
    return a->opts.read_first && lines_read(a, p) < p->body.len;
}

/* Frees what lay_out() made. */
static void page_release(struct ask_page *p)
{
    strvec_release(&p->body);
    strvec_release(&p->answers);
}

/* The answers: key, words in their role. */
static void draw_answers(const struct app *app, const struct ask *a, struct surface *s, const struct ask_page *p, int y)
{
    struct style st = theme_style(&app->theme, THEME_DIALOG), ks;
    size_t at = 0;
    for (size_t i = 0; i < p->answers.len; i++) {
        at += i > 0 && p->answers.v[i][0] != ' ';
        bool off = at < a->opts.count && a->opts.answers[at].role != THEME_TEXT && is_unread(a, p);
        struct style ls = theme_style(&app->theme, at < a->opts.count && !off ? a->opts.answers[at].role : THEME_DIM);
        ks = theme_style(&app->theme, off ? THEME_DIM : THEME_KEY);
        ks.bg = ls.bg = st.bg;
        surface_textf(s, p->r.x + 3, y + (int)i, 6, ks, "%.5s", p->answers.v[i]);
        surface_text(s, p->r.x + 9, y + (int)i, p->r.w - 12, ls, p->answers.v[i] + 6);
    }
}

/* The box: title, text, answers. */
static void draw_box(const struct app *app, const struct ask *a, struct surface *s, struct rect whole)
{
    struct style st = theme_style(&app->theme, THEME_DIALOG);
    struct style title = theme_style(&app->theme, a->opts.title_role ? a->opts.title_role : THEME_DIALOG_TITLE);
    struct style border = theme_style(&app->theme, THEME_BORDER_FOCUS);
    struct ask_page p;
    lay_out(a, whole, &p);
    title.bg = border.bg = st.bg;
    surface_fill(s, p.r, st);
    surface_frame(s, p.r, border, a->title, title);
    struct rect old = surface_clip(s, (struct rect){p.r.x + 1, p.r.y + 1, p.r.w - 2, p.r.h - 2});
    int y = p.r.y + 1 + p.pad;
    size_t top = MT_MIN(a->top, p.max_top);
    for (int i = 0; i < p.body_rows && top + (size_t)i < p.body.len; i++) {
        surface_text(s, p.r.x + 3, y + i, p.r.w - 6, st, p.body.v[top + (size_t)i]);
    }
    draw_answers(app, a, s, &p, y + p.body_rows + p.gap);
    surface_unclip(s, old);
    if (p.max_top) {
        char where[48];
        str_format(where, sizeof(where),
                   is_unread(a, &p) ? " %zu-%zu of %zu: read on with Down " : " %zu-%zu of %zu: Up, Down ", top + 1,
                   top + (size_t)p.body_rows, p.body.len);
        surface_text_right(s, p.r.x + p.r.w - 2, p.r.y + p.r.h - 1, p.r.w - 4, border, where);
    }
    page_release(&p);
}

/* Moves the text, and notes what was seen of it. */
static void scroll_by(struct app *app, struct ask *a, int delta)
{
    struct ask_page p;
    lay_out(a, (struct rect){0, 0, app->cols, app->rows - 1}, &p);
    a->read = lines_read(a, &p);
    a->read_w = p.r.w;
    long top = (long)MT_MIN(a->top, p.max_top) + delta;
    a->top = (size_t)MT_MIN(MT_MAX(top, 0), (long)p.max_top);
    a->read = lines_read(a, &p);
    page_release(&p);
    app_dirty(app);
}

/* A yes to what was not read is none: the text goes on instead. */
static bool reads_on(struct app *app, struct ask *a)
{
    struct ask_page p;
    if (!a->body || !a->opts.read_first) {
        return false;
    }
    lay_out(a, (struct rect){0, 0, app->cols, app->rows - 1}, &p);
    bool unread = is_unread(a, &p);
    int page = MT_MAX(p.body_rows - 1, 1);
    page_release(&p);
    if (unread) {
        scroll_by(app, a, page);
    }
    return unread;
}

/* Scrolls the text of a box that does not fit. */
static bool scroll(struct app *app, struct ask *a, struct key key)
{
    int delta = key.sym == KEYSYM_DOWN || key.sym == 'j'   ? 1
                : key.sym == KEYSYM_UP || key.sym == 'k'   ? -1
                : key.sym == KEYSYM_PGDN || key.sym == ' ' ? 5
                : key.sym == KEYSYM_PGUP                   ? -5
                                                           : 0;
    if (!delta || key.mods || !a->body) {
        return false;
    }
    scroll_by(app, a, delta);
    return true;
}

/* The question in the bottom line, default No. */
static void draw_line(const struct app *app, const struct ask *a, struct surface *s, struct rect whole)
{
    struct style st = theme_style(&app->theme, THEME_NOTICE);
    struct rect r = {whole.x, whole.y + whole.h - 1, whole.w, 1};
    surface_fill(s, r, st);
    char keys[64];
    str_format(keys, sizeof(keys), "y %s  Esc no", a->opts.answers[0].label);
    bool room = utf8_columns(a->title, strlen(a->title)) + 8 + (int)strlen(keys) + 4 < r.w;
    if (room) {
        surface_text_right(s, r.x + r.w - 1, r.y, r.w / 2, st, keys);
    }
    int x = r.x + 1 + surface_text(s, r.x + 1, r.y, r.w - 9, st, a->title);
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
            if (a->opts.answers[i].role != THEME_TEXT && reads_on(app, a)) {
                return;
            }
            answer(app, a, a->opts.answers[i].value);
            return;
        }
    }
    if (scroll(app, a, key)) {
        return;
    }
    if (!a->body || key.sym == KEYSYM_ESCAPE || (key.sym == 'c' && key.mods == KEYMOD_CTRL) || key.sym == 'n' ||
        key.sym == 'q') {
        const char *declined = a->opts.declined;
        answer(app, a, -1);
        if (declined) {
            app_say(app, "%s", declined);
        }
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
